// Page states in tiles: see pages.h.
//
// A tile is 2 MiB of address space, 512 pages of 4 bits. `runs` lists, in ascending
// order, runs of tiles in one state and single tiles of mixed states; what lies in no
// run is absent. The last run may be a tile still being filled: it is kept as a mixed
// one, so that it can be read at any time, and is folded when the next tile begins.

#include "proc/pages.h"

#include "base/array.h"

enum {
	TILE_PAGES = 512,
	WORD_PAGES = 16, // pages a 64-bit word holds
	TILE_WORDS = TILE_PAGES / WORD_PAGES,
	PAGE_SHIFT = 12,
};

static const uint64_t PAGES_END = (UINT64_MAX >> PAGE_SHIFT) + 1;
static const uint32_t MIXED = UINT32_MAX; // a run's state: look into its tile

struct tile {
	uint64_t word[TILE_WORDS];
};

struct tile_run {
	uint64_t page;  // first page number, a multiple of TILE_PAGES
	uint64_t pages; // length, likewise; TILE_PAGES if mixed
	uint32_t state; // enum ms_page_state, or MIXED
	uint32_t tile;  // index into tiles if mixed
};

struct ms_pages {
	MS_ARRAY(struct tile_run) runs;
	MS_ARRAY(struct tile) tiles;
	uint64_t end; // where the next range may begin, a page number
};

struct ms_error *ms_pages_new(struct ms_pages **ret)
{
	struct ms_pages *pages = calloc(1, sizeof(*pages));
	if (!pages)
		return &ms_error_nomem;
	*ret = pages;
	return NULL;
}

void ms_pages_free(struct ms_pages *pages)
{
	if (!pages)
		return;
	ms_array_deinit(&pages->runs);
	ms_array_deinit(&pages->tiles);
	free(pages);
}

// A word in which all 16 pages have the state.
static uint64_t word_of(uint32_t state)
{
	return state * UINT64_C(0x1111111111111111);
}

static enum ms_page_state tile_get(const struct tile *tile, size_t page)
{
	return (tile->word[page / WORD_PAGES] >> (page % WORD_PAGES * 4)) & 0xf;
}

static void tile_set(struct tile *tile, size_t from, size_t end, uint32_t state)
{
	for (size_t at = from; at < end;) {
		size_t in_word = at % WORD_PAGES;
		size_t n = ms_min(end - at, WORD_PAGES - in_word);
		uint64_t mask = UINT64_MAX >> (64 - 4 * n) << (4 * in_word);
		uint64_t *word = &tile->word[at / WORD_PAGES];
		*word = (*word & ~mask) | (word_of(state) & mask);
		at += n;
	}
}

// The first page from `from` on, below `end`, that is in another state; else `end`.
static size_t tile_find_other(
	const struct tile *tile, size_t from, size_t end, uint32_t state)
{
	for (size_t at = from; at < end;) {
		uint64_t differ = tile->word[at / WORD_PAGES] ^ word_of(state);
		differ >>= at % WORD_PAGES * 4;
		if (differ)
			return ms_min(at + (size_t)__builtin_ctzll(differ) / 4, end);
		at += WORD_PAGES - at % WORD_PAGES;
	}
	return end;
}

// Append a run of uniform tiles, joining it with one before it.
static struct ms_error *add_run(
	struct ms_pages *pages, uint64_t page, uint64_t n, uint32_t state)
{
	if (pages->runs.v && pages->runs.n) {
		struct tile_run *last = &pages->runs.v[pages->runs.n - 1];
		if (last->state == state && last->page + last->pages == page) {
			last->pages += n;
			return NULL;
		}
	}
	struct tile_run *run = ms_array_push(&pages->runs);
	if (!run)
		return &ms_error_nomem;
	*run = (struct tile_run){ .page = page, .pages = n, .state = state };
	return NULL;
}

// Fold the last tile if it turned out uniform; called before a run is added after it.
static void fold_last(struct ms_pages *pages)
{
	if (!pages->runs.v || !pages->runs.n ||
		pages->runs.v[pages->runs.n - 1].state != MIXED)
		return;
	struct tile_run *last = &pages->runs.v[pages->runs.n - 1];
	const struct tile *tile = &pages->tiles.v[last->tile];
	uint32_t state = tile_get(tile, 0);
	if (tile_find_other(tile, 0, TILE_PAGES, state) < TILE_PAGES)
		return;
	pages->tiles.n--;
	last->state = state;
	if (pages->runs.n < 2)
		return;
	struct tile_run *before = last - 1;
	if (before->state == state && before->page + before->pages == last->page) {
		before->pages += last->pages;
		pages->runs.n--;
	}
}

