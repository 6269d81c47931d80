// The parsers of sizes, ranges, numbers, lines and words: they take from the front only
// what they understood, and what a size or range says is what it would be written as.

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_size_and_range(const char *text)
{
	uint64_t bytes;
	struct ms_range range;
	char out[MS_SIZE_TEXT];
	if (ms_size_parse(text, &bytes)) {
		require(strlen(ms_size_text(bytes, out)) < MS_SIZE_TEXT);
		require(strlen(ms_mib_text(bytes, out)) < MS_SIZE_TEXT);
	}
	if (ms_range_parse(text, &range))
		require(range.start < range.end);
}

static void check_numbers(struct ms_bytes all)
{
	uint64_t n;
	struct ms_bytes rest = all;
	if (ms_bytes_dec(&rest, &n))
		require(rest.n < all.n && rest.p + rest.n == all.p + all.n);
	else
		require(rest.p == all.p && rest.n == all.n);
	rest = all;
	if (ms_bytes_hex(&rest, &n))
		require(rest.n < all.n && rest.p + rest.n == all.p + all.n);
	else
		require(rest.p == all.p && rest.n == all.n);
}

// Lines and words, laid end to end, never hold more than there was.
static void check_pieces(struct ms_bytes all)
{
	struct ms_bytes rest = all, line, word;
	size_t sum = 0;
	while (ms_bytes_line(&rest, &line)) {
		sum += line.n + 1;
		require(!line.n || !memchr(line.p, '\n', line.n));
		check_numbers(line);
		while (ms_bytes_word(&line, &word))
			require(word.n && ms_bytes_basename(word).n <= word.n);
	}
	require(sum == all.n || sum == all.n + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	if (!text)
		abort();
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	check_size_and_range(text);
	check_pieces((struct ms_bytes){ data, size });
	free(text);
	return 0;
}
