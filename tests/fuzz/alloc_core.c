// Cores and snapshots of any bytes: their allocators found, and every block walked. The
// blocks come in ascending order, inside of regions that do not overlap, and their sums are
// those of the arenas.

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "alloc/alloc.h"
#include "threads/threads.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

struct seen {
	uint64_t end;    // of the last block
	uint64_t blocks; // all of them
};

static struct ms_error *on_blocks(
	void *arg, unsigned worker, const struct ms_alloc_block *v, size_t n)
{
	struct seen *seen = arg;
	(void)worker;
	for (size_t i = 0; i < n; i++) {
		require(v[i].range.start >= seen->end);
		require(v[i].range.start < v[i].range.end);
		require(v[i].usable <= ms_range_size(v[i].range));
		seen->end = v[i].range.end;
	}
	seen->blocks += n;
	return NULL;
}

static void walk(struct ms_alloc *alloc)
{
	struct seen seen = { 0 };
	uint64_t blocks = 0, end = 0;
	struct ms_error *err = ms_alloc_walk(alloc, 1, on_blocks, &seen);
	require(!err);
	ms_array_foreach (arena, &alloc->arenas)
		for (int state = 0; state < MS_ALLOC_STATE_COUNT; state++)
			blocks += arena->count[state].blocks;
	require(blocks == seen.blocks);
	ms_array_foreach (region, &alloc->regions) {
		require(region->range.start >= end);
		require(region->range.start < region->range.end);
		end = region->range.end;
	}
	ms_array_foreach (instance, &alloc->instances)
		require((instance->grade == MS_GRADE_EXACT) == !instance->reason[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[64];
	struct ms_target *target = NULL;
	struct ms_thread_table *threads = NULL;
	struct ms_alloc *alloc = NULL;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (fd < 0)
		return 0;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (ms_write_all(fd, data, size)) {
		struct ms_error *err = ms_target_open_path(path, NULL, &target);
		if (!err)
			err = ms_thread_table_make(target, &threads);
		if (!err)
			err = ms_alloc_find(target, threads, NULL, &alloc);
		if (!err)
			walk(alloc);
		ms_error_free(err);
	}
	ms_alloc_free(alloc);
	ms_thread_table_free(threads);
	ms_target_free(target);
	ms_close(fd);
	return 0;
}
