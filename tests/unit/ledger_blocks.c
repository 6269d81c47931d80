// Block tables against a plain list of the same blocks, and offers from several threads.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "ledger/claims.h"

enum {
	BASE = 0x10000
};

static ms_kind intern(struct ms_kinds *kinds, const char *owner,
	enum ms_state owner_state, enum ms_precedence precedence)
{
	struct ms_kind_row row = { .owner = owner,
		.reader = "test",
		.state = owner_state,
		.grade = MS_GRADE_EXACT,
		.precedence = precedence };
	ms_kind kind = 0;
	assert_null(ms_kinds_intern(kinds, &row, &kind));
	return kind;
}

// What a table must say of `address`, from the list it was made of.
static void check_find(
	struct ms_blocks *blocks, const struct ms_block *list, size_t n, uint64_t address)
{
	struct ms_block found;
	assert_true(ms_blocks_find(blocks, address, &found));
	for (size_t i = 0; i < n; i++) {
		if (!ms_range_has(list[i].range, address))
			continue;
		assert_int_equal(found.range.start, list[i].range.start);
		assert_int_equal(found.range.end, list[i].range.end);
		assert_int_equal(found.kind, list[i].kind);
		assert_int_equal(found.ordinal, i);
		return;
	}
	fail_msg("no block holds %#lx", (unsigned long)address);
}

// Random blocks with gaps; a gap must come back as a block of MS_KIND_NONE.
static void granules_match_list(void **state)
{
	(void)state;
	srand(11);
	for (unsigned round = 0; round < 60; round++) {
		static struct ms_block list[3000];
		size_t n = 0;
		uint64_t size = 16 * (1 + (uint64_t)rand() % 8000), at = BASE;
		struct ms_range range = { BASE, BASE + size };
		struct ms_blocks *blocks;
		assert_null(ms_blocks_new(range, 16, &blocks));
		while (at < range.end && n < 2998) {
			uint64_t block =
				16 * (1 + (uint64_t)rand() % (rand() % 40 ? 8 : 900));
			uint64_t end = at + block < range.end ? at + block : range.end;
			ms_kind kind =
				(ms_kind)(rand() % 5 ? 1 + rand() % 9 : MS_KIND_NONE);
			bool joins = !kind && n && !list[n - 1].kind;
			if (joins)
				list[n - 1].range.end = end;
			else
				list[n++] = (struct ms_block){ .range = { at, end },
					.kind = kind };
			if (kind)
				assert_null(ms_blocks_add(blocks,
					(struct ms_range){ at, end }, kind, NULL));
			at = end;
		}
		if (at < range.end)
			list[n++] = (struct ms_block){ .range = { at, range.end } };
		if (n > 1 && !list[n - 1].kind && !list[n - 2].kind)
			list[--n - 1].range.end = range.end;
		assert_null(ms_blocks_seal(blocks));
		assert_int_equal(ms_blocks_count(blocks), n);
		for (unsigned i = 0; i < 200; i++)
			check_find(blocks, list, n, BASE + (uint64_t)rand() % size);
		struct ms_block walked = { 0 };
		for (size_t i = 0; i < n; i++) {
			assert_true(ms_blocks_next(blocks, &walked));
			assert_int_equal(walked.range.start, list[i].range.start);
			assert_int_equal(walked.range.end, list[i].range.end);
			assert_int_equal(walked.ordinal, i);
		}
		assert_false(ms_blocks_next(blocks, &walked));
		ms_blocks_free(blocks);
	}
}

