// malloc in a survey: regions become claims with block tables, filled in the pass. See
// ledger/reader.h for the steps.

#include <string.h>

#include "alloc/pieces.h"
#include "alloc/shape.h"
#include "alloc/slabs.h"
#include "ledger/owner.h"

enum {
	INDEX_SHARE = 40, // bytes of heap for which the tables take one, at the most
	SLOT_BYTES = 3,   // of a table, for a slot
};

// One region in this survey.
struct heap {
	struct ms_blocks *blocks; // owned by the claims
	struct ms_pieces pieces;  // of glibc's heaps; else empty
};

struct heaps {
	struct ms_alloc *alloc; // owned by the survey
	struct ms_target *target;
	struct ms_alloc_kinds *kinds; // by instance
	struct heap *v;               // by region
	struct ms_tally total;
};

// --- kinds ----------------------------------------------------------------------------

// What each state is to the ledger. Some owners have the allocator's name in them.
static const struct state_kind {
	const char *owner;
	bool is_named;
	const char *tail, *detail;
	enum ms_state state;
	enum ms_precedence precedence;
} state_kinds[MS_ALLOC_STATE_COUNT] = {
	[MS_ALLOC_LIVE] = { "malloc.live.unknown", false, NULL, "block handed out",
		MS_STATE_LIVE, MS_PRECEDENCE_NONE },
	[MS_ALLOC_FREE] = { "malloc.free.", true, NULL, "free block", MS_STATE_FREE,
		MS_PRECEDENCE_FREER },
	[MS_ALLOC_FAST] = { "malloc.free.", true, NULL, "free block in a fast bin",
		MS_STATE_FREE, MS_PRECEDENCE_FREER },
	[MS_ALLOC_CACHED] = { "malloc.cached.", true, NULL,
		"free block in a thread's cache", MS_STATE_CACHED, MS_PRECEDENCE_FREER },
	[MS_ALLOC_TOP] = { "malloc.free.", true, ".top", "unused end of a heap",
		MS_STATE_FREE, MS_PRECEDENCE_FREER },
	[MS_ALLOC_DIRTY] = { "malloc.free.", true, ".dirty",
		"pages without blocks, not given back", MS_STATE_FREE,
		MS_PRECEDENCE_FREER },
	[MS_ALLOC_MUZZY] = { "malloc.free.", true, ".muzzy",
		"pages without blocks, given back lazily", MS_STATE_FREE,
		MS_PRECEDENCE_FREER },
	[MS_ALLOC_RETAINED] = { "malloc.free.", true, ".retained", "address space kept",
		MS_STATE_FREE, MS_PRECEDENCE_FREER },
	[MS_ALLOC_OVERHEAD] = { "malloc.overhead", false, NULL,
		"descriptors, fenceposts, slack", MS_STATE_OVERHEAD,
		MS_PRECEDENCE_FREER },
	[MS_ALLOC_FOREIGN] = { "unexplained", false, NULL,
		"another user's memory in the brk area", MS_STATE_NONE,
		MS_PRECEDENCE_NONE },
	[MS_ALLOC_TORN] = { "malloc.heap", false, NULL, "no sensible headers",
		MS_STATE_NONE, MS_PRECEDENCE_LIBRARY },
};

static struct ms_error *make_kind(struct ms_claims *claims, const char *allocator,
	const struct state_kind *from, ms_kind *ret)
{
	char owner[MS_OWNER_TEXT];
	(void)snprintf(owner, sizeof(owner), "%s%s%s", from->owner,
		from->is_named ? allocator : "", from->tail ? from->tail : "");
	struct ms_kind_row row = { .owner = owner,
		.reader = allocator,
		.detail = from->detail,
		.state = from->state,
		.grade = MS_GRADE_STRUCTURAL, // until the stamp says more: see regrade()
		.precedence = from->precedence };
	return ms_claims_kind(claims, &row, ret);
}

static struct ms_error *make_kinds(struct heaps *heaps, struct ms_claims *claims)
{
	const struct ms_alloc *alloc = heaps->alloc;
	struct ms_error *err = NULL;
	heaps->kinds = calloc(alloc->instances.n + 1, sizeof(*heaps->kinds));
	if (!heaps->kinds)
		return &ms_error_nomem;
	for (size_t i = 0; i < alloc->instances.n; i++)
		for (int state = 0; !err && state < MS_ALLOC_STATE_COUNT; state++)
			err = make_kind(claims, alloc->instances.v[i].allocator,
				&state_kinds[state], &heaps->kinds[i].v[state]);
	return err;
}

