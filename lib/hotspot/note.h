/**
 * note - what could not be had of a JVM, and why: one line each.
 */
#pragma once

#include "hotspot/vm.h"

/** Lines in the JVM's arena; zeroed is empty. */
struct ms_vm_notes {
	const char **v;
	size_t n, cap;
};

/** Note a line, once per text; beyond 64 lines nothing more. Errors: NOMEM. */
struct ms_error *ms_vm_note(struct ms_vm *vm, struct ms_vm_notes *notes,
	const char *format, ...) MS_MUST_CHECK MS_PRINTF(3, 4);
