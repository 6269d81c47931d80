// Who used freed memory last: pointers into a library that its blocks left behind. What
// is free stays free, whoever used it; this is evidence beside it.
//
// A sample of resident pages of malloc's heaps, evenly spread, is looked up in the block
// tables; those in free blocks are read. A page speaks for those whose objects' words it
// holds, as other readers know them, else for the library that most of its words point into.
// libc and what every program has count only where nothing else does.
//
// Pieces of a private allocator (HotSpot's arenas) leave traces when they are freed. Malloc's
// arenas are the threads' own: all free pages of one that lie in such pieces are taken for the
// same one's, whoever most of those pages speak for; where no words are known, as in a stripped
// library, whoever alone has threads that take pieces there; else the private allocator's.

#include <string.h>

#include "alloc/alloc.h"
#include "alloc/peek.h"
#include "evidence/leftovers.h"
#include "ledger/owner.h"

enum {
	SAMPLES = 8192,
	SAMPLES_PIECES = 2048, // where the bytes before each are read, too
	ROW_MAX = 32 << 10,    // bytes of a block in a row
	BEFORE = 2 * ROW_MAX,  // bytes before a page: two of them
	WORDS_MIN = 2,         // pointers that make a page speak
	LIBRARIES_MAX = 1024,
	USERS_MAX = 8, // that are told apart in pieces
};

// Those other readers know the words of.
struct user {
	const char *owner, *detail;
	ms_kind kind;   // once it spoke
	unsigned votes; // of the page being read
	ms_kind freed;  // of what it spoke for, most
	uint64_t pages; // of that
};

struct pointed {
	struct ms_range range;
	size_t user;
};

// A mapped file with code, from its first mapping to its last.
struct library {
	struct ms_range range;
	struct ms_bytes path;
	bool is_common;
	ms_kind kind;   // once it spoke
	unsigned votes; // of the page being read
};

// Pages in pieces, in free blocks of one kind of one arena.
struct in_pieces {
	uint32_t arena;
	ms_kind kind;
	uint64_t pages;
	uint64_t users[USERS_MAX]; // of them, those that speak for each
};

struct leftovers {
	struct ms_reading *reading;
	MS_ARRAY(struct in_pieces) pieces;
	ms_kind piece_kind; // of the private allocator; once it was needed
	uint8_t *before;    // BEFORE bytes and a page; NULL: no pieces are known
	MS_ARRAY(struct user) users;
	MS_ARRAY(struct pointed) pointed;   // ascending
	MS_ARRAY(struct library) libraries; // ascending
	uint64_t stride;                    // resident bytes a sample stands for
};

static bool is_common(struct ms_bytes path)
{
	static const char *const names[] = { "libc.so", "libc-2.", "ld-", "libstdc++.",
		"libgcc_s.", "libm.", "libm-2.", "libpthread", "libdl" };
	struct ms_bytes name = ms_bytes_basename(path);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (ms_bytes_starts(name, names[i]))
			return true;
	return false;
}

static bool is_same_name(struct ms_bytes a, struct ms_bytes b)
{
	return a.n == b.n && (!a.n || !memcmp(a.p, b.p, a.n));
}

// Only files of which some part can run: data files are pointed into by chance.
static struct ms_error *list_libraries(struct leftovers *l)
{
	const struct ms_maps *maps = ms_target_maps(l->reading->target);
	for (size_t i = 0, end; i < maps->n; i = end) {
		const struct ms_mapping *m = &maps->v[i];
		unsigned flags = m->flags;
		for (end = i + 1; end < maps->n && maps->v[end].kind == MS_MAPPING_FILE &&
				  is_same_name(maps->v[end].name, m->name);
			end++)
			flags |= maps->v[end].flags;
		if (m->kind != MS_MAPPING_FILE || !(flags & MS_MAPPING_EXEC) ||
			l->libraries.n == LIBRARIES_MAX)
			continue;
		struct library *library = ms_array_push(&l->libraries);
		if (!library)
			return &ms_error_nomem;
		library->range =
			(struct ms_range){ m->range.start, maps->v[end - 1].range.end };
		library->path = m->name;
		library->is_common = is_common(m->name);
	}
	return NULL;
}

