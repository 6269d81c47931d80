// Allocators that are recognised only: by the names they give their mappings, by where
// those lie, by what stands in a library's data, or, for want of more, by functions that
// no other library exports.

#include <string.h>

#include "alloc/whole.h"

enum {
	NAMES = 2,
	TAG_SHIFT = 42, // google's tcmalloc: what is in a reservation, in its address
	TAG_METADATA = 3,
	TAG_NORMAL = 4,
	TAG_NORMAL_2 = 6,
	RESERVATION = 1 << 30,
};

struct ms_error *ms_whole_instance(struct ms_alloc_find *find, const char *allocator,
	const char *layout, struct ms_bytes path, const char *reason, uint32_t *ret)
{
	struct ms_alloc_instance row = { .allocator = allocator, .path = path };
	(void)snprintf(row.layout, sizeof(row.layout), "%s", layout);
	struct ms_error *err = ms_alloc_add_instance(find->alloc, &row, ret);
	if (!err)
		ms_alloc_stamp(find->alloc, *ret, 0, "%s", reason);
	return err;
}

struct ms_error *ms_whole_add(
	struct ms_alloc_find *find, uint32_t instance, struct ms_range range)
{
	struct ms_alloc_region region = { .range = range,
		.arena = UINT32_MAX,
		.instance = instance,
		.is_whole = true };
	struct ms_error *err = ms_alloc_add_region(find->alloc, &region);
	(void)ms_error_catch(&err, MS_ERROR_LIMIT);
	return err;
}

bool ms_whole_is_mapped(const struct ms_maps *maps, struct ms_range range)
{
	uint64_t at = range.start;
	for (size_t i = ms_maps_index(maps, at);
		i < maps->n && at < range.end && maps->v[i].range.start <= at; i++)
		at = maps->v[i].range.end;
	return at >= range.end;
}

static bool has_instance(const struct ms_alloc_find *find, const char *allocator)
{
	ms_array_foreach (instance, &find->alloc->instances)
		if (!strcmp(instance->allocator, allocator))
			return true;
	return false;
}

// --- names of mappings ----------------------------------------------------------------

// Names given with PR_SET_VMA; kernels without CONFIG_ANON_VMA_NAME keep none.
static const struct label {
	const char *prefix, *allocator, *layout;
} labels[] = {
	{ "tcmalloc_region_", "tcmalloc", "google" },
	{ "mimalloc", "mimalloc", "" },
	{ "scudo:", "scudo", "" },
	{ "rpmalloc", "rpmalloc", "" },
	{ "snmalloc", "snmalloc", "" },
};

static bool is_labelled(const struct ms_mapping *m, const struct label *label)
{
	size_t n = strlen(label->prefix);
	return m->kind == MS_MAPPING_NAMED && m->label.n >= n &&
	       !memcmp(m->label.p, label->prefix, n);
}

static struct ms_error *find_label(struct ms_alloc_find *find, const struct label *label)
{
	struct ms_error *err = NULL;
	uint32_t instance = UINT32_MAX;
	if (has_instance(find, label->allocator))
		return NULL;
	for (size_t i = 0; !err && i < find->maps->n; i++) {
		const struct ms_mapping *m = &find->maps->v[i];
		if (!is_labelled(m, label))
			continue;
		if (instance == UINT32_MAX)
			err = ms_whole_instance(find, label->allocator, label->layout,
				(struct ms_bytes){ 0 },
				"recognised by the names of its mappings", &instance);
		if (!err)
			err = ms_whole_add(find, instance, m->range);
	}
	return err;
}

static struct ms_error *find_labels(struct ms_alloc_find *find)
{
	struct ms_error *err = NULL;
	for (size_t i = 0; !err && i < sizeof(labels) / sizeof(labels[0]); i++)
		err = find_label(find, &labels[i]);
	return err;
}

// --- google's tcmalloc ----------------------------------------------------------------

// Anonymous mappings that follow each other without a hole.
static struct ms_range run_at(const struct ms_maps *maps, size_t *i)
{
	struct ms_range run = maps->v[*i].range;
	for (++*i; *i < maps->n && maps->v[*i].range.start == run.end &&
		   maps->v[*i].kind == MS_MAPPING_ANON;
		++*i)
		run.end = maps->v[*i].range.end;
	return run;
}

