// Runs: equal to the slow definition for every encoding, minimum and way of cutting the
// input into spans.

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
#include "strings/runs.h"
#include "strings_reference.h"

static uint64_t seed;

static uint64_t next(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

// What the pieces of one encoding must add up to.
struct expect {
	struct ms_bytes input;
	bool spaces;
	uint64_t min[MS_ENCODING_COUNT];
	size_t at[MS_ENCODING_COUNT];
	bool open[MS_ENCODING_COUNT];
	struct reference_run run[MS_ENCODING_COUNT];
	size_t runs;
};

static void take_piece(void *arg, const struct ms_run_piece *piece)
{
	struct expect *e = arg;
	enum ms_encoding c = piece->encoding;
	unsigned width = ms_encoding_info(c)->width;
	assert_int_equal(piece->first, !e->open[c]);
	if (piece->first) {
		e->run[c] = (struct reference_run){ piece->start, 0 };
		e->runs++;
	}
	assert_int_equal(piece->start, e->run[c].start);
	const uint8_t *want = e->input.p + piece->start + e->run[c].units * width;
	if (piece->units)
		assert_memory_equal(piece->p, want, piece->units * width);
	e->run[c].units += piece->units;
	e->open[c] = !piece->last;
	if (!piece->last)
		return;

	struct reference_run ref = { 0 };
	uint64_t reach = MS_SCAN_BLOCK / width;
	uint64_t promised = e->min[c] < reach ? e->min[c] : reach;
	if (e->run[c].units < e->min[c]) {
		assert_true(e->run[c].units >= promised);
		return;
	}
	assert_true(reference_next(e->input, c, e->spaces, e->min[c], &e->at[c], &ref));
	assert_int_equal(ref.start, e->run[c].start);
	assert_int_equal(ref.units, e->run[c].units);
}

static void check(struct ms_bytes input, bool spaces, uint64_t min, size_t step)
{
	struct expect e = { .input = input, .spaces = spaces };
	struct ms_runs runs;
	ms_runs_init(&runs, step & 1 ? ms_scan_portable : NULL, spaces, take_piece, &e);
	for (unsigned c = 0; c < MS_ENCODING_COUNT; c++) {
		e.min[c] = min;
		ms_runs_add(&runs, (enum ms_encoding)c, min);
	}
	size_t at = 0, end = 0;
	while (end < input.n) {
		end = input.n - end < step ? input.n : end + step;
		struct ms_bytes span = ms_bytes_sub(input, at, end - at);
		size_t used = ms_runs_scan(&runs, span, at, /* last= */ false);
		assert_int_equal(used % 64, 0);
		assert_true(span.n - used < 192);
		at += used;
	}
	struct ms_bytes rest = ms_bytes_sub(input, at, input.n);
	assert_int_equal(ms_runs_scan(&runs, rest, at, /* last= */ true), rest.n);
	for (unsigned c = 0; c < MS_ENCODING_COUNT; c++) {
		struct reference_run ref;
		assert_false(e.open[c]);
		assert_false(reference_next(
			input, (enum ms_encoding)c, spaces, min, &e.at[c], &ref));
	}
}

static void fill(uint8_t *p, size_t n, unsigned kind)
{
	static const uint8_t few[] = { 0, 0, 0, 'a', 'b', '\t', '\n', 0x80 };
	unsigned width = 1 + (unsigned)(next() % 4), at = (unsigned)(next() % 4);
	for (size_t i = 0; i < n; i++) {
		uint64_t r = next() >> 16;
		switch (kind) {
		case 0:
			p[i] = (uint8_t)r;
			break;
		case 1:
			p[i] = few[r % sizeof(few)];
			break;
		case 2:
			p[i] = r % 100 ? 'x' : 0;
			break;
		default:
			p[i] = r % 300 == 0 ? 1 : i % width == at % width ? 'x' : 0;
		}
	}
}

static void test_random(void **state)
{
	static const uint64_t mins[] = { 1, 2, 3, 4, 5, 6, 7, 15, 16, 17, 31, 32, 33, 63,
		64, 65, 200 };
	static const size_t steps[] = { 1, 2, 63, 64, 65, 127, 128, 191, 192, 193, 1000,
		8192, 100000 };
	(void)state;
	seed = (uint64_t)time(NULL) | 1;
	print_message("seed %llu\n", (unsigned long long)seed);
	for (unsigned round = 0; round < 1500; round++) {
		size_t n = next() % (round % 10 ? 700 : 20000);
		_cleanup_free_ uint8_t *p = malloc(n + 1);
		assert_non_null(p);
		fill(p, n, (unsigned)(next() % 5));
		size_t step = steps[next() % (n > 2000 ? 9 : 13)];
		if (n > 2000 && step < 63)
			step = 8193;
		check((struct ms_bytes){ p, n }, next() & 1, mins[next() % 17], step);
	}
}

// Text that ends, or begins, at every position around an edge of words and batches.
static void test_edges(void **state)
{
	enum {
		SIZE = 8192 + 300
	};
	(void)state;
	static uint8_t p[SIZE];
	for (size_t edge = 8192 - 70; edge < 8192 + 70; edge++) {
		for (size_t n = 3; n < 6; n++) {
			memset(p, 0, SIZE);
			memset(p + edge, 'x', n);
			check((struct ms_bytes){ p, SIZE }, false, 4, SIZE);
			for (size_t i = 0; i < n; i++)
				p[edge + i * 2 + 1] = 0, p[edge + i * 2] = 'x';
			check((struct ms_bytes){ p, SIZE }, false, 4, SIZE);
		}
	}
}

static void test_letters(void **state)
{
	(void)state;
	enum ms_encoding encoding;
	for (const char *s = "sSlbLB"; *s; s++) {
		assert_true(ms_encoding_parse(*s, &encoding));
		assert_int_equal(ms_encoding_info(encoding)->letter, *s);
	}
	assert_false(ms_encoding_parse('q', &encoding));
	assert_false(ms_encoding_parse('\0', &encoding));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_edges),
		cmocka_unit_test(test_letters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
