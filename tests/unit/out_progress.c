// The progress line, with a clock of the test's own and a pipe or a terminal to draw on.

#include <fcntl.h>
#include <pty.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/base.h"
#include "out/out.h"

static uint64_t now;

static uint64_t get_now(void)
{
	return now;
}

enum {
	SECOND = 1000000000
};

static size_t drain(int fd, char *text, size_t size)
{
	ssize_t n = read(fd, text, size - 1);
	text[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

static void test_lines_when_forced(void **state)
{
	(void)state;
	int fds[2];
	char text[512];
	assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	now = 5 * (uint64_t)SECOND;
	struct ms_progress progress = { .now_ns = get_now, .is_forced = true };
	ms_progress_start(&progress, fds[1], "reading", 100 << 20);

	ms_progress_add(&progress, 10 << 20);
	assert_int_equal(drain(fds[0], text, sizeof(text)), 0); // not in the first second
	now += 2 * (uint64_t)SECOND;
	ms_progress_add(&progress, 10 << 20);
	drain(fds[0], text, sizeof(text));
	assert_string_equal(text, "reading 20.0 of 100.0 MiB, 20%, 10.0 MiB/s\n");
	ms_progress_add(&progress, 10 << 20);
	assert_int_equal(drain(fds[0], text, sizeof(text)), 0); // too soon
	now += 2 * (uint64_t)SECOND;
	ms_progress_add(&progress, 90 << 20); // a target that grew
	drain(fds[0], text, sizeof(text));
	assert_string_equal(text, "reading 120.0 of 120.0 MiB, 100%, 30.0 MiB/s\n");
	ms_progress_end(&progress);
	assert_int_equal(
		drain(fds[0], text, sizeof(text)), 0); // nothing to erase in a log
	close(fds[0]);
	close(fds[1]);
}

static void test_unknown_total(void **state)
{
	(void)state;
	int fds[2];
	char text[512];
	assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	now = 0;
	struct ms_progress progress = { .now_ns = get_now, .is_forced = true };
	ms_progress_start(&progress, fds[1], "scanning", 0);
	now = SECOND;
	ms_progress_add(&progress, 1536 << 10);
	drain(fds[0], text, sizeof(text));
	assert_string_equal(text, "scanning 1.5 MiB, 1.5 MiB/s\n");
	close(fds[0]);
	close(fds[1]);
}

// A line that wrapped could not be erased.
static void test_narrow(void **state)
{
	(void)state;
	int fds[2];
	char text[512];
	assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	now = 0;
	struct ms_progress progress = {
		.now_ns = get_now, .is_forced = true, .width = 12
	};
	ms_progress_start(&progress, fds[1], "scanning", 0);
	now = SECOND;
	ms_progress_add(&progress, 1536 << 10);
	drain(fds[0], text, sizeof(text));
	assert_string_equal(text, "scanning 1.\n");
	close(fds[0]);
	close(fds[1]);
}

static void test_never(void **state)
{
	(void)state;
	now = 0;
	struct ms_progress progress = { .now_ns = get_now };
	ms_progress_start(&progress, -1, "reading", 10);
	now = 100 * (uint64_t)SECOND;
	ms_progress_add(&progress, 5);
	assert_int_equal(atomic_load(&progress.done), 5);
	assert_false(atomic_load(&progress.is_visible));
	ms_progress_end(&progress);
}

// A terminal of which we are not the foreground group: nothing is drawn.
static void test_background(void **state)
{
	(void)state;
	int master, slave;
	char text[512];
	if (openpty(&master, &slave, NULL, NULL, NULL) < 0)
		skip();
	assert_int_equal(fcntl(master, F_SETFL, O_NONBLOCK), 0);
	now = 0;
	struct ms_progress progress = { .now_ns = get_now };
	ms_progress_start(&progress, slave, "reading", 10);
	now = 2 * (uint64_t)SECOND;
	ms_progress_add(&progress, 5);
	assert_int_equal(drain(master, text, sizeof(text)), 0);
	close(master);
	close(slave);
}

// In the child that leads the terminal's session the line appears, and is erased.
static void test_foreground(void **state)
{
	(void)state;
	int master;
	char text[512] = "";
	pid_t pid = forkpty(&master, NULL, NULL, NULL);
	if (pid < 0)
		skip();
	if (pid == 0) {
		now = 0;
		struct ms_progress progress = { .now_ns = get_now };
		ms_progress_start(&progress, STDERR_FILENO, "reading", 4 << 20);
		now = 2 * (uint64_t)SECOND;
		ms_progress_add(&progress, 1 << 20);
		ms_progress_end(&progress);
		_exit(0);
	}
	size_t n = 0;
	for (ssize_t got; (got = read(master, text + n, sizeof(text) - 1 - n)) > 0;)
		n += (size_t)got;
	assert_string_equal(
		text, "\r\033[Kreading 1.0 of 4.0 MiB, 25%, 0.5 MiB/s\r\033[K");
	close(master);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_when_forced),
		cmocka_unit_test(test_unknown_total),
		cmocka_unit_test(test_narrow),
		cmocka_unit_test(test_never),
		cmocka_unit_test(test_background),
		cmocka_unit_test(test_foreground),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
