// Damages the books of the allocators of a core, over and over: whatever they say then,
// the walk ends, within a bound of what it reads, two workers see what one sees, every
// block lies in the target's writable memory, and what is stamped exact is what the
// undamaged target holds.
//
// Usage: alloc_mutate TARGET RUNS
//
// The seed of run i is MS_SEED plus i, MS_SEED being the time unless it is set. With
// MS_MUTATE_TELL each run tells what it changed and what came of it.

#include "alloc_mutate.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "survey/survey.h"

enum {
	INSTANCES_MAX = 16,
	READS_FACTOR = 20,
	READS_MORE = 20000,
	SURVEY_EACH = 32, // runs
};

// What one instance holds, by state.
struct sums {
	const char *allocator;
	bool is_walked, is_exact;
	struct ms_alloc_count count[MS_ALLOC_STATE_COUNT];
};

struct outcome {
	struct sums v[INSTANCES_MAX];
	size_t n;
};

struct test {
	struct ms_target *target;
	struct ms_thread_table *threads;
	struct places places;
	struct outcome whole; // undamaged
	struct damage damage;
	uint64_t reads, bytes; // undamaged
	uint64_t most;         // bytes read in a run
	uint64_t seed;
	bool does_tell;
	unsigned failures;
	uint64_t exact, unlike, sound, gone; // instances of all runs
};

static void die(struct ms_error *err)
{
	fprintf(stderr, "alloc_mutate: %s\n", err->message);
	exit(2);
}

static void tell_damage(const struct damage *damage)
{
	for (size_t i = 0; i < damage->n; i++)
		printf("  %s %#" PRIx64 ": %#" PRIx64 " to %#" PRIx64 "\n",
			aim_name(damage->v[i].aim), damage->v[i].address,
			damage->v[i].before, damage->v[i].after);
}

__attribute__((format(printf, 2, 3))) static void fail(
	struct test *test, const char *format, ...)
{
	va_list args;
	printf("seed %" PRIu64 ": ", test->seed);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	tell_damage(&test->damage);
	test->failures++;
}

// --- what was found -------------------------------------------------------------------

static void add_counts(struct ms_alloc_count *to, const struct ms_alloc_count *from)
{
	for (int s = 0; s < MS_ALLOC_STATE_COUNT; s++) {
		to[s].blocks += from[s].blocks;
		to[s].bytes += from[s].bytes;
	}
}

static void sum_up(const struct ms_alloc *alloc, struct outcome *ret)
{
	*ret = (struct outcome){ 0 };
	ms_array_foreach (instance, &alloc->instances) {
		if (ret->n == INSTANCES_MAX)
			return;
		ret->v[ret->n++] = (struct sums){ .allocator = instance->allocator,
			.is_walked = instance->is_walked,
			.is_exact = instance->grade == MS_GRADE_EXACT };
	}
	ms_array_foreach (arena, &alloc->arenas)
		if (arena->instance < ret->n)
			add_counts(ret->v[arena->instance].count, arena->count);
}

static bool is_same(const struct ms_alloc *a, const struct ms_alloc *b)
{
	bool same = a->instances.n == b->instances.n && a->arenas.n == b->arenas.n &&
		    a->regions.n == b->regions.n && a->threads.n == b->threads.n &&
		    a->sizes.n == b->sizes.n;
	for (size_t i = 0; same && i < a->arenas.n; i++)
		same = !memcmp(a->arenas.v[i].count, b->arenas.v[i].count,
			       sizeof(a->arenas.v[i].count)) &&
		       a->arenas.v[i].off == b->arenas.v[i].off &&
		       a->arenas.v[i].reclaimable == b->arenas.v[i].reclaimable;
	for (size_t i = 0; same && i < a->sizes.n; i++)
		same = a->sizes.v[i].size == b->sizes.v[i].size &&
		       !memcmp(a->sizes.v[i].blocks, b->sizes.v[i].blocks,
			       sizeof(a->sizes.v[i].blocks));
	for (size_t i = 0; same && i < a->instances.n; i++)
		same = a->instances.v[i].grade == b->instances.v[i].grade &&
		       a->instances.v[i].off == b->instances.v[i].off &&
		       !strcmp(a->instances.v[i].reason, b->instances.v[i].reason);
	return same;
}

