// An ELF core of the kernel, gcore or drgn, and the door to our own snapshots.
//
// A core has no maps file and no page states: mappings are made from its segments and
// NT_FILE, and what a page is, from its bytes.

#include "target/core_internal.h"

#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "target/format.h"

static void core_free(void *backend)
{
	struct ms_core_target *file = backend;
	ms_core_free(file->core);
	ms_gaps_deinit(&file->gaps);
	ms_close(file->fd);
	free(file);
}

static const struct ms_target_ops core_ops = {
	.read = ms_core_target_read,
	.free = core_free,
};

// The text of a maps file that is being made of a core.
struct maps_text {
	struct ms_buffer *text;
	const struct ms_core_files *files;
	size_t cursor; // in files
	uint64_t inode;
	const struct ms_core_file *last;
};

// The first file of NT_FILE that ends behind an address, for addresses that ascend, as the
// note's rows do in every core but a hostile one (which then lacks names).
static const struct ms_core_file *next_file(struct maps_text *m, uint64_t address)
{
	const struct ms_core_files *files = m->files;
	while (m->cursor < files->n && files->v[m->cursor].range.end <= address)
		m->cursor++;
	return m->cursor < files->n ? &files->v[m->cursor] : NULL;
}

// The name as maps prints it: a newline would end the line.
static struct ms_error *print_name(struct ms_buffer *text, struct ms_bytes name)
{
	struct ms_error *err = NULL;
	for (size_t i = 0; !err && i < name.n; i++) {
		if (name.p[i] == '\n')
			err = ms_buffer_add(text, "\\012", 4);
		else
			err = ms_buffer_add(text, &name.p[i], 1);
	}
	return err;
}

static struct ms_error *print_mapping(struct maps_text *m, struct ms_range range,
	uint32_t flags, const struct ms_core_file *file)
{
	uint64_t offset = file ? file->offset + (range.start - file->range.start) : 0;
	// A core does not say which inode; files are told apart by their names.
	if (file && (!m->last || !ms_bytes_equal(file->name, m->last->name)))
		m->inode++;
	if (file)
		m->last = file;
	struct ms_error *err = ms_buffer_printf(m->text,
		"%" PRIx64 "-%" PRIx64 " %c%c%cp %" PRIx64 " 00:00 %" PRIu64 " ",
		range.start, range.end, flags & PF_R ? 'r' : '-',
		flags & PF_W ? 'w' : '-', flags & PF_X ? 'x' : '-', offset,
		file ? m->inode : 0);
	if (!err && file)
		err = print_name(m->text, file->name);
	return err ? err : ms_buffer_add(m->text, "\n", 1);
}

// Files mapped where there is no segment: gdb leaves out those of mappings that it does not
// write. Nothing says with which rights; they were readable at the least.
static struct ms_error *print_unsaved(struct maps_text *m, struct ms_range gap)
{
	struct ms_error *err = NULL;
	while (!err && gap.start < gap.end) {
		const struct ms_core_file *file = next_file(m, gap.start);
		if (!file || file->range.start >= gap.end)
			return NULL;
		struct ms_range part = ms_range_clip(file->range, gap);
		if (part.start >= part.end)
			return NULL;
		err = print_mapping(m, part, PF_R, file);
		gap.start = part.end;
	}
	return err;
}

// The segments as the text of a maps file, so that one parser decides what a name means.
static struct ms_error *print_maps(const struct ms_core *core,
	const struct ms_core_files *files, struct ms_buffer *text)
{
	struct maps_text m = { .text = text, .files = files };
	struct ms_error *err = NULL;
	uint64_t end = 0;
	for (size_t i = 0; !err && i < core->loads_n; i++) {
		const struct ms_elf_segment *s = &core->loads[i];
		err = print_unsaved(&m, (struct ms_range){ end, s->range.start });
		const struct ms_core_file *file = next_file(&m, s->range.start);
		if (file && !ms_range_has(file->range, s->range.start))
			file = NULL;
		if (!err)
			err = print_mapping(&m, s->range, s->flags, file);
		end = s->range.end;
	}
	return err ? err : print_unsaved(&m, (struct ms_range){ end, UINT64_MAX });
}

