/**
 * events - what happened in a JVM lately, as it keeps it without being asked.
 *
 * HotSpot has some ten logs, each a ring of the last LogEventsBufferEntries texts with the
 * time and the thread: heap before and after collections, compilations, deoptimizations,
 * libraries loaded, exceptions, VM operations. hs_err files print them.
 *
 * No table says where they are. They form a list, each with its name in libjvm.so and an
 * array of records whose text each record points to itself: that is unmistakable, so the
 * list's head is found among libjvm.so's variables with or without symbols.
 *
 * Source: utilities/events.hpp, gc/shared/collectedHeap.hpp (JDK 8 to 26).
 */
#pragma once

#include "hotspot/note.h"
#include "hotspot/vm.h"

/** One ring. */
struct ms_event_log {
	const char *name;   ///< "GC Heap History", in the JVM's words
	const char *handle; ///< "gc"; NULL before JDK 13
	uint64_t capacity;  ///< records it can hold
	uint64_t count;     ///< records it holds
};

struct ms_event {
	uint32_t log;         ///< index
	uint64_t at_ns;       ///< since the JVM's start
	uint64_t thread;      ///< address of the Thread; 0: the log does not say
	struct ms_bytes text; ///< any bytes of the target; may end in a newline
};

struct ms_events {
	MS_ARRAY(struct ms_event_log) logs;
	MS_ARRAY(struct ms_event) v; ///< by log, then as they happened
	struct ms_vm_notes notes;
};

/**
 * Read all logs. Texts live in the JVM's arena.
 *
 * A record that is written while it is read may be torn.
 *
 * Errors: NOMEM, GONE. Without logs the lists are empty and a note says so.
 * Cost: some 5,000 small reads.
 */
struct ms_error *ms_events_read(struct ms_vm *vm, struct ms_events *ret) MS_MUST_CHECK;

/** Release; zeroed is fine. */
void ms_events_deinit(struct ms_events *events);
