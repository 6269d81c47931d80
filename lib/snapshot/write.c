// Carrying out a plan: headers, notes, the copy itself, and the sealing of the file.

#include "snapshot/snapshot_internal.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include "snapshot/writer.h"

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#endif

// Everything the copy carries along.
struct copy {
	const struct ms_snapshot_plan *plan;
	struct ms_writer *writer;
	struct ms_gaps gaps; // met while copying; joined with the planned ones at the end
	ms_snapshot_progress_fn progress;
	void *arg;
	uint64_t done;
	bool is_gone;
};

static Elf64_Ehdr make_ehdr(uint64_t headers)
{
	Elf64_Ehdr h = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			EV_CURRENT, ELFOSABI_NONE },
		.e_type = ET_CORE,
#ifdef __aarch64__
		.e_machine = EM_AARCH64,
#else
		.e_machine = EM_X86_64,
#endif
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(Elf64_Ehdr),
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = (uint16_t)ms_min(headers, PN_XNUM),
	};
	if (headers >= PN_XNUM) {
		// The true number is in the first section header: elf(5).
		h.e_shoff = sizeof(Elf64_Ehdr) + headers * sizeof(Elf64_Phdr);
		h.e_shentsize = sizeof(Elf64_Shdr);
		h.e_shnum = 1;
	}
	return h;
}

static Elf64_Phdr make_note_phdr(uint64_t offset, uint64_t size)
{
	return (Elf64_Phdr){
		.p_type = PT_NOTE,
		.p_offset = offset,
		.p_filesz = size,
		.p_align = 4,
	};
}

static Elf64_Phdr make_load_phdr(
	const struct ms_snapshot_plan *plan, const struct ms_segment *segment)
{
	return (Elf64_Phdr){
		.p_type = PT_LOAD,
		.p_flags = segment->flags,
		.p_offset = plan->data_offset + segment->offset,
		.p_vaddr = segment->range.start,
		.p_filesz = segment->file_bytes,
		.p_memsz = ms_range_size(segment->range),
		.p_align = MS_PAGE_SIZE,
	};
}

static struct ms_error *put(
	struct ms_writer *writer, uint64_t *at, const void *p, size_t n)
{
	struct ms_error *err = ms_writer_put(writer, *at, p, n);
	*at += n;
	return err;
}

static struct ms_error *put_headers(
	const struct ms_snapshot_plan *plan, struct ms_writer *writer)
{
	uint64_t headers = plan->segments.n + 2, at = 0;
	Elf64_Ehdr ehdr = make_ehdr(headers);
	Elf64_Phdr phdr = make_note_phdr(plan->standard_offset, plan->standard_notes.n);
	struct ms_error *err = put(writer, &at, &ehdr, sizeof(ehdr));
	if (!err)
		err = put(writer, &at, &phdr, sizeof(phdr));
	phdr = make_note_phdr(plan->own_offset, plan->own_notes_size);
	if (!err)
		err = put(writer, &at, &phdr, sizeof(phdr));
	for (size_t i = 0; !err && i < plan->segments.n; i++) {
		phdr = make_load_phdr(plan, &plan->segments.v[i]);
		err = put(writer, &at, &phdr, sizeof(phdr));
	}
	if (!err && headers >= PN_XNUM) {
		Elf64_Shdr shdr = { .sh_size = 1, .sh_info = (uint32_t)headers };
		err = put(writer, &at, &shdr, sizeof(shdr));
	}
	if (!err)
		err = put(writer, &at, plan->standard_notes.p, plan->standard_notes.n);
	return err;
}

// What was lost of the bytes at `offset` of the data part, in every view that shows them.
static struct ms_error *lose(
	struct copy *c, struct ms_range range, uint64_t offset, enum ms_gap_reason reason)
{
	if (!c->plan->objects.n)
		return ms_gaps_add(&c->gaps, range, reason);
	struct ms_range lost = { offset, offset + ms_range_size(range) };
	ms_array_foreach (segment, &c->plan->segments) {
		struct ms_range shown = { segment->offset,
			segment->offset + segment->file_bytes };
		struct ms_range part = ms_range_clip(lost, shown);
		if (part.start == part.end)
			continue;
		uint64_t start = segment->range.start + (part.start - shown.start);
		struct ms_range at = { start, start + ms_range_size(part) };
		struct ms_error *err = ms_gaps_add(&c->gaps, at, reason);
		if (err)
			return err;
	}
	return NULL;
}

