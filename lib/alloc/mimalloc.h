/**
 * mimalloc: the segments of mimalloc 2, decoded and checked.
 *
 * A *segment* lies at a multiple of its size and begins with its own description: whose
 * it is, and a row per *slice* of 64 KiB. A run of slices is a *page* of blocks of one
 * size, or a *span* that is free. What else there is, lists of free blocks above all,
 * runs through the blocks themselves.
 *
 * Every segment holds its own address xor'ed with a number that is one for the process:
 * its *key*. Equal keys make segments one instance, and the main heap in the library's
 * data has that number as well.
 *
 * Source: include/mimalloc/types.h and src/segment.c of each release.
 */
#pragma once

#include "base/base.h"

enum {
	MS_MI_SLICE = 64 << 10,
	MS_MI_SEGMENT_BYTES = 112 << 10, ///< no layout's description is longer
	MS_MI_ALIGN = 32 << 20,          ///< every segment begins at a multiple of it
};

/** Where the first block of a page lies, if the page does not say so. */
enum ms_mi_start {
	MS_MI_START_128,  ///< 128 bytes into it, for blocks up to 1024 bytes
	MS_MI_START_384,  ///< 384
	MS_MI_START_SIZE, ///< 3 blocks up to 64 bytes, one up to 512
	MS_MI_START_SAID,
};

/** Offsets, in bytes, that hold for a run of releases. */
struct ms_mi_layout {
	const char *name; ///< those releases
	bool is_encoded;  ///< a secure or debug build: its lists cannot be followed
	uint32_t segment; ///< bytes of an ordinary segment
	struct {
		uint16_t abandoned, used, cookie, segment_slices, info_slices, kind,
			entries, thread, slices;
	} at;          ///< in a segment
	uint16_t page; ///< bytes of a page's row
	struct {
		uint8_t used, local, block, start, thread_free, heap;
	} in; ///< a page's row; `start` 0: by `rule`
	enum ms_mi_start rule;
	uint16_t heap_delayed, heap_pages; ///< in a heap; heap_pages 0: not known
};

extern const struct ms_mi_layout ms_mi_layouts[];
extern const size_t ms_mi_layouts_n;

struct ms_mi_segment {
	uint64_t address, size; ///< bytes
	uint64_t key;
	uint64_t thread;  ///< that owns it: address of its control block; 0: none does
	uint64_t used;    ///< pages
	uint32_t entries; ///< rows
	uint32_t info_slices; ///< that hold the description
};

struct ms_mi_page {
	struct ms_range range; ///< its slices
	uint32_t slices;
	bool is_span;                      ///< a free one: nothing below is set
	uint64_t start, block;             ///< the first block, bytes of each
	uint32_t capacity;                 ///< blocks that were carved out so far
	uint32_t reserved;                 ///< that there is room for
	uint32_t used;                     ///< handed out, or freed by another thread
	uint64_t free, local, thread_free; ///< lists: the first block of each, or 0
	uint64_t heap;                     ///< it belongs to; 0: none
};

/**
 * Check that a segment of this layout may begin at an address: what never changes in one
 * agrees with itself.
 *
 * @param bytes  MS_MI_SEGMENT_BYTES from the address on; what is not mapped is zero
 */
bool ms_mi_segment_parse(const struct ms_mi_layout *layout, const uint8_t *bytes,
	uint64_t address, struct ms_mi_segment *ret);

/**
 * Do the rows make up the whole segment, and as many pages as it counts? By chance they
 * never do; in a program that runs they may not for a moment.
 */
bool ms_mi_segment_has_rows(const struct ms_mi_layout *layout, const uint8_t *bytes,
	const struct ms_mi_segment *segment);

/**
 * Decode a row of a segment.
 *
 * @param index  below segment->entries
 * @param row    layout->page bytes
 * @return false if it makes no sense; range and slices are set all the same if slices is
 *         not 0, which means that the row is not the first of a page or span
 */
bool ms_mi_page_parse(const struct ms_mi_layout *layout,
	const struct ms_mi_segment *segment, uint32_t index, const uint8_t *row,
	struct ms_mi_page *ret);

/** Is there a block of the page, among those carved out, at this address? */
bool ms_mi_page_has(const struct ms_mi_page *page, uint64_t block);
