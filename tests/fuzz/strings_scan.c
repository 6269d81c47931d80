// Runs of text: whatever the bytes, encoding, minimum and way of cutting, the scanner
// finds what the slow definition finds. The first four bytes choose.

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "../unit/strings_reference.h"
#include "strings/runs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

struct state {
	struct ms_bytes input;
	enum ms_encoding encoding;
	bool spaces, is_open;
	uint64_t min;
	struct reference_run run;
	size_t at;
};

static void take_piece(void *arg, const struct ms_run_piece *piece)
{
	struct state *s = arg;
	require(piece->encoding == s->encoding && piece->first == !s->is_open);
	if (piece->first)
		s->run = (struct reference_run){ piece->start, 0 };
	require(piece->start == s->run.start);
	unsigned width = ms_encoding_info(s->encoding)->width;
	const uint8_t *want = s->input.p + piece->start + s->run.units * width;
	require(!piece->units || memcmp(piece->p, want, piece->units * width) == 0);
	s->run.units += piece->units;
	s->is_open = !piece->last;
	if (!piece->last || s->run.units < s->min)
		return;
	struct reference_run ref = { 0 };
	require(reference_next(s->input, s->encoding, s->spaces, s->min, &s->at, &ref));
	require(ref.start == s->run.start && ref.units == s->run.units);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum {
		HEAD = 4
	};
	if (size < HEAD)
		return 0;
	struct state s = {
		.input = { data + HEAD, size - HEAD },
		.encoding = (enum ms_encoding)(data[0] % MS_ENCODING_COUNT),
		.spaces = data[1] & 1,
		.min = 1 + data[2] % 100,
	};
	size_t step = 1 + data[3];
	struct ms_runs runs;
	ms_runs_init(
		&runs, data[1] & 2 ? ms_scan_portable : NULL, s.spaces, take_piece, &s);
	ms_runs_add(&runs, s.encoding, s.min);
	size_t at = 0;
	for (size_t end = step; end < s.input.n; end += step)
		at += ms_runs_scan(&runs, ms_bytes_sub(s.input, at, end - at), at,
			/* last= */ false);
	ms_runs_scan(&runs, ms_bytes_sub(s.input, at, SIZE_MAX), at, /* last= */ true);
	struct reference_run ref;
	require(!s.is_open);
	require(!reference_next(s.input, s.encoding, s.spaces, s.min, &s.at, &ref));
	return 0;
}
