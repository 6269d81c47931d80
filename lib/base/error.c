// Error objects: see error.h for the protocol.

#include "base/error.h"

#undef ms_error_new
#undef ms_error_os
#undef ms_error_format
#undef ms_error_hint
#undef ms_error_prefix

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char nomem_message[] = "out of memory";

struct ms_error ms_error_nomem = {
	.code = MS_ERROR_NOMEM,
	.errnum = ENOMEM,
	.message = nomem_message,
};

static MS_PRINTF(3, 0) struct ms_error *new_va(
	enum ms_error_code code, int errnum, const char *format, va_list ap)
{
	struct ms_error *err = calloc(1, sizeof(*err));
	if (!err)
		return &ms_error_nomem;
	err->code = code;
	err->errnum = errnum;
	if (vasprintf(&err->message, format, ap) < 0) {
		free(err);
		return &ms_error_nomem;
	}
	return err;
}

struct ms_error *ms_error_new(enum ms_error_code code, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	struct ms_error *err = new_va(code, 0, format, ap);
	va_end(ap);
	return err;
}

struct ms_error *ms_error_format(uint64_t offset, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	struct ms_error *err = new_va(MS_ERROR_FORMAT, 0, format, ap);
	va_end(ap);
	if (err != &ms_error_nomem)
		err->address = offset;
	return err;
}

static enum ms_error_code code_of_errno(int errnum)
{
	switch (errnum) {
	case EPERM:
	case EACCES:
		return MS_ERROR_DENIED;
	case ESRCH:
		return MS_ERROR_GONE;
	default:
		return MS_ERROR_OS;
	}
}

struct ms_error *ms_error_os(int errnum, const char *format, ...)
{
	if (errnum == ENOMEM)
		return &ms_error_nomem;

	va_list ap;
	va_start(ap, format);
	struct ms_error *err = new_va(code_of_errno(errnum), errnum, format, ap);
	va_end(ap);
	if (err == &ms_error_nomem)
		return err;

	char *whole;
	if (asprintf(&whole, "%s: %s", err->message, strerror(errnum)) < 0) {
		ms_error_free(err);
		return &ms_error_nomem;
	}
	free(err->message);
	err->message = whole;
	return err;
}

struct ms_error *ms_error_hint(struct ms_error *err, const char *format, ...)
{
	if (!err || err == &ms_error_nomem)
		return err;

	va_list ap;
	char *hint;
	va_start(ap, format);
	int n = vasprintf(&hint, format, ap);
	va_end(ap);
	if (n < 0)
		return err; // the message matters more than its hint
	free(err->hint);
	err->hint = hint;
	return err;
}

struct ms_error *ms_error_prefix(struct ms_error *err, const char *format, ...)
{
	if (!err || err == &ms_error_nomem)
		return err;

	va_list ap;
	char *prefix;
	va_start(ap, format);
	int n = vasprintf(&prefix, format, ap);
	va_end(ap);
	if (n < 0)
		return err;

	char *whole;
	n = asprintf(&whole, "%s: %s", prefix, err->message);
	free(prefix);
	if (n < 0)
		return err;
	free(err->message);
	err->message = whole;
	return err;
}

bool ms_error_is(const struct ms_error *err, enum ms_error_code code)
{
	return err && err->code == code;
}

bool ms_error_catch(struct ms_error **err, enum ms_error_code code)
{
	if (!ms_error_is(*err, code))
		return false;
	ms_error_free(*err);
	*err = NULL;
	return true;
}

void ms_error_free(struct ms_error *err)
{
	if (!err || err == &ms_error_nomem)
		return;
	free(err->message);
	free(err->hint);
	free(err);
}
