// The one sweep of segments x block tables x page states. Addresses only ascend, so every
// cursor only moves forward; each byte is counted for exactly one kind.

#include <string.h>

#include "ledger/sum_internal.h"

enum {
	LONG_PIECE =
		1 << 20, // bytes in one page state from which blocks are summed by kind
};

// A stretch in one page state; `is_surplus`: another view of the same file owns it.
struct piece {
	struct ms_range range;
	enum ms_page_state state;
	bool is_surplus;
};

static void next_piece(struct sum *s, uint64_t at, uint64_t end, struct piece *ret)
{
	ret->range = ms_pages_run(s->in->pages, at, end, &ret->state);
	ret->range.start = at;
	ret->is_surplus = false;
	if (ret->state != MS_PAGE_FILE)
		return;
	while (s->surplus_at < s->surplus.n && s->surplus.v[s->surplus_at].end <= at)
		s->surplus_at++;
	if (s->surplus_at == s->surplus.n)
		return;
	struct ms_range surplus = s->surplus.v[s->surplus_at];
	ret->is_surplus = surplus.start <= at;
	ret->range.end =
		ms_min(ret->range.end, ret->is_surplus ? surplus.end : surplus.start);
}

// Bytes as the kernel's own count of this mapping has them: what was counted so far is
// scaled as a whole, so that rounding never adds up.
static uint64_t scale(struct sum *s, uint64_t bytes)
{
	if (!s->is_scaled)
		return bytes;
	unsigned __int128 before = (unsigned __int128)s->raw * s->rss / s->raw_total;
	s->raw += bytes;
	unsigned __int128 after = (unsigned __int128)s->raw * s->rss / s->raw_total;
	return (uint64_t)(after - before);
}

static struct ms_error *touch_owner(struct sum *s, ms_kind kind, uint64_t bytes)
{
	uint32_t owner = s->owner_of[kind];
	if (!s->here[owner]) {
		uint32_t *touched = ms_array_push(&s->touched);
		if (!touched)
			return &ms_error_nomem;
		*touched = owner;
	}
	s->here[owner] += bytes;
	s->here_resident += bytes;
	return NULL;
}

// Count `bytes` of one kind; `claim` is their claim, or NULL within blocks.
static struct ms_error *tally(struct sum *s, ms_kind kind, const struct piece *piece,
	uint64_t bytes, struct tally *claim)
{
	if (piece->state == MS_PAGE_SWAPPED) {
		s->kinds[kind].swap += bytes;
		s->here_swap += bytes;
		if (claim)
			claim->swap += bytes;
		return NULL;
	}
	if (piece->state == MS_PAGE_UNKNOWN)
		s->ledger->unknown += bytes;
	if (!ms_page_is_resident(piece->state))
		return NULL;
	bytes = scale(s, bytes);
	if (!bytes)
		return NULL;
	if (piece->is_surplus)
		kind = s->overcount;
	else if (claim)
		claim->resident += bytes;
	s->kinds[kind].resident += bytes;
	return touch_owner(s, kind, bytes);
}

static ms_kind kind_for(const struct ms_claim *claim, enum ms_page_state state)
{
	if (!claim)
		return MS_KIND_NONE;
	return state == MS_PAGE_ANON && claim->kind_anon ? claim->kind_anon : claim->kind;
}

// A span of one claim, or of none, without a block table.
static struct ms_error *sweep_span(struct sum *s, struct ms_range span,
	const struct ms_claim *claim, struct tally *of_claim)
{
	struct ms_error *err = NULL;
	struct piece piece = { 0 };
	for (uint64_t at = span.start; !err && at < span.end; at = piece.range.end) {
		next_piece(s, at, span.end, &piece);
		err = tally(s, kind_for(claim, piece.state), &piece,
			ms_range_size(piece.range), of_claim);
	}
	return err;
}

// Move to the next block and count it as an object of its kind.
static bool next_block(struct sum *s, const struct ms_blocks *blocks, uint64_t end,
	struct ms_block *block)
{
	if (!ms_blocks_next(blocks, block))
		return false;
	if (block->range.start < end)
		s->kinds[block->kind].count++;
	return true;
}

