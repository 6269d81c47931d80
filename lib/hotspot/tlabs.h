/**
 * tlabs - the parts of young spaces that hold no objects yet: what threads have taken to
 * allocate from and not used. What lies there is left over from earlier collections.
 */
#pragma once

#include "hotspot/classes.h"
#include "hotspot/heap.h"
#include "hotspot/vm.h"

/** Unused ends of threads' buffers; ascending, disjoint. */
struct ms_tlabs {
	struct ms_range *v;
	size_t n;
	size_t cap;
};

/**
 * Read them.
 *
 * What makes no sense is left out. Of a running JVM they are old at once.
 *
 * @param header  how objects begin: a filler must fit behind a buffer
 * Errors: NOMEM.
 * Source: gc/shared/threadLocalAllocBuffer.hpp (JDK 8 to 26).
 * Cost: six reads a thread.
 */
struct ms_error *ms_tlabs_read(struct ms_vm *vm, const struct ms_heap *heap,
	const struct ms_object_header *header, struct ms_tlabs *ret) MS_MUST_CHECK;

/** Release; zeroed is fine. */
void ms_tlabs_deinit(struct ms_tlabs *tlabs);
