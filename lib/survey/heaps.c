// malloc's figures as lines of the ledger, and the picture of each arena.

#include <stdlib.h>

#include "alloc/alloc.h"
#include "survey/survey_internal.h"

enum {
	SAMPLES = 64, // addresses looked at per cell of a picture
};

struct lines {
	const struct ms_alloc *alloc;
	const struct ms_pages *pages;
	struct ms_claims *claims;
	struct ms_ledger *ledger;
	size_t *first; // by arena: its lowest region; NONE: it has none
	size_t *next;  // by region: the next one of its arena
};

#define NONE SIZE_MAX

static struct ms_error *copy_text(struct lines *l, const char *from, const char **ret)
{
	*ret = ms_arena_copy(&l->ledger->arena, ms_bytes_of(from));
	return *ret ? NULL : &ms_error_nomem;
}

static struct ms_error *add_allocators(struct lines *l)
{
	struct ms_heaps *heaps = &l->ledger->heaps;
	struct ms_error *err = NULL;
	size_t n = l->alloc->instances.n;
	heaps->allocators = ms_new(&l->ledger->arena, struct ms_allocator_line, n + 1);
	if (!heaps->allocators)
		return &ms_error_nomem;
	ms_array_foreach (from, &l->alloc->instances) {
		struct ms_allocator_line *line = &heaps->allocators[heaps->allocator_n++];
		line->allocator = from->allocator;
		line->is_walked = from->is_walked;
		line->grade = from->grade;
		line->off = from->off;
		line->path.n = from->path.n;
		line->path.p =
			(const uint8_t *)ms_arena_copy(&l->ledger->arena, from->path);
		if (!err)
			err = copy_text(l, from->layout, &line->layout);
		if (!err)
			err = copy_text(l, from->reason, &line->reason);
		if (!err && !line->path.p)
			err = &ms_error_nomem;
	}
	return err;
}

static struct ms_error *add_states(
	struct lines *l, const struct ms_alloc_count *counts, struct ms_states *ret)
{
	ret->v = ms_new(&l->ledger->arena, struct ms_state_line, MS_ALLOC_STATE_COUNT);
	if (!ret->v)
		return &ms_error_nomem;
	for (int state = 0; state < MS_ALLOC_STATE_COUNT; state++)
		if (counts[state].blocks)
			ret->v[ret->n++] = (struct ms_state_line){
				ms_alloc_state_name((enum ms_alloc_state)state),
				counts[state].blocks, counts[state].bytes
			};
	return NULL;
}

// --- the picture ----------------------------------------------------------------------

struct cell {
	unsigned live, free, absent, other;
};

static void look(const struct lines *l, const struct ms_alloc_region *region,
	uint64_t address, struct cell *cell)
{
	struct ms_block block;
	if (!ms_page_is_resident(ms_pages_get(l->pages, address))) {
		cell->absent++;
		return;
	}
	if (!region->blocks || !ms_blocks_find(region->blocks, address, &block)) {
		cell->other++;
		return;
	}
	switch (ms_kinds_row(ms_claims_kinds(l->claims), block.kind)->state) {
	case MS_STATE_FREE:
	case MS_STATE_CACHED:
		cell->free++;
		break;
	case MS_STATE_LIVE:
		cell->live++;
		break;
	case MS_STATE_OVERHEAD:
	case MS_STATE_NONE:
		cell->other++;
		break;
	}
}

static char draw(const struct cell *cell)
{
	if (cell->absent > cell->live && cell->absent > cell->free)
		return '.';
	if (cell->live >= cell->free && cell->live)
		return '#';
	return cell->free ? '~' : '?';
}

// Where a picture is: its arena's regions are laid end to end.
struct place {
	size_t region;
	uint64_t before; // bytes of regions in front of it
};

// One cell: addresses spread evenly over [from, from + size).
static char draw_cell(
	const struct lines *l, uint64_t from, uint64_t size, struct place *place)
{
	struct cell cell = { 0 };
	uint64_t step = ms_max(size / SAMPLES, MS_PAGE_SIZE);
	for (uint64_t at = from; at < from + size; at += step) {
		const struct ms_alloc_region *v = l->alloc->regions.v;
		while (place->region != NONE &&
			at - place->before >= ms_range_size(v[place->region].range)) {
			place->before += ms_range_size(v[place->region].range);
			place->region = l->next[place->region];
		}
		if (place->region == NONE)
			break;
		look(l, &v[place->region],
			v[place->region].range.start + (at - place->before), &cell);
	}
	return draw(&cell);
}

static struct ms_error *draw_arena(
	struct lines *l, size_t arena, uint64_t span, const char **ret)
{
	uint64_t pages = (span + MS_PAGE_SIZE - 1) / MS_PAGE_SIZE;
	size_t cells = (size_t)ms_min(pages, MS_ARENA_PICTURE);
	char *text = ms_arena_alloc(&l->ledger->arena, cells + 1);
	struct place place = { .region = l->first[arena] };
	if (!text)
		return &ms_error_nomem;
	for (size_t i = 0; i < cells; i++) {
		uint64_t from = pages * i / cells * MS_PAGE_SIZE;
		uint64_t to = pages * (i + 1) / cells * MS_PAGE_SIZE;
		text[i] = draw_cell(l, from, to - from, &place);
	}
	*ret = text;
	return NULL;
}

