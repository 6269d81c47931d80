// What jemalloc keeps ready for single threads: see jemalloc.h.
//
// A thread's cache lies in its TLS: an array of bins, one per size class, each a stack of
// pointers that lies elsewhere. It is known by pointers to itself. All caches of one arena
// are linked in a ring whose head is in the arena's descriptor, so that no thread need be
// known to find its cache; those a program made itself are there as well. Where one thread
// has its cache all others have theirs: that shows whether a ring left one out.

#include "alloc/jemalloc.h"

#include "threads/threads.h"

enum {
	ARENA_MAX = 512 << 10, // how far into a block an arena's descriptor may reach
	BIN_BYTES = 24,        // of one bin
	BINS_MAX = 80,         // size classes up to 8 MiB
	STACK_MAX = 64 << 10,  // bytes of pointers of one bin
	SLOW_MAX = 512,        // bytes of a 5.3 cache's second part
	CACHES_MAX = 1 << 16,
	TLS_MAX = 64 << 10, // of the first thread
	BEGUN_BYTES = 128,  // of a cache that is in use some are not 0
	BAD_MAX = 64,       // pointers of one cache that are none, before it is given up
};

// 5.2: offsets within a cache.
enum {
	OLD_SMALL = 16, // bins of small classes
	OLD_RING = 880, // next
	OLD_DESCRIPTOR = 920,
	OLD_SELF = 936, // pointer to the small bins, then one to the large ones
	OLD_ARENA = 952,
};

// 5.3: a cache begins with a pointer to its second part, its bins follow. The second part
// has the ring, and ends with a pointer back.
enum {
	NEW_BINS = 8,
	SLOW_DESCRIPTOR = 16,
	SLOW_BINS = 32, // pointer to the bins
	SLOW_ARENA = 40,
};

// A cache that was recognised.
struct cache {
	uint64_t address;
	uint64_t small, large; // where the bins of small and of large classes begin
	uint64_t next;         // in the ring: a cache (5.2), the second part of one (5.3)
	uint64_t arena;        // address
};

struct caches {
	struct ms_jemalloc *je;
	struct ms_ranges seen;
	uint64_t below;  // bytes from a cache to its control block; 0: not known yet
	bool is_guess;   // that is what the first thread's cache says
	unsigned bins;   // of each cache; 0: not known yet
	uint64_t *stack; // STACK_MAX bytes
};

// What one cache holds.
struct content {
	uint32_t thread; // row it will have; UINT32_MAX: none
	uint64_t blocks, bytes;
	unsigned bad; // pointers to no block or to one that was met before, odd bins
};

static bool old_cache_at(struct ms_peek *peek, uint64_t at, struct cache *ret)
{
	struct cache c = { .address = at, .small = at + OLD_SMALL };
	uint64_t small;
	if (!ms_peek_u64(peek, at + OLD_SELF, &small) || small != c.small ||
		!ms_peek_u64(peek, at + OLD_SELF + 8, &c.large) ||
		c.large < at + OLD_ARENA || c.large > at + OLD_ARENA + SLOW_MAX ||
		!ms_peek_u64(peek, at + OLD_RING, &c.next) ||
		!ms_peek_u64(peek, at + OLD_ARENA, &c.arena))
		return false;
	*ret = c;
	return true;
}

static bool new_cache_at(struct ms_peek *peek, uint64_t at, struct cache *ret)
{
	struct cache c = { .address = at,
		.small = at + NEW_BINS,
		.large = at + NEW_BINS + MS_JEMALLOC_SMALL * BIN_BYTES };
	uint64_t slow, bins, back = 0;
	if (!ms_peek_u64(peek, at, &slow) || slow > UINT64_MAX - SLOW_MAX ||
		!ms_peek_u64(peek, slow + SLOW_BINS, &bins) || bins != c.small ||
		!ms_peek_u64(peek, slow + SLOW_ARENA, &c.arena) ||
		!ms_peek_u64(peek, slow, &c.next))
		return false;
	for (uint64_t i = SLOW_ARENA + 8; back != at && i < SLOW_MAX; i += 8)
		if (!ms_peek_u64(peek, slow + i, &back))
			return false;
	*ret = c;
	return back == at;
}

