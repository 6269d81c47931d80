// Surplus views: see overcount.h. All present runs of files that are mapped several times
// are swept in the order of file offsets; at each offset the run at the lowest address
// leads, and whatever of a run never led is surplus.

#include "ledger/overcount.h"

#include <string.h>

// A stretch of present pages of one file.
struct run {
	uint64_t offset, end; // in the file
	uint64_t address;
};

struct sweep {
	MS_ARRAY(struct run) runs;
	MS_ARRAY(const struct run *)
	heap; // runs over the sweep's offset, lowest address first
	MS_ARRAY(struct ms_range) leads; // address ranges, in the order found
};

static int compare_u64(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int compare_files(const struct ms_mapping *a, const struct ms_mapping *b)
{
	int order = compare_u64(a->dev_major, b->dev_major);
	if (!order)
		order = compare_u64(a->dev_minor, b->dev_minor);
	return order ? order : compare_u64(a->inode, b->inode);
}

static int compare_views(const void *pa, const void *pb)
{
	const struct ms_mapping *a = *(const struct ms_mapping *const *)pa;
	const struct ms_mapping *b = *(const struct ms_mapping *const *)pb;
	int order = compare_files(a, b);
	if (!order)
		order = compare_u64(a->offset, b->offset);
	return order ? order : compare_u64(a->range.start, b->range.start);
}

static int compare_runs(const void *pa, const void *pb)
{
	const struct run *a = pa, *b = pb;
	int order = compare_u64(a->offset, b->offset);
	return order ? order : compare_u64(a->address, b->address);
}

static int compare_ranges(const void *pa, const void *pb)
{
	const struct ms_range *a = pa, *b = pb;
	return compare_u64(a->start, b->start);
}

static int compare_addresses(const void *pa, const void *pb)
{
	const struct run *a = pa, *b = pb;
	return compare_u64(a->address, b->address);
}

static uint64_t view_end(const struct ms_mapping *view)
{
	uint64_t end;
	return ms_add(view->offset, ms_range_size(view->range), &end) ? end : UINT64_MAX;
}

// The present runs of one view.
static struct ms_error *add_runs(
	struct sweep *s, const struct ms_mapping *view, const struct ms_pages *pages)
{
	enum ms_page_state state;
	struct ms_range run = { 0 };
	for (uint64_t at = view->range.start; at < view->range.end; at = run.end) {
		run = ms_pages_run(pages, at, view->range.end, &state);
		if (state != MS_PAGE_FILE)
			continue;
		struct run *added = ms_array_push(&s->runs);
		if (!added)
			return &ms_error_nomem;
		uint64_t from = view->offset + (at - view->range.start);
		*added = (struct run){
			.offset = from, .end = from + (run.end - at), .address = at
		};
	}
	return NULL;
}

static void sift_down(struct sweep *s)
{
	for (size_t i = 0;;) {
		size_t best = i, left = 2 * i + 1;
		for (size_t child = left; child < left + 2 && child < s->heap.n; child++)
			if (s->heap.v[child]->address < s->heap.v[best]->address)
				best = child;
		if (best == i)
			return;
		const struct run *run = s->heap.v[i];
		s->heap.v[i] = s->heap.v[best];
		s->heap.v[best] = run;
		i = best;
	}
}

static bool push_run(struct sweep *s, const struct run *run)
{
	if (!ms_array_push(&s->heap))
		return false;
	size_t i = s->heap.n - 1;
	for (; i && run->address < s->heap.v[(i - 1) / 2]->address; i = (i - 1) / 2)
		s->heap.v[i] = s->heap.v[(i - 1) / 2];
	s->heap.v[i] = run;
	return true;
}

static void drop_ended(struct sweep *s, uint64_t at)
{
	while (s->heap.n && s->heap.v[0]->end <= at) {
		s->heap.v[0] = s->heap.v[--s->heap.n];
		sift_down(s);
	}
}

static bool add_lead(struct sweep *s, const struct run *run, uint64_t from, uint64_t to)
{
	struct ms_range *lead = ms_array_push(&s->leads);
	if (lead)
		*lead = (struct ms_range){ run->address + (from - run->offset),
			run->address + (to - run->offset) };
	return lead != NULL;
}

static struct ms_error *find_leads(struct sweep *s)
{
	uint64_t at = 0;
	for (size_t i = 0; i < s->runs.n || s->heap.n;) {
		if (!s->heap.n)
			at = s->runs.v[i].offset;
		for (; i < s->runs.n && s->runs.v[i].offset <= at; i++)
			if (!push_run(s, &s->runs.v[i]))
				return &ms_error_nomem;
		uint64_t next = i < s->runs.n ? s->runs.v[i].offset : UINT64_MAX;
		uint64_t end = ms_min(s->heap.v[0]->end, next);
		if (!add_lead(s, s->heap.v[0], at, end))
			return &ms_error_nomem;
		at = end;
		drop_ended(s, at);
	}
	return NULL;
}

// What of each run never led, in ascending order of address.
static struct ms_error *collect(struct sweep *s, struct ms_ranges *found)
{
	struct ms_error *err = NULL;
	size_t lead = 0;
	if (s->leads.n)
		qsort(s->leads.v, s->leads.n, sizeof(*s->leads.v), compare_ranges);
	if (s->runs.n)
		qsort(s->runs.v, s->runs.n, sizeof(*s->runs.v), compare_addresses);
	ms_array_foreach (run, &s->runs) {
		uint64_t at = run->address, end = run->address + (run->end - run->offset);
		for (; !err && lead < s->leads.n && s->leads.v[lead].start < end;
			lead++) {
			if (at < s->leads.v[lead].start)
				err = ms_ranges_add(found,
					(struct ms_range){ at, s->leads.v[lead].start });
			at = s->leads.v[lead].end;
		}
		if (!err && at < end)
			err = ms_ranges_add(found, (struct ms_range){ at, end });
		if (err)
			return err;
	}
	return NULL;
}

static struct ms_error *sweep_file(const struct ms_mapping *const *views, size_t n,
	const struct ms_pages *pages, struct ms_ranges *found)
{
	struct sweep s = { 0 };
	struct ms_error *err = NULL;
	for (size_t i = 0; !err && i < n; i++)
		err = add_runs(&s, views[i], pages);
	if (!err && s.runs.n) {
		qsort(s.runs.v, s.runs.n, sizeof(*s.runs.v), compare_runs);
		err = find_leads(&s);
	}
	if (!err)
		err = collect(&s, found);
	ms_array_deinit(&s.runs);
	ms_array_deinit(&s.heap);
	ms_array_deinit(&s.leads);
	return err;
}

// Number of views from v[0] on that hang together: one file, overlapping offsets.
static size_t count_overlapping(const struct ms_mapping *const *v, size_t n)
{
	uint64_t end = view_end(v[0]);
	size_t i = 1;
	for (; i < n && !compare_files(v[0], v[i]) && v[i]->offset < end; i++)
		end = ms_max(end, view_end(v[i]));
	return i;
}

struct views {
	const struct ms_mapping **v;
	size_t n;
	size_t cap;
};

static struct ms_error *list_views(const struct ms_maps *maps, struct views *ret)
{
	for (size_t i = 0; i < maps->n; i++) {
		uint64_t end;
		const struct ms_mapping *m = &maps->v[i];
		bool is_view = m->inode && ms_mapping_counts(m) &&
			       ms_add(m->offset, ms_range_size(m->range), &end);
		if (!is_view)
			continue;
		const struct ms_mapping **view = ms_array_push(ret);
		if (!view)
			return &ms_error_nomem;
		*view = m;
	}
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), compare_views);
	return NULL;
}

