// memwho - the ledger: every resident byte under exactly one owner, summing to Rss.

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger/json.h"
#include "memwho.h"
#include "survey/survey.h"

enum {
	SAVED_MAX = 1 << 30,
	MEMORY_NEEDED = 8 << 20, // 3 MiB were measured for a JVM
};

struct options {
	struct ms_cli_output output;
	uint64_t threads;
	const char *sysroot, *owner;
	bool mappings;
	bool arenas;
	bool blocks;
	bool tasks;
	bool history;
	bool nmt;
	bool sites;
	bool check;
};

static const char *const usage[] = { "[OPTION]... TARGET",
	"--mappings|--arenas|--blocks|--tasks [OPTION]... TARGET",
	"--history|--nmt|--nmt-sites|--owner=ID [OPTION]... TARGET", NULL };

static const struct ms_cli_example examples[] = {
	{ "memwho 4392", "the ledger of a live process" },
	{ "memwho java-4392.core", "the same of a snapshot or core" },
	{ "memwho -o +NEXT 4392", "with what to do next" },
	{ "memwho --mappings -o RANGE,RSS,OWNER,NAME --sort=-RSS 4392",
		"its largest mappings" },
	{ "memwho --arenas 4392",
		"malloc's arenas: what is live, free, cached, returnable" },
	{ "memwho --blocks 4392", "malloc's blocks by size" },
	{ "memwho --owner=java.compiler 4392",
		"what JIT compilers hold, and which methods they compile" },
	{ "memwho --json 4392 >before.json", "save it, for mapdiff" },
	{ "memwho before.json", "show a saved ledger" },
	{ NULL, NULL },
};

static const struct ms_option options[] = {
	{ 0, "mappings", NULL,
		"one row per mapping, with all that smaps says, and its owner",
		.kind = MS_OPTION_FLAG, MS_TO(struct options, mappings) },
	{ 0, "arenas", NULL, "one row per arena of malloc, with a picture of its heaps",
		.kind = MS_OPTION_FLAG, MS_TO(struct options, arenas) },
	{ 0, "blocks", NULL, "one row per size of malloc's blocks",
		.kind = MS_OPTION_FLAG, MS_TO(struct options, blocks) },
	{ 0, "tasks", NULL,
		"one row per thread: its stack, its arena, what malloc keeps for it",
		.kind = MS_OPTION_FLAG, MS_TO(struct options, tasks) },
	{ 0, "history", NULL,
		"one row per event that a JVM remembers: collections, compilations, "
		"deoptimizations, libraries, exceptions, VM operations",
		.kind = MS_OPTION_FLAG, MS_TO(struct options, history) },
	{ 0, "nmt", NULL,
		"one row per category of a JVM's native memory tracking, read from outside: "
		"with what is resident, not the JVM's, or freed and kept",
		.kind = MS_OPTION_FLAG, MS_TO(struct options, nmt) },
	{ 0, "nmt-sites", NULL,
		"one row per call site of a JVM's native memory tracking in detail mode: "
		"functions, blocks and bytes in use",
		.kind = MS_OPTION_FLAG, MS_TO(struct options, sites) },
	{ 0, "owner", "ID",
		"all that is known of one owner, or of those within it: java.compiler",
		.kind = MS_OPTION_STRING, MS_TO(struct options, owner) },
	{ 0, "check", NULL,
		"compare with the kernel's Rss above 16 GiB too; smaps stalls the process's "
		"mmap calls by 9 ms per GiB",
		.kind = MS_OPTION_FLAG, MS_TO(struct options, check) },
	{ 0, "sysroot", "DIR", "also look for mapped files below DIR",
		.kind = MS_OPTION_STRING, MS_TO(struct options, sysroot) },
	{ 0, "threads", "N", "work with N threads (one per processor)",
		.kind = MS_OPTION_COUNT, MS_TO(struct options, threads) },
	MS_CLI_COLUMN_OPTIONS(struct options, output, 'o'),
	MS_CLI_BYTES_OPTIONS(struct options, output),
	MS_CLI_JSON_OPTIONS(struct options, output),
	MS_CLI_COLOR_OPTIONS(struct options, output),
	MS_CLI_PAGER_OPTIONS(struct options, output),
};

static const struct ms_column_set *const column_sets[] = { &owner_columns,
	&mapping_columns, &arena_columns, &block_columns, &thread_columns,
	&history_columns, &nmt_columns, &site_columns, NULL };

MS_DEFINE_CLEANUP(struct ms_target *, ms_target_free);

static struct ms_error *print_json(struct ms_cli *cli, const struct ms_ledger *ledger)
{
	json_t *document;
	struct ms_error *err = ms_ledger_to_json(ledger, &document);
	if (err)
		return err;
	struct ms_json json;
	ms_json_init(&json, &cli->out, (enum ms_json_form)cli->output->json);
	ms_json_add_tree(&json, /* key= */ NULL, document);
	json_decref(document);
	return ms_json_finish(&json);
}

// A table that stands for itself: its rows are `n` records of `size` bytes.
struct rows {
	const void *v;
	size_t n, size;
};

static const struct ms_column_set *columns_of(const struct options *o)
{
	return o->mappings  ? &mapping_columns
	       : o->arenas  ? &arena_columns
	       : o->blocks  ? &block_columns
	       : o->tasks   ? &thread_columns
	       : o->history ? &history_columns
	       : o->nmt     ? &nmt_columns
	       : o->sites   ? &site_columns
			    : &owner_columns;
}

