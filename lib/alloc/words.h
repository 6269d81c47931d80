/**
 * Words: an allocator's tables read in bulk, front to back, without what is absent.
 *
 *     ms_words_over(words, range);
 *     while (!(err = ms_words_next(words, &any)) && any)
 *             for (size_t i = 0; i < words->n; i++)
 *                     look(words->at + i * 8, words->v[i]);
 *
 * Tables of several MiB are mostly holes: only runs of pages that are there are read, so
 * the cost is bounded by what is resident, whatever size a target claims.
 */
#pragma once

#include "target/target.h"

enum {
	MS_WORDS_WINDOW = 64 << 10,      ///< bytes
	MS_WORDS_UNKNOWN_MAX = 64 << 20, ///< bytes of one range whose pages nobody knows
};

struct ms_words {
	struct ms_target *target;
	const struct ms_cancel *cancel;
	struct ms_range rest; ///< not yet read
	struct ms_gaps gaps;
	uint64_t unknown; ///< bytes that were looked at although nobody knows their pages
	bool is_missing;  ///< some of it is swapped out, or was refused; stays set
	uint64_t at;      ///< address of v[0]
	size_t n;
	uint64_t v[MS_WORDS_WINDOW / 8]; ///< gaps are 0
};

/** Make one, over nothing; cancel may be NULL. Errors: NOMEM. */
struct ms_error *ms_words_new(struct ms_target *target, const struct ms_cancel *cancel,
	struct ms_words **ret) MS_MUST_CHECK;

/** Free; NULL is fine. */
void ms_words_free(struct ms_words *words);
MS_DEFINE_CLEANUP(struct ms_words *, ms_words_free);
#define _cleanup_words_ _cleanup_(cleanup_ms_words_free)

/** Begin anew with a range; ends that are no multiples of 8 are cut off. */
void ms_words_over(struct ms_words *words, struct ms_range range);

/** Read the next window; false at the end. Errors: GONE, CANCELLED, NOMEM. */
struct ms_error *ms_words_next(struct ms_words *words, bool *ret_any) MS_MUST_CHECK;
