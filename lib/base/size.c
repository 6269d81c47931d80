// Sizes as text: see size.h.

#include "base/size.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/bytes.h"
#include "base/checked.h"

char *ms_count_text(uint64_t n, char text[MS_SIZE_TEXT])
{
	char digits[MS_SIZE_TEXT];
	int len = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n);
	char *out = text;
	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			*out++ = ',';
		*out++ = digits[i];
	}
	*out = '\0';
	return text;
}

// n / unit with one decimal, rounded to nearest.
static char *tenths_text(uint64_t n, uint64_t unit, char text[MS_SIZE_TEXT])
{
	uint64_t whole = n / unit;
	uint64_t tenths = ((n % unit) * 10 + unit / 2) / unit;
	if (tenths == 10) {
		whole++;
		tenths = 0;
	}
	ms_count_text(whole, text);
	size_t len = strlen(text);
	text[len] = '.';
	text[len + 1] = (char)('0' + tenths);
	text[len + 2] = '\0';
	return text;
}

char *ms_mib_text(uint64_t bytes, char text[MS_SIZE_TEXT])
{
	return tenths_text(bytes, 1 << 20, text);
}

char *ms_size_text(uint64_t bytes, char text[MS_SIZE_TEXT])
{
	// MiB is the largest unit on purpose: rows that sum must not mix units.
	char number[MS_SIZE_TEXT];
	if (bytes < 1024)
		snprintf(text, MS_SIZE_TEXT, "%u B", (unsigned)bytes);
	else if (bytes < 1 << 20)
		snprintf(text, MS_SIZE_TEXT, "%.24s KiB",
			tenths_text(bytes, 1 << 10, number));
	else
		snprintf(text, MS_SIZE_TEXT, "%.24s MiB",
			tenths_text(bytes, 1 << 20, number));
	return text;
}

static bool unit_shift(struct ms_bytes unit, unsigned *ret)
{
	static const char letters[] = "KMGTP";
	if (!unit.n) {
		*ret = 0;
		return true;
	}
	const char *at = memchr(letters, unit.p[0] & ~0x20, sizeof(letters) - 1);
	struct ms_bytes tail = ms_bytes_sub(unit, 1, SIZE_MAX);
	if (!at || !(tail.n == 0 || ms_bytes_is(tail, "B") || ms_bytes_is(tail, "iB")))
		return false;
	*ret = 10 * (unsigned)(at - letters + 1);
	return true;
}

bool ms_size_parse(const char *text, uint64_t *ret)
{
	struct ms_bytes rest = ms_bytes_of(text);
	uint64_t n;
	unsigned shift;
	if (ms_bytes_starts(rest, "0x")) {
		rest = ms_bytes_sub(rest, 2, SIZE_MAX);
		if (!ms_bytes_hex(&rest, &n) || rest.n)
			return false;
		*ret = n;
		return true;
	}
	if (!ms_bytes_dec(&rest, &n) || !unit_shift(rest, &shift))
		return false;
	return ms_mul(n, UINT64_C(1) << shift, ret);
}

static bool parse_address(struct ms_bytes *rest, uint64_t *ret)
{
	if (ms_bytes_starts(*rest, "0x"))
		*rest = ms_bytes_sub(*rest, 2, SIZE_MAX);
	return ms_bytes_hex(rest, ret);
}

bool ms_range_parse(const char *text, struct ms_range *ret)
{
	struct ms_bytes rest = ms_bytes_of(text);
	struct ms_range r;
	if (!parse_address(&rest, &r.start) || !rest.n)
		return false;
	bool is_length = rest.p[0] == '+';
	if (!is_length && rest.p[0] != '-')
		return false;
	rest = ms_bytes_sub(rest, 1, SIZE_MAX);
	if (!parse_address(&rest, &r.end) || rest.n)
		return false;
	if (is_length && !ms_add(r.start, r.end, &r.end))
		return false;
	if (r.start >= r.end)
		return false;
	*ret = r;
	return true;
}
