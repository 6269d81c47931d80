// Counting blocks: see tally.h.

#include "alloc/tally.h"

#include <string.h>

struct ms_error *ms_tally_init(struct ms_tally *tally, size_t arenas)
{
	*tally = (struct ms_tally){ .arena_n = arenas };
	tally->arenas = calloc(arenas + 1, sizeof(*tally->arenas));
	return tally->arenas ? NULL : &ms_error_nomem;
}

void ms_tally_deinit(struct ms_tally *tally)
{
	free(tally->arenas);
	ms_sizes_deinit(&tally->sizes);
	*tally = (struct ms_tally){ 0 };
}

void ms_sizes_deinit(struct ms_sizes *sizes)
{
	free(sizes->v);
	free(sizes->small);
	*sizes = (struct ms_sizes){ 0 };
}

static size_t slot_of(const struct ms_sizes *sizes, uint32_t instance, uint64_t size)
{
	uint64_t hash = (size ^ (uint64_t)instance << 56) * 0x9e3779b97f4a7c15ull;
	size_t at = (size_t)(hash >> 40) & (sizes->cap - 1);
	while (sizes->v[at].size &&
		(sizes->v[at].size != size || sizes->v[at].instance != instance))
		at = (at + 1) & (sizes->cap - 1);
	return at;
}

static bool grow(struct ms_sizes *sizes)
{
	struct ms_sizes wider = *sizes;
	wider.cap = sizes->cap ? sizes->cap * 2 : 256;
	wider.v = calloc(wider.cap, sizeof(*wider.v));
	if (!wider.v)
		return false;
	for (size_t i = 0; i < sizes->cap; i++) {
		const struct ms_alloc_size *row = &sizes->v[i];
		if (row->size)
			wider.v[slot_of(&wider, row->instance, row->size)] = *row;
	}
	free(sizes->v);
	*sizes = wider;
	return true;
}

// Up to the next eighth of a power of two: few enough whatever sizes a target has.
static uint64_t round_size(uint64_t size)
{
	unsigned bits = 64 - (unsigned)__builtin_clzll(size | 1);
	uint64_t step = bits > 4 ? 1ull << (bits - 4) : 1, rounded;
	return ms_align_up(size, step, &rounded) ? rounded : size;
}

static bool is_small(uint64_t size)
{
	return size < MS_SIZES_SMALL * 16 && size % 16 == 0;
}

static void add_row(struct ms_alloc_size *to, const struct ms_alloc_size *from)
{
	for (size_t state = 0; state < MS_ALLOC_CLASSED; state++) {
		to->blocks[state] += from->blocks[state];
		to->bytes[state] += from->bytes[state];
	}
}

static struct ms_alloc_size *row_at(
	struct ms_sizes *sizes, uint32_t instance, uint64_t size)
{
	struct ms_alloc_size *row = &sizes->v[slot_of(sizes, instance, size)];
	if (!row->size) {
		row->size = size;
		row->instance = instance;
		sizes->n++;
	}
	return row;
}

// Round all sizes. Whether this happens depends on how many there are in all, not on the
// order they come in.
static struct ms_error *coarsen(struct ms_sizes *sizes)
{
	struct ms_sizes coarse = *sizes;
	coarse.n = 0;
	coarse.is_coarse = true;
	if (!sizes->cap) {
		*sizes = coarse;
		return NULL;
	}
	coarse.v = calloc(coarse.cap, sizeof(*coarse.v));
	if (!coarse.v)
		return &ms_error_nomem;
	for (size_t i = 0; i < sizes->cap; i++) {
		const struct ms_alloc_size *row = &sizes->v[i];
		uint64_t size = is_small(row->size) ? row->size : round_size(row->size);
		if (row->size)
			add_row(row_at(&coarse, row->instance, size), row);
	}
	free(sizes->v);
	*sizes = coarse;
	return NULL;
}

static struct ms_error *size_row(struct ms_sizes *sizes, uint32_t instance, uint64_t size,
	struct ms_alloc_size **ret)
{
	struct ms_error *err = NULL;
	if (sizes->n * 2 >= sizes->cap && !grow(sizes))
		return &ms_error_nomem;
	if (sizes->n >= MS_SIZES_MAX && !sizes->is_coarse)
		err = coarsen(sizes);
	if (err)
		return err;
	if (sizes->is_coarse && !is_small(size))
		size = round_size(size);
	*ret = row_at(sizes, instance, size);
	return NULL;
}

// Only blocks have a size class; the rest of a heap is as large as it happens to be.
static bool has_class(enum ms_alloc_state state)
{
	return (unsigned)state < MS_ALLOC_CLASSED;
}

_Static_assert(MS_ALLOC_LIVE < MS_ALLOC_CACHED && MS_ALLOC_FREE < MS_ALLOC_CACHED &&
		       MS_ALLOC_FAST < MS_ALLOC_CACHED && MS_ALLOC_CACHED < MS_ALLOC_TOP,
	"blocks come first among the states");

void ms_tally_block(struct ms_tally_arena *arena, const struct ms_alloc_block *block)
{
	struct ms_alloc_count *count = &arena->count[block->state];
	count->blocks++;
	count->bytes += ms_range_size(block->range);
	count->usable += block->usable;
}

