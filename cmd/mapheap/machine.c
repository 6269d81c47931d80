// Tables of the rest of the machine: class loaders, code cache, flags.

#include <string.h>

#include "base/size.h"
#include "mapheap.h"

// --- class loaders --------------------------------------------------------------------

#define LOADER_NUMBER(name, expression, null)                                            \
	static void get_loader_##name(const void *row, void *ctx, struct ms_cell *cell)  \
	{                                                                                \
		const struct ms_loader *r = row;                                         \
		(void)ctx;                                                               \
		cell->n = (expression);                                                  \
		cell->is_null = (null);                                                  \
	}

LOADER_NUMBER(classes, r->class_n, false)
LOADER_NUMBER(arrays, r->array_n, false)
LOADER_NUMBER(bytes, r->class_bytes, false)
LOADER_NUMBER(class_space, r->class_space.used, !r->has_space)
LOADER_NUMBER(other, r->other.used, !r->has_space)
LOADER_NUMBER(committed, r->class_space.committed + r->other.committed, !r->has_space)
LOADER_NUMBER(address, r->address, !r->address)

static void get_loader_name(const void *row, void *ctx, struct ms_cell *cell)
{
	const struct ms_loader *r = row;
	(void)ctx;
	cell->is_null = !r->name;
	if (r->name)
		cell->bytes = ms_bytes_of(r->name);
}

static const struct ms_column loader_list[] = {
	{ .name = "CLASSES",
		.key = "classes",
		.type = MS_COLUMN_COUNT,
		.is_default = true,
		.help = "classes it loaded, arrays included",
		.get = get_loader_classes },
	{ .name = "ARRAYS",
		.key = "arrays",
		.type = MS_COLUMN_COUNT,
		.help = "array classes among them",
		.get = get_loader_arrays },
	{ .name = "STRUCTURES",
		.key = "class_structure_bytes",
		.type = MS_COLUMN_BYTES,
		.help = "bytes of the class structures themselves",
		.get = get_loader_bytes },
	{ .name = "CLASSSPACE",
		.key = "class_space_bytes",
		.type = MS_COLUMN_BYTES,
		.is_default = true,
		.help = "bytes handed out to it from the class space",
		.get = get_loader_class_space },
	{ .name = "OTHER",
		.key = "nonclass_bytes",
		.type = MS_COLUMN_BYTES,
		.is_default = true,
		.help = "bytes handed out to it from the rest of metaspace",
		.get = get_loader_other },
	{ .name = "COMMITTED",
		.key = "committed_bytes",
		.type = MS_COLUMN_BYTES,
		.is_default = true,
		.help = "committed bytes of its chunks",
		.get = get_loader_committed },
	{ .name = "ADDRESS",
		.key = "address",
		.type = MS_COLUMN_ADDRESS,
		.help = "of its ClassLoaderData",
		.get = get_loader_address },
	{ .name = "LOADER",
		.key = "loader",
		.type = MS_COLUMN_TARGET,
		.is_default = true,
		.help = "class of the loader",
		.get = get_loader_name },
};

const struct ms_column_set loader_columns =
	MS_COLUMN_SET("loaders", "one row per class loader", loader_list, "-CLASSES");

// --- code cache -----------------------------------------------------------------------

#define CODE_NUMBER(name, expression, null)                                              \
	static void get_code_##name(const void *row, void *ctx, struct ms_cell *cell)    \
	{                                                                                \
		const struct ms_code_heap *r = row;                                      \
		(void)ctx;                                                               \
		cell->n = (expression);                                                  \
		cell->is_null = (null);                                                  \
	}

CODE_NUMBER(reserved, ms_range_size(r->range), false)
CODE_NUMBER(committed, r->committed_end - r->range.start, false)
CODE_NUMBER(used, r->used, false)
CODE_NUMBER(
	free, ms_range_size(r->range) - ms_min(r->used, ms_range_size(r->range)), false)
