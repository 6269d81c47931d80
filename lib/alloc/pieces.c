// A region walked piece by piece: see pieces.h.

#include "alloc/pieces.h"

#include <string.h>

struct ms_piece_walk {
	struct ms_pieces *pieces;
	struct ms_piece *piece;
	struct ms_emit emit;
	bool does_list;
	bool has_failed;
	MS_ARRAY(struct ms_block) found;
};

struct ms_error *ms_pieces_init(struct ms_pieces *pieces)
{
	struct ms_range range = ms_blocks_range(pieces->blocks);
	size_t n = (size_t)((ms_range_size(range) - 1) / MS_PIECE + 1);
	pieces->v = calloc(n, sizeof(*pieces->v));
	if (!pieces->v)
		return &ms_error_nomem;
	pieces->n = n;
	for (size_t i = 0; i < n; i++)
		pieces->v[i].segment =
			ms_blocks_segment(pieces->blocks, range.start + i * MS_PIECE);
	return NULL;
}

void ms_pieces_deinit(struct ms_pieces *pieces)
{
	for (size_t i = 0; i < pieces->n; i++)
		ms_sizes_deinit(&pieces->v[i].sizes);
	free(pieces->v);
	pieces->v = NULL;
	pieces->n = 0;
}

static struct ms_error *list_block(
	struct ms_piece_walk *walk, struct ms_range range, ms_kind kind, size_t ordinal)
{
	struct ms_block *block = ms_array_push(&walk->found);
	if (!block)
		return &ms_error_nomem;
	*block = (struct ms_block){ range, ordinal, kind };
	return NULL;
}

static struct ms_error *add_block(
	struct ms_piece_walk *walk, const struct ms_alloc_block *block)
{
	ms_kind kind = walk->pieces->kinds->v[block->state];
	size_t ordinal;
	struct ms_error *err =
		ms_blocks_add(walk->pieces->blocks, block->range, kind, &ordinal);
	if (err || !walk->does_list)
		return err;
	return list_block(walk, block->range, kind, ordinal);
}

static struct ms_error *on_blocks(
	void *arg, unsigned worker, const struct ms_alloc_block *v, size_t n)
{
	struct ms_error *err = NULL;
	(void)worker;
	for (size_t i = 0; !err && i < n; i++)
		err = add_block(arg, &v[i]);
	return err;
}

static struct ms_error *new_walk(
	struct ms_pieces *pieces, struct ms_piece *piece, struct ms_piece_walk **ret)
{
	struct ms_piece_walk *walk = calloc(1, sizeof(*walk));
	if (!walk)
		return &ms_error_nomem;
	walk->pieces = pieces;
	walk->piece = piece;
	walk->emit.arena = &piece->tally;
	walk->emit.sizes = &piece->sizes;
	walk->emit.instance = pieces->region->instance;
	walk->emit.fn = on_blocks;
	walk->emit.arg = walk;
	*ret = walk;
	return NULL;
}

struct ms_error *ms_piece_begin(struct ms_pieces *pieces, uint64_t start, bool does_list,
	struct ms_piece_walk **ret)
{
	uint64_t offset = start - pieces->region->range.start;
	size_t number = (size_t)(offset / MS_PIECE);
	struct ms_piece_walk *walk;
	if (number >= pieces->n || pieces->v[number].segment.start != start)
		return ms_error_new(
			MS_ERROR_UNSUPPORTED, "there is a hole in the heap's mapping");
	struct ms_piece *piece = &pieces->v[number];
	struct ms_error *err = new_walk(pieces, piece, &walk);
	if (err)
		return err;
	walk->does_list = does_list;
	if (number)
		ms_chunks_open_at(&piece->chunks, pieces->alloc, pieces->region,
			&walk->emit, start);
	else
		err = ms_chunks_header(
			&piece->chunks, ms_chunks_open(&piece->chunks, pieces->alloc,
						pieces->region, &walk->emit));
	walk->has_failed = err != NULL;
	*ret = walk;
	return err;
}

struct ms_error *ms_piece_feed(struct ms_piece_walk *walk, struct ms_range window,
	const uint8_t *bytes, size_t n, const struct ms_block **ret_v, size_t *ret_n)
{
	struct ms_chunks *chunks = &walk->piece->chunks;
	struct ms_range view = { window.start, window.start + n };
	walk->found.n = 0;
	struct ms_error *err = ms_chunks_feed(chunks, bytes, view, window.end);
	if (!err)
		err = ms_emit_flush(&walk->emit);
	*ret_v = walk->found.v;
	*ret_n = walk->found.n;
	walk->has_failed |= err != NULL;
	walk->piece->is_done =
		!err && window.end >= ms_min(walk->piece->segment.end,
					      walk->pieces->region->range.end);
	return err;
}

uint64_t ms_piece_next(const struct ms_piece_walk *walk)
{
	return walk->piece->chunks.at;
}

