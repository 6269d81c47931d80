// Planning a snapshot: which pages are copied, and where in the file they go.

#include "snapshot/snapshot_internal.h"

#include <elf.h>
#include <string.h>

enum {
	SEGMENTS_MAX = 60000, // gdb needs 4 s and 490 MB for 300,000
	THRESHOLD_MIN = 64 << 10,
	EHDR_BYTES = sizeof(Elf64_Ehdr),
};

#define THRESHOLD_MAX (UINT64_C(1) << 46)

struct ms_selector ms_selector_parse(const char *text)
{
	struct ms_selector selector = { .name = text };
	selector.is_range = ms_range_parse(text, &selector.range);
	return selector;
}

static bool selects(const struct ms_selector *s, const struct ms_mapping *m)
{
	if (s->is_range)
		return ms_range_overlaps(s->range, m->range);
	return ms_bytes_is(m->name, s->name) ||
	       ms_bytes_is(ms_bytes_basename(m->name), s->name) ||
	       (m->label.n && ms_bytes_is(m->label, s->name));
}

static bool any_selects(const struct ms_selector *v, size_t n, const struct ms_mapping *m)
{
	for (size_t i = 0; i < n; i++) {
		if (selects(&v[i], m))
			return true;
	}
	return false;
}

bool ms_plan_is_selected(
	const struct ms_snapshot_plan *plan, const struct ms_mapping *mapping)
{
	const struct ms_snapshot_options *o = &plan->options;
	if (o->no_contents || any_selects(o->exclude, o->n_exclude, mapping))
		return false;
	return !o->n_only || any_selects(o->only, o->n_only, mapping);
}

// A selector that matches nothing is a mistake of the person who wrote it.
static struct ms_error *check_selectors(
	const struct ms_maps *maps, const struct ms_selector *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t j = 0;
		while (j < maps->n && !selects(&v[i], &maps->v[j]))
			j++;
		if (j == maps->n)
			return ms_error_hint(
				ms_error_new(MS_ERROR_USAGE, "no mapping matches '%s'",
					v[i].name),
				"memwho --mappings lists them; a range is START-END in "
				"hexadecimal");
	}
	return NULL;
}

uint32_t ms_plan_flags(const struct ms_mapping *mapping)
{
	return (mapping->flags & MS_MAPPING_READ ? PF_R : 0u) |
	       (mapping->flags & MS_MAPPING_WRITE ? PF_W : 0u) |
	       (mapping->flags & MS_MAPPING_EXEC ? PF_X : 0u);
}

// Mappings that are left out whole, whatever their pages are.
static bool is_left_out(const struct ms_snapshot_plan *plan, const struct ms_mapping *m,
	enum ms_gap_reason *reason)
{
	const struct ms_smaps *smaps = ms_target_smaps(plan->target);
	const struct ms_smaps_entry *entry =
		smaps ? ms_smaps_find(smaps, m->range) : NULL;
	if (m->kind == MS_MAPPING_DEVICE || !ms_mapping_counts(m))
		*reason = MS_GAP_DEVICE;
	else if (!ms_plan_is_selected(plan, m))
		*reason = MS_GAP_NOT_CAPTURED;
	else if (ms_bytes_has(m->name, "secretmem"))
		*reason = MS_GAP_SECRET;
	else if (!plan->options.with_dontdump && entry &&
		 ms_smaps_has_flag(entry, "dd") &&
		 m->kind != MS_MAPPING_VDSO) // the kernel marks its own code so
		*reason = MS_GAP_DONTDUMP;
	else
		return false;
	return true;
}

static struct ms_page_plan missing(enum ms_gap_reason reason)
{
	return (struct ms_page_plan){ MS_FATE_MISSING, reason };
}

struct ms_page_plan ms_plan_page(const struct ms_snapshot_plan *plan,
	const struct ms_mapping *mapping, enum ms_page_state state)
{
	const struct ms_page_plan copy = { .fate = MS_FATE_COPY };
	const struct ms_page_plan zero = { .fate = MS_FATE_ZERO };
	bool is_anonymous = ms_mapping_is_anonymous(mapping);
	bool is_whole = is_anonymous || plan->options.all || plan->options.n_only ||
			mapping->kind == MS_MAPPING_VDSO;
	switch (state) {
	case MS_PAGE_ANON:
		return copy;
	case MS_PAGE_FILE:
		return is_whole ? copy : missing(MS_GAP_NOT_CAPTURED);
	case MS_PAGE_ZERO:
		return zero;
	case MS_PAGE_SWAPPED:
		return missing(MS_GAP_SWAPPED);
	case MS_PAGE_GUARD:
		return missing(MS_GAP_GUARD);
	case MS_PAGE_ABSENT:
		if (mapping->kind == MS_MAPPING_VDSO)
			return copy; // known without touching the target's page
		// Shared memory that is not mapped in may still hold something.
		if (is_anonymous && !(mapping->flags & MS_MAPPING_SHARED))
			return zero;
		return missing(is_whole ? MS_GAP_ABSENT : MS_GAP_NOT_CAPTURED);
	case MS_PAGE_UNKNOWN:
	case MS_PAGE_STATES:
		break;
	}
	return missing(MS_GAP_REFUSED);
}

