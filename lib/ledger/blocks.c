// Block tables: see blocks.h. A bit says where a block starts; its ordinal is the number
// of bits before it, which the rank counts make a matter of at most four words.

#include "ledger/blocks.h"

#include <string.h>

enum {
	WORD_BITS = 64,
	RANK_BITS = 256,
	RANK_WORDS = RANK_BITS / WORD_BITS
};

// One heap of 1 TiB in granules: a wrong size from the target must not take all memory.
#define UNITS_MAX (1ull << 36)

struct ms_blocks {
	struct ms_range range;
	uint64_t unit; // bytes per bit
	bool is_slab;
	ms_kind rest;
	uint64_t *bits;
	uint64_t words;
	uint32_t *ranks; // bits set before each RANK_BITS; NULL until sealed
	uint64_t last_end;
	size_t n;
	size_t cap;
	ms_kind *kinds; // read and changed by atomic builtins only
};

static struct ms_error *allocate(struct ms_blocks *blocks, uint64_t units)
{
	if (units > UNITS_MAX)
		return ms_error_new(MS_ERROR_LIMIT, "heap of more than 2^36 blocks");
	blocks->words = (units + RANK_BITS - 1) / RANK_BITS * RANK_WORDS;
	blocks->bits = calloc(blocks->words, sizeof(*blocks->bits));
	return blocks->bits ? NULL : &ms_error_nomem;
}

struct ms_error *ms_blocks_new(
	struct ms_range range, uint32_t slot, ms_kind rest, struct ms_blocks **ret)
{
	uint64_t unit = slot ? slot : MS_BLOCK_GRANULE;
	if (range.start >= range.end || unit < 8)
		return ms_error_format(
			range.start, "block table without room for a block");
	struct ms_blocks *blocks = calloc(1, sizeof(*blocks));
	if (!blocks)
		return &ms_error_nomem;
	*blocks = (struct ms_blocks){ .range = range,
		.unit = unit,
		.is_slab = slot != 0,
		.rest = rest,
		.last_end = range.start };
	struct ms_error *err = allocate(blocks, (ms_range_size(range) - 1) / unit + 1);
	if (err) {
		ms_blocks_free(blocks);
		return err;
	}
	*ret = blocks;
	return NULL;
}

void ms_blocks_free(struct ms_blocks *blocks)
{
	if (!blocks)
		return;
	free(blocks->bits);
	free(blocks->ranks);
	free(blocks->kinds);
	free(blocks);
}

static uint64_t unit_of(const struct ms_blocks *blocks, uint64_t address)
{
	return (address - blocks->range.start) / blocks->unit;
}

static bool is_aligned(const struct ms_blocks *blocks, uint64_t address)
{
	return (address - blocks->range.start) % blocks->unit == 0;
}

static struct ms_error *append(struct ms_blocks *blocks, uint64_t start, ms_kind kind)
{
	if (blocks->n == blocks->cap &&
		!ms_array_grow((void **)&blocks->kinds, &blocks->cap, blocks->n + 1,
			sizeof(*blocks->kinds)))
		return &ms_error_nomem;
	uint64_t unit = unit_of(blocks, start);
	blocks->bits[unit / WORD_BITS] |= 1ull << unit % WORD_BITS;
	blocks->kinds[blocks->n++] = kind;
	return NULL;
}

static bool block_fits(const struct ms_blocks *blocks, struct ms_range block)
{
	if (block.start >= block.end || block.start < blocks->last_end ||
		block.end > blocks->range.end || !is_aligned(blocks, block.start))
		return false;
	if (blocks->is_slab)
		return ms_range_size(block) <= blocks->unit;
	return block.end == blocks->range.end || is_aligned(blocks, block.end);
}

struct ms_error *ms_blocks_add(
	struct ms_blocks *blocks, struct ms_range block, ms_kind kind)
{
	if (blocks->ranks || !block_fits(blocks, block))
		return ms_error_format(block.start, "block does not follow the last one");
	if (!blocks->is_slab && block.start > blocks->last_end) {
		struct ms_error *err = append(blocks, blocks->last_end, MS_KIND_NONE);
		if (err)
			return err;
		blocks->last_end = block.start;
	}
	struct ms_error *err = append(blocks, block.start, kind);
	if (!err)
		blocks->last_end =
			blocks->is_slab ? block.start + blocks->unit : block.end;
	return err;
}

struct ms_error *ms_blocks_seal(struct ms_blocks *blocks)
{
	if (blocks->ranks)
		return NULL;
	if (!blocks->is_slab && blocks->last_end < blocks->range.end) {
		struct ms_error *err = append(blocks, blocks->last_end, MS_KIND_NONE);
		if (err)
			return err;
		blocks->last_end = blocks->range.end;
	}
	uint32_t *ranks = calloc(blocks->words / RANK_WORDS, sizeof(*ranks));
	if (!ranks)
		return &ms_error_nomem;
	// Growing left up to half of it unused.
	ms_kind *fitted =
		blocks->n ? realloc(blocks->kinds, blocks->n * sizeof(*fitted)) : NULL;
	if (fitted) {
		blocks->kinds = fitted;
		blocks->cap = blocks->n;
	}
	uint32_t sum = 0;
	for (uint64_t word = 0; word < blocks->words; word++) {
		if (word % RANK_WORDS == 0)
			ranks[word / RANK_WORDS] = sum;
		sum += (uint32_t)__builtin_popcountll(blocks->bits[word]);
	}
	blocks->ranks = ranks;
	return NULL;
}

