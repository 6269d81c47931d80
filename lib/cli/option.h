/**
 * Options as data: one table is parsed, printed by --help, completed by the shell, and
 * makes the OPTIONS section of the man page.
 *
 * The syntax is GNU's: `-n 5`, `-n5`, `-abc`, `--min=5`, `--min 5`, `--mi 5` where that
 * is not ambiguous, operands anywhere, `--` ends options. An optional argument is given
 * with `=` only (`--json`, `--json=lines`). A digits option also takes `-10`.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/array.h"
#include "base/error.h"

/** What a MS_OPTION_REPEATED option collects; the strings are argv's. */
struct ms_strings {
	const char **v;
	size_t n;
	size_t cap;
};

enum ms_option_kind {
	MS_OPTION_FLAG,     ///< bool becomes true
	MS_OPTION_CLEAR,    ///< bool becomes false: --no-pager
	MS_OPTION_SET,      ///< int becomes .value; of several options the last wins
	MS_OPTION_STRING,   ///< const char *, borrowed from argv
	MS_OPTION_SIZE,     ///< uint64_t bytes: 4096, 64K, 3MiB
	MS_OPTION_COUNT,    ///< uint64_t, decimal
	MS_OPTION_DURATION, ///< uint64_t ns: 500ms, 5, 5s, 2m, 1h
	MS_OPTION_CHOICE,   ///< int becomes the index in .choices; prefixes are accepted
	MS_OPTION_REPEATED, ///< struct ms_strings gets one more
	MS_OPTION_CALL,     ///< .call decides
	MS_OPTION_HELP,     ///< --help; every utility has it
	MS_OPTION_VERSION,  ///< --version; every utility has it
	MS_OPTION_INTROSPECT, ///< --introspect-cli; every utility has it, hidden
};

struct ms_option;

/**
 * Take an option's argument.
 *
 * @param options   the utility's options struct
 * @param argument  borrowed from argv; NULL where the option has none
 * Errors: USAGE; the caller puts the option's name in front of the message.
 */
typedef struct ms_error *(*ms_option_fn)(
	void *options, const struct ms_option *option, const char *argument);

struct ms_option {
	char letter;          ///< short form, 0: none
	const char *name;     ///< long form without dashes, NULL: none
	const char *argument; ///< its name in upper case, NULL: the option takes none
	const char *help;     ///< one or more sentences, lower case, no full stop
	const char *group;    ///< heading in --help; NULL: "Options"
	enum ms_option_kind kind;
	size_t offset;              ///< of the destination in the options struct
	int value;                  ///< MS_OPTION_SET
	const char *const *choices; ///< MS_OPTION_CHOICE: NULL-terminated
	const char *if_absent;      ///< argument is optional, this stands for none
	ms_option_fn call;          ///< MS_OPTION_CALL
	bool is_digits;             ///< `-10` means this option with 10
	bool is_hidden;             ///< parsed, but in no help, man page or completion
};

/** Destination of an option: MS_TO(struct options, minimum). */
#define MS_TO(type, member) .offset = offsetof(type, member)

/** Tables of options, searched in order: the utility's own, then what all have. */
struct ms_option_list {
	const struct ms_option *tables[2];
	size_t n[2];
};

/** Number of options in the list, and the i-th. */
size_t ms_option_count(const struct ms_option_list *list);
const struct ms_option *ms_option_at(const struct ms_option_list *list, size_t i);

/** What a command line came to besides the options struct. */
struct ms_parsed {
	struct ms_strings operands; ///< borrowed from argv, in order
	size_t n_before_dashes;     ///< operands before `--`; all if there was none
	const struct ms_option
		*action; ///< the HELP, VERSION, INTROSPECT option met, or NULL
	const char *action_argument;
};

/**
 * Parse a command line.
 *
 * @param stops_at_operand  everything from the first operand on is an operand
 * @param options           destination of the offsets
 * @param ret               out: zeroed by the caller; operands owned by the caller, also
 *                          after an error
 *
 * An action option ends parsing at once. Errors: USAGE, NOMEM.
 */
struct ms_error *ms_options_parse(const struct ms_option_list *list, int argc,
	char **argv, bool stops_at_operand, void *options,
	struct ms_parsed *ret) MS_MUST_CHECK;

/** Free what repeated options collected in the struct. */
void ms_options_release(const struct ms_option_list *list, void *options);

/** Read "500ms", "5", "5s", "2m", "1h"; false if it is none of these or wraps. */
bool ms_duration_parse(const char *text, uint64_t *ret_ns);
