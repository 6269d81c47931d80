// gperftools' spans, and the lists of objects that are not live: see gperftools.h.

#include "alloc/gperftools.h"

struct reading {
	struct ms_gperf *tc;
	struct ms_ranges tables; // read so far: none twice
	uint64_t end;            // of the last span that was added
};

static const enum ms_alloc_state state_of[] = {
	[MS_GPERF_IN_USE] = MS_ALLOC_LIVE,
	[MS_GPERF_FREE] = MS_ALLOC_DIRTY,
	[MS_GPERF_RETURNED] = MS_ALLOC_RETAINED,
};

static bool is_object(const struct ms_gperf *tc, uint64_t p, unsigned size_class)
{
	const struct ms_extent *e =
		ms_extents_at(&tc->find->alloc->private->extents, tc->first, tc->end, p);
	uint64_t size = tc->classes.size[size_class];
	return e && e->slot == size && (p - e->range.start) % size == 0 &&
	       (p - e->range.start) / size < e->n;
}

static struct ms_error *mark(
	struct ms_gperf *tc, uint64_t p, enum ms_alloc_state state, bool *ret_is_new)
{
	enum ms_mark mark = state == MS_ALLOC_FREE ? MS_MARK_FREE : MS_MARK_CACHED;
	struct ms_error *err =
		ms_marks_set(&tc->find->alloc->private->marks, p, mark, ret_is_new);
	if (!ms_error_is(err, MS_ERROR_LIMIT))
		return err;
	ms_error_free(err);
	tc->has_no_room = true;
	*ret_is_new = false;
	return NULL;
}

struct ms_error *ms_gperf_mark_list(
	struct ms_gperf *tc, const struct ms_gperf_list *list, uint64_t *ret_n)
{
	uint64_t p = list->first;
	for (*ret_n = 0; p && *ret_n < list->most; ++*ret_n) {
		bool is_new;
		uint64_t next;
		if (!is_object(tc, p, list->size_class) ||
			!ms_peek_u64(tc->find->peek, p, &next))
			break;
		struct ms_error *err = mark(tc, p, list->state, &is_new);
		if (err)
			return err;
		if (!is_new) // a ring, or on another list already
			break;
		if (list->thread != UINT32_MAX)
			err = ms_alloc_keep_cached(tc->find->alloc, p, list->thread);
		if (err)
			return err;
		if (p == list->last) {
			++*ret_n;
			break;
		}
		p = next;
	}
	return NULL;
}

static struct ms_error *add_span(
	struct reading *reading, const struct ms_gperf_span *span)
{
	struct ms_gperf *tc = reading->tc;
	struct ms_extent row = { .range = span->range,
		.arena = tc->arena,
		.state = state_of[span->location] };
	uint64_t size = ms_range_size(span->range);
	uint64_t slot = tc->classes.size[span->size_class];
	if (span->location == MS_GPERF_IN_USE && span->size_class) {
		row.slot = (uint32_t)slot;
		row.n = slot ? (uint32_t)(size / slot) : 0;
		// The count of those in use has 16 bits: no span has more objects.
		if (!slot || span->pages != tc->classes.pages[span->size_class] ||
			span->used > row.n || row.n > UINT16_MAX) {
			tc->off = ms_sum(tc->off, size);
			return NULL;
		}
		tc->spans[span->size_class]++;
	}
	reading->end = span->range.end;
	tc->in_use += span->location == MS_GPERF_IN_USE ? size : 0;
	tc->free += span->location == MS_GPERF_FREE ? size : 0;
	tc->returned += span->location == MS_GPERF_RETURNED ? size : 0;
	tc->end = tc->find->alloc->private->extents.n + 1;
	return ms_alloc_add_extent(tc->find->alloc, &row);
}

// The free ones of a span: as many as were not handed out.
static struct ms_error *mark_free(struct ms_gperf *tc, const struct ms_gperf_span *span)
{
	uint64_t slot = tc->classes.size[span->size_class], n;
	struct ms_gperf_list list = { .first = span->objects,
		.most = ms_range_size(span->range) / slot - span->used,
		.size_class = span->size_class,
		.thread = UINT32_MAX,
		.state = MS_ALLOC_FREE };
	struct ms_error *err = ms_gperf_mark_list(tc, &list, &n);
	if (!err)
		tc->off = ms_sum(tc->off, (list.most - n) * slot);
	return err;
}

