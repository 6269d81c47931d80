// Blocks with mappings of their own, of which no list exists, and the pieces of a main
// arena that does not grow by brk: both begin at a page in anonymous memory that nothing
// else claims. See glibc.h.
//
// The libc counts its mmapped blocks, so the search knows when it is done. First the
// starts of mappings are tried, and what follows each block found there; only if that
// does not add up, every resident page.

#include "alloc/glibc_share.h"

#include "threads/threads.h"

enum {
	WINDOW = 1 << 20,
	FENCE = 16,
	MMAPPED_TAIL = 16, // from 2.43 on a block ends that much before its mapping
	STEPS_MAX = 1 << 26,
	GAP_MAX = 16 << 20, // of the brk area that others took between two pieces
};

#define SCAN_MAX (4ull << 30) // bytes of pages that are looked through one by one

// A piece of a main arena in a brk area.
struct in_brk {
	size_t region; // its number
	uint64_t gaps; // bytes between all pieces up to here
};

struct finder {
	struct ms_alloc_find *find;
	struct ms_glibcs *libcs;
	struct ms_ranges spans;         // anonymous memory without an owner so far
	MS_ARRAY(struct in_brk) in_brk; // as they follow each other
	MS_ARRAY(size_t) unsure; // regions of some main arena, nothing says of which
	struct ms_glibc_hints hints;
	size_t segmented; // libcs whose main arena is in pieces
	uint64_t scanned;
	uint64_t steps;
};

static bool is_heap_memory(const struct ms_mapping *m)
{
	unsigned rw = MS_MAPPING_READ | MS_MAPPING_WRITE;
	return (m->flags & rw) == rw && !(m->flags & MS_MAPPING_SHARED) &&
	       (m->kind == MS_MAPPING_ANON || m->kind == MS_MAPPING_NAMED ||
		       m->kind == MS_MAPPING_HEAP);
}

static struct ms_error *remove_stacks(struct finder *f)
{
	const struct ms_thread_table *table = f->find->threads;
	struct ms_error *err = NULL;
	for (size_t i = 0; table && !err && i < table->n; i++)
		if (ms_range_size(table->v[i].stack))
			err = ms_ranges_remove(&f->spans, table->v[i].stack);
	for (size_t i = 0; table && !err && i < table->ended_n; i++)
		err = ms_ranges_remove(&f->spans, table->ended[i].stack);
	return err;
}

// Neighbouring mappings make one span: blocks may follow each other from one into the next.
static struct ms_error *list_spans(struct finder *f)
{
	const struct ms_maps *maps = f->find->maps;
	const struct ms_alloc *alloc = f->find->alloc;
	struct ms_error *err = NULL;
	for (size_t i = 0; !err && i < maps->n; i++)
		if (is_heap_memory(&maps->v[i]))
			err = ms_ranges_add(&f->spans, maps->v[i].range);
	for (size_t i = 0; !err && i < f->find->modules.n; i++)
		for (size_t j = 0; !err && j < f->find->modules.v[i].data_n; j++)
			err = ms_ranges_remove(&f->spans, f->find->modules.v[i].data[j]);
	ms_array_foreach (region, &alloc->regions)
		if (!err)
			err = ms_ranges_remove(&f->spans, region->range);
	ms_array_foreach (extent, &alloc->private->extents)
		if (!err)
			err = ms_ranges_remove(&f->spans, extent->range);
	return err ? err : remove_stacks(f);
}

// Others' brk memory between two pieces of an arena; false: they are not neighbours.
static bool gap_behind(const struct finder *f, size_t i, struct ms_range *ret)
{
	const struct ms_alloc_region *regions = f->find->alloc->regions.v;
	if (i + 1 >= f->in_brk.n)
		return false;
	const struct ms_alloc_region *at = &regions[f->in_brk.v[i].region];
	const struct ms_alloc_region *next = &regions[f->in_brk.v[i + 1].region];
	*ret = (struct ms_range){ at->range.end, next->range.start };
	return at->instance == next->instance && ret->end >= ret->start;
}

