// A survey of a live process whose memory is damaged as it is read: words overlaid with
// zeros, ones, small numbers and pointers to anywhere. Whatever the readers then believe,
// they end, the ledger balances, and any number of threads gives the same one.

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <time.h>

#include "survey/survey.h"
#include "target_child.h"

enum {
	THREADS = 3,
#ifdef __SANITIZE_ADDRESS__
	ROUNDS = 12 // the sanitizer's own data is searched for allocators, too
#else
	ROUNDS = 60
#endif
};

static void no_error(struct ms_error *err)
{
	if (err)
		fail_msg("%s", err->message);
}

// glibc's own allocator, also where a sanitizer's stands in front of it.
void *__libc_malloc(size_t n);
void __libc_free(void *p);

// Blocks of an arena of its own, and a stack that is in use.
static void *allocate(void *arg)
{
	for (int i = 0; i < 20000; i++) {
		char *block = __libc_malloc(64 + (size_t)i % 512);
		if (block && i % 3 == 0)
			__libc_free(block);
	}
	*(volatile int *)arg = 1;
	for (;;)
		pause();
	return NULL;
}

static void allocator_main(int to_parent)
{
	volatile int done[THREADS] = { 0 };
	pthread_t threads[THREADS];
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, allocate, (void *)(uintptr_t)&done[i]);
	for (int i = 0; i < THREADS; i++) {
		while (!done[i])
			usleep(1000);
	}
	if (write(to_parent, "x", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static pid_t start_allocator(void)
{
	int fds[2], status;
	char c;
	assert_int_equal(pipe(fds), 0);
	pid_t pid = fork();
	if (pid == 0)
		allocator_main(fds[1]);
	assert_int_equal(read(fds[0], &c, 1), 1);
	close(fds[0]);
	close(fds[1]);
	kill(pid, SIGSTOP);
	waitpid(pid, &status, WUNTRACED);
	return pid;
}

struct damage {
	uint64_t seed;
	unsigned one_in; // words; a power of two
	const struct ms_maps *maps;
};

static uint64_t mix(uint64_t x)
{
	x ^= x >> 31;
	x *= UINT64_C(0x7fb5d329728ea185);
	x ^= x >> 27;
	x *= UINT64_C(0x81dadef4bc2dd44d);
	return x ^ x >> 33;
}

// A word that a reader might follow, count or add.
static uint64_t bad_word(const struct damage *d, uint64_t h)
{
	const struct ms_mapping *m = &d->maps->v[(h >> 8) % d->maps->n];
	switch (h % 8) {
	case 0:
		return 0;
	case 1:
		return UINT64_MAX;
	case 2:
		return h >> 50;
	case 3:
		return m->range.start;
	case 4:
		return m->range.end - 8;
	case 5:
		return m->range.start + (h >> 20) % ms_range_size(m->range);
	case 6:
		return UINT64_C(1) << (h >> 8) % 64;
	default:
		return h;
	}
}

static void damage_bytes(void *arg, struct ms_range range, uint8_t *bytes)
{
	const struct damage *d = arg;
	uint64_t seed = mix(d->seed);
	for (uint64_t at = (range.start + 7) & ~UINT64_C(7); at + 8 <= range.end;
		at += 8) {
		uint64_t h = mix(at ^ seed);
		if (h & (d->one_in - 1))
			continue;
		uint64_t word = bad_word(d, mix(h));
		memcpy(bytes + (at - range.start), &word, sizeof(word));
	}
}

static void assert_balanced(const struct ms_ledger *ledger)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < ledger->row_n; i++)
		sum += ledger->rows[i].resident;
	assert_int_equal(sum, ledger->rss);
	if (ledger->has_rss_smaps)
		assert_int_equal(ledger->rss, ledger->rss_smaps);
}

static struct ms_survey *survey(struct ms_target *target, unsigned threads)
{
	struct ms_survey_options options = { .threads = threads };
	struct ms_survey *result;
	no_error(ms_survey_run(target, &options, &result));
	assert_balanced(result->ledger);
	return result;
}

static void assert_same(const struct ms_ledger *a, const struct ms_ledger *b)
{
	assert_int_equal(a->row_n, b->row_n);
	assert_int_equal(a->conflict_total, b->conflict_total);
	assert_int_equal(a->clipped, b->clipped);
	for (size_t i = 0; i < a->row_n; i++) {
		assert_string_equal(a->rows[i].owner, b->rows[i].owner);
		assert_int_equal(a->rows[i].resident, b->rows[i].resident);
		assert_int_equal(a->rows[i].count, b->rows[i].count);
		assert_int_equal(a->rows[i].grade, b->rows[i].grade);
	}
}

