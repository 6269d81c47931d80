// Page states against a model: one byte a page, which cannot be wrong.

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <malloc.h>
#include <string.h>

#include "proc/proc.h"

enum {
	TILE = 512,        // pages
	SPACE = 20 * TILE, // pages of the model
	ROUNDS = 300,
};

static const uint64_t BASE = UINT64_C(0x7f0000000000);

static void no_error(struct ms_error *err)
{
	if (err)
		fail_msg("%s", err->message);
}

static uint64_t random_state = 88172645463325252;

// xorshift64: the same numbers in every run.
static uint64_t random_below(uint64_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % n;
}

static struct ms_range pages_at(uint64_t from, uint64_t end)
{
	return (struct ms_range){ BASE + from * MS_PAGE_SIZE, BASE + end * MS_PAGE_SIZE };
}

// Lengths that matter: single pages, a few, to the end of a tile, several tiles.
static uint64_t random_length(uint64_t at)
{
	switch (random_below(5)) {
	case 0:
		return 1;
	case 1:
		return 1 + random_below(40);
	case 2:
		return TILE - at % TILE;
	case 3:
		return TILE - at % TILE + TILE * random_below(4);
	default:
		return 1 + random_below(3 * TILE);
	}
}

static struct ms_pages *random_pages(uint8_t model[SPACE])
{
	struct ms_pages *pages;
	unsigned states = 2 + (unsigned)random_below(MS_PAGE_STATES - 1);
	memset(model, MS_PAGE_ABSENT, SPACE);
	no_error(ms_pages_new(&pages));
	for (uint64_t at = 0; at < SPACE;) {
		uint64_t n = ms_min(random_length(at), SPACE - at);
		enum ms_page_state state = (enum ms_page_state)random_below(states);
		if (random_below(4)) {
			no_error(ms_pages_set(pages, pages_at(at, at + n), state));
			memset(model + at, (int)state, n);
		}
		at += n;
	}
	return pages;
}

static void check_gets(const struct ms_pages *pages, const uint8_t model[SPACE])
{
	for (uint64_t i = 0; i < SPACE; i++) {
		uint64_t at = BASE + i * MS_PAGE_SIZE;
		assert_int_equal(ms_pages_get(pages, at), model[i]);
		assert_int_equal(ms_pages_get(pages, at + MS_PAGE_SIZE - 1), model[i]);
	}
	assert_int_equal(ms_pages_get(pages, BASE - 1), MS_PAGE_ABSENT);
	assert_int_equal(ms_pages_get(pages, BASE + (uint64_t)SPACE * MS_PAGE_SIZE),
		MS_PAGE_ABSENT);
	assert_int_equal(ms_pages_get(pages, 0), MS_PAGE_ABSENT);
	assert_int_equal(ms_pages_get(pages, UINT64_MAX), MS_PAGE_ABSENT);
}

// A walk between two odd addresses: the runs touch, are uniform and as long as can be.
static void check_walk(const struct ms_pages *pages, const uint8_t model[SPACE])
{
	uint64_t from = random_below(SPACE) * MS_PAGE_SIZE + random_below(MS_PAGE_SIZE);
	uint64_t size = 1 + random_below((uint64_t)SPACE * MS_PAGE_SIZE - from);
	struct ms_range range = { BASE + from, BASE + from + size };
	uint64_t sums[MS_PAGE_STATES] = {}, counted[MS_PAGE_STATES], resident = 0;
	int before = -1;
	for (uint64_t at = range.start; at < range.end;) {
		enum ms_page_state state;
		struct ms_range run = ms_pages_run(pages, at, range.end, &state);
		assert_int_equal(run.start, at);
		assert_true(run.end > at && run.end <= range.end);
		assert_int_not_equal(state, before);
		for (uint64_t page = (at - BASE) / MS_PAGE_SIZE;
			page * MS_PAGE_SIZE < run.end - BASE; page++)
			assert_int_equal(model[page], state);
		sums[state] += ms_range_size(run);
		before = (int)state;
		at = run.end;
	}
	ms_pages_count(pages, range, counted);
	assert_memory_equal(sums, counted, sizeof(sums));
	resident = sums[MS_PAGE_ANON] + sums[MS_PAGE_FILE];
	assert_int_equal(ms_pages_resident(pages, range), resident);
}

