/**
 * Address ranges, half-open, and lists of them.
 *
 * start < end in every range that is handed around; an empty one has start == end and
 * is only ever the answer of a clip.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct ms_range {
	uint64_t start; ///< first address
	uint64_t end;   ///< first address after it
};

/** Bytes in the range; 0 if it is empty. */
static inline uint64_t ms_range_size(struct ms_range r)
{
	return r.end > r.start ? r.end - r.start : 0;
}

static inline bool ms_range_has(struct ms_range r, uint64_t address)
{
	return address >= r.start && address < r.end;
}

static inline bool ms_range_overlaps(struct ms_range a, struct ms_range b)
{
	return a.start < b.end && b.start < a.end;
}

/** True if `inner` lies wholly in `outer`. */
static inline bool ms_range_covers(struct ms_range outer, struct ms_range inner)
{
	return outer.start <= inner.start && inner.end <= outer.end;
}

/** The common part; start == end if there is none. */
static inline struct ms_range ms_range_clip(struct ms_range a, struct ms_range to)
{
	uint64_t start = a.start > to.start ? a.start : to.start;
	uint64_t end = a.end < to.end ? a.end : to.end;
	return (struct ms_range){ start, end > start ? end : start };
}

/**
 * Index of the first of n ascending, disjoint records that ends after `address`; n if
 * there is none.
 *
 * @param v  records of `size` bytes that begin with their struct ms_range
 * Cost: logarithmic.
 */
size_t ms_range_search(const void *v, size_t n, size_t size, uint64_t address);

/**
 * The record of an array that holds an address, or NULL. Its elements begin with their
 * struct ms_range, and are ascending and disjoint.
 */
#define ms_range_at(v, n, address)                                                       \
	((__typeof__((v) + 0))ms_range_record((v), (n), sizeof(*(v)), (address)))

/** What ms_range_at() yields; the caller says whether the record may be changed. */
void *ms_range_record(const void *v, size_t n, size_t size, uint64_t address);

/** Ascending, disjoint ranges; ones that touch are joined. Zeroed is empty. */
struct ms_ranges {
	struct ms_range *v;
	size_t n;
	size_t cap;
};

/** Release the storage; the list is empty and usable again. */
void ms_ranges_deinit(struct ms_ranges *list);

/**
 * Add a range, joining it with neighbours it overlaps or touches.
 *
 * Cost: constant when ranges come in ascending order, else linear.
 * Errors: NOMEM.
 */
struct ms_error *ms_ranges_add(
	struct ms_ranges *list, struct ms_range range) MS_MUST_CHECK;

/** Remove every address of `range` from the list. Errors: NOMEM. */
struct ms_error *ms_ranges_remove(
	struct ms_ranges *list, struct ms_range range) MS_MUST_CHECK;

/** Index of the first range that ends after `address`; list->n if there is none. */
size_t ms_ranges_find(const struct ms_ranges *list, uint64_t address);

/** True if the address lies in one of the ranges. */
bool ms_ranges_has(const struct ms_ranges *list, uint64_t address);

/** Bytes in all ranges together. */
uint64_t ms_ranges_size(const struct ms_ranges *list);
