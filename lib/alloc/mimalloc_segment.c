// Segments of mimalloc 2: see mimalloc.h.

#include "alloc/mimalloc.h"

#include "alloc/peek.h"

enum {
	HUGE = 1,        // kind of a segment with one page, of any size
	FAR = 1u << 31,  // stands for sizes that 32 bits do not hold
	SLICE_COUNT = 0, // in a row
	SLICE_OFFSET = 4,
	CAPACITY = 10,
	RESERVED = 12,
	FREE = 16,
	DELAYED = 3,          // low bits of thread_free: a state
	WITHOUT_FIRST = 1024, // larger blocks begin where the page does
	SHORT_FIRST = 64,
	LONG_FIRST = 512,
};

#define SEGMENT_OLD                                                                      \
	{                                                                                \
		296, 312, 320, 328, 336, 344, 360, 352, 368                              \
	}
#define SEGMENT_2                                                                        \
	{                                                                                \
		192, 208, 216, 224, 232, 240, 248, 256, 264                              \
	}
#define SEGMENT_NEW                                                                      \
	{                                                                                \
		200, 216, 224, 248, 256, 264, 272, 280, 288                              \
	}

// A build with encoded lists has two keys more in each row.
const struct ms_mi_layout ms_mi_layouts[] = {
	{ "2.0.9", false, 32 << 20, SEGMENT_2, 80, { 24, 32, 28, 0, 40, 48 },
		MS_MI_START_384, 2840, 3024 },
	{ "2.1.0-2.1.2", false, 32 << 20, SEGMENT_2, 80, { 24, 32, 28, 0, 40, 48 },
		MS_MI_START_SIZE, 2840, 3024 },
	{ "2.1.4-2.1.7", false, 32 << 20, SEGMENT_2, 96, { 32, 24, 40, 48, 56, 64 },
		MS_MI_START_SAID, 8, 192 },
	{ "2.1.8-2.4", false, 32 << 20, SEGMENT_NEW, 96, { 32, 24, 40, 48, 56, 64 },
		MS_MI_START_SAID, 8, 192 },
	{ "2.0.3-2.0.7", false, 64 << 20, SEGMENT_OLD, 80, { 24, 32, 28, 0, 40, 48 },
		MS_MI_START_128, 2840, 0 },
	{ "2.0.3-2.0.7", true, 64 << 20, SEGMENT_OLD, 96, { 40, 48, 44, 0, 56, 64 },
		MS_MI_START_128, 0, 0 },
	{ "2.0.9", true, 32 << 20, SEGMENT_2, 96, { 24, 32, 28, 0, 56, 64 },
		MS_MI_START_384, 0, 0 },
	{ "2.1.0-2.1.2", true, 32 << 20, SEGMENT_2, 96, { 24, 32, 28, 0, 56, 64 },
		MS_MI_START_SIZE, 0, 0 },
	{ "2.1.4-2.1.7", true, 32 << 20, SEGMENT_2, 112, { 32, 24, 40, 48, 72, 80 },
		MS_MI_START_SAID, 0, 0 },
	{ "2.1.8-2.4", true, 32 << 20, SEGMENT_NEW, 112, { 32, 24, 40, 48, 72, 80 },
		MS_MI_START_SAID, 0, 0 },
};
const size_t ms_mi_layouts_n = sizeof(ms_mi_layouts) / sizeof(ms_mi_layouts[0]);

// Newer ones have 16 bits and a byte of something else behind, then a size of 64 bits.
static bool has_wide_size(const struct ms_mi_layout *layout)
{
	return layout->in.start != 0;
}

static uint64_t block_of(const struct ms_mi_layout *layout, const uint8_t *row)
{
	return has_wide_size(layout) ? ms_get_u64(row + layout->in.block)
				     : ms_get_u32(row + layout->in.block);
}

bool ms_mi_segment_has_rows(const struct ms_mi_layout *layout, const uint8_t *bytes,
	const struct ms_mi_segment *segment)
{
	uint64_t pages = 0;
	uint32_t at = 0, slices;
	for (; at < segment->entries; at += slices) {
		const uint8_t *row =
			bytes + layout->at.slices + (size_t)at * layout->page;
		slices = ms_get_u32(row + SLICE_COUNT);
		if (!slices || slices > segment->size / MS_MI_SLICE - at ||
			ms_get_u32(row + SLICE_OFFSET) ||
			(!at && slices != segment->info_slices))
			return false;
		pages += block_of(layout, row) != 0;
	}
	return pages == segment->used + 1 && // the description is a page too
	       ms_get_u64(bytes + layout->at.abandoned) <= segment->used;
}

