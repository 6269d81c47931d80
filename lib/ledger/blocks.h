/**
 * Block tables: every block of one walked heap, small enough for all of them.
 *
 * One start bit per unit of 8 or 16 bytes, a rank count per 256 bits for constant-time
 * look-ups, and a 16-bit kind per block in address order: 17 million blocks in 1.3 GiB
 * cost about 45 MB.
 *
 * A table is cut into segments of 2^20 units. Each is built in ascending order by one
 * thread at a time, and different ones by different threads; then the table is sealed,
 * read, and offered to by any number of threads. The blocks tile the range: a block ends
 * where the next one begins, and what the walkers left out is a block of MS_KIND_NONE,
 * whose owner is that of the claim around it.
 */
#pragma once

#include "base/base.h"
#include "ledger/kind.h"

struct ms_blocks;

struct ms_block {
	struct ms_range range;
	size_t ordinal; ///< names the block in its table, ascending by address
	ms_kind kind;   ///< as it was when asked for
};

enum {
	MS_BLOCK_GRANULE = 16,      ///< the usual unit, bytes
	MS_BLOCKS_SEGMENT = 1 << 20 ///< units of one segment
};

/**
 * Make an empty table.
 *
 * @param range  of the heap; blocks begin at multiples of the unit from its start
 * @param unit   bytes: 8 or 16
 * Errors: NOMEM; FORMAT if the range is empty or the unit another; LIMIT if it has more
 *         than 2^36 units (1 TiB).
 * Cost: one bit per unit; memory is touched as blocks are added.
 */
struct ms_error *ms_blocks_new(
	struct ms_range range, uint32_t unit, struct ms_blocks **ret) MS_MUST_CHECK;

/** Free; NULL is fine. */
void ms_blocks_free(struct ms_blocks *blocks);

/** The addresses of the segment that holds one; its end may lie behind the table's. */
struct ms_range ms_blocks_segment(const struct ms_blocks *blocks, uint64_t address);

/**
 * Add a block at or after the end of the last one of its segment.
 *
 * @param ret_ordinal  out: for ms_blocks_offer; may be NULL
 * Errors: NOMEM; FORMAT if it is misaligned, goes backwards or leaves the range: the
 * table stays as it was, and the walker decides whether to resynchronise.
 * Safety: one thread per segment.
 */
struct ms_error *ms_blocks_add(struct ms_blocks *blocks, struct ms_range block,
	ms_kind kind, size_t *ret_ordinal) MS_MUST_CHECK;

/**
 * Take back every block of a segment, so that it can be built anew.
 *
 * Not for sealed tables.
 *
 * @param segment  as ms_blocks_segment gives it
 * Safety: one thread per segment.
 */
void ms_blocks_clear(struct ms_blocks *blocks, struct ms_range segment);

/** Does a block begin at this address? Sealed or not. */
bool ms_blocks_begins(const struct ms_blocks *blocks, uint64_t address);

/** End of building: fills what was left out, makes the rank counts. Errors: NOMEM. */
struct ms_error *ms_blocks_seal(struct ms_blocks *blocks) MS_MUST_CHECK;

/** The heap's range. */
struct ms_range ms_blocks_range(const struct ms_blocks *blocks);

/** Number of blocks. */
size_t ms_blocks_count(const struct ms_blocks *blocks);

/** Bytes the table takes. */
size_t ms_blocks_footprint(const struct ms_blocks *blocks);

/**
 * The block that holds an address; false if it is outside of the range, or if the table
 * is not sealed yet.
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

/** What blocks of one kind come to. */
struct ms_blocks_sum {
	uint64_t bytes, count;
};

/**
 * Add up, by kind, the blocks from a given one on that end at or before `end`.
 *
 * @param block  in: the first; out: the first that ends behind `end`, or the last block
 *               of the table, which is never added
 * @param sums   by kind; added to
 * Cost: about 2 ns a block.
 */
void ms_blocks_add_up(const struct ms_blocks *blocks, struct ms_block *block,
	uint64_t end, struct ms_blocks_sum *sums);

/** The kind of a block as of now. */
ms_kind ms_blocks_kind(const struct ms_blocks *blocks, size_t ordinal);

/**
 * Offer a kind for a block; the stronger stays (ms_kinds_merge).
 * Errors: NOMEM, LIMIT.
 * Safety: any thread; the outcome does not depend on the order of offers.
 */
struct ms_error *ms_blocks_offer(struct ms_blocks *blocks, struct ms_kinds *kinds,
	size_t ordinal, ms_kind kind) MS_MUST_CHECK;
