// mapheap - the Java heap from outside: spaces, regions, and where objects are.

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "mapheap.h"
#include "watch.h"

enum {
	MEMORY_NEEDED = 8 << 20,
	POLL_MS = 20,
	LARGE = 1 << 20,
};

enum screen {
	SCREEN_HEAP,
	SCREEN_HISTOGRAM,
	SCREEN_LOG,
	SCREEN_LOADERS,
	SCREEN_CODE,
	SCREEN_FLAGS,
};

struct options {
	struct ms_cli_output output;
	int screen; ///< enum screen
	const char *large;
	const char *follow;
	uint64_t threads;
	bool watch;
	const char *sysroot;
};

static const char *const usage[] = { "[OPTION]... TARGET",
	"[OPTION]... -- PROGRAM [ARGUMENT]...", NULL };

static const struct ms_cli_example examples[] = {
	{ "mapheap 4392", "the heap of a live JVM, by space, with a picture" },
	{ "mapheap java-4392.core", "the same of a snapshot or core" },
	{ "mapheap --json 4392", "the same for scripts" },
	{ "mapheap --watch 4392", "every collection as it happens" },
	{ "mapheap --follow 'byte[2M]' -- java -XX:+UseSerialGC -Xmx20M Demo",
		"where arrays of that length go" },
	{ "mapheap -- java -XX:+UseSerialGC -Xmx20M Demo",
		"start a program, and show its heap as it is when it exits" },
	{ NULL, NULL },
};

static const struct ms_option options[] = {
	{ 0, "histogram", NULL, "one row per class and space: instances and bytes",
		.kind = MS_OPTION_SET, MS_TO(struct options, screen),
		.value = SCREEN_HISTOGRAM },
	{ 0, "large", "SIZE",
		"objects from SIZE on, such as 1M, and where they are; heaps above 1 GiB are "
		"only walked if this or --histogram is given",
		.kind = MS_OPTION_STRING, MS_TO(struct options, large) },
	{ 0, "watch", NULL,
		"show every collection as it happens, and why it promoted, until the process "
		"ends or is interrupted",
		.kind = MS_OPTION_FLAG, MS_TO(struct options, watch) },
	{ 0, "follow", "CLASS",
		"with each collection say where the large arrays of CLASS are, 'byte[]' or "
		"'byte[2M]'; implies --watch",
		.kind = MS_OPTION_STRING, MS_TO(struct options, follow) },
	{ 0, "log", NULL,
		"the last collections in the words of -Xlog:gc*, "
		"timed from the text before to the one after",
		.kind = MS_OPTION_SET, MS_TO(struct options, screen),
		.value = SCREEN_LOG },
	{ 0, "loaders", NULL, "class loaders, and their classes and bytes in metaspace",
		.kind = MS_OPTION_SET, MS_TO(struct options, screen),
		.value = SCREEN_LOADERS },
	{ 0, "code", NULL, "the code cache by its heaps", .kind = MS_OPTION_SET,
		MS_TO(struct options, screen), .value = SCREEN_CODE },
	{ 0, "flags", NULL, "every flag of the JVM, and where its value came from",
		.kind = MS_OPTION_SET, MS_TO(struct options, screen),
		.value = SCREEN_FLAGS },
	{ 0, "threads", "N", "walk the heap with N threads (one per processor)",
		.kind = MS_OPTION_COUNT, MS_TO(struct options, threads) },
	{ 0, "sysroot", "DIR", "also look for mapped files below DIR",
		.kind = MS_OPTION_STRING, MS_TO(struct options, sysroot) },
	MS_CLI_COLUMN_OPTIONS(struct options, output, 'o'),
	MS_CLI_BYTES_OPTIONS(struct options, output),
	MS_CLI_JSON_OPTIONS(struct options, output),
	MS_CLI_COLOR_OPTIONS(struct options, output),
	MS_CLI_PAGER_OPTIONS(struct options, output),
};

