/**
 * place - can the JVM have such memory at an address?
 */
#pragma once

#include "hotspot/vm.h"

enum ms_place_flags {
	MS_PLACE_CODE = 1 << 0,    ///< executable pages are fine
	MS_PLACE_ARCHIVE = 1 << 1, ///< so are pages of a class data archive
};

/**
 * Is this range whole pages of private memory, from end to end? In a file there may be
 * holes, of what nobody could read; at its start there is memory in any case.
 *
 * @param max    bytes that it may have at the most
 * @param flags  enum ms_place_flags
 * Cost: its mappings.
 */
bool ms_place_is_private(
	const struct ms_vm *vm, struct ms_range range, uint64_t max, unsigned flags);

/** Is this mapping of a file that a class data archive is in? */
bool ms_place_is_archive(const struct ms_mapping *mapping);
