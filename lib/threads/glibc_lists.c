// glibc's own lists of stacks. From 2.34 on libc.so.6 exports, for debuggers, where the
// lists' heads lie in _rtld_global, which ld.so exports. Before that, in programs without
// dynamic linking, and where no file can be read, the heads are looked for in the
// libraries' data: two words that lead into a ring of control blocks and back.
//
// Source: glibc nptl_db/structs.def and db_info.c (descriptors), sysdeps/generic/
// ldsodefs.h (order of the heads, the cache's size), nptl/allocatestack.c of 2.31.

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "elf/image.h"
#include "target/images.h"
#include "threads/finder_internal.h"

enum {
	CACHE = 32,            // of the cache's head, behind that of the used stacks
	CACHE_BYTES = 48,      // of the sum of the cached stacks' sizes
	GLOBAL_MAX = 64 << 10, // size of _rtld_global: far below
	TRIES = 3,             // of a list that changes while it is walked
	LIBCS_MAX = 8,         // dlmopen and auditors load several
	BSS_MAX = 1 << 20,     // anonymous memory behind a library's data
	DATA_MAX = 8 << 20,    // searched for heads, all together
};

/* A library of the target with its symbols. */
struct library {
	struct ms_elf_image *image;
	struct ms_elf_source
		memory; // the image's source where its file was not to be had
	uint64_t bias;
};

/* A descriptor as nptl_db has it: {bits, count, offset}. */
struct descriptor {
	uint32_t bits, count, offset;
};

/* Where the lists begin: addresses in the target. */
struct heads {
	uint64_t used, user;
};

static struct ms_bytes base_name(struct ms_bytes path)
{
	const uint8_t *slash = path.n ? memrchr(path.p, '/', path.n) : NULL;
	return slash ? ms_bytes_sub(path, (size_t)(slash - path.p) + 1, SIZE_MAX) : path;
}

static bool is_libc(struct ms_bytes name)
{
	return ms_bytes_starts(name, "libc.so") || ms_bytes_starts(name, "libc-2.");
}

static bool is_linker(struct ms_bytes name)
{
	return ms_bytes_starts(name, "ld-") || ms_bytes_starts(name, "ld.so");
}

static int64_t read_memory(void *context, uint64_t address, void *p, size_t n)
{
	return ms_target_get(context, address, p, n) ? (int64_t)n : -1;
}

static struct ms_error *open_from_file(
	struct ms_stack_finder *f, const struct ms_mapping *m, struct library *lib)
{
	const struct ms_image *file = ms_target_image(f->target, m);
	if (!file)
		return NULL;
	struct ms_error *err = ms_elf_image_open(&file->source, &lib->image);
	if (err)
		return err;
	if (ms_elf_image_bias(lib->image, m->range.start, m->offset, &lib->bias))
		return NULL;
	ms_elf_image_free(lib->image);
	lib->image = NULL;
	return NULL;
}

// Open what is mapped at `m`, its first mapping; false: neither its file nor its image in
// memory could be read.
static bool library_open(
	struct ms_stack_finder *f, const struct ms_mapping *m, struct library *lib)
{
	*lib = (struct library){ .memory = { read_memory, f->target, UINT64_MAX } };
	ms_error_free(open_from_file(f, m, lib));
	if (lib->image)
		return true;
	ms_error_free(
		ms_elf_image_open_mapped(&lib->memory, m->range.start, &lib->image));
	if (!lib->image)
		return false;
	lib->bias = lib->image->bias;
	return true;
}

// Bytes of an object that never changes, as the file has them.
static bool read_constant(
	const struct library *lib, const struct ms_elf_wanted *wanted, void *to, size_t n)
{
	const struct ms_elf_image *image = lib->image;
	uint64_t address = wanted->symbol.value;
	for (size_t i = 0; wanted->found && i < image->segments_n; i++) {
		const struct ms_elf_segment *s = &image->segments[i];
		if (s->type == PT_LOAD && address >= s->range.start &&
			ms_fits(address - s->range.start, n, s->file_size))
			return ms_elf_source_read(&image->source,
				s->offset + (address - s->range.start), to, n);
	}
	return false;
}

static bool read_descriptor(const struct library *lib, const struct ms_elf_wanted *wanted,
	uint32_t bits, struct descriptor *ret)
{
	return read_constant(lib, wanted, ret, sizeof(*ret)) && ret->bits == bits &&
	       ret->count == 1;
}

enum {
	USED,
	USER,
	TID,
	LIST,
	STRUCT_SIZE,
	WANTED
};

// Take the machine's layout, with the offsets this libc states. An offset that moved out
// of what is read means a glibc we do not know.
static bool adopt_layout(struct ms_stack_finder *f, const struct library *libc,
	const struct ms_elf_wanted wanted[WANTED])
{
	const struct ms_tcb_layout *known = ms_tcb_layout(libc->image->machine);
	struct descriptor tid, list;
	uint32_t size;
	if (!known || !read_descriptor(libc, &wanted[TID], 32, &tid) ||
		!read_descriptor(libc, &wanted[LIST], 128, &list) ||
		!ms_fits(tid.offset, 4, known->bytes) ||
		!ms_fits(list.offset, 16, known->bytes))
		return false;
	f->layout = *known;
	f->layout.tid = (uint16_t)tid.offset;
	f->layout.list = (uint16_t)list.offset;
	if (read_constant(libc, &wanted[STRUCT_SIZE], &size, sizeof(size)) &&
		size >= known->bytes && size <= GLOBAL_MAX)
		f->layout.struct_size = size;
	return true;
}

