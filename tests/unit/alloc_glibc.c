// glibc's malloc in every layout it ever had: arenas, heaps and caches made by hand, found
// and walked in a core, once with libc's file and once without it.

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>
#include <sys/user.h>
#include <unistd.h>

#include "alloc/alloc.h"
#include "elf/elf.h"
#include "threads/threads.h"

enum cache {
	NO_CACHE,
	U8,
	U16,
	SLOTS
};
enum key {
	NO_KEY,
	KEY_IS_CACHE,
	KEY_IS_RANDOM
};

// Offsets as DWARF of the releases has them, apart from those the reader uses.
static const struct release {
	const char *name, *layout;
	struct {
		unsigned fast, top, bins, next, attached, system, peak, size;
	} state;
	struct {
		unsigned n_mmaps, mmaps_max, mmapped, sbrk_base, cache_count;
	} par;
	unsigned heap_header;
	enum cache cache;
	unsigned fill; // what a bin of the cache takes
	enum key key;
	bool is_safe;       // links are mangled
	bool has_tail;      // mmapped chunks end 16 bytes before their mapping
	unsigned huge_page; // where its size is, if huge pages are used
} releases[] = {
	{ "2.17", "2.17-2.22", { 8, 88, 104, 2152, 0, 2168, 2176, 2184 },
		{ 40, 44, 56, 80, 0 }, 32, NO_CACHE, 0, NO_KEY, false, false, 0 },
	{ "2.23", "2.23-2.26", { 8, 88, 104, 2152, 2168, 2176, 2184, 2192 },
		{ 40, 44, 56, 80, 0 }, 32, NO_CACHE, 0, NO_KEY, false, false, 0 },
	{ "2.26", "2.23-2.26", { 8, 88, 104, 2152, 2168, 2176, 2184, 2192 },
		{ 40, 44, 56, 72, 96 }, 32, U8, 7, NO_KEY, false, false, 0 },
	{ "2.27", "2.27-2.42", { 16, 96, 112, 2160, 2176, 2184, 2192, 2200 },
		{ 40, 44, 56, 72, 96 }, 32, U8, 7, NO_KEY, false, false, 0 },
	{ "2.29", "2.27-2.42", { 16, 96, 112, 2160, 2176, 2184, 2192, 2200 },
		{ 40, 44, 56, 72, 96 }, 32, U8, 7, KEY_IS_CACHE, false, false, 0 },
	{ "2.30", "2.27-2.42", { 16, 96, 112, 2160, 2176, 2184, 2192, 2200 },
		{ 40, 44, 56, 72, 96 }, 32, U16, 7, KEY_IS_CACHE, false, false, 0 },
	{ "2.32", "2.27-2.42", { 16, 96, 112, 2160, 2176, 2184, 2192, 2200 },
		{ 40, 44, 56, 72, 96 }, 32, U16, 7, KEY_IS_CACHE, true, false, 0 },
	{ "2.34", "2.27-2.42", { 16, 96, 112, 2160, 2176, 2184, 2192, 2200 },
		{ 40, 44, 56, 72, 96 }, 32, U16, 7, KEY_IS_RANDOM, true, false, 0 },
	{ "2.35", "2.27-2.42", { 16, 96, 112, 2160, 2176, 2184, 2192, 2200 },
		{ 60, 64, 80, 96, 120 }, 48, U16, 7, KEY_IS_RANDOM, true, false, 0 },
	{ "2.42", "2.27-2.42", { 16, 96, 112, 2160, 2176, 2184, 2192, 2200 },
		{ 60, 64, 80, 96, 120 }, 48, SLOTS, 7, KEY_IS_RANDOM, true, false, 0 },
	{ "2.43", "2.43-2.44", { 0, 8, 24, 2072, 2088, 2096, 2104, 2112 },
		{ 68, 72, 88, 104, 128 }, 48, SLOTS, 16, KEY_IS_RANDOM, true, true, 0 },
	{ "2.42, huge pages", "2.27-2.42", { 16, 96, 112, 2160, 2176, 2184, 2192, 2200 },
		{ 60, 64, 80, 96, 120 }, 48, SLOTS, 7, KEY_IS_RANDOM, true, false, 48 },
	{ "2.43, huge pages", "2.43-2.44", { 0, 8, 24, 2072, 2088, 2096, 2104, 2112 },
		{ 68, 72, 88, 104, 128 }, 48, SLOTS, 16, KEY_IS_RANDOM, true, true, 56 },
};