static bool is_span_memory(const struct ms_gperf *tc, const struct ms_gperf_span *span)
{
	const struct ms_maps *maps = tc->find->maps;
	uint64_t start = span->range.start, size = ms_range_size(span->range);
	return span->location == MS_GPERF_IN_USE ? ms_peek_is_writable(maps, start, size)
						 : ms_peek_is_memory(maps, start, size);
}

// Entries inside of a span that was added may be left over from older ones.
static struct ms_error *read_page(
	struct reading *reading, uint64_t address, uint64_t descriptor)
{
	struct ms_gperf *tc = reading->tc;
	struct ms_gperf_span span;
	uint8_t bytes[MS_GPERF_SPAN_BYTES];
	size_t before = tc->end;
	if (address < reading->end)
		return NULL;
	if (descriptor % 8 ||
		!ms_peek_bytes(tc->find->peek, descriptor, bytes, sizeof(bytes)) ||
		!ms_gperf_span_parse(bytes, tc->root.page_shift, &span) ||
		span.range.start != address || !is_span_memory(tc, &span)) {
		tc->off = ms_sum(tc->off, 1ull << tc->root.page_shift);
		return NULL;
	}
	struct ms_error *err = add_span(reading, &span);
	if (err || tc->end == before || !span.size_class ||
		span.location != MS_GPERF_IN_USE)
		return err;
	return mark_free(tc, &span);
}

static struct ms_error *read_leaf(struct reading *reading, uint64_t from, uint64_t leaf)
{
	struct ms_gperf *tc = reading->tc;
	struct ms_words *words = tc->words;
	struct ms_error *err;
	bool any;
	ms_words_over(words,
		(struct ms_range){
			leaf, leaf + (8ull << ms_gperf_leaf_bits(tc->root.page_shift)) });
	while (!(err = ms_words_next(words, &any)) && any)
		for (size_t i = 0; !err && i < words->n; i++) {
			uint64_t index = (words->at - leaf) / 8 + i;
			if (words->v[i])
				err = read_page(reading,
					from + (index << tc->root.page_shift),
					words->v[i]);
		}
	return err;
}

// A table that is met time and again would keep us busy for ever.
static struct ms_error *enter_leaf(struct reading *reading, uint64_t from, uint64_t leaf)
{
	struct ms_gperf *tc = reading->tc;
	uint64_t size = 8ull << ms_gperf_leaf_bits(tc->root.page_shift);
	size_t i = ms_ranges_find(&reading->tables, leaf);
	if (leaf % 8 || !ms_peek_is_memory(tc->find->maps, leaf, size) ||
		(i < reading->tables.n && reading->tables.v[i].start < leaf + size)) {
		tc->off = ms_sum(tc->off, 1ull << tc->root.page_shift);
		return NULL;
	}
	struct ms_error *err =
		ms_ranges_add(&reading->tables, (struct ms_range){ leaf, leaf + size });
	return err ? err : read_leaf(reading, from, leaf);
}

static struct ms_error *add_tables(struct reading *reading)
{
	struct ms_gperf *tc = reading->tc;
	struct ms_error *err = NULL;
	for (size_t i = 0; !err && i < reading->tables.n; i++) {
		struct ms_extent row = { .range = reading->tables.v[i],
			.arena = tc->arena,
			.state = MS_ALLOC_OVERHEAD };
		err = ms_alloc_add_extent(tc->find->alloc, &row);
	}
	return err;
}

struct ms_error *ms_gperf_read_spans(struct ms_gperf *tc)
{
	struct reading reading = { .tc = tc };
	unsigned bits = (unsigned)ms_gperf_root_bits(tc->root.page_shift);
	unsigned shift =
		(unsigned)ms_gperf_leaf_bits(tc->root.page_shift) + tc->root.page_shift;
	_cleanup_free_ uint64_t *table = malloc(8ull << bits);
	if (!table)
		return &ms_error_nomem;
	struct ms_read read = { { tc->root.address, tc->root.address + (8ull << bits) },
		table };
	struct ms_error *err = ms_target_read(tc->find->target, &read, 1, NULL);
	tc->first = tc->end = tc->find->alloc->private->extents.n;
	for (uint64_t i = 0; !err && !(i >> bits); i++)
		if (table[i])
			err = enter_leaf(&reading, i << shift, table[i]);
	if (!err)
		err = add_tables(&reading);
	tc->is_incomplete |= tc->words->is_missing;
	ms_ranges_deinit(&reading.tables);
	return err;
}
