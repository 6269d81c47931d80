// The five steps on a real process: a child with planted memory, read by readers made
// here. Every wanted byte is seen once, with its context, whatever the number of threads.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <xxhash.h>

#include "alloc/alloc.h"
#include "survey/survey.h"

enum {
	PAGE = MS_PAGE_SIZE,
	AREA = 9 << 20,
	HEAPS_MAX =
		1 << 20, // of malloc's in the child, which the survey reads for itself
	BLOCK = 4096 + 64
};

#ifdef __SANITIZE_ADDRESS__
enum {
	IS_INSTRUMENTED = true
};
#else
enum {
	IS_INSTRUMENTED = false
};
#endif

static uint8_t *area; // the same address in the child
static pid_t child;

// 9 MiB: the first 5 filled, a hole of 1 MiB, the rest filled but for its last page.
static int start_child(void **state)
{
	(void)state;
	area = mmap(
		NULL, AREA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED)
		return -1;
	for (size_t i = 0; i < AREA - PAGE; i++)
		if (i < 5 << 20 || i >= 6 << 20)
			area[i] = (uint8_t)(i * 2654435761u >> 13 | 1);
	child = fork();
	if (!child) {
		// Read, never written: the kernel's zero page, present but not in Rss.
		volatile uint8_t *zeros = mmap(
			NULL, 64 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		for (size_t i = 0; zeros != MAP_FAILED && i < 64; i++)
			(void)zeros[i * PAGE];
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return child < 0 ? -1 : 0;
}

static int end_child(void **state)
{
	(void)state;
	(void)kill(child, SIGKILL);
	(void)waitpid(child, NULL, 0);
	return munmap(area, AREA);
}

static struct ms_range area_range(void)
{
	return (struct ms_range){ (uintptr_t)area, (uintptr_t)area + AREA };
}

// A visitor that remembers what it saw, by item.
struct seen {
	uint64_t hash, bytes, blocks;
};

struct visitor {
	struct seen seen[4096];
	bool failed_context;
	bool wants_nothing;
	int fails_at; // -1: anchor, 1: visit
	bool was_settled;
};

static struct ms_error *anchor(struct ms_reading *reading, void *arg, void **ret_state)
{
	struct visitor *v = arg;
	static const struct ms_kind_row row = { .owner = "anon.planted",
		.reader = "test",
		.detail = "planted",
		.grade = MS_GRADE_EXACT,
		.precedence = MS_PRECEDENCE_FREER };
	*ret_state = v;
	if (v->fails_at < 0)
		return ms_error_new(MS_ERROR_FORMAT, "made to fail");
	return ms_claims_say(reading->claims, area_range(), MS_RANK_REGION, &row, 1,
		(struct ms_bytes){ 0 });
}

static bool wants(void *state, const struct ms_answer *answer)
{
	const struct visitor *v = state;
	return !v->wants_nothing && !strcmp(answer->kind->owner, "anon.planted");
}

static struct ms_error *visit(void *state, unsigned worker, const struct ms_batch *batch)
{
	struct visitor *v = state;
	struct seen *seen = &v->seen[batch->item];
	const struct ms_window *w = &batch->window;
	size_t size = (size_t)ms_range_size(w->range);
	(void)worker;
	seen->hash = XXH64(w->bytes, size, seen->hash);
	seen->bytes += size;
	seen->blocks += batch->block_n;
	// Context comes from the neighbours; the child has our own memory.
	const uint8_t *here = (const uint8_t *)(uintptr_t)w->range.start;
	bool is_inside =
		here - w->before >= area && here + size + w->after <= area + AREA;
	if (is_inside && memcmp(w->bytes - w->before, here - w->before,
				 w->before + size + w->after))
		v->failed_context = true;
	return v->fails_at > 0 ? ms_error_new(MS_ERROR_FORMAT, "made to fail") : NULL;
}

static struct ms_error *settle(void *state, struct ms_reading *reading)
{
	(void)reading;
	((struct visitor *)state)->was_settled = true;
	return NULL;
}

static const struct ms_reader reader = { .name = "visitor",
	.anchor = anchor,
	.wants = wants,
	.visit = visit,
	.settle = settle };

// A walker that cuts its range into blocks of BLOCK bytes.
struct walk_state {
	struct ms_block blocks[512];
	int ends; // atomic
	bool fails;
};

static struct ms_error *walk(void *state, struct ms_walk *walk, struct ms_batch *batch)
{
	struct walk_state *s = state;
	struct ms_range window = batch->window.range;
	size_t n = 0;
	if (s->fails)
		return ms_error_new(MS_ERROR_FORMAT, "no blocks here");
	uint64_t first = area_range().start;
	uint64_t at = first + (window.start - first + BLOCK - 1) / BLOCK * BLOCK;
	for (; at < window.end && n < 512; at += BLOCK)
		s->blocks[n++] = (struct ms_block){ .range = { at, at + BLOCK } };
	walk->cursor = s;
	batch->block_v = s->blocks;
	batch->block_n = n;
	return NULL;
}

static void walk_end(void *state, struct ms_walk *walk)
{
	(void)walk;
	__atomic_fetch_add(&((struct walk_state *)state)->ends, 1, __ATOMIC_RELAXED);
}

static const struct ms_walker walker = {
	.name = "cutter", .walk = walk, .end = walk_end
};

static struct ms_error *anchor_walker(
	struct ms_reading *reading, void *arg, void **ret_state)
{
	(void)ret_state;
	return ms_reading_walker(reading, area_range(), &walker, arg);
}

static const struct ms_reader walking = { .name = "walking", .anchor = anchor_walker };

static struct ms_survey *survey(
	unsigned threads, const struct ms_survey_reader *readers, size_t n)
{
	struct ms_target_options target_options = { 0 };
	struct ms_survey_options options = {
		.threads = threads, .readers = readers, .reader_n = n
	};
	struct ms_target *target;
	struct ms_survey *result = NULL;
	assert_null(ms_target_open_pid((uint64_t)child, &target_options, &target));
	assert_null(ms_survey_run(target, &options, &result));
	ms_target_free(target);
	return result;
}

static void every_wanted_byte_once(void **state)
{
	(void)state;
	static struct visitor first, again;
	for (unsigned threads = 1; threads <= 8; threads *= 2) {
		struct visitor *v = threads == 1 ? &first : &again;
		*v = (struct visitor){ 0 };
		struct ms_survey_reader readers[] = { { &reader, v } };
		_cleanup_survey_ struct ms_survey *s = survey(threads, readers, 1);
		uint64_t bytes = 0;
		for (size_t i = 0; i < 4096; i++)
			bytes += v->seen[i].bytes;
		// The hole of 1 MiB and the last page have no pages, so they are not
		// read.
		assert_int_equal(bytes, AREA - (1 << 20) - PAGE);
		assert_in_range(s->read_bytes, bytes, bytes + HEAPS_MAX);
		assert_false(s->is_incomplete);
		assert_false(v->failed_context);
		assert_true(v->was_settled);
		assert_int_equal(
			ms_ledger_find(s->ledger, "anon.planted")->resident, bytes);
		if (threads > 1)
			assert_memory_equal(first.seen, again.seen, sizeof(first.seen));
	}
}

static void what_nobody_wants_is_not_read(void **state)
{
	(void)state;
	static struct visitor v;
	v = (struct visitor){ .wants_nothing = true };
	struct ms_survey_reader readers[] = { { &reader, &v } };
	_cleanup_survey_ struct ms_survey *s = survey(2, readers, 1);
	assert_in_range(s->read_bytes, 0, HEAPS_MAX);
	assert_in_range(s->planned_bytes, 0, HEAPS_MAX);
}

static uint64_t bytes_seen(const struct visitor *v)
{
	uint64_t bytes = 0;
	for (size_t i = 0; i < 4096; i++)
		bytes += v->seen[i].bytes;
	return bytes;
}

static bool has_note(const struct ms_ledger *ledger, const char *text)
{
	for (size_t i = 0; i < ledger->note_n; i++)
		if (strstr(ledger->notes[i], text))
			return true;
	return false;
}

static void failing_reader_is_a_note(void **state)
{
	(void)state;
	static struct visitor bad, good;
	for (int fails_at = -1; fails_at <= 1; fails_at += 2) {
		bad = (struct visitor){ .fails_at = fails_at };
		good = (struct visitor){ 0 };
		struct ms_survey_reader readers[] = { { &reader, &bad },
			{ &reader, &good } };
		_cleanup_survey_ struct ms_survey *s = survey(4, readers, 2);
		assert_true(has_note(s->ledger, "visitor: made to fail"));
		assert_false(bad.was_settled);
		assert_true(good.was_settled);
		assert_true(bytes_seen(&good) > 0);
	}
}

static void walker_forms_batches(void **state)
{
	(void)state;
	static struct visitor v;
	static struct walk_state w;
	v = (struct visitor){ 0 };
	w = (struct walk_state){ 0 };
	struct ms_survey_reader readers[] = { { &walking, &w }, { &reader, &v } };
	_cleanup_survey_ struct ms_survey *s = survey(3, readers, 2);
	uint64_t blocks = 0, bytes = 0;
	for (size_t i = 0; i < 4096; i++) {
		blocks += v.seen[i].blocks;
		bytes += v.seen[i].bytes;
	}
	assert_int_equal(bytes, AREA); // a walker sees its whole range
	assert_int_equal(blocks, (AREA + BLOCK - 1) / BLOCK);
	assert_int_equal(w.ends, 1);
	assert_false(s->is_incomplete);
}

static void failing_walker_leaves_raw_windows(void **state)
{
	(void)state;
	static struct visitor v;
	static struct walk_state w;
	v = (struct visitor){ 0 };
	w = (struct walk_state){ .fails = true };
	struct ms_survey_reader readers[] = { { &walking, &w }, { &reader, &v } };
	_cleanup_survey_ struct ms_survey *s = survey(3, readers, 2);
	for (size_t i = 0; i < 4096; i++)
		assert_int_equal(v.seen[i].blocks, 0);
	assert_int_equal(bytes_seen(&v), AREA);
	assert_true(has_note(s->ledger, "cutter: blocks at"));
	assert_int_equal(w.ends, 1);
}

static void cancelled_is_an_error(void **state)
{
	(void)state;
	static struct visitor v;
	v = (struct visitor){ 0 };
	struct ms_cancel cancel = { 0 };
	struct ms_target_options target_options = { 0 };
	struct ms_survey_reader readers[] = { { &reader, &v } };
	struct ms_survey_options options = {
		.threads = 2, .readers = readers, .reader_n = 1, .cancel = &cancel
	};
	struct ms_target *target;
	struct ms_survey *s = NULL;
	assert_null(ms_target_open_pid((uint64_t)child, &target_options, &target));
	ms_cancel_raise(&cancel);
	_cleanup_error_ struct ms_error *err = ms_survey_run(target, &options, &s);
	assert_true(ms_error_is(err, MS_ERROR_CANCELLED));
	assert_null(s);
	ms_target_free(target);
}

// A program that stops itself; it has none of the shadow of an instrumented one, whose
// page map is 28 GB of words.
static pid_t start_shell(void)
{
	pid_t pid = fork();
	if (pid)
		return pid;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)execl("/bin/sh", "sh", "-c", "kill -STOP $$", (char *)NULL);
	_exit(127);
}

static void rows_sum_to_rss(pid_t pid, bool words, uint64_t least)
{
	struct ms_target_options target_options = { .force_words = words };
	struct ms_survey_options options = { .threads = 1 };
	struct ms_target *target;
	_cleanup_survey_ struct ms_survey *s = NULL;
	assert_null(ms_target_open_pid((uint64_t)pid, &target_options, &target));
	assert_null(ms_survey_run(target, &options, &s));
	assert_true(s->ledger->has_rss_smaps);
	assert_int_equal(s->ledger->rss, s->ledger->rss_smaps);
	assert_true(s->ledger->rss > least);
	ms_target_free(target);
}

// Stopped, the rows sum to the kernel's Rss to the byte, whether page states come from
// the scan or from words that cannot tell zero pages.
static void balances_by_scan_and_by_words(void **state)
{
	(void)state;
	int status;
	pid_t shell = start_shell();
	assert_int_equal(waitpid(shell, &status, WUNTRACED), shell);
	assert_true(WIFSTOPPED(status));
	assert_int_equal(kill(child, SIGSTOP), 0);
	for (int words = 0; words < 2; words++) {
		rows_sum_to_rss(shell, words, PAGE);
		if (!words || !IS_INSTRUMENTED)
			rows_sum_to_rss(child, words, AREA - (1 << 20) - PAGE);
	}
	assert_int_equal(kill(child, SIGCONT), 0);
	assert_int_equal(kill(shell, SIGKILL), 0);
	assert_int_equal(waitpid(shell, NULL, 0), shell);
}

// A process with a heap of more than one piece, and blocks with mappings of their own.
static pid_t start_heap(void)
{
	pid_t pid = fork();
	if (pid)
		return pid;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (unsigned i = 0; i < 20000; i++) {
		char *block = malloc(i % 1000 ? 2000 : 2 << 20);
		if (block && i % 3 == 0)
			free(block);
		else if (block)
			memset(block, 1, 2000);
	}
	(void)raise(SIGSTOP);
	_exit(0);
}

static bool wants_heap(void *state, const struct ms_answer *answer)
{
	(void)state;
	return !strcmp(answer->kind->owner, "malloc.heap");
}

static struct ms_error *anchor_nothing(
	struct ms_reading *reading, void *arg, void **ret_state)
{
	(void)reading;
	*ret_state = arg;
	return NULL;
}

static struct ms_error *end_heap(
	void *state, unsigned worker, const struct ms_batch *batch)
{
	pid_t *pid = state;
	(void)worker;
	(void)batch;
	if (*pid) {
		(void)kill(*pid, SIGKILL);
		(void)waitpid(*pid, NULL, 0);
	}
	*pid = 0;
	return NULL;
}

static const struct ms_reader ending = {
	.name = "ending", .anchor = anchor_nothing, .wants = wants_heap, .visit = end_heap
};

// What was walked before the process ended is kept, but nothing of it is called exact.
static void nothing_is_exact_of_what_ended(void **state)
{
	(void)state;
#ifdef __SANITIZE_ADDRESS__
	skip(); // which brings a malloc of its own
#endif
	struct ms_target_options target_options = { 0 };
	struct ms_target *target;
	_cleanup_survey_ struct ms_survey *s = NULL;
	pid_t pid = start_heap();
	struct ms_survey_reader readers[] = { { &ending, &pid } };
	struct ms_survey_options options = {
		.threads = 1, .readers = readers, .reader_n = 1
	};
	(void)waitpid(pid, NULL, WUNTRACED);
	assert_null(ms_target_open_pid((uint64_t)pid, &target_options, &target));
	assert_null(ms_survey_run(target, &options, &s));
	assert_int_equal(pid, 0);
	const struct ms_ledger_row *row =
		ms_ledger_find(s->ledger, "malloc.live.unknown");
	assert_non_null(row);
	assert_int_equal(row->grade, MS_GRADE_STRUCTURAL);
	assert_int_equal(s->alloc->instances.v[0].grade, MS_GRADE_STRUCTURAL);
	assert_string_not_equal(s->alloc->instances.v[0].reason, "");
	ms_target_free(target);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_wanted_byte_once),
		cmocka_unit_test(what_nobody_wants_is_not_read),
		cmocka_unit_test(failing_reader_is_a_note),
		cmocka_unit_test(walker_forms_batches),
		cmocka_unit_test(failing_walker_leaves_raw_windows),
		cmocka_unit_test(cancelled_is_an_error),
		cmocka_unit_test(balances_by_scan_and_by_words),
		cmocka_unit_test(nothing_is_exact_of_what_ended),
	};
	return cmocka_run_group_tests(tests, start_child, end_child);
}
