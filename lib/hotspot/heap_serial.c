// Serial's heap, and CMS's, whose young generation is built the same way.
//
// JDK 8 keeps an array of generations, 11 to 21 two pointers in GenCollectedHeap, and
// later ones in SerialHeap. In 26 eden lies behind the survivor spaces: nothing relies on
// an order. The old space of CMS has gaps that only its free lists know.
//
// Source: gc/serial/defNewGeneration.hpp, tenuredGeneration.hpp (JDK 11 to 26);
//         memory/genCollectedHeap.hpp, defNewGeneration.hpp (8).

#include "hotspot/heap_internal.h"

static const struct ms_space_kind tenured = { "tenured", "java.heap.old", false,
	MS_SPACE_WALKABLE };
static const struct ms_space_kind cms_old = { "old", "java.heap.old", false,
	MS_SPACE_OPAQUE };

bool ms_heap_generations(const struct ms_heap_reading *r, uint64_t ret[2])
{
	const struct ms_vm *vm = r->vm;
	uint64_t heap = r->heap->object;
	uint64_t array = ms_vm_offset(vm, "GenCollectedHeap::_gens");
	if (array != MS_VM_NONE)
		return ms_vm_read(vm, heap + array, 8, &ret[0]) &&
		       ms_vm_read(vm, heap + array + 8, 8, &ret[1]);
	return ms_vm_field(vm, heap,
		       "SerialHeap::_young_gen|GenCollectedHeap::_young_gen", 8,
		       &ret[0]) &&
	       ms_vm_field(vm, heap, "SerialHeap::_old_gen|GenCollectedHeap::_old_gen", 8,
		       &ret[1]);
}

static struct ms_error *add_space(struct ms_heap_reading *r,
	const struct ms_space_kind *kind, uint64_t generation, const char *field)
{
	uint64_t space;
	if (!ms_vm_field(r->vm, generation, field, 8, &space))
		return ms_heap_note(r, "%s: cannot be read", kind->name);
	return ms_heap_add_contiguous(r, kind, space);
}

// How much of it is used, nothing but its free lists say.
static struct ms_error *add_cms_old(struct ms_heap_reading *r, uint64_t generation)
{
	uint64_t space, bottom, end;
	if (!ms_vm_field(r->vm, generation, "ConcurrentMarkSweepGeneration::_cmsSpace", 8,
		    &space) ||
		!ms_vm_field(r->vm, space, "Space::_bottom", 8, &bottom) ||
		!ms_vm_field(r->vm, space, "Space::_end", 8, &end))
		return ms_heap_note(r, "old: cannot be read");
	struct ms_error *err = ms_heap_add_piece(r, &cms_old, bottom, end, end);
	return err ? err
		   : ms_heap_note(r,
			     "old: CMS keeps its free space in lists: used counts "
			     "all of it");
}

static struct ms_error *add_old(struct ms_heap_reading *r, uint64_t generation)
{
	if (r->heap->collector == MS_COLLECTOR_CMS)
		return add_cms_old(r, generation);
	return add_space(r, &tenured, generation,
		"TenuredGeneration::_the_space|OneContigSpaceCardGeneration::_the_space");
}

struct ms_error *ms_heap_read_serial(struct ms_heap_reading *r)
{
	bool is_cms = r->heap->collector == MS_COLLECTOR_CMS;
	uint64_t generations[2],
		space = ms_vm_offset(r->vm, "Generation::_virtual_space");
	if (space == MS_VM_NONE || !ms_heap_generations(r, generations))
		return ms_heap_note(r, "its generations cannot be read");
	r->heap->young_generation = generations[0];
	struct ms_error *err = ms_heap_add_generation(
		r, is_cms ? "par new" : "young", true, generations[0] + space);
	if (!err)
		err = ms_heap_add_generation(
			r, is_cms ? "old" : "tenured", false, generations[1] + space);
	if (!err)
		err = add_space(r, &ms_space_eden, generations[0],
			"DefNewGeneration::_eden_space");
	if (!err)
		err = add_space(r, &ms_space_from, generations[0],
			"DefNewGeneration::_from_space");
	if (!err)
		err = add_space(
			r, &ms_space_to, generations[0], "DefNewGeneration::_to_space");
	return err ? err : add_old(r, generations[1]);
}
