/**
 * Between the files of this room.
 */
#pragma once

#include "cli/cli.h"

/** The utility's options and those that all have. */
struct ms_option_list ms_cli_options(const struct ms_utility *utility);

/** Print --help, at most 80 columns wide. */
void ms_cli_help(const struct ms_utility *utility, struct ms_out *out);

/** Print --version. */
void ms_cli_version(const struct ms_utility *utility, struct ms_out *out);

/** Print the tables as "json", as a completion for "bash", "fish" or "zsh", or as
 sections of a "man" page. Errors: USAGE. */
struct ms_error *ms_cli_introspect(const struct ms_utility *utility, const char *form,
	struct ms_out *out) MS_MUST_CHECK;
struct ms_error *ms_cli_describe_json(
	const struct ms_utility *utility, struct ms_out *out) MS_MUST_CHECK;
void ms_cli_describe_bash(const struct ms_utility *utility, struct ms_out *out);
void ms_cli_describe_fish(const struct ms_utility *utility, struct ms_out *out);
void ms_cli_describe_zsh(const struct ms_utility *utility, struct ms_out *out);
void ms_cli_describe_man(const struct ms_utility *utility, struct ms_out *out);

/** True if the option's argument is a list of columns, or a name of a file. */
bool ms_cli_takes_columns(const struct ms_option *option);
bool ms_cli_takes_file(const struct ms_option *option);

/** The group heading of an option. */
const char *ms_cli_group(const struct ms_option *option);

/**
 * Call fn for each visible option, group by group; groups in order of first appearance.
 *
 * @param fn  is_first: it is the first of its group
 */
void ms_cli_each_option(const struct ms_utility *utility,
	void (*fn)(const struct ms_option *option, bool is_first, void *arg), void *arg);

/** "the help text: auto, always or never": help with the choices added. */
void ms_cli_option_help(const struct ms_option *option, struct ms_out *out);

/** Set the name in front of messages, and what must be erased before one. */
void ms_cli_messages_init(const char *name, bool is_quiet, struct ms_progress *progress);

/** Reads the environment; tests give their own. */
typedef const char *(*ms_env_fn)(const char *name);

/** --color > NO_COLOR > FORCE_COLOR, CLICOLOR_FORCE > a terminal that is not dumb. */
bool ms_terminal_has_color(enum ms_when when, bool is_tty, ms_env_fn env);

/** True if LC_ALL, else LC_CTYPE, else LANG names UTF-8. */
bool ms_terminal_is_utf8(ms_env_fn env);

/** Columns of the terminal; 0 if it is none or does not say. */
unsigned ms_terminal_width(int fd);

/** Start a pager that reads what is written to *ret_fd; its pid, 0 if there is none. */
int ms_pager_start(ms_env_fn env, int *ret_fd);

/** Wait for it. */
void ms_pager_wait(int pid);

/** Make descriptors 0 to 2 valid, and let SIGPIPE, SIGINT, SIGTERM and SIGHUP do as they
 * should. */
void ms_signals_init(void);

/** The flag those signals raise. */
extern struct ms_cancel ms_cli_cancel;

/** The signal that raised the flag, 0 if none did. */
int ms_signals_caught(void);

/** Die by a signal, so that the shell sees it; returns only if it is blocked. */
void ms_signals_die(int signo);
