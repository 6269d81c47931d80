/**
 * memwho: the two tables, and what they share.
 */
#pragma once

#include "cli/cli.h"
#include "hotspot/nmt.h"
#include "ledger/ledger.h"
#include "proc/cgroup.h"
#include "target/target.h"

/** What getters need beside the row. */
struct view {
	const struct ms_ledger *ledger;
	const struct ms_smaps *smaps;          ///< or NULL
	const struct ms_cgroup_memory *cgroup; ///< or NULL
};

/** One row per owner; rows are struct ms_ledger_row. */
extern const struct ms_column_set owner_columns;

/** One row per mapping; rows are struct ms_mapping_row. */
extern const struct ms_column_set mapping_columns;

/** One row per arena of malloc; rows are struct ms_arena_line. */
extern const struct ms_column_set arena_columns;

/** One row per block size; rows are struct ms_size_line. */
extern const struct ms_column_set block_columns;

/** One row per thread; rows are struct ms_thread_line. */
extern const struct ms_column_set thread_columns;

/** One row per event of a JVM's own logs. */
extern const struct ms_column_set history_columns;

/** Read and print a JVM's history. Errors: UNSUPPORTED (no JVM), NOMEM, GONE. */
struct ms_error *print_history(struct ms_cli *cli, struct ms_target *target,
	struct ms_table *table) MS_MUST_CHECK;

/** One row per category of native memory tracking; rows are struct ms_nmt_row. */
extern const struct ms_column_set nmt_columns;

/** Read and print it. Errors: UNSUPPORTED (no JVM, or it is off), NOMEM, GONE, CANCELLED. */
struct ms_error *print_nmt(struct ms_cli *cli, struct ms_target *target, unsigned workers,
	struct ms_table *table) MS_MUST_CHECK;

/**
 * Find a JVM whose native memory tracking is on. ret_vm is the caller's, also on an error.
 * Errors: UNSUPPORTED, NOMEM, GONE.
 */
struct ms_error *find_tracking(struct ms_cli *cli, struct ms_target *target,
	struct ms_vm **ret_vm, struct ms_nmt *ret) MS_MUST_CHECK;

/** One row per call site of native memory tracking; rows are struct ms_nmt_site. */
extern const struct ms_column_set site_columns;

/** Read and print them. Errors: as print_nmt(), UNSUPPORTED where there are none. */
struct ms_error *print_sites(struct ms_cli *cli, struct ms_target *target,
	struct ms_table *table) MS_MUST_CHECK;

/** Print what is said of malloc as a whole: its stamps, and what could be given back. */
void print_malloc(struct ms_out *out, const struct ms_ledger *ledger);

/** Print all that is known of one owner, or of those within it. Errors: USAGE (none such). */
struct ms_error *print_about(
	struct ms_out *out, const struct ms_ledger *ledger, const char *of) MS_MUST_CHECK;

/** Print a line for each thing said of an owner as a whole. */
void print_remarks(struct ms_out *out, const struct ms_ledger *ledger);

/** Print the report for people: header, table of owners, sum, OUTSIDE, notes. */
struct ms_error *print_report(struct ms_cli *cli, struct view *view,
	struct ms_table *table, const struct ms_error *denied) MS_MUST_CHECK;
