// Kinds: see kind.h. Rows live in one zeroed block that never moves, so they are read
// without a lock; the hash table that finds equal rows is guarded by one.

#include "ledger/kind.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include <xxhash.h>

#include "ledger/owner.h"

enum {
	KINDS_MAX = 65536,
	KINDS_WITH_DETAIL = 65000, // the rest is for owners cut to their table entry
	BUCKETS = 131072,
};

struct ms_kinds {
	struct ms_kind_row *rows; // KINDS_MAX, untouched pages cost nothing
	ms_kind *buckets; // open addressing; 0 is empty, since row 0 is never looked up
	struct ms_arena strings;
	pthread_mutex_t lock;
	_Atomic size_t n;
	size_t folded;
};

static const char *const grade_names[] = {
	[MS_GRADE_CONTENT] = "content",
	[MS_GRADE_STRUCTURAL] = "structural",
	[MS_GRADE_EXACT] = "exact",
};

static const char *const state_names[] = {
	[MS_STATE_NONE] = "none",
	[MS_STATE_LIVE] = "live",
	[MS_STATE_FREE] = "free",
	[MS_STATE_CACHED] = "cached",
	[MS_STATE_OVERHEAD] = "overhead",
};

const char *ms_grade_name(enum ms_grade grade)
{
	return grade_names[grade];
}

const char *ms_state_name(enum ms_state state)
{
	return state_names[state];
}

struct ms_error *ms_kinds_new(struct ms_kinds **ret)
{
	struct ms_kinds *kinds = calloc(1, sizeof(*kinds));
	if (!kinds)
		return &ms_error_nomem;
	kinds->rows = calloc(KINDS_MAX, sizeof(*kinds->rows));
	kinds->buckets = calloc(BUCKETS, sizeof(*kinds->buckets));
	ms_arena_init(&kinds->strings);
	pthread_mutex_init(&kinds->lock, NULL);
	if (!kinds->rows || !kinds->buckets) {
		ms_kinds_free(kinds);
		return &ms_error_nomem;
	}
	kinds->rows[MS_KIND_NONE] = (struct ms_kind_row){
		.owner = "unexplained",
		.reader = "ledger",
		.detail = "no claim",
	};
	kinds->n = 1;
	*ret = kinds;
	return NULL;
}

void ms_kinds_free(struct ms_kinds *kinds)
{
	if (!kinds)
		return;
	pthread_mutex_destroy(&kinds->lock);
	ms_arena_deinit(&kinds->strings);
	free(kinds->buckets);
	free(kinds->rows);
	free(kinds);
}

const struct ms_kind_row *ms_kinds_row(const struct ms_kinds *kinds, ms_kind kind)
{
	return &kinds->rows[kind];
}

size_t ms_kinds_count(const struct ms_kinds *kinds)
{
	return atomic_load(&kinds->n);
}

size_t ms_kinds_folded(const struct ms_kinds *kinds)
{
	return kinds->folded;
}

// NULL sorts first; equal pointers are the common case.
static int compare_text(const char *a, const char *b)
{
	if (a == b)
		return 0;
	if (!a || !b)
		return a ? 1 : -1;
	return strcmp(a, b);
}

// Below 0 if a is stronger, by what strength is made of but the owner id.
static int compare_class(const struct ms_kind_row *a, const struct ms_kind_row *b)
{
	bool a_says = a->precedence != MS_PRECEDENCE_NONE;
	bool b_says = b->precedence != MS_PRECEDENCE_NONE;
	if (a_says != b_says)
		return a_says ? -1 : 1;
	if (a->grade != b->grade)
		return a->grade > b->grade ? -1 : 1;
	if (a->precedence != b->precedence)
		return a->precedence > b->precedence ? -1 : 1;
	return 0;
}

int ms_kind_row_compare(const struct ms_kind_row *a, const struct ms_kind_row *b)
{
	int order = compare_class(a, b);
	if (!order)
		order = compare_text(a->owner, b->owner);
	if (!order && a->state != b->state)
		order = a->state < b->state ? -1 : 1;
	if (!order)
		order = compare_text(a->reader, b->reader);
	if (!order)
		order = compare_text(a->detail, b->detail);
	if (!order)
		order = compare_text(a->rival, b->rival);
	if (!order && a->is_part != b->is_part)
		order = a->is_part ? 1 : -1;
	return order;
}

bool ms_kind_row_ties(const struct ms_kind_row *a, const struct ms_kind_row *b)
{
	return !compare_class(a, b) && compare_text(a->owner, b->owner);
}

static size_t hash_row(const struct ms_kind_row *row)
{
	const char *const texts[] = { row->owner, row->reader, row->detail, row->rival };
	uint64_t hash = (uint64_t)row->is_part << 24 | (uint64_t)row->state << 16 |
			(uint64_t)row->grade << 8 | (uint64_t)row->precedence;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i])
			hash = XXH64(texts[i], strlen(texts[i]), hash + i);
	return (size_t)hash;
}

