// The last collections, from the JVM's own history.

#include <inttypes.h>
#include <string.h>

#include "base/size.h"
#include "mapheap.h"

enum {
	SHOWN = 5, // of the last ones
};

// --- one collection -------------------------------------------------------------------

static bool used_in(const struct ms_heap_text *text, const char *name, uint64_t *ret)
{
	const struct ms_heap_text_space *space = ms_heap_text_find(text, name);
	if (space && space->has_used)
		*ret = space->used;
	return space && space->has_used;
}

// "eden 6,635K -> 0K"; false if the texts do not say.
static bool print_change(struct ms_out *out, const struct ms_collection *c,
	const char *name, const char *lead)
{
	uint64_t before, after;
	if (!used_in(&c->before, name, &before) || !used_in(&c->after, name, &after))
		return false;
	ms_out_printf(out, "%s%s ", lead, name);
	print_kib(out, before);
	ms_out_str(out, " -> ");
	print_kib(out, after);
	return true;
}

// From fills the other survivor space: what was in from before is in from after.
static void print_changes(struct ms_out *out, const struct ms_collection *c)
{
	static const char *const names[] = { "eden", "from", "survivor", "young",
		"tenured", "old", "humongous", "heap" };
	const char *lead = "        ";
	bool has_eden = ms_heap_text_find(&c->before, "eden") != NULL;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (has_eden && strcmp(names[i], "young") == 0)
			continue;
		if (print_change(out, c, names[i], lead))
			lead = "     ";
	}
	if (lead[5] == 0)
		ms_out_str(out, "\n");
}

// The object that stands first in eden is the one for which there was no room before the
// last collection, if it was a failed allocation.
static const struct ms_large_object *trigger_of(
	const struct view *view, const struct ms_collection *c)
{
	if (c != &view->collections.v.v[view->collections.v.n - 1] || c->is_full)
		return NULL;
	ms_array_foreach (object, &view->histogram.large) {
		const struct ms_heap_space *space = &view->heap.spaces.v[object->space];
		if (strcmp(space->name, "eden") == 0 && space->range.end &&
			object->address == space->range.start)
			return object;
	}
	return NULL;
}

static void print_trigger(
	struct ms_out *out, const struct view *view, const struct ms_collection *c)
{
	const struct ms_heap_text_space *eden = ms_heap_text_find(&c->before, "eden");
	const struct ms_large_object *object = trigger_of(view, c);
	if (!object || !eden || !eden->has_used || !eden->has_capacity ||
		eden->used + object->bytes <= eden->capacity)
		return;
	ms_out_str(out, ": ");
	print_class(out, object->class, object->length);
	ms_out_str(out, " did not fit in eden (");
	print_kib(out, eden->used);
	ms_out_str(out, " of ");
	print_kib(out, eden->capacity);
	ms_out_str(out, " used)");
}

// Its cause, or the operation that was executed.
static const char *cause_of(const struct ms_collection *c)
{
	if (c->cause)
		return c->cause;
	return c->operation ? c->operation : "cause not known";
}

static void print_title(
	struct ms_out *out, const struct view *view, const struct ms_collection *c)
{
	uint64_t at = c->has_before ? c->before_ns : c->after_ns;
	ms_out_printf(out, " GC(%" PRIu64 ")  %" PRIu64 ".%03" PRIu64 " s  %s", c->number,
		at / 1000000000, at / 1000000 % 1000, c->is_full ? "full  " : "");
	ms_out_target(out, ms_bytes_of(cause_of(c)));
	print_trigger(out, view, c);
	ms_out_str(out, "\n");
}

// --- why objects were promoted --------------------------------------------------------

static const struct ms_move *move_of(
	const struct view *view, size_t collection, bool is_direct)
{
	ms_array_foreach (move, &view->moves.v)
		if (move->collection == collection && move->is_direct == is_direct &&
			!move->is_first)
			return move;
	return NULL;
}

static void print_kinds(struct ms_out *out, const struct ms_move *move)
{
	char text[MS_SIZE_TEXT];
	for (size_t i = 0; i < move->kind_n; i++) {
		const struct ms_move_kind *kind = &move->kinds[i];
		ms_out_printf(out, "%s%s x ", i ? ", " : " = ",
			ms_count_text(kind->objects, text));
		print_class(out, kind->class, kind->length);
	}
	if (move->kind_n == MS_MOVE_KINDS)
		ms_out_str(out, ", …");
}

