/**
 * snapshot - write a target's memory and all /proc says of it to one ELF core.
 *
 * In three steps: ms_snapshot_plan() decides, from page states alone, what will be
 * written and where in the file it goes; ms_snapshot_write() copies; the caller prints
 * the result. Nothing of the target is read before the plan is complete, so the plan can
 * be shown alone.
 *
 * The file: ELF header, program headers, standard notes, data, own notes
 * (target/format.h). Offsets are fixed by the plan and only grow, so that the output may
 * be a pipe. Pages that hold only zeros are holes of the file. A page that is lost after
 * planning reads as zero and is recorded as a gap.
 */
#pragma once

#include "target/target.h"

/** Choose one mapping or some: by addresses, or by name. */
struct ms_selector {
	bool is_range;
	struct ms_range range;
	const char *name; ///< whole name, last component, or [anon:NAME]'s NAME; borrowed
};

/** Read "START-END", "START+LENGTH" or a name. Borrows the text. */
struct ms_selector ms_selector_parse(const char *text);

struct ms_snapshot_options {
	bool all;           ///< file-backed pages too, not only anonymous ones
	bool no_contents;   ///< page states, maps and threads only
	bool with_dontdump; ///< also what the program marked MADV_DONTDUMP
	const struct ms_selector *only; ///< if any: nothing else
	size_t n_only;
	const struct ms_selector *exclude; ///< stronger than everything above
	size_t n_exclude;
};

struct ms_snapshot_plan;

/** What the plan would do, in bytes but for the counts. */
struct ms_snapshot_summary {
	uint64_t data_bytes; ///< pages that will be read and written
	uint64_t file_bytes; ///< length of the file, holes included
	uint64_t note_bytes; ///< of it notes and headers
	uint64_t mappings;
	uint64_t segments; ///< program headers
	uint64_t threads;
	uint64_t gap_bytes[MS_GAP_REASON_COUNT]; ///< planned: known not to be captured
};

/**
 * Plan a snapshot.
 *
 * @param target   borrowed; must outlive the plan
 * @param options  copied; the selectors are borrowed
 * Errors: NOMEM, LIMIT, USAGE (a selector that matches nothing).
 * Cost: linear in the runs of page states; no memory of the target is read.
 */
struct ms_error *ms_snapshot_plan_new(struct ms_target *target,
	const struct ms_snapshot_options *options,
	struct ms_snapshot_plan **ret) MS_MUST_CHECK;

/** Free; NULL is fine. */
void ms_snapshot_plan_free(struct ms_snapshot_plan *plan);

/** What the plan would write, in sums. Cost: constant. */
struct ms_snapshot_summary ms_snapshot_plan_summary(const struct ms_snapshot_plan *plan);

/** Where it goes. */
struct ms_snapshot_output {
	const char *path;  ///< the final name; NULL: write to fd
	int fd;            ///< a pipe or file to write through, from its current position
	bool overwrite;    ///< replace an existing file
	bool keep_partial; ///< leave what was written under "<path>.partial" on failure
};

/** Called now and then while data is copied. */
typedef void (*ms_snapshot_progress_fn)(void *arg, uint64_t done, uint64_t total);

struct ms_snapshot_result {
	uint64_t data_bytes;    ///< bytes of pages that were copied
	uint64_t zero_bytes;    ///< of them all-zero pages, left as holes
	uint64_t file_bytes;    ///< length of the file
	uint64_t written_bytes; ///< really written, zeros for a pipe included
	uint64_t duration_ns;
	uint64_t gap_bytes[MS_GAP_REASON_COUNT];
	uint64_t vm_rss_before, vm_rss_after, vm_pte_before, vm_pte_after; ///< 0: unknown
	uint64_t own_peak_bytes; ///< VmHWM of this process
	bool used_direct_io;
	bool is_incomplete; ///< the target ended midway; the file is sealed and says so
};

/**
 * Write the snapshot.
 *
 * The file is made as "<path>.tmp.XXXXXX", mode 0600, and renamed when it is durable.
 * On an error nothing is left behind, but for keep_partial. If the target ends midway the
 * file is sealed with what there is, marked incomplete, and that is no error.
 *
 * Errors: OS (names the path: no space, exists, ...), CANCELLED, NOMEM.
 * Cost: O_DIRECT where the file system has it, so that no page cache is charged to the
 *       cgroup; else windows of 4 MiB are synced and dropped. About 5 MiB of buffers.
 */
struct ms_error *ms_snapshot_write(struct ms_snapshot_plan *plan,
	const struct ms_snapshot_output *output, ms_snapshot_progress_fn progress,
	void *arg, struct ms_snapshot_result *ret) MS_MUST_CHECK;

/** True if the directory of `path` is in memory (tmpfs, ramfs), where a dump costs RAM.
 */
bool ms_snapshot_is_in_memory(const char *path);
