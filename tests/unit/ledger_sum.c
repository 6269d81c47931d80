// The laws of the ledger, each a test, and a property test with an oracle that decides
// every byte on its own.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "ledger/ledger.h"

enum {
	PAGE = MS_PAGE_SIZE,
	BASE = 0x100000
};

struct world {
	struct ms_claims *claims;
	struct ms_pages *pages;
	struct ms_mapping mappings[64];
	struct ms_maps maps;
	struct ms_sum_input in;
};

static void make_world(struct world *w)
{
	*w = (struct world){ .maps.v = w->mappings };
	assert_null(ms_claims_new(&w->claims));
	assert_null(ms_pages_new(&w->pages));
	w->in = (struct ms_sum_input){ .target = { .kind = "live" },
		.maps = &w->maps,
		.pages = w->pages,
		.has_pages = true,
		.source = { true, true } };
}

static void free_world(struct world *w)
{
	ms_claims_free(w->claims);
	ms_pages_free(w->pages);
}

static struct ms_mapping *map(struct world *w, uint64_t start, uint64_t pages)
{
	struct ms_mapping *m = &w->mappings[w->maps.n++];
	*m = (struct ms_mapping){ .range = { start, start + pages * PAGE } };
	return m;
}

static void set(struct world *w, uint64_t start, uint64_t pages, enum ms_page_state state)
{
	assert_null(ms_pages_set(
		w->pages, (struct ms_range){ start, start + pages * PAGE }, state));
}

static const struct ms_kind_row plain = { .reader = "test",
	.detail = "test",
	.grade = MS_GRADE_EXACT,
	.precedence = MS_PRECEDENCE_SHAPE };

static ms_kind kind_of(struct world *w, const char *owner, enum ms_state memory)
{
	struct ms_kind_row row = plain;
	ms_kind kind = 0;
	row.owner = owner;
	row.state = memory;
	assert_null(ms_claims_kind(w->claims, &row, &kind));
	return kind;
}

static void say(struct world *w, uint64_t start, uint64_t end, enum ms_rank rank,
	const char *owner)
{
	assert_null(
		ms_claims_add(w->claims, &(struct ms_claim){ .range = { start, end },
						 .rank = rank,
						 .kind = kind_of(w, owner, MS_STATE_NONE),
						 .count = 1 }));
}

static struct ms_ledger *sum_up(struct world *w)
{
	struct ms_ledger *ledger = NULL;
	uint64_t sum = 0;
	assert_null(ms_claims_resolve(w->claims));
	assert_null(ms_ledger_sum(w->claims, &w->in, &ledger));
	for (size_t i = 0; i < ledger->row_n; i++)
		sum += ledger->rows[i].resident;
	assert_int_equal(sum, ledger->rss);
	assert_non_null(ms_ledger_find(ledger, "unexplained"));
	return ledger;
}

static uint64_t bytes_of(const struct ms_ledger *ledger, const char *owner)
{
	const struct ms_ledger_row *row = ms_ledger_find(ledger, owner);
	return row ? row->resident : 0;
}

static void finer_carves_out_of_coarser(void **state)
{
	(void)state;
	struct world w;
	make_world(&w);
	map(&w, BASE, 10);
	map(&w, BASE + 16 * PAGE, 2);
	set(&w, BASE, 8, MS_PAGE_ANON);
	set(&w, BASE + 8 * PAGE, 1, MS_PAGE_ZERO);
	set(&w, BASE + 16 * PAGE, 2, MS_PAGE_FILE);
	say(&w, BASE, BASE + 10 * PAGE, MS_RANK_MAPPING, "anon");
	say(&w, BASE + 2 * PAGE, BASE + 6 * PAGE, MS_RANK_REGION, "stack.thread");
	say(&w, BASE + 3 * PAGE + 100, BASE + 4 * PAGE + 50, MS_RANK_PART, "java.stack");
	_cleanup_ledger_ struct ms_ledger *ledger = sum_up(&w);
	assert_int_equal(bytes_of(ledger, "anon"), 4 * PAGE);
	assert_int_equal(bytes_of(ledger, "java.stack"), PAGE - 50);
	assert_int_equal(bytes_of(ledger, "stack.thread"), 3 * PAGE + 50);
	assert_int_equal(bytes_of(ledger, "unexplained"), 2 * PAGE);
	assert_int_equal(ledger->rss, 10 * PAGE);
	assert_int_equal(ledger->unexplained, 2 * PAGE);
	struct ms_answer answer = ms_claims_find(w.claims, BASE + 3 * PAGE + 100);
	assert_string_equal(answer.kind->owner, "java.stack");
	assert_string_equal(
		ms_claims_find(w.claims, BASE + 17 * PAGE).kind->owner, "unexplained");
	free_world(&w);
}