// Instances of one name share their kinds.
static bool are_exact(const struct ms_alloc *alloc, const char *allocator)
{
	ms_array_foreach (instance, &alloc->instances)
		if (!strcmp(instance->allocator, allocator) &&
			instance->grade != MS_GRADE_EXACT)
			return false;
	return true;
}

// The stamp is known only now. Where the walk never came that far, nothing is exact.
static void regrade(struct heaps *heaps, struct ms_claims *claims)
{
	ms_array_foreach (instance, &heaps->alloc->instances) {
		size_t i = (size_t)(instance - heaps->alloc->instances.v);
		if (!are_exact(heaps->alloc, instance->allocator))
			continue;
		for (int state = 0; state < MS_ALLOC_STATE_COUNT; state++)
			ms_kinds_regrade(ms_claims_kinds(claims),
				heaps->kinds[i].v[state], MS_GRADE_EXACT);
	}
}

// --- claims ---------------------------------------------------------------------------

static void name_region(
	const struct ms_alloc *alloc, const struct ms_alloc_region *region, char text[48])
{
	const struct ms_alloc_arena *arena =
		region->is_whole ? NULL : &alloc->arenas.v[region->arena];
	if (!arena)
		text[0] = 0;
	else if (arena->is_mmapped)
		(void)snprintf(text, 48, "mmapped blocks");
	else if (arena->is_main)
		(void)snprintf(text, 48, "main arena");
	else
		(void)snprintf(text, 48, "arena %u", arena->number);
}

static struct ms_error *claim_region(
	struct heaps *heaps, struct ms_claims *claims, struct heap *heap, size_t index)
{
	struct ms_alloc_region *region = &heaps->alloc->regions.v[index];
	struct ms_kind_row row = { .owner = "malloc.heap",
		.reader = heaps->alloc->instances.v[region->instance].allocator,
		.detail = "heap of an arena, blocks not known",
		.grade = MS_GRADE_STRUCTURAL,
		.precedence = MS_PRECEDENCE_LIBRARY };
	struct ms_claim claim = { .range = region->range, .rank = MS_RANK_REGION };
	char text[48];
	name_region(heaps->alloc, region, text);
	claim.item = ms_bytes_of(text);
	uint32_t unit = region->is_slabs ? 8 : MS_BLOCK_GRANULE;
	if (region->is_whole)
		row.detail = "allocator recognised, blocks not known";
	struct ms_error *err = ms_claims_kind(claims, &row, &claim.kind);
	if (!err && !region->is_whole)
		err = ms_blocks_new(region->range, unit, &heap->blocks);
	if (ms_error_catch(&err, MS_ERROR_LIMIT)) { // one of a size nobody has
		region->is_whole = true;
		ms_alloc_leave_out(heaps->alloc, region->instance, region->range);
	}
	if (err)
		return err;
	claim.blocks = heap->blocks;
	region->blocks = heap->blocks;
	return ms_claims_add(claims, &claim);
}

// --- blocks that need no reading ------------------------------------------------------

struct slab_sink {
	struct ms_blocks *blocks;
	const struct ms_alloc_kinds *kinds;
};

static struct ms_error *add_slab_blocks(
	void *arg, unsigned worker, const struct ms_alloc_block *v, size_t n)
{
	const struct slab_sink *sink = arg;
	struct ms_error *err = NULL;
	(void)worker;
	for (size_t i = 0; !err && i < n; i++)
		err = ms_blocks_add(
			sink->blocks, v[i].range, sink->kinds->v[v[i].state], NULL);
	return err;
}

static struct ms_error *walk_slabs(struct heaps *heaps, struct heap *heap, size_t index)
{
	const struct ms_alloc_region *region = &heaps->alloc->regions.v[index];
	struct slab_sink sink = { heap->blocks, &heaps->kinds[region->instance] };
	_cleanup_free_ struct ms_emit *emit = calloc(1, sizeof(*emit));
	if (!emit)
		return &ms_error_nomem;
	emit->arena = &heaps->total.arenas[region->arena];
	emit->sizes = &heaps->total.sizes;
	emit->instance = region->instance;
	emit->fn = add_slab_blocks;
	emit->arg = &sink;
	struct ms_error *err = region->is_slabs
				       ? ms_slabs_walk(heaps->alloc, region, emit)
				       : ms_chunks_mmapped(heaps->alloc, region, emit);
	if (!err)
		err = ms_emit_flush(emit);
	return err ? err : ms_blocks_seal(heap->blocks);
}

