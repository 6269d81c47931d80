// The default mode: count the strings of one operand.

#include "memstrings.h"

#include <string.h>
#include <unistd.h>

#include "ledger/owner.h"

enum {
	MIN = 6,
	MEMORY_MAX = 64 << 20,
	MEMORY_LEAST = 4 << 20,
};

// Half of what this process's own cgroup has left, so that a target in the same cgroup is
// not killed for our sake.
static struct ms_error *choose_memory(const struct options *o, uint64_t *ret)
{
	*ret = o->memory ? o->memory : ms_min(MEMORY_MAX, ms_target_allowance());
	if (o->memory || *ret >= MEMORY_LEAST)
		return NULL;
	return ms_target_check_allowance(MEMORY_LEAST);
}

static void on_progress(void *arg, uint64_t bytes)
{
	ms_progress_add(arg, bytes);
}

static struct ms_error *count_file(struct ms_cli *cli, struct source *s,
	struct ms_count_options *options, unsigned threads, struct ms_text_read *read,
	struct ms_count **ret)
{
	struct ms_pool *pool = NULL;
	uint64_t size = ms_ranges_size(&s->ranges);
	s->progress = ms_cli_progress(cli, "reading", size);
	options->cancel = cli->cancel;
	struct ms_error *err = ms_pool_new(threads, &pool);
	if (!err)
		err = ms_count_new(options, ret);
	if (!err)
		err = ms_count_run(*ret, &s->ranges, source_read_file, s, pool);
	ms_pool_free(pool);
	(void)read;
	return err;
}

static struct ms_error *count(struct ms_cli *cli, struct source *s,
	struct ms_count_options *options, unsigned threads, struct ms_text_read *read,
	struct ms_count **ret)
{
	if (!s->target)
		return count_file(cli, s, options, threads, read, ret);
	struct ms_progress *progress = ms_cli_progress(cli, "reading", s->plan.planned);
	return ms_text_count(&s->plan, options, threads, cli->cancel, on_progress,
		progress, read, ret);
}

// An id nobody can have would match nothing without a word.
static struct ms_error *check_owner(const char *id)
{
	if (!id || ms_owner_find(id))
		return NULL;
	size_t n;
	const struct ms_owner *owners = ms_owner_table(&n);
	struct ms_nearest nearest = { .word = id };
	for (size_t i = 0; i < n; i++)
		ms_nearest_offer(&nearest, owners[i].id);
	if (!nearest.best)
		return ms_error_new(MS_ERROR_USAGE, "no owner '%s'", id);
	return ms_error_new(
		MS_ERROR_USAGE, "no owner '%s', did you mean '%s'?", id, nearest.best);
}

static struct ms_error *check_usage(struct ms_cli *cli, const struct options *o)
{
	if (cli->operands.n == 0)
		return ms_error_new(MS_ERROR_USAGE, "TARGET is missing");
	if (cli->operands.n > 1)
		return ms_error_new(
			MS_ERROR_USAGE, "one TARGET only; --list takes several");
	if (o->listing.min > MS_TEXT_MIN_MAX || o->listing.min == 1)
		return ms_error_new(MS_ERROR_USAGE,
			"the minimum length is from 2 to %d without --list",
			MS_TEXT_MIN_MAX);
	return check_owner(o->owner);
}

static struct ms_error *run_source(
	struct ms_cli *cli, const struct options *o, struct source *s, enum ms_exit *ret)
{
	static const char *const file_owner[] = { "file" };
	_cleanup_(cleanup_ms_count_free) struct ms_count *counter = NULL;
	struct ms_text_read read = { 0 };
	struct report report = { .options = o, .source = s, .read = &read };
	uint64_t started = ms_now_ns();
	report.min = o->listing.min ? o->listing.min : MIN;
	report.owners = s->target ? s->plan.owners : file_owner;
	struct ms_error *err = choose_memory(o, &report.memory);
	struct ms_count_options options = {
		.window = { .min = report.min, .masks = o->listing.masks },
		.window_size = o->window,
		.memory = report.memory,
	};
	if (!err)
		err = count(cli, s, &options, (unsigned)o->threads, &read, &counter);
	if (!err)
		err = ms_count_finish(counter, &report.result);
	if (err)
		return err;
	report.took_ns = ms_now_ns() - started;
	if (!s->target)
		read.missing = report.result->gap_bytes;
	report.is_incomplete = read.missing || read.has_ended;
	*ret = report.is_incomplete ? MS_EXIT_INCOMPLETE : MS_EXIT_OK;
	ms_progress_end(&cli->progress);
	return o->output.json ? report_json(cli, &report) : report_table(cli, &report);
}

struct ms_error *count_run(struct ms_cli *cli, const struct options *o, enum ms_exit *ret)
{
	struct ms_error *err = check_usage(cli, o);
	if (err)
		return err;
	// Wrong columns must fail before anything is read.
	_cleanup_table_ struct ms_table unused = { 0 };
	err = ms_cli_table(cli, &cluster_set, /* ctx= */ NULL, &unused);
	if (err)
		return err;
	_cleanup_source_ struct source s;
	err = source_open(cli, o, cli->operands.v[0], &s);
	if (!err && o->owner && !s.target)
		err = ms_error_new(MS_ERROR_USAGE,
			"'%s' is a plain file: its memory has no owners", s.name);
	return err ? err : run_source(cli, o, &s, ret);
}

bool report_shows(const struct report *report, const struct ms_cluster *c, uint64_t *seen)
{
	uint64_t top = report->options->top;
	return !top || seen[c->owner]++ < top;
}