static void what_passes_its_parent_is_clipped(void **state)
{
	(void)state;
	struct world w;
	make_world(&w);
	map(&w, BASE, 10);
	set(&w, BASE, 10, MS_PAGE_ANON);
	say(&w, BASE, BASE + 4 * PAGE, MS_RANK_REGION, "malloc.heap");
	say(&w, BASE + 2 * PAGE, BASE + 9 * PAGE, MS_RANK_PART, "malloc.free.glibc");
	_cleanup_ledger_ struct ms_ledger *ledger = sum_up(&w);
	assert_int_equal(bytes_of(ledger, "malloc.free.glibc"), 2 * PAGE);
	assert_int_equal(bytes_of(ledger, "unexplained"), 6 * PAGE);
	assert_int_equal(ledger->clipped, 1);
	free_world(&w);
}

static void reservation_spans_mappings(void **state)
{
	(void)state;
	struct world w;
	make_world(&w);
	map(&w, BASE, 4);
	map(&w, BASE + 4 * PAGE, 4);
	set(&w, BASE, 8, MS_PAGE_ANON);
	say(&w, BASE, BASE + 4 * PAGE, MS_RANK_MAPPING, "anon.a");
	say(&w, BASE + 4 * PAGE, BASE + 8 * PAGE, MS_RANK_MAPPING, "anon.b");
	say(&w, BASE, BASE + 8 * PAGE, MS_RANK_REGION, "java.heap");
	_cleanup_ledger_ struct ms_ledger *ledger = sum_up(&w);
	assert_int_equal(bytes_of(ledger, "java.heap"), 8 * PAGE);
	assert_int_equal(ledger->clipped, 0);
	free_world(&w);
}

static void freed_memory_stays_freed(void **state)
{
	(void)state;
	struct world w;
	make_world(&w);
	map(&w, BASE, 4);
	set(&w, BASE, 4, MS_PAGE_ANON);
	struct ms_blocks *blocks;
	assert_null(
		ms_blocks_new((struct ms_range){ BASE, BASE + 4 * PAGE }, 16, &blocks));
	ms_kind live = kind_of(&w, "malloc.live.unknown", MS_STATE_LIVE);
	ms_kind freed = kind_of(&w, "malloc.free.glibc", MS_STATE_FREE);
	assert_null(ms_blocks_add(
		blocks, (struct ms_range){ BASE, BASE + PAGE }, live, NULL));
	assert_null(ms_blocks_add(
		blocks, (struct ms_range){ BASE + PAGE, BASE + 3 * PAGE }, freed, NULL));
	assert_null(ms_blocks_seal(blocks));
	assert_null(ms_claims_add(
		w.claims, &(struct ms_claim){ .range = { BASE, BASE + 4 * PAGE },
				  .rank = MS_RANK_REGION,
				  .kind = kind_of(&w, "malloc.heap", MS_STATE_NONE),
				  .blocks = blocks }));
	say(&w, BASE + 64, BASE + 128, MS_RANK_STRUCTURE, "lib.zlib.inflate");
	say(&w, BASE + PAGE + 64, BASE + PAGE + 128, MS_RANK_STRUCTURE, "lib.openssl");
	struct ms_block block = { 0 };
	ms_kind offered = kind_of(&w, "java.symbols", MS_STATE_LIVE);
	while (ms_blocks_next(blocks, &block))
		if (block.kind == freed)
			assert_null(ms_claims_offer(w.claims, blocks, &block, offered));
	_cleanup_ledger_ struct ms_ledger *ledger = sum_up(&w);
	assert_int_equal(bytes_of(ledger, "lib.openssl"), 0);
	assert_int_equal(bytes_of(ledger, "java.symbols"), 0);
	assert_int_equal(bytes_of(ledger, "lib.zlib.inflate"), 64);
	assert_int_equal(bytes_of(ledger, "malloc.live.unknown"), PAGE - 64);
	assert_int_equal(bytes_of(ledger, "malloc.heap"), PAGE);
	assert_int_equal(ledger->unexplained, PAGE - 64);
	const struct ms_ledger_row *row = ms_ledger_find(ledger, "malloc.free.glibc");
	assert_int_equal(row->resident, 2 * PAGE);
	assert_int_equal(row->count, 1);
	assert_int_equal(row->last_use_n, 2);
	assert_string_equal(row->last_uses[0].owner, "java.symbols");
	assert_int_equal(row->last_uses[0].bytes, 2 * PAGE);
	assert_string_equal(row->last_uses[1].owner, "lib.openssl");
	assert_int_equal(row->last_uses[1].bytes, 64);
	free_world(&w);
}

