// Planning: which stretches somebody wants, cut into windows around the pages that exist.

#include <stdlib.h>

#include "survey/survey_internal.h"

static uint32_t wanted_by(struct run *run, const struct ms_answer *answer)
{
	uint32_t mask = 0;
	for (size_t i = 0; i < run->active.n && i < VISITORS_MAX; i++) {
		const struct active *a = &run->active.v[i];
		if (a->has_failed || !a->reader->visit)
			continue;
		if (!a->reader->wants || a->reader->wants(a->state, answer))
			mask |= 1u << i;
	}
	return mask;
}

static bool has_visitor(const struct run *run)
{
	ms_array_foreach (a, &run->active)
		if (a->reader->visit && !a->has_failed)
			return true;
	return false;
}

static struct ms_error *add_piece(struct run *run, struct piece piece)
{
	struct piece *added = ms_array_push(&run->pieces);
	if (!added)
		return &ms_error_nomem;
	*added = piece;
	run->survey->planned_bytes += ms_range_size(piece.range);
	return NULL;
}

// Pages whose bytes a read can give. Pages of unknown state are tried.
static bool has_bytes(enum ms_page_state state)
{
	return ms_page_is_resident(state) || state == MS_PAGE_UNKNOWN;
}

// Cut a stretch at multiples of the window's size.
static struct ms_error *add_windows(struct run *run, struct piece piece)
{
	struct ms_error *err = NULL;
	struct ms_range all = piece.range;
	for (uint64_t at = all.start; !err && at < all.end; at = piece.range.end) {
		uint64_t next = ms_align_down(at, WINDOW_BYTES) + WINDOW_BYTES;
		piece.range.start = at;
		piece.range.end = next && next < all.end ? next : all.end;
		err = add_piece(run, piece);
	}
	return err;
}

// A stretch that the same visitors want: windows around its existing pages.
static struct ms_error *add_stretch(struct run *run, struct piece stretch)
{
	const struct ms_pages *pages = ms_target_pages(run->target);
	struct ms_error *err = NULL;
	struct ms_range joined = { 0 }, page_run = { 0 };
	struct ms_range all = stretch.range;
	for (uint64_t at = all.start; !err && at < all.end; at = page_run.end) {
		enum ms_page_state state;
		page_run = ms_pages_run(pages, at, all.end, &state);
		if (!has_bytes(state))
			continue;
		if (joined.end && at - joined.end > JOIN_BYTES) {
			stretch.range = joined;
			err = add_windows(run, stretch);
			joined.end = 0;
		}
		if (!joined.end)
			joined.start = at;
		joined.end = page_run.end;
	}
	if (err || !joined.end)
		return err;
	stretch.range = joined;
	return add_windows(run, stretch);
}

// Pieces of one walker. Its range keeps to what is mapped without a hole.
static struct ms_error *add_walked(struct run *run, struct piece piece)
{
	struct ms_error *err = NULL;
	struct ms_range all = piece.range;
	uint64_t size = piece.walker->walker->piece;
	for (uint64_t at = all.start; !err && at < all.end; at = piece.range.end) {
		uint64_t end;
		piece.range.start = at;
		piece.range.end =
			size && ms_add(at, size, &end) && end < all.end ? end : all.end;
		err = add_piece(run, piece);
	}
	return err;
}

// Everything from `range` on that lies in one mapping stretch; in the order of addresses
// where the walkers leave room.
struct walkers {
	struct ms_walk_range *v; // ascending, disjoint
	size_t n;
	size_t cap;
};

static int compare_walkers(const void *pa, const void *pb)
{
	const struct ms_walk_range *a = pa, *b = pb;
	return (a->range.start > b->range.start) - (a->range.start < b->range.start);
}

// Registered ranges without the parts that an earlier registration has.
static struct ms_error *list_walkers(struct run *run, struct walkers *ret)
{
	struct ms_ranges taken = { 0 };
	struct ms_error *err = NULL;
	for (size_t i = 0; !err && i < run->reading.walkers.n; i++) {
		struct ms_walk_range rest = run->reading.walkers.v[i];
		struct ms_range all = rest.range;
		for (uint64_t at = all.start; at < all.end;) {
			size_t next = ms_ranges_find(&taken, at);
			bool is_taken = next < taken.n && taken.v[next].start <= at;
			rest.range.start = at;
			rest.range.end = next < taken.n && !is_taken
						 ? ms_min(taken.v[next].start, all.end)
						 : all.end;
			at = is_taken ? taken.v[next].end : rest.range.end;
			if (is_taken)
				continue;
			struct ms_walk_range *added = ms_array_push(ret);
			if (!added) {
				err = &ms_error_nomem;
				break;
			}
			*added = rest;
		}
		if (!err)
			err = ms_ranges_add(&taken, all);
	}
	ms_ranges_deinit(&taken);
	if (!err && ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), compare_walkers);
	return err;
}