// As long as brk never failed what others took of it counts as the arena's, afterwards it
// does not: the first gaps that make up what is missing. False: more is.
static bool count_gaps(const struct finder *f, size_t *ret)
{
	uint64_t system = 0, found = 0;
	size_t low = 0, high = f->in_brk.n;
	ms_array_foreach (libc, f->libcs)
		if (libc->is_segmented) {
			uint64_t more =
				f->find->alloc->arenas.v[libc->first_arena].system;
			system = ms_sum(system, more);
			found = ms_sum(found, libc->found_segments);
		}
	*ret = 0;
	if (found >= system)
		return found == system;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (f->in_brk.v[mid].gaps < system - found)
			low = mid + 1;
		else
			high = mid;
	}
	*ret = low;
	return low < f->in_brk.n && f->in_brk.v[low].gaps == system - found;
}

// A libc whose main arena may have more pieces; NULL: all are found.
static struct ms_glibc *misses_segments(const struct finder *f)
{
	size_t gaps;
	if (!f->segmented || count_gaps(f, &gaps))
		return NULL;
	ms_array_foreach (libc, f->libcs)
		if (libc->is_segmented)
			return libc;
	return NULL;
}

// A libc that still misses mmapped blocks; NULL: none.
static struct ms_glibc *misses_mmapped(const struct finder *f)
{
	ms_array_foreach (libc, f->libcs)
		if (!libc->par || libc->found_mmaps < libc->n_mmaps)
			return libc;
	return NULL;
}

static bool is_done(struct finder *f)
{
	return !misses_segments(f) && !misses_mmapped(f);
}

static struct ms_error *mmapped_row(struct finder *f, struct ms_glibc *libc)
{
	struct ms_alloc_arena row = {
		.instance = libc->instance, .number = UINT32_MAX, .is_mmapped = true
	};
	if (libc->mmapped_arena != UINT32_MAX)
		return NULL;
	return ms_alloc_add_arena(f->find->alloc, &row, &libc->mmapped_arena);
}

// A block's header, checked: `previous` is how far behind the mapping's start it lies.
static bool is_mmapped(const struct ms_glibc *libc, struct ms_range within,
	uint64_t header, const uint8_t *words, struct ms_range *ret)
{
	uint64_t head = ms_get_u64(words + 8), size = head & ~(uint64_t)MS_CHUNK_FLAGS;
	uint64_t lead = ms_get_u64(words) & ~1ull; // from 2.43 bit 0 means huge pages
	uint64_t tail = libc->mmapped_has_tail ? MMAPPED_TAIL : 0;
	struct ms_range range;
	if ((head & MS_CHUNK_FLAGS) != MS_CHUNK_MMAPPED || size < MS_CHUNK_MIN ||
		size % 16 || lead % 16 || lead > header - within.start)
		return false;
	range.start = header - lead;
	if (range.start % MS_PAGE_SIZE || !ms_add(header, size, &range.end) ||
		!ms_add(range.end, tail, &range.end) || range.end % MS_PAGE_SIZE ||
		range.end > within.end)
		return false;
	*ret = range;
	return true;
}

// In a page: the header at its start, else one that was moved back for alignment.
static bool find_in_page(const struct ms_glibc *libc, struct ms_range within,
	uint64_t page, const uint8_t *bytes, struct ms_alloc_region *ret)
{
	for (uint64_t at = 0; at < MS_PAGE_SIZE; at += 16) {
		if ((ms_get_u64(bytes + at + 8) & 15) != MS_CHUNK_MMAPPED)
			continue;
		uint64_t lead = ms_get_u64(bytes + at) & ~1ull;
		bool fits = lead == at || (lead > at && at == MS_PAGE_SIZE - 16);
		if (fits &&
			is_mmapped(libc, within, page + at, bytes + at, &ret->range)) {
			ret->memory = page + at + 16;
			return true;
		}
	}
	return false;
}

// memalign moves the header up to the first boundary that leaves room for a chunk, and
// leaves the one at the start as it was: the one that counts says how far it was moved.
static void find_moved(struct finder *f, const struct ms_glibc *libc,
	struct ms_range within, struct ms_alloc_region *region)
{
	struct ms_range block = region->range;
	uint64_t least = block.start + 16 + MS_CHUNK_MIN;
	for (uint64_t align = 32; align < ms_range_size(block); align *= 2) {
		uint8_t words[16];
		uint64_t memory;
		struct ms_range range;
		if (!ms_align_up(least, align, &memory) || memory >= block.end ||
			!ms_peek_bytes(f->find->peek, memory - 16, words, 16) ||
			!is_mmapped(libc, within, memory - 16, words, &range) ||
			range.start != block.start)
			continue;
		region->range = range;
		region->memory = memory;
		return;
	}
}

