// --list: every operand in turn, in the form and order of GNU strings.

#include "memstrings.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

struct state {
	enum ms_exit code;
	bool failed; // the output, not an input
};

// Where the output went wrong no further file is tried; elsewhere the next one is.
static struct ms_error *write_out(struct state *state, struct ms_bytes bytes)
{
	if (ms_write_all(STDOUT_FILENO, bytes.p, bytes.n))
		return NULL;
	state->failed = true;
	return ms_error_os(errno, "cannot write to standard output");
}

static struct ms_error *sink_plain(void *arg, struct ms_bytes bytes)
{
	return write_out(arg, bytes);
}

static bool is_safe(uint8_t c)
{
	return (c >= 0x20 && c < 0x7f) || c == '\t' || c == '\n';
}

// On a terminal, bytes that could steer it are written as \xHH. GNU strings lets CR, VT,
// FF (-w) and 0x80..0xff (-e S) through; so do we where no terminal reads.
static struct ms_error *sink_terminal(void *arg, struct ms_bytes bytes)
{
	static const char hex[] = "0123456789abcdef";
	uint8_t safe[4096];
	size_t n = 0;
	for (size_t i = 0; i < bytes.n; i++) {
		uint8_t c = bytes.p[i];
		if (n + 4 > sizeof(safe)) {
			struct ms_error *err =
				write_out(arg, (struct ms_bytes){ safe, n });
			if (err)
				return err;
			n = 0;
		}
		if (is_safe(c)) {
			safe[n++] = c;
			continue;
		}
		safe[n++] = '\\';
		safe[n++] = 'x';
		safe[n++] = (uint8_t)hex[c >> 4];
		safe[n++] = (uint8_t)hex[c & 15];
	}
	return write_out(arg, (struct ms_bytes){ safe, n });
}

static struct ms_bytes name_of(const struct options *o, const char *name)
{
	return o->print_name ? ms_bytes_of(name) : (struct ms_bytes){ NULL, 0 };
}

// A process or a core: its memory at its addresses. What was left out is a note, not
// output.
static struct ms_error *list_target(struct ms_cli *cli, struct ms_list *list,
	const struct options *o, const char *name, struct state *state)
{
	_cleanup_source_ struct source s = { .fd = -1 };
	struct ms_text_read read = { 0 };
	struct ms_error *err = source_open_target(cli, o, name, &s);
	if (!err)
		err = ms_text_list(&s.plan, list, name_of(o, name), &read);
	if (err)
		return err;
	char size[MS_SIZE_TEXT];
	uint64_t left_out = 0;
	for (size_t i = 0; i < s.plan.left_out_n; i++)
		left_out += s.plan.left_out[i].bytes;
	if (left_out)
		ms_cli_note("'%s': left out %s of resident memory (--all reads it too)",
			name, ms_size_text(left_out, size));
	if ((read.missing || read.has_ended) && state->code == MS_EXIT_OK)
		state->code = MS_EXIT_INCOMPLETE;
	if (read.missing)
		ms_cli_note("'%s': %s could not be read", name,
			ms_size_text(read.missing, size));
	if (read.has_ended)
		ms_cli_note("'%s' ended meanwhile: the list is incomplete", name);
	return NULL;
}

static struct ms_error *list_file(
	struct ms_list *list, const struct options *o, const char *path)
{
	_cleanup_close_ int fd = -1;
	struct ms_error *err = source_open_file(path, &fd);
	return err ? err : ms_list_fd(list, fd, path, name_of(o, path));
}

// One operand that cannot be listed does not end the list. What was found in it before is
// printed before the message.
static struct ms_error *list_operand(struct ms_cli *cli, struct ms_list *list,
	const struct options *o, const char *name, struct state *state)
{
	_cleanup_error_ struct ms_error *err =
		o->is_core || source_is_pid(name) ? list_target(cli, list, o, name, state)
						  : list_file(list, o, name);
	if (!err || state->failed || ms_error_is(err, MS_ERROR_CANCELLED))
		return ms_steal(err);
	state->code = MS_EXIT_NO;
	struct ms_error *flushed = ms_list_flush(list);
	ms_cli_error(err);
	return flushed;
}

static struct ms_error *list_stdin(struct ms_list *list, const struct options *o)
{
	static const char name[] = "{standard input}";
	return ms_list_fd(list, STDIN_FILENO, name, name_of(o, name));
}

// "-" among other operands means nothing, as with GNU strings; alone it is standard
// input.
static struct ms_error *list_all(struct ms_cli *cli, struct ms_list *list,
	const struct options *o, struct state *state)
{
	size_t files = 0;
	struct ms_error *err = NULL;
	for (size_t i = 0; i < cli->operands.n && !err; i++) {
		const char *name = cli->operands.v[i];
		if (strcmp(name, "-") == 0)
			continue;
		files++;
		err = list_operand(cli, list, o, name, state);
	}
	if (!err && !files)
		err = list_stdin(list, o);
	return err ? err : ms_list_flush(list);
}

struct ms_error *list_run(struct ms_cli *cli, const struct options *o, enum ms_exit *ret)
{
	_cleanup_(cleanup_ms_list_free) struct ms_list *list = NULL;
	struct state state = { .code = MS_EXIT_OK };
	ms_list_sink_fn sink = cli->is_tty ? sink_terminal : sink_plain;
	struct ms_error *err = ms_list_new(&o->listing, sink, &state, &list);
	if (!err)
		err = list_all(cli, list, o, &state);
	*ret = state.code;
	return err;
}
