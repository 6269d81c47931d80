// What all kinds of target have in common: see target.h.

#include "target/target_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const struct {
	const char *name;
	const char *help;
} gap_reasons[] = {
#define X(id, name, help) [MS_GAP_##id] = { name, help },
	MS_GAP_REASONS(X)
#undef X
};

const char *ms_gap_reason_name(enum ms_gap_reason reason)
{
	return (unsigned)reason < MS_GAP_REASON_COUNT ? gap_reasons[reason].name : "?";
}

bool ms_gap_is_missing(enum ms_gap_reason reason)
{
	static const bool is_missing[MS_GAP_REASON_COUNT] = {
		[MS_GAP_SWAPPED] = true,
		[MS_GAP_REFUSED] = true,
		[MS_GAP_VANISHED] = true,
		[MS_GAP_TRUNCATED] = true,
	};
	return (unsigned)reason < MS_GAP_REASON_COUNT && is_missing[reason];
}

void ms_gaps_deinit(struct ms_gaps *gaps)
{
	ms_array_deinit(gaps);
}

struct ms_error *ms_gaps_add(
	struct ms_gaps *gaps, struct ms_range range, enum ms_gap_reason reason)
{
	if (!gaps || range.start >= range.end)
		return NULL;
	struct ms_gap *last = gaps->n ? &gaps->v[gaps->n - 1] : NULL;
	if (last && last->range.end == range.start && last->reason == reason) {
		last->range.end = range.end;
		return NULL;
	}
	struct ms_gap *gap = ms_array_push(gaps);
	if (!gap)
		return &ms_error_nomem;
	*gap = (struct ms_gap){ range, reason };
	return NULL;
}

struct ms_error *ms_target_new(
	enum ms_target_kind kind, const struct ms_target_ops *ops, struct ms_target **ret)
{
	struct ms_target *target = calloc(1, sizeof(*target));
	if (!target)
		return &ms_error_nomem;
	target->info.kind = kind;
	target->ops = ops;
	ms_arena_init(&target->arena);
	*ret = target;
	return NULL;
}

void ms_target_free(struct ms_target *target)
{
	if (!target)
		return;
	if (target->backend)
		target->ops->free(target->backend);
	ms_images_deinit(&target->images);
	ms_pages_free(target->pages);
	for (size_t i = 0; i < MS_TARGET_FILE_COUNT; i++)
		ms_buffer_deinit(&target->files[i]);
	ms_cgroup_memory_deinit(&target->cgroup);
	ms_error_free(target->denied);
	ms_array_deinit(&target->notes);
	ms_arena_deinit(&target->arena);
	free(target);
}

struct ms_error *ms_target_note(struct ms_target *target, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;
	va_start(ap, format);
	int n = vasprintf(&text, format, ap);
	va_end(ap);
	if (n < 0) {
		text = NULL;
		return &ms_error_nomem;
	}
	char **note = ms_array_push(&target->notes);
	if (!note)
		return &ms_error_nomem;
	*note = ms_arena_copy(&target->arena, ms_bytes_of(text));
	return *note ? NULL : &ms_error_nomem;
}

const char *ms_target_file_name(enum ms_target_file file)
{
	static const char *const names[] = {
#define X(id, name) [MS_TARGET_FILE_##id] = name,
		MS_TARGET_FILES(X)
#undef X
	};
	return (unsigned)file < MS_TARGET_FILE_COUNT ? names[file] : NULL;
}

// comm from its own file, or from stat where that is all there is.
static void parse_comm(struct ms_target *target)
{
	struct ms_bytes text = ms_target_file(target, MS_TARGET_FILE_COMM);
	struct ms_stat stat = { 0 };
	if (ms_stat_parse(ms_target_file(target, MS_TARGET_FILE_STAT), &stat)) {
		target->info.start_ticks = stat.start_ticks;
		if (!target->info.pid)
			target->info.pid = stat.pid;
	}
	if (text.n && text.p[text.n - 1] == '\n')
		text.n--;
	if (!text.n)
		text = stat.comm;
	size_t n = ms_min(text.n, sizeof(target->info.comm) - 1);
	if (n)
		memcpy(target->info.comm, text.p, n);
	target->info.comm[n] = '\0';
}