// Segments are built apart and in any order; a block may reach over several of them, and
// what lies between is filled.
static void segments_join(void **state)
{
	(void)state;
	enum {
		SEGMENT = MS_BLOCKS_SEGMENT * 8
	};
	static const struct {
		uint64_t start, end;
		ms_kind kind;
	} want[] = {
		{ 0, 8, MS_KIND_NONE },
		{ 8, 40, 3 },
		{ 40, SEGMENT - 8, MS_KIND_NONE },
		{ SEGMENT - 8, 4 * SEGMENT + 16, 4 },
		{ 4 * SEGMENT + 16, 4 * SEGMENT + 24, 5 },
		{ 4 * SEGMENT + 24, 5 * SEGMENT + 8, MS_KIND_NONE },
		{ 5 * SEGMENT + 8, 6 * SEGMENT, 6 },
	};
	static const unsigned order[] = { 6, 1, 3, 4 };
	struct ms_blocks *blocks;
	struct ms_block block = { 0 }, found;
	assert_null(
		ms_blocks_new((struct ms_range){ BASE, BASE + 6 * SEGMENT }, 8, &blocks));
	for (size_t i = 0; i < 4; i++)
		assert_null(ms_blocks_add(blocks,
			(struct ms_range){
				BASE + want[order[i]].start, BASE + want[order[i]].end },
			want[order[i]].kind, NULL));
	assert_false(ms_blocks_find(blocks, BASE, &found));
	assert_null(ms_blocks_seal(blocks));
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		assert_true(ms_blocks_next(blocks, &block));
		assert_int_equal(block.range.start, BASE + want[i].start);
		assert_int_equal(block.range.end, BASE + want[i].end);
		assert_int_equal(block.kind, want[i].kind);
		assert_true(ms_blocks_begins(blocks, block.range.start));
		assert_true(ms_blocks_find(blocks, block.range.end - 1, &found));
		assert_int_equal(found.range.start, block.range.start);
		assert_int_equal(found.ordinal, block.ordinal);
	}
	assert_false(ms_blocks_next(blocks, &block));
	ms_blocks_free(blocks);
}

// A segment can be built anew.
static void segment_is_cleared(void **state)
{
	(void)state;
	struct ms_blocks *blocks;
	struct ms_block block = { 0 };
	struct ms_range range = { BASE, BASE + 0x1000 };
	assert_null(ms_blocks_new(range, 16, &blocks));
	for (uint64_t at = BASE + 64; at < range.end; at += 64)
		assert_null(
			ms_blocks_add(blocks, (struct ms_range){ at, at + 64 }, 2, NULL));
	ms_blocks_clear(blocks, ms_blocks_segment(blocks, BASE));
	assert_null(ms_blocks_add(blocks, (struct ms_range){ BASE, BASE + 32 }, 5, NULL));
	assert_null(ms_blocks_seal(blocks));
	assert_true(ms_blocks_next(blocks, &block));
	assert_int_equal(block.kind, 5);
	assert_true(ms_blocks_next(blocks, &block));
	assert_int_equal(block.range.end, range.end);
	assert_false(ms_blocks_next(blocks, &block));
	ms_blocks_free(blocks);
}

static void refuses_what_does_not_fit(void **state)
{
	(void)state;
	struct ms_blocks *blocks;
	static const struct ms_range bad[] = {
		{ BASE + 8, BASE + 32 },               // misaligned start
		{ BASE + 32, BASE + 40 },              // misaligned end
		{ BASE + 32, BASE + 32 },              // empty
		{ BASE + 0x1000 - 16, BASE + 0x1010 }, // leaves the range
		{ BASE, BASE + 16 },                   // goes backwards
		{ 0, 16 },
		{ UINT64_MAX - 31, UINT64_MAX - 15 },
	};
	assert_null(ms_blocks_new((struct ms_range){ BASE, BASE + 0x1000 }, 16, &blocks));
	assert_null(ms_blocks_add(blocks, (struct ms_range){ BASE, BASE + 32 }, 1, NULL));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		_cleanup_error_ struct ms_error *err =
			ms_blocks_add(blocks, bad[i], 1, NULL);
		assert_true(ms_error_is(err, MS_ERROR_FORMAT));
	}
	assert_int_equal(ms_blocks_count(blocks), 1);
	ms_blocks_free(blocks);
	_cleanup_error_ struct ms_error *err =
		ms_blocks_new((struct ms_range){ 0, UINT64_MAX }, 16, &blocks);
	assert_true(ms_error_is(err, MS_ERROR_LIMIT));
}

