// Prints what lib/hotspot says of a JVM's metaspace, class loaders, class data archive and
// code cache, as JSON: what the live tests compare with jcmd. Not a utility: its form is
// the tests' own.
//
// Usage: meta_dump TARGET [chunks|classes]
//
// A second word leaves out better ways to find metaspace, to compare them.

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hotspot/cds.h"
#include "hotspot/code.h"
#include "hotspot/flags.h"
#include "hotspot/heap.h"
#include "hotspot/metaspace.h"

static void die(struct ms_error *err)
{
	fprintf(stderr, "meta_dump: %s\n", err->message);
	exit(2);
}

static json_t *number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static json_t *text(const char *value)
{
	json_t *string = value ? json_string(value) : NULL;
	return string ? string : json_null();
}

static void put(json_t *object, const char *key, uint64_t value)
{
	json_object_set_new(object, key, number(value));
}

static void put_range(json_t *object, struct ms_range range)
{
	put(object, "start", range.start);
	put(object, "end", range.end);
}

static json_t *notes_json(const struct ms_vm_notes *notes)
{
	json_t *array = json_array();
	ms_array_foreach (note, notes)
		json_array_append_new(array, text(*note));
	return array;
}

// --- code -----------------------------------------------------------------------------

static json_t *counts_json(const struct ms_code_count *counts, size_t n)
{
	json_t *array = json_array();
	for (size_t i = 0; i < n; i++) {
		json_t *object = json_object();
		put(object, "blobs", counts[i].blobs);
		put(object, "bytes", counts[i].bytes);
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *code_json(const struct ms_code *code)
{
	json_t *array = json_array(), *object;
	ms_array_foreach (heap, &code->heaps) {
		object = json_object();
		json_object_set_new(object, "name", text(heap->name));
		json_object_set_new(object, "owner", text(heap->owner));
		put_range(object, heap->range);
		put(object, "committed_end", heap->committed_end);
		put(object, "map_start", heap->map.start);
		put(object, "map_end", heap->map.end);
		put(object, "used", heap->used);
		put(object, "free", heap->free);
		put(object, "gaps", heap->gaps);
		put(object, "resident", heap->resident);
		put(object, "blobs", heap->blob_n);
		for (int k = 0; k < MS_CODE_KIND_COUNT; k++)
			put(object, ms_code_kind_name((enum ms_code_kind)k),
				heap->kinds[k].blobs);
		json_object_set_new(
			object, "tiers", counts_json(heap->tiers, MS_CODE_TIERS));
		json_object_set_new(object, "full", json_integer(heap->full_n));
		json_object_set_new(object, "complete", json_boolean(heap->is_complete));
		json_array_append_new(array, object);
	}
	object = json_object();
	json_object_set_new(object, "heaps", array);
	json_object_set_new(object, "notes", notes_json(&code->notes));
	put_range(object, code->bounds);
	return object;
}

// --- loaders --------------------------------------------------------------------------

static json_t *space_json(const struct ms_loader_space *space)
{
	json_t *object = json_object();
	put(object, "chunks", space->chunk_n);
	put(object, "capacity", space->capacity);
	put(object, "committed", space->committed);
	put(object, "used", space->used);
	return object;
}

static json_t *loader_json(const struct ms_loader *loader)
{
	json_t *object = json_object();
	put(object, "address", loader->address);
	json_object_set_new(object, "name", text(loader->name));
	put(object, "classes", loader->class_n);
	put(object, "arrays", loader->array_n);
	put(object, "class_bytes", loader->class_bytes);
	json_object_set_new(object, "class_space", space_json(&loader->class_space));
	json_object_set_new(object, "other", space_json(&loader->other));
	json_object_set_new(object, "measured", json_boolean(loader->has_space));
	return object;
}

static json_t *generated_json(const struct ms_loaders *loaders)
{
	json_t *object = json_object();
	for (int g = 0; g < MS_GENERATED_COUNT; g++)
		if (loaders->generated[g].n)
			put(object, ms_generated_part((enum ms_generated)g),
				loaders->generated[g].n);
	return object;
}

static json_t *loaders_json(const struct ms_loaders *loaders)
{
	json_t *array = json_array(), *object = json_object();
	ms_array_foreach (loader, &loaders->list)
		json_array_append_new(array, loader_json(loader));
	json_object_set_new(object, "list", array);
	put(object, "holders_n", loaders->holder_n);
	json_object_set_new(object, "holders", loader_json(&loaders->holders));
	json_object_set_new(object, "total", loader_json(&loaders->total));
	put(object, "hidden", loaders->hidden.n);
	json_object_set_new(object, "generated", generated_json(loaders));
	json_object_set_new(object, "complete", json_boolean(loaders->is_complete));
	json_object_set_new(object, "notes", notes_json(&loaders->notes));
	return object;
}

// --- metaspace ------------------------------------------------------------------------

static json_t *sum_json(const struct ms_metaspace_sum *sum)
{
	json_t *object = json_object();
	put(object, "reserved", sum->reserved);
	put(object, "committed", sum->committed);
	put(object, "used", sum->used);
	put(object, "resident", sum->resident);
	put(object, "nodes", sum->node_n);
	return object;
}

static json_t *metaspace_json(const struct ms_metaspace *metaspace)
{
	json_t *array = json_array(), *object;
	ms_array_foreach (node, &metaspace->nodes) {
		object = json_object();
		put_range(object, node->range);
		json_object_set_new(object, "class", json_boolean(node->is_class));
		put(object, "committed", node->committed);
		put(object, "used", node->used);
		put(object, "resident", node->resident);
		json_object_set_new(object, "grade", text(ms_grade_name(node->grade)));
		json_array_append_new(array, object);
	}
	object = json_object();
	json_object_set_new(object, "nodes", array);
	json_object_set_new(object, "class_space", sum_json(&metaspace->class_space));
	json_object_set_new(object, "other", sum_json(&metaspace->other));
	json_object_set_new(
		object, "source", text(ms_metaspace_source_name(metaspace->source)));
	json_object_set_new(object, "notes", notes_json(&metaspace->notes));
	return object;
}

static json_t *path_json(struct ms_bytes path)
{
	json_t *string =
		path.n ? json_stringn((const char *)path.p, path.n) : json_null();
	return string ? string : json_null();
}

static json_t *cds_json(const struct ms_cds *cds)
{
	json_t *array = json_array(), *object;
	ms_array_foreach (region, &cds->regions) {
		object = json_object();
		json_object_set_new(object, "name", text(region->name));
		json_object_set_new(object, "dynamic", json_boolean(region->is_dynamic));
		json_object_set_new(object, "heap", json_boolean(region->is_heap));
		put_range(object, region->range);
		put(object, "used", region->used);
		put(object, "resident", region->resident);
		json_array_append_new(array, object);
	}
	object = json_object();
	put_range(object, cds->range);
	put(object, "resident", cds->resident);
	json_object_set_new(object, "regions", array);
	json_object_set_new(object, "path", path_json(cds->path));
	json_object_set_new(object, "dynamic_path", path_json(cds->dynamic_path));
	json_object_set_new(object, "notes", notes_json(&cds->notes));
	return object;
}

// As if libjvm.so had no symbols, and chunks were of an unknown layout.
static void leave_out(const char *way, struct ms_vm *vm, struct ms_loaders *loaders)
{
	vm->has_symbols = false;
	if (strcmp(way, "classes") != 0)
		return;
	loaders->nodes.n = 0;
	loaders->total.has_space = false;
}

int main(int argc, char **argv)
{
	struct ms_target *target = NULL;
	struct ms_vm *vm = NULL;
	struct ms_flags flags = { 0 };
	struct ms_heap heap = { 0 };
	struct ms_loaders loaders = { 0 };
	struct ms_metaspace metaspace = { 0 };
	struct ms_cds cds = { 0 };
	struct ms_code code = { 0 };
	struct ms_target_options options = { .smaps = MS_TARGET_SMAPS_NEVER };
	const char *why = NULL;
	if (argc < 2)
		return 2;
	struct ms_error *err = ms_target_open(argv[1], &options, &target);
	if (!err)
		err = ms_vm_find(target, &vm, &why);
	if (!err && !vm) {
		fprintf(stderr, "meta_dump: no JVM: %s\n", why ? why : "not mapped");
		return 1;
	}
	if (!err)
		err = ms_flags_read(vm, &flags);
	if (!err)
		err = ms_heap_read(vm, &flags, &heap);
	if (!err)
		err = ms_loaders_read(vm, &loaders);
	if (!err && argc > 2)
		leave_out(argv[2], vm, &loaders);
	if (!err)
		err = ms_metaspace_read(vm, &flags, &loaders, &metaspace);
	if (!err)
		err = ms_cds_read(vm, heap.reserved, &cds);
	if (!err)
		err = ms_code_read(vm, &code);
	if (err)
		die(err);
	json_t *all = json_object();
	json_object_set_new(all, "symbols", json_boolean(vm->has_symbols));
	json_object_set_new(all, "loaders", loaders_json(&loaders));
	json_object_set_new(all, "metaspace", metaspace_json(&metaspace));
	json_object_set_new(all, "cds", cds_json(&cds));
	json_object_set_new(all, "code", code_json(&code));
	json_dumpf(all, stdout, JSON_INDENT(1) | JSON_SORT_KEYS);
	putchar('\n');
	json_decref(all);
	ms_code_deinit(&code);
	ms_cds_deinit(&cds);
	ms_metaspace_deinit(&metaspace);
	ms_loaders_deinit(&loaders);
	ms_heap_deinit(&heap);
	ms_vm_free(vm);
	ms_target_free(target);
	return 0;
}
