// A small cache of the target's memory: see peek.h.

#include "alloc/peek.h"

#include <string.h>

enum {
	LINE = 16 << 10,
	LINES = 256,
	PAGES = LINE / MS_PAGE_SIZE,
};

struct line {
	uint64_t address; // UINT64_MAX: nothing was read
	uint8_t missing;  // bit per page
};

// The bytes lie apart: memory for lines that are never filled is never touched.
struct ms_peek {
	struct ms_target *target;
	struct ms_gaps gaps;
	struct line lines[LINES];
	uint8_t bytes[LINES][LINE];
};

_Static_assert(PAGES <= 8, "a bit per page");

struct ms_error *ms_peek_new(struct ms_target *target, struct ms_peek **ret)
{
	struct ms_peek *peek = malloc(sizeof(*peek));
	if (!peek)
		return &ms_error_nomem;
	peek->target = target;
	peek->gaps = (struct ms_gaps){ 0 };
	ms_peek_clear(peek);
	*ret = peek;
	return NULL;
}

void ms_peek_free(struct ms_peek *peek)
{
	if (!peek)
		return;
	ms_gaps_deinit(&peek->gaps);
	free(peek);
}

void ms_peek_clear(struct ms_peek *peek)
{
	for (size_t i = 0; i < LINES; i++)
		peek->lines[i].address = UINT64_MAX;
}

static void fill(struct ms_peek *peek, struct line *line, uint64_t address)
{
	struct ms_read read = { { address, address + LINE },
		peek->bytes[line - peek->lines] };
	peek->gaps.n = 0;
	_cleanup_error_ struct ms_error *err =
		ms_target_read(peek->target, &read, 1, &peek->gaps);
	line->address = address;
	line->missing = err ? UINT8_MAX : 0;
	ms_array_foreach (gap, &peek->gaps)
		for (unsigned page = 0; page < PAGES; page++) {
			struct ms_range range = { address + page * MS_PAGE_SIZE,
				address + (page + 1) * MS_PAGE_SIZE };
			if (ms_range_overlaps(range, gap->range))
				line->missing |= (uint8_t)(1u << page);
		}
}

static struct line *line_of(struct ms_peek *peek, uint64_t address)
{
	uint64_t start = address & ~(uint64_t)(LINE - 1);
	if (start > UINT64_MAX - LINE)
		return NULL;
	struct line *line = &peek->lines[start / LINE % LINES];
	if (line->address != start)
		fill(peek, line, start);
	return line;
}

bool ms_peek_bytes(struct ms_peek *peek, uint64_t address, void *to, size_t n)
{
	uint8_t *at = to;
	while (n) {
		struct line *line = line_of(peek, address);
		if (!line)
			return false;
		size_t offset = (size_t)(address - line->address);
		size_t in_page = MS_PAGE_SIZE - offset % MS_PAGE_SIZE;
		size_t part = n < in_page ? n : in_page;
		if (line->missing >> offset / MS_PAGE_SIZE & 1)
			return false;
		memcpy(at, peek->bytes[line - peek->lines] + offset, part);
		at += part;
		n -= part;
		address += part;
	}
	return true;
}

bool ms_peek_u64(struct ms_peek *peek, uint64_t address, uint64_t *ret)
{
	return address % 8 == 0 && ms_peek_bytes(peek, address, ret, sizeof(*ret));
}

bool ms_peek_u32(struct ms_peek *peek, uint64_t address, uint32_t *ret)
{
	return address % 4 == 0 && ms_peek_bytes(peek, address, ret, sizeof(*ret));
}

static bool is_memory_at(const struct ms_maps *maps, uint64_t address)
{
	const struct ms_mapping *m = ms_maps_find(maps, address);
	return m && !(m->flags & MS_MAPPING_SHARED) &&
	       (m->kind == MS_MAPPING_ANON || m->kind == MS_MAPPING_NAMED ||
		       m->kind == MS_MAPPING_HEAP);
}

bool ms_peek_is_memory(const struct ms_maps *maps, uint64_t start, uint64_t size)
{
	uint64_t end;
	return size && ms_add(start, size, &end) && is_memory_at(maps, start) &&
	       is_memory_at(maps, end - 1);
}

bool ms_peek_is_writable(const struct ms_maps *maps, uint64_t start, uint64_t size)
{
	uint64_t at = start, end;
	if (!size || !ms_add(start, size, &end))
		return false;
	for (size_t i = ms_maps_index(maps, at); i < maps->n && at < end; i++) {
		const struct ms_mapping *m = &maps->v[i];
		if (m->range.start > at || m->flags & MS_MAPPING_SHARED ||
			!(m->flags & MS_MAPPING_WRITE))
			return false;
		at = m->range.end;
	}
	return at >= end;
}
