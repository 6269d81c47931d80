// musl's mallocng: its context is found in libc's data by the secret that its areas begin
// with, and every group by its meta in an area; a group and its meta point at each other.

#include "alloc/musl.h"

#include <string.h>

#include "alloc/alloc_internal.h"
#include "alloc/sweep.h"

enum {
	DEPTH = MS_MUSL_CLASSES + 1, // a group is smaller than the slot it lies in
	NESTED = 6 << 5,             // in the frame of a slot with a group in it
	CONTEXTS_MAX = 64,           // libcs in one process
};

// A group whose meta was found, in how many others it lies, and what it leaves unused of
// the slot it lies in.
struct group {
	struct ms_musl_group at;
	uint32_t before, behind; // bytes
	uint8_t depth;
};

// One context under way.
struct heap {
	struct ms_alloc_find *find;
	struct ms_musl_context context;
	uint32_t instance, arena;
	MS_ARRAY(struct group) groups;
	uint64_t areas;  // bytes
	uint64_t off;    // bytes of what contradicts itself
	uint64_t mapped; // bytes of groups with mappings of their own
	uint64_t seen[MS_MUSL_CLASSES];
	const char *reason;
};

static bool is_area(struct ms_alloc_find *find, uint64_t address, uint64_t secret)
{
	uint8_t head[MS_MUSL_AREA_HEAD];
	return address % MS_MUSL_AREA == 0 &&
	       ms_peek_bytes(find->peek, address, head, sizeof(head)) &&
	       ms_get_u64(head) == secret && ms_get_u32(head + 16) == MS_MUSL_METAS;
}

// Memory that malloc may have: one mapping, writable, not shared.
static bool is_heap_memory(const struct ms_maps *maps, uint64_t start, uint64_t size)
{
	const struct ms_mapping *m = ms_maps_find(maps, start);
	return m && size <= m->range.end - start && m->flags & MS_MAPPING_WRITE &&
	       !(m->flags & MS_MAPPING_SHARED);
}

// Does what stands at the group's start agree with its meta? A nested group is marked so
// in the frame of the slot it lies in.
static bool is_group(struct ms_alloc_find *find, const struct ms_musl_group *group)
{
	uint64_t meta;
	uint8_t frame[4];
	if (!is_heap_memory(find->maps, group->start, group->size) ||
		!ms_peek_u64(find->peek, group->start, &meta) || meta != group->meta)
		return false;
	if (group->is_mapped || group->is_donated)
		return true;
	return ms_peek_bytes(find->peek, group->start - 4, frame, sizeof(frame)) &&
	       (frame[1] & 7 << 5) == NESTED;
}

static struct ms_error *add_meta(
	struct heap *heap, const uint8_t *bytes, uint64_t address)
{
	struct ms_musl_group group;
	if (!ms_musl_meta_parse(bytes, address, &group)) {
		heap->off = ms_sum(heap->off, group.start ? MS_MUSL_UNIT : 0);
		return NULL;
	}
	if (group.size_class < MS_MUSL_CLASSES && !group.is_donated)
		heap->seen[group.size_class] += group.slots;
	if (!is_group(heap->find, &group)) {
		heap->off = ms_sum(heap->off, group.size);
		return NULL;
	}
	struct group *added = ms_array_push(&heap->groups);
	if (!added)
		return &ms_error_nomem;
	added->at = group;
	heap->mapped += group.is_mapped ? group.size : 0;
	return NULL;
}

static struct ms_error *add_area(struct heap *heap, uint64_t address)
{
	uint8_t bytes[MS_MUSL_AREA];
	struct ms_error *err = NULL;
	struct ms_extent extent = { .range = { address, address + MS_MUSL_AREA },
		.arena = heap->arena,
		.state = MS_ALLOC_OVERHEAD };
	if (ms_cancel_raised(heap->find->cancel))
		return ms_error_new(MS_ERROR_CANCELLED, "interrupted");
	if (!ms_peek_bytes(heap->find->peek, address, bytes, sizeof(bytes))) {
		heap->off = ms_sum(heap->off, MS_MUSL_AREA);
		return NULL;
	}
	for (uint64_t at = MS_MUSL_AREA_HEAD; !err && at + MS_MUSL_META <= MS_MUSL_AREA;
		at += MS_MUSL_META)
		err = add_meta(heap, bytes + at, address + at);
	heap->areas += MS_MUSL_AREA;
	return err ? err : ms_alloc_add_extent(heap->find->alloc, &extent);
}

// The list of areas; a mark left behind, moved on at powers of two, finds a circle.
static struct ms_error *add_areas(struct heap *heap)
{
	struct ms_error *err = NULL;
	uint64_t at = heap->context.head, mark = 0, next = 0;
	for (uint64_t n = 1; !err; n++, at = next) {
		if (!is_area(heap->find, at, heap->context.secret) || at == mark) {
			heap->reason = "the list of its areas is broken";
			return NULL;
		}
		if (!(n & (n - 1)))
			mark = at;
		err = add_area(heap, at);
		if (at == heap->context.tail)
			return err;
		if (!ms_peek_u64(heap->find->peek, at + 8, &next))
			next = 0;
	}
	return err;
}

