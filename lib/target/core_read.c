// Reading from a core or a snapshot: segments of the file, and gaps that say why.

#include "target/core_internal.h"

// What a stretch of addresses is made of.
struct stretch {
	struct ms_range range;
	enum {
		IS_GAP,
		IS_FILE,
		IS_TAIL
	} what;
	enum ms_gap_reason reason; // of a gap
	uint64_t offset;           // in the core, of file bytes
};

// Index of the first recorded gap that ends after the address.
static size_t gap_index(const struct ms_gaps *gaps, uint64_t address)
{
	return ms_range_search(gaps->v, gaps->n, sizeof(*gaps->v), address);
}

// At most n bytes of a stretch; n is a number of the file's and may be anything.
static void cut(struct stretch *st, uint64_t n)
{
	st->range.end = st->range.start + ms_min(n, ms_range_size(st->range));
}

// The stretch of a segment that begins at `rest.start`.
static struct stretch in_load(const struct ms_core_target *file,
	const struct ms_elf_segment *s, struct ms_range rest)
{
	struct stretch st = { .range = ms_range_clip(rest, s->range) };
	uint64_t into = rest.start - s->range.start;
	if (into < s->file_size) {
		st.what = IS_FILE;
		st.offset = s->offset + into;
		cut(&st, s->file_size - into);
		return st;
	}
	// The writer of a snapshot recorded every gap; what it did not is zero.
	into -= s->file_size;
	bool is_cut = into < s->missing;
	st.what = file->is_snapshot && !is_cut ? IS_TAIL : IS_GAP;
	st.reason = is_cut ? MS_GAP_TRUNCATED : MS_GAP_NOT_CAPTURED;
	if (is_cut)
		cut(&st, s->missing - into);
	return st;
}

static struct stretch next_stretch(
	const struct ms_core_target *file, struct ms_range rest)
{
	const struct ms_core *core = file->core;
	size_t g = gap_index(&file->gaps, rest.start);
	if (g < file->gaps.n) {
		const struct ms_gap *gap = &file->gaps.v[g];
		if (gap->range.start <= rest.start)
			return (struct stretch){ ms_range_clip(rest, gap->range), IS_GAP,
				gap->reason, 0 };
		rest.end = ms_min(rest.end, gap->range.start);
	}
	size_t i = ms_core_load_index(core, rest.start);
	if (i < core->loads_n && core->loads[i].range.start <= rest.start)
		return in_load(file, &core->loads[i], rest);
	if (i < core->loads_n)
		rest.end = ms_min(rest.end, core->loads[i].range.start);
	return (struct stretch){ rest, IS_GAP, MS_GAP_NOT_CAPTURED, 0 };
}

struct reading {
	struct ms_target *target;
	const struct ms_core_target *file;
	const struct ms_mapping *mapping;
	struct ms_range window;
	uint8_t *to;
	struct ms_gaps *gaps;
};

static uint8_t *place(const struct reading *r, uint64_t address)
{
	return r->to + (address - r->window.start);
}

static struct ms_error *add_gap(
	const struct reading *r, struct ms_range part, enum ms_gap_reason reason)
{
	return ms_target_fill_gap(part, r->window, r->to, reason, r->gaps);
}

// Clean pages of a mapped file that were not captured may be known from the file itself,
// or from the parts of it that the snapshot keeps.
static struct ms_error *read_image(const struct reading *r, const struct stretch *st)
{
	const struct ms_image *image = ms_target_image(r->target, r->mapping);
	uint64_t offset;
	struct ms_range part = st->range;
	bool is_clean = st->reason == MS_GAP_NOT_CAPTURED || st->reason == MS_GAP_ABSENT;
	if (!image || !is_clean || r->mapping->kind != MS_MAPPING_FILE)
		return add_gap(r, part, st->reason);
	while (part.start < part.end) {
		// Page by page: a snapshot keeps some parts of a file and not others.
		uint64_t end = ms_min(
			part.end, ms_align_down(part.start, MS_PAGE_SIZE) + MS_PAGE_SIZE);
		struct ms_range page = { part.start, end };
		bool is_read = ms_add(r->mapping->offset,
				       page.start - r->mapping->range.start, &offset) &&
			       ms_elf_source_read(&image->source, offset,
				       place(r, page.start), ms_range_size(page));
		struct ms_error *err = is_read ? NULL : add_gap(r, page, st->reason);
		if (err)
			return err;
		part.start = end;
	}
	return NULL;
}

// Pages that were not there are stored as holes, or not at all.
static struct ms_error *mark_absent(const struct reading *r, struct ms_range part)
{
	struct ms_range run;
	if (!r->file->is_snapshot || !r->gaps)
		return NULL;
	for (uint64_t at = part.start; at < part.end; at = run.end) {
		enum ms_page_state state;
		run = ms_pages_run(r->target->pages, at, part.end, &state);
		if (state != MS_PAGE_ABSENT)
			continue;
		struct ms_error *err = ms_gaps_add(r->gaps, run, MS_GAP_ABSENT);
		if (err)
			return err;
	}
	return NULL;
}

static struct ms_error *read_file(const struct reading *r, const struct stretch *st)
{
	struct ms_range part = st->range;
	int64_t n = r->file->source.read(r->file->source.context, st->offset,
		place(r, part.start), ms_range_size(part));
	part.start += n > 0 ? (uint64_t)n : 0;
	if (part.start < part.end) {
		struct ms_error *err = add_gap(r, part, MS_GAP_TRUNCATED);
		if (err)
			return err;
	}
	return mark_absent(r, (struct ms_range){ st->range.start, part.start });
}

static struct ms_error *read_stretch(const struct reading *r, const struct stretch *st)
{
	switch (st->what) {
	case IS_FILE:
		return read_file(r, st);
	case IS_GAP:
		return read_image(r, st);
	case IS_TAIL:
		break;
	}
	memset(place(r, st->range.start), 0, ms_range_size(st->range));
	return mark_absent(r, st->range);
}

struct ms_error *ms_core_target_read(struct ms_target *target,
	const struct ms_mapping *mapping, struct ms_range window, uint8_t *to,
	struct ms_gaps *gaps)
{
	struct reading r = { target, target->backend, mapping, window, to, gaps };
	struct ms_range rest = window;
	while (rest.start < rest.end) {
		struct stretch st = next_stretch(r.file, rest);
		struct ms_error *err = read_stretch(&r, &st);
		if (err)
			return err;
		rest.start = st.range.end;
	}
	return NULL;
}
