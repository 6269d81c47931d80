// "Did you mean": see nearest.h.

#include "out/nearest.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

enum {
	WORD_MAX = 64
}; // longer words are not typing errors of ours

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

// Optimal string alignment over three rows: a swap of neighbours counts once.
size_t ms_edit_distance(const char *a, const char *b)
{
	size_t rows[3][WORD_MAX + 1];
	size_t na = strlen(a), nb = strlen(b);
	if (na > WORD_MAX || nb > WORD_MAX)
		return na > nb ? na : nb;
	size_t *before = rows[0], *last = rows[1], *now = rows[2];
	memset(rows, 0, sizeof(rows));
	for (size_t j = 0; j <= nb; j++)
		last[j] = j;
	for (size_t i = 1; i <= na; i++) {
		now[0] = i;
		for (size_t j = 1; j <= nb; j++) {
			bool is_same = lower(a[i - 1]) == lower(b[j - 1]);
			now[j] = least(least(last[j], now[j - 1]) + 1,
				last[j - 1] + (is_same ? 0 : 1));
			if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
				lower(a[i - 2]) == lower(b[j - 1]))
				now[j] = least(now[j], before[j - 2] + 1);
		}
		size_t *free_row = before;
		before = last;
		last = now;
		now = free_row;
	}
	return last[nb];
}

void ms_nearest_offer(struct ms_nearest *nearest, const char *candidate)
{
	size_t n = strlen(nearest->word);
	size_t distance = ms_edit_distance(nearest->word, candidate);
	if (n >= 2 && strncasecmp(nearest->word, candidate, n) == 0)
		distance = 0;
	if (distance > (n + 2) / 3)
		return;
	if (nearest->best && nearest->distance <= distance)
		return;
	nearest->best = candidate;
	nearest->distance = distance;
}
