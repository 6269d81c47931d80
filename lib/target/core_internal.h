/** What the files about cores and snapshots share. */
#pragma once

#include "elf/core.h"
#include "target/target_internal.h"

struct ms_core_target {
	int fd;
	struct ms_elf_source source;
	struct ms_core *core;
	struct ms_gaps gaps; ///< of a snapshot's note: ascending, disjoint
	bool is_snapshot;
};

/** Fill a target from the notes of a snapshot. Errors: FORMAT, UNSUPPORTED, NOMEM. */
struct ms_error *ms_snapshot_load(
	struct ms_target *target, struct ms_core_target *file) MS_MUST_CHECK;

/** ms_target_ops.read of both. */
struct ms_error *ms_core_target_read(struct ms_target *target,
	const struct ms_mapping *mapping, struct ms_range window, uint8_t *to,
	struct ms_gaps *gaps) MS_MUST_CHECK;
