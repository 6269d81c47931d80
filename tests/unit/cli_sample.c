// A utility that does nothing but what all utilities have in common, for tests/cli/sample
// and tests/lint: every kind of option, a table with hostile names, errors, waiting.

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

struct options {
	struct ms_cli_output output;
	uint64_t minimum;
	uint64_t limit;
	uint64_t interval;
	const char *file;
	int radix;
	int layout;
	bool all;
	struct ms_strings exclude;
};

static const char *const layouts[] = { "flat", "tree", NULL };

static struct ms_error *take_encoding(
	void *options, const struct ms_option *option, const char *argument)
{
	(void)options;
	(void)option;
	if (argument[0] && !argument[1])
		return NULL;
	return ms_error_new(MS_ERROR_USAGE, "'%s' is not one letter", argument);
}

static const struct ms_option options[] = {
	{ 'a', "all", NULL, "take everything", .kind = MS_OPTION_FLAG,
		MS_TO(struct options, all) },
	{ 'n', "least", "MIN", "least length, 4 if not given", .kind = MS_OPTION_COUNT,
		MS_TO(struct options, minimum), .is_digits = true },
	{ 'e', NULL, "LETTER", "an option with no long name", .kind = MS_OPTION_CALL,
		.call = take_encoding },
	{ 'o', "output", "FILE", "write to FILE; '-' is standard output",
		.kind = MS_OPTION_STRING, MS_TO(struct options, file) },
	{ 0, "exclude", "NAME",
		"leave out what is called NAME; may be given several times, and has an "
		"explanation that needs more than one line",
		.kind = MS_OPTION_REPEATED, MS_TO(struct options, exclude) },
	{ 0, "layout", "FORM", "how to draw it", .kind = MS_OPTION_CHOICE,
		MS_TO(struct options, layout), .choices = layouts },
	{ 'x', "hexadecimal-offsets", NULL, ".a dot, a 'quote' and a back\\slash",
		.kind = MS_OPTION_SET, MS_TO(struct options, radix), .value = 16 },
	{ 0, "limit", "SIZE", "stop after SIZE", .group = "Limits",
		.kind = MS_OPTION_SIZE, MS_TO(struct options, limit) },
	{ 0, "interval", "TIME", "wait TIME between two", .group = "Limits",
		.kind = MS_OPTION_DURATION, MS_TO(struct options, interval) },
	{ 0, "secret", NULL, "not to be seen anywhere", .kind = MS_OPTION_FLAG,
		MS_TO(struct options, all), .is_hidden = true },
	MS_CLI_JSON_OPTIONS(struct options, output),
	MS_CLI_COLUMN_OPTIONS(struct options, output, 'c'),
	MS_CLI_BYTES_OPTIONS(struct options, output),
	MS_CLI_COLOR_OPTIONS(struct options, output),
	MS_CLI_PAGER_OPTIONS(struct options, output),
	MS_CLI_PROGRESS_OPTIONS(struct options, output),
};

struct row {
	const char *name;
	uint64_t bytes;
};

static const struct row rows[] = {
	{ "/usr/lib/libc.so.6", 1 << 20 },
	{ "\033]0;owned\007", 3 << 20 }, // sets a terminal's title
	{ "\xc2\x9b"
	  "31mred",
		4096 }, // C1 control sequence introducer
	{ "exe\xe2\x80\xae"
	  "fdp.txt",
		1234567 }, // shown backwards
	{ "back\\slash and\ttab\n", 0 },
};

static void get_name(const void *row, void *ctx, struct ms_cell *cell)
{
	(void)ctx;
	cell->bytes = ms_bytes_of(((const struct row *)row)->name);
}

static void get_bytes(const void *row, void *ctx, struct ms_cell *cell)
{
	(void)ctx;
	cell->n = ((const struct row *)row)->bytes;
	cell->style = cell->n > 2 << 20 ? MS_STYLE_WARN : MS_STYLE_NONE;
}

static const struct ms_column columns[] = {
	{ .name = "RSS",
		.key = "resident_bytes",
		.help = "resident bytes",
		.type = MS_COLUMN_BYTES,
		.is_default = true,
		.get = get_bytes },
	{ .name = "COUNT",
		.key = "count",
		.help = "the same as a count",
		.type = MS_COLUMN_COUNT,
		.get = get_bytes },
	{ .name = "NAME",
		.key = "name",
		.help = "its name",
		.type = MS_COLUMN_TARGET,
		.is_default = true,
		.get = get_name },
};
static const struct ms_column_set set =
	MS_COLUMN_SET("mappings", "one row per mapping", columns, "-RSS");

