// Chunks that were freed but look live: the threads' caches, and the fast bins. See
// glibc.h.

#include "alloc/glibc.h"

#include <string.h>

#include "threads/threads.h"

enum {
	TLS_BYTES =
		16 << 10, // below the thread pointer: libc's variables lie close to it
	TLS_WORDS = TLS_BYTES / 8,
	LEARN_THREADS = 32,
	CACHE_BYTES_MAX = 768,
	SMALL_BINS = 64,
	DATA_MAX =
		64 << 20, // of a libc's, or of a static program's, that may hold the key
};

// By layout: chunk size of the struct and how much larger its chunk may be (a rest too small
// for a chunk is not cut off), where its entries begin, bins.
static const struct cache_layout {
	uint16_t chunk, slack, entries, bins, size;
} layouts[] = {
	[MS_GLIBC_CACHE_U8] = { 0x250, 16, 64, 64, 576 },
	[MS_GLIBC_CACHE_U16] = { 0x290, 16, 128, 64, 640 },
	[MS_GLIBC_CACHE_SLOTS] = { 0x300, 32, 152, 76, 760 },
};

// A tcache_perthread_struct as read.
struct cache {
	uint64_t address;
	uint16_t counts[MS_GLIBC_CACHE_BINS];
	uint64_t entries[MS_GLIBC_CACHE_BINS];
	unsigned bins;
	enum ms_glibc_cache layout;
};

struct finder {
	struct ms_alloc_find *find;
	struct ms_glibc *libc;
	uint16_t cache_votes[TLS_WORDS], arena_votes[TLS_WORDS];
	uint64_t random_key;
	size_t random_votes, cache_key_votes, entries_seen;
	size_t plain_votes, safe_votes;
	size_t attached;  // threads that have an arena, and so a cache
	size_t unused;    // those of them that have not begun theirs (2.43 on)
	bool does_follow; // what is cached comes from the caches' lists
};

// Where arenas cannot grow, and where mmap_threshold is that low, even the smallest block
// may have a mapping of its own: the one place in it that malloc returned counts.
static bool is_ours(const struct finder *f, uint64_t memory)
{
	const struct ms_alloc_region *region =
		ms_alloc_region_at(f->find->alloc, memory - 16);
	return region && region->instance == f->libc->instance &&
	       (!region->is_mmapped || region->memory == memory);
}

// Size and flags of the chunk whose memory this is; 0 if it is none of this libc.
static uint64_t chunk_head(const struct finder *f, uint64_t memory)
{
	uint64_t head;
	if (memory % 16 || memory < 16 || !is_ours(f, memory) ||
		!ms_peek_u64(f->find->peek, memory - 8, &head))
		return 0;
	return head;
}

static uint64_t chunk_size(const struct finder *f, uint64_t memory)
{
	return chunk_head(f, memory) & ~(uint64_t)MS_CHUNK_FLAGS;
}

static unsigned count_of(const struct finder *f, const uint8_t *p,
	enum ms_glibc_cache layout, unsigned bin)
{
	unsigned n = layout == MS_GLIBC_CACHE_U8 ? p[bin] : ms_get_u16(p + 2 * bin);
	if (layout != MS_GLIBC_CACHE_SLOTS)
		return n;
	return n <= f->libc->cache_fill ? f->libc->cache_fill - n : UINT16_MAX;
}

// Every list is empty or begins with a chunk of the bin's size; counts agree with that.
static bool check_bins(const struct finder *f, const uint8_t *p, struct cache *cache)
{
	const struct cache_layout *l = &layouts[cache->layout];
	for (unsigned bin = 0; bin < l->bins; bin++) {
		uint64_t entry = ms_get_u64(p + l->entries + 8ul * bin);
		unsigned n = count_of(f, p, cache->layout, bin);
		bool is_small = bin < SMALL_BINS;
		if (!entry != !n || n == UINT16_MAX)
			return false;
		if (entry && is_small && chunk_size(f, entry) != 32 + 16ull * bin)
			return false;
		if (entry && !is_small && !chunk_size(f, entry))
			return false;
		cache->counts[bin] = (uint16_t)n;
		cache->entries[bin] = entry;
	}
	cache->bins = l->bins;
	return true;
}

// A chunk with a mapping of its own may be larger by any number of pages.
static bool may_hold(uint64_t head, enum ms_glibc_cache layout)
{
	uint64_t size = head & ~(uint64_t)MS_CHUNK_FLAGS, chunk = layouts[layout].chunk;
	bool is_mmapped = head & MS_CHUNK_MMAPPED;
	return size >= chunk && (is_mmapped || size - chunk <= layouts[layout].slack);
}

