// The notes of a snapshot: the standard ones, that every reader of cores knows, and ours
// (target/format.h). All but three are fixed by the plan; the header, the gaps and the
// footprint are known only when the data is written, and have room reserved.

#include "snapshot/snapshot_internal.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/procfs.h>
#include <unistd.h>

#include "elf/image.h"
#include "elf/note.h"
#include "snapshot/writer.h"
#include "target/format.h"
#include "target/images.h"

enum {
	GAP_SPARE_MIN = 128,	  // records for pages that are lost while copying
	GAP_SPARE_MAX = 4096,
	FOOTPRINT_ROOM = 4096,	  // bytes
	IMAGE_MAX = 8 << 20,	  // of one file's pieces
	IMAGES_MAX = 64 << 20,	  // of all files' pieces
	FILE_NAME_BYTES = 16,	  // in front of a verbatim file
};

static struct ms_error *add_status(
	struct ms_buffer *out, const struct ms_snapshot_plan *plan, const struct ms_thread *t)
{
	struct elf_prstatus status = { 0 };
	status.pr_pid = (pid_t)t->tid;
	status.pr_pgrp = (pid_t)ms_target_info(plan->target)->pid;
#ifdef __x86_64__
	struct user_regs_struct regs = { 0 };
	regs.rsp = t->sp;
	regs.rip = t->pc;
	_Static_assert(sizeof(regs) == sizeof(status.pr_reg), "x86-64 registers");
	memcpy(&status.pr_reg, &regs, sizeof(regs));
#elif defined(__aarch64__)
	struct user_regs_struct regs = { 0 };
	regs.sp = t->sp;
	regs.pc = t->pc;
	memcpy(&status.pr_reg, &regs, sizeof(regs));
#endif
	struct ms_bytes desc = { (const uint8_t *)&status, sizeof(status) };
	return ms_note_add(out, "CORE", NT_PRSTATUS, desc);
}

// The main thread first: debuggers start there.
static struct ms_error *add_statuses(
	struct ms_buffer *out, const struct ms_snapshot_plan *plan, bool is_main)
{
	const struct ms_threads *threads = ms_target_threads(plan->target);
	uint64_t pid = ms_target_info(plan->target)->pid;
	for (size_t i = 0; i < threads->n; i++) {
		if ((threads->v[i].tid == pid) != is_main)
			continue;
		struct ms_error *err = add_status(out, plan, &threads->v[i]);
		if (err)
			return err;
	}
	return NULL;
}

static struct ms_error *add_psinfo(struct ms_buffer *out, const struct ms_snapshot_plan *plan)
{
	const struct ms_target_info *info = ms_target_info(plan->target);
	struct ms_bytes text = ms_target_file(plan->target, MS_TARGET_FILE_STATUS);
	struct ms_status status = { 0 };
	struct elf_prpsinfo ps = { 0 };
	if (text.n) {
		ms_status_parse(text, &status);
		ps.pr_sname = status.state;
		ps.pr_ppid = (int)status.ppid;
		ps.pr_uid = (unsigned)status.uid;
	}
	ps.pr_pid = (int)info->pid;
	memcpy(ps.pr_fname, info->comm,
		ms_min(strlen(info->comm), sizeof(ps.pr_fname) - 1));
	size_t n = ms_min(info->command.n, sizeof(ps.pr_psargs) - 1);
	for (size_t i = 0; i < n; i++) {
		char c = (char)info->command.p[i];
		ps.pr_psargs[i] = c ? c : ' ';
	}
	struct ms_bytes desc = { (const uint8_t *)&ps, sizeof(ps) };
	return ms_note_add(out, "CORE", NT_PRPSINFO, desc);
}

// Only files that a debugger may open by this name: a deleted or replaced one would give
// it other bytes.
static bool is_named_file(const struct ms_mapping *m)
{
	return m->kind == MS_MAPPING_FILE && !(m->flags & MS_MAPPING_DELETED);
}

