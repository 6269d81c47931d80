// Headers of HotSpot's native memory tracking: what is one, and what only looks like it.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include "hotspot/nmt.h"

static const char *const names[] = { "Java Heap", "Class", "Thread" };
static const char *const owners[] = { NULL, "java.vm.class", "java.vm.thread" };

static const struct ms_nmt marked = {
	.is_on = true, .has_marks = true, .n = 3, .names = names, .owners = owners
};
static const struct ms_nmt unmarked = {
	.is_on = true, .has_marks = false, .n = 3, .names = names, .owners = owners
};

static void put(
	uint8_t header[MS_NMT_HEADER], uint64_t size, uint8_t category, bool is_marked)
{
	static const uint8_t mark[] = { 0x9e, 0xe9 }; // little-endian, as it lies there
	memset(header, 0, MS_NMT_HEADER);
	memcpy(header, &size, sizeof(size));
	header[is_marked ? 12 : 8] = category;
	if (is_marked)
		memcpy(header + 14, mark, sizeof(mark));
}

static unsigned ask(const struct ms_nmt *nmt, uint64_t size, uint8_t category,
	uint64_t usable, uint64_t *ret)
{
	uint8_t header[MS_NMT_HEADER];
	put(header, size, category, nmt->has_marks);
	return ms_nmt_category(nmt, header, usable, ret);
}

// glibc hands out 24, 40, 56, … bytes: the least that holds header, size and footer.
static void every_size_has_its_category(void **state)
{
	(void)state;
	const struct ms_nmt *const both[] = { &marked, &unmarked };
	for (size_t i = 0; i < 2; i++)
		for (uint64_t size = 1; size < 5000; size++) {
			uint64_t asked = 0,
				 need = size + 16 + (both[i]->has_marks ? 2 : 0);
			uint64_t usable = (need + 8 + 15) / 16 * 16 - 8;
			assert_int_equal(ask(both[i], size, 2, usable, &asked), 2);
			assert_int_equal(asked, size);
		}
}

static void what_does_not_fit_is_none(void **state)
{
	uint64_t ignored;
	(void)state;
	assert_int_equal(ask(&marked, 100, 1, 117, &ignored), 3);  // no room for it
	assert_int_equal(ask(&marked, 100, 1, 118, &ignored), 1);  // just enough
	assert_int_equal(ask(&marked, 100, 1, 1000, &ignored), 3); // a block of another
	assert_int_equal(ask(&marked, 100, 3, 120, &ignored), 3);  // no such category
	assert_int_equal(ask(&marked, 100, 0, 120, &ignored), 3);  // never malloc's
	assert_int_equal(ask(&marked, UINT64_MAX, 1, 120, &ignored), 3);
	assert_int_equal(ask(&marked, UINT64_MAX - 17, 1, UINT64_MAX, &ignored), 3);
	assert_int_equal(ask(&unmarked, 0, 1, 24, &ignored), 3); // a block of zeros
}

static void without_its_mark_it_is_none(void **state)
{
	uint8_t header[MS_NMT_HEADER];
	uint64_t ignored;
	(void)state;
	put(header, 100, 1, true);
	for (unsigned bit = 0; bit < 16; bit++) {
		header[14 + bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(ms_nmt_category(&marked, header, 120, &ignored), 3);
		header[14 + bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_int_equal(ms_nmt_category(&marked, header, 120, &ignored), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_size_has_its_category),
		cmocka_unit_test(what_does_not_fit_is_none),
		cmocka_unit_test(without_its_mark_it_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
