/**
 * Runs: maximal sequences of text units, found with masks and handed out in pieces.
 *
 * A unit is one character of an encoding. As in GNU strings, the wide encodings know only
 * the ASCII subset, so a unit of UTF-16LE is a printable byte followed by a zero byte;
 * and runs start at any byte, so both phases of UTF-16 and all four of UTF-32 are found.
 * Two runs of one encoding never overlap: a zero byte cannot begin a unit of one phase
 * and be the text byte of another.
 *
 * Runs shorter than the wanted minimum are never visited, up to the reach of the
 * look-ahead (one mask word): that is what makes binary data cheap.
 *
 * Input comes in spans that follow each other without a gap. A run that reaches the end
 * of a batch is handed out in several pieces, so memory does not depend on its length.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "strings/scan.h"

/** X(id, letter of GNU strings -e, bytes per unit, offset of the text byte, name) */
#define MS_ENCODINGS(X)                                                                  \
	X(ASCII, 's', 1, 0, "ascii")                                                     \
	X(8BIT, 'S', 1, 0, "8bit")                                                       \
	X(UTF16LE, 'l', 2, 0, "utf-16le")                                                \
	X(UTF16BE, 'b', 2, 1, "utf-16be")                                                \
	X(UTF32LE, 'L', 4, 0, "utf-32le")                                                \
	X(UTF32BE, 'B', 4, 3, "utf-32be")

enum ms_encoding {
#define X(id, letter, width, at, name) MS_ENCODING_##id,
	MS_ENCODINGS(X)
#undef X
	MS_ENCODING_COUNT,
};

struct ms_encoding_info {
	char letter;   ///< as GNU strings -e names it
	uint8_t width; ///< bytes per unit
	uint8_t at;    ///< where in the unit the text byte is
	const char *name;
};

/** Facts of an encoding; never NULL for one of the enum. */
const struct ms_encoding_info *ms_encoding_info(enum ms_encoding encoding);

/** The encoding GNU strings -e names by this letter; false if there is none. */
bool ms_encoding_parse(char letter, enum ms_encoding *ret);

/** A part of a run. */
struct ms_run_piece {
	enum ms_encoding encoding;
	bool first;       ///< the run begins with this piece
	bool last;        ///< the run ends with it; a last piece may have no units
	uint64_t start;   ///< offset of the whole run
	const uint8_t *p; ///< first unit, borrowed until the callback returns
	size_t units;
};

/** Called for each piece, ascending within an encoding. */
typedef void (*ms_run_fn)(void *arg, const struct ms_run_piece *piece);

/** Scanning of one encoding; internal to struct ms_runs. */
struct ms_run_track {
	enum ms_encoding encoding;
	uint64_t min;
	uint8_t shifts[8]; ///< the AND chain, in bits; 0 ends it
	uint64_t prev;     ///< unit mask of the word before the next one
	bool open;         ///< a run reaches into the next word
	uint8_t phase;     ///< of the open run: its next unit's bit there
	uint64_t start;    ///< of the open run
};

/** A scanner of a stream. Zero bytes of set-up cost; lives in the caller's storage. */
struct ms_runs {
	ms_scan_fn masks;
	bool spaces;
	ms_run_fn fn;
	void *arg;
	unsigned n_tracks;
	struct ms_run_track tracks[MS_ENCODING_COUNT];
};

/**
 * Set up a scanner without encodings.
 *
 * @param masks   which implementation; NULL: ms_scan_best()
 * @param spaces  LF VT FF CR count as text
 * @param fn, arg called for every piece
 */
void ms_runs_init(
	struct ms_runs *runs, ms_scan_fn masks, bool spaces, ms_run_fn fn, void *arg);

/**
 * Add an encoding, at most once each.
 *
 * @param min  units a run must have, at least 1. Where it is above the reach of the
 *             look-ahead (64 / width units), the callback may also see shorter runs, and
 *             only there: runs of at least that reach.
 */
void ms_runs_add(struct ms_runs *runs, enum ms_encoding encoding, uint64_t min);

/**
 * Scan the next span.
 *
 * Bytes that cannot be judged yet, because a unit or the minimum may reach past the end,
 * are left: give them again, first, with more bytes behind them.
 *
 * @param bytes   the bytes not consumed so far, and more
 * @param offset  offset of bytes.p[0] in the stream
 * @param last    the stream ends here: everything is consumed and open runs are closed
 * @return bytes consumed, a multiple of 64 unless last; at most 191 are left
 * Cost: 2 to 8 GB/s and encoding where there is no text.
 */
size_t ms_runs_scan(
	struct ms_runs *runs, struct ms_bytes bytes, uint64_t offset, bool last);
