// The walk along chunk headers: see glibc_chunks.h.

#include "alloc/glibc_chunks.h"

#include <string.h>

enum {
	FENCE = 16,            // the size a fencepost claims
	FAR_READS_MAX = 65536, // headers outside of the window, in one walk
	WINDOW = 1 << 20,
	AFTER = 4096, // a chunk's key may lie behind the window that its header is in
	ABSENT_MIN =
		16 << 20,  // bytes without pages that a process leaves so while it runs
	FREED_HEADER = 48, // what malloc_trim keeps of a free chunk
};

// A header as it lies in memory.
struct header {
	uint64_t previous, head;
};

// The bytes at hand.
struct view {
	const uint8_t *bytes;
	struct ms_range range;
};

static uint64_t size_of(uint64_t head)
{
	return head & ~(uint64_t)MS_CHUNK_FLAGS;
}

static bool has_header(const struct view *view, uint64_t at)
{
	return at >= view->range.start && at <= view->range.end - 16;
}

static struct header header_at(const struct view *view, uint64_t at)
{
	const uint8_t *p = view->bytes + (at - view->range.start);
	return (struct header){ ms_get_u64(p), ms_get_u64(p + 8) };
}

// Its size fits the region and its flags the arena.
static bool is_chunk(const struct ms_chunks *c, uint64_t at, uint64_t head)
{
	uint64_t size = size_of(head);
	return size >= MS_CHUNK_MIN && size % 16 == 0 &&
	       size <= c->region->range.end - at &&
	       !(head & (c->is_main ? MS_CHUNK_MMAPPED | MS_CHUNK_NON_MAIN
				    : MS_CHUNK_MMAPPED));
}

// Two in a row close a stretch; in a heap that another follows the second claims nothing.
static bool is_fence(const struct ms_chunks *c, uint64_t at, uint64_t head)
{
	uint64_t size = size_of(head);
	return size == FENCE || (!size && head == MS_CHUNK_PREV_INUSE &&
					c->region->range.end - at <= 2 * FENCE);
}

// While a process runs a header that was read amid a change may claim anything: only where
// the arena says now that its top chunk is, there is one.
static bool is_top_now(const struct ms_chunks *c, uint64_t at)
{
	uint64_t address = c->alloc->arenas.v[c->region->arena].address, top;
	return !c->is_running ||
	       (ms_target_get(c->alloc->private->target, address + c->libc->state->top,
			&top, sizeof(top)) &&
		       top == at);
}

static bool is_top(const struct ms_chunks *c, uint64_t at, uint64_t head)
{
	uint64_t size = size_of(head), rest = c->region->range.end - at;
	bool has_grown = c->is_running && size > rest && size < c->libc->heap_max;
	return c->region->has_top && size % 16 == 0 && (size == rest || has_grown) &&
	       head & MS_CHUNK_PREV_INUSE && is_top_now(c, at);
}

static bool get_header(
	struct ms_chunks *c, const struct view *view, uint64_t at, struct header *ret)
{
	if (has_header(view, at)) {
		*ret = header_at(view, at);
		return true;
	}
	if (c->far_reads >= FAR_READS_MAX)
		return false;
	c->far_reads++;
	return ms_target_get(c->alloc->private->target, at, ret, sizeof(*ret));
}

// Can a free chunk of this size lie in front? The ends of texts look like small sizes.
static bool fits_before(const struct ms_chunks *c, uint64_t at, uint64_t size)
{
	return size >= MS_CHUNK_MIN && size % 16 == 0 &&
	       size <= at - c->region->range.start;
}

// Chunks of one size are what anybody may have; a row of several that breaks off is damaged.
static void note_broken(
	struct ms_chunks *c, uint64_t from, unsigned headers, bool is_varied)
{
	if (c->is_foreign && is_varied && headers >= MS_CHUNKS_ROW_BROKEN &&
		!c->broken_row)
		c->broken_row = from;
}

// Does a row of headers lead on from here, or to the end?
static bool leads_on(struct ms_chunks *c, const struct view *view, uint64_t from)
{
	uint64_t previous = 0, at = from;
	unsigned row = c->is_foreign ? MS_CHUNKS_ROW_FOREIGN : MS_CHUNKS_ROW;
	bool is_varied = false;
	for (unsigned i = 0; i < row; i++) {
		struct header h;
		if (at >= c->region->range.end)
			return i > 0 && !c->region->has_top;
		if (!get_header(c, view, at, &h))
			return false;
		bool is_sound =
			h.head & MS_CHUNK_PREV_INUSE ||
			(i ? h.previous == previous : fits_before(c, at, h.previous));
		if (is_sound && (is_top(c, at, h.head) || (i && is_fence(c, at, h.head))))
			return true;
		if (!is_sound || !is_chunk(c, at, h.head)) {
			note_broken(c, from, i, is_varied);
			return false;
		}
		is_varied |= i && size_of(h.head) != previous;
		previous = size_of(h.head);
		at += previous;
	}
	return true;
}

