// Arenas and their chunks: see arenas.h.

#include "hotspot/arenas.h"

#include "hotspot/compilations.h"

enum {
	WORD = 8,
	ARENA_BYTES = 48,
	ARENAS_MAX = 1 << 16,
	STEP = 64 << 10, // of a stack, read at once
	THREAD_MAX = 16 << 10,
	TRIES = 3,     // of an arena that grows while it is read
	GROWN_MIN = 8, // chunks that must have been followed to believe in one that grows
	POOLED_MAX = 1 << 20,
	PLACES_MAX = 8,
	FULL_LOOKS = 16,
	STEPS_MAX = 2 * MS_ARENA_CHUNKS_MAX,
};

const uint64_t ms_arena_sizes[MS_ARENA_SIZES] = { 216, 984, 10200, 32728 };

static const uint64_t CHUNK_MAX = UINT64_C(1) << 36; // bytes of one

// How an Arena and the header of a chunk look.
struct layout {
	unsigned first, chunk, hwm, max, size; // offsets in an Arena
	unsigned header;                       // bytes of a chunk's
};

static const struct layout layouts[] = {
	{ 8, 16, 24, 32, 40, 16 }, // JDK 8 to 21
	{ 16, 24, 32, 40, 8, 24 }, // JDK 25 and later
};

enum {
	LAYOUTS = sizeof(layouts) / sizeof(layouts[0]),
};

struct reading {
	struct ms_vm *vm;
	const struct ms_java_threads *threads;
	const struct layout *layout;
	struct ms_arenas *arenas;
	uint64_t places[PLACES_MAX]; // words of a Thread that pointed to an arena
	size_t place_n;
	unsigned full_looks; // that are left: at all words of a Thread
	uint64_t steps;      // that are left, of all chains together
};

// An Arena's own words.
struct words {
	uint64_t first, chunk, hwm, max, size;
};

static struct words words_of(const struct layout *layout, const uint8_t *bytes)
{
	return (struct words){ ms_get_u64(bytes + layout->first),
		ms_get_u64(bytes + layout->chunk), ms_get_u64(bytes + layout->hwm),
		ms_get_u64(bytes + layout->max), ms_get_u64(bytes + layout->size) };
}

// What can be told from the words alone. Most words of a stack fail here.
static bool may_be_arena(const struct layout *layout, const struct words *a)
{
	return a->first && a->chunk && !((a->first | a->chunk) % WORD) &&
	       a->hwm >= a->chunk + layout->header && a->hwm <= a->max &&
	       a->max - a->chunk <= CHUNK_MAX &&
	       a->size >= a->max - a->chunk - layout->header && a->size <= CHUNK_MAX;
}

struct header {
	uint64_t next, bytes;
};

static bool read_header(const struct reading *r, uint64_t chunk, struct header *ret)
{
	uint64_t words[2];
	if (chunk % WORD || !ms_target_get(r->vm->target, chunk, words, sizeof(words)))
		return false;
	*ret = (struct header){ words[0], words[1] };
	return ret->bytes && ret->bytes <= CHUNK_MAX;
}

// --- one arena ------------------------------------------------------------------------

static struct ms_error *keep_chunk(struct ms_arenas *arenas, uint64_t at, uint32_t arena)
{
	if (arenas->chunks.n >= MS_ARENA_CHUNKS_MAX) {
		arenas->is_complete = false;
		return NULL;
	}
	struct ms_arena_chunk *added = ms_array_push(&arenas->chunks);
	if (!added)
		return &ms_error_nomem;
	*added = (struct ms_arena_chunk){ at, arena };
	return NULL;
}

// How far a walk came.
enum walk_end {
	NO_ARENA,
	GREW,     // into memory that was not there when the target was opened
	COMPLETE, // to the last chunk, and everything adds up
};

