// The bins of a process that stands still, against the free chunks a walk found. See
// glibc.h.
//
// Lists lead all over the heap, and following them would cost a read a chunk. A walk along
// the heap sees all links all the same: it adds up those that lead forwards and takes away
// those that lead back, each as a number of its two ends. Where each chunk is what the
// next one leads back to, nothing is left once the bins' own links are added.

#include "alloc/glibc.h"

uint64_t ms_glibc_link(uint64_t from, uint64_t to)
{
	uint64_t x = from * 0x9e3779b97f4a7c15ull + to;
	x = (x ^ x >> 32) * 0xd6e8feb86659fd93ull;
	return x ^ x >> 32;
}

// The sum over the bins of one arena; false if they cannot be read.
static bool add_up_bins(struct ms_peek *peek, uint64_t first, uint64_t *ret)
{
	*ret = 0;
	for (uint64_t i = 0; i < MS_GLIBC_BINS / 2; i++) {
		uint64_t bin = first + 16 * i, links[2]; // forward, back
		if (!ms_peek_bytes(peek, bin + 16, links, sizeof(links)))
			return false;
		*ret += ms_glibc_link(bin, links[0]) - ms_glibc_link(links[1], bin);
	}
	return true;
}

struct ms_error *ms_glibc_check_bins(
	const struct ms_alloc *alloc, const struct ms_glibc *libc, uint64_t *ret_off)
{
	struct ms_peek *peek = NULL;
	*ret_off = 0;
	if (!ms_target_info(alloc->private->target)->is_stopped)
		return NULL;
	struct ms_error *err = ms_peek_new(alloc->private->target, &peek);
	for (uint32_t i = 0; !err && i < libc->arena_n; i++) {
		const struct ms_alloc_arena *arena =
			&alloc->arenas.v[libc->first_arena + i];
		uint64_t first = arena->address + libc->state->bins - 16, links;
		if (!arena->system)
			continue;
		if (!add_up_bins(peek, first, &links) || links + arena->links)
			*ret_off += MS_CHUNK_MIN; // at the least
	}
	ms_peek_free(peek);
	return err;
}
