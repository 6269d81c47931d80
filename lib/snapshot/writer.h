/**
 * The writer: a file written once from front to back, in stripes of 1 MiB, with holes.
 *
 * The caller fills stripes at ascending offsets and a thread writes them, so reading the
 * target and writing the disk overlap. A stripe knows which of its pages were filled;
 * pages that were not, or hold only zeros, become holes (zeros on a pipe).
 */
#pragma once

#include "base/base.h"

enum {
	MS_STRIPE = 1 << 20, ///< bytes; also the alignment of a stripe in the file
	MS_STRIPE_PAGES = MS_STRIPE / 4096,
};

struct ms_writer;

/**
 * Start writing to a descriptor.
 *
 * @param fd         borrowed; O_DIRECT is switched on by this if it can be
 * @param name       for messages; borrowed
 * @param is_stream  a pipe: holes are written as zeros, nothing is sought
 * Errors: NOMEM, OS.
 */
struct ms_error *ms_writer_new(
	int fd, const char *name, bool is_stream, struct ms_writer **ret) MS_MUST_CHECK;

/** End the thread and free; NULL is fine. What was not flushed is lost. */
void ms_writer_free(struct ms_writer *writer);

/**
 * Room for bytes at an offset of the file.
 *
 * @param offset  at or after the end of the room handed out before
 * @param want    bytes wanted
 * @param ret_n   out: bytes granted, 1..want (up to the end of the stripe)
 * @param ret     out: zeroed or overwritten by the caller; valid until the next call
 * Errors: what the thread met: OS. NOMEM.
 */
struct ms_error *ms_writer_room(struct ms_writer *writer, uint64_t offset, uint64_t want,
	uint64_t *ret_n, uint8_t **ret) MS_MUST_CHECK;

/** Copy bytes to an offset; rules as ms_writer_room. */
struct ms_error *ms_writer_put(struct ms_writer *writer, uint64_t offset, const void *p,
	uint64_t n) MS_MUST_CHECK;

/** Write what is left, make the file `size` bytes long and durable. Errors: OS. */
struct ms_error *ms_writer_finish(struct ms_writer *writer, uint64_t size) MS_MUST_CHECK;

struct ms_writer_stats {
	uint64_t written_bytes;
	uint64_t zero_bytes; ///< filled pages that were left as holes
	bool used_direct_io;
};

/** Totals; complete after ms_writer_finish. */
struct ms_writer_stats ms_writer_stats(const struct ms_writer *writer);
