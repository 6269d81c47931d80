// Every extent of jemalloc's tree: see jemalloc.h.

#include "alloc/jemalloc.h"

#include <string.h>

// A reading of the tree under way: extents come in ascending order.
struct reading {
	struct ms_jemalloc *je;
	struct ms_ranges tables; // read so far: none twice
	uint64_t descriptor;     // of the last extent that was looked at
	uint64_t end;            // of the last one that was added
};

static const enum ms_alloc_state state_of[] = {
	[MS_JEMALLOC_ACTIVE] = MS_ALLOC_LIVE,
	[MS_JEMALLOC_DIRTY] = MS_ALLOC_DIRTY,
	[MS_JEMALLOC_MUZZY] = MS_ALLOC_MUZZY,
	[MS_JEMALLOC_RETAINED] = MS_ALLOC_RETAINED,
};

struct ms_error *ms_jemalloc_arena(
	struct ms_jemalloc *je, unsigned number, bool *ret_ok, uint32_t *ret)
{
	struct ms_alloc *alloc = je->find->alloc;
	*ret_ok = je->arena_rows[number] || alloc->arenas.n < MS_ALLOC_ARENAS_MAX;
	if (!*ret_ok)
		return NULL;
	if (!je->arena_rows[number]) {
		struct ms_alloc_arena row = { .instance = je->instance,
			.number = number };
		struct ms_error *err =
			ms_alloc_add_arena(alloc, &row, &je->arena_rows[number]);
		if (err)
			return err;
		je->arena_rows[number]++;
		if (!ms_array_push(&je->tallies))
			return &ms_error_nomem;
	}
	*ret = je->arena_rows[number] - 1;
	return NULL;
}

static struct ms_error *mark_free(
	struct ms_jemalloc *je, const struct ms_jemalloc_extent *slab)
{
	uint64_t size = ms_jemalloc_class_size(slab->size_class);
	struct ms_error *err = NULL;
	for (unsigned i = 0, n = ms_jemalloc_slots(slab); !err && i < n; i++)
		if (slab->bitmap[i / 64] >> i % 64 & 1)
			err = ms_alloc_mark_free(
				je->find->alloc, slab->memory + i * size);
	if (!ms_error_is(err, MS_ERROR_LIMIT))
		return err;
	ms_error_free(err);
	je->has_no_room = true;
	return NULL;
}

static struct ms_error *add_slab(
	struct ms_jemalloc *je, const struct ms_jemalloc_extent *e, struct ms_extent *row)
{
	row->slot = (uint32_t)ms_jemalloc_class_size(e->size_class);
	row->n = ms_jemalloc_slots(e);
	struct ms_jemalloc_tally *tally = &je->tallies.v[row->arena - je->first_arena];
	tally->slabs[e->size_class]++;
	tally->slots[e->size_class] += row->n - e->free;
	struct ms_error *err = ms_alloc_add_extent(je->find->alloc, row);
	return err ? err : mark_free(je, e);
}

// Most large blocks have a page more than their class says, so that they need not all
// begin on the same cache lines; whether this jemalloc does so shows when all were seen.
// One with a small class stands in for a slot of a slab that a profiler wanted to see.
static void add_large(
	struct ms_jemalloc *je, const struct ms_jemalloc_extent *e, struct ms_extent *row)
{
	uint64_t class = ms_jemalloc_class_size(e->size_class);
	row->memory = e->memory;
	if (e->size_class < MS_JEMALLOC_SMALL) {
		row->usable = class;
		return;
	}
	je->large++;
	je->large_padded += e->memory != e->range.start ||
			    ms_range_size(e->range) == class + (1u << MS_JEMALLOC_PAGE);
}

// A block of metadata must be there: see ms_jemalloc_read_base().
static struct ms_error *note_place(struct ms_jemalloc *je, uint64_t address)
{
	struct ms_range place = { ms_align_down(address, MS_JEMALLOC_BLOCK), 0 };
	if (ms_ranges_has(&je->places, address) ||
		!ms_add(place.start, MS_JEMALLOC_BLOCK, &place.end))
		return NULL;
	return ms_ranges_add(&je->places, place);
}

static struct ms_error *add_extent(
	struct reading *reading, const struct ms_jemalloc_extent *e)
{
	struct ms_jemalloc *je = reading->je;
	struct ms_extent row = { .range = e->range, .state = state_of[e->state] };
	uint64_t size = ms_range_size(e->range);
	bool ok = e->range.start >= reading->end &&
		  ms_peek_is_memory(je->find->maps, e->range.start, size) &&
		  (e->state != MS_JEMALLOC_ACTIVE ||
			  ms_peek_is_writable(je->find->maps, e->range.start, size)) &&
		  (!e->is_slab || ms_jemalloc_count_free(e) == e->free);
	struct ms_error *err = note_place(je, reading->descriptor);
	if (!err && ok)
		err = ms_jemalloc_arena(je, e->arena, &ok, &row.arena);
	if (err || !ok) {
		je->off = ms_sum(je->off, size);
		return err;
	}
	reading->end = e->range.end;
	je->has_huge |= e->is_huge;
	if (e->state != MS_JEMALLOC_RETAINED)
		je->find->alloc->arenas.v[row.arena].system += size;
	if (e->is_slab)
		return add_slab(je, e, &row);
	if (e->state == MS_JEMALLOC_ACTIVE)
		add_large(je, e, &row);
	return ms_alloc_add_extent(je->find->alloc, &row);
}

