// The allocators of a target, found and walked: see alloc.h.

#include "alloc/alloc_internal.h"

#include <stdarg.h>
#include <string.h>

#include "alloc/glibc.h"
#include "alloc/slabs.h"

static const struct ms_allocator *const allocators[] = {
	&ms_allocator_jemalloc,
	&ms_allocator_gperftools,
	&ms_allocator_mimalloc,
	&ms_allocator_musl,
	&ms_allocator_glibc, // last but one: what it may look through, the others have left
	&ms_allocator_others,
};

const char *ms_alloc_state_name(enum ms_alloc_state state)
{
	static const char *const names[] = {
#define X(id, name, help) [MS_ALLOC_##id] = name,
		MS_ALLOC_STATES(X)
#undef X
	};
	return (unsigned)state < MS_ALLOC_STATE_COUNT ? names[state] : "?";
}

struct ms_error *ms_alloc_add_instance(
	struct ms_alloc *alloc, const struct ms_alloc_instance *row, uint32_t *ret)
{
	struct ms_alloc_instance *added = ms_array_push(&alloc->instances);
	if (!added)
		return &ms_error_nomem;
	*added = *row;
	*ret = (uint32_t)(alloc->instances.n - 1);
	return NULL;
}

struct ms_error *ms_alloc_add_arena(
	struct ms_alloc *alloc, const struct ms_alloc_arena *row, uint32_t *ret)
{
	if (alloc->arenas.n >= MS_ALLOC_ARENAS_MAX)
		return ms_error_new(
			MS_ERROR_LIMIT, "more than %d arenas", MS_ALLOC_ARENAS_MAX);
	struct ms_alloc_arena *added = ms_array_push(&alloc->arenas);
	if (!added)
		return &ms_error_nomem;
	*added = *row;
	*ret = (uint32_t)(alloc->arenas.n - 1);
	return NULL;
}

struct ms_error *ms_alloc_add_region(
	struct ms_alloc *alloc, const struct ms_alloc_region *row)
{
	if (row->range.start >= row->range.end)
		return NULL;
	if (alloc->regions.n >= MS_ALLOC_REGIONS_MAX)
		return ms_error_new(
			MS_ERROR_LIMIT, "more than %d heaps", MS_ALLOC_REGIONS_MAX);
	struct ms_alloc_region *added = ms_array_push(&alloc->regions);
	if (!added)
		return &ms_error_nomem;
	*added = *row;
	return NULL;
}

struct ms_error *ms_alloc_add_extent(
	struct ms_alloc *alloc, const struct ms_extent *extent)
{
	if (alloc->private->extents.n >= MS_ALLOC_EXTENTS_MAX)
		return ms_error_new(
			MS_ERROR_LIMIT, "more than %d extents", MS_ALLOC_EXTENTS_MAX);
	struct ms_extent *added = ms_array_push(&alloc->private->extents);
	if (!added)
		return &ms_error_nomem;
	*added = *extent;
	return NULL;
}

struct ms_error *ms_alloc_mark_free(struct ms_alloc *alloc, uint64_t memory)
{
	return ms_marks_set(&alloc->private->marks, memory, MS_MARK_FREE, NULL);
}

struct ms_error *ms_alloc_keep_cached(
	struct ms_alloc *alloc, uint64_t memory, uint32_t thread)
{
	struct ms_cached_block *added = ms_array_push(&alloc->private->cached);
	if (!added)
		return &ms_error_nomem;
	*added = (struct ms_cached_block){ memory, thread };
	return NULL;
}

static int compare_cached(const void *pa, const void *pb)
{
	const struct ms_cached_block *a = pa, *b = pb;
	return (a->memory > b->memory) - (a->memory < b->memory);
}

uint32_t ms_alloc_cached_for(const struct ms_alloc *alloc, uint64_t memory)
{
	struct ms_cached_block key = { .memory = memory };
	const struct ms_cached_block *found =
		alloc->private->cached.n
			? bsearch(&key, alloc->private->cached.v,
				  alloc->private->cached.n, sizeof(key), compare_cached)
			: NULL;
	return found ? found->thread : UINT32_MAX;
}

void ms_alloc_stamp(
	struct ms_alloc *alloc, uint32_t instance, uint64_t off, const char *reason, ...)
{
	struct ms_alloc_instance *row = &alloc->instances.v[instance];
	row->off = off;
	row->grade = off || reason ? MS_GRADE_STRUCTURAL : MS_GRADE_EXACT;
	row->reason[0] = 0;
	if (!reason)
		return;
	va_list args;
	va_start(args, reason);
	(void)vsnprintf(row->reason, sizeof(row->reason), reason, args);
	va_end(args);
}

void ms_alloc_leave_out(struct ms_alloc *alloc, uint32_t instance, struct ms_range range)
{
	struct ms_alloc_instance *row = &alloc->instances.v[instance];
	row->off = ms_sum(row->off, range.start < range.end ? ms_range_size(range) : 0);
	row->grade = MS_GRADE_STRUCTURAL;
	if (!row->reason[0])
		(void)snprintf(row->reason, sizeof(row->reason),
			"parts of it overlap others, or are too many");
}

struct ms_error *ms_alloc_stamp_all(struct ms_alloc *alloc)
{
	struct ms_error *err = NULL;
	ms_array_foreach (libc, &alloc->private->glibcs)
		if (!err)
			err = ms_glibc_stamp(alloc, libc);
	return err;
}

