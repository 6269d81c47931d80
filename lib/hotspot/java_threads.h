/**
 * java_threads - the threads of a JVM as the JVM itself lists them.
 *
 * Java threads are in a list of the JVM's in every build. Its own threads (collector, VM
 * operations, watcher) are in another, which .symtab leads to; without it, and on JDK 8,
 * which has no such list, they are found through pthread_getspecific: HotSpot keeps the
 * address of its Thread under a key of each thread, and a Thread knows the thread's id.
 *
 * Source: runtime/thread.hpp, javaThread.hpp, nonJavaThread.hpp, osThread.hpp,
 *         os/posix/threadLocalStorage_posix.cpp (JDK 8 to 26).
 */
#pragma once

#include "hotspot/fields.h"
#include "hotspot/note.h"
#include "threads/threads.h"

/** Id, name. */
#define MS_JAVA_THREAD_KINDS(X)                                                          \
	X(JAVA, "java")                                                                  \
	X(C1, "c1")                                                                      \
	X(C2, "c2")                                                                      \
	X(COMPILER, "compiler")                                                          \
	X(GC, "gc")                                                                      \
	X(VM, "vm")                                                                      \
	X(OTHER, "other")

enum ms_java_thread_kind {
#define X(id, name) MS_JAVA_THREAD_##id,
	MS_JAVA_THREAD_KINDS(X)
#undef X
	MS_JAVA_THREAD_KIND_COUNT,
};

/** "java", for JSON; "?" for a number that is none. */
const char *ms_java_thread_kind_name(enum ms_java_thread_kind kind);

struct ms_java_thread {
	uint64_t address;               ///< of the JVM's Thread
	uint64_t tid;                   ///< as the target's other threads are numbered
	const struct ms_thread *thread; ///< the kernel's facts; NULL: it has ended, or
					///< the target has no list of threads
	enum ms_java_thread_kind kind;
	const char *class_name; ///< of the JVM's Thread, "CompilerThread"; NULL: not
				///< known
	struct ms_bytes name;   ///< whole, any bytes of the target; empty: not known
	bool has_name;          ///< a thread's name may be empty
	bool is_java;           ///< in the list of Java threads
	const char *state;      ///< "_thread_in_native"; NULL: the JVM does not say
	struct ms_range stack;  ///< without a guard of glibc's; empty: not known
	uint64_t guard;         ///< bytes at its low end that the JVM itself protects
	uint64_t object;        ///< the java.lang.Thread; 0: none
};

struct ms_java_threads {
	MS_ARRAY(struct ms_java_thread) v; ///< ascending tid
	bool has_vm_threads; ///< the JVM's own threads are in it, from the JVM's list
	struct ms_vm_notes notes;
};

/**
 * Read the threads.
 *
 * @param table  what lib/threads found; NULL: without it the JVM's own threads are only
 *               found by its list
 * Errors: NOMEM. What cannot be read is left out and noted.
 * Cost: some twenty small reads a thread.
 */
struct ms_error *ms_java_threads_read(struct ms_java *java, const struct ms_flags *flags,
	const struct ms_thread_table *table, struct ms_java_threads *ret) MS_MUST_CHECK;

/** Release; zeroed is fine. */
void ms_java_threads_deinit(struct ms_java_threads *threads);

/**
 * Put full names, and which threads are the JVM's, into the table.
 * Errors: NOMEM.
 */
struct ms_error *ms_java_threads_name(const struct ms_java_threads *threads,
	struct ms_thread_table *table) MS_MUST_CHECK;

/**
 * True if this is what the kernel would keep of a name: its first 15 bytes, or, in JDK
 * 26, its first 7 and last 6 around two dots. Pure.
 */
bool ms_java_name_fits(struct ms_bytes name, const char *comm);
