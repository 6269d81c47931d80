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
		err = no_jvm(name, why);
	if (!err)
		err = ms_flags_read(view->vm, &view->flags);
	return err ? err : ms_heap_read(view->vm, &view->flags, &view->heap);
}

void view_close(struct view *view)
{
	ms_heap_deinit(&view->heap);
	ms_vm_free(view->vm);
	ms_target_free(view->target);
}
