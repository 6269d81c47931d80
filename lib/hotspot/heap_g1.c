// G1's heap: regions by their type.
//
// The region manager has a table with a pointer for each region that was ever committed.
// What a type's number means is among the JVM's constants, but for JDK 8, whose tables do
// not even say where in a region the type is: there the word is looked for that is a
// possible type in every region and agrees with what else is known of each.
//
// Source: gc/g1/heapRegion.hpp, heapRegionType.hpp, heapRegionManager.hpp (JDK 8 to 21);
//         g1HeapRegion*.hpp (25, 26).

#include "hotspot/heap_internal.h"

#include <string.h>

enum {
	REGIONS_MAX = 1 << 20,
	REGION_OBJECT_MAX = 1024, // of a HeapRegion, bytes
	WITNESSES_MIN = 2,        // regions in use that a type's place must agree with
	EMPTY_MAX = 2,
};

enum {
	EDEN,
	SURVIVOR,
	OLD,
	HUMONGOUS,
	ARCHIVE,
	FREE,
	SPACES
};

static const struct ms_space_kind kinds[SPACES] = {
	[EDEN] = { "eden", "java.heap.eden", true, MS_SPACE_WALKABLE },
	[SURVIVOR] = { "survivor", "java.heap.survivor", true, MS_SPACE_WALKABLE },
	[OLD] = { "old", "java.heap.old", false, MS_SPACE_WALKABLE },
	[HUMONGOUS] = { "humongous", "java.heap.humongous", false, MS_SPACE_WALKABLE },
	[ARCHIVE] = { "archive", "java.heap.archive", false, MS_SPACE_WALKABLE },
	[FREE] = { "free", "java.heap.free", false, MS_SPACE_NO_OBJECTS },
};

// What the numbers of types mean in this JVM.
struct tags {
	int64_t free, eden, survivor, starts, continues, old, archive_mask;
};

// JDK 8: gc_implementation/g1/heapRegionType.hpp.
static const struct tags tags_8 = { 0, 2, 3, 4, 5, 8, 0 };

static bool read_tags(const struct ms_vm *vm, struct tags *ret)
{
	*ret = tags_8;
	if (vm->feature == 8)
		return true;
	if (!ms_vm_constant(vm,
		    "G1HeapRegionType::ArchiveMask|HeapRegionType::ArchiveMask",
		    &ret->archive_mask))
		ret->archive_mask = 0;
	return ms_vm_constant(vm, "G1HeapRegionType::FreeTag|HeapRegionType::FreeTag",
		       &ret->free) &&
	       ms_vm_constant(vm, "G1HeapRegionType::EdenTag|HeapRegionType::EdenTag",
		       &ret->eden) &&
	       ms_vm_constant(vm, "G1HeapRegionType::SurvTag|HeapRegionType::SurvTag",
		       &ret->survivor) &&
	       ms_vm_constant(vm,
		       "G1HeapRegionType::StartsHumongousTag|"
		       "HeapRegionType::StartsHumongousTag",
		       &ret->starts) &&
	       ms_vm_constant(vm,
		       "G1HeapRegionType::ContinuesHumongousTag|"
		       "HeapRegionType::ContinuesHumongousTag",
		       &ret->continues) &&
	       ms_vm_constant(vm, "G1HeapRegionType::OldMask|HeapRegionType::OldMask",
		       &ret->old);
}

// The space of a type; -1: it is none.
static int space_of(const struct tags *tags, int64_t tag)
{
	if (tag == tags->free)
		return FREE;
	if (tag == tags->eden)
		return EDEN;
	if (tag == tags->survivor)
		return SURVIVOR;
	if (tag == tags->starts || tag == tags->continues)
		return HUMONGOUS;
	if (tags->archive_mask && tag & tags->archive_mask)
		return ARCHIVE;
	return tag & tags->old ? OLD : -1;
}

struct region {
	uint64_t object;
	uint64_t bottom, top, end;
	uint32_t number;
};

