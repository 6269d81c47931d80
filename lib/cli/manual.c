// The sections of a man page that come from the tables. A line `@NAME@` begins a section;
// the build puts it where the hand-written page says `@NAME@`.

#include <string.h>

#include "cli/cli_internal.h"

// Text for roff: a hyphen is a minus, so that options can be copied; what begins a line
// with a dot or quote is no request.
static void put_roff(struct ms_out *out, struct ms_bytes text, bool is_line_start)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = (char)text.p[i];
		if (is_line_start && i == 0 && (c == '.' || c == '\''))
			ms_out_str(out, "\\&");
		if (c == '-')
			ms_out_str(out, "\\-");
		else if (c == '\\')
			ms_out_str(out, "\\e");
		else
			ms_out_char(out, c);
	}
}

static void put_roff_text(struct ms_out *out, const char *text)
{
	put_roff(out, ms_bytes_of(text), /* is_line_start= */ false);
}

static void put_spelling(struct ms_out *out, const struct ms_option *option)
{
	if (option->letter)
		ms_out_printf(
			out, "\\fB\\-%c\\fR%s", option->letter, option->name ? ", " : "");
	if (option->name) {
		ms_out_str(out, "\\fB\\-\\-");
		put_roff_text(out, option->name);
		ms_out_str(out, "\\fR");
	}
	if (!option->argument)
		return;
	ms_out_str(out, option->if_absent ? "[=" : option->name ? "=" : " ");
	ms_out_printf(out, "\\fI%s\\fR", option->argument);
	ms_out_str(out, option->if_absent ? "]" : "");
}

static void put_option(const struct ms_option *option, bool is_first, void *arg)
{
	struct ms_out *out = arg;
	_cleanup_out_ struct ms_out help;
	ms_out_init(&help, -1);
	if (is_first)
		ms_out_printf(out, ".SS %s\n", ms_cli_group(option));
	ms_out_str(out, ".TP\n");
	put_spelling(out, option);
	ms_out_char(out, '\n');
	ms_cli_option_help(option, &help);
	put_roff(out, ms_out_bytes(&help), /* is_line_start= */ true);
	ms_out_str(out, ".\n");
}

static void put_column(struct ms_out *out, const struct ms_column *column)
{
	ms_out_str(out, ".TP\n\\fB");
	put_roff_text(out, column->name);
	ms_out_printf(out, "\\fR (%s%s)\n", ms_column_type_name(column->type),
		column->is_default ? ", default" : "");
	put_roff(out, ms_bytes_of(column->help), /* is_line_start= */ true);
	if (column->key)
		ms_out_printf(out, "; JSON: \\fI%s\\fR", column->key);
	ms_out_str(out, ".\n");
}

static void put_synopsis(const struct ms_utility *utility, struct ms_out *out)
{
	ms_out_str(out, "@SYNOPSIS@\n");
	for (const char *const *line = utility->usage; *line; line++) {
		ms_out_str(out, *line == *utility->usage ? "" : ".br\n");
		ms_out_printf(out, "\\fB%s\\fR ", utility->name);
		put_roff_text(out, *line);
		ms_out_char(out, '\n');
	}
}

static void put_examples(const struct ms_utility *utility, struct ms_out *out)
{
	ms_out_str(out, "@EXAMPLES@\n");
	for (const struct ms_cli_example *e = utility->examples; e && e->command; e++) {
		ms_out_str(out, ".TP\n\\fB");
		put_roff_text(out, e->command);
		ms_out_str(out, "\\fR\n");
		put_roff(out, ms_bytes_of(e->meaning), /* is_line_start= */ true);
		ms_out_str(out, ".\n");
	}
}

static bool has_option(const struct ms_utility *utility, const char *name)
{
	for (size_t i = 0; i < utility->n_options; i++)
		if (utility->options[i].name &&
			strcmp(utility->options[i].name, name) == 0)
			return true;
	return false;
}

// What this room reads of the environment, as far as the utility's options concern it.
static void put_environment(const struct ms_utility *utility, struct ms_out *out)
{
	static const struct {
		const char *option, *text;
	} entries[] = {
		{ "color",
			".TP\n.BR NO_COLOR \", \" FORCE_COLOR \", \" CLICOLOR_FORCE \", \" TERM\n"
			"Set and not empty, the first one forbids colour, the next two "
			"force it; without them it is used on a terminal that is not "
			"\\(lqdumb\\(rq.\n" },
		{ "no-pager", ".TP\n.BR PAGER \", \" LESS\n"
			      "The pager, \\(lqless\\(rq if not set; none if empty or "
			      "\\(lqcat\\(rq. LESS is \\(lqFRX\\(rq if not set.\n" },
		{ NULL, ".TP\n.BR LC_ALL \", \" LC_CTYPE \", \" LANG\n"
			"Where they do not name UTF\\-8, other characters than ASCII are "
			"escaped. JSON does not depend on them.\n" },
	};
	ms_out_str(out, "@ENVIRONMENT@\n");
	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++)
		if (!entries[i].option || has_option(utility, entries[i].option))
			ms_out_str(out, entries[i].text);
}

void ms_cli_describe_man(const struct ms_utility *utility, struct ms_out *out)
{
	put_synopsis(utility, out);
	ms_out_str(out, "@NAME@\n");
	ms_out_printf(out, "%s \\- ", utility->name);
	put_roff_text(out, utility->summary);
	ms_out_str(out, "\n@OPTIONS@\n");
	ms_cli_each_option(utility, put_option, out);
	ms_out_str(out, "@COLUMNS@\n");
	for (const struct ms_column_set *const *s = utility->columns; s && *s; s++) {
		if (utility->columns[1])
			ms_out_printf(out, ".SS %s: %s\n", (*s)->name, (*s)->help);
		for (size_t i = 0; i < (*s)->n; i++)
			put_column(out, &(*s)->columns[i]);
	}
	put_environment(utility, out);
	put_examples(utility, out);
	ms_out_printf(out, "@VERSION@\n%s\n", MS_VERSION);
}
