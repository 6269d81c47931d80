// The parsers of status, stat and cgroup: what they return lies within what they got.

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proc/proc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static bool lies_within(struct ms_bytes part, struct ms_bytes whole)
{
	return !part.n || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ms_bytes text = { data, size }, path = {};
	struct ms_status status;
	struct ms_stat stat;
	ms_status_parse(text, &status);
	require(strnlen(status.name, sizeof(status.name)) < sizeof(status.name));
	require(status.vm_rss == UINT64_MAX || status.vm_rss % 1024 == 0);
	if (ms_stat_parse(text, &stat))
		require(lies_within(stat.comm, text));
	unsigned version = ms_cgroup_path(text, &path);
	require(version <= 2 && lies_within(path, text));
	require(version || !path.n);
	return 0;
}
