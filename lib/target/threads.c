// Threads and memory descriptors of a live process, from /proc/PID/task and /proc/PID/fd.

#include "target/target_internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

// Text of one of a thread's files; false if it could not be had.
static bool read_text(
	int dirfd, const char *path, char *text, size_t size, struct ms_bytes *ret)
{
	_cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	int64_t n = ms_pread_all(fd, text, size, 0);
	if (n <= 0)
		return false;
	*ret = (struct ms_bytes){ (uint8_t *)text, (size_t)n };
	return true;
}

// "nr a1 ... a6 sp pc" of a thread that waits in the kernel, "-1 sp pc" of one that is
// stopped outside of a system call, "running" of the others (proc_pid_syscall(5)).
static void parse_syscall(struct ms_bytes text, struct ms_thread *thread)
{
	struct ms_bytes word, last[2] = { { NULL, 0 }, { NULL, 0 } };
	struct ms_bytes line;
	size_t n = 0;
	if (!ms_bytes_line(&text, &line))
		return;
	for (; n < 9 && ms_bytes_word(&line, &word); n++) {
		last[0] = last[1];
		last[1] = word;
	}
	uint64_t sp, pc;
	if (n < 3 || !ms_bytes_starts(last[0], "0x") || !ms_bytes_starts(last[1], "0x"))
		return;
	last[0] = ms_bytes_sub(last[0], 2, SIZE_MAX);
	last[1] = ms_bytes_sub(last[1], 2, SIZE_MAX);
	if (!ms_bytes_hex(&last[0], &sp) || !ms_bytes_hex(&last[1], &pc))
		return;
	thread->sp = sp;
	thread->pc = pc;
}

// What status says; false if it could not be had. Its first part, which holds the ids, is
// enough: the list of groups before them is short but for odd users.
static bool read_status(int dirfd, const char *path, struct ms_status *ret)
{
	char text[4096];
	struct ms_bytes bytes;
	if (!read_text(dirfd, path, text, sizeof(text), &bytes))
		return false;
	ms_status_parse(bytes, ret);
	return true;
}

// Are the process's threads known by other ids inside than here?
static bool is_namespaced(int proc_fd)
{
	struct ms_status status;
	return read_status(proc_fd, "status", &status) && status.ns_tgid != UINT64_MAX &&
	       status.ns_tgid != status.tgid;
}

static void read_ns_tid(int task_fd, struct ms_thread *thread)
{
	char path[64];
	struct ms_status status;
	snprintf(path, sizeof(path), "%llu/status", (unsigned long long)thread->tid);
	if (read_status(task_fd, path, &status) && status.ns_pid != UINT64_MAX)
		thread->ns_tid = status.ns_pid;
}

static bool read_thread(int task_fd, uint64_t tid, struct ms_thread *thread)
{
	char path[64], text[1024];
	struct ms_bytes bytes;
	struct ms_stat stat;
	snprintf(path, sizeof(path), "%llu/stat", (unsigned long long)tid);
	if (!read_text(task_fd, path, text, sizeof(text), &bytes) ||
		!ms_stat_parse(bytes, &stat))
		return false;
	thread->tid = tid;
	thread->start_ticks = stat.start_ticks;
	thread->utime_ticks = stat.utime_ticks;
	thread->stime_ticks = stat.stime_ticks;
	thread->minflt = stat.minflt;
	thread->majflt = stat.majflt;
	thread->state = stat.state;
	if (stat.comm.n)
		memcpy(thread->name, stat.comm.p,
			ms_min(stat.comm.n, sizeof(thread->name) - 1));
	snprintf(path, sizeof(path), "%llu/syscall", (unsigned long long)tid);
	if (read_text(task_fd, path, text, sizeof(text), &bytes))
		parse_syscall(bytes, thread);
	return true;
}

// The numeric entries of a directory of /proc.
typedef MS_ARRAY(uint64_t) numbers_t;

static struct ms_error *list_numbers(int dirfd, const char *name, numbers_t *ret)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	_cleanup_closedir_ DIR *dir = fdopendir(fd);
	if (!dir) {
		ms_close(fd);
		return &ms_error_nomem;
	}
	struct dirent *entry;
	while ((entry = readdir(dir))) {
		struct ms_bytes rest = ms_bytes_of(entry->d_name);
		uint64_t number;
		if (!ms_bytes_dec(&rest, &number) || rest.n)
			continue;
		uint64_t *slot = ms_array_push(ret);
		if (!slot)
			return &ms_error_nomem;
		*slot = number;
	}
	return NULL;
}

