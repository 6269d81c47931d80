/**
 * Marks: which blocks are known, from lists of the allocator, not to be live.
 *
 * A sparse set of addresses, two bits per 8 bytes in tiles of 64 KiB: lists of millions of
 * small blocks cost about 3 % of the memory they lie in, and a look-up two loads.
 */
#pragma once

#include "base/base.h"

enum ms_mark {
	MS_MARK_NONE,
	MS_MARK_CACHED,
	MS_MARK_FREE,
	MS_MARK_FAST,
};

struct ms_marks {
	struct ms_marks_tile **slots; ///< open addressing by tile number
	size_t n, cap;
	size_t marked; ///< addresses with a mark
};

/** Release; zeroed is empty. */
void ms_marks_deinit(struct ms_marks *marks);

/**
 * Mark an address that is a multiple of 8; the first mark stays.
 * @param ret_is_new  out: false if it was marked before; may be NULL
 * Errors: NOMEM; LIMIT when marks take over 1 GiB.
 */
struct ms_error *ms_marks_set(struct ms_marks *marks, uint64_t address, enum ms_mark mark,
	bool *ret_is_new) MS_MUST_CHECK;

/** The mark of an address. Safety: any thread, while nobody sets. */
enum ms_mark ms_marks_get(const struct ms_marks *marks, uint64_t address);
