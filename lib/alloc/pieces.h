/**
 * Pieces: the chunks of one glibc region, walked by several workers at once into one
 * block table.
 *
 * Each segment of the table is a piece of work. But for the first one, a worker does not
 * know where in its piece a chunk begins, so it looks for a row of headers that leads on.
 * When all are done the pieces are joined in order: where the last chunk of one ends, the
 * next has to begin. A piece that began elsewhere (a row of headers can also stand in a
 * program's data) is walked again from the right place, so the outcome is what a single
 * walk from the region's start would have given.
 */
#pragma once

#include "alloc/glibc_chunks.h"
#include "ledger/claims.h"

/** What the blocks of one instance are to the ledger, by state. */
struct ms_alloc_kinds {
	ms_kind v[MS_ALLOC_STATE_COUNT];
};

enum {
	MS_PIECE =
		MS_BLOCKS_SEGMENT * MS_BLOCK_GRANULE ///< bytes of heap, a table's segment
};

struct ms_piece {
	struct ms_range segment;     ///< as ms_blocks_segment gives it
	struct ms_chunks chunks;     ///< as its walk left it
	struct ms_tally_arena tally; ///< of its blocks
	struct ms_sizes sizes;       ///< of its blocks
	bool is_done;                ///< walked to its end
};

struct ms_pieces {
	struct ms_alloc *alloc;
	const struct ms_alloc_region *region;
	const struct ms_alloc_kinds *kinds;
	struct ms_blocks *blocks; ///< borrowed; not sealed yet
	struct ms_piece *v;
	size_t n;
};

/** A worker's way through one piece. */
struct ms_piece_walk;

/** Cut a region at the segments of its table. Errors: NOMEM. */
struct ms_error *ms_pieces_init(struct ms_pieces *pieces) MS_MUST_CHECK;

/** Release; zeroed is fine. */
void ms_pieces_deinit(struct ms_pieces *pieces);

/**
 * Begin the piece at an address.
 *
 * @param does_list  ms_piece_feed gives out blocks: somebody wants to see them
 * Errors: NOMEM; UNSUPPORTED if no piece begins there (the heap's mapping has a hole).
 */
struct ms_error *ms_piece_begin(struct ms_pieces *pieces, uint64_t start, bool does_list,
	struct ms_piece_walk **ret) MS_MUST_CHECK;

/**
 * Go on through a window.
 *
 * @param bytes  of window.start, to window.end at least; `n` bytes in all
 * @param ret_v  out: the blocks that became known, valid until the next call; their
 *               ordinals are those of the table until the pieces are joined: one that is
 *               walked again has others
 * Errors: NOMEM.
 */
struct ms_error *ms_piece_feed(struct ms_piece_walk *walk, struct ms_range window,
	const uint8_t *bytes, size_t n, const struct ms_block **ret_v,
	size_t *ret_n) MS_MUST_CHECK;

/** Where the next header is expected. */
uint64_t ms_piece_next(const struct ms_piece_walk *walk);

/** The piece is done, or given up; NULL is fine. */
void ms_piece_end(struct ms_piece_walk *walk);

/**
 * Join the pieces, once all were walked, and add up their counts.
 *
 * @param tally  of the region's arena
 * @param sizes  of all regions; added to, as is the tally
 * Errors: NOMEM, GONE, CANCELLED.
 */
struct ms_error *ms_pieces_join(struct ms_pieces *pieces, struct ms_tally_arena *tally,
	struct ms_sizes *sizes) MS_MUST_CHECK;
