/**
 * histogram - what the Java heap is full of: objects by class and space, by age, and the
 * large ones.
 */
#pragma once

#include "hotspot/note.h"
#include "hotspot/objects.h"

enum {
	MS_AGES = 16,            ///< 0 to 15
	MS_LARGE_OBJECTS = 4096, ///< kept at most
};

struct ms_histogram_row {
	const struct ms_class *class;
	uint32_t space; ///< index in the heap's
	uint64_t instances;
	uint64_t bytes;
};

/**
 * Objects of one age in one space. In an old space the age is the one at which they were
 * promoted, since copying keeps the mark word; it is 0 as well of what was allocated
 * there, of what did not fit in a survivor space, and after a full collection. ZGC and
 * Shenandoah keep no ages of objects.
 * Source: DefNewGeneration::copy_to_survivor_space(),
 *         G1ParScanThreadState::do_copy_to_survivor_space() (JDK 8 to 26).
 */
struct ms_age_row {
	uint32_t space;
	int age; ///< -1: could not be told
	uint64_t objects;
	uint64_t bytes;
};

struct ms_large_object {
	const struct ms_class *class;
	uint64_t address;
	uint64_t bytes;
	uint32_t length; ///< elements, of an array; else 0
	uint32_t space;
	int age; ///< -1: could not be told
};

struct ms_histogram {
	MS_ARRAY(struct ms_histogram_row) rows; ///< most bytes first, class by class
	MS_ARRAY(struct ms_age_row) ages;       ///< by space and age, those with objects
	MS_ARRAY(struct ms_large_object) large; ///< largest first
	uint64_t large_n;                       ///< of that size, kept or not
	struct ms_object_walk walk;
	struct ms_vm_notes notes; ///< what could not be had, and why
};

/** What to find out. Zeroed is fine. */
struct ms_histogram_options {
	uint64_t large; ///< bytes from which on an object is large; 0: none is
	unsigned workers;
	const struct ms_cancel *cancel;
};

/**
 * Walk the heap and count.
 *
 * Classes belong to the table given to ms_objects_new(), notes to the JVM's arena. The
 * same result for any number of workers, if nothing moves.
 *
 * Errors: NOMEM, GONE, CANCELLED.
 * Cost: as ms_objects_walk(); 16 bytes a class, space and worker.
 */
struct ms_error *ms_histogram_make(struct ms_vm *vm, struct ms_objects *objects,
	const struct ms_heap *heap, const struct ms_histogram_options *options,
	struct ms_histogram *ret) MS_MUST_CHECK;

/** Release; zeroed is fine. */
void ms_histogram_deinit(struct ms_histogram *histogram);

/** What the collector itself keeps of ages; Serial and CMS's young generation. */
struct ms_age_table {
	bool is_there;
	uint64_t bytes[MS_AGES]; ///< that survived so often, as of the last collection
	unsigned threshold;      ///< in force: who is this old is promoted
	uint64_t max_threshold;  ///< MaxTenuringThreshold
	uint64_t desired;        ///< bytes of survivors that the collector aims at
};

/**
 * Read it: what -Xlog:gc+age=trace (JDK 8: -XX:+PrintTenuringDistribution) prints.
 *
 * Source: gc/shared/ageTable.cpp (JDK 8 to 26).
 */
struct ms_age_table ms_age_table_read(
	const struct ms_vm *vm, const struct ms_flags *flags, const struct ms_heap *heap);
