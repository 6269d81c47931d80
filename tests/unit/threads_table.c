// The table of a live child's threads: from glibc's lists; from the lists' heads alone; and,
// with the libraries' data hidden, from scans. What only lists know is then missing.

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
	ENDED = 2
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
	usleep(20000); // until all of the living wait in the kernel
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

static bool is_data(const struct ms_mapping *m)
{
	return m->kind == MS_MAPPING_FILE && m->flags & MS_MAPPING_WRITE;
}

// Files' data and the .bss behind it read as zero.
static void hide_data(void *arg, struct ms_range range, uint8_t *bytes)
{
	const struct ms_maps *maps = arg;
	for (size_t i = 0; i < maps->n; i++) {
		struct ms_range data = maps->v[i].range;
		bool is_bss = i > 0 && is_data(&maps->v[i - 1]) &&
			      maps->v[i - 1].range.end == data.start;
		if (!is_data(&maps->v[i]) && !is_bss)
			continue;
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
	struct ms_target *target;
	struct ms_thread_table *table;
	pid_t pid = start_threads(&planted);
	(void)state;
	no_error(ms_target_open_pid((uint64_t)pid, NULL, &target));
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
	struct ms_target *target;
	struct ms_thread_table *table;
	pid_t pid = start_threads(&planted);
	(void)state;
	no_error(ms_target_open_pid((uint64_t)pid, NULL, &target));
	ms_target_overlay(target, hide_data, (void *)(uintptr_t)ms_target_maps(target));
	no_error(ms_thread_table_make(target, &table));
	check_living(table, &planted, MS_STACK_BY_SCAN, MS_GRADE_STRUCTURAL);
	ms_thread_table_free(table);
	ms_target_free(target);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_all_in_lists),
		cmocka_unit_test(finds_the_living_without_lists),
	};
#ifdef __x86_64__
	return cmocka_run_group_tests(tests, NULL, NULL);
#else
	(void)tests;
	return 77;
#endif
}