// The heads, if this libc describes them and `global` is where _rtld_global lies.
static bool describe(struct ms_stack_finder *f, const struct library *libc,
	uint64_t global, struct heads *ret)
{
	struct ms_elf_wanted wanted[WANTED] = {
		[USED] = { .name = "_thread_db_rtld_global__dl_stack_used" },
		[USER] = { .name = "_thread_db_rtld_global__dl_stack_user" },
		[TID] = { .name = "_thread_db_pthread_tid" },
		[LIST] = { .name = "_thread_db_pthread_list" },
		[STRUCT_SIZE] = { .name = "_thread_db_sizeof_pthread" },
	};
	struct descriptor used, user;
	_cleanup_error_ struct ms_error *err =
		ms_elf_symbols_find(libc->image, wanted, WANTED);
	return !err && read_descriptor(libc, &wanted[USED], 128, &used) &&
	       read_descriptor(libc, &wanted[USER], 128, &user) &&
	       used.offset < GLOBAL_MAX && user.offset < GLOBAL_MAX &&
	       adopt_layout(f, libc, wanted) && ms_add(global, used.offset, &ret->used) &&
	       ms_add(global, user.offset, &ret->user);
}

static bool is_first_mapping(const struct ms_mapping *m)
{
	return m->kind == MS_MAPPING_FILE && m->offset == 0 && m->flags & MS_MAPPING_READ;
}

// Where ld.so's _rtld_global lies; 0 if that is not known.
static uint64_t find_global(struct ms_stack_finder *f)
{
	struct ms_elf_wanted wanted = { .name = "_rtld_global" };
	uint64_t address = 0;
	for (size_t i = 0; i < f->maps->n && !wanted.found; i++) {
		const struct ms_mapping *m = &f->maps->v[i];
		struct library lib;
		if (!is_first_mapping(m) || !is_linker(base_name(m->name)) ||
			!library_open(f, m, &lib))
			continue;
		_cleanup_error_ struct ms_error *err =
			ms_elf_symbols_find(lib.image, &wanted, 1);
		if (err || !wanted.found ||
			!ms_add(wanted.symbol.value, lib.bias, &address))
			address = 0;
		ms_elf_image_free(lib.image);
	}
	return address;
}

static bool find_heads(struct ms_stack_finder *f, struct heads *ret)
{
	uint64_t global = find_global(f);
	bool is_found = false;
	for (size_t i = 0, n = 0; global && !is_found && i < f->maps->n && n < LIBCS_MAX;
		i++) {
		const struct ms_mapping *m = &f->maps->v[i];
		struct library lib;
		if (!is_first_mapping(m) || !is_libc(base_name(m->name)) ||
			!library_open(f, m, &lib))
			continue;
		is_found = describe(f, &lib, global, ret);
		ms_elf_image_free(lib.image);
		n++;
	}
	return is_found;
}

static struct ms_error *enter_ring(
	struct ms_stack_finder *f, const struct ms_block_origin *origin)
{
	struct ms_error *err = NULL;
	ms_array_foreach (block, &f->ring.blocks)
		if (!err)
			err = ms_finder_enter(f, block, origin, /* ret_new= */ NULL);
	return err;
}

static struct ms_error *walk(struct ms_stack_finder *f, uint64_t head)
{
	struct ms_ring_source source = ms_finder_source(f);
	struct ms_error *err = NULL;
	f->ring.is_whole = false;
	for (int i = 0; !err && i < TRIES && !f->ring.is_whole; i++)
		err = ms_ring_walk(&source, head, &f->steps_left, &f->ring);
	return err;
}

// A described list; what was reached of one that never held still is checked block by
// block all the same.
static struct ms_error *take_list(
	struct ms_stack_finder *f, uint64_t head, struct ms_block_origin origin)
{
	struct ms_error *err = walk(f, head);
	origin.source = MS_STACK_BY_LIST;
	origin.grade = f->ring.is_whole ? MS_GRADE_EXACT : MS_GRADE_STRUCTURAL;
	return err ? err : enter_ring(f, &origin);
}

// The cache has no descriptor. It is where it is in every glibc since 2.34, if the sum of
// sizes that lies beside it is that of its stacks.
static struct ms_error *take_cache(struct ms_stack_finder *f, uint64_t used)
{
	struct ms_block_origin origin = { .source = MS_STACK_BY_LIST, .is_cached = true };
	uint64_t bytes = 0;
	struct ms_error *err = walk(f, used + CACHE);
	bool is_sure =
		f->ring.is_whole &&
		ms_target_get(f->target, used + CACHE_BYTES, &bytes, sizeof(bytes)) &&
		bytes == f->ring.bytes;
	origin.grade = is_sure ? MS_GRADE_EXACT : MS_GRADE_STRUCTURAL;
	return err ? err : enter_ring(f, &origin);
}