// A leaf has an entry for an extent's first page and one for its last, a slab's for all.
static struct ms_error *read_page(
	struct reading *reading, uint64_t address, const uint64_t *entry)
{
	struct ms_jemalloc *je = reading->je;
	const struct ms_jemalloc_root *root = &je->root;
	struct ms_jemalloc_page page = ms_jemalloc_page(entry, root->tree, root->layout);
	struct ms_jemalloc_extent extent;
	uint8_t bytes[MS_JEMALLOC_EXTENT_BYTES];
	if (!page.extent)
		return NULL;
	if (page.extent == reading->descriptor) {
		if (address >= reading->end) // it is shorter than its entries say
			je->off = ms_sum(je->off, 1ull << MS_JEMALLOC_PAGE);
		return NULL;
	}
	reading->descriptor = page.extent;
	if (ms_peek_bytes(je->find->peek, page.extent, bytes, sizeof(bytes)) &&
		ms_jemalloc_extent_parse(bytes, root->layout, &extent) &&
		ms_jemalloc_agree(&page, address, &extent, root->layout)) {
		if (extent.range.start == address)
			return add_extent(reading, &extent);
		if (address < reading->end)
			return NULL;
	}
	je->off =
		ms_sum(je->off, 1ull << MS_JEMALLOC_PAGE); // it is no part of any extent
	return NULL;
}

static struct ms_error *read_leaf(struct reading *reading, uint64_t from, uint64_t leaf)
{
	const struct ms_jemalloc_tree *tree = reading->je->root.tree;
	struct ms_words *words = reading->je->words;
	struct ms_error *err;
	bool any;
	ms_words_over(words, (struct ms_range){ leaf,
				     leaf + ms_jemalloc_table(tree, tree->levels - 1) });
	while (!(err = ms_words_next(words, &any)) && any)
		for (size_t i = 0; !err && i + tree->words <= words->n;
			i += tree->words) {
			uint64_t index = ((words->at - leaf) / 8 + i) / tree->words;
			if (words->v[i])
				err = read_page(reading,
					from + (index << MS_JEMALLOC_PAGE), &words->v[i]);
		}
	return err;
}

// Tables lie apart from each other: one that is met time and again would keep us busy for
// ever.
static struct ms_error *enter_table(
	struct reading *reading, uint64_t table, unsigned level, bool *ret_ok)
{
	uint64_t size = ms_jemalloc_table(reading->je->root.tree, level);
	size_t i = ms_ranges_find(&reading->tables, table);
	*ret_ok = table % 16 == 0 &&
		  ms_peek_is_memory(reading->je->find->maps, table, size) &&
		  !(i < reading->tables.n &&
			  ms_range_overlaps(reading->tables.v[i],
				  (struct ms_range){ table, table + size }));
	if (*ret_ok) {
		struct ms_error *err = note_place(reading->je, table);
		return err ? err
			   : ms_ranges_add(&reading->tables,
				     (struct ms_range){ table, table + size });
	}
	reading->je->off = ms_sum(reading->je->off, 1ull << MS_JEMALLOC_PAGE);
	return NULL;
}

// Fetch a table above the leaves; those are small enough to be held.
static struct ms_error *fetch(
	struct ms_jemalloc *je, uint64_t address, unsigned level, uint64_t **ret)
{
	uint64_t size = ms_jemalloc_table(je->root.tree, level);
	_cleanup_free_ uint64_t *table = malloc(size);
	if (!table)
		return &ms_error_nomem;
	struct ms_gaps gaps = { 0 };
	struct ms_read read = { { address, address + size }, table };
	struct ms_error *err = ms_target_read(je->find->target, &read, 1, &gaps);
	ms_array_foreach (gap, &gaps)
		je->is_incomplete |= ms_gap_is_missing(gap->reason);
	ms_gaps_deinit(&gaps);
	if (!err)
		*ret = ms_steal(table);
	return err;
}

// The middle level of a tree of three.
static struct ms_error *read_middle(
	struct reading *reading, uint64_t from, uint64_t address)
{
	const struct ms_jemalloc_tree *tree = reading->je->root.tree;
	_cleanup_free_ uint64_t *table = NULL;
	struct ms_error *err = fetch(reading->je, address, 1, &table);
	for (uint64_t i = 0; !err && !(i >> tree->bits); i++) {
		bool ok = false;
		if (table[i])
			err = enter_table(reading, table[i], 2, &ok);
		if (!err && ok)
			err = read_leaf(reading, from + (i << ms_jemalloc_shift(tree, 1)),
				table[i]);
	}
	return err;
}

static struct ms_error *read_root(struct reading *reading)
{
	const struct ms_jemalloc_tree *tree = reading->je->root.tree;
	_cleanup_free_ uint64_t *table = NULL;
	struct ms_error *err = fetch(reading->je, reading->je->root.address, 0, &table);
	for (uint64_t i = 0; !err && !(i >> tree->bits); i++) {
		uint64_t from = i << ms_jemalloc_shift(tree, 0);
		bool ok = false;
		if (table[i])
			err = enter_table(reading, table[i], 1, &ok);
		if (!err && ok)
			err = tree->levels == 3 ? read_middle(reading, from, table[i])
						: read_leaf(reading, from, table[i]);
	}
	return err;
}

struct ms_error *ms_jemalloc_read_tree(struct ms_jemalloc *je)
{
	struct reading reading = { .je = je };
	struct ms_error *err = read_root(&reading);
	je->is_incomplete |= je->words->is_missing;
	je->end = je->find->alloc->private->extents.n;
	ms_ranges_deinit(&reading.tables);
	return err;
}

const struct ms_extent *ms_jemalloc_extent_at(
	const struct ms_jemalloc *je, uint64_t address)
{
	return ms_extents_at(
		&je->find->alloc->private->extents, je->first, je->end, address);
}
