// Prints what lib/hotspot knows of a JVM, as JSON: what the live tests compare with what the
// JVM and its own tools say. Not a utility: its form is the tests' own.
//
// Usage: hotspot_dump TARGET [SYSROOT]

#include <stdio.h>
#include <stdlib.h>

#include "hotspot/flags.h"
#include "hotspot/heap.h"
#include "out/json.h"

enum {
	VALUE_MAX = 64 << 10, // of a flag, as text
};

static void die(const char *message)
{
	fprintf(stderr, "hotspot_dump: %s\n", message);
	exit(2);
}

static void check(struct ms_error *err)
{
	if (err)
		die(err->message);
}

static json_t *flag_row(const struct ms_flag *flag)
{
	static char value[VALUE_MAX];
	bool is_unset = flag->type >= MS_FLAG_TEXT && !flag->bits;
	ms_flag_format(flag, value, sizeof(value));
	return json_pack("{s:o, s:s, s:o, s:s}", "name", ms_json_text(flag->name), "type",
		ms_flag_type_name(flag->type), "value",
		is_unset ? json_null() : ms_json_text(value), "origin",
		ms_flag_origin_name(flag->origin));
}

static json_t *flag_rows(const struct ms_flags *flags)
{
	json_t *rows = json_array();
	for (size_t i = 0; i < flags->n; i++)
		json_array_append_new(rows, flag_row(&flags->v[i]));
	return rows;
}

static json_t *argument_rows(const struct ms_flags *flags)
{
	json_t *rows = json_array();
	for (size_t i = 0; i < flags->argument_n; i++)
		json_array_append_new(rows, ms_json_text(flags->arguments[i]));
	return rows;
}

static json_t *generation_rows(const struct ms_heap *heap)
{
	json_t *rows = json_array();
	ms_array_foreach (g, &heap->generations)
		json_array_append_new(rows,
			json_pack("{s:s, s:b, s:o, s:o, s:o}", "name", g->name, "young",
				g->is_young, "start", ms_json_address(g->reserved.start),
				"committed_end", ms_json_address(g->committed_end), "end",
				ms_json_address(g->reserved.end)));
	return rows;
}

static json_t *space_rows(const struct ms_heap *heap)
{
	static const char *const walks[] = {
		[MS_SPACE_NO_OBJECTS] = "no objects",
		[MS_SPACE_WALKABLE] = "walkable",
		[MS_SPACE_OPAQUE] = "opaque",
	};
	json_t *rows = json_array();
	ms_array_foreach (s, &heap->spaces)
		json_array_append_new(rows,
			json_pack("{s:s, s:s, s:b, s:s, s:o, s:o, s:o, s:o, s:o, s:o, "
				  "s:i}",
				"name", s->name, "owner", s->owner, "young", s->is_young,
				"walk", walks[s->walk], "start",
				ms_json_address(s->range.start), "top",
				ms_json_address(s->top), "end",
				ms_json_address(s->range.end), "capacity",
				ms_json_size(s->capacity), "used", ms_json_size(s->used),
				"resident", ms_json_size(s->resident), "regions",
				(int)s->region_n));
	return rows;
}

static json_t *region_rows(const struct ms_heap *heap)
{
	json_t *rows = json_array();
	ms_array_foreach (r, &heap->regions)
		json_array_append_new(rows,
			json_pack("{s:i, s:s, s:o, s:o, s:o, s:b}", "number",
				(int)r->number, "space", heap->spaces.v[r->space].name,
				"start", ms_json_address(r->range.start), "top",
				ms_json_address(r->top), "end",
				ms_json_address(r->range.end), "continued",
				r->is_continued));
	return rows;
}

static json_t *table_rows(const struct ms_heap *heap)
{
	json_t *rows = json_array();
	ms_array_foreach (t, &heap->tables)
		json_array_append_new(
			rows, json_pack("{s:s, s:o, s:o}", "what", t->what, "start",
				      ms_json_address(t->range.start), "end",
				      ms_json_address(t->range.end)));
	return rows;
}

static json_t *note_rows(const struct ms_heap *heap)
{
	json_t *rows = json_array();
	ms_array_foreach (note, &heap->notes)
		json_array_append_new(rows, ms_json_text(*note));
	return rows;
}

static json_t *heap_tree(const struct ms_heap *heap)
{
	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
		"collector", ms_collector_name(heap->collector), "chosen_by",
		ms_flag_origin_name(heap->chosen_by), "start",
		ms_json_address(heap->reserved.start), "end",
		ms_json_address(heap->reserved.end), "region_bytes",
		ms_json_size(heap->region_bytes), "collections",
		heap->has_collections ? ms_json_size(heap->collections) : json_null(),
		"generations", generation_rows(heap), "spaces", space_rows(heap),
		"regions", region_rows(heap), "tables", table_rows(heap), "notes",
		note_rows(heap), "max", ms_json_size(heap->max));
}

static json_t *vm_tree(
	const struct ms_vm *vm, const struct ms_flags *flags, const struct ms_heap *heap)
{
	return json_pack("{s:i, s:o, s:o, s:b, s:o, s:o, s:o, s:o}", "feature",
		(int)vm->feature, "release", ms_json_text(vm->release), "internal",
		ms_json_text(vm->internal), "has_symbols", vm->has_symbols, "command",
		ms_json_text(flags->command), "arguments", argument_rows(flags), "heap",
		heap_tree(heap), "flags", flag_rows(flags));
}

int main(int argc, char **argv)
{
	struct ms_target_options options = { .smaps = MS_TARGET_SMAPS_NEVER };
	struct ms_target *target = NULL;
	struct ms_vm *vm = NULL;
	struct ms_flags flags = { 0 };
	struct ms_heap heap = { 0 };
	const char *why = NULL;
	if (argc < 2)
		return 2;
	options.sysroot = argv[2]; // may be NULL
	check(ms_target_open(argv[1], &options, &target));
	check(ms_vm_find(target, &vm, &why));
	if (!vm)
		die(why ? why : "no JVM");
	check(ms_flags_read(vm, &flags));
	check(ms_heap_read(vm, &flags, &heap));
	json_t *tree = vm_tree(vm, &flags, &heap);
	if (!tree || json_dumpf(tree, stdout, JSON_INDENT(1)) < 0)
		die("cannot write");
	printf("\n");
	json_decref(tree);
	ms_heap_deinit(&heap);
	ms_vm_free(vm);
	ms_target_free(target);
	return 0;
}