static bool cache_at(struct ms_jemalloc *je, uint64_t at, struct cache *ret)
{
	if (at % 8 || at > UINT64_MAX - SLOW_MAX)
		return false;
	return je->root.layout == MS_JEMALLOC_5_2 ? old_cache_at(je->find->peek, at, ret)
						  : new_cache_at(je->find->peek, at, ret);
}

// The cache that a pointer of the ring leads to.
static bool ring_at(struct ms_jemalloc *je, uint64_t at, struct cache *ret)
{
	uint64_t bins;
	if (je->root.layout == MS_JEMALLOC_5_2)
		return cache_at(je, at, ret);
	return at <= UINT64_MAX - SLOW_MAX &&
	       ms_peek_u64(je->find->peek, at + SLOW_BINS, &bins) && bins >= NEW_BINS &&
	       cache_at(je, bins - NEW_BINS, ret);
}

// The stack of a bin: `n` pointers from `at` on. An unused bin has none.
static bool stack_of(
	struct ms_jemalloc *je, uint64_t bin, uint64_t *ret_at, size_t *ret_n)
{
	uint8_t bytes[BIN_BYTES];
	if (!ms_peek_bytes(je->find->peek, bin, bytes, sizeof(bytes)))
		return false;
	if (je->root.layout == MS_JEMALLOC_5_2) {
		uint64_t end = ms_get_u64(bytes + 16), n = ms_get_u32(bytes + 4);
		*ret_n = n;
		*ret_at = end - n * 8;
		return end && end % 8 == 0 && n * 8 <= STACK_MAX && n * 8 <= end;
	}
	uint64_t head = ms_get_u64(bytes);
	uint16_t size = (uint16_t)(ms_get_u16(bytes + 20) - (uint16_t)head);
	*ret_at = head;
	*ret_n = size / 8u;
	return head && head % 8 == 0 && size % 8 == 0;
}

static bool is_of_class(
	const struct ms_extent *e, uint64_t p, unsigned size_class, uint64_t size)
{
	if (!e)
		return false;
	if (size_class >= MS_JEMALLOC_SMALL)
		return !e->slot && e->state == MS_ALLOC_LIVE && e->memory == p;
	return e->slot == size && (p - e->range.start) % size == 0 &&
	       (p - e->range.start) / size < e->n;
}

// A pointer on a stack is a block of that class, not free, and on no other stack.
static struct ms_error *add_block(
	struct ms_jemalloc *je, uint64_t p, unsigned size_class, struct content *content)
{
	struct ms_marks *marks = &je->find->alloc->private->marks;
	const struct ms_extent *e = ms_jemalloc_extent_at(je, p);
	uint64_t size = ms_jemalloc_class_size(size_class);
	bool is_new = false;
	struct ms_error *err = NULL;
	if (is_of_class(e, p, size_class, size))
		err = ms_marks_set(marks, p, MS_MARK_CACHED, &is_new);
	if (ms_error_is(err, MS_ERROR_LIMIT)) {
		ms_error_free(err);
		je->has_no_room = true;
		return NULL;
	}
	if (err)
		return err;
	if (!is_new) {
		content->bad++;
		return NULL;
	}
	content->blocks++;
	content->bytes += e->slot ? e->slot : e->usable;
	return content->thread == UINT32_MAX
		       ? NULL
		       : ms_alloc_keep_cached(je->find->alloc, p, content->thread);
}

static struct ms_error *read_stack(struct caches *caches, uint64_t at, size_t n,
	unsigned size_class, struct content *content)
{
	struct ms_jemalloc *je = caches->je;
	struct ms_error *err = NULL;
	if (!ms_peek_bytes(je->find->peek, at, caches->stack, n * 8)) {
		content->bad++;
		return NULL;
	}
	for (size_t i = 0; !err && i < n && content->bad < BAD_MAX; i++)
		err = add_block(je, caches->stack[i], size_class, content);
	return err;
}

