// What gperftools keeps between threads and spans: see gperftools.h.

#include "alloc/gperftools.h"

#include <limits.h>

#include "threads/threads.h"

// A class's central list, one of an array of them.
enum {
	CENTRAL_CLASS = 8,
	CENTRAL_SPANS = 112,
	CENTRAL_SLOTS = 128, // pairs of a list's first and last object
	CENTRAL_SLOTS_MAX = 64,
	CENTRAL_USED = 1152,
	CENTRAL_BYTES = 1216, // from one to the next
};

// A thread's cache: a list per class, then its own sums and links to other caches.
enum {
	LIST_BYTES = 32,
	LIST_LENGTH = 8,
	LIST_SIZE = 24,
	CACHE_BYTES = MS_GPERF_CLASSES * LIST_BYTES, // of bytes in it, i32
	CACHE_TAIL = 128, // links lie within so many bytes behind the lists
	CACHES_MAX = 1 << 16,
	BROKEN_MAX = 4, // lists of a cache that may be damaged, and it is still one
};

enum {
	HEAP_BEHIND = 32 << 10, // the page heap's counters follow its table of pages
	TLS_MAX = 1 << 20,      // of a thread
	TLS_STEPS = 4 << 20,    // words looked at, of all threads
};

static struct ms_error *mark_chain(
	struct ms_gperf *tc, const uint8_t *pair, unsigned size_class)
{
	struct ms_gperf_list list = { .first = ms_get_u64(pair),
		.last = ms_get_u64(pair + 8),
		.most = tc->classes.batch[size_class],
		.size_class = size_class,
		.thread = UINT32_MAX,
		.state = MS_ALLOC_CACHED };
	uint64_t n = 0;
	struct ms_error *err = ms_gperf_mark_list(tc, &list, &n);
	if (!err)
		tc->off = ms_sum(tc->off, (list.most - n) * tc->classes.size[size_class]);
	return err;
}

static struct ms_error *read_slots(struct ms_gperf *tc, uint64_t at, unsigned size_class)
{
	uint8_t slots[CENTRAL_SLOTS_MAX * 16];
	uint32_t used;
	struct ms_error *err = NULL;
	if (!ms_peek_u32(tc->find->peek, at + CENTRAL_USED, &used) ||
		used > CENTRAL_SLOTS_MAX ||
		!ms_peek_bytes(
			tc->find->peek, at + CENTRAL_SLOTS, slots, sizeof(slots))) {
		tc->is_incomplete = true;
		return NULL;
	}
	for (uint32_t i = 0; !err && i < used; i++)
		err = mark_chain(tc, slots + 16 * i, size_class);
	return err;
}

// Each entry of the array knows its own class.
static bool is_central(struct ms_gperf *tc, uint64_t at)
{
	for (unsigned c = 1; c < tc->classes.n; c++) {
		uint64_t size_class;
		if (!ms_peek_u64(tc->find->peek, at + c * CENTRAL_BYTES + CENTRAL_CLASS,
			    &size_class) ||
			size_class != c)
			return false;
	}
	return true;
}

static struct ms_error *find_central(struct ms_gperf *tc, uint64_t *ret)
{
	struct ms_words *words = tc->words;
	struct ms_error *err = NULL;
	bool any;
	*ret = 0;
	for (size_t r = 0; !err && !*ret && r < tc->module->data_n; r++) {
		ms_words_over(words, tc->module->data[r]);
		while (!*ret && !(err = ms_words_next(words, &any)) && any)
			for (size_t i = 0; !*ret && i < words->n; i++) {
				uint64_t at =
					words->at + i * 8 - CENTRAL_CLASS - CENTRAL_BYTES;
				if (words->v[i] == 1 && is_central(tc, at))
					*ret = at;
			}
	}
	return err;
}

// A span that is not one of its class any more, or came to it, is seen by the class's count.
static void check_spans(struct ms_gperf *tc, uint64_t at, unsigned size_class)
{
	uint64_t n;
	if (!ms_peek_u64(tc->find->peek, at + CENTRAL_SPANS, &n)) {
		tc->is_incomplete = true;
		return;
	}
	uint64_t bytes = tc->classes.pages[size_class] << tc->root.page_shift;
	uint64_t differ = ms_difference(n, tc->spans[size_class]);
	tc->off = ms_sum(tc->off, differ > UINT32_MAX ? UINT64_MAX : differ * bytes);
}