static struct rows rows_of(const struct options *o, const struct ms_ledger *ledger)
{
	const struct ms_heaps *heaps = &ledger->heaps;
	if (o->mappings)
		return (struct rows){ ledger->mappings, ledger->mapping_n,
			sizeof(*ledger->mappings) };
	if (o->arenas)
		return (struct rows){ heaps->arenas, heaps->arena_n,
			sizeof(*heaps->arenas) };
	if (o->blocks)
		return (struct rows){ heaps->sizes, heaps->size_n,
			sizeof(*heaps->sizes) };
	return (struct rows){ ledger->threads, ledger->thread_n,
		sizeof(*ledger->threads) };
}

static struct ms_error *print_rows(struct ms_cli *cli, const struct options *o,
	const struct view *view, struct ms_table *table)
{
	struct ms_error *err = NULL;
	struct rows rows = rows_of(o, view->ledger);
	for (size_t i = 0; !err && i < rows.n; i++)
		err = ms_table_add(table, (const char *)rows.v + i * rows.size);
	if (err)
		return err;
	ms_cli_page(cli);
	err = ms_cli_table_print(cli, table);
	if (!err && (o->arenas || o->blocks) && !cli->format.is_raw) {
		ms_out_str(&cli->out, "\n");
		print_malloc(&cli->out, view->ledger);
	}
	return err;
}

static struct ms_error *show(struct ms_cli *cli, const struct options *o,
	struct view *view, struct ms_table *table, const struct ms_error *denied)
{
	if (cli->output->json)
		return print_json(cli, view->ledger);
	if (o->owner) {
		ms_cli_page(cli);
		return print_about(&cli->out, view->ledger, o->owner);
	}
	if (columns_of(o) != &owner_columns)
		return print_rows(cli, o, view, table);
	return print_report(cli, view, table, denied);
}

// A file that begins as JSON does is a saved ledger; no core and no PID does.
static bool is_saved(const char *name)
{
	struct stat st;
	char first = 0;
	_cleanup_close_ int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	return fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode) &&
	       pread(fd, &first, 1, 0) == 1 && first == '{';
}

static struct ms_error *show_saved(struct ms_cli *cli, const struct options *o,
	struct view *view, struct ms_table *table)
{
	_cleanup_buffer_ struct ms_buffer text = { 0 };
	_cleanup_ledger_ struct ms_ledger *ledger = NULL;
	const char *name = cli->operands.v[0];
	struct ms_error *err = ms_read_file_at(AT_FDCWD, name, SAVED_MAX, &text);
	if (!err)
		err = ms_ledger_load(ms_buffer_bytes(&text), name, &ledger);
	if (err)
		return err;
	*view = (struct view){ .ledger = ledger };
	return show(cli, o, view, table, NULL);
}

static struct ms_error *show_target(struct ms_cli *cli, const struct options *o,
	struct view *view, struct ms_table *table, enum ms_exit *ret)
{
	_cleanup_(cleanup_ms_target_free) struct ms_target *target = NULL;
	_cleanup_survey_ struct ms_survey *survey = NULL;
	struct ms_target_options target_options = {
		.smaps = o->check ? MS_TARGET_SMAPS_ALWAYS : MS_TARGET_SMAPS_AUTO,
		.sysroot = o->sysroot,
		.cancel = cli->cancel,
	};
	struct ms_survey_options survey_options = { .cancel = cli->cancel,
		.threads = (unsigned)ms_min(o->threads, UINT32_MAX) };
	struct ms_error *err = ms_target_check_allowance(MEMORY_NEEDED);
	if (!err)
		err = ms_target_open(cli->operands.v[0], &target_options, &target);
	if (!err && o->history)
		return print_history(cli, target, table);
	if (!err && o->nmt)
		return print_nmt(cli, target, survey_options.threads, table);
	if (!err && o->sites)
		return print_sites(cli, target, table);
	if (!err)
		err = ms_survey_run(target, &survey_options, &survey);
	if (err)
		return err;
	*view = (struct view){ survey->ledger, ms_target_smaps(target),
		ms_target_cgroup(target) };
	bool lacks_memory = ms_target_denied(target) && !o->mappings;
	if (survey->is_incomplete || lacks_memory)
		*ret = MS_EXIT_INCOMPLETE;
	return show(cli, o, view, table, ms_target_denied(target));
}

static struct ms_error *run(struct ms_cli *cli, void *arg, enum ms_exit *ret)
{
	const struct options *o = arg;
	struct view view = { 0 };
	_cleanup_table_ struct ms_table table = { 0 };
	if (o->mappings + o->arenas + o->blocks + o->tasks + o->history + o->nmt +
			o->sites + !!o->owner >
		1)
		return ms_error_new(MS_ERROR_USAGE,
			"choose one of --mappings, --arenas, --blocks, --tasks, --history, "
			"--nmt, --nmt-sites and --owner");
	if (o->owner && cli->output->json)
		return ms_error_new(MS_ERROR_USAGE,
			"--owner is for people: --json has everything of every owner");
	struct ms_error *err = ms_cli_table(cli, columns_of(o), &view, &table);
	if (err)
		return err;
	if ((o->history || o->nmt || o->sites) && is_saved(cli->operands.v[0]))
		return ms_error_new(MS_ERROR_USAGE, "a saved ledger has no %s",
			o->history ? "history" : "native memory tracking");
	if (is_saved(cli->operands.v[0]))
		return show_saved(cli, o, &view, &table);
	return show_target(cli, o, &view, &table, ret);
}

static const struct options defaults;

static const struct ms_utility utility = {
	.name = "memwho",
	.summary = "say who owns a process's memory",
	.usage = usage,
	.examples = examples,
	.columns = column_sets,
	MS_OPTION_TABLE(options, defaults),
	MS_OUTPUT_AT(struct options, output),
	.operand = "TARGET",
	.min_operands = 1,
	.max_operands = 1,
	.run = run,
};

int main(int argc, char **argv)
{
	return ms_cli_main(&utility, argc, argv);
}