enum {
	PAGE = 4096,
	ARENA_AT = 0x140, // in libc's data
	PAR_AT = 0x1000,
	KEY_AT = 0x2008,
	FREE_MAX = 8,
	BLOCKS_MAX = 128,
	FOREIGN = 12352,
	THREADS = 2,
};

#define KEY      0x8badf00d12345677ull
#define NON_MAIN 4
#define MMAPPED  2
#define HEAP_MAX (64ull << 20)

// The pieces of memory. All bytes of a core come from one of them.
enum part {
	DATA,
	BRK,
	HEAP_1,
	HEAP_2,
	MAPPED,
	TLS_1,
	TLS_2,
	PARTS
};

static const struct {
	uint64_t start;
	size_t size;
} parts[PARTS] = {
	[DATA] = { 0x7f0000001000, 3 * PAGE },
	[BRK] = { 0x555500000000, 33 * PAGE },
	[HEAP_1] = { 0x7e0000000000, 4 * PAGE },
	[HEAP_2] = { 0x7e0004000000, 2400 * PAGE }, // beyond a heap of huge pages
	[MAPPED] = { 0x7e8000000000, 100 * PAGE },
	[TLS_1] = { 0x7f1000000000, 5 * PAGE },
	[TLS_2] = { 0x7f2000000000, 5 * PAGE },
};
#define LIBC 0x7f0000000000ull

struct expected {
	uint64_t start, end;
	enum ms_alloc_state state;
};

struct image {
	const struct release *r;
	uint8_t *bytes[PARTS];
	struct expected blocks[BLOCKS_MAX];
	size_t n;
	bool is_damaged; // a free chunk leads back to another than leads to it
};

// An arena being made.
struct maker {
	struct image *image;
	enum part part;         // where chunks go now
	uint64_t at;            // next chunk
	uint64_t arena;         // address of its malloc_state
	uint64_t flags;         // of chunks handed out
	uint64_t previous_size; // of a free chunk right before; 0: none
	uint64_t free[FREE_MAX], fast[FREE_MAX], cached[FREE_MAX], cache;
	size_t free_n, fast_n, cached_n;
};

static void no_error(struct ms_error *err)
{
	if (err)
		fail_msg("%s", err->message);
}

static uint8_t *at(struct image *image, uint64_t address)
{
	for (int i = 0; i < PARTS; i++)
		if (address >= parts[i].start && address < parts[i].start + parts[i].size)
			return image->bytes[i] + (address - parts[i].start);
	fail_msg("nothing is at 0x%llx", (unsigned long long)address);
	return NULL;
}

static void put(struct image *image, uint64_t address, uint64_t value)
{
	memcpy(at(image, address), &value, sizeof(value));
}

static void put32(struct image *image, uint64_t address, uint32_t value)
{
	memcpy(at(image, address), &value, sizeof(value));
}

static void expect(
	struct image *image, uint64_t start, uint64_t end, enum ms_alloc_state state)
{
	assert_true(image->n < BLOCKS_MAX);
	image->blocks[image->n++] = (struct expected){ start, end, state };
}

static uint64_t chunk(struct maker *m, uint64_t size, enum ms_alloc_state state)
{
	uint64_t address = m->at, flags = m->previous_size ? 0 : 1;
	if (m->previous_size)
		put(m->image, address, m->previous_size);
	if (state != MS_ALLOC_FREE && state != MS_ALLOC_TOP)
		flags |= m->flags;
	put(m->image, address + 8, size | flags);
	m->previous_size = state == MS_ALLOC_FREE ? size : 0;
	m->at += size;
	expect(m->image, address, m->at, state);
	if (state == MS_ALLOC_FREE)
		m->free[m->free_n++] = address;
	if (state == MS_ALLOC_FAST)
		m->fast[m->fast_n++] = address;
	if (state == MS_ALLOC_CACHED)
		m->cached[m->cached_n++] = address + 16;
	return address;
}

