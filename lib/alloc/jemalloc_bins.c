// jemalloc's own counters of slots and slabs, compared with what was walked: see
// jemalloc.h.
//
// An arena's descriptor ends with its bins, one per small class at equal distances. Each
// points to the slab it cuts slots from at the moment; these pointers, ascending by class,
// are what the bins are known by. Where a bin is split into shards they are not found.

#include "alloc/jemalloc.h"

enum {
	ARENA_MAX = 512 << 10, // how far into a block an arena's descriptor may reach
	BIN_MIN = 128,
	BIN_MAX = 1024,
	LEAST = 2,   // bins that must be in a row
	ODD_MAX = 4, // that change while they are read
};

// Where a bin counts, relative to the pointer to its slab: slots that were ever handed
// out, those that came back, requests, slots in use; slabs.
struct offsets {
	int64_t made, slabs;
};

static const struct offsets offsets_of[MS_JEMALLOC_LAYOUTS] = {
	[MS_JEMALLOC_5_2] = { 24, 88 },
	[MS_JEMALLOC_5_3] = { -80, -16 },
};

struct count {
	uint64_t made, freed, slots, slabs;
};

// By class: the first word of the descriptor that points to a slab of it; 0: none.
struct hits {
	uint64_t at[MS_JEMALLOC_SMALL];
};

struct bins {
	uint64_t first, apart; // the bin of class c: first + c * apart
	unsigned fit;
};

static bool is_slab_of(
	struct ms_jemalloc *je, uint64_t descriptor, uint32_t arena, unsigned *ret_class)
{
	struct ms_jemalloc_extent e;
	uint8_t bytes[MS_JEMALLOC_EXTENT_BYTES];
	if (!descriptor || descriptor % 64 || !ms_jemalloc_block_at(je, descriptor) ||
		!ms_peek_bytes(je->find->peek, descriptor, bytes, sizeof(bytes)) ||
		!ms_jemalloc_extent_parse(bytes, je->root.layout, &e) || !e.is_slab ||
		je->arena_rows[e.arena] != arena + 1)
		return false;
	*ret_class = e.size_class;
	return true;
}

static struct ms_error *find_hits(
	struct ms_jemalloc *je, const struct ms_jemalloc_block *block, struct hits *hits)
{
	struct ms_words *words = je->words;
	struct ms_error *err;
	bool any;
	ms_words_over(words,
		(struct ms_range){ block->range.start, block->range.start + ARENA_MAX });
	while (!(err = ms_words_next(words, &any)) && any)
		for (size_t i = 0; i < words->n; i++) {
			unsigned c;
			if (is_slab_of(je, words->v[i], block->arena, &c) && !hits->at[c])
				hits->at[c] = words->at + i * 8;
		}
	return err;
}

static unsigned count_fit(const struct hits *hits, uint64_t first, uint64_t apart)
{
	unsigned fit = 0;
	for (unsigned c = 0; c < MS_JEMALLOC_SMALL; c++)
		fit += hits->at[c] && hits->at[c] == first + c * apart;
	return fit;
}

// The distance and the beginning that most of them agree on.
static struct bins line_up(const struct hits *hits)
{
	struct bins best = { 0 };
	for (unsigned a = 0; a < MS_JEMALLOC_SMALL; a++)
		for (unsigned b = a + 1; b < MS_JEMALLOC_SMALL; b++) {
			uint64_t apart = (hits->at[b] - hits->at[a]) / (b - a);
			if (!hits->at[a] || hits->at[b] <= hits->at[a] ||
				apart < BIN_MIN || apart > BIN_MAX || apart % 8 ||
				hits->at[a] < a * apart)
				continue;
			uint64_t first = hits->at[a] - a * apart;
			unsigned fit = count_fit(hits, first, apart);
			if (fit > best.fit)
				best = (struct bins){ first, apart, fit };
		}
	return best;
}

static bool count_of(
	struct ms_jemalloc *je, const struct bins *bins, unsigned c, struct count *ret)
{
	const struct offsets *offsets = &offsets_of[je->root.layout];
	uint64_t at = bins->first + c * bins->apart;
	struct ms_peek *peek = je->find->peek;
	return ms_peek_u64(peek, at + (uint64_t)offsets->made, &ret->made) &&
	       ms_peek_u64(peek, at + (uint64_t)offsets->made + 8, &ret->freed) &&
	       ms_peek_u64(peek, at + (uint64_t)offsets->made + 24, &ret->slots) &&
	       ms_peek_u64(peek, at + (uint64_t)offsets->slabs, &ret->slabs);
}

// A bin counts its slots twice: as they come and go, and what is left. Pointers in a row
// that are not followed by such numbers are no bins.
static bool are_bins(struct ms_jemalloc *je, const struct bins *bins)
{
	unsigned used = 0, odd = 0;
	for (unsigned c = 0; c < MS_JEMALLOC_SMALL; c++) {
		struct count count;
		if (!count_of(je, bins, c, &count))
			return false;
		used += count.made != 0;
		odd += count.made - count.freed != count.slots;
	}
	return used >= bins->fit && odd <= ODD_MAX;
}

static void compare(struct ms_jemalloc *je, const struct bins *bins,
	const struct ms_jemalloc_tally *tally, struct ms_alloc_arena *arena)
{
	for (unsigned c = 0; c < MS_JEMALLOC_SMALL; c++) {
		struct count count;
		uint64_t off, size = ms_jemalloc_class_size(c);
		if (!count_of(je, bins, c, &count))
			continue;
		off = ms_difference(count.slots, tally->slots[c]);
		if (!off && count.slabs != tally->slabs[c])
			off = 1;
		arena->off = ms_sum(arena->off, ms_product(off, size));
	}
}

struct ms_error *ms_jemalloc_check_bins(struct ms_jemalloc *je)
{
	for (size_t i = 0; i < je->blocks.n; i++) {
		const struct ms_jemalloc_block *block = &je->blocks.v[i];
		struct ms_alloc_arena *arena = &je->find->alloc->arenas.v[block->arena];
		struct hits hits = { 0 };
		if (!block->is_oldest)
			continue;
		struct ms_error *err = find_hits(je, block, &hits);
		if (err)
			return err;
		struct bins bins = line_up(&hits);
		if (bins.fit < LEAST || !are_bins(je, &bins))
			continue;
		compare(je, &bins, &je->tallies.v[block->arena - je->first_arena], arena);
		je->off = ms_sum(je->off, arena->off);
	}
	return NULL;
}
