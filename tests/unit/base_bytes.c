// Byte spans: lines, words and numbers, with the span's end against an unreadable page,
// so that one byte read too far ends the test.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "base/base.h"

enum {
	PAGE = 4096
};

static uint8_t *fence;

// The text's bytes, without a NUL, right before memory that cannot be read.
static struct ms_bytes fenced(const char *text)
{
	size_t n = strlen(text);
	memcpy(fence - n, text, n);
	return (struct ms_bytes){ fence - n, n };
}

static int set_up_fence(void **state)
{
	(void)state;
	uint8_t *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED || mprotect(p + PAGE, PAGE, PROT_NONE) < 0)
		return -1;
	fence = p + PAGE;
	return 0;
}

static void test_decimal_numbers(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool ok;
		uint64_t value;
		const char *rest;
	} rows[] = {
		{ "0", true, 0, "" },
		{ "42 kB", true, 42, " kB" },
		{ "18446744073709551615", true, UINT64_MAX, "" },
		{ "18446744073709551616", false, 0, "18446744073709551616" },
		{ "99999999999999999999999", false, 0, "99999999999999999999999" },
		{ "000000000000000000000000000007x", true, 7, "x" },
		{ "", false, 0, "" },
		{ "-1", false, 0, "-1" },
		{ " 1", false, 0, " 1" },
		{ "a", false, 0, "a" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ms_bytes rest = fenced(rows[i].text);
		uint64_t value = 0;
		assert_int_equal(ms_bytes_dec(&rest, &value), rows[i].ok);
		assert_true(value == rows[i].value);
		assert_true(ms_bytes_is(rest, rows[i].rest));
	}
}

static void test_hexadecimal_numbers(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool ok;
		uint64_t value;
		const char *rest;
	} rows[] = {
		{ "7ffD-8000", true, 0x7ffd, "-8000" },
		{ "ffffffffffffffff", true, UINT64_MAX, "" },
		{ "10000000000000000", false, 0, "10000000000000000" },
		{ "0x12", true, 0, "x12" },
		{ "g", false, 0, "g" },
		{ "", false, 0, "" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ms_bytes rest = fenced(rows[i].text);
		uint64_t value = 0;
		assert_int_equal(ms_bytes_hex(&rest, &value), rows[i].ok);
		assert_true(value == rows[i].value);
		assert_true(ms_bytes_is(rest, rows[i].rest));
	}
}

static void expect_lines(const char *text, const char *const *lines, size_t n)
{
	struct ms_bytes rest = fenced(text), line;
	for (size_t i = 0; i < n; i++) {
		assert_true(ms_bytes_line(&rest, &line));
		assert_true(ms_bytes_is(line, lines[i]));
	}
	assert_false(ms_bytes_line(&rest, &line));
}

static void test_is_zero(void **state)
{
	uint8_t bytes[100] = { 0 };
	(void)state;
	assert_true(ms_is_zero(NULL, 0));
	assert_true(ms_is_zero(bytes, 1));
	assert_true(ms_is_zero(bytes, sizeof(bytes)));
	for (size_t i = 0; i < sizeof(bytes); i++) {
		bytes[i] = 1;
		assert_false(ms_is_zero(bytes, sizeof(bytes)));
		assert_true(ms_is_zero(bytes, i));
		bytes[i] = 0;
	}
}

static void test_lines(void **state)
{
	(void)state;
	expect_lines("", NULL, 0);
	expect_lines("\n", (const char *const[]){ "" }, 1);
	expect_lines("a", (const char *const[]){ "a" }, 1);
	expect_lines("a\n", (const char *const[]){ "a" }, 1);
	expect_lines("a\n\nb", (const char *const[]){ "a", "", "b" }, 3);
}

static void test_words(void **state)
{
	(void)state;
	struct ms_bytes rest = fenced(" \t one two\tthree "), word;
	static const char *const words[] = { "one", "two", "three" };
	for (size_t i = 0; i < 3; i++) {
		assert_true(ms_bytes_word(&rest, &word));
		assert_true(ms_bytes_is(word, words[i]));
	}
	assert_false(ms_bytes_word(&rest, &word));
}

