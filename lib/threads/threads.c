// Making the table of threads: see threads.h. glibc's lists first, scans for what they
// did not give, then the first thread's stack and stacks by their shape.

#include "threads/threads.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "threads/finder_internal.h"

enum {
	LIST_MAX = 1 << 18,   // steps along lists, all together
	STACK_MAX = 64 << 20, // of a first thread's stack known by its stack pointer only
};

#define SCAN_ALL_MAX (1ull << 30)

void ms_thread_table_free(struct ms_thread_table *table)
{
	if (!table)
		return;
	free(table->v);
	free(table->ended);
	ms_arena_deinit(&table->names);
	free(table);
}

struct ms_error *ms_thread_table_name(
	struct ms_thread_table *table, struct ms_thread_row *row, struct ms_bytes name)
{
	const char *copy = ms_arena_copy(&table->names, name);
	if (!copy)
		return &ms_error_nomem;
	row->full_name = (struct ms_bytes){ (const uint8_t *)copy, name.n };
	return NULL;
}

struct ms_bytes ms_thread_name(const struct ms_thread_row *row)
{
	return row->full_name.n ? row->full_name : ms_bytes_of(row->thread->name);
}

const char *ms_stack_source_name(enum ms_stack_source source)
{
	switch (source) {
	case MS_STACK_BY_NAME:
		return "name";
	case MS_STACK_BY_LIST:
		return "list";
	case MS_STACK_BY_SCAN:
		return "scan";
	case MS_STACK_BY_SHAPE:
		return "shape";
	case MS_STACK_NOT_FOUND:
		break;
	}
	return "";
}