// --- walkers --------------------------------------------------------------------------

static struct ms_error *walk_chunks(
	void *state, struct ms_walk *walk, struct ms_batch *batch)
{
	struct heap *heap = state;
	const struct ms_window *window = &batch->window;
	struct ms_piece_walk *piece = walk->cursor;
	struct ms_error *err = NULL;
	if (!piece) {
		err = ms_piece_begin(
			&heap->pieces, walk->range.start, walk->is_seen, &piece);
		walk->cursor = piece;
	}
	if (!err)
		err = ms_piece_feed(piece, window->range, window->bytes,
			ms_range_size(window->range) + window->after, &batch->block_v,
			&batch->block_n);
	if (err)
		return err;
	batch->blocks = heap->blocks;
	uint64_t next = ms_align_down(ms_piece_next(piece), MS_PAGE_SIZE);
	if (!walk->is_seen && next > walk->next)
		walk->next = next;
	return NULL;
}

static void end_chunks(void *state, struct ms_walk *walk)
{
	(void)state;
	ms_piece_end(walk->cursor);
}

static const struct ms_walker chunk_walker = {
	.name = "malloc",
	.piece = MS_PIECE,
	.walk = walk_chunks,
	.end = end_chunks,
};

// Blocks of a table that is finished, for those who look into them.
struct listed {
	MS_ARRAY(struct ms_block) found;
};

static struct ms_error *list_blocks(
	void *state, struct ms_walk *walk, struct ms_batch *batch)
{
	struct heap *heap = state;
	struct listed *listed = walk->cursor;
	struct ms_block block;
	if (!listed)
		walk->cursor = listed = calloc(1, sizeof(*listed));
	if (!listed)
		return &ms_error_nomem;
	listed->found.n = 0;
	struct ms_range range = batch->window.range;
	bool has = ms_blocks_find(heap->blocks, range.start, &block);
	for (; has && block.range.start < range.end;
		has = ms_blocks_next(heap->blocks, &block)) {
		struct ms_block *added = block.range.start >= range.start
						 ? ms_array_push(&listed->found)
						 : &block;
		if (!added)
			return &ms_error_nomem;
		*added = block;
	}
	batch->blocks = heap->blocks;
	batch->block_v = listed->found.v;
	batch->block_n = listed->found.n;
	return NULL;
}

static void end_list(void *state, struct ms_walk *walk)
{
	struct listed *listed = walk->cursor;
	(void)state;
	if (listed)
		ms_array_deinit(&listed->found);
	free(listed);
}

static const struct ms_walker list_walker = {
	.name = "malloc",
	.piece = 16 << 20,
	.is_for_visitors = true,
	.walk = list_blocks,
	.end = end_list,
};

// --- the reader -----------------------------------------------------------------------

static struct ms_error *open_heap(
	struct heaps *heaps, struct ms_reading *reading, size_t index)
{
	struct heap *heap = &heaps->v[index];
	const struct ms_alloc_region *region = &heaps->alloc->regions.v[index];
	struct ms_error *err = claim_region(heaps, reading->claims, heap, index);
	if (err || region->is_whole)
		return err;
	if (region->is_slabs || region->is_mmapped) {
		err = walk_slabs(heaps, heap, index);
		return err ? err
			   : ms_reading_walker(
				     reading, region->range, &list_walker, heap);
	}
	heap->pieces = (struct ms_pieces){ .alloc = heaps->alloc,
		.region = region,
		.kinds = &heaps->kinds[region->instance],
		.blocks = heap->blocks };
	err = ms_pieces_init(&heap->pieces);
	return err ? err : ms_reading_walker(reading, region->range, &chunk_walker, heap);
}

static struct ms_error *open_heaps(struct heaps *heaps, struct ms_reading *reading)
{
	heaps->v = calloc(heaps->alloc->regions.n + 1, sizeof(*heaps->v));
	if (!heaps->v)
		return &ms_error_nomem;
	struct ms_error *err = ms_tally_init(&heaps->total, heaps->alloc->arenas.n);
	if (!err)
		err = make_kinds(heaps, reading->claims);
	for (size_t i = 0; !err && i < heaps->alloc->regions.n; i++)
		err = open_heap(heaps, reading, i);
	return err;
}