static int compare_numbers(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

static struct ms_error *fill_threads(int proc_fd, const uint64_t *tids, size_t n,
	struct ms_arena *arena, struct ms_threads *ret)
{
	_cleanup_close_ int task_fd =
		openat(proc_fd, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct ms_thread *v = ms_new(arena, struct ms_thread, n);
	bool has_ns_tids = is_namespaced(proc_fd);
	if (!v)
		return &ms_error_nomem;
	*ret = (struct ms_threads){ v, 0 };
	for (size_t i = 0; i < n && task_fd >= 0; i++) {
		v[ret->n] = (struct ms_thread){ 0 };
		if (!read_thread(task_fd, tids[i], &v[ret->n]))
			continue;
		if (has_ns_tids)
			read_ns_tid(task_fd, &v[ret->n]);
		ret->n++;
	}
	return NULL;
}

struct ms_error *ms_threads_read(
	int proc_fd, struct ms_arena *arena, struct ms_threads *ret)
{
	numbers_t tids = { 0 };
	struct ms_error *err = list_numbers(proc_fd, "task", &tids);
	if (!err && tids.n) {
		qsort(tids.v, tids.n, sizeof(*tids.v), compare_numbers);
		err = fill_threads(proc_fd, tids.v, tids.n, arena, ret);
	}
	ms_array_deinit(&tids);
	return err;
}

// By what the link says: only these are asked for their size, since asking a descriptor
// of a dead network file system could hang.
static bool holds_memory(struct ms_bytes link)
{
	return ms_bytes_starts(link, "/memfd:") || ms_bytes_starts(link, "/dev/shm/") ||
	       (ms_bytes_starts(link, "/") && ms_bytes_ends(link, " (deleted)"));
}

static bool read_memory_fd(
	int fds_fd, uint64_t number, char *link, size_t size, struct ms_memory_fd *ret)
{
	char name[32];
	struct stat st;
	snprintf(name, sizeof(name), "%llu", (unsigned long long)number);
	ssize_t n = readlinkat(fds_fd, name, link, size);
	if (n <= 0)
		return false;
	ret->path = (struct ms_bytes){ (uint8_t *)link, (size_t)n };
	if (!holds_memory(ret->path) || fstatat(fds_fd, name, &st, 0) < 0 ||
		!S_ISREG(st.st_mode))
		return false;
	ret->fd = (int)number;
	ret->dev_major = major(st.st_dev);
	ret->dev_minor = minor(st.st_dev);
	ret->inode = st.st_ino;
	ret->size = (uint64_t)st.st_size;
	ret->allocated = (uint64_t)st.st_blocks * 512;
	return true;
}

static struct ms_error *fill_fds(int fds_fd, const numbers_t *numbers,
	struct ms_arena *arena, struct ms_memory_fds *ret)
{
	struct ms_memory_fd *v = NULL;
	size_t n = 0, cap = 0;
	char link[4096];
	for (size_t i = 0; i < numbers->n; i++) {
		struct ms_memory_fd found = { 0 };
		if (!read_memory_fd(fds_fd, numbers->v[i], link, sizeof(link), &found))
			continue;
		if (n == cap) {
			// Doubling in an arena wastes as much as it keeps: few are found.
			cap = cap ? cap * 2 : 16;
			struct ms_memory_fd *grown =
				ms_new(arena, struct ms_memory_fd, cap);
			if (!grown)
				return &ms_error_nomem;
			if (n)
				memcpy(grown, v, n * sizeof(*v));
			v = grown;
		}
		char *copy = ms_arena_copy(arena, found.path);
		if (!copy)
			return &ms_error_nomem;
		found.path.p = (uint8_t *)copy;
		v[n++] = found;
	}
	*ret = (struct ms_memory_fds){ v, n };
	return NULL;
}

struct ms_error *ms_memory_fds_read(
	int proc_fd, struct ms_arena *arena, struct ms_memory_fds *ret)
{
	_cleanup_close_ int fds_fd =
		openat(proc_fd, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fds_fd < 0)
		return NULL;
	numbers_t numbers = { 0 };
	struct ms_error *err = list_numbers(proc_fd, "fd", &numbers);
	if (!err && numbers.n) {
		qsort(numbers.v, numbers.n, sizeof(*numbers.v), compare_numbers);
		err = fill_fds(fds_fd, &numbers, arena, ret);
	}
	ms_array_deinit(&numbers);
	return err;
}
