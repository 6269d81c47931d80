// What memsleuth sees of a JVM's compilations, arenas and tracked blocks, as JSON.
//
// Usage: native_dump TARGET

#include <stdio.h>

#include <jansson.h>

#include "alloc/alloc.h"
#include "hotspot/arenas.h"
#include "hotspot/compilations.h"
#include "hotspot/direct.h"
#include "hotspot/nmt.h"

static void check(struct ms_error *err)
{
	if (!err)
		return;
	(void)fprintf(stderr, "%s\n", err->message);
	exit(1);
}

static json_t *compilations_json(
	const struct ms_java_threads *threads, const struct ms_compilations *list)
{
	json_t *array = json_array();
	ms_array_foreach (c, &list->v)
		json_array_append_new(
			array, json_pack("{s:I, s:I, s:s?, s:i, s:b, s:I}", "tid",
				       (json_int_t)threads->v.v[c->thread].tid, "id",
				       (json_int_t)c->id, "method", c->method, "tier",
				       (int)c->tier, "is_osr", (int)c->is_osr, "began_ns",
				       (json_int_t)c->began_ns));
	return array;
}

static json_t *arenas_json(
	const struct ms_java_threads *threads, const struct ms_arenas *arenas)
{
	json_t *array = json_array();
	ms_array_foreach (arena, &arenas->v) {
		const struct ms_java_thread *thread = &threads->v.v[arena->thread];
		json_array_append_new(
			array, json_pack("{s:I, s:I, s:s, s:b, s:I, s:I}", "address",
				       (json_int_t)arena->address, "tid",
				       (json_int_t)thread->tid, "kind",
				       ms_java_thread_kind_name(thread->kind), "on_stack",
				       (int)(arena->place == MS_ARENA_ON_STACK), "chunks",
				       (json_int_t)arena->chunk_n, "bytes",
				       (json_int_t)arena->bytes));
	}
	return array;
}

// --- tracking -------------------------------------------------------------------------

struct counting {
	struct ms_target *target;
	const struct ms_nmt *nmt;
	struct ms_nmt_sum found[MS_NMT_CATEGORIES_MAX + 1]; // the last: no header
};

static struct ms_error *count(
	void *arg, unsigned worker, const struct ms_alloc_block *v, size_t n)
{
	struct counting *c = arg;
	(void)worker;
	for (size_t i = 0; i < n; i++) {
		uint8_t bytes[MS_NMT_HEADER];
		uint64_t asked = v[i].usable;
		if (v[i].state != MS_ALLOC_LIVE || v[i].usable < sizeof(bytes) ||
			!ms_target_get(c->target, v[i].memory, bytes, sizeof(bytes)))
			continue;
		unsigned category = ms_nmt_category(c->nmt, bytes, v[i].usable, &asked);
		struct ms_nmt_sum *sum =
			&c->found[category < c->nmt->n ? category
						       : MS_NMT_CATEGORIES_MAX];
		sum->blocks++;
		sum->bytes += asked;
	}
	return NULL;
}

static json_t *sum_json(const struct ms_nmt_sum *sum)
{
	return json_pack("[I, I]", (json_int_t)sum->blocks, (json_int_t)sum->bytes);
}

static json_t *tracking_json(struct ms_target *target,
	const struct ms_thread_table *table, const struct ms_nmt *nmt)
{
	struct counting c = { .target = target, .nmt = nmt };
	struct ms_alloc *alloc;
	json_t *found = json_object(), *told = json_object();
	if (nmt->is_on) {
		check(ms_alloc_find(target, table, NULL, &alloc));
		check(ms_alloc_walk(alloc, 1, count, &c));
		ms_alloc_free(alloc);
	}
	for (unsigned i = 0; i < nmt->n; i++) {
		json_object_set_new(found, nmt->names[i], sum_json(&c.found[i]));
		json_object_set_new(told, nmt->names[i], sum_json(&nmt->told[i]));
	}
	return json_pack("{s:b, s:b, s:o, s:o, s:o}", "is_on", (int)nmt->is_on,
		"has_told", (int)nmt->has_told, "found", found, "told", told, "foreign",
		sum_json(&c.found[MS_NMT_CATEGORIES_MAX]));
}

