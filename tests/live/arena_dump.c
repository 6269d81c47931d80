// What memsleuth sees of a JVM's compilations and arenas, as JSON.
//
// Usage: arena_dump TARGET

#include <stdio.h>

#include <jansson.h>

#include "hotspot/arenas.h"
#include "hotspot/compilations.h"

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
	json_t *root = json_pack("{s:i, s:o, s:o, s:I, s:b, s:I, s:b}", "feature",
		(int)vm->feature, "compilations",
		compilations_json(&threads, &compilations), "arenas",
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