static int compare_groups(const void *pa, const void *pb)
{
	const struct ms_musl_group *a = &((const struct group *)pa)->at;
	const struct ms_musl_group *b = &((const struct group *)pb)->at;
	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return (a->size < b->size) - (a->size > b->size);
}

static uint64_t slot_at(const struct ms_musl_group *group, uint64_t slot)
{
	return group->start + MS_MUSL_UNIT + slot * group->stride;
}

// Slots [from, to), some of them in use: the first run has the group's header, the last
// what is behind, and both what the group leaves of a slot it lies in.
static struct ms_error *add_run(
	struct heap *heap, const struct group *group, uint64_t from, uint64_t to)
{
	const struct ms_musl_group *at = &group->at;
	struct ms_range range = { slot_at(at, from), slot_at(at, to) };
	if (!from)
		range.start = at->start - group->before;
	if (to == at->slots)
		range.end = at->start + at->size + group->behind;
	struct ms_extent extent = { .range = range,
		.arena = heap->arena,
		.slot = from < to ? (uint32_t)at->stride : 0,
		.first = (uint32_t)(slot_at(at, from) - range.start),
		.n = (uint32_t)(to - from),
		.is_framed = true,
		.state = from < to ? MS_ALLOC_LIVE : MS_ALLOC_OVERHEAD };
	return range.start < range.end ? ms_alloc_add_extent(heap->find->alloc, &extent)
				       : NULL;
}

// How far into its slot a lone block begins. The frame keeps 16 bits of it, so that of
// blocks aligned to more than 1 MiB each place with the same remainder is tried.
static bool find_alone(struct heap *heap, const struct ms_musl_group *group,
	uint64_t *ret_memory, uint64_t *ret_usable)
{
	struct ms_peek *peek = heap->find->peek;
	uint64_t start = slot_at(group, 0);
	uint8_t head[4], frame[MS_MUSL_FRAME], tail[4];
	if (!ms_peek_bytes(peek, start - 4, head, sizeof(head)))
		return false;
	if (!ms_peek_bytes(peek, start + group->stride - 8, tail, sizeof(tail)))
		memset(tail, 0, sizeof(tail)); // only blocks with room left wrote there
	for (uint64_t offset = ms_musl_frame_offset(head); offset < group->stride;
		offset += MS_MUSL_GROUP_MAX) {
		if (ms_peek_bytes(
			    peek, start + offset - sizeof(frame), frame, sizeof(frame)) &&
			ms_musl_frame_usable(frame, ms_get_u32(tail), offset,
				group->stride, ret_usable)) {
			*ret_memory = start + offset;
			return true;
		}
	}
	return false;
}

static struct ms_error *add_alone(struct heap *heap, const struct ms_musl_group *group)
{
	struct ms_extent extent = { .range = { group->start, group->start + group->size },
		.arena = heap->arena,
		.state = group->free ? MS_ALLOC_FREE : MS_ALLOC_LIVE,
		.memory = slot_at(group, 0),
		.usable = group->stride - 4 };
	if (!group->free && !find_alone(heap, group, &extent.memory, &extent.usable))
		heap->off = ms_sum(heap->off, group->size);
	return ms_alloc_add_extent(heap->find->alloc, &extent);
}

static struct ms_error *mark_free(struct heap *heap, const struct ms_musl_group *group)
{
	struct ms_error *err = NULL;
	for (uint32_t i = 0; !err && i < group->slots; i++)
		if (group->free >> i & 1)
			err = ms_alloc_mark_free(heap->find->alloc, slot_at(group, i));
	return err;
}

// May a group lie in another? It lies in one slot, which is in use and holds no other.
static bool holds(
	const struct ms_musl_group *outer, struct group *inner, uint64_t *free_from)
{
	const struct ms_musl_group *at = &inner->at;
	uint64_t slot = (at->start - slot_at(outer, 0)) / outer->stride;
	bool is_alone = outer->is_mapped && outer->slots == 1;
	if (is_alone || at->is_mapped || at->is_donated || at->start < *free_from ||
		slot >= outer->slots || at->start + at->size > slot_at(outer, slot + 1) ||
		outer->free >> slot & 1)
		return false;
	inner->before = (uint32_t)(at->start - slot_at(outer, slot));
	inner->behind = (uint32_t)(slot_at(outer, slot + 1) - at->start - at->size);
	*free_from = slot_at(outer, slot + 1);
	return true;
}

// Sort the groups, say how deep each one lies, and drop those that lie where none may.
static void settle_groups(struct heap *heap)
{
	struct group *v = heap->groups.v;
	struct open {
		const struct ms_musl_group *group;
		uint64_t end, free_from; // its slots below free_from are done with
	} open[DEPTH];
	size_t kept = 0, depth = 0;
	if (heap->groups.n)
		qsort(v, heap->groups.n, sizeof(*v), compare_groups);
	for (size_t i = 0; i < heap->groups.n; i++) {
		struct group group = v[i];
		while (depth && open[depth - 1].end <= group.at.start)
			depth--;
		struct open *outer = depth ? &open[depth - 1] : NULL;
		bool is_right = outer ? depth < DEPTH && holds(outer->group, &group,
								 &outer->free_from)
				      : group.at.is_mapped || group.at.is_donated;
		if (!is_right) {
			heap->off = ms_sum(heap->off, group.at.size);
			continue;
		}
		group.depth = (uint8_t)depth;
		v[kept] = group;
		open[depth++] = (struct open){ &v[kept++].at,
			group.at.start + group.at.size, slot_at(&group.at, 0) };
	}
	heap->groups.n = kept;
}

