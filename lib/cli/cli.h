/**
 * cli - what every utility's command line has in common.
 *
 * A utility is data and one function; its main.c:
 *
 *     struct options {
 *             struct ms_cli_output output;     // --json, --columns, --color, ...
 *             uint64_t minimum;
 *             const char *file;
 *     };
 *     static const struct ms_option options[] = {
 *             { 'n', "bytes", "MIN", "shortest string to show", .kind = MS_OPTION_COUNT,
 *                     MS_TO(struct options, minimum), .is_digits = true },
 *             { 'o', "output", "FILE", "write to FILE, '-' for standard output",
 *                     .kind = MS_OPTION_STRING, MS_TO(struct options, file) },
 *             MS_CLI_JSON_OPTIONS(struct options, output),
 *             MS_CLI_COLUMN_OPTIONS(struct options, output, 0),
 *             MS_CLI_COLOR_OPTIONS(struct options, output),
 *     };
 *     static struct ms_error *run(struct ms_cli *cli, void *arg, enum ms_exit *ret)
 *     {
 *             const struct options *o = arg;
 *             _cleanup_table_ struct ms_table table = { 0 };
 *             struct ms_error *err = ms_cli_table(cli, &owners, ctx, &table);
 *             if (err)
 *                     return err;                      // wrong --columns: exit 2
 *             ... cli->operands.v[0] is TARGET; pass cli->cancel to what takes long ...
 *             *ret = is_complete ? MS_EXIT_OK : MS_EXIT_INCOMPLETE;
 *             return ms_cli_table_print(cli, &table);
 *     }
 *     static const struct options defaults = { .minimum = 4 };
 *     static const struct ms_utility utility = {
 *             .name = "memwho", .summary = "say who owns a process's memory",
 *             .usage = usage, .examples = examples, .columns = column_sets,
 *             MS_OPTION_TABLE(options, defaults), MS_OUTPUT_AT(struct options, output),
 *             .operand = "TARGET", .min_operands = 1, .max_operands = 1, .run = run,
 *     };
 *     int main(int argc, char **argv) { return ms_cli_main(&utility, argc, argv); }
 *
 * Its meson.build adds the executable and registers it, which makes `memwho.1` from
 * cmd/memwho/memwho.1.in and the bash completion:
 *
 *     utilities += {'memwho': executable('memwho', 'main.c', dependencies: memsleuth_dep,
 *       install: true)}
 *
 * All utilities have --help, --version, exit codes, signals and messages alike. This room
 * is the only one that reads the environment: NO_COLOR, FORCE_COLOR, CLICOLOR_FORCE,
 * TERM, PAGER, LESS, and the locale variables for the character set.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/base.h"
#include "cli/option.h"
#include "out/out.h"

/** The same in every utility. */
enum ms_exit {
	MS_EXIT_OK = 0,         ///< done and complete
	MS_EXIT_NO = 1,         ///< the answer is no: differs, not found
	MS_EXIT_FAILED = 2,     ///< failed, or wrong usage
	MS_EXIT_INCOMPLETE = 3, ///< valid, but bytes that were wanted could not be had
};

enum ms_when {
	MS_WHEN_AUTO,
	MS_WHEN_ALWAYS,
	MS_WHEN_NEVER
};

/** The options about output; embed it, and take those macros below that make sense. */
struct ms_cli_output {
	int json;            ///< enum ms_json_form
	bool is_raw;         ///< --raw
	bool is_exact;       ///< --bytes
	bool no_headings;    ///< --noheadings
	bool list_columns;   ///< --list-columns; ms_cli_main does it
	bool all_columns;    ///< --output-all
	const char *columns; ///< --columns=LIST
	const char *sort;    ///< --sort=LIST
	int color;           ///< enum ms_when; see cli->out.has_color
	bool no_pager;       ///< --no-pager
	int progress;        ///< enum ms_when
	bool is_quiet;       ///< --quiet
};

extern const char *const ms_cli_json_forms[];   // "", document, lines
extern const char *const ms_cli_when_choices[]; // auto, always, never

