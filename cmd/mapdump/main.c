// mapdump - write a snapshot of a live process without stopping it.

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "snapshot/snapshot.h"

// Buffers, page states and the plan of a usual process; 6 MiB were measured for a JVM.
enum {
	MEMORY_NEEDED = 8 << 20
};

struct options {
	struct ms_cli_output output;
	const char *file;
	struct ms_strings mappings, exclude;
	bool all;
	bool no_contents;
	bool with_dontdump;
	bool is_forced;
	bool keep_partial;
	bool plan_only;
	bool no_smaps;
};

static const char *const usage[] = { "[OPTION]... PID", NULL };

static const struct ms_cli_example examples[] = {
	{ "mapdump 4392", "write java-4392.core into this directory" },
	{ "mapdump --plan 4392", "say what would be written, and read nothing" },
	{ "mapdump -o - 4392 | zstd > java.core.zst", "compress it on the way" },
	{ "mapdump --mapping='[heap]' -o heap.core 4392", "only the brk heap" },
	{ NULL, NULL },
};

static const struct ms_option options[] = {
	{ 'o', "output", "FILE", "write to FILE, '-' for standard output (COMM-PID.core)",
		.kind = MS_OPTION_STRING, MS_TO(struct options, file) },
	{ 'f', "force", NULL, "replace an existing file, write to a terminal",
		.kind = MS_OPTION_FLAG, MS_TO(struct options, is_forced) },
	{ 0, "keep-partial", NULL,
		"when it fails, leave what was written as FILE.partial",
		.kind = MS_OPTION_FLAG, MS_TO(struct options, keep_partial) },
	{ 0, "plan", NULL, "print what would be written and exit", .kind = MS_OPTION_FLAG,
		MS_TO(struct options, plan_only) },
	{ 'a', "all", NULL, "file-backed pages too; without it only anonymous memory",
		.group = "Selection", .kind = MS_OPTION_FLAG,
		MS_TO(struct options, all) },
	{ 'm', "mapping", "RANGE|NAME",
		"only mappings that overlap START-END or START+LENGTH (hexadecimal), or have "
		"this name or file name; repeatable",
		.group = "Selection", .kind = MS_OPTION_REPEATED,
		MS_TO(struct options, mappings) },
	{ 'x', "exclude", "RANGE|NAME", "not these mappings; stronger than all others",
		.group = "Selection", .kind = MS_OPTION_REPEATED,
		MS_TO(struct options, exclude) },
	{ 0, "no-contents", NULL,
		"maps, page states and threads only; no memory, command line or environment",
		.group = "Selection", .kind = MS_OPTION_FLAG,
		MS_TO(struct options, no_contents) },
	{ 0, "dontdump", NULL, "also what the program marked with MADV_DONTDUMP",
		.group = "Selection", .kind = MS_OPTION_FLAG,
		MS_TO(struct options, with_dontdump) },
	{ 0, "no-smaps", NULL,
		"do not read smaps, which stalls the process's mmap calls by 9 ms per GiB",
		.group = "Selection", .kind = MS_OPTION_FLAG,
		MS_TO(struct options, no_smaps) },
	MS_CLI_PROGRESS_OPTIONS(struct options, output),
};

struct selectors {
	struct ms_selector *v;
	size_t n;
};

static struct ms_error *parse_selectors(
	const struct ms_strings *texts, struct ms_arena *arena, struct selectors *ret)
{
	ret->n = texts->n;
	ret->v = ms_new(arena, struct ms_selector, texts->n);
	if (!ret->v)
		return &ms_error_nomem;
	for (size_t i = 0; i < texts->n; i++)
		ret->v[i] = ms_selector_parse(texts->v[i]);
	return NULL;
}

// COMM-PID.core, with every byte of COMM that could surprise a shell replaced.
static char *default_file(const struct ms_target_info *info, struct ms_arena *arena)
{
	static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789._+";
	char name[128];
	snprintf(name, sizeof(name), "%s-%" PRIu64 ".core",
		*info->comm ? info->comm : "process", info->pid);
	size_t comm = strlen(name) - strlen(strrchr(name, '-'));
	for (size_t i = 0; i < comm; i++) {
		if (!strchr(safe, name[i]) || (i == 0 && name[i] == '.'))
			name[i] = '_';
	}
	return ms_arena_copy(arena, ms_bytes_of(name));
}