static const struct ms_column_set *const column_sets[] = { &space_columns,
	&histogram_columns, &loader_columns, &code_columns, &flag_columns, NULL };

typedef struct ms_error *(*print_fn)(
	struct ms_cli *cli, struct view *view, struct ms_table *table);

static struct ms_error *print_histogram(
	struct ms_cli *cli, struct view *view, struct ms_table *table)
{
	if (cli->output->json == MS_JSON_DOCUMENT)
		return print_json(cli, view);
	struct ms_error *err = NULL;
	ms_array_foreach (row, &view->histogram.rows)
		if (!err)
			err = ms_table_add(table, row);
	if (err)
		return err;
	ms_cli_page(cli);
	return ms_cli_table_print(cli, table);
}

static struct ms_error *print_log_lines(
	struct ms_cli *cli, struct view *view, struct ms_table *table)
{
	(void)table;
	ms_cli_page(cli);
	print_log(&cli->out, view);
	return NULL;
}

static struct ms_error *print_heap(
	struct ms_cli *cli, struct view *view, struct ms_table *table)
{
	if (cli->output->json)
		return print_json(cli, view);
	struct ms_error *err =
		table->is_chosen ? NULL
				 : ms_table_select(table, space_columns_of(&view->heap));
	return err ? err : print_report(cli, view, table);
}

static const struct {
	const struct ms_column_set *columns;
	print_fn print;
	bool has_history, has_objects; // needs them
} screens[] = {
	[SCREEN_HEAP] = { &space_columns, print_heap, true, true },
	[SCREEN_HISTOGRAM] = { &histogram_columns, print_histogram, true, true },
	[SCREEN_LOG] = { &space_columns, print_log_lines, true, false },
	[SCREEN_LOADERS] = { &loader_columns, print_loaders, false, false },
	[SCREEN_CODE] = { &code_columns, print_code, false, false },
	[SCREEN_FLAGS] = { &flag_columns, print_flag_table, false, false },
};

// Is the heap small enough to be walked without having been asked for?
static bool wants_walk(const struct options *o, const struct view *view)
{
	return screens[o->screen].has_objects &&
	       (o->screen == SCREEN_HISTOGRAM || o->large ||
		       ms_heap_sum(&view->heap).used <= WALK_MAX);
}

static struct ms_target_options target_options_of(
	const struct ms_cli *cli, const struct options *o)
{
	return (struct ms_target_options){
		.smaps = MS_TARGET_SMAPS_NEVER,
		.sysroot = o->sysroot,
		.cancel = cli->cancel,
	};
}

static struct ms_error *show(struct ms_cli *cli, const struct options *o,
	const char *name, struct view *view, struct ms_table *table)
{
	struct ms_target_options target_options = target_options_of(cli, o);
	struct ms_error *err = view_open(view, name, &target_options);
	if (!err && screens[o->screen].has_history)
		err = view_read_history(view);
	if (!err && wants_walk(o, view))
		err = view_walk(view, cli->cancel);
	if (!err && o->screen == SCREEN_HEAP && view->objects)
		err = view_read_moves(view, cli->cancel);
	return err ? err : screens[o->screen].print(cli, view, table);
}

static struct ms_error *start(struct ms_cli *cli, struct program *program)
{
	char **argv = calloc(cli->operands.n + 1, sizeof(*argv));
	if (!argv)
		return &ms_error_nomem;
	memcpy(argv, cli->operands.v, cli->operands.n * sizeof(*argv));
	struct ms_error *err = program_start(program, argv);
	free(argv);
	return err;
}

// Collections are shown as they happen, once there is a JVM.
static struct ms_error *watch_program(struct ms_cli *cli, struct watch *watch)
{
	struct ms_error *err = watch_step(watch, &cli->out, cli->cancel);
	if (!watch->is_begun && (ms_error_catch(&err, MS_ERROR_UNSUPPORTED) ||
					ms_error_catch(&err, MS_ERROR_GONE)))
		return NULL; // it did not get that far yet
	return err;
}