struct ms_range ms_blocks_range(const struct ms_blocks *blocks)
{
	return blocks->range;
}

size_t ms_blocks_count(const struct ms_blocks *blocks)
{
	return blocks->n;
}

size_t ms_blocks_footprint(const struct ms_blocks *blocks)
{
	return sizeof(*blocks) + blocks->words * sizeof(*blocks->bits) +
	       blocks->cap * sizeof(*blocks->kinds) +
	       (blocks->ranks ? blocks->words / RANK_WORDS * sizeof(*blocks->ranks) : 0);
}

// Bits set before a unit.
static size_t rank_of(const struct ms_blocks *blocks, uint64_t unit)
{
	size_t rank = blocks->ranks[unit / RANK_BITS];
	uint64_t word = unit / RANK_BITS * RANK_WORDS;
	for (; word < unit / WORD_BITS; word++)
		rank += (size_t)__builtin_popcountll(blocks->bits[word]);
	uint64_t below = (1ull << unit % WORD_BITS) - 1;
	return rank + (size_t)__builtin_popcountll(blocks->bits[word] & below);
}

// The first unit from `unit` on whose bit is set; the number of all bits if none is.
static uint64_t next_set(const struct ms_blocks *blocks, uint64_t unit)
{
	uint64_t word = unit / WORD_BITS;
	if (word >= blocks->words)
		return blocks->words * WORD_BITS;
	uint64_t bits = blocks->bits[word] & ~0ull << unit % WORD_BITS;
	while (!bits) {
		if (++word >= blocks->words)
			return blocks->words * WORD_BITS;
		bits = blocks->bits[word];
	}
	return word * WORD_BITS + (uint64_t)__builtin_ctzll(bits);
}

// The last unit up to `unit` whose bit is set; false if none is.
static bool last_set(const struct ms_blocks *blocks, uint64_t unit, uint64_t *ret)
{
	uint64_t word = unit / WORD_BITS;
	uint64_t bits = blocks->bits[word] & ~0ull >> (WORD_BITS - 1 - unit % WORD_BITS);
	while (!bits) {
		if (!word)
			return false;
		bits = blocks->bits[--word];
	}
	*ret = word * WORD_BITS + (WORD_BITS - 1 - (uint64_t)__builtin_clzll(bits));
	return true;
}

static uint64_t address_of(const struct ms_blocks *blocks, uint64_t unit)
{
	if (unit > ms_range_size(blocks->range) / blocks->unit)
		return blocks->range.end;
	return ms_min(blocks->range.start + unit * blocks->unit, blocks->range.end);
}

static struct ms_block block_at(
	const struct ms_blocks *blocks, uint64_t unit, size_t ordinal)
{
	uint64_t end = blocks->is_slab ? unit + 1 : next_set(blocks, unit + 1);
	return (struct ms_block){
		.range = { address_of(blocks, unit), address_of(blocks, end) },
		.ordinal = ordinal,
		.kind = __atomic_load_n(&blocks->kinds[ordinal], __ATOMIC_RELAXED),
	};
}

// The run of slots without a block that begins at `unit`.
static struct ms_block rest_at(const struct ms_blocks *blocks, uint64_t unit)
{
	return (struct ms_block){
		.range = { address_of(blocks, unit),
			address_of(blocks, next_set(blocks, unit)) },
		.ordinal = SIZE_MAX,
		.kind = blocks->rest,
	};
}

bool ms_blocks_find(
	const struct ms_blocks *blocks, uint64_t address, struct ms_block *ret)
{
	if (!ms_range_has(blocks->range, address))
		return false;
	uint64_t unit = unit_of(blocks, address), start;
	bool has_start = last_set(blocks, unit, &start);
	if (has_start && (!blocks->is_slab || start == unit))
		*ret = block_at(blocks, start, rank_of(blocks, start));
	else
		*ret = rest_at(blocks, has_start ? start + 1 : 0);
	return true;
}

bool ms_blocks_next(const struct ms_blocks *blocks, struct ms_block *block)
{
	bool is_first = !block->range.end;
	uint64_t at = is_first ? blocks->range.start : block->range.end;
	if (at >= blocks->range.end)
		return false;
	uint64_t unit = unit_of(blocks, at);
	size_t ordinal = is_first || block->ordinal == SIZE_MAX ? rank_of(blocks, unit)
								: block->ordinal + 1;
	bool is_set = blocks->bits[unit / WORD_BITS] >> unit % WORD_BITS & 1;
	*block = is_set ? block_at(blocks, unit, ordinal) : rest_at(blocks, unit);
	return true;
}

ms_kind ms_blocks_kind(const struct ms_blocks *blocks, size_t ordinal)
{
	if (ordinal >= blocks->n)
		return blocks->rest;
	return __atomic_load_n(&blocks->kinds[ordinal], __ATOMIC_RELAXED);
}

struct ms_error *ms_blocks_offer(
	struct ms_blocks *blocks, struct ms_kinds *kinds, size_t ordinal, ms_kind kind)
{
	if (ordinal >= blocks->n)
		return NULL;
	ms_kind *slot = &blocks->kinds[ordinal];
	ms_kind now = __atomic_load_n(slot, __ATOMIC_RELAXED);
	for (;;) {
		ms_kind merged;
		struct ms_error *err = ms_kinds_merge(kinds, now, kind, &merged);
		if (err || merged == now)
			return err;
		if (__atomic_compare_exchange_n(
			    slot, &now, merged, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			return NULL;
	}
}
