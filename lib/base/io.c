// Whole-file and exact reads and writes: see io.h.

#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"

void ms_buffer_deinit(struct ms_buffer *buffer)
{
	free(buffer->p);
	*buffer = (struct ms_buffer){ 0 };
}

// Room for `more` bytes and a NUL.
static bool buffer_reserve(struct ms_buffer *buffer, size_t more)
{
	if (more > SIZE_MAX / 4 || buffer->n > SIZE_MAX / 4)
		return false;
	size_t want = buffer->n + more + 1;
	if (want <= buffer->cap)
		return true;
	size_t cap = buffer->cap + buffer->cap / 2;
	if (cap < want)
		cap = want;
	uint8_t *p = realloc(buffer->p, cap);
	if (!p)
		return false;
	buffer->p = p;
	buffer->cap = cap;
	return true;
}

struct ms_error *ms_buffer_add(struct ms_buffer *buffer, const void *p, size_t n)
{
	if (!buffer_reserve(buffer, n))
		return &ms_error_nomem;
	if (n)
		memcpy(buffer->p + buffer->n, p, n);
	buffer->n += n;
	buffer->p[buffer->n] = '\0';
	return NULL;
}

struct ms_error *ms_buffer_printf(struct ms_buffer *buffer, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;
	va_start(ap, format);
	int n = vasprintf(&text, format, ap);
	va_end(ap);
	if (n < 0) {
		text = NULL;
		return &ms_error_nomem;
	}
	return ms_buffer_add(buffer, text, (size_t)n);
}

uint64_t ms_now_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

struct ms_error *ms_read_fd(int fd, const char *name, size_t limit, struct ms_buffer *ret)
{
	enum {
		STEP = 64 * 1024
	};
	_cleanup_buffer_ struct ms_buffer buffer = { 0 };
	size_t step = 4096;
	for (;;) {
		if (!buffer_reserve(&buffer, step))
			return &ms_error_nomem;
		ssize_t n = read(fd, buffer.p + buffer.n, step);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ms_error_os(errno, "cannot read '%s'", name);
		if (n == 0)
			break;
		buffer.n += (size_t)n;
		if (buffer.n > limit)
			return ms_error_new(MS_ERROR_LIMIT,
				"'%s' is longer than %zu bytes", name, limit);
		step = STEP;
	}
	buffer.p[buffer.n] = '\0';
	ms_buffer_deinit(ret);
	*ret = buffer;
	buffer = (struct ms_buffer){ 0 };
	return NULL;
}

struct ms_error *ms_read_file_at(
	int dirfd, const char *path, size_t limit, struct ms_buffer *ret)
{
	_cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return ms_error_os(errno, "cannot open '%s'", path);
	return ms_read_fd(fd, path, limit, ret);
}

int64_t ms_pread_all(int fd, void *p, size_t n, uint64_t offset)
{
	size_t done = 0;
	while (done < n) {
		ssize_t got =
			pread(fd, (char *)p + done, n - done, (off_t)(offset + done));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		done += (size_t)got;
	}
	return (int64_t)done;
}

bool ms_pwrite_all(int fd, const void *p, size_t n, uint64_t offset)
{
	while (n) {
		ssize_t put = pwrite(fd, p, n, (off_t)offset);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return false;
		p = (const char *)p + put;
		offset += (uint64_t)put;
		n -= (size_t)put;
	}
	return true;
}

bool ms_write_all(int fd, const void *p, size_t n)
{
	while (n) {
		ssize_t put = write(fd, p, n);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return false;
		p = (const char *)p + put;
		n -= (size_t)put;
	}
	return true;
}