static void agrees_with_the_model(void **state)
{
	(void)state;
	static uint8_t model[SPACE];
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct ms_pages *pages = random_pages(model);
		check_gets(pages, model);
		for (unsigned i = 0; i < 20; i++)
			check_walk(pages, model);
		ms_pages_free(pages);
	}
}

static void encoding_comes_back(void **state)
{
	(void)state;
	static uint8_t model[SPACE];
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct ms_pages *pages = random_pages(model), *again;
		struct ms_buffer bytes = {}, second = {};
		no_error(ms_pages_encode(pages, &bytes));
		no_error(ms_pages_decode(ms_buffer_bytes(&bytes), &again));
		check_gets(again, model);
		no_error(ms_pages_encode(again, &second));
		assert_true(ms_bytes_equal(
			ms_buffer_bytes(&bytes), ms_buffer_bytes(&second)));
		ms_buffer_deinit(&bytes);
		ms_buffer_deinit(&second);
		ms_pages_free(again);
		ms_pages_free(pages);
	}
}

static void empty_is_absent(void **state)
{
	(void)state;
	struct ms_pages *pages;
	struct ms_buffer bytes = {};
	enum ms_page_state s;
	no_error(ms_pages_new(&pages));
	struct ms_range run = ms_pages_run(pages, 5, UINT64_MAX, &s);
	assert_int_equal(s, MS_PAGE_ABSENT);
	assert_int_equal(run.start, 5);
	assert_int_equal(run.end, UINT64_MAX);
	no_error(ms_pages_encode(pages, &bytes));
	assert_int_equal(bytes.n, 0);
	ms_buffer_deinit(&bytes);
	ms_pages_free(pages);
	ms_pages_free(NULL);
}

static void terabytes_in_one_state_are_cheap(void **state)
{
	(void)state;
	struct ms_pages *pages;
	enum ms_page_state s;
	uint64_t end = UINT64_C(1) << 47;
	struct ms_buffer bytes = {};
	no_error(ms_pages_new(&pages));
	for (uint64_t at = 0; at < end; at += end / 64)
		no_error(ms_pages_set(
			pages, (struct ms_range){ at, at + end / 64 }, MS_PAGE_SWAPPED));
	assert_int_equal(ms_pages_run(pages, 0, end, &s).end, end);
	no_error(ms_pages_encode(pages, &bytes));
	assert_int_equal(bytes.n, 16);
	ms_buffer_deinit(&bytes);
	ms_pages_free(pages);
}

// Tiles filled page by page are joined once they are uniform: 4 GiB take next to nothing.
static void uniform_tiles_are_free(void **state)
{
	(void)state;
	struct ms_pages *pages;
	enum ms_page_state s;
	uint64_t end = UINT64_C(1) << 32;
	no_error(ms_pages_new(&pages));
	size_t before = mallinfo2().uordblks;
	for (uint64_t at = 0; at < end; at += MS_PAGE_SIZE)
		no_error(ms_pages_set(
			pages, (struct ms_range){ at, at + MS_PAGE_SIZE }, MS_PAGE_ANON));
	assert_true(mallinfo2().uordblks < before + 8192);
	assert_int_equal(ms_pages_run(pages, 0, end + 1, &s).end, end);
	ms_pages_free(pages);
}

// The last tile ends where addresses do: nothing may wrap there, or wait for its end.
static void the_last_tile_is_one_like_others(void **state)
{
	(void)state;
	struct ms_pages *pages, *again;
	struct ms_buffer bytes = {};
	enum ms_page_state s;
	struct ms_range range = { UINT64_MAX - 0xffff, UINT64_MAX - 0xcfff };
	no_error(ms_pages_new(&pages));
	no_error(ms_pages_set(pages, range, MS_PAGE_GUARD));
	no_error(ms_pages_encode(pages, &bytes));
	assert_int_equal(bytes.n, 16);
	no_error(ms_pages_decode(ms_buffer_bytes(&bytes), &again));
	assert_int_equal(ms_pages_run(again, range.start, UINT64_MAX, &s).end, range.end);
	assert_int_equal(s, MS_PAGE_GUARD);
	assert_int_equal(ms_pages_run(again, range.end, UINT64_MAX, &s).end, UINT64_MAX);
	assert_int_equal(s, MS_PAGE_ABSENT);
	ms_buffer_deinit(&bytes);
	ms_pages_free(again);
	ms_pages_free(pages);
}