static struct library *library_at(struct leftovers *l, uint64_t address)
{
	return ms_range_at(l->libraries.v, l->libraries.n, address);
}

// "/usr/lib/libjvm.so" is lib.jvm; a program that is no library keeps its name.
static struct ms_error *make_kind(struct leftovers *l, struct library *library)
{
	char owner[MS_OWNER_TEXT];
	struct ms_bytes stem = ms_bytes_basename(library->path);
	if (ms_bytes_starts(stem, "lib"))
		stem = ms_bytes_sub(stem, 3, stem.n - 3);
	for (size_t i = 1; i < stem.n; i++)
		if (stem.p[i] == '.') {
			stem.n = i;
			break;
		}
	struct ms_kind_row row = { .owner = ms_owner_id("lib", stem, owner),
		.reader = "leftovers",
		.detail = "pointers into it, left in free blocks",
		.state = MS_STATE_LIVE,
		.grade = MS_GRADE_CONTENT,
		.precedence = MS_PRECEDENCE_SHAPE };
	return ms_claims_kind(l->reading->claims, &row, &library->kind);
}

static int compare_pointed(const void *pa, const void *pb)
{
	const struct pointed *a = pa, *b = pb;
	return (a->range.start > b->range.start) - (a->range.start < b->range.start);
}

static struct ms_error *find_user(
	struct leftovers *l, const char *owner, const char *detail, size_t *ret)
{
	*ret = 0;
	while (*ret < l->users.n && strcmp(l->users.v[*ret].owner, owner) != 0)
		++*ret;
	if (*ret < l->users.n)
		return NULL;
	struct user *added = ms_array_push(&l->users);
	if (!added)
		return &ms_error_nomem;
	added->owner = owner;
	added->detail = detail;
	return NULL;
}

// Threads stand in where no words are known.
static struct ms_error *list_users(struct leftovers *l)
{
	struct ms_error *err = NULL;
	size_t user;
	ms_array_foreach (from, &l->reading->pointed) {
		if (!err)
			err = find_user(l, from->owner, from->detail, &user);
		struct pointed *pointed = err ? NULL : ms_array_push(&l->pointed);
		if (!pointed)
			return err ? err : &ms_error_nomem;
		*pointed = (struct pointed){ from->range, user };
	}
	if (l->pointed.n)
		qsort(l->pointed.v, l->pointed.n, sizeof(l->pointed.v[0]),
			compare_pointed);
	else
		ms_array_foreach (thread, &l->reading->piece_threads)
			if (!err)
				err = find_user(l, thread->owner, thread->detail, &user);
	return err;
}

static struct ms_error *make_user_kind(struct leftovers *l, struct user *user)
{
	struct ms_kind_row row = { .owner = user->owner,
		.reader = "leftovers",
		.detail = user->detail,
		.state = MS_STATE_LIVE,
		.grade = MS_GRADE_CONTENT,
		.precedence = MS_PRECEDENCE_SHAPE };
	return ms_claims_kind(l->reading->claims, &row, &user->kind);
}

static struct ms_error *note_user(
	struct leftovers *l, struct user *user, ms_kind freed, uint64_t pages)
{
	struct ms_error *err = user->kind ? NULL : make_user_kind(l, user);
	if (pages > user->pages) {
		user->freed = freed;
		user->pages = pages;
	}
	return err ? err
		   : ms_claims_used(l->reading->claims, freed, user->kind,
			     pages * l->stride, pages);
}

// What it did lately gives the memory a date.
static struct ms_error *tell_past(struct leftovers *l, const struct user *user)
{
	struct ms_kinds *kinds = ms_claims_kinds(l->reading->claims);
	struct ms_error *err = NULL;
	ms_array_foreach (past, &l->reading->past)
		if (!err && user->kind && strcmp(past->owner, user->owner) == 0)
			err = ms_claims_remark(l->reading->claims,
				ms_kinds_row(kinds, user->freed)->owner,
				/* is_counter= */ false, "leftovers", past->text, 1);
	return err;
}

