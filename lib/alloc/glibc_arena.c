// The ring of arenas, their heaps, and the regions these make: see glibc.h.

#include "alloc/glibc.h"

#include <string.h>

#include "alloc/shape.h"
#include "alloc/sweep.h"
#include "alloc/whole.h"

enum {
	NONCONTIGUOUS = 2,
	FLAGS_MAX = 7,
	FUTEX_MAX = 2,
	HEADER_OLD = 32, // sizeof(heap_info) up to 2.34
	HEADER_NEW = 48,
};

bool ms_glibc_read_arena(struct ms_peek *peek, const struct ms_glibc *libc,
	uint64_t address, struct ms_glibc_arena *ret)
{
	const struct ms_glibc_state_layout *l = libc->state;
	uint8_t p[MS_GLIBC_STATE_MAX];
	if (address % 8 || !ms_peek_bytes(peek, address, p, l->size))
		return false;
	struct ms_glibc_arena arena = { .address = address,
		.mutex = ms_get_u32(p),
		.flags = ms_get_u32(p + 4),
		.top = ms_get_u64(p + l->top),
		.next = ms_get_u64(p + l->next),
		.attached = l->attached ? ms_get_u64(p + l->attached) : 0,
		.system = ms_get_u64(p + l->system),
		.peak = ms_get_u64(p + l->peak) };
	for (unsigned i = 0; l->fast_bins && i < MS_GLIBC_FAST_BINS; i++)
		arena.fast[i] = ms_get_u64(p + l->fast_bins + 8ul * i);
	if (arena.mutex > FUTEX_MAX || arena.flags > FLAGS_MAX || arena.next % 8 ||
		arena.top % 8 || arena.system > arena.peak)
		return false;
	*ret = arena;
	return true;
}

uint64_t ms_glibc_writable_end(const struct ms_maps *maps, uint64_t at)
{
	unsigned rw = MS_MAPPING_READ | MS_MAPPING_WRITE;
	uint64_t end = 0;
	for (size_t i = ms_maps_index(maps, at); i < maps->n; i++) {
		const struct ms_mapping *m = &maps->v[i];
		bool is_ours = (m->flags & rw) == rw && !(m->flags & MS_MAPPING_SHARED) &&
			       (end ? m->range.start == end : m->range.start <= at);
		if (!is_ours)
			break;
		end = m->range.end;
	}
	return end;
}

static struct ms_error *add_row(
	struct ms_alloc_find *find, struct ms_glibc *libc, struct ms_glibc_arena *arena)
{
	struct ms_alloc_arena row = { .instance = libc->instance,
		.number = libc->arena_n,
		.address = arena->address,
		.is_main = arena->address == libc->main_arena,
		.is_locked = arena->mutex != 0,
		.is_contiguous = !(arena->flags & NONCONTIGUOUS),
		.threads = arena->attached,
		.system = arena->system,
		.peak = arena->peak };
	struct ms_error *err = ms_alloc_add_arena(find->alloc, &row, &arena->row);
	if (!err && !libc->arena_n++)
		libc->first_arena = arena->row;
	return err;
}

static struct ms_error *add_region(struct ms_alloc_find *find,
	const struct ms_glibc *libc, uint32_t arena, struct ms_range range, bool has_top)
{
	struct ms_alloc_region region = { .range = range,
		.arena = arena,
		.instance = libc->instance,
		.has_top = has_top };
	return ms_alloc_add_region(find->alloc, &region);
}

// The end of the main arena in the brk area: that of its top chunk.
static bool brk_end(struct ms_alloc_find *find, const struct ms_glibc_arena *arena,
	struct ms_range within, uint64_t *ret)
{
	uint64_t head, end;
	if (!ms_range_has(within, arena->top) ||
		!ms_peek_u64(find->peek, arena->top + 8, &head) ||
		!ms_add(arena->top, head & ~(uint64_t)MS_CHUNK_FLAGS, &end) ||
		end > within.end || end <= arena->top)
		return false;
	*ret = end;
	return true;
}

// Where brk memory begins; without malloc_par, the mapping that holds the top chunk.
static uint64_t brk_start(const struct ms_alloc_find *find, const struct ms_glibc *libc,
	const struct ms_glibc_arena *arena)
{
	if (libc->par)
		return libc->first_chunk;
	const struct ms_mapping *m = ms_maps_find(find->maps, arena->top);
	return m ? m->range.start : 0;
}