static void wrong_ranges_are_refused(void **state)
{
	(void)state;
	static const struct {
		struct ms_range range;
		unsigned state;
	} wrong[] = {
		{ { 0x10001, 0x11000 }, MS_PAGE_ANON },
		{ { 0x10000, 0x10fff }, MS_PAGE_ANON },
		{ { 0x11000, 0x10000 }, MS_PAGE_ANON },
		{ { 0x8000, 0x9000 }, MS_PAGE_ANON },
		{ { 0x10000, 0x11000 }, MS_PAGE_STATES },
	};
	struct ms_pages *pages;
	no_error(ms_pages_new(&pages));
	no_error(ms_pages_set(pages, (struct ms_range){ 0x8000, 0xa000 }, MS_PAGE_FILE));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct ms_error *err =
			ms_pages_set(pages, wrong[i].range, wrong[i].state);
		assert_true(ms_error_is(err, MS_ERROR_FORMAT));
		ms_error_free(err);
	}
	no_error(ms_pages_set(pages, (struct ms_range){ 0xa000, 0xb000 }, MS_PAGE_FILE));
	assert_int_equal(
		ms_pages_resident(pages, (struct ms_range){ 0, 1 << 20 }), 0x3000);
	ms_pages_free(pages);
}

#define RUN(start, pages, state) (start), (uint64_t)(pages) << 4 | (state)

static const struct {
	uint64_t words[4];
	size_t n; // bytes
	uint64_t offset;
} malformed[] = {
	{ { RUN(0x1000, 1, MS_PAGE_ANON) }, 15, 0 },
	{ { RUN(0x1000, 1, MS_PAGE_ANON), 0 }, 17, 16 },
	{ { RUN(0x1000, 0, MS_PAGE_ANON) }, 16, 0 },
	{ { RUN(0x1000, 1, MS_PAGE_ABSENT) }, 16, 0 },
	{ { RUN(0x1000, 1, MS_PAGE_STATES) }, 16, 0 },
	{ { RUN(0x1001, 1, MS_PAGE_ANON) }, 16, 0 },
	{ { RUN(0x1000, UINT64_MAX >> 4, MS_PAGE_ANON) }, 16, 0 },
	{ { RUN(0xfffffffffffff000, 1, MS_PAGE_ANON) }, 16, 0 },
	{ { RUN(0x2000, 2, MS_PAGE_ANON), RUN(0x3000, 1, MS_PAGE_ANON) }, 32, 16 },
	{ { RUN(0x2000, 2, MS_PAGE_ANON), RUN(0x1000, 1, MS_PAGE_ANON) }, 32, 16 },
};

static void malformed_encodings_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(malformed) / sizeof(*malformed); i++) {
		struct ms_pages *pages = NULL;
		struct ms_bytes bytes = { (const uint8_t *)malformed[i].words,
			malformed[i].n };
		struct ms_error *err = ms_pages_decode(bytes, &pages);
		if (!ms_error_is(err, MS_ERROR_FORMAT))
			fail_msg("row %zu was taken", i);
		assert_int_equal(err->address, malformed[i].offset);
		assert_null(pages);
		ms_error_free(err);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_the_model),
		cmocka_unit_test(encoding_comes_back),
		cmocka_unit_test(empty_is_absent),
		cmocka_unit_test(terabytes_in_one_state_are_cheap),
		cmocka_unit_test(uniform_tiles_are_free),
		cmocka_unit_test(the_last_tile_is_one_like_others),
		cmocka_unit_test(wrong_ranges_are_refused),
		cmocka_unit_test(malformed_encodings_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
