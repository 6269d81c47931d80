// Arenas: what they hand out is zeroed, aligned, disjoint, and checked for overflow.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/base.h"

// Sizes that cannot be had are asked for on purpose.
__attribute__((visibility("default"))) const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

static bool is_zero(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i])
			return false;
	return true;
}

static void fill_and_check(struct ms_arena *arena, unsigned rounds)
{
	static uint8_t *blocks[2000];
	static size_t sizes[2000];
	assert_true(rounds <= 2000);
	for (unsigned i = 0; i < rounds; i++) {
		sizes[i] = i % 17 ? i * 7 % 900 : i * 1000;
		blocks[i] = ms_arena_alloc(arena, sizes[i]);
		assert_non_null(blocks[i]);
		assert_int_equal((uintptr_t)blocks[i] % 16, 0);
		assert_true(is_zero(blocks[i], sizes[i]));
		memset(blocks[i], (int)(i % 250 + 1), sizes[i]);
	}
	for (unsigned i = 0; i < rounds; i++)
		for (size_t at = 0; at < sizes[i]; at++)
			assert_int_equal(blocks[i][at], i % 250 + 1);
}

static void test_blocks_are_zeroed_aligned_and_disjoint(void **state)
{
	(void)state;
	struct ms_arena arena;
	ms_arena_init(&arena);
	fill_and_check(&arena, 2000);
	ms_arena_deinit(&arena);
}

// Memory that is used again must be zeroed again.
static void test_clear_gives_zeroed_memory_again(void **state)
{
	(void)state;
	struct ms_arena arena;
	ms_arena_init(&arena);
	for (unsigned round = 0; round < 5; round++) {
		fill_and_check(&arena, 300);
		assert_true(arena.used > 0);
		ms_arena_clear(&arena);
		assert_int_equal(arena.used, 0);
	}
	ms_arena_deinit(&arena);
}

static void test_sizes_that_wrap_are_refused(void **state)
{
	(void)state;
	struct ms_arena arena;
	ms_arena_init(&arena);
	assert_null(ms_arena_array(&arena, SIZE_MAX / 8 + 2, 8));
	assert_null(ms_arena_array(&arena, SIZE_MAX, SIZE_MAX));
	assert_null(ms_arena_alloc(&arena, SIZE_MAX));
	assert_null(ms_arena_alloc(&arena, SIZE_MAX - 15));
	assert_non_null(ms_arena_array(&arena, 0, 8));
	assert_non_null(ms_new(&arena, uint64_t, 3));
	ms_arena_deinit(&arena);
}

static void test_copies_end_with_a_nul(void **state)
{
	(void)state;
	struct ms_arena arena;
	ms_arena_init(&arena);
	const uint8_t bytes[] = { 'a', 0, 'b' };
	char *copy = ms_arena_copy(&arena, (struct ms_bytes){ bytes, sizeof(bytes) });
	assert_memory_equal(copy, "a\0b\0", 4);
	assert_string_equal(ms_arena_copy(&arena, (struct ms_bytes){ NULL, 0 }), "");
	ms_arena_deinit(&arena);
}

static void test_deinit_takes_nothing(void **state)
{
	(void)state;
	struct ms_arena arena = { 0 };
	ms_arena_deinit(&arena);
	ms_arena_deinit(NULL);
}

static void test_arrays_grow_and_keep_their_elements(void **state)
{
	(void)state;
	MS_ARRAY(uint32_t) array = {};
	for (uint32_t i = 0; i < 10000; i++) {
		uint32_t *v = ms_array_push(&array);
		if (!v)
			abort();
		assert_int_equal(*v, 0);
		*v = i * 3;
	}
	uint32_t i = 0;
	ms_array_foreach (v, &array)
		assert_int_equal(*v, 3 * i++);
	assert_int_equal(i, 10000);
	ms_array_deinit(&array);
	assert_int_equal(array.n, 0);
	assert_null(array.v);
}

static void test_arrays_refuse_sizes_that_wrap(void **state)
{
	(void)state;
	void *v = NULL;
	size_t cap = 0;
	assert_false(ms_array_grow(&v, &cap, SIZE_MAX / 4, 8));
	assert_false(ms_array_grow(&v, &cap, SIZE_MAX, 1));
	assert_null(v);
	assert_int_equal(cap, 0);
	MS_ARRAY(char) bytes = {};
	assert_non_null(ms_array_push(&bytes));
	assert_false(ms_array_reserve(&bytes, SIZE_MAX)); // n + more wraps to 0
	ms_array_deinit(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blocks_are_zeroed_aligned_and_disjoint),
		cmocka_unit_test(test_clear_gives_zeroed_memory_again),
		cmocka_unit_test(test_sizes_that_wrap_are_refused),
		cmocka_unit_test(test_copies_end_with_a_nul),
		cmocka_unit_test(test_deinit_takes_nothing),
		cmocka_unit_test(test_arrays_grow_and_keep_their_elements),
		cmocka_unit_test(test_arrays_refuse_sizes_that_wrap),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
