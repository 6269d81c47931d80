/**
 * threads - one table of the target's threads and their stacks.
 *
 * The kernel says which threads there are and where those that wait have their stack
 * pointer. glibc says where each stack begins and ends: struct pthread lies at the top of
 * the stack it belongs to and holds the thread's id. glibc keeps all of them in lists:
 * stacks it made for living threads, stacks the program brought (the first thread's among
 * them), and stacks of ended threads that it keeps for the next. This room walks the
 * lists; what they do not give it scans for, checking each struct field by field.
 *
 * It is the sole maker of stack claims. Other rooms may put better names into the table.
 *
 * Source: glibc nptl/descr.h, 2.23 to 2.44, x86-64 (offsets compared in DWARF of ten
 * builds); nptl_db/structs.def, 2.34 and later, for where the lists are.
 */
#pragma once

#include "base/arena.h"
#include "ledger/reader.h"
#include "target/target.h"

/** What a stack was found by. */
enum ms_stack_source {
	MS_STACK_NOT_FOUND,
	MS_STACK_BY_NAME,  ///< the kernel's own name, [stack]
	MS_STACK_BY_LIST,  ///< a list of glibc's
	MS_STACK_BY_SCAN,  ///< a control block met in a scan, or reached from such a one
	MS_STACK_BY_SHAPE, ///< a stack pointer above memory that nobody may touch
};

/** The source as JSON and tables write it; "" for MS_STACK_NOT_FOUND. */
const char *ms_stack_source_name(enum ms_stack_source source);

/** What keeps the low end of a stack from being touched. */
enum ms_guard_kind {
	MS_GUARD_NONE,
	MS_GUARD_MAPPING, ///< a mapping that cannot be written
	MS_GUARD_PAGES,   ///< guard pages inside the mapping (glibc 2.42, Linux 6.13)
};

struct ms_thread_row {
	const struct ms_thread *thread; ///< the kernel's facts; borrowed from the target
	struct ms_bytes
		full_name;      ///< by ms_thread_table_name(); empty: nobody knows more
				///< than the kernel. Any bytes of the target
	struct ms_range stack;  ///< with guard and thread block; start == end: not found
	uint64_t guard;         ///< bytes of guard at its low end, as glibc has it
	uint64_t guard_seen;    ///< bytes there that indeed cannot be written
	uint64_t control_block; ///< address of struct pthread; 0: not found
	uint64_t
		thread_pointer; ///< fs base, TPIDR_EL0: thread-local storage; 0: not known
	bool is_main;           ///< the first thread: its stack is [stack]
	bool is_user; ///< the program brought the memory (pthread_attr_setstack)
	bool is_java; ///< the JVM made it: a Java thread or one of the VM's own
	enum ms_guard_kind guard_kind; ///< of guard_seen
	enum ms_stack_source source;   ///< of the stack's range
	enum ms_grade grade;           ///< of the stack's range
};

/** A stack of a thread that has ended. */
struct ms_ended_stack {
	struct ms_range stack; ///< with guard and thread block
	uint64_t guard;        ///< bytes of guard at its low end, as glibc has it
	uint64_t control_block;
	enum ms_stack_source source;
	enum ms_grade grade;
	bool is_cached; ///< kept for the next thread; else nobody has joined the thread
};

struct ms_thread_table {
	struct ms_thread_row *v; ///< ascending tid
	size_t n;
	struct ms_ended_stack *ended;
	size_t ended_n, ended_cap;
	bool has_more_ended; ///< of ended threads than are kept
	struct ms_arena names;
};

/**
 * Find the stacks of a target's threads.
 *
 * A thread that begins or ends while this runs may be missing.
 *
 * Needs memory to be readable; without that only the first thread's stack, and stacks the
 * kernel or glibc named, are found.
 *
 * Errors: NOMEM, GONE, CANCELLED.
 * Cost: one small read per thread; scans where lists do not help, at most 1 GiB.
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

/**
 * Give a thread a better name than the kernel's, which ends after 15 bytes; it is copied.
 * Errors: NOMEM.
 */
struct ms_error *ms_thread_table_name(struct ms_thread_table *table,
	struct ms_thread_row *row, struct ms_bytes name) MS_MUST_CHECK;

/** The best name there is; borrowed from the table and the target. */
struct ms_bytes ms_thread_name(const struct ms_thread_row *row);

/** Makes the table and hands it to the readers that come after it. */
extern const struct ms_reader ms_threads_reader;

/**
 * Claims the stacks. Comes after those who know better names, and which threads are the
 * JVM's.
 */
extern const struct ms_reader ms_stacks_reader;