static void test_parts(void **state)
{
	(void)state;
	struct ms_bytes b = fenced("abcdef");
	assert_true(ms_bytes_is(ms_bytes_sub(b, 2, 3), "cde"));
	assert_true(ms_bytes_is(ms_bytes_sub(b, 2, SIZE_MAX), "cdef"));
	assert_int_equal(ms_bytes_sub(b, 7, 1).n, 0);
	assert_int_equal(ms_bytes_sub(b, SIZE_MAX, SIZE_MAX).n, 0);
	assert_int_equal(ms_bytes_sub((struct ms_bytes){ NULL, 0 }, 0, 9).n, 0);
}

static void test_comparisons(void **state)
{
	(void)state;
	struct ms_bytes b = fenced("abcdef"), none = { NULL, 0 };
	assert_true(ms_bytes_starts(b, "abc"));
	assert_true(ms_bytes_starts(b, ""));
	assert_false(ms_bytes_starts(b, "abcdefg"));
	assert_true(ms_bytes_ends(b, "ef"));
	assert_false(ms_bytes_ends(b, "xabcdef"));
	assert_true(ms_bytes_has(b, "cd"));
	assert_false(ms_bytes_has(b, "ce"));
	assert_false(ms_bytes_has(none, "a"));
	assert_true(ms_bytes_is(none, ""));
	assert_true(ms_bytes_equal(none, fenced("")));
	assert_false(ms_bytes_equal(none, fenced("a")));
}

static void test_paths_and_single_bytes(void **state)
{
	(void)state;
	assert_true(ms_bytes_is(ms_bytes_basename(fenced("/usr/lib/x.so")), "x.so"));
	assert_true(ms_bytes_is(ms_bytes_basename(fenced("x.so")), "x.so"));
	assert_true(ms_bytes_is(ms_bytes_basename(fenced("/usr/")), ""));
	assert_int_equal(ms_bytes_basename((struct ms_bytes){ NULL, 0 }).n, 0);
	struct ms_bytes rest = fenced("-b");
	assert_false(ms_bytes_eat(&rest, 'b'));
	assert_true(ms_bytes_eat(&rest, '-'));
	assert_true(ms_bytes_eat(&rest, 'b'));
	assert_false(ms_bytes_eat(&rest, 'b'));
}

static void test_checked_arithmetic(void **state)
{
	(void)state;
	uint64_t v = 99;
	assert_false(ms_add(UINT64_MAX, 1, &v));
	assert_false(ms_mul(UINT64_C(1) << 32, UINT64_C(1) << 32, &v));
	assert_int_equal(ms_sum(2, 3), 5);
	assert_int_equal(ms_sum(UINT64_C(1) << 63, UINT64_C(1) << 63), UINT64_MAX);
	assert_int_equal(ms_product(6, 7), 42);
	assert_int_equal(ms_product(UINT64_C(1) << 32, UINT64_C(1) << 32), UINT64_MAX);
	assert_int_equal(ms_difference(3, UINT64_MAX), UINT64_MAX - 3);
	assert_false(ms_align_up(UINT64_MAX - 5, 4096, &v));
	assert_int_equal(v, 99);
	assert_true(ms_align_up(4097, 4096, &v));
	assert_int_equal(v, 8192);
	assert_int_equal(ms_align_down(8191, 4096), 4096);
	assert_true(ms_fits(10, 0, 10));
	assert_false(ms_fits(11, 0, 10));
	assert_false(ms_fits(1, UINT64_MAX, 10));
	assert_false(ms_fits(UINT64_MAX, UINT64_MAX, 10));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decimal_numbers),
		cmocka_unit_test(test_hexadecimal_numbers),
		cmocka_unit_test(test_is_zero),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_comparisons),
		cmocka_unit_test(test_paths_and_single_bytes),
		cmocka_unit_test(test_checked_arithmetic),
	};
	return cmocka_run_group_tests(tests, set_up_fence, NULL);
}
