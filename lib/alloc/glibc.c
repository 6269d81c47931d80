// glibc's malloc: the order of the search, and the stamp. See glibc.h.

#include "alloc/glibc.h"

#include <string.h>

const struct ms_glibc *ms_glibc_of(const struct ms_alloc *alloc, uint32_t instance)
{
	ms_array_foreach (libc, &alloc->private->glibcs)
		if (libc->instance == instance)
			return libc;
	return NULL;
}

void ms_glibc_deinit(struct ms_glibcs *libcs)
{
	ms_array_foreach (libc, libcs)
		ms_array_deinit(&libc->caches);
	ms_array_deinit(libcs);
}

// All bytes of an arena's regions, whatever they are, must be what it got from the
// kernel; a place that made no sense counts even if the sum is right. Counters that were
// damaged may be anything, which is why no sum wraps.
static uint64_t check_arena(struct ms_alloc_arena *arena, const struct ms_glibc *libc)
{
	uint64_t bytes = 0;
	// What glibc counts and passes over, to begin at a multiple of 16.
	if (arena->is_main && arena->system)
		arena->count[MS_ALLOC_OVERHEAD].bytes +=
			libc->first_chunk - libc->sbrk_base;
	for (size_t state = 0; state < MS_ALLOC_STATE_COUNT; state++)
		bytes += arena->count[state].bytes;
	arena->off = ms_sum(ms_difference(bytes, arena->system),
		arena->count[MS_ALLOC_TORN].bytes + arena->odd);
	return arena->off;
}

static uint64_t cached_of(
	const struct ms_alloc *alloc, const struct ms_glibc *libc, uint64_t *ret_counted)
{
	uint64_t found = 0;
	*ret_counted = 0;
	ms_array_foreach (arena, &alloc->arenas)
		if (arena->instance == libc->instance)
			found += arena->count[MS_ALLOC_CACHED].bytes;
	ms_array_foreach (thread, &alloc->threads)
		if (thread->instance == libc->instance)
			*ret_counted = ms_sum(*ret_counted, thread->cached_bytes);
	return found;
}

// What each identity is off by, in the order they are worth telling.
struct offs {
	uint64_t arenas, bins, cached, mmapped;
	uint64_t mmapped_blocks, mmapped_bytes; // as found
	uint64_t fast_blocks, live_blocks;      // in arenas
};

static void compare_mmapped(
	const struct ms_alloc *alloc, const struct ms_glibc *libc, struct offs *offs)
{
	ms_array_foreach (arena, &alloc->arenas) {
		const struct ms_alloc_count *live = &arena->count[MS_ALLOC_LIVE];
		const struct ms_alloc_count *cached = &arena->count[MS_ALLOC_CACHED];
		if (arena->instance != libc->instance || !arena->is_mmapped)
			continue;
		offs->mmapped_blocks += live->blocks + cached->blocks;
		offs->mmapped_bytes += live->bytes + cached->bytes;
	}
	if (libc->par)
		offs->mmapped = ms_difference(offs->mmapped_bytes, libc->mmapped);
}

static void stamp(
	struct ms_alloc *alloc, const struct ms_glibc *libc, const struct offs *offs)
{
	uint64_t off = ms_sum(
		ms_sum(offs->arenas, offs->bins), ms_sum(offs->cached, offs->mmapped));
	if (offs->arenas)
		ms_alloc_stamp(alloc, libc->instance, off,
			"arenas hold other bytes than their counters say");
	else if (!libc->par)
		ms_alloc_stamp(alloc, libc->instance, off,
			"the counters of mmapped blocks were not found");
	else if (offs->mmapped || offs->mmapped_blocks != (uint64_t)libc->n_mmaps)
		ms_alloc_stamp(alloc, libc->instance, off,
			"%llu mmapped blocks of %llu bytes, by its counters %d of %llu",
			(unsigned long long)offs->mmapped_blocks,
			(unsigned long long)offs->mmapped_bytes, libc->n_mmaps,
			(unsigned long long)libc->mmapped);
	else if (offs->bins)
		ms_alloc_stamp(alloc, libc->instance, off,
			"bins hold other chunks than those marked free");
	else if (offs->cached)
		ms_alloc_stamp(alloc, libc->instance, off,
			"thread caches hold other bytes than their counters say");
	else if (libc->missing_caches && offs->live_blocks)
		ms_alloc_stamp(alloc, libc->instance, off,
			"caches of %llu threads were not found: what they hold counts as live",
			(unsigned long long)libc->missing_caches);
	else if (libc->stray_heaps)
		ms_alloc_stamp(alloc, libc->instance, off,
			"%llu heaps belong to no arena that is known",
			(unsigned long long)libc->stray_heaps);
	else if (libc->has_no_room)
		ms_alloc_stamp(alloc, libc->instance, off,
			"more heaps or free blocks than can be kept apart");
	else if (offs->fast_blocks != libc->fast_blocks)
		ms_alloc_stamp(alloc, libc->instance, off,
			"fast bins hold %llu blocks, %llu of which are in the heaps",
			(unsigned long long)libc->fast_blocks,
			(unsigned long long)offs->fast_blocks);
	else if (libc->torn_lists)
		ms_alloc_stamp(alloc, libc->instance, off,
			"%llu lists of free blocks lead nowhere",
			(unsigned long long)libc->torn_lists);
	else
		ms_alloc_stamp(alloc, libc->instance, 0, NULL);
}

struct ms_error *ms_glibc_stamp(struct ms_alloc *alloc, const struct ms_glibc *libc)
{
	struct offs offs = { 0 };
	uint64_t counted;
	for (uint32_t i = 0; i < libc->arena_n; i++)
		offs.arenas = ms_sum(offs.arenas,
			check_arena(&alloc->arenas.v[libc->first_arena + i], libc));
	for (uint32_t i = 0; i < libc->arena_n; i++) {
		const struct ms_alloc_count *count =
			alloc->arenas.v[libc->first_arena + i].count;
		offs.fast_blocks += count[MS_ALLOC_FAST].blocks;
		offs.live_blocks += count[MS_ALLOC_LIVE].blocks;
	}
	uint64_t cached = cached_of(alloc, libc, &counted);
	offs.cached = ms_difference(cached, counted);
	compare_mmapped(alloc, libc, &offs);
	struct ms_error *err = ms_glibc_check_bins(alloc, libc, &offs.bins);
	if (!err)
		stamp(alloc, libc, &offs);
	return err;
}

// What there is too much of to follow is left out, and the stamp says so.
static struct ms_error *note_limit(struct ms_glibcs *libcs, struct ms_error *err)
{
	if (ms_error_catch(&err, MS_ERROR_LIMIT))
		ms_array_foreach (libc, libcs)
			libc->has_no_room = true;
	return err;
}

static struct ms_error *find(struct ms_alloc_find *find)
{
	struct ms_glibcs *libcs = &find->alloc->private->glibcs;
	struct ms_error *err = ms_glibc_find_libcs(find, libcs);
	for (size_t i = 0; !err && i < libcs->n; i++)
		err = note_limit(libcs, ms_glibc_find_arenas(find, &libcs->v[i]));
	if (!err)
		err = note_limit(libcs, ms_glibc_find_mmapped(find, libcs));
	ms_alloc_settle_regions(find->alloc);
	if (!err)
		err = ms_glibc_find_strays(find, libcs);
	for (size_t i = 0; !err && i < libcs->n; i++)
		err = note_limit(libcs, ms_glibc_find_caches(find, &libcs->v[i]));
	return err;
}

const struct ms_allocator ms_allocator_glibc = { .name = "glibc", .find = find };
