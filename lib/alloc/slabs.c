// Blocks of allocators that keep their books apart: see slabs.h. Only musl's slots are
// looked at: how much of one is in use stands in it.

#include "alloc/slabs.h"

#include "alloc/musl.h"

enum {
	JOIN_BYTES = 1 << 20, // holes up to this size do not end a region
	CANCEL_SLOTS = 1 << 16,
};

// Between neighbours there may be a mapping of somebody else, a thread's stack say; what
// has no pages may as well be theirs.
static bool joins(const struct ms_alloc *alloc, const struct ms_alloc_region *region,
	const struct ms_alloc_region *last)
{
	struct ms_range hole = { last->range.end, region->range.start };
	return region->instance == last->instance && region->arena == last->arena &&
	       ms_range_size(hole) <= JOIN_BYTES &&
	       (hole.start == hole.end ||
		       !ms_pages_resident(ms_target_pages(alloc->private->target), hole));
}

struct ms_error *ms_slabs_regions(struct ms_alloc *alloc)
{
	const struct ms_extents *extents = &alloc->private->extents;
	struct ms_alloc_region *last = NULL;
	for (size_t i = 0; i < extents->n; i++) {
		const struct ms_extent *e = &extents->v[i];
		struct ms_alloc_region region = { .range = e->range,
			.arena = e->arena,
			.instance = alloc->arenas.v[e->arena].instance,
			.is_slabs = true };
		if (last && joins(alloc, &region, last)) {
			last->range.end = region.range.end;
			continue;
		}
		struct ms_error *err = ms_alloc_add_region(alloc, &region);
		if (ms_error_catch(&err, MS_ERROR_LIMIT)) {
			ms_alloc_leave_out(alloc, region.instance, region.range);
			continue;
		}
		if (err)
			return err;
		last = &alloc->regions.v[alloc->regions.n - 1];
	}
	return NULL;
}

static enum ms_alloc_state state_of(
	const struct ms_alloc *alloc, const struct ms_extent *e, uint64_t memory)
{
	static const enum ms_alloc_state states[] = {
		[MS_MARK_NONE] = MS_ALLOC_LIVE,
		[MS_MARK_CACHED] = MS_ALLOC_CACHED,
		[MS_MARK_FREE] = MS_ALLOC_FREE,
		[MS_MARK_FAST] = MS_ALLOC_FAST,
	};
	if (e->state != MS_ALLOC_LIVE)
		return e->state;
	return states[ms_marks_get(&alloc->private->marks, memory)];
}

// Of a block below a page it is enough to know the page it begins in.
static void count_free(const struct ms_alloc *alloc, const struct ms_alloc_block *block,
	struct ms_emit *emit)
{
	const struct ms_pages *pages = ms_target_pages(alloc->private->target);
	uint64_t bytes = ms_range_size(block->range);
	if (bytes > MS_PAGE_SIZE)
		bytes = ms_pages_resident(pages, block->range);
	else if (!ms_page_is_resident(ms_pages_get(pages, block->range.start)))
		return;
	emit->arena->free_resident += bytes;
}

static struct ms_error *emit_block(
	const struct ms_alloc *alloc, struct ms_alloc_block *block, struct ms_emit *emit)
{
	block->thread = block->state == MS_ALLOC_CACHED
				? ms_alloc_cached_for(alloc, block->memory)
				: UINT32_MAX;
	if (block->state == MS_ALLOC_FREE || block->state == MS_ALLOC_FAST)
		count_free(alloc, block, emit);
	return ms_emit_block(emit, block);
}

static struct ms_error *emit_one(
	const struct ms_alloc *alloc, const struct ms_extent *e, struct ms_emit *emit)
{
	uint64_t memory = e->memory ? e->memory : e->range.start;
	struct ms_alloc_block block = { .range = e->range,
		.memory = memory,
		.usable = e->usable                       ? e->usable
			  : e->state == MS_ALLOC_OVERHEAD ? 0
							  : ms_range_size(e->range),
		.arena = e->arena,
		.state = state_of(alloc, e, memory) };
	if (e->state == MS_ALLOC_DIRTY || e->state == MS_ALLOC_MUZZY) {
		uint64_t bytes = ms_pages_resident(
			ms_target_pages(alloc->private->target), e->range);
		emit->arena->reclaimable += bytes;
		emit->arena->free_resident += bytes;
	}
	return emit_block(alloc, &block, emit);
}

