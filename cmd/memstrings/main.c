// memstrings - strings of a target: listed as GNU strings does, or counted by form.
//
// Short letters are those of GNU strings, and so is what they accept.

#include "memstrings.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static const char *const usage[] = { "[OPTION]... TARGET", "--list [OPTION]... [FILE]...",
	"--list [OPTION]... PID", NULL };

static const struct ms_cli_example examples[] = {
	{ "memstrings 4392", "which texts take the memory of a process, by owner" },
	{ "memstrings --owner=malloc --top=50 java.core", "more of one owner" },
	{ "memstrings --list -n 8 -tx /bin/sh", "as strings -n 8 -tx" },
	{ "memstrings --list -e l 4392",
		"UTF-16 strings of a process, at their addresses" },
	{ NULL, NULL },
};

// As strtoul(base 0) reads it, but nothing is wrapped or cut off.
static bool parse_number(const char *text, uint64_t *ret)
{
	char *end;
	errno = 0;
	if (!*text || strchr(text, '-'))
		return false;
	*ret = strtoull(text, &end, 0);
	return !errno && end != text && !*end;
}

static struct ms_error *take_min(
	void *options, const struct ms_option *option, const char *argument)
{
	struct options *o = options;
	(void)option;
	if (!parse_number(argument, &o->listing.min))
		return ms_error_new(
			MS_ERROR_USAGE, "invalid integer argument '%s'", argument);
	if (!o->listing.min)
		return ms_error_new(
			MS_ERROR_USAGE, "invalid minimum string length '%s'", argument);
	return NULL;
}

static struct ms_error *take_radix(
	void *options, const struct ms_option *option, const char *argument)
{
	static const struct {
		const char *name;
		unsigned radix;
	} radices[] = { { "o", 8 }, { "d", 10 }, { "x", 16 } };
	struct options *o = options;
	(void)option;
	for (size_t i = 0; i < sizeof(radices) / sizeof(radices[0]); i++) {
		if (strcmp(argument ? argument : "o", radices[i].name) == 0) {
			o->listing.radix = radices[i].radix;
			return NULL;
		}
	}
	return ms_error_new(MS_ERROR_USAGE, "'%s' is none of o, d, x", argument);
}

static struct ms_error *take_encoding(
	void *options, const struct ms_option *option, const char *argument)
{
	struct options *o = options;
	(void)option;
	if (strlen(argument) == 1 && ms_encoding_parse(argument[0], &o->listing.encoding))
		return NULL;
	return ms_error_new(MS_ERROR_USAGE, "'%s' is none of s, S, b, l, B, L", argument);
}

static struct ms_error *take_separator(
	void *options, const struct ms_option *option, const char *argument)
{
	struct options *o = options;
	(void)option;
	o->listing.separator = ms_bytes_of(argument);
	return NULL;
}

static struct ms_error *take_block_size(
	void *options, const struct ms_option *option, const char *argument)
{
	struct options *o = options;
	uint64_t size;
	(void)option;
	if (!parse_number(argument, &size) || !size || size > 1 << 30)
		return ms_error_new(MS_ERROR_USAGE, "invalid size '%s'", argument);
	o->listing.block_size = (size_t)size;
	return NULL;
}

static struct ms_error *take_portable(
	void *options, const struct ms_option *option, const char *argument)
{
	struct options *o = options;
	(void)option;
	(void)argument;
	o->listing.masks = ms_scan_portable;
	return NULL;
}

static struct ms_error *take_nothing(
	void *options, const struct ms_option *option, const char *argument)
{
	(void)options;
	(void)option;
	(void)argument;
	return NULL;
}

