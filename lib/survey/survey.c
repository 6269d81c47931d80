// The five steps: see survey.h and ledger/reader.h.

#include "survey/survey.h"

#include <stdlib.h>

#include "alloc/alloc.h"
#include "survey/survey_internal.h"
#include "threads/threads.h"

static const char *kind_name(enum ms_target_kind kind)
{
	static const char *const names[] = {
		[MS_TARGET_LIVE] = "live",
		[MS_TARGET_CORE] = "core",
		[MS_TARGET_SNAPSHOT] = "snapshot",
		[MS_TARGET_TREE] = "tree",
	};
	return names[kind];
}

static struct ms_error *add_reader(
	struct run *run, const struct ms_reader *reader, void *arg)
{
	struct active *active = ms_array_push(&run->active);
	if (!active)
		return &ms_error_nomem;
	*active = (struct active){ .reader = reader, .arg = arg };
	return NULL;
}

static struct ms_error *list_readers(struct run *run)
{
	size_t n;
	const struct ms_reader *const *readers = ms_survey_readers(&n);
	struct ms_error *err = NULL;
	if (n + run->options->reader_n > VISITORS_MAX)
		return ms_error_new(MS_ERROR_LIMIT, "more than %d readers", VISITORS_MAX);
	for (size_t i = 0; !err && i < n; i++)
		err = add_reader(run, readers[i], NULL);
	for (size_t i = 0; !err && i < run->options->reader_n; i++)
		err = add_reader(run, run->options->readers[i].reader,
			run->options->readers[i].arg);
	return err;
}

// What the target itself could not give comes first among the notes.
static struct ms_error *take_notes(struct run *run)
{
	size_t n;
	char *const *notes = ms_target_notes(run->target, &n);
	struct ms_error *err = NULL;
	for (size_t i = 0; !err && i < n; i++)
		err = ms_claims_note(run->survey->claims, "%s", notes[i]);
	return err;
}

static struct ms_error *anchor(struct run *run)
{
	for (size_t i = 0; i < run->active.n; i++) {
		struct active *a = &run->active.v[i];
		struct ms_error *err =
			a->reader->anchor(&run->reading, a->arg, &a->state);
		if (ms_survey_ends(err))
			return err;
		if (err)
			ms_survey_reader_failed(run, a, 0, err);
		if (ms_cancel_raised(run->options->cancel))
			return ms_error_new(MS_ERROR_CANCELLED, "interrupted");
	}
	return ms_claims_resolve(run->survey->claims);
}

// GONE is no reason to stop here: what was read before is joined all the same.
static struct ms_error *settle(struct run *run)
{
	for (size_t i = 0; i < run->active.n; i++) {
		struct active *a = &run->active.v[i];
		if (!a->reader->settle || a->has_failed)
			continue;
		struct ms_error *err = a->reader->settle(a->state, &run->reading);
		bool ends = ms_error_is(err, MS_ERROR_NOMEM) ||
			    ms_error_is(err, MS_ERROR_CANCELLED);
		if (ends)
			return err;
		if (err)
			ms_survey_reader_failed(run, a, SIZE_MAX, err);
	}
	return NULL;
}

static struct ms_error *note_failures(struct run *run)
{
	struct ms_error *err = NULL;
	ms_array_foreach (a, &run->active)
		if (!err && a->err)
			err = ms_claims_note(run->survey->claims,
				"%s: %s; its owners are missing", a->reader->name,
				a->err->message);
	return err;
}

static struct ms_thread_line *list_threads(const struct run *run, size_t *ret_n)
{
	const struct ms_thread_table *table = run->reading.threads;
	*ret_n = table ? table->n : 0;
	struct ms_thread_line *lines = calloc(*ret_n + 1, sizeof(*lines));
	for (size_t i = 0; lines && i < *ret_n; i++) {
		const struct ms_thread *thread = table->v[i].thread;
		lines[i] = (struct ms_thread_line){ .tid = thread->tid,
			.name = ms_thread_name(&table->v[i]),
			.stack = table->v[i].stack,
			.stack_source =
				ms_bytes_of(ms_stack_source_name(table->v[i].source)),
			.guard = table->v[i].guard_seen,
			.control_block = table->v[i].control_block,
			.minflt = thread->minflt,
			.utime_ticks = thread->utime_ticks,
			.stime_ticks = thread->stime_ticks };
	}
	return lines;
}

