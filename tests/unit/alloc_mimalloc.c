// Segments of mimalloc 2: one of every layout, and one wrong field at a time.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "alloc/mimalloc.h"

#define SEGMENT 0x5cd90000000ull // a multiple of 64 MiB, and so of 32
#define KEY     0x1122334455667788ull

enum {
	BLOCK = 64,
	SLICES_OF_PAGE = 1,
	ROW_OF_PAGE = 2, // two slices of description, then a page, then a free span
	CAPACITY = 100,
	USED = 60,
};

static void put(uint8_t *bytes, size_t at, uint64_t value, size_t n)
{
	memcpy(bytes + at, &value, n);
}

static uint8_t *row_of(const struct ms_mi_layout *layout, uint8_t *bytes, uint32_t index)
{
	return bytes + layout->at.slices + (size_t)index * layout->page;
}

static uint64_t first_of(const struct ms_mi_layout *layout)
{
	uint64_t low = SEGMENT + ROW_OF_PAGE * (uint64_t)MS_MI_SLICE;
	switch (layout->rule) {
	case MS_MI_START_128:
		return low + 128;
	case MS_MI_START_384:
		return low + 384;
	case MS_MI_START_SIZE:
	case MS_MI_START_SAID:
		return low + 3 * BLOCK;
	}
	return 0;
}

static void put_page(const struct ms_mi_layout *layout, uint8_t *row)
{
	uint64_t start = first_of(layout);
	uint64_t end = SEGMENT + (ROW_OF_PAGE + SLICES_OF_PAGE) * (uint64_t)MS_MI_SLICE;
	bool is_wide = layout->rule == MS_MI_START_SAID;
	put(row, 0, SLICES_OF_PAGE, 4);
	put(row, 10, CAPACITY, 2);
	put(row, 12, (end - start) / BLOCK, 2);
	put(row, 16, start + BLOCK, 8);
	put(row, layout->in.used, USED, is_wide ? 2 : 4);
	put(row, layout->in.block, BLOCK, is_wide ? 8 : 4);
	put(row, layout->in.local, start + 2 * BLOCK, 8);
	put(row, layout->in.thread_free, (start + 3 * BLOCK) | 2, 8);
	put(row, layout->in.heap, SEGMENT + 0x123450, 8);
	if (is_wide)
		put(row, layout->in.start, start, 8);
}

static void fill(const struct ms_mi_layout *layout, uint8_t *bytes)
{
	uint32_t all = layout->segment / MS_MI_SLICE;
	uint32_t rest = all - ROW_OF_PAGE - SLICES_OF_PAGE;
	memset(bytes, 0, MS_MI_SEGMENT_BYTES);
	put(bytes, layout->at.used, 1, 8);
	put(bytes, layout->at.cookie, SEGMENT ^ KEY, 8);
	put(bytes, layout->at.segment_slices, all, 8);
	put(bytes, layout->at.info_slices, ROW_OF_PAGE, 8);
	put(bytes, layout->at.entries, all, 8);
	put(bytes, layout->at.thread, 0x7f0000001740, 8);
	put(row_of(layout, bytes, 0), 0, ROW_OF_PAGE, 4);
	put(row_of(layout, bytes, 0), layout->in.block, ROW_OF_PAGE * MS_MI_SLICE, 4);
	put_page(layout, row_of(layout, bytes, ROW_OF_PAGE));
	put(row_of(layout, bytes, ROW_OF_PAGE + SLICES_OF_PAGE), 0, rest, 4);
}

static void reads_each_layout(void **state)
{
	uint8_t *bytes = *state;
	for (size_t i = 0; i < ms_mi_layouts_n; i++) {
		const struct ms_mi_layout *layout = &ms_mi_layouts[i];
		struct ms_mi_segment segment;
		struct ms_mi_page page;
		fill(layout, bytes);
		assert_true(ms_mi_segment_parse(layout, bytes, SEGMENT, &segment));
		assert_true(ms_mi_segment_has_rows(layout, bytes, &segment));
		assert_int_equal(segment.size, layout->segment);
		assert_int_equal(segment.key, KEY);
		assert_int_equal(segment.thread, 0x7f0000001740);
		assert_true(ms_mi_page_parse(layout, &segment, ROW_OF_PAGE,
			row_of(layout, bytes, ROW_OF_PAGE), &page));
		assert_int_equal(page.start, first_of(layout));
		assert_int_equal(page.block, BLOCK);
		assert_int_equal(page.capacity, CAPACITY);
		assert_int_equal(page.used, USED);
		assert_int_equal(page.free, page.start + BLOCK);
		assert_int_equal(page.local, page.start + 2 * BLOCK);
		assert_int_equal(page.thread_free, page.start + 3 * BLOCK);
		assert_int_equal(page.heap, SEGMENT + 0x123450);
		assert_true(ms_mi_page_parse(layout, &segment, ROW_OF_PAGE + 1,
			row_of(layout, bytes, ROW_OF_PAGE + 1), &page));
		assert_true(page.is_span);
		assert_int_equal(page.range.end, SEGMENT + layout->segment);
	}
}

