/**
 * alloc - malloc implementations: their heaps, and every block in them, live or free.
 *
 *     err = ms_alloc_find(target, threads, cancel, &alloc);   // roots, arenas, regions
 *     err = ms_alloc_walk(alloc, workers, on_blocks, arg);    // every block
 *
 * Nothing of a target is called or stopped, and no symbol is needed: each allocator's
 * own books are found in its library's data, and every number in them is checked before
 * it is used.
 *
 * Words. An *instance* is one allocator at work in the target: a libc, or a library that
 * took malloc over. An *arena* is a part of it with books of its own. A *region* is a
 * stretch of addresses that one arena manages. A *block* is one allocation or one free
 * piece; the blocks of a region tile it.
 *
 * Each instance carries a stamp: `exact` if what was walked equals the allocator's own
 * counters, else `structural` with the bytes that did not add up. The regions of an
 * allocator that is only recognised are whole: what is theirs is known, not the blocks.
 *
 * Bounds. Whatever a target holds, at most MS_ALLOC_ARENAS_MAX arenas,
 * MS_ALLOC_REGIONS_MAX regions and MS_ALLOC_EXTENTS_MAX extents are followed, and no list further than its own counter or
 * a fixed number of steps.
 */
#pragma once

#include "ledger/reader.h"
#include "target/target.h"

enum {
	MS_ALLOC_ARENAS_MAX = 1 << 16,
	MS_ALLOC_REGIONS_MAX = 1 << 20,
	MS_ALLOC_EXTENTS_MAX = 1 << 24,
};

/** What a block is to its allocator. */
#define MS_ALLOC_STATES(X)                                                               \
	X(LIVE, "live", "handed out to the program")                                     \
	X(FREE, "free", "freed, in a bin or a free slot of a slab")                      \
	X(FAST, "fast", "freed into glibc's fast bins, not yet joined with neighbours")  \
	X(CACHED, "cached", "freed, kept ready for one thread")                          \
	X(TOP, "top", "the unused end of a heap")                                        \
	X(DIRTY, "dirty", "pages without blocks, kept as they were")                     \
	X(MUZZY, "muzzy", "pages without blocks, given back lazily")                     \
	X(RETAINED, "retained", "address space kept without pages")                      \
	X(OVERHEAD, "overhead", "the allocator's own: descriptors, fenceposts, slack")   \
	X(FOREIGN, "foreign", "inside a heap but not the allocator's: others' sbrk")     \
	X(TORN, "torn", "not understood: damaged, or changed while it was read")

enum ms_alloc_state {
#define X(id, name, help) MS_ALLOC_##id,
	MS_ALLOC_STATES(X)
#undef X
	MS_ALLOC_STATE_COUNT,
};

/** The state's name as in MS_ALLOC_STATES; "?" for a number that is none. */
const char *ms_alloc_state_name(enum ms_alloc_state state);

/** One block as the iterator gives it. */
struct ms_alloc_block {
	struct ms_range range; ///< with its header
	uint64_t memory;       ///< what malloc returned, or would return
	uint64_t usable;       ///< bytes the program may use (malloc_usable_size)
	uint32_t arena;        ///< index in ms_alloc.arenas
	/// Cached: index in ms_alloc.threads of the thread it is kept for, else UINT32_MAX; so
	/// too where that is not known.
	uint32_t thread;
	enum ms_alloc_state state;
};

/** Blocks of one state together. */
struct ms_alloc_count {
	uint64_t blocks;
	uint64_t bytes;  ///< of their ranges, headers included
	uint64_t usable; ///< bytes
};

struct ms_alloc_arena {
	uint32_t instance; ///< index in ms_alloc.instances
	uint32_t number;   ///< within the instance, 0 is the first
	uint64_t address;  ///< of its descriptor; 0 where there is none
	bool is_main;      ///< glibc's main arena
	bool is_mmapped;   ///< glibc: no arena, but all blocks with mappings of their own
	bool is_locked;    ///< its lock was held when it was read
	bool is_contiguous; ///< glibc: grows by brk
	uint64_t threads;   ///< attached, by its own counter; 0 where it has none
	uint64_t system;    ///< bytes it has from the kernel, by its own counter
	uint64_t peak;      ///< the most it ever had, by its own counter; 0: none kept
	struct ms_alloc_count count[MS_ALLOC_STATE_COUNT]; ///< filled by a walk
	uint64_t reclaimable; ///< resident bytes that malloc_trim or a purge returns now
	uint64_t
		free_resident; ///< resident bytes of free blocks; what is not reclaimable
			       ///< of them is pinned by neighbours
	uint64_t odd;          ///< bytes of blocks whose neighbours contradict them
	uint64_t links; ///< glibc: over the links between free blocks; for the stamp
	uint64_t off;   ///< bytes that do not add up with its own counters
};

struct ms_alloc_instance {
	const char *allocator; ///< last segment of its owners: "glibc", "jemalloc", ...
	char layout[32];       ///< which layout fits, as people call it: "2.27-2.42"
	struct ms_bytes path;  ///< file it lives in; bytes of the target, may be empty
	bool is_walked; ///< its blocks can be walked; else only its mappings are known
	enum ms_grade grade; ///< the stamp
	uint64_t off;        ///< bytes that did not add up; 0 if exact
	char reason[120];    ///< why it is not exact, or not walked; empty if exact
	uint64_t mmapped_blocks, mmapped_bytes; ///< glibc: by its own counters
};