// --------------------------------------------------------------------------------------

static struct ms_error *add_arena(struct lines *l, size_t index)
{
	const struct ms_alloc_arena *from = &l->alloc->arenas.v[index];
	struct ms_arena_line *line = &l->ledger->heaps.arenas[l->ledger->heaps.arena_n++];
	uint64_t freed = from->free_resident, span = 0, resident = 0;
	for (size_t i = l->first[index]; i != NONE; i = l->next[i]) {
		struct ms_range range = l->alloc->regions.v[i].range;
		span += ms_range_size(range);
		resident += ms_pages_resident(l->pages, range);
	}
	*line = (struct ms_arena_line){
		.allocator = l->alloc->instances.v[from->instance].allocator,
		.number = from->is_mmapped ? 0 : from->number,
		.address = from->address,
		.is_main = from->is_main,
		.is_mmapped = from->is_mmapped,
		.is_locked = from->is_locked,
		.threads = from->threads,
		.system = from->is_mmapped ? span : from->system,
		.peak = from->peak,
		.resident = resident,
		.reclaimable = from->reclaimable,
		.pinned = freed > from->reclaimable ? freed - from->reclaimable : 0,
		.off = from->off,
	};
	struct ms_error *err = add_states(l, from->count, &line->states);
	return err ? err : draw_arena(l, index, span, &line->picture);
}

// The regions of each arena, as lists in the order of addresses.
static bool link_regions(struct lines *l)
{
	size_t arenas = l->alloc->arenas.n, regions = l->alloc->regions.n;
	l->first = calloc(arenas + 1, sizeof(*l->first));
	l->next = calloc(regions + 1, sizeof(*l->next));
	if (!l->first || !l->next)
		return false;
	for (size_t i = 0; i < arenas; i++)
		l->first[i] = NONE;
	for (size_t i = regions; i-- > 0;) {
		uint32_t arena = l->alloc->regions.v[i].arena;
		if (arena >= arenas)
			continue;
		l->next[i] = l->first[arena];
		l->first[arena] = i;
	}
	return true;
}

static struct ms_error *add_arenas(struct lines *l)
{
	size_t n = l->alloc->arenas.n;
	struct ms_error *err = NULL;
	l->ledger->heaps.arenas = ms_new(&l->ledger->arena, struct ms_arena_line, n + 1);
	if (!link_regions(l) || !l->ledger->heaps.arenas)
		return &ms_error_nomem;
	for (size_t i = 0; !err && i < n; i++)
		err = add_arena(l, i);
	return err;
}

static struct ms_error *add_sizes(struct lines *l)
{
	struct ms_heaps *heaps = &l->ledger->heaps;
	struct ms_error *err = NULL;
	heaps->sizes =
		ms_new(&l->ledger->arena, struct ms_size_line, l->alloc->sizes.n + 1);
	if (!heaps->sizes)
		return &ms_error_nomem;
	ms_array_foreach (from, &l->alloc->sizes) {
		struct ms_alloc_count counts[MS_ALLOC_STATE_COUNT] = { 0 };
		struct ms_size_line *line = &heaps->sizes[heaps->size_n++];
		for (int state = 0; state < MS_ALLOC_CLASSED; state++) {
			counts[state].blocks = from->blocks[state];
			counts[state].bytes = from->bytes[state];
		}
		line->allocator = l->alloc->instances.v[from->instance].allocator;
		line->size = from->size;
		if (!err)
			err = add_states(l, counts, &line->states);
	}
	return err;
}

static int compare_tid(const void *key, const void *line)
{
	uint64_t tid = *(const uint64_t *)key;
	uint64_t other = ((const struct ms_thread_line *)line)->tid;
	return (tid > other) - (tid < other);
}

static void add_threads(struct lines *l)
{
	struct ms_ledger *ledger = l->ledger;
	ms_array_foreach (from, &l->alloc->threads) {
		struct ms_thread_line *line = bsearch(&from->tid, ledger->threads,
			ledger->thread_n, sizeof(*ledger->threads), compare_tid);
		if (!line)
			continue;
		line->has_arena = from->arena < l->alloc->arenas.n;
		if (line->has_arena)
			line->arena = l->alloc->arenas.v[from->arena].number;
		line->cached_blocks += from->cached_blocks;
		line->cached_bytes += from->cached_bytes;
	}
}

struct ms_error *ms_survey_heaps(struct run *run)
{
	struct lines l = { .alloc = run->reading.alloc,
		.pages = ms_target_pages(run->target),
		.claims = run->survey->claims,
		.ledger = run->survey->ledger };
	if (!l.alloc)
		return NULL;
	struct ms_error *err = add_allocators(&l);
	if (!err)
		err = add_arenas(&l);
	if (!err)
		err = add_sizes(&l);
	if (!err)
		add_threads(&l);
	free(l.first);
	free(l.next);
	return err;
}
