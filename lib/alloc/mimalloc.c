// mimalloc 2: every segment is found where it must begin, at a multiple of 32 MiB, and the
// lists of free blocks are followed from its rows. Releases differ in their offsets: the
// layout that fits most pages is taken.

#include "alloc/mimalloc.h"

#include <string.h>

#include "alloc/sweep.h"
#include "alloc/whole.h"
#include "threads/threads.h"

enum {
	LAYOUTS_MAX = 16,
	KEYS_MAX = 8, // instances in one process
};

// An instance under way: all segments of one key.
struct key {
	uint64_t key;
	const struct ms_module
		*module;             // that has it in its data, as all that are right do
	uint64_t pages[LAYOUTS_MAX]; // that fit, by layout
};

// What is counted by heap, or by the thread that owns segments.
struct owner {
	uint64_t address;
	uint64_t pages;
	uint64_t blocks; // handed out, or freed by another thread
	uint32_t arena;
};

struct owners {
	struct owner *v; // ascending
	size_t n, cap;
};

struct search {
	struct ms_alloc_find *find;
	uint8_t *bytes;              // MS_MI_SEGMENT_BYTES
	MS_ARRAY(uint64_t) segments; // ascending addresses of all keys
	MS_ARRAY(uint64_t) others;   // where one may begin, and none is seen to
	struct key keys[KEYS_MAX];
	size_t keys_n;
	bool has_more_keys;
};

struct heap {
	struct search *search;
	struct ms_alloc_find *find;
	struct ms_alloc *alloc;
	const struct ms_mi_layout *layout;
	uint64_t key;
	uint32_t instance;
	struct owners threads, heaps;
	uint64_t off;
	const char *reason;
};

static struct owner *owner_of(struct owners *owners, uint64_t address)
{
	size_t low = 0, high = owners->n;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (owners->v[mid].address < address)
			low = mid + 1;
		else
			high = mid;
	}
	if (low < owners->n && owners->v[low].address == address)
		return &owners->v[low];
	if (!ms_array_push(owners))
		return NULL;
	memmove(&owners->v[low + 1], &owners->v[low],
		(owners->n - 1 - low) * sizeof(*owners->v));
	owners->v[low] = (struct owner){ .address = address, .arena = UINT32_MAX };
	return &owners->v[low];
}

static struct ms_error *read_segment(struct search *search, uint64_t address)
{
	struct ms_read read = { { address, address + MS_MI_SEGMENT_BYTES },
		search->bytes };
	if (ms_cancel_raised(search->find->cancel))
		return ms_error_new(MS_ERROR_CANCELLED, "interrupted");
	return ms_target_read(search->find->target, &read, 1, NULL);
}

static bool is_mapped(
	const struct ms_alloc_find *find, const struct ms_mi_segment *segment)
{
	return ms_whole_is_mapped(find->maps,
		(struct ms_range){ segment->address, segment->address + segment->size });
}

static const uint8_t *row_at(
	const struct ms_mi_layout *layout, const uint8_t *bytes, uint32_t index)
{
	return bytes + layout->at.slices + (size_t)index * layout->page;
}

// Pages of a segment that fit a layout.
static uint64_t count_pages(const struct ms_mi_layout *layout, const uint8_t *bytes,
	const struct ms_mi_segment *segment)
{
	struct ms_mi_page page;
	uint64_t n = 0;
	for (uint32_t at = segment->info_slices; at < segment->entries;
		at += page.slices ? page.slices : 1)
		n += ms_mi_page_parse(
			     layout, segment, at, row_at(layout, bytes, at), &page) &&
		     !page.is_span;
	return n;
}

static struct key *key_of(struct search *search, uint64_t key)
{
	for (size_t i = 0; i < search->keys_n; i++)
		if (search->keys[i].key == key)
			return &search->keys[i];
	if (search->keys_n == KEYS_MAX)
		return NULL;
	search->keys[search->keys_n].key = key;
	return &search->keys[search->keys_n++];
}

