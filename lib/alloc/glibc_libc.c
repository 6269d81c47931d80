// main_arena and malloc_par in the data of a libc: see glibc.h.

#include "alloc/glibc.h"

#include <elf.h>
#include <string.h>

#include "alloc/shape.h"

enum {
	SEGMENT_MAX = 64 << 20, // of a file's writable segment that is looked through
	CHUNK_BYTES = 1 << 20,
	PAR_MAX = 144,
	RELATIVE_X86_64 = 8,
	RELATIVE_AARCH64 = 1027,
	LIBCS_MAX = 64,
	RING_MAX = 4096,
	BINS_TRIED_MAX = 1 << 22, // in one module's data, where its file is gone
};

// Newest last; 2.17 and 2.23 share the distance of the self-pointer and are told apart by
// the count of attached threads.
static const struct ms_glibc_state_layout states[] = {
	{ "2.17-2.22", 8, 88, 104, 2152, 0, 2168, 2176, 2184 },
	{ "2.23-2.26", 8, 88, 104, 2152, 2168, 2176, 2184, 2192 },
	{ "2.27-2.42", 16, 96, 112, 2160, 2176, 2184, 2192, 2200 },
	{ "2.43-2.44", 0, 8, 24, 2072, 2088, 2096, 2104, 2112 },
};

static const struct ms_glibc_par_layout pars[] = {
	{ 40, 44, 56, 80, 0, 0, 88 },      // 2.17-2.25
	{ 40, 44, 56, 72, 0, 96, 112 },    // 2.26-2.34
	{ 60, 64, 80, 96, 48, 120, 136 },  // 2.35-2.42
	{ 68, 72, 88, 104, 56, 128, 136 }, // 2.43-2.44
};

// What a search through bytes of data knows.
struct search {
	const struct ms_module *module;
	uint64_t main_arena; // address in the target; 0: not found
	const struct ms_glibc_state_layout *state;
	uint64_t par_address;
	const struct ms_glibc_par_layout *par;
	unsigned tried; // bins in memory
};

// The layout whose `next` lies that far behind the arena's start.
static const struct ms_glibc_state_layout *layout_of(uint64_t distance, uint64_t attached)
{
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		bool has_count = states[i].attached && attached == 1;
		if (states[i].next == distance && (has_count || !states[i].attached) &&
			(has_count || attached != 1))
			return &states[i];
	}
	return NULL;
}

static bool is_zero(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i])
			return false;
	return true;
}

// The initialiser: all zero up to `next`, which holds the arena's own address. From 2.23
// on one thread is attached.
static void test_arena(
	struct search *s, const uint8_t *bytes, size_t n, size_t at, uint64_t linked)
{
	uint64_t distance = linked + at - ms_get_u64(bytes + at);
	if (distance < states[3].next || distance > states[2].next || distance % 8)
		return;
	if (distance > at || at + 24 > n || !is_zero(bytes + at - distance, distance))
		return;
	const struct ms_glibc_state_layout *state =
		layout_of(distance, ms_get_u64(bytes + at + 16));
	if (!state || s->main_arena)
		return;
	s->state = state;
	s->main_arena = linked + at - distance + s->module->bias;
}

// {trim_threshold, top_pad, mmap_threshold, arena_test} as initialised, and after them
// the number of mmapped blocks allowed, whose place tells the layout.
static void test_par(
	struct search *s, const uint8_t *bytes, size_t n, size_t at, uint64_t linked)
{
	const uint8_t *p = bytes + at;
	if (at + PAR_MAX > n || ms_get_u64(p) != 0x20000 ||
		ms_get_u64(p + 16) != 0x20000 || ms_get_u64(p + 24) != 8 ||
		ms_get_u64(p + 32) || s->par_address)
		return;
	for (size_t i = sizeof(pars) / sizeof(pars[0]); i-- > 0;) {
		if (ms_get_u32(p + pars[i].n_mmaps_max) != 0x10000)
			continue;
		if (i == 1 && ms_get_u64(p + 80) != 0x40)
			continue; // no thread caches: the older form
		s->par = &pars[i];
		s->par_address = linked + at + s->module->bias;
		return;
	}
}

static void test_words(struct search *s, const uint8_t *bytes, size_t n, uint64_t linked)
{
	for (size_t at = 0; at + 8 <= n; at += 8) {
		uint64_t word = ms_get_u64(bytes + at);
		if (!word)
			continue;
		if (word == 0x20000)
			test_par(s, bytes, n, at, linked);
		else
			test_arena(s, bytes, n, at, linked);
	}
}

// A writable segment as its file has it.
static struct ms_error *search_segment(
	struct search *s, const struct ms_elf_segment *segment)
{
	uint64_t size = ms_min(segment->file_size, SEGMENT_MAX);
	_cleanup_free_ uint8_t *bytes = malloc(size + 1);
	if (!bytes)
		return &ms_error_nomem;
	if (ms_elf_source_read(
		    &s->module->image->source, segment->offset, bytes, (size_t)size))
		test_words(s, bytes, (size_t)size, segment->range.start);
	return NULL;
}