static struct ms_error *show_table(struct ms_cli *cli)
{
	_cleanup_table_ struct ms_table table = { 0 };
	struct ms_error *err = ms_cli_table(cli, &set, NULL, &table);
	for (size_t i = 0; !err && i < sizeof(rows) / sizeof(rows[0]); i++)
		err = ms_table_add(&table, &rows[i]);
	if (err)
		return err;
	ms_cli_page(cli);
	return ms_cli_table_print(cli, &table);
}

static struct ms_error *show_options(struct ms_cli *cli, const struct options *o)
{
	ms_out_printf(&cli->out,
		"all %d minimum %ju limit %ju interval %ju file %s layout %s", o->all,
		o->minimum, o->limit, o->interval, o->file ?: "none", layouts[o->layout]);
	ms_out_printf(&cli->out, " radix %d exclude", o->radix);
	ms_array_foreach (name, &o->exclude)
		ms_out_printf(&cli->out, " %s", *name);
	ms_out_str(&cli->out, " operands");
	ms_array_foreach (operand, &cli->operands)
		ms_out_printf(&cli->out, " %s", *operand);
	ms_out_char(&cli->out, '\n');
	return NULL;
}

static struct ms_error *read_input(struct ms_cli *cli)
{
	_cleanup_buffer_ struct ms_buffer text = { 0 };
	ms_out_str(&cli->out, "waiting\n");
	ms_out_flush(&cli->out);
	ms_cli_waits(true);
	struct ms_error *err = ms_read_fd(STDIN_FILENO, "standard input", 1 << 20, &text);
	ms_cli_waits(false);
	ms_out_target(&cli->out, ms_buffer_bytes(&text));
	return err;
}

// Wait until told to stop, or for good if that is what is tested.
static struct ms_error *wait_for_signal(struct ms_cli *cli, bool heeds)
{
	ms_out_str(&cli->out, "waiting\n");
	ms_out_flush(&cli->out);
	while (!heeds || !ms_cancel_raised(cli->cancel))
		usleep(10000);
	ms_cli_note("cleaned up");
	return ms_error_new(MS_ERROR_CANCELLED, "interrupted");
}

static struct ms_error *run(struct ms_cli *cli, void *arg, enum ms_exit *ret)
{
	const struct options *o = arg;
	const char *what = cli->operands.v[0];
	if (strcmp(what, "table") == 0)
		return show_table(cli);
	if (strcmp(what, "options") == 0)
		return show_options(cli, o);
	if (strcmp(what, "wait") == 0 || strcmp(what, "hang") == 0)
		return wait_for_signal(cli, *what == 'w');
	if (strcmp(what, "-") == 0)
		return read_input(cli);
	if (strcmp(what, "incomplete") == 0) {
		ms_cli_note("2 pages vanished");
		*ret = MS_EXIT_INCOMPLETE;
		return NULL;
	}
	if (strcmp(what, "no") == 0) {
		*ret = MS_EXIT_NO;
		return NULL;
	}
	struct ms_error *err = ms_error_os(EACCES, "cannot open '%s'", what);
	return ms_error_hint(
		err, "run as the owner of '%s', or with CAP_SYS_PTRACE", what);
}

static const struct options defaults = { .minimum = 4, .radix = 10 };
static const char *const usage[] = { "[OPTION]... WHAT [WORD]...", "--help", NULL };
static const struct ms_cli_example examples[] = {
	{ "sample table --sort=NAME", "show the table by name" },
	{ "sample table --json | jq .", "the same for a program" },
	{ 0 },
};
static const struct ms_column_set *const sets[] = { &set, NULL };
static const struct ms_utility utility = {
	.name = "sample",
	.summary = "show what every utility has in common",
	.usage = usage,
	.columns = sets,
	.examples = examples,
	MS_OPTION_TABLE(options, defaults),
	MS_OUTPUT_AT(struct options, output),
	.operand = "WHAT",
	.min_operands = 1,
	.max_operands = UINT_MAX,
	.run = run,
};

int main(int argc, char **argv)
{
	return ms_cli_main(&utility, argc, argv);
}
