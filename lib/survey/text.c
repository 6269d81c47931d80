// Reading a plan for counting or listing: see text.h.

#include "survey/text.h"

#include <pthread.h>
#include <stdlib.h>

#include "survey/text_internal.h"

enum {
	STEP = 1 << 20
};

// What the workers' reads have in common.
struct reading {
	struct ms_text_plan *plan;
	pthread_mutex_t lock; // for gaps
	struct ms_gaps gaps;
	bool has_ended;
	bool has_read;
	void (*progress)(void *arg, uint64_t bytes);
	void *progress_arg;
};

static int compare_gaps(const void *a, const void *b)
{
	const struct ms_gap *x = a, *y = b;
	return (x->range.start > y->range.start) - (x->range.start < y->range.start);
}

// Windows overlap, so gaps come several times: each address counts once.
static void sum_gaps(struct reading *r, struct ms_text_read *ret)
{
	uint64_t at = 0;
	*ret = (struct ms_text_read){ .has_ended = r->has_ended };
	if (r->gaps.n)
		qsort(r->gaps.v, r->gaps.n, sizeof(*r->gaps.v), compare_gaps);
	ms_array_foreach (gap, &r->gaps) {
		uint64_t start = ms_max(gap->range.start, at);
		if (gap->range.end <= start)
			continue;
		uint64_t size = gap->range.end - start;
		at = gap->range.end;
		ret->gap_bytes[gap->reason] += size;
		if (ms_gap_is_missing(gap->reason))
			ret->missing += size;
	}
}

static struct ms_error *keep_gaps(struct reading *r, const struct ms_gaps *gaps)
{
	struct ms_error *err = NULL;
	pthread_mutex_lock(&r->lock);
	for (size_t i = 0; !err && i < gaps->n; i++)
		err = ms_gaps_add(&r->gaps, gaps->v[i].range, gaps->v[i].reason);
	pthread_mutex_unlock(&r->lock);
	return err;
}

static struct ms_error *read_range(
	void *arg, struct ms_range range, uint8_t *to, struct ms_ranges *ret_gaps)
{
	struct reading *r = arg;
	struct ms_gaps gaps = { 0 };
	struct ms_read read = { range, to };
	struct ms_error *err = ms_target_read(r->plan->target, &read, 1, &gaps);
	if (!err && gaps.n)
		err = keep_gaps(r, &gaps);
	for (size_t i = 0; !err && i < gaps.n; i++)
		err = ms_ranges_add(ret_gaps, gaps.v[i].range);
	ms_gaps_deinit(&gaps);
	if (!err && r->progress)
		r->progress(r->progress_arg, ms_range_size(range));
	return err;
}

static struct ms_error *count(struct reading *r, struct ms_count_options *options,
	unsigned threads, struct ms_count **ret)
{
	struct ms_pool *pool = NULL;
	struct ms_error *err = ms_pool_new(threads, &pool);
	if (!err)
		err = ms_count_new(options, ret);
	if (!err)
		err = ms_count_run(*ret, &r->plan->ranges, read_range, r, pool);
	ms_pool_free(pool);
	return err;
}

struct ms_error *ms_text_count(struct ms_text_plan *plan,
	struct ms_count_options *options, unsigned threads,
	const struct ms_cancel *cancel, void (*progress)(void *arg, uint64_t bytes),
	void *progress_arg, struct ms_text_read *ret_read, struct ms_count **ret)
{
	struct reading r = {
		.plan = plan,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.progress = progress,
		.progress_arg = progress_arg,
	};
	_cleanup_(cleanup_ms_count_free) struct ms_count *counter = NULL;
	options->window.owner = ms_text_plan_owner;
	options->window.owner_arg = plan;
	options->cancel = cancel;
	struct ms_error *err = count(&r, options, threads, &counter);
	// What was folded before the target ended is a result, if there is any.
	if (err && counter && ms_count_scanned(counter))
		r.has_ended = ms_error_catch(&err, MS_ERROR_GONE);
	sum_gaps(&r, ret_read);
	ms_gaps_deinit(&r.gaps);
	if (!err)
		*ret = ms_steal(counter);
	return err;
}

// One range into the list, cut at its gaps.
static struct ms_error *list_bytes(struct ms_list *list, struct ms_range range,
	const uint8_t *bytes, const struct ms_ranges *gaps, struct ms_bytes name)
{
	struct ms_error *err = NULL;
	uint64_t at = range.start;
	for (size_t i = 0; !err && i <= gaps->n; i++) {
		uint64_t end = i < gaps->n ? gaps->v[i].start : range.end;
		struct ms_bytes part = { bytes + (at - range.start), end - at };
		err = ms_list_add(list, part);
		if (err || i == gaps->n)
			break;
		at = gaps->v[i].end;
		err = ms_list_end(list);
		if (!err)
			err = ms_list_begin(list, name, at);
	}
	return err;
}

static struct ms_error *list_range(struct reading *r, struct ms_list *list,
	struct ms_range range, uint8_t *bytes, struct ms_bytes name)
{
	struct ms_error *err = ms_list_begin(list, name, range.start);
	for (uint64_t at = range.start; !err && at < range.end;) {
		struct ms_range step = { at, at + ms_min(STEP, range.end - at) };
		struct ms_ranges gaps = { 0 };
		err = read_range(r, step, bytes, &gaps);
		if (!err)
			err = list_bytes(list, step, bytes, &gaps, name);
		if (!err)
			r->has_read = true;
		ms_ranges_deinit(&gaps);
		at = step.end;
	}
	if (r->has_read)
		r->has_ended = ms_error_catch(&err, MS_ERROR_GONE);
	return err ? err : ms_list_end(list);
}

struct ms_error *ms_text_list(struct ms_text_plan *plan, struct ms_list *list,
	struct ms_bytes name, struct ms_text_read *ret_read)
{
	struct reading r = { .plan = plan, .lock = PTHREAD_MUTEX_INITIALIZER };
	_cleanup_free_ uint8_t *bytes = malloc(STEP);
	struct ms_error *err = bytes ? NULL : &ms_error_nomem;
	for (size_t i = 0; !err && !r.has_ended && i < plan->ranges.n; i++)
		err = list_range(&r, list, plan->ranges.v[i], bytes, name);
	sum_gaps(&r, ret_read);
	ms_gaps_deinit(&r.gaps);
	return err;
}