static uint64_t mangle(const struct image *image, uint64_t link, uint64_t where)
{
	return image->r->is_safe ? link ^ where >> 12 : link;
}

static void fence(struct maker *m, uint64_t size)
{
	put(m->image, m->at + 8, size | 1);
	expect(m->image, m->at, m->at + 16, MS_ALLOC_OVERHEAD);
	m->at += 16;
}

// Chunks of every state, the free ones last but one.
static void some_chunks(struct maker *m)
{
	const struct release *r = m->image->r;
	enum ms_alloc_state cached = r->cache ? MS_ALLOC_CACHED : MS_ALLOC_LIVE;
	enum ms_alloc_state fast = r->state.fast ? MS_ALLOC_FAST : MS_ALLOC_LIVE;
	chunk(m, 0x30, MS_ALLOC_LIVE);
	chunk(m, 0x40, cached);
	chunk(m, 0x20, MS_ALLOC_LIVE);
	chunk(m, 0x40, cached);
	chunk(m, 0x100, MS_ALLOC_FREE);
	chunk(m, 0x50, MS_ALLOC_LIVE);
	chunk(m, 0x30, fast);
	chunk(m, 0x30, fast);
	chunk(m, 0x510, MS_ALLOC_LIVE);
	chunk(m, 0x210, MS_ALLOC_FREE);
	chunk(m, 0x20, MS_ALLOC_LIVE);
}

static void make_cache(struct maker *m)
{
	static const unsigned sizes[] = { 0, 0x250, 0x290, 0x300 };
	if (m->image->r->cache)
		m->cache = chunk(m, sizes[m->image->r->cache], MS_ALLOC_LIVE) + 16;
}

// tcache_perthread_struct with one list, of chunks of 0x40 bytes.
static void fill_cache(struct maker *m)
{
	static const unsigned entries_at[] = { 0, 64, 128, 152 };
	const struct release *r = m->image->r;
	unsigned bin = (0x40 - 0x20) / 16;
	if (!r->cache)
		return;
	for (unsigned i = 0; r->cache == SLOTS && i < 76; i++)
		*at(m->image, m->cache + 2ull * i) = (uint8_t)r->fill;
	if (r->cache == U8)
		*at(m->image, m->cache + bin) = (uint8_t)m->cached_n;
	else if (r->cache == U16)
		*at(m->image, m->cache + 2ull * bin) = (uint8_t)m->cached_n;
	else
		*at(m->image, m->cache + 2ull * bin) = (uint8_t)(r->fill - m->cached_n);
	put(m->image, m->cache + entries_at[r->cache] + 8ull * bin, m->cached[0]);
	for (size_t i = 0; i < m->cached_n; i++) {
		uint64_t memory = m->cached[i];
		uint64_t next = i + 1 < m->cached_n ? m->cached[i + 1] : 0;
		put(m->image, memory, mangle(m->image, next, memory));
		if (r->key == KEY_IS_CACHE)
			put(m->image, memory + 8, m->cache);
		if (r->key == KEY_IS_RANDOM)
			put(m->image, memory + 8, KEY);
	}
}

// All bins empty but the first, and one fast bin.
static void fill_bins(struct maker *m)
{
	struct image *image = m->image;
	uint64_t first = m->arena + image->r->state.bins - 16, last = first;
	for (unsigned i = 0; i < 127; i++) {
		put(image, first + 16ull * i + 16, first + 16ull * i);
		put(image, first + 16ull * i + 24, first + 16ull * i);
	}
	for (size_t i = 0; i < m->free_n; i++) {
		put(image, last + 16, m->free[i]);
		put(image, m->free[i] + 24, last);
		last = m->free[i];
	}
	put(image, last + 16, first);
	put(image, first + 24, last);
	if (image->is_damaged && m->free_n)
		put(image, m->free[m->free_n - 1] + 24, m->free[m->free_n - 1]);
	if (!m->fast_n)
		return;
	put(image, m->arena + image->r->state.fast + 8, m->fast[0]);
	for (size_t i = 0; i < m->fast_n; i++) {
		uint64_t link = m->fast[i] + 16;
		uint64_t next = i + 1 < m->fast_n ? m->fast[i + 1] : 0;
		put(image, link, mangle(image, next, link));
	}
}

