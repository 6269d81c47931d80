// Counting: windows are read and scanned in batches by all workers, settled in address
// order by one thread, and folded share by share by all workers again.

#include "strings/count.h"

#include <string.h>

#include "strings/cluster_internal.h"

enum {
	SHARES =
		8, // a constant: what is dropped must not depend on the number of threads
	SHARE_SHIFT = 61,
	WINDOW_SIZE = 256 * 1024,
	MEMORY = 64 * 1024 * 1024,
	BATCH_PER_THREAD = 4,
	BATCH_MAX = 32,
	OWNER_MAX = 1 << 20,
};

struct ms_count {
	struct ms_count_options options;
	struct share shares[SHARES];
	MS_ARRAY(struct ms_text_total) totals; // by owner
	MS_ARRAY(uint64_t) next_pages;         // by owner: pages below are counted

	// Windows wander: free -> batch -> ready, or by way of `held`, -> free.
	struct ms_text_window *all;
	size_t all_n;
	struct ms_text_window *free[BATCH_MAX + 1], *batch[BATCH_MAX],
		*ready[BATCH_MAX + 1];
	size_t free_n, batch_n, batch_max, ready_n;
	struct ms_text_window
		*held; // its last string goes on; windows after it say how far

	ms_count_read_fn read;
	void *read_arg;
	struct ms_count_result result;
};

struct ms_error *ms_count_new(
	const struct ms_count_options *options, struct ms_count **ret)
{
	struct ms_count *count = calloc(1, sizeof(*count));
	if (!count)
		return &ms_error_nomem;
	count->options = *options;
	struct ms_count_options *o = &count->options;
	if (!o->window_size)
		o->window_size = WINDOW_SIZE;
	if (!o->memory)
		o->memory = MEMORY;
	o->window.min = ms_min(ms_max(o->window.min, 2), MS_TEXT_MIN_MAX);
	for (size_t i = 0; i < SHARES; i++)
		share_init(&count->shares[i], o->memory / SHARES);
	*ret = count;
	return NULL;
}

void ms_count_free(struct ms_count *count)
{
	if (!count)
		return;
	for (size_t i = 0; i < SHARES; i++)
		share_deinit(&count->shares[i]);
	for (size_t i = 0; i < count->all_n; i++) {
		ms_text_window_deinit(&count->all[i]);
		free(count->all[i].bytes);
	}
	free(count->all);
	ms_array_deinit(&count->totals);
	ms_array_deinit(&count->next_pages);
	free(count->result.clusters);
	free(count->result.totals);
	free(count);
}

static struct ms_error *make_windows(struct ms_count *count, unsigned threads)
{
	size_t n = ms_min((uint64_t)threads * BATCH_PER_THREAD, BATCH_MAX);
	size_t size =
		MS_TEXT_WINDOW_BEHIND + count->options.window_size + MS_TEXT_WINDOW_AHEAD;
	count->batch_max = n;
	count->all = calloc(n + 1, sizeof(*count->all));
	if (!count->all)
		return &ms_error_nomem;
	for (; count->all_n <= n; count->all_n++) {
		struct ms_text_window *w = &count->all[count->all_n];
		w->bytes = malloc(size);
		if (!w->bytes)
			return &ms_error_nomem;
		count->free[count->free_n++] = w;
	}
	return NULL;
}

// --- scanning -------------------------------------------------------------------------

static struct ms_error *scan_one(void *arg, unsigned worker, size_t item)
{
	struct ms_count *count = arg;
	struct ms_text_window *w = count->batch[item];
	(void)worker;
	w->gaps.n = 0;
	struct ms_error *err =
		count->read(count->read_arg, w->scanned, w->bytes, &w->gaps);
	return err ? err : ms_text_window_scan(w, &count->options.window);
}

// --- settling -------------------------------------------------------------------------

// The string that leaves the window on this track, or NULL. Strings of one encoding do
// not overlap, so it is the last one.
static struct ms_text_record *open_record(struct ms_text_window *w, bool is_utf16)
{
	struct ms_text_records *list = is_utf16 ? &w->utf16 : &w->ascii;
	struct ms_text_record *last = list->n ? &list->v[list->n - 1] : NULL;
	return last && last->is_open ? last : NULL;
}

