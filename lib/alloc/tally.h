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
	uint64_t links;         ///< glibc: over the links between free blocks; wraps
};

enum {
	MS_SIZES_SMALL = 1024, ///< multiples of 16 bytes that have a place of their own
};

/** Blocks by instance and size: open addressing, but for the small ones of the instance
 * that came first. */
struct ms_sizes {
	struct ms_alloc_size *v;
	size_t n, cap;
	bool is_coarse; ///< there were too many sizes
	uint32_t small_instance;
	uint64_t (*small)[MS_ALLOC_CLASSED]; ///< by size / 16, then by state; or NULL
};

/** Release; zeroed is fine. */
void ms_sizes_deinit(struct ms_sizes *sizes);

struct ms_tally {
	struct ms_tally_arena *arenas; ///< by number of the arena
	size_t arena_n;
	struct ms_sizes sizes;
};

enum {
	MS_SIZES_MAX = 16384, ///< beyond it sizes are rounded up to 1/8 of a power of 2
};

/** Make room for the arenas of an alloc. Errors: NOMEM. */
struct ms_error *ms_tally_init(struct ms_tally *tally, size_t arenas) MS_MUST_CHECK;

/** Release; zeroed is fine. */
void ms_tally_deinit(struct ms_tally *tally);

/** Count a block of an arena. */
void ms_tally_block(struct ms_tally_arena *arena, const struct ms_alloc_block *block);

/** Count a block by its size. Errors: NOMEM. */
struct ms_error *ms_sizes_add(struct ms_sizes *sizes, uint32_t instance, uint64_t size,
	enum ms_alloc_state state) MS_MUST_CHECK;

/** Add what others counted. Errors: NOMEM. */
struct ms_error *ms_sizes_merge(
	struct ms_sizes *to, const struct ms_sizes *from) MS_MUST_CHECK;

/** Add what another arena's counts have. */
void ms_tally_add(struct ms_tally_arena *to, const struct ms_tally_arena *from);

/** Add what another tally has. Errors: NOMEM. */
struct ms_error *ms_tally_merge(
	struct ms_tally *to, const struct ms_tally *from) MS_MUST_CHECK;

/** Write counts and sizes into an alloc, whose own are replaced. Errors: NOMEM. */
struct ms_error *ms_tally_finish(
	const struct ms_tally *tally, struct ms_alloc *alloc) MS_MUST_CHECK;