// Who used a page, by words that are known; NULL: nothing speaks.
static struct user *user_of(struct leftovers *l, const uint64_t *words, size_t n)
{
	struct user *best = NULL;
	if (!l->pointed.n)
		return NULL;
	uint64_t low = l->pointed.v[0].range.start;
	uint64_t high = l->pointed.v[l->pointed.n - 1].range.end;
	ms_array_foreach (user, &l->users)
		user->votes = 0;
	for (size_t i = 0; i < n; i++) {
		const struct pointed *pointed =
			words[i] >= low && words[i] < high
				? ms_range_at(l->pointed.v, l->pointed.n, words[i])
				: NULL;
		if (!pointed)
			continue;
		struct user *user = &l->users.v[pointed->user];
		user->votes++;
		if (!best || user->votes > best->votes)
			best = user;
	}
	return best && best->votes >= WORDS_MIN ? best : NULL;
}

// The library a page speaks for; NULL: it says nothing.
static struct library *speak_for(struct leftovers *l, const uint64_t *words, size_t n)
{
	struct library *best = NULL;
	if (!l->libraries.n)
		return NULL;
	uint64_t low = l->libraries.v[0].range.start;
	uint64_t high = l->libraries.v[l->libraries.n - 1].range.end;
	ms_array_foreach (library, &l->libraries)
		library->votes = 0;
	for (size_t i = 0; i < n; i++) {
		struct library *library = words[i] >= low && words[i] < high
						  ? library_at(l, words[i])
						  : NULL;
		if (!library)
			continue;
		library->votes++;
		bool is_better = !best || (best->is_common && !library->is_common) ||
				 (best->is_common == library->is_common &&
					 library->votes > best->votes);
		if (is_better)
			best = library;
	}
	return best && best->votes >= WORDS_MIN ? best : NULL;
}

// --- pieces of a private allocator ----------------------------------------------------

// The bytes up to the end of a page, and what may be before them in its block; those that are
// not there are zeros. False if nothing could be read.
static bool read_before(
	const struct leftovers *l, uint64_t page, uint64_t low, struct ms_bytes *ret)
{
	uint64_t from = page > low + BEFORE ? page - BEFORE : low;
	struct ms_gaps gaps = { 0 };
	struct ms_read read = { { from, page + MS_PAGE_SIZE }, l->before };
	ret->p = l->before;
	ret->n = page + MS_PAGE_SIZE - from;
	memset(l->before, 0, ret->n);
	_cleanup_error_ struct ms_error *err =
		ms_target_read(l->reading->target, &read, 1, &gaps);
	ms_gaps_deinit(&gaps);
	return !err;
}

// Is there the head of a piece that reaches into the page, which ends the bytes?
static bool has_head(const struct leftovers *l, struct ms_bytes bytes)
{
	const struct ms_piece_head *head = &l->reading->piece_head;
	const struct ms_maps *maps = ms_target_maps(l->reading->target);
	for (uint64_t at = 0; at + 16 <= bytes.n; at += 8) {
		uint64_t size = ms_get_u64(bytes.p + at + 8);
		uint64_t next = ms_get_u64(bytes.p + at);
		for (size_t i = 0; i < 4 && head->sizes[i]; i++)
			if (size == head->sizes[i] &&
				at + head->bytes + size > bytes.n - MS_PAGE_SIZE &&
				(!next || (next % 8 == 0 &&
						  ms_peek_is_memory(maps, next, 16))))
				return true;
	}
	return false;
}