struct g1 {
	struct ms_heap_reading *r;
	struct tags tags;
	uint64_t grain;  // bytes of a region
	uint64_t tag_at; // in a HeapRegion
	MS_ARRAY(struct region) regions;
};

#define BOTTOM "G1HeapRegion::_bottom|HeapRegion::_bottom|Space::_bottom"
#define END    "G1HeapRegion::_end|HeapRegion::_end|Space::_end"
#define TOP                                                                              \
	"G1HeapRegion::_top|HeapRegion::_top|G1ContiguousSpace::_top|"                   \
	"G1OffsetTableContigSpace::_top"

static struct ms_error *list_region(struct g1 *g1, uint64_t object, uint32_t number)
{
	const struct ms_vm *vm = g1->r->vm;
	struct region region = { .object = object, .number = number };
	if (!ms_vm_field(vm, object, BOTTOM, 8, &region.bottom) ||
		!ms_vm_field(vm, object, END, 8, &region.end) ||
		!ms_vm_field(vm, object, TOP, 8, &region.top))
		return ms_heap_note(g1->r, "some regions cannot be read");
	struct region *added = ms_array_push(&g1->regions);
	if (!added)
		return &ms_error_nomem;
	*added = region;
	return NULL;
}

static struct ms_error *list_regions(struct g1 *g1)
{
	const struct ms_vm *vm = g1->r->vm;
	uint64_t manager = ms_vm_offset(vm, "G1CollectedHeap::_hrm");
	uint64_t table = ms_vm_offset(
		vm, "G1HeapRegionManager::_regions|HeapRegionManager::_regions");
	uint64_t base, n, object, at = g1->r->heap->object + manager + table;
	struct ms_error *err = NULL;
	if (manager == MS_VM_NONE || table == MS_VM_NONE ||
		!ms_vm_field(vm, at, "G1HeapRegionTable::_base", 8, &base) ||
		!ms_vm_field(vm, at, "G1HeapRegionTable::_length", 8, &n))
		return ms_heap_note(g1->r, "the table of its regions cannot be read");
	for (uint64_t i = 0; !err && i < ms_min(n, REGIONS_MAX); i++)
		if (ms_vm_read(vm, base + i * 8, 8, &object) && object)
			err = list_region(g1, object, (uint32_t)i);
	return err;
}

// --- where the type is ----------------------------------------------------------------

// Could this be the type of the region? A free one holds nothing.
static bool is_plausible(const struct g1 *g1, const struct region *region, uint64_t tag)
{
	int space = tag > UINT8_MAX ? -1 : space_of(&g1->tags, (int64_t)tag);
	if (space < 0 || (space == OLD && (int64_t)tag != g1->tags.old))
		return false;
	return space != FREE || region->top == region->bottom;
}

// Does every region have a plausible type at this offset, and do humongous objects go on
// only where one began? Of those in use few are empty: just taken.
static bool is_tag_at(const struct g1 *g1, uint64_t offset)
{
	unsigned in_use = 0, empty = 0;
	uint64_t before = 0, tag;
	ms_array_foreach (region, &g1->regions) {
		if (!ms_vm_read(g1->r->vm, region->object + offset, 4, &tag) ||
			!is_plausible(g1, region, tag))
			return false;
		if ((int64_t)tag == g1->tags.continues &&
			(int64_t)before != g1->tags.starts &&
			(int64_t)before != g1->tags.continues)
			return false;
		in_use += (int64_t)tag != g1->tags.free;
		empty += (int64_t)tag != g1->tags.free && region->top == region->bottom;
		before = tag;
	}
	return in_use >= WITNESSES_MIN && empty <= EMPTY_MAX;
}

// JDK 8 only: the one place that fits; MS_VM_NONE if there are none or several.
static uint64_t search_tag(const struct g1 *g1)
{
	uint64_t size = ms_min(ms_vm_size(g1->r->vm, "HeapRegion"), REGION_OBJECT_MAX);
	uint64_t found = MS_VM_NONE;
	for (uint64_t offset = 0; offset + 4 <= size; offset += 4) {
		if (!is_tag_at(g1, offset))
			continue;
		if (found != MS_VM_NONE)
			return MS_VM_NONE;
		found = offset;
	}
	return found;
}

