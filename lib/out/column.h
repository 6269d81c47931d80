/**
 * Columns as data: one declaration gives table, --raw, JSON, --list-columns, --help,
 * completion and the man page's COLUMNS section.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/range.h"
#include "out/sink.h"

enum ms_column_type {
	MS_COLUMN_TEXT,    ///< cell.text: ours, never escaped
	MS_COLUMN_TARGET,  ///< cell.bytes: the target's, or ours and the target's mixed
	MS_COLUMN_ADDRESS, ///< cell.n: "7f12a000" in tables, "0x7f12a000" in JSON
	MS_COLUMN_RANGE,   ///< cell.range: "start-end"
	MS_COLUMN_BYTES,   ///< cell.n: "3.4 KiB"; exact with is_exact, --raw and JSON
	MS_COLUMN_MIB,     ///< cell.n, bytes: "1,946.0", for a heading that says MiB
	MS_COLUMN_KIB,     ///< cell.n, bytes: "8,192K", as the JVM writes sizes
	MS_COLUMN_CHANGE,  ///< cell.change: bytes with a sign, "+25.4 MiB"
	MS_COLUMN_COUNT,   ///< cell.n: "301,440"
	MS_COLUMN_NUMBER,  ///< cell.n: a name made of digits (pid, inode): never grouped
	MS_COLUMN_PERCENT, ///< cell.percent: one decimal
	MS_COLUMN_BAR,     ///< cell.percent of 100 as a bar; never in JSON or --raw
	MS_COLUMN_FLAG,    ///< cell.n: yes or no
};

/** One value. Zeroed before the getter is called, but for `arena`. */
struct ms_cell {
	bool is_null;          ///< not known: "-", nothing in --raw, null in JSON
	enum ms_style style;   ///< colour of this cell in a table
	const char *text;      ///< MS_COLUMN_TEXT; NULL is as is_null
	struct ms_bytes bytes; ///< MS_COLUMN_TARGET
	struct ms_range range; ///< MS_COLUMN_RANGE
	uint64_t n;            ///< ADDRESS, BYTES, MIB, KIB, COUNT, NUMBER, FLAG
	int64_t change;        ///< MS_COLUMN_CHANGE
	double percent;        ///< PERCENT, BAR: 0 to 100; not finite is as is_null
	struct ms_arena
		*arena; ///< for text the getter has to make; cleared after the cell
};

/**
 * Fetch one value. Called several times per row, in any order: no side effects.
 *
 * @param row   as given to ms_table_add
 * @param ctx   as given to ms_table_init
 * @param cell  set the member that the column's type names, or is_null
 */
typedef void (*ms_column_fn)(const void *row, void *ctx, struct ms_cell *cell);

/**
 * Make a cell's value from a format: sets cell->bytes and cell->text. In a TEXT column
 * everything put in must be ours. Without memory the cell becomes null.
 */
void ms_cell_printf(struct ms_cell *cell, const char *format, ...) MS_PRINTF(2, 3);

struct ms_column {
	const char *name;    ///< upper case, one word: what --columns and --sort take
	const char *heading; ///< in tables with human sizes, NULL: name ("MiB")
	const char *key;     ///< JSON member, NULL: not in JSON
	const char *help;    ///< one line, lower case, no full stop
	enum ms_column_type type;
	bool is_default;   ///< shown when no columns are asked for
	bool is_left;      ///< align left although the type's default is right
	bool is_right;     ///< align right although the type's default is left
	unsigned width;    ///< least width; for a BAR its whole width (0: 10)
	unsigned decimals; ///< PERCENT only: digits after the point, 0 is 1
	ms_column_fn get;
};

/** The columns of one kind of row. */
struct ms_column_set {
	const char *name; ///< "owners", "mappings": used where a utility has several
	const char *help; ///< what one row is
	const struct ms_column *columns;
	size_t n;
	const char *default_sort; ///< as --sort takes it; NULL: the order of ms_table_add
};

#define MS_COLUMN_SET(name_, help_, columns_, sort_)                                     \
	{                                                                                \
		.name = (name_), .help = (help_), .columns = (columns_),                 \
		.n = sizeof(columns_) / sizeof((columns_)[0]), .default_sort = (sort_),  \
	}

/** The column of that name, case ignored, or NULL. */
const struct ms_column *ms_column_find(const struct ms_column_set *set, const char *name);

/** The type's name as --introspect-cli prints it: "bytes", "range", ... */
const char *ms_column_type_name(enum ms_column_type type);
