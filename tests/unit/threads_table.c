// The table of a live child's threads: from glibc's lists; with the libraries' data hidden,
// from scans; with the control blocks hidden too, by shape. Also where all stacks lie in one
// mapping with guard pages between them.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>

#include "target_child.h"
#include "threads/threads.h"

enum {
	LIVING = 3,
	ENDED = 2,
	BSS_HIDDEN = 16 << 10,
};

struct planted_threads {
	pthread_t main, living[LIVING], ended[ENDED];
};

static void no_error(struct ms_error *err)
{
	if (err)
		fail_msg("%s", err->message);
}

static void *wait_or_end(void *arg)
{
	while (arg)
		pause();
	return NULL;
}

static void threads_main(int to_parent)
{
	struct planted_threads planted = { .main = pthread_self() };
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	// all at once: else one that ended would lend its stack to the next
	for (int i = 0; i < ENDED; i++)
		pthread_create(&planted.ended[i], NULL, wait_or_end, NULL);
	for (int i = 0; i < LIVING; i++)
		pthread_create(&planted.living[i], NULL, wait_or_end, &planted);
	for (int i = 0; i < ENDED; i++)
		pthread_join(planted.ended[i], NULL);
	if (write(to_parent, &planted, sizeof(planted)) != sizeof(planted))
		_exit(1);
	for (;;)
		pause();
}

static pid_t start_threads(struct planted_threads *ret)
{
	int fds[2];
	assert_int_equal(pipe(fds), 0);
	pid_t pid = fork();
	if (pid == 0)
		threads_main(fds[1]);
	close(fds[1]);
	assert_int_equal(read(fds[0], ret, sizeof(*ret)), sizeof(*ret));
	close(fds[0]);
	return pid;
}

static bool all_wait(struct ms_target *target)
{
	const struct ms_threads *threads = ms_target_threads(target);
	for (size_t i = 0; i < threads->n; i++)
		if (!threads->v[i].sp)
			return false;
	return threads->n == LIVING + 1;
}

// Once all of its threads wait in the kernel, if they do.
static struct ms_target *open_child(pid_t pid, bool spins)
{
	for (int i = 0;; i++) {
		struct ms_target *target;
		no_error(ms_target_open_pid((uint64_t)pid, NULL, &target));
		if (spins || i == 1000 || all_wait(target))
			return target;
		ms_target_free(target);
		usleep(5000);
	}
}

static bool is_data(const struct ms_mapping *m)
{
	return m->kind == MS_MAPPING_FILE && m->flags & MS_MAPPING_WRITE;
}

// Files' data and the beginning of the .bss behind it read as zero. Its end may be joined
// with memory that is something else.
static void hide_data(void *arg, struct ms_range range, uint8_t *bytes)
{
	const struct ms_maps *maps = arg;
	for (size_t i = 0; i < maps->n; i++) {
		struct ms_range data = maps->v[i].range;
		bool is_bss = i > 0 && is_data(&maps->v[i - 1]) &&
			      maps->v[i - 1].range.end == data.start;
		if (!is_data(&maps->v[i]) && !is_bss)
			continue;
		if (is_bss)
			data.end = ms_min(data.end, data.start + BSS_HIDDEN);
		data = ms_range_clip(data, range);
		memset(bytes + (data.start - range.start), 0, ms_range_size(data));
	}
}

static const struct ms_thread_row *row_of(
	const struct ms_thread_table *table, pthread_t thread)
{
	size_t i = 0;
	while (i < table->n && table->v[i].control_block != (uint64_t)thread)
		i++;
	assert_true(i < table->n);
	return &table->v[i];
}

static void check_living(const struct ms_thread_table *table,
	const struct planted_threads *planted, enum ms_stack_source source,
	enum ms_grade grade)
{
	const struct ms_thread_row *first = row_of(table, planted->main);
	assert_true(first->is_main);
	assert_int_equal(first->source, MS_STACK_BY_NAME);
	for (int i = 0; i < LIVING; i++) {
		const struct ms_thread_row *row = row_of(table, planted->living[i]);
		assert_int_equal(row->source, source);
		assert_int_equal(row->grade, grade);
		assert_true(ms_range_has(row->stack, row->control_block));
		assert_int_equal(row->thread_pointer, row->control_block);
		assert_int_equal(row->guard, row->guard_seen);
		assert_int_equal(row->guard, MS_PAGE_SIZE);
	}
}