// Walks from the first chunk to the last. The sum grows with each and may not pass the
// Arena's own, and all walks share one bound, so that no circle is walked for long. The chunks stay if they add up, or
// if a compilation that goes on has made more than can be seen.
static struct ms_error *follow(
	struct reading *r, const struct words *a, uint32_t number, enum walk_end *ret)
{
	struct ms_arenas *arenas = r->arenas;
	size_t kept = arenas->chunks.n, steps = 0;
	struct header header;
	struct ms_error *err = NULL;
	uint64_t sum = 0, at = a->first;
	bool is_running = !ms_target_info(r->vm->target)->is_stopped;
	*ret = NO_ARENA;
	for (;;) {
		if (!at || !read_header(r, at, &header)) {
			if (at && is_running && steps >= GROWN_MIN)
				*ret = GREW;
			break;
		}
		sum += header.bytes;
		if (sum > a->size)
			break;
		if (!r->steps--) {
			r->steps = 0;
			arenas->is_complete = false;
			break;
		}
		err = keep_chunk(arenas, at, number);
		if (err)
			return err;
		steps++;
		if (at == a->chunk) {
			if (sum == a->size &&
				at + r->layout->header + header.bytes == a->max)
				*ret = COMPLETE;
			break;
		}
		at = header.next;
	}
	if (*ret == NO_ARENA)
		arenas->chunks.n = kept;
	return NULL;
}

static bool is_known(const struct ms_arenas *arenas, uint64_t address)
{
	ms_array_foreach (arena, &arenas->v)
		if (arena->address == address)
			return true;
	return false;
}

// Adds the Arena at this address if there is one. It may grow meanwhile.
static struct ms_error *try_arena(
	struct reading *r, uint64_t address, size_t thread, enum ms_arena_place place)
{
	struct ms_arenas *arenas = r->arenas;
	uint8_t bytes[ARENA_BYTES];
	enum walk_end end = NO_ARENA;
	struct words a = { 0 };
	size_t kept = arenas->chunks.n;
	if (arenas->v.n >= ARENAS_MAX)
		return NULL;
	for (int i = 0; i < TRIES && end == NO_ARENA; i++) {
		if (!ms_target_get(r->vm->target, address, bytes, sizeof(bytes)))
			return NULL;
		a = words_of(r->layout, bytes);
		if (!may_be_arena(r->layout, &a) || (!i && is_known(arenas, address)))
			return NULL;
		struct ms_error *err = follow(r, &a, (uint32_t)arenas->v.n, &end);
		if (err)
			return err;
	}
	if (end == NO_ARENA)
		return NULL;
	struct ms_java_arena *added = ms_array_push(&arenas->v);
	if (!added)
		return &ms_error_nomem;
	*added = (struct ms_java_arena){ .address = address,
		.thread = thread,
		.place = place,
		.chunk_n = arenas->chunks.n - kept,
		.bytes = a.size,
		.is_partial = end == GREW };
	return NULL;
}

// --- where they are -------------------------------------------------------------------

static struct ms_error *try_word(
	struct reading *r, size_t index, const uint64_t *words, uint64_t at)
{
	const struct ms_maps *maps = ms_target_maps(r->vm->target);
	size_t n = r->arenas->v.n;
	if (!words[at] || words[at] % WORD ||
		!ms_peek_is_memory(maps, words[at], ARENA_BYTES))
		return NULL;
	struct ms_error *err = try_arena(r, words[at], index, MS_ARENA_OF_THREAD);
	if (r->arenas->v.n > n && r->full_looks && r->place_n < PLACES_MAX)
		r->places[r->place_n++] = at;
	return err;
}

// Any word of a Thread may point to one of its arenas; those of other threads are at the
// same place.
static struct ms_error *look_in_thread(struct reading *r, size_t index)
{
	uint64_t address = r->threads->v.v[index].address;
	uint64_t words[THREAD_MAX / WORD];
	uint64_t n = ms_vm_size(r->vm, "Thread") / WORD;
	size_t known = r->arenas->v.n;
	struct ms_error *err = NULL;
	if (!n || n > THREAD_MAX / WORD ||
		!ms_peek_bytes(r->vm->peek, address, words, n * WORD))
		return NULL;
	for (size_t i = 0; !err && i < r->place_n; i++)
		err = try_word(r, index, words, r->places[i]);
	if (err || r->arenas->v.n > known || r->full_looks == 0)
		return err;
	for (uint64_t i = 0; !err && i < n; i++)
		err = try_word(r, index, words, i);
	r->full_looks--;
	return err;
}

static struct ms_error *look_at_words(
	struct reading *r, size_t thread, uint64_t at, const uint8_t *bytes, size_t n)
{
	struct ms_error *err = NULL;
	for (size_t i = 0; !err && i + ARENA_BYTES <= n; i += WORD) {
		struct words a = words_of(r->layout, bytes + i);
		if (may_be_arena(r->layout, &a))
			err = try_arena(r, at + i, thread, MS_ARENA_ON_STACK);
	}
	return err;
}

