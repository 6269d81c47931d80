/**
 * "Did you mean": the candidate nearest to a word somebody typed.
 */
#pragma once

#include <stddef.h>

struct ms_nearest {
	const char *word; ///< what was typed
	const char *best; ///< out: nearest candidate offered, NULL if none is near
	size_t distance;  ///< edits between the two; meaningful while best is set
};

/**
 * Offer a candidate; kept if it is nearer than those before and near at all: at most a
 * third of the word wrong, or the word is the start of it. Case does not count.
 */
void ms_nearest_offer(struct ms_nearest *nearest, const char *candidate);

/** Edits (insert, delete, replace, swap neighbours) between two words, ignoring case. */
size_t ms_edit_distance(const char *a, const char *b);
