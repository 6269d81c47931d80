// Prints what lib/alloc says of a target, as JSON: what the live tests compare with the
// allocators' own counters. Not a utility: its form is the tests' own.
//
// Usage: alloc_dump TARGET [WORKERS]

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "alloc/alloc.h"
#include "threads/threads.h"

static void die(struct ms_error *err)
{
	fprintf(stderr, "alloc_dump: %s\n", err->message);
	exit(2);
}

// Bytes of an instance whose blocks are not known.
static uint64_t whole_bytes(const struct ms_alloc *alloc, size_t instance)
{
	uint64_t bytes = 0;
	ms_array_foreach (region, &alloc->regions)
		if (region->is_whole && region->instance == instance)
			bytes += ms_range_size(region->range);
	return bytes;
}

static void print_instances(const struct ms_alloc *alloc)
{
	const char *comma = "";
	printf("{\"instances\":[");
	ms_array_foreach (i, &alloc->instances) {
		printf("%s{\"allocator\":\"%s\",\"layout\":\"%s\",\"walked\":%s,"
		       "\"exact\":%s,\"off\":%" PRIu64 ",\"reason\":\"%s\","
		       "\"mmapped_blocks\":%" PRIu64 ",\"mmapped_bytes\":%" PRIu64
		       ",\"whole\":%" PRIu64 "}",
			comma, i->allocator, i->layout, i->is_walked ? "true" : "false",
			i->grade == MS_GRADE_EXACT ? "true" : "false", i->off, i->reason,
			i->mmapped_blocks, i->mmapped_bytes,
			whole_bytes(alloc, (size_t)(i - alloc->instances.v)));
		comma = ",";
	}
	printf("]");
}

static void print_counts(const struct ms_alloc_arena *arena)
{
	printf("\"count\":{");
	for (int s = 0; s < MS_ALLOC_STATE_COUNT; s++)
		printf("%s\"%s\":{\"blocks\":%" PRIu64 ",\"bytes\":%" PRIu64
		       ",\"usable\":%" PRIu64 "}",
			s ? "," : "", ms_alloc_state_name((enum ms_alloc_state)s),
			arena->count[s].blocks, arena->count[s].bytes,
			arena->count[s].usable);
	printf("}");
}

static size_t regions_of(const struct ms_alloc *alloc, size_t arena)
{
	size_t n = 0;
	ms_array_foreach (region, &alloc->regions)
		n += !region->is_whole && region->arena == arena;
	return n;
}

// Blocks with mappings of their own form no arena of glibc's: `want_mmapped` tells them
// apart.
static void print_arenas(const struct ms_alloc *alloc, bool want_mmapped)
{
	const char *comma = "";
	printf(",\"%s\":[", want_mmapped ? "mmapped" : "arenas");
	ms_array_foreach (a, &alloc->arenas) {
		if (a->is_mmapped != want_mmapped)
			continue;
		printf("%s{\"instance\":%u,\"number\":%u,\"address\":%" PRIu64
		       ",\"main\":%s,\"locked\":%s,\"contiguous\":%s,\"threads\":%" PRIu64
		       ",\"system\":%" PRIu64 ",\"peak\":%" PRIu64
		       ",\"reclaimable\":%" PRIu64 ",\"off\":%" PRIu64
		       ",\"regions\":%zu,",
			comma, a->instance, a->number, a->address,
			a->is_main ? "true" : "false", a->is_locked ? "true" : "false",
			a->is_contiguous ? "true" : "false", a->threads, a->system,
			a->peak, a->reclaimable, a->off,
			regions_of(alloc, (size_t)(a - alloc->arenas.v)));
		print_counts(a);
		printf("}");
		comma = ",";
	}
	printf("]");
}

static void print_threads(const struct ms_alloc *alloc)
{
	const char *comma = "";
	printf(",\"threads\":[");
	ms_array_foreach (t, &alloc->threads) {
		printf("%s{\"tid\":%" PRIu64 ",\"instance\":%u,\"arena\":%d,"
		       "\"cached_blocks\":%" PRIu64 ",\"cached_bytes\":%" PRIu64 "}",
			comma, t->tid, t->instance,
			t->arena == UINT32_MAX ? -1 : (int)t->arena, t->cached_blocks,
			t->cached_bytes);
		comma = ",";
	}
	printf("]");
}

static void print_sizes(const struct ms_alloc *alloc)
{
	const char *comma = "";
	printf(",\"sizes\":[");
	ms_array_foreach (s, &alloc->sizes) {
		printf("%s{\"instance\":%u,\"size\":%" PRIu64 ",\"live\":%" PRIu64
		       ",\"free\":%" PRIu64 ",\"fast\":%" PRIu64 ",\"cached\":%" PRIu64
		       "}",
			comma, s->instance, s->size, s->blocks[MS_ALLOC_LIVE],
			s->blocks[MS_ALLOC_FREE], s->blocks[MS_ALLOC_FAST],
			s->blocks[MS_ALLOC_CACHED]);
		comma = ",";
	}
	printf("]}\n");
}

int main(int argc, char **argv)
{
	struct ms_target *target = NULL;
	struct ms_thread_table *threads = NULL;
	struct ms_alloc *alloc = NULL;
	struct ms_target_options options = { .smaps = MS_TARGET_SMAPS_NEVER };
	if (argc < 2)
		return 2;
	unsigned workers = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 1;
	struct ms_error *err = ms_target_open(argv[1], &options, &target);
	if (!err)
		err = ms_thread_table_make(target, &threads);
	if (!err)
		err = ms_alloc_find(target, threads, NULL, &alloc);
	if (!err)
		err = ms_alloc_walk(alloc, workers, NULL, NULL);
	if (err)
		die(err);
	print_instances(alloc);
	print_arenas(alloc, false);
	print_arenas(alloc, true);
	print_threads(alloc);
	print_sizes(alloc);
	ms_alloc_free(alloc);
	ms_thread_table_free(threads);
	ms_target_free(target);
	return 0;
}
