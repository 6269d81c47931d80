/**
 * What the kernel itself says: the kind of each mapping, and what is charged beside Rss.
 */
#pragma once

#include "ledger/reader.h"
#include "target/target.h"

/**
 * Claims every mapping by its line in maps (rank mapping), the .bss behind libraries, and
 * adds the rows outside.*. Needs no permission to read memory.
 */
extern const struct ms_reader ms_kernel_reader;

/** Add the rows beside Rss. Errors: NOMEM. */
struct ms_error *ms_kernel_outside(struct ms_reading *reading) MS_MUST_CHECK;

/** Claim the .bss of each mapped library that is a mapping of its own. Errors: NOMEM,
 * LIMIT. */
struct ms_error *ms_kernel_bss(struct ms_reading *reading) MS_MUST_CHECK;
