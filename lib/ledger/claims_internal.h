/**
 * What claims.c, resolve.c and sum.c share: the collection itself.
 */
#pragma once

#include "ledger/claims.h"

/** A row beside Rss. */
struct outside {
	const char *owner, *reader, *what;
	struct ms_bytes item;
	uint64_t bytes;
};

/** Evidence for or against an owner as a whole. */
struct remark {
	const char *owner, *reader, *what;
	uint64_t count;
	bool is_counter;
};

/** Freed bytes that something still recognises: kept beside the row, never its owner. */
struct use {
	const char *owner, *user;
	uint64_t bytes, count;
};

/** The same for blocks: one of these per kind of freed block, one slot per kind offered.
 */
struct use_slots {
	uint64_t bytes[65536], count[65536]; // atomic builtins only
};

struct ms_claims {
	struct ms_kinds *kinds;
	struct ms_arena arena; // texts of claims, outside rows, remarks and notes
	MS_ARRAY(struct ms_claim) added; // as they came
	MS_ARRAY(struct outside) outside;
	MS_ARRAY(struct remark) remarks;
	MS_ARRAY(const char *) notes;
	struct use_slots *
		*block_uses; // by kind of the freed block; made when first needed

	// Made by ms_claims_resolve.
	MS_ARRAY(struct ms_claim) sorted; // clipped; segments point into it
	MS_ARRAY(struct ms_segment) segments;
	MS_ARRAY(struct use) uses;
	size_t clipped;
};
