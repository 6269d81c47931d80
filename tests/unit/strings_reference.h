// What a run is, said the slow way, as GNU strings says it: at each position, try to read
// the minimum number of units; if that fails, go on one byte after the first byte of the
// unit that failed; else take every unit that follows. Shared by tests and fuzz targets.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "strings/runs.h"

struct reference_run {
	size_t start;
	size_t units;
};

static inline bool reference_is_text(uint8_t c, bool spaces, bool high)
{
	return (c >= 0x20 && c <= 0x7e) || c == '\t' ||
	       (spaces && (c == '\n' || c == '\v' || c == '\f' || c == '\r')) ||
	       (high && c >= 0x80);
}

// The unit at `at`: 1 text, 0 none, -1 the input ends in it.
static inline int reference_unit(
	struct ms_bytes b, size_t at, enum ms_encoding encoding, bool spaces)
{
	const struct ms_encoding_info *info = ms_encoding_info(encoding);
	if (at + info->width > b.n)
		return -1;
	for (unsigned i = 0; i < info->width; i++)
		if (i != info->at && b.p[at + i])
			return 0;
	return reference_is_text(
		b.p[at + info->at], spaces, encoding == MS_ENCODING_8BIT);
}

// The next run at or after *at, which moves to where to go on; false at the end.
static inline bool reference_next(struct ms_bytes b, enum ms_encoding encoding,
	bool spaces, uint64_t min, size_t *at, struct reference_run *ret)
{
	unsigned width = ms_encoding_info(encoding)->width;
	size_t pos = *at, start = pos;
	for (;;) {
		int unit = reference_unit(b, pos, encoding, spaces);
		size_t units = (pos - start) / width;
		if (unit == 1) {
			pos += width;
			continue;
		}
		*at = unit < 0 ? b.n : pos + 1;
		if (units >= min) {
			*ret = (struct reference_run){ start, units };
			return true;
		}
		if (unit < 0)
			return false;
		start = pos = *at;
	}
}
