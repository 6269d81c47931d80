// Metaspace: see metaspace.h.

#include "hotspot/metaspace.h"

#include <string.h>

#include "hotspot/chain.h"
#include "hotspot/metaspace_internal.h"

enum {
	WORD = 8,
	NODES_MAX = 4096,
	ROOT_BYTES = 4 << 20,
	CLASS_SPACE_ALIGN = 16 << 20, // behind the archive
	FEATURE_ARENAS = 16,
};

static const struct {
	const char *name, *text;
} sources[] = {
#define X(id, name, text) { name, text },
	MS_METASPACE_SOURCES(X)
#undef X
};

const char *ms_metaspace_source_name(enum ms_metaspace_source source)
{
	return sources[(unsigned)source < MS_METASPACE_SOURCE_COUNT ? source : 0].name;
}

const char *ms_metaspace_source_text(enum ms_metaspace_source source)
{
	return sources[(unsigned)source < MS_METASPACE_SOURCE_COUNT ? source : 0].text;
}

// --- from the JVM's lists -------------------------------------------------------------

// In a list: its first node, and the words reserved by all nodes together.
static bool walk_list(const struct ms_vm *vm, struct ms_metaspace *m, uint64_t list,
	unsigned first, unsigned words, bool is_class)
{
	struct ms_chain chain = { .max = NODES_MAX };
	uint64_t node, expected, reserved = 0;
	if (!ms_vm_read(vm, list + first, 8, &node) ||
		!ms_vm_read(vm, list + words, 8, &expected))
		return false;
	while (ms_chain_goes_on(&chain, node)) {
		size_t i = ms_metaspace_node_at(vm, &m->nodes, node);
		if (i == SIZE_MAX)
			return false;
		m->nodes.v[i].is_class = is_class;
		reserved += ms_range_size(m->nodes.v[i].range);
		node = m->nodes.v[i].next;
	}
	return !chain.is_broken && reserved && reserved == expected * WORD;
}

// Since JDK 16 a context leads to the list. True if there is no such list.
static bool read_list(const struct ms_vm *vm, struct ms_metaspace *m, bool is_class)
{
	bool is_new = vm->feature >= FEATURE_ARENAS;
	static const enum ms_vm_symbol symbols[2][2] = {
		{ MS_VM_SYMBOL_SPACE_LIST, MS_VM_SYMBOL_CLASS_SPACE_LIST },
		{ MS_VM_SYMBOL_NONCLASS_CONTEXT, MS_VM_SYMBOL_CLASS_SPACE_CONTEXT },
	};
	uint64_t list;
	if (!ms_vm_read(vm, ms_vm_symbol(vm, symbols[is_new][is_class]), 8, &list))
		return false;
	if (!list)
		return is_class;
	if (is_new && !ms_vm_read(vm, list + 8, 8, &list))
		return false;
	return walk_list(vm, m, list, is_new ? 16 : 0, is_new ? 40 : 24, is_class);
}

static bool read_lists(const struct ms_vm *vm, struct ms_metaspace *m)
{
	if (read_list(vm, m, false) && read_list(vm, m, true))
		return true;
	m->nodes.n = 0;
	return false;
}

// --- from what loaders have -----------------------------------------------------------

static struct ms_error *copy_nodes(
	struct ms_metaspace *m, const struct ms_metaspace_nodes *nodes)
{
	if (!ms_array_reserve(&m->nodes, nodes->n))
		return &ms_error_nomem;
	memcpy(m->nodes.v, nodes->v, nodes->n * sizeof(*nodes->v));
	m->nodes.n = nodes->n;
	return NULL;
}

// The nodes that the ones known point to: those that hold no chunk at the moment.
static void follow_nodes(const struct ms_vm *vm, struct ms_metaspace *m)
{
	for (size_t i = 0; i < m->nodes.n; i++) {
		size_t next = m->nodes.v[i].next ? ms_metaspace_node_at(vm, &m->nodes,
							   m->nodes.v[i].next)
						 : SIZE_MAX;
		if (next != SIZE_MAX)
			m->nodes.v[next].is_class |= m->nodes.v[i].is_class;
	}
}

