// The option parser, on GNU's syntax and on every way to get it wrong.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/base.h"
#include "cli/option.h"

enum {
	WORDS = 12
};

struct options {
	bool all, pages;
	int radix;
	uint64_t minimum, limit, wait;
	int color;
	const char *file;
	char encoding;
	struct ms_strings exclude;
};

static struct ms_error *take_encoding(
	void *options, const struct ms_option *option, const char *argument)
{
	(void)option;
	if (strlen(argument) != 1)
		return ms_error_new(MS_ERROR_USAGE, "'%s' is no encoding", argument);
	((struct options *)options)->encoding = *argument;
	return NULL;
}

static const char *const when[] = { "auto", "always", "never", NULL };

static const struct ms_option table[] = {
	{ 'a', "all", NULL, "", .kind = MS_OPTION_FLAG, MS_TO(struct options, all) },
	{ 0, "no-pager", NULL, "", .kind = MS_OPTION_CLEAR,
		MS_TO(struct options, pages) },
	{ 'o', NULL, NULL, "", .kind = MS_OPTION_SET, MS_TO(struct options, radix),
		.value = 8 },
	{ 'x', NULL, NULL, "", .kind = MS_OPTION_SET, MS_TO(struct options, radix),
		.value = 16 },
	{ 'n', "bytes", "MIN", "", .kind = MS_OPTION_COUNT,
		MS_TO(struct options, minimum), .is_digits = true },
	{ 'l', "limit", "SIZE", "", .kind = MS_OPTION_SIZE,
		MS_TO(struct options, limit) },
	{ 0, "wait", "TIME", "", .kind = MS_OPTION_DURATION,
		MS_TO(struct options, wait) },
	{ 'c', "color", "WHEN", "", .kind = MS_OPTION_CHOICE,
		MS_TO(struct options, color), .choices = when, .if_absent = "always" },
	{ 0, "columns", "LIST", "", .kind = MS_OPTION_STRING,
		MS_TO(struct options, file) },
	{ 'f', "file", "FILE", "", .kind = MS_OPTION_STRING,
		MS_TO(struct options, file) },
	{ 'e', "encoding", "E", "", .kind = MS_OPTION_CALL, .call = take_encoding },
	{ 0, "exclude", "NAME", "", .kind = MS_OPTION_REPEATED,
		MS_TO(struct options, exclude) },
	{ 'h', "help", NULL, "", .kind = MS_OPTION_HELP },
	{ 0, "introspect-cli", "FORM", "", .kind = MS_OPTION_INTROSPECT,
		.if_absent = "json", .is_hidden = true },
};

static const struct ms_option_list list = {
	.tables = { table },
	.n = { sizeof(table) / sizeof(table[0]) },
};

struct outcome {
	struct options options;
	struct ms_parsed parsed;
	struct ms_error *err;
};

static void parse(const char *const *words, bool stops, struct outcome *ret)
{
	static char storage[WORDS][64];
	char *argv[WORDS + 1] = { storage[0] };
	int argc = 1;
	for (; *words; words++, argc++) {
		strcpy(storage[argc], *words);
		argv[argc] = storage[argc];
	}
	*ret = (struct outcome){ .options = { .pages = true, .minimum = 4 } };
	ret->err =
		ms_options_parse(&list, argc, argv, stops, &ret->options, &ret->parsed);
}

static void release(struct outcome *outcome)
{
	ms_error_free(outcome->err);
	ms_array_deinit(&outcome->parsed.operands);
	ms_options_release(&list, &outcome->options);
}

