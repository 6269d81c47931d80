/**
 * Tally: what a walk counts, by arena and state and by size; one per worker, then added.
 */
#pragma once

#include "alloc/alloc.h"

struct ms_tally_arena {
	struct ms_alloc_count count[MS_ALLOC_STATE_COUNT];
	uint64_t reclaimable;   ///< resident bytes
	uint64_t free_resident; ///< resident bytes of free blocks
	uint64_t odd;           ///< bytes of blocks whose neighbours contradict them
};

struct ms_tally {
	struct ms_tally_arena *arenas; ///< by number of the arena
	size_t arena_n;
	struct ms_alloc_size *sizes; ///< open addressing by instance and size
	size_t size_n, size_cap;
};

enum {
	MS_TALLY_SIZES_MAX =
		8192, ///< beyond it sizes are rounded up to 1/8 of a power of 2
};

/** Make room for the arenas of an alloc. Errors: NOMEM. */
struct ms_error *ms_tally_init(struct ms_tally *tally, size_t arenas) MS_MUST_CHECK;

/** Release; zeroed is fine. */
void ms_tally_deinit(struct ms_tally *tally);

/** Count a block, or take it back (sign -1). Errors: NOMEM. */
struct ms_error *ms_tally_add(struct ms_tally *tally, uint32_t instance,
	const struct ms_alloc_block *block, int sign) MS_MUST_CHECK;

/** Add what another tally has. Errors: NOMEM. */
struct ms_error *ms_tally_merge(
	struct ms_tally *to, const struct ms_tally *from) MS_MUST_CHECK;

/** Write counts and sizes into an alloc, whose own are replaced. Errors: NOMEM. */
struct ms_error *ms_tally_finish(
	const struct ms_tally *tally, struct ms_alloc *alloc) MS_MUST_CHECK;
