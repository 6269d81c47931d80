// Names of functions as a linker has them, and as people read them.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include "hotspot/function.h"

static void check(const char *mangled, const char *want)
{
	char text[MS_FUNCTION_TEXT];
	ms_function_text(ms_bytes_of(mangled), text);
	assert_string_equal(text, want);
}

static void test_names(void **state)
{
	(void)state;
	check("_ZN2os6mallocEm8MEMFLAGS", "os::malloc");
	check("_Z12AllocateHeapm8MEMFLAGS", "AllocateHeap");
	check("_ZL12init_globalsv", "init_globals");
	check("_ZNK6Method4nameEv", "Method::name");
	check("_ZN10ElfSectionC2EP8_IO_FILE", "ElfSection::ElfSection");
	check("_ZN9metaspace12ChunkManager5purgeEv", "metaspace::ChunkManager::purge");
	check("Java_java_lang_Object_wait", "Java_java_lang_Object_wait");
}

static void test_others_stay(void **state)
{
	(void)state;
	check("_ZN4GrowI3intE4growEi", "_ZN4GrowI3intE4growEi");
	check("_ZN6MethodnwEm", "_ZN6MethodnwEm");
	check("_ZN", "_ZN");
	check("_Z", "_Z");
	check("_ZNE", "_ZNE");
	check("_ZNC2E", "_ZNC2E");
	check("", "");
	check("_ZN9999999999999999999999a", "_ZN9999999999999999999999a");
	check("_ZN5ab", "_ZN5ab");
	check("_Z3a\x1b"
	      "b",
		"a?b");
}

static void test_long(void **state)
{
	char mangled[600] = "_Z500", want[MS_FUNCTION_TEXT];
	(void)state;
	memset(mangled + 5, 'x', 500);
	memset(want, 'x', sizeof(want) - 1);
	want[sizeof(want) - 1] = 0;
	check(mangled, want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_others_stay),
		cmocka_unit_test(test_long),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
