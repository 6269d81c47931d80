// gperftools' descriptors and tables: right ones, one wrong field at a time, left-overs.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc/gperftools.h"

enum {
	SHIFT = 13,
	N = 6,
	PAGES = 64,
	ROOT_AT = 512,
	DATA_BYTES = 2 << 20,
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

// UINT64_MAX: there is none.
static uint64_t page_at(uint64_t first, uint64_t pages, uint64_t index)
{
	struct ms_gperf_span span = {
		.range = { first << SHIFT, (first + pages) << SHIFT },
		.pages = pages,
	};
	uint64_t page = UINT64_MAX;
	bool any = ms_gperf_span_page(&span, SHIFT, index, &page);
	assert_int_equal(any, page != UINT64_MAX);
	return page;
}

static void knows_pages_by_index(void **state)
{
	(void)state;
	uint64_t leaf = 1ull << ms_gperf_leaf_bits(SHIFT), base = 5 * leaf;
	assert_int_equal(page_at(base + 10, 4, 10), base + 10);
	assert_int_equal(page_at(base + 10, 4, 13), base + 13);
	assert_int_equal(page_at(base + 10, 4, 9), UINT64_MAX);
	assert_int_equal(page_at(base + 10, 4, 14), UINT64_MAX);
	// over the end of a table
	assert_int_equal(page_at(base - 2, 4, leaf - 1), base - 1);
	assert_int_equal(page_at(base - 2, 4, 1), base + 1);
	assert_int_equal(page_at(base - 2, 4, 2), UINT64_MAX);
	// as large as a table, and larger: which of two pages is it?
	assert_int_equal(page_at(base + 10, leaf, 9), base + leaf + 9);
	assert_int_equal(page_at(base + 10, leaf + 1, 10), UINT64_MAX);
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

// What a process of its own has: one span for each page of a heap, and tables that lead
// to them.
struct heap {
	uint64_t first; // page
	uint64_t *data; // of a module: the first level is ROOT_AT words behind its begin
	uint64_t *leaf;
	uint8_t (*spans)[MS_GPERF_SPAN_BYTES];
};

static void *map(uint64_t bytes)
{
	void *p = mmap(
		NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(p, MAP_FAILED);
	return p;
}

// All pages are those of one second-level table.
static uint64_t map_pages(void)
{
	uint64_t leaf = 1ull << ms_gperf_leaf_bits(SHIFT);
	uint64_t first = ((uintptr_t)map((2 * PAGES + 1) << SHIFT) >> SHIFT) + 1;
	return first % leaf + PAGES > leaf ? ms_align_down(first, leaf) + leaf : first;
}

static struct heap make_heap(void)
{
	uint64_t leaf = 1ull << ms_gperf_leaf_bits(SHIFT);
	struct heap heap = {
		.first = map_pages(),
		.data = map(DATA_BYTES),
		.leaf = map(8 * leaf),
		.spans = map(PAGES * MS_GPERF_SPAN_BYTES),
	};
	for (uint64_t i = 0; i < PAGES; i++) {
		put(heap.spans[i], 0, heap.first + i);
		put(heap.spans[i], 8, 1);
		heap.leaf[heap.first % leaf + i] = (uintptr_t)heap.spans[i];
	}
	heap.data[ROOT_AT + heap.first / leaf] = (uintptr_t)heap.leaf;
	return heap;
}

static pid_t start_child(void)
{
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return pid;
}

static struct ms_gperf_root find_root(const struct heap *heap)
{
	pid_t pid = start_child();
	struct ms_range data = { (uintptr_t)heap->data,
		(uintptr_t)heap->data + DATA_BYTES };
	struct ms_module module = { .data = &data, .data_n = 1 };
	struct ms_gperf_root root = { 0 };
	struct ms_alloc_find find = { 0 };
	assert_null(ms_target_open_pid((uint64_t)pid, NULL, &find.target));
	find.maps = ms_target_maps(find.target);
	assert_null(ms_peek_new(find.target, &find.peek));
	assert_null(ms_gperf_find_root(&find, &module, &root));
	ms_peek_free(find.peek);
	ms_target_free(find.target);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return root;
}

static void finds_the_root(void **state)
{
	(void)state;
	struct heap heap = make_heap();
	struct ms_gperf_root root = find_root(&heap);
	assert_int_equal(root.address, (uintptr_t)(heap.data + ROOT_AT));
	assert_int_equal(root.page_shift, SHIFT);
	// The entry that is looked at last is a left-over of a descriptor that is now
	// that of a span in front of it, or behind.
	uint64_t *last =
		&heap.leaf[heap.first % (1ull << ms_gperf_leaf_bits(SHIFT)) + PAGES - 1];
	*last = (uintptr_t)heap.spans[0];
	assert_int_equal(find_root(&heap).address, root.address);
	put(heap.spans[PAGES - 1], 0, heap.first + PAGES);
	*last = (uintptr_t)heap.spans[PAGES - 1];
	assert_int_equal(find_root(&heap).address, root.address);
	// No more than a few may be: else it is no table.
	for (uint64_t i = 0; i < PAGES; i++)
		put(heap.spans[i], 0, heap.first + i + (i % 8 ? 1 : 0));
	assert_int_equal(find_root(&heap).address, 0);
}

// Of what a table says, with one size of 8 bytes: slots, and bytes that did not fit.
static uint64_t count_slots(const struct heap *heap, uint64_t pages, uint64_t *ret_off)
{
	put(heap->spans[0], 8, pages);
	put(heap->spans[0], 0x28, 1 << 16);
	pid_t pid = start_child();
	struct ms_alloc_private private = { 0 };
	struct ms_alloc alloc = { .private = &private };
	struct ms_alloc_find find = { .alloc = &alloc };
	struct ms_gperf tc = { .find = &find,
		.root = { (uintptr_t)(heap->data + ROOT_AT), SHIFT },
		.classes = { .n = 2, .size[1] = 8, .pages[1] = pages } };
	uint64_t slots = 0;
	assert_null(ms_target_open_pid((uint64_t)pid, NULL, &find.target));
	find.maps = ms_target_maps(find.target);
	assert_null(ms_peek_new(find.target, &find.peek));
	assert_null(ms_words_new(find.target, NULL, &tc.words));
	assert_null(ms_gperf_read_spans(&tc));
	ms_array_foreach (extent, &private.extents)
		slots += extent->n;
	*ret_off = tc.off;
	ms_words_free(tc.words);
	ms_peek_free(find.peek);
	ms_target_free(find.target);
	ms_marks_deinit(&private.marks);
	free(private.extents.v);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return slots;
}

// A few bytes must not stand for millions of objects in memory without pages.
static void refuses_spans_of_too_many_objects(void **state)
{
	(void)state;
	struct heap heap = make_heap();
	uint64_t off;
	assert_int_equal(count_slots(&heap, PAGES / 2, &off), PAGES / 2 << SHIFT >> 3);
	assert_int_equal(count_slots(&heap, PAGES, &off), 0);
	assert_true(off >= PAGES << SHIFT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_spans),
		cmocka_unit_test(refuses_wrong_spans),
		cmocka_unit_test(knows_pages_by_index),
		cmocka_unit_test(reads_sizes),
		cmocka_unit_test(refuses_wrong_sizes),
		cmocka_unit_test(splits_addresses),
		cmocka_unit_test(finds_the_root),
		cmocka_unit_test(refuses_spans_of_too_many_objects),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