// The newest first: an empty cache of 2.30 looks like one of 2.26, too.
static bool read_cache(const struct finder *f, uint64_t address, struct cache *ret)
{
	uint8_t p[CACHE_BYTES_MAX];
	uint64_t head = chunk_head(f, address);
	for (enum ms_glibc_cache i = MS_GLIBC_CACHE_SLOTS; head && i; i--) {
		*ret = (struct cache){ .address = address, .layout = i };
		if (may_hold(head, i) &&
			ms_peek_bytes(f->find->peek, address, p, layouts[i].size) &&
			check_bins(f, p, ret))
			return true;
	}
	return false;
}

static uint32_t arena_at(const struct finder *f, uint64_t address)
{
	const struct ms_alloc *alloc = f->find->alloc;
	uint32_t end = f->libc->first_arena + f->libc->arena_n;
	bool is_possible = address == f->libc->main_arena ||
			   (f->libc->heap_header && (address & (f->libc->heap_max - 1)) ==
							    f->libc->heap_header);
	for (uint32_t i = f->libc->first_arena; is_possible && i < end; i++)
		if (alloc->arenas.v[i].address == address)
			return i;
	return UINT32_MAX;
}

// The words below a thread pointer; false if even the last page of them cannot be read.
static bool read_tls(const struct finder *f, uint64_t tp, uint64_t words[TLS_WORDS])
{
	uint64_t start = tp - TLS_BYTES;
	memset(words, 0, TLS_BYTES);
	if (tp % 8 || tp < TLS_BYTES)
		return false;
	bool has_any = false;
	for (uint64_t at = tp, part; at > start; at -= part) {
		part = at % MS_PAGE_SIZE ? at % MS_PAGE_SIZE : MS_PAGE_SIZE;
		part = ms_min(part, at - start);
		if (!ms_peek_bytes(f->find->peek, at - part,
			    (uint8_t *)words + (at - part - start), part))
			break;
		has_any = true;
	}
	return has_any;
}

static void learn(struct finder *f, uint64_t tp)
{
	uint64_t words[TLS_WORDS];
	struct cache cache;
	if (!read_tls(f, tp, words))
		return;
	for (size_t i = 0; i < TLS_WORDS; i++) {
		if (!words[i])
			continue;
		if (arena_at(f, words[i]) != UINT32_MAX)
			f->arena_votes[i]++;
		else if (words[i] % 16 == 0 && read_cache(f, words[i], &cache))
			f->cache_votes[i]++;
	}
}

// The place below the thread pointer that most threads agree on; 0 if none does.
static uint64_t best_offset(const uint16_t votes[TLS_WORDS])
{
	size_t best = 0;
	for (size_t i = 1; i < TLS_WORDS; i++)
		if (votes[i] > votes[best])
			best = i;
	return votes[best] ? TLS_BYTES - 8 * best : 0;
}

static uint64_t tls_word(const struct finder *f, uint64_t tp, uint64_t offset)
{
	uint64_t word = 0;
	if (!offset || tp < offset || !ms_peek_u64(f->find->peek, tp - offset, &word))
		return 0;
	return word;
}

// What the chunk at the head of each list says: the key in its second word, and whether
// its link is mangled.
static void vote_entry(struct finder *f, const struct cache *cache, uint64_t entry)
{
	uint64_t link, key;
	if (!ms_peek_u64(f->find->peek, entry, &link) ||
		!ms_peek_u64(f->find->peek, entry + 8, &key))
		return;
	uint64_t safe = link ^ entry >> 12;
	f->entries_seen++;
	f->plain_votes += !link || chunk_size(f, link);
	f->safe_votes += !safe || chunk_size(f, safe);
	f->cache_key_votes += key == cache->address;
	if (f->random_votes && key == f->random_key) {
		f->random_votes++;
	} else if (!f->random_votes) {
		f->random_key = key;
		f->random_votes = 1;
	} else {
		f->random_votes--;
	}
}

