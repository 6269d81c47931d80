/**
 * compilations - what each compiler thread of a JVM compiles now.
 *
 * A CompilerThread points to the environment of its compilation, which lies on its stack
 * and points to the task: the method, the tier, whether it replaces a running frame.
 * Everything is in the JVM's tables; when it began, its event log may say.
 *
 * Source: ci/ciEnv.hpp, compiler/compileTask.hpp, oops/method.hpp (JDK 8 to 26).
 */
#pragma once

#include "hotspot/events.h"
#include "hotspot/java_threads.h"

struct ms_reading;

enum {
	MS_METHOD_TEXT_MAX = 200, ///< of a method's name, bytes
};

struct ms_compilation {
	size_t thread;      ///< index in the list of Java threads
	uint64_t id;        ///< the JVM's number of the compilation
	const char *method; ///< "Big::big(I)I", printable; NULL: not known
	unsigned tier;      ///< 1 to 4; 0: not known
	bool is_osr;        ///< replaces a running frame
	uint64_t began_ns;  ///< since the JVM's start; 0: the events do not say
};

struct ms_compilations {
	MS_ARRAY(struct ms_compilation) v; ///< by thread
};

/**
 * Read what is being compiled.
 *
 * @param events  for when it began; NULL: not known
 * Errors: NOMEM.
 * Cost: some twenty small reads a compiler thread.
 */
struct ms_error *ms_compilations_read(struct ms_vm *vm,
	const struct ms_java_threads *threads, const struct ms_events *events,
	struct ms_compilations *ret) MS_MUST_CHECK;

/** Release; zeroed is fine. */
void ms_compilations_deinit(struct ms_compilations *compilations);

/** Methods that wait for a compiler. */
struct ms_compile_queue {
	uint64_t n;
	const char
		*first; ///< the method that waits longest, as ms_method_name(); or NULL
};

/**
 * Read the queue of C1 (is_c2 false) or C2; empty without .symtab.
 * Source: compiler/compileBroker.hpp, CompileQueue (JDK 8 to 26).
 * Cost: a small read a task, 100,000 at the most.
 */
struct ms_compile_queue ms_compile_queue_read(struct ms_vm *vm, bool is_c2);

/** The one of a thread, by its index, or NULL: it is idle. */
const struct ms_compilation *ms_compilation_of(
	const struct ms_compilations *compilations, size_t thread);

/**
 * The name of a method, "Big::big(I)I", in the JVM's arena; parts of it that cannot be read
 * are question marks. NULL if it cannot be read, or is all of them.
 * What is not printable ASCII is a question mark, and it is cut to MS_METHOD_TEXT_MAX.
 */
const char *ms_method_name(struct ms_vm *vm, uint64_t method);

/**
 * Tell a survey of the compilers' own classes, whose vtables stay behind in memory that was
 * freed, as far as there is a .symtab, and of the compilers' threads. Errors: NOMEM.
 * Source: opto/node.hpp, opto/machnode.hpp, c1/c1_LIR.hpp, c1/c1_Instruction.hpp.
 */
struct ms_error *ms_compilers_tell(struct ms_vm *vm,
	const struct ms_java_threads *threads, struct ms_reading *reading) MS_MUST_CHECK;

/** The owner of what such a thread's arenas hold; NULL: it does not compile. */
const char *ms_compiler_owner(enum ms_java_thread_kind kind);
