// Byte spans: see bytes.h.

#include "base/bytes.h"

struct ms_bytes ms_bytes_sub(struct ms_bytes b, size_t from, size_t n)
{
	if (from > b.n)
		from = b.n;
	if (n > b.n - from)
		n = b.n - from;
	return (struct ms_bytes){ b.p ? b.p + from : NULL, n };
}

bool ms_bytes_equal(struct ms_bytes a, struct ms_bytes b)
{
	if (a.n != b.n)
		return false;
	// Only an empty span may be NULL.
	// NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker)
	return a.n == 0 || memcmp(a.p, b.p, a.n) == 0;
}

bool ms_bytes_is(struct ms_bytes b, const char *s)
{
	return ms_bytes_equal(b, ms_bytes_of(s));
}

bool ms_bytes_starts(struct ms_bytes b, const char *s)
{
	return ms_bytes_is(ms_bytes_sub(b, 0, strlen(s)), s);
}

bool ms_bytes_ends(struct ms_bytes b, const char *s)
{
	size_t n = strlen(s);
	return b.n >= n && ms_bytes_is(ms_bytes_sub(b, b.n - n, n), s);
}

bool ms_bytes_has(struct ms_bytes b, const char *s)
{
	return b.n && memmem(b.p, b.n, s, strlen(s));
}

bool ms_is_zero(const void *p, size_t n)
{
	const uint8_t *bytes = p;
	// Each byte equals the one before it, and the first is zero.
	return n == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, n - 1) == 0);
}

struct ms_bytes ms_bytes_basename(struct ms_bytes path)
{
	const uint8_t *slash = path.n ? memrchr(path.p, '/', path.n) : NULL;
	return slash ? ms_bytes_sub(path, (size_t)(slash - path.p) + 1, SIZE_MAX) : path;
}

bool ms_bytes_line(struct ms_bytes *rest, struct ms_bytes *line)
{
	if (!rest->n)
		return false;
	const uint8_t *end = memchr(rest->p, '\n', rest->n);
	size_t n = end ? (size_t)(end - rest->p) : rest->n;
	*line = ms_bytes_sub(*rest, 0, n);
	*rest = ms_bytes_sub(*rest, end ? n + 1 : n, SIZE_MAX);
	return true;
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

void ms_bytes_skip_blank(struct ms_bytes *rest)
{
	size_t i = 0;
	while (i < rest->n && is_blank(rest->p[i]))
		i++;
	*rest = ms_bytes_sub(*rest, i, SIZE_MAX);
}

bool ms_bytes_word(struct ms_bytes *rest, struct ms_bytes *word)
{
	ms_bytes_skip_blank(rest);
	if (!rest->n)
		return false;
	size_t i = 0;
	while (i < rest->n && !is_blank(rest->p[i]))
		i++;
	*word = ms_bytes_sub(*rest, 0, i);
	*rest = ms_bytes_sub(*rest, i, SIZE_MAX);
	return true;
}

bool ms_bytes_eat(struct ms_bytes *rest, char c)
{
	if (!rest->n || rest->p[0] != (uint8_t)c)
		return false;
	*rest = ms_bytes_sub(*rest, 1, SIZE_MAX);
	return true;
}

// The value of a digit in any base up to 16; 255 for everything else.
static unsigned digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10u;
	return 255;
}

static bool take_number(struct ms_bytes *rest, unsigned base, uint64_t *ret)
{
	uint64_t value = 0;
	size_t i = 0;
	for (; i < rest->n; i++) {
		unsigned d = digit(rest->p[i]);
		if (d >= base)
			break;
		if (__builtin_mul_overflow(value, base, &value) ||
			__builtin_add_overflow(value, d, &value))
			return false;
	}
	if (i == 0)
		return false;
	*ret = value;
	*rest = ms_bytes_sub(*rest, i, SIZE_MAX);
	return true;
}

bool ms_bytes_dec(struct ms_bytes *rest, uint64_t *ret)
{
	return take_number(rest, 10, ret);
}

bool ms_bytes_hex(struct ms_bytes *rest, uint64_t *ret)
{
	return take_number(rest, 16, ret);
}
