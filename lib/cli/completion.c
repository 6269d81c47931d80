// Bash completion, generated. The script needs no helper functions of bash-completion.
// Bash splits words at '=', so "--color=al" arrives as three words.

#include <string.h>

#include "cli/cli_internal.h"

static void put_spellings(const struct ms_option *option, struct ms_out *out)
{
	const char *separator = "";
	if (option->letter && !option->if_absent) {
		ms_out_printf(out, "-%c", option->letter);
		separator = "|";
	}
	if (option->name)
		ms_out_printf(out, "%s--%s", separator, option->name);
}

bool ms_cli_takes_columns(const struct ms_option *option)
{
	return option->name && (strcmp(option->name, "columns") == 0 ||
				       strcmp(option->name, "sort") == 0);
}

bool ms_cli_takes_file(const struct ms_option *option)
{
	static const char *const names[] = { "FILE", "DIR", "PATH" };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(option->argument, names[i]) == 0)
			return true;
	return false;
}

// One arm of `case`: how this option's argument is completed.
static void put_case(const struct ms_option *option, bool is_first, void *arg)
{
	(void)is_first;
	struct ms_out *out = arg;
	if (!option->argument)
		return;
	ms_out_str(out, "\t");
	put_spellings(option, out);
	ms_out_str(out, ") ");
	if (option->choices) {
		ms_out_str(out, "words='");
		for (const char *const *c = option->choices; *c; c++)
			ms_out_printf(out, "%s%s", **c ? *c : "", **c && c[1] ? " " : "");
		ms_out_str(out, "'");
	} else if (ms_cli_takes_columns(option)) {
		ms_out_str(out, "words=$columns list=${cur%\"${cur##*[,+-]}\"}");
	} else if (ms_cli_takes_file(option)) {
		ms_out_str(out, "COMPREPLY=($(compgen -f -- \"$cur\")); return");
	} else {
		ms_out_str(out, "return");
	}
	ms_out_str(out, " ;;\n");
}

static void put_word(const struct ms_option *option, bool is_first, void *arg)
{
	(void)is_first;
	struct ms_out *out = arg;
	if (option->name)
		ms_out_printf(out, " --%s%s", option->name,
			option->argument && !option->if_absent ? "=" : "");
	else
		ms_out_printf(out, " -%c", option->letter);
}

static void put_column_names(const struct ms_utility *utility, struct ms_out *out)
{
	for (const struct ms_column_set *const *s = utility->columns; s && *s; s++)
		for (size_t i = 0; i < (*s)->n; i++)
			ms_out_printf(out, " %s", (*s)->columns[i].name);
}

void ms_cli_describe_bash(const struct ms_utility *utility, struct ms_out *out)
{
	const char *name = utility->name;
	ms_out_printf(out,
		"# bash completion for %s, made from its option table; do not edit.\n"
		"_%s()\n{\n"
		"\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev= words= list= columns='",
		name, name);
	put_column_names(utility, out);
	ms_out_str(out,
		"'\n"
		"\t((COMP_CWORD)) && prev=${COMP_WORDS[COMP_CWORD-1]}\n"
		"\tif [[ $cur == '=' ]]; then cur=\n"
		"\telif [[ $prev == '=' ]]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi\n"
		"\tcase $prev in\n");
	ms_cli_each_option(utility, put_case, out);
	ms_out_str(out, "\tesac\n"
			"\tif [[ -z $words && $cur == -* ]]; then\n"
			"\t\twords='");
	ms_cli_each_option(utility, put_word, out);
	ms_out_printf(out,
		"'\n"
		"\telif [[ -z $words ]]; then\n"
		"\t\tCOMPREPLY=($(compgen -f -- \"$cur\"))\n"
		"\t\t[[ $cur == [0-9]* ]] && COMPREPLY+=($(cd /proc && compgen -G \"$cur*\"))\n"
		"\t\treturn\n"
		"\tfi\n"
		"\tCOMPREPLY=($(compgen -P \"$list\" -W \"$words\" -- \"${cur#\"$list\"}\"))\n"
		"\t[[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace\n"
		"}\n"
		"complete -F _%s %s\n",
		name, name);
}
