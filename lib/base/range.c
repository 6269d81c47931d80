// Lists of address ranges: see range.h. Kept sorted and disjoint by every operation.

#include "base/range.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"

void ms_ranges_deinit(struct ms_ranges *list)
{
	ms_array_deinit(list);
}

static struct ms_range range_of(const void *v, size_t size, size_t i)
{
	struct ms_range range;
	memcpy(&range, (const char *)v + i * size, sizeof(range));
	return range;
}

size_t ms_range_search(const void *v, size_t n, size_t size, uint64_t address)
{
	size_t lo = 0, hi = n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (range_of(v, size, mid).end <= address)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

void *ms_range_record(const void *v, size_t n, size_t size, uint64_t address)
{
	size_t i = ms_range_search(v, n, size, address);
	if (i == n || range_of(v, size, i).start > address)
		return NULL;
	return (char *)(uintptr_t)v + i * size;
}

size_t ms_ranges_find(const struct ms_ranges *list, uint64_t address)
{
	return ms_range_search(list->v, list->n, sizeof(*list->v), address);
}

bool ms_ranges_has(const struct ms_ranges *list, uint64_t address)
{
	size_t i = ms_ranges_find(list, address);
	return i < list->n && ms_range_has(list->v[i], address);
}

uint64_t ms_ranges_size(const struct ms_ranges *list)
{
	uint64_t sum = 0;
	ms_array_foreach (r, list)
		sum += ms_range_size(*r);
	return sum;
}

// Replace the ranges [from, to) by `n` new ones.
static struct ms_error *splice(struct ms_ranges *list, size_t from, size_t to,
	const struct ms_range *with, size_t n)
{
	if (!ms_array_reserve(list, n))
		return &ms_error_nomem;
	if (list->n > to) // an empty list has no storage to point into
		memmove(&list->v[from + n], &list->v[to],
			(list->n - to) * sizeof(*list->v));
	for (size_t i = 0; i < n; i++)
		list->v[from + i] = with[i];
	list->n = list->n - (to - from) + n;
	return NULL;
}

struct ms_error *ms_ranges_add(struct ms_ranges *list, struct ms_range range)
{
	if (range.start >= range.end)
		return NULL;
	// The common case: in ascending order.
	size_t from = list->n;
	if (list->n && list->v[list->n - 1].end >= range.start)
		from = ms_ranges_find(list, range.start ? range.start - 1 : 0);
	size_t to = from;
	while (to < list->n && list->v[to].start <= range.end) {
		if (list->v[to].start < range.start)
			range.start = list->v[to].start;
		if (list->v[to].end > range.end)
			range.end = list->v[to].end;
		to++;
	}
	return splice(list, from, to, &range, 1);
}

struct ms_error *ms_ranges_remove(struct ms_ranges *list, struct ms_range range)
{
	if (range.start >= range.end)
		return NULL;
	size_t from = ms_ranges_find(list, range.start), to = from;
	struct ms_range kept[2];
	size_t n = 0;
	while (to < list->n && list->v[to].start < range.end) {
		struct ms_range r = list->v[to++];
		if (r.start < range.start)
			kept[n++] = (struct ms_range){ r.start, range.start };
		if (r.end > range.end)
			kept[n++] = (struct ms_range){ range.end, r.end };
	}
	return splice(list, from, to, kept, n);
}
