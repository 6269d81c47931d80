/**
 * nmt_table - native memory tracking as a table, without asking the JVM.
 *
 * What `jcmd PID VM.native_memory` prints, read from outside: malloc'ed memory by the headers
 * of the blocks themselves, and what the JVM counts of it and of virtual memory where .symtab
 * leads to its counters. With what it does not know: how much of it is resident, what others
 * took from malloc, and what malloc keeps of what was freed.
 */
#pragma once

#include "hotspot/nmt.h"
#include "threads/threads.h"

struct ms_nmt_row {
	const char *name;                 ///< the category, in the JVM's words, or ours
	bool is_category;                 ///< else a row that the JVM does not have
	uint64_t blocks, bytes, resident; ///< found; bytes as they were asked for
	bool has_told;                    ///< of malloc, by the JVM's own counters
	uint64_t told_blocks, told_bytes;
	bool has_virtual; ///< by the JVM's own counters
	uint64_t reserved, committed;
};

struct ms_nmt_table {
	MS_ARRAY(struct ms_nmt_row)
	v; ///< categories as the JVM numbers them, then others
	bool has_virtual;
};

/**
 * Make the table.
 *
 * @param nmt      tracking must be on
 * @param threads  of lib/threads; may be NULL
 * @param workers  0: one per processor
 * Errors: NOMEM, GONE, CANCELLED.
 * Cost: a walk over all blocks of malloc, and their first bytes.
 */
struct ms_error *ms_nmt_table_make(struct ms_vm *vm, const struct ms_nmt *nmt,
	const struct ms_thread_table *threads, unsigned workers,
	const struct ms_cancel *cancel, struct ms_nmt_table *ret) MS_MUST_CHECK;

/** Release; zeroed is fine. */
void ms_nmt_table_deinit(struct ms_nmt_table *table);