// Does a segment begin here? If it is whole, its pages vote for layouts. One that is not
// is kept as well: it counts if its key is that of another.
static struct ms_error *try_segment(
	struct ms_alloc_find *find, uint64_t address, void *arg)
{
	struct search *search = arg;
	struct ms_error *err = read_segment(search, address);
	bool is_segment = false;
	for (size_t i = 0; !err && i < ms_mi_layouts_n; i++) {
		const struct ms_mi_layout *layout = &ms_mi_layouts[i];
		struct ms_mi_segment segment;
		if (!ms_mi_segment_parse(layout, search->bytes, address, &segment) ||
			!is_mapped(find, &segment))
			continue;
		is_segment = true;
		if (!ms_mi_segment_has_rows(layout, search->bytes, &segment))
			continue;
		struct key *key = key_of(search, segment.key);
		search->has_more_keys |= !key;
		if (key)
			key->pages[i] += 1 + count_pages(layout, search->bytes, &segment);
	}
	if (err)
		return err;
	uint64_t *added = is_segment ? ms_array_push(&search->segments)
				     : ms_array_push(&search->others);
	if (!added)
		return &ms_error_nomem;
	*added = address;
	return NULL;
}

// Mark the blocks of a list; false in ret_is_right if it leaves its page, or comes to a
// block twice.
static struct ms_error *mark_list(struct heap *heap, const struct ms_mi_page *page,
	uint64_t first, uint32_t *ret_n, bool *ret_is_right)
{
	struct ms_marks *marks = &heap->alloc->private->marks;
	struct ms_error *err = NULL;
	bool is_right = true;
	uint32_t n = 0;
	for (uint64_t at = first; at && is_right; n += is_right) {
		bool is_new = false;
		is_right = ms_mi_page_has(page, at);
		if (is_right)
			err = ms_marks_set(marks, at, MS_MARK_FREE, &is_new);
		if (err)
			return err;
		is_right = is_right && is_new && ms_peek_u64(heap->find->peek, at, &at);
	}
	*ret_n = n;
	*ret_is_right = *ret_is_right && is_right;
	return NULL;
}

// Blocks carved out are handed out or on one of the page's own two lists.
static struct ms_error *mark_free(struct heap *heap, const struct ms_mi_page *page)
{
	uint32_t n_free = 0, n_local = 0, n_thread = 0;
	bool is_right = true;
	struct ms_error *err = mark_list(heap, page, page->free, &n_free, &is_right);
	if (!err)
		err = mark_list(heap, page, page->local, &n_local, &is_right);
	if (!err)
		err = mark_list(heap, page, page->thread_free, &n_thread, &is_right);
	if (err)
		return err;
	uint64_t all = (uint64_t)n_free + n_local + page->used;
	uint64_t odd = all > page->capacity ? all - page->capacity : page->capacity - all;
	if (n_thread > page->used)
		odd += n_thread - page->used;
	if (!odd && !is_right)
		odd = 1;
	heap->off = ms_sum(heap->off, ms_product(odd, page->block));
	return NULL;
}

static struct ms_error *add_extent(struct heap *heap, uint32_t arena,
	struct ms_range range, enum ms_alloc_state state)
{
	struct ms_extent extent = { .range = range, .arena = arena, .state = state };
	return range.start < range.end ? ms_alloc_add_extent(heap->alloc, &extent) : NULL;
}

// A page of one block, which begins and ends where it likes.
static struct ms_error *add_block(
	struct heap *heap, uint32_t arena, const struct ms_mi_page *page)
{
	struct ms_range range = { page->start, page->start + page->block };
	struct ms_error *err = add_extent(heap, arena,
		(struct ms_range){ page->range.start, range.start }, MS_ALLOC_OVERHEAD);
	if (!err)
		err = add_extent(heap, arena, range, MS_ALLOC_LIVE);
	return err ? err
		   : add_extent(heap, arena,
			     (struct ms_range){ range.end, page->range.end },
			     MS_ALLOC_OVERHEAD);
}

// The blocks carved out so far, and the rest of the page, which nobody ever touched.
static struct ms_error *add_blocks(
	struct heap *heap, uint32_t arena, const struct ms_mi_page *page)
{
	uint64_t end = page->start + page->block * page->capacity;
	if (page->capacity == page->reserved)
		end = page->range.end;
	struct ms_extent extent = {
		.range = { page->range.start, end },
		.arena = arena,
		.slot = (uint32_t)page->block,
		.first = (uint32_t)(page->start - page->range.start),
		.n = page->capacity,
		.state = MS_ALLOC_LIVE,
	};
	struct ms_error *err = ms_alloc_add_extent(heap->alloc, &extent);
	return err ? err
		   : add_extent(heap, arena, (struct ms_range){ end, page->range.end },
			     MS_ALLOC_TOP);
}

