// Forms. Words (letters and digits) are looked at as a whole: a mark replaces a word, a
// group of words that belong together (a time, an address), or the digits within a word.

#include "strings/form.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
	DIGIT = 1,
	HEX = 2,
	ALPHA = 4,
	WORD = DIGIT | ALPHA
};

static const uint8_t classes[256] = {
	['0' ... '9'] = DIGIT | HEX,
	['a' ... 'f'] = ALPHA | HEX,
	['A' ... 'F'] = ALPHA | HEX,
	['g' ... 'z'] = ALPHA,
	['G' ... 'Z'] = ALPHA,
};

static const char *const kind_names[] = {
#define X(id, name, help) name,
	MS_FORM_KINDS(X)
#undef X
};

const char *ms_form_kind_name(enum ms_form_kind kind)
{
	assert(kind < MS_FORM_KIND_COUNT);
	return kind_names[kind];
}

static bool is(struct ms_bytes b, size_t at, uint8_t class)
{
	return at < b.n && classes[b.p[at]] & class;
}

static bool has_char(struct ms_bytes b, size_t at, char c)
{
	return at < b.n && b.p[at] == (uint8_t)c;
}

static bool ends_word(struct ms_bytes b, size_t at)
{
	return !is(b, at, WORD);
}

// Length of the bytes of a class at `at`.
static size_t span(struct ms_bytes b, size_t at, uint8_t class)
{
	size_t n = 0;
	while (is(b, at + n, class))
		n++;
	return n;
}

// Does the text at `at` have this shape? 'd' is a digit, 'x' a hexadecimal digit,
// anything else is itself.
static bool is_shaped(struct ms_bytes b, size_t at, const char *shape)
{
	for (; *shape; shape++, at++) {
		if (*shape == 'd'       ? !is(b, at, DIGIT)
			: *shape == 'x' ? !is(b, at, HEX)
					: !has_char(b, at, *shape))
			return false;
	}
	return true;
}

// Each matcher takes the text from the start of a word on, and that word's length. It
// returns how many bytes its mark replaces, 0 for none.

static size_t match_addr(struct ms_bytes b, size_t word)
{
	if (word < 3 || !has_char(b, 0, '0') ||
		!(has_char(b, 1, 'x') || has_char(b, 1, 'X')))
		return 0;
	return 2 + span(b, 2, HEX) == word ? word : 0;
}

static size_t match_uuid(struct ms_bytes b, size_t word)
{
	enum {
		UUID = 36
	};
	if (word != 8 || !is_shaped(b, 0, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"))
		return 0;
	return ends_word(b, UUID) ? UUID : 0;
}

// dd:dd:dd, a fraction, a zone.
static size_t match_clock(struct ms_bytes b)
{
	size_t n = 8;
	if (!is_shaped(b, 0, "dd:dd:dd"))
		return 0;
	if ((has_char(b, n, '.') || has_char(b, n, ',')) && is(b, n + 1, DIGIT))
		n += 1 + span(b, n + 1, DIGIT);
	if (has_char(b, n, 'Z'))
		n++;
	else if (is_shaped(b, n, "+dd:dd") || is_shaped(b, n, "-dd:dd"))
		n += 6;
	else if (is_shaped(b, n, "+dddd") || is_shaped(b, n, "-dddd"))
		n += 5;
	return ends_word(b, n) ? n : 0;
}

static size_t match_time(struct ms_bytes b, size_t word)
{
	enum {
		DATE = 10
	};
	if (word == 2)
		return match_clock(b);
	if (word != 4 ||
		(!is_shaped(b, 0, "dddd-dd-dd") && !is_shaped(b, 0, "dddd/dd/dd")))
		return 0;
	size_t clock = 0;
	if (has_char(b, DATE, 'T') || has_char(b, DATE, ' '))
		clock = match_clock(ms_bytes_sub(b, DATE + 1, b.n));
	if (clock)
		return DATE + 1 + clock;
	return ends_word(b, DATE) ? DATE : 0;
}

static size_t match_ipv4(struct ms_bytes b)
{
	size_t at = 0;
	for (unsigned part = 0; part < 4; part++) {
		size_t digits = span(b, at, DIGIT);
		if (digits < 1 || digits > 3)
			return 0;
		at += digits;
		if (part < 3 && !has_char(b, at++, '.'))
			return 0;
	}
	// A version of five parts is none.
	if (!ends_word(b, at) || (has_char(b, at, '.') && is(b, at + 1, DIGIT)))
		return 0;
	return at;
}

// Groups of up to four digits between colons: eight of them, or fewer and one "::".
static size_t match_ipv6(struct ms_bytes b)
{
	size_t at = 0, groups = 0;
	bool is_short = false;
	for (;;) {
		size_t digits = span(b, at, HEX);
		if (digits > 4 || (digits && !ends_word(b, at + digits)))
			return 0;
		groups += digits != 0;
		at += digits;
		if (!has_char(b, at, ':'))
			break;
		if (has_char(b, at + 1, ':')) {
			if (is_short)
				return 0;
			is_short = true;
			at += 2;
			continue;
		}
		if (!is(b, at + 1, HEX))
			break;
		at++;
	}
	return ends_word(b, at) &&
			       (groups == 8 || (is_short && groups >= 2 && groups < 8))
		       ? at
		       : 0;
}

static size_t match_ip(struct ms_bytes b, size_t word)
{
	if (word <= 3 && has_char(b, word, '.'))
		return match_ipv4(b);
	return word <= 4 && has_char(b, word, ':') ? match_ipv6(b) : 0;
}

static size_t match_hex(struct ms_bytes b, size_t word)
{
	if (word < 8 || span(b, 0, HEX) != word)
		return 0;
	bool letters = false, digits = false;
	for (size_t i = 0; i < word; i++) {
		letters |= is(b, i, ALPHA);
		digits |= is(b, i, DIGIT);
	}
	return letters && digits ? word : 0;
}

static size_t match_num(struct ms_bytes b, size_t word)
{
	size_t n = span(b, 0, DIGIT);
	if (n != word)
		return 0;
	// 3.5, and versions.
	for (;;) {
		size_t digits = has_char(b, n, '.') ? span(b, n + 1, DIGIT) : 0;
		if (!digits || !ends_word(b, n + 1 + digits))
			return n;
		n += 1 + digits;
	}
}

static const struct {
	const char *mark;
	size_t (*match)(struct ms_bytes b, size_t word);
	bool is_time;
} marks[] = {
	{ "<addr>", match_addr, false },
	{ "<uuid>", match_uuid, false },
	{ "<time>", match_time, true },
	{ "<ip>", match_ip, false },
	{ "<hex>", match_hex, false },
	{ "<num>", match_num, false },
};

struct form {
	char *to;
	size_t n;
	bool has_time;
};

static void put(struct form *f, const void *p, size_t n)
{
	assert(n <= MS_FORM_MAX - f->n);
	memcpy(f->to + f->n, p, n);
	f->n += n;
}

static size_t put_mark(struct form *f, struct ms_bytes b, size_t word)
{
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		size_t n = marks[i].match(b, word);
		if (n) {
			put(f, marks[i].mark, strlen(marks[i].mark));
			f->has_time |= marks[i].is_time;
			return n;
		}
	}
	return 0;
}

// A word that is no mark as a whole: its digits are masked, its letters stay.
static void put_word(struct form *f, struct ms_bytes b, size_t word)
{
	for (size_t at = 0; at < word;) {
		bool digits = is(b, at, DIGIT);
		size_t n = span(b, at, digits ? DIGIT : ALPHA);
		put(f, digits ? (const void *)"<num>" : b.p + at, digits ? 5 : n);
		at += n;
	}
}

static size_t put_next(struct form *f, struct ms_bytes b)
{
	size_t word = span(b, 0, WORD);
	if (!word) {
		put(f, b.p, 1);
		return 1;
	}
	// All marks begin with a hexadecimal digit, and most words do not.
	size_t n = is(b, 0, HEX) ? put_mark(f, b, word) : 0;
	if (n)
		return n;
	put_word(f, b, word);
	return word;
}

static bool has_level(struct ms_bytes text)
{
	static const char *const levels[] = { "INFO", "WARN", "ERROR", "DEBUG", "TRACE",
		"FATAL", "SEVERE" };
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		const uint8_t *at = memmem(text.p, text.n, levels[i], strlen(levels[i]));
		if (!at)
			continue;
		size_t begin = (size_t)(at - text.p);
		if ((!begin || ends_word(text, begin - 1)) &&
			ends_word(text, begin + strlen(levels[i])))
			return true;
	}
	return false;
}

