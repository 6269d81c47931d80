/**
 * Reading whole small files and exact pieces of large ones. All calls retry EINTR.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"

/** Heap bytes with a length. Zeroed is empty; a NUL follows the bytes but is not counted.
 */
struct ms_buffer {
	uint8_t *p;
	size_t n;
	size_t cap;
};

/** Release the bytes; the buffer is empty and usable again. */
void ms_buffer_deinit(struct ms_buffer *buffer);

#define _cleanup_buffer_ __attribute__((cleanup(ms_buffer_deinit)))

/** Borrow the buffer's bytes; valid until it grows or is released. */
static inline struct ms_bytes ms_buffer_bytes(const struct ms_buffer *buffer)
{
	return (struct ms_bytes){ buffer->p, buffer->n };
}

/** Append bytes. Errors: NOMEM. */
struct ms_error *ms_buffer_add(
	struct ms_buffer *buffer, const void *p, size_t n) MS_MUST_CHECK;

/** Append a formatted string. Errors: NOMEM. */
struct ms_error *ms_buffer_printf(
	struct ms_buffer *buffer, const char *format, ...) MS_MUST_CHECK MS_PRINTF(2, 3);

/** Monotonic time in nanoseconds. */
uint64_t ms_now_ns(void);

/**
 * Read a file of unknown size, such as one of /proc, to its end.
 *
 * @param dirfd  directory fd, or AT_FDCWD
 * @param path   relative to dirfd; symlinks in the last component are followed
 * @param limit  bytes; a longer file is an error
 * @param ret    out: replaced on success only; owned by the caller
 *
 * Errors: OS, DENIED, GONE (ESRCH: the process ended), LIMIT, NOMEM.
 */
struct ms_error *ms_read_file_at(
	int dirfd, const char *path, size_t limit, struct ms_buffer *ret) MS_MUST_CHECK;

/** As ms_read_file_at, from a descriptor's current position. `name` is for messages. */
struct ms_error *ms_read_fd(
	int fd, const char *name, size_t limit, struct ms_buffer *ret) MS_MUST_CHECK;

/**
 * Read up to n bytes at an offset, going on after short reads.
 *
 * @return bytes read, fewer than n only at the end of the file; -1 with errno on failure
 */
int64_t ms_pread_all(int fd, void *p, size_t n, uint64_t offset);

/** Write n bytes at an offset; false with errno on failure. */
bool ms_pwrite_all(int fd, const void *p, size_t n, uint64_t offset);

/** Write n bytes at the current position; false with errno on failure. */
bool ms_write_all(int fd, const void *p, size_t n);
