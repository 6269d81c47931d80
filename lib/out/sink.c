// Buffered output with a sticky error: see sink.h.

#include "out/sink.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "out/text.h"

enum {
	FLUSH_AT = 64 * 1024
};

void ms_out_init(struct ms_out *out, int fd)
{
	*out = (struct ms_out){ .fd = fd };
}

void ms_out_deinit(struct ms_out *out)
{
	if (out)
		ms_buffer_deinit(&out->buffer);
}

static void fail(struct ms_out *out, int errnum)
{
	if (!out->errnum)
		out->errnum = errnum;
}

void ms_out_flush(struct ms_out *out)
{
	if (out->fd < 0 || out->errnum || !out->buffer.n)
		return;
	if (!ms_write_all(out->fd, out->buffer.p, out->buffer.n))
		fail(out, errno);
	out->buffer.n = 0;
}

void ms_out_write(struct ms_out *out, const void *p, size_t n)
{
	if (out->errnum)
		return;
	out->written += n;
	if (out->fd >= 0 && out->buffer.n + n > FLUSH_AT)
		ms_out_flush(out);
	if (out->fd >= 0 && n >= FLUSH_AT) {
		if (!out->errnum && !ms_write_all(out->fd, p, n))
			fail(out, errno);
		return;
	}
	struct ms_error *err = ms_buffer_add(&out->buffer, p, n);
	if (err)
		fail(out, ENOMEM);
	ms_error_free(err);
}

void ms_out_str(struct ms_out *out, const char *text)
{
	ms_out_write(out, text, strlen(text));
}

void ms_out_char(struct ms_out *out, char c)
{
	ms_out_write(out, &c, 1);
}

void ms_out_repeat(struct ms_out *out, char c, size_t n)
{
	char run[64];
	memset(run, c, sizeof(run));
	for (; n > sizeof(run); n -= sizeof(run))
		ms_out_write(out, run, sizeof(run));
	ms_out_write(out, run, n);
}

void ms_out_printf(struct ms_out *out, const char *format, ...)
{
	char *text = NULL;
	va_list ap;
	va_start(ap, format);
	int n = vasprintf(&text, format, ap);
	va_end(ap);
	if (n < 0) {
		fail(out, ENOMEM);
		return;
	}
	ms_out_write(out, text, (size_t)n);
	free(text);
}

void ms_out_target(struct ms_out *out, struct ms_bytes bytes)
{
	ms_text_escape(out, bytes, out->is_ascii ? MS_TEXT_ASCII : 0);
}

// Only the eight basic colours and bold: they follow the reader's own palette.
static const char *const style_sequences[MS_STYLE_COUNT] = {
	[MS_STYLE_NONE] = "\033[0m",
	[MS_STYLE_HEADING] = "\033[1m",
	[MS_STYLE_STRONG] = "\033[1m",
	[MS_STYLE_WARN] = "\033[31m",
	[MS_STYLE_GOOD] = "\033[32m",
	[MS_STYLE_DIM] = "\033[2m",
};

void ms_out_style(struct ms_out *out, enum ms_style style)
{
	if (out->has_color && style < MS_STYLE_COUNT)
		ms_out_str(out, style_sequences[style]);
}

struct ms_bytes ms_out_bytes(const struct ms_out *out)
{
	return ms_buffer_bytes(&out->buffer);
}

void ms_out_clear(struct ms_out *out)
{
	out->buffer.n = 0;
}

struct ms_error *ms_out_finish(struct ms_out *out, const char *name)
{
	ms_out_flush(out);
	if (!out->errnum)
		return NULL;
	return ms_error_os(out->errnum, "cannot write to %s", name);
}