// A main arena that does not grow by brk any more is put together from its segments
// (glibc_mmapped.c), the brk area being the first of them.
static struct ms_error *add_main(struct ms_alloc_find *find, struct ms_glibc *libc,
	const struct ms_glibc_arena *arena)
{
	uint64_t start = brk_start(find, libc, arena);
	struct ms_range range = { start,
		start ? ms_glibc_writable_end(find->maps, start) : 0 };
	if (!arena->system)
		return NULL;
	libc->is_segmented =
		arena->flags & NONCONTIGUOUS || !brk_end(find, arena, range, &range.end);
	libc->main_top = arena->top;
	if (libc->is_segmented)
		return NULL;
	return add_region(find, libc, arena->row, range, /* has_top= */ true);
}

struct heap {
	uint64_t arena, previous, size;
};

// While a process runs a heap may have grown into what was reserved for it when maps was
// read.
static bool is_heap_memory(const struct ms_alloc_find *find, uint64_t at, uint64_t size)
{
	struct ms_range range = { at, at + size };
	return ms_target_info(find->target)->is_stopped
		       ? ms_peek_is_writable(find->maps, at, size)
		       : ms_whole_is_mapped(find->maps, range);
}

static bool read_heap(struct ms_alloc_find *find, const struct ms_glibc *libc,
	uint64_t address, uint64_t arena, struct heap *ret)
{
	uint8_t p[HEADER_OLD];
	if (!ms_peek_bytes(find->peek, address, p, sizeof(p)))
		return false;
	*ret = (struct heap){ ms_get_u64(p), ms_get_u64(p + 8), ms_get_u64(p + 16) };
	return ret->arena == arena && ret->size && ret->size % MS_PAGE_SIZE == 0 &&
	       ret->size <= libc->heap_max && ret->size <= ms_get_u64(p + 24) &&
	       ret->previous % libc->heap_max == 0 &&
	       is_heap_memory(find, address, ret->size);
}

// The heap of the top chunk. 2.42 has the size of huge pages where 2.35 has it, but its
// heaps are as large as without them: shown by the first one that is.
static uint64_t last_heap(struct ms_alloc_find *find, struct ms_glibc *libc,
	const struct ms_glibc_arena *arena)
{
	struct heap heap;
	uint64_t at = arena->top & ~(libc->heap_max - 1);
	uint64_t large = arena->top & ~((uint64_t)MS_GLIBC_HEAP_MAX - 1);
	if (!read_heap(find, libc, at, arena->address, &heap) &&
		libc->heap_max < MS_GLIBC_HEAP_MAX) {
		libc->heap_max = MS_GLIBC_HEAP_MAX;
		return large;
	}
	return at;
}

// From the heap that holds the top chunk back to the first one, which holds the arena.
static struct ms_error *add_heaps(struct ms_alloc_find *find, struct ms_glibc *libc,
	const struct ms_glibc_arena *arena, struct ms_marks *seen)
{
	uint64_t at = last_heap(find, libc, arena);
	struct ms_error *err = NULL;
	bool has_top = true;
	while (!err && at) {
		struct heap heap;
		bool is_new;
		if (!read_heap(find, libc, at, arena->address, &heap)) {
			libc->torn_lists++;
			return NULL;
		}
		err = ms_marks_set(seen, at, MS_MARK_FREE, &is_new);
		if (err || !is_new)
			return err;
		struct ms_range range = { at, at + heap.size };
		err = add_region(find, libc, arena->row, range, has_top);
		has_top = false;
		at = heap.previous;
	}
	return err;
}

// heap_info lies in front of the arena in its first heap.
static bool is_in_heap(struct ms_glibc *libc, uint64_t arena)
{
	uint64_t offset = arena & (libc->heap_max - 1);
	if (offset != HEADER_OLD && offset != HEADER_NEW)
		return false;
	if (libc->heap_header && libc->heap_header != offset)
		return false;
	libc->heap_header = (uint32_t)offset;
	return true;
}

