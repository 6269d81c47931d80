// Threads' buffers of unused heap: see tlabs.h.
//
// A buffer ends before the memory it was given does: a reserve is kept, into which a
// filler always fits and that prefetching may touch. With heap sampling on (JDK 11 and
// later) `end` is only where the next sample is taken; the true end is the word behind.

#include "hotspot/tlabs.h"

#include "hotspot/chain.h"

enum {
	WORD = 8,
	THREADS_MAX = 1 << 20,
	RESERVE_MAX = 1 << 16, // bytes
	RESERVE_WORDS = 2,     // an object without fields
	FEATURE_OBJECT = 17,   // from here on; before, room was kept for an int[]
};

struct reading {
	struct ms_vm *vm;
	const struct ms_heap *heap;
	uint64_t reserve; // bytes behind the end
	bool has_true_end;
	struct ms_tlabs tlabs;
};

// Source: ThreadLocalAllocBuffer::alignment_reserve().
static uint64_t reserve_bytes(
	const struct ms_vm *vm, const struct ms_object_header *header)
{
	uint64_t prefetch = 0, filler, bytes;
	(void)ms_vm_static(vm,
		"ThreadLocalAllocBuffer::_reserve_for_allocation_prefetch|"
		"Abstract_VM_Version::_reserve_for_allocation_prefetch",
		4, &prefetch);
	if (!ms_vm_static(vm, "CollectedHeap::_lab_alignment_reserve", 8, &filler))
		filler = vm->feature >= FEATURE_OBJECT
				 ? RESERVE_WORDS
				 : (header->length_at + 4u + WORD - 1) / WORD;
	if (prefetch > RESERVE_MAX / WORD || filler > RESERVE_MAX / WORD)
		return 0;
	return ms_align_up(ms_max(prefetch, filler) * WORD, header->alignment, &bytes)
		       ? bytes
		       : 0;
}

static struct ms_error *add_tlab(struct reading *r, uint64_t thread)
{
	const struct ms_vm *vm = r->vm;
	uint64_t at = ms_vm_offset(vm, "Thread::_tlab"), start, top, end, true_end;
	if (at == MS_VM_NONE)
		return NULL;
	at += thread;
	if (!ms_vm_field(vm, at, "ThreadLocalAllocBuffer::_start", 8, &start) ||
		!ms_vm_field(vm, at, "ThreadLocalAllocBuffer::_top", 8, &top) ||
		!ms_vm_field(vm, at, "ThreadLocalAllocBuffer::_end", 8, &end))
		return NULL;
	uint64_t end_at = ms_vm_offset(vm, "ThreadLocalAllocBuffer::_end");
	if (r->has_true_end && ms_vm_read(vm, at + end_at + WORD, 8, &true_end))
		end = ms_max(end, true_end);
	const struct ms_heap_region *region = ms_heap_region_at(r->heap, start);
	if (!start || !region || start > top || top > end || end > region->range.end)
		return NULL;
	end = ms_min(end + r->reserve, region->range.end);
	struct ms_range *added = top < end ? ms_array_push(&r->tlabs) : NULL;
	if (!added)
		return top < end ? &ms_error_nomem : NULL;
	*added = (struct ms_range){ top, end };
	return NULL;
}

static struct ms_error *walk_list(struct reading *r)
{
	uint64_t thread;
	struct ms_error *err = NULL;
	if (!ms_vm_static(r->vm, "Threads::_thread_list", 8, &thread))
		return NULL;
	struct ms_chain chain = { .max = THREADS_MAX };
	while (!err && ms_chain_goes_on(&chain, thread)) {
		err = add_tlab(r, thread);
		if (!ms_vm_field(r->vm, thread, "JavaThread::_next", 8, &thread))
			break;
	}
	return err;
}

static struct ms_error *walk_array(struct reading *r)
{
	uint64_t list, threads, n, thread;
	struct ms_error *err = NULL;
	if (!ms_vm_static(r->vm, "ThreadsSMRSupport::_java_thread_list", 8, &list) ||
		!ms_vm_field(r->vm, list, "ThreadsList::_length", 4, &n) ||
		!ms_vm_field(r->vm, list, "ThreadsList::_threads", 8, &threads))
		return NULL;
	for (uint64_t i = 0; !err && i < ms_min(n, THREADS_MAX); i++)
		if (ms_vm_read(r->vm, threads + i * WORD, 8, &thread) && thread)
			err = add_tlab(r, thread);
	return err;
}

static int compare_ranges(const void *a, const void *b)
{
	const struct ms_range *x = a, *y = b;
	return (x->start > y->start) - (x->start < y->start);
}

// Two that overlap: a thread was read while it took a new one. The first stays.
static void sort_tlabs(struct ms_tlabs *tlabs)
{
	size_t n = 0;
	if (tlabs->n)
		qsort(tlabs->v, tlabs->n, sizeof(*tlabs->v), compare_ranges);
	for (size_t i = 0; i < tlabs->n; i++)
		if (!n || tlabs->v[i].start >= tlabs->v[n - 1].end)
			tlabs->v[n++] = tlabs->v[i];
	tlabs->n = n;
}

struct ms_error *ms_tlabs_read(struct ms_vm *vm, const struct ms_heap *heap,
	const struct ms_object_header *header, struct ms_tlabs *ret)
{
	struct reading r = { .vm = vm,
		.heap = heap,
		.reserve = reserve_bytes(vm, header),
		.has_true_end =
			ms_vm_offset(vm, "ThreadLocalAllocBuffer::_desired_size") ==
			ms_vm_offset(vm, "ThreadLocalAllocBuffer::_end") + 2 * WORD };
	struct ms_error *err = ms_vm_address(vm, "ThreadsSMRSupport::_java_thread_list")
				       ? walk_array(&r)
				       : walk_list(&r);
	if (err) {
		ms_tlabs_deinit(&r.tlabs);
		return err;
	}
	sort_tlabs(&r.tlabs);
	*ret = r.tlabs;
	return NULL;
}

void ms_tlabs_deinit(struct ms_tlabs *tlabs)
{
	ms_array_deinit(tlabs);
}
