// Nodes of metaspace and the chunks in them: see metaspace_internal.h.
//
// None of it is in the JVM's tables. A node is known by what it says twice: its
// reservation and the mask of what is committed, or the list of its largest chunks, name
// the same addresses. A chunk is known by the node it names, which must hold it.
//
// The chunks of JDK 16 and later are described apart from metaspace; those before begin
// with their own head.

#include <string.h>

#include "hotspot/chain.h"
#include "hotspot/metaspace_internal.h"

enum {
	WORD = 8,
	NODES_MAX = 4096,
	CHUNKS_MAX = 4 << 20, // of all loaders
	ROOT_MIN = 1 << 20,
	ROOT_MAX = 64 << 20,
	MASK_BYTES_MAX = 1 << 20,
	LEVEL_MAX = 20,
	IN_USE = 1,
	HEAD_BYTES = 64, // of a chunk in front of its memory
	HEAD_BYTES_8 = 40,
	FEATURE_ARENAS = 16, // JEP 387
};

// --- nodes ----------------------------------------------------------------------------

static bool read_words(const struct ms_vm *vm, uint64_t address, uint64_t *v, size_t n)
{
	return address && address % WORD == 0 &&
	       ms_peek_bytes(vm->peek, address, v, n * WORD);
}

static bool is_power_of_two(uint64_t v)
{
	return v && !(v & (v - 1));
}

static bool set_range(const struct ms_vm *vm, struct ms_metaspace_node *node,
	uint64_t base, uint64_t bytes)
{
	node->range.start = base;
	return ms_add(base, bytes, &node->range.end) &&
	       ms_place_is_private(vm, node->range, MS_METASPACE_NODE_MAX, 0);
}

// Bytes of granules whose bit is set; false if the map cannot be read.
static bool committed_bytes(const struct ms_vm *vm, uint64_t map, uint64_t bits,
	uint64_t granule, uint64_t *ret)
{
	uint64_t set = 0;
	if (bits > MASK_BYTES_MAX * 8ull)
		return false;
	for (uint64_t bit = 0; bit < bits; bit += 64) {
		uint64_t word, left = bits - bit;
		if (!ms_vm_read(vm, map + bit / 8, 8, &word))
			return false;
		if (left < 64)
			word &= (1ull << left) - 1;
		set += (uint64_t)__builtin_popcountll(word);
	}
	*ret = set * granule;
	return true;
}

// Two nodes cannot both have a place.
static bool overlaps_any(const struct ms_metaspace_nodes *nodes, struct ms_range range)
{
	for (size_t i = 0; i < nodes->n; i++)
		if (ms_range_overlaps(nodes->v[i].range, range))
			return true;
	return false;
}

// Behind base, words and words used: the mask {map, bits, -, base, words, words a bit} and
// the list of largest chunks {base, number}.
static bool read_new_at(const struct ms_vm *vm, const struct ms_metaspace_nodes *nodes,
	struct ms_metaspace_node *node, unsigned at)
{
	uint64_t v[11], bytes;
	if (!read_words(vm, node->address + at, v, 11) || v[0] != v[6] || v[1] != v[7] ||
		v[0] != v[9] || !is_power_of_two(v[8]) || v[8] * WORD < MS_PAGE_SIZE ||
		v[4] != v[1] / v[8] || !ms_mul(v[1], WORD, &bytes) || v[2] > v[1])
		return false;
	uint64_t root_n = v[10] & UINT32_MAX;
	if (!root_n || bytes % root_n || !is_power_of_two(bytes / root_n) ||
		bytes / root_n < ROOT_MIN || bytes / root_n > ROOT_MAX)
		return false;
	node->root_bytes = bytes / root_n;
	node->used = v[2] * WORD;
	return set_range(vm, node, v[0], bytes) && !overlaps_any(nodes, node->range) &&
	       committed_bytes(vm, v[3], v[4], v[8] * WORD, &node->committed);
}

