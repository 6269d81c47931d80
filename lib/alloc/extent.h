/**
 * Extents: what an allocator with tables of its own says of its memory, piece by piece.
 *
 * A slab has n slots of `slot` bytes from `first` on; they are live unless a mark says
 * otherwise, and the rest of its range is overhead. Any other extent is one block.
 */
#pragma once

#include "alloc/alloc.h"

struct ms_extent {
	struct ms_range range;
	uint32_t arena; ///< index in ms_alloc.arenas
	uint32_t slot;  ///< bytes per slot; 0: one block
	uint32_t first; ///< bytes from the range's start to slot 0
	uint32_t n;     ///< slots
	bool is_framed; ///< musl's slots: what malloc returned is said in each of them
	enum ms_alloc_state state; ///< of the one block; of a slab's slots: MS_ALLOC_LIVE
	uint64_t memory; ///< one block: what malloc returned; 0: the range's start
	uint64_t usable; ///< one block: usable bytes; 0: all of it
};

struct ms_extents {
	struct ms_extent *v; ///< ascending and disjoint after ms_extents_settle()
	size_t n;
	size_t cap;
};

/** Called for an extent that is dropped. */
typedef void (*ms_extent_fn)(void *arg, const struct ms_extent *extent);

/**
 * Sort; drop what overlaps an extent that begins before it, and slabs that do not fit
 * their range.
 */
void ms_extents_settle(struct ms_extents *extents, ms_extent_fn on_drop, void *arg);

/** The extent that holds an address, among those from `first` to before `end`, which are
 * ascending and disjoint; or NULL. */
const struct ms_extent *ms_extents_at(
	const struct ms_extents *extents, size_t first, size_t end, uint64_t address);
