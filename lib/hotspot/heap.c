// The Java heap, whatever the collector: see heap.h.

#include "hotspot/heap.h"

#include <stdarg.h>
#include <string.h>

#include "hotspot/heap_internal.h"
#include "hotspot/place.h"

enum {
	WORD = 8,
	REGIONS_MAX = 1 << 20,
	NOTE_BYTES = 256,
	TABLE_SHARE = 16, // bytes of heap for one of the largest table: Parallel's bitmap
	TABLE_SLACK = 8 << 20,
};

static const struct {
	const char *name, *title, *flag;
} collectors[] = {
#define X(id, name, title, flag) { name, title, flag },
	MS_COLLECTORS(X)
#undef X
};

static const ms_heap_read_fn readers[MS_COLLECTOR_COUNT] = {
	[MS_COLLECTOR_SERIAL] = ms_heap_read_serial,
	[MS_COLLECTOR_CMS] = ms_heap_read_serial,
	[MS_COLLECTOR_PARALLEL] = ms_heap_read_parallel,
	[MS_COLLECTOR_G1] = ms_heap_read_g1,
	[MS_COLLECTOR_Z] = ms_heap_read_z,
	[MS_COLLECTOR_SHENANDOAH] = ms_heap_read_shenandoah,
	[MS_COLLECTOR_EPSILON] = ms_heap_read_epsilon,
};

const char *ms_collector_name(enum ms_collector collector)
{
	return collectors[(unsigned)collector < MS_COLLECTOR_COUNT ? collector : 0].name;
}

const char *ms_collector_title(enum ms_collector collector)
{
	return collectors[(unsigned)collector < MS_COLLECTOR_COUNT ? collector : 0].title;
}

const struct ms_space_kind ms_space_eden = { "eden", "java.heap.eden", true,
	MS_SPACE_WALKABLE };
const struct ms_space_kind ms_space_from = { "from", "java.heap.survivor", true,
	MS_SPACE_WALKABLE };
const struct ms_space_kind ms_space_to = { "to", "java.heap.survivor", true,
	MS_SPACE_WALKABLE };

// --- building -------------------------------------------------------------------------

struct ms_error *ms_heap_note(struct ms_heap_reading *r, const char *format, ...)
{
	char text[NOTE_BYTES];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return ms_vm_note(r->vm, &r->heap->notes, "%s", text);
}

struct ms_error *ms_heap_add_space(
	struct ms_heap_reading *r, const struct ms_space_kind *kind, uint32_t *ret)
{
	struct ms_heap_space *added = ms_array_push(&r->heap->spaces);
	if (!added)
		return &ms_error_nomem;
	added->name = kind->name;
	added->owner = kind->owner;
	added->is_young = kind->is_young;
	added->walk = kind->walk;
	*ret = (uint32_t)(r->heap->spaces.n - 1);
	return NULL;
}

// Memory that the collector can have put a heap into: private, or shared with a file of
// its own (ZGC, AllocateHeapAt), or an archive of objects; never code, never a stack.
static bool can_be_heap(const struct ms_mapping *m)
{
	if (m->flags & MS_MAPPING_EXEC)
		return false;
	return m->kind == MS_MAPPING_ANON || m->kind == MS_MAPPING_NAMED ||
	       m->flags & MS_MAPPING_SHARED || ms_place_is_archive(m);
}

static bool lies_in_heap_memory(const struct ms_vm *vm, struct ms_range range)
{
	const struct ms_maps *maps = ms_target_maps(vm->target);
	size_t i = ms_maps_index(maps, range.start);
	if (i >= maps->n || maps->v[i].range.start >= range.end)
		return false;
	for (; i < maps->n && maps->v[i].range.start < range.end; i++)
		if (!can_be_heap(&maps->v[i]))
			return false;
	return true;
}

static bool makes_sense(
	const struct ms_heap_reading *r, const struct ms_heap_region *region)
{
	const struct ms_heap *heap = r->heap;
	struct ms_range range = region->range;
	return range.start && range.start < range.end && range.start <= region->top &&
	       region->top <= range.end &&
	       !((range.start | range.end | region->top) % WORD) &&
	       (heap->reserved.start == heap->reserved.end
			       ? lies_in_heap_memory(r->vm, range)
			       : ms_range_covers(heap->reserved, range));
}