static struct ms_error *add_word(struct ms_buffer *out, uint64_t word)
{
	return ms_buffer_add(out, &word, sizeof(word));
}

// NT_FILE: count, page size, (start, end, offset in pages)..., names (fill_files_note in
// fs/binfmt_elf.c, Linux 6.18).
static struct ms_error *add_files(struct ms_buffer *out, const struct ms_maps *maps)
{
	_cleanup_buffer_ struct ms_buffer rows = { 0 };
	_cleanup_buffer_ struct ms_buffer names = { 0 };
	uint64_t head[2] = { 0, MS_PAGE_SIZE };
	struct ms_error *err = ms_buffer_add(&rows, head, sizeof(head));
	for (size_t i = 0; !err && i < maps->n; i++) {
		const struct ms_mapping *m = &maps->v[i];
		if (!is_named_file(m))
			continue;
		head[0]++;
		err = add_word(&rows, m->range.start);
		if (!err)
			err = add_word(&rows, m->range.end);
		if (!err)
			err = add_word(&rows, m->offset / MS_PAGE_SIZE);
		if (!err)
			err = ms_buffer_add(&names, m->name.p, m->name.n);
		if (!err)
			err = ms_buffer_add(&names, "", 1);
	}
	if (err)
		return err;
	memcpy(rows.p, head, sizeof(head));
	err = ms_buffer_add(&rows, names.p, names.n);
	return err ?: ms_note_add(out, "CORE", NT_FILE, ms_buffer_bytes(&rows));
}

static struct ms_error *make_standard(struct ms_snapshot_plan *plan)
{
	struct ms_buffer *out = &plan->standard_notes;
	struct ms_bytes auxv = ms_target_file(plan->target, MS_TARGET_FILE_AUXV);
	struct ms_error *err = add_statuses(out, plan, /* is_main= */ true);
	if (!err)
		err = add_psinfo(out, plan);
	if (!err && auxv.n)
		err = ms_note_add(out, "CORE", NT_AUXV, auxv);
	if (!err)
		err = add_files(out, ms_target_maps(plan->target));
	if (!err)
		err = add_statuses(out, plan, /* is_main= */ false);
	return err;
}

static struct ms_error *begin_note(struct ms_snapshot_plan *plan, uint32_t type)
{
	struct ms_note_plan *note = ms_array_push(&plan->notes);
	if (!note)
		return &ms_error_nomem;
	note->type = type;
	note->first_part = plan->parts.n;
	return NULL;
}

static struct ms_error *add_part(struct ms_snapshot_plan *plan, struct ms_note_part part)
{
	struct ms_note_part *slot = ms_array_push(&plan->parts);
	if (!slot)
		return &ms_error_nomem;
	*slot = part;
	struct ms_note_plan *note = &plan->notes.v[plan->notes.n - 1];
	note->part_count++;
	note->desc_bytes += part.bytes.n ? part.bytes.n : part.size;
	return NULL;
}

// Bytes that live as long as the plan or the target.
static struct ms_error *add_bytes(struct ms_snapshot_plan *plan, struct ms_bytes bytes)
{
	return bytes.n ? add_part(plan, (struct ms_note_part){ .bytes = bytes, .fd = -1 })
		       : NULL;
}

// Bytes that are copied into the plan.
static struct ms_error *add_copy(struct ms_snapshot_plan *plan, const void *p, size_t n)
{
	struct ms_bytes bytes = { p, n };
	char *copy = ms_arena_copy(&plan->arena, bytes);
	if (!copy)
		return &ms_error_nomem;
	return add_bytes(plan, (struct ms_bytes){ (uint8_t *)copy, n });
}

