// The table of spaces, and the pictures of the heap.

#include <inttypes.h>

#include "mapheap.h"

enum {
	PICTURE_CELLS = 48, // at most, in a space
	MAP_CELLS_MAX = 4096,
	MAP_WIDTH = 64,
};

#define SPACE_NUMBER(name, expression, null)                                             \
	static void get_##name(const void *row, void *ctx, struct ms_cell *cell)         \
	{                                                                                \
		const struct ms_heap_space *r = row;                                     \
		(void)ctx;                                                               \
		cell->n = (expression);                                                  \
		cell->is_null = (null);                                                  \
	}

SPACE_NUMBER(capacity, r->capacity, false)
SPACE_NUMBER(used, r->used, r->walk == MS_SPACE_NO_OBJECTS)
SPACE_NUMBER(resident, r->resident, false)
SPACE_NUMBER(regions, r->region_n, false)
SPACE_NUMBER(bottom, r->range.start, !r->range.end)
SPACE_NUMBER(top, r->top, !r->range.end)
SPACE_NUMBER(end, r->range.end, !r->range.end)

static void get_name(const void *row, void *ctx, struct ms_cell *cell)
{
	(void)ctx;
	cell->text = ((const struct ms_heap_space *)row)->name;
}

static void get_owner(const void *row, void *ctx, struct ms_cell *cell)
{
	(void)ctx;
	cell->text = ((const struct ms_heap_space *)row)->owner;
}

static void get_percent(const void *row, void *ctx, struct ms_cell *cell)
{
	const struct ms_heap_space *r = row;
	(void)ctx;
	cell->is_null = !r->capacity || r->walk == MS_SPACE_NO_OBJECTS;
	if (!cell->is_null)
		cell->percent = 100.0 * (double)r->used / (double)r->capacity;
}

// What a stretch of a space is: used, free but resident, or untouched.
static char cell_of(const struct view *view, struct ms_range range, uint64_t top)
{
	if (range.start < top)
		return '#';
	return ms_pages_resident(ms_target_pages(view->target), range) ? '~' : '.';
}

static void get_picture(const void *row, void *ctx, struct ms_cell *cell)
{
	const struct ms_heap_space *r = row;
	const struct view *view = ctx;
	char text[PICTURE_CELLS + 2];
	size_t n = 0;
	for (uint64_t at = r->range.start;
		view->cell && at < r->range.end && n + 1 < sizeof(text);
		at += view->cell) {
		struct ms_range part = { at, ms_min(at + view->cell, r->range.end) };
		text[n++] = cell_of(view, part, r->top);
	}
	text[n] = 0;
	cell->is_null = !n;
	ms_cell_printf(cell, "%s", text);
}

static const struct ms_column columns[] = {
	{ .name = "SPACE",
		.key = "name",
		.type = MS_COLUMN_TEXT,
		.is_default = true,
		.help = "name of the space, as the JVM's log has it",
		.get = get_name },
	{ .name = "CAPACITY",
		.key = "capacity_bytes",
		.type = MS_COLUMN_KIB,
		.is_default = true,
		.help = "committed bytes",
		.get = get_capacity },
	{ .name = "USED",
		.key = "used_bytes",
		.type = MS_COLUMN_KIB,
		.is_default = true,
		.help = "bytes up to the last object",
		.get = get_used },
	{ .name = "PERCENT",
		.heading = "%",
		.key = "percent",
		.type = MS_COLUMN_PERCENT,
		.is_default = true,
		.help = "used share of the capacity",
		.get = get_percent },
	{ .name = "RESIDENT",
		.key = "resident_bytes",
		.type = MS_COLUMN_KIB,
		.is_default = true,
		.help = "bytes that are in memory, used or not",
		.get = get_resident },
	{ .name = "REGIONS",
		.key = "regions",
		.type = MS_COLUMN_COUNT,
		.help = "number of regions or pages",
		.get = get_regions },
	{ .name = "BOTTOM",
		.key = "start",
		.type = MS_COLUMN_ADDRESS,
		.is_default = true,
		.help = "where it begins",
		.get = get_bottom },
	{ .name = "TOP",
		.key = "top",
		.type = MS_COLUMN_ADDRESS,
		.is_default = true,
		.help = "behind the last object",
		.get = get_top },
	{ .name = "END",
		.key = "end",
		.type = MS_COLUMN_ADDRESS,
		.is_default = true,
		.help = "where it ends",
		.get = get_end },
	{ .name = "OWNER",
		.key = "owner",
		.type = MS_COLUMN_TEXT,
		.help = "its owner in memwho's ledger",
		.get = get_owner },
	{ .name = "PICTURE",
		.type = MS_COLUMN_TEXT,
		.is_default = true,
		.help = "from bottom to end: # used, ~ free but resident, . untouched",
		.get = get_picture },
};