CODE_NUMBER(gaps, r->gaps, false)
CODE_NUMBER(resident, r->resident, false)
CODE_NUMBER(blobs, r->blob_n, false)
CODE_NUMBER(methods, r->kinds[MS_CODE_METHOD].blobs, false)
CODE_NUMBER(c1, r->tiers[1].blobs + r->tiers[2].blobs + r->tiers[3].blobs, false)
CODE_NUMBER(tier1, r->tiers[1].blobs, false)
CODE_NUMBER(tier2, r->tiers[2].blobs, false)
CODE_NUMBER(tier3, r->tiers[3].blobs, false)
CODE_NUMBER(c1_bytes, r->tiers[1].bytes + r->tiers[2].bytes + r->tiers[3].bytes, false)
CODE_NUMBER(c2, r->tiers[4].blobs, false)
CODE_NUMBER(c2_bytes, r->tiers[4].bytes, false)
CODE_NUMBER(full, (uint64_t)r->full_n, r->full_n < 0)

static void get_code_range(const void *row, void *ctx, struct ms_cell *cell)
{
	(void)ctx;
	cell->range = ((const struct ms_code_heap *)row)->range;
}

static void get_code_name(const void *row, void *ctx, struct ms_cell *cell)
{
	(void)ctx;
	cell->bytes = ms_bytes_of(((const struct ms_code_heap *)row)->name);
}

static const struct ms_column code_list[] = {
	{ .name = "RESERVED",
		.key = "reserved_bytes",
		.type = MS_COLUMN_KIB,
		.is_default = true,
		.help = "reserved bytes",
		.get = get_code_reserved },
	{ .name = "COMMITTED",
		.key = "committed_bytes",
		.type = MS_COLUMN_KIB,
		.is_default = true,
		.help = "committed bytes",
		.get = get_code_committed },
	{ .name = "USED",
		.key = "used_bytes",
		.type = MS_COLUMN_KIB,
		.is_default = true,
		.help = "bytes of blocks in use",
		.get = get_code_used },
	{ .name = "FREE",
		.key = "free_bytes",
		.type = MS_COLUMN_KIB,
		.is_default = true,
		.help = "reserved bytes that are not in use",
		.get = get_code_free },
	{ .name = "GAPS",
		.key = "gap_bytes",
		.type = MS_COLUMN_KIB,
		.help = "bytes of free blocks between used ones",
		.get = get_code_gaps },
	{ .name = "RESIDENT",
		.key = "resident_bytes",
		.type = MS_COLUMN_KIB,
		.is_default = true,
		.help = "resident bytes, its segment map included",
		.get = get_code_resident },
	{ .name = "BLOBS",
		.key = "blobs",
		.type = MS_COLUMN_COUNT,
		.is_default = true,
		.help = "pieces of code",
		.get = get_code_blobs },
	{ .name = "METHODS",
		.key = "methods",
		.type = MS_COLUMN_COUNT,
		.is_default = true,
		.help = "compiled methods and native wrappers among them",
		.get = get_code_methods },
	{ .name = "C1",
		.key = "c1_methods",
		.type = MS_COLUMN_COUNT,
		.is_default = true,
		.help = "methods of tiers 1 to 3",
		.get = get_code_c1 },
	{ .name = "TIER1",
		.key = "tier1_methods",
		.type = MS_COLUMN_COUNT,
		.help = "of tier 1: simple ones, for good",
		.get = get_code_tier1 },
	{ .name = "TIER2",
		.key = "tier2_methods",
		.type = MS_COLUMN_COUNT,
		.help = "of tier 2: with counters",
		.get = get_code_tier2 },
	{ .name = "TIER3",
		.key = "tier3_methods",
		.type = MS_COLUMN_COUNT,
		.help = "of tier 3: with full profiles",
		.get = get_code_tier3 },
	{ .name = "C1BYTES",
		.key = "c1_bytes",
		.type = MS_COLUMN_KIB,
		.help = "their bytes",
		.get = get_code_c1_bytes },
	{ .name = "C2",
		.key = "c2_methods",
		.type = MS_COLUMN_COUNT,
		.is_default = true,
		.help = "methods of tier 4",
		.get = get_code_c2 },
	{ .name = "C2BYTES",
		.key = "c2_bytes",
		.type = MS_COLUMN_KIB,
		.help = "their bytes",
		.get = get_code_c2_bytes },
	{ .name = "FULL",
		.key = "full_count",
		.type = MS_COLUMN_COUNT,
		.help = "times it was found full",
		.get = get_code_full },
	{ .name = "RANGE",
		.key = "range",
		.type = MS_COLUMN_RANGE,
		.help = "reserved addresses",
		.get = get_code_range },
	{ .name = "HEAP",
		.key = "heap",
		.type = MS_COLUMN_TARGET,
		.is_default = true,
		.help = "its name",
		.get = get_code_name },
};