// Freed one after the other, glibc's blocks of one size leave a row of sizes behind, each less
// than the one before it by that size: every block was joined with all that follow it.
static bool has_row(struct ms_bytes bytes, uint64_t size)
{
	uint64_t first = size + 8; // of the words that are sizes, in blocks of 16 bytes
	if (bytes.n > 2 * size + MS_PAGE_SIZE)
		first = ms_align_down(bytes.n - size - MS_PAGE_SIZE, 16) + 8;
	for (uint64_t at = first; at + 8 <= bytes.n; at += 16) {
		uint64_t before = ms_get_u64(bytes.p + at - size) & ~UINT64_C(7);
		uint64_t own = ms_get_u64(bytes.p + at) & ~UINT64_C(7);
		if (own >= size && before == own + size)
			return true;
	}
	return false;
}

static bool is_in_piece(const struct leftovers *l, uint64_t page, uint64_t low)
{
	uint64_t row = l->reading->piece_head.row;
	struct ms_bytes bytes;
	return read_before(l, page, low, &bytes) &&
	       (has_head(l, bytes) || (row && row <= ROW_MAX && has_row(bytes, row)));
}

static struct ms_error *make_piece_kind(struct leftovers *l)
{
	const struct ms_piece_head *head = &l->reading->piece_head;
	struct ms_kind_row row = { .owner = head->owner,
		.reader = "leftovers",
		.detail = head->detail,
		.state = MS_STATE_LIVE,
		.grade = MS_GRADE_CONTENT,
		.precedence = MS_PRECEDENCE_SHAPE };
	return l->piece_kind ? NULL
			     : ms_claims_kind(l->reading->claims, &row, &l->piece_kind);
}

static const char *owner_by_thread(const struct leftovers *l, uint64_t tid)
{
	ms_array_foreach (thread, &l->reading->piece_threads)
		if (thread->tid == tid)
			return thread->owner;
	return NULL;
}

// Who alone takes pieces from an arena, by its threads; NULL: none, or several.
static struct user *user_by_threads(struct leftovers *l, uint32_t arena)
{
	const char *owner = NULL;
	ms_array_foreach (thread, &l->reading->alloc->threads) {
		const char *one =
			thread->arena == arena ? owner_by_thread(l, thread->tid) : NULL;
		if (one && owner && strcmp(one, owner) != 0)
			return NULL;
		owner = one ? one : owner;
	}
	ms_array_foreach (user, &l->users)
		if (owner && strcmp(user->owner, owner) == 0)
			return user;
	return NULL;
}

static struct ms_error *settle_pieces(struct leftovers *l, const struct in_pieces *pieces)
{
	struct user *best = NULL;
	uint64_t most = 0;
	struct ms_error *err;
	for (size_t i = 0; i < ms_min(l->users.n, USERS_MAX); i++)
		if (pieces->users[i] > most) {
			most = pieces->users[i];
			best = &l->users.v[i];
		}
	if (!best && !l->pointed.n)
		best = user_by_threads(l, pieces->arena);
	if (best)
		return note_user(l, best, pieces->kind, pieces->pages);
	err = make_piece_kind(l);
	return err ? err
		   : ms_claims_used(l->reading->claims, pieces->kind, l->piece_kind,
			     pieces->pages * l->stride, pieces->pages);
}

static struct ms_error *count_piece(
	struct leftovers *l, uint32_t arena, ms_kind kind, const struct user *user)
{
	struct in_pieces *found = NULL;
	ms_array_foreach (pieces, &l->pieces)
		if (pieces->arena == arena && pieces->kind == kind)
			found = pieces;
	if (!found) {
		found = ms_array_push(&l->pieces);
		if (!found)
			return &ms_error_nomem;
		found->arena = arena;
		found->kind = kind;
	}
	found->pages++;
	size_t number = user ? (size_t)(user - l->users.v) : USERS_MAX;
	if (number < USERS_MAX)
		found->users[number]++;
	return NULL;
}

