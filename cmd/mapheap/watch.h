/**
 * Watching: every collection as it happens, and what became of some objects.
 */
#pragma once

#include "mapheap.h"

/** What --follow asks for. */
struct follow {
	char name[256];  ///< of the class, "byte[]"; "": nothing
	uint64_t length; ///< elements; 0: any
};

/** Take "byte[2M]", "byte[]" or "java.lang.Object[]" apart; false if it is none. */
bool follow_parse(const char *text, struct follow *ret);

struct watch_options {
	struct ms_target_options target;
	uint64_t large;
	unsigned workers;
	struct follow follow;
	unsigned poll_ms;
};

/** A target that is watched. */
struct watch {
	const struct watch_options *options;
	const char *name;
	struct view view; ///< as of the last look; vm is NULL before the first
	uint64_t seen;    ///< collections that were shown
	uint64_t counted; ///< by the JVM, when it was looked at last
	bool is_begun;
	unsigned idle;         ///< looks that found nothing although the count moved
	uint64_t uncounted_ns; ///< end of the last one shown that the JVM does not count
	struct ages_before ages; ///< after the last collection that was shown
	bool has_ages;           ///< no collection came between that and its ages
};

/**
 * Look once: print what happened since the last time.
 *
 * Errors: GONE if the process ended; UNSUPPORTED if there is no JVM (yet); as view_open.
 */
struct ms_error *watch_step(struct watch *watch, struct ms_out *out,
	const struct ms_cancel *cancel) MS_MUST_CHECK;

/** Watch until the process ends or the user interrupts. Errors: as watch_step. */
struct ms_error *watch_run(struct ms_cli *cli, const char *name,
	const struct watch_options *options) MS_MUST_CHECK;

/** Release; zeroed is fine. */
void watch_close(struct watch *watch);

#define _cleanup_watch_ __attribute__((cleanup(watch_close)))
