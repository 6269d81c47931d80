/**
 * nmt_sites - who called malloc, as native memory tracking has it with =detail.
 *
 * The JVM keeps a table of call sites: up to four return addresses, a category, and how many
 * blocks and bytes of that site are in use. `jcmd PID VM.native_memory detail` prints it; here
 * it is read from outside. Where it lies only .symtab tells.
 *
 * Source: services/mallocSiteTable.hpp, allocationSite.hpp (JDK 8 to 17),
 *         nmt/mallocSiteTable.hpp (JDK 21 to 26).
 */
#pragma once

#include "hotspot/nmt.h"

enum {
	MS_NMT_FRAMES = 4,
};

struct ms_nmt_site {
	uint64_t frames[MS_NMT_FRAMES]; ///< return addresses, innermost first; 0: none
	const char
		*names[MS_NMT_FRAMES]; ///< "os::malloc+0x2d", in the JVM's arena; or NULL
	const char *category;          ///< in the JVM's words
	uint64_t blocks, bytes;        ///< in use, by the JVM's own counters
};

struct ms_nmt_sites {
	MS_ARRAY(struct ms_nmt_site) v; ///< most bytes first; none that has no block
	bool is_found;                  ///< the table is there: tracking is in detail
	bool is_complete;               ///< else there are more, or a chain was broken
};

/**
 * Read the table.
 *
 * @param nmt  tracking must be on
 * Errors: NOMEM. Cost: a small read a site, of which there are some 3,000; at most 65,536.
 */
struct ms_error *ms_nmt_sites_read(struct ms_vm *vm, const struct ms_nmt *nmt,
	struct ms_nmt_sites *ret) MS_MUST_CHECK;

/** Release; zeroed is fine. */
void ms_nmt_sites_deinit(struct ms_nmt_sites *sites);
