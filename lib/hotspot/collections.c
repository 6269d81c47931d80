// The JVM's last collections: see collections.h.

#include "hotspot/collections.h"

#include <string.h>

// --- texts into collections -----------------------------------------------------------

// Most collectors count a collection between its two texts; Parallel, before both. The
// generational ZGC does not count the old half of a full one, and young ones may come and
// go meanwhile.
enum counting {
	UNKNOWN,
	BETWEEN,
	EARLY,
};

typedef MS_ARRAY(struct ms_collection) ring;

// The one that a text after a collection is of: the last one that is still open and that
// it may be of by number, else the last one open. NULL: it was overwritten.
static struct ms_collection *opened(ring *list, const struct ms_heap_text *after)
{
	struct ms_collection *open = NULL;
	for (size_t i = list->n; i-- > 0;) {
		struct ms_collection *c = &list->v[i];
		if (!c->has_before || c->has_after ||
			c->before.invocations > after->invocations)
			continue;
		if (after->invocations - c->before.invocations <= 1)
			return c;
		if (!open)
			open = c;
	}
	return open;
}

static struct ms_error *take_text(
	ring *ret, const struct ms_heap_text *text, uint64_t at_ns)
{
	struct ms_collection *c = text->is_before ? NULL : opened(ret, text);
	if (!c)
		c = ms_array_push(ret);
	if (!c)
		return &ms_error_nomem;
	if (text->is_before) {
		c->before = *text;
		c->before_ns = at_ns;
		c->has_before = true;
	} else {
		c->after = *text;
		c->after_ns = at_ns;
		c->has_after = true;
	}
	return NULL;
}

static enum counting counting_of(const ring *list)
{
	enum counting counting = UNKNOWN;
	ms_array_foreach (c, list) {
		if (!c->has_before || !c->has_after)
			continue;
		if (c->after.invocations != c->before.invocations)
			return BETWEEN;
		counting = EARLY;
	}
	return counting;
}

// Both texts have the same number of full ones, if it counts before them: then the text
// before has to be compared with the collection before.
static void settle_early(ring *list)
{
	ms_array_foreach (c, list) {
		const struct ms_heap_text *now = c->has_after ? &c->after : &c->before;
		struct ms_collection *last = c > list->v ? c - 1 : NULL;
		c->number = now->invocations ? now->invocations - 1 : 0;
		c->has_kind = last && last->number + 1 == c->number;
		c->is_full =
			c->has_kind && now->full > (last->has_after ? last->after.full
								    : last->before.full);
	}
}

static void settle_between(ring *list)
{
	ms_array_foreach (c, list) {
		uint64_t after = c->after.invocations;
		c->number = c->has_before ? c->before.invocations : after ? after - 1 : 0;
		c->has_kind = c->has_before && c->has_after;
		c->is_uncounted = c->has_kind && after != c->number + 1;
		c->is_full = c->is_uncounted ||
			     (c->has_kind && c->after.full > c->before.full);
	}
}

static struct ms_error *read_ring(const struct ms_events *events, uint32_t log, ring *ret)
{
	struct ms_error *err = NULL;
	ms_array_foreach (event, &events->v) {
		struct ms_heap_text text;
		if (!err && event->log == log && ms_heap_text_parse(event->text, &text))
			err = take_text(ret, &text, event->at_ns);
	}
	if (counting_of(ret) == EARLY)
		settle_early(ret);
	else
		settle_between(ret);
	return err;
}

static bool find_log(const struct ms_events *events, const char *name, uint32_t *ret)
{
	for (size_t i = 0; i < events->logs.n; i++)
		if (strcmp(events->logs.v[i].name, name) == 0) {
			*ret = (uint32_t)i;
			return true;
		}
	return false;
}

static void merge_text(struct ms_heap_text *to, const struct ms_heap_text *from)
{
	for (size_t i = 0; i < from->n && to->n < MS_HEAP_TEXT_SPACES_MAX; i++)
		if (!ms_heap_text_find(to, from->spaces[i].name))
			to->spaces[to->n++] = from->spaces[i];
}

static void merge(const struct ms_collections *to, const ring *from)
{
	ms_array_foreach (c, &to->v)
		ms_array_foreach (other, from) {
			if (other->number != c->number ||
				other->is_uncounted != c->is_uncounted)
				continue;
			if (c->has_before && other->has_before)
				merge_text(&c->before, &other->before);
			if (c->has_after && other->has_after)
				merge_text(&c->after, &other->after);
		}
}

static struct ms_error *read_rings(
	const struct ms_events *events, struct ms_collections *ret)
{
	ring heap = { 0 }, metaspace = { 0 };
	struct ms_error *err = NULL;
	uint32_t log;
	if (find_log(events, "GC Heap History", &log) ||
		find_log(events, "GC Heap Usage History", &log))
		err = read_ring(events, log, &heap);
	ret->v.v = heap.v;
	ret->v.n = heap.n;
	ret->v.cap = heap.cap;
	// JDK 25 and later print metaspace into a ring of its own.
	if (!err && find_log(events, "Metaspace Usage History", &log))
		err = read_ring(events, log, &metaspace);
	if (!err)
		merge(ret, &metaspace);
	ms_array_deinit(&metaspace);
	return err;
}

