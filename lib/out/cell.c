// One cell in its four forms: see cell_internal.h. Numbers are formatted without printf's
// floating point, whose decimal point follows the locale of the process.

#include "out/cell_internal.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/size.h"
#include "out/json.h"
#include "out/text.h"

void ms_cell_get(const struct ms_column *column, const void *row, void *ctx,
	struct ms_arena *arena, struct ms_cell *ret)
{
	*ret = (struct ms_cell){ .arena = arena };
	column->get(row, ctx, ret);
	if (column->type == MS_COLUMN_TEXT && !ret->text)
		ret->is_null = true;
	if (!isfinite(ret->percent))
		ret->is_null = true;
}

bool ms_cell_is_right(const struct ms_column *column)
{
	if (column->is_left || column->is_right)
		return column->is_right;
	static const bool is_number[] = {
		[MS_COLUMN_ADDRESS] = true,
		[MS_COLUMN_BYTES] = true,
		[MS_COLUMN_MIB] = true,
		[MS_COLUMN_KIB] = true,
		[MS_COLUMN_CHANGE] = true,
		[MS_COLUMN_COUNT] = true,
		[MS_COLUMN_NUMBER] = true,
		[MS_COLUMN_PERCENT] = true,
		[MS_COLUMN_FLAG] = false,
	};
	return is_number[column->type];
}

static uint64_t magnitude(int64_t n)
{
	return n < 0 ? -(uint64_t)n : (uint64_t)n;
}

static char sign_of(int64_t n)
{
	return n < 0 ? '-' : '+';
}

static void put_address(
	const struct ms_column *column, const struct ms_cell *cell, struct ms_out *out)
{
	(void)column;
	ms_out_printf(out, "%" PRIx64, cell->n);
}

static void put_range(
	const struct ms_column *column, const struct ms_cell *cell, struct ms_out *out)
{
	(void)column;
	ms_out_printf(out, "%" PRIx64 "-%" PRIx64, cell->range.start, cell->range.end);
}

static void put_text(
	const struct ms_column *column, const struct ms_cell *cell, struct ms_out *out)
{
	(void)column;
	ms_out_str(out, cell->text);
}

static void put_target(
	const struct ms_column *column, const struct ms_cell *cell, struct ms_out *out)
{
	(void)column;
	ms_out_target(out, cell->bytes);
}

static void put_size(
	const struct ms_column *column, const struct ms_cell *cell, struct ms_out *out)
{
	(void)column;
	char text[MS_SIZE_TEXT];
	ms_out_str(out, ms_size_text(cell->n, text));
}

static void put_mib(
	const struct ms_column *column, const struct ms_cell *cell, struct ms_out *out)
{
	(void)column;
	char text[MS_SIZE_TEXT];
	ms_out_str(out, ms_mib_text(cell->n, text));
}

static void put_kib(
	const struct ms_column *column, const struct ms_cell *cell, struct ms_out *out)
{
	(void)column;
	char text[MS_SIZE_TEXT];
	ms_out_printf(out, "%sK", ms_count_text(cell->n >> 10, text));
}

static void put_count(
	const struct ms_column *column, const struct ms_cell *cell, struct ms_out *out)
{
	(void)column;
	char text[MS_SIZE_TEXT];
	ms_out_str(out, ms_count_text(cell->n, text));
}

static void put_number(
	const struct ms_column *column, const struct ms_cell *cell, struct ms_out *out)
{
	(void)column;
	ms_out_printf(out, "%" PRIu64, cell->n);
}

static void put_change(
	const struct ms_column *column, const struct ms_cell *cell, struct ms_out *out)
{
	(void)column;
	char text[MS_SIZE_TEXT];
	if (cell->change)
		ms_out_char(out, sign_of(cell->change));
	ms_out_str(out, ms_size_text(magnitude(cell->change), text));
}

static void put_change_exact(
	const struct ms_column *column, const struct ms_cell *cell, struct ms_out *out)
{
	(void)column;
	if (cell->change < 0)
		ms_out_char(out, '-');
	ms_out_printf(out, "%" PRIu64, magnitude(cell->change));
}

static void put_percent(
	const struct ms_column *column, const struct ms_cell *cell, struct ms_out *out)
{
	static const unsigned powers[] = { 1, 10, 100, 1000, 10000 };
	unsigned decimals = column->decimals ? column->decimals : 1;
	if (decimals > 4)
		decimals = 4;
	unsigned unit = powers[decimals];
	double positive = cell->percent < 0 ? -cell->percent : cell->percent;
	double scaled = positive * unit + 0.5;
	uint64_t n = scaled < 1e18 ? (uint64_t)scaled : UINT64_C(1000000000000000000);
	if (cell->percent < 0 && n)
		ms_out_char(out, '-');
	ms_out_printf(out, "%" PRIu64 ".%0*" PRIu64, n / unit, (int)decimals, n % unit);
}

// Eighths of a block, so that a bar of ten columns tells 1.25 percent apart.
static void put_bar(
	const struct ms_column *column, const struct ms_cell *cell, struct ms_out *out)
{
	static const char *const eighths[] = { "", "▏", "▎", "▍", "▌", "▋", "▊", "▉" };
	unsigned width = column->width ? column->width : 10;
	double share = cell->percent < 0     ? 0
		       : cell->percent > 100 ? 1
					     : cell->percent / 100;
	unsigned steps = (unsigned)(share * width * 8 + 0.5);
	if (out->is_ascii) {
		ms_out_repeat(out, '#', (steps + 4) / 8);
		return;
	}
	for (unsigned i = 0; i < steps / 8; i++)
		ms_out_str(out, "█");
	ms_out_str(out, eighths[steps % 8]);
}

