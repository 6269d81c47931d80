// Where the books of allocators lie, and how to damage them: see alloc_mutate.h.

#include "alloc_mutate.h"

#include <stdlib.h>
#include <string.h>

enum {
	BOOK_BYTES = 256 << 10, // of one piece of metadata that is looked through
	ARENA_BYTES = 2208,
	CACHE_BYTES = 1024,
	TLS_BYTES = 4096,
	POINTED_WORDS = 16,
	PLACES_MAX = 1 << 20,
	DATA_BYTES = 4 << 20,
};

const char *aim_name(enum aim aim)
{
	static const char *const names[AIM_COUNT] = { "header", "link", "book", "pointed",
		"thread", "data", "any" };
	return names[aim];
}

static uint64_t get_word(struct ms_target *target, uint64_t address)
{
	uint64_t word = 0;
	return ms_target_get(target, address, &word, sizeof(word)) ? word : 0;
}

static bool is_writable(const struct ms_target *target, uint64_t address)
{
	const struct ms_mapping *m = ms_maps_find(ms_target_maps(target), address);
	return m && m->flags & MS_MAPPING_WRITE && address + 8 <= m->range.end;
}

static struct ms_error *add_place(struct places *p, enum aim aim, uint64_t address)
{
	if (p->v[aim].n >= PLACES_MAX || !is_writable(p->target, address))
		return NULL;
	uint64_t *added = ms_array_push(&p->v[aim]);
	if (!added)
		return &ms_error_nomem;
	*added = address;
	return NULL;
}

static struct ms_error *add_pointed(struct places *p, uint64_t pointer)
{
	struct ms_error *err = NULL;
	if (pointer % 8 || !is_writable(p->target, pointer))
		return NULL;
	for (uint64_t i = 0; !err && i < POINTED_WORDS; i++)
		err = add_place(p, AIM_POINTED, pointer + 8 * i);
	return err;
}

// Words that hold something: of books also what they point to.
static struct ms_error *add_words(struct places *p, enum aim aim, struct ms_range range)
{
	struct ms_error *err = NULL;
	uint64_t size = ms_min(ms_range_size(range),
		aim == AIM_DATA ? (uint64_t)DATA_BYTES : BOOK_BYTES);
	_cleanup_free_ uint64_t *words = calloc(1, size + 8);
	if (!words)
		return &ms_error_nomem;
	struct ms_read read = { { range.start, range.start + size }, words };
	err = ms_target_read(p->target, &read, 1, NULL);
	for (uint64_t i = 0; !err && i < size / 8; i++) {
		if (!words[i])
			continue;
		err = add_place(p, aim, range.start + 8 * i);
		if (!err && aim == AIM_BOOK)
			err = add_pointed(p, words[i]);
	}
	return err;
}

static struct ms_error *add_block(struct places *p, const struct ms_alloc_block *block)
{
	struct ms_error *err = NULL;
	bool is_whole = (unsigned)block->state >= MS_ALLOC_CLASSED;
	if (block->state == MS_ALLOC_OVERHEAD)
		err = add_words(p, AIM_BOOK, block->range);
	for (uint64_t o = 8; !err && o <= 16 && !is_whole; o += 8)
		err = add_place(p, AIM_HEADER, block->memory - o);
	for (uint64_t o = 0; !err && o < 16 && block->state != MS_ALLOC_LIVE; o += 8)
		err = add_place(p, AIM_LINK, block->memory + o);
	uint64_t *added = err ? NULL : ms_array_push(&p->blocks);
	if (added)
		*added = block->state == MS_ALLOC_FREE ? block->range.start
						       : block->memory;
	return err ? err : added ? NULL : &ms_error_nomem;
}

static struct ms_error *on_blocks(
	void *arg, unsigned worker, const struct ms_alloc_block *v, size_t n)
{
	struct ms_error *err = NULL;
	(void)worker;
	for (size_t i = 0; !err && i < n; i++)
		err = add_block(arg, &v[i]);
	return err;
}

static struct ms_error *add_descriptors(struct places *p, const struct ms_alloc *alloc)
{
	struct ms_error *err = NULL;
	ms_array_foreach (arena, &alloc->arenas) {
		struct ms_range range = { arena->address, arena->address + ARENA_BYTES };
		if (!err && arena->address)
			err = add_words(p, AIM_BOOK, range);
	}
	ms_array_foreach (thread, &alloc->threads) {
		struct ms_range range = { thread->cache, thread->cache + CACHE_BYTES };
		if (!err && thread->cache)
			err = add_words(p, AIM_BOOK, range);
	}
	return err;
}

static struct ms_error *add_threads(
	struct places *p, const struct ms_thread_table *threads)
{
	struct ms_error *err = NULL;
	for (size_t i = 0; !err && i < threads->n; i++) {
		uint64_t block = threads->v[i].control_block;
		struct ms_range range = { block - TLS_BYTES, block + TLS_BYTES / 4 };
		if (block > TLS_BYTES)
			err = add_words(p, AIM_THREAD, range);
	}
	return err;
}