static uint64_t bin_at(const struct cache *cache, unsigned i)
{
	return i < MS_JEMALLOC_SMALL ? cache->small + i * BIN_BYTES
				     : cache->large + (i - MS_JEMALLOC_SMALL) * BIN_BYTES;
}

// Is there a block of its class on top of a bin's stack?
static bool has_block(struct caches *caches, const struct cache *cache, unsigned i)
{
	struct ms_jemalloc *je = caches->je;
	uint64_t at, block;
	size_t n;
	return stack_of(je, bin_at(cache, i), &at, &n) && n &&
	       ms_peek_u64(je->find->peek, at, &block) &&
	       is_of_class(ms_jemalloc_extent_at(je, block), block, i,
		       ms_jemalloc_class_size(i));
}

// The first class that is not cached ends the array: none of the small ones, and in all
// caches the same. What follows may be anything, but no stacks of blocks.
static struct ms_error *read_bins(
	struct caches *caches, const struct cache *cache, struct content *content)
{
	struct ms_error *err = NULL;
	unsigned i = 0;
	uint64_t at;
	size_t n;
	for (; !err && i < BINS_MAX && stack_of(caches->je, bin_at(cache, i), &at, &n);
		i++)
		err = read_stack(caches, at, n, i, content);
	for (unsigned next = i + 1; next < BINS_MAX; next++)
		content->bad += has_block(caches, cache, next);
	if (!caches->bins)
		caches->bins = i;
	content->bad += i < MS_JEMALLOC_SMALL || caches->bins != i;
	return err;
}

// An arena's descriptor lies in the first block of its own metadata.
static uint32_t arena_row(struct ms_jemalloc *je, uint64_t address)
{
	const struct ms_jemalloc_block *block = ms_jemalloc_block_at(je, address);
	uint32_t threads;
	if (!block || !ms_peek_u32(je->find->peek, address, &threads))
		return UINT32_MAX;
	struct ms_alloc_arena *arena = &je->find->alloc->arenas.v[block->arena];
	arena->address = address;
	arena->threads = threads;
	return block->arena;
}

// The first thread's TLS is no part of a stack; what a program made lies in the heap.
static const struct ms_thread_row *owner_of(struct ms_jemalloc *je, uint64_t address)
{
	const struct ms_thread_table *threads = je->find->threads;
	if (!threads || ms_jemalloc_extent_at(je, address))
		return NULL;
	const struct ms_thread_row *row = ms_thread_table_at(threads, address);
	for (size_t i = 0; !row && i < threads->n; i++)
		if (threads->v[i].is_main)
			row = &threads->v[i];
	return row;
}

// What lies in no stack counts as the first thread's, so that its place is believed only
// if it is near, and until another thread shows a better one.
static void learn_place(
	struct caches *caches, const struct ms_thread_row *owner, uint64_t cache)
{
	uint64_t below = owner->control_block - cache;
	if (owner->control_block < cache || (owner->is_main && below > TLS_MAX) ||
		(caches->below && (owner->is_main || !caches->is_guess)))
		return;
	caches->below = below;
	caches->is_guess = owner->is_main;
}

static struct ms_error *read_cache(struct caches *caches, const struct cache *cache)
{
	struct ms_jemalloc *je = caches->je;
	const struct ms_thread_row *owner = owner_of(je, cache->address);
	size_t row_at = je->find->alloc->threads.n;
	struct content content = { .thread = owner ? (uint32_t)row_at : UINT32_MAX };
	struct ms_error *err = read_bins(caches, cache, &content);
	if (err)
		return err;
	je->caches++;
	je->caches_torn += content.bad != 0;
	uint32_t arena = arena_row(je, cache->arena);
	if (!owner)
		return NULL;
	learn_place(caches, owner, cache->address);
	struct ms_alloc_thread *row = ms_array_push(&je->find->alloc->threads);
	if (!row)
		return &ms_error_nomem;
	*row = (struct ms_alloc_thread){ .tid = owner->thread->tid,
		.instance = je->instance,
		.arena = arena,
		.cache = cache->address,
		.cached_blocks = content.blocks,
		.cached_bytes = content.bytes };
	return NULL;
}