struct ms_error *ms_gperf_read_central(struct ms_gperf *tc)
{
	uint64_t central;
	struct ms_error *err = find_central(tc, &central);
	if (!err && !central)
		tc->doubt = "its central lists were not found";
	for (unsigned c = 1; !err && central && c < tc->classes.n; c++) {
		check_spans(tc, central + c * CENTRAL_BYTES, c);
		err = read_slots(tc, central + c * CENTRAL_BYTES, c);
	}
	return err;
}

struct caches {
	struct ms_gperf *tc;
	struct ms_ranges seen;
	unsigned steps; // taken through TLS
	uint64_t below; // bytes from the word that points to a cache to the control block
	size_t torn;    // pointers to caches that are none
};

// Each list of a cache knows the size of its objects. In how many is it another? Beyond
// BROKEN_MAX it is no cache, and nobody counts on.
static unsigned count_wrong(struct ms_gperf *tc, uint64_t at)
{
	unsigned wrong = 0;
	if (at % 8 || !at || at >> 47)
		return UINT_MAX;
	for (unsigned c = 1; c < tc->classes.n && wrong <= BROKEN_MAX; c++) {
		uint32_t size;
		if (!ms_peek_u32(tc->find->peek, at + c * LIST_BYTES + LIST_SIZE, &size))
			return UINT_MAX;
		wrong += size != tc->classes.size[c];
	}
	return wrong;
}

static bool is_cache(struct caches *caches, uint64_t at)
{
	unsigned wrong = count_wrong(caches->tc, at);
	caches->torn += wrong && wrong <= BROKEN_MAX;
	return !wrong;
}

static struct ms_error *read_lists(
	struct ms_gperf *tc, uint64_t at, struct ms_alloc_thread *row)
{
	struct ms_error *err = NULL;
	for (unsigned c = 1; !err && c < tc->classes.n; c++) {
		struct ms_gperf_list list = { .size_class = c,
			.thread = (uint32_t)tc->find->alloc->threads.n, // its row-to-be
			.state = MS_ALLOC_CACHED };
		uint32_t length;
		uint64_t n = 0;
		if (!ms_peek_u64(tc->find->peek, at + c * LIST_BYTES, &list.first) ||
			!ms_peek_u32(tc->find->peek, at + c * LIST_BYTES + LIST_LENGTH,
				&length))
			continue;
		list.most = length;
		err = ms_gperf_mark_list(tc, &list, &n);
		row->cached_blocks += n;
		row->cached_bytes += n * tc->classes.size[c];
	}
	return err;
}

static struct ms_error *read_cache(struct caches *caches, uint64_t at)
{
	struct ms_gperf *tc = caches->tc;
	struct ms_alloc_thread row = {
		.instance = tc->instance, .arena = UINT32_MAX, .cache = at
	};
	uint32_t size = 0;
	struct ms_error *err =
		ms_ranges_add(&caches->seen, (struct ms_range){ at, at + 8 });
	if (!err)
		err = read_lists(tc, at, &row);
	if (err)
		return err;
	tc->caches++;
	if (ms_peek_u32(tc->find->peek, at + CACHE_BYTES, &size))
		tc->off = ms_sum(tc->off, ms_difference(size, row.cached_bytes));
	struct ms_alloc_thread *added = ms_array_push(&tc->find->alloc->threads);
	if (!added)
		return &ms_error_nomem;
	*added = row;
	return NULL;
}

// A cache and those it is linked with. New ones are appended to the threads' rows: they
// are the list of what is still to be looked at.
static struct ms_error *read_linked(struct caches *caches, uint64_t at)
{
	struct ms_gperf *tc = caches->tc;
	size_t next = tc->find->alloc->threads.n;
	struct ms_error *err = read_cache(caches, at);
	for (; !err && next < tc->find->alloc->threads.n && tc->caches < CACHES_MAX;
		next++) {
		uint64_t tail = tc->find->alloc->threads.v[next].cache + CACHE_BYTES;
		for (uint64_t o = 8; !err && o < CACHE_TAIL; o += 8) {
			uint64_t link;
			if (ms_peek_u64(tc->find->peek, tail + o, &link) &&
				!ms_ranges_has(&caches->seen, link) &&
				is_cache(caches, link))
				err = read_cache(caches, link);
		}
	}
	return err;
}

