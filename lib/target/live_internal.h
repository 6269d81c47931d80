/** The live target's descriptors, shared by opening (live.c) and reading (live_read.c).
 */
#pragma once

#include <stdatomic.h>

#include "target/target_internal.h"

struct ms_live {
	uint64_t pid;
	int proc_fd;    ///< directory: pins the struct pid, so it never names another
			///< process
	int mem_fd;     ///< pins the mm: reads give 0 once it is gone; -1 if refused
	int pagemap_fd; ///< -1 if refused
	int status_fd;
	atomic_bool avoids_vm_readv; ///< the call was refused once, or must not be tried
};

/** The error that says the process ended. */
struct ms_error *ms_live_gone(const struct ms_live *live) MS_MUST_CHECK;

/** ms_target_ops.read of a live target. */
struct ms_error *ms_live_read(struct ms_target *target, const struct ms_mapping *mapping,
	struct ms_range window, uint8_t *to, struct ms_gaps *gaps) MS_MUST_CHECK;
