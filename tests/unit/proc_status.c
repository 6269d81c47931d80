// status and stat: names that hold anything, numbers that do not fit, our own process.

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "proc/proc.h"

static void no_error(struct ms_error *err)
{
	if (err)
		fail_msg("%s", err->message);
}

static const char status_text[] = "Name:\tkworker\\n :x\n"
				  "Umask:\t0022\n"
				  "State:\tt (tracing stop)\n"
				  "Tgid:\t100\n"
				  "Pid:\t101\n"
				  "PPid:\t1\n"
				  "TracerPid:\t55\n"
				  "Uid:\t1000\t1001\t1002\t1003\n"
				  "NStgid:\t100\t20\t3\nNSpid:\t101\t21\t4\n"
				  "VmPeak:\t   12345 kB\n"
				  "VmRSS:\t      10 kB\n"
				  "VmPTE:\t 18446744073709551615 kB\n"
				  "VmSwap:\t no\n"
				  "HugetlbPages:\t       0 kB\n"
				  "CoreDumping:\t1\n"
				  "Threads:\t7\n"
				  "CapEff:\t000001ffffffffff\n"
				  "Seccomp:\t2\n"
				  "Nonsense\n"
				  "Seccomp_filters:\t3\n";

static void facts_of_status(void **state)
{
	(void)state;
	struct ms_status s;
	ms_status_parse(ms_bytes_of(status_text), &s);
	const struct {
		uint64_t got, expected;
	} rows[] = {
		{ s.tgid, 100 },
		{ s.pid, 101 },
		{ s.ppid, 1 },
		{ s.tracer_pid, 55 },
		{ s.uid, 1000 },
		{ s.euid, 1001 },
		{ s.threads, 7 },
		{ s.ns_tgid, 3 },
		{ s.ns_pid, 4 },
		{ s.vm_peak, 12345 * 1024 },
		{ s.vm_rss, 10240 },
		{ s.vm_size, UINT64_MAX },
		{ s.vm_pte, UINT64_MAX },
		{ s.vm_swap, UINT64_MAX },
		{ s.hugetlb, 0 },
		{ s.cap_eff, 0x1ffffffffff },
		{ s.seccomp, 2 },
		{ s.core_dumping, 1 },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (rows[i].got != rows[i].expected)
			fail_msg("row %zu: %lu", i, (unsigned long)rows[i].got);
	assert_string_equal(s.name, "kworker\\n :x");
	assert_int_equal(s.state, 't');
}

static void nothing_is_unknown(void **state)
{
	(void)state;
	struct ms_status s;
	ms_status_parse(ms_bytes_of(""), &s);
	assert_int_equal(s.pid, UINT64_MAX);
	assert_int_equal(s.vm_rss, UINT64_MAX);
	assert_int_equal(s.state, 0);
	assert_string_equal(s.name, "");
	char text[200] = "Name:\t";
	memset(text + 6, 'n', 150);
	ms_status_parse(ms_bytes_of(text), &s);
	assert_int_equal(strlen(s.name), sizeof(s.name) - 1);
}

#define NUMBERS " R 7 1 1 34816 1 4194304 95 0 3 0 11 12 0 0 20 0 4 0 4242 1048576 200 99"

static const struct {
	const char *text, *comm; // comm NULL: not a stat
} stats[] = {
	{ "9 (cat)" NUMBERS, "cat" },
	{ "9 ()" NUMBERS, "" },
	{ "9 (a) S 1 (b)" NUMBERS, "a) S 1 (b" },
	{ "9 ()))\n(" NUMBERS, NULL },
	{ "9 (()))\n)" NUMBERS, "()))\n" },
	{ "9 cat" NUMBERS, NULL },
	{ "x (cat)" NUMBERS, NULL },
	{ "9 (cat)", NULL },
	{ "9 (cat) ", NULL },
	{ "9 (cat) R 7 1 1", NULL },
	{ "9 (cat) R x 1 1 34816 1 4194304 95 0 3 0 11 12 0 0 20 0 4 0 4242 1048576 200",
		NULL },
	{ "", NULL },
};

static void facts_of_stat(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(stats) / sizeof(*stats); i++) {
		struct ms_stat s;
		bool ok = ms_stat_parse(ms_bytes_of(stats[i].text), &s);
		if (ok != (stats[i].comm != NULL))
			fail_msg("%d: %s", ok, stats[i].text);
		if (!ok)
			continue;
		assert_true(ms_bytes_is(s.comm, stats[i].comm));
		assert_int_equal(s.pid, 9);
		assert_int_equal(s.state, 'R');
		assert_int_equal(s.ppid, 7);
		assert_int_equal(s.flags, 4194304);
		assert_int_equal(s.minflt, 95);
		assert_int_equal(s.majflt, 3);
		assert_int_equal(s.utime_ticks, 11);
		assert_int_equal(s.stime_ticks, 12);
		assert_int_equal(s.threads, 4);
		assert_int_equal(s.start_ticks, 4242);
		assert_int_equal(s.vsize, 1048576);
		assert_int_equal(s.rss_pages, 200);
	}
}

static void our_own_process(void **state)
{
	(void)state;
	static const char comm[] = "a) R (b\n";
	struct ms_buffer status_file = {}, stat_file = {};
	struct ms_status status;
	struct ms_stat stat;
	prctl(PR_SET_NAME, comm);
	no_error(ms_read_file_at(AT_FDCWD, "/proc/self/status", 1 << 20, &status_file));
	no_error(ms_read_file_at(AT_FDCWD, "/proc/self/stat", 1 << 20, &stat_file));
	ms_status_parse(ms_buffer_bytes(&status_file), &status);
	assert_true(ms_stat_parse(ms_buffer_bytes(&stat_file), &stat));
	assert_int_equal(status.pid, getpid());
	assert_int_equal(stat.pid, getpid());
	assert_int_equal(status.ppid, getppid());
	assert_int_equal(stat.ppid, getppid());
	assert_int_equal(status.uid, getuid());
	assert_int_equal(status.euid, geteuid());
	assert_int_equal(stat.state, 'R');
	assert_int_equal(status.state, 'R');
	assert_int_equal(stat.threads, status.threads);
	assert_true(ms_bytes_is(stat.comm, comm));
	assert_string_equal(status.name, "a) R (b\\n");
	assert_true(status.vm_rss > 0 && status.vm_rss <= status.vm_hwm);
	assert_true(status.vm_pte > 0 && status.vm_pte < UINT64_MAX);
	assert_int_equal(stat.vsize, status.vm_size);
	ms_buffer_deinit(&status_file);
	ms_buffer_deinit(&stat_file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(facts_of_status),
		cmocka_unit_test(nothing_is_unknown),
		cmocka_unit_test(facts_of_stat),
		cmocka_unit_test(our_own_process),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