static struct ms_error *add_thread(
	struct finder *f, uint64_t tid, uint32_t arena, const struct cache *cache)
{
	struct ms_alloc_thread *row = ms_array_push(&f->find->alloc->threads);
	if (!row)
		return &ms_error_nomem;
	*row = (struct ms_alloc_thread){
		.tid = tid, .instance = f->libc->instance, .arena = arena
	};
	if (!cache)
		return NULL;
	row->cache = cache->address;
	for (unsigned bin = 0; bin < cache->bins; bin++)
		row->cached_blocks += cache->counts[bin];
	struct ms_glibc_cache_row *added = ms_array_push(&f->libc->caches);
	if (!added)
		return &ms_error_nomem;
	*added = (struct ms_glibc_cache_row){ cache->address,
		f->find->alloc->threads.n - 1 };
	f->libc->cache_layout = cache->layout;
	for (unsigned bin = 0; bin < cache->bins; bin++)
		if (cache->entries[bin])
			vote_entry(f, cache, cache->entries[bin]);
	return NULL;
}

// From 2.43 on a thread begins with a cache of nothing, which is a constant of the libc's.
static bool is_unused_cache(const struct finder *f, uint64_t address)
{
	const struct ms_module *module =
		ms_modules_at(&f->find->modules, f->libc->main_arena);
	uint8_t p[CACHE_BYTES_MAX];
	size_t size = layouts[MS_GLIBC_CACHE_SLOTS].size;
	if (!module || !ms_range_has(module->range, address))
		return false;
	if (!ms_peek_bytes(f->find->peek, address, p, size))
		return true; // a core leaves constants out
	for (size_t i = 0; i < size; i++)
		if (p[i])
			return false;
	return true;
}

static struct ms_error *add_threads(struct finder *f)
{
	const struct ms_thread_table *table = f->find->threads;
	uint64_t cache_at = best_offset(f->cache_votes),
		 arena_at_ = best_offset(f->arena_votes);
	struct ms_error *err = NULL;
	for (size_t i = 0; !err && i < table->n; i++) {
		uint64_t tp = table->v[i].control_block;
		struct cache cache;
		if (!tp)
			continue;
		uint32_t arena = arena_at(f, tls_word(f, tp, arena_at_));
		uint64_t at = tls_word(f, tp, cache_at);
		bool has_cache = read_cache(f, at, &cache);
		f->attached += arena != UINT32_MAX;
		f->unused += arena != UINT32_MAX && !has_cache && is_unused_cache(f, at);
		if (has_cache || arena != UINT32_MAX)
			err = add_thread(f, table->v[i].thread->tid, arena,
				has_cache ? &cache : NULL);
	}
	return err;
}

// Without threads: up to 2.41 the cache of the thread that made an arena is the arena's
// first chunk.
static struct ms_error *add_first_chunks(struct finder *f)
{
	const struct ms_alloc *alloc = f->find->alloc;
	struct ms_error *err = NULL;
	for (size_t i = 0; !err && i < alloc->regions.n; i++) {
		const struct ms_alloc_region *region = &alloc->regions.v[i];
		struct cache cache;
		if (region->instance != f->libc->instance || region->is_slabs)
			continue;
		uint64_t first = ms_glibc_first_chunk(
			f->libc, &alloc->arenas.v[region->arena], region->range.start);
		if (read_cache(f, first + 16, &cache))
			err = add_thread(f, 0, region->arena, &cache);
	}
	return err;
}

static int compare_caches(const void *pa, const void *pb)
{
	const struct ms_glibc_cache_row *a = pa, *b = pb;
	return (a->address > b->address) - (a->address < b->address);
}

// Heads of lists that have the key: what was left of the vote may be of few.
static size_t count_random(const struct finder *f)
{
	size_t n = 0;
	ms_array_foreach (row, &f->libc->caches) {
		struct cache cache;
		uint64_t key;
		if (!read_cache(f, row->address, &cache))
			continue;
		for (unsigned bin = 0; bin < cache.bins; bin++)
			n += cache.entries[bin] &&
			     ms_peek_u64(f->find->peek, cache.entries[bin] + 8, &key) &&
			     key == f->random_key;
	}
	return n;
}

static bool has_word(struct ms_peek *peek, uint64_t page, uint64_t word)
{
	uint64_t words[MS_PAGE_SIZE / 8];
	if (!ms_peek_bytes(peek, page, words, sizeof(words)))
		return false;
	for (size_t i = 0; i < MS_PAGE_SIZE / 8; i++)
		if (words[i] == word)
			return true;
	return false;
}

// The libc keeps the key among its own variables.
static bool is_in_data(const struct finder *f, uint64_t key)
{
	const struct ms_module *module =
		ms_modules_at(&f->find->modules, f->libc->main_arena);
	uint64_t left = DATA_MAX;
	for (size_t i = 0; module && i < module->data_n; i++)
		for (uint64_t at = module->data[i].start;
			at < module->data[i].end && left;
			at += MS_PAGE_SIZE, left -= MS_PAGE_SIZE)
			if (has_word(f->find->peek, at, key))
				return true;
	return false;
}

