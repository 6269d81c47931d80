// Tables: selection, order, alignment, and the same rows as a table, raw and JSON.

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/base.h"
#include "out/out.h"

struct row {
	const char *name;
	struct ms_range range;
	uint64_t rss;
	int64_t change;
	double share;
	bool is_unknown;
};

static const struct row *as_row(const void *row)
{
	return row;
}

static void get_name(const void *row, void *ctx, struct ms_cell *cell)
{
	(void)ctx;
	cell->bytes = ms_bytes_of(as_row(row)->name);
}

static void get_range(const void *row, void *ctx, struct ms_cell *cell)
{
	(void)ctx;
	cell->range = as_row(row)->range;
}

static void get_rss(const void *row, void *ctx, struct ms_cell *cell)
{
	(void)ctx;
	cell->n = as_row(row)->rss;
	cell->is_null = as_row(row)->is_unknown;
}

static void get_change(const void *row, void *ctx, struct ms_cell *cell)
{
	(void)ctx;
	cell->change = as_row(row)->change;
}

static void get_share(const void *row, void *ctx, struct ms_cell *cell)
{
	(void)ctx;
	cell->percent = as_row(row)->share;
}

static void get_made(const void *row, void *ctx, struct ms_cell *cell)
{
	ms_cell_printf(cell, "%s of %s", (const char *)ctx, as_row(row)->name);
}

static void get_start(const void *row, void *ctx, struct ms_cell *cell)
{
	(void)ctx;
	cell->n = as_row(row)->range.start;
}

static const struct ms_column columns[] = {
	{ .name = "NAME",
		.key = "name",
		.type = MS_COLUMN_TARGET,
		.is_default = true,
		.help = "its name",
		.get = get_name },
	{ .name = "RANGE",
		.key = "range",
		.type = MS_COLUMN_RANGE,
		.help = "addresses",
		.get = get_range },
	{ .name = "RSS",
		.heading = "MiB",
		.key = "resident_bytes",
		.type = MS_COLUMN_MIB,
		.is_default = true,
		.help = "resident",
		.get = get_rss },
	{ .name = "SIZE",
		.key = "size",
		.type = MS_COLUMN_BYTES,
		.help = "resident",
		.get = get_rss },
	{ .name = "CHANGE",
		.key = "change_bytes",
		.type = MS_COLUMN_CHANGE,
		.help = "growth",
		.get = get_change },
	{ .name = "SHARE",
		.heading = "%",
		.key = "share",
		.type = MS_COLUMN_PERCENT,
		.is_default = true,
		.help = "share",
		.get = get_share },
	{ .name = "BAR",
		.heading = "",
		.type = MS_COLUMN_BAR,
		.help = "share drawn",
		.get = get_share },
	{ .name = "MADE",
		.key = "made",
		.type = MS_COLUMN_TARGET,
		.is_default = true,
		.help = "made text",
		.get = get_made },
	{ .name = "START",
		.key = "start",
		.type = MS_COLUMN_ADDRESS,
		.help = "address",
		.get = get_start },
	{ .name = "COUNT",
		.key = "count",
		.type = MS_COLUMN_COUNT,
		.help = "count",
		.get = get_rss },
	{ .name = "PID",
		.key = "pid",
		.type = MS_COLUMN_NUMBER,
		.help = "number",
		.get = get_rss },
	{ .name = "YES",
		.key = "yes",
		.type = MS_COLUMN_FLAG,
		.help = "flag",
		.get = get_rss },
};
static const struct ms_column_set set = MS_COLUMN_SET("rows", "a row", columns, "-RSS");

static const struct row rows[] = {
	{ "heap", { 0x1000, 0x3000 }, 3 << 20, 4096, 30, false },
	{ "a\033[31m\tb", { 0x3000, 0x4000 }, 1234567, -1536, 60.06, false },
	{ "", { 0x4000, 0xffffffffff600000 }, 0, 0, NAN, true },
	{ "heap", { 0x400000, 0x500000 }, 3 << 20, 0, 100, false },
};

static char context[] = "made";

static void fill(struct ms_table *table)
{
	assert_null(ms_table_init(table, &set, context));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_null(ms_table_add(table, &rows[i]));
}

