// Parsing a command line by the option table: see option.h.

#include "cli/option.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/checked.h"
#include "base/io.h"
#include "base/size.h"
#include "out/nearest.h"

size_t ms_option_count(const struct ms_option_list *list)
{
	return list->n[0] + list->n[1];
}

const struct ms_option *ms_option_at(const struct ms_option_list *list, size_t i)
{
	return i < list->n[0] ? &list->tables[0][i] : &list->tables[1][i - list->n[0]];
}

bool ms_duration_parse(const char *text, uint64_t *ret_ns)
{
	static const struct {
		const char *unit;
		uint64_t ns;
	} units[] = {
		{ "", 1000000000 },
		{ "ms", 1000000 },
		{ "s", 1000000000 },
		{ "m", UINT64_C(60000000000) },
		{ "h", UINT64_C(3600000000000) },
	};
	struct ms_bytes rest = ms_bytes_of(text);
	uint64_t n;
	if (!ms_bytes_dec(&rest, &n))
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (ms_bytes_is(rest, units[i].unit))
			return ms_mul(n, units[i].ns, ret_ns);
	return false;
}

static void *destination(void *options, const struct ms_option *option)
{
	return (char *)options + option->offset;
}

static struct ms_error *take_flag(
	void *to, const struct ms_option *option, const char *text)
{
	(void)text;
	*(bool *)to = option->kind == MS_OPTION_FLAG;
	return NULL;
}

static struct ms_error *take_set(
	void *to, const struct ms_option *option, const char *text)
{
	(void)text;
	*(int *)to = option->value;
	return NULL;
}

static struct ms_error *take_string(
	void *to, const struct ms_option *option, const char *text)
{
	(void)option;
	*(const char **)to = text;
	return NULL;
}

static struct ms_error *take_size(
	void *to, const struct ms_option *option, const char *text)
{
	(void)option;
	if (ms_size_parse(text, to))
		return NULL;
	return ms_error_new(
		MS_ERROR_USAGE, "'%s' is not a size like 4096, 64K or 3MiB", text);
}

static struct ms_error *take_count(
	void *to, const struct ms_option *option, const char *text)
{
	(void)option;
	struct ms_bytes rest = ms_bytes_of(text);
	uint64_t n;
	if (!ms_bytes_dec(&rest, &n) || rest.n)
		return ms_error_new(MS_ERROR_USAGE, "'%s' is not a number", text);
	*(uint64_t *)to = n;
	return NULL;
}

static struct ms_error *take_duration(
	void *to, const struct ms_option *option, const char *text)
{
	(void)option;
	if (ms_duration_parse(text, to))
		return NULL;
	return ms_error_new(
		MS_ERROR_USAGE, "'%s' is not a time like 500ms, 5s, 2m or 1h", text);
}

// "they are auto, always and never", or the nearest one.
static struct ms_error *bad_choice(const struct ms_option *option, const char *text)
{
	_cleanup_buffer_ struct ms_buffer all = { 0 };
	struct ms_nearest nearest = { .word = text };
	struct ms_error *err = NULL;
	for (const char *const *c = option->choices; !err && *c; c++) {
		if (!**c)
			continue;
		ms_nearest_offer(&nearest, *c);
		const char *separator = !all.n ? "" : c[1] ? ", " : " and ";
		err = ms_buffer_printf(&all, "%s%s", separator, *c);
	}
	if (err)
		return err;
	err = ms_error_new(MS_ERROR_USAGE, "'%s' is none of its values", text);
	if (*text && nearest.best)
		return ms_error_hint(err, "did you mean '%s'?", nearest.best);
	return ms_error_hint(err, "they are %s", (const char *)all.p);
}

// The exact value, else the only one that starts so.
static struct ms_error *take_choice(
	void *to, const struct ms_option *option, const char *text)
{
	int found = -1;
	size_t n = strlen(text);
	for (int i = 0; option->choices[i]; i++) {
		if (!*option->choices[i] || strncmp(option->choices[i], text, n) != 0)
			continue;
		bool is_exact = option->choices[i][n] == '\0';
		if (found >= 0 && !is_exact)
			return bad_choice(option, text);
		found = i;
		if (is_exact)
			break;
	}
	if (found < 0 || !n)
		return bad_choice(option, text);
	*(int *)to = found;
	return NULL;
}

static struct ms_error *take_repeated(
	void *to, const struct ms_option *option, const char *text)
{
	(void)option;
	struct ms_strings *strings = to;
	const char **added = ms_array_push(strings);
	if (!added)
		return &ms_error_nomem;
	*added = text;
	return NULL;
}

