// See emit.h.

#include "alloc/emit.h"

struct ms_error *ms_emit_flush(struct ms_emit *emit)
{
	size_t n = emit->n;
	emit->n = 0;
	return emit->fn && n ? emit->fn(emit->arg, emit->worker, emit->v, n) : NULL;
}

struct ms_error *ms_emit_block(struct ms_emit *emit, const struct ms_alloc_block *block)
{
	struct ms_error *err = ms_sizes_add(
		emit->sizes, emit->instance, ms_range_size(block->range), block->state);
	ms_tally_block(emit->arena, block);
	if (err || !emit->fn)
		return err;
	emit->v[emit->n++] = *block;
	return emit->n == MS_EMIT_BATCH ? ms_emit_flush(emit) : NULL;
}
