// jemalloc's words and descriptors: right ones of each layout, and one wrong field at a
// time.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include "alloc/jemalloc.h"

#define EXTENT  0x7f1234567880ull
#define ADDRESS 0x7f1200003000ull

static const struct ms_jemalloc_tree *const packed = &ms_jemalloc_trees[0];
static const struct ms_jemalloc_tree *const wide = &ms_jemalloc_trees[1];

static void put(uint8_t *bytes, size_t at, uint64_t value)
{
	memcpy(bytes + at, &value, sizeof(value));
}

static void knows_size_classes(void **state)
{
	(void)state;
	static const struct {
		unsigned size_class;
		uint64_t size;
	} table[] = { { 0, 8 }, { 1, 16 }, { 8, 128 }, { 9, 160 }, { 12, 256 },
		{ 13, 320 }, { 24, 2048 }, { 35, 14336 }, { 36, 16384 }, { 39, 28672 },
		{ 40, 32768 }, { 231, 0x7000000000000000 }, { 232, 0 }, { 4095, 0 } };
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_int_equal(
			ms_jemalloc_class_size(table[i].size_class), table[i].size);
	for (unsigned c = 1; c < MS_JEMALLOC_CLASSES; c++)
		assert_true(ms_jemalloc_class_size(c) > ms_jemalloc_class_size(c - 1));
}

static void takes_entries_apart(void **state)
{
	(void)state;
	static const struct {
		unsigned tree; // in ms_jemalloc_trees
		enum ms_jemalloc_layout layout;
		uint64_t entry[2];
		struct ms_jemalloc_page page;
	} table[] = {
		{ 0, MS_JEMALLOC_5_3, { 14ull << 48 | EXTENT | 3 },
			{ EXTENT, 14, MS_JEMALLOC_ACTIVE, true } },
		{ 0, MS_JEMALLOC_5_3, { 232ull << 48 | EXTENT | 1 << 2 },
			{ EXTENT, 232, MS_JEMALLOC_DIRTY, false } },
		{ 0, MS_JEMALLOC_5_2, { 36ull << 48 | EXTENT | 0x40 },
			{ EXTENT | 0x40, 36, 0, false } },
		{ 0, MS_JEMALLOC_5_2, { EXTENT | 1 }, { EXTENT, 0, 0, true } },
		{ 1, MS_JEMALLOC_5_3, { EXTENT, 14 << 5 | 1 },
			{ EXTENT, 14, MS_JEMALLOC_ACTIVE, true } },
		{ 1, MS_JEMALLOC_5_3, { EXTENT, 232 << 5 | 3 << 2 | 2 },
			{ EXTENT, 232, MS_JEMALLOC_RETAINED, false } },
		{ 1, MS_JEMALLOC_5_2, { EXTENT, 1ull << 32 | 9 },
			{ EXTENT, 9, 0, true } },
	};
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct ms_jemalloc_page page = ms_jemalloc_page(table[i].entry,
			&ms_jemalloc_trees[table[i].tree], table[i].layout);
		assert_int_equal(page.extent, table[i].page.extent);
		assert_int_equal(page.size_class, table[i].page.size_class);
		assert_int_equal(page.state, table[i].page.state);
		assert_int_equal(page.is_slab, table[i].page.is_slab);
	}
}

static void has_tables_of_the_right_size(void **state)
{
	(void)state;
	assert_int_equal(ms_jemalloc_shift(packed, 0), 30);
	assert_int_equal(ms_jemalloc_shift(packed, 1), 12);
	assert_int_equal(ms_jemalloc_table(packed, 0), 2 << 20);
	assert_int_equal(ms_jemalloc_table(packed, 1), 2 << 20);
	assert_int_equal(ms_jemalloc_shift(wide, 0), 42);
	assert_int_equal(ms_jemalloc_shift(wide, 1), 27);
	assert_int_equal(ms_jemalloc_table(wide, 0), 256 << 10);
	assert_int_equal(ms_jemalloc_table(wide, 2), 512 << 10);
}

// A slab of 16 KiB with 51 slots of 320 bytes, 3 of them free, in either layout.
static void make_slab(uint8_t bytes[MS_JEMALLOC_EXTENT_BYTES], enum ms_jemalloc_layout l)
{
	unsigned size_class = l == MS_JEMALLOC_5_2 ? 18 : 20;
	memset(bytes, 0, MS_JEMALLOC_EXTENT_BYTES);
	put(bytes, 0,
		3ull | 1ull << 12 | 1ull << 13 | 13ull << size_class |
			3ull << (size_class + 8));
	put(bytes, 8, ADDRESS);
	put(bytes, 16, 0x4000 | 0x123); // a serial number in the low bits
	put(bytes, 64,
		1ull << 50 | 1ull << 49 | 1 | 0xfull << 60); // behind slot 50: stale
}

static void reads_slabs_of_each_layout(void **state)
{
	(void)state;
	for (unsigned l = 0; l < MS_JEMALLOC_LAYOUTS; l++) {
		uint8_t bytes[MS_JEMALLOC_EXTENT_BYTES];
		struct ms_jemalloc_extent e;
		make_slab(bytes, (enum ms_jemalloc_layout)l);
		assert_true(
			ms_jemalloc_extent_parse(bytes, (enum ms_jemalloc_layout)l, &e));
		assert_int_equal(e.range.start, ADDRESS);
		assert_int_equal(e.range.end, ADDRESS + 0x4000);
		assert_int_equal(e.arena, 3);
		assert_int_equal(e.size_class, 13);
		assert_int_equal(e.state, MS_JEMALLOC_ACTIVE);
		assert_true(e.is_slab);
		assert_int_equal(ms_jemalloc_slots(&e), 51);
		assert_int_equal(e.free, 3);
		assert_int_equal(ms_jemalloc_count_free(&e), 3);
	}
}