struct ms_error *ms_target_parse_files(struct ms_target *target)
{
	struct ms_error *err = ms_maps_parse(ms_target_file(target, MS_TARGET_FILE_MAPS),
		&target->arena, &target->maps);
	if (err)
		return err;
	if (target->maps.odd_lines) {
		err = ms_target_note(target, "%zu lines of maps could not be understood",
			target->maps.odd_lines);
		if (err)
			return err;
	}
	struct ms_bytes smaps = ms_target_file(target, MS_TARGET_FILE_SMAPS);
	if (smaps.n) {
		err = ms_smaps_parse(smaps, &target->arena, &target->smaps);
		if (err)
			return err;
		target->has_smaps = true;
	}
	parse_comm(target);
	target->info.command = ms_target_file(target, MS_TARGET_FILE_CMDLINE);
	return NULL;
}

const struct ms_target_info *ms_target_info(const struct ms_target *target)
{
	return &target->info;
}

uint64_t ms_target_age_ns(const struct ms_target *target)
{
	const struct ms_target_info *info = ms_target_info(target);
	uint64_t hz = (uint64_t)sysconf(_SC_CLK_TCK);
	struct timespec now;
	if (info->kind != MS_TARGET_LIVE || !info->start_ticks ||
		clock_gettime(CLOCK_BOOTTIME, &now))
		return 0;
	uint64_t ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	uint64_t start = info->start_ticks / hz * 1000000000 +
			 info->start_ticks % hz * (1000000000 / hz);
	return ns > start ? ns - start : 0;
}

const struct ms_maps *ms_target_maps(const struct ms_target *target)
{
	return &target->maps;
}

const struct ms_pages *ms_target_pages(const struct ms_target *target)
{
	return target->pages;
}

const struct ms_smaps *ms_target_smaps(const struct ms_target *target)
{
	return target->has_smaps ? &target->smaps : NULL;
}

const struct ms_threads *ms_target_threads(const struct ms_target *target)
{
	return &target->threads;
}

const struct ms_memory_fds *ms_target_memory_fds(const struct ms_target *target)
{
	return &target->memory_fds;
}

struct ms_bytes ms_target_file(const struct ms_target *target, enum ms_target_file file)
{
	return ms_buffer_bytes(&target->files[file]);
}

const struct ms_cgroup_memory *ms_target_cgroup(const struct ms_target *target)
{
	return &target->cgroup;
}

const struct ms_error *ms_target_denied(const struct ms_target *target)
{
	return target->denied;
}

char *const *ms_target_notes(const struct ms_target *target, size_t *ret_n)
{
	*ret_n = target->notes.n;
	return target->notes.v;
}

struct ms_error *ms_target_check_alive(struct ms_target *target)
{
	return target->ops->check_alive ? target->ops->check_alive(target) : NULL;
}

bool ms_target_status_now(struct ms_target *target, struct ms_status *ret)
{
	return target->ops->status_now && target->ops->status_now(target, ret);
}

struct ms_error *ms_target_fill_gap(struct ms_range part, struct ms_range window,
	uint8_t *to, enum ms_gap_reason reason, struct ms_gaps *gaps)
{
	memset(to + (part.start - window.start), 0, ms_range_size(part));
	return ms_gaps_add(gaps, part, reason);
}