static struct ms_error *tally_block(struct sum *s, ms_kind kind,
	const struct piece *piece, uint64_t bytes, const struct ms_claim *claim,
	struct tally *of_claim)
{
	if (kind)
		return tally(s, kind, piece, bytes, NULL);
	return tally(s, kind_for(claim, piece->state), piece, bytes, of_claim);
}

// The blocks from *block on that lie whole in a long piece, kind by kind.
static struct ms_error *sweep_whole(struct sum *s, const struct piece *piece,
	uint64_t end, const struct ms_claim *claim, struct tally *of_claim,
	struct ms_block *block)
{
	struct ms_error *err = NULL;
	memset(s->sums, 0, s->kind_n * sizeof(*s->sums));
	s->kinds[block->kind].count--; // it is counted again with the others
	ms_blocks_add_up(claim->blocks, block, piece->range.end, s->sums);
	for (size_t kind = 0; !err && kind < s->kind_n; kind++) {
		s->kinds[kind].count += s->sums[kind].count;
		if (s->sums[kind].count)
			err = tally_block(s, (ms_kind)kind, piece, s->sums[kind].bytes,
				claim, of_claim);
	}
	if (block->range.start < end)
		s->kinds[block->kind].count++;
	return err;
}

// The blocks of one piece; *block is the first that may reach into it, and is moved on.
static struct ms_error *sweep_blocks(struct sum *s, const struct piece *piece,
	uint64_t end, const struct ms_claim *claim, struct tally *of_claim,
	struct ms_block *block)
{
	struct ms_error *err = NULL;
	bool is_long = ms_range_size(piece->range) >= LONG_PIECE;
	while (!err && block->range.start < piece->range.end) {
		if (is_long && block->range.start >= piece->range.start) {
			is_long = false;
			err = sweep_whole(s, piece, end, claim, of_claim, block);
			continue;
		}
		uint64_t bytes = ms_range_size(ms_range_clip(block->range, piece->range));
		err = tally_block(s, block->kind, piece, bytes, claim, of_claim);
		if (block->range.end > piece->range.end ||
			!next_block(s, claim->blocks, end, block))
			break;
	}
	return err;
}

// A span of a walked heap. The claim may reach beyond its table on both sides.
static struct ms_error *sweep_heap(struct sum *s, struct ms_range span,
	const struct ms_claim *claim, struct tally *of_claim)
{
	struct ms_range inner = ms_range_clip(span, ms_blocks_range(claim->blocks));
	struct ms_block block;
	struct piece piece = { 0 };
	if (inner.start >= inner.end ||
		!ms_blocks_find(claim->blocks, inner.start, &block))
		return sweep_span(s, span, claim, of_claim);
	struct ms_error *err = sweep_span(
		s, (struct ms_range){ span.start, inner.start }, claim, of_claim);
	if (block.range.start == inner.start)
		s->kinds[block.kind].count++;
	for (uint64_t at = inner.start; !err && at < inner.end; at = piece.range.end) {
		next_piece(s, at, inner.end, &piece);
		err = sweep_blocks(s, &piece, inner.end, claim, of_claim, &block);
	}
	if (!err)
		err = sweep_span(
			s, (struct ms_range){ inner.end, span.end }, claim, of_claim);
	return err;
}

static struct ms_error *sweep_segment(
	struct sum *s, struct ms_range span, const struct ms_claim *claim)
{
	struct tally *of_claim = &s->of_claims[claim - s->claims->sorted.v];
	if (!of_claim->count) {
		of_claim->count = 1; // it won something: its objects count once
		s->kinds[claim->kind].count += claim->count;
	}
	if (claim->blocks)
		return sweep_heap(s, span, claim, of_claim);
	return sweep_span(s, span, claim, of_claim);
}

static struct ms_error *sweep_mapping(struct sum *s, struct ms_range mapping)
{
	struct ms_error *err = NULL;
	for (uint64_t at = mapping.start; !err && at < mapping.end;) {
		const struct ms_segment *segment =
			s->segment_at < s->claims->segments.n
				? &s->claims->segments.v[s->segment_at]
				: NULL;
		if (segment && segment->range.end <= at) {
			s->segment_at++;
			continue;
		}
		bool is_claimed = segment && segment->range.start <= at;
		uint64_t end = mapping.end;
		if (segment)
			end = ms_min(end,
				is_claimed ? segment->range.end : segment->range.start);
		struct ms_range span = { at, end };
		err = is_claimed ? sweep_segment(s, span, segment->claim)
				 : sweep_span(s, span, NULL, NULL);
		at = end;
	}
	return err;
}

