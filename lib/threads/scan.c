// Scanning for what glibc's lists did not give: see finder_internal.h.

#include <string.h>

#include "threads/finder_internal.h"

enum {
	SCAN_MAX = 8 << 20,    // from a stack pointer up: what deep recursion may use
	TOP_BYTES = 8 << 10,   // of a stack: the control block lies in its last pages
	STACK_MAX = 64 << 20,  // of a stack known by its shape only
	FIRST_MAX = 256 << 10, // of a mapping that may hold the first thread's block
	FIRST_TOTAL = 16 << 20,
	NEAR = 2, // mappings
};

static const struct ms_block_origin by_scan = {
	.source = MS_STACK_BY_SCAN,
	.grade = MS_GRADE_STRUCTURAL,
	.is_cached = true, // by far the most common reason that such a stack is there
};

// The ring through a block, whose head we do not know: walked as far as it goes. The head
// is a node without a block around it and is passed over.
static struct ms_error *walk_from(
	struct ms_stack_finder *f, const struct ms_control_block *from)
{
	struct ms_ring_source source = ms_finder_source(f);
	uint64_t node = from->list_next, first = from->address + f->layout.list;
	struct ms_error *err = NULL;
	while (!err && f->steps_left && node >= f->layout.list && node != first) {
		struct ms_control_block block;
		bool is_new;
		f->steps_left--;
		if (ms_ring_block(&source, node - f->layout.list, &block)) {
			err = ms_finder_enter(f, &block, &by_scan, &is_new);
			if (!is_new)
				break; // that part of the ring was walked already
			node = block.list_next;
		} else if (!ms_target_get(f->target, node, &node, sizeof(node))) {
			break;
		}
	}
	return err;
}

static struct ms_error *found(
	struct ms_stack_finder *f, const struct ms_control_block *block)
{
	bool is_new;
	struct ms_error *err = ms_finder_enter(f, block, &by_scan, &is_new);
	return err || !is_new ? err : walk_from(f, block);
}

static struct ms_error *read_chunk(
	struct ms_stack_finder *f, uint64_t at, uint64_t end, struct ms_range *ret)
{
	struct ms_range range = { at, ms_min(end, at + MS_FINDER_BUFFER) };
	struct ms_read read = { range, f->buffer };
	*ret = range;
	f->bytes_left -= ms_min(f->bytes_left, ms_range_size(range));
	return ms_target_read(f->target, &read, 1, /* gaps= */ NULL);
}

// Look for control blocks in [from, end) until `row` has its own.
static struct ms_error *scan(struct ms_stack_finder *f, uint64_t from, uint64_t end,
	const struct ms_thread_row *row)
{
	const struct ms_tcb_layout *layout = &f->layout;
	// Without its own address in it a block is too little to be told by itself.
	if (!layout->has_self)
		return NULL;
	for (uint64_t at = ms_align_down(from, layout->align); at < end && f->bytes_left;
		at += MS_FINDER_CHUNK) {
		struct ms_range range;
		struct ms_error *err = read_chunk(f, at, end, &range);
		for (uint64_t i = 0; !err && i < MS_FINDER_CHUNK &&
				     i + layout->bytes <= ms_range_size(range);
			i += layout->align) {
			struct ms_control_block block;
			if (ms_control_block_parse(
				    layout, at + i, f->buffer + i, f->maps, &block))
				err = found(f, &block);
			if (row && row->control_block)
				return err;
		}
		if (err)
			return err;
	}
	return NULL;
}

static struct ms_error *scan_from_sp(
	struct ms_stack_finder *f, const struct ms_thread_row *row)
{
	const struct ms_mapping *m = ms_maps_find(f->maps, row->thread->sp);
	uint64_t end;
	if (!m || !ms_is_stack_memory(m))
		return NULL;
	if (!ms_add(row->thread->sp, SCAN_MAX, &end) || end > m->range.end)
		end = m->range.end;
	return scan(f, row->thread->sp, end, row);
}

static bool is_complete(const struct ms_thread_table *table)
{
	for (size_t i = 0; i < table->n; i++)
		if (!table->v[i].control_block && !table->v[i].is_main)
			return false;
	return true;
}

static struct ms_error *scan_top(struct ms_stack_finder *f, struct ms_range piece)
{
	struct ms_range top = piece;
	if (ms_range_size(piece) > TOP_BYTES)
		top.start = piece.end - TOP_BYTES;
	if (!ms_pages_resident(ms_target_pages(f->target), top))
		return NULL;
	return scan(f, top.start, top.end, /* row= */ NULL);
}

// The piece of a mapping between guard pages that begins at `at` or behind it; false at
// the mapping's end. Where guards are pages and not mappings (glibc 2.42, Linux 6.13) the
// kernel joins neighbouring stacks into one mapping.
static bool next_piece(const struct ms_pages *pages, const struct ms_mapping *m,
	uint64_t at, struct ms_range *ret)
{
	enum ms_page_state state;
	struct ms_range run;
	*ret = (struct ms_range){ at, at };
	for (; at < m->range.end; at = run.end) {
		run = ms_pages_run(pages, at, m->range.end, &state);
		if (state != MS_PAGE_GUARD)
			ret->end = run.end;
		else if (ms_range_size(*ret))
			return true;
		else
			*ret = (struct ms_range){ run.end, run.end };
	}
	return ms_range_size(*ret) > 0;
}