// The states of pages that are in the file, in one pass over it. Bytes of a partial page
// at the end count as a page.
static struct ms_error *scan_pages(struct ms_target *target,
	const struct ms_core_target *file, struct ms_range range, uint64_t offset,
	enum ms_page_state state, uint8_t *buffer)
{
	while (range.start < range.end) {
		if (ms_cancel_raised(target->cancel))
			return ms_error_new(MS_ERROR_CANCELLED, "interrupted");
		size_t n = ms_min(MS_TARGET_WINDOW, ms_range_size(range));
		int64_t got = ms_pread_all(file->fd, buffer, n, offset);
		if (got <= 0)
			break;
		for (size_t i = 0; i < (size_t)got; i += MS_PAGE_SIZE) {
			size_t size = ms_min(MS_PAGE_SIZE, (size_t)got - i);
			struct ms_range page = { range.start + i,
				range.start + i + MS_PAGE_SIZE };
			struct ms_error *err = ms_pages_set(target->pages, page,
				ms_is_zero(buffer + i, size) ? MS_PAGE_ZERO : state);
			if (err)
				return err;
		}
		range.start += n;
		offset += n;
	}
	return NULL;
}

static struct ms_error *scan_load(struct ms_target *target,
	const struct ms_core_target *file, const struct ms_elf_segment *s,
	uint8_t *buffer)
{
	const struct ms_mapping *m = ms_maps_find(&target->maps, s->range.start);
	bool is_aligned = (s->range.start | s->range.end) % MS_PAGE_SIZE == 0;
	if (!m || !is_aligned || s->range.start == s->range.end)
		return NULL;
	enum ms_page_state state =
		ms_mapping_is_anonymous(m) ? MS_PAGE_ANON : MS_PAGE_FILE;
	uint64_t in_file = ms_min(s->file_size, ms_range_size(s->range));
	struct ms_range range = { s->range.start, s->range.start + in_file };
	struct ms_error *err = scan_pages(target, file, range, s->offset, state, buffer);
	if (err)
		return err;
	uint64_t end;
	if (!ms_align_up(range.end, MS_PAGE_SIZE, &end) || end >= s->range.end)
		return NULL;
	return ms_pages_set(
		target->pages, (struct ms_range){ end, s->range.end }, MS_PAGE_UNKNOWN);
}

// A mapping that only NT_FILE tells of has no segment.
static struct ms_error *scan_mapping(struct ms_target *target,
	const struct ms_core_target *file, const struct ms_mapping *m, uint8_t *buffer)
{
	const struct ms_core *core = file->core;
	size_t i = ms_core_load_index(core, m->range.start);
	if (i < core->loads_n && core->loads[i].range.start <= m->range.start)
		return scan_load(target, file, &core->loads[i], buffer);
	if ((m->range.start | m->range.end) % MS_PAGE_SIZE)
		return NULL;
	return ms_pages_set(target->pages, m->range, MS_PAGE_UNKNOWN);
}

static struct ms_error *load_pages(
	struct ms_target *target, const struct ms_core_target *file)
{
	_cleanup_free_ uint8_t *buffer = malloc(MS_TARGET_WINDOW);
	if (!buffer)
		return &ms_error_nomem;
	struct ms_error *err = ms_pages_new(&target->pages);
	for (size_t i = 0; !err && i < target->maps.n; i++)
		err = scan_mapping(target, file, &target->maps.v[i], buffer);
	return err;
}

static int compare_tids(const void *a, const void *b)
{
	const struct ms_thread *x = a, *y = b;
	return (x->tid > y->tid) - (x->tid < y->tid);
}