static struct ms_chunks start(const struct ms_alloc *alloc,
	const struct ms_alloc_region *region, struct ms_emit *emit, uint64_t at)
{
	return (struct ms_chunks){ .libc = ms_glibc_of(alloc, region->instance),
		.alloc = alloc,
		.region = region,
		.emit = emit,
		.is_main = alloc->arenas.v[region->arena].is_main,
		.is_running = !ms_target_info(alloc->private->target)->is_stopped,
		.at = at,
		.lost = UINT64_MAX,
		.entry = UINT64_MAX };
}

uint64_t ms_chunks_open(struct ms_chunks *chunks, const struct ms_alloc *alloc,
	const struct ms_alloc_region *region, struct ms_emit *emit)
{
	const struct ms_glibc *libc = ms_glibc_of(alloc, region->instance);
	uint64_t first = ms_glibc_first_chunk(
		libc, &alloc->arenas.v[region->arena], region->range.start);
	*chunks = start(alloc, region, emit, first);
	chunks->is_synced = true;
	chunks->entry = first;
	return first;
}

void ms_chunks_open_at(struct ms_chunks *chunks, const struct ms_alloc *alloc,
	const struct ms_alloc_region *region, struct ms_emit *emit, uint64_t at)
{
	*chunks = start(alloc, region, emit, at);
}

static struct ms_error *emit(
	struct ms_chunks *c, uint64_t start, uint64_t end, enum ms_alloc_state state)
{
	struct ms_alloc_block block = { .range = { start, end },
		.memory = start + 16,
		.arena = c->region->arena,
		.thread = UINT32_MAX,
		.state = state };
	if (start >= end)
		return NULL;
	if (end - start > 8)
		block.usable = end - start - 8;
	if (state == MS_ALLOC_CACHED)
		block.thread = ms_alloc_cached_for(c->alloc, block.memory);
	return ms_emit_block(c->emit, &block);
}

struct ms_error *ms_chunks_header(struct ms_chunks *chunks, uint64_t first)
{
	struct ms_range range = chunks->region->range;
	return emit(chunks, range.start, ms_min(first, range.end), MS_ALLOC_OVERHEAD);
}

// What malloc_trim gives back of a run of free chunks, which it joins first: its whole
// pages but those of the header.
static void end_free_run(struct ms_chunks *c, uint64_t end)
{
	uint64_t start = c->free_start, from;
	c->free_start = 0;
	if (!start || end - start < MS_PAGE_SIZE + FREED_HEADER ||
		!ms_align_up(start + FREED_HEADER, MS_PAGE_SIZE, &from) || from >= end)
		return;
	struct ms_range whole = { from, from + ms_align_down(end - from, MS_PAGE_SIZE) };
	if (whole.start < whole.end)
		c->emit->arena->reclaimable += ms_pages_resident(
			ms_target_pages(c->alloc->private->target), whole);
}

// Of the top chunk of the main arena all but MINSIZE is given back, in whole pages, and
// free chunks in front of it join it.
static void end_at_top(struct ms_chunks *c, uint64_t top)
{
	uint64_t start = c->free_start ? c->free_start : top;
	uint64_t end = c->region->range.end, size = end - start;
	c->free_start = 0;
	if (!c->is_main || c->libc->is_segmented || size <= MS_CHUNK_MIN + 1)
		return;
	uint64_t extra = ms_align_down(size - MS_CHUNK_MIN - 1, MS_PAGE_SIZE);
	const struct ms_pages *pages = ms_target_pages(c->alloc->private->target);
	c->emit->arena->reclaimable +=
		ms_pages_resident(pages, (struct ms_range){ end - extra, end });
	// The free chunks in front were counted, the top chunk was not.
	c->emit->arena->free_resident += ms_pages_resident(
		pages, (struct ms_range){ ms_max(end - extra, top), end });
}

// Free chunks below a page are resident: the pages of their headers were read.
static void count_free(struct ms_chunks *c, uint64_t start, uint64_t end)
{
	uint64_t bytes = end - start;
	if (!c->free_start)
		c->free_start = start;
	if (bytes > MS_PAGE_SIZE)
		bytes = ms_pages_resident(ms_target_pages(c->alloc->private->target),
			(struct ms_range){ start, end });
	c->emit->arena->free_resident += bytes;
}

