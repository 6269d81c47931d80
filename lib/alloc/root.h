/**
 * Roots: the first level of an allocator's page tables, in a module's data, found by what
 * its entries point to.
 */
#pragma once

#include "alloc/alloc_internal.h"

/** What one allocator's entries look like. */
struct ms_root_kind {
	/** Could this word be an entry? Asked of every word: must be cheap. */
	bool (*may_be_entry)(const void *arg, uint64_t word);
	/**
	 * Follow an entry and check the root that it would be of.
	 *
	 * @param data       the root lies within
	 * @param at         address of the entry
	 * @param ret_found  out: set if it is; the callee keeps the root
	 * Errors: any; end the search.
	 */
	struct ms_error *(*try_entry)(void *arg, struct ms_range data, uint64_t at,
		uint64_t word, bool *ret_found);
};

/**
 * Look through a module's data until try_entry has found the root.
 *
 * @param size  bytes of the root: smaller pieces of data are left out
 * Errors: NOMEM, GONE, CANCELLED, try_entry's.
 * Cost: linear in the resident data.
 */
struct ms_error *ms_root_find(struct ms_alloc_find *find, const struct ms_module *module,
	const struct ms_root_kind *kind, uint64_t size, void *arg) MS_MUST_CHECK;