static struct ms_error *add_page(
	struct heap *heap, uint32_t arena, const struct ms_mi_page *page)
{
	struct owner *owner = owner_of(&heap->heaps, page->heap);
	if (!owner)
		return &ms_error_nomem;
	owner->pages++;
	owner->blocks += page->used;
	owner->arena = arena;
	struct ms_error *err = page->reserved == 1 ? add_block(heap, arena, page)
						   : add_blocks(heap, arena, page);
	return err ? err : mark_free(heap, page);
}

// Slices without blocks: kept with their pages, or only as addresses.
static enum ms_alloc_state state_of_span(struct heap *heap, struct ms_range range)
{
	return ms_pages_resident(ms_target_pages(heap->find->target), range)
		       ? MS_ALLOC_DIRTY
		       : MS_ALLOC_RETAINED;
}

static struct ms_error *add_row(struct heap *heap, uint32_t arena,
	const struct ms_mi_segment *segment, uint32_t at, uint32_t *ret_slices)
{
	struct ms_mi_page page;
	bool is_right = ms_mi_page_parse(heap->layout, segment, at,
		row_at(heap->layout, heap->search->bytes, at), &page);
	*ret_slices = page.slices ? page.slices : 1;
	if (is_right && !page.is_span)
		is_right = ms_peek_is_writable(
			heap->find->maps, page.start, page.block * page.capacity);
	if (!is_right) {
		uint64_t start = segment->address + (uint64_t)at * MS_MI_SLICE;
		uint64_t size = (uint64_t)*ret_slices * MS_MI_SLICE;
		heap->off = ms_sum(heap->off, size);
		return add_extent(heap, arena, (struct ms_range){ start, start + size },
			MS_ALLOC_TORN);
	}
	if (page.is_span)
		return add_extent(
			heap, arena, page.range, state_of_span(heap, page.range));
	return add_page(heap, arena, &page);
}

static struct ms_error *add_thread(struct heap *heap, uint64_t control, uint32_t arena)
{
	const struct ms_thread_table *table = heap->find->threads;
	for (size_t i = 0; table && control && i < table->n; i++) {
		if (table->v[i].control_block != control)
			continue;
		struct ms_alloc_thread *row = ms_array_push(&heap->alloc->threads);
		if (!row)
			return &ms_error_nomem;
		row->tid = table->v[i].thread->tid;
		row->instance = heap->instance;
		row->arena = arena;
	}
	return NULL;
}

// An arena is what one thread owns; the first is what no thread does: huge blocks, and
// what threads that ended left behind.
static struct ms_error *arena_of(struct heap *heap, uint64_t thread, uint32_t *ret)
{
	struct owner *owner = owner_of(&heap->threads, thread);
	struct ms_error *err = NULL;
	if (!owner)
		return &ms_error_nomem;
	if (owner->arena == UINT32_MAX) {
		struct ms_alloc_arena row = { .instance = heap->instance,
			.number = (uint32_t)heap->threads.n - 1,
			.threads = thread != 0 };
		err = ms_alloc_add_arena(heap->alloc, &row, &owner->arena);
		if (!err)
			err = add_thread(heap, thread, owner->arena);
	}
	*ret = owner->arena;
	return err;
}

// The rest of a segment makes no sense, but that it is one of ours stands in it.
static void check_broken(struct heap *heap, uint64_t address)
{
	uint64_t cookie;
	if (ms_peek_u64(heap->find->peek, address + heap->layout->at.cookie, &cookie) &&
		(cookie ^ address) == heap->key)
		heap->off = ms_sum(heap->off, MS_MI_SLICE);
}

