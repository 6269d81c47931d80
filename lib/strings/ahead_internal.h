/**
 * Reading ahead: one thread copies a part of a file out of the page cache, block by block,
 * while the caller looks at the blocks before. The copy takes as long as the search.
 */
#pragma once

#include "base/base.h"

struct ahead;

/** One block; valid until the next call. */
struct ahead_block {
	uint8_t *p; ///< may be written to, and so may `before` bytes in front of it
	size_t n;   ///< 0: the file ended, or a read failed
	int errnum; ///< why reading stopped; 0 at the end of the file or of the part
};

/**
 * Start reading [offset, offset + size) of a regular file.
 *
 * @param block   bytes per block
 * @param before  bytes of room in front of each block
 * @param after   bytes behind each block that may be read, though they mean nothing
 * @param ret     out; NULL where no thread can be made: read without
 * Errors: NOMEM.
 */
struct ms_error *ahead_new(int fd, uint64_t offset, uint64_t size, size_t block,
	size_t before, size_t after, struct ahead **ret) MS_MUST_CHECK;

/** The next block; the one before is given back. */
struct ahead_block ahead_next(struct ahead *ahead);

/** Stop and free; NULL is fine. */
void ahead_free(struct ahead *ahead);

MS_DEFINE_CLEANUP(struct ahead *, ahead_free);