static struct ms_ended_stacks sum_ended(const struct run *run)
{
	const struct ms_thread_table *table = run->reading.threads;
	struct ms_ended_stacks sum = { 0 };
	for (size_t i = 0; table && i < table->ended_n; i++) {
		const struct ms_ended_stack *ended = &table->ended[i];
		sum.count++;
		sum.bytes += ms_range_size(ended->stack);
		sum.resident +=
			ms_pages_resident(ms_target_pages(run->target), ended->stack);
		sum.unjoined += !ended->is_cached;
	}
	return sum;
}

static struct ms_error *sum(struct run *run)
{
	const struct ms_target_info *info = ms_target_info(run->target);
	struct ms_smaps rollup = { 0 };
	struct ms_arena scratch;
	ms_arena_init(&scratch);
	struct ms_sum_input in = {
		.target = {
			.kind = kind_name(info->kind),
			.pid = info->pid,
			.comm = ms_bytes_of(info->comm),
			.command = info->command,
			.taken_ns = info->taken_ns,
			.is_stopped = info->is_stopped,
		},
		.maps = ms_target_maps(run->target),
		.pages = ms_target_pages(run->target),
		.has_pages = info->has_pages,
		.source = info->pages_source,
		.smaps = ms_target_smaps(run->target),
		.ended = sum_ended(run),
	};
	_cleanup_free_ struct ms_thread_line *threads = list_threads(run, &in.thread_n);
	if (!threads)
		return &ms_error_nomem;
	in.threads = threads;
	struct ms_error *err =
		ms_smaps_parse(ms_target_file(run->target, MS_TARGET_FILE_SMAPS_ROLLUP),
			&scratch, &rollup);
	in.rollup = rollup.n == 1 ? &rollup.v[0] : NULL;
	if (!err)
		err = ms_claims_resolve(run->survey->claims);
	if (!err)
		err = ms_ledger_sum(run->survey->claims, &in, &run->survey->ledger);
	if (!err)
		err = ms_survey_heaps(run);
	ms_arena_deinit(&scratch);
	return err;
}

static struct ms_error *run_steps(struct run *run)
{
	struct ms_error *err = list_readers(run);
	if (!err)
		err = take_notes(run);
	if (!err)
		err = anchor(run);
	if (!err)
		err = ms_survey_plan(run);
	if (!err)
		err = ms_survey_pass(run);
	if (!err)
		err = settle(run);
	if (!err)
		err = note_failures(run);
	if (!err)
		err = sum(run);
	return err;
}

static void release(struct run *run)
{
	ms_array_foreach (a, &run->active) {
		if (a->reader->free && a->state)
			a->reader->free(a->state);
		ms_error_free(a->err);
	}
	ms_array_deinit(&run->active);
	ms_array_deinit(&run->pieces);
	ms_array_deinit(&run->reading.walkers);
	ms_array_deinit(&run->reading.pointed);
	ms_array_deinit(&run->reading.past);
	ms_array_deinit(&run->reading.piece_threads);
	ms_pool_free(run->pool);
	pthread_mutex_destroy(&run->lock);
}

struct ms_error *ms_survey_run(struct ms_target *target,
	const struct ms_survey_options *options, struct ms_survey **ret)
{
	_cleanup_survey_ struct ms_survey *survey = calloc(1, sizeof(*survey));
	struct run run = { .target = target, .options = options, .survey = survey };
	if (!survey)
		return &ms_error_nomem;
	struct ms_error *err = ms_claims_new(&survey->claims);
	if (!err)
		err = ms_pool_new(options->threads, &run.pool);
	if (err)
		return err;
	pthread_mutex_init(&run.lock, NULL);
	run.reading = (struct ms_reading){ .target = target,
		.claims = survey->claims,
		.workers = ms_pool_threads(run.pool),
		.cancel = options->cancel };
	survey->is_incomplete = ms_target_info(target)->is_incomplete;
	err = run_steps(&run);
	survey->threads = run.reading.threads;
	survey->alloc = run.reading.alloc;
	release(&run);
	if (!err)
		*ret = ms_steal(survey);
	return err;
}

void ms_survey_free(struct ms_survey *survey)
{
	if (!survey)
		return;
	ms_ledger_free(survey->ledger);
	ms_claims_free(survey->claims);
	ms_thread_table_free(survey->threads);
	ms_alloc_free(survey->alloc);
	free(survey);
}