// Set pages [from, end) of one tile, which begins at page number `first`.
static struct ms_error *set_in_tile(
	struct ms_pages *pages, uint64_t first, size_t from, size_t end, uint32_t state)
{
	struct tile_run *last = pages->runs.n ? &pages->runs.v[pages->runs.n - 1] : NULL;
	if (!last || last->page != first) {
		fold_last(pages);
		if (pages->tiles.n >= MIXED || !ms_array_push(&pages->tiles))
			return &ms_error_nomem;
		last = ms_array_push(&pages->runs);
		if (!last) {
			pages->tiles.n--;
			return &ms_error_nomem;
		}
		*last = (struct tile_run){
			.page = first,
			.pages = TILE_PAGES,
			.state = MIXED,
			.tile = (uint32_t)(pages->tiles.n - 1),
		};
	}
	tile_set(&pages->tiles.v[last->tile], from, end, state);
	return NULL;
}

static struct ms_error *set_pages(
	struct ms_pages *pages, uint64_t at, uint64_t end, uint32_t state)
{
	while (at < end) {
		struct ms_error *err;
		uint64_t next;
		size_t from = at % TILE_PAGES;
		if (!from && end - at >= TILE_PAGES) {
			next = end - end % TILE_PAGES;
			fold_last(pages);
			err = add_run(pages, at, next - at, state);
		} else {
			next = ms_min(end, at - from + TILE_PAGES);
			err = set_in_tile(
				pages, at - from, from, from + (next - at), state);
		}
		if (err)
			return err;
		at = next;
	}
	return NULL;
}

struct ms_error *ms_pages_set(
	struct ms_pages *pages, struct ms_range range, enum ms_page_state state)
{
	if (range.start % MS_PAGE_SIZE || range.end % MS_PAGE_SIZE ||
		range.start > range.end || (unsigned)state >= MS_PAGE_STATES)
		return ms_error_format(range.start, "page states: no range of pages");
	uint64_t from = range.start >> PAGE_SHIFT, end = range.end >> PAGE_SHIFT;
	if (from < pages->end)
		return ms_error_format(range.start, "page states: ranges go backwards");
	if (state != MS_PAGE_ABSENT) {
		struct ms_error *err = set_pages(pages, from, end, state);
		if (err)
			return err;
	}
	pages->end = end;
	return NULL;
}