// Caches are metadata: no span holds them.
static bool may_be_cache(const struct ms_gperf *tc, uint64_t p)
{
	return p % 16 == 0 && ms_peek_is_memory(tc->find->maps, p, CACHE_BYTES) &&
	       !ms_extents_at(&tc->find->alloc->private->extents, tc->first, tc->end, p);
}

static struct ms_error *search_data(struct caches *caches, struct ms_range data)
{
	struct ms_gperf *tc = caches->tc;
	struct ms_words *words = tc->words;
	struct ms_error *err;
	bool any;
	ms_words_over(words, data);
	while (!(err = ms_words_next(words, &any)) && any)
		for (size_t i = 0; !err && i < words->n; i++) {
			uint64_t p = words->v[i];
			if (may_be_cache(tc, p) && !ms_ranges_has(&caches->seen, p) &&
				is_cache(caches, p))
				err = read_linked(caches, p);
		}
	return err;
}

static struct ms_alloc_thread *row_of(
	const struct ms_gperf *tc, size_t from, uint64_t cache)
{
	for (size_t i = from; i < tc->find->alloc->threads.n; i++)
		if (tc->find->alloc->threads.v[i].cache == cache)
			return &tc->find->alloc->threads.v[i];
	return NULL;
}

static bool is_named(const struct ms_gperf *tc, size_t from, uint64_t tid)
{
	for (size_t i = from; i < tc->find->alloc->threads.n; i++)
		if (tc->find->alloc->threads.v[i].tid == tid)
			return true;
	return false;
}

// Of caches that are linked at this offset all are: what else stands there is a cache that
// was damaged, and cuts others off.
static bool has_torn_links(const struct caches *caches, size_t from, uint64_t offset)
{
	const struct ms_alloc *alloc = caches->tc->find->alloc;
	bool is_link = false, is_torn = false;
	for (size_t i = from; i < alloc->threads.n; i++) {
		uint64_t link, at = alloc->threads.v[i].cache + CACHE_BYTES + offset;
		if (!ms_peek_u64(caches->tc->find->peek, at, &link) || !link)
			continue;
		bool is_seen = ms_ranges_has(&caches->seen, link);
		is_link |= is_seen;
		is_torn |= !is_seen;
	}
	return is_link && is_torn;
}

// A thread's TLS, below its control block, has a pointer to its cache: at the same place
// in all threads. Others lie further away, on stacks and in libraries' data.
static void find_pointer(struct caches *caches, const struct ms_thread_row *thread)
{
	uint64_t block = thread->control_block, cache;
	if (block % 8 || block < TLS_MAX)
		return;
	uint64_t end = caches->below ? caches->below : TLS_MAX;
	for (uint64_t o = 8; o < end && caches->steps < TLS_STEPS; o += 8) {
		caches->steps++;
		if (ms_peek_u64(caches->tc->find->peek, block - o, &cache) &&
			ms_ranges_has(&caches->seen, cache))
			caches->below = end = o;
	}
}

static void name_cache(
	struct caches *caches, size_t from, const struct ms_thread_row *thread)
{
	struct ms_gperf *tc = caches->tc;
	uint64_t block = thread->control_block, cache;
	if (!caches->below || block < caches->below ||
		!ms_peek_u64(tc->find->peek, block - caches->below, &cache) || !cache)
		return;
	struct ms_alloc_thread *row = row_of(tc, from, cache);
	caches->torn += !row;
	if (row)
		row->tid = thread->thread->tid;
}

// Is it known of every thread which cache it has, or that it has none?
static bool are_known(const struct ms_gperf *tc, size_t from)
{
	const struct ms_thread_table *threads = tc->find->threads;
	for (size_t i = 0; threads && i < threads->n; i++)
		if (!threads->v[i].control_block &&
			!is_named(tc, from, threads->v[i].thread->tid))
			return false;
	return threads && threads->n;
}

