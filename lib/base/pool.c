// Fork-join worker pool: see pool.h. The caller of ms_pool_run() is worker 0, so a pool
// of one has no threads at all.

#include "base/pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>

enum {
	THREADS_MAX = 1024
};

struct run {
	ms_pool_fn fn;
	void *arg;
	const struct ms_cancel *cancel;
	size_t n;
	size_t next;
	struct ms_error *err; // of the lowest failing item
	size_t err_item;
	bool was_cancelled;
};

struct ms_pool {
	pthread_mutex_t lock;
	pthread_cond_t wake; // a run began, or the pool ends
	pthread_cond_t idle; // a worker finished its share
	struct run *run;
	uint64_t generation;
	unsigned busy;
	unsigned threads;
	unsigned started;
	bool ends;
	struct worker {
		struct ms_pool *pool;
		unsigned number;
		pthread_t thread;
	} workers[];
};

void ms_cancel_raise(struct ms_cancel *cancel)
{
	atomic_store(&cancel->raised, true);
}

bool ms_cancel_raised(const struct ms_cancel *cancel)
{
	return cancel && atomic_load(&cancel->raised);
}

unsigned ms_pool_default_threads(void)
{
	cpu_set_t set;
	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return 1; // more than 1024 processors: still correct, only slower
	int n = CPU_COUNT(&set);
	return n > 0 ? (unsigned)n : 1;
}

// The next item, under the lock; false when nothing is left or the run was stopped.
static bool take_item(struct run *run, size_t *item)
{
	if (run->err || run->was_cancelled || run->next >= run->n)
		return false;
	if (ms_cancel_raised(run->cancel)) {
		run->was_cancelled = true;
		return false;
	}
	*item = run->next++;
	return true;
}

static void keep_error(struct run *run, struct ms_error *err, size_t item)
{
	if (run->err && run->err_item < item) {
		ms_error_free(err);
		return;
	}
	ms_error_free(run->err);
	run->err = err;
	run->err_item = item;
}

// Work through items until none is left; called and left with the lock held.
static void work(struct ms_pool *pool, struct run *run, unsigned worker)
{
	size_t item;
	while (take_item(run, &item)) {
		pthread_mutex_unlock(&pool->lock);
		struct ms_error *err = run->fn(run->arg, worker, item);
		pthread_mutex_lock(&pool->lock);
		if (err)
			keep_error(run, err, item);
	}
}

static void *worker_main(void *arg)
{
	struct worker *self = arg;
	struct ms_pool *pool = self->pool;
	uint64_t seen = 0;
	pthread_mutex_lock(&pool->lock);
	for (;;) {
		while (!pool->ends && pool->generation == seen)
			pthread_cond_wait(&pool->wake, &pool->lock);
		if (pool->ends)
			break;
		seen = pool->generation;
		work(pool, pool->run, self->number);
		pool->busy--;
		pthread_cond_signal(&pool->idle);
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

struct ms_error *ms_pool_new(unsigned threads, struct ms_pool **ret)
{
	if (!threads)
		threads = ms_pool_default_threads();
	if (threads > THREADS_MAX)
		return ms_error_new(MS_ERROR_LIMIT, "more than %d threads", THREADS_MAX);
	struct ms_pool *pool =
		calloc(1, sizeof(*pool) + threads * sizeof(pool->workers[0]));
	if (!pool)
		return &ms_error_nomem;
	pool->threads = threads;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->wake, NULL);
	pthread_cond_init(&pool->idle, NULL);
	for (unsigned i = 1; i < threads; i++) {
		struct worker *w = &pool->workers[i];
		w->pool = pool;
		w->number = i;
		int errnum = pthread_create(&w->thread, NULL, worker_main, w);
		if (errnum) {
			ms_pool_free(pool);
			return ms_error_os(errnum, "cannot start a worker thread");
		}
		pool->started++;
	}
	*ret = pool;
	return NULL;
}

void ms_pool_free(struct ms_pool *pool)
{
	if (!pool)
		return;
	pthread_mutex_lock(&pool->lock);
	pool->ends = true;
	pthread_cond_broadcast(&pool->wake);
	pthread_mutex_unlock(&pool->lock);
	for (unsigned i = 1; i <= pool->started; i++)
		pthread_join(pool->workers[i].thread, NULL);
	pthread_cond_destroy(&pool->idle);
	pthread_cond_destroy(&pool->wake);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

unsigned ms_pool_threads(const struct ms_pool *pool)
{
	return pool->threads;
}

struct ms_error *ms_pool_run(struct ms_pool *pool, size_t n, ms_pool_fn fn, void *arg,
	const struct ms_cancel *cancel)
{
	struct run run = { .fn = fn, .arg = arg, .cancel = cancel, .n = n };
	pthread_mutex_lock(&pool->lock);
	pool->run = &run;
	pool->generation++;
	pool->busy = pool->started;
	pthread_cond_broadcast(&pool->wake);
	work(pool, &run, 0);
	while (pool->busy)
		pthread_cond_wait(&pool->idle, &pool->lock);
	pool->run = NULL;
	pthread_mutex_unlock(&pool->lock);
	if (run.err)
		return run.err;
	if (run.was_cancelled)
		return ms_error_new(MS_ERROR_CANCELLED, "interrupted");
	return NULL;
}
