/**
 * mapheap: what its screens share.
 */
#pragma once

#include "cli/cli.h"
#include "hotspot/heap.h"
#include "program.h"
#include "target/target.h"

/** A JVM that was opened, and what getters need beside their row. */
struct view {
	struct ms_target *target; ///< owned
	struct ms_vm *vm;         ///< owned
	struct ms_flags flags;
	struct ms_heap heap;
	const struct program *program; ///< that we started and hold; or NULL
	uint64_t cell; ///< bytes of heap that one cell of a picture stands for
};

/**
 * Open a target and read its JVM.
 * Errors: as ms_target_open; UNSUPPORTED if there is no JVM in it that can be read.
 */
struct ms_error *view_open(struct view *view, const char *name,
	const struct ms_target_options *options) MS_MUST_CHECK;

/** Release; zeroed is fine. */
void view_close(struct view *view);

#define _cleanup_view_ __attribute__((cleanup(view_close)))

/** One row per space; rows are struct ms_heap_space. */
extern const struct ms_column_set space_columns;

/** The columns that suit the collector, as ms_table_select takes them. */
const char *space_columns_of(const struct ms_heap *heap);

/** Print the map of a heap of regions: a cell for each. */
void print_map(struct ms_out *out, const struct view *view, unsigned width);

/** Say what the picture's cells mean. */
void print_legend(struct ms_out *out, const struct view *view);

/** Print which of the flags that were set about the heap are in force, and which not. */
void print_flags(struct ms_out *out, const struct view *view);

/** The report for people. */
struct ms_error *print_report(
	struct ms_cli *cli, struct view *view, struct ms_table *table) MS_MUST_CHECK;

/** The document "memsleuth/heap/1". */
struct ms_error *print_json(struct ms_cli *cli, const struct view *view) MS_MUST_CHECK;
