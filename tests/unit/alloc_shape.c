// glibc's heap descriptor: right ones of each generation, and one wrong field at a time.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "alloc/shape.h"

#ifdef __SANITIZE_ADDRESS__
#define HAS_ASAN
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN
#endif
#endif

#define HEAP 0x7f1234000000ull

static void put(uint8_t *bytes, size_t at, uint64_t value)
{
	memcpy(bytes + at, &value, sizeof(value));
}

static void fill(uint8_t bytes[MS_GLIBC_HEAP_BYTES], uint64_t arena, uint64_t previous,
	size_t first)
{
	memset(bytes, 0, MS_GLIBC_HEAP_BYTES);
	put(bytes, 0, arena);
	put(bytes, 8, previous);
	put(bytes, 16, 0x21000);
	put(bytes, 24, 0x22000);
	put(bytes, first + 8,
		0x20 | 5); // an allocated chunk of this arena, and one behind it
	put(bytes, first + 0x20 + 8, 0x290 | 5);
}

static void reads_each_generation(void **state)
{
	(void)state;
	static const struct {
		uint64_t arena, previous;
		size_t first;
	} right[] = {
		{ HEAP + 0x20, 0, 0x8b0 },                           // 2.23
		{ HEAP + 0x20, 0, 0x8c0 },                           // 2.27 to 2.34
		{ HEAP + 0x30, 0, 0x8d0 },                           // 2.35 to 2.42
		{ HEAP + 0x30, 0, 0x870 },                           // 2.43
		{ HEAP - 0x4000000 + 0x30, HEAP - 0x4000000, 0x30 }, // a later heap
	};
	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		uint8_t bytes[MS_GLIBC_HEAP_BYTES];
		struct ms_glibc_heap heap;
		fill(bytes, right[i].arena, right[i].previous, right[i].first);
		assert_true(ms_glibc_heap_parse(HEAP, bytes, 0x22000, &heap));
		assert_int_equal(heap.arena, right[i].arena);
		assert_int_equal(heap.size, 0x21000);
		assert_int_equal(heap.writable, 0x22000);
	}
}

static void refuses_one_wrong_field(void **state)
{
	(void)state;
	static const struct {
		size_t at;
		uint64_t value;
	} wrong[] = {
		{ 0, HEAP + 0x40 }, // no arena lies there
		{ 0, 0 },
		{ 8, HEAP },     // a first heap has none before it
		{ 16, 0x21010 }, // not a page multiple
		{ 16, 0 },
		{ 16, 0x23000 }, // more than is writable
		{ 24, 0x24000 }, // more than is mapped
		{ 24, UINT64_MAX & ~0xfffull },
		{ 0x8d8, 0x21 & ~1ull }, // the first chunk has no chunk before it
		{ 0x8d8, 0x11 },         // too small
		{ 0x8d8, 0x1000001 },    // larger than the heap
		{ 0x8f8, 0x7fffffffffffff01 },
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		uint8_t bytes[MS_GLIBC_HEAP_BYTES];
		struct ms_glibc_heap heap;
		fill(bytes, HEAP + 0x30, 0, 0x8d0);
		put(bytes, wrong[i].at, wrong[i].value);
		assert_false(ms_glibc_heap_parse(HEAP, bytes, 0x22000, &heap));
	}
	uint8_t bytes[MS_GLIBC_HEAP_BYTES];
	struct ms_glibc_heap heap;
	fill(bytes, HEAP + 0x30, 0, 0x8d0);
	assert_false(ms_glibc_heap_parse(HEAP + 0x1000, bytes, 0x22000, &heap));
}

// The shape against the libc this test runs on: a second thread gets an arena of its own.
static void *check_own(void *arg)
{
	bool *is_right = arg;
	struct ms_glibc_heap heap;
	void *block = malloc(100);
	uint64_t base = ms_align_down((uintptr_t)block, MS_GLIBC_HEAP_MAX);
	*is_right = ms_glibc_heap_parse(base, (const uint8_t *)(uintptr_t)base,
			    MS_GLIBC_HEAP_MAX, &heap) &&
		    ms_range_has((struct ms_range){ base, base + heap.size },
			    (uintptr_t)block);
	free(block);
	return NULL;
}

static void knows_this_libc(void **state)
{
	(void)state;
#ifdef HAS_ASAN
	skip(); // malloc is the sanitizer's
#endif
	bool is_right = false;
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, check_own, &is_right), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(is_right);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_each_generation),
		cmocka_unit_test(refuses_one_wrong_field),
		cmocka_unit_test(knows_this_libc),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