// The stretch at `at` of which one thing is said, and that thing.
static struct ms_answer stretch_at(
	const struct run *run, uint64_t at, uint64_t end, size_t *seg)
{
	size_t n;
	const struct ms_segment *v = ms_claims_segments(run->survey->claims, &n);
	while (*seg < n && v[*seg].range.end <= at)
		(*seg)++;
	struct ms_answer answer = { .range = { at, end } };
	if (*seg < n && v[*seg].range.start <= at) {
		answer.range.end = ms_min(end, v[*seg].range.end);
		answer.claim = v[*seg].claim;
	} else if (*seg < n) {
		answer.range.end = ms_min(end, v[*seg].range.start);
	}
	answer.kind = ms_kinds_row(ms_claims_kinds(run->survey->claims),
		answer.claim ? answer.claim->kind : MS_KIND_NONE);
	return answer;
}

// Raw windows of what no walker has, joined over claims that the same visitors want.
static struct ms_error *plan_raw(struct run *run, struct piece piece, size_t *seg)
{
	struct ms_error *err = NULL;
	struct ms_range all = piece.range;
	piece.range.end = all.start;
	piece.visitors = 0;
	for (uint64_t at = all.start; !err && at < all.end;) {
		struct ms_answer answer = stretch_at(run, at, all.end, seg);
		uint32_t mask = wanted_by(run, &answer);
		if (mask != piece.visitors) {
			if (piece.visitors)
				err = add_stretch(run, piece);
			piece.range.start = at;
			piece.visitors = mask;
		}
		at = piece.range.end = answer.range.end;
	}
	if (!err && piece.visitors)
		err = add_stretch(run, piece);
	return err;
}

static struct ms_error *plan_stretch(struct run *run, struct ms_range around,
	const struct walkers *walkers, size_t *walker, size_t *seg)
{
	struct ms_error *err = NULL;
	for (uint64_t at = around.start; !err && at < around.end;) {
		while (*walker < walkers->n && walkers->v[*walker].range.end <= at)
			(*walker)++;
		const struct ms_walk_range *next =
			*walker < walkers->n ? &walkers->v[*walker] : NULL;
		bool is_walked = next && next->range.start <= at;
		struct piece piece = { .around = around, .range = { at, around.end } };
		if (next)
			piece.range.end = ms_min(around.end,
				is_walked ? next->range.end : next->range.start);
		at = piece.range.end;
		if (is_walked) {
			struct ms_answer answer =
				stretch_at(run, piece.range.start, at, seg);
			piece.walker = next;
			piece.visitors = wanted_by(run, &answer);
			if (piece.visitors || !next->walker->is_for_visitors)
				err = add_walked(run, piece);
		} else {
			err = plan_raw(run, piece, seg);
		}
	}
	return err;
}

// Neighbouring mappings as one range; those that the kernel does not count are left out.
static struct ms_range mapped_around(const struct ms_maps *maps, size_t *i)
{
	struct ms_range around = maps->v[*i].range;
	for (++*i; *i < maps->n; ++*i) {
		const struct ms_mapping *m = &maps->v[*i];
		if (m->range.start != around.end || !ms_mapping_counts(m))
			break;
		around.end = m->range.end;
	}
	return around;
}

struct ms_error *ms_survey_plan(struct run *run)
{
	const struct ms_maps *maps = ms_target_maps(run->target);
	struct walkers walkers = { 0 };
	size_t walker = 0, seg = 0;
	if (!has_visitor(run) && !run->reading.walkers.n)
		return NULL;
	struct ms_error *err = list_walkers(run, &walkers);
	// The walkers' list must not move: pieces point into the reading's own copy.
	ms_array_deinit(&run->reading.walkers);
	run->reading.walkers.v = walkers.v;
	run->reading.walkers.n = walkers.n;
	run->reading.walkers.cap = walkers.cap;
	for (size_t i = 0; !err && i < maps->n;) {
		if (!ms_mapping_counts(&maps->v[i])) {
			i++;
			continue;
		}
		struct ms_range around = mapped_around(maps, &i);
		err = plan_stretch(run, around, &walkers, &walker, &seg);
	}
	return err;
}