static bool has_books(const struct ms_alloc *alloc)
{
	ms_array_foreach (instance, &alloc->instances)
		if (instance->is_walked)
			return true;
	return false;
}

// Tables of all blocks must fit into what this process may take. Slots need no pages: what
// a descriptor says of them takes memory all the same.
static struct ms_error *check_memory(const struct heaps *heaps)
{
	const struct ms_pages *pages = ms_target_pages(heaps->target);
	uint64_t resident = 0, slots = 0;
	ms_array_foreach (region, &heaps->alloc->regions)
		if (!region->is_whole)
			resident += ms_pages_resident(pages, region->range);
	ms_array_foreach (extent, &heaps->alloc->private->extents)
		slots += extent->n;
	return ms_target_check_allowance(resident / INDEX_SHARE + slots * SLOT_BYTES);
}

// Without room for the tables heaps are still named, by their shape; takes the error that
// says why.
static struct ms_error *leave_unread(struct ms_reading *reading, struct ms_error *why)
{
	ms_array_foreach (instance, &reading->alloc->instances) {
		if (!instance->is_walked)
			continue;
		instance->is_walked = false;
		ms_alloc_stamp(reading->alloc,
			(uint32_t)(instance - reading->alloc->instances.v), 0,
			"there is no memory to spare for its blocks");
	}
	struct ms_error *err = ms_claims_note(
		reading->claims, "malloc's blocks were not read: %s", why->message);
	ms_error_free(why);
	return err ? err : ms_alloc_shape_reader.anchor(reading, NULL, NULL);
}

static struct ms_error *anchor(struct ms_reading *reading, void *arg, void **ret_state)
{
	struct heaps *heaps = calloc(1, sizeof(*heaps));
	if (!heaps)
		return &ms_error_nomem;
	*ret_state = heaps;
	heaps->target = reading->target;
	struct ms_error *err = ms_alloc_find(
		reading->target, reading->threads, reading->cancel, &reading->alloc);
	if (err)
		return err;
	heaps->alloc = reading->alloc;
	if (!has_books(heaps->alloc))
		err = ms_alloc_shape_reader.anchor(reading, arg, NULL);
	if (err || (!has_books(heaps->alloc) && !heaps->alloc->regions.n))
		return err;
	err = check_memory(heaps);
	if (ms_error_is(err, MS_ERROR_LIMIT))
		return leave_unread(reading, err);
	return err ? err : open_heaps(heaps, reading);
}

static struct ms_error *join_heap(struct heaps *heaps, size_t index)
{
	struct heap *heap = &heaps->v[index];
	uint32_t arena = heaps->alloc->regions.v[index].arena;
	if (!heap->pieces.n)
		return NULL;
	return ms_pieces_join(
		&heap->pieces, &heaps->total.arenas[arena], &heaps->total.sizes);
}

// A table that is not sealed would say nothing of what is in it, whatever became of the
// others.
static struct ms_error *join_heaps(struct heaps *heaps)
{
	struct ms_error *err = NULL;
	for (size_t i = 0; i < heaps->alloc->regions.n; i++) {
		if (!err)
			err = join_heap(heaps, i);
		struct ms_error *sealed =
			heaps->v[i].blocks ? ms_blocks_seal(heaps->v[i].blocks) : NULL;
		if (!err)
			err = sealed;
		else
			ms_error_free(sealed);
	}
	return err;
}

static struct ms_error *settle(void *state, struct ms_reading *reading)
{
	struct heaps *heaps = state;
	if (!heaps->v)
		return NULL;
	struct ms_error *err = join_heaps(heaps);
	if (!err)
		err = ms_tally_finish(&heaps->total, heaps->alloc);
	if (!err)
		err = ms_alloc_stamp_all(heaps->alloc);
	if (!err)
		regrade(heaps, reading->claims);
	return err;
}

static void free_heaps(void *state)
{
	struct heaps *heaps = state;
	for (size_t i = 0; heaps && heaps->v && i < heaps->alloc->regions.n; i++)
		ms_pieces_deinit(&heaps->v[i].pieces);
	if (!heaps)
		return;
	ms_tally_deinit(&heaps->total);
	free(heaps->kinds);
	free(heaps->v);
	free(heaps);
}

const struct ms_reader ms_alloc_reader = {
	.name = "malloc",
	.anchor = anchor,
	.settle = settle,
	.free = free_heaps,
};
