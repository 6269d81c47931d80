// Memory that the target maps several times (ZGC's heap, double-mapped buffers): its
// bytes are copied once, and every view's segments point at them.
//
// A page may be mapped in through one view only, so an object's bytes are gathered from
// all views: each view in address order gives what no earlier one gave.

#include "snapshot/snapshot_internal.h"

#include <string.h>

static bool same_object(const struct ms_mapping *a, const struct ms_mapping *b)
{
	return a->dev_major == b->dev_major && a->dev_minor == b->dev_minor &&
	       a->inode == b->inode;
}

static bool may_be_view(const struct ms_snapshot_plan *plan, const struct ms_mapping *m)
{
	return (m->flags & MS_MAPPING_SHARED) && m->inode && ms_mapping_is_anonymous(m) &&
	       ms_plan_is_selected(plan, m);
}

struct ms_object *ms_shared_object(
	struct ms_snapshot_plan *plan, const struct ms_mapping *mapping)
{
	if (!may_be_view(plan, mapping))
		return NULL;
	ms_array_foreach (object, &plan->objects) {
		if (same_object(object->first, mapping))
			return object;
	}
	return NULL;
}

static int compare_objects(const void *a, const void *b)
{
	const struct ms_mapping *x = *(const struct ms_mapping *const *)a;
	const struct ms_mapping *y = *(const struct ms_mapping *const *)b;
	if (x->dev_major != y->dev_major)
		return x->dev_major < y->dev_major ? -1 : 1;
	if (x->dev_minor != y->dev_minor)
		return x->dev_minor < y->dev_minor ? -1 : 1;
	if (x->inode != y->inode)
		return x->inode < y->inode ? -1 : 1;
	return (x->range.start > y->range.start) - (x->range.start < y->range.start);
}

// Of mappings sorted by object, every group of two or more is an object with views.
static struct ms_error *add_groups(
	struct ms_snapshot_plan *plan, const struct ms_mapping *const *v, size_t n)
{
	for (size_t i = 0; i < n;) {
		size_t end = i + 1;
		while (end < n && same_object(v[i], v[end]))
			end++;
		if (end - i > 1) {
			struct ms_object *object = ms_array_push(&plan->objects);
			if (!object)
				return &ms_error_nomem;
			object->first = v[i];
		}
		i = end;
	}
	return NULL;
}

struct ms_error *ms_shared_find(struct ms_snapshot_plan *plan)
{
	const struct ms_maps *maps = ms_target_maps(plan->target);
	MS_ARRAY(const struct ms_mapping *) views = { 0 };
	struct ms_error *err = NULL;
	for (size_t i = 0; !err && i < maps->n; i++) {
		if (!may_be_view(plan, &maps->v[i]))
			continue;
		const struct ms_mapping **view = ms_array_push(&views);
		if (view)
			*view = &maps->v[i];
		else
			err = &ms_error_nomem;
	}
	if (!err && views.n) {
		qsort(views.v, views.n, sizeof(*views.v), compare_objects);
		err = add_groups(plan, views.v, views.n);
	}
	ms_array_deinit(&views);
	return err;
}

// Add what `run` of a view shows and nobody gave yet.
static struct ms_error *add_new_bytes(struct ms_snapshot_plan *plan,
	struct ms_ranges *given, struct ms_range bytes, uint64_t source)
{
	while (bytes.start < bytes.end) {
		size_t i = ms_ranges_find(given, bytes.start);
		struct ms_range next =
			i < given->n ? given->v[i]
				     : (struct ms_range){ UINT64_MAX, UINT64_MAX };
		struct ms_range fresh = { bytes.start, ms_min(bytes.end, next.start) };
		if (next.start <= bytes.start)
			fresh.end = fresh.start;
		uint64_t skip = fresh.end;
		if (fresh.start < fresh.end) {
			struct ms_piece *piece = ms_array_push(&plan->pieces);
			if (!piece)
				return &ms_error_nomem;
			*piece = (struct ms_piece){ fresh, source, 0 };
			struct ms_error *err = ms_ranges_add(given, fresh);
			if (err)
				return err;
		} else {
			skip = ms_min(next.end, bytes.end);
		}
		source += skip - bytes.start;
		bytes.start = skip;
	}
	return NULL;
}

static struct ms_error *gather_view(struct ms_snapshot_plan *plan,
	struct ms_ranges *given, const struct ms_mapping *m)
{
	const struct ms_pages *pages = ms_target_pages(plan->target);
	struct ms_range run;
	for (uint64_t at = m->range.start; at < m->range.end; at = run.end) {
		enum ms_page_state state;
		run = ms_pages_run(pages, at, m->range.end, &state);
		uint64_t start, end;
		if (ms_plan_page(plan, m, state).fate != MS_FATE_COPY ||
			!ms_add(m->offset, run.start - m->range.start, &start) ||
			!ms_add(start, ms_range_size(run), &end))
			continue;
		struct ms_range bytes = { start, end };
		struct ms_error *err = add_new_bytes(plan, given, bytes, run.start);
		if (err)
			return err;
	}
	return NULL;
}

static int compare_pieces(const void *a, const void *b)
{
	const struct ms_piece *x = a, *y = b;
	return (x->bytes.start > y->bytes.start) - (x->bytes.start < y->bytes.start);
}