static uint64_t survivor_capacity(const struct view *view)
{
	ms_array_foreach (space, &view->heap.spaces)
		if (strcmp(space->name, "to") == 0)
			return space->capacity;
	return 0;
}

// What rules it out, beside the reason found.
static void print_exclusions(
	struct ms_out *out, const struct view *view, const struct ms_collection *c)
{
	bool is_last = c == &view->collections.v.v[view->collections.v.n - 1];
	uint64_t pretenure = ms_flag_number(&view->flags, "PretenureSizeThreshold", 0);
	if (view->age_table.is_there && is_last)
		ms_out_printf(out, ".  Next threshold %u of %" PRIu64,
			view->age_table.threshold, view->age_table.max_threshold);
	if (!pretenure)
		ms_out_str(out, ".  No PretenureSizeThreshold");
	ms_out_str(out, "\n");
}

static const char *const promotions[] = {
#define X(id, name) name,
	PROMOTIONS(X)
#undef X
};

const char *promotion_name(enum promotion why)
{
	return promotions[why];
}

const struct ages_before *ages_before(
	const struct view *view, const struct ms_collection *c)
{
	const struct ages_before *previous = view->previous;
	return previous && previous->number == c->number && !c->is_uncounted ? previous
									     : NULL;
}

// Objects as old as may be go whether there is room or not. An object that is larger than
// what the survivors left free had to go; one that is smaller was old enough, or its turn
// came when the space was full.
enum promotion why_promoted(const struct view *view, const struct ms_collection *c,
	const struct ms_move *move)
{
	uint64_t capacity = survivor_capacity(view), kept = 0;
	uint64_t most = view->age_table.max_threshold;
	const struct ages_before *before = ages_before(view, c);
	bool has_age = move->youngest < MS_AGES;
	(void)used_in(&c->after, "from", &kept);
	if (!move->objects || c->is_full)
		return PROMOTION_NONE;
	if (has_age && (uint64_t)move->youngest >= most)
		return PROMOTION_AGE;
	if (move->smallest > capacity)
		return PROMOTION_TOO_LARGE;
	// No threshold is 0 if the highest is not.
	if (kept + move->largest > capacity || !move->youngest)
		return PROMOTION_OVERFLOW;
	// The threshold of Parallel follows what collections cost, not the share.
	if (most <= 1 || view->heap.collector == MS_COLLECTOR_PARALLEL)
		return PROMOTION_AGE;
	// The threshold that was in force is that of the look before.
	if (before && before->table.is_there)
		return before->table.threshold < most ? PROMOTION_SHARE : PROMOTION_AGE;
	return has_age ? PROMOTION_SHARE : PROMOTION_AGE_OR_SHARE;
}

// How much was old enough, by the ages before.
static uint64_t old_enough(const struct ms_age_table *table)
{
	uint64_t sum = 0;
	for (unsigned age = table->threshold; age < MS_AGES; age++)
		sum += table->bytes[age];
	return sum;
}

static void print_threshold(struct ms_out *out, const struct ms_age_table *table)
{
	ms_out_printf(out, "the threshold was %u, and ", table->threshold);
	print_kib(out, old_enough(table));
	ms_out_str(out, " were that old");
}

static void print_at_age(
	struct ms_out *out, const struct view *view, const struct ms_move *move)
{
	if (move->youngest < MS_AGES) {
		ms_out_printf(out, "they were of age %d", move->youngest);
		if (move->oldest > move->youngest)
			ms_out_printf(out, " to %d", move->oldest);
		ms_out_str(out, "; ");
	}
	ms_out_printf(
		out, "MaxTenuringThreshold is %" PRIu64, view->age_table.max_threshold);
	if (view->heap.collector == MS_COLLECTOR_PARALLEL)
		ms_out_str(out, ", and the threshold in force adapts");
}