static void check(
	struct ms_table *table, const struct ms_table_format *format, const char *want)
{
	_cleanup_out_ struct ms_out out;
	ms_out_init(&out, -1);
	assert_null(ms_table_print(table, format, &out));
	ms_out_char(&out, '\0');
	assert_string_equal((const char *)out.buffer.p, want);
}

static const struct ms_table_format plain, raw = { .is_raw = true };

static void test_default(void **state)
{
	(void)state;
	_cleanup_table_ struct ms_table table;
	fill(&table);
	check(&table, &plain,
		"NAME         MiB     % MADE\n"
		"heap         3.0  30.0 made of heap\n"
		"heap         3.0 100.0 made of heap\n"
		"a\\x1b[31m\\tb 1.2  60.1 made of a\\x1b[31m\\tb\n"
		"               -     - made of \n");
}

static void test_raw(void **state)
{
	(void)state;
	_cleanup_table_ struct ms_table table;
	fill(&table);
	assert_null(
		ms_table_select(&table, "name,range,rss,size,change,share,bar,pid,yes"));
	check(&table, &raw,
		"NAME\tRANGE\tRSS\tSIZE\tCHANGE\tSHARE\tBAR\tPID\tYES\n"
		"heap\t1000-3000\t3145728\t3145728\t4096\t30.0\t\t3145728\tyes\n"
		"heap\t400000-500000\t3145728\t3145728\t0\t100.0\t\t3145728\tyes\n"
		"a\\x1b[31m\\tb\t3000-4000\t1234567\t1234567\t-1536\t60.1\t\t1234567\tyes\n"
		"\t4000-ffffffffff600000\t\t\t0\t\t\t\t\n");
}

static void test_human_and_exact(void **state)
{
	(void)state;
	_cleanup_table_ struct ms_table table;
	fill(&table);
	assert_null(ms_table_select(&table, "SIZE,RSS,CHANGE,COUNT,PID,START,BAR"));
	check(&table, &plain,
		"   SIZE MiB   CHANGE     COUNT     PID  START\n"
		"3.0 MiB 3.0 +4.0 KiB 3,145,728 3145728   1000 ███\n"
		"3.0 MiB 3.0      0 B 3,145,728 3145728 400000 ██████████\n"
		"1.2 MiB 1.2 -1.5 KiB 1,234,567 1234567   3000 ██████\n"
		"      -   -      0 B         -       -   4000\n");
	static const struct ms_table_format exact = {
		.is_exact = true, .no_headings = true, .indent = 2
	};
	assert_null(ms_table_select(&table, "SIZE,RSS,CHANGE"));
	check(&table, &exact,
		"  3145728 3145728  4096\n"
		"  3145728 3145728     0\n"
		"  1234567 1234567 -1536\n"
		"        -       -     0\n");
}

