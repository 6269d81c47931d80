/**
 * A progress line on a terminal: "reading 1,203.0 of 2,237.0 MiB, 53%, 1,480.2 MiB/s".
 *
 * Appears after one second, is redrawn at most ten times a second, only while our process
 * group owns the terminal, and is erased at the end. Any thread may report.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct ms_progress {
	int fd;           ///< a terminal, borrowed; -1: never draws
	bool is_forced;   ///< draw although fd is no terminal, one line each time
	unsigned width;   ///< columns of the terminal, 0: not known; never wrapped
	const char *verb; ///< ours: "reading"
	uint64_t total;   ///< bytes; 0: not known
	uint64_t (*now_ns)(void); ///< the clock; tests give their own
	uint64_t started_ns;
	_Atomic uint64_t done;
	_Atomic uint64_t next_ns; ///< no drawing before
	atomic_flag is_drawing;
	atomic_bool is_visible;
};

/**
 * Start.
 *
 * @param progress  is_forced, width and now_ns are the caller's, all else is set here
 * @param fd     where to draw, -1 for never
 * @param verb   ours, borrowed
 * @param total  bytes expected, 0 if that is not known
 */
void ms_progress_start(
	struct ms_progress *progress, int fd, const char *verb, uint64_t total);

/** Add bytes done and redraw if it is time. Safe from any thread; two atomics if not. */
void ms_progress_add(struct ms_progress *progress, uint64_t bytes);

/** Erase the line if it is visible, so that a message can be printed; it may come back.
 */
void ms_progress_clear(struct ms_progress *progress);

/** Erase the line for good. */
void ms_progress_end(struct ms_progress *progress);
