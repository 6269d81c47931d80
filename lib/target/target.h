/**
 * target - what is analysed, behind one interface.
 *
 * A target is a live process, an ELF core (kernel, gcore, drgn), a snapshot of ours, or a
 * captured tree shaped like /proc/PID. Readers see no difference but for what a kind
 * cannot give, which is NULL, empty or a gap here and is said in `notes`.
 *
 * Invariants
 *  - Every descriptor is opened by ms_target_open(); page states are read there, before
 *    any byte of memory. Afterwards nothing of the target's /proc is opened by path.
 *  - A read never makes a page present: each window's pagemap words are looked at first,
 *    absent pages are gaps, clean file pages come from the file.
 *  - A read never copies a page that is shared after fork: process_vm_readv is used for
 *    pages that are exclusively the target's, /proc/PID/mem for the others.
 *  - After each window of a live read the target is still the process that was opened,
 *    or the read fails with MS_ERROR_GONE: no byte of another process is ever returned.
 *  - No link out of the target's mount namespace is followed (images.h).
 *
 * Thread safety: after open, everything but ms_target_free() may be called from several
 * threads, except images (libelf: main thread only).
 */
#pragma once

#include "base/base.h"
#include "proc/proc.h"

enum ms_target_kind {
	MS_TARGET_LIVE,
	MS_TARGET_CORE,
	MS_TARGET_SNAPSHOT,
	MS_TARGET_TREE,
};

/** Why bytes could not be had. One list, used by reads, snapshots and JSON. */
#define MS_GAP_REASONS(X)                                                                \
	X(ABSENT, "absent", "no page there: never touched, dropped, or not mapped")      \
	X(SWAPPED, "swapped", "swapped out; reading it would swap it in")                \
	X(GUARD, "guard", "a guard page, or no read permission")                         \
	X(REFUSED, "refused", "the kernel refused the read")                             \
	X(DEVICE, "device", "memory of a device")                                        \
	X(SECRET, "secret", "memfd_secret memory")                                       \
	X(DONTDUMP, "dontdump", "the program asked not to dump it (MADV_DONTDUMP)")      \
	X(VANISHED, "vanished", "unmapped or dropped while reading")                     \
	X(TRUNCATED, "truncated", "the file ends before it")                             \
	X(NOT_CAPTURED, "not captured", "left out when the file was written")

enum ms_gap_reason {
#define X(id, name, help) MS_GAP_##id,
	MS_GAP_REASONS(X)
#undef X
	MS_GAP_REASON_COUNT,
};

/** The reason's name as in MS_GAP_REASONS; "?" for a number that is none. */
const char *ms_gap_reason_name(enum ms_gap_reason reason);

/** True if bytes that were wanted are missing (exit code 3): not absent, guard or device.
 */
bool ms_gap_is_missing(enum ms_gap_reason reason);

struct ms_gap {
	struct ms_range range;
	enum ms_gap_reason reason;
};

/** Gaps of one or several reads, in the order met; neighbours of one reason are joined.
 */
struct ms_gaps {
	struct ms_gap *v;
	size_t n;
	size_t cap;
};

/** Release the storage; the list is empty and usable again. */
void ms_gaps_deinit(struct ms_gaps *gaps);

/** Append, joining with the last gap if it touches and has the same reason. Errors:
 * NOMEM. */
struct ms_error *ms_gaps_add(struct ms_gaps *gaps, struct ms_range range,
	enum ms_gap_reason reason) MS_MUST_CHECK;

/** One thread of the target. Fields a kind cannot give are 0, names empty. */
struct ms_thread {
	uint64_t tid;
	uint64_t ns_tid;      ///< in the target's own pid namespace; 0: not known
	char name[16];        ///< comm; any bytes, NUL-terminated
	uint64_t sp, pc;      ///< of a thread that waits in the kernel; 0 if it ran
	uint64_t fs_base;     ///< x86-64: its control block; only cores have it
	uint64_t start_ticks; ///< since boot
	uint64_t utime_ticks, stime_ticks, minflt, majflt;
	char state;
};

struct ms_threads {
	struct ms_thread *v; ///< ascending tid
	size_t n;
};

/** A descriptor of the target that holds memory: memfd, tmpfs or deleted file. */
struct ms_memory_fd {
	int fd;
	struct ms_bytes path; ///< what the link says, "/memfd:name (deleted)"
	uint32_t dev_major, dev_minor;
	uint64_t inode;
	uint64_t size;      ///< bytes, st_size
	uint64_t allocated; ///< bytes, st_blocks * 512
};

