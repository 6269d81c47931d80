/**
 * jemalloc: its books as they lie in memory (5.2 to 5.3, 4 KiB pages).
 *
 * Every page jemalloc manages has an entry in a tree of tables. Built for 48-bit addresses
 * it has two levels: 2^18 pointers in the library's .bss, one per GiB, each to a leaf of
 * 2^18 words, one per page. Built on a machine with 57-bit addresses it has three levels
 * of 2^15, with two words in a leaf's entry, whatever the machine it runs on. An entry
 * holds the address of an extent's descriptor, its size class, and whether it is a slab.
 * The descriptor says where the extent lies, whose it is, and in which state; a slab's
 * has a bitmap of its free slots.
 *
 * Nothing is found by name: the tree is known by its words, its descriptors and the
 * addresses that lead to both agreeing with each other.
 *
 * Source: jemalloc 5.2.1, 5.3.0, 5.3.1: include/jemalloc/internal/{rtree,edata,
 * extent_structs,sc,tcache_structs,cache_bin,base}.h.
 */
#pragma once

#include "alloc/alloc_internal.h"
#include "alloc/words.h"

enum ms_jemalloc_layout {
	MS_JEMALLOC_5_2,
	MS_JEMALLOC_5_3,
	MS_JEMALLOC_LAYOUTS,
};

enum {
	MS_JEMALLOC_PAGE = 12, ///< address bits below a leaf's
	MS_JEMALLOC_TREES = 2,
	MS_JEMALLOC_SMALL = 36,         ///< size classes of slabs: 0 to 35
	MS_JEMALLOC_CLASSES = 232,      ///< all size classes; 232 is "none"
	MS_JEMALLOC_ARENAS = 4095,      ///< one more is "none"
	MS_JEMALLOC_SLOTS = 512,        ///< at most, of a slab
	MS_JEMALLOC_EXTENT_BYTES = 128, ///< of a descriptor
	MS_JEMALLOC_BLOCK = 2 << 20,    ///< blocks of metadata are multiples of it
};

enum ms_jemalloc_state {
	MS_JEMALLOC_ACTIVE,
	MS_JEMALLOC_DIRTY,
	MS_JEMALLOC_MUZZY,
	MS_JEMALLOC_RETAINED, ///< later ones are passed through within one operation
};

/** The shape of a tree of pages. */
struct ms_jemalloc_tree {
	const char *suffix; ///< of the layout's name
	unsigned levels;    ///< 2 or 3
	unsigned bits;      ///< of an address, per level
	unsigned words;     ///< in an entry of a leaf; 1 elsewhere
};

extern const struct ms_jemalloc_tree ms_jemalloc_trees[MS_JEMALLOC_TREES];

/** Address bits below those a table of this level tells apart; the root is level 0. */
static inline unsigned ms_jemalloc_shift(
	const struct ms_jemalloc_tree *tree, unsigned level)
{
	return MS_JEMALLOC_PAGE + tree->bits * (tree->levels - 1 - level);
}

/** Bytes of a table of this level. */
static inline uint64_t ms_jemalloc_table(
	const struct ms_jemalloc_tree *tree, unsigned level)
{
	return (uint64_t)(level == tree->levels - 1 ? tree->words : 1) * 8 << tree->bits;
}

/** A leaf's entry, taken apart. */
struct ms_jemalloc_page {
	uint64_t extent; ///< address of the descriptor
	unsigned size_class;
	unsigned state; ///< 5.3 only
	bool is_slab;
};

/** An extent's descriptor, taken apart and checked by itself. */
struct ms_jemalloc_extent {
	struct ms_range range; ///< whole pages
	uint64_t memory;       ///< a large block begins within the first page
	unsigned arena;
	unsigned size_class;
	unsigned state;
	unsigned free; ///< slots
	bool is_slab;
	bool is_huge; ///< cut from a huge page by the allocator for those (5.3)
	uint64_t bitmap[MS_JEMALLOC_SLOTS / 64]; ///< of a slab: bit 1 is a free slot
};

/** Bytes of size class 0 to MS_JEMALLOC_CLASSES - 1; 0 beyond. */
uint64_t ms_jemalloc_class_size(unsigned size_class);

/** Take a leaf's entry apart: as many words as the tree says. */
struct ms_jemalloc_page ms_jemalloc_page(const uint64_t *entry,
	const struct ms_jemalloc_tree *tree, enum ms_jemalloc_layout layout);