// The first thread's control block lies in no stack and may be unknown: the only cache
// left over that holds anything is its.
static void name_first(struct ms_gperf *tc, size_t from)
{
	const struct ms_thread_table *threads = tc->find->threads;
	struct ms_alloc_thread *row = NULL;
	for (size_t i = from; i < tc->find->alloc->threads.n; i++) {
		struct ms_alloc_thread *v = &tc->find->alloc->threads.v[i];
		if (v->tid || !v->cached_blocks)
			continue;
		if (row)
			return;
		row = v;
	}
	for (size_t i = 0; row && threads && i < threads->n; i++)
		if (threads->v[i].is_main &&
			!is_named(tc, from, threads->v[i].thread->tid))
			row->tid = threads->v[i].thread->tid;
}

// Rows of caches whose thread is not known are of no use to anyone; the blocks in them are
// nobody's, and others' rows move up.
static struct ms_error *drop_nameless(struct ms_gperf *tc, size_t from)
{
	struct ms_alloc *alloc = tc->find->alloc;
	size_t kept = from;
	_cleanup_free_ uint32_t *moved =
		calloc(alloc->threads.n - from + 1, sizeof(*moved));
	if (!moved)
		return &ms_error_nomem;
	for (size_t i = from; i < alloc->threads.n; i++) {
		moved[i - from] = UINT32_MAX;
		if (!alloc->threads.v[i].tid)
			continue;
		moved[i - from] = (uint32_t)kept;
		alloc->threads.v[kept++] = alloc->threads.v[i];
	}
	ms_array_foreach (block, &alloc->private->cached)
		if (block->thread >= from && block->thread < alloc->threads.n)
			block->thread = moved[block->thread - from];
	alloc->threads.n = kept;
	return NULL;
}

struct ms_error *ms_gperf_read_caches(struct ms_gperf *tc)
{
	const struct ms_thread_table *threads = tc->find->threads;
	struct caches caches = { .tc = tc };
	size_t from = tc->find->alloc->threads.n;
	struct ms_error *err = NULL;
	for (size_t i = 0; !err && i < tc->module->data_n; i++)
		err = search_data(&caches, tc->module->data[i]);
	for (uint64_t o = 8; !err && o < CACHE_TAIL; o += 8)
		caches.torn += has_torn_links(&caches, from, o);
	for (size_t i = 0; threads && i < threads->n; i++)
		find_pointer(&caches, &threads->v[i]);
	for (size_t i = 0; threads && i < threads->n; i++)
		name_cache(&caches, from, &threads->v[i]);
	name_first(tc, from);
	if (!err)
		err = drop_nameless(tc, from);
	if (caches.torn && !tc->doubt)
		tc->doubt =
			"a thread's cache makes no sense: what it holds counts as live";
	if (!tc->doubt && !are_known(tc, from))
		tc->doubt =
			"a thread's cache may be missing: what it holds counts as live";
	ms_ranges_deinit(&caches.seen);
	return err;
}

// Bytes from the system, free, given back, and in use of the first and third; later what
// was ever reserved, which is never given up.
static bool is_heap(const uint64_t *v, unsigned page_shift)
{
	uint64_t page = 1ull << page_shift;
	return v[0] && v[0] % page == 0 && v[1] % page == 0 && v[2] % page == 0 &&
	       v[1] <= v[0] && v[2] <= v[0] && v[3] == v[0] - v[2] && v[10] == v[0];
}

void ms_gperf_check_heap(struct ms_gperf *tc)
{
	uint64_t v[11];
	uint64_t at =
		tc->root.address + (8ull << ms_gperf_root_bits(tc->root.page_shift));
	uint64_t all = tc->in_use + tc->free + tc->returned;
	for (uint64_t o = 0; o < HEAP_BEHIND; o += 8) {
		if (!ms_peek_bytes(tc->find->peek, at + o, v, sizeof(v)) ||
			!is_heap(v, tc->root.page_shift))
			continue;
		tc->find->alloc->arenas.v[tc->arena].system = v[0];
		tc->off = ms_sum(tc->off, ms_difference(v[0], all));
		tc->off = ms_sum(tc->off, ms_difference(v[1], tc->free));
		tc->off = ms_sum(tc->off, ms_difference(v[2], tc->returned));
		return;
	}
	if (!tc->doubt)
		tc->doubt = "the page heap's own counters were not found";
}