static void test_sort(void **state)
{
	(void)state;
	_cleanup_table_ struct ms_table table;
	fill(&table);
	assert_null(ms_table_select(&table, "START"));
	static const struct ms_table_format bare = { .no_headings = true };
	static const struct {
		const char *by, *want;
	} cases[] = {
		{ "RANGE", "  1000\n  3000\n  4000\n400000\n" },
		{ "-RANGE", "400000\n  4000\n  3000\n  1000\n" },
		{ "name,-start", "  4000\n  3000\n400000\n  1000\n" },
		{ "+rss", "  3000\n  1000\n400000\n  4000\n" }, // equal: as added; null
								// last
		{ "-RSS", "  1000\n400000\n  3000\n  4000\n" }, // null last here too
		{ "CHANGE,START", "  3000\n  4000\n400000\n  1000\n" },
		{ "-SHARE", "400000\n  3000\n  1000\n  4000\n" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_table_ struct ms_table one;
		fill(&one);
		assert_null(ms_table_select(&one, "START"));
		assert_null(ms_table_sort(&one, cases[i].by));
		check(&one, &bare, cases[i].want);
	}
}

static void test_sort_is_stable(void **state)
{
	(void)state;
	enum {
		N = 2000
	};
	struct row *many = calloc(N, sizeof(*many));
	assert_non_null(many);
	_cleanup_table_ struct ms_table table;
	assert_null(ms_table_init(&table, &set, context));
	for (size_t i = 0; i < N; i++) {
		many[i].name = i * 7 % 3 ? "b" : "a";
		many[i].range.start = i;
		assert_null(ms_table_add(&table, &many[i]));
	}
	assert_null(ms_table_sort(&table, "NAME"));
	_cleanup_out_ struct ms_out out;
	ms_out_init(&out, -1);
	assert_null(ms_table_print(&table, &raw, &out));
	for (size_t i = 1; i < N; i++) {
		const struct row *a = table.rows.v[i - 1], *b = table.rows.v[i];
		int order = strcmp(a->name, b->name);
		assert_true(order < 0 || (order == 0 && a < b));
	}
	free(many);
}

static void test_select(void **state)
{
	(void)state;
	_cleanup_table_ struct ms_table table;
	fill(&table);
	assert_null(ms_table_select(&table, "+start,yes"));
	assert_int_equal(table.shown.n, 6);
	assert_null(ms_table_select(&table, "all"));
	assert_int_equal(table.shown.n, set.n);
	assert_null(ms_table_select(&table, "YES"));
	assert_int_equal(table.shown.n, 1);
}

static void test_wrong_columns(void **state)
{
	(void)state;
	static const struct {
		const char *list, *message, *hint;
	} cases[] = {
		{ "NAME,RANG", "there is no column 'RANG'", "did you mean 'RANGE'?" },
		{ "XYZZYPLUGH", "there is no column 'XYZZYPLUGH'",
			"--list-columns prints them all" },
		{ "", "there is no column ''", "--list-columns prints them all" },
		{ "NAME,", "there is no column ''", "--list-columns prints them all" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_table_ struct ms_table table;
		fill(&table);
		_cleanup_error_ struct ms_error *err =
			ms_table_select(&table, cases[i].list);
		_cleanup_error_ struct ms_error *sort =
			ms_table_sort(&table, cases[i].list);
		assert_true(ms_error_is(err, MS_ERROR_USAGE));
		assert_true(ms_error_is(sort, MS_ERROR_USAGE));
		assert_string_equal(err->message, cases[i].message);
		assert_string_equal(err->hint, cases[i].hint);
	}
}

static void test_cut(void **state)
{
	(void)state;
	_cleanup_table_ struct ms_table table;
	fill(&table);
	assert_null(ms_table_select(&table, "START,MADE"));
	static const struct ms_table_format narrow = { .no_headings = true, .width = 19 };
	check(&table, &narrow,
		"  1000 made of heap\n"
		"400000 made of heap\n"
		"  3000 made of a\\x…\n"
		"  4000 made of \n");
}

static void test_footer(void **state)
{
	(void)state;
	static const struct row sum = { "sum", { 0, 0 }, UINT64_C(5000) << 20, 0, 100,
		false };
	_cleanup_table_ struct ms_table table;
	fill(&table);
	assert_null(ms_table_add_footer(&table, &sum));
	assert_null(ms_table_select(&table, "RSS,NAME"));
	assert_null(ms_table_sort(&table, "NAME"));
	static const struct ms_table_format bare = { .no_headings = true };
	check(&table, &bare,
		"      -\n"
		"    1.2 a\\x1b[31m\\tb\n"
		"    3.0 heap\n"
		"    3.0 heap\n"
		"5,000.0 sum\n");
}

static void test_json(void **state)
{
	(void)state;
	_cleanup_table_ struct ms_table table;
	fill(&table);
	_cleanup_out_ struct ms_out out;
	ms_out_init(&out, -1);
	struct ms_json json;
	ms_json_init(&json, &out, MS_JSON_DOCUMENT);
	assert_null(ms_table_json(&table, &json, NULL));
	assert_null(ms_json_finish(&json));
	struct ms_bytes text = ms_out_bytes(&out);
	json_t *all = json_loadb((const char *)text.p, text.n, 0, NULL);
	assert_int_equal(json_array_size(all), 4);
	json_t *third = json_array_get(all, 2), *fourth = json_array_get(all, 3);
	const char *name = json_string_value(json_object_get(third, "name"));
	assert_string_equal(name, "a\033[31m\tb");
	assert_int_equal(
		json_integer_value(json_object_get(third, "change_bytes")), -1536);
	assert_true(json_is_null(json_object_get(fourth, "resident_bytes")));
	assert_true(json_is_null(json_object_get(fourth, "share")));
	assert_string_equal(json_string_value(json_object_get(fourth, "name")), "");
	assert_string_equal(json_string_value(json_object_get(fourth, "range")),
		"0x4000-0xffffffffff600000");
	assert_int_equal(json_object_size(third), set.n - 1); // all but the bar
	json_decref(all);
}

static void test_json_lines(void **state)
{
	(void)state;
	_cleanup_table_ struct ms_table table;
	fill(&table);
	assert_null(ms_table_select(&table, "START,YES"));
	assert_null(ms_table_sort(&table, "START"));
	_cleanup_out_ struct ms_out out;
	ms_out_init(&out, -1);
	assert_null(ms_table_json_lines(&table, &out));
	ms_out_char(&out, '\0');
	assert_string_equal((const char *)out.buffer.p,
		"{\"start\": \"0x1000\", \"yes\": true}\n"
		"{\"start\": \"0x3000\", \"yes\": true}\n"
		"{\"start\": \"0x4000\", \"yes\": null}\n"
		"{\"start\": \"0x400000\", \"yes\": true}\n");
}

static void test_ascii_bar(void **state)
{
	(void)state;
	_cleanup_table_ struct ms_table table;
	fill(&table);
	assert_null(ms_table_select(&table, "BAR"));
	_cleanup_out_ struct ms_out out;
	ms_out_init(&out, -1);
	out.is_ascii = true;
	static const struct ms_table_format bare = { .no_headings = true };
	assert_null(ms_table_print(&table, &bare, &out));
	ms_out_char(&out, '\0');
	assert_string_equal((const char *)out.buffer.p, "###\n##########\n######\n\n");
}

// A write that fails is remembered; what is written after it goes nowhere.
static void test_sticky_error(void **state)
{
	(void)state;
	_cleanup_close_ int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	_cleanup_out_ struct ms_out out;
	ms_out_init(&out, fd);
	ms_out_str(&out, "lost");
	ms_out_flush(&out);
	ms_out_str(&out, "more");
	assert_int_equal(out.buffer.n, 0);
	_cleanup_error_ struct ms_error *err = ms_out_finish(&out, "standard output");
	assert_true(ms_error_is(err, MS_ERROR_OS));
	assert_int_equal(err->errnum, ENOSPC);
	assert_non_null(strstr(err->message, "standard output"));
}

// More than the buffer, in small and large pieces, arrives whole and in order.
static void test_large_output(void **state)
{
	(void)state;
	_cleanup_close_ int fd = memfd_create("out", MFD_CLOEXEC);
	assert_true(fd >= 0);
	_cleanup_out_ struct ms_out out;
	ms_out_init(&out, fd);
	enum {
		LARGE = 100000
	};
	_cleanup_free_ char *large = malloc(LARGE);
	assert_non_null(large);
	memset(large, 'x', LARGE);
	size_t total = 0;
	for (unsigned i = 0; i < 20; i++) {
		ms_out_repeat(&out, 'a', i * 1000);
		ms_out_write(&out, large, i % 3 ? LARGE : 10);
		total += i * 1000 + (i % 3 ? LARGE : 10);
	}
	assert_null(ms_out_finish(&out, "memory"));
	assert_int_equal(out.written, total);
	assert_int_equal(lseek(fd, 0, SEEK_END), total);
	char head[12];
	assert_int_equal(pread(fd, head, sizeof(head), 0), sizeof(head));
	assert_memory_equal(head, "xxxxxxxxxxaa", sizeof(head));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_default),
		cmocka_unit_test(test_raw),
		cmocka_unit_test(test_human_and_exact),
		cmocka_unit_test(test_sort),
		cmocka_unit_test(test_sort_is_stable),
		cmocka_unit_test(test_select),
		cmocka_unit_test(test_wrong_columns),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_footer),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_json_lines),
		cmocka_unit_test(test_ascii_bar),
		cmocka_unit_test(test_sticky_error),
		cmocka_unit_test(test_large_output),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