static void fill_state(struct maker *m, uint64_t top, uint64_t next, uint64_t system)
{
	const struct release *r = m->image->r;
	put(m->image, m->arena + r->state.top, top);
	put(m->image, m->arena + r->state.next, next);
	put(m->image, m->arena + r->state.system, system);
	put(m->image, m->arena + r->state.peak, system + PAGE);
	if (r->state.attached)
		put(m->image, m->arena + r->state.attached, 1);
	fill_bins(m);
	fill_cache(m);
}

static uint64_t second_arena(const struct image *image)
{
	return parts[HEAP_1].start + image->r->heap_header;
}

// The main arena, which another user of brk took something of.
static uint64_t make_main(struct image *image)
{
	struct maker m = { .image = image,
		.part = BRK,
		.at = parts[BRK].start,
		.arena = parts[DATA].start + ARENA_AT };
	make_cache(&m);
	some_chunks(&m);
	fence(&m, 16);
	fence(&m, 16);
	expect(image, m.at, m.at + FOREIGN, MS_ALLOC_FOREIGN);
	m.at += FOREIGN;
	for (unsigned i = 0; i < 12; i++)
		chunk(&m, 0x20 + 0x10 * i, MS_ALLOC_LIVE);
	uint64_t top = chunk(&m, parts[BRK].start + parts[BRK].size - m.at, MS_ALLOC_TOP);
	fill_state(&m, top, second_arena(image), parts[BRK].size);
	return m.cache;
}

static void start_heap(struct maker *m, enum part part, uint64_t previous)
{
	uint64_t start = parts[part].start, end = start + m->image->r->heap_header;
	put(m->image, start, m->arena);
	put(m->image, start + 8, previous);
	put(m->image, start + 16, parts[part].size);
	put(m->image, start + 24, parts[part].size);
	if (m->arena == end)
		end += m->image->r->state.size;
	end = (end + 15) & ~15ull;
	expect(m->image, start, end, MS_ALLOC_OVERHEAD);
	m->part = part;
	m->at = end;
}

// An arena of two heaps, whose lock somebody holds.
static uint64_t make_second(struct image *image)
{
	struct maker m = {
		.image = image, .arena = second_arena(image), .flags = NON_MAIN
	};
	start_heap(&m, HEAP_1, 0);
	make_cache(&m);
	some_chunks(&m);
	uint64_t rest = parts[HEAP_1].start + parts[HEAP_1].size - 32 - m.at;
	chunk(&m, rest, MS_ALLOC_LIVE);
	fence(&m, 16);
	fence(&m, 0);
	start_heap(&m, HEAP_2, parts[HEAP_1].start);
	chunk(&m, 0x400, MS_ALLOC_LIVE);
	chunk(&m, 0x600, MS_ALLOC_FREE);
	chunk(&m, 9 << 20, MS_ALLOC_LIVE);
	uint64_t top =
		chunk(&m, parts[HEAP_2].start + parts[HEAP_2].size - m.at, MS_ALLOC_TOP);
	fill_state(&m, top, parts[DATA].start + ARENA_AT,
		parts[HEAP_1].size + parts[HEAP_2].size);
	put32(image, m.arena, 1);
	return m.cache;
}

// Blocks with mappings of their own that the kernel joined; the middle one was aligned.
static uint64_t make_mapped(struct image *image)
{
	static const uint64_t pages[] = { 34, 40, 26 }, leads[] = { 0, 0x3f0, 0 };
	uint64_t start = parts[MAPPED].start, tail = image->r->has_tail ? 16 : 0;
	for (size_t i = 0; i < 3; i++) {
		uint64_t end = start + pages[i] * PAGE;
		put(image, start + leads[i], leads[i]);
		put(image, start + leads[i] + 8,
			(end - start - leads[i] - tail) | MMAPPED);
		expect(image, start, end, MS_ALLOC_LIVE);
		start = end;
	}
	return start - parts[MAPPED].start;
}

