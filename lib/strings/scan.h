/**
 * Masks: one bit per byte says what kind of byte it is.
 *
 * Bit i of word w stands for byte w * 64 + i. Two implementations make the same masks:
 * portable C, eight bytes a step, and AVX2, chosen at run time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

enum {
	MS_SCAN_BLOCK = 64, ///< bytes per mask word
	MS_SCAN_BATCH =
		128,       ///< words per batch: 8 KiB of input, so that masks stay in L1
	MS_SCAN_AHEAD = 2, ///< words made beyond a batch, for looking ahead
};

struct ms_scan_masks {
	/// 0x20..0x7e and TAB; with `spaces` also LF VT FF CR. No locale takes part.
	uint64_t printable[MS_SCAN_BATCH + MS_SCAN_AHEAD];
	uint64_t zero[MS_SCAN_BATCH + MS_SCAN_AHEAD]; ///< 0x00
	uint64_t high[MS_SCAN_BATCH + MS_SCAN_AHEAD]; ///< 0x80..0xff
};

/**
 * Make the masks of n whole blocks.
 *
 * @param p       n * 64 bytes, any alignment; nothing beyond them is touched
 * @param n       at most MS_SCAN_BATCH + MS_SCAN_AHEAD
 * @param spaces  count LF VT FF CR as printable
 * @param ret     out: words 0..n-1 of each mask
 * @return nonzero if any byte is printable or high: else no text can start here
 */
typedef uint64_t (*ms_scan_fn)(
	const uint8_t *p, size_t n, bool spaces, struct ms_scan_masks *ret);

/** The portable implementation. */
uint64_t ms_scan_portable(
	const uint8_t *p, size_t n, bool spaces, struct ms_scan_masks *ret);

/** The AVX2 implementation, or NULL if this processor or this build lacks it. */
ms_scan_fn ms_scan_avx2(void);

/** The fastest implementation for this processor. Never NULL. */
ms_scan_fn ms_scan_best(void);

/**
 * Make the masks of any number of bytes.
 *
 * Bits that stand for bytes beyond the end are 0 in all three masks: the end of the input
 * is neither text nor a zero byte.
 *
 * @param bytes  at most words * 64 bytes
 * @param words  words to fill, at most MS_SCAN_BATCH + MS_SCAN_AHEAD
 * @return as ms_scan_fn
 */
uint64_t ms_scan_bytes(ms_scan_fn fn, struct ms_bytes bytes, bool spaces, size_t words,
	struct ms_scan_masks *ret);
