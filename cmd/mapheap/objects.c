// Objects: the histogram's columns, ages, large ones.

#include <inttypes.h>
#include <string.h>

#include "base/size.h"
#include "mapheap.h"

enum {
	LARGE_LINES = 12,
	AGE_BAR = 40,
};

// --- histogram ------------------------------------------------------------------------

static void get_class(const void *row, void *ctx, struct ms_cell *cell)
{
	(void)ctx;
	cell->bytes = ms_bytes_of(((const struct ms_histogram_row *)row)->class->name);
}

static void get_space(const void *row, void *ctx, struct ms_cell *cell)
{
	const struct view *view = ctx;
	cell->text =
		view->heap.spaces.v[((const struct ms_histogram_row *)row)->space].name;
}

static void get_instances(const void *row, void *ctx, struct ms_cell *cell)
{
	(void)ctx;
	cell->n = ((const struct ms_histogram_row *)row)->instances;
}

static void get_bytes(const void *row, void *ctx, struct ms_cell *cell)
{
	(void)ctx;
	cell->n = ((const struct ms_histogram_row *)row)->bytes;
}

static const struct ms_column columns[] = {
	{ .name = "INSTANCES",
		.key = "instances",
		.type = MS_COLUMN_COUNT,
		.is_default = true,
		.help = "objects, reachable or not",
		.get = get_instances },
	{ .name = "BYTES",
		.key = "bytes",
		.type = MS_COLUMN_COUNT,
		.is_default = true,
		.help = "their bytes, headers and alignment included",
		.get = get_bytes },
	{ .name = "SPACE",
		.key = "space",
		.type = MS_COLUMN_TEXT,
		.is_default = true,
		.help = "the space they lie in",
		.get = get_space },
	{ .name = "CLASS",
		.key = "class",
		.type = MS_COLUMN_TARGET,
		.is_default = true,
		.help = "their class",
		.get = get_class },
};

const struct ms_column_set histogram_columns =
	MS_COLUMN_SET("histogram", "one row per class and space", columns, "-BYTES");

void print_class(struct ms_out *out, const struct ms_class *class, uint32_t length)
{
	char text[MS_SIZE_TEXT];
	struct ms_bytes name = ms_bytes_of(class->name);
	if (!length || !ms_bytes_ends(name, "[]")) {
		ms_out_target(out, name);
		return;
	}
	ms_out_target(out, ms_bytes_sub(name, 0, name.n - 2));
	ms_out_printf(out, "[%s]", ms_count_text(length, text));
}

// --- ages -----------------------------------------------------------------------------

static const struct ms_heap_space *survivors(const struct view *view)
{
	ms_array_foreach (space, &view->heap.spaces)
		if (strcmp(space->name, "from") == 0 ||
			strcmp(space->name, "survivor") == 0)
			return space;
	return NULL;
}

static uint64_t bytes_of_age(const struct view *view, uint32_t space, int age)
{
	uint64_t sum = 0;
	ms_array_foreach (row, &view->histogram.ages)
		if (row->space == space && row->age == age)
			sum += row->bytes;
	return sum;
}

// ZGC and Shenandoah keep no ages in mark words.
static bool has_ages(const struct view *view)
{
	enum ms_collector collector = view->heap.collector;
	return view->objects && collector != MS_COLLECTOR_Z &&
	       collector != MS_COLLECTOR_SHENANDOAH && collector != MS_COLLECTOR_EPSILON;
}

static bool ages_of(
	const struct view *view, const struct ms_heap_space *space, uint64_t ret[MS_AGES])
{
	if (!space || !has_ages(view))
		return false;
	uint32_t index = (uint32_t)(space - view->heap.spaces.v);
	for (int age = 0; age < MS_AGES; age++)
		ret[age] = bytes_of_age(view, index, age);
	return true;
}

bool survivor_ages(const struct view *view, uint64_t ret[MS_AGES])
{
	return ages_of(view, survivors(view), ret);
}

bool promoted_ages(const struct view *view, uint64_t ret[MS_AGES])
{
	ms_array_foreach (space, &view->heap.spaces)
		if (strcmp(space->name, "tenured") == 0 ||
			strcmp(space->name, "old") == 0)
			return ages_of(view, space, ret);
	return false;
}

void print_by_ages(struct ms_out *out, const uint64_t bytes[MS_AGES])
{
	const char *lead = "";
	for (int age = 0; age < MS_AGES; age++) {
		if (!bytes[age])
			continue;
		ms_out_printf(out, "%s%d: ", lead, age);
		print_kib(out, bytes[age]);
		lead = ", ";
	}
	if (!*lead)
		ms_out_str(out, "none");
}

// At what age objects came into the old space.
static void print_promoted_ages(struct ms_out *out, const struct view *view)
{
	uint64_t bytes[MS_AGES], later = 0;
	if (!promoted_ages(view, bytes))
		return;
	for (int age = 1; age < MS_AGES; age++)
		later += bytes[age];
	if (!later)
		return;
	ms_out_str(out, "  in the old space, by the age at which they came: ");
	print_by_ages(out, bytes);
	if (bytes[0])
		ms_out_str(out, " (0: not promoted for age, or moved since)");
	ms_out_str(out, "\n");
}