// --- what it was for ------------------------------------------------------------------

// "Executing [non-]safepoint VM operation: NAME (CAUSE)", "Executing VM operation: NAME".
static bool parse_operation(
	struct ms_bytes text, struct ms_bytes *ret_name, struct ms_bytes *ret_cause)
{
	static const char marker[] = "VM operation: ";
	const uint8_t *at = ms_bytes_starts(text, "Executing ")
				    ? memmem(text.p, text.n, marker, strlen(marker))
				    : NULL;
	struct ms_bytes word;
	if (!at || ms_bytes_ends(text, " done"))
		return false;
	text = ms_bytes_sub(text, (size_t)(at - text.p) + strlen(marker), text.n);
	if (!ms_bytes_word(&text, &word))
		return false;
	*ret_name = word;
	*ret_cause = (struct ms_bytes){ 0 };
	ms_bytes_skip_blank(&text);
	if (ms_bytes_starts(text, "(") && ms_bytes_ends(text, ")"))
		*ret_cause = ms_bytes_sub(text, 1, text.n - 2);
	return true;
}

// Of those that collect; others may be under way beside a concurrent collection.
static bool is_collecting(struct ms_bytes name)
{
	static const char *const parts[] = { "Collect", "GC", "G1", "HeapDump" };
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (ms_bytes_has(name, parts[i]))
			return true;
	return false;
}

// The operation that was under way: the last one that had begun.
static const struct ms_event *operation_at(const struct ms_events *events, uint64_t ns)
{
	const struct ms_event *found = NULL;
	struct ms_bytes name, cause;
	ms_array_foreach (event, &events->v)
		if (event->at_ns <= ns && (!found || event->at_ns >= found->at_ns) &&
			parse_operation(event->text, &name, &cause))
			found = event;
	return found;
}

static bool has_ended(
	const struct ms_events *events, const struct ms_event *operation, uint64_t ns)
{
	ms_array_foreach (event, &events->v)
		if (event->log == operation->log && event->at_ns >= operation->at_ns &&
			event->at_ns <= ns &&
			ms_bytes_starts(event->text, "Executing ") &&
			ms_bytes_ends(event->text, " done"))
			return true;
	return false;
}

static const char *copy_of(struct ms_arena *arena, struct ms_bytes text)
{
	return text.n ? ms_arena_copy(arena, text) : NULL;
}

// Operations that have one cause only.
// Source: gc/shared/gcVMOperations.hpp, gc/parallel/psVMOperations.cpp (JDK 8 to 26).
static const char *const only_causes[][2] = {
	{ "GenCollectForAllocation", "Allocation Failure" },
	{ "SerialCollectForAllocation", "Allocation Failure" },
	{ "ParallelGCFailedAllocation", "Allocation Failure" },
	{ "ParallelCollectForAllocation", "Allocation Failure" },
};

static const char *only_cause(struct ms_bytes operation)
{
	for (size_t i = 0; i < sizeof(only_causes) / sizeof(only_causes[0]); i++)
		if (ms_bytes_equal(operation, ms_bytes_of(only_causes[i][0])))
			return only_causes[i][1];
	return NULL;
}

static void find_operation(const struct ms_events *events, struct ms_arena *arena,
	struct ms_collection *collection)
{
	struct ms_bytes name, cause;
	const struct ms_event *event =
		collection->has_before ? operation_at(events, collection->before_ns)
				       : NULL;
	if (!event || has_ended(events, event, collection->before_ns) ||
		!parse_operation(event->text, &name, &cause) || !is_collecting(name))
		return;
	collection->operation = copy_of(arena, name);
	collection->cause = cause.n ? copy_of(arena, cause) : only_cause(name);
}

// The counter names the cause of the collection that has ended last.
static void find_last_cause(const struct ms_counters *counters, struct ms_arena *arena,
	struct ms_collections *list)
{
	const struct ms_counter *counter =
		counters ? ms_counter_find(counters, "sun.gc.lastCause") : NULL;
	struct ms_collection *last = list->v.n ? &list->v.v[list->v.n - 1] : NULL;
	if (counter && last && last->has_after && !last->cause)
		last->cause = copy_of(arena, counter->text);
}

struct ms_error *ms_collections_make(const struct ms_events *events,
	const struct ms_counters *counters, struct ms_arena *arena,
	struct ms_collections *ret)
{
	*ret = (struct ms_collections){ 0 };
	struct ms_error *err = read_rings(events, ret);
	if (err) {
		ms_collections_deinit(ret);
		return err;
	}
	ms_array_foreach (collection, &ret->v)
		find_operation(events, arena, collection);
	find_last_cause(counters, arena, ret);
	return NULL;
}

void ms_collections_deinit(struct ms_collections *collections)
{
	ms_array_deinit(&collections->v);
}