static struct ms_error *load_threads(struct ms_target *target, struct ms_core *core)
{
	struct ms_core_threads threads;
	struct ms_error *err = ms_core_threads(core, &threads);
	if (err)
		return err;
	struct ms_thread *v = ms_new(&target->arena, struct ms_thread, threads.n);
	if (!v)
		return &ms_error_nomem;
	for (size_t i = 0; i < threads.n; i++) {
		v[i].tid = threads.v[i].tid;
		v[i].sp = threads.v[i].sp;
		v[i].pc = threads.v[i].pc;
		v[i].fs_base = threads.v[i].fs_base;
	}
	if (threads.n)
		qsort(v, threads.n, sizeof(*v), compare_tids);
	target->threads = (struct ms_threads){ v, threads.n };
	return NULL;
}

static void load_process(struct ms_target *target, struct ms_core *core)
{
	struct ms_core_process process;
	if (!ms_core_process(core, &process))
		return;
	target->info.pid = process.pid;
	_Static_assert(sizeof(process.comm) <= sizeof(target->info.comm), "fits");
	memcpy(target->info.comm, process.comm, sizeof(process.comm));
}

static struct ms_error *load_core(struct ms_target *target, struct ms_core_target *file)
{
	_cleanup_buffer_ struct ms_buffer text = { 0 };
	struct ms_core_files files;
	struct ms_error *err = ms_core_files(file->core, &files);
	if (!err)
		err = print_maps(file->core, &files, &text);
	if (!err)
		err = ms_maps_parse(
			ms_buffer_bytes(&text), &target->arena, &target->maps);
	if (!err)
		err = load_threads(target, file->core);
	if (!err)
		err = load_pages(target, file);
	if (!err)
		err = ms_target_note(target,
			"a core has no page states: resident is what is in the file and "
			"not zero");
	load_process(target, file->core);
	return err;
}

static struct ms_error *load(struct ms_target *target, struct ms_core_target *file,
	const struct ms_target_options *options)
{
	struct ms_core *core = file->core;
	struct ms_error *err;
	file->is_snapshot =
		ms_core_note(core, MS_SNAP_NAME, MS_SNAP_HEADER, NULL) != NULL;
	target->info.is_stopped = true;
	if (file->is_snapshot) {
		target->info.kind = MS_TARGET_SNAPSHOT;
		err = ms_snapshot_load(target, file);
	} else {
		err = load_core(target, file);
	}
	target->info.is_incomplete |= core->truncated;
	if (!err && core->truncated)
		err = ms_target_note(target,
			"the file is cut off: %" PRIu64 " bytes of memory are missing",
			core->missing);
	if (!err && core->odd)
		err = ms_target_note(target,
			"%zu segments or notes make no sense and were left out",
			core->odd);
	if (!err && (options->sysroot || file->is_snapshot))
		err = ms_images_open(target, -1, options->sysroot);
	return err;
}

struct ms_error *ms_target_open_core(int fd, const char *path,
	const struct ms_target_options *options, struct ms_target **ret)
{
	static const struct ms_target_options no_options;
	_cleanup_target_ struct ms_target *target = NULL;
	options = options ?: &no_options;
	struct ms_error *err = ms_target_new(MS_TARGET_CORE, &core_ops, &target);
	if (err)
		return err;
	struct ms_core_target *file = calloc(1, sizeof(*file));
	if (!file)
		return &ms_error_nomem;
	target->backend = file;
	target->cancel = options->cancel;
	file->fd = -1;
	err = ms_elf_source_fd(fd, &file->source);
	if (!err)
		err = ms_core_open(&file->source, &file->core);
	if (!err) {
		file->fd = fd;
		err = load(target, file, options);
	}
	if (err) {
		file->fd = -1; // still the caller's
		if (!err->hint)
			err = ms_error_hint(err,
				"a target is a PID, a snapshot of mapdump, or a core of the "
				"kernel, gcore or drgn");
		return ms_error_prefix(err, "'%s'", path);
	}
	*ret = ms_steal(target);
	return NULL;
}
