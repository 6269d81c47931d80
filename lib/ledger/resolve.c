// Resolution: claims of each rank are swept in address order, the strongest winning byte
// by byte, and the result is laid over that of the coarser ranks. Everything is decided
// by what claims say, never by the order they came in, so the outcome is the same for any
// order.

#include <string.h>

#include "ledger/claims_internal.h"

typedef MS_ARRAY(struct ms_segment) segments;

struct resolver {
	struct ms_claims *claims;
	segments won;     // of all ranks so far
	segments of_rank; // of the rank being swept
	segments laid;    // scratch of the overlay
	MS_ARRAY(const struct ms_claim *)
	heap; // claims over the sweep's address, strongest first
};

static const struct ms_kind_row *row_of(
	const struct ms_claims *claims, const struct ms_claim *claim)
{
	return ms_kinds_row(claims->kinds, claim->kind);
}

static int compare_u64(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int compare_items(struct ms_bytes a, struct ms_bytes b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n ? memcmp(a.p, b.p, n) : 0;
	return order ? order : compare_u64(a.n, b.n);
}

// Below 0 if a stays where both say something; total, so no tie is left to chance.
static int compare_strength(const struct ms_claims *claims, const struct ms_claim *a,
	const struct ms_claim *b)
{
	int order = ms_kind_row_compare(row_of(claims, a), row_of(claims, b));
	if (!order && !a->blocks != !b->blocks)
		order = a->blocks ? -1 : 1; // a walked heap knows more of the same
	if (!order)
		order = compare_u64(a->range.start, b->range.start);
	if (!order)
		order = compare_u64(b->range.end, a->range.end);
	if (!order)
		order = ms_kind_row_compare(ms_kinds_row(claims->kinds, a->kind_anon),
			ms_kinds_row(claims->kinds, b->kind_anon));
	if (!order)
		order = compare_u64(b->count, a->count);
	return order ? order : compare_items(a->item, b->item);
}

static int compare_place(const void *pa, const void *pb, void *arg)
{
	const struct ms_claim *a = pa, *b = pb;
	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	int order = compare_u64(a->range.start, b->range.start);
	if (!order)
		order = compare_u64(b->range.end, a->range.end);
	return order ? order : compare_strength(arg, a, b);
}

// The heap of claims that cover the sweep's address, strongest first, ends not yet
// dropped.

static bool is_stronger(const struct resolver *r, size_t a, size_t b)
{
	return compare_strength(r->claims, r->heap.v[a], r->heap.v[b]) < 0;
}

static void swap_heap(struct resolver *r, size_t a, size_t b)
{
	const struct ms_claim *claim = r->heap.v[a];
	r->heap.v[a] = r->heap.v[b];
	r->heap.v[b] = claim;
}

static struct ms_error *push_heap(struct resolver *r, const struct ms_claim *claim)
{
	const struct ms_claim **slot = ms_array_push(&r->heap);
	if (!slot)
		return &ms_error_nomem;
	*slot = claim;
	for (size_t i = r->heap.n - 1; i && is_stronger(r, i, (i - 1) / 2);
		i = (i - 1) / 2)
		swap_heap(r, i, (i - 1) / 2);
	return NULL;
}

static void pop_heap(struct resolver *r)
{
	r->heap.v[0] = r->heap.v[--r->heap.n];
	for (size_t i = 0;;) {
		size_t best = i, left = 2 * i + 1;
		for (size_t child = left; child < left + 2 && child < r->heap.n; child++)
			if (is_stronger(r, child, best))
				best = child;
		if (best == i)
			return;
		swap_heap(r, i, best);
		i = best;
	}
}

static void drop_ended(struct resolver *r, uint64_t at)
{
	while (r->heap.n && r->heap.v[0]->range.end <= at)
		pop_heap(r);
}

enum {
	RIVAL_VISITS = 64,
	RIVAL_STACK = 2 * RIVAL_VISITS
};

static bool is_better_rival(const struct resolver *r, const struct ms_claim *claim,
	const struct ms_claim *best)
{
	return !best || compare_strength(r->claims, claim, best) < 0;
}

// The strongest claim at `at` that lost to the heap's top by its owner id only, or NULL.
// A heap keeps equals near the top; the search is bounded so that a target that makes a
// hundred thousand claims overlap cannot make it slow.
static const struct ms_claim *find_rival(const struct resolver *r, uint64_t at)
{
	const struct ms_claim *top = r->heap.v[0], *best = NULL;
	const struct ms_kind_row *top_row = row_of(r->claims, top);
	size_t stack[RIVAL_STACK] = { 0 }, n = 1;
	for (unsigned visits = 0; n && visits < RIVAL_VISITS; visits++) {
		size_t i = stack[--n];
		const struct ms_claim *claim = r->heap.v[i];
		const struct ms_kind_row *row = row_of(r->claims, claim);
		bool ties = ms_kind_row_ties(top_row, row);
		if (!ties && strcmp(top_row->owner, row->owner))
			continue; // weaker, and so is all below it
		if (ties && claim->range.end > at && is_better_rival(r, claim, best))
			best = claim;
		for (size_t child = 2 * i + 1; child < 2 * i + 3 && child < r->heap.n;
			child++)
			stack[n++] = child;
	}
	return best;
}

static struct ms_error *add_segment(segments *list, struct ms_segment segment)
{
	struct ms_segment *last = list->n ? &list->v[list->n - 1] : NULL;
	if (segment.range.start >= segment.range.end)
		return NULL;
	if (last && last->range.end == segment.range.start &&
		last->claim == segment.claim && last->rival == segment.rival) {
		last->range.end = segment.range.end;
		return NULL;
	}
	struct ms_segment *added = ms_array_push(list);
	if (!added)
		return &ms_error_nomem;
	*added = segment;
	return NULL;
}

// The segment that begins at `at`, where something does; *ret_end is where it ends.
static struct ms_error *sweep_step(
	struct resolver *r, uint64_t at, uint64_t next_start, uint64_t *ret_end)
{
	const struct ms_claim *top = r->heap.v[0];
	const struct ms_claim *rival = r->heap.n > 1 ? find_rival(r, at) : NULL;
	uint64_t end = ms_min(top->range.end, next_start);
	if (rival)
		end = ms_min(end, rival->range.end);
	*ret_end = end;
	return add_segment(&r->of_rank,
		(struct ms_segment){ .range = { at, end },
			.claim = top,
			.rival = rival ? row_of(r->claims, rival)->owner : NULL });
}

// One rank: v[0..n) ascend by start.
static struct ms_error *sweep(struct resolver *r, const struct ms_claim *v, size_t n)
{
	struct ms_error *err = NULL;
	uint64_t at = 0;
	r->heap.n = r->of_rank.n = 0;
	for (size_t i = 0; !err && (i < n || r->heap.n);) {
		if (!r->heap.n)
			at = v[i].range.start;
		for (; !err && i < n && v[i].range.start <= at; i++)
			if (v[i].range.end > at)
				err = push_heap(r, &v[i]);
		if (!err && r->heap.n)
			err = sweep_step(
				r, at, i < n ? v[i].range.start : UINT64_MAX, &at);
		drop_ended(r, at);
	}
	return err;
}

// Lay the finer segments of r->of_rank over those won so far.
static struct ms_error *overlay(struct resolver *r)
{
	struct ms_error *err = NULL;
	uint64_t at = 0; // everything below is laid
	size_t i = 0;
	r->laid.n = 0;
	for (size_t fine = 0; !err && fine <= r->of_rank.n; fine++) {
		bool is_last = fine == r->of_rank.n;
		uint64_t until = is_last ? UINT64_MAX : r->of_rank.v[fine].range.start;
		for (; !err && i < r->won.n && r->won.v[i].range.start < until; i++) {
			struct ms_segment part = r->won.v[i];
			part.range.start = ms_max(part.range.start, at);
			part.range.end = ms_min(part.range.end, until);
			err = add_segment(&r->laid, part);
			if (r->won.v[i].range.end > until)
				break; // its rest lies behind the finer one
		}
		if (err || is_last)
			break;
		err = add_segment(&r->laid, r->of_rank.v[fine]);
		at = r->of_rank.v[fine].range.end;
		while (i < r->won.n && r->won.v[i].range.end <= at)
			i++;
	}
	segments laid = r->laid;
	r->laid = r->won;
	r->won = laid;
	return err;
}

static const struct ms_claim *claim_at(const segments *list, uint64_t address)
{
	const __typeof__(*list->v) *won = ms_range_at(list->v, list->n, address);
	return won ? won->claim : NULL;
}

// What a claim lies in: a range it may not leave, and the state of the memory there.
static bool find_parent(const struct resolver *r, const struct ms_claim *claim,
	struct ms_range *ret_range, const struct ms_kind_row **ret_row)
{
	uint64_t at = claim->range.start;
	const struct ms_claim *parent = claim_at(&r->won, at);
	struct ms_block block;
	if (!parent || parent->rank < MS_RANK_REGION) {
		at = claim->range.end - 1;
		parent = claim_at(&r->won, at);
	}
	if (!parent || parent->rank < MS_RANK_REGION)
		return false;
	*ret_range = parent->range;
	*ret_row = row_of(r->claims, parent);
	if (claim->rank == MS_RANK_STRUCTURE && parent->blocks &&
		ms_blocks_find(parent->blocks, at, &block) && block.kind) {
		*ret_range = block.range;
		*ret_row = ms_kinds_row(r->claims->kinds, block.kind);
	}
	return true;
}

static struct ms_error *keep_use(
	struct ms_claims *claims, const char *owner, const struct ms_claim *claim)
{
	struct use *use = ms_array_push(&claims->uses);
	if (!use)
		return &ms_error_nomem;
	*use = (struct use){ .owner = owner,
		.user = row_of(claims, claim)->owner,
		.bytes = ms_range_size(claim->range),
		.count = 1 };
	return NULL;
}

// Fit one claim into its parent; a claim in freed memory is left empty.
static struct ms_error *fit(struct resolver *r, struct ms_claim *claim)
{
	struct ms_range parent;
	const struct ms_kind_row *row;
	if (claim->rank <= MS_RANK_REGION || !find_parent(r, claim, &parent, &row))
		return NULL;
	if (!ms_range_covers(parent, claim->range)) {
		claim->range = ms_range_clip(claim->range, parent);
		r->claims->clipped++;
	}
	bool is_given_back = row->state == MS_STATE_FREE ||
			     row->state == MS_STATE_CACHED ||
			     row->state == MS_STATE_OVERHEAD;
	if (!is_given_back || row_of(r->claims, claim)->state == row->state)
		return NULL;
	struct ms_error *err = keep_use(r->claims, row->owner, claim);
	claim->range.end = claim->range.start;
	return err;
}

static struct ms_error *resolve_rank(struct resolver *r, struct ms_claim *v, size_t n)
{
	struct ms_error *err = NULL;
	for (size_t i = 0; !err && i < n; i++)
		err = fit(r, &v[i]);
	if (err)
		return err;
	// Clipping moves starts, so the order of the sweep is made anew.
	qsort_r(v, n, sizeof(*v), compare_place, r->claims);
	err = sweep(r, v, n);
	return err ? err : overlay(r);
}

static struct ms_error *resolve_ranks(struct resolver *r)
{
	struct ms_claims *claims = r->claims;
	struct ms_error *err = NULL;
	for (size_t i = 0; !err && i < claims->sorted.n;) {
		size_t n = 1;
		enum ms_rank rank = claims->sorted.v[i].rank;
		while (i + n < claims->sorted.n && claims->sorted.v[i + n].rank == rank)
			n++;
		err = resolve_rank(r, &claims->sorted.v[i], n);
		i += n;
	}
	return err;
}

struct ms_error *ms_claims_resolve(struct ms_claims *claims)
{
	claims->sorted.n = claims->segments.n = claims->uses.n = 0;
	claims->clipped = 0;
	if (!claims->added.n)
		return NULL;
	if (!ms_array_reserve(&claims->sorted, claims->added.n))
		return &ms_error_nomem;
	memcpy(claims->sorted.v, claims->added.v,
		claims->added.n * sizeof(*claims->added.v));
	claims->sorted.n = claims->added.n;
	qsort_r(claims->sorted.v, claims->sorted.n, sizeof(*claims->sorted.v),
		compare_place, claims);
	struct resolver r = { .claims = claims };
	struct ms_error *err = resolve_ranks(&r);
	ms_array_deinit(&r.heap);
	ms_array_deinit(&r.of_rank);
	ms_array_deinit(&r.laid);
	ms_array_deinit(&claims->segments);
	claims->segments.v = r.won.v;
	claims->segments.n = err ? 0 : r.won.n;
	claims->segments.cap = r.won.cap;
	return err;
}
