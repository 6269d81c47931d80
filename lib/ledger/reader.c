// Registration with a survey: see reader.h.

#include "ledger/reader.h"

struct ms_error *ms_reading_walker(struct ms_reading *reading, struct ms_range range,
	const struct ms_walker *walker, void *state)
{
	if (range.start >= range.end)
		return NULL;
	struct ms_walk_range *added = ms_array_push(&reading->walkers);
	if (!added)
		return &ms_error_nomem;
	*added = (struct ms_walk_range){ range, walker, state };
	return NULL;
}

struct ms_error *ms_reading_pointed(struct ms_reading *reading, struct ms_range range,
	const char *owner, const char *detail)
{
	struct ms_pointed *added = ms_array_push(&reading->pointed);
	if (!added)
		return &ms_error_nomem;
	*added = (struct ms_pointed){ range, owner, detail };
	return NULL;
}

struct ms_error *ms_reading_past(
	struct ms_reading *reading, const char *owner, const char *text)
{
	struct ms_past *added = ms_array_push(&reading->past);
	if (!added)
		return &ms_error_nomem;
	*added = (struct ms_past){ owner, text };
	return NULL;
}

struct ms_error *ms_reading_piece_thread(
	struct ms_reading *reading, uint64_t tid, const char *owner, const char *detail)
{
	struct ms_piece_thread *added = ms_array_push(&reading->piece_threads);
	if (!added)
		return &ms_error_nomem;
	*added = (struct ms_piece_thread){ tid, owner, detail };
	return NULL;
}