static enum ms_alloc_state state_of(struct ms_chunks *c, const struct header *next)
{
	if (!(next->head & MS_CHUNK_PREV_INUSE)) {
		c->emit->arena->links += ms_glibc_link(c->pending, c->links[0]) -
					 ms_glibc_link(c->links[1], c->pending);
		if (next->previous != c->pending_size)
			c->emit->arena->odd += c->pending_size;
		return MS_ALLOC_FREE;
	}
	enum ms_mark mark = ms_marks_get(&c->alloc->private->marks, c->pending + 16);
	if (mark == MS_MARK_FAST)
		return MS_ALLOC_FAST; // a thread that ended put it there, key and all
	return c->is_cached || mark == MS_MARK_CACHED ? MS_ALLOC_CACHED : MS_ALLOC_LIVE;
}

// The header behind the pending chunk was read: give the chunk out.
static struct ms_error *resolve(struct ms_chunks *c, const struct header *next)
{
	uint64_t start = c->pending, end = start + c->pending_size;
	if (!start)
		return NULL;
	enum ms_alloc_state state = state_of(c, next);
	c->pending = 0;
	if (state == MS_ALLOC_FREE || state == MS_ALLOC_FAST) {
		c->begins_free |= start == c->entry;
		count_free(c, start, end);
	} else if (c->free_start) {
		end_free_run(c, start);
	}
	return emit(c, start, end, state);
}

// Nothing sensible lies where the pending chunk ends: its own size is in doubt too.
static void lose(struct ms_chunks *c)
{
	c->is_synced = false;
	c->lost = c->pending ? c->pending : c->at;
	if (c->pending)
		c->at = c->pending + 16;
	if (c->free_start)
		end_free_run(c, c->lost);
	c->pending = 0;
}

// What was lost, up to where a row of headers begins.
static struct ms_error *emit_gap(struct ms_chunks *c, uint64_t lost, uint64_t end)
{
	uint64_t broken = c->broken_row;
	bool is_foreign = c->is_foreign;
	struct ms_error *err = NULL;
	c->is_foreign = false;
	c->broken_row = 0;
	if (!is_foreign)
		return emit(c, lost, end, MS_ALLOC_TORN);
	if (broken < lost || broken >= end)
		return emit(c, lost, end, MS_ALLOC_FOREIGN);
	if (lost < broken)
		err = emit(c, lost, broken, MS_ALLOC_FOREIGN);
	return err ? err : emit(c, broken, end, MS_ALLOC_TORN);
}

static struct ms_error *regain(struct ms_chunks *c, const struct view *view, uint64_t at)
{
	uint64_t lost = c->lost;
	c->is_synced = true;
	c->at = at;
	c->lost = UINT64_MAX;
	if (c->entry == UINT64_MAX) {
		struct header h = header_at(view, at);
		c->entry = at;
		c->entry_words[0] = h.previous;
		c->entry_words[1] = h.head;
	}
	if (lost == UINT64_MAX)
		return NULL; // looking for the way in: what lies before is another's
	return emit_gap(c, lost, at);
}

// Pages that are not there hold no headers: behind them, or `at` itself. A process that
// runs may have come to use them, but hardly so many.
static uint64_t skip_absent(const struct ms_chunks *c, uint64_t at)
{
	const struct ms_pages *pages = ms_target_pages(c->alloc->private->target);
	enum ms_page_state state = ms_pages_get(pages, at);
	if (ms_page_is_resident(state) || state == MS_PAGE_UNKNOWN)
		return at;
	struct ms_range run = ms_pages_run(pages, at, c->region->range.end, &state);
	return ms_range_size(run) >= (c->is_running ? ABSENT_MIN : 1) ? run.end : at;
}

// From `at` on, the first place that leads on; none up to `end` leaves `at` there, or
// further on.
static struct ms_error *resync(struct ms_chunks *c, const struct view *view, uint64_t end)
{
	uint64_t at = ms_max(c->at, view->range.start), next = ms_max(end, c->at);
	for (at = (at + 15) & ~15ull; at < end && has_header(view, at); at += 16) {
		if (at % MS_PAGE_SIZE == 0)
			at = skip_absent(c, at);
		if (at >= end || !has_header(view, at)) {
			next = ms_max(next, at);
			break;
		}
		uint64_t head = ms_get_u64(view->bytes + (at - view->range.start) + 8);
		if ((is_chunk(c, at, head) || is_top(c, at, head)) &&
			leads_on(c, view, at))
			return regain(c, view, at);
	}
	c->at = next;
	return NULL;
}

