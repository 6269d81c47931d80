// Damages what lib/hotspot reads of a JVM, over and over: words of the JVM's own tables, of its
// variables, and of the objects that the heap's description consists of. Whatever the readers
// then believe, they end, within a bound of time and of bytes read, and what they say of the
// heap is consistent.
//
// Usage: hotspot_mutate TARGET OVERWRITES [all]
//
// With "all", everything that is known of a JVM is read each time, as a survey does and as
// mapheap does: classes, metaspace, code, threads, arenas, compilations, tracking, buffers,
// objects, the past. The damage is anywhere in what was read undamaged.
//
// The seed of run i is MS_SEED plus i, MS_SEED being the time unless it is set. A run changes
// 1 to 64 words (8 to 64 of "all"), and one run of sixteen many more: one in 16 to 32,768 of all that are read.

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "alloc/peek.h"
#include "hotspot/collections.h"
#include "hotspot/flags.h"
#include "hotspot/heap.h"
#include "hotspot/histogram.h"
#include "survey/survey.h"

enum {
	LINES_MAX = 4096,
	WIDE_MAX = 1 << 16,
	PLACES_MAX = 1 << 18,
	OBJECT_BYTES = 256, // of what a pointer leads to
	HEAP_BYTES = 4096,
	DEPTH = 3,
	CHANGES_MAX = 64,
	RUNS_EACH = 100,  // with one reading of the JVM's tables
	TABLES_EACH = 16, // runs of which one reads damaged tables
	SECONDS_MAX = 20,
	RSS_MAX_KIB = 1 << 20,
};

// Bytes read in one run; ZGC's table of pages may say it is as large as 128 MiB.
#define BYTES_MAX (UINT64_C(1) << 30)

struct change {
	uint64_t address, before, after;
};

struct test {
	struct ms_target *target;
	struct ms_vm *vm;
	MS_ARRAY(struct ms_range) lines; // read undamaged
	MS_ARRAY(uint64_t) places;       // words of the heap's objects and of variables
	struct change changes[CHANGES_MAX];
	size_t changes_n;
	size_t near; // of the places, those that matter most
	bool is_recording, is_wide;
	unsigned one_in; // words that are read is damaged; 0: none but the changes
	uint64_t bytes;  // read in this run
	uint64_t seed;
	uint64_t overwrites, without_vm, unlike, whole_regions;
	double slowest;
};

static void die(const char *message)
{
	fprintf(stderr, "hotspot_mutate: %s\n", message);
	exit(2);
}

static void check(struct ms_error *err)
{
	if (err)
		die(err->message);
}

static void fail(const struct test *test, const char *what)
{
	printf("seed %" PRIu64 ": %s\n", test->seed, what);
	for (size_t i = 0; i < test->changes_n; i++)
		printf("  %#" PRIx64 ": %#" PRIx64 " to %#" PRIx64 "\n",
			test->changes[i].address, test->changes[i].before,
			test->changes[i].after);
	exit(1);
}

// --- overlay --------------------------------------------------------------------------

// A line may be read, and listed, more than once.
static void record_wide(struct test *test, struct ms_range range)
{
	if (test->lines.n >= WIDE_MAX || ms_range_size(range) < 16)
		return;
	struct ms_range *added = ms_array_push(&test->lines);
	if (added)
		*added = range;
}

static void record(struct test *test, struct ms_range range)
{
	if (test->is_wide) {
		record_wide(test, range);
		return;
	}
	ms_array_foreach (line, &test->lines)
		if (line->start == range.start)
			return;
	if (ms_range_size(range) < OBJECT_BYTES || test->lines.n == LINES_MAX)
		return;
	struct ms_range *added = ms_array_push(&test->lines);
	if (added)
		*added = range;
}

static uint64_t mix(uint64_t x)
{
	x ^= x >> 31;
	x *= UINT64_C(0x7fb5d329728ea185);
	x ^= x >> 27;
	x *= UINT64_C(0x81dadef4bc2dd44d);
	return x ^ x >> 33;
}