// A page that was there when the plan was made and is not now has vanished.
static struct ms_error *keep_gaps(struct copy *c, const struct ms_gaps *met,
	struct ms_range source, uint64_t offset)
{
	for (size_t i = 0; i < met->n; i++) {
		const struct ms_gap *gap = &met->v[i];
		enum ms_gap_reason reason =
			gap->reason == MS_GAP_ABSENT ? MS_GAP_VANISHED : gap->reason;
		struct ms_error *err = lose(c, gap->range,
			offset + (gap->range.start - source.start), reason);
		if (err)
			return err;
	}
	return NULL;
}

static struct ms_error *copy_window(
	struct copy *c, struct ms_range source, uint64_t offset, uint64_t *ret_n)
{
	uint8_t *to;
	struct ms_error *err = ms_writer_room(c->writer, c->plan->data_offset + offset,
		ms_range_size(source), ret_n, &to);
	if (err)
		return err;
	struct ms_gaps met = { 0 };
	struct ms_read read = { { source.start, source.start + *ret_n }, to };
	err = ms_target_read(c->plan->target, &read, 1, &met);
	if (ms_error_catch(&err, MS_ERROR_GONE)) {
		memset(to, 0, *ret_n);
		c->is_gone = true;
		err = lose(c, read.range, offset, MS_GAP_VANISHED);
	} else if (!err) {
		err = keep_gaps(c, &met, read.range, offset);
	}
	ms_gaps_deinit(&met);
	return err;
}

static struct ms_error *copy_run(struct copy *c, struct ms_range run, uint64_t offset)
{
	while (run.start < run.end) {
		if (c->is_gone)
			return lose(c, run, offset, MS_GAP_VANISHED);
		uint64_t n;
		struct ms_error *err = copy_window(c, run, offset, &n);
		if (err)
			return err;
		run.start += n;
		offset += n;
		c->done += n;
		if (c->progress)
			c->progress(c->arg, c->done, c->plan->copy_bytes);
	}
	return NULL;
}

static struct ms_error *copy_area(struct copy *c, const struct ms_area *area)
{
	struct ms_target *target = c->plan->target;
	const struct ms_mapping *m =
		ms_maps_find(ms_target_maps(target), area->source.start);
	struct ms_range run;
	for (uint64_t at = area->source.start; at < area->source.end; at = run.end) {
		enum ms_page_state state;
		run = ms_pages_run(ms_target_pages(target), at, area->source.end, &state);
		if (ms_plan_page(c->plan, m, state).fate != MS_FATE_COPY)
			continue;
		struct ms_error *err =
			copy_run(c, run, area->offset + (run.start - area->source.start));
		if (err)
			return err;
	}
	return NULL;
}

static int compare_gaps(const void *a, const void *b)
{
	const struct ms_gap *x = a, *y = b;
	return (x->range.start > y->range.start) - (x->range.start < y->range.start);
}

// The planned gaps and the met ones as one ascending list.
static struct ms_error *join_gaps(const struct copy *c, struct ms_gaps *ret)
{
	const struct ms_gaps *planned = &c->plan->gaps;
	size_t n = planned->n + c->gaps.n;
	if (!ms_array_reserve(ret, n))
		return &ms_error_nomem;
	for (size_t i = 0; i < planned->n; i++)
		ret->v[ret->n++] = planned->v[i];
	for (size_t i = 0; i < c->gaps.n; i++)
		ret->v[ret->n++] = c->gaps.v[i];
	if (n)
		qsort(ret->v, n, sizeof(*ret->v), compare_gaps);
	return NULL;
}

static uint64_t known(uint64_t bytes)
{
	return bytes == UINT64_MAX ? 0 : bytes;
}

static uint64_t own_peak_bytes(void)
{
	_cleanup_buffer_ struct ms_buffer text = { 0 };
	_cleanup_error_ struct ms_error *err =
		ms_read_file_at(AT_FDCWD, "/proc/self/status", 1 << 16, &text);
	struct ms_status status = { 0 };
	if (err)
		return 0;
	ms_status_parse(ms_buffer_bytes(&text), &status);
	return known(status.vm_hwm);
}

