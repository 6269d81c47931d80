// Our own notes (target/format.h), as far as the plan fixes them. The header, the gaps
// and the footprint are known only when the data is written, and have room reserved.

#include "snapshot/snapshot_internal.h"

#include <string.h>

#include "elf/image.h"
#include "elf/note.h"
#include "target/format.h"
#include "target/images.h"

enum {
	GAP_SPARE_MIN = 128, // records for pages that are lost while copying
	GAP_SPARE_MAX = 4096,
	IMAGE_MAX = 8 << 20,   // of one file's pieces
	IMAGES_MAX = 64 << 20, // of all files' pieces
	FILE_NAME_BYTES = 16,  // in front of a verbatim file
};

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
		char name[FILE_NAME_BYTES] = { 0 };
		struct ms_bytes text = ms_target_file(plan->target, i);
		if (!text.n)
			continue;
		strncpy(name, ms_target_file_name(i), sizeof(name) - 1);
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

static uint32_t thread_flags(const struct ms_thread *thread)
{
	uint32_t flags = thread->sp ? MS_SNAP_THREAD_HAS_SP : 0;
	return flags | (uint32_t)thread->ns_tid << MS_SNAP_THREAD_NS_TID_SHIFT;
}

static struct ms_error *plan_threads(struct ms_snapshot_plan *plan)
{
	const struct ms_threads *threads = ms_target_threads(plan->target);
	struct ms_error *err = begin_note(plan, MS_SNAP_THREADS);
	struct ms_snap_thread *v =
		ms_new(&plan->arena, struct ms_snap_thread, threads->n);
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
			.flags = thread_flags(t),
			.state = (uint32_t)t->state,
		};
		memcpy(v[i].name, t->name, sizeof(v[i].name));
	}
	return add_bytes(
		plan, (struct ms_bytes){ (uint8_t *)v, threads->n * sizeof(*v) });
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
	enum {
		LOOK_BACK = 64
	}; // an image's mappings lie together
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
	struct images_plan *images, const struct ms_mapping *m,
	const struct ms_image *file, const struct ms_elf_pieces *pieces,
	const struct ms_build_id *id)
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
		if (pieces->v[i].size > room || head.piece_count == MS_SNAP_PIECES_MAX) {
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

static struct ms_error *plan_image(struct ms_snapshot_plan *plan,
	struct images_plan *images, const struct ms_mapping *m)
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
	ms_array_foreach (note, &plan->notes) {
		uint64_t padded = ms_note_size(MS_SNAP_NAME, note->desc_bytes);
		if (note->desc_bytes > UINT32_MAX - 4096)
			return ms_error_new(
				MS_ERROR_LIMIT, "a note would be larger than 4 GiB");
		size += padded;
	}
	uint64_t spare = GAP_SPARE_MIN + plan->copy_bytes / MS_PAGE_SIZE / 16;
	plan->gap_room = plan->gaps.n + ms_min(spare, GAP_SPARE_MAX);
	size += ms_note_size(MS_SNAP_NAME, sizeof(struct ms_snap_header));
	size += ms_note_size(MS_SNAP_NAME, plan->gap_room * sizeof(struct ms_snap_gap));
	size += ms_note_size(MS_SNAP_NAME, MS_FOOTPRINT_ROOM);
	size += ms_note_size(MS_SNAP_NAME, 0);
	plan->own_notes_size = ms_align_down(size + MS_PAGE_SIZE - 1, MS_PAGE_SIZE);
	return NULL;
}

struct ms_error *ms_notes_plan(struct ms_snapshot_plan *plan)
{
	struct ms_error *err = ms_notes_standard(plan);
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
