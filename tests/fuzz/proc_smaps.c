// The parser of smaps: entries ascend, no line is lost without being counted.

#include <stdint.h>
#include <stdlib.h>

#include "proc/proc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ms_bytes text = { data, size }, rest = text, line;
	struct ms_arena arena;
	struct ms_smaps smaps;
	size_t lines = 0;
	uint64_t end = 0;
	while (ms_bytes_line(&rest, &line))
		lines++;
	ms_arena_init(&arena);
	require(!ms_smaps_parse(text, &arena, &smaps));
	require(smaps.n + smaps.odd_lines <= lines);
	for (size_t i = 0; i < smaps.n; i++) {
		const struct ms_smaps_entry *e = &smaps.v[i];
		require(e->range.start >= end && e->range.start < e->range.end);
		end = e->range.end;
		require(ms_smaps_find(&smaps, e->range) == e);
		require(e->thp_eligible >= -1 && e->thp_eligible <= 1);
		for (unsigned k = 0; k < MS_SMAPS_FIELD_COUNT; k++)
			require(e->known >> k & 1 ? e->bytes[k] % 1024 == 0
						  : !e->bytes[k]);
		(void)ms_smaps_has_flag(e, "dd");
	}
	ms_arena_deinit(&arena);
	return 0;
}
