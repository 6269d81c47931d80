// Sorting a table: every key cell is fetched once, then an index is sorted. Equal rows
// keep the order they were added in, and rows without a value come last either way.

#include <stdlib.h>

#include "base/cleanup.h"
#include "out/cell_internal.h"

struct sorter {
	const struct ms_table *table;
	struct ms_cell *cells; // keys.n per row
};

static int compare_key(const struct ms_table *table, size_t key, const struct ms_cell *a,
	const struct ms_cell *b)
{
	const struct ms_sort_key *by = &table->keys.v[key];
	if (a->is_null || b->is_null)
		return a->is_null - b->is_null;
	int order = ms_cell_compare(&table->set->columns[by->column], a, b);
	return by->is_descending ? (order < 0) - (order > 0) : order;
}

static int compare_rows(const void *a, const void *b, void *arg)
{
	const struct sorter *sorter = arg;
	size_t ia = *(const size_t *)a, ib = *(const size_t *)b;
	size_t n = sorter->table->keys.n;
	for (size_t k = 0; k < n; k++) {
		int order = compare_key(sorter->table, k, &sorter->cells[ia * n + k],
			&sorter->cells[ib * n + k]);
		if (order)
			return order;
	}
	return (ia > ib) - (ia < ib);
}

static void fetch_keys(
	struct ms_table *table, struct ms_arena *arena, struct ms_cell *cells)
{
	size_t n = table->keys.n;
	for (size_t i = 0; i < table->rows.n * n; i++) {
		const struct ms_column *column =
			&table->set->columns[table->keys.v[i % n].column];
		ms_cell_get(column, table->rows.v[i / n], table->ctx, arena, &cells[i]);
	}
}

static bool sort_rows(struct ms_table *table, struct ms_arena *arena)
{
	size_t n = table->rows.n;
	_cleanup_free_ struct ms_cell *cells =
		reallocarray(NULL, n, table->keys.n * sizeof(*cells));
	_cleanup_free_ size_t *index = reallocarray(NULL, n, sizeof(*index));
	const void **sorted = reallocarray(NULL, n, sizeof(*sorted));
	if (!cells || !index || !sorted) {
		free(sorted);
		return false;
	}
	fetch_keys(table, arena, cells);
	for (size_t i = 0; i < n; i++)
		index[i] = i;
	struct sorter sorter = { table, cells };
	qsort_r(index, n, sizeof(*index), compare_rows, &sorter);
	for (size_t i = 0; i < n; i++)
		sorted[i] = table->rows.v[index[i]];
	free(table->rows.v);
	table->rows.v = sorted;
	table->rows.cap = n;
	return true;
}

struct ms_error *ms_table_order(struct ms_table *table)
{
	if (table->is_sorted || !table->keys.n || table->rows.n < 2)
		return NULL;
	struct ms_arena arena;
	ms_arena_init(&arena);
	table->is_sorted = sort_rows(table, &arena);
	ms_arena_deinit(&arena);
	return table->is_sorted ? NULL : &ms_error_nomem;
}
