// Sizes of objects by their class's layout helper, and what classes say in numbers.

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "hotspot/classes.h"
#include "hotspot/fields.h"

static void instance_has_one_size(void **state)
{
	(void)state;
	static const struct {
		int32_t helper;
		uint32_t bytes;
	} cases[] = {
		{ 16, 16 },
		{ 24 | 1, 24 }, // made the slow way: a finalizer
		{ 8, 8 },       // compact headers
		{ 0x1000, 0x1000 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ms_class_layout layout;
		assert_true(ms_class_layout_decode(cases[i].helper, &layout));
		assert_false(layout.is_array);
		assert_int_equal(layout.bytes, cases[i].bytes);
	}
}

static void array_grows_with_length(void **state)
{
	(void)state;
	static const struct {
		uint32_t helper;
		bool has_references;
		uint32_t length;
		uint64_t bytes;
	} cases[] = {
		{ 0xc0100800, false, 0, 16 }, // byte[], JDK 17
		{ 0xc0100800, false, 5, 21 },
		{ 0xc0100b03, false, 3, 40 }, // long[]
		{ 0xc00c0a02, false, 3, 24 }, // int[], compact headers
		{ 0xc0180500, false, 7, 31 }, // a wide class pointer
		{ 0x80100c02, true, 10, 56 }, // Object[]
		{ 0x80180c03, true, 2, 40 },  // wide references
		{ 0xc0100b03, false, INT32_MAX, 16 + ((uint64_t)INT32_MAX << 3) },
		{ 0xc0100b03, false, UINT32_MAX, 16 + ((uint64_t)UINT32_MAX << 3) },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ms_class_layout layout;
		assert_true(ms_class_layout_decode((int32_t)cases[i].helper, &layout));
		assert_true(layout.is_array);
		assert_int_equal(layout.has_references, cases[i].has_references);
		assert_int_equal(
			ms_class_array_bytes(&layout, cases[i].length), cases[i].bytes);
	}
}

static void impossible_layouts_are_refused(void **state)
{
	(void)state;
	static const uint32_t cases[] = {
		0,          // neutral: no class of objects
		1,          // no bytes
		12,         // not in words
		0x7fffffff, // 2 GiB of fields
		0x7ffffff8,
		0xc0100804, // elements of 16 bytes
		0xc0100840,
		0xc0040800, // the header would not hold the length
		0xc0ff0800,
		0xc00e0800,
		0xffffffff,
		0x80000000,
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ms_class_layout layout;
		assert_false(ms_class_layout_decode((int32_t)cases[i], &layout));
	}
}

// A bit for each reference that could be in the stack; two to a word if they are narrow.
static void stack_chunk_has_its_bits(void **state)
{
	(void)state;
	assert_int_equal(ms_class_stack_words(7, 0, true), 7);
	assert_int_equal(ms_class_stack_words(7, 1, true), 7 + 1 + 1);
	assert_int_equal(ms_class_stack_words(7, 32, true), 7 + 32 + 1);
	assert_int_equal(ms_class_stack_words(7, 33, true), 7 + 33 + 2);
	assert_int_equal(ms_class_stack_words(7, 64, false), 7 + 64 + 1);
	assert_int_equal(ms_class_stack_words(7, 65, false), 7 + 65 + 2);
	assert_true(ms_class_stack_words(7, UINT32_MAX, true) > UINT32_MAX);
}

static void number_leads_to_class(void **state)
{
	(void)state;
	struct ms_object_header narrow = {
		.is_narrow = true, .base = 0x7f0000000000, .shift = 3
	};
	struct ms_object_header wide = { 0 };
	assert_int_equal(ms_object_header_class(&narrow, 2), 0x7f0000000010);
	assert_int_equal(ms_object_header_class(&wide, 0x7f0000000010), 0x7f0000000010);
}

static void unsigned5_is_read(void **state)
{
	(void)state;
	static const struct {
		uint8_t bytes[6];
		size_t n, taken;
		uint32_t value;
	} cases[] = {
		{ { 1 }, 1, 1, 0 },
		{ { 191 }, 1, 1, 190 },
		{ { 192, 1 }, 2, 2, 191 },
		{ { 192, 2 }, 2, 2, 255 },
		{ { 255, 191 }, 2, 2, 254 + (190 << 6) },
		{ { 255, 255, 255, 255, 255, 7 }, 6, 5,
			254u + (254u << 6) + (254u << 12) + (254u << 18) + (254u << 24) },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ms_unsigned5 stream = { { cases[i].bytes, cases[i].n } };
		uint32_t value;
		assert_true(ms_unsigned5_next(&stream, &value));
		assert_int_equal(value, cases[i].value);
		assert_int_equal(cases[i].n - stream.rest.n, cases[i].taken);
	}
}

static void unsigned5_ends_with_its_bytes(void **state)
{
	(void)state;
	static const uint8_t cut[] = { 255, 255 }, zero[] = { 0, 1 };
	struct ms_unsigned5 none = { { cut, 0 } }, rest = { { cut, 2 } };
	struct ms_unsigned5 bad = { { zero, 2 } };
	uint32_t value;
	assert_false(ms_unsigned5_next(&none, &value));
	assert_false(ms_unsigned5_next(&rest, &value));
	assert_false(ms_unsigned5_next(&bad, &value));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(instance_has_one_size),
		cmocka_unit_test(array_grows_with_length),
		cmocka_unit_test(impossible_layouts_are_refused),
		cmocka_unit_test(stack_chunk_has_its_bits),
		cmocka_unit_test(number_leads_to_class),
		cmocka_unit_test(unsigned5_is_read),
		cmocka_unit_test(unsigned5_ends_with_its_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
