// Messages on standard error: each in one write, so that those of parallel processes do
// not mix, and escaped, since they name files and mappings of the target.

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli_internal.h"

static struct {
	const char *name;
	bool is_quiet;
	struct ms_progress *progress;
} state = { .name = "memsleuth" };

void ms_cli_messages_init(const char *name, bool is_quiet, struct ms_progress *progress)
{
	state.name = name;
	state.is_quiet = is_quiet;
	state.progress = progress;
}

static void put_escaped(struct ms_out *out, const char *text)
{
	ms_text_escape(out, ms_bytes_of(text),
		MS_TEXT_KEEP_BACKSLASH | (out->is_ascii ? MS_TEXT_ASCII : 0));
}

static void send(struct ms_out *out)
{
	if (state.progress)
		ms_progress_clear(state.progress);
	struct ms_bytes bytes = ms_out_bytes(out);
	(void)ms_write_all(STDERR_FILENO, bytes.p, bytes.n); // nobody is left to tell
}

static const char *get_environment(const char *name)
{
	return getenv(name);
}

static void start(struct ms_out *out)
{
	ms_out_init(out, -1);
	out->is_ascii = !ms_terminal_is_utf8(get_environment);
	put_escaped(out, state.name);
	ms_out_str(out, ": ");
}

void ms_cli_error(const struct ms_error *err)
{
	_cleanup_out_ struct ms_out out;
	start(&out);
	put_escaped(&out, err->message);
	if (err->hint && err->code == MS_ERROR_USAGE) {
		ms_out_str(&out, "; ");
		put_escaped(&out, err->hint);
	} else if (err->hint) {
		ms_out_printf(&out, "\n%s: hint: ", state.name);
		put_escaped(&out, err->hint);
	}
	if (err->code == MS_ERROR_USAGE)
		ms_out_printf(&out, "\nTry '%s --help'", state.name);
	ms_out_char(&out, '\n');
	send(&out);
}

void ms_cli_note(const char *format, ...)
{
	if (state.is_quiet)
		return;
	char *text = NULL;
	va_list ap;
	va_start(ap, format);
	int n = vasprintf(&text, format, ap);
	va_end(ap);
	if (n < 0)
		return;
	_cleanup_out_ struct ms_out out;
	start(&out);
	put_escaped(&out, text);
	ms_out_char(&out, '\n');
	send(&out);
	free(text);
}