// The same allocator of the undamaged target; NULL: it has no such.
static const struct sums *sums_like(
	const struct outcome *whole, const struct outcome *now, size_t index)
{
	size_t before = 0;
	for (size_t i = 0; i < index; i++)
		before += !strcmp(now->v[i].allocator, now->v[index].allocator);
	for (size_t i = 0; i < whole->n; i++)
		if (!strcmp(whole->v[i].allocator, now->v[index].allocator) && !before--)
			return &whole->v[i];
	return NULL;
}

static bool is_like(const struct sums *a, const struct sums *b)
{
	for (int s = 0; s < MS_ALLOC_STATE_COUNT; s++)
		if (a->count[s].blocks != b->count[s].blocks ||
			a->count[s].bytes != b->count[s].bytes)
			return false;
	return true;
}

// Two states that nothing but one word tells apart: no counter says how many blocks are in
// each. A heap that differs only in that is one as sound as the undamaged.
static const struct blind {
	const char *allocator;
	enum ms_alloc_state a, b;
	uint64_t most;   // blocks that one word may move from one to the other
	bool is_elastic; // and a live block may be as large as several
} blinds[] = {
	// Fast bins are not counted: a link that leads past members makes the list shorter.
	// Nothing but its own header says where a live chunk ends.
	{ "glibc", MS_ALLOC_LIVE, MS_ALLOC_FAST, UINT64_MAX, true },
	// A cache's stack of blocks begins where one word says.
	{ "jemalloc", MS_ALLOC_LIVE, MS_ALLOC_CACHED, 200, false },
	// Two masks of 32 bits say which slots of a group are free.
	{ "musl", MS_ALLOC_LIVE, MS_ALLOC_FREE, 32, false },
};

static bool is_moved(const struct blind *blind, const struct ms_alloc_count *now,
	const struct ms_alloc_count *whole, size_t changes)
{
	const struct ms_alloc_count *a = &now[blind->a], *b = &now[blind->b];
	const struct ms_alloc_count *x = &whole[blind->a], *y = &whole[blind->b];
	uint64_t moved =
		a->blocks > x->blocks ? a->blocks - x->blocks : x->blocks - a->blocks;
	return a->bytes + b->bytes == x->bytes + y->bytes &&
	       (blind->is_elastic || a->blocks + b->blocks == x->blocks + y->blocks) &&
	       moved / changes <= blind->most;
}

// Does it differ only in what its allocator has no second word on?
static bool is_as_sound(const struct sums *now, const struct sums *whole, size_t changes)
{
	for (size_t i = 0; i < sizeof(blinds) / sizeof(blinds[0]); i++) {
		const struct blind *blind = &blinds[i];
		struct sums moved = *now;
		if (strcmp(blind->allocator, now->allocator) ||
			!is_moved(blind, now->count, whole->count, changes))
			continue;
		moved.count[blind->a] = whole->count[blind->a];
		moved.count[blind->b] = whole->count[blind->b];
		if (is_like(&moved, whole))
			return true;
	}
	return false;
}

static void tell_difference(const struct sums *now, const struct sums *whole)
{
	for (int s = 0; s < MS_ALLOC_STATE_COUNT; s++)
		if (now->count[s].blocks != whole->count[s].blocks ||
			now->count[s].bytes != whole->count[s].bytes)
			printf("  %s: %" PRIu64 " blocks, %" PRIu64
			       " bytes; undamaged %" PRIu64 ", %" PRIu64 "\n",
				ms_alloc_state_name((enum ms_alloc_state)s),
				now->count[s].blocks, now->count[s].bytes,
				whole->count[s].blocks, whole->count[s].bytes);
}

static void check_stamps(struct test *test, const struct outcome *now)
{
	for (size_t i = 0; i < now->n; i++) {
		const struct sums *whole = sums_like(&test->whole, now, i);
		struct sums none = { .allocator = now->v[i].allocator };
		bool like = is_like(&now->v[i], whole ? whole : &none);
		test->unlike += !like;
		test->exact += now->v[i].is_exact;
		if (!now->v[i].is_exact || !now->v[i].is_walked || like)
			continue;
		if (is_as_sound(&now->v[i], whole ? whole : &none, test->damage.n)) {
			test->sound++;
			continue;
		}
		fail(test, "%s is stamped exact", now->v[i].allocator);
		tell_difference(&now->v[i], whole ? whole : &none);
	}
	test->gone += now->n < test->whole.n;
}

