// Column sets: see column.h.

#include "out/column.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

void ms_cell_printf(struct ms_cell *cell, const char *format, ...)
{
	char *text = NULL;
	va_list ap;
	va_start(ap, format);
	int n = vasprintf(&text, format, ap);
	va_end(ap);
	char *copy = NULL;
	if (n >= 0) {
		struct ms_bytes bytes = { (const uint8_t *)text, (size_t)n };
		copy = ms_arena_copy(cell->arena, bytes);
		free(text);
	}
	cell->text = copy;
	cell->bytes = (struct ms_bytes){ (const uint8_t *)copy, copy ? (size_t)n : 0 };
	cell->is_null = !copy;
}

const struct ms_column *ms_column_find(const struct ms_column_set *set, const char *name)
{
	for (size_t i = 0; i < set->n; i++)
		if (strcasecmp(set->columns[i].name, name) == 0)
			return &set->columns[i];
	return NULL;
}

static const char *const type_names[] = {
	[MS_COLUMN_TEXT] = "text",
	[MS_COLUMN_TARGET] = "string",
	[MS_COLUMN_ADDRESS] = "address",
	[MS_COLUMN_RANGE] = "range",
	[MS_COLUMN_BYTES] = "bytes",
	[MS_COLUMN_MIB] = "bytes",
	[MS_COLUMN_KIB] = "bytes",
	[MS_COLUMN_CHANGE] = "change",
	[MS_COLUMN_COUNT] = "count",
	[MS_COLUMN_NUMBER] = "number",
	[MS_COLUMN_PERCENT] = "percent",
	[MS_COLUMN_BAR] = "bar",
	[MS_COLUMN_FLAG] = "flag",
};

const char *ms_column_type_name(enum ms_column_type type)
{
	return type_names[type];
}