static void costs_what_it_should(void **state)
{
	(void)state;
	struct ms_blocks *blocks;
	uint64_t size = 64ull << 20;
	assert_null(ms_blocks_new((struct ms_range){ BASE, BASE + size }, 16, &blocks));
	for (uint64_t at = BASE; at < BASE + size; at += 80)
		assert_null(ms_blocks_add(blocks,
			(struct ms_range){ at, ms_min(at + 80, BASE + size) }, 1, NULL));
	assert_null(ms_blocks_seal(blocks));
	// 17 million blocks of 80 bytes in 1.3 GiB within about 45 MB: 2.7 bytes a block.
	assert_true(ms_blocks_footprint(blocks) <= ms_blocks_count(blocks) * 272 / 100);
	ms_blocks_free(blocks);
}

enum {
	OFFERS = 40,
	BLOCKS = 500
};

struct offers {
	struct ms_claims *claims;
	struct ms_blocks *blocks;
	const ms_kind *kinds;
	unsigned shift;
};

// Item i offers kind i to every block it picks; which, depends on i alone.
static struct ms_error *offer(void *arg, unsigned worker, size_t item)
{
	const struct offers *o = arg;
	struct ms_block block = { 0 };
	struct ms_error *err = NULL;
	(void)worker;
	size_t which = (item + o->shift) % OFFERS;
	while (!err && ms_blocks_next(o->blocks, &block))
		if ((block.ordinal * 7 + which * 13) % 5 < 2)
			err = ms_claims_offer(
				o->claims, o->blocks, &block, o->kinds[which]);
	return err;
}

static void make_offers(unsigned threads, unsigned shift, char out[BLOCKS][64])
{
	struct offers o = { .shift = shift };
	struct ms_pool *pool;
	ms_kind kinds[OFFERS];
	char owner[16];
	assert_null(ms_claims_new(&o.claims));
	struct ms_kinds *table = ms_claims_kinds(o.claims);
	for (unsigned i = 0; i < OFFERS; i++) {
		(void)snprintf(owner, sizeof(owner), "o%u", (i + shift) % OFFERS % 8);
		kinds[(i + shift) % OFFERS] = intern(table, owner, MS_STATE_LIVE,
			(enum ms_precedence)(1 + (i + shift) % OFFERS % 4));
	}
	ms_kind live =
		intern(table, "malloc.live.unknown", MS_STATE_LIVE, MS_PRECEDENCE_NONE);
	ms_kind freed = intern(
		table, "malloc.free.glibc", MS_STATE_FREE, MS_PRECEDENCE_STRUCTURE);
	assert_null(ms_blocks_new(
		(struct ms_range){ BASE, BASE + 16 * BLOCKS }, 16, &o.blocks));
	for (uint64_t i = 0; i < BLOCKS; i++)
		assert_null(ms_blocks_add(o.blocks,
			(struct ms_range){ BASE + 16 * i, BASE + 16 * i + 16 },
			i % 3 ? live : freed, NULL));
	assert_null(ms_blocks_seal(o.blocks));
	o.kinds = kinds;
	assert_null(ms_pool_new(threads, &pool));
	assert_null(ms_pool_run(pool, OFFERS, offer, &o, NULL));
	ms_pool_free(pool);
	for (size_t i = 0; i < BLOCKS; i++) {
		const struct ms_kind_row *row =
			ms_kinds_row(table, ms_blocks_kind(o.blocks, i));
		(void)snprintf(out[i], 64, "%s/%s/%d", row->owner, row->rival ?: "-",
			(int)row->precedence);
	}
	ms_blocks_free(o.blocks);
	ms_claims_free(o.claims);
}

// The outcome is the same for any number of threads and any order of offers, and freed
// blocks stay freed.
static void offers_are_deterministic(void **state)
{
	(void)state;
	static char first[BLOCKS][64], again[BLOCKS][64];
	make_offers(1, 0, first);
	for (unsigned threads = 2; threads <= 8; threads *= 2) {
		make_offers(threads, threads * 5, again);
		for (size_t i = 0; i < BLOCKS; i++)
			assert_string_equal(first[i], again[i]);
	}
	for (size_t i = 0; i < BLOCKS; i++)
		assert_true(!!strncmp(first[i], "malloc.", 7) == (i % 3 != 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(granules_match_list),
		cmocka_unit_test(segments_join),
		cmocka_unit_test(segment_is_cleared),
		cmocka_unit_test(refuses_what_does_not_fit),
		cmocka_unit_test(costs_what_it_should),
		cmocka_unit_test(offers_are_deterministic),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
