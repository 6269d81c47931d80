// Tables: see table.h. Cells are rendered twice, once to measure and once to print, so
// that a table of 100,000 rows needs no memory of its own.

#include "out/table.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/cleanup.h"
#include "out/cell_internal.h"
#include "out/nearest.h"
#include "out/text.h"

enum {
	NAME_MAX_BYTES = 64,
	GAP = 1,
	LAST_LEAST = 8
};

struct ms_error *ms_table_init(
	struct ms_table *table, const struct ms_column_set *set, void *ctx)
{
	*table = (struct ms_table){ .set = set, .ctx = ctx };
	for (size_t i = 0; i < set->n; i++) {
		if (!set->columns[i].is_default)
			continue;
		size_t *shown = ms_array_push(&table->shown);
		if (!shown)
			return &ms_error_nomem;
		*shown = i;
	}
	return ms_table_sort(table, set->default_sort);
}

void ms_table_deinit(struct ms_table *table)
{
	ms_array_deinit(&table->rows);
	ms_array_deinit(&table->footers);
	ms_array_deinit(&table->shown);
	ms_array_deinit(&table->keys);
}

static struct ms_error *unknown_column(const struct ms_column_set *set, const char *name)
{
	struct ms_nearest nearest = { .word = name };
	for (size_t i = 0; i < set->n; i++)
		ms_nearest_offer(&nearest, set->columns[i].name);
	struct ms_error *err =
		ms_error_new(MS_ERROR_USAGE, "there is no column '%s'", name);
	if (nearest.best)
		return ms_error_hint(err, "did you mean '%s'?", nearest.best);
	return ms_error_hint(err, "--list-columns prints them all");
}

// Cut the next name off a comma list and look it up; *list becomes NULL after the last.
static struct ms_error *take_column(
	const struct ms_column_set *set, const char **list, size_t *ret)
{
	char name[NAME_MAX_BYTES];
	const char *end = strchrnul(*list, ',');
	size_t n = (size_t)(end - *list);
	if (n >= sizeof(name))
		n = sizeof(name) - 1;
	memcpy(name, *list, n);
	name[n] = '\0';
	const struct ms_column *column = ms_column_find(set, name);
	if (!column)
		return unknown_column(set, name);
	*ret = (size_t)(column - set->columns);
	*list = *end ? end + 1 : NULL;
	return NULL;
}

static struct ms_error *show_all(struct ms_table *table)
{
	for (size_t i = 0; i < table->set->n; i++) {
		size_t *shown = ms_array_push(&table->shown);
		if (!shown)
			return &ms_error_nomem;
		*shown = i;
	}
	return NULL;
}

struct ms_error *ms_table_select(struct ms_table *table, const char *list)
{
	if (!list)
		return NULL;
	table->is_chosen = true;
	if (*list == '+')
		list++;
	else
		table->shown.n = 0;
	if (strcasecmp(list, "all") == 0)
		return show_all(table);
	while (list) {
		size_t column = 0;
		struct ms_error *err = take_column(table->set, &list, &column);
		if (err)
			return err;
		size_t *shown = ms_array_push(&table->shown);
		if (!shown)
			return &ms_error_nomem;
		*shown = column;
	}
	return NULL;
}

struct ms_error *ms_table_sort(struct ms_table *table, const char *list)
{
	if (!list)
		return NULL;
	table->keys.n = 0;
	while (list) {
		struct ms_sort_key key = { .is_descending = *list == '-' };
		if (*list == '-' || *list == '+')
			list++;
		struct ms_error *err = take_column(table->set, &list, &key.column);
		if (err)
			return err;
		struct ms_sort_key *added = ms_array_push(&table->keys);
		if (!added)
			return &ms_error_nomem;
		*added = key;
	}
	return NULL;
}

struct ms_error *ms_table_add(struct ms_table *table, const void *row)
{
	const void **added = ms_array_push(&table->rows);
	if (!added)
		return &ms_error_nomem;
	*added = row;
	table->is_sorted = false;
	return NULL;
}

struct ms_error *ms_table_add_footer(struct ms_table *table, const void *row)
{
	const void **added = ms_array_push(&table->footers);
	if (!added)
		return &ms_error_nomem;
	*added = row;
	return NULL;
}

// What one rendering needs: the destination, a sink to form cells in, memory for getters.
struct printer {
	struct ms_table *table;
	const struct ms_table_format *format;
	struct ms_out *out;
	struct ms_out cell;
	struct ms_arena arena;
	size_t *widths;
	size_t pending; // spaces that are written only if something follows on the line
};

static void free_printer(struct printer *p)
{
	ms_out_deinit(&p->cell);
	ms_arena_deinit(&p->arena);
}