static void print_by_age(struct ms_out *out, const struct view *view,
	const struct ms_collection *c, const struct ms_move *move)
{
	const struct ages_before *before = ages_before(view, c);
	const struct ms_age_table *table =
		before && before->table.is_there ? &before->table : NULL;
	enum promotion why = why_promoted(view, c, move);
	char text[MS_SIZE_TEXT];
	if (why == PROMOTION_AGE_OR_SHARE)
		ms_out_str(
			out, "age, or the share of survivors: there was room for them");
	else if (why == PROMOTION_AGE)
		ms_out_str(out, "age: ");
	else
		ms_out_printf(out, "share: survivors were more than the desired %s B; ",
			ms_count_text(
				table ? table->desired : view->age_table.desired, text));
	if (why == PROMOTION_AGE_OR_SHARE)
		return;
	if (table)
		print_threshold(out, table);
	else
		print_at_age(out, view, move);
}

static void print_why(struct ms_out *out, const struct view *view,
	const struct ms_collection *c, const struct ms_move *move)
{
	uint64_t capacity = survivor_capacity(view), kept = 0;
	enum promotion why = why_promoted(view, c, move);
	(void)used_in(&c->after, "from", &kept);
	ms_out_str(out, "        ");
	print_word(out, "WHY");
	if (why == PROMOTION_TOO_LARGE) {
		ms_out_str(out, "survivor overflow: ");
		print_kib(out, move->smallest);
		ms_out_str(out, " does not fit in ");
		print_kib(out, capacity);
	} else if (why == PROMOTION_OVERFLOW) {
		ms_out_str(out, "survivor overflow: ");
		print_kib(out, kept);
		ms_out_str(out, " of ");
		print_kib(out, capacity);
		if (kept + move->largest > capacity) {
			ms_out_str(out, " were full, up to ");
			print_kib(out, move->largest);
			ms_out_str(out, " each had to go");
		} else {
			ms_out_str(out, " were full, some that went were of age 0");
		}
	} else {
		print_by_age(out, view, c, move);
	}
	print_exclusions(out, view, c);
}

bool lacked_guarantee(
	const struct ms_collection *c, uint64_t *ret_free, uint64_t *ret_held)
{
	static const char *const causes[] = { "Allocation Failure", "Ergonomics" };
	const struct ms_heap_text_space *tenured =
		ms_heap_text_find(&c->before, "tenured");
	uint64_t eden;
	bool is_cause = false;
	for (size_t i = 0; c->cause && i < sizeof(causes) / sizeof(causes[0]); i++)
		is_cause |= strcmp(c->cause, causes[i]) == 0;
	if (!c->is_full || !is_cause || !tenured || !tenured->has_used ||
		!tenured->has_capacity || tenured->used > tenured->capacity ||
		!used_in(&c->before, "eden", &eden) || !eden ||
		!used_in(&c->before, "young", ret_held))
		return false;
	*ret_free = tenured->capacity - tenured->used;
	return *ret_free < *ret_held;
}

static void print_guarantee(struct ms_out *out, const struct ms_collection *c)
{
	uint64_t room, held;
	if (!lacked_guarantee(c, &room, &held))
		return;
	ms_out_str(out, "        ");
	print_word(out, "WHY");
	ms_out_str(out, "full: promotion guarantee: tenured had ");
	print_kib(out, room);
	ms_out_str(out, " free, young held ");
	print_kib(out, held);
	ms_out_str(out, "\n");
}

static void print_promotion(struct ms_out *out, const struct view *view, size_t index)
{
	const struct ms_collection *c = &view->collections.v.v[index];
	const struct ms_move *move = move_of(view, index, /* is_direct= */ false);
	if (!move || !move->objects)
		return;
	ms_out_str(out, "        moved to tenured ");
	print_kib(out, move->bytes);
	print_kinds(out, move);
	ms_out_str(out, "\n");
	print_why(out, view, c, move);
}

// What came into the old space without ever having been young.
static void print_direct(struct ms_out *out, const struct view *view, size_t index)
{
	const struct ms_move *move = move_of(view, index, /* is_direct= */ true);
	uint64_t pretenure = ms_flag_number(&view->flags, "PretenureSizeThreshold", 0);
	char text[MS_SIZE_TEXT];
	if (!move || !move->objects)
		return;
	ms_out_str(out, "        then straight into tenured ");
	print_kib(out, move->bytes);
	print_kinds(out, move);
	if (pretenure && move->smallest > pretenure)
		ms_out_printf(out, ": larger than PretenureSizeThreshold, %s",
			ms_size_text(pretenure, text));
	else
		ms_out_str(out, ": no room for it in eden");
	ms_out_str(out, "\n");
}