struct ms_error *ms_plan_missing(struct ms_snapshot_plan *plan,
	const struct ms_mapping *mapping, struct ms_range range,
	enum ms_gap_reason reason)
{
	struct ms_segment *last =
		plan->segments.n ? &plan->segments.v[plan->segments.n - 1] : NULL;
	struct ms_gap *gap = plan->gaps.n ? &plan->gaps.v[plan->gaps.n - 1] : NULL;
	bool follows_gap = last && gap && !last->file_bytes &&
			   last->range.end == range.start &&
			   gap->range.end == range.start &&
			   last->range.start >= mapping->range.start;
	struct ms_error *err = ms_gaps_add(&plan->gaps, range, reason);
	if (err)
		return err;
	if (follows_gap) {
		last->range.end = range.end;
		return NULL;
	}
	struct ms_segment *segment = ms_array_push(&plan->segments);
	if (!segment)
		return &ms_error_nomem;
	*segment = (struct ms_segment){
		.range = range,
		.offset = plan->data_size,
		.flags = ms_plan_flags(mapping),
	};
	return NULL;
}

// The segment that is being grown over a mapping's runs.
struct growing {
	struct ms_range range; // start == end: none
	uint64_t data_end;     // == range.start: only zeros so far
};

static struct ms_error *close_segment(
	struct ms_snapshot_plan *plan, const struct ms_mapping *m, struct growing *g)
{
	if (g->range.start == g->range.end)
		return NULL;
	struct ms_segment *segment = ms_array_push(&plan->segments);
	if (!segment)
		return &ms_error_nomem;
	*segment = (struct ms_segment){
		.range = g->range,
		.offset = plan->data_size,
		.file_bytes = g->data_end - g->range.start,
		.flags = ms_plan_flags(m),
	};
	if (segment->file_bytes) {
		struct ms_area *area = ms_array_push(&plan->areas);
		if (!area)
			return &ms_error_nomem;
		*area = (struct ms_area){ { g->range.start, g->data_end },
			plan->data_size };
		plan->data_size += segment->file_bytes;
	}
	g->range.start = g->range.end;
	return NULL;
}

static struct ms_error *grow(struct ms_snapshot_plan *plan, const struct ms_mapping *m,
	struct growing *g, struct ms_range run, enum ms_fate fate)
{
	bool is_open = g->range.start != g->range.end;
	bool is_copy = fate == MS_FATE_COPY;
	// A long zero run ends the segment: it is its tail, or a segment of its own.
	if (is_open && is_copy && run.start - g->data_end >= plan->threshold) {
		struct ms_error *err = close_segment(plan, m, g);
		if (err)
			return err;
		is_open = false;
	}
	if (!is_open)
		*g = (struct growing){ { run.start, run.start }, run.start };
	g->range.end = run.end;
	if (is_copy) {
		g->data_end = run.end;
		plan->copy_bytes += ms_range_size(run);
	}
	return NULL;
}

static struct ms_error *plan_pages(
	struct ms_snapshot_plan *plan, const struct ms_mapping *m)
{
	const struct ms_pages *pages = ms_target_pages(plan->target);
	struct growing g = { m->range, m->range.start };
	struct ms_range run;
	g.range.end = g.range.start;
	for (uint64_t at = m->range.start; at < m->range.end; at = run.end) {
		enum ms_page_state state;
		struct ms_error *err;
		run = ms_pages_run(pages, at, m->range.end, &state);
		struct ms_page_plan page = ms_plan_page(plan, m, state);
		if (page.fate == MS_FATE_MISSING) {
			err = close_segment(plan, m, &g);
			if (!err)
				err = ms_plan_missing(plan, m, run, page.reason);
		} else {
			err = grow(plan, m, &g, run, page.fate);
		}
		if (err)
			return err;
	}
	return close_segment(plan, m, &g);
}