struct ms_thread_row *ms_thread_table_find(
	const struct ms_thread_table *table, uint64_t tid)
{
	size_t lo = 0, hi = table->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (table->v[mid].thread->tid < tid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < table->n && table->v[lo].thread->tid == tid ? &table->v[lo] : NULL;
}

const struct ms_thread_row *ms_thread_table_at(
	const struct ms_thread_table *table, uint64_t address)
{
	for (size_t i = 0; i < table->n; i++)
		if (ms_range_has(table->v[i].stack, address))
			return &table->v[i];
	return NULL;
}

// [stack]; cores of others do not keep that name, but the stack pointer lies in it. In a
// child that another thread forked, the first thread has the stack of that one.
static void find_main(struct ms_stack_finder *f, struct ms_thread_row *row)
{
	if (ms_range_size(row->stack))
		return;
	for (size_t i = 0; i < f->maps->n; i++) {
		if (f->maps->v[i].kind != MS_MAPPING_STACK)
			continue;
		row->stack = f->maps->v[i].range;
		row->source = MS_STACK_BY_NAME;
		row->grade = MS_GRADE_EXACT;
		return;
	}
	const struct ms_mapping *m = ms_maps_find(f->maps, row->thread->sp);
	if (!m || !ms_is_stack_memory(m) || ms_range_size(m->range) > STACK_MAX)
		return;
	row->stack = m->range;
	row->source = MS_STACK_BY_SHAPE;
	row->grade = MS_GRADE_CONTENT;
}

// What keeps the low end of each stack from being touched. A stack whose claimed guard
// can be touched is still a stack: programs change protections as they like.
static void see_guards(struct ms_stack_finder *f)
{
	for (size_t i = 0; i < f->table->n; i++) {
		struct ms_thread_row *row = &f->table->v[i];
		row->guard_seen = ms_guard_seen(f, row->stack, &row->guard_kind);
	}
}

static struct ms_error *find_stacks(struct ms_stack_finder *f)
{
	struct ms_error *err = ms_finder_index(f);
	bool can_read = !ms_target_denied(f->target);
	if (!err && can_read)
		err = ms_glibc_lists(f);
	if (!err && can_read)
		err = ms_scan_stacks(f);
	for (size_t i = 0; !err && i < f->table->n; i++) {
		struct ms_thread_row *row = &f->table->v[i];
		if (row->is_main)
			find_main(f, row);
		else if (!ms_range_size(row->stack) && row->thread->sp)
			ms_scan_shape(f, row);
	}
	if (!err)
		see_guards(f);
	return err;
}

// Names the VM gives its own threads, as far as the kernel keeps them (JDK 8 to 26). Java
// threads of the program have names of their own and are told by their guard zone.
static const char *const vm_names[] = {
	"VM Thread",
	"RuntimeWorker",
	"VM Periodic Tas",
	"GC Thread#",
	"GC task thread",
	"Gang worker#",
	"G1 ",
	"Concurrent Mark",
	"CMS ",
	"ParGC",
	"ZWorker",
	"ZDirector",
	"ZDriver",
	"ZStat",
	"ZUncommit",
	"ZUnmapper",
	"XWorker",
	"XDirector",
	"XDriver",
	"XStat",
	"XUncommit",
	"XUnmapper",
	"Shenandoah",
	"C1 Comp",
	"C2 Comp",
	"Sweeper thread",
	"Signal Dispatch",
	"Service Thread",
	"Monitor Deflati",
	"Finalizer",
	"Reference Handl",
	"Common-Cleaner",
	"Notification Th",
	"Attach Listener",
	"Surrogate Locke",
	"AsyncLog Thread",
	"JFR ",
	"StrDedup",
};

static bool has_vm_name(const struct ms_thread *thread)
{
	for (size_t i = 0; i < sizeof(vm_names) / sizeof(vm_names[0]); i++)
		if (!strncmp(thread->name, vm_names[i], strlen(vm_names[i])))
			return true;
	return false;
}

// HotSpot asks glibc for no guard for its Java threads and protects the lowest pages of
// the stack itself.
static bool has_java_guard(
	const struct ms_stack_finder *f, const struct ms_thread_row *row)
{
	unsigned any = MS_MAPPING_READ | MS_MAPPING_WRITE | MS_MAPPING_EXEC;
	if (row->grade < MS_GRADE_STRUCTURAL || row->guard || row->is_main)
		return false;
	const struct ms_mapping *m = ms_maps_find(f->maps, row->stack.start);
	return m && m->range.start == row->stack.start && !(m->flags & any);
}

static bool has_jvm(const struct ms_maps *maps)
{
	for (size_t i = 0; i < maps->n; i++)
		if (ms_bytes_ends(maps->v[i].name, "/libjvm.so"))
			return true;
	return false;
}

static void mark_java(struct ms_stack_finder *f)
{
	if (!has_jvm(f->maps))
		return;
	for (size_t i = 0; i < f->table->n; i++) {
		struct ms_thread_row *row = &f->table->v[i];
		row->is_java = !row->is_main &&
			       (has_java_guard(f, row) || has_vm_name(row->thread));
	}
}

static struct ms_thread_table *table_new(struct ms_target *target)
{
	const struct ms_threads *threads = ms_target_threads(target);
	struct ms_thread_table *table = calloc(1, sizeof(*table));
	if (!table)
		return NULL;
	table->v = calloc(threads->n + 1, sizeof(*table->v));
	if (!table->v) {
		free(table);
		return NULL;
	}
	table->n = threads->n;
	for (size_t i = 0; i < threads->n; i++)
		table->v[i] = (struct ms_thread_row){ .thread = &threads->v[i],
			.is_main = threads->v[i].tid == ms_target_info(target)->pid };
	return table;
}

static void finder_deinit(struct ms_stack_finder *f)
{
	ms_ring_deinit(&f->ring);
	free(f->buffer);
	free(f->by_tid);
	free(f->by_sp);
}

struct ms_error *ms_thread_table_make(
	struct ms_target *target, struct ms_thread_table **ret)
{
	struct ms_stack_finder f = { .target = target,
		.maps = ms_target_maps(target),
		.table = table_new(target),
		.layout = *ms_tcb_layout(EM_X86_64),
		.buffer = malloc(MS_FINDER_BUFFER),
		.steps_left = LIST_MAX,
		.bytes_left = SCAN_ALL_MAX };
	struct ms_error *err = &ms_error_nomem;
	if (f.table && f.buffer)
		err = find_stacks(&f);
	if (!err)
		mark_java(&f);
	finder_deinit(&f);
	if (err)
		ms_thread_table_free(f.table);
	else
		*ret = f.table;
	return err;
}