static bool has_open(struct ms_text_window *w)
{
	return open_record(w, false) || open_record(w, true);
}

static void settle_record(struct ms_text_record *r, const struct ms_text_window *next)
{
	if (!r)
		return;
	enum ms_text_track track = r->width == 1    ? MS_TRACK_ASCII
				   : r->address & 1 ? MS_TRACK_UTF16_ODD
						    : MS_TRACK_UTF16_EVEN;
	const struct ms_text_lead *lead = &next->leads[track];
	if (lead->is_set)
		r->end = ms_max(r->end, lead->end);
	r->is_open = lead->is_set && lead->is_open;
}

// A window whose last string goes on is held back until the windows after it have told
// its end. Those it covers have no strings of their own and only pass by.
static void settle(struct ms_count *count, struct ms_text_window *w)
{
	if (count->held) {
		settle_record(open_record(count->held, false), w);
		settle_record(open_record(count->held, true), w);
		bool has_own = w->ascii.n || w->utf16.n;
		if (has_open(count->held) && !has_own) {
			count->free[count->free_n++] = w;
			return;
		}
		count->ready[count->ready_n++] = count->held;
		count->held = NULL;
	}
	if (has_open(w))
		count->held = w;
	else
		count->ready[count->ready_n++] = w;
}

// --- folding --------------------------------------------------------------------------

static struct ms_error *total_record(
	struct ms_count *count, const struct ms_text_record *r)
{
	size_t owner = r->owner < OWNER_MAX ? r->owner : OWNER_MAX;
	while (count->totals.n <= owner) {
		struct ms_text_total *t = ms_array_push(&count->totals);
		if (!t || !ms_array_push(&count->next_pages))
			return &ms_error_nomem;
		t->owner = (uint32_t)count->totals.n - 1;
	}
	struct ms_text_total *t = &count->totals.v[owner];
	uint64_t *next = &count->next_pages.v[owner];
	uint64_t first = ms_max(r->address / 4096, *next);
	uint64_t after = (r->end - 1) / 4096 + 1;
	t->count++;
	t->bytes += r->end - r->address;
	if (after > first) {
		t->pages += after - first;
		*next = after;
	}
	return NULL;
}

// The strings of a window by address, whatever their encoding.
static const struct ms_text_record *next_record(
	const struct ms_text_window *w, size_t *ascii, size_t *utf16)
{
	const struct ms_text_record *a = *ascii < w->ascii.n ? &w->ascii.v[*ascii] : NULL;
	const struct ms_text_record *u = *utf16 < w->utf16.n ? &w->utf16.v[*utf16] : NULL;
	if (a && (!u || a->address < u->address)) {
		++*ascii;
		return a;
	}
	if (u)
		++*utf16;
	return u;
}

// Item SHARES makes the totals by owner, the others one share each.
static struct ms_error *fold_one(void *arg, unsigned worker, size_t item)
{
	struct ms_count *count = arg;
	(void)worker;
	for (size_t i = 0; i < count->ready_n; i++) {
		const struct ms_text_window *w = count->ready[i];
		const struct ms_text_record *r;
		for (size_t a = 0, u = 0; (r = next_record(w, &a, &u));) {
			struct ms_error *err = NULL;
			if (item == SHARES)
				err = total_record(count, r);
			else if (r->key >> SHARE_SHIFT == item)
				err = share_fold(&count->shares[item], w, r);
			if (err)
				return err;
		}
	}
	return NULL;
}

// A gap in the surroundings of a window counts where it is in a body.
static void count_gaps(struct ms_count *count, const struct ms_text_window *w)
{
	uint64_t gaps = 0;
	for (size_t i = 0; i < w->gaps.n; i++)
		gaps += ms_range_size(ms_range_clip(w->gaps.v[i], w->body));
	count->result.gap_bytes += gaps;
	count->result.scanned_bytes += ms_range_size(w->body) - gaps;
}

