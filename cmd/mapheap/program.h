/**
 * A program that mapheap starts, follows, and holds at its exit while its memory is still
 * there.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/base.h"

struct program {
	pid_t pid;         ///< 0: none
	bool is_held;      ///< it stands still at its exit
	bool has_ended;    ///< it is gone: nothing is left to look at
	int status;        ///< once held or ended: as wait(2) has it
	uint64_t start_ns; ///< CLOCK_MONOTONIC
	uint64_t end_ns;
};

/**
 * Start a program, traced: its first thread stops when the process exits, however that
 * comes about, before its memory goes.
 *
 * @param argv  NULL-terminated; the name is looked for in PATH
 * Errors: OS (it cannot be started, or not be traced).
 * Source: ptrace(2), PTRACE_O_TRACEEXIT.
 */
struct ms_error *program_start(struct program *program, char *const argv[]) MS_MUST_CHECK;

/**
 * Pass on what happened to it: signals go where they were sent, and is_held and has_ended
 * are set. Waits for at most `milliseconds`. Errors: OS.
 */
struct ms_error *program_poll(
	struct program *program, unsigned milliseconds) MS_MUST_CHECK;

/** Let it go on to its end, and wait for that. A zeroed one is fine. */
void program_release(struct program *program);

#define _cleanup_program_ __attribute__((cleanup(program_release)))
