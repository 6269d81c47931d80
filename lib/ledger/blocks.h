/**
 * Block tables: every block of one walked heap, small enough for all of them.
 *
 * One start bit per 16-byte granule (or per slot, in a slab), a rank count per 256 bits
 * for constant-time ordinals, and a 16-bit kind per block in address order: 17 million
 * blocks in 1.3 GiB cost about 45 MB.
 *
 * A table is built in ascending order by one walker, sealed, then read and offered to by
 * any number of threads. In a table of granules the blocks tile the range: what the
 * walker left out is a block of MS_KIND_NONE, whose owner is that of the claim around it.
 * In a slab a slot that was not added has the table's `rest` kind.
 */
#pragma once

#include "base/base.h"
#include "ledger/kind.h"

struct ms_blocks;

struct ms_block {
	struct ms_range range;
	size_t ordinal; ///< of the block in its table; SIZE_MAX: free slots of a slab
	ms_kind kind;   ///< as it was when asked for
};

enum {
	MS_BLOCK_GRANULE = 16
};

/**
 * Make an empty table.
 *
 * @param range  of the heap; blocks begin at multiples of the granule or slot from its
 *               start
 * @param slot   bytes per slot of a slab, or 0 for granules
 * @param rest   kind of slots that are not added; not used with granules
 * Errors: NOMEM; FORMAT if the range is empty or the slot smaller than 8 bytes; LIMIT if
 *         it is larger than 1 TiB of granules.
 * Cost: one bit per unit; memory is touched as blocks are added.
 */
struct ms_error *ms_blocks_new(struct ms_range range, uint32_t slot, ms_kind rest,
	struct ms_blocks **ret) MS_MUST_CHECK;

/** Free; NULL is fine. */
void ms_blocks_free(struct ms_blocks *blocks);

/**
 * Add a block at or after the end of the last one.
 *
 * Errors: NOMEM; FORMAT if it is misaligned, goes backwards or leaves the range: the
 * table stays as it was, and the walker decides whether to resynchronise.
 */
struct ms_error *ms_blocks_add(
	struct ms_blocks *blocks, struct ms_range block, ms_kind kind) MS_MUST_CHECK;

/** End of building: makes the rank counts. Errors: NOMEM. */
struct ms_error *ms_blocks_seal(struct ms_blocks *blocks) MS_MUST_CHECK;

/** The heap's range. */
struct ms_range ms_blocks_range(const struct ms_blocks *blocks);

/** Number of blocks; ordinals are 0..count-1. */
size_t ms_blocks_count(const struct ms_blocks *blocks);

/** Bytes the table takes. */
size_t ms_blocks_footprint(const struct ms_blocks *blocks);

/**
 * The block that holds an address; false if it is outside of the range. In a slab the run
 * of free slots around the address. Needs a sealed table.
 * Cost: constant, but for the search for the block's start and end.
 */
bool ms_blocks_find(
	const struct ms_blocks *blocks, uint64_t address, struct ms_block *ret);

/**
 * The block after the given one, or the one that holds the range's start if *block is
 * zeroed; false at the end. Walk with: struct ms_block b = {}; while (ms_blocks_next(t,
 * &b)) ...
 */
bool ms_blocks_next(const struct ms_blocks *blocks, struct ms_block *block);

/** The kind of a block as of now. */
ms_kind ms_blocks_kind(const struct ms_blocks *blocks, size_t ordinal);

/**
 * Offer a kind for a block; the stronger stays (ms_kinds_merge).
 * Errors: NOMEM, LIMIT.
 * Safety: any thread; the outcome does not depend on the order of offers.
 */
struct ms_error *ms_blocks_offer(struct ms_blocks *blocks, struct ms_kinds *kinds,
	size_t ordinal, ms_kind kind) MS_MUST_CHECK;
