// A live process: everything is opened and read here once, in an order that keeps what
// reading itself would change (page states before any byte). Reads are in live_read.c.

#include "target/live_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

static void live_free(void *backend)
{
	struct ms_live *live = backend;
	ms_close(live->status_fd);
	ms_close(live->pagemap_fd);
	ms_close(live->mem_fd);
	ms_close(live->proc_fd);
	free(live);
}

static bool live_status_now(struct ms_target *target, struct ms_status *ret)
{
	struct ms_live *live = target->backend;
	char text[8192];
	int64_t n = ms_pread_all(live->status_fd, text, sizeof(text), 0);
	if (n <= 0)
		return false;
	ms_status_parse((struct ms_bytes){ (uint8_t *)text, (size_t)n }, ret);
	return ret->state != 'Z' && ret->state != 'X';
}

static struct ms_error *live_check_alive(struct ms_target *target)
{
	struct ms_status status;
	struct ms_live *live = target->backend;
	uint8_t byte;
	// After exec the pid and the start time are the same, but the memory is not: a
	// read through the old mm's descriptor then gives nothing. While it is there nothing
	// is mapped at address 0, which is an error, and no page comes of it.
	bool has_mm = live->mem_fd < 0 || pread(live->mem_fd, &byte, 1, 0) != 0;
	if (has_mm && live_status_now(target, &status))
		return NULL;
	return ms_live_gone(live);
}

static const struct ms_target_ops live_ops = {
	.read = ms_live_read,
	.check_alive = live_check_alive,
	.status_now = live_status_now,
	.free = live_free,
};

// In a cgroup shared with the target the kernel must take us first, never the target.
static void offer_ourselves_to_oom_killer(void)
{
	_cleanup_close_ int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd >= 0)
		(void)!write(fd, "1000", 4);
}

static struct ms_error *no_such_process(uint64_t pid)
{
	return ms_error_hint(
		ms_error_new(MS_ERROR_GONE, "no process with pid %" PRIu64, pid),
		"the pid must be one of this pid namespace");
}

static struct ms_error *open_proc(const char *proc_dir, uint64_t pid, int *ret)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/%" PRIu64, proc_dir ?: "/proc", pid);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ESRCH))
		return no_such_process(pid);
	if (fd < 0)
		return ms_error_os(errno, "cannot open '%s'", path);
	*ret = fd;
	return NULL;
}

// Read a small file that a process may refuse; refused is empty, gone is an error.
static struct ms_error *load_file(
	struct ms_target *target, int proc_fd, enum ms_target_file file)
{
	struct ms_error *err = ms_read_file_at(proc_fd, ms_target_file_name(file),
		MS_TARGET_FILE_LIMIT, &target->files[file]);
	if (!err || err == &ms_error_nomem || ms_error_is(err, MS_ERROR_GONE))
		return err;
	ms_error_free(err);
	return NULL;
}

static struct ms_error *check_kind(const struct ms_target *target, uint64_t pid)
{
	struct ms_stat stat;
	if (!ms_stat_parse(ms_target_file(target, MS_TARGET_FILE_STAT), &stat))
		return NULL;
	if (stat.state == 'Z' || stat.state == 'X')
		return ms_error_hint(
			ms_error_new(MS_ERROR_UNSUPPORTED,
				"process %" PRIu64
				" is a zombie: it has ended and its memory is freed",
				pid),
			"its parent, pid %" PRIu64 ", has not collected it yet",
			stat.ppid);
	if (stat.flags & MS_PF_KTHREAD)
		return ms_error_hint(
			ms_error_new(MS_ERROR_UNSUPPORTED,
				"process %" PRIu64
				" is a kernel thread: it has no memory of its own",
				pid),
			"kernel memory is shown by slabtop(1) and /proc/meminfo");
	return NULL;
}

// The small files first, while the process is surely there.
static struct ms_error *load_small_files(struct ms_target *target, int proc_fd,
	uint64_t pid, const struct ms_target_options *options)
{
	static const enum ms_target_file files[] = { MS_TARGET_FILE_STAT,
		MS_TARGET_FILE_STATUS, MS_TARGET_FILE_COMM, MS_TARGET_FILE_CGROUP,
		MS_TARGET_FILE_LIMITS, MS_TARGET_FILE_AUXV, MS_TARGET_FILE_CMDLINE,
		MS_TARGET_FILE_ENVIRON };
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		bool is_private = files[i] == MS_TARGET_FILE_CMDLINE ||
				  files[i] == MS_TARGET_FILE_ENVIRON;
		if (is_private && options->without_private_text)
			continue;
		struct ms_error *err = load_file(target, proc_fd, files[i]);
		if (!err && files[i] == MS_TARGET_FILE_STAT)
			err = check_kind(target, pid);
		if (err)
			return err;
	}
	return NULL;
}

static bool wants_smaps(
	const struct ms_target_options *options, const struct ms_status *status)
{
	const uint64_t limit = UINT64_C(16) << 30;
	if (options->smaps == MS_TARGET_SMAPS_AUTO)
		return status->vm_rss < limit;
	return options->smaps == MS_TARGET_SMAPS_ALWAYS;
}