// --- direct buffers -------------------------------------------------------------------

static json_t *direct_json(struct ms_java *java, const struct ms_flags *flags)
{
	struct ms_loaders loaders = { 0 };
	struct ms_heap heap = { 0 };
	struct ms_direct direct = { 0 };
	check(ms_loaders_read(java->vm, &loaders));
	check(ms_heap_read(java->vm, flags, &heap));
	struct ms_direct_counts counts = ms_direct_counts_read(java, &loaders);
	check(ms_direct_read(java, flags, &heap, &loaders, NULL, &direct));
	uint64_t capacity = 0, cached = 0, counted = 0;
	ms_array_foreach (buffer, &direct.v) {
		capacity += buffer->is_counted ? buffer->capacity : 0;
		counted += buffer->is_counted;
		cached += buffer->is_cached;
	}
	json_t *object = json_pack("{s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b}",
		"is_there", (int)counts.is_there, "count", (json_int_t)counts.count,
		"capacity", (json_int_t)counts.capacity, "max", (json_int_t)counts.max,
		"found", (json_int_t)direct.v.n, "found_capacity", (json_int_t)capacity,
		"cached", (json_int_t)cached, "counted", (json_int_t)counted, "complete",
		(int)direct.is_complete);
	ms_direct_deinit(&direct);
	ms_heap_deinit(&heap);
	ms_loaders_deinit(&loaders);
	return object;
}

int main(int argc, char **argv)
{
	struct ms_target *target;
	struct ms_thread_table *table;
	struct ms_vm *vm;
	struct ms_flags flags;
	struct ms_java java;
	struct ms_java_threads threads;
	struct ms_events events;
	struct ms_compilations compilations;
	struct ms_arenas arenas;
	const char *why;
	if (argc != 2)
		return 2;
	check(ms_target_open(argv[1], NULL, &target));
	check(ms_thread_table_make(target, &table));
	check(ms_vm_find(target, &vm, &why));
	if (!vm) {
		(void)fprintf(stderr, "no JVM: %s\n", why ? why : "none");
		return 1;
	}
	check(ms_flags_read(vm, &flags));
	ms_java_init(&java, vm, &flags);
	check(ms_java_threads_read(&java, &flags, table, &threads));
	check(ms_events_read(vm, &events));
	check(ms_compilations_read(vm, &threads, &events, &compilations));
	check(ms_arenas_read(vm, &threads, &arenas));
	uint64_t pooled = 0;
	ms_array_foreach (chunk, &arenas.chunks)
		pooled += chunk->arena == MS_ARENA_POOLED;
	struct ms_nmt nmt = ms_nmt_read(vm, &flags);
	json_t *root = json_pack("{s:i, s:o, s:o, s:o, s:o, s:I, s:b, s:I, s:b}",
		"feature", (int)vm->feature, "compilations",
		compilations_json(&threads, &compilations), "direct",
		direct_json(&java, &flags), "tracking",
		tracking_json(target, table, &nmt), "arenas",
		arenas_json(&threads, &arenas), "header", (json_int_t)arenas.header,
		"complete", (int)arenas.is_complete, "pooled", (json_int_t)pooled,
		"has_pools", (int)arenas.has_pools);
	json_dumpf(root, stdout, JSON_INDENT(1));
	(void)puts("");
	json_decref(root);
	ms_arenas_deinit(&arenas);
	ms_compilations_deinit(&compilations);
	ms_events_deinit(&events);
	ms_java_threads_deinit(&threads);
	ms_vm_free(vm);
	ms_thread_table_free(table);
	ms_target_free(target);
	return 0;
}
