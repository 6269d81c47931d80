// gperftools' descriptors and tables of sizes: right ones, and one wrong field at a time.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include "alloc/gperftools.h"

enum {
	SHIFT = 13,
	N = 6,
};

#define PAGE 0x3f8912345ull

static void put(uint8_t *bytes, size_t at, uint64_t value)
{
	memcpy(bytes + at, &value, sizeof(value));
}

// 4 pages of class 9, with 100 objects handed out.
static void make_span(uint8_t bytes[MS_GPERF_SPAN_BYTES])
{
	memset(bytes, 0, MS_GPERF_SPAN_BYTES);
	put(bytes, 0, PAGE);
	put(bytes, 8, 4);
	put(bytes, 0x20, (PAGE << SHIFT) + 96);
	put(bytes, 0x28, 100 | 9 << 16);
}

static void reads_spans(void **state)
{
	(void)state;
	uint8_t bytes[MS_GPERF_SPAN_BYTES];
	struct ms_gperf_span span;
	make_span(bytes);
	assert_true(ms_gperf_span_parse(bytes, SHIFT, &span));
	assert_int_equal(span.range.start, PAGE << SHIFT);
	assert_int_equal(span.range.end, (PAGE + 4) << SHIFT);
	assert_int_equal(span.pages, 4);
	assert_int_equal(span.objects, (PAGE << SHIFT) + 96);
	assert_int_equal(span.used, 100);
	assert_int_equal(span.size_class, 9);
	assert_int_equal(span.location, MS_GPERF_IN_USE);
	put(bytes, 0x28, 1 << 24);
	assert_true(ms_gperf_span_parse(bytes, SHIFT, &span));
	assert_int_equal(span.location, MS_GPERF_FREE);
	put(bytes, 0x28, 2 << 24 | 1 << 26); // the sample bit above is none of it
	assert_true(ms_gperf_span_parse(bytes, SHIFT, &span));
	assert_int_equal(span.location, MS_GPERF_RETURNED);
}

static void refuses_wrong_spans(void **state)
{
	(void)state;
	static const struct {
		size_t at;
		uint64_t value;
	} wrong[] = {
		{ 0, 0 },
		{ 0, 1ull << 35 },
		{ 0, PAGE << SHIFT }, // an address: what a freed descriptor begins with
		{ 8, 0 },
		{ 8, 1ull << 35 },
		{ 8, ~0ull },
		{ 0x28, 3 << 24 },
		{ 0x28, 200 << 16 },
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		uint8_t bytes[MS_GPERF_SPAN_BYTES];
		struct ms_gperf_span span;
		make_span(bytes);
		put(bytes, wrong[i].at, wrong[i].value);
		assert_false(ms_gperf_span_parse(bytes, SHIFT, &span));
	}
}

struct tables {
	uint32_t batch[MS_GPERF_CLASSES], size[MS_GPERF_CLASSES];
	uint64_t pages[MS_GPERF_CLASSES];
};

static void make_tables(struct tables *t)
{
	static const uint32_t sizes[N] = { 0, 8, 16, 32, 1024, 262144 };
	memset(t, 0, sizeof(*t));
	for (size_t i = 1; i < N; i++) {
		t->size[i] = sizes[i];
		t->batch[i] = 32;
		t->pages[i] = i < 5 ? 1 : 32;
	}
}

static void reads_sizes(void **state)
{
	(void)state;
	struct tables t;
	struct ms_gperf_classes classes;
	make_tables(&t);
	assert_true(ms_gperf_classes_parse(t.batch, t.size, t.pages, &classes));
	assert_int_equal(classes.n, N);
	assert_int_equal(classes.size[4], 1024);
	assert_int_equal(classes.batch[1], 32);
	assert_int_equal(classes.pages[5], 32);
}

static void refuses_wrong_sizes(void **state)
{
	(void)state;
	static const struct {
		unsigned size_class;
		uint32_t size, batch, pages;
	} wrong[] = {
		{ 0, 8, 0, 0 },
		{ 1, 16, 32, 1 },
		{ 2, 24, 32, 1 },
		{ 4, 32, 32, 1 },   // not ascending
		{ 4, 1028, 32, 1 }, // no multiple of 8
		{ 4, 1024, 0, 1 },
		{ 4, 1024, 1 << 20, 1 },
		{ 4, 1024, 32, 0 },
		{ 4, 1024, 32, 4096 },
		{ 5, 0, 0, 0 }, // ends too early
		{ 5, 1 << 24, 32, 32 },
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct tables t;
		struct ms_gperf_classes classes = { .n = 77 };
		make_tables(&t);
		t.size[wrong[i].size_class] = wrong[i].size;
		t.batch[wrong[i].size_class] = wrong[i].batch;
		t.pages[wrong[i].size_class] = wrong[i].pages;
		assert_false(ms_gperf_classes_parse(t.batch, t.size, t.pages, &classes));
		assert_int_equal(classes.n, 77);
	}
}

static void splits_addresses(void **state)
{
	(void)state;
	assert_int_equal(ms_gperf_root_bits(13), 17);
	assert_int_equal(ms_gperf_leaf_bits(13), 18);
	assert_int_equal(ms_gperf_root_bits(12), 18);
	assert_int_equal(ms_gperf_leaf_bits(12), 18);
	assert_int_equal(ms_gperf_root_bits(15), 16);
	assert_int_equal(ms_gperf_leaf_bits(15), 17);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_spans),
		cmocka_unit_test(refuses_wrong_spans),
		cmocka_unit_test(reads_sizes),
		cmocka_unit_test(refuses_wrong_sizes),
		cmocka_unit_test(splits_addresses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