// Index of the first run that ends after the page; runs.n if there is none.
static size_t find_run(const struct ms_pages *pages, uint64_t page)
{
	size_t low = 0, high = pages->runs.n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct tile_run *run = &pages->runs.v[middle];
		if (run->page + run->pages <= page)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

// The state at `page`, given the index of the first run that ends after it.
static uint32_t state_at(const struct ms_pages *pages, size_t i, uint64_t page)
{
	if (i == pages->runs.n || page < pages->runs.v[i].page)
		return MS_PAGE_ABSENT;
	const struct tile_run *run = &pages->runs.v[i];
	if (run->state != MIXED)
		return run->state;
	return tile_get(&pages->tiles.v[run->tile], page - run->page);
}

/*
 * Where the state of `page` ends, at most at `end`. *i is the index of the first run that
 * ends after `page`, and becomes that of the returned page, so a walk needs one search.
 */
static uint64_t run_end(const struct ms_pages *pages, size_t *i, uint64_t page,
	uint64_t end, uint32_t state)
{
	while (page < end && *i < pages->runs.n) {
		const struct tile_run *run = &pages->runs.v[*i];
		if (page < run->page) {
			if (state != MS_PAGE_ABSENT)
				return page;
			page = ms_min(run->page, end);
			continue;
		}
		uint64_t stop = ms_min(end, run->page + run->pages);
		if (run->state == MIXED)
			page = run->page + tile_find_other(&pages->tiles.v[run->tile],
						   page - run->page, stop - run->page,
						   state);
		else
			page = run->state == state ? stop : page;
		if (page < run->page + run->pages)
			return page;
		++*i;
	}
	return state == MS_PAGE_ABSENT && page < end ? end : page;
}

enum ms_page_state ms_pages_get(const struct ms_pages *pages, uint64_t address)
{
	uint64_t page = address >> PAGE_SHIFT;
	return state_at(pages, find_run(pages, page), page);
}

// The page number after the last page that [.., end) touches.
static uint64_t page_end(uint64_t end)
{
	return (end >> PAGE_SHIFT) + (end % MS_PAGE_SIZE != 0);
}

struct ms_range ms_pages_run(const struct ms_pages *pages, uint64_t from, uint64_t end,
	enum ms_page_state *ret_state)
{
	uint64_t page = from >> PAGE_SHIFT;
	size_t i = find_run(pages, page);
	uint32_t state = state_at(pages, i, page);
	uint64_t stop = run_end(pages, &i, page, page_end(end), state);
	*ret_state = state;
	return (struct ms_range){ from,
		stop >= page_end(end) ? end : stop << PAGE_SHIFT };
}

void ms_pages_count(const struct ms_pages *pages, struct ms_range range,
	uint64_t ret_bytes[MS_PAGE_STATES])
{
	memset(ret_bytes, 0, MS_PAGE_STATES * sizeof(*ret_bytes));
	uint64_t last = page_end(range.end);
	size_t i = find_run(pages, range.start >> PAGE_SHIFT);
	for (uint64_t at = range.start; at < range.end;) {
		uint64_t page = at >> PAGE_SHIFT;
		uint32_t state = state_at(pages, i, page);
		uint64_t stop = run_end(pages, &i, page, last, state);
		uint64_t next = stop >= last ? range.end : stop << PAGE_SHIFT;
		ret_bytes[state] += next - at;
		at = next;
	}
}

uint64_t ms_pages_resident(const struct ms_pages *pages, struct ms_range range)
{
	uint64_t bytes[MS_PAGE_STATES];
	uint64_t sum = 0;
	ms_pages_count(pages, range, bytes);
	for (unsigned state = 0; state < MS_PAGE_STATES; state++)
		if (ms_page_is_resident(state))
			sum += bytes[state];
	return sum;
}

static void put_u64(uint8_t p[8], uint64_t v)
{
	for (unsigned i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

static uint64_t get_u64(const uint8_t p[8])
{
	uint64_t v = 0;
	for (unsigned i = 0; i < 8; i++)
		v |= (uint64_t)p[i] << 8 * i;
	return v;
}

enum {
	RECORD_SIZE = 16
};

struct ms_error *ms_pages_encode(const struct ms_pages *pages, struct ms_buffer *ret)
{
	_cleanup_buffer_ struct ms_buffer buffer = {};
	size_t i = 0;
	for (uint64_t page = 0; i < pages->runs.n;) {
		uint32_t state = state_at(pages, i, page);
		uint64_t stop = run_end(pages, &i, page, PAGES_END, state);
		if (state != MS_PAGE_ABSENT) {
			uint8_t record[RECORD_SIZE];
			put_u64(record, page << PAGE_SHIFT);
			put_u64(record + 8, (stop - page) << 4 | state);
			struct ms_error *err =
				ms_buffer_add(&buffer, record, sizeof(record));
			if (err)
				return err;
		}
		page = stop;
	}
	*ret = buffer;
	buffer = (struct ms_buffer){};
	return NULL;
}

static bool decode_record(const uint8_t *p, struct ms_range *range, uint32_t *state)
{
	uint64_t size;
	uint64_t pages = get_u64(p + 8) >> 4;
	range->start = get_u64(p);
	*state = p[8] & 0xf;
	return pages && *state != MS_PAGE_ABSENT && *state < MS_PAGE_STATES &&
	       ms_mul(pages, MS_PAGE_SIZE, &size) &&
	       ms_add(range->start, size, &range->end);
}

struct ms_error *ms_pages_decode(struct ms_bytes bytes, struct ms_pages **ret)
{
	_cleanup_(cleanup_ms_pages_free) struct ms_pages *pages = NULL;
	struct ms_error *err = ms_pages_new(&pages);
	if (err)
		return err;
	size_t at = 0;
	for (; bytes.n - at >= RECORD_SIZE; at += RECORD_SIZE) {
		struct ms_range range;
		uint32_t state;
		if (!decode_record(bytes.p + at, &range, &state))
			return ms_error_format(at, "page states: malformed run");
		err = ms_pages_set(pages, range, state);
		if (ms_error_catch(&err, MS_ERROR_FORMAT))
			return ms_error_format(at, "page states: run out of order");
		if (err)
			return err;
	}
	if (at != bytes.n)
		return ms_error_format(at, "page states: cut off");
	*ret = ms_steal(pages);
	return NULL;
}