static bool read_new(const struct ms_vm *vm, const struct ms_metaspace_nodes *nodes,
	struct ms_metaspace_node *node)
{
	static const unsigned places[] = { 72, 56 }; // JDK 16 to 21, 25 and later
	for (size_t i = 0; i < 2; i++)
		if (read_new_at(vm, nodes, node, places[i]))
			return true;
	return false;
}

// The reservation {base, bytes} comes first, the space {low boundary, high boundary, low,
// high} and the top behind it.
static bool read_old(const struct ms_vm *vm, const struct ms_metaspace_nodes *nodes,
	struct ms_metaspace_node *node)
{
	uint64_t v[4], base[2], top;
	unsigned reserved = vm->feature > 8 ? 16 : 24;
	if (!read_words(vm, node->address + 64, v, 4) ||
		!read_words(vm, node->address + reserved, base, 2) ||
		!read_words(vm, node->address + 176, &top, 1) || v[0] != base[0] ||
		v[1] - v[0] != base[1] || v[2] != v[0] || v[3] < v[2] || v[3] > v[1] ||
		top < v[2] || top > v[3])
		return false;
	node->committed = v[3] - v[2];
	node->used = top - v[2];
	return set_range(vm, node, v[0], base[1]) && !overlaps_any(nodes, node->range);
}

size_t ms_metaspace_node_at(
	const struct ms_vm *vm, struct ms_metaspace_nodes *nodes, uint64_t address)
{
	struct ms_metaspace_node node = { .address = address, .grade = MS_GRADE_EXACT };
	for (size_t i = 0; i < nodes->n; i++)
		if (nodes->v[i].address == address)
			return i;
	if (nodes->n >= NODES_MAX || !read_words(vm, address, &node.next, 1) ||
		!(vm->feature >= FEATURE_ARENAS ? read_new : read_old)(vm, nodes, &node))
		return SIZE_MAX;
	node.resident = ms_pages_resident(ms_target_pages(vm->target), node.range);
	struct ms_metaspace_node *added = ms_array_push(nodes);
	if (!added)
		return SIZE_MAX;
	*added = node;
	return nodes->n - 1;
}

// --- chunks ---------------------------------------------------------------------------

struct chunk {
	uint64_t next;
	uint64_t base, bytes, committed, used;
	size_t node;
};

// {base, words used, words committed, level and state, node, previous, next}.
static bool read_new_chunk(const struct ms_vm *vm, struct ms_metaspace_nodes *nodes,
	uint64_t address, struct chunk *ret)
{
	uint64_t v[7];
	if (!read_words(vm, address, v, 7))
		return false;
	unsigned level = v[3] & 0xff, state = v[3] >> 8 & 0xff;
	ret->node = ms_metaspace_node_at(vm, nodes, v[4]);
	if (ret->node == SIZE_MAX || level > LEVEL_MAX || state != IN_USE)
		return false;
	ret->base = v[0];
	ret->bytes = nodes->v[ret->node].root_bytes >> level;
	ret->used = v[1] * WORD;
	ret->committed = v[2] * WORD;
	ret->next = v[6];
	return v[1] <= v[2] && v[2] <= ret->bytes / WORD && ret->base % ret->bytes == 0;
}

// In front of its own memory: {words, next, previous, node, top}.
static bool read_old_chunk(const struct ms_vm *vm, struct ms_metaspace_nodes *nodes,
	uint64_t address, struct chunk *ret)
{
	uint64_t v[5];
	if (!read_words(vm, address, v, 5))
		return false;
	ret->node = ms_metaspace_node_at(vm, nodes, v[3]);
	if (ret->node == SIZE_MAX || !v[0] || v[4] < address ||
		!ms_mul(v[0], WORD, &ret->bytes) || v[4] - address > ret->bytes)
		return false;
	ret->base = address;
	ret->committed = ret->bytes;
	uint64_t head = vm->feature > 8 ? HEAD_BYTES : HEAD_BYTES_8;
	ret->used = v[4] - address - ms_min(head, v[4] - address);
	ret->next = v[1];
	return true;
}

