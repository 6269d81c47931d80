// Extents: see extent.h.

#include "alloc/extent.h"

static int compare(const void *pa, const void *pb)
{
	const struct ms_extent *a = pa, *b = pb;
	if (a->range.start != b->range.start)
		return a->range.start < b->range.start ? -1 : 1;
	return (a->range.end < b->range.end) - (a->range.end > b->range.end);
}

static bool is_sound(const struct ms_extent *e)
{
	uint64_t slots, end;
	if (e->range.start >= e->range.end)
		return false;
	if (!e->slot)
		return true;
	return e->slot >= 8 && e->slot % 8 == 0 && (e->range.start + e->first) % 8 == 0 &&
	       ms_mul(e->slot, e->n, &slots) && ms_add(slots, e->first, &end) &&
	       end <= ms_range_size(e->range);
}

void ms_extents_settle(struct ms_extents *extents, ms_extent_fn on_drop, void *arg)
{
	uint64_t end = 0;
	size_t kept = 0;
	if (extents->n)
		qsort(extents->v, extents->n, sizeof(*extents->v), compare);
	for (size_t i = 0; i < extents->n; i++) {
		const struct ms_extent *e = &extents->v[i];
		if (!is_sound(e) || e->range.start < end) {
			on_drop(arg, e);
			continue;
		}
		end = e->range.end;
		extents->v[kept++] = *e;
	}
	extents->n = kept;
}

const struct ms_extent *ms_extents_at(
	const struct ms_extents *extents, size_t first, size_t end, uint64_t address)
{
	return ms_range_at(extents->v + first, end - first, address);
}