const struct ms_column_set space_columns =
	MS_COLUMN_SET("spaces", "one row per space of the heap", columns, NULL);

const char *space_columns_of(const struct ms_heap *heap)
{
	return heap->region_bytes ? "SPACE,REGIONS,CAPACITY,USED,PERCENT,RESIDENT"
				  : "SPACE,CAPACITY,USED,PERCENT,RESIDENT,BOTTOM,TOP,END,"
				    "PICTURE";
}

// A letter for a region in use: its space's first, in lower case where it goes on with an
// object of the region before.
static char region_letter(const struct view *view, const struct ms_heap_region *region)
{
	const struct ms_heap_space *space = &view->heap.spaces.v[region->space];
	if (space->walk == MS_SPACE_NO_OBJECTS || region->top == region->range.start)
		return cell_of(view, region->range, region->range.start);
	char letter = (char)(space->name[0] & ~0x20);
	return region->is_continued ? (char)(letter | 0x20) : letter;
}

void print_map(struct ms_out *out, const struct view *view, unsigned width)
{
	const struct ms_heap *heap = &view->heap;
	unsigned line = width > MAP_WIDTH + 20 ? MAP_WIDTH * ((width - 16) / MAP_WIDTH)
					       : MAP_WIDTH;
	size_t n = ms_min(heap->regions.n, MAP_CELLS_MAX);
	unsigned column = 0;
	if (!heap->region_bytes || !n)
		return;
	ms_out_str(out, "\n");
	for (size_t i = 0; i < n; i++) {
		const struct ms_heap_region *region = &heap->regions.v[i];
		bool is_gap = i && region[-1].range.end != region->range.start;
		column = !i || is_gap || column == line ? 0 : column;
		if (!column)
			ms_out_printf(out, "%s%12" PRIx64 "  ", i ? "\n" : "",
				region->range.start);
		column++;
		ms_out_char(out, region_letter(view, region));
	}
	ms_out_str(out, "\n");
	if (n < heap->regions.n)
		ms_out_printf(out, "%14s… %zu regions more\n", "", heap->regions.n - n);
}

static void print_region_legend(struct ms_out *out, const struct view *view)
{
	const struct ms_heap *heap = &view->heap;
	char size[MS_SIZE_TEXT];
	ms_out_printf(out, "%14s", "");
	ms_array_foreach (space, &heap->spaces)
		if (space->region_n && space->walk != MS_SPACE_NO_OBJECTS)
			ms_out_printf(
				out, "%c %s  ", space->name[0] & ~0x20, space->name);
	ms_out_printf(out, "~ free, resident  . untouched   one cell = %s%s\n",
		heap->collector == MS_COLLECTOR_Z ? "a page from " : "",
		ms_size_text(heap->region_bytes, size));
}

void print_legend(struct ms_out *out, const struct view *view)
{
	char size[MS_SIZE_TEXT];
	if (view->heap.region_bytes)
		print_region_legend(out, view);
	else
		ms_out_printf(out,
			"# used  ~ free, resident  . untouched   one cell = %sK\n",
			ms_count_text(view->cell >> 10, size));
}
