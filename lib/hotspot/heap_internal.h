/**
 * What the collectors' readers share: heap_serial.c and its like, one for each.
 */
#pragma once

#include "hotspot/heap.h"

/** A heap that is being read. */
struct ms_heap_reading {
	struct ms_vm *vm;
	const struct ms_flags *flags;
	struct ms_heap *heap;
};

/** Reads one collector's spaces. Errors: NOMEM. */
typedef struct ms_error *(*ms_heap_read_fn)(struct ms_heap_reading *r);

struct ms_error *ms_heap_read_serial(struct ms_heap_reading *r) MS_MUST_CHECK;
struct ms_error *ms_heap_read_parallel(struct ms_heap_reading *r) MS_MUST_CHECK;
struct ms_error *ms_heap_read_g1(struct ms_heap_reading *r) MS_MUST_CHECK;
struct ms_error *ms_heap_read_z(struct ms_heap_reading *r) MS_MUST_CHECK;
struct ms_error *ms_heap_read_shenandoah(struct ms_heap_reading *r) MS_MUST_CHECK;
struct ms_error *ms_heap_read_epsilon(struct ms_heap_reading *r) MS_MUST_CHECK;

/** The tables beside the heap, of any collector. Errors: NOMEM. */
struct ms_error *ms_heap_read_tables(struct ms_heap_reading *r) MS_MUST_CHECK;

/** What kind of space to add: its name, owner, age and how it is walked. */
struct ms_space_kind {
	const char *name, *owner;
	bool is_young;
	enum ms_space_walk walk;
};

/** The young spaces of collectors that have one piece of each. */
extern const struct ms_space_kind ms_space_eden, ms_space_from, ms_space_to;

/** Add a space without regions; *ret is its index. Errors: NOMEM. */
struct ms_error *ms_heap_add_space(struct ms_heap_reading *r,
	const struct ms_space_kind *kind, uint32_t *ret) MS_MUST_CHECK;

/**
 * Add a region to a space: bottom <= top <= end in words, within what is reserved, or it
 * is left out and noted. Errors: NOMEM.
 */
struct ms_error *ms_heap_add_region(
	struct ms_heap_reading *r, const struct ms_heap_region *region) MS_MUST_CHECK;

/** A space of one region. Errors: NOMEM. */
struct ms_error *ms_heap_add_piece(struct ms_heap_reading *r,
	const struct ms_space_kind *kind, uint64_t bottom, uint64_t top,
	uint64_t end) MS_MUST_CHECK;

/** A space that a ContiguousSpace of the JVM's describes. Errors: NOMEM. */
struct ms_error *ms_heap_add_contiguous(struct ms_heap_reading *r,
	const struct ms_space_kind *kind, uint64_t space) MS_MUST_CHECK;

/** Note what could not be had, once per text. Errors: NOMEM. */
struct ms_error *ms_heap_note(
	struct ms_heap_reading *r, const char *format, ...) MS_MUST_CHECK MS_PRINTF(2, 3);

/** Add a generation; one whose bounds make no sense is noted. Errors: NOMEM. */
struct ms_error *ms_heap_put_generation(struct ms_heap_reading *r,
	const struct ms_heap_generation *generation) MS_MUST_CHECK;

/** A generation that a VirtualSpace within `object` describes. Errors: NOMEM. */
struct ms_error *ms_heap_add_generation(struct ms_heap_reading *r, const char *name,
	bool is_young, uint64_t virtual_space) MS_MUST_CHECK;

/** Add a table beside the heap, if it makes sense and is not there yet. Errors: NOMEM. */
struct ms_error *ms_heap_add_table(struct ms_heap_reading *r, const char *what,
	struct ms_range range, enum ms_grade grade) MS_MUST_CHECK;

/** Addresses of the two generations under Serial and CMS, young first. */
bool ms_heap_generations(const struct ms_heap_reading *r, uint64_t ret[2]);

/** Read low_boundary and high_boundary of a VirtualSpace. */
bool ms_heap_virtual_space(
	const struct ms_vm *vm, uint64_t virtual_space, struct ms_range *ret);