static struct ms_error *plan_files(struct ms_snapshot_plan *plan)
{
	for (enum ms_target_file i = 0; i < MS_TARGET_FILE_COUNT; i++) {
		static const char *const names[] = {
#define X(id, name) name,
			MS_TARGET_FILES(X)
#undef X
		};
		char name[FILE_NAME_BYTES] = { 0 };
		struct ms_bytes text = ms_target_file(plan->target, i);
		if (!text.n)
			continue;
		strncpy(name, names[i], sizeof(name) - 1);
		struct ms_error *err = begin_note(plan, MS_SNAP_FILE);
		if (!err)
			err = add_copy(plan, name, sizeof(name));
		if (!err)
			err = add_bytes(plan, text);
		if (err)
			return err;
	}
	return NULL;
}

static struct ms_error *plan_pages_note(struct ms_snapshot_plan *plan)
{
	struct ms_error *err =
		ms_pages_encode(ms_target_pages(plan->target), &plan->pages);
	if (!err)
		err = begin_note(plan, MS_SNAP_PAGES);
	return err ?: add_bytes(plan, ms_buffer_bytes(&plan->pages));
}

static struct ms_error *plan_threads(struct ms_snapshot_plan *plan)
{
	const struct ms_threads *threads = ms_target_threads(plan->target);
	struct ms_error *err = begin_note(plan, MS_SNAP_THREADS);
	struct ms_snap_thread *v = ms_new(&plan->arena, struct ms_snap_thread, threads->n);
	if (err || !v)
		return err ?: &ms_error_nomem;
	for (size_t i = 0; i < threads->n; i++) {
		const struct ms_thread *t = &threads->v[i];
		v[i] = (struct ms_snap_thread){
			.tid = t->tid,
			.sp = t->sp,
			.pc = t->pc,
			.start_ticks = t->start_ticks,
			.utime_ticks = t->utime_ticks,
			.stime_ticks = t->stime_ticks,
			.minflt = t->minflt,
			.majflt = t->majflt,
			.flags = t->sp ? MS_SNAP_THREAD_HAS_SP : 0,
			.state = (uint32_t)t->state,
		};
		memcpy(v[i].name, t->name, sizeof(v[i].name));
	}
	return add_bytes(plan,
		(struct ms_bytes){ (uint8_t *)v, threads->n * sizeof(*v) });
}

static struct ms_error *plan_fds(struct ms_snapshot_plan *plan)
{
	static const char zeros[8];
	const struct ms_memory_fds *fds = ms_target_memory_fds(plan->target);
	struct ms_error *err = begin_note(plan, MS_SNAP_FDS);
	for (size_t i = 0; !err && i < fds->n; i++) {
		const struct ms_memory_fd *f = &fds->v[i];
		struct ms_snap_fd record = {
			.fd = f->fd,
			.path_bytes = (uint32_t)f->path.n,
			.dev_major = f->dev_major,
			.dev_minor = f->dev_minor,
			.inode = f->inode,
			.size = f->size,
			.allocated = f->allocated,
		};
		size_t pad = -f->path.n & 7;
		err = add_copy(plan, &record, sizeof(record));
		if (!err)
			err = add_bytes(plan, f->path);
		if (!err && pad)
			err = add_copy(plan, zeros, pad);
	}
	return err;
}

static struct ms_error *plan_cgroup(struct ms_snapshot_plan *plan)
{
	const struct ms_cgroup_memory *m = ms_target_cgroup(plan->target);
	if (!m->version)
		return NULL;
	const struct {
		const char *key;
		uint64_t value;
	} rows[] = {
		{ "version", m->version },
		{ "usage", m->usage },
		{ "peak", m->peak },
		{ "limit", m->limit },
		{ "inactive_file", m->inactive_file },
		{ "anon", m->anon },
		{ "file", m->file },
		{ "shmem", m->shmem },
		{ "slab", m->slab },
		{ "sock", m->sock },
		{ "page_tables", m->page_tables },
	};
	_cleanup_buffer_ struct ms_buffer text = { 0 };
	struct ms_error *err = begin_note(plan, MS_SNAP_CGROUP);
	for (size_t i = 0; !err && i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].value != UINT64_MAX)
			err = ms_buffer_printf(&text, "%s %llu\n", rows[i].key,
				(unsigned long long)rows[i].value);
	}
	return err ?: add_copy(plan, text.p, text.n);
}