// Small numbers, too: addresses without their upper half are soon found out.
static void storm(const struct test *test, struct ms_range range, uint8_t *bytes)
{
	for (uint64_t at = (range.start + 7) & ~UINT64_C(7); at + 8 <= range.end;
		at += 8) {
		uint64_t h = mix(at ^ mix(test->seed)), word = mix(h);
		if (h % test->one_in)
			continue;
		word >>= h >> 40 & 63;
		memcpy(bytes + (at - range.start), &word, sizeof(word));
	}
}

static void overlay(void *arg, struct ms_range range, uint8_t *bytes)
{
	struct test *test = arg;
	test->bytes += ms_range_size(range);
	if (test->is_recording)
		record(test, range);
	if (test->one_in)
		storm(test, range, bytes);
	for (size_t i = 0; i < test->changes_n; i++)
		for (unsigned b = 0; b < 8; b++)
			if (ms_range_has(range, test->changes[i].address + b))
				bytes[test->changes[i].address + b - range.start] =
					(uint8_t)(test->changes[i].after >> 8 * b);
}

static uint64_t word_at(struct test *test, uint64_t address)
{
	uint64_t word = 0;
	return ms_target_get(test->target, address, &word, sizeof(word)) ? word : 0;
}

// --- places ---------------------------------------------------------------------------

static void add_object(struct test *test, uint64_t at, unsigned bytes)
{
	at &= ~UINT64_C(7);
	for (unsigned i = 0; i < bytes && test->places.n < PLACES_MAX; i += 8) {
		uint64_t *added = ms_array_push(&test->places);
		if (added)
			*added = at + i;
	}
}

// What the words listed so far lead to, outside of the heap.
static void follow(struct test *test, const struct ms_heap *heap, size_t from)
{
	size_t n = test->places.n;
	for (size_t i = from; i < n; i++) {
		uint64_t to = word_at(test, test->places.v[i]);
		const struct ms_mapping *m =
			ms_maps_find(ms_target_maps(test->target), to);
		if (m && m->flags & MS_MAPPING_WRITE && !ms_range_has(heap->reserved, to))
			add_object(test, to, OBJECT_BYTES);
	}
}

static void find_places(struct test *test, const struct ms_heap *heap)
{
	static const char *const variables[] = { "Universe::_collectedHeap",
		"JVMFlag::flags|Flag::flags", "JVMFlag::numFlags|Flag::numFlags",
		"Arguments::_jvm_args_array", "Arguments::_num_jvm_args",
		"Arguments::_java_command", "BarrierSet::_barrier_set",
		"ParallelScavengeHeap::_young_gen", "ParallelScavengeHeap::_old_gen",
		"HeapRegion::GrainBytes|G1HeapRegion::GrainBytes",
		"ZGlobalsForVMStructs::_instance_p",
		"ShenandoahHeapRegion::RegionSizeBytes" };
	size_t from = 0;
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		if (ms_vm_address(test->vm, variables[i]))
			add_object(test, ms_vm_address(test->vm, variables[i]), 8);
	add_object(test, heap->object, HEAP_BYTES);
	for (int depth = 0; depth < DEPTH; depth++) {
		size_t next = test->places.n;
		follow(test, heap, from);
		from = next;
		test->near = depth ? test->near : test->places.n;
	}
}

// --- damage ---------------------------------------------------------------------------