// Where the snapshot goes, checked as far as it can be before any work.
static struct ms_error *choose_output(struct ms_cli *cli, const struct options *o,
	const struct ms_target_info *info, struct ms_arena *arena,
	struct ms_snapshot_output *ret)
{
	*ret = (struct ms_snapshot_output){
		.path = o->file,
		.fd = STDOUT_FILENO,
		.overwrite = o->is_forced,
		.keep_partial = o->keep_partial,
	};
	if (o->file && strcmp(o->file, "-") == 0) {
		ret->path = NULL;
		if (cli->is_tty && !o->is_forced)
			return ms_error_hint(ms_error_new(MS_ERROR_USAGE,
						     "standard output is a terminal"),
				"send it to a file or a pipe");
		return NULL;
	}
	if (!o->file) {
		ret->path = default_file(info, arena);
		if (!ret->path)
			return &ms_error_nomem;
	}
	if (ms_snapshot_is_in_memory(ret->path))
		ms_cli_note("warning: '%s' is on a file system in memory: the snapshot "
			    "counts against the memory limit",
			ret->path);
	return NULL;
}

static void say_gaps(struct ms_buffer *text, const uint64_t *gap_bytes)
{
	char size[MS_SIZE_TEXT];
	const char *separator = "";
	for (enum ms_gap_reason i = 0; i < MS_GAP_REASON_COUNT; i++) {
		if (!gap_bytes[i])
			continue;
		struct ms_error *err = ms_buffer_printf(text, "%s%s %s", separator,
			ms_gap_reason_name(i), ms_size_text(gap_bytes[i], size));
		ms_error_free(err);
		separator = ", ";
	}
}

static void say_plan(struct ms_cli *cli, const struct ms_snapshot_summary *s)
{
	char data[MS_SIZE_TEXT], notes[MS_SIZE_TEXT], file[MS_SIZE_TEXT];
	_cleanup_buffer_ struct ms_buffer gaps = { 0 };
	say_gaps(&gaps, s->gap_bytes);
	ms_out_printf(&cli->out, "to write      %s of pages and %s of notes\n",
		ms_size_text(s->data_bytes, data), ms_size_text(s->note_bytes, notes));
	ms_out_printf(&cli->out, "file length   %s, with holes\n",
		ms_size_text(s->file_bytes, file));
	ms_out_printf(&cli->out,
		"mappings      %" PRIu64 " in %" PRIu64 " segments, %" PRIu64
		" threads\n",
		s->mappings, s->segments, s->threads);
	ms_out_printf(
		&cli->out, "left out      %s\n", gaps.n ? (char *)gaps.p : "nothing");
}

static void say_change(
	struct ms_buffer *text, const char *what, uint64_t before, uint64_t after)
{
	char b[MS_SIZE_TEXT], change[MS_SIZE_TEXT];
	uint64_t size = after > before ? after - before : before - after;
	struct ms_error *err = NULL;
	if (before && after)
		err = ms_buffer_printf(text, ", %s %s %c%s", what,
			ms_size_text(before, b), after < before ? '-' : '+',
			ms_size_text(size, change));
	ms_error_free(err);
}

// What was written, what is missing, and what it cost the target and us.
static void say_result(const struct ms_snapshot_output *output,
	const struct ms_snapshot_result *r, uint64_t pid)
{
	char data[MS_SIZE_TEXT], written[MS_SIZE_TEXT], peak[MS_SIZE_TEXT];
	_cleanup_buffer_ struct ms_buffer gaps = { 0 };
	_cleanup_buffer_ struct ms_buffer target = { 0 };
	say_gaps(&gaps, r->gap_bytes);
	say_change(&target, "VmRSS", r->vm_rss_before, r->vm_rss_after);
	say_change(&target, "VmPTE", r->vm_pte_before, r->vm_pte_after);
	ms_cli_note("wrote '%s': %s of pages, %s in all, in %" PRIu64 ".%03" PRIu64 " s",
		output->path ?: "standard output",
		ms_size_text(r->data_bytes - r->zero_bytes, data),
		ms_size_text(r->written_bytes, written), r->duration_ns / 1000000000,
		r->duration_ns / 1000000 % 1000);
	ms_cli_note("not in it: %s", gaps.n ? (char *)gaps.p : "nothing");
	ms_cli_note("cost: own peak %s, %s%s", ms_size_text(r->own_peak_bytes, peak),
		r->used_direct_io ? "no page cache" : "page cache dropped behind",
		target.n ? (char *)target.p : "");
	if (r->is_incomplete)
		ms_cli_note("process %" PRIu64 " ended while it was read: the snapshot "
			    "is incomplete",
			pid);
	ms_cli_note("it holds whatever secrets the process had in memory");
}

