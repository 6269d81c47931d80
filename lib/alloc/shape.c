// glibc's heaps by their shape: see alloc.h. What is not readable is not claimed.

#include <string.h>

#include "alloc/shape.h"

enum {
	PREV_INUSE = 1,
	IS_MMAPPED = 2,
	FLAGS = 15,
	MIN_CHUNK = 32,
	MMAPPED_MIN = 4096,
	BRK_CHUNKS = 8, // chunks in a row that make the brk area glibc's
	ANY_ACCESS = MS_MAPPING_READ | MS_MAPPING_WRITE | MS_MAPPING_EXEC,
};

static const struct ms_kind_row heap_kind = {
	.owner = "malloc.heap",
	.reader = "glibc",
	.detail = "heap descriptor at its 64 MiB boundary, first chunks checked",
	.grade = MS_GRADE_STRUCTURAL,
	.precedence = MS_PRECEDENCE_LIBRARY,
};

static const struct ms_kind_row brk_kind = {
	.owner = "malloc.heap",
	.reader = "glibc",
	.detail = "chunks from the brk area's start",
	.grade = MS_GRADE_STRUCTURAL,
	.precedence = MS_PRECEDENCE_LIBRARY,
};

static const struct ms_kind_row mmapped_kind = {
	.owner = "malloc.heap",
	.reader = "glibc",
	.detail = "header of an mmapped chunk",
	.grade = MS_GRADE_STRUCTURAL,
	.precedence = MS_PRECEDENCE_LIBRARY,
};

static uint64_t get_u64(const uint8_t *bytes)
{
	uint64_t v;
	memcpy(&v, bytes, sizeof(v));
	return v;
}

static bool is_page_multiple(uint64_t v)
{
	return v && v % MS_PAGE_SIZE == 0;
}

// Offset of an arena in its first heap: heap_info takes 32 bytes, 48 from 2.35 on.
static bool is_arena_offset(uint64_t offset)
{
	return offset == 0x20 || offset == 0x30;
}

// Two chunks in a row at `offset`; the first of a heap has PREV_INUSE set.
static bool has_chunks(const uint8_t *bytes, uint64_t offset, uint64_t size)
{
	uint64_t first = get_u64(bytes + offset + 8);
	uint64_t n = first & ~(uint64_t)FLAGS;
	if (!(first & PREV_INUSE) || first & IS_MMAPPED || n < MIN_CHUNK ||
		n > size - offset)
		return false;
	uint64_t next = offset + n;
	if (next == size || next + 16 > MS_GLIBC_HEAP_BYTES)
		return next <= size;
	uint64_t second = get_u64(bytes + next + 8) & ~(uint64_t)FLAGS;
	return second <= size - next;
}

// Where the first chunk may lie: behind heap_info, and behind malloc_state in an arena's
// first heap; by generation of glibc.
static bool has_first_chunk(const uint8_t *bytes, bool is_first, uint64_t size)
{
	static const uint16_t firsts[] = { 0x8b0, 0x8c0, 0x8d0, 0x870 };
	static const uint16_t laters[] = { 0x20, 0x30 };
	const uint16_t *offsets = is_first ? firsts : laters;
	for (size_t i = 0; i < (is_first ? 4 : 2); i++)
		if (has_chunks(bytes, offsets[i], size))
			return true;
	return false;
}

bool ms_glibc_heap_parse(
	uint64_t address, const uint8_t *bytes, uint64_t limit, struct ms_glibc_heap *ret)
{
	struct ms_glibc_heap heap = {
		.address = address,
		.arena = get_u64(bytes),
		.previous = get_u64(bytes + 8),
		.size = get_u64(bytes + 16),
		.writable = get_u64(bytes + 24),
	};
	bool is_first = heap.arena >> 26 == address >> 26;
	bool has_sizes = is_page_multiple(heap.size) && is_page_multiple(heap.writable) &&
			 heap.size <= heap.writable &&
			 heap.writable <= MS_GLIBC_HEAP_MAX && heap.writable <= limit;
	bool has_links = is_first ? !heap.previous
				  : heap.previous &&
					    heap.previous % MS_GLIBC_HEAP_MAX == 0 &&
					    heap.previous != address;
	if (address % MS_GLIBC_HEAP_MAX || !has_sizes || !has_links ||
		!is_arena_offset(heap.arena % MS_GLIBC_HEAP_MAX) ||
		!has_first_chunk(bytes, is_first, heap.size))
		return false;
	*ret = heap;
	return true;
}