static bool is_reservation(struct ms_range run, unsigned *ret_tag)
{
	*ret_tag = (unsigned)(run.start >> TAG_SHIFT & 7);
	return run.start % RESERVATION == 0 && run.end % RESERVATION == 0;
}

// Whole multiples of 1 GiB, its own data in one of the places for that and blocks in one
// of theirs: by chance nobody else's lie so.
static bool has_reservations(const struct ms_maps *maps)
{
	bool has_metadata = false, has_normal = false;
	for (size_t i = 0; i < maps->n;) {
		unsigned tag;
		if (maps->v[i].kind != MS_MAPPING_ANON) {
			i++;
			continue;
		}
		if (!is_reservation(run_at(maps, &i), &tag))
			continue;
		has_metadata |= tag == TAG_METADATA;
		has_normal |= tag == TAG_NORMAL || tag == TAG_NORMAL_2;
	}
	return has_metadata && has_normal;
}

static struct ms_error *find_reservations(struct ms_alloc_find *find)
{
	uint32_t instance;
	if (has_instance(find, "tcmalloc") || has_instance(find, "mimalloc") ||
		!has_reservations(find->maps))
		return NULL;
	struct ms_error *err =
		ms_whole_instance(find, "tcmalloc", "google", (struct ms_bytes){ 0 },
			"recognised by the addresses of its reservations", &instance);
	for (size_t i = 0; !err && i < find->maps->n;) {
		unsigned tag;
		if (find->maps->v[i].kind != MS_MAPPING_ANON) {
			i++;
			continue;
		}
		struct ms_range run = run_at(find->maps, &i);
		if (is_reservation(run, &tag))
			err = ms_whole_add(find, instance, run);
	}
	return err;
}

// --- functions ------------------------------------------------------------------------

// All names of a row must be defined in one module.
static const struct functions {
	const char *allocator, *layout;
	const char *names[NAMES];
} functions[] = {
	{ "tcmalloc", "google",
		{ "MallocExtension_Internal_GetNumericProperty",
			"TCMalloc_Internal_GetMaxPerCpuCacheSize" } },
	{ "mozjemalloc", "", { "moz_arena_malloc", "jemalloc_free_dirty_pages" } },
	{ "jemalloc", "", { "mallctlnametomib", "malloc_stats_print" } },
	{ "jemalloc", "", { "je_mallctlnametomib", "je_malloc_stats_print" } },
	{ "mimalloc", "", { "mi_malloc", "mi_heap_new" } },
	{ "rpmalloc", "", { "rpmalloc_initialize", "rpmalloc_thread_collect" } },
	{ "snmalloc", "", { "sn_rust_alloc", "sn_rust_dealloc" } },
	{ "scudo", "", { "__scudo_print_stats", "malloc" } },
	{ "heaplayers", "", { "xxmalloc", "xxmalloc_usable_size" } },
};

enum {
	ROWS = sizeof(functions) / sizeof(functions[0]),
};

static struct ms_error *find_functions(
	struct ms_alloc_find *find, const struct ms_module *module)
{
	const char *names[ROWS * NAMES];
	uint64_t addresses[ROWS * NAMES];
	uint32_t instance;
	for (size_t i = 0; i < ROWS; i++)
		memcpy(&names[i * NAMES], functions[i].names, sizeof(functions[i].names));
	struct ms_error *err = ms_module_symbols(module, names, ROWS * NAMES, addresses);
	for (size_t i = 0; !err && i < ROWS; i++) {
		const struct functions *row = &functions[i];
		if (!addresses[i * NAMES] || !addresses[i * NAMES + 1] ||
			has_instance(find, row->allocator))
			continue;
		err = ms_whole_instance(find, row->allocator, row->layout, module->path,
			"recognised by its functions; where its memory is, is not known",
			&instance);
	}
	return err;
}

static struct ms_error *find(struct ms_alloc_find *find)
{
	struct ms_error *err = ms_whole_mimalloc3(find);
	if (!err && !has_instance(find, "mimalloc"))
		err = ms_whole_mimalloc1(find);
	if (!err && !has_instance(find, "musl"))
		err = ms_whole_musl(find);
	if (!err)
		err = find_labels(find);
	if (!err)
		err = find_reservations(find);
	ms_array_foreach (module, &find->modules)
		if (!err)
			err = find_functions(find, module);
	return err;
}

const struct ms_allocator ms_allocator_others = { .name = "others", .find = find };
