/**
 * Tables: rows that are borrowed, columns that are chosen, an order, and three
 * renderings.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/array.h"
#include "base/error.h"
#include "out/column.h"
#include "out/json.h"
#include "out/sink.h"

/** How a table is shown to people or as tab-separated values. */
struct ms_table_format {
	bool is_raw;      ///< tab-separated, exact, escaped, no padding; null is empty
	bool is_exact;    ///< sizes as bytes in tables too
	bool no_headings; ///< no line of column names
	unsigned width;   ///< cut the last column so that lines fit; 0: never cut
	unsigned indent;  ///< spaces before each line of a table
};

struct ms_sort_key {
	size_t column; ///< index in the set
	bool is_descending;
};

struct ms_table {
	const struct ms_column_set *set;
	void *ctx;
	MS_ARRAY(const void *) rows;
	MS_ARRAY(const void *) footers;
	MS_ARRAY(size_t) shown; ///< indices in the set, in order
	MS_ARRAY(struct ms_sort_key) keys;
	bool is_chosen; ///< ms_table_select was called: JSON has these columns only
	bool is_sorted;
};

/** Start an empty table with the set's default columns and order. ctx is for getters. */
struct ms_error *ms_table_init(
	struct ms_table *table, const struct ms_column_set *set, void *ctx) MS_MUST_CHECK;

/** Release the table, not the rows; a zeroed one is fine. */
void ms_table_deinit(struct ms_table *table);

#define _cleanup_table_ __attribute__((cleanup(ms_table_deinit)))

/**
 * Choose columns.
 *
 * @param list  "A,B" shows these; "+A,B" adds to the default ones; "all" shows every
 *              column of the set; NULL changes nothing. Case is ignored.
 * Errors: USAGE (unknown column: the message suggests the nearest), NOMEM.
 */
struct ms_error *ms_table_select(struct ms_table *table, const char *list) MS_MUST_CHECK;

/**
 * Set the order.
 *
 * @param list  "COL" ascending, "-COL" descending, several by comma; NULL keeps the
 *              default. Rows that are equal keep the order they were added in; null last.
 * Errors: USAGE (unknown column), NOMEM.
 */
struct ms_error *ms_table_sort(struct ms_table *table, const char *list) MS_MUST_CHECK;

/** Append a row, borrowed until the table is released. Errors: NOMEM. */
struct ms_error *ms_table_add(struct ms_table *table, const void *row) MS_MUST_CHECK;

/** Append a row shown after the sorted ones, in tables for people only: a sum. */
struct ms_error *ms_table_add_footer(
	struct ms_table *table, const void *row) MS_MUST_CHECK;

/** Print the table. Errors: NOMEM; those of writing stick in `out`. */
struct ms_error *ms_table_print(struct ms_table *table,
	const struct ms_table_format *format, struct ms_out *out) MS_MUST_CHECK;

/**
 * Write the rows as a JSON array of objects, one row on a line.
 *
 * Columns without a key are left out; without ms_table_select all others are written.
 * @param key  member name in the object being written, NULL in an array
 */
struct ms_error *ms_table_json(
	struct ms_table *table, struct ms_json *json, const char *key) MS_MUST_CHECK;

/** Write one JSON document per row and line. */
struct ms_error *ms_table_json_lines(
	struct ms_table *table, struct ms_out *out) MS_MUST_CHECK;

/** Print the set as a table of NAME, TYPE, KEY and what it means: --list-columns. */
struct ms_error *ms_columns_print(const struct ms_column_set *set,
	const struct ms_table_format *format, struct ms_out *out) MS_MUST_CHECK;
