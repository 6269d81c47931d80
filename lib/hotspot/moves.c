// How the old space was filled: see moves.h.

#include "hotspot/moves.h"

#include <string.h>

enum {
	KINDS_MAX = 256, // told apart in one stretch; what comes later is only counted
};

struct kinds {
	struct ms_move_kind v[KINDS_MAX];
	size_t n;
};

struct walk {
	const struct ms_objects *objects;
	struct ms_moves *moves;
	struct kinds *kinds; // of each
	size_t last;         // stretch that held the object before
};

// --- stretches ------------------------------------------------------------------------

static bool is_filled_upwards(enum ms_collector collector)
{
	return collector == MS_COLLECTOR_SERIAL || collector == MS_COLLECTOR_PARALLEL;
}

static const struct ms_heap_space *old_space(const struct ms_heap *heap)
{
	ms_array_foreach (space, &heap->spaces)
		if (!space->is_young && space->range.end)
			return space;
	return NULL;
}

// How much of the old space was used, by one text; false if it does not say.
static bool old_used(const struct ms_heap_text *text, uint64_t *ret)
{
	const struct ms_heap_text_space *space = ms_heap_text_find(text, "tenured");
	if (!space || !space->has_used)
		return false;
	*ret = space->used;
	return true;
}

static struct ms_error *add_stretch(struct ms_moves *moves, struct ms_range range,
	size_t collection, bool is_direct, bool is_first)
{
	if (range.start >= range.end || moves->v.n >= MS_MOVES_MAX)
		return NULL;
	struct ms_move *added = ms_array_push(&moves->v);
	if (!added)
		return &ms_error_nomem;
	added->range = range;
	added->collection = collection;
	added->is_direct = is_direct;
	added->is_first = is_first;
	added->youngest = INT_MAX;
	added->oldest = -1;
	return NULL;
}

// The first collection of those at the end that only ever added to the old space.
static size_t first_of_row(const struct ms_collections *collections)
{
	size_t first = collections->v.n;
	uint64_t used, limit = UINT64_MAX;
	while (first > 0) {
		const struct ms_collection *c = &collections->v.v[first - 1];
		if (!c->has_before || !c->has_after || c->is_full ||
			!old_used(&c->after, &used) || used > limit ||
			!old_used(&c->before, &limit) || used < limit ||
			collections->v.n - first >= MS_MOVES_MAX / 2 - 1)
			break;
		first--;
	}
	return first;
}

static struct ms_error *cut(struct ms_moves *moves, const struct ms_heap_space *old,
	const struct ms_collections *collections)
{
	size_t first = first_of_row(collections), n = collections->v.n;
	uint64_t at = old->range.start, before = 0, after = 0;
	struct ms_error *err = NULL;
	for (size_t i = first; !err && i < n; i++) {
		const struct ms_collection *c = &collections->v.v[i];
		(void)old_used(&c->before, &before);
		(void)old_used(&c->after, &after);
		uint64_t low = ms_min(old->range.start + before, old->top);
		uint64_t high = ms_min(old->range.start + after, old->top);
		err = add_stretch(moves, (struct ms_range){ at, low }, i ? i - 1 : 0,
			/* is_direct= */ true, i == first);
		if (!err)
			err = add_stretch(moves, (struct ms_range){ low, high }, i,
				/* is_direct= */ false, /* is_first= */ false);
		at = high;
	}
	// Nothing is known of how what a full collection left behind came.
	bool is_first = first == n;
	return err ? err
		   : add_stretch(moves, (struct ms_range){ at, old->top }, n ? n - 1 : 0,
			     /* is_direct= */ true, is_first);
}

// --- objects --------------------------------------------------------------------------

static struct ms_move *move_of(struct walk *walk, uint64_t address)
{
	struct ms_moves *moves = walk->moves;
	if (walk->last < moves->v.n &&
		ms_range_has(moves->v.v[walk->last].range, address))
		return &moves->v.v[walk->last];
	for (size_t i = 0; i < moves->v.n; i++)
		if (ms_range_has(moves->v.v[i].range, address)) {
			walk->last = i;
			return &moves->v.v[i];
		}
	return NULL;
}

static void count_kind(struct kinds *kinds, const struct ms_object *object)
{
	uint32_t length = object->bytes >= MS_MOVE_LARGE ? object->length : 0;
	size_t i = 0;
	while (i < kinds->n &&
		(kinds->v[i].class != object->class || kinds->v[i].length != length))
		i++;
	if (i == KINDS_MAX)
		return;
	if (i == kinds->n)
		kinds->v[kinds->n++] =
			(struct ms_move_kind){ object->class, length, 0, 0 };
	kinds->v[i].objects++;
	kinds->v[i].bytes += object->bytes;
}

static void count_age(struct ms_move *move, int age)
{
	if (age < 0)
		return;
	if (age < move->youngest)
		move->youngest = age;
	if (age > move->oldest)
		move->oldest = age;
}

static struct ms_error *on_objects(void *arg, const struct ms_object_batch *batch)
{
	struct walk *walk = arg;
	for (size_t i = 0; i < batch->n; i++) {
		const struct ms_object *object = &batch->v[i];
		struct ms_move *move = move_of(walk, object->address);
		if (!move)
			continue;
		move->smallest = move->objects ? ms_min(move->smallest, object->bytes)
					       : object->bytes;
		move->largest = ms_max(move->largest, object->bytes);
		if (!move->is_direct)
			count_age(move, ms_object_age(walk->objects, object->mark));
		move->objects++;
		move->bytes += object->bytes;
		count_kind(&walk->kinds[move - walk->moves->v.v], object);
	}
	return NULL;
}

static int compare_kinds(const void *a, const void *b)
{
	const struct ms_move_kind *x = a, *y = b;
	return (x->bytes < y->bytes) - (x->bytes > y->bytes);
}

static void keep_kinds(struct ms_move *move, struct kinds *kinds)
{
	if (kinds->n)
		qsort(kinds->v, kinds->n, sizeof(kinds->v[0]), compare_kinds);
	move->kind_n = ms_min(kinds->n, MS_MOVE_KINDS);
	memcpy(move->kinds, kinds->v, move->kind_n * sizeof(kinds->v[0]));
}

struct ms_error *ms_moves_make(struct ms_objects *objects, const struct ms_heap *heap,
	const struct ms_collections *collections, const struct ms_cancel *cancel,
	struct ms_moves *ret)
{
	const struct ms_heap_space *old = old_space(heap);
	*ret = (struct ms_moves){ 0 };
	if (!old || !is_filled_upwards(heap->collector))
		return NULL;
	struct ms_error *err = cut(ret, old, collections);
	_cleanup_free_ struct kinds *kinds = calloc(ret->v.n + 1, sizeof(*kinds));
	struct walk walk = { .objects = objects, .moves = ret, .kinds = kinds };
	struct ms_object_visit visit = {
		.fn = on_objects, .arg = &walk, .workers = 1, .cancel = cancel
	};
	struct ms_object_walk ignored;
	if (!err && !kinds)
		err = &ms_error_nomem;
	if (!err && ret->v.n)
		err = ms_objects_walk(objects, &visit, &ignored);
	for (size_t i = 0; !err && i < ret->v.n; i++)
		keep_kinds(&ret->v.v[i], &kinds[i]);
	ret->is_known = !err;
	if (err)
		ms_moves_deinit(ret);
	return err;
}

void ms_moves_deinit(struct ms_moves *moves)
{
	ms_array_deinit(&moves->v);
}