static bool is_heap_memory(const struct ms_mapping *m)
{
	unsigned rw = MS_MAPPING_READ | MS_MAPPING_WRITE;
	return (m->flags & rw) == rw &&
	       !(m->flags & (MS_MAPPING_SHARED | MS_MAPPING_EXEC)) &&
	       (m->kind == MS_MAPPING_ANON || m->kind == MS_MAPPING_NAMED);
}

static bool is_resident(struct ms_target *target, uint64_t address)
{
	return ms_page_is_resident(ms_pages_get(ms_target_pages(target), address));
}

// The heap's own pages, and those reserved behind them for it to grow into.
static struct ms_range reserved(
	const struct ms_maps *maps, const struct ms_glibc_heap *heap)
{
	struct ms_range range = { heap->address, heap->address + heap->writable };
	const struct ms_mapping *rest = ms_maps_find(maps, range.end);
	if (heap->writable < MS_GLIBC_HEAP_MAX && rest && !(rest->flags & ANY_ACCESS))
		range.end = ms_min(rest->range.end, heap->address + MS_GLIBC_HEAP_MAX);
	return range;
}

static struct ms_error *claim_heap(
	struct ms_reading *reading, const struct ms_glibc_heap *heap)
{
	char text[32];
	(void)snprintf(
		text, sizeof(text), "arena %#llx", (unsigned long long)heap->arena);
	return ms_claims_say(reading->claims,
		reserved(ms_target_maps(reading->target), heap), MS_RANK_REGION,
		&heap_kind, 1, ms_bytes_of(text));
}

// The next 64 MiB boundary from `at` on whose page is resident; false if there is none.
static bool next_boundary(struct ms_target *target, uint64_t *at, uint64_t end)
{
	const struct ms_pages *pages = ms_target_pages(target);
	while (ms_align_up(*at, MS_GLIBC_HEAP_MAX, at) && *at < end) {
		enum ms_page_state state;
		struct ms_range run = ms_pages_run(pages, *at, end, &state);
		if (ms_page_is_resident(state))
			return true;
		*at = run.end; // whole terabytes may be absent
	}
	return false;
}

// Bytes from `at` on that a heap may have made writable by the time its descriptor is
// read: those of the mapping, and what was reserved right behind it when maps was read.
static uint64_t room_to_grow(
	const struct ms_maps *maps, const struct ms_mapping *m, uint64_t at)
{
	const struct ms_mapping *rest = ms_maps_find(maps, m->range.end);
	bool is_reserved = rest && !(rest->flags & ANY_ACCESS);
	return (is_reserved ? rest->range.end : m->range.end) - at;
}

// Every 64 MiB boundary in the mapping: full heaps of neighbours merge into one mapping.
static struct ms_error *find_heaps(struct ms_reading *reading, const struct ms_mapping *m)
{
	const struct ms_maps *maps = ms_target_maps(reading->target);
	struct ms_error *err = NULL;
	uint64_t at = m->range.start;
	while (!err && next_boundary(reading->target, &at, m->range.end)) {
		uint8_t bytes[MS_GLIBC_HEAP_BYTES];
		struct ms_glibc_heap heap;
		if (ms_target_get(reading->target, at, bytes, sizeof(bytes)) &&
			ms_glibc_heap_parse(at, bytes, room_to_grow(maps, m, at), &heap))
			err = claim_heap(reading, &heap);
		at += MS_PAGE_SIZE;
	}
	return err;
}