// The libc whose main arena's top chunk this is.
static struct ms_glibc *libc_of_top(const struct finder *f, uint64_t at)
{
	ms_array_foreach (libc, f->libcs)
		if (libc->is_segmented && libc->main_top == at)
			return libc;
	return NULL;
}

static bool is_fence_at(struct finder *f, uint64_t at)
{
	uint64_t head;
	return ms_peek_u64(f->find->peek, at + 8, &head) &&
	       head == (FENCE | MS_CHUNK_PREV_INUSE);
}

// Where a stretch ends: behind its last fencepost. They are three where the top chunk
// that they replaced left 16 bytes.
static uint64_t end_of_fences(struct finder *f, struct ms_range within, uint64_t at)
{
	bool has_third = within.end - at >= FENCE && is_fence_at(f, at);
	return has_third ? at + FENCE : at;
}

// Headers in a row up to a pair of fenceposts, or to the top chunk. *libc becomes the one
// whose top it is, or whose bins have a chunk of it.
static bool find_segment(struct finder *f, struct ms_glibc **libc, struct ms_range within,
	uint64_t start, struct ms_alloc_region *ret, bool *ret_is_sure)
{
	bool was_fence = false;
	for (uint64_t at = start; f->steps < STEPS_MAX; f->steps++) {
		uint64_t head;
		if (at > within.end - 16 || !ms_peek_u64(f->find->peek, at + 8, &head) ||
			(at == start && !(head & MS_CHUNK_PREV_INUSE)))
			return false;
		uint64_t size = head & ~(uint64_t)MS_CHUNK_FLAGS;
		bool is_fence = size == FENCE && at > start;
		struct ms_glibc *owner = libc_of_top(f, at);
		if (head & (MS_CHUNK_MMAPPED | MS_CHUNK_NON_MAIN) || size % 16 ||
			(size < MS_CHUNK_MIN && !is_fence) || size > within.end - at)
			return false;
		at += size;
		if (owner || (is_fence && was_fence)) {
			ret->has_top = owner;
			ret->range = (struct ms_range){ start,
				owner ? at : end_of_fences(f, within, at) };
			size_t hint = ms_glibc_hints_at(&f->hints, ret->range);
			if (!owner && hint != SIZE_MAX)
				owner = &f->libcs->v[hint];
			*libc = owner ? owner : *libc;
			*ret_is_sure = owner;
			return true;
		}
		was_fence = is_fence;
	}
	return false;
}

static struct ms_error *add_mmapped(
	struct finder *f, struct ms_glibc *libc, struct ms_alloc_region *region)
{
	struct ms_error *err = mmapped_row(f, libc);
	region->arena = libc->mmapped_arena;
	region->instance = libc->instance;
	region->is_mmapped = true;
	libc->found_mmaps++;
	return err ? err : ms_alloc_add_region(f->find->alloc, region);
}

static struct ms_error *add_segment(struct finder *f, struct ms_glibc *libc,
	struct ms_alloc_region *region, bool is_sure)
{
	region->arena = libc->first_arena;
	region->instance = libc->instance;
	libc->found_segments += ms_range_size(region->range);
	if (!is_sure && f->segmented > 1) {
		size_t *unsure = ms_array_push(&f->unsure);
		if (!unsure)
			return &ms_error_nomem;
		*unsure = f->find->alloc->regions.n;
	}
	return ms_alloc_add_region(f->find->alloc, region);
}

// What begins in this page, if anything does; ret_end is where to look next.
static struct ms_error *try_page(struct finder *f, struct ms_range within, uint64_t page,
	const uint8_t *bytes, uint64_t *ret_end)
{
	struct ms_alloc_region region = { 0 };
	bool is_sure;
	struct ms_glibc *libc = misses_mmapped(f);
	*ret_end = page;
	if (libc && find_in_page(libc, within, page, bytes, &region)) {
		if (region.memory == page + 16)
			find_moved(f, libc, within, &region);
		*ret_end = region.range.end;
		return add_mmapped(f, libc, &region);
	}
	libc = misses_segments(f);
	if (libc && find_segment(f, &libc, within, page, &region, &is_sure) &&
		ms_align_up(region.range.end, MS_PAGE_SIZE, ret_end)) {
		region.range.end = *ret_end;
		return add_segment(f, libc, &region, is_sure);
	}
	*ret_end = page;
	return NULL;
}

