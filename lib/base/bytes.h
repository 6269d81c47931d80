/**
 * Byte spans and the small parsers that files of /proc need.
 *
 * A span borrows its bytes and is never assumed NUL-terminated. The parsers consume
 * from the front of the span they are given and are pure: no locale, no errno.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct ms_bytes {
	const uint8_t *p;
	size_t n;
};

/** The bytes of a C string, without its NUL. */
static inline struct ms_bytes ms_bytes_of(const char *s)
{
	return (struct ms_bytes){ (const uint8_t *)s, strlen(s) };
}

/** The part from `from` on, at most `n` bytes; clipped to the span. */
struct ms_bytes ms_bytes_sub(struct ms_bytes b, size_t from, size_t n);

/** True if the span holds exactly the bytes of the C string s. */
bool ms_bytes_is(struct ms_bytes b, const char *s);

/** True if both spans hold the same bytes. */
bool ms_bytes_equal(struct ms_bytes a, struct ms_bytes b);

/** True if the span begins with, or ends with, the bytes of s. */
bool ms_bytes_starts(struct ms_bytes b, const char *s);
bool ms_bytes_ends(struct ms_bytes b, const char *s);

/** True if s occurs anywhere in the span. */
bool ms_bytes_has(struct ms_bytes b, const char *s);

/** True if all n bytes are zero. Cost: that of reading up to the first other byte. */
bool ms_is_zero(const void *p, size_t n);

/** The last path component: what follows the last '/', or the whole span. */
struct ms_bytes ms_bytes_basename(struct ms_bytes path);

/**
 * Take the next line: *line gets it without its '\n' and *rest moves past it.
 * False at the end. The last line needs no '\n'.
 */
bool ms_bytes_line(struct ms_bytes *rest, struct ms_bytes *line);

/** Drop leading spaces and tabs. */
void ms_bytes_skip_blank(struct ms_bytes *rest);

/** Take the next word: blanks are skipped, then everything up to a blank or the end. */
bool ms_bytes_word(struct ms_bytes *rest, struct ms_bytes *word);

/** Consume one given byte; false, consuming nothing, if another one is there. */
bool ms_bytes_eat(struct ms_bytes *rest, char c);

/** Consume a decimal number; false, consuming nothing, without a digit or on overflow. */
bool ms_bytes_dec(struct ms_bytes *rest, uint64_t *ret);

/** Consume a hexadecimal number without prefix; rules as ms_bytes_dec. */
bool ms_bytes_hex(struct ms_bytes *rest, uint64_t *ret);
