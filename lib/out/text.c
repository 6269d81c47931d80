// Escaping and measuring text: see text.h. The tables are in unicode.c.

#include "out/text.h"

#include <stdio.h>

#include "out/sink.h"
#include "out/unicode_internal.h"

// Per leading byte: how many bytes follow and the least code point of that length.
static size_t sequence_length(uint8_t lead, uint32_t *bits, uint32_t *least)
{
	static const struct {
		uint8_t mask, lead;
		uint32_t least;
	} forms[] = {
		{ 0x80, 0x00, 0 },
		{ 0xe0, 0xc0, 0x80 },
		{ 0xf0, 0xe0, 0x800 },
		{ 0xf8, 0xf0, 0x10000 },
	};
	for (size_t i = 0; i < 4; i++) {
		if ((lead & forms[i].mask) != forms[i].lead)
			continue;
		*bits = lead & (uint8_t)~forms[i].mask;
		*least = forms[i].least;
		return i + 1;
	}
	return 0;
}

size_t ms_text_decode(struct ms_bytes bytes, uint32_t *point)
{
	uint32_t value = 0, least = 0;
	if (!bytes.n)
		return 0;
	*point = bytes.p[0];
	size_t n = sequence_length(bytes.p[0], &value, &least);
	if (!n || n > bytes.n)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((bytes.p[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (bytes.p[i] & 0x3f);
	}
	if (value < least || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
		return 0;
	*point = value;
	return n;
}

bool ms_text_is_utf8(struct ms_bytes bytes)
{
	while (bytes.n) {
		uint32_t point;
		size_t n = ms_text_decode(bytes, &point);
		if (!n)
			return false;
		bytes = ms_bytes_sub(bytes, n, SIZE_MAX);
	}
	return true;
}

bool ms_text_is_safe(uint32_t point)
{
	if (point < 0x7f)
		return point >= 0x20;
	return point >= 0xa0 && point <= 0x10ffff && !ms_unicode_is_unseen(point);
}

unsigned ms_text_point_width(uint32_t point)
{
	if (point < 0x300)
		return 1;
	if (ms_unicode_is_mark(point))
		return 0;
	return ms_unicode_is_wide(point) ? 2 : 1;
}

struct ms_bytes ms_text_fit(struct ms_bytes bytes, size_t columns)
{
	size_t used = 0;
	struct ms_bytes rest = bytes;
	while (rest.n) {
		uint32_t point = 0;
		size_t n = ms_text_decode(rest, &point);
		unsigned width = n ? ms_text_point_width(point) : 1;
		if (used + width > columns)
			break;
		used += width;
		rest = ms_bytes_sub(rest, n ? n : 1, SIZE_MAX);
	}
	return ms_bytes_sub(bytes, 0, bytes.n - rest.n);
}

size_t ms_text_width(struct ms_bytes bytes)
{
	size_t width = 0;
	while (bytes.n) {
		uint32_t point = 0;
		size_t n = ms_text_decode(bytes, &point);
		width += n ? ms_text_point_width(point) : 1;
		bytes = ms_bytes_sub(bytes, n ? n : 1, SIZE_MAX);
	}
	return width;
}

// A run of printable ASCII that needs no second look: nearly all text there is.
static size_t plain_run(struct ms_bytes bytes)
{
	size_t i = 0;
	while (i < bytes.n && bytes.p[i] >= 0x20 && bytes.p[i] < 0x7f &&
		bytes.p[i] != '\\')
		i++;
	return i;
}

static void escape_byte(struct ms_out *out, uint8_t c)
{
	static const char hex[] = "0123456789abcdef";
	const char *letters = "tn??r"; // 0x09 to 0x0d
	if (c == '\t' || c == '\n' || c == '\r') {
		char text[] = { '\\', letters[c - '\t'] };
		ms_out_write(out, text, sizeof(text));
		return;
	}
	char text[] = { '\\', 'x', hex[c >> 4], hex[c & 15] };
	ms_out_write(out, text, sizeof(text));
}

// One character that is not plain ASCII; returns how many bytes it took.
static size_t escape_one(
	struct ms_out *out, struct ms_bytes bytes, enum ms_text_flags flags)
{
	if (bytes.p[0] == '\\') {
		ms_out_str(out, flags & MS_TEXT_KEEP_BACKSLASH ? "\\" : "\\\\");
		return 1;
	}
	uint32_t point;
	size_t n = ms_text_decode(bytes, &point);
	if (n && ms_text_is_safe(point) && !(n > 1 && (flags & MS_TEXT_ASCII))) {
		ms_out_write(out, bytes.p, n);
		return n;
	}
	n = n ? n : 1;
	for (size_t i = 0; i < n; i++)
		escape_byte(out, bytes.p[i]);
	return n;
}

void ms_text_escape(struct ms_out *out, struct ms_bytes bytes, enum ms_text_flags flags)
{
	while (bytes.n) {
		size_t n = plain_run(bytes);
		if (n)
			ms_out_write(out, bytes.p, n);
		else
			n = escape_one(out, bytes, flags);
		bytes = ms_bytes_sub(bytes, n, SIZE_MAX);
	}
}
