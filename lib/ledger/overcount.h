/**
 * Pages of one file that the process maps several times: which views are surplus.
 */
#pragma once

#include "base/base.h"
#include "proc/maps.h"
#include "proc/pages.h"

/**
 * The ranges whose present file pages are counted a second time: every view of a file's
 * page but the one at the lowest address at which it is present.
 *
 * @param ret  out: ascending; only file pages (MS_PAGE_FILE) in them are surplus
 * Errors: NOMEM.
 * Cost: n log n in mappings, and in page runs of files that are mapped several times.
 */
struct ms_error *ms_overcount_find(const struct ms_maps *maps,
	const struct ms_pages *pages, struct ms_ranges *ret) MS_MUST_CHECK;
