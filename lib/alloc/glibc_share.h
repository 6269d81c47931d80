/**
 * Share: which libc's a piece of memory is, where a process has several.
 *
 * Neither a block with a mapping of its own nor a piece of a main arena says whose it is.
 * A piece whose free chunks are in the bins of an arena is that arena's. For the others
 * there are the libcs' own counters: who has how many, and how many bytes.
 */
#pragma once

#include "alloc/glibc.h"

/** A chunk in the bins of a libc's main arena. */
struct ms_glibc_binned {
	uint64_t address;
	size_t libc; ///< index in ms_glibcs
};

struct ms_glibc_hints {
	struct ms_glibc_binned *v; ///< ascending by address
	size_t n;
	size_t cap;
};

/**
 * Follow the bins of all main arenas in pieces, as far as their lists are whole; at most
 * some 100,000 chunks of each. Errors: NOMEM.
 */
struct ms_error *ms_glibc_hints_load(struct ms_peek *peek, const struct ms_glibcs *libcs,
	struct ms_glibc_hints *ret) MS_MUST_CHECK;

/** The libc that has a chunk of the range in its bins; SIZE_MAX: none. */
size_t ms_glibc_hints_at(const struct ms_glibc_hints *hints, struct ms_range range);

/**
 * Give pieces of main arenas that nothing was known of to libcs that miss bytes.
 *
 * @param unsure  n numbers of regions, all of them the first libc's that is in pieces
 * Errors: NOMEM.
 */
struct ms_error *ms_glibc_share_segments(struct ms_alloc *alloc, struct ms_glibcs *libcs,
	const size_t *unsure, size_t n) MS_MUST_CHECK;

/** Give mmapped blocks to libcs so that all counters are right. Errors: NOMEM. */
struct ms_error *ms_glibc_share_mmapped(
	struct ms_alloc *alloc, struct ms_glibcs *libcs) MS_MUST_CHECK;