// What malloc_par begins with before anything is allocated.
static void initial_par(const struct release *r, uint8_t *p)
{
	static const uint64_t words[] = { 0x20000, 0x20000, 0x20000, 8 };
	uint32_t max = 0x10000;
	uint64_t bins = 0x40, count = r->fill;
	memcpy(p, words, sizeof(words));
	memcpy(p + r->par.mmaps_max, &max, sizeof(max));
	if (r->par.cache_count) {
		memcpy(p + r->par.cache_count - 16, &bins, sizeof(bins));
		memcpy(p + r->par.cache_count, &count, sizeof(count));
	}
}

static void make_par(struct image *image, uint64_t mapped)
{
	const struct release *r = image->r;
	uint64_t par = parts[DATA].start + PAR_AT;
	initial_par(r, at(image, par));
	put(image, par + 16, 0x40000); // the threshold moves
	put32(image, par + r->par.n_mmaps, 3);
	put(image, par + r->par.mmapped, mapped);
	put(image, par + r->par.sbrk_base, parts[BRK].start);
	if (r->huge_page)
		put(image, par + r->huge_page, 2 << 20);
}

// struct pthread of x86-64, and below it what libc keeps for its thread.
static uint64_t make_thread(
	struct image *image, enum part part, uint32_t tid, uint64_t arena, uint64_t cache)
{
	uint64_t tp = parts[part].start + 4 * PAGE + 0x740;
	put(image, tp, tp);
	put(image, tp + 16, tp);
	put(image, tp + 704, tp + 704);
	put(image, tp + 712, tp + 704);
	put32(image, tp + 720, tid);
	if (part == TLS_2) {
		put(image, tp + 1680, parts[part].start);
		put(image, tp + 1688, parts[part].size);
	}
	put(image, tp - 0x80, arena);
	put(image, tp - 0x78, cache);
	return tp;
}

static void add_note(struct ms_buffer *notes, uint32_t type, const void *p, size_t n)
{
	no_error(ms_note_add(notes, "CORE", type, (struct ms_bytes){ p, n }));
}

static void add_thread(struct ms_buffer *notes, int tid, uint64_t tp)
{
	struct elf_prstatus status = { .pr_pid = tid };
	struct user_regs_struct regs = {
		.rip = 0x1234, .rsp = tp - 0x800, .fs_base = tp
	};
	memcpy(status.pr_reg, &regs, sizeof(regs));
	add_note(notes, NT_PRSTATUS, &status, sizeof(status));
}

static void add_files(struct ms_buffer *notes, const char *path)
{
	uint64_t rows[] = { 2, PAGE, LIBC, LIBC + PAGE, 0, parts[DATA].start,
		parts[DATA].start + parts[DATA].size, 1 };
	struct ms_buffer desc = { 0 };
	no_error(ms_buffer_add(&desc, rows, sizeof(rows)));
	for (int i = 0; i < 2; i++)
		no_error(ms_buffer_add(&desc, path, strlen(path) + 1));
	no_error(ms_note_add(notes, "CORE", NT_FILE, ms_buffer_bytes(&desc)));
	ms_buffer_deinit(&desc);
}

static Elf64_Ehdr header_of(uint16_t type, uint16_t segments)
{
	return (Elf64_Ehdr){ .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
				     ELFDATA2LSB, EV_CURRENT },
		.e_type = type,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(Elf64_Ehdr),
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = segments,
		.e_shentsize = sizeof(Elf64_Shdr) };
}

static void write_file(const char *path, const struct ms_buffer *bytes)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes->p, bytes->n), bytes->n);
	close(fd);
}

static void pad_to(struct ms_buffer *bytes, size_t size)
{
	static const uint8_t zeros[PAGE];
	while (bytes->n < size)
		no_error(ms_buffer_add(bytes, zeros, ms_min(size - bytes->n, PAGE)));
}

