// Watching collections: see watch.h.
//
// The JVM counts its collections, and that count is all that is read most of the time.
// When it has moved, everything is read anew, and the JVM's own history tells what
// happened, also if several collections passed between two looks.

#include "watch.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/size.h"

enum {
	IDLE_LOOKS = 10,
};

bool follow_parse(const char *text, struct follow *ret)
{
	const char *bracket = strchr(text, '[');
	size_t n = strlen(text);
	*ret = (struct follow){ .name = "" };
	if (!n || n + 3 > sizeof(ret->name) || text[n - 1] == '.')
		return false;
	if (!bracket || bracket[1] == ']') {
		memcpy(ret->name, text, n + 1);
		return true;
	}
	char number[32];
	size_t digits = n - 1 - (size_t)(bracket + 1 - text);
	if (text[n - 1] != ']' || digits >= sizeof(number))
		return false;
	memcpy(number, bracket + 1, digits);
	number[digits] = 0;
	n = (size_t)(bracket - text);
	memcpy(ret->name, text, n);
	memcpy(ret->name + n, "[]", 3);
	return ms_size_parse(number, &ret->length);
}

// --- what is followed -----------------------------------------------------------------

static bool is_followed(const struct follow *follow, const struct ms_large_object *object)
{
	return follow->name[0] && strcmp(object->class->name, follow->name) == 0 &&
	       (!follow->length || object->length == follow->length);
}

// Of one length: how many lie in each space.
static void print_places(struct ms_out *out, const struct view *view,
	const struct follow *follow, uint32_t length)
{
	char text[MS_SIZE_TEXT];
	const char *lead = "";
	for (uint32_t i = 0; i < view->heap.spaces.n; i++) {
		size_t n = 0;
		ms_array_foreach (object, &view->histogram.large)
			n += is_followed(follow, object) && object->space == i &&
			     object->length == length;
		if (!n)
			continue;
		ms_out_printf(out, "%s%s in %s", lead, ms_count_text(n, text),
			view->heap.spaces.v[i].name);
		lead = ", ";
	}
}

static bool is_first_of_length(
	const struct view *view, const struct follow *follow, size_t index)
{
	const struct ms_large_object *v = view->histogram.large.v;
	for (size_t i = 0; i < index; i++)
		if (is_followed(follow, &v[i]) && v[i].length == v[index].length)
			return false;
	return true;
}

static void print_followed(
	struct ms_out *out, const struct view *view, const struct follow *follow)
{
	for (size_t i = 0; i < view->histogram.large.n; i++) {
		const struct ms_large_object *object = &view->histogram.large.v[i];
		if (!is_followed(follow, object) || !is_first_of_length(view, follow, i))
			continue;
		ms_out_str(out, "        ");
		print_class(out, object->class, object->length);
		ms_out_str(out, ": ");
		print_places(out, view, follow, object->length);
		ms_out_str(out, "\n");
	}
}

// --- looking --------------------------------------------------------------------------

static struct ms_error *look(struct watch *watch, const struct ms_cancel *cancel)
{
	struct view *view = &watch->view;
	view_close(view);
	*view = (struct view){ .large = watch->options->large,
		.workers = watch->options->workers };
	struct ms_error *err = view_open(view, watch->name, &watch->options->target);
	if (!err)
		err = view_read_history(view);
	if (!err && ms_heap_sum(&view->heap).used <= WALK_MAX) {
		err = view_walk(view, cancel);
		if (!err)
			err = view_read_moves(view, cancel);
	}
	if (!err)
		watch->counted = view->heap.collections;
	return err;
}

static bool count_collections(const struct view *view, uint64_t *ret)
{
	ms_peek_clear(view->vm->peek);
	return ms_vm_field(
		view->vm, view->heap.object, "CollectedHeap::_total_collections", 4, ret);
}

// What G1 promoted shows in the ages of its old regions only. What is of age 0 there may be
// filler. False if some were freed, which hides what came.
static bool came_by_age(const struct ages_before *before, const struct ages_before *now,
	uint64_t ret[MS_AGES])
{
	uint64_t sum = 0;
	if (!before->has_old || !now->has_old)
		return false;
	for (int age = 0; age < MS_AGES; age++) {
		if (now->old[age] < before->old[age])
			return false;
		ret[age] = age ? now->old[age] - before->old[age] : 0;
		sum += ret[age];
	}
	return sum >> 10;
}

static void print_promoted(struct ms_out *out, const struct view *view,
	const struct ages_before *before, const struct ages_before *now)
{
	uint64_t bytes[MS_AGES], max = view->age_table.max_threshold;
	int youngest = 0;
	if (!came_by_age(before, now, bytes))
		return;
	while (!bytes[youngest])
		youngest++;
	ms_out_str(out, "        moved to old, by age ");
	print_by_ages(out, bytes);
	ms_out_str(out, "\n        ");
	print_word(out, "WHY");
	if ((uint64_t)youngest >= max)
		ms_out_str(out, "age: ");
	else
		ms_out_str(out, "share of survivors, or no room for them: ");
	ms_out_printf(out, "MaxTenuringThreshold is %" PRIu64 "\n", max);
}

