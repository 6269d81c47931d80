/**
 * Sizes and ranges as people write and read them. No locale takes part.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/range.h"

enum {
	MS_SIZE_TEXT = 32
};

/**
 * Write a size for people: "512 B", "3.4 KiB", "1,946.0 MiB", one decimal, binary units.
 *
 * @param text  receives at most MS_SIZE_TEXT bytes, NUL included
 * @return text
 */
char *ms_size_text(uint64_t bytes, char text[MS_SIZE_TEXT]);

/** Write bytes as MiB with one decimal and thousands separated: "1,946.0". Returns text.
 */
char *ms_mib_text(uint64_t bytes, char text[MS_SIZE_TEXT]);

/** Write a count with thousands separated: "301,440". Returns text. */
char *ms_count_text(uint64_t n, char text[MS_SIZE_TEXT]);

/** Read "123", "0x10", "64K", "64KiB", "3M", "1G", "2T"; false if it is none of these. */
bool ms_size_parse(const char *text, uint64_t *ret);

/** Read "START-END" or "START+LENGTH", hexadecimal with or without 0x; false otherwise.
 */
bool ms_range_parse(const char *text, struct ms_range *ret);
