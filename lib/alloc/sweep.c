// The data of all modules, and boundaries in heaps: see sweep.h.

#include "alloc/sweep.h"

enum {
	WINDOW = 256 << 10,
};

static struct ms_error *sweep_window(struct ms_sweep *sweep,
	const struct ms_module *module, struct ms_range range, uint8_t *bytes)
{
	struct ms_target *target = sweep->find->target;
	struct ms_read read = { range, bytes };
	if (range.end - range.start < sweep->need ||
		!ms_pages_resident(ms_target_pages(target), range))
		return NULL;
	struct ms_error *err = ms_target_read(target, &read, 1, NULL);
	return err ? err
		   : sweep->fn(sweep, module, range.start, bytes,
			     (size_t)(range.end - range.start) - sweep->need + 1);
}

static struct ms_error *sweep_range(struct ms_sweep *sweep,
	const struct ms_module *module, struct ms_range range, uint8_t *bytes)
{
	struct ms_error *err = NULL;
	for (uint64_t at = range.start; !err && !sweep->is_over && at < range.end;
		at += WINDOW) {
		struct ms_range window = { at,
			ms_min(range.end, at + WINDOW + sweep->need - 1) };
		if (ms_cancel_raised(sweep->find->cancel))
			return ms_error_new(MS_ERROR_CANCELLED, "interrupted");
		err = sweep_window(sweep, module, window, bytes);
	}
	return err;
}

struct ms_error *ms_sweep_data(struct ms_sweep *sweep)
{
	struct ms_error *err = NULL;
	_cleanup_free_ uint8_t *bytes = malloc(WINDOW + sweep->need);
	if (!bytes)
		return &ms_error_nomem;
	ms_array_foreach (module, &sweep->find->modules)
		for (size_t i = 0; !err && !sweep->is_over && i < module->data_n; i++)
			err = sweep_range(sweep, module, module->data[i], bytes);
	return err;
}

static bool may_hold_heap(const struct ms_mapping *m)
{
	return m->flags & MS_MAPPING_WRITE && !(m->flags & MS_MAPPING_SHARED) &&
	       (m->kind == MS_MAPPING_ANON || m->kind == MS_MAPPING_NAMED);
}

// Whole terabytes may be absent: runs of pages are passed over at once.
static struct ms_error *sweep_mapping(struct ms_alloc_find *find, struct ms_range range,
	uint64_t align, ms_boundary_fn fn, void *arg)
{
	const struct ms_pages *pages = ms_target_pages(find->target);
	struct ms_error *err = NULL;
	uint64_t at = range.start;
	while (!err && ms_align_up(at, align, &at) && at < range.end) {
		enum ms_page_state state;
		struct ms_range run = ms_pages_run(pages, at, range.end, &state);
		if (!ms_page_is_resident(state)) {
			at = run.end;
			continue;
		}
		if (ms_cancel_raised(find->cancel))
			return ms_error_new(MS_ERROR_CANCELLED, "interrupted");
		err = fn(find, at, arg);
		at += MS_PAGE_SIZE;
	}
	return err;
}

struct ms_error *ms_sweep_boundaries(
	struct ms_alloc_find *find, uint64_t align, ms_boundary_fn fn, void *arg)
{
	struct ms_error *err = NULL;
	for (size_t i = 0; !err && i < find->maps->n; i++)
		if (may_hold_heap(&find->maps->v[i]))
			err = sweep_mapping(find, find->maps->v[i].range, align, fn, arg);
	return err;
}