// The first mapping of a file: later ones are skipped, each file is kept once.
static bool is_first_of_file(const struct ms_maps *maps, size_t i)
{
	const struct ms_mapping *m = &maps->v[i];
	enum { LOOK_BACK = 64 }; // an image's mappings lie together
	for (size_t j = i; j > 0 && i - j < LOOK_BACK; j--) {
		const struct ms_mapping *other = &maps->v[j - 1];
		if (other->inode == m->inode && other->dev_major == m->dev_major &&
			other->dev_minor == m->dev_minor)
			return false;
	}
	return true;
}

struct images_plan {
	struct ms_buffer build_ids;
	uint64_t left; // bytes that all further images may take
};

// One file's pieces as a note, cut where they are too large.
static struct ms_error *plan_image_note(struct ms_snapshot_plan *plan,
	struct images_plan *images, const struct ms_mapping *m, const struct ms_image *file,
	const struct ms_elf_pieces *pieces, const struct ms_build_id *id)
{
	uint64_t room = ms_min(IMAGE_MAX, images->left);
	struct ms_snap_piece *table =
		ms_new(&plan->arena, struct ms_snap_piece, pieces->n);
	struct ms_snap_image head = {
		.dev_major = m->dev_major,
		.dev_minor = m->dev_minor,
		.inode = m->inode,
		.file_bytes = file->size,
		.path_bytes = (uint32_t)m->name.n,
		.id_bytes = id->n,
	};
	if (!table)
		return &ms_error_nomem;
	memcpy(head.id, id->bytes, id->n);
	for (size_t i = 0; i < pieces->n; i++) {
		if (pieces->v[i].size > room) {
			head.flags |= MS_SNAP_IMAGE_CUT;
			continue;
		}
		room -= pieces->v[i].size;
		images->left -= pieces->v[i].size;
		table[head.piece_count++] =
			(struct ms_snap_piece){ pieces->v[i].offset, pieces->v[i].size };
	}
	struct ms_error *err = begin_note(plan, MS_SNAP_IMAGE);
	if (!err)
		err = add_copy(plan, &head, sizeof(head));
	if (!err)
		err = add_bytes(plan, (struct ms_bytes){ (uint8_t *)table,
					      head.piece_count * sizeof(*table) });
	if (!err)
		err = add_bytes(plan, m->name);
	for (size_t i = 0; !err && i < head.piece_count; i++)
		err = add_part(plan, (struct ms_note_part){ .fd = file->fd,
					     .offset = table[i].offset,
					     .size = table[i].bytes });
	return err;
}

static struct ms_error *plan_image(
	struct ms_snapshot_plan *plan, struct images_plan *images, const struct ms_mapping *m)
{
	const struct ms_image *file = ms_target_image(plan->target, m);
	_cleanup_(cleanup_ms_elf_image_free) struct ms_elf_image *image = NULL;
	struct ms_elf_source source;
	struct ms_elf_pieces pieces;
	uint8_t magic[4];
	if (!file || ms_pread_all(file->fd, magic, sizeof(magic), 0) != sizeof(magic) ||
		!ms_elf_is_elf((struct ms_bytes){ magic, sizeof(magic) }))
		return NULL;
	// A file that looks like ELF and is none, or cannot be read, has no image note.
	struct ms_error *err = ms_elf_source_fd(file->fd, &source);
	if (!err)
		err = ms_elf_image_open(&source, &image);
	if (err && err != &ms_error_nomem) {
		ms_error_free(err);
		return NULL;
	}
	if (!err)
		err = ms_elf_image_pieces(image, &pieces);
	if (err)
		return err;
	struct ms_snap_build_id id = { m->range.start, image->build_id.n, 0, { 0 } };
	memcpy(id.id, image->build_id.bytes, image->build_id.n);
	if (image->build_id.n) {
		err = ms_buffer_add(&images->build_ids, &id, sizeof(id));
		if (err)
			return err;
	}
	return plan_image_note(plan, images, m, file, &pieces, &image->build_id);
}

