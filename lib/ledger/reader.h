/**
 * Readers: where those who know something and the survey that runs them meet.
 *
 * A reader lives in the room of what it knows (threads, alloc, hotspot, evidence,
 * survey's own text). It is a table of callbacks; the survey calls them in five steps:
 *
 *   open    the survey's own: identity, maps, page states, images
 *   anchor  each reader in turn finds its roots and makes range claims; a reader that can
 *           walk a range (blocks of malloc, Java objects) registers its walker
 *   pass    range claims are resolved; memory is read once, in windows; the walker of a
 *           range, else the default one, forms batches, and every visitor sees each batch
 *   settle  each reader joins what its workers found: claims, offers, remarks
 *   sum     the survey's own: claims and block tables against page states
 *
 * Anchor and settle run on one thread. visit() and walk() run on several at once: they
 * touch only their worker's own data, offer kinds (ms_claims_offer), ask for owners
 * (ms_claims_find) and intern kinds; they never read the target. Whatever they collect
 * carries the batch's item number, so that it can be merged in address order and the
 * outcome is the same for any number of threads.
 *
 * A reader that fails becomes a note and its missing owners. Only NOMEM, CANCELLED, and
 * GONE before anything was learnt, end a survey.
 */
#pragma once

#include "base/base.h"
#include "ledger/claims.h"

struct ms_gap;
struct ms_target;
struct ms_thread_table;
struct ms_alloc;
struct ms_reading;

/** What the bytes of a window are. */
struct ms_window {
	struct ms_range range; ///< at most 1 MiB; windows of one survey do not overlap
	const uint8_t *bytes;  ///< of range.start; zero where there is a gap
	size_t before; ///< readable bytes in front of `bytes`, for context: up to 64
	size_t after;  ///< readable bytes behind the range: 4 KiB where memory goes on
	const struct ms_gap
		*gaps; ///< ascending, from range.start - before to range.end + after
	size_t gap_n;
};

/** One window as visitors see it. */
struct ms_batch {
	struct ms_window window;
	size_t item;              ///< number of the piece of work, ascending by address
	struct ms_blocks *blocks; ///< table the blocks are in, or NULL: raw bytes
	/// Blocks that became known with this window, ascending; the first may begin before
	/// it.
	const struct ms_block *block_v;
	size_t block_n;
};

/** A walker's way through one piece of work. */
struct ms_walk {
	struct ms_range range; ///< of the piece
	uint64_t next;         ///< where the next window begins: the window's end unless
			       ///< walk() moves it on, to leave out what it need not see
	void *cursor;          ///< the walker's own; NULL at the first window
	unsigned worker;
	bool is_seen; ///< visitors want the bytes: nothing should be left out
};

struct ms_walker {
	const char *name;
	uint64_t piece; ///< bytes per piece of work; 0: the whole range, by one worker
	bool is_for_visitors; ///< it need not read for itself: only where visitors do

	/**
	 * Form the batch of one window; windows of a piece come in ascending order.
	 *
	 * @param batch  in: window and item; out: blocks, which stay valid until the next
	 *               call for this piece
	 * Errors: any; the rest of the piece is then left to raw windows.
	 */
	struct ms_error *(*walk)(
		void *state, struct ms_walk *walk, struct ms_batch *batch);

	/** The piece is done or was given up: release the cursor. May be NULL. */
	void (*end)(void *state, struct ms_walk *walk);
};

struct ms_reader {
	const char *name; ///< as evidence names it: "kernel", "threads", …

	/**
	 * Find roots, make range claims, register walkers.
	 *
	 * @param arg  what came with the reader's registration
	 * @param ret_state  out: the reader's own; freed by free() also if anchor failed
	 */
	struct ms_error *(*anchor)(
		struct ms_reading *reading, void *arg, void **ret_state);