// The same by relocations: where the file keeps addends apart the word itself is zero.
static void test_relocation(struct search *s, const uint8_t *rela)
{
	uint64_t where = ms_get_u64(rela), type = ms_get_u64(rela + 8) & UINT32_MAX;
	uint64_t distance = where - ms_get_u64(rela + 16);
	if ((type != RELATIVE_X86_64 && type != RELATIVE_AARCH64) || s->main_arena)
		return;
	for (size_t i = 1; i < sizeof(states) / sizeof(states[0]); i++)
		if (states[i].next == distance) {
			s->state = &states[i];
			s->main_arena = where - distance + s->module->bias;
		}
}

static struct ms_error *search_relocations(struct search *s)
{
	const struct ms_elf_section *section =
		ms_elf_image_section(s->module->image, ".rela.dyn");
	if (!section || !section->size || section->size > SEGMENT_MAX)
		return NULL;
	_cleanup_free_ uint8_t *bytes = malloc(section->size);
	if (!bytes)
		return &ms_error_nomem;
	if (!ms_elf_source_read(&s->module->image->source, section->offset, bytes,
		    (size_t)section->size))
		return NULL;
	for (uint64_t at = 0; at + 24 <= section->size; at += 24)
		test_relocation(s, bytes + at);
	return NULL;
}

static bool is_writable_load(const struct ms_elf_segment *segment)
{
	return segment->type == PT_LOAD && segment->flags & PF_W && segment->file_size;
}

static struct ms_error *search_file(struct search *s)
{
	const struct ms_elf_image *image = s->module->image;
	struct ms_error *err = NULL;
	for (size_t i = 0; !err && i < image->segments_n; i++)
		if (is_writable_load(&image->segments[i]))
			err = search_segment(s, &image->segments[i]);
	if (!err && s->par_address && !s->main_arena)
		err = search_relocations(s);
	return err;
}

// In memory, where the file is gone: 127 bins in a row, each empty (it points to itself)
// or leading to a chunk and back. Empty ones are recognised at once.
static bool is_empty_bin(const uint8_t *bytes, uint64_t address)
{
	return ms_get_u64(bytes) == address - 16 && ms_get_u64(bytes + 8) == address - 16;
}

static bool has_bins(struct search *s, struct ms_peek *peek, uint64_t bins)
{
	unsigned empty = 0;
	for (unsigned i = 0; i < MS_GLIBC_BINS / 2; i++, s->tried++) {
		uint64_t at = bins + 16ull * i, forward, back;
		uint8_t words[16];
		if (!ms_peek_bytes(peek, at, words, sizeof(words)))
			return false;
		if (is_empty_bin(words, at)) {
			empty++;
			continue;
		}
		forward = ms_get_u64(words);
		if (!ms_peek_u64(peek, forward + 24, &back) || back != at - 16)
			return false;
	}
	return empty > 0;
}

// Does the ring of arenas come back to this one? Layouts that differ only in what lies in
// front of the bins are told apart by that.
static bool is_in_ring(
	struct ms_peek *peek, const struct ms_glibc *libc, struct ms_glibc_arena arena)
{
	uint64_t address = arena.address;
	for (unsigned i = 0; i < RING_MAX; i++) {
		if (arena.next == address)
			return true;
		if (!ms_glibc_read_arena(peek, libc, arena.next, &arena))
			return false;
	}
	return false;
}

static bool is_arena_at(struct search *s, struct ms_peek *peek,
	const struct ms_glibc_state_layout *state, uint64_t bins)
{
	struct ms_glibc libc = { .state = state };
	struct ms_glibc_arena arena;
	uint64_t address = bins - state->bins;
	if (!ms_glibc_read_arena(peek, &libc, address, &arena) ||
		!is_in_ring(peek, &libc, arena))
		return false;
	if (state->attached && (arena.attached == 0 || arena.attached > UINT32_MAX))
		return false;
	s->state = state;
	s->main_arena = address;
	return true;
}

// The first bin of a row: the one before it is none.
static bool test_bins(struct search *s, struct ms_peek *peek, uint64_t empty_bin)
{
	for (unsigned back = 0; back < MS_GLIBC_BINS / 2 && s->tried < BINS_TRIED_MAX;
		back++) {
		uint64_t bins = empty_bin - 16ull * back;
		if (!has_bins(s, peek, bins))
			continue;
		for (size_t i = sizeof(states) / sizeof(states[0]); i-- > 0;)
			if (is_arena_at(s, peek, &states[i], bins))
				return true;
	}
	return false;
}

static void test_memory_par(struct search *s, struct ms_peek *peek, uint64_t address)
{
	uint8_t p[PAR_MAX];
	if (!ms_peek_bytes(peek, address, p, sizeof(p)) || ms_get_u64(p + 24) != 8 ||
		ms_get_u64(p + 32) > 1 << 20)
		return;
	for (size_t i = sizeof(pars) / sizeof(pars[0]); i-- > 0;) {
		uint64_t thresholds = ms_get_u64(p) | ms_get_u64(p + 16);
		if (ms_get_u32(p + pars[i].n_mmaps_max) != 0x10000 || thresholds >> 32 ||
			!ms_get_u64(p + 16))
			continue;
		if (i == 1 && ms_get_u64(p + 80) != 0x40)
			continue;
		s->par = &pars[i];
		s->par_address = address;
		return;
	}
}

