// Whose a piece is: see glibc_share.h.

#include "alloc/glibc_share.h"

#include <string.h>

#include "alloc/pick.h"

enum {
	BINNED_MAX = 100000,
	DEALS_MAX = 1024,
	WAYS_MAX = 8, // tried for one libc before another's are
};

// One list forwards; a broken one ends.
static struct ms_error *follow_bin(struct ms_peek *peek, uint64_t bin, size_t libc,
	size_t *left, struct ms_glibc_hints *hints)
{
	uint64_t at, back, previous = bin;
	bool is_whole = ms_peek_u64(peek, bin + 16, &at);
	while (is_whole && at != bin && *left) {
		if (!ms_peek_u64(peek, at + 24, &back) || back != previous)
			return NULL;
		struct ms_glibc_binned *added = ms_array_push(hints);
		if (!added)
			return &ms_error_nomem;
		*added = (struct ms_glibc_binned){ at, libc };
		--*left;
		previous = at;
		is_whole = ms_peek_u64(peek, at + 16, &at);
	}
	return NULL;
}

static int compare_binned(const void *pa, const void *pb)
{
	const struct ms_glibc_binned *a = pa, *b = pb;
	return (a->address > b->address) - (a->address < b->address);
}

struct ms_error *ms_glibc_hints_load(
	struct ms_peek *peek, const struct ms_glibcs *libcs, struct ms_glibc_hints *ret)
{
	struct ms_error *err = NULL;
	for (size_t i = 0; i < libcs->n; i++) {
		const struct ms_glibc *libc = &libcs->v[i];
		uint64_t bin = libc->main_arena + libc->state->bins - 16;
		size_t left = BINNED_MAX;
		for (unsigned j = 0; !err && libc->is_segmented && j < MS_GLIBC_BINS / 2;
			j++)
			err = follow_bin(peek, bin + 16ull * j, i, &left, ret);
	}
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), compare_binned);
	return err;
}

size_t ms_glibc_hints_at(const struct ms_glibc_hints *hints, struct ms_range range)
{
	size_t low = 0, high = hints->n;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (hints->v[mid].address < range.start)
			low = mid + 1;
		else
			high = mid;
	}
	return low < hints->n && hints->v[low].address < range.end ? hints->v[low].libc
								   : SIZE_MAX;
}

// Regions that have to be given to somebody, the largest first.
struct pieces {
	struct ms_alloc_region **v;
	size_t n;
};

static int compare_pieces(const void *pa, const void *pb)
{
	const struct ms_alloc_region *const *a = pa, *const *b = pb;
	uint64_t x = ms_range_size((*a)->range), y = ms_range_size((*b)->range);
	if (x != y)
		return x > y ? -1 : 1;
	return ((*a)->range.start > (*b)->range.start) -
	       ((*a)->range.start < (*b)->range.start);
}

// Pieces that add up to what a libc misses, apart from the others. The sum is 0 if there
// are none.
static struct ms_error *split(struct pieces *pieces, size_t count, uint64_t sum,
	size_t skip, struct pieces *ret)
{
	_cleanup_free_ uint64_t *sizes = calloc(pieces->n + 1, sizeof(*sizes));
	_cleanup_free_ bool *picked = calloc(pieces->n + 1, sizeof(*picked));
	bool has_way;
	ret->n = 0;
	if (!sizes || !picked)
		return &ms_error_nomem;
	for (size_t i = 0; i < pieces->n; i++)
		sizes[i] = ms_range_size(pieces->v[i]->range);
	struct ms_error *err =
		ms_pick(sizes, pieces->n, count, sum, skip, picked, &has_way);
	if (err || !has_way)
		return err;
	size_t kept = 0;
	for (size_t i = 0; i < pieces->n; i++)
		if (picked[i])
			ret->v[ret->n++] = pieces->v[i];
		else
			pieces->v[kept++] = pieces->v[i];
	pieces->n = kept;
	return NULL;
}

static void give(const struct pieces *pieces, const struct ms_glibc *libc, uint32_t arena)
{
	for (size_t i = 0; i < pieces->n; i++) {
		pieces->v[i]->instance = libc->instance;
		pieces->v[i]->arena = arena;
	}
}

struct ms_error *ms_glibc_share_segments(
	struct ms_alloc *alloc, struct ms_glibcs *libcs, const size_t *unsure, size_t n)
{
	_cleanup_free_ struct ms_alloc_region **v = calloc(2 * n + 1, sizeof(*v));
	struct pieces pieces = { v, n }, picked = { v + n, 0 };
	struct ms_glibc *first = NULL;
	struct ms_error *err = NULL;
	if (!v)
		return &ms_error_nomem;
	for (size_t i = 0; i < n; i++)
		v[i] = &alloc->regions.v[unsure[i]];
	qsort(v, n, sizeof(*v), compare_pieces);
	ms_array_foreach (libc, libcs) {
		uint64_t system = alloc->arenas.v[libc->first_arena].system;
		if (err || !libc->is_segmented)
			continue;
		if (first && libc->found_segments < system) {
			err = split(&pieces, SIZE_MAX, system - libc->found_segments, 0,
				&picked);
			give(&picked, libc, libc->first_arena);
		}
		first = first ? first : libc;
	}
	return err;
}

