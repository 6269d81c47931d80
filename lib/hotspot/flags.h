/**
 * Flags, arguments and version of a JVM: what -XX:+PrintFlagsFinal and VM.command_line
 * would print.
 */
#pragma once

#include "hotspot/vm.h"

#define MS_FLAG_TYPES(X)                                                                 \
	X(BOOL, "bool", 1)                                                               \
	X(INT, "int", 4)                                                                 \
	X(UINT, "uint", 4)                                                               \
	X(INTX, "intx", 8)                                                               \
	X(UINTX, "uintx", 8)                                                             \
	X(UINT64, "uint64_t", 8)                                                         \
	X(SIZE, "size_t", 8)                                                             \
	X(DOUBLE, "double", 8)                                                           \
	X(TEXT, "ccstr", 8)                                                              \
	X(TEXTS, "ccstrlist", 8)

/** In the JVM's own order, JDK 12 and later. */
enum ms_flag_type {
#define X(id, name, size) MS_FLAG_##id,
	MS_FLAG_TYPES(X)
#undef X
	MS_FLAG_TYPE_COUNT,
};

/** Where a value came from, in the JVM's own order. */
#define MS_FLAG_ORIGINS(X)                                                               \
	X(DEFAULT, "default")                                                            \
	X(COMMAND_LINE, "command line")                                                  \
	X(ENVIRONMENT, "environment")                                                    \
	X(CONFIG_FILE, "config file")                                                    \
	X(MANAGEMENT, "management")                                                      \
	X(ERGONOMIC, "ergonomic")                                                        \
	X(ATTACH, "attach")                                                              \
	X(INTERNAL, "internal")                                                          \
	X(JIMAGE, "jimage")

enum ms_flag_origin {
#define X(id, name) MS_FLAG_FROM_##id,
	MS_FLAG_ORIGINS(X)
#undef X
	MS_FLAG_ORIGIN_COUNT,
};

struct ms_flag {
	const char *name;
	enum ms_flag_type type;
	enum ms_flag_origin origin;
	uint64_t bits;    ///< the value; of text its address
	const char *text; ///< of MS_FLAG_TEXT and TEXTS; NULL if unset or not readable
};

/** Everything the JVM was told; strings live in the JVM's arena. */
struct ms_flags {
	struct ms_flag *v; ///< by name
	size_t n;
	const char *command;    ///< main class and arguments; NULL: not known
	const char **arguments; ///< of the JVM, as given; the last is NULL
	size_t argument_n;
};

/**
 * Read flags and arguments.
 *
 * Errors: NOMEM. What cannot be read is left out.
 * Source: runtime/flags/jvmFlag.hpp (JDK 17), runtime/globals.hpp (8, 11).
 */
struct ms_error *ms_flags_read(struct ms_vm *vm, struct ms_flags *ret) MS_MUST_CHECK;

/** The flag of this name, or NULL. */
const struct ms_flag *ms_flag_find(const struct ms_flags *flags, const char *name);

/** True if there is such a bool flag and it is on. */
bool ms_flag_is_on(const struct ms_flags *flags, const char *name);

/** Its value as an unsigned number; `otherwise` if there is no such flag. */
uint64_t ms_flag_number(
	const struct ms_flags *flags, const char *name, uint64_t otherwise);

/** Name of a type or origin, as the JVM prints it; "?" if it is none. */
const char *ms_flag_type_name(enum ms_flag_type type);
const char *ms_flag_origin_name(enum ms_flag_origin origin);

/** The value as the JVM prints it, cut to `size`. */
void ms_flag_format(const struct ms_flag *flag, char *text, size_t size);
