// A snapshot of ours: its notes say everything that was known of the live process.
// All of it is input: sizes are checked, and numbers that make no sense are refused.

#include "target/core_internal.h"

#include <inttypes.h>

#include "target/format.h"

enum {
	FILE_NAME_BYTES = 16,
	NOTE_LIMIT = MS_TARGET_FILE_LIMIT + FILE_NAME_BYTES, // the longest is smaps
};

// The descriptor of our note of a type; false if there is none.
static struct ms_error *read_note(const struct ms_core *core, uint32_t type,
	struct ms_buffer *desc, bool *ret_found)
{
	const struct ms_note *note = ms_core_note(core, MS_SNAP_NAME, type, NULL);
	*ret_found = note != NULL;
	return note ? ms_core_note_read(core, note, NOTE_LIMIT, desc) : NULL;
}

static struct ms_error *load_header(struct ms_target *target, const struct ms_core *core)
{
	_cleanup_buffer_ struct ms_buffer desc = { 0 };
	struct ms_snap_header h;
	bool is_found;
	struct ms_error *err = read_note(core, MS_SNAP_HEADER, &desc, &is_found);
	if (err)
		return err;
	if (desc.n < sizeof(h))
		return ms_error_format(0, "the snapshot's header note is too short");
	memcpy(&h, desc.p, sizeof(h));
	if (h.version != MS_FORMAT_VERSION || h.page_size != MS_PAGE_SIZE)
		return ms_error_hint(
			ms_error_new(MS_ERROR_UNSUPPORTED,
				"snapshot version %" PRIu32 " with pages of %" PRIu64
				" bytes is not known here",
				h.version, h.page_size),
			"use the memsleuth that wrote it, or a newer one");
	target->info.pid = h.pid;
	target->info.start_ticks = h.start_ticks;
	target->info.taken_ns = h.taken_ns;
	target->info.is_incomplete = h.flags & MS_SNAP_INCOMPLETE;
	target->info.is_stopped = h.flags & MS_SNAP_WAS_STOPPED;
	target->info.has_pages = h.flags & MS_SNAP_HAS_PAGES;
	target->info.pages_source.has_scan = h.flags & MS_SNAP_HAS_SCAN;
	target->info.pages_source.has_guard = h.flags & MS_SNAP_HAS_GUARD;
	return NULL;
}

static struct ms_error *keep_file(struct ms_target *target, const struct ms_buffer *desc)
{
	char name[FILE_NAME_BYTES + 1] = { 0 };
	if (desc->n < FILE_NAME_BYTES)
		return NULL;
	memcpy(name, desc->p, FILE_NAME_BYTES);
	for (enum ms_target_file i = 0; i < MS_TARGET_FILE_COUNT; i++) {
		if (strcmp(name, ms_target_file_name(i)) != 0 || target->files[i].n)
			continue;
		return ms_buffer_add(&target->files[i], desc->p + FILE_NAME_BYTES,
			desc->n - FILE_NAME_BYTES);
	}
	return NULL;
}

static struct ms_error *load_files(struct ms_target *target, const struct ms_core *core)
{
	const struct ms_note *note = NULL;
	while ((note = ms_core_note(core, MS_SNAP_NAME, MS_SNAP_FILE, note))) {
		_cleanup_buffer_ struct ms_buffer desc = { 0 };
		struct ms_error *err = ms_core_note_read(core, note, NOTE_LIMIT, &desc);
		if (!err)
			err = keep_file(target, &desc);
		if (err)
			return err;
	}
	return ms_target_parse_files(target);
}

static struct ms_error *load_pages(struct ms_target *target, const struct ms_core *core)
{
	_cleanup_buffer_ struct ms_buffer desc = { 0 };
	bool is_found;
	struct ms_error *err = read_note(core, MS_SNAP_PAGES, &desc, &is_found);
	if (err)
		return err;
	if (!is_found)
		return ms_error_format(0, "the snapshot has no page states");
	return ms_pages_decode(ms_buffer_bytes(&desc), &target->pages);
}

static struct ms_error *load_gaps(struct ms_core_target *file)
{
	_cleanup_buffer_ struct ms_buffer desc = { 0 };
	bool is_found;
	struct ms_error *err = read_note(file->core, MS_SNAP_GAPS, &desc, &is_found);
	uint64_t end = 0;
	for (size_t at = 0; !err && at + sizeof(struct ms_snap_gap) <= desc.n;
		at += sizeof(struct ms_snap_gap)) {
		struct ms_snap_gap gap;
		memcpy(&gap, desc.p + at, sizeof(gap));
		if (gap.start < end || gap.end <= gap.start ||
			gap.reason >= MS_GAP_REASON_COUNT)
			return ms_error_format(
				at, "a gap of the snapshot makes no sense");
		end = gap.end;
		err = ms_gaps_add(&file->gaps, (struct ms_range){ gap.start, gap.end },
			(enum ms_gap_reason)gap.reason);
	}
	return err;
}

