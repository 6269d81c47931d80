/**
 * Owners: who bytes can belong to, as dotted ids; what each means and what to do next.
 *
 * One table holds every id the product knows. An id in use may have more segments than
 * its entry ("java.stack" explains "java.stack.http"); the longest entry that matches
 * whole segments is the id's entry.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"

enum ms_owner_flags {
	MS_OWNER_OUTSIDE = 1 << 0,     ///< beside Rss, never added in
	MS_OWNER_UNEXPLAINED = 1 << 1, ///< its bytes count as unexplained
};

struct ms_owner {
	const char *id;      ///< whole id, or the leading segments of many
	const char *title;   ///< a few words for a heading
	const char *meaning; ///< one sentence: what these bytes are
	const char *next;    ///< one sentence: the cheapest check, then the usual cures
	unsigned flags;      ///< enum ms_owner_flags
};

/** The entry that explains an id: the longest that matches whole segments; NULL if none.
 */
const struct ms_owner *ms_owner_find(const char *id);

/** The table, in the order it is documented; ret_n entries. */
const struct ms_owner *ms_owner_table(size_t *ret_n);

/** True for ids beside Rss, and for ids that count as unexplained; false if not known. */
bool ms_owner_is_outside(const char *id);
bool ms_owner_is_unexplained(const char *id);

enum {
	MS_OWNER_TEXT = 96
};

/**
 * Make an id of a fixed part and a name from the target: "shm" and "My Pool" give
 * "shm.my_pool".
 *
 * The name is untrusted: letters become lower case, everything but letters, digits and
 * '-' becomes one '_', and what does not fit is cut. An empty name gives the fixed part
 * alone.
 *
 * @param text  receives at most MS_OWNER_TEXT bytes, NUL included
 * @return text
 */
char *ms_owner_id(const char *prefix, struct ms_bytes name, char text[MS_OWNER_TEXT]);
