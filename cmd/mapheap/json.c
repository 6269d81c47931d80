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

static const char *space_name(const struct view *view, uint32_t space)
{
	return view->heap.spaces.v[space].name;
}

static void add_ages(struct ms_json *json, const struct view *view)
{
	const struct ms_age_table *table = &view->age_table;
	ms_json_begin(json, "ages", '[');
	ms_array_foreach (row, &view->histogram.ages) {
		ms_json_begin_row(json, NULL, '{');
		ms_json_add(json, "space", json_string(space_name(view, row->space)));
		ms_json_add(
			json, "age", row->age < 0 ? json_null() : json_integer(row->age));
		ms_json_add(json, "objects", ms_json_size(row->objects));
		ms_json_add(json, "bytes", ms_json_size(row->bytes));
		ms_json_end(json);
	}
	ms_json_end(json);
	ms_json_add(json, "tenuring_threshold",
		table->is_there ? json_integer(table->threshold) : json_null());
	ms_json_add(json, "max_tenuring_threshold",
		table->max_threshold == UINT64_MAX ? json_null()
						   : ms_json_size(table->max_threshold));
	ms_json_add(json, "desired_survivor_bytes",
		table->desired ? ms_json_size(table->desired) : json_null());
	if (!table->is_there)
		return;
	ms_json_begin_row(json, "age_table", '[');
	for (int age = 0; age < MS_AGES; age++)
		ms_json_add(json, NULL, ms_json_size(table->bytes[age]));
	ms_json_end(json);
}

static void add_large(struct ms_json *json, const struct view *view)
{
	ms_json_add(json, "large_total", ms_json_size(view->histogram.large_n));
	ms_json_begin(json, "large", '[');
	ms_array_foreach (object, &view->histogram.large) {
		ms_json_begin_row(json, NULL, '{');
		ms_json_add(json, "class", ms_json_text(object->class->name));
		ms_json_add(json, "length", ms_json_size(object->length));
		ms_json_add(json, "bytes", ms_json_size(object->bytes));
		ms_json_add(json, "address", ms_json_address(object->address));
		ms_json_add(json, "space", json_string(space_name(view, object->space)));
		ms_json_add(json, "age",
			object->age < 0 ? json_null() : json_integer(object->age));
		ms_json_end(json);
	}
	ms_json_end(json);
}

static void add_histogram(struct ms_json *json, const struct view *view)
{
	ms_json_begin(json, "histogram", '[');
	ms_array_foreach (row, &view->histogram.rows) {
		ms_json_begin_row(json, NULL, '{');
		ms_json_add(json, "class", ms_json_text(row->class->name));
		ms_json_add(json, "space", json_string(space_name(view, row->space)));
		ms_json_add(json, "instances", ms_json_size(row->instances));
		ms_json_add(json, "bytes", ms_json_size(row->bytes));
		ms_json_end(json);
	}
	ms_json_end(json);
}

// What the walk of the objects could not make sense of.
static void add_walk(struct ms_json *json, const struct view *view)
{
	const struct ms_object_walk *walk = &view->histogram.walk;
	if (!view->objects) {
		ms_json_add(json, "walk", json_null());
		return;
	}
	ms_json_begin_row(json, "walk", '{');
	ms_json_add(json, "objects", ms_json_size(walk->objects));
	ms_json_add(json, "bytes", ms_json_size(walk->bytes));
	ms_json_add(json, "torn_spots", ms_json_size(walk->torn));
	ms_json_add(json, "torn_bytes", ms_json_size(walk->torn_bytes));
	ms_json_add(json, "missing_bytes", ms_json_size(walk->missing_bytes));
	ms_json_end(json);
}

static void add_text(
	struct ms_json *json, const char *key, bool has, const struct ms_heap_text *text)
{
	if (!has) {
		ms_json_add(json, key, json_null());
		return;
	}
	ms_json_begin(json, key, '{');
	for (size_t i = 0; i < text->n; i++) {
		const struct ms_heap_text_space *space = &text->spaces[i];
		ms_json_begin(json, space->name, '{');
		if (space->has_used)
			ms_json_add(json, "used_bytes", ms_json_size(space->used));
		if (space->has_capacity)
			ms_json_add(
				json, "capacity_bytes", ms_json_size(space->capacity));
		ms_json_end(json);
	}
	ms_json_end(json);
}

static const struct ms_move *promotion_of(const struct view *view, size_t index)
{
	ms_array_foreach (move, &view->moves.v)
		if (move->collection == index && !move->is_direct)
			return move;
	return NULL;
}

static void add_collections(struct ms_json *json, const struct view *view)
{
	ms_json_begin(json, "collections", '[');
	for (size_t i = 0; i < view->collections.v.n; i++) {
		const struct ms_collection *c = &view->collections.v.v[i];
		const struct ms_move *move = promotion_of(view, i);
		uint64_t room, held;
		enum promotion why = move ? why_promoted(view, c, move) : PROMOTION_NONE;
		if (lacked_guarantee(c, &room, &held))
			why = PROMOTION_GUARANTEE;
		ms_json_begin_row(json, NULL, '{');
		ms_json_add(json, "id", ms_json_size(c->number));
		ms_json_add(json, "is_full", json_boolean(c->is_full));
		ms_json_add(json, "cause", ms_json_text(c->cause));
		ms_json_add(json, "operation", ms_json_text(c->operation));
		ms_json_add(json, "begin_ns",
			c->has_before ? ms_json_size(c->before_ns) : json_null());
		ms_json_add(json, "end_ns",
			c->has_after ? ms_json_size(c->after_ns) : json_null());
		add_text(json, "before", c->has_before, &c->before);
		add_text(json, "after", c->has_after, &c->after);
		ms_json_add(json, "promoted_bytes",
			move ? ms_json_size(move->bytes) : json_null());
		ms_json_add(json, "why",
			why ? json_string(promotion_name(why)) : json_null());
		ms_json_end(json);
	}
	ms_json_end(json);
}

static void add_notes(struct ms_json *json, const struct view *view)
{
	ms_json_begin(json, "notes", '[');
	ms_array_foreach (note, &view->heap.notes)
		ms_json_add(json, NULL, ms_json_text(*note));
	ms_array_foreach (note, &view->events.notes)
		ms_json_add(json, NULL, ms_json_text(*note));
	ms_array_foreach (note, &view->histogram.notes)
		ms_json_add(json, NULL, ms_json_text(*note));
	if (!view->objects)
		ms_json_add(json, NULL,
			json_string(
				"objects were not walked: the heap is large; ask with "
				"--histogram or --large"));
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
	add_ages(&json, view);
	add_large(&json, view);
	add_histogram(&json, view);
	add_walk(&json, view);
	add_collections(&json, view);
	add_notes(&json, view);
	ms_json_end(&json);
	return ms_json_finish(&json);
}
