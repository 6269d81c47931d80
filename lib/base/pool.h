/**
 * Fork-join worker pool with a cancel flag.
 *
 * ms_pool_run() hands out items 0..n-1 in ascending order to the workers and returns
 * when all are done. Workers own their state (indexed by worker number) and results are
 * merged by item number, so the outcome is the same for any number of threads.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/** Raised once by a signal handler or a caller; polled by workers. Zeroed is lowered. */
struct ms_cancel {
	atomic_bool raised;
};

/** Raise the flag. Safe in a signal handler. */
void ms_cancel_raise(struct ms_cancel *cancel);

/** True if raised; a NULL flag is never raised. */
bool ms_cancel_raised(const struct ms_cancel *cancel);

struct ms_pool;

/**
 * One item of work.
 *
 * @param arg     as given to ms_pool_run (shared by all workers)
 * @param worker  0..threads-1: which worker runs this
 * @param item    0..n-1
 * @return an error stops the run: no new items start
 */
typedef struct ms_error *(*ms_pool_fn)(void *arg, unsigned worker, size_t item);

/** Processors this process may run on, at least 1. */
unsigned ms_pool_default_threads(void);

/**
 * Make a pool.
 *
 * @param threads  0: ms_pool_default_threads(). With 1 everything runs in the caller.
 * Errors: NOMEM, LIMIT (over 1024), OS (no thread could be made).
 */
struct ms_error *ms_pool_new(unsigned threads, struct ms_pool **ret) MS_MUST_CHECK;

/** End the threads and free the pool; NULL is fine. Not while a run is under way. */
void ms_pool_free(struct ms_pool *pool);

/** Number of workers, at least 1. */
unsigned ms_pool_threads(const struct ms_pool *pool);

/**
 * Run fn for every item and wait.
 *
 * Errors: that of the lowest failing item; CANCELLED if the flag was raised meanwhile.
 * Safety: one run at a time per pool.
 */
struct ms_error *ms_pool_run(struct ms_pool *pool, size_t n, ms_pool_fn fn, void *arg,
	const struct ms_cancel *cancel) MS_MUST_CHECK;