const struct ms_column_set code_columns =
	MS_COLUMN_SET("code", "one row per code heap", code_list, NULL);

// --- flags ----------------------------------------------------------------------------

static void get_flag_name(const void *row, void *ctx, struct ms_cell *cell)
{
	(void)ctx;
	cell->bytes = ms_bytes_of(((const struct ms_flag *)row)->name);
}

static void get_flag_type(const void *row, void *ctx, struct ms_cell *cell)
{
	(void)ctx;
	cell->text = ms_flag_type_name(((const struct ms_flag *)row)->type);
}

static void get_flag_origin(const void *row, void *ctx, struct ms_cell *cell)
{
	(void)ctx;
	cell->text = ms_flag_origin_name(((const struct ms_flag *)row)->origin);
}

static void get_flag_value(const void *row, void *ctx, struct ms_cell *cell)
{
	const struct ms_flag *flag = row;
	char text[64];
	(void)ctx;
	if (flag->type >= MS_FLAG_TEXT) {
		cell->bytes = ms_bytes_of(flag->text ? flag->text : "");
		return;
	}
	ms_flag_format(flag, text, sizeof(text));
	ms_cell_printf(cell, "%s", text);
}

static const struct ms_column flag_list[] = {
	{ .name = "TYPE",
		.key = "type",
		.type = MS_COLUMN_TEXT,
		.is_default = true,
		.help = "its type in the JVM",
		.get = get_flag_type },
	{ .name = "NAME",
		.key = "name",
		.type = MS_COLUMN_TARGET,
		.is_default = true,
		.help = "its name, without -XX:",
		.get = get_flag_name },
	{ .name = "ORIGIN",
		.key = "origin",
		.type = MS_COLUMN_TEXT,
		.is_default = true,
		.help = "where the value came from",
		.get = get_flag_origin },
	{ .name = "VALUE",
		.key = "value",
		.type = MS_COLUMN_TARGET,
		.is_default = true,
		.help = "its value, as the JVM prints it",
		.get = get_flag_value },
};

const struct ms_column_set flag_columns =
	MS_COLUMN_SET("flags", "one row per flag of the JVM", flag_list, NULL);

// --------------------------------------------------------------------------------------

static struct ms_error *add_rows(
	struct ms_table *table, const void *v, size_t n, size_t size)
{
	struct ms_error *err = NULL;
	for (size_t i = 0; !err && i < n; i++)
		err = ms_table_add(table, (const char *)v + i * size);
	return err;
}

static void print_notes_aside(const struct ms_vm_notes *notes)
{
	ms_array_foreach (note, notes)
		ms_cli_note("%s", *note);
}

// --- what loaders come to -------------------------------------------------------------

// Several patterns can share a name; the first of them speaks for all.
static struct ms_class_count generated_of(
	const struct ms_loaders *loaders, unsigned which, bool *ret_is_first)
{
	const char *name = ms_generated_name((enum ms_generated)which);
	struct ms_class_count sum = { 0 };
	*ret_is_first = true;
	for (unsigned g = 0; g < MS_GENERATED_COUNT; g++) {
		if (strcmp(ms_generated_name((enum ms_generated)g), name) != 0)
			continue;
		*ret_is_first &= g >= which;
		sum.n += loaders->generated[g].n;
		sum.bytes += loaders->generated[g].bytes;
	}
	return sum;
}

static void print_count(struct ms_out *out, const char *lead, const char *name,
	const struct ms_class_count *count)
{
	char text[MS_SIZE_TEXT];
	ms_out_printf(out, "%s%s %s (", lead, name, ms_count_text(count->n, text));
	print_kib(out, count->bytes);
	ms_out_str(out, ")");
}

