/**
 * agents - what was loaded into a JVM to watch or change it: -javaagent, -agentlib,
 * -agentpath, and what was attached to it later.
 *
 * Options may hold passwords and keys: they are kept apart from names, so that a caller
 * can leave them out.
 *
 * Source: runtime/arguments.hpp AgentLibrary (JDK 8 to 20), prims/jvmtiAgent.hpp (21 to
 *         26). Without .symtab the list is found among libjvm.so's variables, by members
 *         whose library glibc knows under the same name.
 */
#pragma once

#include "hotspot/flags.h"

struct ms_agent {
	const char *name;      ///< "jdwp", a library's path, or a jar's path
	const char *options;   ///< what follows it; NULL: none. May be secret
	const char *library;   ///< path of its library; NULL: not known
	struct ms_range range; ///< where that is mapped; empty: not known
	bool is_java;          ///< name is a jar
	bool is_attached;      ///< not in the JVM's arguments
	bool is_loaded;        ///< in the JVM's own list
};

struct ms_agents {
	MS_ARRAY(struct ms_agent) v; ///< those of the arguments first
	const char *note;            ///< why attached ones may be missing, or NULL
};

/**
 * Read agents. Strings live in the JVM's arena.
 * Errors: NOMEM, GONE.
 * Cost: without .symtab one look at libjvm.so's variables.
 */
struct ms_error *ms_agents_read(struct ms_vm *vm, const struct ms_flags *flags,
	struct ms_agents *ret) MS_MUST_CHECK;

/** Release; zeroed is fine. */
void ms_agents_deinit(struct ms_agents *agents);

/**
 * Take apart one argument of a JVM; false if it is no agent's. Only name, options and
 * is_java are set. Pure but for the arena; also false without memory.
 */
bool ms_agent_parse(const char *argument, struct ms_arena *arena, struct ms_agent *ret);
