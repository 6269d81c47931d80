/**
 * Claims: what readers say, collected, then resolved so that each byte has one owner.
 *
 * Ranks go from coarse to fine: mapping < region (allocator heap, reservation, stack) <
 * part (space, code segment) < block < structure in a block. A finer claim carves out of
 * a coarser one. Its parent is the finest claim of region rank or finer, of a coarser
 * rank than its own, that holds its first byte (else its last); what reaches past the
 * parent is clipped and counted. Within a rank the stronger kind wins byte by byte; what
 * only the owner id decided is a conflict.
 *
 * Live before owner: a claim inside memory whose state is free, cached or overhead never
 * becomes its owner; it is kept as "last used by".
 *
 * Claims and their kinds come from one thread; offers for blocks from any
 * (ms_claims_offer).
 */
#pragma once

#include "base/base.h"
#include "ledger/blocks.h"
#include "ledger/kind.h"
#include "proc/maps.h"

enum ms_rank {
	MS_RANK_MAPPING,
	MS_RANK_REGION,
	MS_RANK_PART,
	MS_RANK_BLOCK,
	MS_RANK_STRUCTURE,
	MS_RANK_COUNT,
};

struct ms_claim {
	struct ms_range range;
	enum ms_rank rank;
	ms_kind kind;
	/// Of its anonymous pages where they differ: a file's private copies.
	ms_kind kind_anon;
	/// Countable objects it stands for (a thread, a file), or 0.
	uint32_t count;
	/// The one thing it is about (a thread's name, a path): bytes of the target, copied;
	/// may be empty.
	struct ms_bytes item;
	/// Sealed table of a walked heap, or NULL; owned by the claims from now on, also if
	/// adding fails.
	struct ms_blocks *blocks;
};

/** A stretch of resolved addresses; what lies between segments was claimed by nobody. */
struct ms_segment {
	struct ms_range range;
	const struct ms_claim *claim; ///< who won; its range is as clipped
	const char *rival;            ///< owner that lost by its id only, or NULL
};

/** What was claimed for one address. */
struct ms_answer {
	struct ms_range range; ///< of the block, else of the segment
	const struct ms_kind_row
		*kind; ///< never NULL; owner "unexplained" where nothing is known
	const struct ms_claim *claim; ///< or NULL
	bool is_block;                ///< the answer comes from a block table
};

/** The collection: claims, kinds, block tables, rows beside Rss, remarks and notes. */
struct ms_claims;

/** Make an empty collection. Errors: NOMEM. */
struct ms_error *ms_claims_new(struct ms_claims **ret) MS_MUST_CHECK;

/** Free, block tables included; NULL is fine. */
void ms_claims_free(struct ms_claims *claims);

/** The kinds that claims refer to; borrowed. */
struct ms_kinds *ms_claims_kinds(struct ms_claims *claims);

/** As ms_kinds_intern, on the collection's own table. */
struct ms_error *ms_claims_kind(struct ms_claims *claims, const struct ms_kind_row *row,
	ms_kind *ret) MS_MUST_CHECK;

/**
 * Add a claim. An empty range is ignored. Errors: NOMEM.
 */
struct ms_error *ms_claims_add(
	struct ms_claims *claims, const struct ms_claim *claim) MS_MUST_CHECK;

/** Intern a kind and add a claim of it in one call. Errors: NOMEM, LIMIT. */
struct ms_error *ms_claims_say(struct ms_claims *claims, struct ms_range range,
	enum ms_rank rank, const struct ms_kind_row *row, uint32_t count,
	struct ms_bytes item) MS_MUST_CHECK;

/** Add to a row beside Rss (id "outside.…"). Errors: NOMEM. */
struct ms_error *ms_claims_outside(struct ms_claims *claims, const char *owner,
	uint64_t bytes, const char *reader, const char *what,
	struct ms_bytes item) MS_MUST_CHECK;

/** Add evidence, or counter-evidence, to an owner as a whole. Errors: NOMEM. */
struct ms_error *ms_claims_remark(struct ms_claims *claims, const char *owner,
	bool is_counter, const char *reader, const char *what,
	uint64_t count) MS_MUST_CHECK;

/** Add a note: a line on what could not be had, and why. Errors: NOMEM. */
struct ms_error *ms_claims_note(
	struct ms_claims *claims, const char *format, ...) MS_MUST_CHECK MS_PRINTF(2, 3);

/**
 * Offer a kind for a block; for a block that is not live it is kept as "last used by".
 *
 * @param block  as given by ms_blocks_find or ms_blocks_next of `blocks`
 * Errors: NOMEM, LIMIT.
 * Safety: any thread; the outcome does not depend on the order of offers.
 */
struct ms_error *ms_claims_offer(struct ms_claims *claims, struct ms_blocks *blocks,
	const struct ms_block *block, ms_kind kind) MS_MUST_CHECK;

/**
 * Say who used freed memory last, beside the row it stays in: for what was learnt from a
 * sample rather than block by block.
 *
 * @param freed  kind of the memory: free or cached
 * @param user   kind that names the last user
 * @param bytes  resident bytes this stands for; count: pages or blocks
 * Errors: NOMEM.
 * Safety: any thread.
 */
struct ms_error *ms_claims_used(struct ms_claims *claims, ms_kind freed, ms_kind user,
	uint64_t bytes, uint64_t count) MS_MUST_CHECK;

/**
 * Resolve what was added so far. May be called again after more was added; answers and
 * segments of before are then void.
 *
 * Errors: NOMEM. Cost: n log n in the number of claims.
 */
struct ms_error *ms_claims_resolve(struct ms_claims *claims) MS_MUST_CHECK;

/** The resolved segments, ascending and disjoint; ret_n of them. */
const struct ms_segment *ms_claims_segments(
	const struct ms_claims *claims, size_t *ret_n);

/** Claims that reached past their parent and were clipped by the last resolution. */
size_t ms_claims_clipped(const struct ms_claims *claims);

/** Who owns this address, by the last resolution. Cost: logarithmic. Safety: any thread.
 */
struct ms_answer ms_claims_find(const struct ms_claims *claims, uint64_t address);
