// Counts: equal to a slow count of the whole, for any size of windows and any number of
// threads; nothing joined across gaps; bounded memory that says what it dropped.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "base/base.h"
#include "strings/count.h"
#include "strings_reference.h"

enum {
	BASE = 0x7f0000000
};

// Memory to be read: bytes at BASE, some of them gaps.
struct memory {
	struct ms_bytes bytes;
	struct ms_ranges gaps;
};

static void ok(struct ms_error *err)
{
	if (err)
		fail_msg("%s", err->message);
}

static struct ms_error *read_memory(
	void *arg, struct ms_range range, uint8_t *to, struct ms_ranges *gaps)
{
	const struct memory *m = arg;
	memcpy(to, m->bytes.p + (range.start - BASE), ms_range_size(range));
	for (size_t i = 0; i < m->gaps.n; i++) {
		struct ms_range gap = ms_range_clip(m->gaps.v[i], range);
		if (!ms_range_size(gap))
			continue;
		memset(to + (gap.start - range.start), 'x', ms_range_size(gap));
		struct ms_error *err = ms_ranges_add(gaps, gap);
		if (err)
			return err;
	}
	return NULL;
}

// Owners change every 1000 bytes.
static uint32_t owner_at(void *arg, uint64_t address, struct ms_range *range)
{
	(void)arg;
	uint64_t part = (address - BASE) / 1000;
	*range = (struct ms_range){ BASE + part * 1000, BASE + part * 1000 + 1000 };
	return part % 4 == 3 ? MS_TEXT_OWNER_NONE : (uint32_t)(part % 4);
}

struct run {
	struct ms_count *count;
	const struct ms_count_result *result;
};

static struct run run(struct memory *m, const struct ms_ranges *ranges,
	struct ms_count_options options, unsigned threads)
{
	struct run r = { 0 };
	struct ms_pool *pool = NULL;
	ok(ms_pool_new(threads, &pool));
	ok(ms_count_new(&options, &r.count));
	ok(ms_count_run(r.count, ranges, read_memory, m, pool));
	ok(ms_count_finish(r.count, &r.result));
	ms_pool_free(pool);
	return r;
}

static void check_same(const struct ms_count_result *a, const struct ms_count_result *b)
{
	assert_int_equal(a->cluster_n, b->cluster_n);
	for (size_t i = 0; i < a->cluster_n; i++) {
		const struct ms_cluster *x = a->clusters[i], *y = b->clusters[i];
		assert_int_equal(x->key, y->key);
		assert_int_equal(x->owner, y->owner);
		assert_int_equal(x->count, y->count);
		assert_int_equal(x->distinct, y->distinct);
		assert_int_equal(x->bytes, y->bytes);
		assert_int_equal(x->pages, y->pages);
		assert_int_equal(x->sample_n, y->sample_n);
		assert_int_equal(x->is_distinct_bound, y->is_distinct_bound);
		assert_int_equal(x->has_ascii, y->has_ascii);
		assert_int_equal(x->has_utf16, y->has_utf16);
		const struct ms_text_sample *s = x->samples, *t = y->samples;
		for (; s && t; s = s->next, t = t->next) {
			assert_int_equal(s->address, t->address);
			assert_int_equal(s->bytes, t->bytes);
			assert_int_equal(s->text_n, t->text_n);
			assert_memory_equal(s->text, t->text, s->text_n);
		}
		assert_true(!s && !t);
	}
	assert_int_equal(a->total_n, b->total_n);
	assert_memory_equal(a->totals, b->totals, a->total_n * sizeof(*a->totals));
	assert_int_equal(a->dropped_clusters, b->dropped_clusters);
	assert_int_equal(a->dropped_bytes, b->dropped_bytes);
}