// A slot with a group in it is not a block: the runs of a group's slots end and begin
// around those with the groups that follow it, one deeper.
static struct ms_error *add_group(struct heap *heap, size_t i)
{
	const struct group *v = heap->groups.v;
	const struct ms_musl_group *group = &v[i].at;
	uint64_t from = 0, end = group->start + group->size;
	struct ms_error *err = NULL;
	if (group->is_mapped && group->slots == 1)
		return add_alone(heap, group);
	for (size_t j = i + 1; !err && j < heap->groups.n && v[j].at.start < end; j++) {
		uint64_t slot = (v[j].at.start - slot_at(group, 0)) / group->stride;
		if (v[j].depth != v[i].depth + 1)
			continue;
		err = add_run(heap, &v[i], from, slot);
		from = slot + 1;
	}
	if (!err)
		err = add_run(heap, &v[i], from, group->slots);
	return err ? err : mark_free(heap, group);
}

// libc counts the slots of each class; what it donated is not among them.
static void stamp(struct heap *heap)
{
	struct ms_alloc *alloc = heap->find->alloc;
	uint64_t odd = 0;
	for (unsigned i = 0; i < MS_MUSL_CLASSES; i++) {
		uint64_t seen = heap->seen[i], usage = heap->context.usage[i];
		odd = ms_sum(odd, ms_product(ms_difference(seen, usage),
					  ms_musl_class_units(i) * MS_MUSL_UNIT));
	}
	if (!heap->reason && odd)
		heap->reason = "its count of slots per size does not match its groups";
	else if (!heap->reason && heap->off)
		heap->reason = "groups and their descriptors contradict each other";
	odd = ms_sum(odd, heap->off);
	alloc->arenas.v[heap->arena].system = heap->mapped + heap->areas;
	alloc->arenas.v[heap->arena].off = odd;
	if (heap->reason)
		ms_alloc_stamp(alloc, heap->instance, odd, "%s", heap->reason);
	else
		ms_alloc_stamp(alloc, heap->instance, odd, NULL);
}

static struct ms_error *add_rows(
	struct heap *heap, const struct ms_module *module, uint64_t address)
{
	struct ms_alloc_instance row = { .allocator = "musl",
		.layout = "mallocng",
		.path = module->path,
		.is_walked = true };
	struct ms_alloc *alloc = heap->find->alloc;
	struct ms_error *err = ms_alloc_add_instance(alloc, &row, &heap->instance);
	struct ms_alloc_arena arena = { .instance = heap->instance, .address = address };
	return err ? err : ms_alloc_add_arena(alloc, &arena, &heap->arena);
}

static struct ms_error *add_heap(
	struct heap *heap, const struct ms_module *module, uint64_t address)
{
	struct ms_alloc *alloc = heap->find->alloc;
	struct ms_error *err = add_rows(heap, module, address);
	if (ms_error_catch(&err, MS_ERROR_LIMIT)) { // it has no arena to count in
		alloc->instances.v[heap->instance].is_walked = false;
		ms_alloc_stamp(alloc, heap->instance, 0, "too many arenas before it");
		return NULL;
	}
	if (!err)
		err = add_areas(heap);
	if (!err)
		settle_groups(heap);
	for (size_t i = 0; !err && i < heap->groups.n; i++)
		err = add_group(heap, i);
	ms_array_deinit(&heap->groups);
	if (ms_error_catch(&err, MS_ERROR_LIMIT))
		heap->reason = "more free blocks than can be kept apart";
	if (!err)
		stamp(heap);
	return err;
}

static struct ms_error *look(struct ms_sweep *sweep, const struct ms_module *module,
	uint64_t address, const uint8_t *bytes, size_t n)
{
	struct heap heap = { .find = sweep->find };
	struct ms_error *err = NULL;
	for (size_t at = 0; !err && !sweep->is_over && at < n; at += 8) {
		if (!ms_musl_context_parse(bytes + at, &heap.context) ||
			!is_area(sweep->find, heap.context.head, heap.context.secret))
			continue;
		err = add_heap(&heap, module, address + at);
		heap = (struct heap){ .find = sweep->find };
		sweep->is_over = ++*(unsigned *)sweep->arg == CONTEXTS_MAX;
	}
	return err;
}

static struct ms_error *find(struct ms_alloc_find *find)
{
	unsigned contexts = 0;
	struct ms_sweep sweep = {
		.find = find, .need = MS_MUSL_CONTEXT, .fn = look, .arg = &contexts
	};
	return ms_sweep_data(&sweep);
}

const struct ms_allocator ms_allocator_musl = { .name = "musl", .find = find };
