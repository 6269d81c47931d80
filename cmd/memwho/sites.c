// Call sites of a JVM's native memory tracking.

#include <inttypes.h>

#include "hotspot/nmt_sites.h"
#include "memwho.h"

static void get_bytes(const void *row, void *ctx, struct ms_cell *cell)
{
	(void)ctx;
	cell->n = ((const struct ms_nmt_site *)row)->bytes;
}

static void get_blocks(const void *row, void *ctx, struct ms_cell *cell)
{
	(void)ctx;
	cell->n = ((const struct ms_nmt_site *)row)->blocks;
}

static void get_category(const void *row, void *ctx, struct ms_cell *cell)
{
	(void)ctx;
	cell->text = ((const struct ms_nmt_site *)row)->category;
}

// Innermost first, as the JVM prints them; a frame of another library has no name.
static void join(const struct ms_nmt_site *site, bool is_named, struct ms_cell *cell)
{
	_cleanup_buffer_ struct ms_buffer text = { 0 };
	struct ms_error *err = NULL;
	for (size_t i = 0; !err && i < MS_NMT_FRAMES && site->frames[i]; i++) {
		const char *name = site->names[i] ? site->names[i] : "?";
		err = is_named ? ms_buffer_printf(&text, "%s%s", i ? " < " : "", name)
			       : ms_buffer_printf(&text, "%s0x%016" PRIx64, i ? " " : "",
					 site->frames[i]);
	}
	if (err || !text.n)
		cell->is_null = true;
	else
		ms_cell_printf(cell, "%.*s", (int)text.n, (const char *)text.p);
	ms_error_free(err);
}

static void get_site(const void *row, void *ctx, struct ms_cell *cell)
{
	(void)ctx;
	join(row, /* is_named= */ true, cell);
}

static void get_frames(const void *row, void *ctx, struct ms_cell *cell)
{
	(void)ctx;
	join(row, /* is_named= */ false, cell);
}

static const struct ms_column columns[] = {
	{ .name = "MALLOC",
		.key = "malloc_bytes",
		.type = MS_COLUMN_KIB,
		.is_default = true,
		.help = "bytes in use that were asked for there",
		.get = get_bytes },
	{ .name = "BLOCKS",
		.key = "blocks",
		.type = MS_COLUMN_COUNT,
		.is_default = true,
		.help = "blocks in use",
		.get = get_blocks },
	{ .name = "CATEGORY",
		.key = "category",
		.type = MS_COLUMN_TEXT,
		.is_default = true,
		.help = "what the JVM took them for",
		.get = get_category },
	{ .name = "SITE",
		.key = "site",
		.type = MS_COLUMN_TARGET,
		.is_default = true,
		.help = "the functions that asked, innermost first; '?': not libjvm.so's",
		.get = get_site },
	{ .name = "FRAMES",
		.key = "frames",
		.type = MS_COLUMN_TEXT,
		.help = "their return addresses",
		.get = get_frames },
};

const struct ms_column_set site_columns = MS_COLUMN_SET("sites",
	"one row per call site of a JVM's native memory tracking", columns, "-MALLOC");

static struct ms_error *print_table(
	struct ms_cli *cli, struct ms_table *table, const struct ms_nmt_sites *sites)
{
	struct ms_error *err = NULL;
	ms_array_foreach (site, &sites->v)
		if (!err)
			err = ms_table_add(table, site);
	if (err)
		return err;
	ms_cli_page(cli);
	return ms_cli_table_print(cli, table);
}

static struct ms_error *check(
	struct ms_cli *cli, const struct ms_vm *vm, const struct ms_nmt_sites *sites)
{
	if (sites->is_found)
		return NULL;
	if (!vm->has_symbols)
		return ms_error_new(MS_ERROR_UNSUPPORTED,
			"'%s': libjvm.so has no .symtab, which leads to the call sites",
			cli->operands.v[0]);
	return ms_error_hint(ms_error_new(MS_ERROR_UNSUPPORTED,
				     "'%s': native memory tracking has no call sites",
				     cli->operands.v[0]),
		"they are kept with -XX:NativeMemoryTracking=detail");
}

struct ms_error *print_sites(
	struct ms_cli *cli, struct ms_target *target, struct ms_table *table)
{
	_cleanup_vm_ struct ms_vm *vm = NULL;
	struct ms_nmt_sites sites = { 0 };
	struct ms_nmt nmt;
	struct ms_error *err = find_tracking(cli, target, &vm, &nmt);
	if (!err)
		err = ms_nmt_sites_read(vm, &nmt, &sites);
	if (!err)
		err = check(cli, vm, &sites);
	if (!err)
		err = print_table(cli, table, &sites);
	if (!err && !sites.is_complete)
		ms_cli_note("the table of call sites was not read to its end");
	ms_nmt_sites_deinit(&sites);
	return err;
}