// maps must be had; smaps and its sum only where they are wanted: each walks all pages of
// the process and holds up its mmap calls.
static struct ms_error *load_maps(struct ms_target *target, int proc_fd, uint64_t pid,
	const struct ms_target_options *options, const struct ms_status *status)
{
	struct ms_error *err = ms_read_file_at(proc_fd, "maps", MS_TARGET_FILE_LIMIT,
		&target->files[MS_TARGET_FILE_MAPS]);
	if (ms_error_catch(&err, MS_ERROR_DENIED))
		return ms_target_explain_denied(proc_fd, pid, /* is_attach= */ false);
	if (err)
		return err;
	if (!wants_smaps(options, status))
		return ms_target_note(
			target, "smaps was not read: it stalls a process of this size");
	err = load_file(target, proc_fd, MS_TARGET_FILE_SMAPS);
	if (err)
		return err;
	if (!target->files[MS_TARGET_FILE_SMAPS].n && status->vm_rss != UINT64_MAX) {
		err = ms_target_note(target, "smaps could not be read");
		if (err)
			return err;
	}
	if (!options->keeps_rollup)
		return NULL;
	return load_file(target, proc_fd, MS_TARGET_FILE_SMAPS_ROLLUP);
}

static struct ms_error *load_pages(struct ms_target *target, struct ms_live *live,
	const struct ms_target_options *options)
{
	live->pagemap_fd = openat(live->proc_fd, "pagemap", O_RDONLY | O_CLOEXEC);
	if (live->pagemap_fd < 0) {
		struct ms_error *err = ms_target_note(target,
			"page states are not known: cannot open pagemap: %s",
			strerror(errno));
		return err ?: ms_pages_new(&target->pages);
	}
	struct ms_error *err = ms_pages_load(live->pagemap_fd, &target->maps,
		options->force_words, &target->info.pages_source, &target->pages);
	target->info.has_pages = !err;
	return err;
}

static struct ms_error *open_mem(struct ms_target *target, struct ms_live *live)
{
	live->mem_fd = openat(live->proc_fd, "mem", O_RDONLY | O_CLOEXEC);
	if (live->mem_fd >= 0)
		return NULL;
	if (errno == ENOENT || errno == ESRCH)
		return ms_live_gone(live);
	target->denied =
		ms_target_explain_denied(live->proc_fd, live->pid, /* is_attach= */ true);
	return target->denied == &ms_error_nomem ? ms_steal(target->denied) : NULL;
}

static struct ms_error *read_cgroup(struct ms_target *target, int proc_fd)
{
	// The target's own root shows the hierarchy its cgroup path is relative to; in
	// the common case of no namespace that is ours. Where neither has the path, what
	// the target's container is confined to is mounted in it.
	struct ms_bytes text = ms_target_file(target, MS_TARGET_FILE_CGROUP);
	_cleanup_close_ int own = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int root =
		openat(proc_fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	const int roots[] = { root, own };
	for (size_t i = 0; i < 2 && !target->cgroup.version; i++) {
		if (roots[i] < 0)
			continue;
		ms_cgroup_memory_deinit(&target->cgroup);
		struct ms_error *err =
			ms_cgroup_memory_read(roots[i], text, &target->cgroup);
		if (err)
			return err;
	}
	if (target->cgroup.version || root < 0)
		return NULL;
	ms_cgroup_memory_deinit(&target->cgroup);
	return ms_cgroup_memory_read_mounted(root, &target->cgroup);
}

// Everything that hangs on the mappings; each step says itself what it could not have.
static struct ms_error *load_rest(struct ms_target *target, struct ms_live *live,
	const struct ms_target_options *options)
{
	struct ms_error *err =
		ms_threads_read(live->proc_fd, &target->arena, &target->threads);
	if (!err)
		err = ms_memory_fds_read(
			live->proc_fd, &target->arena, &target->memory_fds);
	if (!err)
		err = ms_images_open(target, live->proc_fd, options->sysroot);
	if (!err)
		err = read_cgroup(target, live->proc_fd);
	return err;
}

static uint64_t realtime_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static struct ms_error *load_all(struct ms_target *target, struct ms_live *live,
	const struct ms_target_options *options)
{
	struct ms_status status = { 0 };
	struct ms_error *err =
		load_small_files(target, live->proc_fd, live->pid, options);
	if (err)
		return err;
	ms_status_parse(ms_target_file(target, MS_TARGET_FILE_STATUS), &status);
	target->info.is_stopped = status.state == 'T' || status.state == 't';
	live->status_fd = openat(live->proc_fd, "status", O_RDONLY | O_CLOEXEC);
	err = open_mem(target, live);
	if (!err)
		err = load_maps(target, live->proc_fd, live->pid, options, &status);
	if (!err)
		err = ms_target_parse_files(target);
	if (!err)
		err = load_pages(target, live, options);
	if (!err)
		err = load_rest(target, live, options);
	return err;
}

struct ms_error *ms_target_open_pid(
	uint64_t pid, const struct ms_target_options *options, struct ms_target **ret)
{
	static const struct ms_target_options no_options;
	_cleanup_target_ struct ms_target *target = NULL;
	options = options ?: &no_options;
	offer_ourselves_to_oom_killer();
	struct ms_error *err = ms_target_new(MS_TARGET_LIVE, &live_ops, &target);
	if (err)
		return err;
	struct ms_live *live = calloc(1, sizeof(*live));
	if (!live)
		return &ms_error_nomem;
	target->backend = live;
	live->pid = pid;
	live->proc_fd = live->mem_fd = live->pagemap_fd = live->status_fd = -1;
	atomic_init(&live->avoids_vm_readv, options->force_mem);
	target->cancel = options->cancel;
	target->info.pid = pid;
	target->info.taken_ns = realtime_ns();
	err = open_proc(options->proc_dir, pid, &live->proc_fd);
	if (!err)
		err = load_all(target, live, options);
	if (ms_error_catch(&err, MS_ERROR_GONE))
		return no_such_process(pid);
	if (err)
		return err;
	*ret = ms_steal(target);
	return NULL;
}