static struct ms_error *plan_images(struct ms_snapshot_plan *plan)
{
	const struct ms_maps *maps = ms_target_maps(plan->target);
	struct images_plan images = { { 0 }, IMAGES_MAX };
	struct ms_error *err = NULL;
	for (size_t i = 0; !err && i < maps->n; i++) {
		if (maps->v[i].kind == MS_MAPPING_FILE && is_first_of_file(maps, i))
			err = plan_image(plan, &images, &maps->v[i]);
	}
	if (!err)
		err = begin_note(plan, MS_SNAP_BUILD_IDS);
	if (!err)
		err = add_copy(plan, images.build_ids.p, images.build_ids.n);
	ms_buffer_deinit(&images.build_ids);
	return err;
}

// The sum of all own notes, those that come late included, rounded up with room for the
// padding note.
static struct ms_error *reserve(struct ms_snapshot_plan *plan)
{
	uint64_t size = 0;
	ms_array_foreach(note, &plan->notes) {
		uint64_t padded = ms_note_size(MS_SNAP_NAME, note->desc_bytes);
		if (note->desc_bytes > UINT32_MAX - 4096)
			return ms_error_new(MS_ERROR_LIMIT,
				"a note would be larger than 4 GiB");
		size += padded;
	}
	uint64_t spare = GAP_SPARE_MIN + plan->copy_bytes / MS_PAGE_SIZE / 16;
	plan->gap_room = plan->gaps.n + ms_min(spare, GAP_SPARE_MAX);
	size += ms_note_size(MS_SNAP_NAME, sizeof(struct ms_snap_header));
	size += ms_note_size(MS_SNAP_NAME, plan->gap_room * sizeof(struct ms_snap_gap));
	size += ms_note_size(MS_SNAP_NAME, FOOTPRINT_ROOM);
	size += ms_note_size(MS_SNAP_NAME, 0);
	plan->own_notes_size = ms_align_down(size + MS_PAGE_SIZE - 1, MS_PAGE_SIZE);
	return NULL;
}

struct ms_error *ms_notes_plan(struct ms_snapshot_plan *plan)
{
	struct ms_error *err = make_standard(plan);
	if (!err)
		err = plan_files(plan);
	if (!err)
		err = plan_pages_note(plan);
	if (!err)
		err = plan_threads(plan);
	if (!err)
		err = plan_fds(plan);
	if (!err)
		err = plan_cgroup(plan);
	if (!err)
		err = plan_images(plan);
	return err ?: reserve(plan);
}

// Where the next byte of the notes goes.
struct note_out {
	struct ms_writer *writer;
	uint64_t at, end;
};

static struct ms_error *put(struct note_out *out, const void *p, uint64_t n)
{
	struct ms_error *err = ms_writer_put(out->writer, out->at, p, n);
	out->at += n;
	return err;
}

static struct ms_error *put_header(struct note_out *out, uint32_t type, uint64_t desc_bytes)
{
	uint8_t header[MS_NOTE_HEADER_MAX];
	size_t n = ms_note_header(MS_SNAP_NAME, type, desc_bytes, header);
	return put(out, header, n);
}

static struct ms_error *put_padding(struct note_out *out, uint64_t desc_bytes)
{
	static const uint8_t zeros[4];
	return put(out, zeros, ms_note_padded(desc_bytes) - desc_bytes);
}

static struct ms_error *put_note(struct note_out *out, uint32_t type, struct ms_bytes desc)
{
	struct ms_error *err = put_header(out, type, desc.n);
	if (!err)
		err = put(out, desc.p, desc.n);
	return err ?: put_padding(out, desc.n);
}