static struct ms_error *emit_slack(const struct ms_alloc *alloc,
	const struct ms_extent *e, uint64_t start, uint64_t end, struct ms_emit *emit)
{
	struct ms_alloc_block block = { .range = { start, end },
		.memory = start,
		.arena = e->arena,
		.state = MS_ALLOC_OVERHEAD };
	return start < end ? emit_block(alloc, &block, emit) : NULL;
}

// Of a slab with frames the memory from MS_MUSL_FRAME bytes before its first slot on; of
// any other nothing.
static struct ms_error *read_frames(
	const struct ms_alloc *alloc, const struct ms_extent *e, uint8_t **ret)
{
	uint64_t start = e->range.start + e->first, size = (uint64_t)e->slot * e->n;
	if (!e->is_framed)
		return NULL;
	uint8_t *bytes = malloc(size + MS_MUSL_FRAME);
	struct ms_read read = { { start - MS_MUSL_FRAME, start + size }, bytes };
	*ret = bytes;
	return bytes ? ms_target_read(alloc->private->target, &read, 1, NULL)
		     : &ms_error_nomem;
}

// What a slot in use was handed out as; all of it if its frame makes no sense, because
// the program is just taking it, or its page could not be read.
static void set_framed(
	const uint8_t *bytes, uint64_t stride, struct ms_alloc_block *block)
{
	uint64_t offset = ms_musl_frame_offset(bytes + MS_MUSL_FRAME - 4);
	const uint8_t *end = bytes + MS_MUSL_FRAME + stride;
	block->usable = stride - 4;
	if (offset < stride && ms_musl_frame_usable(bytes + offset, ms_get_u32(end - 8),
				       offset, stride, &block->usable))
		block->memory += offset;
}

static struct ms_error *emit_slab(
	const struct ms_alloc *alloc, const struct ms_extent *e, struct ms_emit *emit)
{
	uint64_t at = e->range.start + e->first;
	_cleanup_free_ uint8_t *frames = NULL;
	struct ms_error *err = read_frames(alloc, e, &frames);
	if (!err)
		err = emit_slack(alloc, e, e->range.start, at, emit);
	for (uint32_t i = 0; !err && i < e->n; i++, at += e->slot) {
		if (i % CANCEL_SLOTS == CANCEL_SLOTS - 1 &&
			ms_cancel_raised(alloc->private->cancel))
			return ms_error_new(MS_ERROR_CANCELLED, "interrupted");
		struct ms_alloc_block block = { .range = { at, at + e->slot },
			.memory = at,
			.usable = e->slot,
			.arena = e->arena,
			.state = state_of(alloc, e, at) };
		if (frames && block.state == MS_ALLOC_LIVE)
			set_framed(frames + (size_t)i * e->slot, e->slot, &block);
		err = emit_block(alloc, &block, emit);
	}
	return err ? err : emit_slack(alloc, e, at, e->range.end, emit);
}

struct ms_error *ms_slabs_walk(const struct ms_alloc *alloc,
	const struct ms_alloc_region *region, struct ms_emit *emit)
{
	const struct ms_extents *extents = &alloc->private->extents;
	struct ms_error *err = NULL;
	for (size_t i = ms_range_search(
		     extents->v, extents->n, sizeof(*extents->v), region->range.start);
		!err && i < extents->n && extents->v[i].range.start < region->range.end;
		i++) {
		const struct ms_extent *e = &extents->v[i];
		if (ms_cancel_raised(alloc->private->cancel))
			return ms_error_new(MS_ERROR_CANCELLED, "interrupted");
		err = e->slot ? emit_slab(alloc, e, emit) : emit_one(alloc, e, emit);
	}
	return err;
}