static void finds_all_in_lists(void **state)
{
	struct planted_threads planted;
	struct ms_thread_table *table;
	pid_t pid = start_threads(&planted);
	struct ms_target *target = open_child(pid, /* spins= */ false);
	(void)state;
	no_error(ms_thread_table_make(target, &table));
	check_living(table, &planted, MS_STACK_BY_LIST, MS_GRADE_EXACT);
	assert_int_equal(table->ended_n, ENDED);
	for (size_t i = 0; i < ENDED; i++) {
		assert_true(table->ended[i].is_cached);
		assert_int_equal(table->ended[i].grade, MS_GRADE_EXACT);
		assert_int_equal(table->ended[i].guard, MS_PAGE_SIZE);
	}
	ms_thread_table_free(table);
	ms_target_free(target);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void finds_the_living_without_lists(void **state)
{
	struct planted_threads planted;
	struct ms_thread_table *table;
	pid_t pid = start_threads(&planted);
	struct ms_target *target = open_child(pid, /* spins= */ false);
	(void)state;
	ms_target_overlay(target, hide_data, (void *)(uintptr_t)ms_target_maps(target));
	no_error(ms_thread_table_make(target, &table));
	check_living(table, &planted, MS_STACK_BY_SCAN, MS_GRADE_STRUCTURAL);
	ms_thread_table_free(table);
	ms_target_free(target);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

enum {
	PITCH = 1
		<< 20, // of the stacks in one mapping, a guard page at the start of each
	GUARD_INSTALL = 102,
};

struct planted_merged {
	uint64_t start; // 0: this kernel has no guard pages
	bool spins;
	pthread_t threads[LIVING];
};

static void *spin_or_wait(void *arg)
{
	const volatile struct planted_merged *planted = arg;
	while (planted->spins)
		;
	for (;;)
		pause();
	return NULL;
}

static void start_on(struct planted_merged *planted, int i)
{
	pthread_attr_t attr;
	char *stack = (char *)(uintptr_t)planted->start + (size_t)i * PITCH;
	if (madvise(stack, MS_PAGE_SIZE, GUARD_INSTALL) < 0) {
		planted->start = 0;
		return;
	}
	pthread_attr_init(&attr);
	pthread_attr_setstack(&attr, stack + MS_PAGE_SIZE, PITCH - MS_PAGE_SIZE);
	pthread_create(&planted->threads[i], &attr, spin_or_wait, planted);
}

static void merged_main(int to_parent, bool spins)
{
	struct planted_merged planted = { .spins = spins };
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	void *p = mmap(NULL, LIVING * PITCH, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	planted.start = p == MAP_FAILED ? 0 : (uintptr_t)p;
	for (int i = 0; i < LIVING && planted.start; i++)
		start_on(&planted, i);
	if (write(to_parent, &planted, sizeof(planted)) != sizeof(planted))
		_exit(1);
	for (;;)
		pause();
}

static pid_t start_merged(bool spins, struct planted_merged *ret)
{
	int fds[2];
	assert_int_equal(pipe(fds), 0);
	pid_t pid = fork();
	if (pid == 0)
		merged_main(fds[1], spins);
	close(fds[1]);
	assert_int_equal(read(fds[0], ret, sizeof(*ret)), sizeof(*ret));
	close(fds[0]);
	if (ret->start)
		return pid;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	print_message("this kernel has no guard pages\n");
	skip();
	return pid;
}

struct hidden {
	const struct ms_maps *maps;
	uint64_t start; // of the mapping with the stacks
};

// The libraries' data, and the upper half of each stack but for what is in use there.
static void hide_blocks(void *arg, struct ms_range range, uint8_t *bytes)
{
	const struct hidden *hidden = arg;
	hide_data((void *)(uintptr_t)hidden->maps, range, bytes);
	for (uint64_t i = 1; i <= LIVING; i++) {
		uint64_t end = hidden->start + i * PITCH;
		struct ms_range top = { end - 3 * MS_PAGE_SIZE, end };
		top = ms_range_clip(top, range);
		memset(bytes + (top.start - range.start), 0, ms_range_size(top));
	}
}

static void check_merged(struct ms_target *target, const struct planted_merged *planted,
	enum ms_stack_source source)
{
	struct ms_thread_table *table;
	size_t found = 0;
	no_error(ms_thread_table_make(target, &table));
	for (size_t i = 0; i < table->n; i++) {
		const struct ms_thread_row *row = &table->v[i];
		uint64_t offset = row->stack.start - planted->start;
		if (row->is_main)
			continue;
		assert_int_equal(row->source, source);
		assert_int_equal(offset % PITCH, MS_PAGE_SIZE);
		assert_in_range(offset / PITCH, 0, LIVING - 1);
		assert_int_equal(ms_range_size(row->stack), PITCH - MS_PAGE_SIZE);
		found++;
	}
	assert_int_equal(found, LIVING);
	ms_thread_table_free(table);
}

static void cuts_one_mapping_into_stacks(void **state)
{
	static const struct {
		bool spins;
		ms_overlay_fn overlay;
		enum ms_stack_source source;
	} ways[] = {
		{ false, NULL, MS_STACK_BY_LIST },
		{ true, NULL, MS_STACK_BY_LIST },
		{ false, hide_data, MS_STACK_BY_SCAN },
		{ true, hide_data, MS_STACK_BY_SCAN },
		{ false, hide_blocks, MS_STACK_BY_SHAPE },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct planted_merged planted;
		pid_t pid = start_merged(ways[i].spins, &planted);
		struct ms_target *target = open_child(pid, ways[i].spins);
		struct hidden hidden = { ms_target_maps(target), planted.start };
		ms_target_overlay(target, ways[i].overlay,
			ways[i].overlay == hide_data ? (void *)(uintptr_t)hidden.maps
						     : &hidden);
		check_merged(target, &planted, ways[i].source);
		ms_target_free(target);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_all_in_lists),
		cmocka_unit_test(finds_the_living_without_lists),
		cmocka_unit_test(cuts_one_mapping_into_stacks),
	};
#ifdef __x86_64__
	return cmocka_run_group_tests(tests, NULL, NULL);
#else
	(void)tests;
	return 77;
#endif
}