static bool has_key(const struct ms_chunks *c, const struct view *view, uint64_t at)
{
	const struct ms_glibc *libc = c->libc;
	if (libc->key_kind == MS_GLIBC_KEY_NONE || at + 32 > view->range.end)
		return false;
	uint64_t word = ms_get_u64(view->bytes + (at - view->range.start) + 24);
	if (libc->key_kind == MS_GLIBC_KEY_RANDOM)
		return word == libc->key;
	if (!libc->caches.n || word < libc->caches.v[0].address ||
		word > libc->caches.v[libc->caches.n - 1].address)
		return false;
	size_t low = 0, high = libc->caches.n;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (libc->caches.v[mid].address < word)
			low = mid + 1;
		else
			high = mid;
	}
	return low < libc->caches.n && libc->caches.v[low].address == word;
}

// Where a chunk at the window's end has its links behind it they are read for themselves.
static void take_links(struct ms_chunks *c, const struct view *view, uint64_t at)
{
	if (at + MS_CHUNK_MIN <= view->range.end)
		memcpy(c->links, view->bytes + (at - view->range.start) + 16,
			sizeof(c->links));
	else if (!ms_target_get(
			 c->alloc->private->target, at + 16, c->links, sizeof(c->links)))
		memset(c->links, 0, sizeof(c->links));
}

// A fencepost. The second one of a pair in the middle of the main heap is followed by
// whatever another user of brk put there; by a third one, if the top chunk that they took
// the place of left 16 bytes.
static struct ms_error *pass_fence(struct ms_chunks *c, const struct view *view)
{
	uint64_t start = c->at, end = ms_min(start + FENCE, c->region->range.end);
	bool has_next = end < c->region->range.end && has_header(view, end) &&
			header_at(view, end).head == (FENCE | MS_CHUNK_PREV_INUSE);
	bool is_second = c->last_fence == start && !has_next;
	c->at = end;
	c->last_fence = end;
	if (c->free_start)
		end_free_run(c, start);
	struct ms_error *err = emit(c, start, end, MS_ALLOC_OVERHEAD);
	if (!is_second || !c->is_main || end == c->region->range.end)
		return err;
	c->is_synced = false;
	c->is_foreign = true;
	c->lost = end;
	return err;
}

static struct ms_error *pass_top(struct ms_chunks *c)
{
	uint64_t top = c->at;
	c->begins_free |= top == c->entry;
	end_at_top(c, top);
	c->at = c->region->range.end;
	return emit(c, top, c->at, MS_ALLOC_TOP);
}

// One header, known to be in view.
static struct ms_error *step(struct ms_chunks *c, const struct view *view)
{
	struct header h = header_at(view, c->at);
	// Nearly all end before the region does: neither top chunk nor fencepost.
	bool is_plain = is_chunk(c, c->at, h.head) &&
			size_of(h.head) < c->region->range.end - c->at;
	bool is_end =
		!is_plain && (is_top(c, c->at, h.head) || is_fence(c, c->at, h.head));
	if (!is_plain && !is_end && !is_chunk(c, c->at, h.head)) {
		lose(c);
		return NULL;
	}
	struct ms_error *err = resolve(c, &h);
	if (err)
		return err;
	if (is_end)
		return is_top(c, c->at, h.head) ? pass_top(c) : pass_fence(c, view);
	c->pending = c->at;
	c->pending_size = size_of(h.head);
	c->is_cached = has_key(c, view, c->at);
	take_links(c, view, c->at);
	c->at += c->pending_size;
	return NULL;
}

// The last chunk's neighbour may be in view already.
static struct ms_error *resolve_last(struct ms_chunks *c, const struct view *view)
{
	if (!c->is_synced || !c->pending || !has_header(view, c->at) ||
		c->at >= c->region->range.end)
		return NULL;
	struct header h = header_at(view, c->at);
	bool is_sound = is_chunk(c, c->at, h.head) || is_top(c, c->at, h.head) ||
			is_fence(c, c->at, h.head);
	return is_sound ? resolve(c, &h) : NULL;
}

struct ms_error *ms_chunks_feed(struct ms_chunks *chunks, const uint8_t *bytes,
	struct ms_range window, uint64_t end)
{
	struct view view = { bytes, window };
	struct ms_error *err = NULL;
	while (!err && chunks->at < end) {
		if (!chunks->is_synced)
			err = resync(chunks, &view, end);
		else if (has_header(&view, chunks->at))
			err = step(chunks, &view);
		else
			lose(chunks);
	}
	return err ? err : resolve_last(chunks, &view);
}

