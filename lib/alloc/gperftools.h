/**
 * gperftools' tcmalloc: its books as they lie in memory (2.8 to 2.18, 48-bit addresses).
 *
 * Memory is cut into spans of whole pages (8 KiB unless built otherwise). A table of two
 * levels in the library's .bss leads from a page to its span's descriptor: for the first
 * and last page of a span, and for all pages of one that is cut into objects. Entries of
 * pages inside a merged span are left behind as they were.
 *
 * Objects that are not live are on plain linked lists through their first words: those of
 * a span (free), those of a class's transfer cache, and those of each thread's cache.
 *
 * Nothing is found by name: the table is known by spans that lead back to it, the sizes
 * by their order, caches by the sizes they repeat.
 *
 * Source: gperftools 2.8.1, 2.10, 2.16, 2.18.1: src/{pagemap,span,page_heap,common,
 * central_freelist,thread_cache}.h.
 */
#pragma once

#include "alloc/alloc_internal.h"
#include "alloc/words.h"

enum {
	MS_GPERF_ADDRESS = 48, ///< bits
	MS_GPERF_SPAN_BYTES = 48,
	MS_GPERF_CLASSES = 128, ///< at most
};

enum ms_gperf_location {
	MS_GPERF_IN_USE,
	MS_GPERF_FREE,
	MS_GPERF_RETURNED, ///< its pages were given back to the kernel
};

/** A span's descriptor, taken apart and checked by itself. */
struct ms_gperf_span {
	struct ms_range range;
	uint64_t pages;
	uint64_t objects;    ///< first of its free ones
	unsigned used;       ///< objects that were handed out, cached ones among them
	unsigned size_class; ///< 0: one block
	enum ms_gperf_location location;
};

/** What each size class is. Class 0 is not used. */
struct ms_gperf_classes {
	unsigned n;
	uint32_t size[MS_GPERF_CLASSES];  ///< bytes of an object
	uint32_t batch[MS_GPERF_CLASSES]; ///< objects that move together
	uint64_t pages[MS_GPERF_CLASSES]; ///< of a span
};

/** Where the table of pages begins. */
struct ms_gperf_root {
	uint64_t address; ///< 0: there is none
	unsigned page_shift;
};

/** Bits of a page's number that pick an entry of a second-level table. */
static inline uint64_t ms_gperf_leaf_bits(unsigned page_shift)
{
	return (MS_GPERF_ADDRESS - page_shift + 1) / 2;
}

/** Bits that pick an entry of the first level. */
static inline uint64_t ms_gperf_root_bits(unsigned page_shift)
{
	return MS_GPERF_ADDRESS - page_shift - ms_gperf_leaf_bits(page_shift);
}

/** Take a descriptor apart; false if a field is out of range. */
bool ms_gperf_span_parse(const uint8_t bytes[MS_GPERF_SPAN_BYTES], unsigned page_shift,
	struct ms_gperf_span *ret);

/**
 * The page of a span that entry `index` of some second-level table stands for; false if it
 * has none of that index (the entry is a left-over), or several.
 */
bool ms_gperf_span_page(const struct ms_gperf_span *span, unsigned page_shift,
	uint64_t index, uint64_t *ret);

/**
 * Take the three tables of sizes apart; false if it is something else.
 *
 * @param batch, size  MS_GPERF_CLASSES numbers each
 * @param pages        as many
 */
bool ms_gperf_classes_parse(const uint32_t *batch, const uint32_t *size,
	const uint64_t *pages, struct ms_gperf_classes *ret);

/** One tcmalloc in the target, while its books are read. */
struct ms_gperf {
	struct ms_alloc_find *find;
	const struct ms_module *module;
	struct ms_gperf_root root;
	struct ms_gperf_classes classes;
	struct ms_words *words;
	uint32_t instance;
	uint32_t arena;
	size_t first, end; ///< its spans in ms_alloc_private.extents, ascending
	uint64_t in_use, free, returned;  ///< bytes of spans
	uint64_t spans[MS_GPERF_CLASSES]; ///< of each class
	uint64_t off;                     ///< bytes that did not add up
	bool is_incomplete;               ///< metadata that could not be read
	bool has_no_room;
	size_t caches;     ///< of threads
	const char *doubt; ///< first thing that keeps it from being exact, or NULL
};

/** Objects of one list. */
struct ms_gperf_list {
	uint64_t first;
	uint64_t last; ///< ends the list; 0: none does but `most`
	uint64_t most; ///< objects
	unsigned size_class;
	uint32_t thread; ///< whose cache it is: index in ms_alloc.threads; UINT32_MAX
	enum ms_alloc_state state;
};

/**
 * Look for the table of pages in a module's data.
 *
 * Errors: NOMEM, GONE, CANCELLED.
 * Cost: one pass over the data that is resident.
 */
struct ms_error *ms_gperf_find_root(struct ms_alloc_find *find,
	const struct ms_module *module, struct ms_gperf_root *ret) MS_MUST_CHECK;

/** Look for the tables of sizes; classes.n stays 0 without. Errors: as above. */
struct ms_error *ms_gperf_find_classes(struct ms_gperf *tc) MS_MUST_CHECK;

/** Add every span, with its free objects. Errors: NOMEM, GONE, CANCELLED. */
struct ms_error *ms_gperf_read_spans(struct ms_gperf *tc) MS_MUST_CHECK;

/** Mark the objects of a list; how many there were. Errors: NOMEM. */
struct ms_error *ms_gperf_mark_list(struct ms_gperf *tc, const struct ms_gperf_list *list,
	uint64_t *ret_n) MS_MUST_CHECK;

/**
 * Find the central lists, mark what their transfer caches hold, and compare the number of
 * spans that each class counts with those that were found.
 *
 * Errors: NOMEM, GONE, CANCELLED.
 */
struct ms_error *ms_gperf_read_central(struct ms_gperf *tc) MS_MUST_CHECK;

/** Find the threads' caches and mark what they hold. Errors: NOMEM, GONE, CANCELLED. */
struct ms_error *ms_gperf_read_caches(struct ms_gperf *tc) MS_MUST_CHECK;

/** Compare with the page heap's own counters. */
void ms_gperf_check_heap(struct ms_gperf *tc);
