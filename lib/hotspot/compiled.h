/**
 * compiled - what the compilers of a JVM were busy with lately.
 *
 * The ring of compilation events holds when a thread took a method up and when it was done
 * with it: what a compiler left in freed memory gets a name and a date. The ring is short
 * (20 records unless LogEventsBufferEntries says more); of a compilation that took long, the
 * beginning may be gone.
 *
 * Source: compiler/compileBroker.cpp, CompilationLog (JDK 8 to 26).
 */
#pragma once

#include "hotspot/events.h"
#include "hotspot/vm.h"

struct ms_reading;

struct ms_compiled {
	uint64_t id;        ///< the JVM's number of the compilation
	const char *method; ///< "Big::big(I)I", or "Big::big" where its code is gone
	unsigned tier;      ///< 1 to 4
	uint64_t began_ns;  ///< since the JVM's start, at the latest
	uint64_t ended_ns;  ///< since the JVM's start
	bool is_longer;     ///< when it began the ring holds no more
	bool is_given_up;
};

struct ms_compileds {
	MS_ARRAY(struct ms_compiled) v; ///< as they ended
};

/**
 * Pair the beginnings with the ends. Those whose method or tier cannot be told are left out.
 * Errors: NOMEM. Cost: some ten small reads an event.
 */
struct ms_error *ms_compiled_read(struct ms_vm *vm, const struct ms_events *events,
	struct ms_compileds *ret) MS_MUST_CHECK;

/** Release; zeroed is fine. */
void ms_compiled_deinit(struct ms_compileds *compiled);

/**
 * Tell a survey what C1 and C2 took longest to compile, for memory that they used last.
 * What took less than a hundredth of a second is not told. Errors: NOMEM.
 */
struct ms_error *ms_compiled_tell(struct ms_vm *vm, const struct ms_compileds *compiled,
	struct ms_reading *reading) MS_MUST_CHECK;
