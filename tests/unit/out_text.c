// Escaping: nothing a target says reaches a terminal as a control, and nothing is lost.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>
#include <jansson.h>

#include "out/out.h"

#define BYTES(literal)                                                                   \
	{                                                                                \
		(const uint8_t *)(literal), sizeof(literal) - 1                          \
	}

static void test_escapes(void **state)
{
	(void)state;
	static const struct {
		struct ms_bytes bytes;
		enum ms_text_flags flags;
		const char *want;
	} cases[] = {
		{ BYTES(""), 0, "" },
		{ BYTES("/usr/lib/libc.so.6"), 0, "/usr/lib/libc.so.6" },
		{ BYTES("a\tb\nc\rd"), 0, "a\\tb\\nc\\rd" },
		{ BYTES("\033]0;title\007"), 0, "\\x1b]0;title\\x07" },
		{ BYTES("a\0b"), 0, "a\\x00b" },
		{ BYTES("\x7f"), 0, "\\x7f" },
		{ BYTES("\x9b"
			"31m"),
			0, "\\x9b31m" }, // C1 of an 8-bit terminal
		{ BYTES("\xc2\x9b"
			"31m"),
			0, "\\xc2\\x9b31m" }, // the same as UTF-8
		{ BYTES("\xe2\x80\xae"
			"exe"),
			0, "\\xe2\\x80\\xaeexe" },               // right-to-left override
		{ BYTES("\xe2\x81\xa6"), 0, "\\xe2\\x81\\xa6" }, // isolate
		{ BYTES("\xe2\x80\xa8"), 0, "\\xe2\\x80\\xa8" }, // line separator
		{ BYTES("\xef\xbb\xbf"), 0, "\\xef\\xbb\\xbf" }, // byte order mark
		{ BYTES("\xc2\xad"), 0, "\\xc2\\xad" },          // soft hyphen
		{ BYTES("\xf3\xa0\x81\x81"), 0, "\\xf3\\xa0\\x81\\x81" }, // tag
		{ BYTES("\xef\xbf\xbf"), 0, "\\xef\\xbf\\xbf" },          // noncharacter
		{ BYTES("gr\xc3\xbc\xc3\x9f"), 0, "gr\xc3\xbc\xc3\x9f" },
		{ BYTES("gr\xc3\xbc"), MS_TEXT_ASCII, "gr\\xc3\\xbc" },
		{ BYTES("\xc0\x8a"), 0, "\\xc0\\x8a" },          // newline, too long
		{ BYTES("\xed\xa0\x80"), 0, "\\xed\\xa0\\x80" }, // surrogate
		{ BYTES("\xf4\x90\x80\x80"), 0, "\\xf4\\x90\\x80\\x80" }, // past U+10FFFF
		{ BYTES("\xe2\x82"), 0, "\\xe2\\x82" },                   // cut short
		{ BYTES("C:\\new"), 0, "C:\\\\new" },
		{ BYTES("C:\\new\n"), MS_TEXT_KEEP_BACKSLASH, "C:\\new\\n" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_out_ struct ms_out out;
		ms_out_init(&out, -1);
		ms_text_escape(&out, cases[i].bytes, cases[i].flags);
		ms_out_char(&out, '\0');
		assert_string_equal((const char *)out.buffer.p, cases[i].want);
	}
}

static unsigned hex(uint8_t c)
{
	return c <= '9' ? c - (unsigned)'0' : c - 'a' + 10u;
}

// What printf '%b' makes of it.
static size_t unescape(struct ms_bytes text, uint8_t *to)
{
	size_t n = 0;
	for (size_t i = 0; i < text.n; i++) {
		uint8_t c = text.p[i];
		if (c == '\\') {
			c = text.p[++i];
			c = c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
			if (c == 'x') {
				c = (uint8_t)(hex(text.p[i + 1]) << 4 |
					      hex(text.p[i + 2]));
				i += 2;
			}
		}
		to[n++] = c;
	}
	return n;
}

static void check_safe(struct ms_bytes text, bool is_ascii)
{
	while (text.n) {
		uint32_t point;
		size_t n = ms_text_decode(text, &point);
		assert_true(n > 0);
		assert_true(ms_text_is_safe(point));
		assert_true(!is_ascii || point < 0x7f);
		text = ms_bytes_sub(text, n, SIZE_MAX);
	}
}

// Bytes that are more often special than chance would have it.
static size_t any_bytes(unsigned *seed, uint8_t *to, size_t max)
{
	static const char *const parts[] = { "\033", "\\", "x1b", "\xc2\x9b",
		"\xe2\x80\xae", "\xe2\x80", "\xf0\x9f\x98\x80", "\n", "\xff", "abc" };
	size_t want = (size_t)rand_r(seed) % max, n = 0;
	while (n < want) {
		const char *part = parts[(size_t)rand_r(seed) % 10];
		if (rand_r(seed) % 2) {
			to[n++] = (uint8_t)rand_r(seed);
			continue;
		}
		for (; *part && n < want; part++)
			to[n++] = (uint8_t)*part;
	}
	return n;
}

static void test_any_bytes(void **state)
{
	(void)state;
	const char *given = getenv("MS_SEED");
	unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
	print_message("seed %u\n", seed);
	for (int run = 0; run < 20000; run++) {
		uint8_t bytes[64], back[64];
		struct ms_bytes span = { bytes, any_bytes(&seed, bytes, sizeof(bytes)) };
		_cleanup_out_ struct ms_out out;
		ms_out_init(&out, -1);
		out.is_ascii = run % 2;
		ms_out_target(&out, span);
		check_safe(ms_out_bytes(&out), out.is_ascii);
		assert_int_equal(unescape(ms_out_bytes(&out), back), span.n);
		assert_memory_equal(back, bytes, span.n);
	}
}

// jansson refuses what is not UTF-8: if we disagreed, a value would be lost.
static void test_utf8_as_jansson(void **state)
{
	(void)state;
	unsigned seed = 7;
	for (int run = 0; run < 300000; run++) {
		uint8_t bytes[4];
		for (int i = 0; i < 4; i++)
			bytes[i] =
				(uint8_t)(rand_r(&seed) | (rand_r(&seed) % 4 ? 0x80 : 0));
		struct ms_bytes span = { bytes, 1 + (size_t)run % 4 };
		json_t *value = json_stringn((const char *)bytes, span.n);
		assert_int_equal(ms_text_is_utf8(span), value != NULL);
		json_decref(value);
	}
}

static void test_widths(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t width;
	} cases[] = {
		{ "", 0 }, { "plain", 5 }, { "gr\xc3\xbc\xc3\x9f", 4 },
		{ "\xe6\x97\xa5\xe6\x9c\xac", 4 }, // two ideographs
		{ "e\xcc\x81", 1 },                // e and a combining accent
		{ "\xf0\x9f\x98\x80", 2 },         // an emoji
		{ "\xe2\x96\x88\xe2\x96\x8f", 2 }, // blocks of a bar
		{ "\xef\xbc\xa1", 2 },             // fullwidth A
		{ "\xea\xb0\x80", 2 },             // Hangul
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(
			ms_text_width(ms_bytes_of(cases[i].text)), cases[i].width);
}

static void test_fit(void **state)
{
	(void)state;
	struct ms_bytes text = ms_bytes_of("a\xe6\x97\xa5"
					   "e\xcc\x81z");
	static const size_t want[] = { 0, 1, 1, 4, 7, 8, 8 };
	for (size_t columns = 0; columns < sizeof(want) / sizeof(want[0]); columns++)
		assert_int_equal(ms_text_fit(text, columns).n, want[columns]);
}

static void test_nearest(void **state)
{
	(void)state;
	struct ms_nearest nearest = { .word = "colums" };
	ms_nearest_offer(&nearest, "color");
	ms_nearest_offer(&nearest, "columns");
	ms_nearest_offer(&nearest, "sort");
	assert_string_equal(nearest.best, "columns");
	nearest = (struct ms_nearest){ .word = "frobnicate" };
	ms_nearest_offer(&nearest, "columns");
	assert_null(nearest.best);
	assert_int_equal(ms_edit_distance("RSS", "rss"), 0);
	assert_int_equal(ms_edit_distance("SRS", "RSS"), 1);
	assert_int_equal(ms_edit_distance("", "abc"), 3);
	assert_int_equal(ms_edit_distance("kitten", "sitting"), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_any_bytes),
		cmocka_unit_test(test_utf8_as_jansson),
		cmocka_unit_test(test_widths),
		cmocka_unit_test(test_fit),
		cmocka_unit_test(test_nearest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