// --- all of them ----------------------------------------------------------------------

void print_collection(struct ms_out *out, const struct view *view, size_t index)
{
	const struct ms_collection *c = &view->collections.v.v[index];
	print_title(out, view, c);
	if (c->has_before && c->has_after)
		print_changes(out, c);
	print_guarantee(out, c);
	print_promotion(out, view, index);
	print_direct(out, view, index);
}

static void print_totals(struct ms_out *out, const struct view *view)
{
	const struct ms_collections *list = &view->collections;
	size_t full = 0;
	char text[MS_SIZE_TEXT];
	ms_array_foreach (c, &list->v)
		full += c->is_full;
	print_word(out, "COLLECTIONS");
	if (view->heap.has_collections)
		ms_out_printf(out, "%s since the start; ",
			ms_count_text(view->heap.collections, text));
	ms_out_printf(out, "the JVM's own history has %zu, %zu full\n", list->v.n, full);
}

void print_collections(struct ms_out *out, const struct view *view)
{
	const struct ms_collections *list = &view->collections;
	ms_out_str(out, "\n");
	print_totals(out, view);
	size_t first = list->v.n > SHOWN ? list->v.n - SHOWN : 0;
	for (size_t i = first; i < list->v.n; i++)
		print_collection(out, view, i);
}

// --- in the words of the log ----------------------------------------------------------

static void print_in_kib(struct ms_out *out, uint64_t bytes)
{
	ms_out_printf(out, "%" PRIu64 "K", bytes >> 10);
}

// "Eden: 6635K(8192K)->0K(8192K)"
static bool print_transition(struct ms_out *out, const struct ms_collection *c,
	const char *name, const char *label)
{
	const struct ms_heap_text_space *before = ms_heap_text_find(&c->before, name);
	const struct ms_heap_text_space *after = ms_heap_text_find(&c->after, name);
	if (!before || !after || !before->has_used || !after->has_used)
		return false;
	ms_out_printf(out, "%s: ", label);
	print_in_kib(out, before->used);
	if (before->has_capacity) {
		ms_out_str(out, "(");
		print_in_kib(out, before->capacity);
		ms_out_str(out, ")");
	}
	ms_out_str(out, "->");
	print_in_kib(out, after->used);
	if (after->has_capacity) {
		ms_out_str(out, "(");
		print_in_kib(out, after->capacity);
		ms_out_str(out, ")");
	}
	return true;
}

// Lines of a collection, each of some spaces, by collector.
struct log_line {
	unsigned collectors;
	const char *first[2];   // name and label
	const char *more[2][2]; // of the same line
};

#define BIT(id) (1u << MS_COLLECTOR_##id)

static const struct log_line log_lines[] = {
	{ BIT(SERIAL), { "young", "DefNew" },
		{ { "eden", "Eden" }, { "from", "From" } } },
	{ BIT(PARALLEL), { "young", "PSYoungGen" },
		{ { "eden", "Eden" }, { "from", "From" } } },
	{ BIT(CMS), { "young", "ParNew" }, { { "eden", "Eden" }, { "from", "From" } } },
	{ BIT(SERIAL), { "tenured", "Tenured" }, { { NULL, NULL } } },
	{ BIT(PARALLEL), { "tenured", "ParOldGen" }, { { NULL, NULL } } },
	{ BIT(CMS), { "tenured", "CMS" }, { { NULL, NULL } } },
	{ ~0u, { "metaspace", "Metaspace" }, { { "class space", "Class" } } },
};

static void print_prefix(struct ms_out *out, const struct ms_collection *c, uint64_t ns)
{
	ms_out_printf(out, "[%" PRIu64 ".%03" PRIu64 "s] GC(%" PRIu64 ") ",
		ns / 1000000000, ns / 1000000 % 1000, c->number);
}

static void print_log_line(
	struct ms_out *out, const struct ms_collection *c, const struct log_line *line)
{
	uint64_t ignored;
	if (!used_in(&c->before, line->first[0], &ignored) ||
		!used_in(&c->after, line->first[0], &ignored))
		return;
	print_prefix(out, c, c->after_ns);
	bool any = print_transition(out, c, line->first[0], line->first[1]);
	for (size_t i = 0; i < 2 && line->more[i][0]; i++) {
		if (any)
			ms_out_str(out, " ");
		any |= print_transition(out, c, line->more[i][0], line->more[i][1]);
	}
	ms_out_str(out, "\n");
}

