// The iterator: one region a piece of work; see alloc.h.

#include "alloc/alloc_internal.h"

#include "alloc/glibc_chunks.h"
#include "alloc/slabs.h"

struct walk {
	struct ms_alloc *alloc;
	struct ms_tally *tallies; // one per worker
	ms_alloc_blocks_fn fn;
	void *arg;
};

static struct ms_error *walk_chunks(const struct ms_alloc *alloc,
	const struct ms_alloc_region *region, struct ms_emit *emit)
{
	struct ms_chunks chunks;
	struct ms_error *err =
		ms_chunks_header(&chunks, ms_chunks_open(&chunks, alloc, region, emit));
	if (!err)
		err = ms_chunks_run(&chunks, region->range.end);
	return err ? err : ms_chunks_end(&chunks);
}

static struct ms_error *walk_region(void *arg, unsigned worker, size_t item)
{
	struct walk *walk = arg;
	const struct ms_alloc_region *region = &walk->alloc->regions.v[item];
	if (region->is_whole)
		return NULL;
	_cleanup_free_ struct ms_emit *emit = malloc(sizeof(*emit));
	if (!emit)
		return &ms_error_nomem;
	emit->arena = &walk->tallies[worker].arenas[region->arena];
	emit->sizes = &walk->tallies[worker].sizes;
	emit->instance = region->instance;
	emit->fn = walk->fn;
	emit->arg = walk->arg;
	emit->worker = worker;
	emit->n = 0;
	struct ms_error *err = NULL;
	if (region->is_slabs)
		err = ms_slabs_walk(walk->alloc, region, emit);
	else if (region->is_mmapped)
		err = ms_chunks_mmapped(walk->alloc, region, emit);
	else
		err = walk_chunks(walk->alloc, region, emit);
	return err ? err : ms_emit_flush(emit);
}

static struct ms_error *add_up(struct walk *walk, unsigned workers)
{
	struct ms_error *err = NULL;
	for (unsigned i = 1; !err && i < workers; i++)
		err = ms_tally_merge(&walk->tallies[0], &walk->tallies[i]);
	if (!err)
		err = ms_tally_finish(&walk->tallies[0], walk->alloc);
	if (err)
		return err;
	ms_alloc_stamp_all(walk->alloc);
	return NULL;
}

struct ms_error *ms_alloc_walk(
	struct ms_alloc *alloc, unsigned workers, ms_alloc_blocks_fn fn, void *arg)
{
	struct walk walk = { .alloc = alloc, .fn = fn, .arg = arg };
	struct ms_pool *pool = NULL;
	struct ms_error *err = ms_pool_new(workers, &pool);
	if (err)
		return err;
	workers = ms_pool_threads(pool);
	walk.tallies = calloc(workers, sizeof(*walk.tallies));
	if (!walk.tallies)
		err = &ms_error_nomem;
	for (unsigned i = 0; !err && i < workers; i++)
		err = ms_tally_init(&walk.tallies[i], alloc->arenas.n);
	if (!err)
		err = ms_pool_run(pool, alloc->regions.n, walk_region, &walk,
			alloc->private->cancel);
	if (!err)
		err = add_up(&walk, workers);
	for (unsigned i = 0; walk.tallies && i < workers; i++)
		ms_tally_deinit(&walk.tallies[i]);
	free(walk.tallies);
	ms_pool_free(pool);
	return err;
}