static const struct ms_option options[] = {
	{ 'n', "bytes", "NUM",
		"strings of at least NUM characters: 4 with --list, else 6; 0x and 0 prefixes "
		"are understood",
		.kind = MS_OPTION_CALL, .call = take_min, .is_digits = true },
	{ 'a', "all", NULL,
		"all memory of a target; without it, anonymous memory but for the Java heap, "
		"metaspace, code and stacks. Files are always read whole",
		.kind = MS_OPTION_FLAG, MS_TO(struct options, all) },
	{ 0, "core", NULL,
		"with --list: FILE is a core; list its memory at its addresses",
		.kind = MS_OPTION_FLAG, MS_TO(struct options, is_core) },
	{ 0, "snapshot", NULL, "the same for a snapshot of mapdump",
		.kind = MS_OPTION_FLAG, MS_TO(struct options, is_core) },

	{ 0, "owner", "ID", "only memory of this owner and those below it",
		.group = "Counting", .kind = MS_OPTION_STRING,
		MS_TO(struct options, owner) },
	{ 0, "top", "NUM", "clusters to show of each owner (10)", .group = "Counting",
		.kind = MS_OPTION_COUNT, MS_TO(struct options, top) },
	{ 0, "memory", "SIZE",
		"keep clusters within SIZE (half of the cgroup's headroom, at most 64M)",
		.group = "Counting", .kind = MS_OPTION_SIZE,
		MS_TO(struct options, memory) },
	{ 0, "threads", "NUM", "workers (one per processor)", .group = "Counting",
		.kind = MS_OPTION_COUNT, MS_TO(struct options, threads) },
	{ 0, "window-size", "SIZE", "bytes a worker takes at a time", .group = "Counting",
		.kind = MS_OPTION_SIZE, MS_TO(struct options, window),
		.is_hidden = true },

	{ 0, "list", NULL, "list every string, in the form and order of GNU strings",
		.group = "Listing", .kind = MS_OPTION_FLAG, MS_TO(struct options, list) },
	{ 'e', "encoding", "LETTER",
		"s: 7-bit (the default), S: 8-bit, b, l: 16-bit, B, L: 32-bit, big- and "
		"little-endian",
		.group = "Listing", .kind = MS_OPTION_CALL, .call = take_encoding },
	{ 'w', "include-all-whitespace", NULL,
		"line feed, carriage return, vertical tab and form feed belong to strings",
		.group = "Listing", .kind = MS_OPTION_FLAG,
		MS_TO(struct options, listing.spaces) },
	{ 't', "radix", "LETTER",
		"print offsets, or addresses, in octal (o), decimal (d), hexadecimal (x)",
		.group = "Listing", .kind = MS_OPTION_CALL, .call = take_radix },
	{ 'o', NULL, NULL, "the same as --radix=o", .group = "Listing",
		.kind = MS_OPTION_CALL, .call = take_radix },
	{ 'f', "print-file-name", NULL, "print the file's name before each string",
		.group = "Listing", .kind = MS_OPTION_FLAG,
		MS_TO(struct options, print_name) },
	{ 's', "output-separator", "TEXT",
		"end each string with TEXT, not with a line feed", .group = "Listing",
		.kind = MS_OPTION_CALL, .call = take_separator },
	{ 'd', "data", NULL, "accepted; the whole file is read all the same",
		.group = "Listing", .kind = MS_OPTION_CALL, .call = take_nothing },
	{ 0, "block-size", "SIZE", "bytes to read at a time", .group = "Listing",
		.kind = MS_OPTION_CALL, .call = take_block_size, .is_hidden = true },
	{ 0, "portable", NULL, "without special instructions", .group = "Listing",
		.kind = MS_OPTION_CALL, .call = take_portable, .is_hidden = true },

	MS_CLI_JSON_OPTIONS(struct options, output),
	MS_CLI_COLUMN_OPTIONS(struct options, output, 0),
	MS_CLI_COLOR_OPTIONS(struct options, output),
	MS_CLI_PAGER_OPTIONS(struct options, output),
	MS_CLI_PROGRESS_OPTIONS(struct options, output),
};

static struct ms_error *run(struct ms_cli *cli, void *arg, enum ms_exit *ret)
{
	struct options *o = arg;
	o->listing.cancel = cli->cancel;
	return o->list ? list_run(cli, o, ret) : count_run(cli, o, ret);
}

static const struct ms_column_set *const column_sets[] = { &cluster_set, NULL };

static const struct options defaults = { .top = 10 };

static const struct ms_utility utility = {
	.name = "memstrings",
	.summary = "list, or count and attribute, the strings of a process, core or file",
	.usage = usage,
	.examples = examples,
	MS_OPTION_TABLE(options, defaults),
	MS_OUTPUT_AT(struct options, output),
	.columns = column_sets,
	.operand = "TARGET",
	.min_operands = 0,
	.max_operands = UINT_MAX,
	.run = run,
};

int main(int argc, char **argv)
{
	return ms_cli_main(&utility, argc, argv);
}
