/**
 * What the allocators of this room share: how one is found, and what it adds.
 *
 * Each allocator is a struct ms_allocator. Its find() looks through the modules of the
 * target, follows its own books with a peek, and adds instances, arenas and regions.
 * glibc's blocks carry headers and are walked in memory (glibc.h); the others keep tables
 * apart, so their find() already adds every extent (extent.h) and marks (marks.h) the
 * slots that are not live.
 */
#pragma once

#include "alloc/alloc.h"
#include "alloc/extent.h"
#include "alloc/marks.h"
#include "alloc/module.h"
#include "alloc/peek.h"

/** The libcs of a target: glibc.h. */
struct ms_glibcs {
	struct ms_glibc *v;
	size_t n;
	size_t cap;
};

/** A search under way. */
struct ms_alloc_find {
	struct ms_target *target;
	const struct ms_maps *maps;
	const struct ms_thread_table *threads; ///< or NULL
	const struct ms_cancel *cancel;
	struct ms_modules modules;
	struct ms_peek *peek;
	struct ms_alloc *alloc;
};

struct ms_allocator {
	const char *name;
	/** Errors: NOMEM, GONE, CANCELLED; whatever the target's bytes are is none. */
	struct ms_error *(*find)(struct ms_alloc_find *find);
};

extern const struct ms_allocator ms_allocator_glibc;
extern const struct ms_allocator ms_allocator_jemalloc;
extern const struct ms_allocator ms_allocator_gperftools;
extern const struct ms_allocator ms_allocator_mimalloc;
extern const struct ms_allocator ms_allocator_musl;
extern const struct ms_allocator ms_allocator_others;

/** A block in the cache of a thread that is known. */
struct ms_cached_block {
	uint64_t memory;
	uint32_t thread; ///< index in ms_alloc.threads
};

/** Beside the public rows; see there. */
struct ms_alloc_private {
	struct ms_target *target;
	const struct ms_cancel *cancel;
	struct ms_arena strings;
	struct ms_extents extents;
	struct ms_marks marks;
	MS_ARRAY(struct ms_cached_block) cached; ///< ascending by memory
	struct ms_glibcs glibcs;
};

/** Add a row; the number it got. Errors: NOMEM, LIMIT (MS_ALLOC_ARENAS_MAX). */
struct ms_error *ms_alloc_add_instance(struct ms_alloc *alloc,
	const struct ms_alloc_instance *row, uint32_t *ret) MS_MUST_CHECK;
struct ms_error *ms_alloc_add_arena(struct ms_alloc *alloc,
	const struct ms_alloc_arena *row, uint32_t *ret) MS_MUST_CHECK;

/** Add a region; an empty one is ignored. Errors: NOMEM, LIMIT. */
struct ms_error *ms_alloc_add_region(
	struct ms_alloc *alloc, const struct ms_alloc_region *row) MS_MUST_CHECK;

/** Add an extent of a table-keeping allocator. Errors: NOMEM, LIMIT. */
struct ms_error *ms_alloc_add_extent(
	struct ms_alloc *alloc, const struct ms_extent *extent) MS_MUST_CHECK;

/** Say that the block at this address is free. Errors: NOMEM, LIMIT. */
struct ms_error *ms_alloc_mark_free(
	struct ms_alloc *alloc, uint64_t memory) MS_MUST_CHECK;

/**
 * Say, after its stamp, that memory of an instance is left out: it overlaps other memory,
 * or there is no room for more. glibc's are stamped after the walk, which misses it.
 */
void ms_alloc_leave_out(struct ms_alloc *alloc, uint32_t instance, struct ms_range range);

/** Sort the regions; what overlaps an earlier one is left out. */
void ms_alloc_settle_regions(struct ms_alloc *alloc);

/** The region that holds an address, or NULL; needs them settled. Cost: logarithmic. */
const struct ms_alloc_region *ms_alloc_region_at(
	const struct ms_alloc *alloc, uint64_t address);

/** Remember whose cache a block is in: index in ms_alloc.threads. Errors: NOMEM. */
struct ms_error *ms_alloc_keep_cached(
	struct ms_alloc *alloc, uint64_t memory, uint32_t thread) MS_MUST_CHECK;

/** The thread whose cache a block is in; UINT32_MAX: not known. Cost: logarithmic. */
uint32_t ms_alloc_cached_for(const struct ms_alloc *alloc, uint64_t memory);

/** Set an instance's stamp: exact if off is 0 and reason NULL, else structural. */
void ms_alloc_stamp(struct ms_alloc *alloc, uint32_t instance, uint64_t off,
	const char *reason, ...) MS_PRINTF(4, 5);

/** After a walk: the stamps that depend on its counts. Errors: NOMEM. */
struct ms_error *ms_alloc_stamp_all(struct ms_alloc *alloc) MS_MUST_CHECK;