// clang-format off: one option after the other reads best.
#define MS_CLI_JSON_OPTIONS(type, member)                                                \
	{                                                                                \
		'J', "json", "FORM", "print JSON, with sizes in bytes",                  \
			.group = "Output", .kind = MS_OPTION_CHOICE,                     \
			MS_TO(type, member.json), .choices = ms_cli_json_forms,          \
			.if_absent = "document"                                          \
	}

/** Tables: --columns (and a letter of the utility's choice, 0 for none), --sort, ... */
#define MS_CLI_COLUMN_OPTIONS(type, member, letter_)                                     \
	{ (letter_), "columns", "LIST",                                                  \
		"show these columns; +LIST adds to the usual ones, 'all' shows all",     \
		.group = "Output", .kind = MS_OPTION_STRING,                             \
		MS_TO(type, member.columns) },                                           \
		{ 0, "output-all", NULL, "show every column", .group = "Output",         \
			.kind = MS_OPTION_FLAG, MS_TO(type, member.all_columns) },       \
		{ 0, "sort", "LIST",                                                     \
			"order by these columns, by -COLUMN from high to low",           \
			.group = "Output", .kind = MS_OPTION_STRING,                     \
			MS_TO(type, member.sort) },                                      \
		{ 0, "noheadings", NULL, "leave out the line of column names",           \
			.group = "Output", .kind = MS_OPTION_FLAG,                       \
			MS_TO(type, member.no_headings) },                               \
		{ 0, "raw", NULL, "tab-separated values, exact and escaped",             \
			.group = "Output", .kind = MS_OPTION_FLAG,                       \
			MS_TO(type, member.is_raw) },                                    \
	{                                                                                \
		0, "list-columns", NULL, "explain the columns and exit",                 \
			.group = "Output", .kind = MS_OPTION_FLAG,                       \
			MS_TO(type, member.list_columns)                                 \
	}

/** Exact sizes in tables; apart, because GNU strings has a --bytes of its own. */
#define MS_CLI_BYTES_OPTIONS(type, member)                                               \
	{                                                                                \
		'b', "bytes", NULL, "print sizes in bytes", .group = "Output",           \
							    .kind = MS_OPTION_FLAG,      \
							    MS_TO(type, member.is_exact) \
	}

#define MS_CLI_COLOR_OPTIONS(type, member)                                               \
	{                                                                                \
		0, "color", "WHEN", "use colour",                                        \
			.group = "Output", .kind = MS_OPTION_CHOICE,                     \
			MS_TO(type, member.color), .choices = ms_cli_when_choices,       \
			.if_absent = "always"                                            \
	}

#define MS_CLI_PAGER_OPTIONS(type, member)                                               \
	{                                                                                \
		0, "no-pager", NULL, "do not start a pager on a terminal",               \
			.group = "Output", .kind = MS_OPTION_FLAG,                       \
			MS_TO(type, member.no_pager)                                     \
	}

#define MS_CLI_PROGRESS_OPTIONS(type, member)                                            \
	{ 'q', "quiet", NULL, "no progress, no notes; errors only", .group = "Output",   \
		.kind = MS_OPTION_FLAG, MS_TO(type, member.is_quiet) },                  \
		{ 0, "progress", NULL, "show progress although this is no terminal",     \
			.group = "Output", .kind = MS_OPTION_SET,                        \
			MS_TO(type, member.progress), .value = MS_WHEN_ALWAYS },         \
	{                                                                                \
		0, "no-progress", NULL, "never show progress",                           \
			.group = "Output", .kind = MS_OPTION_SET,                        \
			MS_TO(type, member.progress), .value = MS_WHEN_NEVER             \
	}
// clang-format on

struct ms_cli;

struct ms_cli_example {
	const char *command; ///< as typed, the utility's name first
	const char *meaning; ///< lower case, no full stop
};

/**
 * The work of a utility.
 *
 * @param cli      output, operands and the cancel flag
 * @param options  the utility's options struct, filled in
 * @param ret      out: exit code, MS_EXIT_OK unless set
 * @return printed with its hint and makes the exit code MS_EXIT_FAILED. CANCELLED after a
 *         signal is not printed: the process dies by that signal, after clean-up.
 */