static void write_core(struct image *image, const uint64_t tp[THREADS], const char *path,
	const char *libc_path)
{
	struct ms_buffer notes = { 0 }, core = { 0 };
	struct elf_prpsinfo process = { .pr_sname = 'S', .pr_pid = 42 };
	add_note(&notes, NT_PRPSINFO, &process, sizeof(process));
	for (int i = 0; i < THREADS; i++)
		add_thread(&notes, 42 + i, tp[i]);
	add_files(&notes, libc_path);
	Elf64_Ehdr header = header_of(ET_CORE, PARTS + 2);
	Elf64_Phdr segments[PARTS + 2] = {
		{ PT_NOTE, 0, PAGE, 0, 0, notes.n, 0, 4 },
		{ PT_LOAD, PF_R, 2 * PAGE, LIBC, 0, 0, PAGE, PAGE },
	};
	uint64_t offset = 2 * PAGE;
	for (int i = 0; i < PARTS; i++) {
		segments[i + 2] = (Elf64_Phdr){ PT_LOAD, PF_R | PF_W, offset,
			parts[i].start, 0, parts[i].size, parts[i].size, PAGE };
		offset += parts[i].size;
	}
	no_error(ms_buffer_add(&core, &header, sizeof(header)));
	no_error(ms_buffer_add(&core, segments, sizeof(segments)));
	pad_to(&core, PAGE);
	no_error(ms_buffer_add(&core, notes.p, notes.n));
	pad_to(&core, 2 * PAGE);
	for (int i = 0; i < PARTS; i++)
		no_error(ms_buffer_add(&core, image->bytes[i], parts[i].size));
	write_file(path, &core);
	ms_buffer_deinit(&core);
	ms_buffer_deinit(&notes);
}

// libc as it lies in the file system: nothing is allocated yet.
static void write_libc(const struct release *r, const char *path)
{
	struct ms_buffer file = { 0 };
	uint8_t data[3 * PAGE] = { 0 };
	uint64_t arena = PAGE + ARENA_AT, one = 1;
	Elf64_Ehdr header = header_of(ET_DYN, 2);
	Elf64_Phdr segments[2] = {
		{ PT_LOAD, PF_R, 0, 0, 0, PAGE, PAGE, PAGE },
		{ PT_LOAD, PF_R | PF_W, PAGE, PAGE, PAGE, sizeof(data), sizeof(data),
			PAGE },
	};
	memcpy(data + ARENA_AT + r->state.next, &arena, sizeof(arena));
	if (r->state.attached)
		memcpy(data + ARENA_AT + r->state.attached, &one, sizeof(one));
	initial_par(r, data + PAR_AT);
	no_error(ms_buffer_add(&file, &header, sizeof(header)));
	no_error(ms_buffer_add(&file, segments, sizeof(segments)));
	pad_to(&file, PAGE);
	no_error(ms_buffer_add(&file, data, sizeof(data)));
	write_file(path, &file);
	ms_buffer_deinit(&file);
}

struct seen {
	struct expected v[BLOCKS_MAX];
	size_t n;
};

static struct ms_error *see(
	void *arg, unsigned worker, const struct ms_alloc_block *v, size_t n)
{
	struct seen *seen = arg;
	(void)worker;
	for (size_t i = 0; i < n && seen->n < BLOCKS_MAX; i++)
		seen->v[seen->n++] =
			(struct expected){ v[i].range.start, v[i].range.end, v[i].state };
	return NULL;
}

static int compare(const void *pa, const void *pb)
{
	const struct expected *a = pa, *b = pb;
	return (a->start > b->start) - (a->start < b->start);
}

static void check_blocks(struct image *image, struct seen *seen)
{
	qsort(image->blocks, image->n, sizeof(*image->blocks), compare);
	qsort(seen->v, seen->n, sizeof(*seen->v), compare);
	for (size_t i = 0; i < image->n && i < seen->n; i++) {
		const struct expected *e = &image->blocks[i], *s = &seen->v[i];
		if (e->start != s->start || e->end != s->end || e->state != s->state)
			fail_msg("%s: expected %llx-%llx %s, seen %llx-%llx %s",
				image->r->name, (unsigned long long)e->start,
				(unsigned long long)e->end, ms_alloc_state_name(e->state),
				(unsigned long long)s->start, (unsigned long long)s->end,
				ms_alloc_state_name(s->state));
	}
	assert_int_equal(seen->n, image->n);
}