static void balances_whatever_it_reads(void **state)
{
	const char *text = getenv("MS_SEED");
	uint64_t seed = text ? strtoull(text, NULL, 10) : (uint64_t)time(NULL);
	pid_t pid = start_allocator();
	struct ms_target *target;
	(void)state;
	print_message("seed %llu\n", (unsigned long long)seed);
	no_error(ms_target_open_pid((uint64_t)pid, NULL, &target));
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct damage damage = { seed + round, 1u << round % 8,
			ms_target_maps(target) };
		ms_target_overlay(target, damage_bytes, &damage);
		struct ms_survey *one = survey(target, 1), *many = survey(target, 3);
		assert_same(one->ledger, many->ledger);
		ms_survey_free(one);
		ms_survey_free(many);
	}
	ms_target_free(target);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

// Of all of malloc's rows: live, free, and what could not be told.
static uint64_t malloc_resident(const struct ms_ledger *ledger)
{
	uint64_t bytes = 0;
	for (size_t i = 0; i < ledger->row_n; i++)
		if (!strncmp(ledger->rows[i].owner, "malloc.", 7))
			bytes += ledger->rows[i].resident;
	return bytes;
}

// Undamaged, the heaps and stacks are found: else the test above would test nothing.
static void finds_heaps_and_stacks_undamaged(void **state)
{
	pid_t pid = start_allocator();
	struct ms_target *target;
	uint64_t stacks = 0;
	(void)state;
	no_error(ms_target_open_pid((uint64_t)pid, NULL, &target));
	struct ms_survey *result = survey(target, 2);
	for (size_t i = 0; i < result->ledger->row_n; i++) {
		const struct ms_ledger_row *row = &result->ledger->rows[i];
		if (strcmp(row->owner, "stack.thread") == 0)
			stacks = row->count;
	}
	// Two thirds of 20,000 blocks of 320 bytes, in each of three arenas.
	assert_in_range(
		malloc_resident(result->ledger), UINT64_C(10) << 20, UINT64_C(40) << 20);
	assert_int_equal(stacks, THREADS);
	ms_survey_free(result);
	ms_target_free(target);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

struct growth {
	int from_parent, to_parent;
};

// A heap of an arena that grows when the parent says so.
static void *grow(void *arg)
{
	const struct growth *g = arg;
	char c = 'x';
	for (int step = 0; step < 2; step++) {
		for (int i = 0; i < 2000 << step; i++)
			memset(__libc_malloc(1000), 1, 1000);
		if (write(g->to_parent, &c, 1) != 1 || read(g->from_parent, &c, 1) != 1)
			_exit(1);
	}
	return NULL;
}

// Maps and page states are older than the heap's descriptor when a process runs.
static void finds_a_heap_that_grew_meanwhile(void **state)
{
	int to_child[2], to_parent[2];
	struct ms_target *target;
	char c;
	(void)state;
	assert_int_equal(pipe(to_child), 0);
	assert_int_equal(pipe(to_parent), 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct growth g = { to_child[0], to_parent[1] };
		pthread_t thread;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pthread_create(&thread, NULL, grow, &g);
		pthread_join(thread, NULL);
		_exit(0);
	}
	assert_int_equal(read(to_parent[0], &c, 1), 1);
	no_error(ms_target_open_pid((uint64_t)pid, NULL, &target));
	assert_int_equal(write(to_child[1], &c, 1), 1);
	assert_int_equal(read(to_parent[0], &c, 1), 1);
	struct ms_survey_options options = { .threads = 1 };
	struct ms_survey *result;
	no_error(ms_survey_run(target, &options, &result));
	assert_in_range(malloc_resident(result->ledger), 2000000, UINT64_C(3) << 20);
	ms_survey_free(result);
	ms_target_free(target);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	for (int i = 0; i < 2; i++) {
		close(to_child[i]);
		close(to_parent[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_a_heap_that_grew_meanwhile),
		cmocka_unit_test(finds_heaps_and_stacks_undamaged),
		cmocka_unit_test(balances_whatever_it_reads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