struct ms_error *ms_heap_add_region(
	struct ms_heap_reading *r, const struct ms_heap_region *region)
{
	struct ms_heap *heap = r->heap;
	struct ms_heap_space *space = &heap->spaces.v[region->space];
	if (!makes_sense(r, region))
		return ms_heap_note(r, "%s: its bounds make no sense", space->name);
	if (heap->regions.n >= REGIONS_MAX)
		return ms_heap_note(r, "more than %d regions", REGIONS_MAX);
	struct ms_heap_region *added = ms_array_push(&heap->regions);
	if (!added)
		return &ms_error_nomem;
	*added = *region;
	space->region_n++;
	space->capacity = ms_sum(space->capacity, ms_range_size(region->range));
	space->used = ms_sum(space->used, region->top - region->range.start);
	space->resident +=
		ms_pages_resident(ms_target_pages(r->vm->target), region->range);
	return NULL;
}

struct ms_error *ms_heap_add_piece(struct ms_heap_reading *r,
	const struct ms_space_kind *kind, uint64_t bottom, uint64_t top, uint64_t end)
{
	struct ms_heap_region region = { .range = { bottom, end }, .top = top };
	struct ms_error *err = ms_heap_add_space(r, kind, &region.space);
	if (bottom == end)
		return err; // a survivor space may have no size at all
	if (!err)
		err = ms_heap_add_region(r, &region);
	struct ms_heap_space *space =
		err ? NULL : &r->heap->spaces.v[r->heap->spaces.n - 1];
	if (space && space->region_n) {
		space->range = region.range;
		space->top = top;
	}
	return err;
}

struct ms_error *ms_heap_add_contiguous(
	struct ms_heap_reading *r, const struct ms_space_kind *kind, uint64_t space)
{
	uint64_t bottom, top, end;
	if (!ms_vm_field(r->vm, space, "ContiguousSpace::_bottom|Space::_bottom", 8,
		    &bottom) ||
		!ms_vm_field(
			r->vm, space, "ContiguousSpace::_end|Space::_end", 8, &end) ||
		!ms_vm_field(r->vm, space, "ContiguousSpace::_top", 8, &top))
		return ms_heap_note(r, "%s: cannot be read", kind->name);
	return ms_heap_add_piece(r, kind, bottom, top, end);
}

bool ms_heap_virtual_space(
	const struct ms_vm *vm, uint64_t virtual_space, struct ms_range *ret)
{
	return ms_vm_field(vm, virtual_space, "VirtualSpace::_low_boundary", 8,
		       &ret->start) &&
	       ms_vm_field(
		       vm, virtual_space, "VirtualSpace::_high_boundary", 8, &ret->end) &&
	       ret->start && ret->start < ret->end;
}

struct ms_error *ms_heap_put_generation(
	struct ms_heap_reading *r, const struct ms_heap_generation *generation)
{
	struct ms_range reserved = generation->reserved;
	if (!reserved.start || reserved.start >= reserved.end ||
		generation->committed_end < reserved.start ||
		generation->committed_end > reserved.end)
		return ms_heap_note(
			r, "%s generation: its bounds make no sense", generation->name);
	struct ms_heap_generation *added = ms_array_push(&r->heap->generations);
	if (!added)
		return &ms_error_nomem;
	*added = *generation;
	return NULL;
}

struct ms_error *ms_heap_add_generation(struct ms_heap_reading *r, const char *name,
	bool is_young, uint64_t virtual_space)
{
	struct ms_heap_generation generation = { .name = name, .is_young = is_young };
	if (!ms_heap_virtual_space(r->vm, virtual_space, &generation.reserved) ||
		!ms_vm_field(r->vm, virtual_space, "VirtualSpace::_high", 8,
			&generation.committed_end))
		return ms_heap_note(r, "%s generation: cannot be read", name);
	return ms_heap_put_generation(r, &generation);
}

struct ms_error *ms_heap_add_table(struct ms_heap_reading *r, const char *what,
	struct ms_range range, enum ms_grade grade)
{
	range.start = ms_align_down(range.start, MS_PAGE_SIZE);
	if (!range.start || range.start >= range.end ||
		!ms_align_up(range.end, MS_PAGE_SIZE, &range.end) ||
		ms_range_overlaps(range, r->heap->reserved) ||
		!ms_place_is_private(r->vm, range,
			ms_range_size(r->heap->reserved) / TABLE_SHARE + TABLE_SLACK, 0))
		return ms_heap_note(r, "%s: cannot be read", what);
	ms_array_foreach (table, &r->heap->tables)
		if (ms_range_overlaps(table->range, range))
			return NULL; // the object behind it leads there, too
	struct ms_heap_table *added = ms_array_push(&r->heap->tables);
	if (!added)
		return &ms_error_nomem;
	*added = (struct ms_heap_table){ what, range, grade };
	return NULL;
}

// --- reading --------------------------------------------------------------------------

