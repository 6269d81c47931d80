// Shenandoah's heap: regions by their state. In JDK 11 the tables do not say where they
// are. Source: gc/shenandoah/shenandoahHeapRegion.hpp.

#include "hotspot/heap_internal.h"

enum {
	REGIONS_MAX = 1 << 16,
	STATES_MAX = 16,
};

enum {
	FREE,
	REGULAR,
	HUMONGOUS,
	CSET,
	TRASH,
	SPACES
};

static const struct ms_space_kind kinds[SPACES] = {
	[FREE] = { "free", "java.heap.free", false, MS_SPACE_NO_OBJECTS },
	[REGULAR] = { "regular", "java.heap.regular", false, MS_SPACE_WALKABLE },
	[HUMONGOUS] = { "humongous", "java.heap.humongous", false, MS_SPACE_WALKABLE },
	[CSET] = { "collection set", "java.heap.cset", false, MS_SPACE_OPAQUE },
	[TRASH] = { "trash", "java.heap.trash", false, MS_SPACE_NO_OBJECTS },
};

static const struct {
	const char *constant;
	int space;
	bool is_continued;
} states[] = {
	{ "ShenandoahHeapRegion::_empty_committed", FREE, false },
	{ "ShenandoahHeapRegion::_regular", REGULAR, false },
	{ "ShenandoahHeapRegion::_pinned", REGULAR, false },
	{ "ShenandoahHeapRegion::_humongous_start", HUMONGOUS, false },
	{ "ShenandoahHeapRegion::_pinned_humongous_start", HUMONGOUS, false },
	{ "ShenandoahHeapRegion::_humongous_cont", HUMONGOUS, true },
	{ "ShenandoahHeapRegion::_cset", CSET, false },
	{ "ShenandoahHeapRegion::_pinned_cset", CSET, false },
	{ "ShenandoahHeapRegion::_trash", TRASH, false },
};

// Which row of `states` each state of this JVM is; -1: not committed, or unknown.
static void map_states(const struct ms_vm *vm, int ret[STATES_MAX])
{
	for (int i = 0; i < STATES_MAX; i++)
		ret[i] = -1;
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		int64_t value;
		if (ms_vm_constant(vm, states[i].constant, &value) && value >= 0 &&
			value < STATES_MAX)
			ret[value] = (int)i;
	}
}

static struct ms_error *add_region(struct ms_heap_reading *r, uint64_t object,
	uint32_t number, const int rows[STATES_MAX])
{
	const struct ms_vm *vm = r->vm;
	struct ms_heap_region region = { .number = number };
	uint64_t state;
	if (!ms_vm_field(vm, object, "ShenandoahHeapRegion::_bottom", 8,
		    &region.range.start) ||
		!ms_vm_field(
			vm, object, "ShenandoahHeapRegion::_end", 8, &region.range.end) ||
		!ms_vm_field(vm, object, "ShenandoahHeapRegion::_top", 8, &region.top) ||
		!ms_vm_field(vm, object, "ShenandoahHeapRegion::_state", 4, &state))
		return ms_heap_note(r, "some regions cannot be read");
	int row = state < STATES_MAX ? rows[state] : -1;
	if (row < 0)
		return NULL;
	region.space = (uint32_t)states[row].space;
	region.is_continued = states[row].is_continued;
	return ms_heap_add_region(r, &region);
}

struct ms_error *ms_heap_read_shenandoah(struct ms_heap_reading *r)
{
	uint64_t n, array, object;
	int rows[STATES_MAX];
	struct ms_error *err = NULL;
	uint32_t ignored;
	(void)ms_vm_static(r->vm, "ShenandoahHeapRegion::RegionSizeBytes", 8,
		&r->heap->region_bytes);
	if (!ms_vm_field(r->vm, r->heap->object, "ShenandoahHeap::_num_regions", 8, &n) ||
		!ms_vm_field(
			r->vm, r->heap->object, "ShenandoahHeap::_regions", 8, &array))
		return ms_heap_note(
			r, "this JDK's tables do not say where Shenandoah's regions are");
	map_states(r->vm, rows);
	for (int i = 0; !err && i < SPACES; i++)
		err = ms_heap_add_space(r, &kinds[i], &ignored);
	for (uint64_t i = 0; !err && i < ms_min(n, REGIONS_MAX); i++)
		err = ms_vm_read(r->vm, array + i * 8, 8, &object)
			      ? add_region(r, object, (uint32_t)i, rows)
			      : ms_heap_note(r, "some regions cannot be read");
	return err;
}
