// Pieces picked by their sum: every set of them can be found again, and what no set makes
// up is refused.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>

#include "alloc/pick.h"

enum {
	PIECES = 24,
	ROUNDS = 2000
};

static uint64_t draw(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33;
}

static int descending(const void *pa, const void *pb)
{
	const uint64_t *a = pa, *b = pb;
	return (*a < *b) - (*a > *b);
}

static bool pick(const uint64_t *sizes, size_t n, size_t count, uint64_t sum, size_t skip,
	bool *picked)
{
	bool has_way;
	assert_null(ms_pick(sizes, n, count, sum, skip, picked, &has_way));
	return has_way;
}

static void finds_what_adds_up(void **state)
{
	const char *seed_text = getenv("MS_SEED");
	uint64_t seed = seed_text ? strtoull(seed_text, NULL, 10) : 1;
	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t sizes[PIECES], sum = 0, found = 0;
		size_t n = 1 + draw(&seed) % PIECES, count = 0, found_n = 0;
		bool picked[PIECES];
		for (size_t i = 0; i < n; i++)
			sizes[i] = 4096 * (1 + draw(&seed) % 500);
		qsort(sizes, n, sizeof(*sizes), descending);
		for (size_t i = 0; i < n; i++)
			if (draw(&seed) % 2) {
				sum += sizes[i];
				count++;
			}
		bool is_counted = draw(&seed) % 2;
		assert_true(
			pick(sizes, n, is_counted ? count : SIZE_MAX, sum, 0, picked));
		for (size_t i = 0; i < n; i++) {
			found += picked[i] ? sizes[i] : 0;
			found_n += picked[i];
		}
		assert_int_equal(found, sum);
		assert_true(!is_counted || found_n == count);
	}
}

static void passes_over_ways(void **state)
{
	static const uint64_t sizes[] = { 9, 8, 5, 4, 4, 1 };
	bool picked[6];
	(void)state;
	// 9+4, 8+5, 8+4+1, and the fours are one way
	assert_true(pick(sizes, 6, SIZE_MAX, 13, 0, picked) && picked[0] && picked[3]);
	assert_true(pick(sizes, 6, SIZE_MAX, 13, 1, picked) && picked[1] && picked[2]);
	assert_true(pick(sizes, 6, SIZE_MAX, 13, 2, picked) && picked[1] && picked[5]);
	assert_true(pick(sizes, 6, 3, 13, 0, picked) && picked[1] && picked[5]);
}

static void refuses_what_does_not(void **state)
{
	static const uint64_t sizes[] = { 8, 6, 4 };
	bool picked[3];
	(void)state;
	assert_false(pick(sizes, 3, SIZE_MAX, 7, 0, picked));
	assert_false(pick(sizes, 3, SIZE_MAX, 20, 0, picked));
	assert_false(pick(sizes, 3, 2, 18, 0, picked));
	assert_false(pick(sizes, 3, 4, 18, 0, picked));
	assert_false(pick(sizes, 0, 1, 4, 0, picked));
	assert_true(pick(sizes, 0, 0, 0, 0, picked));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_adds_up),
		cmocka_unit_test(passes_over_ways),
		cmocka_unit_test(refuses_what_does_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