// java.lang.String, java/lang/String, (Ljava/lang/String;)V, [Lcom/x/Y;
static bool is_java(struct ms_bytes text)
{
	size_t separators = 0;
	bool is_descriptor = has_char(text, 0, '(') || has_char(text, 0, '[') ||
			     (has_char(text, 0, 'L') && has_char(text, text.n - 1, ';'));
	for (size_t i = 0; i < text.n; i++) {
		uint8_t c = text.p[i];
		if (c == '/' || c == '.')
			separators++;
		else if (c == ';' || c == '(' || c == ')' || c == '[' || c == '<' ||
			 c == '>')
			is_descriptor |= c == ';';
		else if (!(classes[c] & WORD) && c != '_' && c != '$')
			return false;
	}
	return (is_descriptor && ms_bytes_has(text, ";")) ||
	       (separators >= 2 && is(text, 0, ALPHA) && is(text, text.n - 1, WORD) &&
		       !(ms_bytes_has(text, ".") && ms_bytes_has(text, "/")));
}

static bool is_setting(struct ms_bytes text)
{
	size_t n = 0;
	while ((is(text, n, WORD) || has_char(text, n, '_') || has_char(text, n, '.') ||
		has_char(text, n, '-')))
		n++;
	return n > 1 && has_char(text, n, '=') && !has_char(text, n + 1, '=');
}

static enum ms_form_kind kind_of(struct ms_bytes text, bool has_time)
{
	const uint8_t *scheme = memmem(text.p, text.n, "://", 3);
	bool has_space = text.n && memchr(text.p, ' ', text.n);
	if (scheme && scheme > text.p && classes[scheme[-1]] & WORD && !has_space)
		return MS_FORM_URL;
	if (has_space && (has_time || has_level(text)))
		return MS_FORM_LOG;
	if ((has_char(text, 0, '{') || has_char(text, 0, '[')) &&
		ms_bytes_has(text, "\""))
		return MS_FORM_JSON;
	if (has_char(text, 0, '/') && text.n > 1 && is(text, 1, WORD) && !has_space)
		return MS_FORM_PATH;
	if (!has_space && text.n && is_java(text))
		return MS_FORM_JAVA;
	if (is_setting(text))
		return MS_FORM_SETTING;
	return has_space ? MS_FORM_TEXT : MS_FORM_WORD;
}

size_t ms_form_make(struct ms_bytes text, char to[MS_FORM_MAX], enum ms_form_kind *kind)
{
	struct form f = { .to = to };
	text = ms_bytes_sub(text, 0, MS_FORM_INPUT);
	for (size_t at = 0; at < text.n;)
		at += put_next(&f, ms_bytes_sub(text, at, text.n));
	*kind = kind_of(text, f.has_time);
	return f.n;
}