// Secure builds keep the last slice as a guard.
static bool has_entries(
	const struct ms_mi_layout *layout, uint64_t entries, uint64_t slices)
{
	return entries == slices || (layout->is_encoded && entries + 1 == slices);
}

bool ms_mi_segment_parse(const struct ms_mi_layout *layout, const uint8_t *bytes,
	uint64_t address, struct ms_mi_segment *ret)
{
	uint64_t slices = ms_get_u64(bytes + layout->at.segment_slices), size, end;
	uint64_t entries = ms_get_u64(bytes + layout->at.entries);
	uint64_t info = ms_get_u64(bytes + layout->at.info_slices);
	uint32_t kind = ms_get_u32(bytes + layout->at.kind);
	uint32_t most = layout->segment / MS_MI_SLICE;
	if (address % layout->segment || kind > HUGE ||
		(kind != HUGE && slices != most) ||
		!has_entries(layout, entries, ms_min(slices, most)) || !info ||
		info >= entries || info * MS_MI_SLICE < layout->at.slices ||
		!ms_mul(slices, MS_MI_SLICE, &size) || !ms_add(address, size, &end))
		return false;
	struct ms_mi_segment segment = {
		.address = address,
		.size = size,
		.key = ms_get_u64(bytes + layout->at.cookie) ^ address,
		.thread = ms_get_u64(bytes + layout->at.thread),
		.used = ms_get_u64(bytes + layout->at.used),
		.entries = (uint32_t)entries,
		.info_slices = (uint32_t)info,
	};
	if (segment.used > entries || !segment.key ||
		layout->at.slices + entries * layout->page > MS_MI_SEGMENT_BYTES)
		return false;
	*ret = segment;
	return true;
}

static uint64_t first_block(enum ms_mi_start rule, uint64_t block)
{
	if (rule == MS_MI_START_SIZE)
		return block <= SHORT_FIRST ? 3 * block : block <= LONG_FIRST ? block : 0;
	if (block > WITHOUT_FIRST)
		return 0;
	return rule == MS_MI_START_128 ? 128 : 384;
}

static bool is_sound(const struct ms_mi_page *page)
{
	uint64_t room = page->range.end - page->start;
	return page->start % 8 == 0 && page->block >= 8 && page->block % 8 == 0 &&
	       page->block <= room &&
	       (page->reserved == 1 || page->block <= UINT32_MAX) && page->reserved &&
	       page->reserved == room / page->block && page->capacity &&
	       page->capacity <= page->reserved && page->used <= page->capacity;
}

bool ms_mi_page_parse(const struct ms_mi_layout *layout,
	const struct ms_mi_segment *segment, uint32_t index, const uint8_t *row,
	struct ms_mi_page *ret)
{
	uint64_t low = segment->address + (uint64_t)index * MS_MI_SLICE;
	uint32_t slices = ms_get_u32(row + SLICE_COUNT);
	uint64_t left = segment->size / MS_MI_SLICE - index;
	*ret = (struct ms_mi_page){ 0 };
	if (!slices || slices > left || ms_get_u32(row + SLICE_OFFSET))
		return false;
	ret->range = (struct ms_range){ low, low + (uint64_t)slices * MS_MI_SLICE };
	ret->slices = slices;
	ret->block = block_of(layout, row);
	ret->is_span = !ret->block;
	if (ret->is_span)
		return true;
	ret->start = low + first_block(layout->rule, ret->block);
	if (has_wide_size(layout))
		ret->start = ms_get_u64(row + layout->in.start);
	else if (ret->block >= FAR)
		ret->block = ret->range.end - low;
	ret->capacity = ms_get_u16(row + CAPACITY);
	ret->reserved = ms_get_u16(row + RESERVED);
	ret->used = has_wide_size(layout) ? ms_get_u16(row + layout->in.used)
					  : ms_get_u32(row + layout->in.used);
	ret->free = ms_get_u64(row + FREE);
	ret->local = ms_get_u64(row + layout->in.local);
	ret->thread_free = ms_get_u64(row + layout->in.thread_free) & ~(uint64_t)DELAYED;
	ret->heap = ms_get_u64(row + layout->in.heap);
	return ret->start >= low && ret->start < ret->range.end && is_sound(ret);
}

bool ms_mi_page_has(const struct ms_mi_page *page, uint64_t block)
{
	return block >= page->start && (block - page->start) % page->block == 0 &&
	       (block - page->start) / page->block < page->capacity;
}
