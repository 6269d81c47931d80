// Categories of the JVM's blocks, as memory is read.

#include "hotspot/nmt_claims.h"

#include <string.h>

#include "alloc/alloc.h"

struct worker {
	MS_ARRAY(uint64_t) missed; // blocks whose first bytes were not in a window
	struct ms_nmt_sum sums[MS_NMT_CATEGORIES_MAX + 1]; // the last: no header
};

struct ms_nmt_claims {
	struct ms_reading *reading;
	struct ms_nmt nmt;
	ms_kind kinds[MS_NMT_CATEGORIES_MAX];
	struct worker *workers;
	unsigned worker_n;
};

static const char *owner_of(const struct ms_nmt *nmt, unsigned category)
{
	bool is_other = nmt->other && strcmp(nmt->names[category], "Other") == 0;
	return is_other ? nmt->other : nmt->owners[category];
}

static struct ms_error *make_kinds(struct ms_nmt_claims *c)
{
	struct ms_error *err = NULL;
	for (unsigned i = 0; !err && i < c->nmt.n; i++) {
		if (!c->nmt.owners[i])
			continue;
		// The header's fields agree with the block; a chunk that its arena names, or
		// a structure in the block, says more.
		struct ms_kind_row row = { .owner = owner_of(&c->nmt, i),
			.reader = "nmt",
			.detail = "category in the block's tracking header",
			.state = MS_STATE_LIVE,
			.grade = MS_GRADE_STRUCTURAL,
			.precedence = MS_PRECEDENCE_CATEGORY };
		err = ms_claims_kind(c->reading->claims, &row, &c->kinds[i]);
	}
	return err;
}

struct ms_error *ms_nmt_claims_new(
	struct ms_reading *reading, const struct ms_nmt *nmt, struct ms_nmt_claims **ret)
{
	struct ms_nmt_claims *c = calloc(1, sizeof(*c));
	if (!c)
		return &ms_error_nomem;
	c->reading = reading;
	c->nmt = *nmt;
	c->worker_n = reading->workers;
	c->workers = calloc(c->worker_n + 1, sizeof(*c->workers));
	struct ms_error *err = c->workers ? make_kinds(c) : &ms_error_nomem;
	if (err) {
		ms_nmt_claims_free(c);
		return err;
	}
	*ret = c;
	return NULL;
}

void ms_nmt_claims_free(struct ms_nmt_claims *c)
{
	if (!c)
		return;
	for (unsigned i = 0; c->workers && i < c->worker_n; i++)
		ms_array_deinit(&c->workers[i].missed);
	free(c->workers);
	free(c);
}

bool ms_nmt_claims_want(const struct ms_answer *answer)
{
	return answer->claim && answer->claim->blocks;
}

// --- one block ------------------------------------------------------------------------

static struct ms_error *offer(struct ms_nmt_claims *c, struct worker *w,
	struct ms_blocks *blocks, const struct ms_block *block, const uint8_t *memory,
	uint64_t usable)
{
	uint64_t bytes = usable;
	unsigned category = ms_nmt_category(&c->nmt, memory, usable, &bytes);
	struct ms_nmt_sum *sum =
		&w->sums[category < c->nmt.n ? category : MS_NMT_CATEGORIES_MAX];
	sum->blocks++;
	sum->bytes += bytes;
	return category < c->nmt.n ? ms_claims_offer(c->reading->claims, blocks, block,
					     c->kinds[category])
				   : NULL;
}

static bool is_live(const struct ms_nmt_claims *c, const struct ms_block *block)
{
	return ms_kinds_row(ms_claims_kinds(c->reading->claims), block->kind)->state ==
	       MS_STATE_LIVE;
}

static struct ms_error *look_at(struct ms_nmt_claims *c, struct worker *w,
	const struct ms_batch *batch, const struct ms_block *block,
	struct ms_range memory)
{
	const struct ms_window *window = &batch->window;
	uint64_t from = window->range.start - window->before;
	uint64_t end = window->range.end + window->after;
	if (ms_range_size(memory) < MS_NMT_HEADER)
		return NULL;
	if (memory.start >= from && memory.start + MS_NMT_HEADER <= end)
		return offer(c, w, batch->blocks, block,
			window->bytes + (memory.start - window->range.start),
			ms_range_size(memory));
	uint64_t *missed = ms_array_push(&w->missed);
	if (!missed)
		return &ms_error_nomem;
	*missed = block->range.start;
	return NULL;
}

struct ms_error *ms_nmt_claims_visit(
	struct ms_nmt_claims *c, unsigned worker, const struct ms_batch *batch)
{
	const struct ms_alloc *alloc = c->reading->alloc;
	struct ms_error *err = NULL;
	if (!alloc || !batch->blocks || !batch->block_n)
		return NULL;
	const struct ms_alloc_region *region = ms_range_at(
		alloc->regions.v, alloc->regions.n, batch->block_v[0].range.start);
	for (size_t i = 0; region && !err && i < batch->block_n; i++) {
		const struct ms_block *block = &batch->block_v[i];
		if (is_live(c, block))
			err = look_at(c, &c->workers[worker], batch, block,
				ms_alloc_memory_of(alloc, region, block->range));
	}
	return err;
}

// --- the end --------------------------------------------------------------------------

static struct ms_error *look_again(struct ms_nmt_claims *c, struct worker *w)
{
	const struct ms_alloc *alloc = c->reading->alloc;
	struct ms_error *err = NULL;
	ms_array_foreach (address, &w->missed) {
		const struct ms_alloc_region *region;
		struct ms_block block;
		uint8_t bytes[MS_NMT_HEADER];
		if (err || !ms_alloc_block_at(alloc, *address, &region, &block))
			continue;
		struct ms_range memory = ms_alloc_memory_of(alloc, region, block.range);
		if (is_live(c, &block) && ms_range_size(memory) >= MS_NMT_HEADER &&
			ms_target_get(
				c->reading->target, memory.start, bytes, sizeof(bytes)))
			// The table is the survey's; the region only borrows it.
			err = offer(c, w, (struct ms_blocks *)(uintptr_t)region->blocks,
				&block, bytes, ms_range_size(memory));
	}
	return err;
}

struct ms_error *ms_nmt_claims_settle(struct ms_nmt_claims *c)
{
	uint64_t foreign = 0;
	struct ms_error *err = NULL;
	if (!c->reading->alloc)
		return NULL;
	for (unsigned i = 0; !err && i < c->worker_n; i++) {
		err = look_again(c, &c->workers[i]);
		foreign += c->workers[i].sums[MS_NMT_CATEGORIES_MAX].blocks;
	}
	return err || !foreign
		       ? err
		       : ms_claims_remark(c->reading->claims, "malloc.live.unknown",
				 /* is_counter= */ false, "nmt",
				 "blocks without a tracking header: not taken by the JVM, or "
				 "before it tracked",
				 foreign);
}
