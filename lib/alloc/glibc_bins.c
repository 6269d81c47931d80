// The bins of a process that stands still, against the free chunks a walk found. See
// glibc.h.

#include "alloc/glibc.h"

enum {
	CHUNKS_MAX = 200000, // lists lead all over the heap: a read a chunk at the worst
};

struct bins {
	const struct ms_alloc *alloc;
	const struct ms_glibc *libc;
	struct ms_peek *peek;
	uint64_t left; // chunks that may still be followed
	uint64_t blocks, bytes;
};

// One list, in both directions; false if it is broken.
static bool follow_bin(struct bins *b, uint32_t arena, uint64_t bin)
{
	uint64_t at, previous = bin;
	if (!ms_peek_u64(b->peek, bin + 16, &at))
		return false;
	while (at != bin) {
		const struct ms_alloc_region *region = ms_alloc_region_at(b->alloc, at);
		uint64_t words[3]; // size, forward, back
		if (!b->left-- || !region || region->arena != arena || at % 16 ||
			!ms_peek_bytes(b->peek, at + 8, words, sizeof(words)) ||
			words[2] != previous)
			return false;
		b->blocks++;
		b->bytes = ms_sum(b->bytes, words[0] & ~(uint64_t)MS_CHUNK_FLAGS);
		previous = at;
		at = words[1];
	}
	return true;
}

static bool check_arena(struct bins *b, uint32_t arena)
{
	const struct ms_alloc_arena *row = &b->alloc->arenas.v[arena];
	const struct ms_alloc_count *free = &row->count[MS_ALLOC_FREE];
	uint64_t first = row->address + b->libc->state->bins - 16;
	b->left = free->blocks;
	b->blocks = b->bytes = 0;
	for (unsigned i = 0; i < MS_GLIBC_BINS / 2; i++)
		if (!follow_bin(b, arena, first + 16ull * i))
			return false;
	return b->blocks == free->blocks && b->bytes == free->bytes;
}

struct ms_error *ms_glibc_check_bins(
	const struct ms_alloc *alloc, const struct ms_glibc *libc, uint64_t *ret_off)
{
	struct bins b = { .alloc = alloc, .libc = libc };
	uint64_t blocks = 0;
	uint32_t end = libc->first_arena + libc->arena_n;
	*ret_off = 0;
	for (uint32_t i = libc->first_arena; i < end; i++)
		blocks += alloc->arenas.v[i].count[MS_ALLOC_FREE].blocks;
	if (blocks > CHUNKS_MAX || !ms_target_info(alloc->private->target)->is_stopped)
		return NULL;
	struct ms_error *err = ms_peek_new(alloc->private->target, &b.peek);
	for (uint32_t i = libc->first_arena; !err && i < end; i++) {
		const struct ms_alloc_count *free =
			&alloc->arenas.v[i].count[MS_ALLOC_FREE];
		if (!alloc->arenas.v[i].system || check_arena(&b, i))
			continue;
		uint64_t more = ms_difference(free->bytes, b.bytes);
		// the same sum, but not the same
		*ret_off = ms_sum(*ret_off, more ? more : MS_CHUNK_MIN);
	}
	ms_peek_free(b.peek);
	return err;
}
