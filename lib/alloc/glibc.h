/**
 * glibc's malloc, 2.17 to 2.44, 64-bit: what its own books say, found without symbols.
 *
 * A libc is found by the initialiser of main_arena in its data: a word that points a
 * fixed distance back to the arena it lies in. The distance names the layout of
 * malloc_state; which layout of malloc_par, of the heaps' headers and of the thread
 * caches goes with it is told by validation, never by a version string.
 *
 * Source: malloc/malloc.c, malloc/arena.c, glibc 2.17 to 2.44; offsets compared with the
 * debug information of ten builds.
 */
#pragma once

#include "alloc/alloc_internal.h"

enum {
	MS_GLIBC_FAST_BINS = 10,
	MS_GLIBC_BINS = 254, ///< words of malloc_state.bins
	MS_GLIBC_STATE_MAX = 2200,
	MS_GLIBC_CACHE_BINS = 76,
	MS_CHUNK_MIN = 32,
	MS_CHUNK_PREV_INUSE = 1,
	MS_CHUNK_MMAPPED = 2,
	MS_CHUNK_NON_MAIN = 4,
	MS_CHUNK_FLAGS = 7,
};

/** Where the fields of malloc_state lie: byte offsets; 0: it has no such field. */
struct ms_glibc_state_layout {
	const char *name; ///< releases
	uint16_t fast_bins, top, bins, next, attached, system, peak, size;
};

/** Where the fields of malloc_par lie. */
struct ms_glibc_par_layout {
	uint16_t n_mmaps, n_mmaps_max, mmapped, sbrk_base, huge_page, cache_count, size;
};

/** How a thread's cache is laid out. */
enum ms_glibc_cache {
	MS_GLIBC_CACHE_NONE,  ///< up to 2.25
	MS_GLIBC_CACHE_U8,    ///< 2.26 to 2.29: u8 counts
	MS_GLIBC_CACHE_U16,   ///< 2.30 to 2.41: u16 counts
	MS_GLIBC_CACHE_SLOTS, ///< 2.42 on: u16 counts of what still fits
};

/** What tells a cached chunk from a live one, in its second word. */
enum ms_glibc_key {
	MS_GLIBC_KEY_NONE,   ///< nothing: lists are followed
	MS_GLIBC_KEY_CACHE,  ///< 2.29 to 2.33: the address of the cache it is in
	MS_GLIBC_KEY_RANDOM, ///< 2.34 on: one random word of the process
};

struct ms_glibc_cache_row {
	uint64_t address; ///< of tcache_perthread_struct
	size_t thread;    ///< index in ms_alloc.threads
};

/** One libc at work. */
struct ms_glibc {
	const struct ms_glibc_state_layout *state;
	const struct ms_glibc_par_layout *par; ///< NULL: not found
	uint64_t main_arena;
	uint64_t par_address;
	uint32_t instance;
	uint64_t sbrk_base; ///< where brk was when malloc first asked for memory
	uint64_t
		first_chunk; ///< sbrk_base, aligned; what is in front of it is counted, too
	uint64_t heap_max;   ///< size and alignment of non-main heaps
	uint32_t heap_header; ///< bytes of heap_info; 0: no heap was seen
	int32_t n_mmaps;
	uint64_t mmapped;
	enum ms_glibc_cache cache_layout;
	unsigned cache_fill; ///< 2.42 on: chunks a bin takes
	enum ms_glibc_key key_kind;
	uint64_t key;
	bool has_safe_links; ///< 2.32 on
	bool is_segmented;   ///< its main arena is in pieces: brk failed, or is not used
	uint64_t main_top;
	int32_t found_mmaps;
	uint64_t found_segments; ///< bytes
	bool mmapped_has_tail; ///< 2.43 on: an mmapped chunk ends 16 bytes before its mapping
	MS_ARRAY(struct ms_glibc_cache_row) caches; ///< ascending by address
	uint32_t first_arena, arena_n;              ///< its rows in ms_alloc.arenas
	uint32_t mmapped_arena;  ///< the row of mmapped blocks; UINT32_MAX: none
	uint64_t torn_lists;     ///< links that led nowhere
	uint64_t missing_caches; ///< of threads that have an arena, as far as is known
	uint64_t stray_heaps;    ///< heaps of no arena in the ring
	uint64_t fast_blocks;    ///< members of fast bins
	bool has_no_room;        ///< for all of its heaps, arenas or lists
};

