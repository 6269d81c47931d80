/**
 * Lists: what GNU strings prints, byte for byte, from a stream of any length.
 *
 * One object serves several inputs in turn. Input is pushed, either from a descriptor
 * (ms_list_fd) or piece by piece (ms_list_begin, ms_list_add or ms_list_room and
 * ms_list_put, ms_list_zeros, ms_list_end). Output goes to a sink in large blocks.
 *
 * Memory: up to four input blocks, one output block, and the minimum length where that is
 * above 64 units (a run below it may still turn out too short); never the length of a
 * string.
 *
 * Where GNU strings 2.40 is wrong it is not copied; see memstrings(1), "GNU STRINGS".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/pool.h"
#include "strings/runs.h"

struct ms_list_options {
	enum ms_encoding encoding;
	uint64_t min;              ///< units a string must have; 0: 4
	unsigned radix;            ///< of the offset: 8, 10 or 16; 0: print no offset
	bool spaces;               ///< LF VT FF CR are text as well
	struct ms_bytes separator; ///< after each string; p NULL: a line feed. Borrowed
	size_t block_size;         ///< input bytes per step, at least 1; 0: 1 MiB
	ms_scan_fn masks;          ///< NULL: the fastest
	const struct ms_cancel *cancel; ///< polled per block; may be NULL
};

/** Takes finished output. An error ends the listing and is returned by the next call. */
typedef struct ms_error *(*ms_list_sink_fn)(void *arg, struct ms_bytes bytes);

struct ms_list;

/** Make a lister; sink and arg are kept. Errors: NOMEM. */
struct ms_error *ms_list_new(const struct ms_list_options *options, ms_list_sink_fn sink,
	void *arg, struct ms_list **ret) MS_MUST_CHECK;

/** Free; output not yet flushed is dropped. NULL is fine. */
void ms_list_free(struct ms_list *list);

MS_DEFINE_CLEANUP(struct ms_list *, ms_list_free);

/**
 * Begin an input.
 *
 * @param name    printed before each string as "name: "; p NULL: nothing. Copied
 * @param offset  what the first byte's position is called: 0, or an address
 * Errors: NOMEM.
 */
struct ms_error *ms_list_begin(
	struct ms_list *list, struct ms_bytes name, uint64_t offset) MS_MUST_CHECK;

/** Where to put further input, at least one byte of room; *ret_n is how much fits. */
uint8_t *ms_list_room(struct ms_list *list, size_t *ret_n);

/** Take n bytes that were put in the room. Errors: the sink's, NOMEM, CANCELLED. */
struct ms_error *ms_list_put(struct ms_list *list, size_t n) MS_MUST_CHECK;

/** Take bytes from elsewhere: a copy, then ms_list_put(). */
struct ms_error *ms_list_add(struct ms_list *list, struct ms_bytes bytes) MS_MUST_CHECK;

/** Take n zero bytes, at no cost worth mentioning: a hole of a file. */
struct ms_error *ms_list_zeros(struct ms_list *list, uint64_t n) MS_MUST_CHECK;

/** End the input: an open string is finished. The output stays buffered. */
struct ms_error *ms_list_end(struct ms_list *list) MS_MUST_CHECK;

/** Hand all buffered output to the sink. */
struct ms_error *ms_list_flush(struct ms_list *list) MS_MUST_CHECK;

/**
 * List a descriptor from its current position to its end, begin and end included.
 *
 * Regular files are read with their holes skipped, long stretches by a thread that reads
 * ahead; anything else as it comes. After a
 * failed read what was read before is listed to its end.
 *
 * @param what  the file's name, for error messages
 * @param name  as in ms_list_begin
 * Errors: OS (reading), the sink's, NOMEM, CANCELLED.
 * Source: SEEK_DATA and SEEK_HOLE, lseek(2); a file system without them has one extent.
 */
struct ms_error *ms_list_fd(struct ms_list *list, int fd, const char *what,
	struct ms_bytes name) MS_MUST_CHECK;