static void put_flag(
	const struct ms_column *column, const struct ms_cell *cell, struct ms_out *out)
{
	(void)column;
	ms_out_str(out, cell->n ? "yes" : "no");
}

static void put_nothing(
	const struct ms_column *column, const struct ms_cell *cell, struct ms_out *out)
{
	(void)column;
	(void)cell;
	(void)out;
}

typedef void (*put_fn)(
	const struct ms_column *column, const struct ms_cell *cell, struct ms_out *out);

static const struct {
	put_fn human, exact;
} forms[] = {
	[MS_COLUMN_TEXT] = { put_text, put_text },
	[MS_COLUMN_TARGET] = { put_target, put_target },
	[MS_COLUMN_ADDRESS] = { put_address, put_address },
	[MS_COLUMN_RANGE] = { put_range, put_range },
	[MS_COLUMN_BYTES] = { put_size, put_number },
	[MS_COLUMN_MIB] = { put_mib, put_number },
	[MS_COLUMN_KIB] = { put_kib, put_number },
	[MS_COLUMN_CHANGE] = { put_change, put_change_exact },
	[MS_COLUMN_COUNT] = { put_count, put_number },
	[MS_COLUMN_NUMBER] = { put_number, put_number },
	[MS_COLUMN_PERCENT] = { put_percent, put_percent },
	[MS_COLUMN_BAR] = { put_bar, put_nothing },
	[MS_COLUMN_FLAG] = { put_flag, put_flag },
};

void ms_cell_text(const struct ms_column *column, const struct ms_cell *cell,
	bool is_exact, struct ms_out *out)
{
	bool is_size = column->type == MS_COLUMN_BYTES || column->type == MS_COLUMN_MIB ||
		       column->type == MS_COLUMN_KIB || column->type == MS_COLUMN_CHANGE;
	if (cell->is_null)
		ms_out_str(out, column->type == MS_COLUMN_BAR ? "" : "-");
	else if (is_exact && is_size)
		forms[column->type].exact(column, cell, out);
	else
		forms[column->type].human(column, cell, out);
}

void ms_cell_raw(
	const struct ms_column *column, const struct ms_cell *cell, struct ms_out *out)
{
	if (!cell->is_null)
		forms[column->type].exact(column, cell, out);
}

static json_t *range_json(struct ms_range range)
{
	char text[64];
	snprintf(text, sizeof(text), "0x%" PRIx64 "-0x%" PRIx64, range.start, range.end);
	return json_string(text);
}

json_t *ms_cell_json(const struct ms_column *column, const struct ms_cell *cell)
{
	if (cell->is_null)
		return json_null();
	switch (column->type) {
	case MS_COLUMN_TEXT:
		return ms_json_text(cell->text);
	case MS_COLUMN_TARGET:
		return ms_json_bytes(cell->bytes);
	case MS_COLUMN_ADDRESS:
		return ms_json_address(cell->n);
	case MS_COLUMN_RANGE:
		return range_json(cell->range);
	case MS_COLUMN_BYTES:
	case MS_COLUMN_MIB:
	case MS_COLUMN_KIB:
	case MS_COLUMN_COUNT:
	case MS_COLUMN_NUMBER:
		return ms_json_size(cell->n);
	case MS_COLUMN_CHANGE:
		return json_integer(cell->change);
	case MS_COLUMN_PERCENT:
	case MS_COLUMN_BAR:
		return ms_json_real(cell->percent);
	case MS_COLUMN_FLAG:
		return json_boolean(cell->n);
	}
	return json_null();
}

#define ORDER(a, b) (((a) > (b)) - ((a) < (b)))

static int compare_bytes(struct ms_bytes a, struct ms_bytes b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n ? memcmp(a.p, b.p, n) : 0;
	return order ? order : ORDER(a.n, b.n);
}

int ms_cell_compare(
	const struct ms_column *column, const struct ms_cell *a, const struct ms_cell *b)
{
	switch (column->type) {
	case MS_COLUMN_TEXT:
		return strcmp(a->text, b->text);
	case MS_COLUMN_TARGET:
		return compare_bytes(a->bytes, b->bytes);
	case MS_COLUMN_RANGE:
		return a->range.start != b->range.start
			       ? ORDER(a->range.start, b->range.start)
			       : ORDER(a->range.end, b->range.end);
	case MS_COLUMN_CHANGE:
		return ORDER(a->change, b->change);
	case MS_COLUMN_PERCENT:
	case MS_COLUMN_BAR:
		return ORDER(a->percent, b->percent);
	case MS_COLUMN_ADDRESS:
	case MS_COLUMN_BYTES:
	case MS_COLUMN_MIB:
	case MS_COLUMN_KIB:
	case MS_COLUMN_COUNT:
	case MS_COLUMN_NUMBER:
	case MS_COLUMN_FLAG:
		return ORDER(a->n, b->n);
	}
	return 0;
}