static void only_ties_are_conflicts(void **state)
{
	(void)state;
	struct world w;
	make_world(&w);
	map(&w, BASE, 10);
	set(&w, BASE, 10, MS_PAGE_ANON);
	say(&w, BASE, BASE + 6 * PAGE, MS_RANK_REGION, "java.heap");
	say(&w, BASE + 4 * PAGE, BASE + 8 * PAGE, MS_RANK_REGION, "java.cds");
	struct ms_kind_row weak = plain;
	weak.owner = "anon.weak";
	weak.grade = MS_GRADE_CONTENT;
	assert_null(ms_claims_say(w.claims, (struct ms_range){ BASE, BASE + 10 * PAGE },
		MS_RANK_REGION, &weak, 1, (struct ms_bytes){ 0 }));
	_cleanup_ledger_ struct ms_ledger *ledger = sum_up(&w);
	assert_int_equal(bytes_of(ledger, "java.cds"), 4 * PAGE);
	assert_int_equal(bytes_of(ledger, "java.heap"), 4 * PAGE);
	assert_int_equal(bytes_of(ledger, "anon.weak"), 2 * PAGE);
	assert_int_equal(ledger->conflict_total, 1);
	assert_int_equal(ledger->conflicts[0].range.start, BASE + 4 * PAGE);
	assert_int_equal(ledger->conflicts[0].range.end, BASE + 6 * PAGE);
	assert_string_equal(ledger->conflicts[0].rival, "java.heap");
	const struct ms_ledger_row *row = ms_ledger_find(ledger, "java.cds");
	assert_int_equal(row->counter_n, 1);
	assert_true(ms_bytes_is(row->counter[0].what, "also claimed by java.heap"));
	free_world(&w);
}

static void views_of_one_file_count_once(void **state)
{
	(void)state;
	struct world w;
	make_world(&w);
	// Three views of one memfd as ZGC has them; the pages of the middle one are its
	// own where the first view does not have them present.
	for (unsigned i = 0; i < 3; i++) {
		struct ms_mapping *m = map(&w, BASE + i * 0x100000, 8);
		m->inode = 77;
		m->dev_minor = 1;
		m->kind = MS_MAPPING_MEMFD;
		m->flags = MS_MAPPING_SHARED;
	}
	struct ms_mapping *other = map(&w, BASE + 0x400000, 8);
	other->inode = 77; // another device: another file
	other->dev_minor = 2;
	set(&w, BASE, 4, MS_PAGE_FILE);
	set(&w, BASE + 0x100000, 6, MS_PAGE_FILE);
	set(&w, BASE + 0x200000 + PAGE, 7, MS_PAGE_FILE);
	set(&w, BASE + 0x400000, 8, MS_PAGE_FILE);
	for (unsigned i = 0; i < 3; i++)
		say(&w, w.mappings[i].range.start, w.mappings[i].range.end,
			MS_RANK_MAPPING,
			(const char *const[]){ "shm.a", "shm.b", "shm.c" }[i]);
	_cleanup_ledger_ struct ms_ledger *ledger = sum_up(&w);
	assert_int_equal(ledger->rss, 25 * PAGE);
	assert_int_equal(bytes_of(ledger, "shm.a"), 4 * PAGE);
	assert_int_equal(bytes_of(ledger, "shm.b"), 2 * PAGE);
	assert_int_equal(bytes_of(ledger, "shm.c"), 2 * PAGE);
	assert_int_equal(bytes_of(ledger, "overcount"), 9 * PAGE);
	assert_int_equal(bytes_of(ledger, "unexplained"), 8 * PAGE);
	free_world(&w);
}

