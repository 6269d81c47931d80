/**
 * One cell: fetched, shown, compared. Private to this room.
 */
#pragma once

#include <jansson.h>

#include "out/column.h"
#include "out/table.h"

/** Call the getter on a zeroed cell; values that cannot be shown become null. */
void ms_cell_get(const struct ms_column *column, const void *row, void *ctx,
	struct ms_arena *arena, struct ms_cell *ret);

/** True if the column's values stand at its right edge. */
bool ms_cell_is_right(const struct ms_column *column);

/** Write the cell as a table shows it, without padding. */
void ms_cell_text(const struct ms_column *column, const struct ms_cell *cell,
	bool is_exact, struct ms_out *out);

/** Write the cell as --raw does: exact, escaped, nothing if null. */
void ms_cell_raw(
	const struct ms_column *column, const struct ms_cell *cell, struct ms_out *out);

/** The cell as a JSON value, owned by the caller; NULL without memory. */
json_t *ms_cell_json(const struct ms_column *column, const struct ms_cell *cell);

/** Order of two cells of one column: <0, 0, >0; nulls are the caller's matter. */
int ms_cell_compare(
	const struct ms_column *column, const struct ms_cell *a, const struct ms_cell *b);

/** Bring the rows into the order of the table's keys, once. Errors: NOMEM. */
struct ms_error *ms_table_order(struct ms_table *table) MS_MUST_CHECK;