// The age from which on the next collection promotes: where the sum of the younger ones
// passes what the collector aims at. Source: gc/shared/ageTable.cpp.
static unsigned next_threshold(const struct view *view, uint32_t space)
{
	const struct ms_age_table *table = &view->age_table;
	uint64_t sum = 0;
	unsigned age = 1;
	for (; age < MS_AGES; age++) {
		sum += bytes_of_age(view, space, (int)age);
		if (sum > table->desired)
			break;
	}
	return (unsigned)ms_min(age, table->max_threshold);
}

static void print_age(
	struct ms_out *out, int age, uint64_t bytes, uint64_t total, uint64_t desired)
{
	char text[MS_SIZE_TEXT], sum[MS_SIZE_TEXT];
	ms_out_printf(out, "  age %-3d %12s B %12s total   ", age,
		ms_count_text(bytes, text), ms_count_text(total, sum));
	if (desired)
		ms_out_repeat(out, '#', ms_min(1 + bytes * AGE_BAR / desired, AGE_BAR));
	ms_out_str(out, "\n");
}

// What the next young collection will do with them.
static void print_outlook(
	struct ms_out *out, const struct view *view, uint32_t space, uint64_t total)
{
	const struct ms_age_table *table = &view->age_table;
	char text[MS_SIZE_TEXT];
	unsigned threshold = next_threshold(view, space);
	if (!table->desired)
		return;
	ms_out_printf(out, "  next GC: %" PRIu64 " %% of desired, ",
		total * 100 / table->desired);
	if (total <= table->desired && !bytes_of_age(view, space, (int)threshold))
		ms_out_printf(out,
			"all stay; promotion by share would begin above %s B\n",
			ms_count_text(table->desired, text));
	else
		ms_out_printf(
			out, "what is of age %u and older is promoted\n", threshold);
}

void print_ages(struct ms_out *out, const struct view *view)
{
	const struct ms_heap_space *space = survivors(view);
	const struct ms_age_table *table = &view->age_table;
	char text[MS_SIZE_TEXT];
	uint64_t total = 0;
	if (!space || !view->objects)
		return;
	uint32_t index = (uint32_t)(space - view->heap.spaces.v);
	ms_out_str(out, "\n");
	print_word(out, "AGES");
	ms_out_printf(out, "in %s", space->name);
	if (table->desired)
		ms_out_printf(out, "   desired %s B (TargetSurvivorRatio %" PRIu64 ")",
			ms_count_text(table->desired, text),
			ms_flag_number(&view->flags, "TargetSurvivorRatio", 0));
	if (table->is_there)
		ms_out_printf(out, "   threshold %u of %" PRIu64, table->threshold,
			table->max_threshold);
	else if (has_ages(view))
		ms_out_str(out, "   the JVM's tables do not have the threshold in force");
	ms_out_str(out, "\n");
	for (int age = 0; age < MS_AGES; age++) {
		uint64_t bytes = bytes_of_age(view, index, age);
		total += bytes;
		if (bytes)
			print_age(out, age, bytes, total, table->desired);
	}
	if (bytes_of_age(view, index, -1))
		ms_out_printf(out, "  age ?   %12s B, locked or being moved\n",
			ms_count_text(bytes_of_age(view, index, -1), text));
	if (!total)
		ms_out_str(out, "  none\n");
	print_outlook(out, view, index, total);
	print_promoted_ages(out, view);
}

// --- large objects --------------------------------------------------------------------

static const struct ms_move *move_at(const struct view *view, uint64_t address)
{
	ms_array_foreach (move, &view->moves.v)
		if (ms_range_has(move->range, address))
			return move;
	return NULL;
}

// A full collection may leave objects in eden, and then their age says nothing.
static bool was_left(const struct view *view, const struct ms_heap_space *space,
	const struct ms_large_object *object)
{
	const struct ms_collections *list = &view->collections;
	const struct ms_collection *last = list->v.n ? &list->v.v[list->v.n - 1] : NULL;
	const struct ms_heap_text_space *after =
		last && last->is_full ? ms_heap_text_find(&last->after, space->name)
				      : NULL;
	return after && after->has_used && space->range.end &&
	       object->address - space->range.start < after->used;
}

static void print_origin(
	struct ms_out *out, const struct view *view, const struct ms_large_object *object)
{
	const struct ms_heap_space *space = &view->heap.spaces.v[object->space];
	const struct ms_move *move = move_at(view, object->address);
	const struct ms_collection *c = move && move->collection < view->collections.v.n
						? &view->collections.v.v[move->collection]
						: NULL;
	if (space->is_young && object->age == 0 && !was_left(view, space, object))
		ms_out_str(out, "new");
	else if (c && !move->is_direct)
		ms_out_printf(out, "promoted at GC(%" PRIu64 ")", c->number);
	else if (c && !move->is_first)
		ms_out_printf(out, "straight into %s, after GC(%" PRIu64 ")", space->name,
			c->number);
	else if (move && !view->collections.v.n)
		ms_out_printf(out, "straight into %s", space->name);
}