// Blocks whose header could be either libc's.
static bool is_alike(const struct ms_glibc *a, const struct ms_glibc *b)
{
	return a->mmapped_has_tail == b->mmapped_has_tail;
}

// The blocks of libcs of one kind, being dealt out.
struct deal {
	const struct ms_glibc *
		*v; // those that have any, the one of the largest blocks first
	size_t n;
	size_t tries; // left
	bool is_done;
};

static int compare_means(const void *pa, const void *pb)
{
	const struct ms_glibc *const *a = pa, *const *b = pb;
	uint64_t x = (*a)->mmapped / (uint64_t)(*a)->n_mmaps;
	uint64_t y = (*b)->mmapped / (uint64_t)(*b)->n_mmaps;
	if (x != y)
		return x > y ? -1 : 1;
	return (*a)->instance < (*b)->instance ? -1 : 1;
}

static struct ms_error *list_alike(
	const struct ms_glibcs *libcs, const struct ms_glibc *like, struct deal *ret)
{
	ret->v = calloc(libcs->n, sizeof(*ret->v));
	if (!ret->v)
		return &ms_error_nomem;
	ms_array_foreach (libc, libcs)
		if (is_alike(libc, like) && libc->par && libc->n_mmaps > 0)
			ret->v[ret->n++] = libc;
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), compare_means);
	return NULL;
}

// All blocks that were found for them.
static struct ms_error *list_mmapped(
	struct ms_alloc *alloc, const struct ms_glibc *like, struct pieces *ret)
{
	ret->v = calloc(alloc->regions.n + 1, sizeof(*ret->v));
	if (!ret->v)
		return &ms_error_nomem;
	ms_array_foreach (region, &alloc->regions) {
		const struct ms_glibc *libc =
			region->is_mmapped ? ms_glibc_of(alloc, region->instance) : NULL;
		if (libc && is_alike(libc, like))
			ret->v[ret->n++] = region;
	}
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), compare_pieces);
	return NULL;
}

// One way after the other for libc i, until one leaves the others what they miss. The last
// one gets the rest.
static struct ms_error *deal_out(struct deal *deal, size_t i, const struct pieces *pieces)
{
	const struct ms_glibc *libc = deal->v[i];
	struct ms_error *err = NULL;
	if (i + 1 == deal->n) {
		deal->is_done = pieces->n == (size_t)libc->n_mmaps;
		if (deal->is_done)
			give(pieces, libc, libc->mmapped_arena);
		return NULL;
	}
	_cleanup_free_ struct ms_alloc_region **v = calloc(2 * pieces->n + 1, sizeof(*v));
	if (!v)
		return &ms_error_nomem;
	for (size_t skip = 0; skip < WAYS_MAX && deal->tries && !deal->is_done; skip++) {
		struct pieces rest = { v, pieces->n }, picked = { v + pieces->n, 0 };
		deal->tries--;
		memcpy(rest.v, pieces->v, pieces->n * sizeof(*v));
		err = split(&rest, (size_t)libc->n_mmaps, libc->mmapped, skip, &picked);
		if (err || !picked.n)
			break;
		err = deal_out(deal, i + 1, &rest);
		if (err)
			break;
		if (deal->is_done)
			give(&picked, libc, libc->mmapped_arena);
	}
	return err;
}

static struct ms_error *share_among(struct ms_alloc *alloc, const struct ms_glibcs *libcs,
	const struct ms_glibc *like)
{
	struct deal deal = { .tries = DEALS_MAX };
	struct pieces pieces = { 0 };
	struct ms_error *err = list_alike(libcs, like, &deal);
	if (!err && deal.n > 1)
		err = list_mmapped(alloc, like, &pieces);
	if (!err && deal.n > 1)
		err = deal_out(&deal, 0, &pieces);
	free(pieces.v);
	free(deal.v);
	return err;
}

struct ms_error *ms_glibc_share_mmapped(struct ms_alloc *alloc, struct ms_glibcs *libcs)
{
	const struct ms_glibc *other = NULL;
	struct ms_error *err = libcs->n ? share_among(alloc, libcs, &libcs->v[0]) : NULL;
	ms_array_foreach (libc, libcs)
		if (!other && !is_alike(libc, &libcs->v[0]))
			other = libc;
	return err || !other ? err : share_among(alloc, libcs, other);
}