// Lists that run through blocks stay among those of their page that were carved out.
static void knows_its_blocks(void **state)
{
	(void)state;
	struct ms_mi_page page = { .start = SEGMENT + 384, .block = 48, .capacity = 10 };
	assert_true(ms_mi_page_has(&page, page.start));
	assert_true(ms_mi_page_has(&page, page.start + 9 * 48));
	assert_false(ms_mi_page_has(&page, page.start + 10 * 48));
	assert_false(ms_mi_page_has(&page, page.start - 48));
	assert_false(ms_mi_page_has(&page, page.start + 8));
	assert_false(ms_mi_page_has(&page, 0));
	assert_false(ms_mi_page_has(&page, UINT64_MAX));
}

static void refuses_one_wrong_field(void **state)
{
	uint8_t *bytes = *state;
	const struct ms_mi_layout *layout = &ms_mi_layouts[0];
	const struct {
		size_t at;
		uint64_t value;
	} wrong[] = {
		{ layout->at.cookie, SEGMENT }, // no key
		{ layout->at.segment_slices, 511 },
		{ layout->at.segment_slices, UINT64_MAX },
		{ layout->at.info_slices, 0 },
		{ layout->at.info_slices, 512 },
		{ layout->at.kind, 2 },
		{ layout->at.entries, 513 },
		{ layout->at.used, 513 },
	};
	struct ms_mi_segment segment;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		fill(layout, bytes);
		put(bytes, wrong[i].at, wrong[i].value, 8);
		assert_false(ms_mi_segment_parse(layout, bytes, SEGMENT, &segment));
	}
	fill(layout, bytes);
	assert_false(ms_mi_segment_parse(layout, bytes, SEGMENT + 4096, &segment));
}

static void refuses_rows_that_do_not_add_up(void **state)
{
	uint8_t *bytes = *state;
	const struct ms_mi_layout *layout = &ms_mi_layouts[0];
	static const struct {
		uint32_t row;
		size_t at;
		uint32_t value;
	} wrong[] = {
		{ 0, 0, 1 }, // less than the description takes
		{ 2, 0, 0 },
		{ 2, 0, 2 }, // the next row is the middle of a span
		{ 2, 4, 80 },
		{ 2, 28, 0 }, // one page less than counted
		{ 3, 0, 510 },
		{ 3, 0, UINT32_MAX },
		{ 3, 28, 64 },
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct ms_mi_segment segment;
		fill(layout, bytes);
		put(row_of(layout, bytes, wrong[i].row), wrong[i].at, wrong[i].value, 4);
		assert_true(ms_mi_segment_parse(layout, bytes, SEGMENT, &segment));
		assert_false(ms_mi_segment_has_rows(layout, bytes, &segment));
	}
}

static void refuses_pages_that_contradict_themselves(void **state)
{
	uint8_t *bytes = *state;
	static const struct {
		size_t at, n;
		uint32_t value;
	} wrong[] = {
		{ 0, 4, 0 },     // not the first row of a page
		{ 0, 4, 511 },   // more than is left
		{ 10, 2, 0 },    // nothing carved out
		{ 10, 2, 5000 }, // more than there is room for
		{ 12, 2, 17 },   // less than there is room for
		{ 24, 4, CAPACITY + 1 },
		{ 28, 4, 4 },
		{ 28, 4, 60 },
		{ 28, 4, 1 << 20 },
	};
	const struct ms_mi_layout *layout = &ms_mi_layouts[0];
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct ms_mi_segment segment;
		struct ms_mi_page page;
		fill(layout, bytes);
		assert_true(ms_mi_segment_parse(layout, bytes, SEGMENT, &segment));
		put(row_of(layout, bytes, ROW_OF_PAGE), wrong[i].at, wrong[i].value,
			wrong[i].n);
		assert_false(ms_mi_page_parse(layout, &segment, ROW_OF_PAGE,
			row_of(layout, bytes, ROW_OF_PAGE), &page));
	}
}

static int make_bytes(void **state)
{
	*state = malloc(MS_MI_SEGMENT_BYTES);
	return *state ? 0 : -1;
}

static int free_bytes(void **state)
{
	free(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_each_layout),
		cmocka_unit_test(knows_its_blocks),
		cmocka_unit_test(refuses_one_wrong_field),
		cmocka_unit_test(refuses_rows_that_do_not_add_up),
		cmocka_unit_test(refuses_pages_that_contradict_themselves),
	};
	return cmocka_run_group_tests(tests, make_bytes, free_bytes);
}