// Rows that look alike are told together.
static bool is_alike(const struct view *view, const struct ms_large_object *a,
	const struct ms_large_object *b)
{
	return a->class == b->class && a->length == b->length && a->space == b->space &&
	       a->age == b->age && a->bytes == b->bytes &&
	       move_at(view, a->address) == move_at(view, b->address);
}

static size_t count_alike(const struct view *view, size_t first)
{
	const struct ms_large_object *v = view->histogram.large.v;
	size_t n = 0;
	for (size_t i = first; i < view->histogram.large.n; i++)
		n += is_alike(view, &v[first], &v[i]);
	return n;
}

static bool was_told(const struct view *view, size_t index)
{
	const struct ms_large_object *v = view->histogram.large.v;
	for (size_t i = 0; i < index; i++)
		if (is_alike(view, &v[i], &v[index]))
			return true;
	return false;
}

static void print_large_row(struct ms_out *out, const struct view *view, size_t index)
{
	const struct ms_large_object *object = &view->histogram.large.v[index];
	const struct ms_heap_space *space = &view->heap.spaces.v[object->space];
	size_t n = count_alike(view, index);
	ms_out_printf(out, "  %-10s ", space->name);
	if (object->age < 0 || !space->is_young)
		ms_out_str(out, " -  ");
	else
		ms_out_printf(out, "%2d  ", object->age);
	print_kib(out, object->bytes);
	ms_out_str(out, "  ");
	print_class(out, object->class, object->length);
	if (n > 1)
		ms_out_printf(out, " x %zu", n);
	ms_out_str(out, "  ");
	print_origin(out, view, object);
	ms_out_str(out, "\n");
}

// --- what can be tried ----------------------------------------------------------------

// As options take it: "2M", "3000".
static void print_option_size(struct ms_out *out, uint64_t n)
{
	if (n && !(n & ((1 << 20) - 1)))
		ms_out_printf(out, "%" PRIu64 "M", n >> 20);
	else
		ms_out_printf(out, "%" PRIu64, n);
}

// The largest in the young spaces, if the collector would put it elsewhere when told.
static const struct ms_large_object *pretenurable(const struct view *view)
{
	const struct ms_large_object *found = NULL;
	bool knows_flag = view->heap.collector == MS_COLLECTOR_SERIAL ||
			  view->heap.collector == MS_COLLECTOR_CMS;
	if (!knows_flag)
		return NULL;
	ms_array_foreach (object, &view->histogram.large)
		if (view->heap.spaces.v[object->space].is_young &&
			object->bytes >= 2 << 20 &&
			(!found || object->bytes > found->bytes))
			found = object;
	return found;
}

// The largest array that was promoted.
static const struct ms_large_object *followable(const struct view *view)
{
	const struct ms_large_object *found = NULL;
	ms_array_foreach (object, &view->histogram.large) {
		const struct ms_move *move = move_at(view, object->address);
		if (move && !move->is_direct && object->length &&
			(!found || object->bytes > found->bytes))
			found = object;
	}
	return found;
}

static void print_try(struct ms_out *out, const struct view *view)
{
	const struct ms_large_object *young = pretenurable(view);
	const struct ms_large_object *promoted = followable(view);
	if (!young && !promoted)
		return;
	print_word(out, "TRY");
	if (young) {
		ms_out_printf(out, "-XX:PretenureSizeThreshold=%" PRIu64 "M puts ",
			(young->bytes >> 20) - 1);
		print_class(out, young->class, young->length);
		ms_out_str(out, " straight into tenured");
	}
	if (promoted) {
		struct ms_bytes name = ms_bytes_of(promoted->class->name);
		ms_out_printf(out, "%s--follow '", young ? "; " : "");
		ms_out_target(out, ms_bytes_sub(name, 0, name.n - 1));
		print_option_size(out, promoted->length);
		ms_out_str(out, "]' tracks the arrays");
	}
	ms_out_str(out, "\n");
}

void print_large(struct ms_out *out, const struct view *view)
{
	char text[MS_SIZE_TEXT];
	size_t lines = 0;
	if (!view->objects || !view->large)
		return;
	ms_out_str(out, "\n");
	print_word(out, "LARGE");
	ms_out_printf(out, "objects from %s on: %" PRIu64 "%s\n",
		ms_size_text(view->large, text), view->histogram.large_n,
		view->histogram.large_n ? "; space, age, size, class, how it came there"
					: "");
	for (size_t i = 0; i < view->histogram.large.n && lines < LARGE_LINES; i++)
		if (!was_told(view, i)) {
			print_large_row(out, view, i);
			lines++;
		}
	print_try(out, view);
}