static bool has_random_key(const struct finder *f)
{
	return f->random_votes && f->libc->cache_layout != MS_GLIBC_CACHE_U8 &&
	       __builtin_popcountll(f->random_key) >= 8 &&
	       2 * count_random(f) > f->entries_seen && is_in_data(f, f->random_key);
}

static void decide(struct finder *f)
{
	struct ms_glibc *libc = f->libc;
	libc->has_safe_links = f->safe_votes > f->plain_votes;
	if (libc->caches.n)
		qsort(libc->caches.v, libc->caches.n, sizeof(*libc->caches.v),
			compare_caches);
	if (2 * f->cache_key_votes > f->entries_seen) {
		libc->key_kind = MS_GLIBC_KEY_CACHE;
	} else if (has_random_key(f)) {
		libc->key_kind = MS_GLIBC_KEY_RANDOM;
		libc->key = f->random_key;
	}
}

static uint64_t follow(const struct finder *f, uint64_t link, uint64_t where)
{
	return f->libc->has_safe_links ? link ^ where >> 12 : link;
}

// A list to be marked. Fast bins link chunks, caches link what malloc returned.
struct list {
	uint64_t memory;    // of its first member; 0: empty
	uint64_t size;      // of every member; 0: any
	uint64_t limit;     // members
	uint64_t to_memory; // from what a link holds
	uint32_t thread;    // whose cache it is; UINT32_MAX: nobody's
	enum ms_mark mark;
};

// A link that leads out of the heaps, to a chunk of another size or to one that has a
// mark ends the list.
static struct ms_error *mark_list(struct finder *f, struct list list)
{
	struct ms_error *err = NULL;
	uint64_t at = list.memory, i = 0;
	for (; !err && at && i < list.limit; i++) {
		uint64_t link, size = chunk_size(f, at);
		bool is_new = false;
		if (size && (!list.size || size == list.size) &&
			ms_peek_u64(f->find->peek, at, &link))
			err = ms_marks_set(
				&f->find->alloc->private->marks, at, list.mark, &is_new);
		if (!err && !is_new) {
			f->libc->torn_lists++;
			return NULL;
		}
		f->libc->fast_blocks += list.mark == MS_MARK_FAST;
		if (!err && list.thread != UINT32_MAX)
			err = ms_alloc_keep_cached(f->find->alloc, at, list.thread);
		if (i % 65536 == 65535 && ms_cancel_raised(f->find->cancel))
			return ms_error_new(MS_ERROR_CANCELLED, "interrupted");
		link = err ? 0 : follow(f, link, at);
		if (!link || !ms_add(link, list.to_memory, &at))
			at = 0;
	}
	f->libc->torn_lists += at != 0; // it is longer than its counter says
	return err;
}

static uint64_t bin_size(unsigned bin)
{
	return bin < SMALL_BINS ? MS_CHUNK_MIN + 16ull * bin : 0;
}

// Of a block with a mapping of its own that is all of the mapping.
static uint64_t block_bytes(const struct finder *f, uint64_t memory)
{
	uint64_t size = chunk_size(f, memory);
	const struct ms_alloc_region *region =
		size ? ms_alloc_region_at(f->find->alloc, memory) : NULL;
	return region && region->is_mmapped ? ms_range_size(region->range) : size;
}

// Large bins (2.42 on) hold chunks of several sizes.
static uint64_t bin_bytes(
	const struct finder *f, uint64_t entry, unsigned count, uint64_t size)
{
	uint64_t bytes = 0, at = entry, link;
	if (size)
		return size * count;
	for (unsigned i = 0; i < count && at; i++) {
		bytes = ms_sum(bytes, block_bytes(f, at));
		if (!ms_peek_u64(f->find->peek, at, &link))
			break;
		at = follow(f, link, at);
	}
	return bytes;
}

// Releases without a key have nothing but their lists.
static struct ms_error *settle_cache(
	struct finder *f, const struct ms_glibc_cache_row *row)
{
	struct ms_alloc_thread *thread = &f->find->alloc->threads.v[row->thread];
	struct cache cache;
	struct ms_error *err = NULL;
	if (!read_cache(f, row->address, &cache))
		return NULL;
	for (unsigned bin = 0; !err && bin < cache.bins; bin++) {
		thread->cached_bytes = ms_sum(
			thread->cached_bytes, bin_bytes(f, cache.entries[bin],
						      cache.counts[bin], bin_size(bin)));
		if (f->does_follow)
			err = mark_list(f, (struct list){ .memory = cache.entries[bin],
						   .size = bin_size(bin),
						   .limit = cache.counts[bin],
						   .thread = (uint32_t)row->thread,
						   .mark = MS_MARK_CACHED });
	}
	return err;
}

