/**
 * memstrings - strings of a target or a file.
 *
 * main.c has the options; source.c opens what an operand names; list.c is --list; count.c
 * is the default, which prints with table.c and json.c.
 */
#pragma once

#include "cli/cli.h"
#include "strings/strings.h"
#include "survey/survey.h"
#include "survey/text.h"

struct options {
	struct ms_cli_output output;
	bool list;
	bool print_name; ///< -f
	bool is_core;    ///< --core, --snapshot: operands are cores, with --list too
	bool all;
	struct ms_list_options listing; ///< min is for both modes; 0: the mode's default
	const char *owner;
	uint64_t top;
	uint64_t memory;
	uint64_t window;
	uint64_t threads;
};

/** An operand, opened: a target with a plan, or a file with its ranges. */
struct source {
	const char *name;
	struct ms_target *target; ///< NULL: a plain file
	struct ms_survey *survey;
	struct ms_text_plan plan;
	int fd;                  ///< of a plain file, else -1
	struct ms_ranges ranges; ///< of a plain file: where it has data
	struct ms_progress *progress;
};

/** True if the operand is all digits and no file has that name. */
bool source_is_pid(const char *name);

/** Open a file that can be read. Errors: OS, DENIED, UNSUPPORTED (a directory). */
struct ms_error *source_open_file(const char *path, int *ret);

/** Open an operand as a target, whatever it looks like. `s` is zeroed but for fd -1. */
struct ms_error *source_open_target(
	struct ms_cli *cli, const struct options *o, const char *name, struct source *s);

/** Open an operand: a PID, a core, a directory like /proc/PID; anything else is a file.
 */
struct ms_error *source_open(
	struct ms_cli *cli, const struct options *o, const char *name, struct source *s);

/** Reads a plain file; arg is the source. As ms_count_read_fn. */
struct ms_error *source_read_file(
	void *arg, struct ms_range range, uint8_t *to, struct ms_ranges *gaps);

/** Close everything, also after a failed open. */
void source_deinit(struct source *s);

#define _cleanup_source_ _cleanup_(source_deinit)

/** List every operand. */
struct ms_error *list_run(struct ms_cli *cli, const struct options *o, enum ms_exit *ret);

/** Count the strings of one operand and print the clusters. */
struct ms_error *count_run(
	struct ms_cli *cli, const struct options *o, enum ms_exit *ret);

/** What counting came to, for printing. */
struct report {
	const struct options *options;
	const struct source *source;
	const struct ms_count_result *result;
	const struct ms_text_read *read;
	const char *const *owners; ///< by number
	uint64_t min;
	uint64_t memory;
	uint64_t took_ns;
	bool is_incomplete;
};

/** True for the clusters to show: the first --top of each owner. *seen counts per owner.
 */
bool report_shows(
	const struct report *report, const struct ms_cluster *c, uint64_t *seen);

/** The table of clusters; --columns and --sort are about it. */
extern const struct ms_column_set cluster_set;

/** Print for people. */
struct ms_error *report_table(struct ms_cli *cli, const struct report *report);

/** Print memsleuth/strings/1. */
struct ms_error *report_json(struct ms_cli *cli, const struct report *report);