// One window from *at on, and where the next one has to begin.
static struct ms_error *run_window(
	struct ms_chunks *c, uint64_t limit, uint8_t *buffer, uint64_t *at)
{
	uint64_t end = ms_min(limit, *at + WINDOW);
	struct ms_range range = { *at, ms_min(c->region->range.end, end + AFTER) };
	struct ms_read read = { range, buffer };
	struct ms_error *err = ms_target_read(c->alloc->private->target, &read, 1, NULL);
	if (!err)
		err = ms_chunks_feed(c, buffer, range, end);
	*at = ms_max(end, ms_align_down(ms_min(c->at, limit), MS_PAGE_SIZE));
	return err;
}

struct ms_error *ms_chunks_run(struct ms_chunks *chunks, uint64_t end)
{
	struct ms_error *err = NULL;
	uint64_t from = ms_align_down(chunks->at, MS_PAGE_SIZE);
	_cleanup_free_ uint8_t *buffer = malloc(WINDOW + AFTER);
	if (!buffer)
		return &ms_error_nomem;
	for (uint64_t at = ms_max(from, chunks->region->range.start); !err && at < end;) {
		if (ms_cancel_raised(chunks->alloc->private->cancel))
			return ms_error_new(MS_ERROR_CANCELLED, "interrupted");
		err = run_window(chunks, end, buffer, &at);
	}
	return err;
}

static struct ms_error *emit_lost(struct ms_chunks *c, uint64_t end)
{
	uint64_t lost = c->lost;
	c->lost = UINT64_MAX;
	if (lost == UINT64_MAX)
		return NULL;
	return emit_gap(c, lost, end);
}

bool ms_chunks_agree(const struct ms_chunks *chunks, const struct ms_chunks *next)
{
	if (chunks->is_synced)
		return next->entry == chunks->at;
	// Behind others' brk memory it takes a longer row to be believed.
	return next->entry != UINT64_MAX && !chunks->is_foreign;
}

struct ms_error *ms_chunks_join(
	struct ms_chunks *chunks, struct ms_chunks *next, bool *ret_is_joined)
{
	struct header first = { next->entry_words[0], next->entry_words[1] };
	struct ms_error *err = chunks->is_synced ? resolve(chunks, &first)
						 : emit_lost(chunks, next->entry);
	*ret_is_joined = !chunks->free_start || !next->begins_free;
	if (err || !*ret_is_joined || !chunks->free_start)
		return err;
	if (next->pending == next->entry)
		next->free_start = chunks->free_start; // whether it ends is not known yet
	else
		end_free_run(chunks, next->entry);
	return NULL;
}

struct ms_error *ms_chunks_end(struct ms_chunks *chunks)
{
	uint64_t end = chunks->region->range.end;
	struct header none = { 0, MS_CHUNK_PREV_INUSE };
	struct ms_error *err = resolve(chunks, &none);
	if (!err)
		err = emit_lost(chunks, end);
	if (chunks->free_start)
		end_free_run(chunks, end);
	return err;
}

// From 2.43 on caches take blocks with mappings of their own, where tcache_max lets them.
static bool is_mmapped_cached(const struct ms_alloc *alloc, const struct ms_glibc *libc,
	const struct ms_alloc_region *region)
{
	uint64_t key;
	if (ms_marks_get(&alloc->private->marks, region->memory) == MS_MARK_CACHED)
		return true;
	return libc->mmapped_has_tail && libc->key_kind == MS_GLIBC_KEY_RANDOM &&
	       ms_target_get(
		       alloc->private->target, region->memory + 8, &key, sizeof(key)) &&
	       key == libc->key;
}

struct ms_error *ms_chunks_mmapped(const struct ms_alloc *alloc,
	const struct ms_alloc_region *region, struct ms_emit *emit)
{
	const struct ms_glibc *libc = ms_glibc_of(alloc, region->instance);
	uint64_t tail = libc->mmapped_has_tail ? 8 : 0;
	struct ms_alloc_block block = { .range = region->range,
		.memory = region->memory,
		.usable = region->range.end - region->memory - tail,
		.arena = region->arena,
		.thread = UINT32_MAX,
		.state = MS_ALLOC_LIVE };
	if (is_mmapped_cached(alloc, libc, region)) {
		block.state = MS_ALLOC_CACHED;
		block.thread = ms_alloc_cached_for(alloc, block.memory);
	}
	return ms_emit_block(emit, &block);
}
