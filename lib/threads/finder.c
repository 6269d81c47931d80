// From control blocks to rows of the table: see finder_internal.h.

#include <stdlib.h>

#include "threads/finder_internal.h"

enum {
	ENDED_MAX = 1 << 14
};

static int compare_keys(const void *a, const void *b)
{
	const struct ms_row_key *x = a, *y = b;
	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return (x->row > y->row) - (x->row < y->row);
}

// First key at or above.
static size_t find_key(const struct ms_row_key *v, size_t n, uint64_t key)
{
	size_t lo = 0, hi = n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (v[mid].key < key)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

// In a pid namespace glibc knows its threads by other ids than we do.
static bool is_namespaced(struct ms_target *target)
{
	struct ms_status status;
	struct ms_bytes text = ms_target_file(target, MS_TARGET_FILE_STATUS);
	if (!text.n)
		return false;
	ms_status_parse(text, &status);
	return status.ns_tgid != UINT64_MAX && status.ns_tgid &&
	       status.ns_tgid != status.tgid;
}

struct ms_error *ms_finder_index(struct ms_stack_finder *f)
{
	const struct ms_thread_table *table = f->table;
	bool knows_tids = !is_namespaced(f->target);
	f->by_tid = calloc(table->n + 1, sizeof(*f->by_tid));
	f->by_sp = calloc(table->n + 1, sizeof(*f->by_sp));
	if (!f->by_tid || !f->by_sp)
		return &ms_error_nomem;
	for (size_t i = 0; i < table->n; i++) {
		const struct ms_thread *thread = table->v[i].thread;
		uint64_t tid = thread->ns_tid ? thread->ns_tid : thread->tid;
		if (thread->ns_tid || knows_tids)
			f->by_tid[f->by_tid_n++] = (struct ms_row_key){ tid, i };
		if (thread->sp)
			f->by_sp[f->by_sp_n++] = (struct ms_row_key){ thread->sp, i };
	}
	qsort(f->by_tid, f->by_tid_n, sizeof(*f->by_tid), compare_keys);
	qsort(f->by_sp, f->by_sp_n, sizeof(*f->by_sp), compare_keys);
	return NULL;
}

static struct ms_thread_row *main_row(const struct ms_thread_table *table)
{
	for (size_t i = 0; i < table->n; i++)
		if (table->v[i].is_main)
			return &table->v[i];
	return NULL;
}

static struct ms_thread_row *row_by_tid(const struct ms_stack_finder *f, int32_t tid)
{
	size_t i = find_key(f->by_tid, f->by_tid_n, (uint64_t)tid);
	return i < f->by_tid_n && f->by_tid[i].key == (uint64_t)tid
		       ? &f->table->v[f->by_tid[i].row]
		       : NULL;
}

static struct ms_thread_row *row_by_sp(
	const struct ms_stack_finder *f, struct ms_range stack)
{
	size_t i = find_key(f->by_sp, f->by_sp_n, stack.start);
	return i < f->by_sp_n && f->by_sp[i].key < stack.end
		       ? &f->table->v[f->by_sp[i].row]
		       : NULL;
}

// The first thread's block has tid 0 where libpthread, before glibc 2.34, is not loaded.
// In a child that another thread forked, the block of the parent's first thread is still
// there, with a tid that is nobody's.
static struct ms_thread_row *row_of_first(
	const struct ms_stack_finder *f, const struct ms_control_block *block)
{
	struct ms_thread_row *row = main_row(f->table);
	if (!row || !block->tid || !f->by_tid_n)
		return row;
	return block->tid > 0 && row_by_tid(f, block->tid) == row ? row : NULL;
}

static struct ms_thread_row *row_of(
	const struct ms_stack_finder *f, const struct ms_control_block *block)
{
	if (block->is_first)
		return row_of_first(f, block);
	if (block->tid <= 0)
		return NULL;
	struct ms_thread_row *row = row_by_tid(f, block->tid);
	return row ? row : row_by_sp(f, block->stack);
}

static bool is_ended_known(const struct ms_thread_table *table, uint64_t block)
{
	for (size_t i = 0; i < table->ended_n; i++)
		if (table->ended[i].control_block == block)
			return true;
	return false;
}

static struct ms_error *add_ended(struct ms_thread_table *table,
	const struct ms_control_block *block, const struct ms_block_origin *origin,
	bool *ret_new)
{
	if (!ms_range_size(block->stack) || is_ended_known(table, block->address))
		return NULL;
	if (table->ended_n == ENDED_MAX) {
		table->has_more_ended = true;
		return NULL;
	}
	if (table->ended_n == table->ended_cap &&
		!ms_array_grow((void **)&table->ended, &table->ended_cap,
			table->ended_n + 1, sizeof(*table->ended)))
		return &ms_error_nomem;
	table->ended[table->ended_n++] = (struct ms_ended_stack){
		.stack = block->stack,
		.guard = block->guard,
		.control_block = block->address,
		.source = origin->source,
		.grade = origin->grade,
		.is_cached = origin->is_cached,
	};
	*ret_new = true;
	return NULL;
}

static void fill_row(const struct ms_stack_finder *f, struct ms_thread_row *row,
	const struct ms_control_block *block, const struct ms_block_origin *origin)
{
	row->control_block = block->address;
	row->thread_pointer = block->address;
	if (f->layout.is_behind_pointer)
		row->thread_pointer = f->layout.struct_size
					      ? block->address + f->layout.struct_size
					      : 0;
	if (block->is_first)
		return;
	row->stack = block->stack;
	row->guard = block->guard;
	row->is_user = origin->is_user;
	row->source = origin->source;
	row->grade = origin->grade;
}

struct ms_error *ms_finder_enter(struct ms_stack_finder *f,
	const struct ms_control_block *block, const struct ms_block_origin *origin,
	bool *ret_new)
{
	bool is_new = false;
	struct ms_error *err = NULL;
	struct ms_thread_row *row = row_of(f, block);
	if (row && !row->control_block) {
		fill_row(f, row, block, origin);
		is_new = true;
	} else if (!row && !block->is_first && block->tid <= 0) {
		err = add_ended(f->table, block, origin, &is_new);
	}
	if (ret_new)
		*ret_new = is_new;
	return err;
}

static bool get(void *context, uint64_t address, void *to, size_t n)
{
	return ms_target_get(context, address, to, n);
}

struct ms_ring_source ms_finder_source(const struct ms_stack_finder *f)
{
	return (struct ms_ring_source){ get, f->target, f->maps, &f->layout };
}

bool ms_is_stack_memory(const struct ms_mapping *m)
{
	unsigned rw = MS_MAPPING_READ | MS_MAPPING_WRITE;
	return (m->flags & rw) == rw && !(m->flags & MS_MAPPING_SHARED) &&
	       (m->kind == MS_MAPPING_ANON || m->kind == MS_MAPPING_NAMED);
}

// gcore writes that what nobody may touch can be read; a stack is no stack where it cannot
// be written, so that is what counts.
static enum ms_guard_kind guard_at(
	const struct ms_stack_finder *f, uint64_t at, uint64_t end, uint64_t *ret_end)
{
	const struct ms_mapping *m = ms_maps_find(f->maps, at);
	enum ms_page_state state;
	if (!m)
		return MS_GUARD_NONE;
	end = ms_min(end, m->range.end);
	if (!(m->flags & MS_MAPPING_WRITE)) {
		*ret_end = end;
		return MS_GUARD_MAPPING;
	}
	*ret_end = ms_pages_run(ms_target_pages(f->target), at, end, &state).end;
	return state == MS_PAGE_GUARD ? MS_GUARD_PAGES : MS_GUARD_NONE;
}

uint64_t ms_guard_seen(
	const struct ms_stack_finder *f, struct ms_range stack, enum ms_guard_kind *ret)
{
	uint64_t at = stack.start, end;
	*ret = MS_GUARD_NONE;
	while (at < stack.end) {
		enum ms_guard_kind kind = guard_at(f, at, stack.end, &end);
		if (kind == MS_GUARD_NONE)
			break;
		*ret = kind;
		at = end;
	}
	return at - stack.start;
}