static const struct ms_column *shown_column(const struct ms_table *table, size_t i)
{
	return &table->set->columns[table->shown.v[i]];
}

static void print_headings_raw(struct printer *p)
{
	for (size_t i = 0; i < p->table->shown.n; i++) {
		if (i)
			ms_out_char(p->out, '\t');
		ms_out_str(p->out, shown_column(p->table, i)->name);
	}
	ms_out_char(p->out, '\n');
}

static void print_row_raw(struct printer *p, const void *row)
{
	for (size_t i = 0; i < p->table->shown.n; i++) {
		const struct ms_column *column = shown_column(p->table, i);
		struct ms_cell cell;
		ms_cell_get(column, row, p->table->ctx, &p->arena, &cell);
		if (i)
			ms_out_char(p->out, '\t');
		ms_cell_raw(column, &cell, p->out);
		ms_arena_clear(&p->arena);
	}
	ms_out_char(p->out, '\n');
}

static void print_raw(struct printer *p)
{
	if (!p->format->no_headings)
		print_headings_raw(p);
	ms_array_foreach (row, &p->table->rows)
		print_row_raw(p, *row);
}

// Form cell `i` of a row in p->cell, and return its style.
static enum ms_style form_cell(struct printer *p, size_t i, const void *row)
{
	const struct ms_column *column = shown_column(p->table, i);
	struct ms_cell cell;
	ms_cell_get(column, row, p->table->ctx, &p->arena, &cell);
	ms_out_clear(&p->cell);
	ms_cell_text(column, &cell, p->format->is_exact, &p->cell);
	ms_arena_clear(&p->arena);
	return cell.style;
}

static const char *heading_of(const struct printer *p, size_t i)
{
	const struct ms_column *column = shown_column(p->table, i);
	return column->heading && !p->format->is_exact ? column->heading : column->name;
}

static void measure_row(struct printer *p, const void *row)
{
	for (size_t i = 0; i < p->table->shown.n; i++) {
		form_cell(p, i, row);
		size_t width = ms_text_width(ms_out_bytes(&p->cell));
		if (p->widths[i] < width)
			p->widths[i] = width;
	}
}

// Widths of all columns; the last, when it is text, gives way to the terminal's edge.
static void measure(struct printer *p)
{
	size_t n = p->table->shown.n, sum = p->format->indent;
	for (size_t i = 0; i < n; i++) {
		size_t heading = p->format->no_headings ? 0 : strlen(heading_of(p, i));
		p->widths[i] = ms_max(shown_column(p->table, i)->width, heading);
	}
	ms_array_foreach (row, &p->table->rows)
		measure_row(p, *row);
	ms_array_foreach (row, &p->table->footers)
		measure_row(p, *row);
	for (size_t i = 0; i + 1 < n; i++)
		sum += p->widths[i] + GAP;
	size_t room = p->format->width > sum ? p->format->width - sum : 0;
	if (p->format->width && !ms_cell_is_right(shown_column(p->table, n - 1)) &&
		p->widths[n - 1] > room)
		p->widths[n - 1] = ms_max(room, LAST_LEAST);
}

// Write text into column i; what is too wide is cut and marked.
static void print_cell(
	struct printer *p, size_t i, struct ms_bytes text, enum ms_style style)
{
	bool is_right = ms_cell_is_right(shown_column(p->table, i));
	size_t width = ms_text_width(text);
	bool is_cut = width > p->widths[i];
	if (is_cut) {
		text = ms_text_fit(text, p->widths[i] - 1);
		width = ms_text_width(text) + 1;
	}
	size_t pad = p->widths[i] > width ? p->widths[i] - width : 0;
	p->pending += (i ? GAP : 0) + (is_right ? pad : 0);
	if (text.n) {
		ms_out_repeat(p->out, ' ', p->pending);
		p->pending = 0;
	}
	if (style && text.n)
		ms_out_style(p->out, style);
	ms_out_write(p->out, text.p, text.n);
	if (is_cut)
		ms_out_str(p->out, p->out->is_ascii ? ">" : "…");
	if (style && text.n)
		ms_out_style(p->out, MS_STYLE_NONE);
	p->pending += is_right ? 0 : pad;
}

static void print_row(struct printer *p, const void *row)
{
	p->pending = p->format->indent;
	for (size_t i = 0; i < p->table->shown.n; i++) {
		enum ms_style style = form_cell(p, i, row);
		print_cell(p, i, ms_out_bytes(&p->cell), style);
	}
	ms_out_char(p->out, '\n');
}

