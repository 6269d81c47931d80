// Block tables: see blocks.h. A bit says where a block starts; its place among the kinds
// of its segment is the number of bits before it, which the rank counts make a matter of
// at most four words. An ordinal is the segment's number and that place.

#include "ledger/blocks.h"

#include <string.h>

enum {
	WORD_BITS = 64,
	RANK_BITS = 256,
	RANK_WORDS = RANK_BITS / WORD_BITS,
	SEGMENT_SHIFT = 20,
};

// One heap of 1 TiB in units: a wrong size from the target must not take all memory.
#define UNITS_MAX (1ull << 36)

struct segment {
	uint64_t *bits;  // NULL: no block begins in it
	size_t words;    // of bits; a multiple of RANK_WORDS
	uint32_t *ranks; // bits set before each RANK_BITS; NULL until sealed
	ms_kind *kinds;  // read and changed by atomic builtins only
	size_t n, cap;
	uint64_t last_end; // of the block added last; 0: none
};

struct ms_blocks {
	struct ms_range range;
	unsigned shift; // of the unit
	bool is_sealed;
	size_t segment_n;
	struct segment segments[];
};

static size_t words_for(uint64_t units)
{
	units = ms_min(units, MS_BLOCKS_SEGMENT);
	return (size_t)((units + RANK_BITS - 1) / RANK_BITS * RANK_WORDS);
}

struct ms_error *ms_blocks_new(
	struct ms_range range, uint32_t unit, struct ms_blocks **ret)
{
	if (range.start >= range.end || (unit != 8 && unit != 16))
		return ms_error_format(
			range.start, "block table without room for a block");
	uint64_t units = (ms_range_size(range) - 1) / unit + 1;
	if (units > UNITS_MAX)
		return ms_error_new(MS_ERROR_LIMIT, "heap of more than 2^36 blocks");
	size_t n = (size_t)((units - 1) >> SEGMENT_SHIFT) + 1;
	struct ms_blocks *blocks =
		calloc(1, sizeof(*blocks) + n * sizeof(blocks->segments[0]));
	if (!blocks)
		return &ms_error_nomem;
	blocks->range = range;
	blocks->shift = unit == 8 ? 3 : 4;
	blocks->segment_n = n;
	for (size_t i = 0; i < n; i++)
		blocks->segments[i].words =
			words_for(units - ((uint64_t)i << SEGMENT_SHIFT));
	*ret = blocks;
	return NULL;
}

void ms_blocks_free(struct ms_blocks *blocks)
{
	for (size_t i = 0; blocks && i < blocks->segment_n; i++) {
		free(blocks->segments[i].bits);
		free(blocks->segments[i].ranks);
		free(blocks->segments[i].kinds);
	}
	free(blocks);
}

static uint64_t unit_of(const struct ms_blocks *blocks, uint64_t address)
{
	return (address - blocks->range.start) >> blocks->shift;
}

static bool is_aligned(const struct ms_blocks *blocks, uint64_t address)
{
	return !((address - blocks->range.start) & ((1u << blocks->shift) - 1));
}

// The unit within its segment.
static size_t local(uint64_t unit)
{
	return (size_t)(unit & (MS_BLOCKS_SEGMENT - 1));
}

static uint64_t address_of(const struct ms_blocks *blocks, uint64_t unit)
{
	uint64_t offset = unit << blocks->shift, size = ms_range_size(blocks->range);
	return blocks->range.start + ms_min(offset, size);
}

struct ms_range ms_blocks_segment(const struct ms_blocks *blocks, uint64_t address)
{
	uint64_t first = unit_of(blocks, address) >> SEGMENT_SHIFT << SEGMENT_SHIFT;
	return (struct ms_range){ address_of(blocks, first),
		address_of(blocks, first + MS_BLOCKS_SEGMENT) };
}

static bool is_set(const struct segment *segment, size_t unit)
{
	return segment->bits && segment->bits[unit / WORD_BITS] >> unit % WORD_BITS & 1;
}

// The first unit of a segment from `unit` on whose bit is set; MS_BLOCKS_SEGMENT: none.
static size_t next_set(const struct segment *segment, size_t unit)
{
	size_t word = unit / WORD_BITS;
	if (!segment->n || word >= segment->words)
		return MS_BLOCKS_SEGMENT;
	uint64_t bits = segment->bits[word] & ~0ull << unit % WORD_BITS;
	while (!bits) {
		if (++word == segment->words)
			return MS_BLOCKS_SEGMENT;
		bits = segment->bits[word];
	}
	return word * WORD_BITS + (size_t)__builtin_ctzll(bits);
}

