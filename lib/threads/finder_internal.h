/**
 * What the ways of finding stacks share: the table being made, what is known of the
 * target's glibc, and what may still be spent.
 *
 * In this order, the first to enter a thread or stack stays:
 *   glibc_lists.c  the heads libc's descriptors name, else heads found in its data
 *   scan.c         control blocks that registers point to, above stack pointers and at
 *                  the tops of stacks; the first thread's in the memory ld.so got for it;
 *                  stacks by shape
 */
#pragma once

#include "threads/ring.h"
#include "threads/threads.h"

/** A row and what it is found by. */
struct ms_row_key {
	uint64_t key;
	size_t row;
};

struct ms_stack_finder {
	struct ms_target *target;
	const struct ms_maps *maps;
	struct ms_thread_table *table;
	struct ms_tcb_layout layout; ///< as libc describes itself, else x86-64's
	struct ms_ring ring;         ///< scratch of the walks
	uint8_t *buffer;             ///< MS_FINDER_BUFFER bytes, scratch of the scans
	struct ms_row_key *by_tid;   ///< tids as the target sees them; ascending
	size_t by_tid_n;
	struct ms_row_key *by_sp; ///< rows whose stack pointer is known; ascending
	size_t by_sp_n;
	// A hostile core could make every thread's search a long one.
	unsigned steps_left; ///< control blocks and heads that may still be followed
	uint64_t bytes_left; ///< of scans
};

enum {
	MS_FINDER_CHUNK = 64 << 10,
	MS_FINDER_BUFFER = MS_FINDER_CHUNK + MS_TCB_BYTES,
};

/** How a control block was come by. */
struct ms_block_origin {
	enum ms_stack_source source;
	enum ms_grade grade;
	bool is_user;   ///< in the list of stacks that programs brought
	bool is_cached; ///< in glibc's cache; else an ended thread waits to be joined
};

/** Make the indexes of rows by tid and stack pointer. Errors: NOMEM. */
struct ms_error *ms_finder_index(struct ms_stack_finder *f) MS_MUST_CHECK;

/**
 * Enter what a control block says into the table.
 *
 * @param ret_new  out: it was not known; may be NULL. A thread that began after the list
 *                 of threads was read has no row, and is never new.
 * Errors: NOMEM.
 */
struct ms_error *ms_finder_enter(struct ms_stack_finder *f,
	const struct ms_control_block *block, const struct ms_block_origin *origin,
	bool *ret_new) MS_MUST_CHECK;

/** Walks of the target's memory, with its layout. */
struct ms_ring_source ms_finder_source(const struct ms_stack_finder *f);

/** Private memory that can be written: where a stack may lie. */
bool ms_is_stack_memory(const struct ms_mapping *m);

/** Enter all that glibc's own lists hold. Errors: NOMEM, GONE, CANCELLED. */
struct ms_error *ms_glibc_lists(struct ms_stack_finder *f) MS_MUST_CHECK;

/** Scan for what the lists did not give. Errors: NOMEM, GONE, CANCELLED. */
struct ms_error *ms_scan_stacks(struct ms_stack_finder *f) MS_MUST_CHECK;

/** The stack of a row by its shape alone, if it has one. */
void ms_scan_shape(const struct ms_stack_finder *f, struct ms_thread_row *row);

/** Bytes at the low end of a stack that may not be touched, and what keeps them so. */
uint64_t ms_guard_seen(
	const struct ms_stack_finder *f, struct ms_range stack, enum ms_guard_kind *ret);