/** An arena of it, as read. */
struct ms_glibc_arena {
	uint64_t address;
	uint32_t row; ///< in ms_alloc.arenas
	uint64_t top, next;
	uint64_t fast[MS_GLIBC_FAST_BINS];
	uint32_t flags, mutex;
	uint64_t system, peak, attached;
};

/** Look for libcs in the modules: their main_arena and malloc_par. Errors: NOMEM,
 * CANCELLED. */
struct ms_error *ms_glibc_find_libcs(
	struct ms_alloc_find *find, struct ms_glibcs *ret) MS_MUST_CHECK;

/**
 * Read one malloc_state and check what can be checked without following it.
 * @return false if it is none
 */
bool ms_glibc_read_arena(struct ms_peek *peek, const struct ms_glibc *libc,
	uint64_t address, struct ms_glibc_arena *ret);

/** Follow the ring of arenas and their heaps: rows and regions. Errors: NOMEM, LIMIT. */
struct ms_error *ms_glibc_find_arenas(
	struct ms_alloc_find *find, struct ms_glibc *libc) MS_MUST_CHECK;

/** Where writable private memory that holds the address has its first hole; 0: nowhere. */
uint64_t ms_glibc_writable_end(const struct ms_maps *maps, uint64_t at);

/** Count heaps that no arena has, which the ring therefore leaves out: one boundary of
 * 64 MiB after the other. Regions must be settled. Errors: CANCELLED. */
struct ms_error *ms_glibc_find_strays(
	struct ms_alloc_find *find, struct ms_glibcs *libcs) MS_MUST_CHECK;

/** Where the first chunk of a region that begins at `start` lies. */
uint64_t ms_glibc_first_chunk(
	const struct ms_glibc *libc, const struct ms_alloc_arena *arena, uint64_t start);

/** Find the threads' caches, the key, the fast bins. Errors: NOMEM, CANCELLED. */
struct ms_error *ms_glibc_find_caches(
	struct ms_alloc_find *find, struct ms_glibc *libc) MS_MUST_CHECK;

/**
 * Find blocks with mappings of their own, and segments of a main arena that does not grow
 * by brk, in anonymous memory nobody has. Errors: NOMEM, CANCELLED, GONE, LIMIT.
 */
struct ms_error *ms_glibc_find_mmapped(
	struct ms_alloc_find *find, struct ms_glibcs *libcs) MS_MUST_CHECK;

/** Release; zeroed is fine. */
void ms_glibc_deinit(struct ms_glibcs *libcs);

/** The libc of an instance, or NULL. */
const struct ms_glibc *ms_glibc_of(const struct ms_alloc *alloc, uint32_t instance);

/** A link between two free chunks, or a bin and a chunk, as a number to be added up. */
uint64_t ms_glibc_link(uint64_t from, uint64_t to);

/**
 * Compare the free chunks a walk found with the bins that hold them: is each one where the
 * next says that it comes from? Only where nothing moves.
 *
 * @param ret_off  out: not 0 if some are not; 0 also where nothing was compared
 * Errors: NOMEM.
 */
struct ms_error *ms_glibc_check_bins(const struct ms_alloc *alloc,
	const struct ms_glibc *libc, uint64_t *ret_off) MS_MUST_CHECK;

/** Compare what a walk counted with the libc's own counters, and stamp. Errors: NOMEM. */
struct ms_error *ms_glibc_stamp(
	struct ms_alloc *alloc, const struct ms_glibc *libc) MS_MUST_CHECK;