// --- one run --------------------------------------------------------------------------

static bool is_writable(const struct ms_maps *maps, struct ms_range range)
{
	uint64_t at = range.start;
	for (size_t i = ms_maps_index(maps, at); i < maps->n && at < range.end; i++) {
		if (maps->v[i].range.start > at ||
			!(maps->v[i].flags & MS_MAPPING_WRITE) ||
			maps->v[i].flags & MS_MAPPING_SHARED)
			return false;
		at = maps->v[i].range.end;
	}
	return at >= range.end;
}

static void check_regions(struct test *test, const struct ms_alloc *alloc)
{
	const struct ms_maps *maps = ms_target_maps(test->target);
	uint64_t end = 0;
	ms_array_foreach (region, &alloc->regions) {
		if (region->range.start < end || region->range.end <= region->range.start)
			fail(test, "region %#" PRIx64 " overlaps another or is empty",
				region->range.start);
		end = region->range.end;
		if (!region->is_slabs && !is_writable(maps, region->range))
			fail(test, "region %#" PRIx64 "-%#" PRIx64 " is not writable",
				region->range.start, region->range.end);
	}
}

struct blocks {
	struct test *test;
	const struct ms_alloc *alloc;
	uint64_t end; // of the last one
};

static struct ms_error *check_blocks(
	void *arg, unsigned worker, const struct ms_alloc_block *v, size_t n)
{
	struct blocks *blocks = arg;
	(void)worker;
	for (size_t i = 0; i < n; i++) {
		const struct ms_alloc_block *b = &v[i];
		if (b->range.start < blocks->end || b->range.end <= b->range.start)
			fail(blocks->test, "block %#" PRIx64 " overlaps or is empty",
				b->range.start);
		if (b->usable > ms_range_size(b->range))
			fail(blocks->test, "block %#" PRIx64 " has %" PRIu64 " bytes",
				b->range.start, b->usable);
		if ((unsigned)b->state < MS_ALLOC_CLASSED &&
			!is_writable(ms_target_maps(blocks->test->target), b->range))
			fail(blocks->test,
				"block %#" PRIx64 "-%#" PRIx64 " is not writable",
				b->range.start, b->range.end);
		blocks->end = b->range.end;
	}
	return NULL;
}

static struct ms_alloc *walk(
	struct test *test, const struct ms_thread_table *threads, unsigned workers)
{
	struct ms_alloc *alloc = NULL;
	struct blocks blocks = { .test = test };
	struct ms_error *err = ms_alloc_find(test->target, threads, NULL, &alloc);
	blocks.alloc = alloc;
	if (!err)
		err = ms_alloc_walk(
			alloc, workers, workers == 1 ? check_blocks : NULL, &blocks);
	if (err)
		fail(test, "error: %s", err->message);
	ms_error_free(err);
	return alloc;
}

static void check_reads(struct test *test)
{
	if (test->damage.reads > READS_FACTOR * test->reads + READS_MORE)
		fail(test, "%" PRIu64 " reads", test->damage.reads);
	test->most = ms_max(test->most, test->damage.bytes);
	if (test->damage.bytes > READS_FACTOR * test->bytes)
		fail(test, "%" PRIu64 " bytes read", test->damage.bytes);
}

static struct ms_survey *survey(struct test *test, unsigned threads)
{
	struct ms_survey_options options = { .threads = threads };
	struct ms_survey *result = NULL;
	struct ms_error *err = ms_survey_run(test->target, &options, &result);
	uint64_t sum = 0;
	if (err) {
		fail(test, "survey: %s", err->message);
		ms_error_free(err);
		return NULL;
	}
	for (size_t i = 0; i < result->ledger->row_n; i++)
		sum += result->ledger->rows[i].resident;
	if (sum != result->ledger->rss)
		fail(test, "the ledger does not balance");
	return result;
}

