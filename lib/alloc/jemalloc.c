// jemalloc: see jemalloc.h.

#include "alloc/jemalloc.h"

static const char *const layout_names[MS_JEMALLOC_LAYOUTS] = {
	[MS_JEMALLOC_5_2] = "5.2",
	[MS_JEMALLOC_5_3] = "5.3",
};

// Usable bytes of large blocks: all but the pad page, where this jemalloc uses one. Not
// their class: from 5.3.1 on blocks may lie between two classes.
static void settle_large(struct ms_jemalloc *je)
{
	struct ms_extents *extents = &je->find->alloc->private->extents;
	uint64_t pad = je->large_padded * 2 > je->large ? 1u << MS_JEMALLOC_PAGE : 0;
	for (size_t i = je->first; i < extents->n; i++) {
		struct ms_extent *e = &extents->v[i];
		uint64_t size = ms_range_size(e->range);
		if (e->state == MS_ALLOC_LIVE && !e->slot && !e->usable)
			e->usable = size > pad ? size - pad : size;
	}
}

// Counters that were damaged may differ by anything; no more than all can be off.
static uint64_t settle_off(struct ms_jemalloc *je)
{
	struct ms_alloc *alloc = je->find->alloc;
	uint64_t all = 1ull << MS_JEMALLOC_PAGE;
	for (size_t i = je->first_arena; i < alloc->arenas.n; i++) {
		all += alloc->arenas.v[i].system;
		alloc->arenas.v[i].off =
			ms_min(alloc->arenas.v[i].off, alloc->arenas.v[i].system);
	}
	return ms_min(je->off, all);
}

static void stamp(struct ms_jemalloc *je)
{
	const char *why = je->doubt;
	if (je->is_incomplete)
		why = "part of its metadata could not be read";
	else if (je->has_no_room)
		why = "more extents or free slots than can be told apart";
	else if (je->has_huge)
		why = "its huge pages have free pages that are not listed";
	else if (je->caches_torn)
		why = "thread caches that changed while they were read";
	else if (!je->caches)
		why = "no thread caches were found: what they hold counts as live";
	if (!why && je->off)
		why = "extents that do not fit each other or the arenas' counters";
	ms_alloc_stamp(
		je->find->alloc, je->instance, settle_off(je), why ? "%s" : NULL, why);
}

static struct ms_error *read_books(struct ms_jemalloc *je)
{
	struct ms_alloc *alloc = je->find->alloc;
	struct ms_alloc_instance row = {
		.allocator = "jemalloc", .path = je->module->path, .is_walked = true
	};
	(void)snprintf(row.layout, sizeof(row.layout), "%s%s",
		layout_names[je->root.layout], je->root.tree->suffix);
	je->first = alloc->private->extents.n;
	je->first_arena = (uint32_t)alloc->arenas.n;
	struct ms_error *err = ms_alloc_add_instance(alloc, &row, &je->instance);
	if (!err)
		err = ms_words_new(je->find->target, je->find->cancel, &je->words);
	if (!err)
		err = ms_jemalloc_read_tree(je);
	if (!err)
		err = ms_jemalloc_read_base(je);
	je->has_no_room |= ms_error_catch(&err, MS_ERROR_LIMIT);
	if (!err) {
		settle_large(je);
		err = ms_jemalloc_read_caches(je);
	}
	if (!err)
		err = ms_jemalloc_check_bins(je);
	if (!err)
		stamp(je);
	ms_array_deinit(&je->tallies);
	ms_array_deinit(&je->blocks);
	ms_ranges_deinit(&je->places);
	ms_words_free(je->words);
	return err;
}

// Versions before 5.2, and builds for other pages, export the same functions.
static struct ms_error *recognise(
	struct ms_alloc_find *find, const struct ms_module *module)
{
	static const char *const names[] = { "mallocx", "mallctl", "je_mallocx",
		"je_mallctl", "_rjem_mallocx", "_rjem_mallctl" };
	enum {
		N = sizeof(names) / sizeof(names[0])
	};
	uint64_t at[N];
	uint32_t instance;
	struct ms_error *err = ms_module_symbols(module, names, N, at);
	bool is_it = false;
	for (size_t i = 0; !err && i < N; i += 2)
		is_it |= at[i] && at[i + 1];
	if (err || !is_it)
		return err;
	struct ms_alloc_instance row = { .allocator = "jemalloc",
		.path = module->path,
		.grade = MS_GRADE_STRUCTURAL,
		.reason = "it has no heap of a layout that is known (5.2 to 5.3)" };
	return ms_alloc_add_instance(find->alloc, &row, &instance);
}

static struct ms_error *find_in(
	struct ms_alloc_find *find, const struct ms_module *module)
{
	_cleanup_free_ struct ms_jemalloc *je = calloc(1, sizeof(*je));
	if (!je)
		return &ms_error_nomem;
	je->find = find;
	je->module = module;
	struct ms_error *err = ms_jemalloc_find_root(find, module, &je->root);
	if (err)
		return err;
	return je->root.address ? read_books(je) : recognise(find, module);
}

static struct ms_error *find(struct ms_alloc_find *find)
{
	struct ms_error *err = NULL;
	for (size_t i = 0; !err && i < find->modules.n; i++)
		err = find_in(find, &find->modules.v[i]);
	return err;
}

const struct ms_allocator ms_allocator_jemalloc = { .name = "jemalloc", .find = find };
