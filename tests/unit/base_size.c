// Sizes and ranges as text.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/base.h"

static void test_sizes_for_people(void **state)
{
	(void)state;
	static const struct {
		uint64_t bytes;
		const char *size, *mib, *count;
	} rows[] = {
		{ 0, "0 B", "0.0", "0" },
		{ 1023, "1023 B", "0.0", "1,023" },
		{ 1024, "1.0 KiB", "0.0", "1,024" },
		{ 52429, "51.2 KiB", "0.1", "52,429" },
		{ 1048575, "1,024.0 KiB", "1.0", "1,048,575" },
		{ 1 << 20, "1.0 MiB", "1.0", "1,048,576" },
		{ 2040528896, "1,946.0 MiB", "1,946.0", "2,040,528,896" },
		{ UINT64_MAX, "17,592,186,044,416.0 MiB", "17,592,186,044,416.0",
			"18,446,744,073,709,551,615" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[MS_SIZE_TEXT];
		assert_string_equal(ms_size_text(rows[i].bytes, text), rows[i].size);
		assert_string_equal(ms_mib_text(rows[i].bytes, text), rows[i].mib);
		assert_string_equal(ms_count_text(rows[i].bytes, text), rows[i].count);
	}
}

static void test_sizes_that_people_write(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool ok;
		uint64_t bytes;
	} rows[] = {
		{ "0", true, 0 },
		{ "123", true, 123 },
		{ "0x10", true, 16 },
		{ "64K", true, 65536 },
		{ "64k", true, 65536 },
		{ "64KiB", true, 65536 },
		{ "64KB", true, 65536 },
		{ "3M", true, 3 << 20 },
		{ "1G", true, 1 << 30 },
		{ "2T", true, UINT64_C(2) << 40 },
		{ "16383P", true, UINT64_C(16383) << 50 },
		{ "16384P", false, 0 },
		{ "18446744073709551615", true, UINT64_MAX },
		{ "18446744073709551616", false, 0 },
		{ "", false, 0 },
		{ "K", false, 0 },
		{ "1X", false, 0 },
		{ "1Kx", false, 0 },
		{ "1KiBs", false, 0 },
		{ "-1", false, 0 },
		{ "1 K", false, 0 },
		{ "0x", false, 0 },
		{ "0x10K", false, 0 },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t bytes = 0;
		assert_int_equal(ms_size_parse(rows[i].text, &bytes), rows[i].ok);
		assert_true(bytes == rows[i].bytes);
	}
}

static void test_ranges_that_people_write(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool ok;
		struct ms_range range;
	} rows[] = {
		{ "1000-2000", true, { 0x1000, 0x2000 } },
		{ "0x1000-0x2000", true, { 0x1000, 0x2000 } },
		{ "7f00+1000", true, { 0x7f00, 0x8f00 } },
		{ "0x7f00+0x1000", true, { 0x7f00, 0x8f00 } },
		{ "0-ffffffffffffffff", true, { 0, UINT64_MAX } },
		{ "2000-1000", false, { 0, 0 } },
		{ "1000-1000", false, { 0, 0 } },
		{ "1000+0", false, { 0, 0 } },
		{ "ffffffffffffffff+2", false, { 0, 0 } },
		{ "1000", false, { 0, 0 } },
		{ "1000-", false, { 0, 0 } },
		{ "-1000", false, { 0, 0 } },
		{ "1000-2000x", false, { 0, 0 } },
		{ "1000,2000", false, { 0, 0 } },
		{ "", false, { 0, 0 } },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ms_range range = { 0, 0 };
		assert_int_equal(ms_range_parse(rows[i].text, &range), rows[i].ok);
		assert_true(range.start == rows[i].range.start);
		assert_true(range.end == rows[i].range.end);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes_for_people),
		cmocka_unit_test(test_sizes_that_people_write),
		cmocka_unit_test(test_ranges_that_people_write),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