static enum ms_exit exit_code(const struct ms_snapshot_result *r)
{
	for (enum ms_gap_reason i = 0; i < MS_GAP_REASON_COUNT; i++) {
		if (r->gap_bytes[i] && ms_gap_is_missing(i))
			return MS_EXIT_INCOMPLETE;
	}
	return r->is_incomplete ? MS_EXIT_INCOMPLETE : MS_EXIT_OK;
}

struct progress {
	struct ms_progress *line;
	uint64_t done;
};

static void on_progress(void *arg, uint64_t done, uint64_t total)
{
	struct progress *p = arg;
	(void)total;
	ms_progress_add(p->line, done - p->done);
	p->done = done;
}

static struct ms_error *write_snapshot(struct ms_cli *cli, struct ms_snapshot_plan *plan,
	const struct ms_snapshot_output *output, uint64_t pid, enum ms_exit *ret)
{
	struct ms_snapshot_summary summary = ms_snapshot_plan_summary(plan);
	struct progress progress = { ms_cli_progress(cli, "copying", summary.data_bytes),
		0 };
	struct ms_snapshot_result result;
	struct ms_error *err =
		ms_snapshot_write(plan, output, on_progress, &progress, &result);
	ms_progress_end(progress.line);
	if (err)
		return err;
	say_result(output, &result, pid);
	*ret = exit_code(&result);
	return NULL;
}

MS_DEFINE_CLEANUP(struct ms_target *, ms_target_free);
MS_DEFINE_CLEANUP(struct ms_snapshot_plan *, ms_snapshot_plan_free);

static struct ms_error *run_with(struct ms_cli *cli, const struct options *o,
	uint64_t pid, struct ms_arena *arena, enum ms_exit *ret)
{
	_cleanup_(cleanup_ms_target_free) struct ms_target *target = NULL;
	_cleanup_(cleanup_ms_snapshot_plan_free) struct ms_snapshot_plan *plan = NULL;
	struct ms_target_options target_options = {
		.smaps = o->no_smaps ? MS_TARGET_SMAPS_NEVER : MS_TARGET_SMAPS_AUTO,
		.keeps_rollup = true,
		.without_private_text = o->no_contents,
		.cancel = cli->cancel,
	};
	struct selectors only, exclude;
	struct ms_error *err = ms_target_check_allowance(MEMORY_NEEDED);
	if (!err)
		err = parse_selectors(&o->mappings, arena, &only);
	if (!err)
		err = parse_selectors(&o->exclude, arena, &exclude);
	if (!err)
		err = ms_target_open_pid(pid, &target_options, &target);
	if (err)
		return err;
	const struct ms_error *denied = ms_target_denied(target);
	if (denied && !o->no_contents)
		return ms_error_hint(ms_error_new(MS_ERROR_DENIED, "%s", denied->message),
			"%s", denied->hint ?: "--no-contents needs less permission");
	struct ms_snapshot_options snapshot = {
		.all = o->all,
		.no_contents = o->no_contents,
		.with_dontdump = o->with_dontdump,
		.only = only.v,
		.n_only = only.n,
		.exclude = exclude.v,
		.n_exclude = exclude.n,
	};
	struct ms_snapshot_output output;
	err = ms_snapshot_plan_new(target, &snapshot, &plan);
	if (!err && o->plan_only) {
		struct ms_snapshot_summary summary = ms_snapshot_plan_summary(plan);
		say_plan(cli, &summary);
		return NULL;
	}
	if (!err)
		err = choose_output(cli, o, ms_target_info(target), arena, &output);
	return err ?: write_snapshot(cli, plan, &output, pid, ret);
}

static struct ms_error *run(struct ms_cli *cli, void *arg, enum ms_exit *ret)
{
	const char *operand = cli->operands.v[0];
	struct ms_bytes rest = ms_bytes_of(operand);
	struct ms_arena arena;
	uint64_t pid;
	if (!ms_bytes_dec(&rest, &pid) || rest.n || !pid || pid > INT32_MAX)
		return ms_error_new(MS_ERROR_USAGE, "'%s' is not a PID", operand);
	ms_arena_init(&arena);
	struct ms_error *err = run_with(cli, arg, pid, &arena, ret);
	ms_arena_deinit(&arena);
	return err;
}

static const struct options defaults;

static const struct ms_utility utility = {
	.name = "mapdump",
	.summary = "write a snapshot of a live process without stopping it",
	.usage = usage,
	.examples = examples,
	MS_OPTION_TABLE(options, defaults),
	MS_OUTPUT_AT(struct options, output),
	.operand = "PID",
	.min_operands = 1,
	.max_operands = 1,
	.run = run,
};

int main(int argc, char **argv)
{
	return ms_cli_main(&utility, argc, argv);
}
