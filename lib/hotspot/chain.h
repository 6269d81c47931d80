/**
 * chain - walks along pointers of a target, that end whatever its memory holds.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A walk; zeroed but for max it is at its start. */
struct ms_chain {
	size_t max; ///< steps at the most
	size_t steps;
	size_t next_mark;
	uint64_t mark;
	bool is_broken; ///< it ended at a circle or the bound, not at NULL
};

/**
 * Does the walk go on to `at`? False at 0, at the bound, and on a circle: that is found
 * before it was walked three times.
 * Source: R. P. Brent, An improved Monte Carlo factorization algorithm (1980).
 */
static inline bool ms_chain_goes_on(struct ms_chain *chain, uint64_t at)
{
	if (!at)
		return false;
	chain->is_broken = at == chain->mark || chain->steps >= chain->max;
	if (chain->is_broken)
		return false;
	if (chain->steps++ == chain->next_mark) {
		chain->mark = at;
		chain->next_mark = chain->next_mark * 2 + 1;
	}
	return true;
}
