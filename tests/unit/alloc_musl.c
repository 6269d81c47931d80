// What mallocng writes: right ones of each form, and one wrong field at a time.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include "alloc/musl.h"

#define META  0x7f0000001018ull
#define GROUP 0x7f0000100000ull

static void put(uint8_t *bytes, size_t at, uint64_t value, size_t n)
{
	memcpy(bytes + at, &value, n);
}

struct meta {
	uint64_t start;
	uint32_t avail, freed;
	unsigned last, freeable, size_class;
	uint64_t pages;
};

static void fill(uint8_t bytes[MS_MUSL_META], const struct meta *meta)
{
	memset(bytes, 0, MS_MUSL_META);
	put(bytes, 16, meta->start, 8);
	put(bytes, 24, meta->avail, 4);
	put(bytes, 28, meta->freed, 4);
	put(bytes, 32,
		meta->last | meta->freeable << 5 | meta->size_class << 6 |
			meta->pages << 12,
		8);
}

static void reads_each_form_of_group(void **state)
{
	(void)state;
	static const struct {
		struct meta meta;
		uint64_t size, stride;
		uint32_t slots, free;
		bool is_mapped, is_donated;
	} right[] = {
		// 30 slots of 16 bytes in another group's slot
		{ { GROUP + 16, 0x3, 0x3ffffff0, 29, 1, 0, 0 }, 496, 16, 30, 0x3ffffff3,
			false, false },
		// a mapping of 7 slots of 1168 bytes
		{ { GROUP, 0, 0x40, 6, 1, 22, 3 }, 12288, 1632, 7, 0x40, true, false },
		// one slot that fills its mapping, and one block alone
		{ { GROUP, 0, 0, 0, 1, 35, 4 }, 16384, 16368, 1, 0, true, false },
		{ { GROUP, 0, 0, 0, 1, 63, 33 }, 135168, 135152, 1, 0, true, false },
		// what a library left over
		{ { GROUP + 0x560, 0, 1, 0, 0, 19, 0 }, 1024, 1008, 1, 1, false, true },
		// 32 slots: the mask has all bits
		{ { GROUP, 0, UINT32_MAX, 31, 1, 9, 2 }, 8192, 160, 32, UINT32_MAX, true,
			false },
	};
	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		uint8_t bytes[MS_MUSL_META];
		struct ms_musl_group group;
		fill(bytes, &right[i].meta);
		assert_true(ms_musl_meta_parse(bytes, META, &group));
		assert_int_equal(group.meta, META);
		assert_int_equal(group.start, right[i].meta.start);
		assert_int_equal(group.size, right[i].size);
		assert_int_equal(group.stride, right[i].stride);
		assert_int_equal(group.slots, right[i].slots);
		assert_int_equal(group.free, right[i].free);
		assert_int_equal(group.is_mapped, right[i].is_mapped);
		assert_int_equal(group.is_donated, right[i].is_donated);
	}
}

static void refuses_what_no_group_is(void **state)
{
	(void)state;
	static const struct meta wrong[] = {
		{ 0, 0, 0, 0, 0, 0, 0 },           // not in use
		{ GROUP + 8, 0, 0, 6, 1, 22, 0 },  // not aligned
		{ GROUP + 16, 0, 0, 6, 1, 22, 3 }, // a mapping inside a page
		{ GROUP, 1, 1, 6, 1, 22, 3 },      // free twice
		{ GROUP, 0, 0x80, 6, 1, 22, 3 },   // a slot that is none
		{ GROUP, 0, 0, 6, 1, 22, 2 },      // larger than its mapping
		{ GROUP, 0, 0, 0, 1, 48, 33 },     // a class there is none of
		{ GROUP, 0, 0, 1, 1, 63, 33 },     // two blocks alone
		{ GROUP, 0, 0, 0, 1, 63, 0 },      // alone without a mapping
		{ GROUP, 0, 0, 31, 1, 47, 2000 },  // slots no 16 bits reach
		{ ~0xfffull, 0, 0, 0, 1, 63, 33 }, // beyond the end
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		uint8_t bytes[MS_MUSL_META];
		struct ms_musl_group group;
		fill(bytes, &wrong[i]);
		assert_false(ms_musl_meta_parse(bytes, META, &group));
		assert_int_equal(group.start, wrong[i].start);
	}
}

