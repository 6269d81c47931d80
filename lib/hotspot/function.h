/**
 * function - names of functions of libjvm.so, by addresses within them.
 *
 * One walk over its symbols answers for many addresses.
 */
#pragma once

#include "hotspot/vm.h"

struct ms_function {
	uint64_t address;
	const char *
		name; ///< in the JVM's arena, printable: "os::malloc+0x2d"; NULL: unknown
};

struct ms_functions {
	MS_ARRAY(struct ms_function) v;
};

/** Ask for the function at an address. Errors: NOMEM. */
struct ms_error *ms_functions_want(
	struct ms_functions *functions, uint64_t address) MS_MUST_CHECK;

/**
 * Find all that were asked for. Names are without arguments, and those of templates stay as
 * the linker has them.
 *
 * Errors: NOMEM. Cost: the library's symbols times the logarithm of the addresses: 50 ms.
 */
struct ms_error *ms_functions_find(
	struct ms_vm *vm, struct ms_functions *functions) MS_MUST_CHECK;

/** After that: the name, or NULL. */
const char *ms_functions_name(const struct ms_functions *functions, uint64_t address);

/** Release; zeroed is fine. */
void ms_functions_deinit(struct ms_functions *functions);

enum {
	MS_FUNCTION_TEXT = 160, ///< bytes of a name with its end
};

/**
 * "_ZN2os6mallocEm8MEMFLAGS" -> "os::malloc". What it cannot take apart, such as templates
 * and operators, it copies; what is not printable ASCII becomes a question mark.
 */
void ms_function_text(struct ms_bytes mangled, char text[MS_FUNCTION_TEXT]);