// Ranges of several files interleave; they are sorted once, not inserted one by one.
static struct ms_error *add_sorted(struct ms_range *v, size_t n, struct ms_ranges *ret)
{
	struct ms_error *err = NULL;
	if (n)
		qsort(v, n, sizeof(*v), compare_ranges);
	for (size_t i = 0; !err && i < n; i++)
		err = ms_ranges_add(ret, v[i]);
	return err;
}

static struct ms_error *sweep_all(
	const struct views *views, const struct ms_pages *pages, struct ms_ranges *ret)
{
	MS_ARRAY(struct ms_range) all = { 0 };
	struct ms_error *err = NULL;
	for (size_t i = 0, n; !err && i < views->n; i += n) {
		struct ms_ranges found = { 0 };
		n = count_overlapping(&views->v[i], views->n - i);
		if (n > 1)
			err = sweep_file(&views->v[i], n, pages, &found);
		if (!err && found.n && !ms_array_reserve(&all, found.n))
			err = &ms_error_nomem;
		if (!err && found.n) {
			memcpy(&all.v[all.n], found.v, found.n * sizeof(*found.v));
			all.n += found.n;
		}
		ms_ranges_deinit(&found);
	}
	if (!err)
		err = add_sorted(all.v, all.n, ret);
	ms_array_deinit(&all);
	return err;
}

struct ms_error *ms_overcount_find(
	const struct ms_maps *maps, const struct ms_pages *pages, struct ms_ranges *ret)
{
	struct views views = { 0 };
	struct ms_error *err = list_views(maps, &views);
	if (!err)
		err = sweep_all(&views, pages, ret);
	ms_array_deinit(&views);
	return err;
}
