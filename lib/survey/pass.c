// The pass: workers read windows, walkers form batches, visitors see them.

#include <stdlib.h>

#include "survey/survey_internal.h"

struct worker {
	uint8_t *buffer; // BEFORE + WINDOW + AFTER
	struct ms_gaps gaps;
	uint64_t read_bytes;
	uint64_t gap_bytes[MS_GAP_REASON_COUNT];
};

void ms_survey_reader_failed(
	struct run *run, struct active *active, size_t item, struct ms_error *err)
{
	pthread_mutex_lock(&run->lock);
	if (!active->err || item < active->err_item) {
		ms_error_free(active->err);
		active->err = ms_steal(err);
		active->err_item = item;
	}
	__atomic_store_n(&active->has_failed, true, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&run->lock);
	ms_error_free(err);
}

bool ms_survey_ends(const struct ms_error *err)
{
	return ms_error_is(err, MS_ERROR_NOMEM) || ms_error_is(err, MS_ERROR_CANCELLED) ||
	       ms_error_is(err, MS_ERROR_GONE);
}

static void count_gaps(struct worker *w, struct ms_range window)
{
	ms_array_foreach (gap, &w->gaps)
		if ((unsigned)gap->reason < MS_GAP_REASON_COUNT)
			w->gap_bytes[gap->reason] +=
				ms_range_size(ms_range_clip(gap->range, window));
}

static void show_progress(struct run *run, uint64_t bytes)
{
	pthread_mutex_lock(&run->lock);
	run->survey->read_bytes += bytes;
	if (run->options->progress)
		run->options->progress(run->options->progress_arg,
			run->survey->read_bytes, run->survey->planned_bytes);
	pthread_mutex_unlock(&run->lock);
}

static struct ms_error *read_window(struct run *run, struct worker *w,
	const struct piece *piece, struct ms_range range, struct ms_window *ret)
{
	size_t before = (size_t)ms_min(BEFORE_BYTES, range.start - piece->around.start);
	size_t after = (size_t)ms_min(AFTER_BYTES, piece->around.end - range.end);
	struct ms_read read = { { range.start - before, range.end + after },
		w->buffer + BEFORE_BYTES - before };
	w->gaps.n = 0;
	struct ms_error *err = ms_target_read(run->target, &read, 1, &w->gaps);
	if (err)
		return err;
	count_gaps(w, range);
	*ret = (struct ms_window){ .range = range,
		.bytes = w->buffer + BEFORE_BYTES,
		.before = before,
		.after = after,
		.gaps = w->gaps.v,
		.gap_n = w->gaps.n };
	return NULL;
}

static struct ms_error *show_batch(
	struct run *run, unsigned worker, uint32_t visitors, const struct ms_batch *batch)
{
	for (size_t i = 0; visitors >> i; i++) {
		struct active *a = &run->active.v[i];
		if (!(visitors >> i & 1) ||
			__atomic_load_n(&a->has_failed, __ATOMIC_RELAXED))
			continue;
		struct ms_error *err = a->reader->visit(a->state, worker, batch);
		if (ms_survey_ends(err))
			return err;
		if (err)
			ms_survey_reader_failed(run, a, batch->item, err);
	}
	return NULL;
}

// Let the walker form its batch; if it fails the rest of the piece is raw windows.
static struct ms_error *form_batch(
	struct piece *piece, struct ms_walk *walk, struct ms_batch *batch)
{
	if (!piece->walker || piece->walk_err)
		return NULL;
	const struct ms_walk_range *walker = piece->walker;
	struct ms_error *err = walker->walker->walk(walker->state, walk, batch);
	if (!err || ms_survey_ends(err))
		return err;
	piece->walk_err = err;
	batch->blocks = NULL;
	batch->block_n = 0;
	return NULL;
}

static struct ms_error *do_windows(struct run *run, unsigned worker, size_t item,
	struct piece *piece, struct ms_walk *walk)
{
	struct worker *w = &run->workers[worker];
	struct ms_error *err = NULL;
	for (uint64_t at = piece->range.start; !err && at < piece->range.end;) {
		struct ms_batch batch = { .item = item };
		struct ms_range range = { at,
			ms_min(piece->range.end, at + WINDOW_BYTES) };
		if (ms_cancel_raised(run->options->cancel))
			return ms_error_new(MS_ERROR_CANCELLED, "interrupted");
		err = read_window(run, w, piece, range, &batch.window);
		if (err)
			return err;
		walk->next = range.end;
		err = form_batch(piece, walk, &batch);
		if (!err)
			err = show_batch(run, worker, piece->visitors, &batch);
		at = ms_max(walk->next, range.end);
		w->read_bytes += ms_range_size(range);
		show_progress(run, ms_range_size(range));
	}
	return err;
}

static struct ms_error *do_piece(void *arg, unsigned worker, size_t item)
{
	struct run *run = arg;
	struct worker *w = &run->workers[worker];
	struct piece *piece = &run->pieces.v[item];
	struct ms_walk walk = {
		.range = piece->range, .worker = worker, .is_seen = piece->visitors != 0
	};
	if (!w->buffer)
		w->buffer = malloc(BEFORE_BYTES + WINDOW_BYTES + AFTER_BYTES);
	if (!w->buffer)
		return &ms_error_nomem;
	struct ms_error *err = do_windows(run, worker, item, piece, &walk);
	if (piece->walker && piece->walker->walker->end)
		piece->walker->walker->end(piece->walker->state, &walk);
	return err;
}

// What a read lost is lost in the same way whichever worker had it.
static void add_up(struct run *run)
{
	for (unsigned i = 0; i < ms_pool_threads(run->pool); i++) {
		struct worker *w = &run->workers[i];
		for (size_t reason = 0; reason < MS_GAP_REASON_COUNT; reason++)
			run->survey->gap_bytes[reason] += w->gap_bytes[reason];
		free(w->buffer);
		ms_gaps_deinit(&w->gaps);
	}
	for (size_t reason = 0; reason < MS_GAP_REASON_COUNT; reason++)
		if (run->survey->gap_bytes[reason] &&
			ms_gap_is_missing((enum ms_gap_reason)reason))
			run->survey->is_incomplete = true;
}

// In the order of addresses, whichever worker met them first.
static struct ms_error *note_walkers(struct run *run)
{
	struct ms_error *err = NULL;
	ms_array_foreach (piece, &run->pieces) {
		if (!err && piece->walk_err)
			err = ms_claims_note(run->survey->claims,
				"%s: blocks at %#llx could not be walked: %s",
				piece->walker->walker->name,
				(unsigned long long)piece->range.start,
				piece->walk_err->message);
		ms_error_free(piece->walk_err);
		piece->walk_err = NULL;
	}
	return err;
}

struct ms_error *ms_survey_pass(struct run *run)
{
	if (!run->pieces.n)
		return NULL;
	run->workers = calloc(ms_pool_threads(run->pool), sizeof(*run->workers));
	if (!run->workers)
		return &ms_error_nomem;
	struct ms_error *err = ms_pool_run(
		run->pool, run->pieces.n, do_piece, run, run->options->cancel);
	add_up(run);
	free(run->workers);
	run->workers = NULL;
	struct ms_error *note_err = note_walkers(run);
	if (note_err) {
		ms_error_free(err);
		return note_err;
	}
	if (!ms_error_catch(&err, MS_ERROR_GONE))
		return err;
	run->is_gone = true;
	run->survey->is_incomplete = true;
	return ms_claims_note(run->survey->claims,
		"the target ended while its memory was read: what is said of its contents is "
		"incomplete");
}