static bool is_resident(const struct finder *f, uint64_t address)
{
	enum ms_page_state state =
		ms_pages_get(ms_target_pages(f->find->target), address);
	return ms_page_is_resident(state) || state == MS_PAGE_UNKNOWN;
}

// From a span's start as long as one thing follows the other.
static struct ms_error *try_start(struct finder *f, struct ms_range *span)
{
	struct ms_error *err = NULL;
	while (!err && span->start < span->end && !is_done(f)) {
		uint8_t page[MS_PAGE_SIZE];
		uint64_t end;
		if (span->start % MS_PAGE_SIZE || !is_resident(f, span->start) ||
			!ms_peek_bytes(f->find->peek, span->start, page, sizeof(page)))
			break;
		err = try_page(f, *span, span->start, page, &end);
		if (err || end == span->start)
			break;
		span->start = end;
	}
	return err;
}

static bool is_brk(const struct finder *f, uint64_t at)
{
	const struct ms_mapping *m = ms_maps_find(f->find->maps, at);
	return m && m->kind == MS_MAPPING_HEAP;
}

static struct ms_error *add_in_brk(
	struct finder *f, struct ms_glibc *libc, struct ms_alloc_region *region)
{
	size_t number = f->find->alloc->regions.n, n = f->in_brk.n;
	struct ms_range gap;
	struct in_brk *added = ms_array_push(&f->in_brk);
	if (!added)
		return &ms_error_nomem;
	added->region = number;
	struct ms_error *err = add_segment(f, libc, region, /* is_sure= */ true);
	if (err) {
		f->in_brk.n--; // there is no room for the region
		return err;
	}
	added->gaps = n ? f->in_brk.v[n - 1].gaps : 0;
	if (n && gap_behind(f, n - 1, &gap))
		added->gaps = ms_sum(added->gaps, gap.end - gap.start);
	return NULL;
}

// The brk area's pieces of a main arena that went on elsewhere, and may have come back:
// from where it began, with what others took in between. An arena that never had brk
// memory begins in a mapping, and all that is known of is its first piece.
static struct ms_error *search_brk(struct finder *f, struct ms_glibc *libc)
{
	uint64_t at = libc->first_chunk, limit = at + MS_PAGE_SIZE;
	struct ms_range within = { at, ms_glibc_writable_end(f->find->maps, at) };
	bool is_first = true, is_alone = f->segmented == 1 || is_brk(f, at);
	struct ms_error *err = NULL;
	for (; !err && at < ms_min(limit, within.end) && misses_segments(f) &&
		f->steps < STEPS_MAX;
		f->steps++) {
		struct ms_alloc_region region = { 0 };
		struct ms_glibc *owner = libc;
		bool is_sure;
		if (ms_cancel_raised(f->find->cancel))
			return ms_error_new(MS_ERROR_CANCELLED, "interrupted");
		if (!find_segment(f, &owner, within, at, &region, &is_sure)) {
			at += 16;
			continue;
		}
		if (owner != libc || (!is_first && !is_sure && !is_alone))
			return NULL;
		err = add_in_brk(f, libc, &region);
		if (is_first)
			libc->found_segments += libc->first_chunk - libc->sbrk_base;
		if (!err)
			err = ms_ranges_remove(&f->spans, region.range);
		at = region.range.end;
		limit = at + GAP_MAX;
		is_first = false;
	}
	return err;
}

// Where gaps count as the arena's they are in its region, as in an arena that is whole.
static void join_gaps(struct finder *f)
{
	struct ms_alloc_region *regions = f->find->alloc->regions.v, *first = NULL;
	struct ms_range gap;
	size_t gaps;
	if (!count_gaps(f, &gaps))
		return;
	for (size_t i = 0; i < gaps && i + 1 < f->in_brk.n; i++) {
		struct ms_alloc_region *next = &regions[f->in_brk.v[i].region];
		if (!gap_behind(f, i, &gap)) {
			first = NULL;
			continue;
		}
		first = first ? first : next;
		next = &regions[f->in_brk.v[i + 1].region];
		first->has_top |= next->has_top;
		first->range.end = next->range.end; // which is dropped as it overlaps
	}
}