// Bits set before a unit, counted from `word` on.
static size_t count_from(const struct segment *segment, size_t word, size_t unit)
{
	size_t n = 0;
	for (; word < unit / WORD_BITS; word++)
		n += (size_t)__builtin_popcountll(segment->bits[word]);
	if (unit % WORD_BITS)
		n += (size_t)__builtin_popcountll(
			segment->bits[word] & ((1ull << unit % WORD_BITS) - 1));
	return n;
}

static size_t rank_of(const struct segment *segment, size_t unit)
{
	return segment->ranks[unit / RANK_BITS] +
	       count_from(segment, unit / RANK_BITS * RANK_WORDS, unit);
}

static struct ms_error *reserve(struct segment *segment, size_t more)
{
	if (!segment->bits)
		segment->bits = calloc(segment->words, sizeof(*segment->bits));
	if (!segment->bits ||
		(segment->n + more > segment->cap &&
			!ms_array_grow((void **)&segment->kinds, &segment->cap,
				segment->n + more, sizeof(*segment->kinds))))
		return &ms_error_nomem;
	return NULL;
}

static struct ms_error *append(struct segment *segment, uint64_t unit, ms_kind kind)
{
	struct ms_error *err = reserve(segment, 1);
	if (err)
		return err;
	segment->bits[local(unit) / WORD_BITS] |= 1ull << unit % WORD_BITS;
	segment->kinds[segment->n++] = kind;
	return NULL;
}

static bool block_fits(const struct ms_blocks *blocks, struct ms_range block)
{
	return block.start < block.end && block.start >= blocks->range.start &&
	       block.end <= blocks->range.end && is_aligned(blocks, block.start) &&
	       (block.end == blocks->range.end || is_aligned(blocks, block.end));
}

struct ms_error *ms_blocks_add(struct ms_blocks *blocks, struct ms_range block,
	ms_kind kind, size_t *ret_ordinal)
{
	if (blocks->is_sealed || !block_fits(blocks, block))
		return ms_error_format(block.start, "block does not fit its table");
	uint64_t unit = unit_of(blocks, block.start);
	size_t number = (size_t)(unit >> SEGMENT_SHIFT);
	struct segment *segment = &blocks->segments[number];
	struct ms_error *err = NULL;
	if (block.start < segment->last_end)
		return ms_error_format(block.start, "block does not follow the last one");
	if (segment->last_end && block.start > segment->last_end)
		err = append(segment, unit_of(blocks, segment->last_end), MS_KIND_NONE);
	if (!err)
		err = append(segment, unit, kind);
	if (err)
		return err;
	segment->last_end = block.end;
	if (ret_ordinal)
		*ret_ordinal = number << SEGMENT_SHIFT | (segment->n - 1);
	return NULL;
}

bool ms_blocks_begins(const struct ms_blocks *blocks, uint64_t address)
{
	if (!ms_range_has(blocks->range, address) || !is_aligned(blocks, address))
		return false;
	uint64_t unit = unit_of(blocks, address);
	return is_set(&blocks->segments[unit >> SEGMENT_SHIFT], local(unit));
}

void ms_blocks_clear(struct ms_blocks *blocks, struct ms_range range)
{
	uint64_t first = unit_of(blocks, range.start);
	struct segment *segment = &blocks->segments[first >> SEGMENT_SHIFT];
	if (segment->bits)
		memset(segment->bits, 0, segment->words * sizeof(*segment->bits));
	segment->n = 0;
	segment->last_end = 0;
}

// What was left out between segments: from the end of the last block before it to the
// first one that begins in it.
static struct ms_error *fill_hole(struct ms_blocks *blocks, uint64_t end, uint64_t next)
{
	uint64_t unit = unit_of(blocks, end);
	struct segment *segment = &blocks->segments[unit >> SEGMENT_SHIFT];
	if (end >= next)
		return NULL;
	struct ms_error *err = reserve(segment, 1);
	if (err)
		return err;
	size_t at = count_from(segment, 0, local(unit));
	memmove(segment->kinds + at + 1, segment->kinds + at,
		(segment->n - at) * sizeof(*segment->kinds));
	segment->kinds[at] = MS_KIND_NONE;
	segment->bits[local(unit) / WORD_BITS] |= 1ull << unit % WORD_BITS;
	segment->n++;
	return NULL;
}