static struct ms_error *load_threads(struct ms_target *target, const struct ms_core *core)
{
	_cleanup_buffer_ struct ms_buffer desc = { 0 };
	bool is_found;
	struct ms_error *err = read_note(core, MS_SNAP_THREADS, &desc, &is_found);
	if (err)
		return err;
	size_t n = desc.n / sizeof(struct ms_snap_thread);
	struct ms_thread *v = ms_new(&target->arena, struct ms_thread, n);
	if (!v)
		return &ms_error_nomem;
	for (size_t i = 0; i < n; i++) {
		struct ms_snap_thread t;
		memcpy(&t, desc.p + i * sizeof(t), sizeof(t));
		v[i] = (struct ms_thread){
			.tid = t.tid,
			.ns_tid = t.flags >> MS_SNAP_THREAD_NS_TID_SHIFT,
			.sp = t.sp,
			.pc = t.pc,
			.start_ticks = t.start_ticks,
			.utime_ticks = t.utime_ticks,
			.stime_ticks = t.stime_ticks,
			.minflt = t.minflt,
			.majflt = t.majflt,
			.state = (char)t.state,
		};
		memcpy(v[i].name, t.name, sizeof(v[i].name) - 1);
		if (i && v[i].tid <= v[i - 1].tid)
			return ms_error_format(i * sizeof(t),
				"the threads of the snapshot are out of order");
	}
	target->threads = (struct ms_threads){ v, n };
	return NULL;
}

// One record of the descriptors' note; false at its end or where it makes no sense.
static bool next_fd(struct ms_bytes *rest, struct ms_memory_fd *ret)
{
	struct ms_snap_fd record;
	if (rest->n < sizeof(record))
		return false;
	memcpy(&record, rest->p, sizeof(record));
	*rest = ms_bytes_sub(*rest, sizeof(record), SIZE_MAX);
	if (record.path_bytes > rest->n)
		return false;
	*ret = (struct ms_memory_fd){
		.fd = record.fd,
		.path = ms_bytes_sub(*rest, 0, record.path_bytes),
		.dev_major = record.dev_major,
		.dev_minor = record.dev_minor,
		.inode = record.inode,
		.size = record.size,
		.allocated = record.allocated,
	};
	*rest = ms_bytes_sub(
		*rest, ((size_t)record.path_bytes + 7) & ~(size_t)7, SIZE_MAX);
	return true;
}

static struct ms_error *load_fds(struct ms_target *target, const struct ms_core *core)
{
	_cleanup_buffer_ struct ms_buffer desc = { 0 };
	bool is_found;
	struct ms_error *err = read_note(core, MS_SNAP_FDS, &desc, &is_found);
	if (err || !desc.n)
		return err;
	// The paths stay where they are: the descriptor moves to the arena whole.
	char *copy = ms_arena_copy(&target->arena, ms_buffer_bytes(&desc));
	struct ms_memory_fd *v = ms_new(
		&target->arena, struct ms_memory_fd, desc.n / sizeof(struct ms_snap_fd));
	if (!copy || !v)
		return &ms_error_nomem;
	struct ms_bytes rest = { (uint8_t *)copy, desc.n };
	size_t n = 0;
	while (next_fd(&rest, &v[n]))
		n++;
	target->memory_fds = (struct ms_memory_fds){ v, n };
	return NULL;
}

static void set_cgroup(struct ms_cgroup_memory *m, struct ms_bytes key, uint64_t value)
{
	const struct {
		const char *key;
		uint64_t *field;
	} rows[] = {
		{ "usage", &m->usage },
		{ "peak", &m->peak },
		{ "limit", &m->limit },
		{ "inactive_file", &m->inactive_file },
		{ "anon", &m->anon },
		{ "file", &m->file },
		{ "shmem", &m->shmem },
		{ "slab", &m->slab },
		{ "sock", &m->sock },
		{ "page_tables", &m->page_tables },
	};
	if (ms_bytes_is(key, "version"))
		m->version = (unsigned)value;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (ms_bytes_is(key, rows[i].key))
			*rows[i].field = value;
	}
}