static void measure(const struct ms_snapshot_plan *plan, struct ms_snapshot_result *r)
{
	struct ms_bytes text = ms_target_file(plan->target, MS_TARGET_FILE_STATUS);
	struct ms_status before = { 0 }, after = { 0 };
	if (text.n) {
		ms_status_parse(text, &before);
		r->vm_rss_before = known(before.vm_rss);
		r->vm_pte_before = known(before.vm_pte);
	}
	if (ms_target_status_now(plan->target, &after)) {
		r->vm_rss_after = known(after.vm_rss);
		r->vm_pte_after = known(after.vm_pte);
	}
	r->own_peak_bytes = own_peak_bytes();
}

static struct ms_error *make_footprint(
	const struct ms_snapshot_result *r, uint64_t start_ns, struct ms_buffer *ret)
{
	const struct {
		const char *key;
		uint64_t value;
	} rows[] = {
		{ "data_bytes", r->data_bytes },
		{ "duration_ns", ms_now_ns() - start_ns },
		{ "own_peak_bytes", r->own_peak_bytes },
		{ "target_vm_rss_before", r->vm_rss_before },
		{ "target_vm_rss_after", r->vm_rss_after },
		{ "target_vm_pte_before", r->vm_pte_before },
		{ "target_vm_pte_after", r->vm_pte_after },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ms_error *err = ms_buffer_printf(
			ret, "%s %" PRIu64 "\n", rows[i].key, rows[i].value);
		if (err)
			return err;
	}
	return NULL;
}

static struct ms_error *put_own_notes(
	struct copy *c, struct ms_snapshot_result *r, uint64_t start_ns)
{
	_cleanup_(ms_gaps_deinit) struct ms_gaps gaps = { 0 };
	_cleanup_buffer_ struct ms_buffer footprint = { 0 };
	struct ms_error *err = join_gaps(c, &gaps);
	if (!err)
		err = make_footprint(r, start_ns, &footprint);
	if (err)
		return err;
	for (size_t i = 0; i < gaps.n; i++)
		r->gap_bytes[gaps.v[i].reason] += ms_range_size(gaps.v[i].range);
	struct ms_late_notes late = { &gaps, ms_buffer_bytes(&footprint), c->is_gone };
	return ms_notes_write(c->plan, c->writer, &late);
}

// Everything between the first and the last byte of the file.
static struct ms_error *put_all(
	struct copy *c, struct ms_snapshot_result *r, uint64_t start_ns)
{
	const struct ms_snapshot_plan *plan = c->plan;
	struct ms_error *err = put_headers(plan, c->writer);
	for (size_t i = 0; !err && i < plan->areas.n; i++)
		err = copy_area(c, &plan->areas.v[i]);
	if (err)
		return err;
	r->data_bytes = c->done;
	r->is_incomplete = c->is_gone;
	measure(plan, r);
	err = put_own_notes(c, r, start_ns);
	return err ?: ms_writer_finish(c->writer, plan->file_size);
}

MS_DEFINE_CLEANUP(struct ms_writer *, ms_writer_free);

static struct ms_error *write_to(struct ms_snapshot_plan *plan, int fd, const char *name,
	bool is_stream, ms_snapshot_progress_fn progress, void *arg,
	struct ms_snapshot_result *ret)
{
	_cleanup_(cleanup_ms_writer_free) struct ms_writer *writer = NULL;
	uint64_t start_ns = ms_now_ns();
	struct ms_snapshot_result r = { .file_bytes = plan->file_size };
	struct ms_error *err = ms_writer_new(fd, name, is_stream, &writer);
	if (err)
		return err;
	struct copy copy = {
		.plan = plan,
		.writer = writer,
		.progress = progress,
		.arg = arg,
	};
	err = put_all(&copy, &r, start_ns);
	ms_gaps_deinit(&copy.gaps);
	if (err)
		return err;
	struct ms_writer_stats stats = ms_writer_stats(writer);
	r.zero_bytes = stats.zero_bytes;
	r.written_bytes = stats.written_bytes;
	r.used_direct_io = stats.used_direct_io;
	r.duration_ns = ms_now_ns() - start_ns;
	*ret = r;
	return NULL;
}