static struct ms_error *fill_holes(struct ms_blocks *blocks)
{
	uint64_t end = blocks->range.start;
	struct ms_error *err = NULL;
	for (size_t i = 0; !err && i < blocks->segment_n; i++) {
		struct segment *segment = &blocks->segments[i];
		if (!segment->n)
			continue;
		uint64_t first = ((uint64_t)i << SEGMENT_SHIFT) + next_set(segment, 0);
		uint64_t last_end = segment->last_end;
		err = fill_hole(blocks, end, address_of(blocks, first));
		end = last_end;
	}
	return err ? err : fill_hole(blocks, end, blocks->range.end);
}

static struct ms_error *seal_segment(struct segment *segment)
{
	if (!segment->n)
		return NULL;
	segment->ranks = calloc(segment->words / RANK_WORDS, sizeof(*segment->ranks));
	if (!segment->ranks)
		return &ms_error_nomem;
	// Growing left up to half of it unused.
	ms_kind *fitted = realloc(segment->kinds, segment->n * sizeof(*fitted));
	if (fitted) {
		segment->kinds = fitted;
		segment->cap = segment->n;
	}
	uint32_t sum = 0;
	for (size_t word = 0; word < segment->words; word++) {
		if (word % RANK_WORDS == 0)
			segment->ranks[word / RANK_WORDS] = sum;
		sum += (uint32_t)__builtin_popcountll(segment->bits[word]);
	}
	return NULL;
}

struct ms_error *ms_blocks_seal(struct ms_blocks *blocks)
{
	if (blocks->is_sealed)
		return NULL;
	struct ms_error *err = fill_holes(blocks);
	for (size_t i = 0; !err && i < blocks->segment_n; i++)
		err = seal_segment(&blocks->segments[i]);
	blocks->is_sealed = !err;
	return err;
}

struct ms_range ms_blocks_range(const struct ms_blocks *blocks)
{
	return blocks->range;
}

size_t ms_blocks_count(const struct ms_blocks *blocks)
{
	size_t n = 0;
	for (size_t i = 0; i < blocks->segment_n; i++)
		n += blocks->segments[i].n;
	return n;
}

size_t ms_blocks_footprint(const struct ms_blocks *blocks)
{
	size_t bytes = sizeof(*blocks) + blocks->segment_n * sizeof(blocks->segments[0]);
	for (size_t i = 0; i < blocks->segment_n; i++) {
		const struct segment *segment = &blocks->segments[i];
		bytes += segment->cap * sizeof(*segment->kinds) +
			 (segment->bits ? segment->words * sizeof(*segment->bits) : 0) +
			 (segment->ranks ? segment->words / RANK_WORDS *
						   sizeof(*segment->ranks)
					 : 0);
	}
	return bytes;
}

// The last unit of a segment up to `unit` whose bit is set; MS_BLOCKS_SEGMENT: none.
static size_t last_set(const struct segment *segment, size_t unit)
{
	size_t word = unit / WORD_BITS;
	if (!segment->n)
		return MS_BLOCKS_SEGMENT;
	uint64_t bits = segment->bits[word] & ~0ull >> (WORD_BITS - 1 - unit % WORD_BITS);
	while (!bits) {
		if (!word)
			return MS_BLOCKS_SEGMENT;
		bits = segment->bits[--word];
	}
	return word * WORD_BITS + (WORD_BITS - 1 - (size_t)__builtin_clzll(bits));
}

// Where the next block after `unit` begins, in whatever segment.
static uint64_t end_after(const struct ms_blocks *blocks, uint64_t unit)
{
	size_t from = local(unit) + 1;
	for (size_t i = (size_t)(unit >> SEGMENT_SHIFT); i < blocks->segment_n; i++) {
		size_t next = next_set(&blocks->segments[i], from);
		if (next < MS_BLOCKS_SEGMENT)
			return address_of(blocks, ((uint64_t)i << SEGMENT_SHIFT) + next);
		from = 0;
	}
	return blocks->range.end;
}

static struct ms_block block_at(
	const struct ms_blocks *blocks, uint64_t unit, size_t ordinal)
{
	return (struct ms_block){
		.range = { address_of(blocks, unit), end_after(blocks, unit) },
		.ordinal = ordinal,
		.kind = ms_blocks_kind(blocks, ordinal),
	};
}

