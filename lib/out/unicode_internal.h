/**
 * What a terminal does with a code point, from the Unicode character database 14.0.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/** Format characters, direction marks, separators, fillers, tags, noncharacters. */
bool ms_unicode_is_unseen(uint32_t point);

/** Combining marks (Mn, Me) and variation selectors: no column of their own. */
bool ms_unicode_is_mark(uint32_t point);

/** East Asian wide and fullwidth, emoji by default: two columns. */
bool ms_unicode_is_wide(uint32_t point);
