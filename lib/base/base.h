/**
 * base - what every room stands on.
 *
 * Errors, cleanup, arenas, byte spans, address ranges, checked arithmetic, growing
 * arrays, sizes as text, whole-file reads, and a fork-join worker pool with a cancel
 * flag. Includes libc only.
 *
 * Rules that hold everywhere above:
 *  - A fallible function returns `struct ms_error *`; NULL is success (error.h).
 *  - Expected conditions are values, not errors: "not found" is a bool, a hole in
 *    memory is an extent in the result.
 *  - Bytes of a target are a `struct ms_bytes`, never assumed NUL-terminated (bytes.h).
 *  - Sizes are bytes unless a name ends in _kib or _pages; times end in _ns.
 *  - The library never prints, exits or reads the environment.
 */
#pragma once

#include "base/arena.h"
#include "base/array.h"
#include "base/bytes.h"
#include "base/checked.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/pool.h"
#include "base/range.h"
#include "base/size.h"
