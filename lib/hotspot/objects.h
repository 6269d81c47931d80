/**
 * objects - every Java object of a heap, in bulk.
 *
 * Objects lie end to end from each region's start to its top. Each one's class says how
 * long it is, and so where the next one begins. What breaks the row is tolerated: unused
 * ends of threads' buffers are known and passed over; words of which no class can be had
 * (a class that was unloaded, memory that changed while it was read, a collection under
 * way) are skipped up to the next place where several objects follow each other, and
 * counted.
 *
 * Objects that nothing refers to any more are objects as well: a walk cannot tell.
 *
 * Workers read windows and hand out batches. Large pieces are cut, and each part begins
 * where an object seems to: the ends must meet in the end, or everything is walked once
 * more, uncut.
 */
#pragma once

#include "base/pool.h"
#include "hotspot/classes.h"
#include "hotspot/heap.h"

enum {
	MS_OBJECT_HEAD = 256, ///< bytes of an object that a visitor sees at least
	MS_OBJECT_BATCH = 256,
	MS_OBJECT_WORKERS_MAX = 16,
};

struct ms_object {
	uint64_t address;
	uint64_t bytes; ///< up to the next one, but for a medium page of ZGC
	uint64_t mark;  ///< the mark word
	const struct ms_class *class;
	uint32_t length;     ///< of an array: elements; else 0
	const uint8_t *head; ///< its first bytes, MS_OBJECT_HEAD or all; in a visit only
};

struct ms_object_batch {
	const struct ms_object *v; ///< ascending
	size_t n;
	uint32_t space;  ///< index in the heap's
	unsigned worker; ///< who hands it out
};

/**
 * Look at some objects. Must not read the target through the JVM's peek, nor ask for
 * classes.
 *
 * Errors: any; ends the walk.
 * Thread: a worker; one call at a time for each.
 */
typedef struct ms_error *(*ms_object_fn)(void *arg, const struct ms_object_batch *batch);

/** What to do on a walk. */
struct ms_object_visit {
	ms_object_fn fn;
	/**
	 * Forget all that was seen: everything comes once more. NULL: the visitor cannot,
	 * and then nothing is cut.
	 */
	void (*again)(void *arg);
	void *arg;
	unsigned workers; ///< 1 to MS_OBJECT_WORKERS_MAX; 0: as the machine has it
	const struct ms_cancel *cancel; ///< may be NULL
};

/** What a walk came across. Bytes of all of these are not in any object. */
struct ms_object_walk {
	uint64_t objects, bytes;
	uint64_t tlab_bytes;       ///< unused ends of threads' buffers
	uint64_t tail_bytes;       ///< behind humongous objects: fillers nobody counts
	uint64_t torn, torn_bytes; ///< places without a class, and what was skipped there
	uint64_t empty_bytes;      ///< zeros where an object should begin
	uint64_t missing_bytes;    ///< swapped out or refused; they read as zeros
};

struct ms_objects;

/**
 * Prepare to walk.
 *
 * @param vm, flags, heap  borrowed, as is `classes`
 * Errors: NOMEM.
 */
struct ms_error *ms_objects_new(struct ms_vm *vm, const struct ms_flags *flags,
	const struct ms_heap *heap, struct ms_classes *classes,
	struct ms_objects **ret) MS_MUST_CHECK;

/** Free; NULL is fine. */
void ms_objects_free(struct ms_objects *objects);
MS_DEFINE_CLEANUP(struct ms_objects *, ms_objects_free);
#define _cleanup_objects_ _cleanup_(cleanup_ms_objects_free)

/** The table of classes; never NULL. */
const struct ms_classes *ms_objects_classes(const struct ms_objects *objects);

/**
 * Visit every object of every space that can be walked.
 *
 * Errors: NOMEM, GONE, CANCELLED, the visitor's.
 * Cost: one read of the used heap but for the insides of large arrays; over 1 GB/s a
 *       worker. 512 KiB a worker.
 * Thread: main thread only; nobody else may use the JVM's peek or arena meanwhile.
 */
struct ms_error *ms_objects_walk(struct ms_objects *objects,
	const struct ms_object_visit *visit, struct ms_object_walk *ret) MS_MUST_CHECK;

/**
 * The object that holds an address; ret->class is NULL if none does. Its head is NULL.
 *
 * Errors: NOMEM, GONE, CANCELLED.
 * Cost: a walk from the region's start: a few MiB with regions, else up to all of a space.
 */
struct ms_error *ms_objects_locate(struct ms_objects *objects, uint64_t address,
	struct ms_object *ret) MS_MUST_CHECK;

/**
 * How often an object survived a collection, 0 to 15; -1 if it cannot be told.
 *
 * The mark word holds it, unless the object is locked or inflated: then the word is in
 * the lock. Source: oops/markWord.hpp.
 *
 * Cost: a read where the mark word is displaced. Any thread.
 */
int ms_object_age(const struct ms_objects *objects, uint64_t mark);
