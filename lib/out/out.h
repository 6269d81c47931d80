/**
 * out - everything that is shown: text that is safe for a terminal, column tables, JSON,
 * progress.
 *
 * The one law of this room: each byte is either *ours* or *the target's*. Ours comes from
 * this source code or from a number we formatted and is written as it is. The target's is
 * everything else (names of mappings, threads, files, strings in memory, a path somebody
 * typed) and is always escaped: control characters, invalid UTF-8, and characters that
 * change direction or cannot be seen become `\n` or `\x1b`, a backslash becomes `\\`.
 *
 *     ms_out_str(out, "owner ");          // ours
 *     ms_out_target(out, mapping->name);  // the target's
 *
 * A table is an array of columns and a list of rows; table, --raw and JSON come of it:
 *
 *     static void get_rss(const void *row, void *ctx, struct ms_cell *cell)
 *     {
 *             cell->n = ((const struct row *)row)->rss;
 *     }
 *     static const struct ms_column columns[] = {
 *             { .name = "RANGE", .type = MS_COLUMN_RANGE, .key = "range",
 *                     .is_default = true, .help = "address range, end exclusive",
 *                     .get = get_range },
 *             { .name = "RSS", .type = MS_COLUMN_BYTES, .key = "resident_bytes",
 *                     .is_default = true, .help = "resident bytes", .get = get_rss },
 *     };
 *     static const struct ms_column_set mappings =
 *             MS_COLUMN_SET("mappings", "one row per mapping", columns, "RANGE");
 *
 *     _cleanup_table_ struct ms_table table;
 *     ms_table_init(&table, &mappings, ctx);
 *     err = ms_table_select(&table, "+RSS");       // before the target is read:
 *     err = ms_table_sort(&table, "-RSS");         // wrong usage must fail early
 *     err = ms_table_add(&table, row);             // for each row; borrowed
 *     err = ms_table_print(&table, &format, out);
 *
 * Files: sink.h where bytes go, text.h escaping, column.h and table.h, json.h,
 * progress.h, nearest.h "did you mean". Nothing here reads the environment or the
 * terminal: lib/cli decides on colour, width and character set and passes them in.
 */
#pragma once

#include "out/column.h"
#include "out/json.h"
#include "out/nearest.h"
#include "out/progress.h"
#include "out/sink.h"
#include "out/table.h"
#include "out/text.h"
