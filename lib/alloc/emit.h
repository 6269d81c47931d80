/**
 * Emit: where walkers put blocks: counted, gathered, handed on.
 */
#pragma once

#include "alloc/tally.h"

enum {
	MS_EMIT_BATCH = 512
};

struct ms_emit {
	struct ms_tally_arena *arena; ///< of every block given
	struct ms_sizes *sizes;
	uint32_t instance;
	ms_alloc_blocks_fn fn; ///< may be NULL
	void *arg;
	unsigned worker;
	size_t n;
	struct ms_alloc_block v[MS_EMIT_BATCH];
};

/** Count a block and hand it on when enough came together. Errors: NOMEM, fn's. */
struct ms_error *ms_emit_block(
	struct ms_emit *emit, const struct ms_alloc_block *block) MS_MUST_CHECK;

/** Hand on what is left. Errors: fn's. */
struct ms_error *ms_emit_flush(struct ms_emit *emit) MS_MUST_CHECK;
