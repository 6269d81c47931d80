// Parallel's heap. Source: gc/parallel/psYoungGen.hpp, psOldGen.hpp, mutableSpace.hpp.

#include "hotspot/heap_internal.h"

static const struct ms_space_kind old = { "old", "java.heap.old", false,
	MS_SPACE_WALKABLE };

static struct ms_error *add_space(struct ms_heap_reading *r,
	const struct ms_space_kind *kind, uint64_t generation, const char *field)
{
	const struct ms_vm *vm = r->vm;
	uint64_t space, bottom, top, end;
	if (!ms_vm_field(vm, generation, field, 8, &space) ||
		!ms_vm_field(vm, space, "MutableSpace::_bottom|ImmutableSpace::_bottom",
			8, &bottom) ||
		!ms_vm_field(
			vm, space, "MutableSpace::_end|ImmutableSpace::_end", 8, &end) ||
		!ms_vm_field(vm, space, "MutableSpace::_top", 8, &top))
		return ms_heap_note(r, "%s: cannot be read", kind->name);
	return ms_heap_add_piece(r, kind, bottom, top, end);
}

static struct ms_error *add_generation(struct ms_heap_reading *r, const char *name,
	bool is_young, uint64_t generation, const char *field)
{
	struct ms_heap_generation g = { .name = name, .is_young = is_young };
	const struct ms_vm *vm = r->vm;
	uint64_t space;
	if (!ms_vm_field(vm, generation, field, 8, &space) ||
		!ms_vm_field(vm, space, "PSVirtualSpace::_reserved_low_addr", 8,
			&g.reserved.start) ||
		!ms_vm_field(vm, space, "PSVirtualSpace::_reserved_high_addr", 8,
			&g.reserved.end) ||
		!ms_vm_field(vm, space, "PSVirtualSpace::_committed_high_addr", 8,
			&g.committed_end))
		return ms_heap_note(r, "%s generation: cannot be read", name);
	return ms_heap_put_generation(r, &g);
}

struct ms_error *ms_heap_read_parallel(struct ms_heap_reading *r)
{
	uint64_t young_gen, old_gen;
	if (!ms_vm_static(r->vm, "ParallelScavengeHeap::_young_gen", 8, &young_gen) ||
		!ms_vm_static(r->vm, "ParallelScavengeHeap::_old_gen", 8, &old_gen))
		return ms_heap_note(r, "its generations cannot be read");
	struct ms_error *err =
		add_generation(r, "young", true, young_gen, "PSYoungGen::_virtual_space");
	if (!err)
		err = add_generation(
			r, "old", false, old_gen, "PSOldGen::_virtual_space");
	if (!err)
		err = add_space(r, &ms_space_eden, young_gen, "PSYoungGen::_eden_space");
	if (!err)
		err = add_space(r, &ms_space_from, young_gen, "PSYoungGen::_from_space");
	if (!err)
		err = add_space(r, &ms_space_to, young_gen, "PSYoungGen::_to_space");
	return err ? err : add_space(r, &old, old_gen, "PSOldGen::_object_space");
}
