// The tables as data: JSON for tests and tools, bash completion, sections of a man page.

#include <string.h>

#include "cli/cli_internal.h"

static void add_text(struct ms_json *json, const char *key, const char *text)
{
	ms_json_add(json, key, ms_json_text(text));
}

static void add_choices(struct ms_json *json, const struct ms_option *option)
{
	ms_json_begin(json, "choices", '[');
	for (const char *const *c = option->choices; c && *c; c++)
		if (**c)
			add_text(json, NULL, *c);
	ms_json_end(json);
}

static void add_option(const struct ms_option *option, bool is_first, void *arg)
{
	(void)is_first;
	struct ms_json *json = arg;
	char letter[] = { option->letter, '\0' };
	ms_json_begin_row(json, NULL, '{');
	add_text(json, "letter", option->letter ? letter : NULL);
	add_text(json, "name", option->name);
	add_text(json, "argument", option->argument);
	ms_json_add(json, "is_optional", json_boolean(option->if_absent));
	ms_json_add(json, "is_digits", json_boolean(option->is_digits));
	add_text(json, "group", ms_cli_group(option));
	add_text(json, "help", option->help);
	add_choices(json, option);
	ms_json_end(json);
}

static void add_column(struct ms_json *json, const struct ms_column *column)
{
	ms_json_begin_row(json, NULL, '{');
	add_text(json, "name", column->name);
	add_text(json, "key", column->key);
	add_text(json, "type", ms_column_type_name(column->type));
	ms_json_add(json, "is_default", json_boolean(column->is_default));
	add_text(json, "help", column->help);
	ms_json_end(json);
}

static void add_column_set(struct ms_json *json, const struct ms_column_set *set)
{
	ms_json_begin(json, NULL, '{');
	add_text(json, "name", set->name);
	add_text(json, "help", set->help);
	add_text(json, "default_sort", set->default_sort);
	ms_json_begin(json, "columns", '[');
	for (size_t i = 0; i < set->n; i++)
		add_column(json, &set->columns[i]);
	ms_json_end(json);
	ms_json_end(json);
}

struct ms_error *ms_cli_describe_json(
	const struct ms_utility *utility, struct ms_out *out)
{
	struct ms_json json;
	ms_json_init(&json, out, MS_JSON_DOCUMENT);
	ms_json_begin(&json, NULL, '{');
	add_text(&json, "schema", "memsleuth/cli/1");
	add_text(&json, "utility", utility->name);
	add_text(&json, "summary", utility->summary);
	ms_json_begin(&json, "usage", '[');
	for (const char *const *line = utility->usage; *line; line++)
		add_text(&json, NULL, *line);
	ms_json_end(&json);
	ms_json_begin(&json, "options", '[');
	ms_cli_each_option(utility, add_option, &json);
	ms_json_end(&json);
	ms_json_begin(&json, "column_sets", '[');
	for (const struct ms_column_set *const *s = utility->columns; s && *s; s++)
		add_column_set(&json, *s);
	ms_json_end(&json);
	ms_json_end(&json);
	return ms_json_finish(&json);
}
