/**
 * threads - one table of the target's threads and their stacks.
 *
 * The kernel says which threads there are and where those that wait have their stack
 * pointer. glibc says where each stack begins and ends: struct pthread lies at the top of
 * the stack it belongs to, points to itself twice and holds the thread's id. This room
 * finds it, checks it field by field, and follows the list that links all of them, so
 * that running threads are found too.
 *
 * It is the sole maker of stack claims. Other rooms may put better names into the table.
 *
 * Source: glibc nptl/descr.h, 2.23 to 2.44, x86-64 (offsets compared in DWARF of ten
 * builds).
 */
#pragma once

#include "ledger/reader.h"
#include "target/target.h"

struct ms_thread_row {
	const struct ms_thread *thread; ///< the kernel's facts; borrowed from the target
	struct ms_range stack;  ///< with guard and thread block; start == end: not found
	uint64_t guard;         ///< bytes of glibc's own guard at its low end
	uint64_t control_block; ///< address of struct pthread; 0: not found
	bool is_main;           ///< the first thread: its stack is [stack]
	bool is_java;           ///< the JVM made it: a Java thread or one of the VM's own
	enum ms_grade grade;    ///< of the stack's range
};

/** A stack that glibc keeps from a thread that has ended. */
struct ms_ended_stack {
	struct ms_range stack;
};

struct ms_thread_table {
	struct ms_thread_row *v; ///< ascending tid
	size_t n;
	struct ms_ended_stack *ended;
	size_t ended_n, ended_cap;
};

/**
 * Find the stacks of a target's threads.
 *
 * Needs memory to be readable; without that only the first thread's stack, and stacks the
 * kernel or glibc named, are found.
 *
 * Errors: NOMEM, GONE, CANCELLED.
 * Cost: a few pages per thread.
 */
struct ms_error *ms_thread_table_make(
	struct ms_target *target, struct ms_thread_table **ret) MS_MUST_CHECK;

/** Free; NULL is fine. */
void ms_thread_table_free(struct ms_thread_table *table);

/** The row of a thread, or NULL. Cost: logarithmic. */
struct ms_thread_row *ms_thread_table_find(
	const struct ms_thread_table *table, uint64_t tid);

/** The row whose stack holds the address, or NULL. Cost: linear in threads. */
const struct ms_thread_row *ms_thread_table_at(
	const struct ms_thread_table *table, uint64_t address);

/** Claims stacks and hands the table to the readers that come after it. */
extern const struct ms_reader ms_threads_reader;