// Read at most one window, all of it inside one mapping or outside of all.
static struct ms_error *read_window(struct ms_target *target, struct ms_range rest,
	uint8_t *to, struct ms_gaps *gaps, uint64_t *ret_end)
{
	const struct ms_maps *maps = &target->maps;
	uint64_t end = ms_min(
		rest.end, ms_align_down(rest.start, MS_TARGET_WINDOW) + MS_TARGET_WINDOW);
	if (end <= rest.start) // the last window of the address space
		end = rest.end;
	size_t i = ms_maps_index(maps, rest.start);
	const struct ms_mapping *mapping = i < maps->n ? &maps->v[i] : NULL;
	bool is_inside = mapping && mapping->range.start <= rest.start;
	if (mapping)
		end = ms_min(end, is_inside ? mapping->range.end : mapping->range.start);
	struct ms_range window = { rest.start, end };
	*ret_end = end;
	if (!is_inside)
		return ms_target_fill_gap(window, window, to, MS_GAP_ABSENT, gaps);
	struct ms_error *err = target->ops->read(target, mapping, window, to, gaps);
	if (!err && target->overlay)
		target->overlay(target->overlay_arg, window, to);
	return err;
}

struct ms_error *ms_target_read(
	struct ms_target *target, const struct ms_read *v, size_t n, struct ms_gaps *gaps)
{
	for (size_t i = 0; i < n; i++) {
		struct ms_range rest = v[i].range;
		uint8_t *to = v[i].to;
		while (rest.start < rest.end) {
			if (ms_cancel_raised(target->cancel))
				return ms_error_new(MS_ERROR_CANCELLED, "interrupted");
			uint64_t end;
			struct ms_error *err = read_window(target, rest, to, gaps, &end);
			if (err)
				return err;
			to += end - rest.start;
			rest.start = end;
		}
	}
	return NULL;
}

void ms_target_overlay(struct ms_target *target, ms_overlay_fn fn, void *arg)
{
	target->overlay = fn;
	target->overlay_arg = arg;
}

bool ms_target_get(struct ms_target *target, uint64_t address, void *to, size_t n)
{
	uint64_t end;
	if (!ms_add(address, n, &end))
		return false;
	struct ms_gaps gaps = { 0 };
	struct ms_read read = { { address, end }, to };
	_cleanup_error_ struct ms_error *err = ms_target_read(target, &read, 1, &gaps);
	bool is_whole = !err && gaps.n == 0;
	ms_gaps_deinit(&gaps);
	return is_whole;
}

struct ms_error *ms_target_open_path(
	const char *path, const struct ms_target_options *options, struct ms_target **ret)
{
	struct stat st;
	// O_NONBLOCK: a FIFO or a device must not hang us before we know what it is.
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0)
		return ms_error_os(errno, "cannot open '%s'", path);
	if (S_ISDIR(st.st_mode))
		return ms_target_open_tree(fd, path, options, ret);
	if (!S_ISREG(st.st_mode))
		return ms_error_hint(ms_error_new(MS_ERROR_UNSUPPORTED,
					     "'%s' is not a regular file", path),
			"a core must be a file, since it is read out of order");
	struct ms_error *err = ms_target_open_core(fd, path, options, ret);
	if (!err)
		fd = -1; // the target has it now
	return err;
}

// All digits and no such file: a PID.
static bool is_pid(const char *name, uint64_t *ret)
{
	struct ms_bytes rest = ms_bytes_of(name);
	uint64_t pid;
	if (!ms_bytes_dec(&rest, &pid) || rest.n || access(name, F_OK) == 0)
		return false;
	*ret = pid;
	return true;
}

struct ms_error *ms_target_open(
	const char *name, const struct ms_target_options *options, struct ms_target **ret)
{
	uint64_t pid;
	if (!*name)
		return ms_error_new(MS_ERROR_USAGE, "the target's name is empty");
	if (is_pid(name, &pid))
		return ms_target_open_pid(pid, options, ret);
	struct ms_error *err = ms_target_open_path(name, options, ret);
	if (err && err->errnum == ENOENT)
		return ms_error_hint(err, "a target is a PID, a core or a snapshot");
	return err;
}