static void check_alloc(const struct image *image, const struct ms_alloc *alloc)
{
	const struct release *r = image->r;
	const struct ms_alloc_instance *instance = &alloc->instances.v[0];
	assert_int_equal(alloc->instances.n, 1);
	assert_string_equal(instance->layout, r->layout);
	if (image->is_damaged) {
		assert_int_equal(instance->grade, MS_GRADE_STRUCTURAL);
		assert_non_null(strstr(instance->reason, "bins"));
		return;
	}
	assert_string_equal(instance->reason, "");
	assert_int_equal(instance->grade, MS_GRADE_EXACT);
	assert_int_equal(instance->mmapped_blocks, 3);
	assert_int_equal(alloc->arenas.n, 3); // with the row of mmapped blocks
	assert_true(alloc->arenas.v[0].is_main);
	assert_false(alloc->arenas.v[0].is_locked);
	assert_true(alloc->arenas.v[1].is_locked);
	assert_int_equal(alloc->arenas.v[1].threads, r->state.attached ? 1 : 0);
	assert_int_equal(alloc->threads.n, THREADS);
	for (uint32_t i = 0; i < THREADS; i++) {
		assert_int_equal(alloc->threads.v[i].tid, 42 + i);
		assert_int_equal(alloc->threads.v[i].arena, i);
		assert_int_equal(alloc->threads.v[i].cached_blocks, r->cache ? 2 : 0);
	}
}

static void walk(struct image *image, const char *path)
{
	struct ms_target_options options = { .smaps = MS_TARGET_SMAPS_NEVER };
	struct ms_target *target = NULL;
	struct ms_thread_table *threads = NULL;
	struct ms_alloc *alloc = NULL;
	struct seen seen = { .n = 0 };
	no_error(ms_target_open(path, &options, &target));
	no_error(ms_thread_table_make(target, &threads));
	no_error(ms_alloc_find(target, threads, NULL, &alloc));
	no_error(ms_alloc_walk(alloc, 1, see, &seen));
	check_alloc(image, alloc);
	check_blocks(image, &seen);
	ms_alloc_free(alloc);
	ms_thread_table_free(threads);
	ms_target_free(target);
}

static void check_release(
	const struct release *r, const char *directory, bool has_file, bool is_damaged)
{
	struct image image = { .r = r, .is_damaged = is_damaged };
	char core[64], libc[64];
	uint64_t tp[THREADS];
	print_message("%s %s its file\n", r->name, has_file ? "with" : "without");
	for (int i = 0; i < PARTS; i++) {
		image.bytes[i] = calloc(1, parts[i].size);
		assert_non_null(image.bytes[i]);
	}
	uint64_t main_cache = make_main(&image), other_cache = make_second(&image);
	make_par(&image, make_mapped(&image));
	if (r->key == KEY_IS_RANDOM)
		put(&image, parts[DATA].start + KEY_AT, KEY);
	tp[0] = make_thread(&image, TLS_1, 42, parts[DATA].start + ARENA_AT, main_cache);
	tp[1] = make_thread(&image, TLS_2, 43, second_arena(&image), other_cache);
	(void)snprintf(core, sizeof(core), "%s/core", directory);
	(void)snprintf(libc, sizeof(libc), "%s/libc-2.so", directory);
	if (has_file)
		write_libc(r, libc);
	write_core(&image, tp, core, libc);
	walk(&image, core);
	unlink(core);
	unlink(libc);
	for (int i = 0; i < PARTS; i++)
		free(image.bytes[i]);
}

static void walks_every_release(void **state)
{
	char directory[] = "/tmp/alloc_glibc.XXXXXX";
	(void)state;
	assert_non_null(mkdtemp(directory));
	for (size_t i = 0; i < sizeof(releases) / sizeof(releases[0]); i++)
		for (int has_file = 1; has_file >= 0; has_file--)
			check_release(&releases[i], directory, has_file, false);
	rmdir(directory);
}

static void tells_a_wrong_link(void **state)
{
	char directory[] = "/tmp/alloc_glibc.XXXXXX";
	(void)state;
	assert_non_null(mkdtemp(directory));
	for (size_t i = 0; i < sizeof(releases) / sizeof(releases[0]); i++)
		check_release(&releases[i], directory, true, true);
	rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(walks_every_release),
		cmocka_unit_test(tells_a_wrong_link),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
