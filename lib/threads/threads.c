// Finding stacks: see threads.h. From a thread's stack pointer upwards, and at the tops
// of mappings, until control blocks are found; then along glibc's list to all the others.

#include "threads/threads.h"

#include <stdlib.h>
#include <string.h>

#include "threads/control_block.h"

enum {
	CHUNK = 64 << 10,
	SCAN_MAX = 8 << 20,  // from a stack pointer up: what deep recursion may use
	TOP_BYTES = 8 << 10, // of a mapping: the control block lies in its last pages
	LIST_MAX = 1 << 18,  // steps along lists, all together
	ENDED_MAX = 1 << 14,
	STACK_MAX = 64 << 20, // of a stack known by its shape only
};

struct finder {
	struct ms_target *target;
	const struct ms_maps *maps;
	struct ms_thread_table *table;
	uint8_t *buffer; // CHUNK and the largest control block
	// A hostile core could make every thread's search a long one.
	unsigned steps_left;
	uint64_t bytes_left;
};

#define SCAN_ALL_MAX (1ull << 30)

void ms_thread_table_free(struct ms_thread_table *table)
{
	if (!table)
		return;
	free(table->v);
	free(table->ended);
	free(table);
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

static bool is_stack_memory(const struct ms_mapping *m)
{
	unsigned rw = MS_MAPPING_READ | MS_MAPPING_WRITE;
	return (m->flags & rw) == rw && !(m->flags & MS_MAPPING_SHARED) &&
	       (m->kind == MS_MAPPING_ANON || m->kind == MS_MAPPING_NAMED);
}

static bool is_ended_known(const struct ms_thread_table *table, uint64_t start)
{
	for (size_t i = 0; i < table->ended_n; i++)
		if (table->ended[i].stack.start == start)
			return true;
	return false;
}

static struct ms_error *add_ended(
	struct ms_thread_table *table, const struct ms_control_block *block)
{
	if (!ms_range_size(block->stack) || table->ended_n == ENDED_MAX ||
		is_ended_known(table, block->stack.start))
		return NULL;
	if (table->ended_n == table->ended_cap &&
		!ms_array_grow((void **)&table->ended, &table->ended_cap,
			table->ended_n + 1, sizeof(*table->ended)))
		return &ms_error_nomem;
	table->ended[table->ended_n++] = (struct ms_ended_stack){ block->stack };
	return NULL;
}

// Enter what a control block says; *ret_new: it was not met before. A thread that began
// after the list of threads was read has no row and counts as new, each time.
static struct ms_error *enter(
	struct finder *f, const struct ms_control_block *block, bool *ret_new)
{
	struct ms_thread_row *row =
		block->tid > 0 ? ms_thread_table_find(f->table, (uint64_t)block->tid)
			       : NULL;
	size_t ended = f->table->ended_n;
	struct ms_error *err = NULL;
	*ret_new = !row || !row->control_block;
	if (!row && block->tid <= 0) {
		err = add_ended(f->table, block);
		*ret_new = f->table->ended_n > ended;
	}
	if (!*ret_new || !row)
		return err;
	row->control_block = block->address;
	if (!ms_range_size(block->stack) || row->is_main)
		return NULL;
	row->stack = block->stack;
	row->guard = block->guard;
	row->grade = MS_GRADE_STRUCTURAL;
	return NULL;
}

// Follow the list that links control blocks; its head lies in ld.so's data and is passed
// over. The walk ends where it began, at the first odd node, or when the steps are used
// up.
static struct ms_error *walk_list(struct finder *f, const struct ms_control_block *from)
{
	uint64_t node = from->list_next, first = from->address + MS_TCB_LIST;
	struct ms_error *err = NULL;
	while (!err && f->steps_left && node && node != first) {
		struct ms_control_block block;
		bool is_new;
		f->steps_left--;
		if (node < MS_TCB_LIST)
			break;
		if (ms_control_block_read(f->target, node - MS_TCB_LIST, &block)) {
			err = enter(f, &block, &is_new);
			if (!is_new)
				break; // that part of the list was walked already
			node = block.list_next;
		} else if (!ms_target_get(f->target, node, &node, sizeof(node))) {
			break;
		}
	}
	return err;
}

static struct ms_error *found(struct finder *f, const struct ms_control_block *block)
{
	bool is_new;
	struct ms_error *err = enter(f, block, &is_new);
	return err || !is_new ? err : walk_list(f, block);
}

// Look for control blocks in [from, end); with `tid`, stop at that thread's.
static struct ms_error *scan(struct finder *f, uint64_t from, uint64_t end, int32_t tid)
{
	for (uint64_t at = ms_align_down(from, MS_TCB_ALIGN); at < end && f->bytes_left;
		at += CHUNK) {
		struct ms_range range = { at, ms_min(end, at + CHUNK + MS_TCB_BYTES) };
		struct ms_read read = { range, f->buffer };
		struct ms_error *err = ms_target_read(f->target, &read, 1, NULL);
		if (err)
			return err;
		uint64_t size = ms_range_size(range);
		f->bytes_left -= ms_min(f->bytes_left, size);
		for (uint64_t i = 0; i < CHUNK && i + MS_TCB_BYTES <= size;
			i += MS_TCB_ALIGN) {
			struct ms_control_block block;
			if (!ms_control_block_parse(
				    at + i, f->buffer + i, f->maps, &block))
				continue;
			err = found(f, &block);
			if (err || block.tid == tid)
				return err;
		}
	}
	return NULL;
}

static struct ms_error *scan_from_sp(struct finder *f, const struct ms_thread_row *row)
{
	const struct ms_mapping *m = ms_maps_find(f->maps, row->thread->sp);
	uint64_t end;
	if (!m || !is_stack_memory(m))
		return NULL;
	if (!ms_add(row->thread->sp, SCAN_MAX, &end) || end > m->range.end)
		end = m->range.end;
	return scan(f, row->thread->sp, end, (int32_t)row->thread->tid);
}

static bool is_complete(const struct ms_thread_table *table)
{
	for (size_t i = 0; i < table->n; i++)
		if (!table->v[i].control_block)
			return false;
	return true;
}

// The tops of mappings: where a stack ends if nothing was mapped right behind it.
static struct ms_error *scan_tops(struct finder *f)
{
	const struct ms_pages *pages = ms_target_pages(f->target);
	struct ms_error *err = NULL;
	for (size_t i = 0; !err && i < f->maps->n; i++) {
		const struct ms_mapping *m = &f->maps->v[i];
		if (!is_stack_memory(m))
			continue;
		uint64_t from = ms_range_size(m->range) > TOP_BYTES
					? m->range.end - TOP_BYTES
					: m->range.start;
		if (ms_pages_resident(pages, (struct ms_range){ from, m->range.end }))
			err = scan(f, from, m->range.end, 0);
	}
	return err;
}

// A stack by its shape: memory with a stack pointer in it, right above memory that nobody
// may touch, and no other thread's stack pointer in it. musl and threads of other makers.
static void find_shape(struct finder *f, struct ms_thread_row *row)
{
	size_t i = ms_maps_index(f->maps, row->thread->sp);
	if (i == 0 || i >= f->maps->n ||
		!ms_range_has(f->maps->v[i].range, row->thread->sp))
		return;
	const struct ms_mapping *m = &f->maps->v[i], *below = m - 1;
	unsigned any = MS_MAPPING_READ | MS_MAPPING_WRITE | MS_MAPPING_EXEC;
	if (!is_stack_memory(m) || below->range.end != m->range.start ||
		below->flags & any || ms_range_size(m->range) > STACK_MAX)
		return;
	for (size_t j = 0; j < f->table->n; j++)
		if (&f->table->v[j] != row &&
			ms_range_has(m->range, f->table->v[j].thread->sp))
			return;
	row->stack = m->range;
	row->grade = MS_GRADE_CONTENT;
}

// [stack]; cores of others do not keep that name, but the stack pointer lies in it.
static void find_main(struct finder *f, struct ms_thread_row *row)
{
	for (size_t i = 0; i < f->maps->n; i++) {
		if (f->maps->v[i].kind != MS_MAPPING_STACK)
			continue;
		row->stack = f->maps->v[i].range;
		row->grade = MS_GRADE_EXACT;
		return;
	}
	const struct ms_mapping *m = ms_maps_find(f->maps, row->thread->sp);
	if (!m || !is_stack_memory(m) || ms_range_size(m->range) > STACK_MAX)
		return;
	row->stack = m->range;
	row->grade = MS_GRADE_CONTENT;
}

static struct ms_error *find_stacks(struct finder *f)
{
	struct ms_error *err = NULL;
	bool can_read = !ms_target_denied(f->target);
	for (size_t i = 0; can_read && !err && i < f->table->n; i++)
		if (!f->table->v[i].control_block && !f->table->v[i].is_main)
			err = scan_from_sp(f, &f->table->v[i]);
	if (!err && can_read && f->table->n > 1 && !is_complete(f->table))
		err = scan_tops(f);
	for (size_t i = 0; !err && i < f->table->n; i++) {
		struct ms_thread_row *row = &f->table->v[i];
		if (row->is_main)
			find_main(f, row);
		else if (!ms_range_size(row->stack) && row->thread->sp)
			find_shape(f, row);
	}
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
static bool has_java_guard(const struct finder *f, const struct ms_thread_row *row)
{
	unsigned any = MS_MAPPING_READ | MS_MAPPING_WRITE | MS_MAPPING_EXEC;
	if (row->grade != MS_GRADE_STRUCTURAL || row->guard || row->is_main)
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

static void mark_java(struct finder *f)
{
	if (!has_jvm(f->maps))
		return;
	for (size_t i = 0; i < f->table->n; i++) {
		struct ms_thread_row *row = &f->table->v[i];
		row->is_java = !row->is_main &&
			       (has_java_guard(f, row) || has_vm_name(row->thread));
	}
}

struct ms_error *ms_thread_table_make(
	struct ms_target *target, struct ms_thread_table **ret)
{
	const struct ms_threads *threads = ms_target_threads(target);
	struct ms_thread_table *table = calloc(1, sizeof(*table));
	struct finder f = { .target = target,
		.maps = ms_target_maps(target),
		.table = table,
		.steps_left = LIST_MAX,
		.bytes_left = SCAN_ALL_MAX };
	if (!table)
		return &ms_error_nomem;
	table->v = calloc(threads->n + 1, sizeof(*table->v));
	f.buffer = malloc(CHUNK + MS_TCB_BYTES);
	if (!table->v || !f.buffer) {
		free(f.buffer);
		ms_thread_table_free(table);
		return &ms_error_nomem;
	}
	table->n = threads->n;
	for (size_t i = 0; i < threads->n; i++)
		table->v[i] = (struct ms_thread_row){ .thread = &threads->v[i],
			.is_main = threads->v[i].tid == ms_target_info(target)->pid };
	struct ms_error *err = find_stacks(&f);
	mark_java(&f);
	free(f.buffer);
	if (err)
		ms_thread_table_free(table);
	else
		*ret = table;
	return err;
}