static struct ms_error *take_described(
	struct ms_stack_finder *f, const struct heads *heads)
{
	struct ms_error *err =
		take_list(f, heads->user, (struct ms_block_origin){ .is_user = true });
	if (!err)
		err = take_list(f, heads->used, (struct ms_block_origin){ 0 });
	return err ? err : take_cache(f, heads->used);
}

// Could this word be the address of a node? Asked of every word, so it must be cheap.
static bool is_node(const struct ms_stack_finder *f, uint64_t word)
{
	if (word < f->layout.list || (word - f->layout.list) % f->layout.align)
		return false;
	const struct ms_mapping *m = ms_maps_find(f->maps, word);
	return m && m->flags & MS_MAPPING_WRITE;
}

// Which list a ring is, by what is in it: the first thread is among those with stacks of
// their own. One without a living thread is the cache, or else threads that nobody
// joined, which its blocks do not say; the cache is far more common.
static struct ms_block_origin origin_of(const struct ms_ring *ring)
{
	struct ms_block_origin origin = {
		.source = MS_STACK_BY_LIST, .grade = MS_GRADE_EXACT, .is_cached = true
	};
	ms_array_foreach (block, &ring->blocks) {
		origin.is_user |= block->is_first;
		if (block->tid > 0 || block->is_first)
			origin.is_cached = false;
	}
	return origin;
}

static struct ms_error *try_head(struct ms_stack_finder *f, uint64_t at)
{
	struct ms_error *err = walk(f, at);
	if (err || !f->ring.is_whole)
		return err;
	struct ms_block_origin origin = origin_of(&f->ring);
	return enter_ring(f, &origin);
}

static struct ms_error *search_chunk(
	struct ms_stack_finder *f, struct ms_range range, uint64_t *words)
{
	struct ms_read read = { range, words };
	struct ms_error *err = ms_target_read(f->target, &read, 1, /* gaps= */ NULL);
	size_t n = ms_range_size(range) / sizeof(*words);
	for (size_t i = 0; !err && i + 1 < n; i++) {
		uint64_t at = range.start + i * sizeof(*words);
		if (words[i] != at && is_node(f, words[i]) && is_node(f, words[i + 1]))
			err = try_head(f, at);
	}
	return err;
}

static struct ms_error *search_data(
	struct ms_stack_finder *f, struct ms_range range, uint64_t *left)
{
	struct ms_error *err = NULL;
	// the chunks overlap by one word: a head may lie across their border
	for (uint64_t at = range.start; !err && at < range.end && *left;
		at += MS_FINDER_CHUNK) {
		struct ms_range chunk = { at,
			ms_min(range.end, at + MS_FINDER_CHUNK + sizeof(uint64_t)) };
		*left -= ms_min(*left, MS_FINDER_CHUNK);
		err = search_chunk(f, chunk, (uint64_t *)(void *)f->buffer);
	}
	return err;
}

static bool is_data(const struct ms_mapping *m)
{
	unsigned rw = MS_MAPPING_READ | MS_MAPPING_WRITE;
	return m->kind == MS_MAPPING_FILE && (m->flags & rw) == rw &&
	       !(m->flags & MS_MAPPING_SHARED);
}

// A library's data with its .bss, as far as that has a mapping of its own.
static struct ms_range data_range(const struct ms_maps *maps, size_t i)
{
	struct ms_range range = maps->v[i].range;
	const struct ms_mapping *next = i + 1 < maps->n ? &maps->v[i + 1] : NULL;
	if (next && next->range.start == range.end && ms_is_stack_memory(next))
		range.end += ms_min(ms_range_size(next->range), BSS_MAX);
	return range;
}

static bool is_glibc(struct ms_bytes name)
{
	return is_libc(name) || is_linker(name) || ms_bytes_starts(name, "libpthread");
}

static bool has_glibc(const struct ms_maps *maps)
{
	for (size_t i = 0; i < maps->n; i++)
		if (maps->v[i].kind == MS_MAPPING_FILE &&
			is_glibc(base_name(maps->v[i].name)))
			return true;
	return false;
}

// In a program without libraries the lists are in its own data.
static struct ms_error *search_heads(struct ms_stack_finder *f)
{
	bool is_static = !has_glibc(f->maps);
	uint64_t left = DATA_MAX;
	struct ms_error *err = NULL;
	for (size_t i = 0; !err && i < f->maps->n; i++) {
		const struct ms_mapping *m = &f->maps->v[i];
		if (is_data(m) && (is_static || is_glibc(base_name(m->name))))
			err = search_data(f, data_range(f->maps, i), &left);
	}
	return err;
}

struct ms_error *ms_glibc_lists(struct ms_stack_finder *f)
{
	struct heads heads;
	if (!find_heads(f, &heads))
		return search_heads(f);
	return take_described(f, &heads);
}