// Bytes of a file go from it into the writer's own buffer. A file that shrank since the
// plan leaves zeros, which a reader meets as an image that makes no sense.
static struct ms_error *put_file(struct note_out *out, const struct ms_note_part *part)
{
	uint64_t done = 0;
	while (done < part->size) {
		uint64_t n;
		uint8_t *to;
		struct ms_error *err =
			ms_writer_room(out->writer, out->at, part->size - done, &n, &to);
		if (err)
			return err;
		int64_t got = ms_pread_all(part->fd, to, n, part->offset + done);
		if (got < 0)
			got = 0;
		memset(to + got, 0, n - (uint64_t)got);
		out->at += n;
		done += n;
	}
	return NULL;
}

static struct ms_error *put_planned(
	struct note_out *out, const struct ms_snapshot_plan *plan, const struct ms_note_plan *note)
{
	struct ms_error *err = put_header(out, note->type, note->desc_bytes);
	for (size_t i = 0; !err && i < note->part_count; i++) {
		const struct ms_note_part *part = &plan->parts.v[note->first_part + i];
		err = part->bytes.n ? put(out, part->bytes.p, part->bytes.n)
				    : put_file(out, part);
	}
	return err ?: put_padding(out, note->desc_bytes);
}

static struct ms_error *put_start(
	struct note_out *out, const struct ms_snapshot_plan *plan, bool is_incomplete)
{
	const struct ms_target_info *info = ms_target_info(plan->target);
	struct ms_snap_header header = {
		.version = MS_FORMAT_VERSION,
		.pid = info->pid,
		.start_ticks = info->start_ticks,
		.taken_ns = info->taken_ns,
		.page_size = MS_PAGE_SIZE,
	};
	header.flags = (is_incomplete ? MS_SNAP_INCOMPLETE : 0u) |
		(info->is_stopped ? MS_SNAP_WAS_STOPPED : 0u) |
		(info->has_pages ? MS_SNAP_HAS_PAGES : 0u) |
		(info->pages_source.has_scan ? MS_SNAP_HAS_SCAN : 0u) |
		(info->pages_source.has_guard ? MS_SNAP_HAS_GUARD : 0u) |
		(plan->options.no_contents ? MS_SNAP_NO_CONTENTS : 0u);
	struct ms_bytes desc = { (uint8_t *)&header, sizeof(header) };
	return put_note(out, MS_SNAP_HEADER, desc);
}

// With more gaps than there is room for, the last record covers all the rest: some good
// pages are then not believed, which is better than to believe a lost one.
static struct ms_error *put_gaps(
	struct note_out *out, const struct ms_snapshot_plan *plan, const struct ms_gaps *gaps)
{
	size_t n = ms_min(gaps->n, plan->gap_room);
	struct ms_error *err = put_header(out, MS_SNAP_GAPS, n * sizeof(struct ms_snap_gap));
	for (size_t i = 0; !err && i < n; i++) {
		const struct ms_gap *gap = &gaps->v[i];
		struct ms_snap_gap record = { gap->range.start, gap->range.end,
			(uint32_t)gap->reason, 0 };
		if (i + 1 == n)
			record.end = gaps->v[gaps->n - 1].range.end;
		err = put(out, &record, sizeof(record));
	}
	return err;
}

struct ms_error *ms_notes_write(const struct ms_snapshot_plan *plan, struct ms_writer *writer,
	const struct ms_late_notes *late)
{
	struct note_out out = { writer, plan->own_offset, plan->file_size };
	struct ms_bytes footprint = ms_bytes_sub(late->footprint, 0, FOOTPRINT_ROOM);
	struct ms_error *err = put_start(&out, plan, late->is_incomplete);
	for (size_t i = 0; !err && i < plan->notes.n; i++)
		err = put_planned(&out, plan, &plan->notes.v[i]);
	if (!err)
		err = put_gaps(&out, plan, late->gaps);
	if (!err)
		err = put_note(&out, MS_SNAP_FOOTPRINT, footprint);
	if (err)
		return err;
	// The padding note's descriptor is the hole that follows its header.
	uint64_t rest = out.end - out.at - ms_note_size(MS_SNAP_NAME, 0);
	return put_header(&out, MS_SNAP_PAD, rest);
}
