/**
 * collections - what the JVM's own logs say of its last garbage collections.
 *
 * The heap is printed into a ring before and after each collection; text and spaces
 * differ by version and collector. What a line is, a table says (collections.c); lines
 * that are in no table are left out, and so are those that the ring cut off.
 */
#pragma once

#include "hotspot/events.h"
#include "hotspot/perfdata.h"

enum {
	MS_HEAP_TEXT_SPACES_MAX = 16,
};

/** One space, as one text has it. */
struct ms_heap_text_space {
	const char *name;            ///< "eden", "tenured", "heap", "metaspace"; static
	uint64_t capacity, used;     ///< bytes
	bool has_capacity, has_used; ///< the text says so
	bool is_exact; ///< used is exact to the byte, not to the KiB or region
};

/** One text of the ring. */
struct ms_heap_text {
	bool is_before;
	uint64_t invocations; ///< collections before this text's moment
	uint64_t full;        ///< full ones among them
	struct ms_heap_text_space spaces[MS_HEAP_TEXT_SPACES_MAX];
	size_t n;
};

/**
 * Parse one text of "GC Heap History", "GC Heap Usage History" or "Metaspace Usage
 * History". Pure.
 *
 * Names: eden, from, to, young, tenured (Serial, Parallel, CMS), heap, eden, young,
 * survivor, old, humongous, free (G1), heap (ZGC, Shenandoah), metaspace, class space.
 *
 * @return false if it does not begin as one
 * Source: CollectedHeap::print_heap_before_gc() and print_on() of each collector (JDK 8 to
 *         26).
 */
bool ms_heap_text_parse(struct ms_bytes text, struct ms_heap_text *ret);

/** One collection; a text that is no longer in the ring is missing. */
struct ms_collection {
	uint64_t number;        ///< collections before it
	bool is_full, has_kind; ///< a full one; whether that is known
	bool is_uncounted; ///< the old half of a full one of the generational ZGC, whose
			   ///< young half has a row of its own
	bool has_before, has_after;
	uint64_t before_ns, after_ns; ///< since the JVM's start, of the texts
	struct ms_heap_text before, after;
	const char *operation; ///< "G1CollectForAllocation"; NULL: not known
	const char *cause;     ///< "G1 Evacuation Pause"; NULL: not known
};

struct ms_collections {
	MS_ARRAY(struct ms_collection) v; ///< as they began
};

/**
 * Pair the texts of the rings.
 *
 * A collection without a text after it is under way, or its text was overwritten while it
 * was read.
 *
 * @param counters  for the cause of the last one; NULL: not known
 * @param arena     receives texts
 * Errors: NOMEM.
 */
struct ms_error *ms_collections_make(const struct ms_events *events,
	const struct ms_counters *counters, struct ms_arena *arena,
	struct ms_collections *ret) MS_MUST_CHECK;

/** Release; zeroed is fine. */
void ms_collections_deinit(struct ms_collections *collections);

/** The space of this name, or NULL. */
const struct ms_heap_text_space *ms_heap_text_find(
	const struct ms_heap_text *text, const char *name);
