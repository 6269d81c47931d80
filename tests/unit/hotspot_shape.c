// Sizes on a JVM's command line.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "hotspot/hotspot.h"

static void last_size_counts(void **state)
{
	(void)state;
	static const struct {
		const char *command;
		size_t n;
		struct ms_java_sizes want;
	} cases[] = {
#define COMMAND(text) text, sizeof(text) - 1
		{ COMMAND("java\0-Xmx512m\0Main\0"), { .heap_max = 512ull << 20 } },
		{ COMMAND("java\0-Xmx1g\0-XX:MaxHeapSize=3000K\0"),
			{ .heap_max = 3000ull << 10 } },
		{ COMMAND("java\0-Xmx1073741824"), { .heap_max = 1ull << 30 } },
		{ COMMAND("java\0-XX:ReservedCodeCacheSize=64M\0"),
			{ .code_cache = 64ull << 20 } },
		{ COMMAND("java\0-XX:CompressedClassSpaceSize=2G\0-XX:+UseZGC\0"),
			{ .class_space = 2ull << 30, .is_zgc = true } },
		{ COMMAND("java\0-Xmxlots\0"), { .heap_max = 0 } },
		{ COMMAND("java\0-Xmx99999999999999999999g\0"), { .heap_max = 0 } },
		{ COMMAND("java\0-Xmx18446744073709551615t\0"), { .heap_max = 0 } },
		{ COMMAND(""), { .heap_max = 0 } },
		{ COMMAND("\0\0\0"), { .heap_max = 0 } },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ms_java_sizes got = ms_java_sizes_parse((struct ms_bytes){
			(const uint8_t *)cases[i].command, cases[i].n });
		assert_int_equal(got.heap_max, cases[i].want.heap_max);
		assert_int_equal(got.code_cache, cases[i].want.code_cache);
		assert_int_equal(got.class_space, cases[i].want.class_space);
		assert_int_equal(got.is_zgc, cases[i].want.is_zgc);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(last_size_counts) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