// Of survivors, before the last collection and now.
static void print_ages_change(
	const struct watch *watch, struct ms_out *out, const struct ms_collection *c)
{
	const struct ages_before *before = ages_before(&watch->view, c);
	const struct ages_before *now = &watch->ages;
	if (!watch->has_ages || !now->has_bytes)
		return;
	ms_out_str(out, "        survivors by age ");
	if (before && before->has_bytes) {
		print_by_ages(out, before->bytes);
		ms_out_str(out, "  ->  ");
	} else {
		ms_out_str(out, "now ");
	}
	print_by_ages(out, now->bytes);
	if (now->table.is_there)
		ms_out_printf(out, "     next threshold %u of %" PRIu64,
			now->table.threshold, now->table.max_threshold);
	ms_out_str(out, "\n");
	if (before && watch->view.heap.collector == MS_COLLECTOR_G1)
		print_promoted(out, &watch->view, before, now);
}

// Of what was seen, if no collection came since.
static void keep_ages(struct watch *watch)
{
	struct view *view = &watch->view;
	uint64_t now = 0;
	watch->ages =
		(struct ages_before){ .number = watch->seen, .table = view->age_table };
	watch->ages.has_bytes = survivor_ages(view, watch->ages.bytes);
	watch->ages.has_old = promoted_ages(view, watch->ages.old);
	watch->has_ages = view->heap.has_collections &&
			  view->heap.collections == watch->seen &&
			  count_collections(view, &now) && now == watch->seen;
}

static bool is_new(const struct watch *watch, const struct ms_collection *c)
{
	if (!c->has_after)
		return false;
	return c->is_uncounted ? c->after_ns > watch->uncounted_ns
			       : c->number >= watch->seen;
}

static void print_one(struct watch *watch, struct ms_out *out, size_t index)
{
	const struct ms_collection *c = &watch->view.collections.v.v[index];
	if (c->is_uncounted) {
		watch->uncounted_ns = c->after_ns;
	} else {
		if (c->number > watch->seen && watch->is_begun)
			ms_out_printf(out,
				" … %" PRIu64
				" collections passed from the JVM's history\n",
				c->number - watch->seen);
		watch->seen = c->number + 1;
	}
	print_collection(out, &watch->view, index);
}

// Those that ended since; one that is under way comes next time.
static void print_new(struct watch *watch, struct ms_out *out)
{
	struct view *view = &watch->view;
	const struct ms_collection *last = NULL;
	struct ages_before previous = watch->ages;
	view->previous = watch->has_ages ? &previous : NULL;
	for (size_t i = 0; i < view->collections.v.n; i++) {
		if (!is_new(watch, &view->collections.v.v[i]))
			continue;
		last = &view->collections.v.v[i];
		print_one(watch, out, i);
	}
	if (last || !watch->is_begun) {
		keep_ages(watch);
		if (last)
			print_ages_change(watch, out, last);
		print_followed(out, view, &watch->options->follow);
	}
	view->previous = NULL;
}

struct ms_error *watch_step(
	struct watch *watch, struct ms_out *out, const struct ms_cancel *cancel)
{
	struct view *view = &watch->view;
	uint64_t now = 0;
	if (view->vm && watch->is_begun) {
		struct ms_error *err = ms_target_check_alive(view->target);
		if (err)
			return err;
		bool is_known = count_collections(view, &now);
		// One that is counted and not yet told is under way: no use in hurrying.
		bool is_told = watch->seen >= now || ++watch->idle % IDLE_LOOKS;
		if (is_known && now == watch->counted && is_told)
			return NULL;
	}
	struct ms_error *err = look(watch, cancel);
	if (err)
		return err;
	print_new(watch, out);
	watch->is_begun = true;
	ms_out_flush(out);
	return NULL;
}

struct ms_error *watch_run(
	struct ms_cli *cli, const char *name, const struct watch_options *options)
{
	_cleanup_watch_ struct watch watch = { .options = options, .name = name };
	struct timespec pause = { options->poll_ms / 1000,
		options->poll_ms % 1000 * 1000000l };
	struct ms_error *err = NULL;
	while (!err && !ms_cancel_raised(cli->cancel) && !cli->out.errnum) {
		err = watch_step(&watch, &cli->out, cli->cancel);
		if (!err)
			nanosleep(&pause, NULL);
	}
	if (watch.is_begun && ms_error_catch(&err, MS_ERROR_GONE))
		ms_out_str(&cli->out, "the process ended\n");
	return err;
}

void watch_close(struct watch *watch)
{
	view_close(&watch->view);
}
