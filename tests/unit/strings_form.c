// Forms: what is masked, what is not, and what kind of text it is called.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "base/base.h"
#include "strings/form.h"

static const struct {
	const char *text, *form, *kind;
} cases[] = {
	{ "", "", "word" },
	{ "AWAVAUATUH", "AWAVAUATUH", "word" },
	{ "worker-17", "worker-<num>", "word" },
	{ "worker17b3", "worker<num>b<num>", "word" },
	{ "took 3.5 ms", "took <num> ms", "text" },
	{ "version 1.2.3", "version <num>", "text" },
	{ "a 12. b", "a <num>. b", "text" },
	{ "at 0x7f12a000 now", "at <addr> now", "text" },
	{ "0X1F", "<addr>", "word" },
	{ "0x", "<num>x", "word" },
	{ "0xzz", "<num>xzz", "word" },
	{ "id=4bf92f3577b34da6a3ce929d0e0e4736", "id=<hex>", "key=value" },
	{ "deadbeef", "deadbeef", "word" },
	{ "dead123", "dead<num>", "word" },
	{ "deadbee1", "<hex>", "word" },
	{ "12345678", "<num>", "word" },
	{ "deadbee1x", "deadbee<num>x", "word" },
	{ "550e8400-e29b-41d4-a716-446655440000", "<uuid>", "word" },
	{ "550e8400-e29b-41d4-a716-4466554400001",
		"<hex>-e<num>b-<num>d<num>-a<num>-<num>", "word" },
	{ "2026-01-02T03:04:05.678Z INFO x", "<time> INFO x", "log" },
	{ "2026-01-02 03:04:05,678 WARN [main] y", "<time> WARN [main] y", "log" },
	{ "[03:04:05] started", "[<time>] started", "log" },
	{ "2026/01/02 done", "<time> done", "log" },
	{ "2026-01-02+03:04:05", "<time>+<time>", "word" },
	{ "2026-01-02T03:04:05+01:00", "<time>", "word" },
	{ "2026-01-022", "<num>-<num>-<num>", "word" },
	{ "12:30", "<num>:<num>", "word" },
	{ "ERROR cannot open", "ERROR cannot open", "log" },
	{ "TERRORIZE the cat", "TERRORIZE the cat", "text" },
	{ "from 10.0.0.1:8080 to", "from <ip>:<num> to", "text" },
	{ "10.0.0", "<num>", "word" },
	{ "10.0.0.1.5", "<num>", "word" },
	{ "1.2.3.4.", "<ip>.", "word" },
	{ "fe80::1ff:fe23:4567:890a up", "<ip> up", "text" },
	{ "2001:db8:0:0:0:0:0:1", "<ip>", "word" },
	{ "ab:cd", "ab:cd", "word" },
	{ "std::vector", "std::vector", "word" },
	{ "/usr/lib/libz.so.1", "/usr/lib/libz.so.<num>", "path" },
	{ "https://h/p?q=1", "https://h/p?q=<num>", "url" },
	{ "java.lang.String", "java.lang.String", "java" },
	{ "java/util/Map$Entry", "java/util/Map$Entry", "java" },
	{ "(Ljava/lang/String;I)V", "(Ljava/lang/String;I)V", "java" },
	{ "{\"id\":17}", "{\"id\":<num>}", "json" },
	{ "user.name=joe", "user.name=joe", "key=value" },
	{ "a==b", "a==b", "word" },
	{ "plain words here", "plain words here", "text" },
};

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char form[MS_FORM_MAX];
		enum ms_form_kind kind;
		size_t n = ms_form_make(ms_bytes_of(cases[i].text), form, &kind);
		if (!ms_bytes_is(
			    (struct ms_bytes){ (uint8_t *)form, n }, cases[i].form) ||
			strcmp(ms_form_kind_name(kind), cases[i].kind) != 0)
			fail_msg("'%s': '%.*s', %s", cases[i].text, (int)n, form,
				ms_form_kind_name(kind));
	}
}

// Any bytes: the form fits, and what has no digits is its own form.
static void test_any_bytes(void **state)
{
	static const char letters[] = "0123456789abcdefx:.- ,TZ/+=";
	(void)state;
	unsigned seed = (unsigned)time(NULL);
	print_message("seed %u\n", seed);
	for (unsigned round = 0; round < 20000; round++) {
		uint8_t text[300];
		char form[MS_FORM_MAX];
		enum ms_form_kind kind;
		size_t n = (size_t)rand_r(&seed) % sizeof(text);
		bool digits = false;
		for (size_t i = 0; i < n; i++) {
			text[i] =
				(uint8_t)(round % 2 ? letters[(size_t)rand_r(&seed) % 27]
						    : rand_r(&seed) >> 8);
			digits |= text[i] >= '0' && text[i] <= '9';
		}
		size_t form_n = ms_form_make((struct ms_bytes){ text, n }, form, &kind);
		assert_true(form_n <= MS_FORM_MAX && kind < MS_FORM_KIND_COUNT);
		for (size_t i = 0; i < form_n; i++)
			assert_false(form[i] >= '0' && form[i] <= '9');
		size_t used = n < MS_FORM_INPUT ? n : MS_FORM_INPUT;
		if (!digits && !memmem(text, n, "::", 2)) {
			assert_int_equal(form_n, used);
			assert_memory_equal(form, text, used);
		}
	}
}

// The longest form there can be.
static void test_worst_case(void **state)
{
	(void)state;
	uint8_t text[MS_FORM_INPUT];
	char form[MS_FORM_MAX];
	enum ms_form_kind kind;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i & 1 ? 'g' : '1';
	assert_int_equal(
		ms_form_make((struct ms_bytes){ text, sizeof(text) }, form, &kind),
		128 * 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_any_bytes),
		cmocka_unit_test(test_worst_case),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