/** What malloc keeps for one thread. */
struct ms_alloc_thread {
	uint64_t tid;
	uint32_t instance;
	uint32_t arena;         ///< UINT32_MAX: not attached to one, or not known
	uint64_t cache;         ///< address of its cache's descriptor; 0: none
	uint64_t cached_blocks; ///< by the cache's own counters
	uint64_t cached_bytes;
};

/** A stretch one arena manages. */
struct ms_alloc_region {
	struct ms_range range;
	uint32_t arena;
	uint32_t instance;
	bool is_slabs;   ///< blocks come from the allocator's tables, not from headers
	bool is_mmapped; ///< glibc: one block with a mapping of its own
	uint64_t memory; ///< is_mmapped: what malloc returned
	bool has_top;    ///< glibc: it ends in its arena's top chunk
	const struct ms_blocks *blocks; ///< in a survey: its table, borrowed; else NULL
	bool is_whole; ///< its blocks are not known; its arena may be UINT32_MAX
};

enum {
	MS_ALLOC_CLASSED =
		MS_ALLOC_CACHED + 1, ///< the first states: those of single blocks
};

/**
 * All blocks of one size, whatever their arena. A target with very many sizes has those
 * above 16 KiB rounded up to an eighth of a power of two.
 */
struct ms_alloc_size {
	uint64_t size; ///< bytes of a block, header included
	uint32_t instance;
	uint64_t blocks[MS_ALLOC_CLASSED]; ///< by state
	uint64_t bytes[MS_ALLOC_CLASSED];
};

/** What malloc holds in a target; made by ms_alloc_find(). */
struct ms_alloc {
	MS_ARRAY(struct ms_alloc_instance) instances;
	MS_ARRAY(struct ms_alloc_arena) arenas;
	MS_ARRAY(struct ms_alloc_region) regions; ///< ascending, disjoint
	MS_ARRAY(struct ms_alloc_thread) threads;
	MS_ARRAY(struct ms_alloc_size)
	sizes; ///< after a walk: ascending by instance, size
	struct ms_alloc_private *private;
};

/**
 * Find the allocators of a target, their arenas and regions.
 *
 * @param target   borrowed for the result's life
 * @param threads  made before (threads.h); may be NULL: then nothing is known by thread
 * Errors: NOMEM, GONE, CANCELLED. An allocator that cannot be read is not an error: it is
 *         missing, or recognised only, and says why.
 * Cost: the data of libraries that hold an allocator, and a few pages per arena;
 *       milliseconds. jemalloc, tcmalloc, mimalloc and musl: also their metadata.
 */
struct ms_error *ms_alloc_find(struct ms_target *target,
	const struct ms_thread_table *threads, const struct ms_cancel *cancel,
	struct ms_alloc **ret) MS_MUST_CHECK;

/** Free; NULL is fine. */
void ms_alloc_free(struct ms_alloc *alloc);

/**
 * Called with blocks of one region, ascending; regions by several workers at once.
 *
 * @param v  n blocks, valid during the call
 * Errors: any; ends the walk.
 */
typedef struct ms_error *(*ms_alloc_blocks_fn)(
	void *arg, unsigned worker, const struct ms_alloc_block *v, size_t n);

/**
 * Visit every block of every region, and fill counts, sizes and stamps.
 *
 * @param workers  threads to use; 0: one per processor
 * @param fn       may be NULL: only the figures are wanted
 * Errors: GONE, CANCELLED, NOMEM, fn's.
 * Cost: about 0.5 s per GiB of glibc heap and thread; the others' blocks cost no reading.
 *       Memory: a window of 1 MiB per worker, no index.
 */
struct ms_error *ms_alloc_walk(struct ms_alloc *alloc, unsigned workers,
	ms_alloc_blocks_fn fn, void *arg) MS_MUST_CHECK;

/**
 * What the program has of a block of a survey's table: from what malloc returned to the end
 * of what may be used. glibc's headers are left out; others have none. Pure.
 */
struct ms_range ms_alloc_memory_of(const struct ms_alloc *alloc,
	const struct ms_alloc_region *region, struct ms_range block);

/**
 * The region that holds an address and its block there; false if there is none whose blocks
 * are known. Cost: logarithmic.
 */
bool ms_alloc_block_at(const struct ms_alloc *alloc, uint64_t address,
	const struct ms_alloc_region **ret_region, struct ms_block *ret);

/**
 * The reader of a survey: finds, walks in the pass, claims, and leaves the result in
 * ms_reading.alloc, which the survey owns.
 *
 * Where no allocator's books were found, heaps are claimed by their shape alone (shape.h).
 */
extern const struct ms_reader ms_alloc_reader;

MS_DEFINE_CLEANUP(struct ms_alloc *, ms_alloc_free);
#define _cleanup_alloc_ _cleanup_(cleanup_ms_alloc_free)