// --- from where classes lie -----------------------------------------------------------

static bool is_memory(const struct ms_mapping *m)
{
	return (m->kind == MS_MAPPING_ANON || m->kind == MS_MAPPING_NAMED) &&
	       !(m->flags & (MS_MAPPING_SHARED | MS_MAPPING_EXEC));
}

static struct ms_error *add_inferred(const struct ms_vm *vm, struct ms_metaspace *m,
	struct ms_range range, bool is_class)
{
	const struct ms_pages *pages = ms_target_pages(vm->target);
	ms_array_foreach (node, &m->nodes)
		if (ms_range_overlaps(node->range, range))
			return NULL;
	if (m->nodes.n >= NODES_MAX || range.start >= range.end)
		return NULL;
	struct ms_metaspace_node *added = ms_array_push(&m->nodes);
	if (!added)
		return &ms_error_nomem;
	uint64_t resident = ms_pages_resident(pages, range);
	*added = (struct ms_metaspace_node){ .range = range,
		.committed = resident, // at the least
		.used = resident,
		.resident = resident,
		.is_class = is_class,
		.grade = MS_GRADE_STRUCTURAL };
	return NULL;
}

// The class space begins where class pointers count from, or behind the archive, and has
// the size that a flag gives; classes in it prove it. Empty: none.
static struct ms_range class_space(
	const struct ms_vm *vm, const struct ms_flags *flags, struct ms_range seen)
{
	const struct ms_maps *maps = ms_target_maps(vm->target);
	uint64_t size = ms_flag_number(flags, "CompressedClassSpaceSize", 0);
	const struct ms_mapping *m = ms_maps_find(maps, seen.start);
	struct ms_range none = { 0 };
	if (!ms_flag_is_on(flags, "UseCompressedClassPointers") || !size || !m)
		return none;
	// Its start is no mapping's where the heap (JDK 8 and 11) or the end of the archive's
	// reservation lies in front of it.
	uint64_t start = m->range.start;
	for (size_t i = ms_maps_index(maps, start); i; i--) {
		const struct ms_mapping *before = &maps->v[i - 1];
		if (before->range.end != start || !is_memory(before))
			break;
		start = before->range.start;
	}
	uint64_t limit = 4ull << 30;
	if (vm->feature >= FEATURE_ARENAS)
		(void)ms_align_up(start, CLASS_SPACE_ALIGN, &start);
	else if (start < limit && seen.start >= limit)
		start = limit;
	struct ms_range range = { start, start };
	return ms_add(start, size, &range.end) && ms_range_has(range, seen.start) &&
			       ms_place_is_private(vm, range, MS_METASPACE_NODE_MAX, 0)
		       ? range
		       : none;
}

// Within one mapping: from JDK 16 on whole chunks of the largest size, before that what
// lies between the first and the last thing seen.
static struct ms_range widen(
	const struct ms_vm *vm, const struct ms_mapping *m, struct ms_range seen)
{
	if (vm->feature >= FEATURE_ARENAS) {
		seen.start = ms_align_down(seen.start, ROOT_BYTES);
		(void)ms_align_up(seen.end, ROOT_BYTES, &seen.end);
	}
	return ms_range_clip(seen, m->range);
}

static struct ms_error *add_places(const struct ms_vm *vm, struct ms_metaspace *m,
	const struct ms_ranges *places, struct ms_range space)
{
	const struct ms_maps *maps = ms_target_maps(vm->target);
	struct ms_error *err = NULL;
	for (size_t i = 0; !err && i < places->n; i++) {
		struct ms_range seen = places->v[i];
		for (size_t j = ms_maps_index(maps, seen.start);
			!err && j < maps->n && maps->v[j].range.start < seen.end; j++)
			if (is_memory(&maps->v[j]) && !ms_range_overlaps(space, seen))
				err = add_inferred(
					vm, m, widen(vm, &maps->v[j], seen), false);
	}
	return err;
}

