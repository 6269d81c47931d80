/**
 * Where output goes: a buffered descriptor, or memory, with an error that sticks.
 *
 * Callers write without checking and ask once at the end (ms_out_finish). After a failed
 * write nothing more is written. Not thread-safe.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/io.h"

enum ms_style {
	MS_STYLE_NONE,
	MS_STYLE_HEADING, ///< column headings, section words
	MS_STYLE_STRONG,  ///< what the reader should see first
	MS_STYLE_WARN,    ///< a limit, a suspect
	MS_STYLE_GOOD,    ///< a check that passed
	MS_STYLE_DIM,     ///< secondary text
	MS_STYLE_COUNT
};

struct ms_out {
	int fd;         ///< borrowed; -1 keeps everything in `buffer`
	bool has_color; ///< ms_out_style() writes SGR sequences
	bool is_ascii;  ///< the reader's character set is not UTF-8: escape all else
	int errnum;     ///< of the first failure, then nothing more is written; 0 is fine
	uint64_t written; ///< bytes accepted so far
	struct ms_buffer buffer;
};

/** Start a sink on a descriptor that stays the caller's; -1 for one in memory. */
void ms_out_init(struct ms_out *out, int fd);

/** Release the buffer without writing what is left; NULL and a zeroed one are fine. */
void ms_out_deinit(struct ms_out *out);

#define _cleanup_out_ __attribute__((cleanup(ms_out_deinit)))

/** Write bytes that are ours, or that were escaped before. */
void ms_out_write(struct ms_out *out, const void *p, size_t n);

/** Write a C string of ours. */
void ms_out_str(struct ms_out *out, const char *text);

/** Write one byte of ours. */
void ms_out_char(struct ms_out *out, char c);

/** Write the byte c n times. */
void ms_out_repeat(struct ms_out *out, char c, size_t n);

/** Write formatted text; every %s must be ours too: the target's goes to ms_out_target.
 */
void ms_out_printf(struct ms_out *out, const char *format, ...) MS_PRINTF(2, 3);

/** Write bytes of the target, escaped (text.h). */
void ms_out_target(struct ms_out *out, struct ms_bytes bytes);

/** Begin a style, or end the current one with MS_STYLE_NONE; nothing without colour. */
void ms_out_style(struct ms_out *out, enum ms_style style);

/** Borrow what a sink in memory has collected; valid until the next write. */
struct ms_bytes ms_out_bytes(const struct ms_out *out);

/** Empty a sink in memory for reuse; its error is kept. */
void ms_out_clear(struct ms_out *out);

/** Write the buffered bytes to the descriptor now; failures stick. */
void ms_out_flush(struct ms_out *out);

/**
 * Flush and report.
 *
 * @param name  what was written to, for the message: "standard output"
 * Errors: the first failure as OS or DENIED (errnum kept, EPIPE included), NOMEM.
 */
struct ms_error *ms_out_finish(struct ms_out *out, const char *name) MS_MUST_CHECK;