// G1 counts regions; its text has eden and survivors together.
static bool regions_of(const struct ms_heap_text *text, uint64_t region_bytes,
	uint64_t *ret_eden, uint64_t *ret_survivor)
{
	const struct ms_heap_text_space *young = ms_heap_text_find(text, "young");
	const struct ms_heap_text_space *survivor = ms_heap_text_find(text, "survivor");
	if (!region_bytes || !young || !survivor || young->capacity < survivor->capacity)
		return false;
	*ret_eden = (young->capacity - survivor->capacity) / region_bytes;
	*ret_survivor = survivor->capacity / region_bytes;
	return true;
}

static void print_regions(
	struct ms_out *out, const struct ms_collection *c, uint64_t region_bytes)
{
	uint64_t eden[2], survivor[2];
	if (!regions_of(&c->before, region_bytes, &eden[0], &survivor[0]) ||
		!regions_of(&c->after, region_bytes, &eden[1], &survivor[1]))
		return;
	print_prefix(out, c, c->after_ns);
	ms_out_printf(out, "Eden regions: %" PRIu64 "->%" PRIu64 "\n", eden[0], eden[1]);
	print_prefix(out, c, c->after_ns);
	ms_out_printf(out, "Survivor regions: %" PRIu64 "->%" PRIu64 "\n", survivor[0],
		survivor[1]);
}

// Of the whole heap. The text of G1 before a collection leaves out the regions that are
// being allocated in (g1CollectedHeap.cpp, print_on(), JDK 8 to 26).
static bool sum_of(const struct ms_heap_text *text, struct ms_heap_text_space *ret)
{
	const struct ms_heap_text_space *heap = ms_heap_text_find(text, "heap");
	const struct ms_heap_text_space *young = ms_heap_text_find(text, "young");
	const struct ms_heap_text_space *tenured = ms_heap_text_find(text, "tenured");
	if (heap) {
		*ret = *heap;
		return heap->has_used && heap->has_capacity;
	}
	if (!young || !tenured || !young->has_used || !young->has_capacity ||
		!tenured->has_used || !tenured->has_capacity)
		return false;
	ret->used = young->used + tenured->used;
	ret->capacity = young->capacity + tenured->capacity;
	return true;
}

// What a collector calls a collection that is not full, and a full one.
static const char *const log_titles[MS_COLLECTOR_COUNT][2] = {
	[MS_COLLECTOR_Z] = { "Garbage Collection", "Garbage Collection" },
	[MS_COLLECTOR_SHENANDOAH] = { "Concurrent cycle", "Pause Full" },
};

static const char *log_title(enum ms_collector collector, bool is_full)
{
	const char *title = log_titles[collector][is_full];
	return title ? title : is_full ? "Pause Full" : "Pause Young";
}

static void print_pause(
	struct ms_out *out, const struct view *view, const struct ms_collection *c)
{
	uint64_t us = (c->after_ns - c->before_ns) / 1000;
	struct ms_heap_text_space before, after;
	print_prefix(out, c, c->after_ns);
	ms_out_printf(out, "%s (", log_title(view->heap.collector, c->is_full));
	ms_out_target(out, ms_bytes_of(cause_of(c)));
	ms_out_str(out, ") ");
	if (sum_of(&c->before, &before) && sum_of(&c->after, &after))
		ms_out_printf(out, "%" PRIu64 "M->%" PRIu64 "M(%" PRIu64 "M) ",
			before.used >> 20, after.used >> 20, after.capacity >> 20);
	ms_out_printf(out, "%" PRIu64 ".%03" PRIu64 "ms\n", us / 1000, us % 1000);
}

void print_log(struct ms_out *out, const struct view *view)
{
	ms_array_foreach (c, &view->collections.v) {
		if (!c->has_before || !c->has_after)
			continue;
		if (view->heap.collector == MS_COLLECTOR_G1)
			print_regions(out, c, view->heap.region_bytes);
		for (size_t i = 0; i < sizeof(log_lines) / sizeof(log_lines[0]); i++)
			if (log_lines[i].collectors & 1u << view->heap.collector)
				print_log_line(out, c, &log_lines[i]);
		print_pause(out, view, c);
	}
}