static struct ms_error *plan_mapping(
	struct ms_snapshot_plan *plan, const struct ms_mapping *m)
{
	enum ms_gap_reason reason;
	if (is_left_out(plan, m, &reason))
		return ms_plan_missing(plan, m, m->range, reason);
	struct ms_object *object = ms_shared_object(plan, m);
	if (object)
		return ms_shared_plan_view(plan, object, m);
	return plan_pages(plan, m);
}

static void reset(struct ms_snapshot_plan *plan)
{
	plan->segments.n = plan->areas.n = plan->gaps.n = plan->pieces.n = 0;
	plan->data_size = plan->copy_bytes = 0;
	ms_array_foreach (object, &plan->objects)
		object->is_planned = false;
}

// Lay out all mappings; with a coarser threshold if there would be too many segments.
static struct ms_error *plan_all(struct ms_snapshot_plan *plan)
{
	const struct ms_maps *maps = ms_target_maps(plan->target);
	size_t before = SIZE_MAX;
	for (plan->threshold = THRESHOLD_MIN; plan->threshold < THRESHOLD_MAX;
		plan->threshold *= 2) {
		reset(plan);
		for (size_t i = 0; i < maps->n; i++) {
			struct ms_error *err = plan_mapping(plan, &maps->v[i]);
			if (err)
				return err;
		}
		// One segment a mapping is the least, and some states always split.
		bool is_least =
			plan->threshold > UINT64_C(1) << 30 && plan->segments.n == before;
		if (plan->segments.n <= SEGMENTS_MAX || is_least)
			break;
		before = plan->segments.n;
	}
	return NULL;
}

static struct ms_error *lay_out(struct ms_snapshot_plan *plan)
{
	uint64_t headers = plan->segments.n + 2; // and the two PT_NOTE
	uint64_t end = EHDR_BYTES + headers * sizeof(Elf64_Phdr);
	if (headers >= PN_XNUM)
		end += sizeof(Elf64_Shdr);
	plan->headers_size = end;
	plan->standard_offset = end;
	end += plan->standard_notes.n;
	if (!ms_align_up(end, MS_PAGE_SIZE, &plan->data_offset) ||
		!ms_add(plan->data_offset, plan->data_size, &plan->own_offset) ||
		!ms_add(plan->own_offset, plan->own_notes_size, &plan->file_size) ||
		plan->file_size > INT64_MAX)
		return ms_error_new(MS_ERROR_LIMIT, "the snapshot would be too large");
	return NULL;
}

struct ms_error *ms_snapshot_plan_new(struct ms_target *target,
	const struct ms_snapshot_options *options, struct ms_snapshot_plan **ret)
{
	const struct ms_maps *maps = ms_target_maps(target);
	struct ms_error *err = check_selectors(maps, options->only, options->n_only);
	if (!err)
		err = check_selectors(maps, options->exclude, options->n_exclude);
	if (err)
		return err;
	struct ms_snapshot_plan *plan = calloc(1, sizeof(*plan));
	if (!plan)
		return &ms_error_nomem;
	plan->target = target;
	plan->options = *options;
	ms_arena_init(&plan->arena);
	err = ms_shared_find(plan);
	if (!err)
		err = plan_all(plan);
	if (!err)
		err = ms_notes_plan(plan);
	if (!err)
		err = lay_out(plan);
	if (err) {
		ms_snapshot_plan_free(plan);
		return err;
	}
	*ret = plan;
	return NULL;
}

void ms_snapshot_plan_free(struct ms_snapshot_plan *plan)
{
	if (!plan)
		return;
	ms_array_deinit(&plan->segments);
	ms_array_deinit(&plan->areas);
	ms_array_deinit(&plan->objects);
	ms_array_deinit(&plan->pieces);
	ms_array_deinit(&plan->notes);
	ms_array_deinit(&plan->parts);
	ms_gaps_deinit(&plan->gaps);
	ms_buffer_deinit(&plan->standard_notes);
	ms_buffer_deinit(&plan->pages);
	ms_arena_deinit(&plan->arena);
	free(plan);
}

struct ms_snapshot_summary ms_snapshot_plan_summary(const struct ms_snapshot_plan *plan)
{
	struct ms_snapshot_summary summary = {
		.data_bytes = plan->copy_bytes,
		.file_bytes = plan->file_size,
		.note_bytes = plan->data_offset + plan->own_notes_size,
		.mappings = ms_target_maps(plan->target)->n,
		.segments = plan->segments.n,
		.threads = ms_target_threads(plan->target)->n,
	};
	ms_array_foreach (gap, &plan->gaps)
		summary.gap_bytes[gap->reason] += ms_range_size(gap->range);
	return summary;
}