// Large blocks: header {0, size | IS_MMAPPED}; neighbours share one mapping. The size is
// a page multiple, from 2.43 on 16 bytes less than one.
static struct ms_error *find_mmapped(
	struct ms_reading *reading, const struct ms_mapping *m)
{
	struct ms_error *err = NULL;
	for (uint64_t at = m->range.start; !err && at < m->range.end;) {
		uint8_t bytes[16];
		if (!is_resident(reading->target, at) ||
			!ms_target_get(reading->target, at, bytes, sizeof(bytes)))
			return NULL;
		uint64_t size = get_u64(bytes + 8) & ~7ull;
		if (get_u64(bytes) || (get_u64(bytes + 8) & 7) != IS_MMAPPED)
			return NULL;
		if (size % MS_PAGE_SIZE == MS_PAGE_SIZE - 16)
			size += 16;
		if (size % MS_PAGE_SIZE || size < MMAPPED_MIN || size > m->range.end - at)
			return NULL;
		err = ms_claims_say(reading->claims, (struct ms_range){ at, at + size },
			MS_RANK_REGION, &mmapped_kind, 1, (struct ms_bytes){ 0 });
		at += size;
	}
	return err;
}

// The brk area begins with a chunk of glibc's, and so on: BRK_CHUNKS in a row, or fewer
// to its end.
static struct ms_error *check_brk(struct ms_reading *reading, const struct ms_mapping *m)
{
	uint64_t at = m->range.start;
	for (unsigned i = 0; i < BRK_CHUNKS && at < m->range.end; i++) {
		uint8_t bytes[16];
		if (!ms_target_get(reading->target, at, bytes, sizeof(bytes)))
			return NULL;
		uint64_t head = get_u64(bytes + 8), size = head & ~(uint64_t)FLAGS;
		bool is_chunk = size >= MIN_CHUNK && size <= m->range.end - at &&
				!(head & (IS_MMAPPED | 4 | 8)) &&
				(i || head & PREV_INUSE);
		if (!is_chunk)
			return NULL;
		at += size;
	}
	return ms_claims_say(reading->claims, m->range, MS_RANK_REGION, &brk_kind, 1,
		ms_bytes_of("main arena"));
}

// Cores of others have no name for the brk area. It lies below all libraries; of such a
// target every mapping up to libc is tried.
static size_t brk_limit(const struct ms_maps *maps)
{
	size_t libc = 0;
	for (size_t i = 0; i < maps->n; i++) {
		if (maps->v[i].kind == MS_MAPPING_HEAP)
			return 0;
		if (ms_bytes_is(ms_bytes_basename(maps->v[i].name), "libc.so.6"))
			libc = i;
	}
	return libc;
}

static struct ms_error *find_all(
	struct ms_reading *reading, const struct ms_mapping *m, bool may_be_brk)
{
	struct ms_error *err = NULL;
	if (may_be_brk && is_resident(reading->target, m->range.start))
		err = check_brk(reading, m);
	if (!err && is_heap_memory(m))
		err = find_heaps(reading, m);
	if (!err && is_heap_memory(m))
		err = find_mmapped(reading, m);
	return err;
}

static struct ms_error *anchor(struct ms_reading *reading, void *arg, void **ret_state)
{
	const struct ms_maps *maps = ms_target_maps(reading->target);
	struct ms_error *err = NULL;
	(void)arg;
	(void)ret_state;
	size_t limit = brk_limit(maps);
	if (ms_target_denied(reading->target))
		return NULL;
	for (size_t i = 0; !err && i < maps->n; i++) {
		if (ms_cancel_raised(reading->cancel))
			return ms_error_new(MS_ERROR_CANCELLED, "interrupted");
		const struct ms_mapping *m = &maps->v[i];
		err = find_all(reading, m,
			m->kind == MS_MAPPING_HEAP || (i < limit && is_heap_memory(m)));
	}
	return err;
}

const struct ms_reader ms_alloc_shape_reader = { .name = "glibc", .anchor = anchor };