static void run_surveys(struct test *test)
{
	struct ms_survey *one = survey(test, 1), *two = survey(test, 2);
	bool same = one && two && one->ledger->row_n == two->ledger->row_n;
	for (size_t i = 0; same && i < one->ledger->row_n; i++) {
		const struct ms_ledger_row *a = &one->ledger->rows[i],
					   *b = &two->ledger->rows[i];
		same = !strcmp(a->owner, b->owner) && a->resident == b->resident &&
		       a->count == b->count && a->grade == b->grade;
	}
	if (!same)
		fail(test, "surveys by one and two workers differ");
	if (one && one->alloc) {
		struct outcome now;
		sum_up(one->alloc, &now);
		check_stamps(test, &now);
	}
	ms_survey_free(one);
	ms_survey_free(two);
}

static void run(struct test *test, uint64_t number)
{
	struct outcome now;
	const struct ms_thread_table *threads = number % 8 == 7 ? NULL : test->threads;
	ms_target_overlay(test->target, NULL, NULL);
	damage_draw(&test->places, test->seed, &test->damage);
	test->damage.reads = test->damage.bytes = 0;
	ms_target_overlay(test->target, damage_overlay, &test->damage);
	struct ms_alloc *alloc = walk(test, threads, 1);
	check_reads(test);
	if (alloc) {
		check_regions(test, alloc);
		sum_up(alloc, &now);
		check_stamps(test, &now);
	}
	if (test->does_tell) {
		printf("seed %" PRIu64 "\n", test->seed);
		tell_damage(&test->damage);
		ms_array_foreach (i, &alloc->instances)
			printf("  %s: %s %s\n", i->allocator,
				i->grade == MS_GRADE_EXACT ? "exact" : "not exact",
				i->reason);
	}
	if (alloc && number % 8 == 3) {
		struct ms_alloc *other = walk(test, threads, 2);
		if (other && !is_same(alloc, other))
			fail(test, "two workers see something else than one");
		ms_alloc_free(other);
	}
	if (number % SURVEY_EACH == SURVEY_EACH - 1)
		run_surveys(test);
	ms_alloc_free(alloc);
}

static struct ms_error *begin(struct test *test)
{
	struct ms_error *err = ms_thread_table_make(test->target, &test->threads);
	if (err)
		return err;
	ms_target_overlay(test->target, damage_overlay, &test->damage);
	struct ms_alloc *alloc = walk(test, test->threads, 1);
	test->reads = test->damage.reads;
	test->bytes = test->damage.bytes;
	sum_up(alloc, &test->whole);
	err = places_find(test->target, test->threads, alloc, &test->places);
	for (size_t i = 0; i < test->whole.n; i++)
		printf("%s: %s, %" PRIu64 " live blocks\n", test->whole.v[i].allocator,
			test->whole.v[i].is_exact ? "exact" : "not exact",
			test->whole.v[i].count[MS_ALLOC_LIVE].blocks);
	printf("%" PRIu64 " reads, %" PRIu64 " bytes; places:", test->reads, test->bytes);
	for (int aim = 0; aim < AIM_COUNT; aim++)
		printf(" %s %zu", aim_name((enum aim)aim), test->places.v[aim].n);
	printf("\n");
	ms_alloc_free(alloc);
	return err;
}

int main(int argc, char **argv)
{
	struct test test = { 0 };
	struct ms_target_options options = { .smaps = MS_TARGET_SMAPS_NEVER };
	if (argc != 3)
		return 2;
	const char *seed = getenv("MS_SEED");
	uint64_t first = seed ? strtoull(seed, NULL, 10) : (uint64_t)time(NULL);
	uint64_t runs = strtoull(argv[2], NULL, 10);
	test.does_tell = getenv("MS_MUTATE_TELL");
	struct ms_error *err = ms_target_open(argv[1], &options, &test.target);
	if (!err)
		err = begin(&test);
	if (err)
		die(err);
	for (uint64_t i = 0; i < runs && test.failures < 200; i++) {
		test.seed = first + i;
		run(&test, test.seed);
	}
	printf("at the most %" PRIu64 " bytes read\n", test.most);
	printf("%" PRIu64 " runs from seed %" PRIu64 ": of the instances %" PRIu64
	       " exact, %" PRIu64 " unlike the undamaged, %" PRIu64
	       " of them as sound; %" PRIu64 " times one is missing; "
	       "%u failures\n",
		runs, first, test.exact, test.unlike, test.sound, test.gone,
		test.failures);
	places_deinit(&test.places);
	ms_thread_table_free(test.threads);
	ms_target_free(test.target);
	return test.failures != 0;
}