static uint64_t find_tag(const struct g1 *g1)
{
	uint64_t type = ms_vm_offset(g1->r->vm, "G1HeapRegion::_type|HeapRegion::_type");
	uint64_t tag =
		ms_vm_offset(g1->r->vm, "G1HeapRegionType::_tag|HeapRegionType::_tag");
	return type == MS_VM_NONE || tag == MS_VM_NONE ? search_tag(g1) : type + tag;
}

// --- spaces ---------------------------------------------------------------------------

// A region that was given back keeps its description; its memory may not be written.
static bool is_committed(const struct g1 *g1, const struct region *region)
{
	const struct ms_mapping *m =
		ms_maps_find(ms_target_maps(g1->r->vm->target), region->bottom);
	return m && m->flags & MS_MAPPING_WRITE;
}

// In JDK 8 the region where a humongous object starts ends where the object does.
static struct ms_error *add_region(struct g1 *g1, const struct region *region)
{
	uint64_t tag, end;
	if (!is_committed(g1, region))
		return NULL;
	if (!ms_vm_read(g1->r->vm, region->object + g1->tag_at, 4, &tag) ||
		!ms_add(region->bottom, g1->grain, &end))
		return ms_heap_note(g1->r, "some regions cannot be read");
	int space = space_of(&g1->tags, (int64_t)tag);
	if (space < 0)
		return ms_heap_note(g1->r, "regions of an unknown type");
	struct ms_heap_region row = { .range = { region->bottom, end },
		.top = ms_min(region->top, end),
		.space = (uint32_t)space,
		.number = region->number,
		.is_continued = (int64_t)tag == g1->tags.continues };
	return ms_heap_add_region(g1->r, &row);
}

// Without types a region is used or free.
static struct ms_error *add_untyped(struct g1 *g1, const struct region *region)
{
	uint64_t end;
	if (!is_committed(g1, region) || !ms_add(region->bottom, g1->grain, &end))
		return NULL;
	struct ms_heap_region row = { .range = { region->bottom, end },
		.top = ms_min(region->top, end),
		.space = region->top == region->bottom ? FREE : OLD,
		.number = region->number };
	return ms_heap_add_region(g1->r, &row);
}

static struct ms_error *add_regions(struct g1 *g1)
{
	struct ms_error *err = NULL;
	uint32_t ignored;
	for (int i = 0; !err && i < SPACES; i++)
		err = ms_heap_add_space(g1->r, &kinds[i], &ignored);
	if (!err && g1->tag_at == MS_VM_NONE) {
		err = ms_heap_note(g1->r, "this JDK's tables do not say of what type a "
					  "region is: all in use are shown as old");
		g1->r->heap->spaces.v[OLD].walk = MS_SPACE_OPAQUE;
		g1->r->heap->spaces.v[OLD].owner = "java.heap";
	}
	for (size_t i = 0; !err && i < g1->regions.n; i++)
		err = g1->tag_at == MS_VM_NONE ? add_untyped(g1, &g1->regions.v[i])
					       : add_region(g1, &g1->regions.v[i]);
	return err;
}

struct ms_error *ms_heap_read_g1(struct ms_heap_reading *r)
{
	struct g1 g1 = { .r = r };
	if (!read_tags(r->vm, &g1.tags) ||
		!ms_vm_static(r->vm, "G1HeapRegion::GrainBytes|HeapRegion::GrainBytes", 8,
			&g1.grain) ||
		!g1.grain)
		return ms_heap_note(r, "this JDK's tables do not describe its regions");
	r->heap->region_bytes = g1.grain;
	struct ms_error *err = list_regions(&g1);
	g1.tag_at = find_tag(&g1);
	if (!err)
		err = add_regions(&g1);
	ms_array_deinit(&g1.regions);
	return err;
}