bool ms_blocks_find(
	const struct ms_blocks *blocks, uint64_t address, struct ms_block *ret)
{
	if (!blocks->is_sealed || !ms_range_has(blocks->range, address))
		return false;
	uint64_t unit = unit_of(blocks, address);
	size_t from = local(unit);
	for (size_t i = (size_t)(unit >> SEGMENT_SHIFT) + 1; i-- > 0;) {
		const struct segment *segment = &blocks->segments[i];
		size_t start = last_set(segment, from);
		if (start < MS_BLOCKS_SEGMENT) {
			*ret = block_at(blocks, ((uint64_t)i << SEGMENT_SHIFT) + start,
				i << SEGMENT_SHIFT | rank_of(segment, start));
			return true;
		}
		from = MS_BLOCKS_SEGMENT - 1;
	}
	return false;
}

bool ms_blocks_next(const struct ms_blocks *blocks, struct ms_block *block)
{
	bool is_first = !block->range.end;
	uint64_t at = is_first ? blocks->range.start : block->range.end;
	if (at >= blocks->range.end || !blocks->is_sealed)
		return false;
	uint64_t unit = unit_of(blocks, at);
	size_t number = (size_t)(unit >> SEGMENT_SHIFT);
	bool is_same = !is_first && block->ordinal >> SEGMENT_SHIFT == number;
	*block = block_at(
		blocks, unit, is_same ? block->ordinal + 1 : number << SEGMENT_SHIFT);
	return true;
}

// The blocks of one segment from unit `from` on, whose kinds begin at `at`, as long as the
// next one begins at or before `limit`. Returns the unit of the first that was not added.
static size_t add_up_segment(const struct segment *segment, size_t from, size_t limit,
	unsigned shift, const ms_kind *kinds, struct ms_blocks_sum *sums)
{
	size_t word = (from + 1) / WORD_BITS;
	uint64_t bits = from + 1 < segment->words * WORD_BITS
				? segment->bits[word] & ~0ull << (from + 1) % WORD_BITS
				: 0;
	while (word < segment->words) {
		for (; bits; bits &= bits - 1) {
			size_t next = word * WORD_BITS + (size_t)__builtin_ctzll(bits);
			if (next > limit)
				return from;
			sums[*kinds].bytes += (uint64_t)(next - from) << shift;
			sums[*kinds++].count++;
			from = next;
		}
		if (++word < segment->words)
			bits = segment->bits[word];
	}
	return from;
}

void ms_blocks_add_up(const struct ms_blocks *blocks, struct ms_block *block,
	uint64_t end, struct ms_blocks_sum *sums)
{
	while (block->range.end <= end && block->range.end < blocks->range.end) {
		uint64_t unit = unit_of(blocks, block->range.start);
		uint64_t first = unit >> SEGMENT_SHIFT << SEGMENT_SHIFT;
		size_t number = (size_t)(unit >> SEGMENT_SHIFT);
		const struct segment *segment = &blocks->segments[number];
		size_t rank = local(block->ordinal);
		size_t limit =
			(size_t)ms_min(unit_of(blocks, end) - first, MS_BLOCKS_SEGMENT);
		size_t at = add_up_segment(segment, local(unit), limit, blocks->shift,
			segment->kinds + rank, sums);
		if (at != local(unit)) {
			rank = rank_of(segment, at);
			*block = block_at(
				blocks, first + at, number << SEGMENT_SHIFT | rank);
			continue;
		}
		// It reaches into the next segment, and ends where the next block begins.
		sums[block->kind].bytes += ms_range_size(block->range);
		sums[block->kind].count++;
		(void)ms_blocks_next(blocks, block);
	}
}

static ms_kind *kind_of(const struct ms_blocks *blocks, size_t ordinal)
{
	size_t number = ordinal >> SEGMENT_SHIFT, at = local(ordinal);
	if (number >= blocks->segment_n || at >= blocks->segments[number].n)
		return NULL;
	return &blocks->segments[number].kinds[at];
}

ms_kind ms_blocks_kind(const struct ms_blocks *blocks, size_t ordinal)
{
	const ms_kind *kind = kind_of(blocks, ordinal);
	return kind ? __atomic_load_n(kind, __ATOMIC_ACQUIRE) : MS_KIND_NONE;
}

struct ms_error *ms_blocks_offer(
	struct ms_blocks *blocks, struct ms_kinds *kinds, size_t ordinal, ms_kind kind)
{
	ms_kind *slot = kind_of(blocks, ordinal);
	if (!slot)
		return NULL;
	// Whoever sees a number has to see the row that was made for it.
	ms_kind now = __atomic_load_n(slot, __ATOMIC_ACQUIRE);
	for (;;) {
		ms_kind merged;
		struct ms_error *err = ms_kinds_merge(kinds, now, kind, &merged);
		if (err || merged == now)
			return err;
		if (__atomic_compare_exchange_n(
			    slot, &now, merged, true, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
			return NULL;
	}
}