static struct ms_error *find_each(struct ms_alloc_find *find)
{
	struct ms_error *err = NULL;
	for (size_t i = 0; !err && i < sizeof(allocators) / sizeof(allocators[0]); i++) {
		if (ms_cancel_raised(find->cancel))
			return ms_error_new(MS_ERROR_CANCELLED, "interrupted");
		err = allocators[i]->find(find);
	}
	return err;
}

static int compare_regions(const void *pa, const void *pb)
{
	const struct ms_alloc_region *a = pa, *b = pb;
	return (a->range.start > b->range.start) - (a->range.start < b->range.start);
}

static void drop_region(struct ms_alloc *alloc, const struct ms_alloc_region *region)
{
	if (region->is_slabs)
		ms_alloc_leave_out(alloc, region->instance, region->range);
}

// What overlaps a region that begins before it is dropped: books that contradict each
// other. Its bytes show up as missing in the stamp.
void ms_alloc_settle_regions(struct ms_alloc *alloc)
{
	size_t kept = 0;
	uint64_t end = 0;
	if (alloc->regions.n)
		qsort(alloc->regions.v, alloc->regions.n, sizeof(*alloc->regions.v),
			compare_regions);
	for (size_t i = 0; i < alloc->regions.n; i++) {
		const struct ms_alloc_region *region = &alloc->regions.v[i];
		if (region->range.start < end) {
			if (region->is_whole || !alloc->regions.v[kept - 1].is_whole) {
				drop_region(alloc, region);
				continue;
			}
			kept--; // where blocks are known, that is worth more
		}
		end = region->range.end;
		alloc->regions.v[kept++] = *region;
	}
	alloc->regions.n = kept;
}

const struct ms_alloc_region *ms_alloc_region_at(
	const struct ms_alloc *alloc, uint64_t address)
{
	return ms_range_at(alloc->regions.v, alloc->regions.n, address);
}

static void drop_extent(void *arg, const struct ms_extent *extent)
{
	struct ms_alloc *alloc = arg;
	ms_alloc_leave_out(alloc, alloc->arenas.v[extent->arena].instance, extent->range);
}

static struct ms_error *find_all(struct ms_alloc_find *find)
{
	struct ms_error *err = ms_modules_load(find->target, &find->modules);
	if (!err)
		err = ms_peek_new(find->target, &find->peek);
	if (!err)
		err = find_each(find);
	if (!err)
		err = ms_target_check_alive(find->target);
	if (!err)
		ms_extents_settle(
			&find->alloc->private->extents, drop_extent, find->alloc);
	if (!err)
		err = ms_slabs_regions(find->alloc);
	if (!err)
		ms_alloc_settle_regions(find->alloc);
	if (!err && find->alloc->private->cached.n)
		qsort(find->alloc->private->cached.v, find->alloc->private->cached.n,
			sizeof(struct ms_cached_block), compare_cached);
	ms_peek_free(find->peek);
	ms_modules_deinit(&find->modules);
	return err;
}

struct ms_error *ms_alloc_find(struct ms_target *target,
	const struct ms_thread_table *threads, const struct ms_cancel *cancel,
	struct ms_alloc **ret)
{
	_cleanup_alloc_ struct ms_alloc *alloc = calloc(1, sizeof(*alloc));
	if (!alloc)
		return &ms_error_nomem;
	alloc->private = calloc(1, sizeof(*alloc->private));
	if (!alloc->private)
		return &ms_error_nomem;
	ms_arena_init(&alloc->private->strings);
	alloc->private->target = target;
	alloc->private->cancel = cancel;
	struct ms_alloc_find find = { .target = target,
		.maps = ms_target_maps(target),
		.threads = threads,
		.cancel = cancel,
		.alloc = alloc };
	struct ms_error *err = ms_target_denied(target) ? NULL : find_all(&find);
	if (!err)
		*ret = ms_steal(alloc);
	return err;
}

void ms_alloc_free(struct ms_alloc *alloc)
{
	if (!alloc)
		return;
	if (alloc->private) {
		free(alloc->private->extents.v);
		ms_marks_deinit(&alloc->private->marks);
		ms_array_deinit(&alloc->private->cached);
		ms_glibc_deinit(&alloc->private->glibcs);
		ms_arena_deinit(&alloc->private->strings);
		free(alloc->private);
	}
	ms_array_deinit(&alloc->instances);
	ms_array_deinit(&alloc->arenas);
	ms_array_deinit(&alloc->regions);
	ms_array_deinit(&alloc->threads);
	ms_array_deinit(&alloc->sizes);
	free(alloc);
}

// --- blocks of a survey ---------------------------------------------------------------

enum {
	GLIBC_HEADER = 16, // previous size, which is the block before's, and size
	GLIBC_BORROWED = 8 // a block may use the first word of the next one's header
};

struct ms_range ms_alloc_memory_of(const struct ms_alloc *alloc,
	const struct ms_alloc_region *region, struct ms_range block)
{
	const struct ms_alloc_instance *instance = &alloc->instances.v[region->instance];
	struct ms_range memory = block;
	if (region->is_mmapped)
		memory.start = region->memory;
	else if (strcmp(instance->allocator, "glibc") == 0)
		memory = (struct ms_range){ block.start + GLIBC_HEADER,
			block.end + GLIBC_BORROWED };
	return memory.start < memory.end ? memory
					 : (struct ms_range){ block.start, block.start };
}

bool ms_alloc_block_at(const struct ms_alloc *alloc, uint64_t address,
	const struct ms_alloc_region **ret_region, struct ms_block *ret)
{
	const struct ms_alloc_region *region =
		ms_range_at(alloc->regions.v, alloc->regions.n, address);
	*ret_region = region;
	return region && region->blocks && ms_blocks_find(region->blocks, address, ret);
}
