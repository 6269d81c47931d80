// --list: every operand in turn, in the form and order of GNU strings.

#include "memstrings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base.h"

struct state {
	int code;
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

static void complain(const struct ms_error *err)
{
	fprintf(stderr, "memstrings: %s\n", err->message);
	if (err->hint)
		fprintf(stderr, "  %s\n", err->hint);
}

static struct ms_error *open_file(const char *path, int *ret)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return ms_error_os(errno, "cannot open '%s'", path);
	if (S_ISDIR(st.st_mode))
		return ms_error_new(MS_ERROR_UNSUPPORTED, "'%s' is a directory", path);
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	*ret = ms_steal_fd(&fd);
	return NULL;
}

static struct ms_bytes name_of(const struct options *o, const char *name)
{
	return o->print_name ? ms_bytes_of(name) : (struct ms_bytes){ NULL, 0 };
}

// What was found before a file could not be read is printed before the message.
static struct ms_error *list_file(struct ms_list *list, const struct options *o,
	const char *path, struct state *state)
{
	_cleanup_close_ int fd = -1;
	_cleanup_error_ struct ms_error *err = open_file(path, &fd);
	if (!err)
		err = ms_list_fd(list, fd, path, name_of(o, path));
	if (!err || state->failed)
		return ms_steal(err);
	state->code = EXIT_NO;
	struct ms_error *flushed = ms_list_flush(list);
	complain(err);
	return flushed;
}

static struct ms_error *list_stdin(struct ms_list *list, const struct options *o)
{
	static const char name[] = "{standard input}";
	return ms_list_fd(list, STDIN_FILENO, name, name_of(o, name));
}

static struct ms_error *list_all(
	struct ms_list *list, const struct options *o, struct state *state)
{
	size_t files = 0;
	struct ms_error *err = NULL;
	for (size_t i = 0; i < o->n_operands && !err; i++) {
		if (strcmp(o->operands[i], "-") == 0)
			continue;
		files++;
		err = list_file(list, o, o->operands[i], state);
	}
	if (!err && !files)
		err = list_stdin(list, o);
	return err ? err : ms_list_flush(list);
}

int list_run(const struct options *options)
{
	_cleanup_(cleanup_ms_list_free) struct ms_list *list = NULL;
	struct state state = { .code = EXIT_DONE };
	ms_list_sink_fn sink = isatty(STDOUT_FILENO) ? sink_terminal : sink_plain;
	_cleanup_error_ struct ms_error *err =
		ms_list_new(&options->listing, sink, &state, &list);
	if (!err)
		err = list_all(list, options, &state);
	if (err) {
		complain(err);
		return EXIT_FAILED;
	}
	return state.code;
}