static struct ms_error *run_batch(struct ms_count *count, struct ms_pool *pool)
{
	const struct ms_cancel *cancel = count->options.cancel;
	struct ms_error *err = ms_pool_run(pool, count->batch_n, scan_one, count, cancel);
	if (err)
		return err;
	for (size_t i = 0; i < count->batch_n; i++) {
		struct ms_text_window *w = count->batch[i];
		count_gaps(count, w);
		settle(count, w);
	}
	count->batch_n = 0;
	err = ms_pool_run(pool, SHARES + 1, fold_one, count, cancel);
	for (; count->ready_n; count->ready_n--)
		count->free[count->free_n++] = count->ready[count->ready_n - 1];
	return err;
}

static struct ms_error *run_span(
	struct ms_count *count, struct ms_range span, struct ms_pool *pool)
{
	for (uint64_t at = span.start; at < span.end;) {
		uint64_t size = ms_min(count->options.window_size, span.end - at);
		struct ms_text_window *w = count->free[--count->free_n];
		w->body = (struct ms_range){ at, at + size };
		w->scanned = ms_text_window_around(w->body, span);
		w->goes_on = w->scanned.end < span.end;
		count->batch[count->batch_n++] = w;
		at += size;
		if (count->batch_n < count->batch_max)
			continue;
		struct ms_error *err = run_batch(count, pool);
		if (err)
			return err;
	}
	return NULL;
}

struct ms_error *ms_count_run(struct ms_count *count, const struct ms_ranges *ranges,
	ms_count_read_fn read, void *arg, struct ms_pool *pool)
{
	count->read = read;
	count->read_arg = arg;
	struct ms_error *err = make_windows(count, ms_pool_threads(pool));
	for (size_t i = 0; !err && i < ranges->n; i++)
		err = run_span(count, ranges->v[i], pool);
	return err ? err : run_batch(count, pool);
}

// --- results --------------------------------------------------------------------------

uint64_t ms_count_scanned(const struct ms_count *count)
{
	return count->result.scanned_bytes;
}

static int compare_clusters(const void *a, const void *b)
{
	const struct ms_cluster *x = *(const struct ms_cluster *const *)a;
	const struct ms_cluster *y = *(const struct ms_cluster *const *)b;
	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? 1 : -1;
	uint64_t at_x = x->samples->address, at_y = y->samples->address;
	return at_x < at_y ? -1 : at_x > at_y;
}

static int compare_totals(const void *a, const void *b)
{
	const struct ms_text_total *x = a, *y = b;
	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? 1 : -1;
	return x->owner < y->owner ? -1 : x->owner > y->owner;
}

static bool collect_totals(struct ms_count *count, struct ms_count_result *result)
{
	result->totals = calloc(count->totals.n + 1, sizeof(*result->totals));
	if (!result->totals)
		return false;
	ms_array_foreach (t, &count->totals)
		if (t->count)
			result->totals[result->total_n++] = *t;
	qsort(result->totals, result->total_n, sizeof(*result->totals), compare_totals);
	return true;
}

struct ms_error *ms_count_finish(
	struct ms_count *count, const struct ms_count_result **ret)
{
	struct ms_count_result *result = &count->result;
	size_t n = 0;
	for (size_t i = 0; i < SHARES; i++)
		n += count->shares[i].clusters.n;
	result->clusters = calloc(n + 1, sizeof(*result->clusters));
	if (!result->clusters || !collect_totals(count, result))
		return &ms_error_nomem;
	for (size_t i = 0; i < SHARES; i++) {
		const struct share *share = &count->shares[i];
		ms_array_foreach (c, &share->clusters)
			result->clusters[result->cluster_n++] = c;
		result->dropped_clusters += share->dropped_clusters;
		result->dropped_count += share->dropped_count;
		result->dropped_bytes += share->dropped_bytes;
	}
	qsort(result->clusters, n, sizeof(*result->clusters), compare_clusters);
	*ret = result;
	return NULL;
}