// As malloc_usable_size() has it: the slot's end, less 4 bytes for the next one's frame,
// less what is reserved.
static void reads_frames(void **state)
{
	(void)state;
	static const struct {
		uint8_t frame[MS_MUSL_FRAME]; // the bytes before the allocation
		uint32_t tail;
		uint64_t offset, stride;
		bool is_right;
		uint64_t usable;
	} cases[] = {
		{ { 0, 0, 0, 0, 0, 0, 0, 0 }, 0, 0, 48, true, 44 },
		{ { 0, 0, 0, 0, 0, 3 << 5 | 2, 6, 0 }, 0, 0, 48, true, 41 },
		{ { 0, 0, 0, 0, 0, 5 << 5 | 2, 6, 0 }, 20, 0, 48, true, 24 },
		{ { 0, 0, 0, 0, 0, 5 << 5 | 2, 7, 0 }, 20, 16, 48, true, 8 },
		{ { 0, 0, 1, 0, 1, 0, 0, 0 }, 0, 0x100000, 0x200000, true, 0xffffc },
		{ { 0, 0, 0, 0, 0, 2, 5, 0 }, 0, 0, 48, false, 0 }, // another slot's
		{ { 0, 0, 0, 0, 0, 6 << 5 | 2, 6, 0 }, 0, 0, 48, false, 0 }, // a group
		{ { 0, 0, 0, 0, 0, 255, 0, 0 }, 0, 0, 48, false, 0 },        // freed
		{ { 0, 0, 0, 0, 0, 5 << 5 | 2, 6, 0 }, 45, 0, 48, false, 0 },
		{ { 0, 0, 0, 0, 0, 2, 9, 0 }, 0, 48, 48, false, 0 }, // beyond its end
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t usable = 0;
		assert_int_equal(ms_musl_frame_usable(cases[i].frame, cases[i].tail,
					 cases[i].offset, cases[i].stride, &usable),
			cases[i].is_right);
		assert_int_equal(usable, cases[i].usable);
	}
	assert_int_equal(ms_musl_frame_offset((uint8_t[]){ 0, 7 << 5, 3, 0 }), 48);
	assert_int_equal(ms_musl_frame_offset((uint8_t[]){ 0, 5 << 5, 3, 0 }), 0);
}

static void fill_context(uint8_t bytes[MS_MUSL_CONTEXT])
{
	memset(bytes, 0, MS_MUSL_CONTEXT);
	put(bytes, 0, 0x1122334455667788, 8);
	put(bytes, 8, 1, 4);
	put(bytes, 32, 17, 8);
	put(bytes, 56, 0x555555001000, 8);
	put(bytes, 64, 0x555555007000, 8);
	put(bytes, 464 + 8 * 3, 62, 8);
}

static void reads_a_context(void **state)
{
	(void)state;
	static const struct {
		size_t at;
		uint64_t value;
	} wrong[] = { { 0, 0 }, { 8, 0 }, { 32, 102 }, { 56, 0 }, { 56, 0x555555001008 },
		{ 64, 0 } };
	uint8_t bytes[MS_MUSL_CONTEXT];
	struct ms_musl_context context;
	fill_context(bytes);
	assert_true(ms_musl_context_parse(bytes, &context));
	assert_int_equal(context.secret, 0x1122334455667788);
	assert_int_equal(context.head, 0x555555001000);
	assert_int_equal(context.tail, 0x555555007000);
	assert_int_equal(context.usage[3], 62);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		fill_context(bytes);
		put(bytes, wrong[i].at, wrong[i].value, 8);
		assert_false(ms_musl_context_parse(bytes, &context));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_each_form_of_group),
		cmocka_unit_test(refuses_what_no_group_is),
		cmocka_unit_test(reads_frames),
		cmocka_unit_test(reads_a_context),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
