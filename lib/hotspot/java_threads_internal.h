/**
 * What the readers of threads share: java_threads.c for those that run Java, vm_threads.c
 * for the JVM's own.
 */
#pragma once

#include "hotspot/java_threads.h"

/** Threads that are being read. */
struct ms_thread_reading {
	struct ms_java *java;
	const struct ms_thread_table *table; ///< may be NULL
	struct ms_java_threads *threads;
	uint64_t guard;        ///< bytes the JVM protects of a Java thread's stack
	uint64_t thread_class; ///< java.lang.Thread; 0: not met yet
	uint64_t name_at;      ///< offset of its name
};

/** Add a Thread, unless the kernel does not know it. Errors: NOMEM. */
struct ms_error *ms_thread_reading_add(
	struct ms_thread_reading *r, uint64_t address, bool is_java) MS_MUST_CHECK;

/** Note what could not be had; the text is static. Errors: NOMEM. */
struct ms_error *ms_thread_reading_note(
	struct ms_thread_reading *r, const char *text) MS_MUST_CHECK;

/** True if this may be the Thread of the thread that calls itself `id`. */
bool ms_java_thread_is_of(const struct ms_vm *vm, uint64_t address, uint64_t id);

/** Add the JVM's own threads. Errors: NOMEM. */
struct ms_error *ms_vm_threads_read(struct ms_thread_reading *r) MS_MUST_CHECK;
