// Writing our own notes into the room that the plan reserved for them.

#include "snapshot/snapshot_internal.h"

#include <string.h>

#include "elf/note.h"
#include "snapshot/writer.h"
#include "target/format.h"

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

static struct ms_error *put_header(
	struct note_out *out, uint32_t type, uint64_t desc_bytes)
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

static struct ms_error *put_note(
	struct note_out *out, uint32_t type, struct ms_bytes desc)
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

static struct ms_error *put_planned(struct note_out *out,
	const struct ms_snapshot_plan *plan, const struct ms_note_plan *note)
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
static struct ms_error *put_gaps(struct note_out *out,
	const struct ms_snapshot_plan *plan, const struct ms_gaps *gaps)
{
	size_t n = ms_min(gaps->n, plan->gap_room);
	struct ms_error *err =
		put_header(out, MS_SNAP_GAPS, n * sizeof(struct ms_snap_gap));
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

struct ms_error *ms_notes_write(const struct ms_snapshot_plan *plan,
	struct ms_writer *writer, const struct ms_late_notes *late)
{
	struct note_out out = { writer, plan->own_offset, plan->file_size };
	struct ms_bytes footprint = ms_bytes_sub(late->footprint, 0, MS_FOOTPRINT_ROOM);
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
