// --help, laid out from the tables, never wider than 80 columns.

#include <ctype.h>
#include <string.h>

#include "cli/cli_internal.h"

enum {
	WIDTH = 80,
	HELP_AT = 26
};

const char *ms_cli_group(const struct ms_option *option)
{
	return option->group ? option->group : "Options";
}

static bool is_group_seen(
	const struct ms_option_list *list, size_t before, const char *group)
{
	for (size_t i = 0; i < before; i++) {
		const struct ms_option *option = ms_option_at(list, i);
		if (!option->is_hidden && strcmp(ms_cli_group(option), group) == 0)
			return true;
	}
	return false;
}

void ms_cli_each_option(const struct ms_utility *utility,
	void (*fn)(const struct ms_option *option, bool is_first, void *arg), void *arg)
{
	struct ms_option_list list = ms_cli_options(utility);
	size_t n = ms_option_count(&list);
	for (size_t i = 0; i < n; i++) {
		const char *group = ms_cli_group(ms_option_at(&list, i));
		if (ms_option_at(&list, i)->is_hidden || is_group_seen(&list, i, group))
			continue;
		for (size_t j = i; j < n; j++) {
			const struct ms_option *option = ms_option_at(&list, j);
			if (!option->is_hidden &&
				strcmp(ms_cli_group(option), group) == 0)
				fn(option, j == i, arg);
		}
	}
}

void ms_cli_option_help(const struct ms_option *option, struct ms_out *out)
{
	ms_out_str(out, option->help);
	if (!option->choices)
		return;
	const char *separator = ": ";
	for (const char *const *choice = option->choices; *choice; choice++) {
		if (!**choice)
			continue;
		ms_out_str(out, separator);
		ms_out_str(out, *choice);
		separator = choice[1] && choice[2] ? ", " : " or ";
	}
}

// Words from `column` on; a line that is full goes on at `indent`.
static void put_wrapped(
	struct ms_out *out, struct ms_bytes text, size_t column, size_t indent)
{
	struct ms_bytes word;
	bool is_first = true;
	while (ms_bytes_word(&text, &word)) {
		if (!is_first && column + 1 + word.n > WIDTH) {
			ms_out_char(out, '\n');
			ms_out_repeat(out, ' ', indent);
			column = indent;
			is_first = true;
		}
		if (!is_first)
			ms_out_char(out, ' ');
		ms_out_write(out, word.p, word.n);
		column += word.n + !is_first;
		is_first = false;
	}
	ms_out_char(out, '\n');
}

// "  -o, --columns=LIST": how the option is written.
static void put_spelling(struct ms_out *out, const struct ms_option *option)
{
	if (option->letter)
		ms_out_printf(out, "  -%c%s", option->letter, option->name ? ", " : "");
	else
		ms_out_str(out, "      ");
	if (option->name)
		ms_out_printf(out, "--%s", option->name);
	if (!option->argument)
		return;
	ms_out_str(out, option->if_absent ? "[=" : option->name ? "=" : " ");
	ms_out_str(out, option->argument);
	ms_out_str(out, option->if_absent ? "]" : "");
}

// A term and its explanation; a term that is too long has a line of its own.
static void put_entry(struct ms_out *out, struct ms_bytes term, struct ms_bytes help)
{
	ms_out_write(out, term.p, term.n);
	if (term.n + 2 > HELP_AT) {
		ms_out_char(out, '\n');
		ms_out_repeat(out, ' ', HELP_AT);
	} else {
		ms_out_repeat(out, ' ', HELP_AT - term.n);
	}
	put_wrapped(out, help, HELP_AT, HELP_AT);
}

static void put_option(const struct ms_option *option, bool is_first, void *arg)
{
	struct ms_out *out = arg;
	_cleanup_out_ struct ms_out term, help;
	ms_out_init(&term, -1);
	ms_out_init(&help, -1);
	if (is_first)
		ms_out_printf(out, "\n%s:\n", ms_cli_group(option));
	put_spelling(&term, option);
	ms_cli_option_help(option, &help);
	put_entry(out, ms_out_bytes(&term), ms_out_bytes(&help));
}

static void put_columns(
	const struct ms_column_set *set, bool has_several, struct ms_out *out)
{
	_cleanup_out_ struct ms_out term;
	ms_out_init(&term, -1);
	if (has_several)
		ms_out_printf(out, "\nColumns of %s (* shown by default):\n", set->name);
	else
		ms_out_str(out, "\nColumns (* shown by default):\n");
	for (size_t i = 0; i < set->n; i++) {
		const struct ms_column *column = &set->columns[i];
		ms_out_clear(&term);
		ms_out_printf(
			&term, "  %s%s", column->name, column->is_default ? " *" : "");
		put_entry(out, ms_out_bytes(&term), ms_bytes_of(column->help));
	}
}

static void put_usage(const struct ms_utility *utility, struct ms_out *out)
{
	const char *word = "Usage:";
	for (const char *const *line = utility->usage; *line; line++) {
		ms_out_printf(out, "%s %s %s\n", word, utility->name, *line);
		word = "      ";
	}
}

void ms_cli_help(const struct ms_utility *utility, struct ms_out *out)
{
	put_usage(utility, out);
	ms_out_char(out, (char)toupper((unsigned char)*utility->summary));
	ms_out_printf(out, "%s.\n", utility->summary + 1);
	ms_cli_each_option(utility, put_option, out);
	const struct ms_column_set *const *set = utility->columns;
	for (bool has_several = set && set[0] && set[1]; set && *set; set++)
		put_columns(*set, has_several, out);
	if (utility->examples)
		ms_out_str(out, "\nExamples:\n");
	for (const struct ms_cli_example *e = utility->examples; e && e->command; e++)
		ms_out_printf(out, "  %s\n      %s\n", e->command, e->meaning);
	ms_out_printf(out, "\nThe manual has more: man %s\n", utility->name);
}
