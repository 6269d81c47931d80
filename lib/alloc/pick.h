/**
 * Pick: which of some pieces belong together, where only their sum is known.
 */
#pragma once

#include "base/base.h"

enum {
	MS_PICK_STEPS_MAX = 1 << 20,
};

/**
 * Pick pieces whose sizes add up to a sum.
 *
 * Where several ways would do, nothing says which is right.
 *
 * @param sizes   n of them, descending
 * @param count   how many to pick; SIZE_MAX: any number
 * @param skip    ways that are passed over
 * @param picked  out: n of them
 * @param ret     out: false if there is no way, or none was found in MS_PICK_STEPS_MAX
 * Errors: NOMEM.
 */
struct ms_error *ms_pick(const uint64_t *sizes, size_t n, size_t count, uint64_t sum,
	size_t skip, bool *picked, bool *ret) MS_MUST_CHECK;
