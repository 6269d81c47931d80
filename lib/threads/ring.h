/**
 * glibc's lists of stacks: rings of control blocks that pass through one head.
 *
 * A list_t is two words, next and prev, and lies inside each struct pthread. A walk is
 * believed as a whole only if it comes back to its head and every node's prev is the node
 * it was reached from: then the ring is the same in both directions, has no loop beside
 * it and no node that is not a control block.
 */
#pragma once

#include "threads/control_block.h"

/** Where a walk gets its bytes; the callback says false for what cannot be read. */
struct ms_ring_source {
	bool (*get)(void *context, uint64_t address, void *to, size_t n);
	void *context;
	const struct ms_maps *maps;
	const struct ms_tcb_layout *layout;
};

struct ms_ring {
	MS_ARRAY(struct ms_control_block) blocks; ///< in the order of the list
	uint64_t bytes;                           ///< of all their stacks
	bool is_whole;                            ///< came back to its head, consistent
};

/** Release the storage; the ring is empty and usable again. */
void ms_ring_deinit(struct ms_ring *ring);

/**
 * Walk the ring of a head.
 *
 * A ring that is not whole holds the blocks up to where it broke; each of them is checked.
 *
 * @param head   address of the head's list_t
 * @param steps  in, out: nodes that may still be read
 * @param ring   emptied first
 * Errors: NOMEM. Cost: one read a node.
 */
struct ms_error *ms_ring_walk(const struct ms_ring_source *source, uint64_t head,
	unsigned *steps, struct ms_ring *ring) MS_MUST_CHECK;

/** Read and check one control block; false if it cannot be read or is none. */
bool ms_ring_block(const struct ms_ring_source *source, uint64_t address,
	struct ms_control_block *ret);
