// The memory jemalloc keeps its own books in: see jemalloc.h.
//
// Each arena gets blocks of whole 2 MiB for them, linked from the newest to the oldest. A
// block begins with its size, the next block, and a descriptor of the part that is still
// unused, which always ends where the block does. The oldest goes on with the base itself,
// whose first number is the arena's.

#include "alloc/jemalloc.h"

enum {
	HEAD_BYTES = 200,
	NEXT = 8,
	REST = 16,           // the descriptor: bits, address, size
	NUMBER = 192,        // in the oldest block
	STEPS_MAX = 1 << 20, // heads of blocks that are read, all in all
};

struct block {
	struct ms_range range;
	uint64_t next;
	uint32_t number;
};

struct search {
	struct ms_jemalloc *je;
	unsigned steps;
};

static bool block_at(struct search *search, uint64_t at, struct block *ret)
{
	struct ms_alloc_find *find = search->je->find;
	uint8_t head[HEAD_BYTES];
	uint64_t rest_end;
	if (at % MS_JEMALLOC_BLOCK || search->steps++ >= STEPS_MAX ||
		!ms_target_get(find->target, at, head, sizeof(head)))
		return false;
	uint64_t size = ms_get_u64(head), next = ms_get_u64(head + NEXT);
	uint64_t bits = ms_get_u64(head + REST), rest = ms_get_u64(head + REST + 8);
	if (!size || size % MS_JEMALLOC_BLOCK || next % MS_JEMALLOC_BLOCK ||
		!ms_peek_is_memory(find->maps, at, size))
		return false;
	if ((bits & 0x1fff) != MS_JEMALLOC_ARENAS || rest < at + HEAD_BYTES ||
		!ms_add(rest, ms_get_u64(head + REST + 16), &rest_end) ||
		rest_end != at + size)
		return false;
	*ret = (struct block){ { at, at + size }, next, ms_get_u32(head + NUMBER) };
	return true;
}

static bool arena_of(struct search *search, struct block block, unsigned *ret)
{
	while (block.next)
		if (!block_at(search, block.next, &block))
			return false;
	*ret = block.number;
	return block.number < MS_JEMALLOC_ARENAS;
}

static struct ms_error *add_block(struct search *search, const struct block *block)
{
	struct ms_jemalloc *je = search->je;
	struct ms_extent row = { .range = block->range, .state = MS_ALLOC_OVERHEAD };
	unsigned number;
	bool ok = arena_of(search, *block, &number);
	struct ms_error *err = ok ? ms_jemalloc_arena(je, number, &ok, &row.arena) : NULL;
	if (err || !ok)
		return err;
	err = ms_alloc_add_extent(je->find->alloc, &row);
	if (err)
		return err;
	struct ms_jemalloc_block *added = ms_array_push(&je->blocks);
	if (!added)
		return &ms_error_nomem;
	*added = (struct ms_jemalloc_block){ block->range, row.arena, !block->next };
	return NULL;
}

// From `at` on: the first address that no extent of the tree holds.
static uint64_t after_extents(const struct ms_jemalloc *je, uint64_t at)
{
	const struct ms_extent *e;
	while ((e = ms_jemalloc_extent_at(je, at)))
		at = e->range.end;
	return at;
}

static struct ms_error *search_mapping(struct search *search, struct ms_range range)
{
	struct ms_jemalloc *je = search->je;
	const struct ms_pages *pages = ms_target_pages(je->find->target);
	struct ms_error *err = NULL;
	uint64_t at = range.start;
	while (!err && ms_align_up(after_extents(je, at), MS_JEMALLOC_BLOCK, &at) &&
		at < range.end) {
		enum ms_page_state state;
		struct ms_range run = ms_pages_run(pages, at, range.end, &state);
		struct block block = { 0 };
		if (!ms_page_is_resident(state) && state != MS_PAGE_UNKNOWN) {
			at = run.end; // whole terabytes may be absent
			continue;
		}
		if (!ms_jemalloc_extent_at(je, at) && block_at(search, at, &block))
			err = add_block(search, &block);
		at = block.range.end ? block.range.end : at + MS_PAGE_SIZE;
	}
	return err;
}

// Descriptors and tables lie in blocks: where one does, a block that is not seen was damaged.
static void check_places(struct ms_jemalloc *je)
{
	ms_array_foreach (place, &je->places)
		for (uint64_t at = place->start; at < place->end; at += MS_JEMALLOC_BLOCK)
			if (!ms_jemalloc_block_at(je, at))
				je->off = ms_sum(je->off, 1ull << MS_JEMALLOC_PAGE);
}

struct ms_error *ms_jemalloc_read_base(struct ms_jemalloc *je)
{
	struct search search = { .je = je };
	const struct ms_maps *maps = je->find->maps;
	struct ms_error *err = NULL;
	for (size_t i = 0; !err && i < maps->n; i++) {
		const struct ms_mapping *m = &maps->v[i];
		if (ms_cancel_raised(je->find->cancel))
			return ms_error_new(MS_ERROR_CANCELLED, "interrupted");
		if (ms_peek_is_memory(maps, m->range.start, 1))
			err = search_mapping(&search, m->range);
	}
	check_places(je);
	return err;
}

// They were found in ascending order.
const struct ms_jemalloc_block *ms_jemalloc_block_at(
	const struct ms_jemalloc *je, uint64_t address)
{
	return ms_range_at(je->blocks.v, je->blocks.n, address);
}