// Hugetlb pages are present in the page states but never part of Rss.
static bool is_hugetlb(
	const struct ms_mapping *mapping, const struct ms_smaps_entry *smaps)
{
	return (smaps && ms_smaps_has_flag(smaps, "ht")) ||
	       ms_bytes_starts(mapping->name, "/anon_hugepage");
}

static void begin_mapping(struct sum *s, const struct ms_mapping *mapping,
	const struct ms_smaps_entry *smaps)
{
	s->touched.n = 0;
	s->here_resident = s->here_swap = s->raw = 0;
	s->is_scaled = false;
	if (s->in->source.has_scan || !s->in->has_pages || !smaps ||
		!(smaps->known >> MS_SMAPS_RSS & 1))
		return;
	s->rss = smaps->bytes[MS_SMAPS_RSS];
	s->raw_total = ms_pages_resident(s->in->pages, mapping->range);
	s->is_scaled = s->raw_total > s->rss;
	s->was_scaled |= s->is_scaled;
}

// The owner of most bytes, and the smaller id among equals; of the start if there are
// none.
static const char *main_owner(struct sum *s, const struct ms_mapping *mapping)
{
	if (!s->touched.n)
		return ms_claims_find(s->claims, mapping->range.start).kind->owner;
	uint32_t best = s->touched.v[0];
	ms_array_foreach (owner, &s->touched)
		if (s->here[*owner] > s->here[best] ||
			(s->here[*owner] == s->here[best] && *owner < best))
			best = *owner;
	return s->owners[best];
}

static bool copy_mapping(struct ms_arena *arena, struct ms_mapping *mapping)
{
	if (!mapping->name.n)
		return true;
	bool has_label = mapping->label.n && mapping->label.p >= mapping->name.p &&
			 ms_fits((uint64_t)(mapping->label.p - mapping->name.p),
				 mapping->label.n, mapping->name.n);
	size_t label_at = has_label ? (size_t)(mapping->label.p - mapping->name.p) : 0;
	mapping->name.p = (const uint8_t *)ms_arena_copy(arena, mapping->name);
	if (!mapping->name.p)
		return false;
	mapping->label = has_label
				 ? ms_bytes_sub(mapping->name, label_at, mapping->label.n)
				 : (struct ms_bytes){ 0 };
	return true;
}

static struct ms_error *end_mapping(struct sum *s, const struct ms_mapping *mapping)
{
	struct ms_mapping_row *row = &s->ledger->mappings[s->ledger->mapping_n++];
	*row = (struct ms_mapping_row){ .mapping = *mapping,
		.resident = s->here_resident,
		.swap = s->here_swap,
		.owner = main_owner(s, mapping),
		.owner_n = (uint32_t)s->touched.n };
	ms_array_foreach (owner, &s->touched)
		s->here[*owner] = 0;
	row->owner = ms_arena_copy(&s->ledger->arena, ms_bytes_of(row->owner));
	if (!row->owner || !copy_mapping(&s->ledger->arena, &row->mapping))
		return &ms_error_nomem;
	s->ledger->rss += row->resident;
	return NULL;
}

struct ms_error *ms_sweep_mappings(struct sum *s)
{
	const struct ms_maps *maps = s->in->maps;
	struct ms_error *err = NULL;
	s->ledger->mappings = ms_new(&s->ledger->arena, struct ms_mapping_row, maps->n);
	if (!s->ledger->mappings && maps->n)
		return &ms_error_nomem;
	for (size_t i = 0; !err && i < maps->n; i++) {
		const struct ms_smaps_entry *smaps =
			s->in->smaps ? ms_smaps_find(s->in->smaps, maps->v[i].range)
				     : NULL;
		begin_mapping(s, &maps->v[i], smaps);
		if (ms_mapping_counts(&maps->v[i]) && !is_hugetlb(&maps->v[i], smaps))
			err = sweep_mapping(s, maps->v[i].range);
		if (!err)
			err = end_mapping(s, &maps->v[i]);
	}
	return err;
}