	/**
	 * Does the reader want the bytes of this stretch? Asked before the pass, on one
	 * thread. `answer->kind` is what is said of it so far. NULL: all or nothing, by
	 * visit. What no visitor wants is not read.
	 */
	bool (*wants)(void *state, const struct ms_answer *answer);

	/** See one batch; NULL: the reader wants no bytes. Safety: several at once. */
	struct ms_error *(*visit)(
		void *state, unsigned worker, const struct ms_batch *batch);

	/** Join what the workers found. May be NULL. */
	struct ms_error *(*settle)(void *state, struct ms_reading *reading);

	/** Release the state; NULL is fine. May be NULL. */
	void (*free)(void *state);
};

/**
 * What a private allocator leaves at the head of each piece that it had from malloc: a
 * pointer to its next piece, or zero, and the bytes that follow.
 */
struct ms_piece_head {
	uint64_t sizes[4]; ///< the usual ones; 0 ends them
	uint64_t bytes;    ///< of the head
	uint64_t
		row; ///< bytes of glibc's block around the largest; 0: others have such, too
	const char *owner;  ///< whose pieces these are, where nothing else tells; static
	const char *detail; ///< what such a head is, as a kind's detail; static
};

/** What readers work on. */
struct ms_reading {
	struct ms_target *target;
	struct ms_claims *claims;
	struct ms_thread_table
		*threads;       ///< made by the threads' reader, NULL before it ran
	struct ms_alloc *alloc; ///< made by the allocators' reader, NULL before it ran
	unsigned workers;       ///< visit's worker numbers are 0..workers-1
	const struct ms_cancel *cancel;         ///< may be NULL
	MS_ARRAY(struct ms_walk_range) walkers; ///< through ms_reading_walker
	MS_ARRAY(struct ms_pointed) pointed;    ///< through ms_reading_pointed
	MS_ARRAY(struct ms_past) past;          ///< through ms_reading_past
	MS_ARRAY(struct ms_piece_thread)
	piece_threads;                   ///< through ms_reading_piece_thread
	struct ms_piece_head piece_head; ///< owner is NULL: none is known
};

struct ms_walk_range {
	struct ms_range range;
	const struct ms_walker *walker;
	void *state;
};

/** What words that point into a range tell of the block they are in. */
struct ms_pointed {
	struct ms_range range;
	const char *owner;  ///< who used it
	const char *detail; ///< what such a word is, as a kind's detail
};

/**
 * Say, in anchor, whose objects hold words that point into this range, such as the vtables
 * of a class: for those who ask who used freed memory last.
 *
 * @param owner, detail  static
 * Errors: NOMEM.
 */
struct ms_error *ms_reading_pointed(struct ms_reading *reading, struct ms_range range,
	const char *owner, const char *detail) MS_MUST_CHECK;

/** A thread that takes pieces of a private allocator for an owner. */
struct ms_piece_thread {
	uint64_t tid;
	const char *owner, *detail;
};

/**
 * Say, in anchor, who gets the pieces (ms_piece_head) that a thread takes: for freed ones
 * where no words are known that would tell.
 *
 * @param owner, detail  static
 * Errors: NOMEM.
 */
struct ms_error *ms_reading_piece_thread(struct ms_reading *reading, uint64_t tid,
	const char *owner, const char *detail) MS_MUST_CHECK;

/** What an owner did lately. */
struct ms_past {
	const char *owner, *text;
};

/**
 * Say, in anchor, what an owner did lately: told beside freed memory that it used last.
 *
 * @param owner  static
 * @param text   lives as long as its reader
 * Errors: NOMEM.
 */
struct ms_error *ms_reading_past(
	struct ms_reading *reading, const char *owner, const char *text) MS_MUST_CHECK;

/**
 * Register the walker of a range. Where ranges overlap, the one registered first keeps
 * the common part. Errors: NOMEM.
 */
struct ms_error *ms_reading_walker(struct ms_reading *reading, struct ms_range range,
	const struct ms_walker *walker, void *state) MS_MUST_CHECK;
