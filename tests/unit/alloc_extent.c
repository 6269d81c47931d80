// Extents that contradict each other are dropped, and whoever said so is not exact.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include "alloc/alloc_internal.h"

#define BASE 0x7f0000000000ull

static void note_drop(void *arg, const struct ms_extent *extent)
{
	*(uint64_t *)arg += ms_range_size(extent->range);
}

static void drops_what_overlaps(void **state)
{
	(void)state;
	struct ms_extent v[] = {
		{ .range = { BASE + 0x3000, BASE + 0x5000 } },
		{ .range = { BASE, BASE + 0x2000 }, .slot = 16, .n = 0x200 },
		{ .range = { BASE + 0x4000, BASE + 0x4800 } }, // within the first
		{ .range = { BASE + 0x2000, BASE + 0x2100 }, .slot = 16, .n = 17 },
	};
	struct ms_extents extents = { .v = v, .n = 4 };
	uint64_t dropped = 0;
	ms_extents_settle(&extents, note_drop, &dropped);
	assert_int_equal(extents.n, 2);
	assert_int_equal(v[0].range.start, BASE);
	assert_int_equal(v[1].range.start, BASE + 0x3000);
	assert_int_equal(dropped, 0x900);
}

static void what_is_left_out_is_not_exact(void **state)
{
	(void)state;
	struct ms_alloc_instance row = { .allocator = "jemalloc" };
	struct ms_alloc alloc = { .instances = { &row, 1, 1 } };
	ms_alloc_stamp(&alloc, 0, 0, NULL);
	assert_int_equal(row.grade, MS_GRADE_EXACT);
	ms_alloc_leave_out(&alloc, 0, (struct ms_range){ BASE, BASE + 0x1000 });
	assert_int_equal(row.grade, MS_GRADE_STRUCTURAL);
	assert_int_equal(row.off, 0x1000);
	assert_string_not_equal(row.reason, "");
	ms_alloc_stamp(&alloc, 0, UINT64_MAX, "why");
	ms_alloc_leave_out(&alloc, 0, (struct ms_range){ BASE, BASE + 0x1000 });
	assert_int_equal(row.off, UINT64_MAX);
	assert_string_equal(row.reason, "why");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(drops_what_overlaps),
		cmocka_unit_test(what_is_left_out_is_not_exact),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
