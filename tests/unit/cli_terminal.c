// What the environment decides: colour and the character set.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/cli_internal.h"

static const char *const *environment; // name, value, name, value, NULL

static const char *get(const char *name)
{
	for (const char *const *e = environment; *e; e += 2)
		if (strcmp(e[0], name) == 0)
			return e[1];
	return NULL;
}

static void test_color(void **state)
{
	(void)state;
	static const struct {
		const char *env[9];
		enum ms_when when;
		bool is_tty, want;
	} cases[] = {
		{ { "TERM", "xterm" }, MS_WHEN_AUTO, true, true },
		{ { "TERM", "xterm" }, MS_WHEN_AUTO, false, false },
		{ { "TERM", "dumb" }, MS_WHEN_AUTO, true, false },
		{ { NULL }, MS_WHEN_AUTO, true, false },
		{ { "TERM", "xterm", "NO_COLOR", "1" }, MS_WHEN_AUTO, true, false },
		{ { "TERM", "xterm", "NO_COLOR", "" }, MS_WHEN_AUTO, true, true },
		{ { "FORCE_COLOR", "1" }, MS_WHEN_AUTO, false, true },
		{ { "CLICOLOR_FORCE", "1" }, MS_WHEN_AUTO, false, true },
		{ { "TERM", "xterm", "FORCE_COLOR", "0" }, MS_WHEN_AUTO, true, false },
		{ { "NO_COLOR", "1", "FORCE_COLOR", "1" }, MS_WHEN_AUTO, true, false },
		{ { "NO_COLOR", "1" }, MS_WHEN_ALWAYS, false, true },
		{ { "FORCE_COLOR", "1", "TERM", "xterm" }, MS_WHEN_NEVER, true, false },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		environment = cases[i].env;
		assert_int_equal(
			ms_terminal_has_color(cases[i].when, cases[i].is_tty, get),
			cases[i].want);
	}
}

static void test_character_set(void **state)
{
	(void)state;
	static const struct {
		const char *env[9];
		bool want;
	} cases[] = {
		{ { NULL }, false },
		{ { "LANG", "C" }, false },
		{ { "LANG", "de_DE.UTF-8" }, true },
		{ { "LANG", "C.utf8" }, true },
		{ { "LANG", "de_DE.UTF-8", "LC_ALL", "C" }, false },
		{ { "LANG", "C", "LC_CTYPE", "C.UTF-8" }, true },
		{ { "LC_ALL", "", "LANG", "en_US.UTF-8" }, true },
		{ { "LANG", "de_DE.ISO-8859-1" }, false },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		environment = cases[i].env;
		assert_int_equal(ms_terminal_is_utf8(get), cases[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_color),
		cmocka_unit_test(test_character_set),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