// A cache and all in its ring that were not seen before. One that is none cuts others off.
static struct ms_error *read_ring(struct caches *caches, struct cache cache)
{
	while (!ms_ranges_has(&caches->seen, cache.address) &&
		caches->je->caches < CACHES_MAX) {
		struct ms_error *err = ms_ranges_add(&caches->seen,
			(struct ms_range){ cache.address, cache.address + 8 });
		if (!err)
			err = read_cache(caches, &cache);
		if (err)
			return err;
		if (!ring_at(caches->je, cache.next, &cache)) {
			caches->je->caches_torn++;
			break;
		}
	}
	return NULL;
}

// Two heads of rings side by side: of the caches, and of descriptors within them.
static bool head_of_ring(
	struct ms_jemalloc *je, uint64_t first, uint64_t second, struct cache *ret)
{
	uint64_t apart =
		je->root.layout == MS_JEMALLOC_5_2 ? OLD_DESCRIPTOR : SLOW_DESCRIPTOR;
	return first && second - first == apart && ring_at(je, first, ret);
}

// An arena's own descriptor lies near the start of its oldest block.
static struct ms_error *search_block(struct caches *caches, uint64_t start)
{
	struct ms_words *words = caches->je->words;
	struct ms_error *err;
	uint64_t last = 0;
	bool any;
	ms_words_over(words, (struct ms_range){ start, start + ARENA_MAX });
	while (!(err = ms_words_next(words, &any)) && any)
		for (size_t i = 0; !err && i < words->n; i++) {
			struct cache cache;
			if (head_of_ring(caches->je, last, words->v[i], &cache))
				err = read_ring(caches, cache);
			last = words->v[i];
		}
	return err;
}

// Where a cache may be there are zeros if its thread never allocated.
static bool is_begun(struct ms_jemalloc *je, uint64_t at)
{
	uint8_t bytes[BEGUN_BYTES];
	if (!ms_peek_bytes(je->find->peek, at, bytes, sizeof(bytes)))
		return false;
	for (size_t i = 0; i < sizeof(bytes); i++)
		if (bytes[i])
			return true;
	return false;
}

// A thread that has a cache which no ring led to, or something where that should be.
static struct ms_error *check_thread(
	struct caches *caches, const struct ms_thread_row *thread)
{
	uint64_t at = thread->control_block - caches->below;
	struct cache cache;
	if (!caches->below || thread->control_block < caches->below ||
		ms_ranges_has(&caches->seen, at) || !is_begun(caches->je, at))
		return NULL;
	if (cache_at(caches->je, at, &cache))
		return read_ring(caches, cache);
	caches->je->caches_torn++;
	return NULL;
}

// Is it known of every thread which cache it has, or that it may have none?
static bool are_known(const struct ms_jemalloc *je)
{
	const struct ms_thread_table *threads = je->find->threads;
	for (size_t i = 0; threads && i < threads->n; i++) {
		bool is_known = threads->v[i].control_block != 0;
		ms_array_foreach (row, &je->find->alloc->threads)
			is_known |= row->instance == je->instance &&
				    row->tid == threads->v[i].thread->tid;
		if (!is_known)
			return false;
	}
	return threads && threads->n;
}

struct ms_error *ms_jemalloc_read_caches(struct ms_jemalloc *je)
{
	_cleanup_free_ uint64_t *stack = malloc(STACK_MAX);
	struct caches caches = { .je = je, .stack = stack };
	struct ms_error *err = stack ? NULL : &ms_error_nomem;
	for (size_t i = 0; !err && i < je->blocks.n; i++)
		if (je->blocks.v[i].is_oldest)
			err = search_block(&caches, je->blocks.v[i].range.start);
	for (size_t i = 0; !err && je->find->threads && i < je->find->threads->n; i++)
		err = check_thread(&caches, &je->find->threads->v[i]);
	if (!err && !je->doubt && !are_known(je))
		je->doubt =
			"a thread's cache may be missing: what it holds counts as live";
	ms_ranges_deinit(&caches.seen);
	return err;
}