/** Take a descriptor apart; false if a field is out of range. */
bool ms_jemalloc_extent_parse(const uint8_t bytes[MS_JEMALLOC_EXTENT_BYTES],
	enum ms_jemalloc_layout layout, struct ms_jemalloc_extent *ret);

/** Do a page's entry and the descriptor it leads to say the same? */
bool ms_jemalloc_agree(const struct ms_jemalloc_page *page, uint64_t address,
	const struct ms_jemalloc_extent *extent, enum ms_jemalloc_layout layout);

/** Slots of a slab. */
unsigned ms_jemalloc_slots(const struct ms_jemalloc_extent *slab);

/** Free slots by the bitmap. */
unsigned ms_jemalloc_count_free(const struct ms_jemalloc_extent *slab);

/** Where a tree begins, and how it is built. */
struct ms_jemalloc_root {
	uint64_t address;
	const struct ms_jemalloc_tree *tree;
	enum ms_jemalloc_layout layout; ///< of the descriptors
};

/** A block of an arena's metadata. */
struct ms_jemalloc_block {
	struct ms_range range;
	uint32_t arena; ///< row in ms_alloc.arenas
	bool is_oldest; ///< of its arena: holds the arena's descriptor
};

/** What was walked of an arena's slabs, by class. */
struct ms_jemalloc_tally {
	uint64_t slots[MS_JEMALLOC_SMALL]; ///< in use
	uint64_t slabs[MS_JEMALLOC_SMALL];
};

/** One jemalloc in the target, while its books are read. */
struct ms_jemalloc {
	struct ms_alloc_find *find;
	const struct ms_module *module;
	struct ms_jemalloc_root root;
	struct ms_words *words;
	uint32_t instance;
	uint32_t arena_rows[MS_JEMALLOC_ARENAS]; ///< row in ms_alloc.arenas plus 1
	size_t first, end; ///< the tree's extents in ms_alloc_private.extents, ascending
	MS_ARRAY(struct ms_jemalloc_block) blocks;
	struct ms_ranges places;    ///< of descriptors and tables, rounded to 2 MiB
	size_t large, large_padded; ///< large extents, and those with a pad page
	uint32_t first_arena;       ///< row of the first; the others follow
	MS_ARRAY(struct ms_jemalloc_tally) tallies; ///< by row less first_arena
	uint64_t off;                               ///< bytes that did not add up
	bool is_incomplete;                         ///< metadata that could not be read
	bool has_huge, has_no_room;
	size_t caches, caches_torn; ///< threads' caches that were read, not wholly
	const char *doubt; ///< first thing that keeps it from being exact, or NULL
};

/**
 * Look for the tree's root in a module's data.
 *
 * @param ret  its address is 0: there is none
 * Errors: NOMEM, GONE, CANCELLED.
 * Cost: one pass over the data that is resident.
 */
struct ms_error *ms_jemalloc_find_root(struct ms_alloc_find *find,
	const struct ms_module *module, struct ms_jemalloc_root *ret) MS_MUST_CHECK;

/** Add every extent of the tree, with its arenas and free slots. Errors: NOMEM, GONE,
 * CANCELLED. */
struct ms_error *ms_jemalloc_read_tree(struct ms_jemalloc *je) MS_MUST_CHECK;

/** The row of an arena, made on first use; false if there is no room for it. Errors:
 * NOMEM. */
struct ms_error *ms_jemalloc_arena(struct ms_jemalloc *je, unsigned number, bool *ret_ok,
	uint32_t *ret) MS_MUST_CHECK;

/** The extent of the tree that holds an address, or NULL. */
const struct ms_extent *ms_jemalloc_extent_at(
	const struct ms_jemalloc *je, uint64_t address);

/** Find and add the blocks of metadata; after the tree. Errors: NOMEM, CANCELLED. */
struct ms_error *ms_jemalloc_read_base(struct ms_jemalloc *je) MS_MUST_CHECK;

/** The block of metadata that holds an address, or NULL. */
const struct ms_jemalloc_block *ms_jemalloc_block_at(
	const struct ms_jemalloc *je, uint64_t address);

/**
 * Find threads' caches and mark what they hold; after the metadata.
 *
 * What is in a cache of a thread that is not found stays live. Errors: NOMEM.
 */
struct ms_error *ms_jemalloc_read_caches(struct ms_jemalloc *je) MS_MUST_CHECK;

/** Compare with the arenas' own counters, where they are found; after the metadata.
 * Errors: NOMEM, GONE, CANCELLED. */
struct ms_error *ms_jemalloc_check_bins(struct ms_jemalloc *je) MS_MUST_CHECK;