static void reads_large_blocks(void **state)
{
	(void)state;
	uint8_t bytes[MS_JEMALLOC_EXTENT_BYTES] = { 0 };
	struct ms_jemalloc_extent e;
	put(bytes, 0, 1ull | 36ull << 20);
	put(bytes, 8, ADDRESS + 0x640);
	put(bytes, 16, 0x5000);
	assert_true(ms_jemalloc_extent_parse(bytes, MS_JEMALLOC_5_3, &e));
	assert_int_equal(e.memory, ADDRESS + 0x640);
	assert_int_equal(e.range.start, ADDRESS);
	assert_int_equal(e.range.end, ADDRESS + 0x5000);
	assert_false(e.is_slab);
}

static void forgets_that_dirty_pages_were_a_slab(void **state)
{
	(void)state;
	uint8_t bytes[MS_JEMALLOC_EXTENT_BYTES];
	struct ms_jemalloc_extent e;
	make_slab(bytes, MS_JEMALLOC_5_3);
	put(bytes, 0, 3ull | 1ull << 12 | 1ull << 17 | 232ull << 20);
	assert_true(ms_jemalloc_extent_parse(bytes, MS_JEMALLOC_5_3, &e));
	assert_false(e.is_slab);
	assert_int_equal(e.state, MS_JEMALLOC_DIRTY);
}

static void refuses_one_wrong_field(void **state)
{
	(void)state;
	const uint64_t slab = 3ull | 1ull << 12 | 13ull << 20;
	static const struct {
		const char *what;
		size_t at;
		uint64_t value;
	} wrong[] = {
		{ "no arena", 0, 0xfff | 1ull << 12 | 13ull << 20 },
		{ "a state in between", 0, 3ull | 4ull << 17 | 13ull << 20 },
		{ "a large class", 0, 3ull | 1ull << 12 | 36ull << 20 },
		{ "no class", 0, 3ull | 1ull << 12 | 232ull << 20 },
		{ "a class beyond all", 0, 3ull | 233ull << 20 },
		{ "more free than there are", 0,
			3ull | 1ull << 12 | 13ull << 20 | 52ull << 28 },
		{ "no address", 8, 0 },
		{ "within a page", 8, ADDRESS + 64 },
		{ "no size", 16, 0xfff },
		{ "less than a slot", 16, 0 },
		{ "more slots than a bitmap has", 16, 0x400000 },
		{ "wraps", 16, ~0ull },
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		uint8_t bytes[MS_JEMALLOC_EXTENT_BYTES];
		struct ms_jemalloc_extent e;
		make_slab(bytes, MS_JEMALLOC_5_3);
		put(bytes, 0, slab);
		assert_true(ms_jemalloc_extent_parse(bytes, MS_JEMALLOC_5_3, &e));
		put(bytes, wrong[i].at, wrong[i].value);
		if (ms_jemalloc_extent_parse(bytes, MS_JEMALLOC_5_3, &e))
			fail_msg("taken: %s", wrong[i].what);
	}
}

static void compares_entries_with_descriptors(void **state)
{
	(void)state;
	struct ms_jemalloc_extent slab = {
		.range = { ADDRESS, ADDRESS + 0x4000 }, .size_class = 13, .is_slab = true
	};
	struct ms_jemalloc_extent large = { .range = { ADDRESS, ADDRESS + 0x6000 },
		.size_class = 37 };
	struct ms_jemalloc_extent dirty = { .range = { ADDRESS, ADDRESS + 0x6000 },
		.size_class = MS_JEMALLOC_CLASSES,
		.state = MS_JEMALLOC_DIRTY };
	const struct {
		struct ms_jemalloc_page page;
		uint64_t address;
		const struct ms_jemalloc_extent *extent;
		bool agree;
	} table[] = {
		{ { 0, 13, 0, true }, ADDRESS, &slab, true },
		{ { 0, 13, 0, true }, ADDRESS + 0x3000, &slab, true },
		{ { 0, 13, 0, true }, ADDRESS + 0x4000, &slab, false },
		{ { 0, 14, 0, true }, ADDRESS, &slab, false },
		{ { 0, 13, 0, false }, ADDRESS, &slab, false },
		{ { 0, 37, 0, false }, ADDRESS, &large, true },
		{ { 0, 38, 0, false }, ADDRESS, &large, false },
		// The last page keeps an older class.
		{ { 0, 232, 0, false }, ADDRESS + 0x5000, &large, true },
		{ { 0, 24, 1, true }, ADDRESS, &dirty, true },
		{ { 0, 24, 0, true }, ADDRESS, &dirty, false },
	};
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_int_equal(ms_jemalloc_agree(&table[i].page, table[i].address,
					 table[i].extent, MS_JEMALLOC_5_3),
			table[i].agree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_size_classes),
		cmocka_unit_test(takes_entries_apart),
		cmocka_unit_test(has_tables_of_the_right_size),
		cmocka_unit_test(reads_slabs_of_each_layout),
		cmocka_unit_test(reads_large_blocks),
		cmocka_unit_test(forgets_that_dirty_pages_were_a_slab),
		cmocka_unit_test(refuses_one_wrong_field),
		cmocka_unit_test(compares_entries_with_descriptors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
