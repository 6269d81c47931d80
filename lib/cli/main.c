// From argv to the exit code: see cli.h.

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "cli/cli_internal.h"

const char *const ms_cli_json_forms[] = { "", "document", "lines", NULL };
const char *const ms_cli_when_choices[] = { "auto", "always", "never", NULL };

static const struct ms_option common[] = {
	{ 'h', "help", NULL, "explain the options and exit", .group = "General",
		.kind = MS_OPTION_HELP },
	{ 'V', "version", NULL, "print the version and exit", .group = "General",
		.kind = MS_OPTION_VERSION },
	{ 0, "introspect-cli", "FORM",
		"print the option and column tables: json, bash, man", .group = "General",
		.kind = MS_OPTION_INTROSPECT, .if_absent = "json", .is_hidden = true },
};

struct ms_option_list ms_cli_options(const struct ms_utility *utility)
{
	return (struct ms_option_list){
		.tables = { utility->options, common },
		.n = { utility->n_options, sizeof(common) / sizeof(common[0]) },
	};
}

void ms_cli_version(const struct ms_utility *utility, struct ms_out *out)
{
	ms_out_printf(out, "%s (memsleuth) %s\n", utility->name, MS_VERSION);
	ms_out_printf(out, "jansson %s\n", jansson_version_str());
	unsigned xxhash = XXH_versionNumber();
	ms_out_printf(out, "xxHash %u.%u.%u\n", xxhash / 10000, xxhash / 100 % 100,
		xxhash % 100);
}

struct ms_error *ms_cli_introspect(
	const struct ms_utility *utility, const char *form, struct ms_out *out)
{
	static const struct {
		const char *form;
		void (*describe)(const struct ms_utility *utility, struct ms_out *out);
	} forms[] = {
		{ "bash", ms_cli_describe_bash },
		{ "fish", ms_cli_describe_fish },
		{ "man", ms_cli_describe_man },
		{ "zsh", ms_cli_describe_zsh },
	};
	if (strcmp(form, "json") == 0)
		return ms_cli_describe_json(utility, out);
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (strcmp(form, forms[i].form) != 0)
			continue;
		forms[i].describe(utility, out);
		return NULL;
	}
	return ms_error_new(MS_ERROR_USAGE, "there is no form '%s'", form);
}

static struct ms_error *act(struct ms_cli *cli, const struct ms_parsed *parsed)
{
	switch ((int)parsed->action->kind) {
	case MS_OPTION_HELP:
		ms_cli_help(cli->utility, &cli->out);
		return NULL;
	case MS_OPTION_VERSION:
		ms_cli_version(cli->utility, &cli->out);
		return NULL;
	default:
		return ms_cli_introspect(
			cli->utility, parsed->action_argument, &cli->out);
	}
}

static struct ms_error *check_operands(
	const struct ms_utility *u, const struct ms_parsed *p)
{
	if (p->operands.n < u->min_operands)
		return ms_error_new(MS_ERROR_USAGE, "%s is missing", u->operand);
	if (p->operands.n > u->max_operands)
		return ms_error_new(MS_ERROR_USAGE, "unexpected operand '%s'",
			p->operands.v[u->max_operands]);
	return NULL;
}

static struct ms_error *list_columns(struct ms_cli *cli)
{
	struct ms_error *err = NULL;
	const struct ms_column_set *const *set = cli->utility->columns;
	bool has_several = set && set[0] && set[1];
	for (; !err && set && *set; set++) {
		if (has_several && !cli->format.is_raw)
			ms_out_printf(&cli->out, "%s: %s\n", (*set)->name, (*set)->help);
		err = ms_columns_print(*set, &cli->format, &cli->out);
	}
	return err;
}

static const char *get_environment(const char *name)
{
	return getenv(name);
}

// Everything that depends on both the options and the terminal.
static void settle(struct ms_cli *cli)
{
	const struct ms_cli_output *o = cli->output;
	cli->is_tty = isatty(STDOUT_FILENO);
	cli->out.is_ascii = !ms_terminal_is_utf8(get_environment);
	cli->out.has_color = ms_terminal_has_color(
		(enum ms_when)o->color, cli->is_tty, get_environment);
	cli->format = (struct ms_table_format){
		.is_raw = o->is_raw,
		.is_exact = o->is_exact,
		.no_headings = o->no_headings,
		.width = cli->is_tty ? ms_terminal_width(STDOUT_FILENO) : 0,
	};
	if (o->is_raw || o->json)
		cli->out.has_color = false;
	ms_cli_messages_init(cli->utility->name, o->is_quiet, &cli->progress);
}

static struct ms_error *work(
	struct ms_cli *cli, int argc, char **argv, void *options, enum ms_exit *ret)
{
	struct ms_option_list list = ms_cli_options(cli->utility);
	struct ms_parsed parsed = { 0 };
	struct ms_error *err = ms_options_parse(
		&list, argc, argv, cli->utility->stops_at_operand, options, &parsed);
	cli->operands = parsed.operands;
	cli->n_before_dashes = parsed.n_before_dashes;
	if (err)
		return err;
	settle(cli);
	if (parsed.action)
		return act(cli, &parsed);
	if (cli->output->list_columns)
		return list_columns(cli);
	err = check_operands(cli->utility, &parsed);
	return err ? err : cli->utility->run(cli, options, ret);
}

