// The worker pool: every item once, results independent of the number of threads, the
// lowest failing item's error, and a cancel flag that stops it.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/base.h"

enum {
	ITEMS = 5000,
	THREADS = 8
};

struct job {
	atomic_uint runs[ITEMS];
	uint64_t results[ITEMS];
	uint64_t per_worker[THREADS];
	size_t fails_at[3];
	size_t cancels_at;
	struct ms_cancel cancel;
	atomic_size_t started;
};

static struct ms_error *work(void *arg, unsigned worker, size_t item)
{
	struct job *job = arg;
	atomic_fetch_add(&job->started, 1);
	atomic_fetch_add(&job->runs[item], 1);
	job->per_worker[worker]++;
	// However the workers are scheduled, none gets far ahead of the one that cancels.
	while (job->cancels_at && item > job->cancels_at &&
		!ms_cancel_raised(&job->cancel))
		usleep(100);
	job->results[item] = (item + 1) * UINT64_C(0x9e3779b97f4a7c15);
	if (job->cancels_at && item == job->cancels_at)
		ms_cancel_raise(&job->cancel);
	for (size_t i = 0; i < 3; i++)
		if (job->fails_at[i] && item == job->fails_at[i])
			return ms_error_new(MS_ERROR_LIMIT, "item %zu", item);
	return NULL;
}

static struct ms_pool *pool_of(unsigned threads)
{
	struct ms_pool *pool = NULL;
	assert_null(ms_pool_new(threads, &pool));
	assert_int_equal(ms_pool_threads(pool), threads);
	return pool;
}

static void test_every_item_runs_once(void **state)
{
	(void)state;
	static struct job one, many;
	for (unsigned threads = 1; threads <= THREADS; threads++) {
		struct ms_pool *pool = pool_of(threads);
		for (int round = 0; round < 20; round++) {
			memset(&many, 0, sizeof(many));
			assert_null(ms_pool_run(pool, ITEMS, work, &many, NULL));
			uint64_t sum = 0;
			for (size_t i = 0; i < ITEMS; i++)
				assert_int_equal(many.runs[i], 1);
			for (unsigned w = 0; w < THREADS; w++) {
				sum += many.per_worker[w];
				assert_true(w < threads || !many.per_worker[w]);
			}
			assert_int_equal(sum, ITEMS);
		}
		if (threads == 1)
			one = many;
		assert_memory_equal(one.results, many.results, sizeof(one.results));
		ms_pool_free(pool);
	}
}

// Items start in ascending order, so whatever else failed, the lowest one's error is
// known.
static void test_the_lowest_failing_item_wins(void **state)
{
	(void)state;
	static struct job job;
	struct ms_pool *pool = pool_of(THREADS);
	for (int round = 0; round < 300; round++) {
		memset(&job, 0, sizeof(job));
		memcpy(job.fails_at, (size_t[]){ 40, 41, 42 }, sizeof(job.fails_at));
		_cleanup_error_ struct ms_error *err =
			ms_pool_run(pool, ITEMS, work, &job, NULL);
		assert_true(ms_error_is(err, MS_ERROR_LIMIT));
		assert_string_equal(err->message, "item 40");
	}
	memset(&job, 0, sizeof(job));
	assert_null(ms_pool_run(pool, ITEMS, work, &job, NULL)); // usable afterwards
	ms_pool_free(pool);
}

static void test_an_error_stops_the_run(void **state)
{
	(void)state;
	static struct job job;
	struct ms_pool *pool = pool_of(1);
	memcpy(job.fails_at, (size_t[]){ 40, 41, 42 }, sizeof(job.fails_at));
	_cleanup_error_ struct ms_error *err = ms_pool_run(pool, ITEMS, work, &job, NULL);
	assert_string_equal(err->message, "item 40");
	assert_int_equal(job.started, 41);
	ms_pool_free(pool);
}

static void test_a_raised_flag_stops_the_run(void **state)
{
	(void)state;
	static struct job job;
	for (unsigned threads = 1; threads <= 4; threads += 3) {
		struct ms_pool *pool = pool_of(threads);
		memset(&job, 0, sizeof(job));
		job.cancels_at = 10;
		_cleanup_error_ struct ms_error *err =
			ms_pool_run(pool, ITEMS, work, &job, &job.cancel);
		assert_true(ms_error_is(err, MS_ERROR_CANCELLED));
		assert_true(job.started < ITEMS);
		ms_pool_free(pool);
	}
}

static void test_bounds(void **state)
{
	(void)state;
	static struct job job;
	struct ms_pool *pool = pool_of(3);
	assert_null(ms_pool_run(pool, 0, work, &job, NULL));
	assert_int_equal(job.started, 0);
	ms_pool_free(pool);
	ms_pool_free(NULL);
	_cleanup_error_ struct ms_error *err = ms_pool_new(100000, &pool);
	assert_true(ms_error_is(err, MS_ERROR_LIMIT));
	assert_true(ms_pool_default_threads() >= 1);
	assert_false(ms_cancel_raised(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_item_runs_once),
		cmocka_unit_test(test_the_lowest_failing_item_wins),
		cmocka_unit_test(test_an_error_stops_the_run),
		cmocka_unit_test(test_a_raised_flag_stops_the_run),
		cmocka_unit_test(test_bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
