/**
 * /proc/PID/status, stat and limits: single facts.
 *
 * Source: fs/proc/array.c (Linux 6.18), proc_pid_status(5), proc_pid_stat(5).
 */
#pragma once

#include "base/base.h"

/** The facts of status; a number that is not printed (kernel threads) is UINT64_MAX. */
struct ms_status {
	char name[64]; ///< comm as printed there: '\n' and '\\' are escaped
	char state;    ///< R S D T t Z X
	uint64_t tgid, pid, ppid, tracer_pid, uid, euid, threads;
	uint64_t ns_tgid; ///< innermost NStgid: the pid inside its namespace
	uint64_t ns_pid;  ///< innermost NSpid: the same of a thread, its tid there
	uint64_t vm_peak, vm_size, vm_hwm, vm_rss, rss_anon, rss_file, rss_shmem, vm_lck,
		vm_pte, vm_swap, hugetlb; ///< bytes
	uint64_t cap_eff;
	uint64_t seccomp; ///< 0 none, 1 strict, 2 filter
	uint64_t core_dumping;
};

/** Parse the text of status. Unknown lines are skipped: every kernel adds some. */
void ms_status_parse(struct ms_bytes text, struct ms_status *ret);

/** The facts of /proc/PID/stat or task/TID/stat. */
struct ms_stat {
	uint64_t pid;
	struct ms_bytes comm; ///< borrowed from the text; may hold any byte, ')' too
	char state;
	uint64_t ppid, flags, minflt, majflt, utime_ticks, stime_ticks, threads,
		start_ticks, vsize, rss_pages;
};

/** Parse the text of stat; false if it is not one. */
bool ms_stat_parse(struct ms_bytes text, struct ms_stat *ret);

enum {
	MS_PF_KTHREAD = 0x00200000
}; ///< flags of ms_stat: a kernel thread (sched.h)
