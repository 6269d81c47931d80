// musl's malloc before mallocng, recognised only: 64 bins in libc's data. Empty ones point
// at themselves, and the chunks in others back at the bin. One bin at least has chunks:
// gperftools' lists of spans look like bins that are all empty.

#include "alloc/sweep.h"
#include "alloc/whole.h"

enum {
	BINS = 64,
	BIN = 24, // a lock, the first chunk and the last
	BINS_BYTES = 8 + BINS * BIN,
	LINKED_MIN = 4, // bins that must point at themselves, or be pointed at
	LINKS = 16,     // of a chunk, from its start
	CHUNK_ALIGN = 16,
	MMAPPED_HEAD = 16, // bytes before the chunk of a block with its own mapping
};

struct bin {
	uint64_t self; // as a chunk, whose links begin 16 bytes into it
	uint64_t head, tail;
	bool is_set; // in the map of bins with chunks
};

static struct bin bin_at(const uint8_t *bytes, uint64_t address, unsigned i)
{
	size_t at = 8 + (size_t)i * BIN;
	return (struct bin){ address + at + 8 - LINKS, ms_get_u64(bytes + at + 8),
		ms_get_u64(bytes + at + 16), ms_get_u64(bytes) >> i & 1 };
}

// A bin is not used yet, or empty, or has chunks and its bit in the map says so.
static bool is_bin(const struct bin *bin)
{
	if (!bin->is_set)
		return bin->head == bin->tail && (!bin->head || bin->head == bin->self);
	return bin->head && bin->tail && bin->head != bin->self &&
	       bin->head % CHUNK_ALIGN == 0 && bin->tail % CHUNK_ALIGN == 0;
}

static bool is_linked(struct ms_peek *peek, const struct bin *bin)
{
	uint64_t next, prev;
	if (!bin->is_set)
		return bin->head == bin->self;
	return ms_peek_u64(peek, bin->tail + LINKS, &next) && next == bin->self &&
	       ms_peek_u64(peek, bin->head + LINKS + 8, &prev) && prev == bin->self;
}

static bool are_bins(struct ms_peek *peek, const uint8_t *bytes, uint64_t address)
{
	unsigned linked = 0;
	if (!ms_get_u64(bytes))
		return false; // no bin has chunks, or all is zero
	for (unsigned i = 0; i < BINS; i++) {
		struct bin bin = bin_at(bytes, address, i);
		if (!is_bin(&bin))
			return false;
	}
	for (unsigned i = 0; i < BINS; i++) {
		struct bin bin = bin_at(bytes, address, i);
		linked += is_linked(peek, &bin);
	}
	return linked >= LINKED_MIN;
}

// Blocks with mappings of their own, neighbours in one: each says how long it is.
static struct ms_error *add_mmapped(
	struct ms_alloc_find *find, uint32_t instance, struct ms_range range)
{
	struct ms_error *err = NULL;
	uint64_t size;
	for (uint64_t at = range.start; !err && at < range.end; at += size) {
		uint8_t head[16];
		if (!ms_peek_bytes(find->peek, at + MMAPPED_HEAD, head, sizeof(head)) ||
			ms_get_u64(head) != MMAPPED_HEAD ||
			!ms_add(ms_get_u64(head + 8), MMAPPED_HEAD, &size) || !size ||
			size % MS_PAGE_SIZE || size > range.end - at)
			return NULL;
		err = ms_whole_add(find, instance, (struct ms_range){ at, at + size });
	}
	return err;
}

static struct ms_error *add_mappings(struct ms_alloc_find *find, uint32_t instance)
{
	struct ms_error *err = NULL;
	for (size_t i = 0; !err && i < find->maps->n; i++) {
		const struct ms_mapping *m = &find->maps->v[i];
		if (m->kind == MS_MAPPING_HEAP)
			err = ms_whole_add(find, instance, m->range);
		else if (m->kind == MS_MAPPING_ANON && m->flags & MS_MAPPING_WRITE)
			err = add_mmapped(find, instance, m->range);
	}
	return err;
}

// Rings of list heads are no rarity in data: they are musl's only in its own library, or
// in a program that stands alone.
static bool may_be_musl(const struct ms_alloc_find *find, const struct ms_module *module)
{
	struct ms_bytes name = ms_bytes_basename(module->path);
	return ms_bytes_starts(name, "ld-musl-") || ms_bytes_starts(name, "libc.musl-") ||
	       ms_bytes_is(name, "libc.so") ||
	       (find->modules.n == 1 && !find->alloc->instances.n);
}

static struct ms_error *look_for_bins(struct ms_sweep *sweep,
	const struct ms_module *module, uint64_t address, const uint8_t *bytes, size_t n)
{
	struct ms_error *err = NULL;
	uint32_t instance;
	if (!may_be_musl(sweep->find, module))
		return NULL;
	for (size_t at = 0; !err && !sweep->is_over && at < n; at += 8) {
		if (!are_bins(sweep->find->peek, bytes + at, address + at))
			continue;
		sweep->is_over = true;
		err = ms_whole_instance(sweep->find, "musl", "oldmalloc", module->path,
			"musl's malloc before 1.2.1: only its memory is known",
			&instance);
		if (!err)
			err = add_mappings(sweep->find, instance);
	}
	return err;
}

struct ms_error *ms_whole_musl(struct ms_alloc_find *find)
{
	struct ms_sweep sweep = { .find = find, .need = BINS_BYTES, .fn = look_for_bins };
	return ms_sweep_data(&sweep);
}