static void print_loader_totals(struct ms_out *out, const struct ms_loaders *loaders)
{
	char text[MS_SIZE_TEXT];
	const struct ms_loader *total = &loaders->total;
	const char *lead = "; generated: ";
	ms_out_str(out, "\n");
	print_word(out, "TOTAL");
	ms_out_printf(out, "%s classes, their structures ",
		ms_count_text(total->class_n, text));
	print_kib(out, total->class_bytes);
	print_count(out, "; ", "hidden", &loaders->hidden);
	for (unsigned g = 0; g < MS_GENERATED_COUNT; g++) {
		bool is_first;
		struct ms_class_count count = generated_of(loaders, g, &is_first);
		if (!is_first || !count.n)
			continue;
		print_count(out, lead, ms_generated_name((enum ms_generated)g), &count);
		lead = ", ";
	}
	ms_out_str(out, "\n");
}

static void add_count(
	struct ms_json *json, const char *key, const struct ms_class_count *count)
{
	ms_json_begin_row(json, key, '{');
	ms_json_add(json, "classes", ms_json_size(count->n));
	ms_json_add(json, "class_structure_bytes", ms_json_size(count->bytes));
	ms_json_end(json);
}

static void add_loader_totals(struct ms_json *json, const void *arg)
{
	const struct ms_loaders *loaders = arg;
	ms_json_begin(json, "totals", '{');
	ms_json_add(json, "classes", ms_json_size(loaders->total.class_n));
	ms_json_add(
		json, "class_structure_bytes", ms_json_size(loaders->total.class_bytes));
	add_count(json, "hidden", &loaders->hidden);
	ms_json_begin(json, "generated", '{');
	for (unsigned g = 0; g < MS_GENERATED_COUNT; g++) {
		bool is_first;
		struct ms_class_count count = generated_of(loaders, g, &is_first);
		if (is_first)
			add_count(json, ms_generated_name((enum ms_generated)g), &count);
	}
	ms_json_end(json);
	ms_json_end(json);
}

static void name_holders(struct ms_loaders *loaders)
{
	loaders->holders.name = "(classes without a loader of their own: hidden ones)";
	loaders->rest.name = "(further loaders)";
}

struct ms_error *print_loaders(
	struct ms_cli *cli, struct view *view, struct ms_table *table)
{
	struct ms_loaders loaders = { 0 };
	struct ms_error *err = ms_loaders_read(view->vm, &loaders);
	name_holders(&loaders);
	if (!err)
		err = add_rows(
			table, loaders.list.v, loaders.list.n, sizeof(loaders.list.v[0]));
	if (!err && loaders.holder_n)
		err = ms_table_add(table, &loaders.holders);
	if (!err && loaders.rest_n)
		err = ms_table_add(table, &loaders.rest);
	if (!err) {
		ms_cli_page(cli);
		err = ms_cli_table_print_with(cli, table, add_loader_totals, &loaders);
	}
	if (!err && !cli->output->json && !cli->format.is_raw)
		print_loader_totals(&cli->out, &loaders);
	print_notes_aside(&loaders.notes);
	view->is_incomplete |= !loaders.is_complete;
	ms_loaders_deinit(&loaders);
	return err;
}

struct ms_error *print_code(struct ms_cli *cli, struct view *view, struct ms_table *table)
{
	struct ms_code code = { 0 };
	struct ms_error *err = ms_code_read(view->vm, &code);
	if (!err)
		err = add_rows(
			table, code.heaps.v, code.heaps.n, sizeof(code.heaps.v[0]));
	if (!err)
		err = ms_cli_table_print(cli, table);
	print_notes_aside(&code.notes);
	ms_array_foreach (heap, &code.heaps)
		view->is_incomplete |= !heap->is_complete;
	ms_code_deinit(&code);
	return err;
}

struct ms_error *print_flag_table(
	struct ms_cli *cli, struct view *view, struct ms_table *table)
{
	struct ms_error *err =
		add_rows(table, view->flags.v, view->flags.n, sizeof(view->flags.v[0]));
	if (err)
		return err;
	ms_cli_page(cli);
	return ms_cli_table_print(cli, table);
}
