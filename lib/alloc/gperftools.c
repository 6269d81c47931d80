// gperftools: see gperftools.h.

#include "alloc/gperftools.h"

static void stamp(struct ms_gperf *tc)
{
	const char *why = tc->doubt;
	if (tc->is_incomplete)
		why = "part of its metadata could not be read";
	else if (tc->has_no_room)
		why = "more spans or free objects than can be told apart";
	else if (!tc->caches)
		why = "no thread caches were found: what they hold counts as live";
	if (!why && tc->off)
		why = "spans or lists that do not fit their counters";
	// Counters that were damaged may differ by anything; no more than all can be off.
	uint64_t off = ms_min(tc->off, ms_max(tc->find->alloc->arenas.v[tc->arena].system,
					       1ull << tc->root.page_shift));
	ms_alloc_stamp(tc->find->alloc, tc->instance, off, why ? "%s" : NULL, why);
}

static struct ms_error *read_books(struct ms_gperf *tc)
{
	struct ms_alloc_arena arena = { .instance = tc->instance };
	struct ms_error *err = ms_alloc_add_arena(tc->find->alloc, &arena, &tc->arena);
	if (!err)
		err = ms_gperf_read_spans(tc);
	tc->has_no_room |= ms_error_catch(&err, MS_ERROR_LIMIT);
	tc->find->alloc->arenas.v[tc->arena].system =
		tc->in_use + tc->free + tc->returned;
	if (!err)
		err = ms_gperf_read_central(tc);
	if (!err)
		err = ms_gperf_read_caches(tc);
	if (err)
		return err;
	ms_gperf_check_heap(tc);
	stamp(tc);
	return NULL;
}

static struct ms_error *add_instance(struct ms_gperf *tc)
{
	struct ms_alloc_instance row = { .allocator = "tcmalloc",
		.path = tc->module->path,
		.layout = "gperftools",
		.grade = MS_GRADE_STRUCTURAL };
	struct ms_error *err = ms_gperf_find_classes(tc);
	if (err)
		return err;
	row.is_walked = tc->classes.n && tc->find->alloc->arenas.n < MS_ALLOC_ARENAS_MAX;
	if (!row.is_walked)
		(void)snprintf(row.reason, sizeof(row.reason),
			"the sizes of its classes were not found");
	err = ms_alloc_add_instance(tc->find->alloc, &row, &tc->instance);
	return err || !row.is_walked ? err : read_books(tc);
}

// Builds for other addresses export the same functions.
static struct ms_error *recognise(
	struct ms_alloc_find *find, const struct ms_module *module)
{
	static const char *const names[] = { "tc_malloc",
		"MallocExtension_GetNumericProperty" };
	uint64_t at[2];
	uint32_t instance;
	struct ms_error *err = ms_module_symbols(module, names, 2, at);
	if (err || !at[0] || !at[1])
		return err;
	struct ms_alloc_instance row = { .allocator = "tcmalloc",
		.layout = "gperftools",
		.path = module->path,
		.grade = MS_GRADE_STRUCTURAL,
		.reason = "it has no table of pages of a layout that is known" };
	return ms_alloc_add_instance(find->alloc, &row, &instance);
}

static struct ms_error *find_in(
	struct ms_alloc_find *find, const struct ms_module *module)
{
	_cleanup_words_ struct ms_words *words = NULL;
	struct ms_gperf tc = { .find = find, .module = module };
	struct ms_error *err = ms_gperf_find_root(find, module, &tc.root);
	if (err)
		return err;
	if (!tc.root.address)
		return recognise(find, module);
	err = ms_words_new(find->target, find->cancel, &words);
	tc.words = words;
	return err ? err : add_instance(&tc);
}

static struct ms_error *find(struct ms_alloc_find *find)
{
	struct ms_error *err = NULL;
	for (size_t i = 0; !err && i < find->modules.n; i++)
		err = find_in(find, &find->modules.v[i]);
	return err;
}

const struct ms_allocator ms_allocator_gperftools = { .name = "gperftools",
	.find = find };