// Is the unit at `at` the last letter of an ASCII string and its NUL?
static bool ends_ascii(struct ms_bytes b, size_t at)
{
	return at >= 3 && reference_is_text(b.p[at - 1], false, false) &&
	       reference_is_text(b.p[at - 2], false, false) &&
	       reference_is_text(b.p[at - 3], false, false);
}

// What all strings come to, by the slow definition, one stretch between gaps at a time.
static void reference_total(
	struct memory *m, uint64_t min, uint64_t *ret_count, uint64_t *ret_bytes)
{
	static const enum ms_encoding encodings[] = { MS_ENCODING_ASCII,
		MS_ENCODING_UTF16LE };
	*ret_count = *ret_bytes = 0;
	uint64_t at = BASE;
	for (size_t g = 0; g <= m->gaps.n; g++) {
		bool is_end = g == m->gaps.n;
		uint64_t end = is_end ? BASE + m->bytes.n : m->gaps.v[g].start;
		struct ms_bytes part = ms_bytes_sub(m->bytes, at - BASE, end - at);
		for (unsigned e = 0; e < 2; e++) {
			struct reference_run r;
			for (size_t pos = 0; reference_next(
				     part, encodings[e], false, min, &pos, &r);) {
				if (e == 1 && ends_ascii(part, r.start)) {
					r.start += 2;
					if (--r.units < min)
						continue;
				}
				struct ms_range unused;
				if (owner_at(NULL, at + r.start, &unused) ==
					MS_TEXT_OWNER_NONE)
					continue;
				++*ret_count;
				*ret_bytes += r.units * (e + 1);
			}
		}
		at = is_end ? end : m->gaps.v[g].end;
	}
}

static void fill(uint8_t *p, size_t n, unsigned *seed)
{
	static const struct {
		const char *head, *tail;
	} texts[] = { { "user-", " logged in" }, { "GET /item/", " HTTP/1.1" },
		{ "0x", " freed" }, { "", "" }, { "some constant text", "" } };
	memset(p, 0, n);
	for (size_t at = 0; at + 600 < n;) {
		char text[64];
		unsigned kind = (unsigned)rand_r(seed) % 5;
		int len = snprintf(text, sizeof(text), "%s%u%s", texts[kind].head,
			(unsigned)rand_r(seed) % 50, texts[kind].tail);
		unsigned width = 1 + (rand_r(seed) % 3 == 0);
		for (int i = 0; i < len; i++)
			p[at + (size_t)i * width] = (uint8_t)text[i];
		at += (size_t)len * width + (size_t)rand_r(seed) % 40;
	}
}

// A long string every now and then, also longer than windows, in both encodings.
static void add_long(uint8_t *p, size_t n, unsigned *seed)
{
	for (unsigned i = 0; i < 4; i++) {
		size_t at = (size_t)rand_r(seed) % n;
		size_t len = (size_t)rand_r(seed) % (i % 2 ? 60000 : 12000);
		len = len < n - at ? len : n - at;
		bool wide = rand_r(seed) & 1;
		for (size_t k = 0; k < len; k++)
			p[at + k] = wide && k & 1 ? 0 : (uint8_t)('a' + k / 7 % 26);
	}
}