typedef struct ms_error *(*ms_cli_fn)(
	struct ms_cli *cli, void *options, enum ms_exit *ret);

struct ms_utility {
	const char *name;
	const char *summary;      ///< one line, lower case, no full stop
	const char *const *usage; ///< after the name, "[OPTION]... PID"; NULL-terminated
	const struct ms_option *options;
	size_t n_options;
	const struct ms_column_set *const *columns; ///< NULL-terminated, or NULL
	const struct ms_cli_example *examples;      ///< ends with a NULL command
	const void *defaults;                       ///< initial options struct
	size_t options_size;
	size_t output_at;    ///< 1 + offset of struct ms_cli_output; 0: has none
	const char *operand; ///< "TARGET", for messages
	unsigned min_operands, max_operands; ///< UINT_MAX: any number
	bool stops_at_operand;               ///< `mapheap -- java ...` without the dashes
	ms_cli_fn run;
};

#define MS_OPTION_TABLE(options_, defaults_)                                             \
	.options = (options_), .n_options = sizeof(options_) / sizeof((options_)[0]),    \
	.defaults = &(defaults_), .options_size = sizeof(defaults_)
#define MS_OUTPUT_AT(type, member) .output_at = 1 + offsetof(type, member)

/** What a running utility works with. */
struct ms_cli {
	const struct ms_utility *utility;
	const struct ms_cli_output *output; ///< never NULL
	struct ms_strings operands;
	size_t n_before_dashes;        ///< operands before `--`; all if there was none
	struct ms_out out;             ///< standard output, or the pager
	struct ms_table_format format; ///< from the options and the terminal
	bool is_tty;                   ///< standard output is a terminal
	struct ms_progress progress;   ///< on standard error, see ms_cli_progress
	struct ms_cancel *cancel;      ///< raised by SIGINT, SIGTERM and SIGHUP
	int pager;                     ///< pid, 0: none
};

/** Everything from argv to the exit code. Call it once, from main(). */
int ms_cli_main(const struct ms_utility *utility, int argc, char **argv);

/**
 * Print an error as `name: message` and its hint as `name: hint: ...`, in one write;
 * wrong usage as one line and a pointer to --help. What is not printable is escaped.
 */
void ms_cli_error(const struct ms_error *err);

/** Print `name: message` on standard error, in one write, unless --quiet. */
void ms_cli_note(const char *format, ...) MS_PRINTF(1, 2);

/**
 * Say that there is nothing to clean up while this is true, so that the first signal ends
 * the process: around reads that may block, such as those of standard input, which would
 * otherwise go on after the first Ctrl-C.
 */
void ms_cli_waits(bool waits);

/** Start a table with the columns and order that the options ask for. Errors: USAGE. */
struct ms_error *ms_cli_table(struct ms_cli *cli, const struct ms_column_set *set,
	void *ctx, struct ms_table *ret) MS_MUST_CHECK;

/**
 * Print a table as the options ask: for people, --raw, with --json=lines a row per line,
 * or with --json {"schema": "memsleuth/<set>/1", "<set>": [rows]}, by the set's name.
 */
struct ms_error *ms_cli_table_print(
	struct ms_cli *cli, struct ms_table *table) MS_MUST_CHECK;

/** Adds members to a document that is being written. */
typedef void ms_cli_add_fn(struct ms_json *json, const void *arg);

/** The same; with --json, `add` adds what else the document has beside the rows. */
struct ms_error *ms_cli_table_print_with(struct ms_cli *cli, struct ms_table *table,
	ms_cli_add_fn *add, const void *arg) MS_MUST_CHECK;

/**
 * Send the report to a pager from here on: on a terminal, without --json, --raw and
 * --no-pager. Call after the target was read and before the first output; failing to
 * start one is no error.
 */
void ms_cli_page(struct ms_cli *cli);

/**
 * Start the progress line.
 *
 * @param verb   ours: "reading"
 * @param total  bytes, 0 if not known
 * @return for ms_progress_add(); ended by ms_cli_main if the caller does not
 */
struct ms_progress *ms_cli_progress(struct ms_cli *cli, const char *verb, uint64_t total);