typedef struct ms_error *(*take_fn)(
	void *to, const struct ms_option *option, const char *text);

static const take_fn takers[] = {
	[MS_OPTION_FLAG] = take_flag,
	[MS_OPTION_CLEAR] = take_flag,
	[MS_OPTION_SET] = take_set,
	[MS_OPTION_STRING] = take_string,
	[MS_OPTION_SIZE] = take_size,
	[MS_OPTION_COUNT] = take_count,
	[MS_OPTION_DURATION] = take_duration,
	[MS_OPTION_CHOICE] = take_choice,
	[MS_OPTION_REPEATED] = take_repeated,
};

void ms_options_release(const struct ms_option_list *list, void *options)
{
	for (size_t i = 0; i < ms_option_count(list); i++) {
		const struct ms_option *option = ms_option_at(list, i);
		if (option->kind != MS_OPTION_REPEATED)
			continue;
		struct ms_strings *strings = destination(options, option);
		ms_array_deinit(strings);
	}
}

// The walk over argv.
struct parser {
	const struct ms_option_list *list;
	char **argv;
	int argc;
	int next; // index in argv
	void *options;
	struct ms_parsed *parsed;
};

// Apply an option; `spelled` is how it was written, for messages.
static struct ms_error *apply(struct parser *p, const struct ms_option *option,
	const char *spelled, const char *argument)
{
	if (!argument)
		argument = option->if_absent;
	if (option->kind >= MS_OPTION_HELP) {
		p->parsed->action = option;
		p->parsed->action_argument = argument;
		return NULL;
	}
	struct ms_error *err =
		option->kind == MS_OPTION_CALL
			? option->call(p->options, option, argument)
			: takers[option->kind](
				  destination(p->options, option), option, argument);
	return ms_error_prefix(err, "%s", spelled);
}

// The argument of an option that must have one: the rest of its word, or the next word.
static struct ms_error *take_next(struct parser *p, const struct ms_option *option,
	const char *spelled, const char **ret)
{
	if (p->next < p->argc) {
		*ret = p->argv[p->next++];
		return NULL;
	}
	return ms_error_new(
		MS_ERROR_USAGE, "option '%s' needs a %s", spelled, option->argument);
}

// "did you mean '--color'?" on a new error.
static struct ms_error *unknown_long(const struct parser *p, const char *name, size_t n)
{
	char word[64];
	snprintf(word, sizeof(word), "%.*s", (int)ms_min(n, sizeof(word) - 1), name);
	struct ms_nearest nearest = { .word = word };
	for (size_t i = 0; i < ms_option_count(p->list); i++) {
		const struct ms_option *option = ms_option_at(p->list, i);
		if (option->name && !option->is_hidden)
			ms_nearest_offer(&nearest, option->name);
	}
	struct ms_error *err =
		ms_error_new(MS_ERROR_USAGE, "unknown option '--%.*s'", (int)n, name);
	if (nearest.best)
		return ms_error_hint(err, "did you mean '--%s'?", nearest.best);
	return err;
}

static struct ms_error *ambiguous_long(const struct parser *p, const char *name, size_t n)
{
	_cleanup_buffer_ struct ms_buffer all = { 0 };
	struct ms_error *err = NULL;
	const struct ms_option *last = NULL;
	for (size_t i = 0; !err && i < ms_option_count(p->list); i++) {
		const struct ms_option *option = ms_option_at(p->list, i);
		if (!option->name || option->is_hidden ||
			strncmp(option->name, name, n) != 0)
			continue;
		if (last)
			err = ms_buffer_printf(
				&all, "%s--%s", all.n ? ", " : "", last->name);
		last = option;
	}
	if (err || !last)
		return err;
	err = ms_error_new(MS_ERROR_USAGE, "option '--%.*s' is ambiguous", (int)n, name);
	return ms_error_hint(
		err, "it may be %s or --%s", (const char *)all.p, last->name);
}

// Exact name, else the only one it begins. Two that are the same option in all but name
// stay ambiguous: a script must not depend on which was meant.
static const struct ms_option *find_long(
	const struct ms_option_list *list, const char *name, size_t n, bool *is_ambiguous)
{
	const struct ms_option *found = NULL;
	*is_ambiguous = false;
	for (size_t i = 0; i < ms_option_count(list); i++) {
		const struct ms_option *option = ms_option_at(list, i);
		if (!option->name || strncmp(option->name, name, n) != 0)
			continue;
		if (option->name[n] == '\0') {
			*is_ambiguous = false;
			return option;
		}
		if (option->is_hidden || !n)
			continue;
		*is_ambiguous = found != NULL;
		found = option;
	}
	return *is_ambiguous ? NULL : found;
}