static void test_windows_and_threads(void **state)
{
	enum {
		SIZE = 300000
	};
	static const size_t sizes[] = { 256 * 1024, 100, 4096, 1000, 8192, 12345 };
	(void)state;
	unsigned seed = (unsigned)time(NULL);
	print_message("seed %u\n", seed);
	_cleanup_free_ uint8_t *p = malloc(SIZE);
	assert_non_null(p);
	for (unsigned round = 0; round < 12; round++) {
		fill(p, SIZE, &seed);
		add_long(p, SIZE, &seed);
		struct memory m = { .bytes = { p, SIZE } };
		for (unsigned i = 0; i < round % 4; i++) {
			uint64_t gap = BASE + (uint64_t)rand_r(&seed) % (SIZE - 9000);
			ok(ms_ranges_add(
				&m.gaps, (struct ms_range){
						 gap, gap + 1 + rand_r(&seed) % 8999 }));
		}
		struct ms_ranges ranges = { 0 };
		ok(ms_ranges_add(&ranges, (struct ms_range){ BASE, BASE + SIZE }));
		struct ms_count_options options = {
			.window = { .min = 6, .owner = owner_at },
		};
		struct run want = run(&m, &ranges, options, 1);
		uint64_t count = 0, bytes = 0, total_count, total_bytes;
		for (size_t i = 0; i < want.result->cluster_n; i++) {
			count += want.result->clusters[i]->count;
			bytes += want.result->clusters[i]->bytes;
		}
		reference_total(&m, 6, &total_count, &total_bytes);
		assert_int_equal(count, total_count);
		assert_int_equal(bytes, total_bytes);
		for (size_t i = 1; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			options.window_size = sizes[i];
			struct run got = run(&m, &ranges, options, 1 + (unsigned)i % 3);
			check_same(want.result, got.result);
			ms_count_free(got.count);
		}
		ms_count_free(want.count);
		ms_ranges_deinit(&ranges);
		ms_ranges_deinit(&m.gaps);
	}
}

static const struct ms_cluster *find(const struct ms_count_result *r, const char *form)
{
	for (size_t i = 0; i < r->cluster_n; i++) {
		char text[MS_FORM_MAX];
		size_t n = ms_cluster_form(r->clusters[i], text);
		if (ms_bytes_is((struct ms_bytes){ (uint8_t *)text, n }, form))
			return r->clusters[i];
	}
	return NULL;
}

static void test_one_cluster(void **state)
{
	enum {
		SIZE = 4 * 4096
	};
	(void)state;
	_cleanup_free_ uint8_t *p = calloc(1, SIZE);
	assert_non_null(p);
	memcpy(p + 10, "item 1", 6);
	memcpy(p + 4094, "item 22", 7); // across a page edge
	memcpy(p + 5000, "item 1", 6);
	memcpy(p + 8996, "send", 5); // its 'd' and NUL are no unit of what follows
	memcpy(p + 9001, "i\0t\0e\0m\0 \0001\0", 12);
	struct memory m = { .bytes = { p, SIZE } };
	struct ms_ranges ranges = { 0 };
	ok(ms_ranges_add(&ranges, (struct ms_range){ BASE, BASE + SIZE }));
	struct ms_count_options options = { .window = { .min = 6 } };
	struct run r = run(&m, &ranges, options, 2);
	assert_int_equal(r.result->cluster_n, 1);
	const struct ms_cluster *c = find(r.result, "item <num>");
	assert_non_null(c);
	assert_int_equal(c->count, 4);
	assert_int_equal(c->distinct, 2);
	assert_int_equal(c->bytes, 6 + 7 + 6 + 12);
	assert_int_equal(c->pages, 3);
	assert_true(c->has_ascii && c->has_utf16 && !c->is_distinct_bound);
	assert_int_equal(c->sample_n, 2);
	assert_int_equal(c->samples->address, BASE + 10);
	assert_int_equal(c->samples->next->address, BASE + 4094);
	assert_int_equal(r.result->total_n, 1);
	assert_int_equal(r.result->totals[0].pages, 3);
	ms_count_free(r.count);
	ms_ranges_deinit(&ranges);
}

// Ranges that do not touch: nothing is joined, whatever the bytes.
static void test_nothing_joined_across_a_gap(void **state)
{
	(void)state;
	uint8_t p[] = "abcdefghijkl";
	struct memory m = { .bytes = { p, 12 } };
	struct ms_ranges ranges = { 0 };
	ok(ms_ranges_add(&ranges, (struct ms_range){ BASE, BASE + 6 }));
	ok(ms_ranges_add(&ranges, (struct ms_range){ BASE + 7, BASE + 12 }));
	struct ms_count_options options = { .window = { .min = 6 } };
	struct run r = run(&m, &ranges, options, 1);
	assert_int_equal(r.result->cluster_n, 1);
	assert_non_null(find(r.result, "abcdef"));
	ms_count_free(r.count);
	ms_ranges_deinit(&ranges);
}

