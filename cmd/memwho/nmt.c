// The table of a JVM's native memory tracking.

#include <string.h>

#include "hotspot/nmt_table.h"
#include "memwho.h"

#define NUMBER(name, expression, null)                                                   \
	static void get_##name(const void *row, void *ctx, struct ms_cell *cell)         \
	{                                                                                \
		const struct ms_nmt_row *r = row;                                        \
		(void)ctx;                                                               \
		cell->n = (expression);                                                  \
		cell->is_null = (null);                                                  \
	}

NUMBER(blocks, r->blocks, false)
NUMBER(bytes, r->bytes, false)
NUMBER(resident, r->resident, false)
NUMBER(told_blocks, r->told_blocks, !r->has_told)
NUMBER(told_bytes, r->told_bytes, !r->has_told)
NUMBER(reserved, r->reserved, !r->has_virtual)
NUMBER(committed, r->committed, !r->has_virtual)

static void get_name(const void *row, void *ctx, struct ms_cell *cell)
{
	(void)ctx;
	cell->text = ((const struct ms_nmt_row *)row)->name;
}

static const struct ms_column columns[] = {
	{ .name = "MALLOC",
		.key = "malloc_bytes",
		.type = MS_COLUMN_KIB,
		.is_default = true,
		.help = "bytes of blocks with its header, as they were asked for",
		.get = get_bytes },
	{ .name = "BLOCKS",
		.key = "blocks",
		.type = MS_COLUMN_COUNT,
		.is_default = true,
		.help = "these blocks",
		.get = get_blocks },
	{ .name = "RESIDENT",
		.key = "resident_bytes",
		.type = MS_COLUMN_KIB,
		.is_default = true,
		.help = "resident bytes of these blocks: what tracking does not know",
		.get = get_resident },
	{ .name = "COUNTED",
		.key = "counted_bytes",
		.type = MS_COLUMN_KIB,
		.is_default = true,
		.help = "bytes of malloc by the JVM's own counters",
		.get = get_told_bytes },
	{ .name = "COUNTEDBLOCKS",
		.key = "counted_blocks",
		.type = MS_COLUMN_COUNT,
		.help = "blocks by the JVM's own counters",
		.get = get_told_blocks },
	{ .name = "RESERVED",
		.key = "reserved_bytes",
		.type = MS_COLUMN_KIB,
		.is_default = true,
		.help = "address space it reserved by mmap, by its own counters",
		.get = get_reserved },
	{ .name = "COMMITTED",
		.key = "committed_bytes",
		.type = MS_COLUMN_KIB,
		.is_default = true,
		.help = "committed bytes of that",
		.get = get_committed },
	{ .name = "CATEGORY",
		.key = "category",
		.type = MS_COLUMN_TEXT,
		.is_default = true,
		.help = "what the JVM took it for",
		.get = get_name },
};

const struct ms_column_set nmt_columns = MS_COLUMN_SET("nmt",
	"one row per category of a JVM's native memory tracking", columns, "-MALLOC");

static bool is_empty(const struct ms_nmt_row *row)
{
	return !row->blocks && !row->told_blocks && !row->reserved && !row->committed;
}

static struct ms_error *print_table(
	struct ms_cli *cli, struct ms_table *table, const struct ms_nmt_table *nmt)
{
	struct ms_error *err = NULL;
	ms_array_foreach (row, &nmt->v)
		if (!err && !is_empty(row))
			err = ms_table_add(table, row);
	if (err)
		return err;
	ms_cli_page(cli);
	return ms_cli_table_print(cli, table);
}

struct ms_error *find_tracking(struct ms_cli *cli, struct ms_target *target,
	struct ms_vm **ret_vm, struct ms_nmt *ret)
{
	struct ms_flags flags = { 0 };
	const char *why;
	struct ms_error *err = ms_vm_find(target, ret_vm, &why);
	if (!err && !*ret_vm)
		err = ms_error_new(MS_ERROR_UNSUPPORTED, "'%s': %s", cli->operands.v[0],
			why ? why : "it has no JVM");
	if (!err)
		err = ms_flags_read(*ret_vm, &flags);
	if (err)
		return err;
	*ret = ms_nmt_read(*ret_vm, &flags);
	return ret->is_on ? NULL
			  : ms_error_hint(
				    ms_error_new(MS_ERROR_UNSUPPORTED, "'%s': %s",
					    cli->operands.v[0],
					    ret->note ? ret->note
						      : "native memory tracking is off"),
				    "it is switched on when the JVM starts: "
				    "-XX:NativeMemoryTracking=summary");
}

struct ms_error *print_nmt(struct ms_cli *cli, struct ms_target *target, unsigned workers,
	struct ms_table *table)
{
	_cleanup_vm_ struct ms_vm *vm = NULL;
	struct ms_thread_table *threads = NULL;
	struct ms_nmt_table rows = { 0 };
	struct ms_nmt nmt;
	struct ms_error *err = find_tracking(cli, target, &vm, &nmt);
	if (!err)
		err = ms_thread_table_make(target, &threads);
	if (!err)
		err = ms_nmt_table_make(vm, &nmt, threads, workers, cli->cancel, &rows);
	ms_thread_table_free(threads);
	if (!err)
		err = print_table(cli, table, &rows);
	if (!err && !rows.has_virtual)
		ms_cli_note(
			"libjvm.so has no .symtab: the JVM's own counters are missing");
	ms_nmt_table_deinit(&rows);
	return err;
}