static bool read_chunk(const struct ms_vm *vm, struct ms_metaspace_nodes *nodes,
	uint64_t address, struct chunk *ret)
{
	uint64_t end;
	return (vm->feature >= FEATURE_ARENAS ? read_new_chunk : read_old_chunk)(
		       vm, nodes, address, ret) &&
	       ms_add(ret->base, ret->bytes, &end) &&
	       ms_range_covers(
		       nodes->v[ret->node].range, (struct ms_range){ ret->base, end });
}

// One list of chunks, added to what the loader has. False if it makes no sense.
static bool walk_chunks(const struct ms_vm *vm, struct ms_metaspace_nodes *nodes,
	uint64_t first, bool is_class, struct ms_loader_space *space)
{
	struct ms_chain chain = { .max = CHUNKS_MAX };
	struct chunk chunk;
	while (ms_chain_goes_on(&chain, first)) {
		if (nodes->steps++ >= CHUNKS_MAX || !read_chunk(vm, nodes, first, &chunk))
			return false;
		nodes->v[chunk.node].is_class |= is_class;
		space->chunk_n++;
		space->capacity += chunk.bytes;
		space->committed += chunk.committed;
		space->used += chunk.used;
		first = chunk.next;
	}
	return !chain.is_broken;
}

// --- loaders --------------------------------------------------------------------------

// Where a version keeps things: in the metaspace of a loader, where its two parts are; in
// a part, its lists of chunks and a figure that must agree with them.
struct layout {
	unsigned since;
	unsigned other, class_space;
	unsigned lists, list_n;
	unsigned figure;
	bool is_count; ///< the figure is the number of chunks, else their words
};

static const struct layout layouts[] = {
	{ .since = 16, 16, 24, 24, 1, 32, true },
	{ .since = 9, 16, 24, 16, 1, 40, false },
	{ .since = 8, 0, 8, 16, 4, 64, false },
};

static bool measure_part(const struct ms_vm *vm, struct ms_metaspace_nodes *nodes,
	const struct layout *layout, uint64_t part, bool is_class,
	struct ms_loader_space *ret)
{
	struct ms_loader_space space = { 0 };
	uint64_t first, figure;
	for (unsigned i = 0; i < layout->list_n; i++)
		if (!read_words(vm, part + layout->lists + i * WORD, &first, 1) ||
			!walk_chunks(vm, nodes, first, is_class, &space))
			return false;
	if (!read_words(vm, part + layout->figure, &figure, 1))
		return false;
	*ret = space;
	return layout->is_count ? (figure & UINT32_MAX) == space.chunk_n
				: figure == space.capacity / WORD;
}

void ms_loader_measure(const struct ms_vm *vm, struct ms_metaspace_nodes *nodes,
	struct ms_loader *loader)
{
	const struct layout *layout = layouts;
	uint64_t metaspace, other, class_space = 0;
	// The loader's object, in JDK 8 what it depends on, and its metaspace.
	uint64_t at = ms_vm_offset(vm, "ClassLoaderData::_class_loader");
	at = at + (vm->feature > 8 ? WORD : 2 * WORD);
	while (layout->since > vm->feature && layout->since > 8)
		layout++;
	if (!read_words(vm, loader->address + at, &metaspace, 1))
		return;
	loader->has_space = true;
	if (!metaspace) // made with the first class
		return;
	loader->has_space =
		read_words(vm, metaspace + layout->other, &other, 1) &&
		measure_part(vm, nodes, layout, other, false, &loader->other) &&
		read_words(vm, metaspace + layout->class_space, &class_space, 1) &&
		(!class_space || measure_part(vm, nodes, layout, class_space, true,
					 &loader->class_space));
}
