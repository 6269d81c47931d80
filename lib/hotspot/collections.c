// The JVM's last collections: see collections.h.

#include "hotspot/collections.h"

#include <string.h>

// --- texts into collections -----------------------------------------------------------

static bool is_history(const struct ms_events *events, const struct ms_event *event)
{
	const char *name = events->logs.v[event->log].name;
	return strcmp(name, "GC Heap History") == 0 ||
	       strcmp(name, "GC Heap Usage History") == 0 ||
	       strcmp(name, "Metaspace Usage History") == 0;
}

// The text before a collection has its number, that after it one more. A collector that
// does not count in between says the same number twice: the second text is then of the
// one that has only its first.
static uint64_t number_of(const struct ms_heap_text *text)
{
	return text->is_before || !text->invocations ? text->invocations
						     : text->invocations - 1;
}

static struct ms_collection *find_collection(
	struct ms_collections *list, const struct ms_heap_text *text)
{
	uint64_t number = number_of(text);
	ms_array_foreach (collection, &list->v)
		if (collection->number == number)
			return collection;
	struct ms_collection *added = ms_array_push(&list->v);
	if (added)
		added->number = number;
	return added;
}

// JDK 25 and later print metaspace into a ring of its own.
static void merge(struct ms_heap_text *to, const struct ms_heap_text *from)
{
	for (size_t i = 0; i < from->n && to->n < MS_HEAP_TEXT_SPACES_MAX; i++)
		if (!ms_heap_text_find(to, from->spaces[i].name))
			to->spaces[to->n++] = from->spaces[i];
}

static void put_text(
	struct ms_collection *to, const struct ms_heap_text *text, uint64_t at_ns)
{
	struct ms_heap_text *part = text->is_before ? &to->before : &to->after;
	bool *has = text->is_before ? &to->has_before : &to->has_after;
	uint64_t *ns = text->is_before ? &to->before_ns : &to->after_ns;
	if (*has) {
		merge(part, text);
		*ns = text->is_before ? ms_min(*ns, at_ns) : ms_max(*ns, at_ns);
		return;
	}
	*part = *text;
	*has = true;
	*ns = at_ns;
}

static int compare_collections(const void *a, const void *b)
{
	const struct ms_collection *x = a, *y = b;
	return (x->number > y->number) - (x->number < y->number);
}

static void settle(struct ms_collections *list)
{
	if (list->v.n)
		qsort(list->v.v, list->v.n, sizeof(*list->v.v), compare_collections);
	ms_array_foreach (collection, &list->v)
		collection->is_full = collection->has_before && collection->has_after &&
				      collection->after.full > collection->before.full;
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

static void find_operation(const struct ms_events *events, struct ms_arena *arena,
	struct ms_collection *collection)
{
	struct ms_bytes name, cause;
	const struct ms_event *event =
		collection->has_before ? operation_at(events, collection->before_ns)
				       : NULL;
	if (!event || has_ended(events, event, collection->before_ns) ||
		!parse_operation(event->text, &name, &cause))
		return;
	collection->operation = copy_of(arena, name);
	collection->cause = copy_of(arena, cause);
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
	ms_array_foreach (event, &events->v) {
		struct ms_heap_text text;
		if (!is_history(events, event) || !ms_heap_text_parse(event->text, &text))
			continue;
		struct ms_collection *collection = find_collection(ret, &text);
		if (!collection) {
			ms_collections_deinit(ret);
			return &ms_error_nomem;
		}
		put_text(collection, &text, event->at_ns);
	}
	settle(ret);
	ms_array_foreach (collection, &ret->v)
		find_operation(events, arena, collection);
	find_last_cause(counters, arena, ret);
	return NULL;
}

void ms_collections_deinit(struct ms_collections *collections)
{
	ms_array_deinit(&collections->v);
}
