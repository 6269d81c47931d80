/**
 * heap - the Java heap of any collector, as spaces and the regions they are made of.
 *
 * A collector without regions has one for each space. Names are those of the JVM's own
 * log: eden, from, to, tenured under Serial; eden, survivor, old, humongous under G1; and
 * so on.
 */
#pragma once

#include "hotspot/flags.h"
#include "hotspot/note.h"
#include "hotspot/vm.h"
#include "ledger/kind.h"

/** Id, JSON name, title, flag. */
#define MS_COLLECTORS(X)                                                                 \
	X(UNKNOWN, "unknown", "unknown collector", "")                                   \
	X(SERIAL, "serial", "Serial", "UseSerialGC")                                     \
	X(PARALLEL, "parallel", "Parallel", "UseParallelGC")                             \
	X(CMS, "cms", "CMS", "UseConcMarkSweepGC")                                       \
	X(G1, "g1", "G1", "UseG1GC")                                                     \
	X(Z, "z", "ZGC", "UseZGC")                                                       \
	X(SHENANDOAH, "shenandoah", "Shenandoah", "UseShenandoahGC")                     \
	X(EPSILON, "epsilon", "Epsilon", "UseEpsilonGC")

enum ms_collector {
#define X(id, name, title, flag) MS_COLLECTOR_##id,
	MS_COLLECTORS(X)
#undef X
	MS_COLLECTOR_COUNT,
};

/** "g1", for JSON. */
const char *ms_collector_name(enum ms_collector collector);

/** "G1", for people. */
const char *ms_collector_title(enum ms_collector collector);

/** What can be done with a space's objects. */
enum ms_space_walk {
	MS_SPACE_NO_OBJECTS, ///< free, or not committed
	MS_SPACE_WALKABLE, ///< objects lie end to end from each region's start to its top
	MS_SPACE_OPAQUE,   ///< objects, with gaps that only the collector knows
};

struct ms_heap_space {
	const char *name;
	const char *owner; ///< "java.heap.eden"
	bool is_young;
	enum ms_space_walk walk;
	struct ms_range range; ///< where it is one piece; else empty
	uint64_t top;          ///< where it is one piece: behind the last object
	uint64_t capacity;     ///< bytes of its regions
	uint64_t used;         ///< from start to top of each
	uint64_t resident;     ///< bytes, of the pages in it
	uint32_t region_n;
};

struct ms_heap_region {
	struct ms_range range;
	uint64_t top;      ///< within range: behind the last object
	uint32_t space;    ///< index
	uint32_t number;   ///< the collector's own, from 0
	bool is_continued; ///< begins within an object that began in an earlier region
};

/** What one generation has of the heap; Serial, Parallel and CMS. */
struct ms_heap_generation {
	const char *name;
	bool is_young;
	struct ms_range reserved;
	uint64_t committed_end; ///< from reserved.start on
};

/** Memory the collector keeps beside the heap: cards, offsets, bitmaps. */
struct ms_heap_table {
	const char *what;
	struct ms_range range; ///< as reserved
	enum ms_grade grade;
};

struct ms_heap {
	enum ms_collector collector;
	enum ms_flag_origin chosen_by; ///< command line, ergonomics, …
	uint64_t object;               ///< address of the CollectedHeap
	struct ms_range reserved;      ///< empty: not known (ZGC)
	uint64_t max;                  ///< MaxHeapSize, bytes
	uint64_t region_bytes;         ///< 0: no regions
	uint64_t collections;          ///< counted by the JVM since its start
	bool has_collections;          ///< the count could be read
	uint64_t young_generation; ///< address of DefNewGeneration; 0: another collector
	MS_ARRAY(struct ms_heap_space) spaces;
	MS_ARRAY(struct ms_heap_region) regions; ///< ascending by address
	MS_ARRAY(struct ms_heap_generation) generations;
	MS_ARRAY(struct ms_heap_table) tables;
	struct ms_vm_notes notes; ///< what could not be had, and why
};

/**
 * Read the layout of the heap.
 *
 * Spaces that make no sense are left out and noted.
 * Errors: NOMEM.
 * Source: memory/ and gc/ of HotSpot, JDK 8 to 26; which field says what is in each
 *         heap_*.c.
 * Cost: four small reads a region.
 */
struct ms_error *ms_heap_read(struct ms_vm *vm, const struct ms_flags *flags,
	struct ms_heap *ret) MS_MUST_CHECK;

/** Release; zeroed is fine. */
void ms_heap_deinit(struct ms_heap *heap);

/** The region that holds an address, or NULL. Cost: logarithmic. */
const struct ms_heap_region *ms_heap_region_at(
	const struct ms_heap *heap, uint64_t address);

/** Sum over spaces. */
struct ms_heap_sum {
	uint64_t capacity, used, resident;
};
struct ms_heap_sum ms_heap_sum(const struct ms_heap *heap);
