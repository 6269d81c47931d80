/**
 * Sweep: the writable data of every module, window by window, and the places at which
 * large pieces may begin, for allocators that are found by what lies there.
 */
#pragma once

#include "alloc/alloc_internal.h"

struct ms_sweep {
	struct ms_alloc_find *find;
	size_t need; ///< bytes a place must have behind it to be looked at
	/**
	 * Called with each window: places 0 to n - 1 of it are new, and `need` bytes are
	 * there from each of them on. What could not be read is zero.
	 */
	struct ms_error *(*fn)(struct ms_sweep *sweep, const struct ms_module *module,
		uint64_t address, const uint8_t *bytes, size_t n);
	void *arg;    ///< the caller's
	bool is_over; ///< set by fn: no more is wanted
};

/**
 * Call sweep->fn for all data of all modules; windows without a resident page are left
 * out. Errors: NOMEM, GONE, CANCELLED, fn's.
 */
struct ms_error *ms_sweep_data(struct ms_sweep *sweep) MS_MUST_CHECK;

/**
 * Called for an address. Errors: any; ends the walk.
 */
typedef struct ms_error *(*ms_boundary_fn)(
	struct ms_alloc_find *find, uint64_t address, void *arg);

/**
 * Call fn for every multiple of `align` in private anonymous memory that is writable and
 * whose page there is resident, ascending. Errors: CANCELLED, fn's.
 *
 * @param align  a power of two
 */
struct ms_error *ms_sweep_boundaries(struct ms_alloc_find *find, uint64_t align,
	ms_boundary_fn fn, void *arg) MS_MUST_CHECK;