void ms_piece_end(struct ms_piece_walk *walk)
{
	if (!walk)
		return;
	struct ms_chunks *chunks = &walk->piece->chunks;
	walk->piece->is_done |=
		!walk->has_failed && chunks->at >= walk->piece->segment.end;
	chunks->emit = NULL;
	ms_array_deinit(&walk->found);
	free(walk);
}

// What a worker made of a piece was wrong: the piece lies in a block that began before it,
// or its blocks begin elsewhere.
static void discard(struct ms_pieces *pieces, struct ms_piece *piece)
{
	memset(&piece->tally, 0, sizeof(piece->tally));
	ms_sizes_deinit(&piece->sizes);
	ms_blocks_clear(pieces->blocks, piece->segment);
}

// A piece of which nothing is known: whoever comes after it finds a way in by itself.
static void lose(struct ms_pieces *pieces, struct ms_piece *piece)
{
	ms_chunks_open_at(
		&piece->chunks, pieces->alloc, pieces->region, NULL, piece->segment.end);
}

// The walk so far goes on into this piece. A process that ended leaves the piece empty,
// which the stamp will tell.
static struct ms_error *go_on(struct ms_piece_walk *walk, const struct ms_piece *last)
{
	struct ms_chunks *chunks = &walk->piece->chunks;
	struct ms_range segment = walk->piece->segment;
	discard(walk->pieces, walk->piece);
	*chunks = last->chunks;
	chunks->emit = &walk->emit;
	if (!chunks->is_synced)
		chunks->at = ms_max(chunks->at, segment.start);
	struct ms_error *err = ms_chunks_run(
		chunks, ms_min(segment.end, walk->pieces->region->range.end));
	bool is_gone = ms_error_catch(&err, MS_ERROR_GONE);
	if (!err)
		err = ms_emit_flush(&walk->emit);
	if (err || !is_gone)
		return err;
	lose(walk->pieces, walk->piece);
	discard(walk->pieces, walk->piece);
	return NULL;
}

// Does the piece begin where the walk so far ends? Then all that is left of that is given
// out.
static struct ms_error *meet(struct ms_pieces *pieces, struct ms_piece *last,
	struct ms_piece *piece, bool *ret_is_joined)
{
	struct ms_piece_walk *walk;
	*ret_is_joined = false;
	if (!piece->is_done || !ms_chunks_agree(&last->chunks, &piece->chunks))
		return NULL;
	struct ms_error *err = new_walk(pieces, last, &walk);
	if (err)
		return err;
	last->chunks.emit = &walk->emit;
	err = ms_chunks_join(&last->chunks, &piece->chunks, ret_is_joined);
	if (!err)
		err = ms_emit_flush(&walk->emit);
	ms_piece_end(walk);
	return err;
}

// Nothing in it is where a walk could go on: it lies in one block, or nowhere.
static bool is_passed(const struct ms_piece *last, const struct ms_piece *piece)
{
	return last->chunks.is_synced
		       ? last->chunks.at >= piece->segment.end
		       : piece->is_done && piece->chunks.entry == UINT64_MAX;
}

// The walk so far ends in `last`; this piece is the next. *last moves on to it if its
// blocks are right, or were made right.
static struct ms_error *join_one(
	struct ms_pieces *pieces, struct ms_piece **last, struct ms_piece *piece)
{
	struct ms_piece_walk *walk;
	bool is_joined;
	if (is_passed(*last, piece)) {
		discard(pieces, piece);
		return NULL;
	}
	struct ms_error *err = meet(pieces, *last, piece, &is_joined);
	if (!err && !is_joined)
		err = new_walk(pieces, piece, &walk);
	if (!err && !is_joined) {
		err = go_on(walk, *last);
		ms_piece_end(walk);
	}
	*last = piece;
	return err;
}

static struct ms_error *finish(struct ms_pieces *pieces, struct ms_piece *last)
{
	struct ms_piece_walk *walk;
	struct ms_error *err = new_walk(pieces, last, &walk);
	if (err)
		return err;
	last->chunks.emit = &walk->emit;
	err = ms_chunks_end(&last->chunks);
	if (!err)
		err = ms_emit_flush(&walk->emit);
	ms_piece_end(walk);
	return err;
}

struct ms_error *ms_pieces_join(
	struct ms_pieces *pieces, struct ms_tally_arena *tally, struct ms_sizes *sizes)
{
	struct ms_piece *last = &pieces->v[0];
	struct ms_error *err = NULL;
	if (!last->is_done)
		lose(pieces, last);
	for (size_t i = 1; !err && i < pieces->n; i++)
		err = join_one(pieces, &last, &pieces->v[i]);
	if (!err)
		err = finish(pieces, last);
	for (size_t i = 0; !err && i < pieces->n; i++) {
		ms_tally_add(tally, &pieces->v[i].tally);
		err = ms_sizes_merge(sizes, &pieces->v[i].sizes);
	}
	return err;
}