static void private_copies_have_their_own_kind(void **state)
{
	(void)state;
	struct world w;
	make_world(&w);
	map(&w, BASE, 8);
	set(&w, BASE, 3, MS_PAGE_FILE);
	set(&w, BASE + 3 * PAGE, 2, MS_PAGE_ANON);
	set(&w, BASE + 5 * PAGE, 1, MS_PAGE_SWAPPED);
	assert_null(ms_claims_add(w.claims,
		&(struct ms_claim){ .range = { BASE, BASE + 8 * PAGE },
			.rank = MS_RANK_MAPPING,
			.count = 1,
			.kind = kind_of(&w, "file.lib", MS_STATE_NONE),
			.kind_anon = kind_of(&w, "file.lib.dirty", MS_STATE_NONE),
			.item = ms_bytes_of("/lib/libc.so.6") }));
	_cleanup_ledger_ struct ms_ledger *ledger = sum_up(&w);
	assert_int_equal(bytes_of(ledger, "file.lib"), 3 * PAGE);
	assert_int_equal(bytes_of(ledger, "file.lib.dirty"), 2 * PAGE);
	const struct ms_ledger_row *row = ms_ledger_find(ledger, "file.lib");
	assert_int_equal(row->swap, PAGE);
	assert_int_equal(row->count, 1);
	assert_int_equal(row->item_n, 1);
	assert_true(ms_bytes_is(row->items[0].name, "/lib/libc.so.6"));
	assert_string_equal(ledger->mappings[0].owner, "file.lib");
	assert_int_equal(ledger->mappings[0].owner_n, 2);
	free_world(&w);
}

static void some_mappings_never_count(void **state)
{
	(void)state;
	struct world w;
	make_world(&w);
	map(&w, BASE, 2)->kind = MS_MAPPING_VVAR;
	map(&w, BASE + 4 * PAGE, 2)->name = ms_bytes_of("/anon_hugepage");
	map(&w, BASE + 8 * PAGE, 2);
	set(&w, BASE, 2, MS_PAGE_FILE);
	set(&w, BASE + 4 * PAGE, 2, MS_PAGE_ANON);
	set(&w, BASE + 8 * PAGE, 2, MS_PAGE_ANON);
	_cleanup_ledger_ struct ms_ledger *ledger = sum_up(&w);
	assert_int_equal(ledger->rss, 2 * PAGE);
	assert_int_equal(ledger->mapping_n, 3);
	free_world(&w);
}

// Without PAGEMAP_SCAN zero pages look present; smaps says how many bytes are real.
static void zero_pages_are_scaled_away(void **state)
{
	(void)state;
	struct world w;
	make_world(&w);
	map(&w, BASE, 9);
	set(&w, BASE, 9, MS_PAGE_ANON);
	say(&w, BASE, BASE + 3 * PAGE, MS_RANK_MAPPING, "anon.a");
	say(&w, BASE + 3 * PAGE, BASE + 9 * PAGE, MS_RANK_MAPPING, "anon.b");
	struct ms_smaps_entry entry = { .range = { BASE, BASE + 9 * PAGE },
		.known = 1u << MS_SMAPS_RSS };
	entry.bytes[MS_SMAPS_RSS] = 7 * PAGE;
	struct ms_smaps smaps = { &entry, 1, 0 };
	w.in.source.has_scan = false;
	w.in.smaps = &smaps;
	_cleanup_ledger_ struct ms_ledger *ledger = sum_up(&w);
	assert_int_equal(ledger->rss, 7 * PAGE);
	assert_int_equal(ledger->rss_smaps, 7 * PAGE);
	assert_in_range(bytes_of(ledger, "anon.a"), 7 * PAGE / 3 - 1, 7 * PAGE / 3 + 1);
	assert_int_equal(ledger->note_n, 1);
	free_world(&w);
}