// The directory of a path, for a statfs before the file exists.
static char *directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	if (!slash)
		return strdup(".");
	return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

bool ms_snapshot_is_in_memory(const char *path)
{
	_cleanup_free_ char *dir = directory_of(path);
	struct statfs fs;
	return dir && statfs(dir, &fs) == 0 &&
	       (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC);
}

static struct ms_error *check_room(const struct ms_snapshot_plan *plan, const char *path)
{
	_cleanup_free_ char *dir = directory_of(path);
	struct statvfs fs;
	char need[MS_SIZE_TEXT], have[MS_SIZE_TEXT];
	if (!dir || statvfs(dir, &fs) < 0)
		return NULL; // opening the file will say it better
	uint64_t room = (uint64_t)fs.f_bavail * fs.f_frsize;
	uint64_t want = plan->copy_bytes + plan->data_offset + plan->own_notes_size;
	if (want <= room)
		return NULL;
	return ms_error_hint(
		ms_error_new(MS_ERROR_LIMIT,
			"cannot write '%s': it needs up to %s, the file system has %s left",
			path, ms_size_text(want, need), ms_size_text(room, have)),
		"-o - writes to a pipe; --mapping and --exclude choose less");
}

static struct ms_error *exists(const char *path)
{
	return ms_error_hint(
		ms_error_os(EEXIST, "cannot write '%s'", path), "--force replaces it");
}

static struct ms_error *seal(int fd, const char *temp, const char *path, bool overwrite)
{
	if (fchmod(fd, 0600) < 0)
		return ms_error_os(errno, "cannot write '%s'", path);
	int failed = (int)syscall(SYS_renameat2, AT_FDCWD, temp, AT_FDCWD, path,
		overwrite ? 0 : RENAME_NOREPLACE);
	if (failed && (errno == EINVAL || errno == ENOSYS)) {
		// A file system without the flag: the name was free when we began.
		if (!overwrite && access(path, F_OK) == 0)
			return exists(path);
		failed = rename(temp, path);
	}
	if (failed && errno == EEXIST)
		return exists(path);
	if (failed)
		return ms_error_os(errno, "cannot rename '%s' to '%s'", temp, path);
	_cleanup_free_ char *dir = directory_of(path);
	_cleanup_close_ int dir_fd =
		dir ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (dir_fd >= 0)
		(void)fsync(dir_fd); // the name durable too; not every file system can
	return NULL;
}

static void leave_partial(const struct ms_snapshot_output *output, const char *temp)
{
	_cleanup_free_ char *partial = NULL;
	if (output->keep_partial && asprintf(&partial, "%s.partial", output->path) > 0 &&
		rename(temp, partial) == 0)
		return;
	(void)unlink(temp);
}

static struct ms_error *write_file(struct ms_snapshot_plan *plan,
	const struct ms_snapshot_output *output, ms_snapshot_progress_fn progress,
	void *arg, struct ms_snapshot_result *ret)
{
	_cleanup_free_ char *temp = NULL;
	if (!output->overwrite && access(output->path, F_OK) == 0)
		return exists(output->path);
	struct ms_error *err = check_room(plan, output->path);
	if (err)
		return err;
	if (asprintf(&temp, "%s.tmp.%d", output->path, (int)getpid()) < 0) {
		temp = NULL;
		return &ms_error_nomem;
	}
	_cleanup_close_ int fd =
		open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return ms_error_os(errno, "cannot create '%s'", output->path);
	err = write_to(plan, fd, output->path, false, progress, arg, ret);
	if (!err)
		err = seal(fd, temp, output->path, output->overwrite);
	if (err)
		leave_partial(output, temp);
	return err;
}

struct ms_error *ms_snapshot_write(struct ms_snapshot_plan *plan,
	const struct ms_snapshot_output *output, ms_snapshot_progress_fn progress,
	void *arg, struct ms_snapshot_result *ret)
{
	if (output->path)
		return write_file(plan, output, progress, arg, ret);
	return write_to(plan, output->fd, "standard output", true, progress, arg, ret);
}