// Give each piece its place; short holes between pieces stay holes of the file, so that
// one segment can span them.
static struct ms_error *place_pieces(
	struct ms_snapshot_plan *plan, struct ms_piece *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t hole = i ? v[i].bytes.start - v[i - 1].bytes.end : 0;
		if (hole < plan->threshold)
			plan->data_size += hole;
		v[i].offset = plan->data_size;
		uint64_t size = ms_range_size(v[i].bytes);
		struct ms_area *area = ms_array_push(&plan->areas);
		if (!area)
			return &ms_error_nomem;
		*area = (struct ms_area){ { v[i].source, v[i].source + size },
			v[i].offset };
		plan->data_size += size;
		plan->copy_bytes += size;
	}
	return NULL;
}

static struct ms_error *lay_out_object(
	struct ms_snapshot_plan *plan, struct ms_object *object)
{
	const struct ms_maps *maps = ms_target_maps(plan->target);
	struct ms_ranges given = { 0 };
	struct ms_error *err = NULL;
	object->first_piece = plan->pieces.n;
	for (size_t i = 0; !err && i < maps->n; i++) {
		const struct ms_mapping *m = &maps->v[i];
		if (may_be_view(plan, m) && same_object(m, object->first))
			err = gather_view(plan, &given, m);
	}
	ms_ranges_deinit(&given);
	if (err)
		return err;
	object->is_planned = true;
	object->piece_count = plan->pieces.n - object->first_piece;
	if (!object->piece_count)
		return NULL;
	struct ms_piece *v = plan->pieces.v + object->first_piece;
	qsort(v, object->piece_count, sizeof(*v), compare_pieces);
	return place_pieces(plan, v, object->piece_count);
}

// The address in the view at which an offset of the object shows.
static uint64_t address_of(const struct ms_mapping *m, uint64_t offset)
{
	return m->range.start + (offset - m->offset);
}

// Short holes inside a segment: nothing of them is in the file.
static struct ms_error *add_inner_gaps(struct ms_snapshot_plan *plan,
	const struct ms_mapping *m, const struct ms_piece *v, size_t n,
	struct ms_range shown)
{
	for (size_t i = 1; i < n; i++) {
		struct ms_range hole = { v[i - 1].bytes.end, v[i].bytes.start };
		hole = ms_range_clip(hole, shown);
		if (hole.start == hole.end)
			continue;
		struct ms_range at = { address_of(m, hole.start),
			address_of(m, hole.end) };
		struct ms_error *err = ms_gaps_add(&plan->gaps, at, MS_GAP_ABSENT);
		if (err)
			return err;
	}
	return NULL;
}

static struct ms_error *add_segment(struct ms_snapshot_plan *plan,
	const struct ms_mapping *m, struct ms_range bytes, uint64_t offset)
{
	struct ms_segment *segment = ms_array_push(&plan->segments);
	if (!segment)
		return &ms_error_nomem;
	*segment = (struct ms_segment){
		.range = { address_of(m, bytes.start), address_of(m, bytes.end) },
		.offset = offset,
		.file_bytes = ms_range_size(bytes),
		.flags = ms_plan_flags(m),
	};
	return NULL;
}

// One past the last piece that lies in the file exactly as far behind `first` as it does
// in the object.
static size_t run_of_pieces(
	const struct ms_piece *v, size_t first, size_t n, uint64_t end)
{
	size_t i = first + 1;
	while (i < n && v[i].bytes.start < end &&
		v[i].offset - v[first].offset == v[i].bytes.start - v[first].bytes.start)
		i++;
	return i;
}

struct ms_error *ms_shared_plan_view(struct ms_snapshot_plan *plan,
	struct ms_object *object, const struct ms_mapping *mapping)
{
	struct ms_error *err = object->is_planned ? NULL : lay_out_object(plan, object);
	if (err)
		return err;
	uint64_t end;
	if (!ms_add(mapping->offset, ms_range_size(mapping->range), &end))
		return ms_plan_missing(plan, mapping, mapping->range, MS_GAP_REFUSED);
	const struct ms_piece *v = plan->pieces.v + object->first_piece;
	struct ms_range view = { mapping->offset, end };
	uint64_t at = view.start;
	for (size_t i = 0; i < object->piece_count && !err;) {
		size_t next = run_of_pieces(v, i, object->piece_count, view.end);
		struct ms_range run = { v[i].bytes.start, v[next - 1].bytes.end };
		struct ms_range shown = ms_range_clip(run, view);
		if (shown.start < shown.end && at < shown.start)
			err = ms_plan_missing(plan, mapping,
				(struct ms_range){ address_of(mapping, at),
					address_of(mapping, shown.start) },
				MS_GAP_ABSENT);
		if (!err && shown.start < shown.end) {
			err = add_segment(plan, mapping, shown,
				v[i].offset + (shown.start - run.start));
			if (!err)
				err = add_inner_gaps(
					plan, mapping, v + i, next - i, shown);
			at = shown.end;
		}
		i = next;
	}
	if (!err && at < view.end)
		err = ms_plan_missing(plan, mapping,
			(struct ms_range){ address_of(mapping, at), mapping->range.end },
			MS_GAP_ABSENT);
	return err;
}
