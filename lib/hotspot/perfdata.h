/**
 * perfdata - the counters a JVM keeps for jstat and jcmd PerfCounter.print.
 *
 * They are in the file /tmp/hsperfdata_USER/PID that the JVM has mapped, or in memory of
 * its own with -XX:+PerfDisableSharedMem; read here from its memory, so that a core has
 * them as well. With -XX:-UsePerfData there are none.
 *
 * Source: runtime/perfMemory.hpp, JDK 8 to 26 (format 2.0).
 */
#pragma once

#include "hotspot/vm.h"

struct ms_counter {
	const char *name;
	bool is_text;
	int64_t number;       ///< unless is_text
	struct ms_bytes text; ///< if is_text, without trailing NULs; any bytes
	uint8_t unit;         ///< 1 none, 2 bytes, 3 ticks, 4 events, 5 text, 6 Hz
};

struct ms_counters {
	MS_ARRAY(struct ms_counter) v; ///< by name
	const char *note;              ///< why there are none, or not all; NULL: all
};

/**
 * Read all counters; strings live in the JVM's arena.
 *
 * Errors: NOMEM. What makes no sense is left out.
 * Cost: one read of 32 KiB.
 */
struct ms_error *ms_counters_read(
	struct ms_vm *vm, struct ms_counters *ret) MS_MUST_CHECK;

/**
 * Parse the bytes of a hsperfdata file. Pure but for the arena.
 *
 * @return NOMEM; ret->note if they are not of the known format
 */
struct ms_error *ms_counters_parse(struct ms_bytes bytes, struct ms_arena *arena,
	struct ms_counters *ret) MS_MUST_CHECK;

/** Release; zeroed is fine. */
void ms_counters_deinit(struct ms_counters *counters);

/** The counter of this name, or NULL. Cost: logarithmic. */
const struct ms_counter *ms_counter_find(
	const struct ms_counters *counters, const char *name);

/** Its number; `otherwise` if there is no such counter. */
int64_t ms_counter_number(
	const struct ms_counters *counters, const char *name, int64_t otherwise);

/** Its text; NULL if there is no such counter. */
const char *ms_counter_text(const struct ms_counters *counters, const char *name);
