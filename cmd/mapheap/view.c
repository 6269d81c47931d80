// Opening what is looked at.

#include "mapheap.h"

static struct ms_error *no_jvm(const char *name, const char *why)
{
	if (why)
		return ms_error_new(MS_ERROR_UNSUPPORTED, "'%s': %s", name, why);
	return ms_error_hint(ms_error_new(MS_ERROR_UNSUPPORTED,
				     "'%s' has no JVM: no libjvm.so is mapped", name),
		"memwho says what else its memory is");
}

struct ms_error *view_open(
	struct view *view, const char *name, const struct ms_target_options *options)
{
	const char *why;
	struct ms_error *err = ms_target_open(name, options, &view->target);
	if (!err && ms_target_denied(view->target)) {
		const struct ms_error *denied = ms_target_denied(view->target);
		err = ms_error_new(MS_ERROR_DENIED, "%s", denied->message);
		return denied->hint ? ms_error_hint(err, "%s", denied->hint) : err;
	}
	if (!err)
		err = ms_vm_find(view->target, &view->vm, &why);
	if (!err && !view->vm)
		err = no_jvm(view->label ? view->label : name, why);
	if (!err)
		err = ms_flags_read(view->vm, &view->flags);
	return err ? err : ms_heap_read(view->vm, &view->flags, &view->heap);
}

struct ms_error *view_read_history(struct view *view)
{
	struct ms_error *err = ms_counters_read(view->vm, &view->counters);
	if (!err)
		err = ms_events_read(view->vm, &view->events);
	if (!err)
		err = ms_collections_make(&view->events, &view->counters,
			&view->vm->arena, &view->collections);
	view->age_table = ms_age_table_read(view->vm, &view->flags, &view->heap);
	return err;
}

struct ms_error *view_walk(struct view *view, const struct ms_cancel *cancel)
{
	struct ms_histogram_options options = {
		.large = view->large, .workers = view->workers, .cancel = cancel
	};
	struct ms_error *err =
		ms_classes_new(view->vm, &view->flags, &view->heap, &view->classes);
	if (!err)
		err = ms_objects_new(view->vm, &view->flags, &view->heap, view->classes,
			&view->objects);
	if (!err)
		err = ms_histogram_make(
			view->vm, view->objects, &view->heap, &options, &view->histogram);
	return err;
}

struct ms_error *view_read_moves(struct view *view, const struct ms_cancel *cancel)
{
	return ms_moves_make(
		view->objects, &view->heap, &view->collections, cancel, &view->moves);
}

void view_close(struct view *view)
{
	ms_moves_deinit(&view->moves);
	ms_histogram_deinit(&view->histogram);
	ms_objects_free(view->objects);
	ms_classes_free(view->classes);
	ms_collections_deinit(&view->collections);
	ms_events_deinit(&view->events);
	ms_counters_deinit(&view->counters);
	ms_heap_deinit(&view->heap);
	ms_vm_free(view->vm);
	ms_target_free(view->target);
}