// What a free block has of its own words is the allocator's: links in front, a size behind.
static struct ms_error *look_into(struct leftovers *l, uint32_t arena,
	struct ms_range page, const struct ms_block *block)
{
	uint64_t words[MS_PAGE_SIZE / 8];
	struct ms_range own = { block->range.start + 32, block->range.end };
	struct ms_range part = ms_range_clip(page, own);
	size_t n = (size_t)(ms_range_size(part) / 8);
	if (!n || !ms_target_get(l->reading->target, part.start, words, n * 8))
		return NULL;
	struct user *user = user_of(l, words, n);
	if (l->before && page.end <= block->range.end &&
		is_in_piece(l, page.start, block->range.start))
		return count_piece(l, arena, block->kind, user);
	if (user)
		return note_user(l, user, block->kind, 1);
	struct library *library = speak_for(l, words, n);
	if (!library)
		return NULL;
	struct ms_error *err = library->kind ? NULL : make_kind(l, library);
	return err ? err
		   : ms_claims_used(l->reading->claims, block->kind, library->kind,
			     l->stride, 1);
}

static struct ms_error *look_at(
	struct leftovers *l, const struct ms_alloc_region *region, uint64_t address)
{
	struct ms_kinds *kinds = ms_claims_kinds(l->reading->claims);
	struct ms_range page = { address, address + MS_PAGE_SIZE };
	struct ms_block block;
	// A page of small blocks is judged by the one in its middle.
	if (!region->blocks ||
		!ms_blocks_find(region->blocks, address + MS_PAGE_SIZE / 2, &block))
		return NULL;
	enum ms_state state = ms_kinds_row(kinds, block.kind)->state;
	if (state != MS_STATE_FREE && state != MS_STATE_CACHED)
		return NULL;
	return look_into(l, region->arena, page, &block);
}

static struct ms_error *sample_region(
	struct leftovers *l, const struct ms_alloc_region *region, uint64_t *skip)
{
	const struct ms_pages *pages = ms_target_pages(l->reading->target);
	struct ms_range run, range = region->range;
	struct ms_error *err = NULL;
	if (!ms_align_up(range.start, MS_PAGE_SIZE, &range.start))
		return NULL;
	range.end = ms_align_down(range.end, MS_PAGE_SIZE);
	for (uint64_t at = range.start; !err && at < range.end; at = run.end) {
		enum ms_page_state state;
		run = ms_pages_run(pages, at, range.end, &state);
		if (!ms_page_is_resident(state))
			continue;
		uint64_t next = at + *skip;
		for (; !err && next < run.end; next += l->stride)
			err = look_at(l, region, next);
		*skip = next - run.end;
	}
	return err;
}

static struct ms_error *settle(void *state, struct ms_reading *reading)
{
	const struct ms_alloc *alloc = reading->alloc;
	struct leftovers l = { .reading = reading };
	uint64_t resident = 0, skip = 0;
	(void)state;
	if (!alloc)
		return NULL;
	ms_array_foreach (region, &alloc->regions)
		resident += ms_pages_resident(
			ms_target_pages(reading->target), region->range);
	uint64_t samples = reading->piece_head.owner ? SAMPLES_PIECES : SAMPLES;
	l.stride = ms_max(ms_align_down(resident / samples, MS_PAGE_SIZE), MS_PAGE_SIZE);
	_cleanup_free_ uint8_t *before = NULL;
	if (reading->piece_head.owner) {
		before = malloc(BEFORE + MS_PAGE_SIZE);
		if (!before)
			return &ms_error_nomem;
	}
	l.before = before;
	struct ms_error *err = list_libraries(&l);
	if (!err)
		err = list_users(&l);
	ms_array_foreach (region, &alloc->regions)
		if (!err)
			err = sample_region(&l, region, &skip);
	ms_array_foreach (pieces, &l.pieces)
		if (!err)
			err = settle_pieces(&l, pieces);
	ms_array_foreach (user, &l.users)
		if (!err)
			err = tell_past(&l, user);
	ms_array_deinit(&l.pieces);
	ms_array_deinit(&l.libraries);
	ms_array_deinit(&l.users);
	ms_array_deinit(&l.pointed);
	return err;
}

static struct ms_error *anchor(struct ms_reading *reading, void *arg, void **ret_state)
{
	(void)reading;
	(void)arg;
	(void)ret_state;
	return NULL;
}

const struct ms_reader ms_leftovers_reader = {
	.name = "leftovers", .anchor = anchor, .settle = settle
};
