// The document "memsleuth/heap/1".

#include "mapheap.h"

static void add_target(struct ms_json *json, const struct view *view)
{
	const struct ms_target_info *info = ms_target_info(view->target);
	ms_json_begin(json, "target", '{');
	ms_json_add(json, "pid", info->pid ? ms_json_size(info->pid) : json_null());
	ms_json_add(json, "comm", ms_json_text(info->comm));
	ms_json_add(json, "is_stopped", json_boolean(info->is_stopped));
	ms_json_end(json);
	ms_json_begin(json, "jvm", '{');
	ms_json_add(json, "feature", ms_json_size(view->vm->feature));
	ms_json_add(json, "release", ms_json_text(view->vm->release));
	ms_json_add(json, "build", ms_json_text(view->vm->internal));
	ms_json_add(json, "has_symbols", json_boolean(view->vm->has_symbols));
	ms_json_add(json, "command", ms_json_text(view->flags.command));
	ms_json_end(json);
}

static void add_spaces(struct ms_json *json, const struct ms_heap *heap)
{
	ms_json_begin(json, "spaces", '[');
	ms_array_foreach (space, &heap->spaces) {
		bool is_piece = space->range.end;
		ms_json_begin_row(json, NULL, '{');
		ms_json_add(json, "name", json_string(space->name));
		ms_json_add(json, "start",
			is_piece ? ms_json_address(space->range.start) : json_null());
		ms_json_add(json, "top",
			is_piece ? ms_json_address(space->top) : json_null());
		ms_json_add(json, "end",
			is_piece ? ms_json_address(space->range.end) : json_null());
		ms_json_add(json, "capacity_bytes", ms_json_size(space->capacity));
		ms_json_add(json, "used_bytes", ms_json_size(space->used));
		ms_json_add(json, "resident_bytes", ms_json_size(space->resident));
		ms_json_add(json, "regions", ms_json_size(space->region_n));
		ms_json_add(json, "owner", json_string(space->owner));
		ms_json_end(json);
	}
	ms_json_end(json);
}

static void add_regions(struct ms_json *json, const struct view *view)
{
	const struct ms_heap *heap = &view->heap;
	const struct ms_pages *pages = ms_target_pages(view->target);
	if (!heap->region_bytes)
		return;
	ms_json_begin(json, "regions", '[');
	ms_array_foreach (region, &heap->regions) {
		ms_json_begin_row(json, NULL, '{');
		ms_json_add(json, "number", ms_json_size(region->number));
		ms_json_add(
			json, "space", json_string(heap->spaces.v[region->space].name));
		ms_json_add(json, "start", ms_json_address(region->range.start));
		ms_json_add(json, "top", ms_json_address(region->top));
		ms_json_add(json, "end", ms_json_address(region->range.end));
		ms_json_add(json, "is_continued", json_boolean(region->is_continued));
		ms_json_add(json, "resident_bytes",
			ms_json_size(ms_pages_resident(pages, region->range)));
		ms_json_end(json);
	}
	ms_json_end(json);
}

static void add_generations(struct ms_json *json, const struct ms_heap *heap)
{
	ms_json_begin(json, "generations", '[');
	ms_array_foreach (generation, &heap->generations) {
		struct ms_range reserved = generation->reserved;
		ms_json_begin_row(json, NULL, '{');
		ms_json_add(json, "name", json_string(generation->name));
		ms_json_add(json, "start", ms_json_address(reserved.start));
		ms_json_add(json, "end", ms_json_address(reserved.end));
		ms_json_add(json, "committed_bytes",
			ms_json_size(generation->committed_end - reserved.start));
		ms_json_add(
			json, "reserved_bytes", ms_json_size(ms_range_size(reserved)));
		ms_json_end(json);
	}
	ms_json_end(json);
}

static void add_tables(struct ms_json *json, const struct view *view)
{
	const struct ms_pages *pages = ms_target_pages(view->target);
	ms_json_begin(json, "tables", '[');
	ms_array_foreach (table, &view->heap.tables) {
		ms_json_begin_row(json, NULL, '{');
		ms_json_add(json, "what", json_string(table->what));
		ms_json_add(json, "start", ms_json_address(table->range.start));
		ms_json_add(json, "end", ms_json_address(table->range.end));
		ms_json_add(json, "resident_bytes",
			ms_json_size(ms_pages_resident(pages, table->range)));
		ms_json_add(json, "grade", json_string(ms_grade_name(table->grade)));
		ms_json_end(json);
	}
	ms_json_end(json);
}

static void add_notes(struct ms_json *json, const struct ms_heap *heap)
{
	ms_json_begin(json, "notes", '[');
	ms_array_foreach (note, &heap->notes)
		ms_json_add(json, NULL, ms_json_text(*note));
	ms_json_end(json);
}

struct ms_error *print_json(struct ms_cli *cli, const struct view *view)
{
	const struct ms_heap *heap = &view->heap;
	struct ms_json json;
	ms_json_init(&json, &cli->out, (enum ms_json_form)cli->output->json);
	ms_json_begin(&json, NULL, '{');
	ms_json_add(&json, "schema", json_string("memsleuth/heap/1"));
	add_target(&json, view);
	ms_json_add(&json, "collector", json_string(ms_collector_name(heap->collector)));
	ms_json_add(
		&json, "chosen_by", json_string(ms_flag_origin_name(heap->chosen_by)));
	ms_json_add(&json, "max_bytes", ms_json_size(heap->max));
	ms_json_add(&json, "region_bytes",
		heap->region_bytes ? ms_json_size(heap->region_bytes) : json_null());
	ms_json_add(&json, "total_collections",
		heap->has_collections ? ms_json_size(heap->collections) : json_null());
	add_generations(&json, heap);
	add_spaces(&json, heap);
	add_regions(&json, view);
	add_tables(&json, view);
	add_notes(&json, heap);
	ms_json_end(&json);
	return ms_json_finish(&json);
}
