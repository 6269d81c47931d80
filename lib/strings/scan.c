// Masks, portable part: eight bytes a step in a 64-bit word, no byte ever carries into
// its neighbour.

#include "strings/scan.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

static const uint64_t ones = 0x0101010101010101;
static const uint64_t tops = 0x8080808080808080;

// The top bit of each byte becomes one bit of the result; all other bits are ignored.
static inline uint64_t gather(uint64_t tops_only)
{
	return (tops_only >> 7) * 0x0102040810204080 >> 56;
}

// Top bits of the bytes whose low seven bits are at least n.
static inline uint64_t at_least(uint64_t low, unsigned n)
{
	return (low + ones * (0x80 - n)) & tops;
}

static inline uint64_t printable_tops(uint64_t low, bool spaces)
{
	uint64_t graphic = at_least(low, 0x20) & ~at_least(low, 0x7f);
	uint64_t blank =
		at_least(low, '\t') & ~at_least(low, spaces ? '\r' + 1 : '\t' + 1);
	return graphic | blank;
}

uint64_t ms_scan_portable(
	const uint8_t *p, size_t n, bool spaces, struct ms_scan_masks *ret)
{
	uint64_t any = 0;
	for (size_t w = 0; w < n; w++) {
		uint64_t printable = 0, zero = 0, high = 0;
		for (unsigned i = 0; i < MS_SCAN_BLOCK; i += 8) {
			uint64_t v;
			memcpy(&v, p + w * MS_SCAN_BLOCK + i, sizeof(v));
			v = le64toh(v);
			uint64_t low = v & ~tops;
			uint64_t ascii = ~v & tops;
			printable |= gather(printable_tops(low, spaces) & ascii) << i;
			zero |= gather(~at_least(low, 1) & ascii) << i;
			high |= gather(v & tops) << i;
		}
		ret->printable[w] = printable;
		ret->zero[w] = zero;
		ret->high[w] = high;
		any |= printable | high;
	}
	return any;
}

ms_scan_fn ms_scan_best(void)
{
	ms_scan_fn avx2 = ms_scan_avx2();
	return avx2 ? avx2 : ms_scan_portable;
}

uint64_t ms_scan_bytes(ms_scan_fn fn, struct ms_bytes bytes, bool spaces, size_t words,
	struct ms_scan_masks *ret)
{
	size_t end = bytes.n / MS_SCAN_BLOCK;
	size_t rest = bytes.n % MS_SCAN_BLOCK;
	assert(words <= MS_SCAN_BATCH + MS_SCAN_AHEAD && end + (rest != 0) <= words);

	uint64_t any = end ? fn(bytes.p, end, spaces, ret) : 0;
	if (rest) {
		uint8_t block[MS_SCAN_BLOCK] = { 0 };
		struct ms_scan_masks tail;
		memcpy(block, bytes.p + end * MS_SCAN_BLOCK, rest);
		any |= ms_scan_portable(block, 1, spaces, &tail);
		ret->printable[end] = tail.printable[0];
		ret->zero[end] = tail.zero[0] & ((1ull << rest) - 1);
		ret->high[end] = tail.high[0];
		end++;
	}
	for (; end < words; end++)
		ret->printable[end] = ret->zero[end] = ret->high[end] = 0;
	return any;
}
