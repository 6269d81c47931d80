/**
 * Whole: allocators that are recognised only. Their memory is named for them, stretch by
 * stretch, and their blocks are not known.
 */
#pragma once

#include "alloc/alloc_internal.h"

/**
 * Add an instance that is not walked.
 *
 * @param reason  why not, one line
 * Errors: NOMEM.
 */
struct ms_error *ms_whole_instance(struct ms_alloc_find *find, const char *allocator,
	const char *layout, struct ms_bytes path, const char *reason,
	uint32_t *ret) MS_MUST_CHECK;

/** Add memory of such an instance; more regions than are followed are left out. Errors:
 * NOMEM. */
struct ms_error *ms_whole_add(struct ms_alloc_find *find, uint32_t instance,
	struct ms_range range) MS_MUST_CHECK;

/** True if mappings cover the range without a hole, whatever may be done with them. */
bool ms_whole_is_mapped(const struct ms_maps *maps, struct ms_range range);

/** The arenas of mimalloc 3, and the segments of mimalloc 1. Errors: NOMEM, GONE,
 * CANCELLED. */
struct ms_error *ms_whole_mimalloc3(struct ms_alloc_find *find) MS_MUST_CHECK;
struct ms_error *ms_whole_mimalloc1(struct ms_alloc_find *find) MS_MUST_CHECK;

/** musl's old malloc, up to 1.2.0 and where a build asks for it. Errors: as above. */
struct ms_error *ms_whole_musl(struct ms_alloc_find *find) MS_MUST_CHECK;