// Until it stands still at its exit; `watch` may be NULL.
static struct ms_error *hold(
	struct ms_cli *cli, struct program *program, struct watch *watch)
{
	struct ms_error *err = NULL;
	while (!err && !program->is_held && !program->has_ended) {
		if (ms_cancel_raised(cli->cancel))
			return ms_error_new(MS_ERROR_CANCELLED, "interrupted");
		err = program_poll(program, POLL_MS);
		if (!err && watch && !program->has_ended)
			err = watch_program(cli, watch);
	}
	if (!err && !program->is_held)
		err = ms_error_new(MS_ERROR_GONE,
			"'%s' was killed before it could be held", cli->operands.v[0]);
	return err;
}

static struct ms_error *run_program(struct ms_cli *cli, const struct options *o,
	const struct watch_options *watch_options, struct view *view,
	struct ms_table *table)
{
	_cleanup_program_ struct program program = { 0 };
	_cleanup_watch_ struct watch watch = { .options = watch_options };
	char name[32];
	struct ms_error *err = start(cli, &program);
	if (err)
		return err;
	(void)snprintf(name, sizeof(name), "%d", (int)program.pid);
	watch.name = name;
	err = hold(cli, &program, o->watch || o->follow ? &watch : NULL);
	if (err)
		return err;
	view->program = &program;
	view->label = cli->operands.v[0];
	err = show(cli, o, name, view, table);
	view->program = NULL;
	return err;
}

static struct ms_error *run(struct ms_cli *cli, void *arg, enum ms_exit *ret)
{
	const struct options *o = arg;
	_cleanup_view_ struct view view = { 0 };
	_cleanup_table_ struct ms_table table = { 0 };
	bool is_program = cli->n_before_dashes == 0;
	bool watches = o->watch || o->follow;
	if (cli->output->json && (watches || o->screen == SCREEN_LOG))
		return ms_error_new(MS_ERROR_USAGE,
			"--watch, --follow and --log are for people: no JSON");
	if (!is_program && cli->operands.n > 1)
		return ms_error_new(MS_ERROR_USAGE, "one TARGET, or -- and a program");
	view.large = LARGE;
	view.workers = (unsigned)ms_min(o->threads, MS_OBJECT_WORKERS_MAX);
	if (o->large && !ms_size_parse(o->large, &view.large))
		return ms_error_new(MS_ERROR_USAGE, "--large: '%s' is no size", o->large);
	struct ms_error *err =
		ms_cli_table(cli, screens[o->screen].columns, &view, &table);
	if (!err)
		err = ms_target_check_allowance(MEMORY_NEEDED);
	if (err)
		return err;
	struct watch_options watch_options = { .target = target_options_of(cli, o),
		.large = view.large,
		.workers = view.workers,
		.poll_ms = POLL_MS };
	if (o->follow && !follow_parse(o->follow, &watch_options.follow))
		return ms_error_new(
			MS_ERROR_USAGE, "--follow: '%s' is no class", o->follow);
	if (is_program)
		err = run_program(cli, o, &watch_options, &view, &table);
	else if (watches)
		err = watch_run(cli, cli->operands.v[0], &watch_options);
	else
		err = show(cli, o, cli->operands.v[0], &view, &table);
	if (view.is_incomplete)
		*ret = MS_EXIT_INCOMPLETE;
	return err;
}

static const struct options defaults;

static const struct ms_utility utility = {
	.name = "mapheap",
	.summary = "show where a JVM puts objects",
	.usage = usage,
	.examples = examples,
	.columns = column_sets,
	MS_OPTION_TABLE(options, defaults),
	MS_OUTPUT_AT(struct options, output),
	.operand = "TARGET",
	.min_operands = 1,
	.max_operands = UINT_MAX,
	.run = run,
};

int main(int argc, char **argv)
{
	return ms_cli_main(&utility, argc, argv);
}
