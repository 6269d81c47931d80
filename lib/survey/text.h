/**
 * Text and its owners: which memory of a target is read for strings, and whose it is.
 *
 * A plan chooses memory by owner and mapping, from claims that were resolved before. It
 * then answers for every address who owns it, for counting (ms_text_count), or just says
 * what to list (ms_text_list). The plan never reads bytes; pages that do not exist are
 * not in it.
 */
#pragma once

#include "base/base.h"
#include "ledger/claims.h"
#include "strings/count.h"
#include "strings/list.h"
#include "target/target.h"

struct ms_text_plan_options {
	bool all;          ///< every mapping that counts in Rss
	const char *owner; ///< only this id and those below it; NULL: the usual choice
};

/** Resident memory that was not chosen. */
struct ms_text_left_out {
	const char *owner;
	uint64_t bytes;
};

struct ms_text_plan {
	struct ms_target *target;
	struct ms_claims *claims;
	const char *wanted;         ///< options.owner
	struct ms_ranges ranges;    ///< what to read; contiguous memory is one range
	uint64_t planned, resident; ///< bytes; resident is of all mappings
	const char **owners;        ///< by number, ascending
	size_t owner_n;
	uint64_t *chosen;                  ///< resident bytes to be read, by owner number
	struct ms_text_left_out *left_out; ///< descending by bytes
	size_t left_out_n;
};

/**
 * Choose what to read.
 *
 * The usual choice is anonymous memory but for the Java heap, metaspace, code, archive
 * and collector, stacks, and what belongs to files.
 *
 * @param target, claims  borrowed for the plan's life; claims are resolved
 * Errors: NOMEM.
 */
struct ms_error *ms_text_plan_make(struct ms_target *target, struct ms_claims *claims,
	const struct ms_text_plan_options *options,
	struct ms_text_plan *ret) MS_MUST_CHECK;

/** Release; a zeroed plan is fine. */
void ms_text_plan_deinit(struct ms_text_plan *plan);

/** What reading came to. */
struct ms_text_read {
	uint64_t gap_bytes[MS_GAP_REASON_COUNT];
	uint64_t missing; ///< bytes that were wanted and could not be had
	bool has_ended;   ///< the target ended midway: what follows was not read
};

/**
 * Count the strings of a plan.
 *
 * @param options  owner callback and cancel flag are set by this call
 * @param threads  0: one per processor
 * @param progress called with bytes done, from any thread; may be NULL
 * @param ret      out: the counter, owned by the caller; ms_count_finish() gives the
 * result Errors: GONE if nothing was read, CANCELLED, NOMEM.
 */
struct ms_error *ms_text_count(struct ms_text_plan *plan,
	struct ms_count_options *options, unsigned threads,
	const struct ms_cancel *cancel, void (*progress)(void *arg, uint64_t bytes),
	void *progress_arg, struct ms_text_read *ret_read,
	struct ms_count **ret) MS_MUST_CHECK;

/**
 * List the strings of a plan at their addresses; nothing is joined across gaps.
 *
 * @param list  as for files; this call begins and ends it, the caller flushes
 * @param name  as in ms_list_begin()
 * Errors: GONE if nothing was read, CANCELLED, NOMEM, the sink's.
 */
struct ms_error *ms_text_list(struct ms_text_plan *plan, struct ms_list *list,
	struct ms_bytes name, struct ms_text_read *ret_read) MS_MUST_CHECK;
