/**
 * variables - the static variables of libjvm.so, all of them, without their names.
 *
 * Where neither the JVM's tables nor .symtab say where a variable is, it can be told by
 * what it points to.
 */
#pragma once

#include "hotspot/vm.h"

/**
 * See one variable: a word that is not zero, and where it lies. Returns true to stop.
 */
typedef bool (*ms_vm_variable_fn)(void *arg, uint64_t address, uint64_t word);

/**
 * Call a function with every word of the library's writable data, .bss included.
 *
 * Errors: NOMEM, GONE.
 * Cost: reads what is resident of it, some 1 MiB.
 */
struct ms_error *ms_vm_variables_walk(
	struct ms_vm *vm, ms_vm_variable_fn fn, void *arg) MS_MUST_CHECK;

/** True if all of [address, address + n) is private memory that can be written. */
bool ms_vm_is_writable(const struct ms_vm *vm, uint64_t address, uint64_t n);

/**
 * A text that is as long as a name: printable ASCII, at least one byte. In the JVM's
 * arena; NULL if it is none.
 */
const char *ms_vm_name(struct ms_vm *vm, uint64_t address);
