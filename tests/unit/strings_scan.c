// Masks: the implementations agree with the definition bit for bit, and touch nothing
// beyond their input.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <cmocka.h>

#include "strings/scan.h"
#include "strings_reference.h"

enum {
	WORDS = MS_SCAN_BATCH + MS_SCAN_AHEAD,
	PAGE = 4096
};

static uint64_t seed;

static uint64_t next(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

// Pages with an inaccessible one behind them: what is read too far ends the test.
static uint8_t *guarded(size_t n)
{
	size_t size = (n + PAGE - 1) / PAGE * PAGE;
	uint8_t *p = mmap(NULL, size + PAGE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(p != MAP_FAILED);
	assert_int_equal(mprotect(p + size, PAGE, PROT_NONE), 0);
	return p + size - n;
}

static void unguard(uint8_t *p, size_t n)
{
	size_t size = (n + PAGE - 1) / PAGE * PAGE;
	munmap(p + n - size, size + PAGE);
}

static bool bit(const uint64_t *mask, size_t i)
{
	return mask[i / 64] >> (i % 64) & 1;
}

static void check_masks(const struct ms_scan_masks *m, const uint8_t *p, size_t n,
	size_t words, bool spaces)
{
	for (size_t i = 0; i < words * 64; i++) {
		bool in = i < n;
		bool text = in && reference_is_text(p[i], spaces, /* high= */ false);
		if (bit(m->printable, i) != text || bit(m->zero, i) != (in && !p[i]) ||
			bit(m->high, i) != (in && p[i] >= 0x80))
			fail_msg("byte %zu of %zu, 0x%02x, spaces %d", i, n,
				in ? p[i] : 0, spaces);
	}
}

static void check_all(const uint8_t *p, size_t n, size_t words)
{
	static struct ms_scan_masks m;
	const ms_scan_fn fns[] = { ms_scan_portable, ms_scan_avx2(), ms_scan_best() };
	for (size_t f = 0; f < 3; f++) {
		for (int spaces = 0; fns[f] && spaces < 2; spaces++) {
			memset(&m, 0xa5, sizeof(m));
			struct ms_bytes bytes = { p, n };
			uint64_t any = ms_scan_bytes(fns[f], bytes, spaces, words, &m);
			check_masks(&m, p, n, words, spaces);
			uint64_t want = 0;
			for (size_t w = 0; w < words; w++)
				want |= m.printable[w] | m.high[w];
			assert_int_equal(!any, !want);
		}
	}
}

static void test_every_byte_value_at_every_position(void **state)
{
	(void)state;
	uint8_t *p = guarded(64);
	for (unsigned value = 0; value < 256; value++) {
		for (size_t at = 0; at < 64; at++) {
			memset(p, value ^ 0x55, 64);
			p[at] = (uint8_t)value;
			check_all(p, 64, 1);
		}
	}
	unguard(p, 64);
}

static void test_random_blocks(void **state)
{
	(void)state;
	seed = (uint64_t)time(NULL) | 1;
	print_message("seed %llu\n", (unsigned long long)seed);
	uint8_t *p = guarded(WORDS * 64);
	for (unsigned round = 0; round < 40; round++) {
		for (size_t i = 0; i < WORDS * 64; i++)
			p[i] = (uint8_t)(next() >> 20);
		check_all(p, WORDS * 64, WORDS);
	}
	unguard(p, WORDS * 64);
}

static void test_every_length(void **state)
{
	(void)state;
	for (size_t n = 0; n <= 200; n++) {
		uint8_t *p = guarded(n);
		memset(p, 0, n);
		check_all(p, n, 4);
		memset(p, 'x', n);
		check_all(p, n, 4);
		unguard(p, n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_byte_value_at_every_position),
		cmocka_unit_test(test_random_blocks),
		cmocka_unit_test(test_every_length),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