static void file_without_page_states_has_no_kernel_figure(void **state)
{
	(void)state;
	struct world w;
	make_world(&w);
	map(&w, BASE, 2);
	set(&w, BASE, 1, MS_PAGE_ANON);
	set(&w, BASE + PAGE, 1, MS_PAGE_UNKNOWN);
	w.in.has_pages = false;
	_cleanup_ledger_ struct ms_ledger *ledger = sum_up(&w);
	assert_int_equal(ledger->rss, PAGE);
	assert_int_equal(ledger->unknown, PAGE);
	assert_false(ledger->has_rss_smaps);
	free_world(&w);
}

static void outside_is_beside(void **state)
{
	(void)state;
	struct world w;
	make_world(&w);
	assert_null(ms_claims_outside(w.claims, "outside.memfd", 100, "kernel",
		"descriptor 4", ms_bytes_of("/memfd:a")));
	assert_null(ms_claims_outside(w.claims, "outside.memfd", 300, "kernel",
		"descriptor 5", ms_bytes_of("/memfd:b")));
	assert_null(ms_claims_outside(w.claims, "outside.pagetables", 7, "kernel",
		"VmPTE", (struct ms_bytes){ 0 }));
	assert_null(ms_claims_note(w.claims, "note %d", 1));
	_cleanup_ledger_ struct ms_ledger *ledger = sum_up(&w);
	assert_int_equal(ledger->rss, 0);
	assert_int_equal(ledger->outside_n, 2);
	assert_int_equal(ledger->outside[0].bytes, 400);
	assert_int_equal(ledger->outside[0].evidence_n, 2);
	assert_true(ms_bytes_is(
		ledger->outside[0].evidence[0].what, "descriptor 5 /memfd:b"));
	assert_string_equal(ledger->outside[1].owner, "outside.pagetables");
	assert_string_equal(ledger->notes[0], "note 1");
	free_world(&w);
}

// The property test.

enum {
	SPACE_PAGES = 40,
	UNIT = 256,
	CLAIMS = 60
};

static const char *const ids[] = { "a.one", "b.two", "c.three", "d.four", "e.five" };

static struct ms_claim random_claim(struct world *w, unsigned ranks)
{
	uint64_t units = SPACE_PAGES * PAGE / UNIT;
	uint64_t start = (uint64_t)rand() % units;
	uint64_t n = 1 + (uint64_t)rand() % (units / (rand() % 4 ? 8 : 2));
	struct ms_kind_row row = plain;
	struct ms_claim claim = { .range = { BASE + start * UNIT,
					  BASE + (start + n) * UNIT },
		.rank = (enum ms_rank)(rand() % (int)ranks),
		.count = (uint32_t)rand() % 3 };
	row.owner = ids[rand() % 5];
	row.grade = (enum ms_grade)(rand() % 3);
	row.precedence = (enum ms_precedence)(rand() % 6);
	row.state = ranks > 2 && !(rand() % 6) ? MS_STATE_FREE : MS_STATE_NONE;
	assert_null(ms_claims_kind(w->claims, &row, &claim.kind));
	return claim;
}

static void random_pages(struct world *w)
{
	for (unsigned i = 0; i < 4; i++)
		map(w, BASE + i * SPACE_PAGES / 4 * PAGE,
			SPACE_PAGES / 4 - (rand() % 3 ? 0 : 2));
	for (unsigned i = 0; i < SPACE_PAGES; i++)
		set(w, BASE + i * PAGE, 1,
			(enum ms_page_state)(rand() % (MS_PAGE_SWAPPED + 1)));
}

static const struct ms_kind_row *kind_row(struct world *w, const struct ms_claim *claim)
{
	return ms_kinds_row(ms_claims_kinds(w->claims), claim->kind);
}

// Who owns a byte, decided alone: the finest rank, then the strongest.
static const char *oracle(
	struct world *w, const struct ms_claim *v, size_t n, uint64_t at)
{
	const struct ms_claim *best = NULL;
	for (size_t i = 0; i < n; i++) {
		if (!ms_range_has(v[i].range, at))
			continue;
		bool is_better = !best || v[i].rank > best->rank ||
				 (v[i].rank == best->rank &&
					 ms_kind_row_compare(kind_row(w, &v[i]),
						 kind_row(w, best)) < 0);
		if (is_better)
			best = &v[i];
	}
	return best ? kind_row(w, best)->owner : "unexplained";
}