static struct ms_error *add_segment(struct heap *heap, uint64_t address)
{
	struct ms_mi_segment segment;
	uint32_t arena, slices;
	struct ms_error *err = read_segment(heap->search, address);
	if (err)
		return err;
	if (!ms_mi_segment_parse(heap->layout, heap->search->bytes, address, &segment) ||
		segment.key != heap->key || !is_mapped(heap->find, &segment)) {
		check_broken(heap, address);
		return NULL;
	}
	err = arena_of(heap, segment.thread, &arena);
	if (err)
		return err;
	heap->alloc->arenas.v[arena].system += segment.size;
	if (!ms_mi_segment_has_rows(heap->layout, heap->search->bytes, &segment))
		heap->off = ms_sum(heap->off, MS_MI_SLICE);
	err = add_extent(heap, arena,
		(struct ms_range){
			address, address + (uint64_t)segment.info_slices * MS_MI_SLICE },
		MS_ALLOC_OVERHEAD);
	for (uint32_t at = segment.info_slices; !err && at < segment.entries;
		at += slices)
		err = add_row(heap, arena, &segment, at, &slices);
	return err;
}

static bool has_segment(const struct search *search, uint64_t address)
{
	size_t low = 0, high = search->segments.n;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (search->segments.v[mid] == address)
			return true;
		if (search->segments.v[mid] < address)
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}

// The page that holds a block, by the segment it lies in.
static bool page_at(struct heap *heap, uint64_t block, struct ms_mi_page *ret)
{
	const struct ms_mi_layout *layout = heap->layout;
	struct ms_mi_segment segment = {
		.address = ms_align_down(block, layout->segment),
		.size = layout->segment,
	};
	uint8_t row[128];
	uint32_t index = (uint32_t)((block - segment.address) / MS_MI_SLICE);
	uint64_t rows = segment.address + layout->at.slices;
	if (!has_segment(heap->search, segment.address) ||
		!ms_peek_bytes(heap->find->peek, rows + (uint64_t)index * layout->page,
			row, layout->page))
		return false;
	uint32_t back = ms_get_u32(row + 4) / layout->page;
	if (back > index)
		return false;
	index -= back;
	return ms_peek_bytes(heap->find->peek, rows + (uint64_t)index * layout->page, row,
		       layout->page) &&
	       ms_mi_page_parse(layout, &segment, index, row, ret) && !ret->is_span &&
	       ms_mi_page_has(ret, block);
}

// Of a full page, the first block another thread frees is put on its heap's list.
static struct ms_error *mark_delayed(struct heap *heap, const struct owner *owner)
{
	struct ms_marks *marks = &heap->alloc->private->marks;
	struct ms_error *err = NULL;
	struct ms_mi_page page;
	uint64_t at;
	if (!ms_peek_u64(
		    heap->find->peek, owner->address + heap->layout->heap_delayed, &at))
		return NULL;
	for (uint64_t n = 0; !err && at && n <= owner->blocks; n++) {
		bool is_new = false;
		bool is_right = page_at(heap, at, &page) && page.heap == owner->address;
		if (is_right)
			err = ms_marks_set(marks, at, MS_MARK_FREE, &is_new);
		if (err || !is_new || !ms_peek_u64(heap->find->peek, at, &at)) {
			heap->off = ms_sum(heap->off, is_right ? page.block : 8);
			return err;
		}
	}
	return err;
}

// Each heap counts its pages: are all found?
static void check_heap(struct heap *heap, const struct owner *owner)
{
	struct ms_alloc_arena *arena = &heap->alloc->arenas.v[owner->arena];
	uint64_t pages;
	if (!arena->address)
		arena->address = owner->address;
	if (!heap->layout->heap_pages ||
		!ms_peek_u64(heap->find->peek, owner->address + heap->layout->heap_pages,
			&pages))
		return;
	if (pages != owner->pages) {
		heap->off = ms_sum(heap->off, MS_MI_SLICE);
		heap->reason = "a heap's count of pages does not match its segments";
	}
}

static struct ms_error *add_heaps(struct heap *heap)
{
	struct ms_error *err = NULL;
	for (size_t i = 0; !err && i < heap->heaps.n; i++) {
		if (!heap->heaps.v[i].address)
			continue;
		check_heap(heap, &heap->heaps.v[i]);
		err = mark_delayed(heap, &heap->heaps.v[i]);
	}
	return err;
}

static const struct ms_mi_layout *best_layout(const struct key *key)
{
	size_t best = 0;
	for (size_t i = 1; i < ms_mi_layouts_n; i++)
		if (key->pages[i] > key->pages[best])
			best = i;
	return &ms_mi_layouts[best];
}

