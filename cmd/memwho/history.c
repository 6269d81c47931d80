// The table of what a JVM remembers of its own past.

#include <inttypes.h>
#include <string.h>

#include "hotspot/events.h"
#include "memwho.h"

struct event_row {
	const struct ms_event *event;
	const struct ms_event_log *log;
};

static void get_time(const void *row, void *ctx, struct ms_cell *cell)
{
	uint64_t ms = ((const struct event_row *)row)->event->at_ns / 1000000;
	(void)ctx;
	ms_cell_printf(cell, "%" PRIu64 ".%03" PRIu64, ms / 1000, ms % 1000);
}

static void get_ns(const void *row, void *ctx, struct ms_cell *cell)
{
	(void)ctx;
	cell->n = ((const struct event_row *)row)->event->at_ns;
}

static void get_log(const void *row, void *ctx, struct ms_cell *cell)
{
	(void)ctx;
	cell->bytes = ms_bytes_of(((const struct event_row *)row)->log->name);
}

static void get_thread(const void *row, void *ctx, struct ms_cell *cell)
{
	(void)ctx;
	cell->n = ((const struct event_row *)row)->event->thread;
	cell->is_null = !cell->n;
}

static void get_text(const void *row, void *ctx, struct ms_cell *cell)
{
	struct ms_bytes text = ((const struct event_row *)row)->event->text;
	(void)ctx;
	while (text.n && text.p[text.n - 1] == '\n')
		text.n--;
	cell->bytes = text;
}

static const struct ms_column columns[] = {
	{ .name = "TIME",
		.type = MS_COLUMN_TEXT,
		.is_default = true,
		.is_right = true,
		.help = "seconds since the JVM's start",
		.get = get_time },
	{ .name = "NS",
		.key = "at_ns",
		.type = MS_COLUMN_NUMBER,
		.help = "the same in nanoseconds",
		.get = get_ns },
	{ .name = "LOG",
		.key = "log",
		.type = MS_COLUMN_TARGET,
		.is_default = true,
		.help = "which of the JVM's logs has it",
		.get = get_log },
	{ .name = "THREAD",
		.key = "thread",
		.type = MS_COLUMN_ADDRESS,
		.help = "the JVM's Thread that wrote it",
		.get = get_thread },
	{ .name = "TEXT",
		.key = "text",
		.type = MS_COLUMN_TARGET,
		.is_default = true,
		.help = "what the JVM says",
		.get = get_text },
};

const struct ms_column_set history_columns =
	MS_COLUMN_SET("history", "one row per event that a JVM remembers", columns, "NS");

static struct ms_error *add_rows(
	struct ms_table *table, const struct ms_events *events, struct event_row *rows)
{
	struct ms_error *err = NULL;
	for (size_t i = 0; !err && i < events->v.n; i++) {
		rows[i].event = &events->v.v[i];
		rows[i].log = &events->logs.v[rows[i].event->log];
		err = ms_table_add(table, &rows[i]);
	}
	return err;
}

static struct ms_error *print_events(
	struct ms_cli *cli, struct ms_table *table, const struct ms_events *events)
{
	_cleanup_free_ struct event_row *rows = calloc(events->v.n + 1, sizeof(*rows));
	if (!rows)
		return &ms_error_nomem;
	struct ms_error *err = add_rows(table, events, rows);
	if (err)
		return err;
	ms_cli_page(cli);
	err = ms_cli_table_print(cli, table);
	ms_array_foreach (note, &events->notes)
		if (!err)
			ms_cli_note("%s", *note);
	return err;
}

struct ms_error *print_history(
	struct ms_cli *cli, struct ms_target *target, struct ms_table *table)
{
	_cleanup_vm_ struct ms_vm *vm = NULL;
	struct ms_events events = { 0 };
	const char *why;
	struct ms_error *err = ms_vm_find(target, &vm, &why);
	if (!err && !vm)
		err = ms_error_new(MS_ERROR_UNSUPPORTED, "'%s': %s", cli->operands.v[0],
			why ? why : "it has no JVM");
	if (!err)
		err = ms_events_read(vm, &events);
	if (!err)
		err = print_events(cli, table, &events);
	ms_events_deinit(&events);
	return err;
}