static void vote_fast(struct finder *f, uint64_t memory)
{
	uint64_t link;
	if (!chunk_size(f, memory) || !ms_peek_u64(f->find->peek, memory, &link))
		return;
	uint64_t safe = link ^ memory >> 12;
	f->plain_votes += !link || chunk_size(f, link + 16);
	f->safe_votes += !safe || chunk_size(f, safe + 16);
}

static struct ms_error *mark_fast(struct finder *f, uint64_t memory, unsigned bin)
{
	return mark_list(f, (struct list){ .memory = memory,
				    .size = bin_size(bin),
				    .limit = UINT64_MAX,
				    .to_memory = 16,
				    .thread = UINT32_MAX,
				    .mark = MS_MARK_FAST });
}

// Every fast bin that holds something: first to vote on what links look like, then to
// mark.
static struct ms_error *each_fast(struct finder *f, bool does_mark)
{
	uint32_t end = f->libc->first_arena + f->libc->arena_n;
	struct ms_error *err = NULL;
	for (uint32_t row = f->libc->first_arena; !err && row < end; row++) {
		struct ms_glibc_arena arena;
		if (!ms_glibc_read_arena(f->find->peek, f->libc,
			    f->find->alloc->arenas.v[row].address, &arena))
			continue;
		for (unsigned i = 0; !err && i < MS_GLIBC_FAST_BINS; i++) {
			uint64_t memory;
			if (!arena.fast[i] || !ms_add(arena.fast[i], 16, &memory))
				continue;
			if (does_mark)
				err = mark_fast(f, memory, i);
			else
				vote_fast(f, memory);
		}
	}
	return err;
}

// A key outlives its chunk's time in a cache where a thread ended: its chunks went back to
// the arena with it, and may be live again. Lists are exact, where nothing moves and the
// caches of all threads are known.
static bool can_follow(const struct finder *f)
{
	const struct ms_thread_table *table = f->find->threads;
	if (f->libc->key_kind == MS_GLIBC_KEY_NONE)
		return true;
	if (!ms_target_info(f->find->target)->is_stopped || !table || !table->n ||
		f->libc->caches.n < f->attached)
		return false;
	for (size_t i = 0; i < table->n; i++)
		if (!table->v[i].control_block)
			return false;
	return true;
}

// Arenas count the threads that use them: each has a cache. What is in one that was not
// found has no other sign, or one that a live block may have as well.
static void count_missing(struct finder *f)
{
	const struct ms_alloc *alloc = f->find->alloc;
	uint64_t threads = 0, found = f->libc->caches.n + f->unused;
	for (uint32_t i = 0; i < f->libc->arena_n; i++) {
		const struct ms_alloc_arena *arena =
			&alloc->arenas.v[f->libc->first_arena + i];
		if (arena->system && !ms_add(threads, arena->threads, &threads))
			threads = UINT64_MAX;
	}
	threads = ms_max(threads, f->attached);
	if (f->libc->cache_fill && threads > found)
		f->libc->missing_caches = threads - found;
}

static struct ms_error *settle(struct finder *f)
{
	struct ms_error *err = each_fast(f, /* does_mark= */ false);
	decide(f);
	count_missing(f);
	f->does_follow = can_follow(f);
	if (!err)
		err = each_fast(f, /* does_mark= */ true);
	for (size_t i = 0; !err && i < f->libc->caches.n; i++)
		err = settle_cache(f, &f->libc->caches.v[i]);
	if (f->does_follow && !f->libc->torn_lists)
		f->libc->key_kind = MS_GLIBC_KEY_NONE;
	return err;
}

struct ms_error *ms_glibc_find_caches(struct ms_alloc_find *find, struct ms_glibc *libc)
{
	_cleanup_free_ struct finder *f = calloc(1, sizeof(*f));
	struct ms_error *err = NULL;
	if (!f)
		return &ms_error_nomem;
	f->find = find;
	f->libc = libc;
	size_t learnt = 0;
	for (size_t i = 0; find->threads && i < find->threads->n; i++)
		if (find->threads->v[i].control_block && learnt++ < LEARN_THREADS)
			learn(f, find->threads->v[i].control_block);
	if (learnt)
		err = add_threads(f);
	if (!err && !libc->caches.n)
		err = add_first_chunks(f);
	return err ? err : settle(f);
}
