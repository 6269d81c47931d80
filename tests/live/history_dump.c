// Prints a JVM's threads, events, collections, counters and agents as JSON: what the live
// tests compare with the JVM's own word. Not a utility: its form is the tests' own.
//
// Usage: history_dump TARGET

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "hotspot/agents.h"
#include "hotspot/collections.h"
#include "hotspot/java_threads.h"
#include "out/json.h"

static void die(struct ms_error *err)
{
	if (!err)
		return;
	fprintf(stderr, "history_dump: %s\n", err->message);
	exit(2);
}

static json_t *number(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static json_t *notes_of(const char *const *v, size_t n)
{
	json_t *array = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(array, ms_json_text(v[i]));
	return array;
}

static json_t *from_thread(const struct ms_java_thread *t)
{
	json_t *o = json_object();
	json_object_set_new(o, "tid", number(t->tid));
	json_object_set_new(o, "address", ms_json_address(t->address));
	json_object_set_new(o, "kind", json_string(ms_java_thread_kind_name(t->kind)));
	json_object_set_new(o, "class", ms_json_text(t->class_name));
	json_object_set_new(
		o, "name", t->has_name ? ms_json_bytes(t->name) : json_null());
	json_object_set_new(o, "comm", ms_json_text(t->thread ? t->thread->name : NULL));
	json_object_set_new(o, "java", json_boolean(t->is_java));
	json_object_set_new(o, "state", ms_json_text(t->state));
	json_object_set_new(o, "stack_start", ms_json_address(t->stack.start));
	json_object_set_new(o, "stack_end", ms_json_address(t->stack.end));
	json_object_set_new(o, "guard", number(t->guard));
	return o;
}

static json_t *from_threads(
	struct ms_java *java, const struct ms_flags *flags, struct ms_thread_table *table)
{
	struct ms_java_threads threads;
	json_t *o = json_object(), *v = json_array(), *unlisted = json_array();
	die(ms_java_threads_read(java, flags, table, &threads));
	die(ms_java_threads_name(&threads, table));
	ms_array_foreach (thread, &threads.v)
		json_array_append_new(v, from_thread(thread));
	for (size_t i = 0; i < table->n; i++)
		if (!table->v[i].is_java)
			json_array_append_new(
				unlisted, ms_json_bytes(ms_thread_name(&table->v[i])));
	json_object_set_new(o, "v", v);
	json_object_set_new(o, "unlisted", unlisted);
	json_object_set_new(o, "vm_threads", json_boolean(threads.has_vm_threads));
	json_object_set_new(o, "notes", notes_of(threads.notes.v, threads.notes.n));
	ms_java_threads_deinit(&threads);
	return o;
}

static json_t *from_events(const struct ms_events *events)
{
	json_t *o = json_object(), *logs = json_array(), *v = json_array();
	ms_array_foreach (log, &events->logs) {
		json_t *l = json_object();
		json_object_set_new(l, "name", ms_json_text(log->name));
		json_object_set_new(l, "handle", ms_json_text(log->handle));
		json_object_set_new(l, "capacity", number(log->capacity));
		json_object_set_new(l, "count", number(log->count));
		json_array_append_new(logs, l);
	}
	ms_array_foreach (event, &events->v) {
		json_t *e = json_object();
		json_object_set_new(
			e, "log", ms_json_text(events->logs.v[event->log].name));
		json_object_set_new(e, "at_ns", number(event->at_ns));
		json_object_set_new(e, "thread", ms_json_address(event->thread));
		json_object_set_new(e, "text", ms_json_bytes(event->text));
		json_array_append_new(v, e);
	}
	json_object_set_new(o, "logs", logs);
	json_object_set_new(o, "v", v);
	json_object_set_new(o, "notes", notes_of(events->notes.v, events->notes.n));
	return o;
}

static json_t *from_text(const struct ms_heap_text *text, bool has, uint64_t at_ns)
{
	json_t *o = json_object();
	if (!has) {
		json_decref(o);
		return json_null();
	}
	json_object_set_new(o, "at_ns", number(at_ns));
	json_object_set_new(o, "invocations", number(text->invocations));
	json_object_set_new(o, "full", number(text->full));
	for (size_t i = 0; i < text->n; i++) {
		const struct ms_heap_text_space *s = &text->spaces[i];
		json_t *space = json_object();
		if (s->has_capacity)
			json_object_set_new(space, "capacity", number(s->capacity));
		if (s->has_used)
			json_object_set_new(space, "used", number(s->used));
		json_object_set_new(o, s->name, space);
	}
	return o;
}

static json_t *from_collections(const struct ms_collections *collections)
{
	json_t *v = json_array();
	ms_array_foreach (c, &collections->v) {
		json_t *o = json_object();
		json_object_set_new(o, "number", number(c->number));
		json_object_set_new(
			o, "full", c->has_kind ? json_boolean(c->is_full) : json_null());
		json_object_set_new(o, "uncounted", json_boolean(c->is_uncounted));
		json_object_set_new(o, "operation", ms_json_text(c->operation));
		json_object_set_new(o, "cause", ms_json_text(c->cause));
		json_object_set_new(
			o, "before", from_text(&c->before, c->has_before, c->before_ns));
		json_object_set_new(
			o, "after", from_text(&c->after, c->has_after, c->after_ns));
		json_array_append_new(v, o);
	}
	return v;
}

static json_t *from_counters(const struct ms_counters *counters)
{
	json_t *o = json_object();
	ms_array_foreach (counter, &counters->v)
		json_object_set_new(o, counter->name,
			counter->is_text ? ms_json_bytes(counter->text)
					 : json_integer(counter->number));
	return o;
}

static json_t *from_agents(const struct ms_agents *agents)
{
	json_t *v = json_array();
	ms_array_foreach (a, &agents->v) {
		json_t *o = json_object();
		json_object_set_new(o, "name", ms_json_text(a->name));
		json_object_set_new(o, "options", ms_json_text(a->options));
		json_object_set_new(o, "library", ms_json_text(a->library));
		json_object_set_new(o, "start", ms_json_address(a->range.start));
		json_object_set_new(o, "java", json_boolean(a->is_java));
		json_object_set_new(o, "attached", json_boolean(a->is_attached));
		json_object_set_new(o, "loaded", json_boolean(a->is_loaded));
		json_array_append_new(v, o);
	}
	return v;
}

static json_t *make(struct ms_vm *vm, struct ms_thread_table *table)
{
	struct ms_flags flags;
	struct ms_java java;
	struct ms_events events;
	struct ms_counters counters;
	struct ms_collections collections;
	struct ms_agents agents;
	json_t *o = json_object();
	die(ms_flags_read(vm, &flags));
	ms_java_init(&java, vm, &flags);
	die(ms_events_read(vm, &events));
	die(ms_counters_read(vm, &counters));
	die(ms_collections_make(&events, &counters, &vm->arena, &collections));
	die(ms_agents_read(vm, &flags, &agents));
	json_object_set_new(o, "release", ms_json_text(vm->release));
	json_object_set_new(o, "threads", from_threads(&java, &flags, table));
	json_object_set_new(o, "events", from_events(&events));
	json_object_set_new(o, "collections", from_collections(&collections));
	json_object_set_new(o, "counters", from_counters(&counters));
	json_object_set_new(o, "counters_note", ms_json_text(counters.note));
	json_object_set_new(o, "agents", from_agents(&agents));
	json_object_set_new(o, "agents_note", ms_json_text(agents.note));
	ms_agents_deinit(&agents);
	ms_collections_deinit(&collections);
	ms_counters_deinit(&counters);
	ms_events_deinit(&events);
	return o;
}

int main(int argc, char **argv)
{
	struct ms_target *target = NULL;
	struct ms_thread_table *table = NULL;
	struct ms_vm *vm = NULL;
	const char *why = NULL;
	struct ms_target_options options = { .smaps = MS_TARGET_SMAPS_NEVER };
	if (argc < 2)
		return 2;
	die(ms_target_open(argv[1], &options, &target));
	die(ms_thread_table_make(target, &table));
	die(ms_vm_find(target, &vm, &why));
	if (!vm) {
		fprintf(stderr, "history_dump: %s\n", why ? why : "no JVM");
		return 1;
	}
	json_t *document = make(vm, table);
	json_dumpf(document, stdout, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
	putchar('\n');
	json_decref(document);
	ms_vm_free(vm);
	ms_thread_table_free(table);
	ms_target_free(target);
	return 0;
}