static void find_collector(struct ms_heap_reading *r)
{
	for (unsigned c = 1; c < MS_COLLECTOR_COUNT; c++) {
		const struct ms_flag *flag = ms_flag_find(r->flags, collectors[c].flag);
		if (!flag || !flag->bits)
			continue;
		r->heap->collector = (enum ms_collector)c;
		r->heap->chosen_by = flag->origin;
		return;
	}
	// JDK 8 and 11 also know this name for Parallel with its old generation.
	if (ms_flag_is_on(r->flags, "UseParallelOldGC"))
		r->heap->collector = MS_COLLECTOR_PARALLEL;
}

// A MemRegion: its size is in words.
static void read_reserved(struct ms_heap_reading *r)
{
	uint64_t offset = ms_vm_offset(r->vm, "CollectedHeap::_reserved"), start, words,
		 bytes, end;
	if (offset == MS_VM_NONE ||
		!ms_vm_field(r->vm, r->heap->object + offset, "MemRegion::_start", 8,
			&start) ||
		!ms_vm_field(r->vm, r->heap->object + offset, "MemRegion::_word_size", 8,
			&words) ||
		!ms_mul(words, WORD, &bytes) || !ms_add(start, bytes, &end) || !start)
		return;
	if (lies_in_heap_memory(r->vm, (struct ms_range){ start, end }))
		r->heap->reserved = (struct ms_range){ start, end };
}

static int compare_regions(const void *a, const void *b)
{
	const struct ms_heap_region *x = a, *y = b;
	return (x->range.start > y->range.start) - (x->range.start < y->range.start);
}

// Two that overlap cannot both be right; the first one stays.
static struct ms_error *sort_regions(struct ms_heap_reading *r)
{
	struct ms_heap *heap = r->heap;
	size_t n = 0;
	if (heap->regions.n)
		qsort(heap->regions.v, heap->regions.n, sizeof(*heap->regions.v),
			compare_regions);
	for (size_t i = 0; i < heap->regions.n; i++)
		if (!n || heap->regions.v[i].range.start >=
				  heap->regions.v[n - 1].range.end)
			heap->regions.v[n++] = heap->regions.v[i];
	size_t dropped = heap->regions.n - n;
	heap->regions.n = n;
	return dropped ? ms_heap_note(r, "%zu regions overlap others", dropped) : NULL;
}

struct ms_error *ms_heap_read(
	struct ms_vm *vm, const struct ms_flags *flags, struct ms_heap *ret)
{
	struct ms_heap heap = { 0 };
	struct ms_heap_reading r = { vm, flags, &heap };
	struct ms_error *err = NULL;
	if (!ms_vm_static(vm, "Universe::_collectedHeap", 8, &heap.object) ||
		!heap.object)
		err = ms_heap_note(&r, "the heap is not set up yet");
	find_collector(&r);
	heap.max = ms_flag_number(flags, "MaxHeapSize", 0);
	if (heap.object && heap.collector != MS_COLLECTOR_Z)
		read_reserved(&r);
	heap.has_collections = ms_vm_field(vm, heap.object,
		"CollectedHeap::_total_collections", 4, &heap.collections);
	if (!err && heap.object && readers[heap.collector])
		err = readers[heap.collector](&r);
	if (!err && heap.object)
		err = ms_heap_read_tables(&r);
	if (!err)
		err = sort_regions(&r);
	if (err)
		ms_heap_deinit(&heap);
	*ret = heap;
	return err;
}

void ms_heap_deinit(struct ms_heap *heap)
{
	ms_array_deinit(&heap->spaces);
	ms_array_deinit(&heap->regions);
	ms_array_deinit(&heap->generations);
	ms_array_deinit(&heap->tables);
	ms_array_deinit(&heap->notes);
}

const struct ms_heap_region *ms_heap_region_at(
	const struct ms_heap *heap, uint64_t address)
{
	size_t low = 0, high = heap->regions.n;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (heap->regions.v[mid].range.end <= address)
			low = mid + 1;
		else
			high = mid;
	}
	return low < heap->regions.n && ms_range_has(heap->regions.v[low].range, address)
		       ? &heap->regions.v[low]
		       : NULL;
}

struct ms_heap_sum ms_heap_sum(const struct ms_heap *heap)
{
	struct ms_heap_sum sum = { 0 };
	ms_array_foreach (space, &heap->spaces) {
		sum.capacity = ms_sum(sum.capacity, space->capacity);
		sum.used = ms_sum(sum.used, space->used);
		sum.resident = ms_sum(sum.resident, space->resident);
	}
	return sum;
}