static struct ms_error *load_cgroup(struct ms_target *target, const struct ms_core *core)
{
	_cleanup_buffer_ struct ms_buffer desc = { 0 };
	struct ms_cgroup_memory *m = &target->cgroup;
	bool is_found;
	struct ms_error *err = read_note(core, MS_SNAP_CGROUP, &desc, &is_found);
	if (err || !is_found)
		return err;
	m->usage = m->peak = m->limit = m->inactive_file = m->anon = m->file = m->shmem =
		m->slab = m->sock = m->page_tables = UINT64_MAX;
	struct ms_bytes rest = ms_buffer_bytes(&desc), line, key;
	while (ms_bytes_line(&rest, &line)) {
		uint64_t value;
		if (!ms_bytes_word(&line, &key))
			continue;
		ms_bytes_skip_blank(&line);
		if (ms_bytes_dec(&line, &value))
			set_cgroup(m, key, value);
	}
	return NULL;
}

// The pieces of a mapped file: its bytes lie in the snapshot, in the order of the table.
struct pieces {
	const struct ms_elf_source *core;
	uint64_t data; // offset in the snapshot of the first piece's first byte
	size_t n;
	struct ms_snap_piece v[];
};

static int64_t read_pieces(void *context, uint64_t offset, void *p, size_t n)
{
	const struct pieces *pieces = context;
	uint64_t at = pieces->data;
	for (size_t i = 0; i < pieces->n; i++) {
		const struct ms_snap_piece *piece = &pieces->v[i];
		if (offset >= piece->offset && offset - piece->offset < piece->bytes) {
			uint64_t into = offset - piece->offset;
			uint64_t left = piece->bytes - into;
			return pieces->core->read(
				pieces->core->context, at + into, p, ms_min(n, left));
		}
		at += piece->bytes;
	}
	return 0;
}

// A read may span pieces that touch.
static int64_t read_image(void *context, uint64_t offset, void *p, size_t n)
{
	size_t done = 0;
	while (done < n) {
		int64_t got =
			read_pieces(context, offset + done, (char *)p + done, n - done);
		if (got <= 0)
			break;
		done += (size_t)got;
	}
	return (int64_t)done;
}

static struct ms_error *read_pieces_table(struct ms_target *target,
	const struct ms_core_target *file, const struct ms_note *note,
	const struct ms_snap_image *head, struct pieces **ret)
{
	uint64_t table = head->piece_count * (uint64_t)sizeof(struct ms_snap_piece);
	uint64_t data = sizeof(*head) + table + head->path_bytes;
	uint64_t left = note->size - ms_min(note->size, data);
	*ret = NULL;
	if (data > note->size || head->piece_count > MS_SNAP_PIECES_MAX)
		return NULL;
	struct pieces *p = ms_arena_alloc(&target->arena, sizeof(*p) + table);
	if (!p)
		return &ms_error_nomem;
	if (!ms_elf_source_read(&file->source, note->offset + sizeof(*head), p->v, table))
		return NULL;
	for (size_t i = 0; i < head->piece_count; i++) {
		if (p->v[i].bytes > left)
			return NULL;
		left -= p->v[i].bytes;
	}
	p->core = &file->source;
	p->data = note->offset + data;
	p->n = head->piece_count;
	*ret = p;
	return NULL;
}

static struct ms_error *load_image(struct ms_target *target,
	const struct ms_core_target *file, const struct ms_note *note)
{
	struct ms_snap_image head;
	struct pieces *pieces;
	struct ms_image *image;
	if (note->size < sizeof(head) ||
		!ms_elf_source_read(&file->source, note->offset, &head, sizeof(head)))
		return NULL;
	struct ms_error *err = read_pieces_table(target, file, note, &head, &pieces);
	if (err || !pieces)
		return err;
	struct ms_mapping key = {
		.dev_major = head.dev_major,
		.dev_minor = head.dev_minor,
		.inode = head.inode,
	};
	err = ms_images_add(&target->images, &key, &image);
	if (err || !image)
		return err;
	image->size = head.file_bytes;
	image->found_by = "snapshot";
	image->source = (struct ms_elf_source){ read_image, pieces, head.file_bytes };
	return NULL;
}

static struct ms_error *load_images(
	struct ms_target *target, const struct ms_core_target *file)
{
	const struct ms_note *note = NULL;
	struct ms_error *err = NULL;
	while (!err &&
		(note = ms_core_note(file->core, MS_SNAP_NAME, MS_SNAP_IMAGE, note)))
		err = load_image(target, file, note);
	return err;
}

struct ms_error *ms_snapshot_load(struct ms_target *target, struct ms_core_target *file)
{
	struct ms_error *err = load_header(target, file->core);
	if (!err)
		err = load_files(target, file->core);
	if (!err)
		err = load_pages(target, file->core);
	if (!err)
		err = load_gaps(file);
	if (!err)
		err = load_threads(target, file->core);
	if (!err)
		err = load_fds(target, file->core);
	if (!err)
		err = load_cgroup(target, file->core);
	if (!err)
		err = load_images(target, file);
	if (!err && target->info.is_incomplete)
		err = ms_target_note(target,
			"the snapshot is incomplete: the process ended while it was taken");
	return err;
}