static struct ms_error *look_for_keys(struct ms_sweep *sweep,
	const struct ms_module *module, uint64_t address, const uint8_t *bytes, size_t n)
{
	struct search *search = sweep->arg;
	(void)address;
	for (size_t at = 0; at < n; at += 8)
		for (size_t i = 0; i < search->keys_n; i++)
			if (ms_get_u64(bytes + at) == search->keys[i].key &&
				!search->keys[i].module)
				search->keys[i].module = module;
	return NULL;
}

static struct ms_error *find_modules(struct search *search)
{
	struct ms_sweep sweep = {
		.find = search->find, .need = 8, .fn = look_for_keys, .arg = search
	};
	return search->keys_n ? ms_sweep_data(&sweep) : NULL;
}

static bool has_stray_key(const struct search *search)
{
	for (size_t i = 0; i < search->keys_n; i++)
		if (!search->keys[i].module)
			return true;
	return false;
}

static struct ms_error *add_instance(struct heap *heap, const struct ms_module *module)
{
	struct ms_alloc_instance row = { .allocator = "mimalloc",
		.path = module ? module->path : (struct ms_bytes){ 0 },
		.is_walked = !heap->layout->is_encoded };
	(void)snprintf(row.layout, sizeof(row.layout), "%s", heap->layout->name);
	return ms_alloc_add_instance(heap->alloc, &row, &heap->instance);
}

// What cannot be walked is known all the same, segment by segment.
static struct ms_error *add_whole(struct heap *heap)
{
	const struct search *search = heap->search;
	struct ms_error *err = NULL;
	for (size_t i = 0; !err && i < search->segments.n; i++) {
		struct ms_mi_segment segment;
		err = read_segment(heap->search, search->segments.v[i]);
		if (err ||
			!ms_mi_segment_parse(heap->layout, search->bytes,
				search->segments.v[i], &segment) ||
			segment.key != heap->key || !is_mapped(heap->find, &segment))
			continue;
		err = ms_whole_add(heap->find, heap->instance,
			(struct ms_range){
				segment.address, segment.address + segment.size });
	}
	return err;
}

static struct ms_error *add_all(struct heap *heap, const struct ms_module *module)
{
	struct ms_error *err = add_instance(heap, module);
	if (!err && heap->layout->is_encoded) {
		heap->reason = "a secure or debug build: its free lists are encoded";
		return add_whole(heap);
	}
	for (size_t i = 0; !err && i < heap->search->segments.n; i++)
		err = add_segment(heap, heap->search->segments.v[i]);
	ms_array_foreach (address, &heap->search->others)
		check_broken(heap, *address);
	return err ? err : add_heaps(heap);
}

static struct ms_error *add_key(struct search *search, const struct key *key)
{
	struct heap heap = { .search = search,
		.find = search->find,
		.alloc = search->find->alloc,
		.layout = best_layout(key),
		.key = key->key };
	struct ms_error *err = add_all(&heap, key->module);
	ms_array_deinit(&heap.threads);
	ms_array_deinit(&heap.heaps);
	if (ms_error_catch(&err, MS_ERROR_LIMIT))
		heap.reason = "more of it than can be kept apart";
	if (err)
		return err;
	if (!heap.reason && search->has_more_keys)
		heap.reason = "more instances of it than can be kept apart";
	if (!heap.reason && has_stray_key(search))
		heap.reason = "a segment whose owner is no library that is mapped";
	if (!heap.reason && heap.off)
		heap.reason =
			"pages and their lists of free blocks contradict each other";
	if (heap.reason)
		ms_alloc_stamp(heap.alloc, heap.instance, heap.off, "%s", heap.reason);
	else
		ms_alloc_stamp(heap.alloc, heap.instance, 0, NULL);
	return NULL;
}

static struct ms_error *find(struct ms_alloc_find *find)
{
	struct search search = { .find = find };
	_cleanup_free_ uint8_t *bytes = malloc(MS_MI_SEGMENT_BYTES);
	if (!bytes)
		return &ms_error_nomem;
	search.bytes = bytes;
	struct ms_error *err =
		ms_sweep_boundaries(find, MS_MI_ALIGN, try_segment, &search);
	if (!err)
		err = find_modules(&search);
	for (size_t i = 0; !err && i < search.keys_n; i++)
		err = add_key(&search, &search.keys[i]);
	ms_array_deinit(&search.segments);
	ms_array_deinit(&search.others);
	return err;
}

const struct ms_allocator ms_allocator_mimalloc = { .name = "mimalloc", .find = find };
