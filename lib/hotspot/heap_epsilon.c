// Epsilon's heap: one space. Source: gc/epsilon/epsilonHeap.hpp.

#include "hotspot/heap_internal.h"

static const struct ms_space_kind only = { "space", "java.heap.old", false,
	MS_SPACE_WALKABLE };

struct ms_error *ms_heap_read_epsilon(struct ms_heap_reading *r)
{
	uint64_t space;
	if (!ms_vm_field(r->vm, r->heap->object, "EpsilonHeap::_space", 8, &space))
		return ms_heap_note(r, "its space cannot be read");
	return ms_heap_add_contiguous(r, &only, space);
}
