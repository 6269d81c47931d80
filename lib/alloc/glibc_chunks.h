/**
 * Chunks: one walk along the headers of a stretch of a glibc heap, window by window.
 *
 * Whether a chunk is free is said by the header behind it, so each is given out one
 * header late. Only what lies next to a chunk decides about it; lists are never followed
 * here. Where a header makes no sense the walk looks for the next place from which a
 * row of headers leads on, and counts what it left out.
 */
#pragma once

#include "alloc/emit.h"
#include "alloc/glibc.h"

enum {
	MS_CHUNKS_ROW = 24, ///< headers in a row that make a place trustworthy
	MS_CHUNKS_ROW_FOREIGN =
		1024,             ///< behind others' brk memory, which may be a heap, too
	MS_CHUNKS_ROW_BROKEN = 4, ///< headers that lead on to none
};

struct ms_chunks {
	/// Behind others' brk memory: where a row of chunks of several sizes broke off, which is
	/// hardly theirs; 0: nowhere.
	uint64_t broken_row;
	const struct ms_glibc *libc;
	const struct ms_alloc *alloc;
	const struct ms_alloc_region *region;
	struct ms_emit *emit;
	bool is_main;
	bool is_running; ///< the target: a heap may have grown since its arena was read
	bool is_synced;
	bool is_foreign; ///< what is left out now follows a fencepost
	uint64_t at;     ///< next header
	uint64_t lost;   ///< where the walk lost its way; while not is_synced
	uint64_t entry;  ///< first header of this walk that was trusted; UINT64_MAX: none
	uint64_t entry_words[2]; ///< it
	bool begins_free;        ///< a free chunk, or the top chunk, is the first
	uint64_t pending;        ///< chunk whose state is not known yet; 0: none
	uint64_t pending_size;
	uint64_t links[2];   ///< of the pending one, if it is free: forward, back
	bool is_cached;      ///< the pending one
	uint64_t free_start; ///< run of free chunks that ends at `at`; 0: none
	uint64_t last_fence; ///< end of the fencepost passed last
	uint64_t far_reads;  ///< headers that were read one by one
};

/**
 * Begin at the region's first chunk, which is known. Returns its address.
 */
uint64_t ms_chunks_open(struct ms_chunks *chunks, const struct ms_alloc *alloc,
	const struct ms_alloc_region *region, struct ms_emit *emit);

/** Begin somewhere in the region: the first header from `at` on that leads on. */
void ms_chunks_open_at(struct ms_chunks *chunks, const struct ms_alloc *alloc,
	const struct ms_alloc_region *region, struct ms_emit *emit, uint64_t at);

/** Give out what lies in front of the first chunk. Errors: as ms_chunks_feed. */
struct ms_error *ms_chunks_header(struct ms_chunks *chunks, uint64_t first) MS_MUST_CHECK;

/**
 * Go on through a window, which begins at or before `at`, to the first header at or
 * behind `end`.
 *
 * @param bytes  of window.start; n bytes are there, at least to `end`
 * Errors: NOMEM, those of emit.
 * Cost: 5 to 10 ns a chunk.
 */
struct ms_error *ms_chunks_feed(struct ms_chunks *chunks, const uint8_t *bytes,
	struct ms_range window, uint64_t end) MS_MUST_CHECK;

/**
 * Read and feed windows up to `end`, from where the walk is.
 * Errors: GONE, CANCELLED, those of ms_chunks_feed.
 */
struct ms_error *ms_chunks_run(struct ms_chunks *chunks, uint64_t end) MS_MUST_CHECK;

/**
 * Would this walk, if it went on, find what another one found that began further on? So it
 * does if that one's first header is where this one is, or if both looked for the first
 * place that leads on.
 */
bool ms_chunks_agree(const struct ms_chunks *chunks, const struct ms_chunks *next);

/**
 * Give out what is left up to the first header of another walk that agrees.
 *
 * @param ret_is_joined  out: false if free chunks on both sides are one run, whose gain
 *                       only a walk that goes on from this one can tell
 * Errors: as ms_chunks_feed.
 */
struct ms_error *ms_chunks_join(struct ms_chunks *chunks, struct ms_chunks *next,
	bool *ret_is_joined) MS_MUST_CHECK;

/**
 * The end of the region: give out what is pending.
 * Errors: as ms_chunks_feed.
 */
struct ms_error *ms_chunks_end(struct ms_chunks *chunks) MS_MUST_CHECK;

/** Give out the one block of a region that has a mapping of its own. Errors: as above. */
struct ms_error *ms_chunks_mmapped(const struct ms_alloc *alloc,
	const struct ms_alloc_region *region, struct ms_emit *emit) MS_MUST_CHECK;