// Write what is left, wait for the pager. A reader that went away is no failure.
static struct ms_error *close_output(struct ms_cli *cli)
{
	struct ms_error *err = ms_out_finish(&cli->out, "standard output");
	if (cli->pager) {
		close(cli->out.fd);
		ms_pager_wait(cli->pager);
	} else if (close(STDOUT_FILENO) < 0 && !err && errno != EBADF) {
		// Network file systems and quotas may report a lost write only here.
		err = ms_error_os(errno, "cannot write to standard output");
	}
	if (err && err->errnum == EPIPE) {
		ms_error_free(err);
		err = NULL;
	}
	return err;
}

static enum ms_exit report(struct ms_error *err, enum ms_exit code)
{
	if (!err)
		return code;
	if (!(ms_error_is(err, MS_ERROR_CANCELLED) && ms_signals_caught()))
		ms_cli_error(err);
	ms_error_free(err);
	return MS_EXIT_FAILED;
}

int ms_cli_main(const struct ms_utility *utility, int argc, char **argv)
{
	static const struct ms_cli_output no_output;
	ms_signals_init();
	struct ms_cli cli = { .utility = utility, .cancel = &ms_cli_cancel };
	cli.progress.fd = -1;
	ms_cli_messages_init(utility->name, /* is_quiet= */ false, &cli.progress);
	ms_out_init(&cli.out, STDOUT_FILENO);

	void *options = calloc(1, utility->options_size + 1);
	if (!options) {
		ms_cli_error(&ms_error_nomem);
		return MS_EXIT_FAILED;
	}
	if (utility->options_size)
		memcpy(options, utility->defaults, utility->options_size);
	cli.output = utility->output_at
			     ? (void *)((char *)options + utility->output_at - 1)
			     : &no_output;

	enum ms_exit code = MS_EXIT_OK;
	struct ms_error *err = work(&cli, argc, argv, options, &code);
	ms_progress_end(&cli.progress);
	code = report(err, code);
	code = report(close_output(&cli), code);

	struct ms_option_list list = ms_cli_options(utility);
	ms_options_release(&list, options);
	ms_array_deinit(&cli.operands);
	ms_out_deinit(&cli.out);
	free(options);
	if (ms_signals_caught())
		ms_signals_die(ms_signals_caught());
	return (int)code;
}

struct ms_error *ms_cli_table(struct ms_cli *cli, const struct ms_column_set *set,
	void *ctx, struct ms_table *ret)
{
	struct ms_error *err = ms_table_init(ret, set, ctx);
	if (!err && cli->output->all_columns)
		err = ms_table_select(ret, "all");
	else if (!err)
		err = ms_table_select(ret, cli->output->columns);
	return err ? err : ms_table_sort(ret, cli->output->sort);
}

static struct ms_error *print_document(
	struct ms_cli *cli, struct ms_table *table, ms_cli_add_fn *add, const void *arg)
{
	char schema[64];
	snprintf(schema, sizeof(schema), "memsleuth/%s/1", table->set->name);
	struct ms_json json;
	ms_json_init(&json, &cli->out, MS_JSON_DOCUMENT);
	ms_json_begin(&json, NULL, '{');
	ms_json_add(&json, "schema", json_string(schema));
	struct ms_error *err = ms_table_json(table, &json, table->set->name);
	if (!err && add)
		add(&json, arg);
	ms_json_end(&json);
	return err ? err : ms_json_finish(&json);
}

struct ms_error *ms_cli_table_print(struct ms_cli *cli, struct ms_table *table)
{
	return ms_cli_table_print_with(cli, table, NULL, NULL);
}

struct ms_error *ms_cli_table_print_with(
	struct ms_cli *cli, struct ms_table *table, ms_cli_add_fn *add, const void *arg)
{
	ms_progress_end(&cli->progress);
	if (cli->output->json == MS_JSON_DOCUMENT)
		return print_document(cli, table, add, arg);
	if (cli->output->json == MS_JSON_LINES)
		return ms_table_json_lines(table, &cli->out);
	return ms_table_print(table, &cli->format, &cli->out);
}

void ms_cli_page(struct ms_cli *cli)
{
	const struct ms_cli_output *o = cli->output;
	ms_progress_end(&cli->progress);
	if (!cli->is_tty || o->json || o->is_raw || o->no_pager || cli->pager)
		return;
	ms_out_flush(&cli->out);
	cli->pager = ms_pager_start(get_environment, &cli->out.fd);
}

struct ms_progress *ms_cli_progress(struct ms_cli *cli, const char *verb, uint64_t total)
{
	const struct ms_cli_output *o = cli->output;
	const char *term = getenv("TERM");
	bool is_tty = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
	bool is_wanted = o->progress == MS_WHEN_ALWAYS ||
			 (o->progress == MS_WHEN_AUTO && is_tty && !o->is_quiet);
	cli->progress.width = ms_terminal_width(STDERR_FILENO);
	cli->progress.is_forced = o->progress == MS_WHEN_ALWAYS && !is_tty;
	ms_progress_start(&cli->progress, is_wanted ? STDERR_FILENO : -1, verb, total);
	return &cli->progress;
}