// The place of a small size; NULL: it has none.
static uint64_t *small_of(struct ms_sizes *sizes, uint32_t instance, uint64_t size)
{
	if (!is_small(size))
		return NULL;
	if (!sizes->small) {
		sizes->small = calloc(MS_SIZES_SMALL, sizeof(*sizes->small));
		sizes->small_instance = instance;
	}
	if (!sizes->small || sizes->small_instance != instance)
		return NULL;
	return sizes->small[size / 16];
}

struct ms_error *ms_sizes_add(struct ms_sizes *sizes, uint32_t instance, uint64_t size,
	enum ms_alloc_state state)
{
	struct ms_alloc_size *row;
	if (!has_class(state))
		return NULL;
	uint64_t *small = small_of(sizes, instance, size);
	if (small) {
		small[state]++;
		return NULL;
	}
	struct ms_error *err = size_row(sizes, instance, size, &row);
	if (err)
		return err;
	row->blocks[state]++;
	row->bytes[state] += size;
	return NULL;
}

// Small sizes become rows like the others.
static struct ms_error *merge_small(struct ms_sizes *to, const struct ms_sizes *from)
{
	struct ms_error *err = NULL;
	for (uint64_t i = 0; from->small && !err && i < MS_SIZES_SMALL; i++)
		for (int state = 0; !err && state < MS_ALLOC_CLASSED; state++) {
			struct ms_alloc_size *row;
			if (!from->small[i][state])
				continue;
			err = size_row(to, from->small_instance, i * 16, &row);
			if (err)
				return err;
			row->blocks[state] += from->small[i][state];
			row->bytes[state] += from->small[i][state] * i * 16;
		}
	return err;
}

void ms_tally_add(struct ms_tally_arena *to, const struct ms_tally_arena *from)
{
	for (size_t state = 0; state < MS_ALLOC_STATE_COUNT; state++) {
		to->count[state].blocks += from->count[state].blocks;
		to->count[state].bytes += from->count[state].bytes;
		to->count[state].usable += from->count[state].usable;
	}
	to->reclaimable += from->reclaimable;
	to->free_resident += from->free_resident;
	to->odd += from->odd;
	to->links += from->links;
}

struct ms_error *ms_sizes_merge(struct ms_sizes *to, const struct ms_sizes *from)
{
	struct ms_error *err = from->is_coarse && !to->is_coarse ? coarsen(to) : NULL;
	if (!err)
		err = merge_small(to, from);
	for (size_t i = 0; !err && i < from->cap; i++) {
		const struct ms_alloc_size *row = &from->v[i];
		struct ms_alloc_size *sum;
		if (!row->size)
			continue;
		err = size_row(to, row->instance, row->size, &sum);
		if (!err)
			add_row(sum, row);
	}
	return err;
}

struct ms_error *ms_tally_merge(struct ms_tally *to, const struct ms_tally *from)
{
	for (size_t i = 0; i < to->arena_n && i < from->arena_n; i++)
		ms_tally_add(&to->arenas[i], &from->arenas[i]);
	return ms_sizes_merge(&to->sizes, &from->sizes);
}

static bool is_empty(const struct ms_alloc_size *row)
{
	for (size_t state = 0; state < MS_ALLOC_CLASSED; state++)
		if (row->blocks[state])
			return false;
	return true;
}

static int compare_sizes(const void *pa, const void *pb)
{
	const struct ms_alloc_size *a = pa, *b = pb;
	if (a->instance != b->instance)
		return a->instance < b->instance ? -1 : 1;
	return (a->size > b->size) - (a->size < b->size);
}

static struct ms_error *list_sizes(const struct ms_sizes *sizes, struct ms_alloc *alloc)
{
	alloc->sizes.n = 0;
	for (size_t i = 0; i < sizes->cap; i++) {
		if (!sizes->v[i].size || is_empty(&sizes->v[i]))
			continue;
		struct ms_alloc_size *row = ms_array_push(&alloc->sizes);
		if (!row)
			return &ms_error_nomem;
		*row = sizes->v[i];
	}
	if (alloc->sizes.n)
		qsort(alloc->sizes.v, alloc->sizes.n, sizeof(*alloc->sizes.v),
			compare_sizes);
	return NULL;
}

struct ms_error *ms_tally_finish(const struct ms_tally *tally, struct ms_alloc *alloc)
{
	struct ms_sizes all = { 0 };
	for (size_t i = 0; i < alloc->arenas.n && i < tally->arena_n; i++) {
		struct ms_alloc_arena *arena = &alloc->arenas.v[i];
		memcpy(arena->count, tally->arenas[i].count, sizeof(arena->count));
		arena->reclaimable = tally->arenas[i].reclaimable;
		arena->free_resident = tally->arenas[i].free_resident;
		arena->odd = tally->arenas[i].odd;
		arena->links = tally->arenas[i].links;
	}
	struct ms_error *err = ms_sizes_merge(&all, &tally->sizes);
	if (!err)
		err = list_sizes(&all, alloc);
	ms_sizes_deinit(&all);
	return err;
}
