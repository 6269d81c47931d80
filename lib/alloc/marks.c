// Marks: see marks.h.

#include "alloc/marks.h"

#include <string.h>

enum {
	TILE_SHIFT = 16,
	GRANULE_SHIFT = 3,
	PER_WORD = 32, // two bits each
	WORDS = (1 << (TILE_SHIFT - GRANULE_SHIFT)) / PER_WORD,
	TILES_MAX = (1 << 30) / (WORDS * 8),
};

struct ms_marks_tile {
	uint64_t number; // address >> TILE_SHIFT
	uint64_t words[WORDS];
};

void ms_marks_deinit(struct ms_marks *marks)
{
	for (size_t i = 0; i < marks->cap; i++)
		free(marks->slots[i]);
	free(marks->slots);
	*marks = (struct ms_marks){ 0 };
}

static size_t slot_of(const struct ms_marks *marks, uint64_t number)
{
	size_t at = (size_t)(number * 0x9e3779b97f4a7c15ull >> 32) & (marks->cap - 1);
	while (marks->slots[at] && marks->slots[at]->number != number)
		at = (at + 1) & (marks->cap - 1);
	return at;
}

static bool grow(struct ms_marks *marks)
{
	struct ms_marks wider = { .cap = marks->cap ? marks->cap * 2 : 64 };
	wider.slots = calloc(wider.cap, sizeof(*wider.slots));
	if (!wider.slots)
		return false;
	for (size_t i = 0; i < marks->cap; i++)
		if (marks->slots[i])
			wider.slots[slot_of(&wider, marks->slots[i]->number)] =
				marks->slots[i];
	free(marks->slots);
	marks->slots = wider.slots;
	marks->cap = wider.cap;
	return true;
}

static struct ms_error *tile_of(
	struct ms_marks *marks, uint64_t number, struct ms_marks_tile **ret)
{
	if (marks->n * 2 >= marks->cap && !grow(marks))
		return &ms_error_nomem;
	size_t at = slot_of(marks, number);
	if (!marks->slots[at]) {
		if (marks->n >= TILES_MAX)
			return ms_error_new(MS_ERROR_LIMIT,
				"lists of free blocks spread over more than 32 GiB");
		marks->slots[at] = calloc(1, sizeof(**marks->slots));
		if (!marks->slots[at])
			return &ms_error_nomem;
		marks->slots[at]->number = number;
		marks->n++;
	}
	*ret = marks->slots[at];
	return NULL;
}

static unsigned granule_of(uint64_t address)
{
	return (unsigned)(address >> GRANULE_SHIFT &
			  ((1u << (TILE_SHIFT - GRANULE_SHIFT)) - 1));
}

struct ms_error *ms_marks_set(
	struct ms_marks *marks, uint64_t address, enum ms_mark mark, bool *ret_is_new)
{
	struct ms_marks_tile *tile;
	struct ms_error *err = tile_of(marks, address >> TILE_SHIFT, &tile);
	if (err)
		return err;
	unsigned granule = granule_of(address), shift = granule % PER_WORD * 2;
	uint64_t *word = &tile->words[granule / PER_WORD];
	bool is_new = !(*word >> shift & 3);
	if (is_new) {
		*word |= (uint64_t)mark << shift;
		marks->marked++;
	}
	if (ret_is_new)
		*ret_is_new = is_new;
	return NULL;
}

enum ms_mark ms_marks_get(const struct ms_marks *marks, uint64_t address)
{
	if (!marks->n)
		return MS_MARK_NONE;
	const struct ms_marks_tile *tile =
		marks->slots[slot_of(marks, address >> TILE_SHIFT)];
	unsigned granule = granule_of(address);
	if (!tile)
		return MS_MARK_NONE;
	return (enum ms_mark)(
		tile->words[granule / PER_WORD] >> granule % PER_WORD * 2 & 3);
}