static struct ms_error *search_memory(
	struct search *s, const struct ms_alloc_find *find, struct ms_range range)
{
	struct ms_peek *peek = find->peek;
	for (uint64_t at = range.start; at + 32 <= range.end; at += 8) {
		uint8_t words[32];
		if (at % MS_PAGE_SIZE == 0 && ms_cancel_raised(find->cancel))
			return ms_error_new(MS_ERROR_CANCELLED, "interrupted");
		if (!ms_peek_bytes(peek, at, words, sizeof(words))) {
			at = ms_align_down(at, MS_PAGE_SIZE) + MS_PAGE_SIZE - 8;
			continue;
		}
		if (!s->main_arena && is_empty_bin(words, at) && test_bins(s, peek, at))
			at = s->main_arena + s->state->size - 8;
		else if (!s->par_address && ms_get_u64(words + 24) == 8)
			test_memory_par(s, peek, at);
	}
	return NULL;
}

// Only a module without a file can need it, and of those only a libc or a program.
static bool may_be_libc(const struct ms_module *module)
{
	struct ms_bytes name = ms_bytes_basename(module->path);
	return !module->has_file &&
	       (ms_bytes_starts(name, "libc.so") || ms_bytes_starts(name, "libc-2.") ||
		       !module->image || module->image->type == ET_EXEC);
}

static void read_par(struct ms_peek *peek, struct ms_glibc *libc)
{
	uint8_t p[PAR_MAX];
	libc->heap_max = MS_GLIBC_HEAP_MAX;
	if (!libc->par || !ms_peek_bytes(peek, libc->par_address, p, libc->par->size)) {
		libc->par = NULL;
		return;
	}
	libc->n_mmaps = (int32_t)ms_get_u32(p + libc->par->n_mmaps);
	libc->mmapped = ms_get_u64(p + libc->par->mmapped);
	libc->sbrk_base = libc->first_chunk = ms_get_u64(p + libc->par->sbrk_base);
	(void)ms_align_up(libc->sbrk_base, 16, &libc->first_chunk);
	if (libc->par->cache_count)
		libc->cache_fill = (unsigned)ms_min(
			ms_get_u64(p + libc->par->cache_count), UINT16_MAX);
	// hugetlb=2: four huge pages a heap, until 2.42 made it constant again.
	uint64_t huge = libc->par->huge_page ? ms_get_u64(p + libc->par->huge_page) : 0;
	bool is_power = huge && !(huge & (huge - 1));
	if (is_power && libc->par == &pars[2] && huge >= 4 * MS_PAGE_SIZE &&
		huge <= 1 << 30)
		libc->heap_max = ms_min(huge * 4, 4ull << 30);
}

static struct ms_error *add_libc(
	struct ms_alloc_find *find, const struct search *s, struct ms_glibcs *libcs)
{
	struct ms_glibc libc = { .state = s->state,
		.par = s->par,
		.main_arena = s->main_arena,
		.par_address = s->par_address,
		.mmapped_arena = UINT32_MAX,
		.mmapped_has_tail = s->state == &states[3] };
	struct ms_alloc_instance row = { .allocator = "glibc",
		.path = s->module->path,
		.is_walked = true,
		.grade = MS_GRADE_STRUCTURAL };
	read_par(find->peek, &libc);
	row.mmapped_blocks = libc.n_mmaps > 0 ? (uint64_t)libc.n_mmaps : 0;
	row.mmapped_bytes = libc.mmapped;
	(void)snprintf(row.layout, sizeof(row.layout), "%s", s->state->name);
	struct ms_error *err = ms_alloc_add_instance(find->alloc, &row, &libc.instance);
	struct ms_glibc *added = err ? NULL : ms_array_push(libcs);
	if (added)
		*added = libc;
	return err ? err : added ? NULL : &ms_error_nomem;
}

static struct ms_error *search_module(struct ms_alloc_find *find,
	const struct ms_module *module, struct ms_glibcs *libcs)
{
	struct search s = { .module = module };
	struct ms_error *err = NULL;
	struct ms_glibc_arena arena;
	if (module->has_file)
		err = search_file(&s);
	else if (may_be_libc(module))
		for (size_t i = 0; !err && i < module->data_n; i++)
			err = search_memory(&s, find, module->data[i]);
	if (err || !s.main_arena)
		return err;
	struct ms_glibc probe = { .state = s.state };
	if (!ms_glibc_read_arena(find->peek, &probe, s.main_arena, &arena))
		return NULL; // its page was never touched, or is not in the file
	return add_libc(find, &s, libcs);
}

struct ms_error *ms_glibc_find_libcs(struct ms_alloc_find *find, struct ms_glibcs *ret)
{
	struct ms_error *err = NULL;
	for (size_t i = 0; !err && i < find->modules.n && ret->n < LIBCS_MAX; i++)
		if (find->modules.v[i].data_n)
			err = search_module(find, &find->modules.v[i], ret);
	return err;
}
