// Encoded page states: what decodes is walked in runs that touch and sum up, and comes
// back the same when it is encoded again.

#include <stdint.h>
#include <stdlib.h>

#include "proc/proc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

// Runs between two addresses; their sums are those that are counted.
static void check_walk(const struct ms_pages *pages, uint64_t from, uint64_t end)
{
	uint64_t sums[MS_PAGE_STATES] = {}, counted[MS_PAGE_STATES];
	for (uint64_t at = from; at < end;) {
		enum ms_page_state state;
		struct ms_range run = ms_pages_run(pages, at, end, &state);
		require(run.start == at && run.end > at && run.end <= end);
		require((unsigned)state < MS_PAGE_STATES);
		require(ms_pages_get(pages, at) == state);
		require(ms_pages_get(pages, run.end - 1) == state);
		sums[state] += ms_range_size(run);
		at = run.end;
	}
	ms_pages_count(pages, (struct ms_range){ from, end }, counted);
	for (unsigned i = 0; i < MS_PAGE_STATES; i++)
		require(sums[i] == counted[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ms_pages *pages = NULL, *again = NULL;
	struct ms_buffer first = {}, second = {};
	struct ms_bytes bytes = { data, size };
	struct ms_error *err = ms_pages_decode(bytes, &pages);
	if (err) {
		require(err->code == MS_ERROR_FORMAT && err->address <= size);
		ms_error_free(err);
		return 0;
	}
	require(!ms_pages_encode(pages, &first));
	require(first.n <= size);
	require(!ms_pages_decode(ms_buffer_bytes(&first), &again));
	require(!ms_pages_encode(again, &second));
	require(ms_bytes_equal(ms_buffer_bytes(&first), ms_buffer_bytes(&second)));
	check_walk(pages, 0, UINT64_MAX);
	check_walk(again, 0x1234, UINT64_C(0x7fffffffffff));
	ms_buffer_deinit(&first);
	ms_buffer_deinit(&second);
	ms_pages_free(pages);
	ms_pages_free(again);
	return 0;
}
