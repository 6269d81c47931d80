/**
 * Windows: pieces of memory scanned apart, so that strings come out as if of one piece.
 *
 * A window has a body, and is scanned with MS_TEXT_WINDOW_BEHIND bytes before it and
 * MS_TEXT_WINDOW_AHEAD bytes after it where memory goes on there. It owns the strings
 * that start in its body. A string that reaches past everything that was scanned is open:
 * the windows after it say in `leads` how far it goes. So the result does not depend on
 * where bodies begin and end.
 *
 * Gaps cut: no string is joined across one.
 */
#pragma once

#include "base/base.h"
#include "strings/form.h"
#include "strings/runs.h"

enum {
	MS_TEXT_WINDOW_BEHIND = 64,
	MS_TEXT_WINDOW_AHEAD =
		8192,           ///< 4 KiB of text in either encoding, which are hashed
	MS_TEXT_MIN_MAX = 1024, ///< largest minimum, in units, for which that suffices
};

/// No owner: strings that start there are left out.
#define MS_TEXT_OWNER_NONE UINT32_MAX

/** What is counted: ASCII, and UTF-16LE in its two phases. */
enum ms_text_track {
	MS_TRACK_ASCII,
	MS_TRACK_UTF16_EVEN, ///< units at even addresses
	MS_TRACK_UTF16_ODD,
	MS_TRACK_COUNT,
};

/** One string. */
struct ms_text_record {
	uint64_t address;
	uint64_t key;   ///< of its cluster: owner, kind and form
	uint64_t hash;  ///< of its first 4 KiB of text; not of its length
	uint64_t end;   ///< address after its last unit that was seen
	uint32_t owner; ///< as the callback said
	uint8_t kind;   ///< enum ms_form_kind
	uint8_t width;  ///< bytes per unit
	bool is_open;   ///< goes on after `end`
};

/** How far a string goes on that began before the body. */
struct ms_text_lead {
	bool is_set, is_open;
	uint64_t end;
};

struct ms_text_records {
	struct ms_text_record *v;
	size_t n, cap;
};

/**
 * Who owns an address.
 *
 * @return a small number, or MS_TEXT_OWNER_NONE: strings there are not wanted
 * @param ret_range  out: addresses around it for which the answer is the same
 * Safety: called from several threads.
 */
typedef uint32_t (*ms_text_owner_fn)(
	void *arg, uint64_t address, struct ms_range *ret_range);

struct ms_text_options {
	uint64_t min;           ///< units a string must have, 2 to MS_TEXT_MIN_MAX
	bool no_utf16;          ///< ASCII only
	ms_scan_fn masks;       ///< NULL: the fastest
	ms_text_owner_fn owner; ///< NULL: everything has owner 0
	void *owner_arg;
};

struct ms_text_window {
	struct ms_range body;
	struct ms_range scanned; ///< what `bytes` holds
	bool goes_on;          ///< memory that is wanted follows `scanned` without a gap
	uint8_t *bytes;        ///< as many as `scanned` has; the caller's
	struct ms_ranges gaps; ///< within `scanned`: those bytes mean nothing
	/// Out: the strings, ascending; ASCII first, then both phases of UTF-16LE.
	struct ms_text_records ascii, utf16;
	struct ms_text_lead leads[MS_TRACK_COUNT];
};

/** Release lists; `bytes` stays the caller's. */
void ms_text_window_deinit(struct ms_text_window *window);

/** The scanned range of a body within contiguous wanted memory `span`. */
struct ms_range ms_text_window_around(struct ms_range body, struct ms_range span);

/**
 * Scan a window; earlier results in it are dropped, their storage is kept.
 * Errors: NOMEM. Safety: any thread, one window each.
 */
struct ms_error *ms_text_window_scan(struct ms_text_window *window,
	const struct ms_text_options *options) MS_MUST_CHECK;

/** The first n text bytes of a record of this window, fewer if it is shorter. */
size_t ms_text_window_text(const struct ms_text_window *window,
	const struct ms_text_record *record, size_t n, uint8_t *to);
