// Range lists against a bitmap: whatever order ranges come and go in, the list holds
// exactly the addresses the bitmap does, sorted, disjoint and joined.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "base/base.h"

enum {
	SPACE = 300,
	RUNS = 3000,
	STEPS = 60
};

static unsigned seed;

static uint64_t any(uint64_t below)
{
	return (uint64_t)rand_r(&seed) % below;
}

static void check_form(const struct ms_ranges *list)
{
	for (size_t i = 0; i < list->n; i++) {
		assert_true(list->v[i].start < list->v[i].end);
		if (i)
			assert_true(list->v[i - 1].end < list->v[i].start);
	}
}

static void check_content(const struct ms_ranges *list, const bool *model)
{
	uint64_t size = 0;
	for (uint64_t a = 0; a < SPACE; a++) {
		assert_int_equal(ms_ranges_has(list, a), model[a]);
		size += model[a];
		size_t i = ms_ranges_find(list, a);
		assert_true(i == list->n || list->v[i].end > a);
		assert_true(i == 0 || list->v[i - 1].end <= a);
	}
	assert_int_equal(ms_ranges_size(list), size);
}

static void change(struct ms_ranges *list, bool *model, bool adds)
{
	struct ms_range r = { any(SPACE), any(SPACE) };
	if (adds)
		assert_null(ms_ranges_add(list, r));
	else
		assert_null(ms_ranges_remove(list, r));
	for (uint64_t a = r.start; a < r.end; a++)
		model[a] = adds;
}

static void test_against_bitmap(void **state)
{
	(void)state;
	for (int run = 0; run < RUNS; run++) {
		struct ms_ranges list = { 0 };
		bool model[SPACE] = { false };
		uint64_t adds_of_ten = 2 + any(8);
		for (int i = 0; i < STEPS; i++) {
			change(&list, model, any(10) < adds_of_ten);
			check_form(&list);
		}
		check_content(&list, model);
		ms_ranges_deinit(&list);
	}
}

static void test_edges_of_the_address_space(void **state)
{
	(void)state;
	struct ms_ranges list = { 0 };
	assert_null(
		ms_ranges_add(&list, (struct ms_range){ UINT64_MAX - 1, UINT64_MAX }));
	assert_null(ms_ranges_add(&list, (struct ms_range){ 0, 1 }));
	assert_int_equal(list.n, 2);
	assert_null(ms_ranges_add(&list, (struct ms_range){ 0, UINT64_MAX }));
	assert_int_equal(list.n, 1);
	assert_true(ms_ranges_size(&list) == UINT64_MAX);
	assert_null(ms_ranges_remove(&list, (struct ms_range){ 1, UINT64_MAX - 1 }));
	assert_int_equal(list.n, 2);
	assert_true(ms_ranges_has(&list, 0));
	assert_false(ms_ranges_has(&list, 1));
	assert_true(ms_ranges_has(&list, UINT64_MAX - 1));
	ms_ranges_deinit(&list);
}

static void test_single_ranges(void **state)
{
	(void)state;
	struct ms_range r = { 10, 20 };
	assert_true(ms_range_has(r, 10));
	assert_false(ms_range_has(r, 20));
	assert_false(ms_range_overlaps(r, (struct ms_range){ 20, 30 }));
	assert_true(ms_range_overlaps(r, (struct ms_range){ 19, 30 }));
	assert_true(ms_range_covers(r, (struct ms_range){ 10, 20 }));
	assert_false(ms_range_covers(r, (struct ms_range){ 9, 20 }));
	assert_int_equal(ms_range_size(ms_range_clip(r, (struct ms_range){ 15, 99 })), 5);
	assert_int_equal(ms_range_size(ms_range_clip(r, (struct ms_range){ 30, 99 })), 0);
	assert_int_equal(ms_range_size((struct ms_range){ 20, 10 }), 0);
}

// Records that begin with their range: holes between them, before and behind.
static void records_are_found(void **state)
{
	(void)state;
	static const struct record {
		struct ms_range range;
		int name;
	} v[] = { { { 16, 32 }, 1 }, { { 32, 33 }, 2 }, { { 64, UINT64_MAX }, 3 } };
	static const struct {
		uint64_t address;
		size_t index;
		int name;
	} want[] = { { 0, 0, 0 }, { 15, 0, 0 }, { 16, 0, 1 }, { 31, 0, 1 }, { 32, 1, 2 },
		{ 33, 2, 0 }, { 63, 2, 0 }, { 64, 2, 3 }, { UINT64_MAX, 3, 0 } };
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		const struct record *found = ms_range_at(v, 3, want[i].address);
		assert_int_equal(ms_range_search(v, 3, sizeof(v[0]), want[i].address),
			want[i].index);
		assert_int_equal(found ? found->name : 0, want[i].name);
	}
	assert_null(ms_range_at(v, 0, 16));
}

int main(void)
{
	const char *given = getenv("MS_SEED");
	seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
	printf("seed %u\n", seed);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_bitmap),
		cmocka_unit_test(test_edges_of_the_address_space),
		cmocka_unit_test(test_single_ranges),
		cmocka_unit_test(records_are_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
