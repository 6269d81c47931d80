/**
 * Arithmetic on untrusted numbers: every helper says by its result whether it fitted.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** *ret = a + b; false, with *ret untouched, if that wraps. */
static inline bool ms_add(uint64_t a, uint64_t b, uint64_t *ret)
{
	uint64_t sum;
	if (__builtin_add_overflow(a, b, &sum))
		return false;
	*ret = sum;
	return true;
}

/** *ret = a * b; false, with *ret untouched, if that wraps. */
static inline bool ms_mul(uint64_t a, uint64_t b, uint64_t *ret)
{
	uint64_t product;
	if (__builtin_mul_overflow(a, b, &product))
		return false;
	*ret = product;
	return true;
}

/** a + b and a * b, or UINT64_MAX if that wraps: for sums that must not come round to 0. */
static inline uint64_t ms_sum(uint64_t a, uint64_t b)
{
	uint64_t sum;
	return ms_add(a, b, &sum) ? sum : UINT64_MAX;
}

static inline uint64_t ms_product(uint64_t a, uint64_t b)
{
	uint64_t product;
	return ms_mul(a, b, &product) ? product : UINT64_MAX;
}

/** How far two numbers are apart. */
static inline uint64_t ms_difference(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

/** True if `size` bytes at `offset` lie within `total` bytes; never wraps. */
static inline bool ms_fits(uint64_t offset, uint64_t size, uint64_t total)
{
	return offset <= total && size <= total - offset;
}

/** Round down to a power of two. */
static inline uint64_t ms_align_down(uint64_t v, uint64_t align)
{
	return v & ~(align - 1);
}

/** Round up to a power of two; *ret untouched and false if that wraps. */
static inline bool ms_align_up(uint64_t v, uint64_t align, uint64_t *ret)
{
	uint64_t sum;
	if (!ms_add(v, align - 1, &sum))
		return false;
	*ret = ms_align_down(sum, align);
	return true;
}

static inline uint64_t ms_min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t ms_max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}