static void test_values(void **state)
{
	(void)state;
	static const struct {
		const char *words[WORDS];
		struct options want;
		size_t operands;
	} cases[] = {
		{ { "x" }, { .pages = true, .minimum = 4 }, 1 },
		{ { "-n", "5" }, { .pages = true, .minimum = 5 }, 0 },
		{ { "-n5" }, { .pages = true, .minimum = 5 }, 0 },
		{ { "-10" }, { .pages = true, .minimum = 10 }, 0 },
		{ { "-a10o" }, { .pages = true, .minimum = 10, .all = true, .radix = 8 },
			0 },
		{ { "--bytes=6", "f", "-a", "g" },
			{ .pages = true, .minimum = 6, .all = true }, 2 },
		{ { "--bytes", "6" }, { .pages = true, .minimum = 6 }, 0 },
		{ { "--by", "6" }, { .pages = true, .minimum = 6 }, 0 },
		{ { "-oxa" }, { .pages = true, .minimum = 4, .radix = 16, .all = true },
			0 },
		{ { "-ael" },
			{ .pages = true, .minimum = 4, .all = true, .encoding = 'l' },
			0 },
		{ { "-e", "b" }, { .pages = true, .minimum = 4, .encoding = 'b' }, 0 },
		{ { "--no-pager" }, { .minimum = 4 }, 0 },
		{ { "-l", "64K" }, { .pages = true, .minimum = 4, .limit = 65536 }, 0 },
		{ { "--limit=3MiB" }, { .pages = true, .minimum = 4, .limit = 3 << 20 },
			0 },
		{ { "--wait=500ms" }, { .pages = true, .minimum = 4, .wait = 500000000 },
			0 },
		{ { "--color" }, { .pages = true, .minimum = 4, .color = 1 }, 0 },
		{ { "--color", "never" }, { .pages = true, .minimum = 4, .color = 1 },
			1 },
		{ { "--color=never" }, { .pages = true, .minimum = 4, .color = 2 }, 0 },
		{ { "--color=n" }, { .pages = true, .minimum = 4, .color = 2 }, 0 },
		{ { "-ca" }, { .pages = true, .minimum = 4, .color = 1, .all = true },
			0 },
		{ { "--", "-a", "--" }, { .pages = true, .minimum = 4 }, 2 },
		{ { "-" }, { .pages = true, .minimum = 4 }, 1 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct outcome got;
		parse(cases[i].words, false, &got);
		if (got.err)
			print_error("case %zu: %s\n", i, got.err->message);
		assert_null(got.err);
		assert_memory_equal(&got.options, &cases[i].want, sizeof(got.options));
		assert_int_equal(got.parsed.operands.n, cases[i].operands);
		release(&got);
	}
}

static void test_refusals(void **state)
{
	(void)state;
	static const struct {
		const char *words[WORDS];
		const char *message, *hint;
	} cases[] = {
		{ { "-n" }, "option '-n' needs a MIN", NULL },
		{ { "--bytes" }, "option '--bytes' needs a MIN", NULL },
		{ { "-nx" }, "-n: 'x' is not a number", NULL },
		{ { "--bytes=" }, "--bytes: '' is not a number", NULL },
		{ { "-99999999999999999999" },
			"-NUMBER: '99999999999999999999' is not a number", NULL },
		{ { "-n-1" }, "-n: '-1' is not a number", NULL },
		{ { "-l", "5X" }, "-l: '5X' is not a size like 4096, 64K or 3MiB", NULL },
		{ { "--wait=1y" }, "--wait: '1y' is not a time like 500ms, 5s, 2m or 1h",
			NULL },
		{ { "-Z" }, "unknown option '-Z'", NULL },
		{ { "--colr" }, "unknown option '--colr'", "did you mean '--color'?" },
		{ { "--frobnicate" }, "unknown option '--frobnicate'", NULL },
		{ { "--col=x" }, "option '--col' is ambiguous",
			"it may be --color or --columns" },
		{ { "--introspect" }, "unknown option '--introspect'", NULL },
		{ { "--all=yes" }, "option '--all' takes no argument", NULL },
		{ { "--color=sometimes" }, "--color: 'sometimes' is none of its values",
			"they are auto, always and never" },
		{ { "--color=nevr" }, "--color: 'nevr' is none of its values",
			"did you mean 'never'?" },
		{ { "--color=a" }, "--color: 'a' is none of its values",
			"they are auto, always and never" },
		{ { "--color=" }, "--color: '' is none of its values",
			"they are auto, always and never" },
		{ { "-e", "xx" }, "-e: 'xx' is no encoding", NULL },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct outcome got;
		parse(cases[i].words, false, &got);
		assert_true(ms_error_is(got.err, MS_ERROR_USAGE));
		assert_string_equal(got.err->message, cases[i].message);
		assert_string_equal(got.err->hint ?: "", cases[i].hint ?: "");
		release(&got);
	}
}

static void test_repeated(void **state)
{
	(void)state;
	static const char *const words[] = { "--exclude=a", "pid", "--exclude", "b",
		NULL };
	struct outcome got;
	parse(words, false, &got);
	assert_null(got.err);
	assert_int_equal(got.options.exclude.n, 2);
	assert_string_equal(got.options.exclude.v[0], "a");
	assert_string_equal(got.options.exclude.v[1], "b");
	assert_string_equal(got.parsed.operands.v[0], "pid");
	release(&got);
}

static void test_commands(void **state)
{
	(void)state;
	static const char *const stops[] = { "-a", "java", "-n", "x", "--", NULL };
	static const char *const dashes[] = { "7", "--", "java", "-n", NULL };
	struct outcome got;
	parse(stops, true, &got);
	assert_null(got.err);
	assert_true(got.options.all);
	assert_int_equal(got.parsed.operands.n, 4);
	assert_string_equal(got.parsed.operands.v[1], "-n");
	release(&got);
	parse(dashes, false, &got);
	assert_null(got.err);
	assert_int_equal(got.parsed.operands.n, 3);
	assert_int_equal(got.parsed.n_before_dashes, 1);
	release(&got);
}

// --help wins over what comes after it, right or wrong, but not over an error before it.
static void test_actions(void **state)
{
	(void)state;
	static const char *const help[] = { "-ah", "--nonsense", NULL };
	static const char *const late[] = { "--nonsense", "--help", NULL };
	static const char *const hidden[] = { "--introspect-cli", NULL };
	struct outcome got;
	parse(help, false, &got);
	assert_null(got.err);
	assert_int_equal(got.parsed.action->kind, MS_OPTION_HELP);
	release(&got);
	parse(late, false, &got);
	assert_non_null(got.err);
	release(&got);
	parse(hidden, false, &got);
	assert_null(got.err);
	assert_int_equal(got.parsed.action->kind, MS_OPTION_INTROSPECT);
	assert_string_equal(got.parsed.action_argument, "json");
	release(&got);
}

static void test_durations(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool is_good;
		uint64_t ns;
	} cases[] = {
		{ "5", true, 5000000000 },
		{ "0", true, 0 },
		{ "250ms", true, 250000000 },
		{ "2m", true, 120000000000 },
		{ "1h", true, 3600000000000 },
		{ "", false, 0 },
		{ "s", false, 0 },
		{ "5 s", false, 0 },
		{ "-1", false, 0 },
		{ "99999999999h", false, 0 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t ns = 0;
		assert_int_equal(ms_duration_parse(cases[i].text, &ns), cases[i].is_good);
		assert_int_equal(ns, cases[i].ns);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_repeated),
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_actions),
		cmocka_unit_test(test_durations),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