static struct ms_error *infer(const struct ms_vm *vm, struct ms_metaspace *m,
	const struct ms_flags *flags, const struct ms_loaders *loaders)
{
	const struct ms_maps *maps = ms_target_maps(vm->target);
	struct ms_range space = { 0 };
	for (size_t i = 0; i < loaders->class_places.n && !space.end; i++) {
		struct ms_range seen = loaders->class_places.v[i];
		const struct ms_mapping *mapping = ms_maps_find(maps, seen.start);
		if (mapping && is_memory(mapping))
			space = class_space(vm, flags, seen);
	}
	struct ms_error *err = add_inferred(vm, m, space, true);
	if (!err)
		err = add_places(vm, m, &loaders->class_places, space);
	if (!err)
		err = add_places(vm, m, &loaders->other_places, space);
	return err;
}

// --- all ------------------------------------------------------------------------------

static struct ms_error *find_nodes(struct ms_vm *vm, struct ms_metaspace *m,
	const struct ms_flags *flags, const struct ms_loaders *loaders)
{
	struct ms_error *err = NULL;
	if (vm->has_symbols && read_lists(vm, m)) {
		m->source = MS_METASPACE_FROM_LISTS;
		return NULL;
	}
	if (loaders->nodes.n && loaders->total.has_space) {
		m->source = MS_METASPACE_FROM_CHUNKS;
		err = copy_nodes(m, &loaders->nodes);
		follow_nodes(vm, m);
		return err;
	}
	err = infer(vm, m, flags, loaders);
	if (!m->nodes.n || err)
		return err ? err : ms_vm_note(vm, &m->notes, "metaspace: not found");
	m->source = MS_METASPACE_FROM_CLASSES;
	return ms_vm_note(vm, &m->notes,
		"metaspace: its bounds are those of memory that loaded classes lie in");
}

static int compare_nodes(const void *a, const void *b)
{
	const struct ms_metaspace_node *x = a, *y = b;
	return (x->range.start > y->range.start) - (x->range.start < y->range.start);
}

static void sum_nodes(struct ms_metaspace *m, const struct ms_loaders *loaders)
{
	ms_array_foreach (node, &m->nodes) {
		struct ms_metaspace_sum *sum =
			node->is_class ? &m->class_space : &m->other;
		sum->node_n++;
		sum->reserved += ms_range_size(node->range);
		sum->committed += node->committed;
		sum->used += node->used;
		sum->resident += node->resident;
	}
	m->has_class_space = m->class_space.node_n;
	if (!loaders->total.has_space)
		return;
	m->class_space.used = loaders->total.class_space.used;
	m->other.used = loaders->total.other.used;
}

struct ms_error *ms_metaspace_read(struct ms_vm *vm, const struct ms_flags *flags,
	const struct ms_loaders *loaders, struct ms_metaspace *ret)
{
	struct ms_metaspace m = { 0 };
	struct ms_error *err = find_nodes(vm, &m, flags, loaders);
	if (m.nodes.n)
		qsort(m.nodes.v, m.nodes.n, sizeof(*m.nodes.v), compare_nodes);
	sum_nodes(&m, loaders);
	if (err)
		ms_metaspace_deinit(&m);
	*ret = m;
	return err;
}

void ms_metaspace_deinit(struct ms_metaspace *metaspace)
{
	ms_array_deinit(&metaspace->nodes);
	ms_array_deinit(&metaspace->notes);
}

// --- claims ---------------------------------------------------------------------------

struct ms_error *ms_metaspace_claim(
	struct ms_reading *reading, const struct ms_metaspace *metaspace)
{
	struct ms_error *err = NULL;
	ms_array_foreach (node, &metaspace->nodes) {
		struct ms_kind_row row = {
			.owner = node->is_class ? "java.metaspace.class"
						: "java.metaspace.nonclass",
			.reader = "hotspot",
			.detail = sources[metaspace->source].text,
			.grade = node->grade,
			.precedence = MS_PRECEDENCE_LIBRARY,
		};
		if (!err)
			err = ms_claims_say(reading->claims, node->range, MS_RANK_REGION,
				&row, 1, (struct ms_bytes){ 0 });
	}
	return err;
}