// More forms than fit: the heavy ones stay, the rest is in `dropped`, nothing is lost.
static void test_bounded_memory(void **state)
{
	enum {
		FORMS = 60000,
		HEAVY = 3000
	};
	(void)state;
	struct ms_buffer text = { 0 };
	unsigned seed = 1;
	for (unsigned i = 0; i < FORMS; i++) {
		char word[8];
		for (unsigned k = 0; k < 8; k++)
			word[k] = (char)('a' + rand_r(&seed) % 26);
		ok(ms_buffer_add(&text, word, 8));
		ok(ms_buffer_add(&text, "\0", 1));
		if (i % (FORMS / HEAVY) == 0)
			ok(ms_buffer_printf(&text, "the heavy one %u", i));
		ok(ms_buffer_add(&text, "\0", 1));
	}
	struct memory m = { .bytes = ms_buffer_bytes(&text) };
	struct ms_ranges ranges = { 0 };
	ok(ms_ranges_add(&ranges, (struct ms_range){ BASE, BASE + text.n }));
	struct ms_count_options options = { .window = { .min = 6 }, .memory = 1 << 20 };
	struct run r = run(&m, &ranges, options, 2);
	options.window_size = 5000;
	struct run again = run(&m, &ranges, options, 1);
	check_same(r.result, again.result);
	uint64_t count = r.result->dropped_count;
	for (size_t i = 0; i < r.result->cluster_n; i++)
		count += r.result->clusters[i]->count;
	assert_int_equal(count, FORMS + HEAVY);
	assert_true(r.result->dropped_clusters > 0);
	assert_true(r.result->cluster_n < FORMS / 4);
	const struct ms_cluster *heavy = find(r.result, "the heavy one <num>");
	assert_ptr_equal(heavy, r.result->clusters[0]);
	assert_int_equal(heavy->count, HEAVY);
	ms_count_free(r.count);
	ms_count_free(again.count);
	ms_ranges_deinit(&ranges);
	ms_buffer_deinit(&text);
}

// When the table of distinct texts is full the number becomes a bound and says so.
static void test_distinct_bound(void **state)
{
	enum {
		TEXTS = 50000
	};
	(void)state;
	struct ms_buffer text = { 0 };
	for (unsigned i = 0; i < TEXTS; i++) {
		ok(ms_buffer_printf(&text, "text number %u", i));
		ok(ms_buffer_add(&text, "\0", 1));
	}
	struct memory m = { .bytes = ms_buffer_bytes(&text) };
	struct ms_ranges ranges = { 0 };
	ok(ms_ranges_add(&ranges, (struct ms_range){ BASE, BASE + text.n }));
	struct ms_count_options options = { .window = { .min = 6 }, .memory = 1 << 20 };
	struct run r = run(&m, &ranges, options, 2);
	assert_int_equal(r.result->clusters[0]->count, TEXTS);
	assert_true(r.result->clusters[0]->is_distinct_bound);
	assert_in_range(r.result->clusters[0]->distinct, 1000, TEXTS - 1);
	ms_count_free(r.count);
	options.memory = 64 << 20;
	r = run(&m, &ranges, options, 2);
	assert_int_equal(r.result->clusters[0]->distinct, TEXTS);
	assert_false(r.result->clusters[0]->is_distinct_bound);
	ms_count_free(r.count);
	ms_ranges_deinit(&ranges);
	ms_buffer_deinit(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_windows_and_threads),
		cmocka_unit_test(test_one_cluster),
		cmocka_unit_test(test_nothing_joined_across_a_gap),
		cmocka_unit_test(test_bounded_memory),
		cmocka_unit_test(test_distinct_bound),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