// splitmix64
static uint64_t draw(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static uint64_t draw_place(const struct test *test, bool in_tables, uint64_t *state)
{
	uint64_t r = draw(state);
	if (test->is_wide && !test->lines.n)
		return 0;
	if (!in_tables && !test->is_wide && r % 8)
		return test->places.v[(r >> 8) % (r & 16 ? test->near : test->places.n)];
	struct ms_range line = test->lines.v[(r >> 8) % test->lines.n];
	return line.start + draw(state) % (ms_range_size(line) / 8) * 8;
}

static uint64_t draw_word(struct test *test, uint64_t before, uint64_t *state)
{
	uint64_t r = draw(state), shift = r >> 8 & 63;
	switch (r % 10) {
	case 0:
		return before ^ UINT64_C(1) << shift;
	case 1:
		return before ^ UINT64_C(1) << shift % 16;
	case 2:
		return 0;
	case 3:
		return UINT64_MAX - (r >> 16 & 0xff);
	case 4:
		return r >> 56;
	case 5:
		return UINT64_C(1) << shift;
	case 6:
		return before + ((r >> 16 & 0x1f) - 16) * 8;
	case 7:
		return word_at(test, draw_place(test, false, state));
	case 8:
		return draw_place(test, false, state);
	default:
		return draw(state);
	}
}

static void draw_changes(struct test *test, bool in_tables)
{
	uint64_t state = test->seed, few = draw(&state) % 7;
	uint64_t n = UINT64_C(1) << (test->is_wide ? 3 + few % 4 : few);
	struct change changes[CHANGES_MAX];
	test->changes_n = 0; // words are drawn from undamaged ones
	for (uint64_t i = 0; i < n; i++) {
		changes[i].address = draw_place(test, in_tables, &state);
		changes[i].before = word_at(test, changes[i].address);
		changes[i].after = draw_word(test, changes[i].before, &state);
	}
	memcpy(test->changes, changes, n * sizeof(changes[0]));
	test->changes_n = n;
	test->overwrites += n;
}

// --- what is said ---------------------------------------------------------------------

static void check_regions(const struct test *test, const struct ms_heap *heap)
{
	uint64_t end = 0;
	ms_array_foreach (region, &heap->regions) {
		if (region->range.start < end || region->range.start >= region->range.end)
			fail(test, "regions overlap");
		if (region->top < region->range.start || region->top > region->range.end)
			fail(test, "a top outside of its region");
		if (region->space >= heap->spaces.n)
			fail(test, "a region of no space");
		end = region->range.end;
	}
}

static void check_rest(const struct test *test, const struct ms_heap *heap)
{
	ms_array_foreach (space, &heap->spaces)
		if (space->used > space->capacity)
			fail(test, "more used than there is");
	ms_array_foreach (table, &heap->tables)
		if (table->range.start >= table->range.end)
			fail(test, "a table without a size");
	ms_array_foreach (generation, &heap->generations)
		if (generation->committed_end < generation->reserved.start ||
			generation->committed_end > generation->reserved.end)
			fail(test, "a generation committed beyond its end");
}

static void read_all(struct test *test, struct ms_heap *ret)
{
	struct ms_flags flags;
	char text[64];
	check(ms_flags_read(test->vm, &flags));
	for (size_t i = 0; i < flags.n; i++) {
		ms_flag_format(&flags.v[i], text, sizeof(text));
		if (i && strcmp(flags.v[i - 1].name, flags.v[i].name) > 0)
			fail(test, "flags out of order");
	}
	check(ms_heap_read(test->vm, &flags, ret));
}

// --- everything -----------------------------------------------------------------------

static void read_past(struct test *test)
{
	struct ms_counters counters = { 0 };
	struct ms_events events = { 0 };
	struct ms_collections collections = { 0 };
	check(ms_counters_read(test->vm, &counters));
	check(ms_events_read(test->vm, &events));
	check(ms_collections_make(&events, &counters, &test->vm->arena, &collections));
	ms_collections_deinit(&collections);
	ms_events_deinit(&events);
	ms_counters_deinit(&counters);
}

static void read_objects(struct test *test)
{
	struct ms_flags flags;
	struct ms_heap heap = { 0 };
	struct ms_histogram histogram = { 0 };
	struct ms_histogram_options options = { .large = 1 << 20, .workers = 1 };
	_cleanup_classes_ struct ms_classes *classes = NULL;
	_cleanup_objects_ struct ms_objects *objects = NULL;
	check(ms_flags_read(test->vm, &flags));
	check(ms_heap_read(test->vm, &flags, &heap));
	check(ms_classes_new(test->vm, &flags, &heap, &classes));
	check(ms_objects_new(test->vm, &flags, &heap, classes, &objects));
	check(ms_histogram_make(test->vm, objects, &heap, &options, &histogram));
	uint64_t bytes = 0;
	ms_array_foreach (row, &histogram.rows)
		bytes += row->bytes;
	if (bytes != histogram.walk.bytes)
		fail(test, "the histogram does not add up");
	ms_histogram_deinit(&histogram);
	ms_heap_deinit(&heap);
}

// Its rows sum to what is resident, whatever was believed.
static void read_survey(struct test *test)
{
	struct ms_survey_options options = { .threads = 1 };
	_cleanup_survey_ struct ms_survey *survey = NULL;
	uint64_t sum = 0;
	check(ms_survey_run(test->target, &options, &survey));
	for (size_t i = 0; i < survey->ledger->row_n; i++)
		sum += survey->ledger->rows[i].resident;
	if (sum != survey->ledger->rss)
		fail(test, "the ledger does not balance");
}

static void read_everything(struct test *test)
{
	read_survey(test);
	if (!test->vm)
		return;
	read_past(test);
	read_objects(test);
}

static void find_vm(struct test *test)
{
	const char *why;
	ms_vm_free(test->vm);
	test->vm = NULL;
	check(ms_vm_find(test->target, &test->vm, &why));
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void run(struct test *test, uint64_t number)
{
	bool in_tables = number % TABLES_EACH == 0;
	struct ms_heap heap = { 0 };
	double began = now();
	draw_changes(test, in_tables);
	test->bytes = 0;
	test->one_in = in_tables ? 1u << (4 + number / TABLES_EACH % 12) : 0;
	if (in_tables)
		find_vm(test);
	if (test->vm)
		ms_peek_clear(test->vm->peek);
	if (test->is_wide) {
		read_everything(test);
	} else if (test->vm) {
		read_all(test, &heap);
		check_regions(test, &heap);
		check_rest(test, &heap);
	}
	test->without_vm += !test->vm;
	test->unlike += heap.regions.n != test->whole_regions;
	ms_heap_deinit(&heap);
	test->changes_n = test->one_in = 0;
	double seconds = now() - began;
	if (seconds > test->slowest) {
		test->slowest = seconds;
		printf("seed %" PRIu64 ": %.3f s, %" PRIu64 " bytes read\n", test->seed,
			seconds, test->bytes);
	}
	if (seconds > SECONDS_MAX)
		fail(test, "it took too long");
	if (test->bytes > BYTES_MAX)
		fail(test, "it read too much");
	if (in_tables || test->is_wide || number % RUNS_EACH == 0)
		find_vm(test); // undamaged, and with an empty arena
}

static void prepare(struct test *test, const char *name)
{
	struct ms_target_options options = { .smaps = MS_TARGET_SMAPS_NEVER };
	struct ms_heap heap;
	check(ms_target_open(name, &options, &test->target));
	ms_target_overlay(test->target, overlay, test);
	test->is_recording = true;
	find_vm(test);
	if (!test->vm)
		die("no JVM");
	read_all(test, &heap);
	if (test->is_wide)
		read_everything(test);
	test->is_recording = false;
	test->whole_regions = heap.regions.n;
	find_places(test, &heap);
	if (!heap.regions.n || !test->places.n || !test->lines.n)
		die("no heap");
	printf("%zu places, %zu near, %zu lines, %zu regions\n", test->places.n,
		test->near, test->lines.n, heap.regions.n);
	ms_heap_deinit(&heap);
}

int main(int argc, char **argv)
{
	static struct test test;
	struct rusage usage;
	if (argc != 3 && argc != 4)
		return 2;
	test.is_wide = argc == 4;
	const char *text = getenv("MS_SEED");
	uint64_t seed = text ? strtoull(text, NULL, 10) : (uint64_t)time(NULL);
	uint64_t overwrites = strtoull(argv[2], NULL, 10), i = 0;
	prepare(&test, argv[1]);
	printf("seed %" PRIu64 "\n", seed);
	for (; test.overwrites < overwrites; i++) {
		test.seed = seed + i;
		run(&test, i);
	}
	getrusage(RUSAGE_SELF, &usage);
	printf("%" PRIu64 " runs, %" PRIu64 " overwrites; %" PRIu64
	       " without a JVM, %" PRIu64
	       " with another number of regions; %ld MiB at most\n",
		i, test.overwrites, test.without_vm, test.unlike, usage.ru_maxrss / 1024);
	if (usage.ru_maxrss > RSS_MAX_KIB)
		die("it took too much memory");
	ms_array_deinit(&test.lines);
	ms_array_deinit(&test.places);
	ms_vm_free(test.vm);
	ms_target_free(test.target);
	return 0;
}
