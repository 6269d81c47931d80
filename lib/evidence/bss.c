// The .bss of libraries that lies in a mapping of its own: behind the file's last
// writable page the linker maps anonymous memory, which the line in maps does not name.

#include <elf.h>

#include "elf/image.h"
#include "evidence/kernel.h"
#include "target/images.h"

enum {
	UNCHECKED_MAX = 1 << 20
}; // without the file: more than that is taken for others'

static const struct ms_kind_row checked_kind = {
	.owner = "file.lib.dirty",
	.reader = "kernel",
	.detail = ".bss, by the file's program headers",
	.grade = MS_GRADE_EXACT,
	.precedence = MS_PRECEDENCE_LIBRARY,
};

static const struct ms_kind_row adjacent_kind = {
	.owner = "file.lib.dirty",
	.reader = "kernel",
	.detail = "anonymous memory right behind a library's data",
	.grade = MS_GRADE_CONTENT,
	.precedence = MS_PRECEDENCE_SHAPE,
};

// The end of the segment's memory that this mapping is the file part of; 0 if none is.
static uint64_t end_in_memory(
	const struct ms_elf_image *image, const struct ms_mapping *m)
{
	uint64_t bias, end;
	if (!ms_elf_image_bias(image, m->range.start, m->offset, &bias))
		return 0;
	for (size_t i = 0; i < image->segments_n; i++) {
		const struct ms_elf_segment *s = &image->segments[i];
		bool is_ours = s->type == PT_LOAD &&
			       ms_range_size(s->range) > s->file_size &&
			       s->range.start + bias < m->range.end &&
			       ms_add(s->range.end, bias, &end) && end > m->range.end;
		if (is_ours)
			return end;
	}
	return 0;
}

static uint64_t checked_end(
	struct ms_reading *reading, const struct ms_mapping *m, bool *is_known)
{
	const struct ms_image *file = ms_target_image(reading->target, m);
	struct ms_elf_image *image = NULL;
	*is_known = false;
	if (!file)
		return 0;
	_cleanup_error_ struct ms_error *err = ms_elf_image_open(&file->source, &image);
	if (err)
		return 0;
	*is_known = true;
	uint64_t end = end_in_memory(image, m);
	ms_elf_image_free(image);
	return end;
}

static bool is_data(const struct ms_mapping *m)
{
	unsigned rw = MS_MAPPING_READ | MS_MAPPING_WRITE;
	return m->kind == MS_MAPPING_FILE && (m->flags & rw) == rw &&
	       !(m->flags & MS_MAPPING_SHARED);
}

static struct ms_error *claim_bss(struct ms_reading *reading,
	const struct ms_mapping *data, const struct ms_mapping *bss)
{
	bool is_known;
	uint64_t end = checked_end(reading, data, &is_known);
	struct ms_range range = bss->range;
	if (is_known) {
		if (end <= bss->range.start || !ms_align_up(end, MS_PAGE_SIZE, &end))
			return NULL;
		range.end = ms_min(range.end, end);
	} else if (ms_range_size(range) > UNCHECKED_MAX) {
		return NULL;
	}
	return ms_claims_say(reading->claims, range, MS_RANK_REGION,
		is_known ? &checked_kind : &adjacent_kind, 0, data->name);
}

struct ms_error *ms_kernel_bss(struct ms_reading *reading)
{
	const struct ms_maps *maps = ms_target_maps(reading->target);
	struct ms_error *err = NULL;
	for (size_t i = 1; !err && i < maps->n; i++) {
		const struct ms_mapping *data = &maps->v[i - 1], *bss = &maps->v[i];
		bool is_behind =
			is_data(data) && data->range.end == bss->range.start &&
			(bss->kind == MS_MAPPING_ANON || bss->kind == MS_MAPPING_NAMED) &&
			bss->flags & MS_MAPPING_WRITE &&
			!(bss->flags & MS_MAPPING_SHARED);
		if (is_behind)
			err = claim_bss(reading, data, bss);
	}
	return err;
}
