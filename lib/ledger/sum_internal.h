/**
 * What the two halves of the sum share: sweep.c counts bytes per kind and claim, sum.c
 * makes rows of them.
 */
#pragma once

#include "ledger/claims_internal.h"
#include "ledger/ledger.h"

/** What one kind, or one claim, came to. */
struct tally {
	uint64_t resident, swap, count;
};

struct sum {
	const struct ms_claims *claims;
	const struct ms_sum_input *in;
	struct ms_ledger *ledger;
	struct tally *kinds;        // by kind
	struct ms_blocks_sum *sums; // by kind: of one stretch of a walked heap
	struct tally *of_claims;    // by index in claims->sorted
	const char **owners;        // ascending, each once
	uint32_t *owner_of;         // index in owners, by kind
	size_t kind_n, owner_n;
	ms_kind overcount;
	struct ms_ranges surplus; // file pages that are counted elsewhere
	size_t surplus_at;        // the sweep's place in it
	size_t segment_at;        // the sweep's place in claims->segments
	// The mapping being swept: bytes per owner, and the owners that have any.
	uint64_t *here;
	MS_ARRAY(uint32_t) touched;
	uint64_t here_resident, here_swap; // as written to the rows
	uint64_t raw, raw_total, rss;      // to scale raw_total down to rss
	bool is_scaled;
	bool was_scaled; // for any mapping
};

/** Count every mapping. Errors: NOMEM. */
struct ms_error *ms_sweep_mappings(struct sum *s) MS_MUST_CHECK;