// A file's writable memory, and what lies right behind it.
static struct ms_error *add_data(struct places *p)
{
	const struct ms_maps *maps = ms_target_maps(p->target);
	struct ms_error *err = NULL;
	bool was_file = false;
	for (size_t i = 0; !err && i < maps->n; i++) {
		const struct ms_mapping *m = &maps->v[i];
		bool is_next = i && maps->v[i - 1].range.end == m->range.start;
		bool is_file = m->kind == MS_MAPPING_FILE;
		was_file = is_file || (was_file && is_next);
		if (was_file && m->flags & MS_MAPPING_WRITE)
			err = add_words(p, AIM_DATA, m->range);
	}
	return err;
}

// Every 64th word of what is resident.
static struct ms_error *add_any(struct places *p)
{
	const struct ms_maps *maps = ms_target_maps(p->target);
	const struct ms_pages *pages = ms_target_pages(p->target);
	struct ms_error *err = NULL;
	for (size_t i = 0; !err && i < maps->n; i++) {
		struct ms_range range = maps->v[i].range;
		for (uint64_t at = range.start; !err && at < range.end;) {
			enum ms_page_state state;
			struct ms_range run = ms_pages_run(pages, at, range.end, &state);
			for (; !err && ms_page_is_resident(state) && at < run.end;
				at += 8 * 61)
				err = add_place(p, AIM_ANY, at);
			at = ms_max(at, run.end);
		}
	}
	return err;
}

struct ms_error *places_find(struct ms_target *target,
	const struct ms_thread_table *threads, struct ms_alloc *alloc, struct places *ret)
{
	struct places p = { .target = target };
	struct ms_error *err = ms_alloc_walk(alloc, 1, on_blocks, &p);
	if (!err)
		err = add_descriptors(&p, alloc);
	if (!err)
		err = add_threads(&p, threads);
	if (!err)
		err = add_data(&p);
	if (!err)
		err = add_any(&p);
	*ret = p;
	return err;
}

void places_deinit(struct places *places)
{
	for (int aim = 0; aim < AIM_COUNT; aim++)
		ms_array_deinit(&places->v[aim]);
	ms_array_deinit(&places->blocks);
}

// --- drawing --------------------------------------------------------------------------

// splitmix64
static uint64_t draw(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static uint64_t draw_place(const struct places *places, enum aim aim, uint64_t *state)
{
	uint64_t r = draw(state);
	return places->v[aim].n ? places->v[aim].v[r % places->v[aim].n] : 0;
}

static uint64_t draw_block(const struct places *places, uint64_t *state)
{
	uint64_t r = draw(state);
	return places->blocks.n ? places->blocks.v[r % places->blocks.n] : 0;
}

// What a word becomes. `other` is a word of a place of the same kind.
static uint64_t draw_word(
	const struct places *places, uint64_t before, uint64_t other, uint64_t *state)
{
	uint64_t r = draw(state), shift = r >> 8 & 63;
	switch (r % 12) {
	case 0:
	case 1:
		return before ^ 1ull << shift;
	case 2:
		return before ^ 1ull << shift % 16;
	case 3:
		return before ^ (r >> 16 & 0xff) << (shift & 56);
	case 4:
		return r >> 58;
	case 5:
		return draw_block(places, state) + (r >> 8 & 1) * 16;
	case 6:
		return 0;
	case 7:
		return UINT64_MAX - (r >> 16 & 0xff);
	case 8:
		return 1ull << shift;
	case 9:
		return before + (((r >> 16 & 0x1f) - 16) << (r >> 8 & 1 ? 4 : 12));
	case 10:
		return other;
	default:
		return draw(state);
	}
}

static void add_change(
	const struct places *places, struct damage *damage, struct change change)
{
	if (damage->n == CHANGES_MAX || !is_writable(places->target, change.address))
		return;
	change.before = get_word(places->target, change.address);
	if (change.before != change.after)
		damage->v[damage->n++] = change;
}

// One word, or a header of two words put in place of another, or two that change places.
static void draw_change(
	const struct places *places, uint64_t *state, struct damage *damage)
{
	enum aim aim = (enum aim)(draw(state) % AIM_COUNT);
	uint64_t kind = draw(state) % 8;
	uint64_t at = draw_place(places, aim, state);
	uint64_t other_at = draw_place(places, aim, state);
	uint64_t before = get_word(places->target, at);
	uint64_t other = get_word(places->target, other_at);
	struct change change = { .address = at, .after = other, .aim = aim };
	if (kind > 1)
		change.after = draw_word(places, before, other, state);
	add_change(places, damage, change);
	change.address += 8;
	change.after = get_word(places->target, other_at + 8);
	if (kind == 0)
		add_change(places, damage, change);
	change.address = other_at;
	change.after = before;
	if (kind == 1)
		add_change(places, damage, change);
}

void damage_draw(const struct places *places, uint64_t seed, struct damage *ret)
{
	uint64_t state = seed, r = draw(&state);
	unsigned n = r & 1 ? 1 : 1 + (r >> 1) % 4;
	ret->n = 0;
	for (unsigned tries = 0; n && tries < 16; tries++) {
		size_t had = ret->n;
		draw_change(places, &state, ret);
		n -= ret->n > had;
	}
}

void damage_overlay(void *arg, struct ms_range range, uint8_t *bytes)
{
	struct damage *damage = arg;
	damage->reads++;
	damage->bytes += ms_range_size(range);
	for (size_t i = 0; i < damage->n; i++)
		for (unsigned b = 0; b < 8; b++)
			if (ms_range_has(range, damage->v[i].address + b))
				bytes[damage->v[i].address + b - range.start] =
					(uint8_t)(damage->v[i].after >> 8 * b);
}
