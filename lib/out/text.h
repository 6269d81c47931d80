/**
 * Text from a target, made safe for a terminal, and its width on one.
 *
 * What is written differently: C0, DEL and C1 controls; invalid UTF-8; characters that
 * set direction, join, or cannot be seen (Unicode Cf, line and paragraph separators,
 * fillers, tags, unassigned planes' noncharacters); and the backslash. `\a \b \t \n \v \f
 * \r` and `\e` are not used except \t \n \r; everything else is `\xNN` for each byte, so
 * that the bytes can be had back, for instance with printf '%b'. Where the character set
 * is not UTF-8, every byte from 0x80 on is escaped: on an 8-bit terminal 0x9b starts a
 * sequence.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/io.h"

struct ms_out;

enum ms_text_flags {
	MS_TEXT_ASCII = 1 << 0,          ///< escape everything from 0x80 on
	MS_TEXT_KEEP_BACKSLASH = 1 << 1, ///< for messages: `\` stays single
};

enum {
	MS_TEXT_ESCAPED_MAX = 16
}; ///< longest escape of one character, in bytes

/**
 * Take the first character of the span.
 *
 * @param point  out: the code point, or the byte itself where it is not valid UTF-8
 * @return its length in bytes; 0 if the span does not begin with valid UTF-8 or is empty
 */
size_t ms_text_decode(struct ms_bytes bytes, uint32_t *point);

/** True if all of it is UTF-8: shortest forms only, no surrogates, up to U+10FFFF. */
bool ms_text_is_utf8(struct ms_bytes bytes);

/** True if the code point may reach a terminal as it is. Backslash is safe here. */
bool ms_text_is_safe(uint32_t point);

/** Columns the code point takes on a terminal: 0, 1 or 2. */
unsigned ms_text_point_width(uint32_t point);

/** Columns of a span that is safe already, such as our own text or escaped text. */
size_t ms_text_width(struct ms_bytes bytes);

/** The longest front part that takes at most `columns`, never splitting a character. */
struct ms_bytes ms_text_fit(struct ms_bytes bytes, size_t columns);

/** Write the span escaped. Cost: one pass, no allocation beyond the sink's own. */
void ms_text_escape(struct ms_out *out, struct ms_bytes bytes, enum ms_text_flags flags);
