// Completion for fish and zsh, from the same tables as bash's.

#include <string.h>

#include "cli/cli_internal.h"

// Text within single quotes; `escape` goes before the characters in `special`.
static void put_quoted(
	struct ms_out *out, struct ms_bytes text, const char *special, const char *quote)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = (char)text.p[i];
		if (c == '\'')
			ms_out_str(out, quote);
		else if (strchr(special, c))
			ms_out_printf(out, "\\%c", c);
		else
			ms_out_char(out, c);
	}
}

static void put_help(struct ms_out *out, const struct ms_option *option,
	const char *special, const char *quote)
{
	_cleanup_out_ struct ms_out help;
	ms_out_init(&help, -1);
	ms_cli_option_help(option, &help);
	put_quoted(out, ms_out_bytes(&help), special, quote);
}

static void put_choices(struct ms_out *out, const struct ms_option *option)
{
	const char *separator = "";
	for (const char *const *c = option->choices; *c; c++) {
		if (!**c)
			continue;
		ms_out_printf(out, "%s%s", separator, *c);
		separator = " ";
	}
}

static void put_columns(struct ms_out *out, const struct ms_utility *utility)
{
	const char *separator = "";
	for (const struct ms_column_set *const *s = utility->columns; s && *s; s++) {
		for (size_t i = 0; i < (*s)->n; i++) {
			ms_out_printf(out, "%s%s", separator, (*s)->columns[i].name);
			separator = " ";
		}
	}
}

struct script {
	const struct ms_utility *utility;
	struct ms_out *out;
};

static void put_fish_argument(const struct script *script, const struct ms_option *option)
{
	struct ms_out *out = script->out;
	const char *requires = option->if_absent ? "" : " -r";
	if (option->choices) {
		ms_out_printf(out, "%s -f -a '", requires);
		put_choices(out, option);
		ms_out_char(out, '\'');
	} else if (ms_cli_takes_columns(option)) {
		ms_out_printf(out, "%s -f -a '(__fish_append , ", requires);
		put_columns(out, script->utility);
		ms_out_str(out, ")'");
	} else {
		ms_out_printf(
			out, "%s%s", requires, ms_cli_takes_file(option) ? " -F" : " -f");
	}
}

static void put_fish(const struct ms_option *option, bool is_first, void *arg)
{
	(void)is_first;
	const struct script *script = arg;
	struct ms_out *out = script->out;
	ms_out_printf(out, "complete -c %s", script->utility->name);
	if (option->letter)
		ms_out_printf(out, " -s %c", option->letter);
	if (option->name)
		ms_out_printf(out, " -l %s", option->name);
	if (option->argument)
		put_fish_argument(script, option);
	ms_out_str(out, " -d '");
	put_help(out, option, "\\", "\\'");
	ms_out_str(out, "'\n");
}

void ms_cli_describe_fish(const struct ms_utility *utility, struct ms_out *out)
{
	struct script script = { utility, out };
	ms_out_printf(out,
		"# fish completion for %s, made from its option table; do not edit.\n"
		"complete -c %s -a '(__fish_complete_pids)'\n",
		utility->name, utility->name);
	ms_cli_each_option(utility, put_fish, &script);
}

static void put_zsh_argument(const struct script *script, const struct ms_option *option)
{
	struct ms_out *out = script->out;
	ms_out_printf(out, "%s%s:", option->if_absent ? "::" : ":", option->argument);
	if (option->choices) {
		ms_out_char(out, '(');
		put_choices(out, option);
		ms_out_char(out, ')');
	} else if (ms_cli_takes_columns(option)) {
		ms_out_str(out, "_sequence compadd - ");
		put_columns(out, script->utility);
	} else if (ms_cli_takes_file(option)) {
		ms_out_str(out, "_files");
	}
}

// One specification of _arguments for one spelling of an option.
static void put_zsh_spelling(
	const struct script *script, const struct ms_option *option, bool is_long)
{
	struct ms_out *out = script->out;
	const char *repeats = option->kind == MS_OPTION_REPEATED ? "*" : "";
	ms_out_printf(out, " \\\n\t\t'%s", repeats);
	if (is_long)
		ms_out_printf(out, "--%s", option->name);
	else
		ms_out_printf(out, "-%c", option->letter);
	bool has_argument = option->argument && (is_long || !option->if_absent);
	if (has_argument)
		ms_out_str(out, !is_long ? "+" : option->if_absent ? "=-" : "=");
	ms_out_char(out, '[');
	put_help(out, option, "\\[]", "'\\''");
	ms_out_char(out, ']');
	if (has_argument)
		put_zsh_argument(script, option);
	ms_out_char(out, '\'');
}

static void put_zsh(const struct ms_option *option, bool is_first, void *arg)
{
	(void)is_first;
	if (option->letter)
		put_zsh_spelling(arg, option, /* is_long= */ false);
	if (option->name)
		put_zsh_spelling(arg, option, /* is_long= */ true);
}

void ms_cli_describe_zsh(const struct ms_utility *utility, struct ms_out *out)
{
	struct script script = { utility, out };
	ms_out_printf(out,
		"#compdef %s\n"
		"# zsh completion for %s, made from its option table; do not edit.\n"
		"_%s()\n{\n\t_arguments -s -S",
		utility->name, utility->name, utility->name);
	ms_cli_each_option(utility, put_zsh, &script);
	ms_out_printf(out,
		" \\\n\t\t'*:target: _alternative processes\\:process\\:_pids files\\:file\\:_files'\n"
		"}\n_%s \"$@\"\n",
		utility->name);
}