// Heaps keep the arena's address as their first word, the arena its heap's boundary: both
// marks live in one set, which no address is in twice.
static struct ms_error *follow_ring(
	struct ms_alloc_find *find, struct ms_glibc *libc, struct ms_marks *seen)
{
	uint64_t at = libc->main_arena;
	struct ms_error *err = NULL;
	do {
		struct ms_glibc_arena arena;
		bool is_new, is_main = at == libc->main_arena;
		if ((!is_main && !is_in_heap(libc, at)) ||
			!ms_glibc_read_arena(find->peek, libc, at, &arena)) {
			libc->torn_lists++;
			return NULL;
		}
		err = ms_marks_set(seen, at, MS_MARK_CACHED, &is_new);
		if (err || !is_new)
			return err;
		err = add_row(find, libc, &arena);
		if (!err)
			err = is_main ? add_main(find, libc, &arena)
				      : add_heaps(find, libc, &arena, seen);
		at = arena.next;
	} while (!err && at != libc->main_arena);
	return err;
}

// --- heaps whose arena went on --------------------------------------------------------

struct looking {
	struct ms_glibc *libc;
	struct ms_marks *seen;
};

// The row of the arena at this address; NULL if the libc has none there.
static const struct ms_alloc_arena *arena_row(
	const struct ms_alloc_find *find, const struct ms_glibc *libc, uint64_t address)
{
	for (uint32_t i = 0; i < libc->arena_n; i++) {
		const struct ms_alloc_arena *row =
			&find->alloc->arenas.v[libc->first_arena + i];
		if (row->address == address && !row->is_main)
			return row;
	}
	return NULL;
}

static struct ms_error *look_for_heap(
	struct ms_alloc_find *find, uint64_t address, void *arg)
{
	const struct looking *looking = arg;
	struct ms_glibc *libc = looking->libc;
	struct heap heap;
	uint64_t arena;
	bool is_new;
	if (!ms_peek_u64(find->peek, address, &arena))
		return NULL;
	const struct ms_alloc_arena *row = arena_row(find, libc, arena);
	if (!row || !read_heap(find, libc, address, arena, &heap))
		return NULL;
	struct ms_error *err =
		ms_marks_set(looking->seen, address, MS_MARK_FREE, &is_new);
	struct ms_range range = { address, address + heap.size };
	return err || !is_new ? err
			      : add_region(find, libc,
					(uint32_t)(row - find->alloc->arenas.v), range,
					/* has_top= */ false);
}

// The last heap of an arena that grows by gigabytes a second may be younger than our list of
// mappings, and with it the way back to the others is lost. They are where heaps can be, and
// name their arena.
static struct ms_error *look_for_heaps(
	struct ms_alloc_find *find, struct ms_glibc *libc, struct ms_marks *seen)
{
	struct looking looking = { libc, seen };
	return libc->torn_lists && !ms_target_info(find->target)->is_stopped
		       ? ms_sweep_boundaries(
				 find, libc->heap_max, look_for_heap, &looking)
		       : NULL;
}

struct ms_error *ms_glibc_find_arenas(struct ms_alloc_find *find, struct ms_glibc *libc)
{
	struct ms_marks seen = { 0 };
	struct ms_error *err = follow_ring(find, libc, &seen);
	if (!err)
		err = look_for_heaps(find, libc, &seen);
	ms_marks_deinit(&seen);
	return err;
}

// A heap's descriptor, checked by what follows it, at a boundary where no region begins.
static struct ms_error *look_for_stray(
	struct ms_alloc_find *find, uint64_t address, void *arg)
{
	struct ms_glibcs *libcs = arg;
	const struct ms_alloc_region *region = ms_alloc_region_at(find->alloc, address);
	uint8_t bytes[MS_GLIBC_HEAP_BYTES];
	struct ms_glibc_heap heap;
	uint64_t end = ms_glibc_writable_end(find->maps, address);
	if (region || end <= address ||
		!ms_peek_bytes(find->peek, address, bytes, sizeof(bytes)) ||
		!ms_glibc_heap_parse(address, bytes, end - address, &heap))
		return NULL;
	ms_array_foreach (libc, libcs)
		libc->stray_heaps++;
	return NULL;
}

struct ms_error *ms_glibc_find_strays(struct ms_alloc_find *find, struct ms_glibcs *libcs)
{
	return libcs->n ? ms_sweep_boundaries(
				  find, MS_GLIBC_HEAP_MAX, look_for_stray, libcs)
			: NULL;
}

uint64_t ms_glibc_first_chunk(
	const struct ms_glibc *libc, const struct ms_alloc_arena *arena, uint64_t start)
{
	uint64_t first = start;
	if (!arena->is_main) {
		first += libc->heap_header;
		if (arena->address - start == libc->heap_header)
			first += libc->state->size;
	}
	return (first + 15) & ~15ull;
}