static struct ms_error *parse_long(struct parser *p, const char *word)
{
	const char *equals = strchrnul(word + 2, '=');
	size_t n = (size_t)(equals - (word + 2));
	bool is_ambiguous;
	const struct ms_option *option = find_long(p->list, word + 2, n, &is_ambiguous);
	if (!option)
		return is_ambiguous ? ambiguous_long(p, word + 2, n)
				    : unknown_long(p, word + 2, n);

	char spelled[80];
	snprintf(spelled, sizeof(spelled), "--%s", option->name);
	const char *argument = *equals ? equals + 1 : NULL;
	if (argument && !option->argument)
		return ms_error_new(
			MS_ERROR_USAGE, "option '%s' takes no argument", spelled);
	if (!argument && option->argument && !option->if_absent) {
		struct ms_error *err = take_next(p, option, spelled, &argument);
		if (err)
			return err;
	}
	return apply(p, option, spelled, argument);
}

static const struct ms_option *find_letter(const struct ms_option_list *list, char letter)
{
	for (size_t i = 0; i < ms_option_count(list); i++)
		if (ms_option_at(list, i)->letter == letter)
			return ms_option_at(list, i);
	return NULL;
}

static const struct ms_option *find_digits(const struct ms_option_list *list)
{
	for (size_t i = 0; i < ms_option_count(list); i++)
		if (ms_option_at(list, i)->is_digits)
			return ms_option_at(list, i);
	return NULL;
}

// `-10`: the run of digits is the argument.
static struct ms_error *parse_digits(
	struct parser *p, const struct ms_option *option, const char **letters)
{
	char digits[32];
	size_t n = strspn(*letters, "0123456789");
	if (n >= sizeof(digits))
		return ms_error_new(MS_ERROR_USAGE, "'-%s' is too large", *letters);
	memcpy(digits, *letters, n);
	digits[n] = '\0';
	*letters += n;
	return apply(p, option, "-NUMBER", digits);
}

// One letter of a cluster and, where it takes one, its argument; *letters moves past
// both.
static struct ms_error *parse_letter(struct parser *p, const char **letters)
{
	const struct ms_option *option = find_letter(p->list, **letters);
	bool is_digit = **letters >= '0' && **letters <= '9';
	if (!option && is_digit && find_digits(p->list))
		return parse_digits(p, find_digits(p->list), letters);
	char spelled[] = { '-', **letters, '\0' };
	if (!option)
		return ms_error_new(MS_ERROR_USAGE, "unknown option '%s'", spelled);
	(*letters)++;

	const char *argument = NULL;
	if (option->argument && !option->if_absent) {
		argument = **letters ? *letters : NULL;
		*letters += strlen(*letters);
		struct ms_error *err =
			argument ? NULL : take_next(p, option, spelled, &argument);
		if (err)
			return err;
	}
	return apply(p, option, spelled, argument);
}

static struct ms_error *add_operand(struct parser *p, const char *word)
{
	return take_repeated(&p->parsed->operands, NULL, word);
}

static struct ms_error *add_rest(struct parser *p)
{
	struct ms_error *err = NULL;
	while (!err && p->next < p->argc)
		err = add_operand(p, p->argv[p->next++]);
	return err;
}

static struct ms_error *parse_cluster(struct parser *p, const char *word)
{
	const char *letters = word + 1;
	struct ms_error *err = NULL;
	while (!err && *letters && !p->parsed->action)
		err = parse_letter(p, &letters);
	return err;
}

struct ms_error *ms_options_parse(const struct ms_option_list *list, int argc,
	char **argv, bool stops_at_operand, void *options, struct ms_parsed *ret)
{
	struct parser p = {
		.list = list,
		.argv = argv,
		.argc = argc,
		.next = 1,
		.options = options,
		.parsed = ret,
	};
	struct ms_error *err = NULL;
	bool has_dashes = false;
	while (!err && p.next < argc && !ret->action && !has_dashes) {
		const char *word = argv[p.next++];
		has_dashes = strcmp(word, "--") == 0;
		if (has_dashes)
			break;
		if (word[0] == '-' && word[1] == '-')
			err = parse_long(&p, word);
		else if (word[0] == '-' && word[1])
			err = parse_cluster(&p, word);
		else
			err = add_operand(&p, word);
		if (!err && stops_at_operand && ret->operands.n)
			break;
	}
	ret->n_before_dashes = ret->operands.n;
	if (!err && !ret->action)
		err = add_rest(&p);
	if (!has_dashes)
		ret->n_before_dashes = ret->operands.n;
	return err;
}