struct ms_memory_fds {
	struct ms_memory_fd *v;
	size_t n;
};

/** Files of /proc/PID that are kept verbatim. */
#define MS_TARGET_FILES(X)                                                               \
	X(MAPS, "maps")                                                                  \
	X(SMAPS, "smaps")                                                                \
	X(SMAPS_ROLLUP, "smaps_rollup")                                                  \
	X(STATUS, "status")                                                              \
	X(STAT, "stat")                                                                  \
	X(COMM, "comm")                                                                  \
	X(CMDLINE, "cmdline")                                                            \
	X(ENVIRON, "environ")                                                            \
	X(AUXV, "auxv")                                                                  \
	X(CGROUP, "cgroup")                                                              \
	X(LIMITS, "limits")

enum ms_target_file {
#define X(id, name) MS_TARGET_FILE_##id,
	MS_TARGET_FILES(X)
#undef X
	MS_TARGET_FILE_COUNT,
};

/** The file's name in /proc/PID, "maps"; NULL for a number that is none. */
const char *ms_target_file_name(enum ms_target_file file);

/** Kernel figures per mapping: when to ask, since smaps stalls the target's mmap calls.
 */
enum ms_target_smaps {
	MS_TARGET_SMAPS_AUTO, ///< below 16 GiB of VmRSS
	MS_TARGET_SMAPS_NEVER,
	MS_TARGET_SMAPS_ALWAYS,
};

struct ms_target_options {
	const char *proc_dir; ///< NULL: "/proc"
	const char *sysroot;  ///< extra directory to look for mapped files in, or NULL
	enum ms_target_smaps smaps; ///< read smaps?
	bool keeps_rollup; ///< read smaps_rollup too: its sums are those of smaps, but
			   ///< a snapshot keeps the file
	bool without_private_text;      ///< leave out command line and environment
	bool force_words;               ///< never use PAGEMAP_SCAN (tests)
	bool force_mem;                 ///< never use process_vm_readv (tests)
	const struct ms_cancel *cancel; ///< polled by long operations; may be NULL
};

struct ms_target;

/**
 * Open a live process.
 *
 * Raises the caller's own oom_score_adj to 1000 first, so that in a shared cgroup the
 * kernel takes this tool and not the target.
 *
 * A process whose memory may not be read opens all the same if its maps can be read; then
 * ms_target_denied() holds the reason and every read gives `refused` gaps.
 *
 * Errors: GONE (no such process), DENIED (hint says which check: uid, dumpable, Yama,
 *         capability, user namespace), UNSUPPORTED (kernel thread, zombie), NOMEM, OS.
 */
struct ms_error *ms_target_open_pid(uint64_t pid, const struct ms_target_options *options,
	struct ms_target **ret) MS_MUST_CHECK;

/**
 * Open a core, a snapshot, or a directory shaped like /proc/PID; which, is detected.
 *
 * Errors: FORMAT (not ELF, not a core, hostile numbers; names path and offset), OS,
 *         DENIED, LIMIT, NOMEM.
 */
struct ms_error *ms_target_open_path(const char *path,
	const struct ms_target_options *options, struct ms_target **ret) MS_MUST_CHECK;

/**
 * Open what a person named: all digits is a PID unless such a file exists; else a path.
 * Errors: as the two above; USAGE for an empty name.
 */
struct ms_error *ms_target_open(const char *name, const struct ms_target_options *options,
	struct ms_target **ret) MS_MUST_CHECK;

/** Close everything; NULL is fine. */
void ms_target_free(struct ms_target *target);

/** Who the target is. Borrowed until the target is freed; 0 and empty where unknown. */
struct ms_target_info {
	enum ms_target_kind kind;
	uint64_t pid;
	char comm[64];           ///< any bytes, NUL-terminated
	struct ms_bytes command; ///< argv, each part NUL-terminated; empty if left out
	uint64_t start_ticks; ///< after boot: with the pid the identity of a live process
	uint64_t taken_ns;    ///< CLOCK_REALTIME when its state was read; 0 if unknown
	bool is_stopped;      ///< state T or t when opened, or a file
	bool has_pages; ///< page states are the kernel's; else derived from the file
	struct ms_pages_source pages_source;
	bool is_incomplete; ///< a snapshot sealed early, or a file that is cut off
};

