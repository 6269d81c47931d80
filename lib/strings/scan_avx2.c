// Masks with AVX2. Compiled for that instruction set by a function attribute, so that the
// rest of the program runs on any x86-64.

#include "strings/scan.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define TARGET_AVX2 __attribute__((target("avx2")))

TARGET_AVX2 static inline __m256i load(const void *p)
{
	return _mm256_loadu_si256(p);
}

// Bytes as signed numbers: v + 1 > 0x20 holds for 0x20..0x7e alone, because 0x7f + 1 and
// everything from 0x80 on is not above zero.
TARGET_AVX2 static inline __m256i is_printable(__m256i v, bool spaces)
{
	__m256i graphic = _mm256_cmpgt_epi8(
		_mm256_add_epi8(v, _mm256_set1_epi8(1)), _mm256_set1_epi8(0x20));
	__m256i blank;
	if (spaces)
		// 9..13 moved to the five lowest signed bytes.
		blank = _mm256_cmpgt_epi8(_mm256_set1_epi8(-128 + 5),
			_mm256_add_epi8(v, _mm256_set1_epi8(0x80 - '\t')));
	else
		blank = _mm256_cmpeq_epi8(v, _mm256_set1_epi8('\t'));
	return _mm256_or_si256(graphic, blank);
}

TARGET_AVX2 static inline uint64_t bits(__m256i low, __m256i high)
{
	return (uint32_t)_mm256_movemask_epi8(low) |
	       (uint64_t)(uint32_t)_mm256_movemask_epi8(high) << 32;
}

TARGET_AVX2 static inline uint64_t scan(
	const uint8_t *p, size_t n, bool spaces, struct ms_scan_masks *ret)
{
	const __m256i zero = _mm256_setzero_si256();
	uint64_t any = 0;
	for (size_t w = 0; w < n; w++, p += MS_SCAN_BLOCK) {
		__m256i a = load(p), b = load(p + MS_SCAN_BLOCK / 2);
		ret->printable[w] =
			bits(is_printable(a, spaces), is_printable(b, spaces));
		ret->zero[w] =
			bits(_mm256_cmpeq_epi8(a, zero), _mm256_cmpeq_epi8(b, zero));
		ret->high[w] = bits(a, b);
		any |= ret->printable[w] | ret->high[w];
	}
	return any;
}

TARGET_AVX2 static uint64_t scan_avx2(
	const uint8_t *p, size_t n, bool spaces, struct ms_scan_masks *ret)
{
	// Two calls, so that each loop is compiled with `spaces` known.
	return spaces ? scan(p, n, true, ret) : scan(p, n, false, ret);
}

ms_scan_fn ms_scan_avx2(void)
{
	__builtin_cpu_init();
	return __builtin_cpu_supports("avx2") ? scan_avx2 : NULL;
}

#else

ms_scan_fn ms_scan_avx2(void)
{
	return NULL;
}

#endif