static ms_kind *find_bucket(struct ms_kinds *kinds, const struct ms_kind_row *row)
{
	size_t at = hash_row(row) % BUCKETS;
	while (kinds->buckets[at] &&
		ms_kind_row_compare(&kinds->rows[kinds->buckets[at]], row))
		at = (at + 1) % BUCKETS;
	return &kinds->buckets[at];
}

static bool copy_text(struct ms_arena *arena, const char **text)
{
	if (!*text)
		return true;
	*text = ms_arena_copy(arena, ms_bytes_of(*text));
	return *text != NULL;
}

static struct ms_error *add_row(
	struct ms_kinds *kinds, const struct ms_kind_row *row, ms_kind *bucket)
{
	size_t n = atomic_load(&kinds->n);
	struct ms_kind_row copy = *row;
	if (n >= KINDS_MAX)
		return ms_error_new(
			MS_ERROR_LIMIT, "more than %d kinds of owners", KINDS_MAX);
	if (!copy_text(&kinds->strings, &copy.owner) ||
		!copy_text(&kinds->strings, &copy.reader) ||
		!copy_text(&kinds->strings, &copy.detail) ||
		!copy_text(&kinds->strings, &copy.rival))
		return &ms_error_nomem;
	kinds->rows[n] = copy;
	*bucket = (ms_kind)n;
	atomic_store(&kinds->n, n + 1);
	return NULL;
}

// The row without what makes rows many: only as many as the owner table has entries.
static struct ms_kind_row fold(const struct ms_kind_row *row)
{
	const struct ms_owner *owner = ms_owner_find(row->owner);
	struct ms_kind_row folded = *row;
	folded.owner = owner ? owner->id : "unexplained";
	folded.detail = NULL;
	folded.rival = NULL;
	return folded;
}

static struct ms_error *intern_locked(
	struct ms_kinds *kinds, const struct ms_kind_row *row, ms_kind *ret)
{
	ms_kind *bucket = find_bucket(kinds, row);
	struct ms_kind_row folded;
	if (!*bucket && atomic_load(&kinds->n) >= KINDS_WITH_DETAIL) {
		folded = fold(row);
		kinds->folded++;
		row = &folded;
		bucket = find_bucket(kinds, row);
	}
	if (!*bucket) {
		struct ms_error *err = add_row(kinds, row, bucket);
		if (err)
			return err;
	}
	*ret = *bucket;
	return NULL;
}

struct ms_error *ms_kinds_intern(
	struct ms_kinds *kinds, const struct ms_kind_row *row, ms_kind *ret)
{
	if (!ms_kind_row_compare(&kinds->rows[MS_KIND_NONE], row)) {
		*ret = MS_KIND_NONE;
		return NULL;
	}
	pthread_mutex_lock(&kinds->lock);
	struct ms_error *err = intern_locked(kinds, row, ret);
	pthread_mutex_unlock(&kinds->lock);
	return err;
}

void ms_kinds_regrade(struct ms_kinds *kinds, ms_kind kind, enum ms_grade grade)
{
	if (kind != MS_KIND_NONE && kind < atomic_load(&kinds->n))
		kinds->rows[kind].grade = grade;
}

// The stronger of two rival owners that are not `owner`; either may be NULL.
static const char *second_owner(const char *a, const char *b, const char *owner)
{
	if (a && !strcmp(a, owner))
		a = NULL;
	if (b && !strcmp(b, owner))
		b = NULL;
	if (!a || !b)
		return a ? a : b;
	return strcmp(a, b) < 0 ? a : b;
}

struct ms_error *ms_kinds_merge(
	struct ms_kinds *kinds, ms_kind a, ms_kind b, ms_kind *ret)
{
	const struct ms_kind_row *ra = &kinds->rows[a], *rb = &kinds->rows[b];
	if (a == b) {
		*ret = a;
		return NULL;
	}
	// Rows differ in their rivals too, but a rival never decides who stays.
	struct ms_kind_row bare_a = *ra, bare_b = *rb;
	bare_a.rival = bare_b.rival = NULL;
	bool a_stays = ms_kind_row_compare(&bare_a, &bare_b) <= 0;
	const struct ms_kind_row *stays = a_stays ? ra : rb, *goes = a_stays ? rb : ra;
	if (compare_class(ra, rb) || stays->precedence == MS_PRECEDENCE_NONE) {
		*ret = a_stays ? a : b;
		return NULL;
	}
	struct ms_kind_row row = *stays;
	row.rival = second_owner(second_owner(stays->rival, goes->rival, row.owner),
		goes->owner, row.owner);
	return ms_kinds_intern(kinds, &row, ret);
}
