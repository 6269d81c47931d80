/**
 * Slabs: the blocks of extents, in the order of addresses; of the target's memory only
 * musl's frames are read for them.
 */
#pragma once

#include "alloc/alloc_internal.h"
#include "alloc/emit.h"

/**
 * Make regions of the extents, settled before: neighbours within one mapping together.
 * What there is no room for is left out. Errors: NOMEM.
 */
struct ms_error *ms_slabs_regions(struct ms_alloc *alloc) MS_MUST_CHECK;

/** Emit the blocks of a region. Errors: NOMEM, CANCELLED, fn's. */
struct ms_error *ms_slabs_walk(const struct ms_alloc *alloc,
	const struct ms_alloc_region *region, struct ms_emit *emit) MS_MUST_CHECK;