// Resident pages of a stack, in steps that overlap by an Arena.
static struct ms_error *look_on_stack(struct reading *r, size_t index, uint8_t *buffer)
{
	struct ms_range stack = r->threads->v.v[index].stack;
	const struct ms_pages *pages = ms_target_pages(r->vm->target);
	struct ms_error *err = NULL;
	struct ms_range run;
	for (uint64_t at = stack.start; !err && at < stack.end; at = run.end) {
		enum ms_page_state state;
		run = ms_pages_run(pages, at, stack.end, &state);
		if (!ms_page_is_resident(state))
			continue;
		for (uint64_t from = run.start; !err && from < run.end;) {
			size_t n = (size_t)ms_min(STEP, run.end - from);
			if (ms_target_get(r->vm->target, from, buffer, n))
				err = look_at_words(r, index, from, buffer, n);
			bool is_last = from + n == run.end;
			from += is_last ? n : n - ARENA_BYTES;
		}
	}
	return err;
}

static struct ms_error *look_everywhere(struct reading *r, uint8_t *buffer)
{
	struct ms_error *err = NULL;
	for (size_t i = 0; !err && i < r->threads->v.n; i++) {
		err = look_in_thread(r, i);
		if (!err && ms_compiler_owner(r->threads->v.v[i].kind))
			err = look_on_stack(r, i, buffer);
	}
	return err;
}

// --- pools ----------------------------------------------------------------------------

static struct ms_error *follow_pool(struct reading *r, uint64_t first, uint64_t bytes)
{
	struct header header;
	size_t steps = 0;
	for (uint64_t at = first; at && steps++ < POOLED_MAX &&
				  read_header(r, at, &header) && header.bytes == bytes;
		at = header.next) {
		struct ms_error *err = keep_chunk(r->arenas, at, MS_ARENA_POOLED);
		if (err)
			return err;
	}
	return NULL;
}

// One pool per usual size: four variables that point to {first, …}, later one array of
// {first, size}, the largest first.
static struct ms_error *read_pools(struct reading *r)
{
	static const enum ms_vm_symbol symbols[MS_ARENA_SIZES] = { MS_VM_SYMBOL_TINY_POOL,
		MS_VM_SYMBOL_SMALL_POOL, MS_VM_SYMBOL_MEDIUM_POOL,
		MS_VM_SYMBOL_LARGE_POOL };
	uint64_t array = ms_vm_symbol(r->vm, MS_VM_SYMBOL_POOLS);
	struct ms_error *err = NULL;
	for (unsigned i = 0; !err && i < MS_ARENA_SIZES; i++) {
		uint64_t pool = ms_vm_symbol(r->vm, symbols[i]), first;
		if (pool && !ms_vm_read(r->vm, pool, 8, &pool))
			continue;
		if (!pool && array)
			pool = array + (MS_ARENA_SIZES - 1 - i) * 2 * WORD;
		if (!pool || !ms_vm_read(r->vm, pool, 8, &first))
			continue;
		r->arenas->has_pools = true;
		err = follow_pool(r, first, ms_arena_sizes[i]);
	}
	return err;
}

// --- all ------------------------------------------------------------------------------

// Every thread has arenas of its own: the layout in which most are found is the right one.
struct ms_error *ms_arenas_read(
	struct ms_vm *vm, const struct ms_java_threads *threads, struct ms_arenas *ret)
{
	_cleanup_free_ uint8_t *buffer = malloc(STEP);
	struct ms_error *err = buffer ? NULL : &ms_error_nomem;
	*ret = (struct ms_arenas){ 0 };
	for (size_t i = 0; !err && i < LAYOUTS; i++) {
		struct ms_arenas found = { .is_complete = true };
		struct reading r = { .vm = vm,
			.threads = threads,
			.layout = &layouts[i],
			.arenas = &found,
			.full_looks = FULL_LOOKS,
			.steps = STEPS_MAX };
		err = look_everywhere(&r, buffer);
		if (!err && found.v.n > ret->v.n) {
			found.header = layouts[i].header;
			err = read_pools(&r);
			ms_arenas_deinit(ret);
			*ret = found;
		} else {
			ms_arenas_deinit(&found);
		}
	}
	if (err)
		ms_arenas_deinit(ret);
	return err;
}

void ms_arenas_deinit(struct ms_arenas *arenas)
{
	ms_array_deinit(&arenas->v);
	ms_array_deinit(&arenas->chunks);
}