/** Who the target is. Never NULL; borrowed until the target is freed. */
const struct ms_target_info *ms_target_info(const struct ms_target *target);

/** How long a live process has run, ns; 0: that is not known, or it is a file. */
uint64_t ms_target_age_ns(const struct ms_target *target);

/** Mappings, ascending. Never NULL; empty for a core without any. */
const struct ms_maps *ms_target_maps(const struct ms_target *target);

/** Page states; never NULL. For a core: pages in the file are anon, zero or unknown. */
const struct ms_pages *ms_target_pages(const struct ms_target *target);

/** The kernel's sums per mapping, or NULL if they were not read or are not in the file.
 */
const struct ms_smaps *ms_target_smaps(const struct ms_target *target);

/** Threads, ascending tid; may be empty. */
const struct ms_threads *ms_target_threads(const struct ms_target *target);

/** Descriptors that hold memory; may be empty. */
const struct ms_memory_fds *ms_target_memory_fds(const struct ms_target *target);

/** Verbatim bytes of a /proc file as read at open; empty if it was not to be had. */
struct ms_bytes ms_target_file(const struct ms_target *target, enum ms_target_file file);

/** Figures of the cgroup the target is charged to; version 0 if not known. */
const struct ms_cgroup_memory *ms_target_cgroup(const struct ms_target *target);

/** Why memory cannot be read (live, no permission), or NULL. Borrowed. */
const struct ms_error *ms_target_denied(const struct ms_target *target);

/** One line per thing this target could not give, and why. Borrowed; ret_n lines. */
char *const *ms_target_notes(const struct ms_target *target, size_t *ret_n);

/** One piece of a read: `range` goes to `to`, which holds at least its size. */
struct ms_read {
	struct ms_range range;
	void *to;
};

/**
 * Read memory.
 *
 * Bytes that could not be had are zero in the output and a gap in `gaps`; absent pages of
 * anonymous memory too (reason `absent`).
 *
 * @param v     n pieces, ascending and disjoint, any alignment
 * @param gaps  appended to, ascending; may be NULL if the caller does not care
 * Errors: GONE (the target ended or is another process now: the buffers are then
 *         undefined), CANCELLED, NOMEM. Never an error for a hole.
 * Source: mm/process_vm_access.c, fs/proc/base.c mem_read (Linux 6.18).
 * Cost: 2 to 10 GB/s live; one pagemap read and one probe per window of 1 MiB.
 */
struct ms_error *ms_target_read(struct ms_target *target, const struct ms_read *v,
	size_t n, struct ms_gaps *gaps) MS_MUST_CHECK;

/**
 * Changes bytes that were read, in place: they are those of `range`.
 *
 * Called by several threads at once; must depend on the addresses alone, so that two
 * reads of one place agree.
 */
typedef void (*ms_overlay_fn)(void *arg, struct ms_range range, uint8_t *bytes);

/**
 * Let a function change everything that is read from now on; NULL ends it.
 *
 * For tests that show readers damaged memory. Call it while nobody reads.
 */
void ms_target_overlay(struct ms_target *target, ms_overlay_fn fn, void *arg);

/**
 * Read one small object whole.
 *
 * @return true if every byte was read; else the buffer is undefined. For following
 *         pointers: a wrong one is an expected condition.
 */
bool ms_target_get(struct ms_target *target, uint64_t address, void *to, size_t n);

/**
 * Read the target's status file anew: VmRSS, VmPTE and the like as they are now.
 *
 * @return false for files and for a target that has ended; *ret is then untouched
 */
bool ms_target_status_now(struct ms_target *target, struct ms_status *ret);

/**
 * Check that a live target is still the process that was opened; files always are.
 * Errors: GONE.
 */
struct ms_error *ms_target_check_alive(struct ms_target *target) MS_MUST_CHECK;

/**
 * Bytes of memory this process may take: half of what its own cgroup has left, since the
 * target may live in the same one. UINT64_MAX where there is no limit or none is seen.
 */
uint64_t ms_target_allowance(void);

/**
 * Refuse to start work that needs more than the allowance.
 *
 * @param need  bytes
 * Errors: LIMIT, with a hint to do the work elsewhere.
 */
struct ms_error *ms_target_check_allowance(uint64_t need) MS_MUST_CHECK;
