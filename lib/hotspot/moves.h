/**
 * moves - what came into the old space, and with which collection.
 *
 * Serial and Parallel fill their old space from bottom to top: what a young collection
 * promotes lies between the top before it and the top after it, and what lies between two
 * collections was allocated there directly. So the addresses of what is there now tell
 * how it came, as long as no full collection moved everything since.
 */
#pragma once

#include <limits.h>

#include "hotspot/collections.h"
#include "hotspot/histogram.h"

enum {
	MS_MOVES_MAX = 32,        ///< stretches looked at
	MS_MOVE_KINDS = 4,        ///< kept of each: those of most bytes
	MS_MOVE_LARGE = 64 << 10, ///< bytes of an object that counts as one of its length
};

/** Objects of one class, and if they are large, of one length. */
struct ms_move_kind {
	const struct ms_class *class;
	uint32_t length; ///< elements of each; 0: no array, or of any length
	uint64_t objects, bytes;
};

/** One stretch of the old space. */
struct ms_move {
	struct ms_range range;
	size_t collection; ///< index of the one that promoted it, or after which it came
	bool is_direct;    ///< allocated there; else promoted
	bool is_first;     ///< it lies before all collections that are known
	uint64_t objects, bytes;
	uint64_t largest, smallest; ///< bytes of an object
	/// Ages at which they were promoted: copying keeps the mark word as it was in the
	/// young generation. INT_MAX and -1: no object tells.
	int youngest, oldest;
	struct ms_move_kind kinds[MS_MOVE_KINDS];
	size_t kind_n;
};

struct ms_moves {
	MS_ARRAY(struct ms_move) v; ///< ascending
	bool is_known; ///< false: a collector that does not fill from bottom to top, or no
		       ///< history
};

/**
 * Tell how the last collections filled the old space.
 *
 * Errors: NOMEM, GONE, CANCELLED.
 * Source: DefNewGeneration::copy_to_survivor_space(), Generation::promote(),
 *         PSPromotionManager::copy_unmarked_to_survivor_space() (JDK 8 to 26).
 * Cost: one walk of the heap, by one worker.
 */
struct ms_error *ms_moves_make(struct ms_objects *objects, const struct ms_heap *heap,
	const struct ms_collections *collections, const struct ms_cancel *cancel,
	struct ms_moves *ret) MS_MUST_CHECK;

/** Release; zeroed is fine. */
void ms_moves_deinit(struct ms_moves *moves);