static void check_oracle(struct world *w, const struct ms_claim *v, size_t n,
	const struct ms_ledger *ledger)
{
	for (size_t id = 0; id < 6; id++) {
		const char *owner = id < 5 ? ids[id] : "unexplained";
		uint64_t bytes = 0;
		for (size_t m = 0; m < w->maps.n; m++)
			for (uint64_t at = w->mappings[m].range.start;
				at < w->mappings[m].range.end; at += UNIT)
				if (ms_page_is_resident(ms_pages_get(w->pages, at)) &&
					!strcmp(oracle(w, v, n, at), owner))
					bytes += UNIT;
		assert_int_equal(bytes_of(ledger, owner), bytes);
	}
}

static void same_ledger(const struct ms_ledger *a, const struct ms_ledger *b)
{
	assert_int_equal(a->row_n, b->row_n);
	assert_int_equal(a->conflict_total, b->conflict_total);
	assert_int_equal(a->clipped, b->clipped);
	for (size_t i = 0; i < a->row_n; i++) {
		assert_string_equal(a->rows[i].owner, b->rows[i].owner);
		assert_int_equal(a->rows[i].resident, b->rows[i].resident);
		assert_int_equal(a->rows[i].swap, b->rows[i].swap);
		assert_int_equal(a->rows[i].count, b->rows[i].count);
		assert_int_equal(a->rows[i].grade, b->rows[i].grade);
		assert_int_equal(a->rows[i].last_use_n, b->rows[i].last_use_n);
	}
}

static struct ms_ledger *sum_of(struct world *w, const struct ms_claim *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_null(ms_claims_add(w->claims, &v[i]));
	return sum_up(w);
}

static void check_round(unsigned seed, unsigned ranks)
{
	struct world w;
	struct ms_claim v[CLAIMS];
	srand(seed);
	size_t n = 1 + (size_t)rand() % CLAIMS;
	make_world(&w);
	random_pages(&w);
	for (size_t i = 0; i < n; i++)
		v[i] = random_claim(&w, ranks);
	_cleanup_ledger_ struct ms_ledger *ledger = sum_of(&w, v, n);
	uint64_t resident = 0;
	for (size_t i = 0; i < w.maps.n; i++)
		resident += ms_pages_resident(w.pages, w.mappings[i].range);
	assert_int_equal(ledger->rss, resident);
	if (ranks <= 2)
		check_oracle(&w, v, n, ledger);
	// Again in another order, with kinds numbered in another order too.
	struct ms_claims *first = w.claims;
	assert_null(ms_claims_new(&w.claims));
	for (size_t i = n; i; i--) {
		size_t j = (size_t)rand() % i;
		struct ms_claim claim = v[j];
		v[j] = v[i - 1];
		v[i - 1] = claim;
		assert_null(ms_claims_kind(w.claims,
			ms_kinds_row(ms_claims_kinds(first), claim.kind),
			&v[i - 1].kind));
	}
	_cleanup_ledger_ struct ms_ledger *again = sum_of(&w, v, n);
	same_ledger(ledger, again);
	ms_claims_free(first);
	free_world(&w);
}

static void random_claims_balance(void **state)
{
	(void)state;
	unsigned seed =
		getenv("MS_TEST_SEED") ? (unsigned)atoi(getenv("MS_TEST_SEED")) : 1;
	for (unsigned i = 0; i < 400; i++) {
		check_round(seed * 1000 + i, 2);
		check_round(seed * 1000 + i, MS_RANK_COUNT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finer_carves_out_of_coarser),
		cmocka_unit_test(what_passes_its_parent_is_clipped),
		cmocka_unit_test(reservation_spans_mappings),
		cmocka_unit_test(freed_memory_stays_freed),
		cmocka_unit_test(only_ties_are_conflicts),
		cmocka_unit_test(views_of_one_file_count_once),
		cmocka_unit_test(private_copies_have_their_own_kind),
		cmocka_unit_test(some_mappings_never_count),
		cmocka_unit_test(zero_pages_are_scaled_away),
		cmocka_unit_test(file_without_page_states_has_no_kernel_figure),
		cmocka_unit_test(outside_is_beside),
		cmocka_unit_test(random_claims_balance),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