static void print_text(struct printer *p)
{
	measure(p);
	if (!p->format->no_headings) {
		p->pending = p->format->indent;
		for (size_t i = 0; i < p->table->shown.n; i++)
			print_cell(p, i, ms_bytes_of(heading_of(p, i)), MS_STYLE_HEADING);
		ms_out_char(p->out, '\n');
	}
	ms_array_foreach (row, &p->table->rows)
		print_row(p, *row);
	ms_array_foreach (row, &p->table->footers)
		print_row(p, *row);
}

struct ms_error *ms_table_print(
	struct ms_table *table, const struct ms_table_format *format, struct ms_out *out)
{
	__attribute__((cleanup(free_printer))) struct printer p = {
		.table = table,
		.format = format,
		.out = out,
		.cell = { .fd = -1 },
	};
	p.cell.is_ascii = out->is_ascii;
	struct ms_error *err = ms_table_order(table);
	if (err || !table->shown.n)
		return err;
	_cleanup_free_ size_t *widths = calloc(table->shown.n, sizeof(*widths));
	if (!widths)
		return &ms_error_nomem;
	p.widths = widths;
	if (format->is_raw)
		print_raw(&p);
	else
		print_text(&p);
	return p.cell.errnum ? &ms_error_nomem : NULL;
}

static void add_row_json(struct ms_table *table, const void *row, const char *key,
	struct ms_arena *arena, struct ms_json *json)
{
	size_t n = table->is_chosen ? table->shown.n : table->set->n;
	ms_json_begin_row(json, key, '{');
	for (size_t i = 0; i < n; i++) {
		const struct ms_column *column = table->is_chosen
							 ? shown_column(table, i)
							 : &table->set->columns[i];
		if (!column->key)
			continue;
		struct ms_cell cell;
		ms_cell_get(column, row, table->ctx, arena, &cell);
		ms_json_add(json, column->key, ms_cell_json(column, &cell));
		ms_arena_clear(arena);
	}
	ms_json_end(json);
}

struct ms_error *ms_table_json(
	struct ms_table *table, struct ms_json *json, const char *key)
{
	struct ms_error *err = ms_table_order(table);
	if (err)
		return err;
	struct ms_arena arena;
	ms_arena_init(&arena);
	ms_json_begin(json, key, '[');
	ms_array_foreach (row, &table->rows)
		add_row_json(table, *row, NULL, &arena, json);
	ms_json_end(json);
	ms_arena_deinit(&arena);
	return NULL;
}

struct ms_error *ms_table_json_lines(struct ms_table *table, struct ms_out *out)
{
	struct ms_json json;
	ms_json_init(&json, out, MS_JSON_LINES);
	struct ms_error *err = ms_table_order(table);
	if (err)
		return err;
	struct ms_arena arena;
	ms_arena_init(&arena);
	ms_array_foreach (row, &table->rows)
		add_row_json(table, *row, NULL, &arena, &json);
	ms_arena_deinit(&arena);
	return ms_json_finish(&json);
}

static void get_name(const void *row, void *ctx, struct ms_cell *cell)
{
	(void)ctx;
	cell->text = ((const struct ms_column *)row)->name;
}

static void get_type(const void *row, void *ctx, struct ms_cell *cell)
{
	(void)ctx;
	cell->text = ms_column_type_name(((const struct ms_column *)row)->type);
}

static void get_key(const void *row, void *ctx, struct ms_cell *cell)
{
	(void)ctx;
	cell->text = ((const struct ms_column *)row)->key;
}

static void get_default(const void *row, void *ctx, struct ms_cell *cell)
{
	(void)ctx;
	cell->n = ((const struct ms_column *)row)->is_default;
}

static void get_help(const void *row, void *ctx, struct ms_cell *cell)
{
	(void)ctx;
	cell->text = ((const struct ms_column *)row)->help;
}

struct ms_error *ms_columns_print(const struct ms_column_set *set,
	const struct ms_table_format *format, struct ms_out *out)
{
	static const struct ms_column columns[] = {
		{ .name = "COLUMN", .is_default = true, .get = get_name },
		{ .name = "TYPE", .is_default = true, .get = get_type },
		{ .name = "DEFAULT",
			.type = MS_COLUMN_FLAG,
			.is_default = true,
			.get = get_default },
		{ .name = "KEY", .is_default = true, .get = get_key },
		{ .name = "MEANING", .is_default = true, .get = get_help },
	};
	static const struct ms_column_set own =
		MS_COLUMN_SET("columns", "one row per column", columns, NULL);
	_cleanup_table_ struct ms_table table = { 0 };
	struct ms_error *err = ms_table_init(&table, &own, NULL);
	for (size_t i = 0; !err && i < set->n; i++)
		err = ms_table_add(&table, &set->columns[i]);
	return err ? err : ms_table_print(&table, format, out);
}
