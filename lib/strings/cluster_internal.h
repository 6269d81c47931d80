/**
 * One share of the clusters: those whose keys have the same top bits. Shares are folded
 * independently of each other, so several threads can work without locks.
 */
#pragma once

#include "strings/count.h"

struct share {
	size_t budget; // bytes for clusters and samples
	size_t used;
	MS_ARRAY(struct ms_cluster) clusters;
	uint32_t *slots;                   // index + 1 of a cluster; 0 is empty
	size_t slot_n;                     // a power of two
	uint64_t *texts;                   // hashes of distinct texts; 0 is empty
	size_t text_n, text_cap, text_max; // capacities are powers of two
	uint64_t dropped_clusters, dropped_count, dropped_bytes;
};

/** Set limits. `memory` is for this share alone. */
void share_init(struct share *share, size_t memory);

/** Release everything. */
void share_deinit(struct share *share);

/** Count one string of a window. Errors: NOMEM. */
struct ms_error *share_fold(struct share *share, const struct ms_text_window *window,
	const struct ms_text_record *record) MS_MUST_CHECK;
