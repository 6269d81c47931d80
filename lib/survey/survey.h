/**
 * survey - one call from a target to its ledger.
 *
 * ms_survey_run() owns the five steps that reader.h describes: it runs the readers of all
 * rooms and those the caller adds, reads memory once with a pool of workers, and sums up.
 *
 *     static const struct ms_survey_reader mine[] = { { &my_reader, &my_options } };
 *     struct ms_survey_options options = { .readers = mine, .reader_n = 1 };
 *     err = ms_survey_run(target, &options, &survey);
 *
 * If no reader wants bytes, no memory is read.
 */
#pragma once

#include "base/base.h"
#include "ledger/ledger.h"
#include "ledger/reader.h"
#include "target/target.h"

/** A reader the caller adds, and what its anchor gets. */
struct ms_survey_reader {
	const struct ms_reader *reader;
	void *arg;
};

struct ms_survey_options {
	unsigned threads;                       ///< workers; 0: one per processor
	const struct ms_survey_reader *readers; ///< run after the built-in ones
	size_t reader_n;
	const struct ms_cancel *cancel; ///< may be NULL
	/** Called between windows with what was read so far; from any thread, one at a
	 * time. */
	void (*progress)(void *arg, uint64_t done_bytes, uint64_t total_bytes);
	void *progress_arg;
};

/** What came of it. */
struct ms_survey {
	struct ms_ledger *ledger;
	struct ms_claims *claims;        ///< resolved: for ms_claims_find
	struct ms_thread_table *threads; ///< lib/threads; may be NULL
	struct ms_alloc *alloc;          ///< lib/alloc; NULL if its reader failed
	uint64_t planned_bytes, read_bytes;
	uint64_t gap_bytes[MS_GAP_REASON_COUNT]; ///< of the windows' own ranges
	bool is_incomplete; ///< bytes that were wanted are missing, or the target ended
			    ///< midway
};

/**
 * Survey a target.
 *
 * Errors: NOMEM; CANCELLED; GONE if the target ended before anything was learnt. Whatever
 *         else goes wrong is a note in the ledger.
 * Cost: claims of the kernel's and threads' readers alone take milliseconds; a pass reads
 *       what visitors want at some GB/s.
 */
struct ms_error *ms_survey_run(struct ms_target *target,
	const struct ms_survey_options *options, struct ms_survey **ret) MS_MUST_CHECK;

/** Free, ledger and claims included; NULL is fine. */
void ms_survey_free(struct ms_survey *survey);

MS_DEFINE_CLEANUP(struct ms_survey *, ms_survey_free);
#define _cleanup_survey_ _cleanup_(cleanup_ms_survey_free)