// Every resident page of a window; *at moves on.
static struct ms_error *scan_window(
	struct finder *f, struct ms_range span, uint64_t *at, uint8_t *buffer)
{
	struct ms_range range = { *at, ms_min(span.end, *at + WINDOW) };
	struct ms_read read = { range, buffer };
	struct ms_error *err = ms_target_read(f->find->target, &read, 1, NULL);
	uint64_t low = *at;
	for (uint64_t page = range.start; !err && page < range.end;
		page += MS_PAGE_SIZE) {
		uint64_t end;
		struct ms_range within = { low, span.end };
		if (page < low || !is_resident(f, page))
			continue;
		err = try_page(f, within, page, buffer + (page - range.start), &end);
		if (end != page)
			low = end;
	}
	*at = ms_max(range.end, low);
	f->scanned += ms_range_size(range);
	return err;
}

static struct ms_error *scan_span(struct finder *f, struct ms_range span, uint8_t *buffer)
{
	const struct ms_pages *pages = ms_target_pages(f->find->target);
	struct ms_error *err = NULL;
	uint64_t at = span.start;
	while (!err && at < span.end && !is_done(f) && f->scanned < SCAN_MAX) {
		enum ms_page_state state;
		struct ms_range run = ms_pages_run(pages, at, span.end, &state);
		if (ms_cancel_raised(f->find->cancel))
			return ms_error_new(MS_ERROR_CANCELLED, "interrupted");
		if (ms_page_is_resident(state) || state == MS_PAGE_UNKNOWN)
			err = scan_window(f, span, &at, buffer);
		else
			at = run.end;
	}
	return err;
}

static int compare_sizes(const void *pa, const void *pb)
{
	const struct ms_range *a = pa, *b = pb;
	uint64_t x = ms_range_size(*a), y = ms_range_size(*b);
	if (x != y)
		return x < y ? -1 : 1;
	return (a->start > b->start) - (a->start < b->start);
}

// Small spans first: what is large and not malloc's, a Java heap, is best never read.
static struct ms_error *scan_all(struct finder *f)
{
	struct ms_error *err = NULL;
	_cleanup_free_ uint8_t *buffer = malloc(WINDOW);
	if (!buffer)
		return &ms_error_nomem;
	if (f->spans.n)
		qsort(f->spans.v, f->spans.n, sizeof(*f->spans.v), compare_sizes);
	for (size_t i = 0; !err && i < f->spans.n && !is_done(f); i++)
		err = scan_span(f, f->spans.v[i], buffer);
	return err;
}

static struct ms_error *search_all(struct finder *f)
{
	struct ms_error *err = NULL;
	if (f->segmented > 1)
		err = ms_glibc_hints_load(f->find->peek, f->libcs, &f->hints);
	for (size_t i = 0; !err && i < f->libcs->n; i++)
		if (f->libcs->v[i].is_segmented)
			err = search_brk(f, &f->libcs->v[i]);
	for (size_t i = 0; !err && i < f->spans.n && !is_done(f); i++)
		err = try_start(f, &f->spans.v[i]);
	if (!err && !is_done(f))
		err = scan_all(f);
	join_gaps(f);
	return err;
}

// Each libc has a row for its mmapped blocks before they are shared out.
static struct ms_error *share_all(struct finder *f)
{
	struct ms_error *err = NULL;
	for (size_t i = 0; !err && i < f->libcs->n; i++)
		if (f->libcs->v[i].n_mmaps > 0)
			err = mmapped_row(f, &f->libcs->v[i]);
	if (!err && f->unsure.n)
		err = ms_glibc_share_segments(
			f->find->alloc, f->libcs, f->unsure.v, f->unsure.n);
	return err ? err : ms_glibc_share_mmapped(f->find->alloc, f->libcs);
}

struct ms_error *ms_glibc_find_mmapped(
	struct ms_alloc_find *find, struct ms_glibcs *libcs)
{
	struct finder f = { .find = find, .libcs = libcs };
	ms_array_foreach (libc, libcs)
		f.segmented += libc->is_segmented;
	struct ms_error *err = is_done(&f) ? NULL : list_spans(&f);
	if (!err && !is_done(&f))
		err = search_all(&f);
	if (!err && libcs->n > 1)
		err = share_all(&f);
	ms_array_deinit(&f.hints);
	ms_array_deinit(&f.unsure);
	ms_array_deinit(&f.in_brk);
	ms_ranges_deinit(&f.spans);
	return err;
}