// The tops of mappings, and of their pieces between guard pages: where a stack ends.
static struct ms_error *scan_tops(struct ms_stack_finder *f)
{
	const struct ms_pages *pages = ms_target_pages(f->target);
	struct ms_error *err = NULL;
	for (size_t i = 0; !err && i < f->maps->n; i++) {
		const struct ms_mapping *m = &f->maps->v[i];
		struct ms_range piece;
		if (!ms_is_stack_memory(m))
			continue;
		for (uint64_t at = m->range.start;
			!err && f->bytes_left && next_piece(pages, m, at, &piece);
			at = piece.end)
			err = scan_top(f, piece);
	}
	return err;
}

// Among the libraries: a file's mapping is one of the next ones on either side.
static bool is_file_near(const struct ms_maps *maps, size_t i)
{
	size_t from = i > NEAR ? i - NEAR : 0, end = ms_min(maps->n, i + NEAR + 1);
	for (size_t j = from; j < end; j++)
		if (maps->v[j].kind == MS_MAPPING_FILE)
			return true;
	return false;
}

// Where the first thread's block may be. ld.so maps memory for it before there is a malloc,
// among the libraries; what is mapped later goes below and may be joined with it, so it is
// the top of a mapping. In programs without libraries it is the start of the brk area.
static struct ms_range first_range(const struct ms_maps *maps, size_t i)
{
	const struct ms_mapping *m = &maps->v[i];
	struct ms_range range = m->range;
	uint64_t size = ms_min(ms_range_size(range), FIRST_MAX);
	if (m->kind == MS_MAPPING_HEAP)
		range.end = range.start + size;
	else if (ms_is_stack_memory(m) && is_file_near(maps, i))
		range.start = range.end - size;
	else
		range.end = range.start;
	return range;
}

static struct ms_error *scan_first(struct ms_stack_finder *f, struct ms_thread_row *row)
{
	struct ms_error *err = NULL;
	uint64_t left = FIRST_TOTAL;
	for (size_t i = 0; !err && left && !row->control_block && i < f->maps->n; i++) {
		struct ms_range range = first_range(f->maps, i);
		left -= ms_min(left, ms_range_size(range));
		err = scan(f, range.start, range.end, row);
	}
	return err;
}

// Where a core has the registers, one of them is the block's address.
static struct ms_error *enter_by_register(
	struct ms_stack_finder *f, const struct ms_thread_row *row)
{
	struct ms_ring_source source = ms_finder_source(f);
	struct ms_control_block block;
	if (row->control_block || !f->layout.has_self || !row->thread->fs_base ||
		!ms_ring_block(&source, row->thread->fs_base, &block))
		return NULL;
	return found(f, &block);
}

struct ms_error *ms_scan_stacks(struct ms_stack_finder *f)
{
	struct ms_thread_table *table = f->table;
	struct ms_error *err = NULL;
	for (size_t i = 0; !err && i < table->n; i++)
		err = enter_by_register(f, &table->v[i]);
	for (size_t i = 0; !err && i < table->n; i++)
		if (!table->v[i].control_block && !table->v[i].is_main)
			err = scan_from_sp(f, &table->v[i]);
	if (!err && !is_complete(table))
		err = scan_tops(f);
	for (size_t i = 0; !err && i < table->n; i++)
		if (!table->v[i].control_block && table->v[i].is_main)
			err = scan_first(f, &table->v[i]);
	return err;
}

// The piece of its mapping, between guard pages, that an address lies in.
static struct ms_range piece_of(
	const struct ms_pages *pages, const struct ms_mapping *m, uint64_t address)
{
	struct ms_range piece = { m->range.start, m->range.start };
	while (piece.end <= address && next_piece(pages, m, piece.end, &piece))
		;
	return ms_range_has(piece, address) ? piece : m->range;
}

static bool is_guarded(const struct ms_maps *maps, size_t i, struct ms_range piece)
{
	unsigned any = MS_MAPPING_READ | MS_MAPPING_WRITE | MS_MAPPING_EXEC;
	const struct ms_mapping *m = &maps->v[i];
	if (piece.start > m->range.start)
		return true; // above guard pages
	return i > 0 && m[-1].range.end == m->range.start && !(m[-1].flags & any);
}

// Memory with a stack pointer in it, right above memory that nobody may touch, and no
// other thread's stack pointer in it. musl and threads of other makers.
void ms_scan_shape(const struct ms_stack_finder *f, struct ms_thread_row *row)
{
	size_t i = ms_maps_index(f->maps, row->thread->sp);
	if (i >= f->maps->n || !ms_range_has(f->maps->v[i].range, row->thread->sp) ||
		!ms_is_stack_memory(&f->maps->v[i]))
		return;
	struct ms_range piece =
		piece_of(ms_target_pages(f->target), &f->maps->v[i], row->thread->sp);
	if (!is_guarded(f->maps, i, piece) || ms_range_size(piece) > STACK_MAX)
		return;
	for (size_t j = 0; j < f->table->n; j++)
		if (&f->table->v[j] != row &&
			ms_range_has(piece, f->table->v[j].thread->sp))
			return;
	row->stack = piece;
	row->source = MS_STACK_BY_SHAPE;
	row->grade = MS_GRADE_CONTENT;
}
