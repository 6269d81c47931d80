/**
 * Growing arrays: `MS_ARRAY(struct ms_gap) gaps = {};` then ms_array_push().
 *
 * The storage is heap memory, released by ms_array_deinit(); elements never need
 * destructors. Zero-initialised is empty. Growth is by half, so pointers to elements
 * are valid until the next push.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define MS_ARRAY(T)                                                                      \
	struct {                                                                         \
		T *v;                                                                    \
		size_t n;                                                                \
		size_t cap;                                                              \
	}

/** Grow *v to hold at least `want` elements of `size` bytes; false: no memory. */
bool ms_array_grow(void **v, size_t *cap, size_t want, size_t size);

/** n + more, or SIZE_MAX, which no memory holds, if that wraps. */
static inline size_t ms_array_want(size_t n, size_t more)
{
	return more <= SIZE_MAX - n ? n + more : SIZE_MAX;
}

/** Make room for `more` further elements; false: no memory, the array is unchanged. */
#define ms_array_reserve(a, more)                                                        \
	((a)->cap - (a)->n >= (size_t)(more) ||                                          \
		ms_array_grow((void **)&(a)->v, &(a)->cap,                               \
			ms_array_want((a)->n, (size_t)(more)), sizeof(*(a)->v)))

/** Append a zeroed element and yield its address, NULL without memory. */
#define ms_array_push(a)                                                                 \
	(ms_array_reserve(a, 1) ? ms_array_zeroed(&(a)->v[(a)->n++], sizeof(*(a)->v))    \
				: NULL)

/** Release the storage; the array is empty and usable again. */
#define ms_array_deinit(a)                                                               \
	do {                                                                             \
		free((a)->v);                                                            \
		(a)->v = NULL;                                                           \
		(a)->n = (a)->cap = 0;                                                   \
	} while (0)

#define ms_array_foreach(it, a)                                                          \
	for (__typeof__((a)->v + 0) it = (a)->v; it && it < (a)->v + (a)->n; it++)

/** Zero `size` bytes at p and return p: what ms_array_push() yields. */
void *ms_array_zeroed(void *p, size_t size);
