// The tables of malloc: arenas, block sizes, and what it keeps for each thread.

#include <inttypes.h>
#include <string.h>

#include "memwho.h"

static uint64_t bytes_of(const struct ms_states *states, const char *state)
{
	return ms_states_get(states, state).bytes;
}

static uint64_t blocks_of(const struct ms_states *states, const char *state)
{
	return ms_states_get(states, state).blocks;
}

// --- arenas ---------------------------------------------------------------------------

#define ARENA_NUMBER(name, expression)                                                   \
	static void get_##name(const void *row, void *ctx, struct ms_cell *cell)         \
	{                                                                                \
		const struct ms_arena_line *r = row;                                     \
		(void)ctx;                                                               \
		cell->n = (expression);                                                  \
	}

ARENA_NUMBER(system, r->system)
ARENA_NUMBER(peak, r->peak)
ARENA_NUMBER(resident, r->resident)
ARENA_NUMBER(live, bytes_of(&r->states, "live"))
ARENA_NUMBER(blocks, blocks_of(&r->states, "live"))
ARENA_NUMBER(free, bytes_of(&r->states, "free") + bytes_of(&r->states, "fast"))
ARENA_NUMBER(cached, bytes_of(&r->states, "cached"))
ARENA_NUMBER(top, bytes_of(&r->states, "top"))
ARENA_NUMBER(dirty, bytes_of(&r->states, "dirty") + bytes_of(&r->states, "muzzy"))
ARENA_NUMBER(retained, bytes_of(&r->states, "retained"))
ARENA_NUMBER(overhead, bytes_of(&r->states, "overhead"))
ARENA_NUMBER(reclaimable, r->reclaimable)
ARENA_NUMBER(pinned, r->pinned)
ARENA_NUMBER(threads, r->threads)
ARENA_NUMBER(locked, r->is_locked)
ARENA_NUMBER(off, r->off)

static void get_allocator(const void *row, void *ctx, struct ms_cell *cell)
{
	(void)ctx;
	cell->text = ((const struct ms_arena_line *)row)->allocator;
}

static void get_arena(const void *row, void *ctx, struct ms_cell *cell)
{
	const struct ms_arena_line *r = row;
	(void)ctx;
	if (r->is_main)
		cell->text = "main";
	else if (r->is_mmapped)
		cell->text = "mmapped";
	else
		ms_cell_printf(cell, "%" PRIu64, r->number);
}

static void get_address(const void *row, void *ctx, struct ms_cell *cell)
{
	(void)ctx;
	cell->n = ((const struct ms_arena_line *)row)->address;
	cell->is_null = !cell->n;
}

static void get_picture(const void *row, void *ctx, struct ms_cell *cell)
{
	(void)ctx;
	cell->text = ((const struct ms_arena_line *)row)->picture;
}

static const struct ms_column arenas[] = {
	{ .name = "ALLOCATOR",
		.key = "allocator",
		.type = MS_COLUMN_TEXT,
		.is_default = true,
		.help = "which malloc",
		.get = get_allocator },
	{ .name = "ARENA",
		.key = "arena",
		.type = MS_COLUMN_TEXT,
		.is_default = true,
		.help = "its number, main, or mmapped: blocks with mappings of their own",
		.get = get_arena },
	{ .name = "ADDRESS",
		.key = "address",
		.type = MS_COLUMN_ADDRESS,
		.help = "of its descriptor",
		.get = get_address },
	{ .name = "SYSTEM",
		.key = "system_bytes",
		.type = MS_COLUMN_BYTES,
		.is_default = true,
		.help = "bytes it has from the kernel, by its own counter",
		.get = get_system },
	{ .name = "PEAK",
		.key = "peak_bytes",
		.type = MS_COLUMN_BYTES,
		.help = "the most it ever had",
		.get = get_peak },
	{ .name = "RESIDENT",
		.key = "resident_bytes",
		.type = MS_COLUMN_BYTES,
		.is_default = true,
		.help = "resident bytes of its heaps",
		.get = get_resident },
	{ .name = "LIVE",
		.key = "live_bytes",
		.type = MS_COLUMN_BYTES,
		.is_default = true,
		.help = "bytes handed out, headers included",
		.get = get_live },
	{ .name = "BLOCKS",
		.key = "live_blocks",
		.type = MS_COLUMN_COUNT,
		.is_default = true,
		.help = "blocks handed out",
		.get = get_blocks },
	{ .name = "FREE",
		.key = "free_bytes",
		.type = MS_COLUMN_BYTES,
		.is_default = true,
		.help = "bytes of free blocks, resident or not",
		.get = get_free },
	{ .name = "RECLAIMABLE",
		.key = "reclaimable_bytes",
		.type = MS_COLUMN_BYTES,
		.is_default = true,
		.help = "resident bytes that malloc_trim, or a purge, returns now",
		.get = get_reclaimable },
	{ .name = "PINNED",
		.key = "pinned_bytes",
		.type = MS_COLUMN_BYTES,
		.is_default = true,
		.help = "resident bytes of free blocks that their neighbours hold back",
		.get = get_pinned },
	{ .name = "CACHED",
		.key = "cached_bytes",
		.type = MS_COLUMN_BYTES,
		.is_default = true,
		.help = "bytes in threads' caches",
		.get = get_cached },
	{ .name = "TOP",
		.key = "top_bytes",
		.type = MS_COLUMN_BYTES,
		.is_default = true,
		.help = "unused end of its heap, resident or not",
		.get = get_top },
	{ .name = "DIRTY",
		.key = "dirty_bytes",
		.type = MS_COLUMN_BYTES,
		.help = "pages without blocks that were not given back, muzzy ones included",
		.get = get_dirty },
	{ .name = "RETAINED",
		.key = "retained_bytes",
		.type = MS_COLUMN_BYTES,
		.help = "address space kept without pages",
		.get = get_retained },
	{ .name = "OVERHEAD",
		.key = "overhead_bytes",
		.type = MS_COLUMN_BYTES,
		.help = "descriptors, fenceposts and slack",
		.get = get_overhead },
	{ .name = "THREADS",
		.key = "threads",
		.type = MS_COLUMN_COUNT,
		.is_default = true,
		.help = "threads attached to it",
		.get = get_threads },
	{ .name = "LOCKED",
		.key = "locked",
		.type = MS_COLUMN_FLAG,
		.help = "its lock was held when it was read",
		.get = get_locked },
	{ .name = "OFF",
		.key = "off_bytes",
		.type = MS_COLUMN_BYTES,
		.help = "bytes that do not add up with its own counters",
		.get = get_off },
	{ .name = "PICTURE",
		.key = "picture",
		.type = MS_COLUMN_TEXT,
		.is_default = true,
		.help = "its heaps from the lowest address on: # live, ~ free and resident, . no "
			"pages, ? not understood",
		.get = get_picture },
};

const struct ms_column_set arena_columns =
	MS_COLUMN_SET("arenas", "one row per arena of malloc", arenas, NULL);

// --- sizes ----------------------------------------------------------------------------

#define SIZE_NUMBER(name, expression)                                                    \
	static void get_size_##name(const void *row, void *ctx, struct ms_cell *cell)    \
	{                                                                                \
		const struct ms_size_line *r = row;                                      \
		(void)ctx;                                                               \
		cell->n = (expression);                                                  \
	}

SIZE_NUMBER(size, r->size)
SIZE_NUMBER(live, blocks_of(&r->states, "live"))
SIZE_NUMBER(live_bytes, bytes_of(&r->states, "live"))
SIZE_NUMBER(free, blocks_of(&r->states, "free") + blocks_of(&r->states, "fast"))
SIZE_NUMBER(free_bytes, bytes_of(&r->states, "free") + bytes_of(&r->states, "fast"))
SIZE_NUMBER(cached, blocks_of(&r->states, "cached"))
SIZE_NUMBER(cached_bytes, bytes_of(&r->states, "cached"))

static void get_size_allocator(const void *row, void *ctx, struct ms_cell *cell)
{
	(void)ctx;
	cell->text = ((const struct ms_size_line *)row)->allocator;
}

static void get_size_hex(const void *row, void *ctx, struct ms_cell *cell)
{
	(void)ctx;
	ms_cell_printf(cell, "%#" PRIx64, ((const struct ms_size_line *)row)->size);
}

static const struct ms_column sizes[] = {
	{ .name = "ALLOCATOR",
		.key = "allocator",
		.type = MS_COLUMN_TEXT,
		.is_default = true,
		.help = "which malloc",
		.get = get_size_allocator },
	{ .name = "SIZE",
		.key = "size_bytes",
		.type = MS_COLUMN_COUNT,
		.is_default = true,
		.help = "bytes of a block, header included",
		.get = get_size_size },
	{ .name = "HEX",
		.type = MS_COLUMN_TEXT,
		.is_default = true,
		.is_right = true,
		.help = "the same in hexadecimal, as debuggers show it",
		.get = get_size_hex },
	{ .name = "LIVE",
		.key = "live_blocks",
		.type = MS_COLUMN_COUNT,
		.is_default = true,
		.help = "blocks handed out",
		.get = get_size_live },
	{ .name = "LIVEBYTES",
		.key = "live_bytes",
		.type = MS_COLUMN_BYTES,
		.is_default = true,
		.help = "their bytes",
		.get = get_size_live_bytes },
	{ .name = "FREE",
		.key = "free_blocks",
		.type = MS_COLUMN_COUNT,
		.is_default = true,
		.help = "free blocks, fast bins included",
		.get = get_size_free },
	{ .name = "FREEBYTES",
		.key = "free_bytes",
		.type = MS_COLUMN_BYTES,
		.is_default = true,
		.help = "their bytes",
		.get = get_size_free_bytes },
	{ .name = "CACHED",
		.key = "cached_blocks",
		.type = MS_COLUMN_COUNT,
		.is_default = true,
		.help = "free blocks in threads' caches",
		.get = get_size_cached },
	{ .name = "CACHEDBYTES",
		.key = "cached_bytes",
		.type = MS_COLUMN_BYTES,
		.help = "their bytes",
		.get = get_size_cached_bytes },
};

const struct ms_column_set block_columns = MS_COLUMN_SET(
	"blocks", "one row per size of malloc's blocks", sizes, "-LIVEBYTES");

// --- threads --------------------------------------------------------------------------

#define THREAD_NUMBER(name, expression)                                                  \
	static void get_thread_##name(const void *row, void *ctx, struct ms_cell *cell)  \
	{                                                                                \
		const struct ms_thread_line *r = row;                                    \
		(void)ctx;                                                               \
		cell->n = (expression);                                                  \
	}

THREAD_NUMBER(tid, r->tid)
THREAD_NUMBER(resident, r->resident)
THREAD_NUMBER(cached, r->cached_blocks)
THREAD_NUMBER(cached_bytes, r->cached_bytes)
THREAD_NUMBER(minflt, r->minflt)
THREAD_NUMBER(user, r->utime_ticks)
THREAD_NUMBER(system, r->stime_ticks)

static void get_thread_name(const void *row, void *ctx, struct ms_cell *cell)
{
	(void)ctx;
	cell->bytes = ((const struct ms_thread_line *)row)->name;
}

static void get_thread_stack(const void *row, void *ctx, struct ms_cell *cell)
{
	(void)ctx;
	cell->range = ((const struct ms_thread_line *)row)->stack;
	cell->is_null = !ms_range_size(cell->range);
}

static void get_thread_arena(const void *row, void *ctx, struct ms_cell *cell)
{
	const struct ms_thread_line *r = row;
	(void)ctx;
	cell->n = r->arena;
	cell->is_null = !r->has_arena;
}

static const struct ms_column threads[] = {
	{ .name = "TID",
		.key = "tid",
		.type = MS_COLUMN_NUMBER,
		.is_default = true,
		.help = "thread id",
		.get = get_thread_tid },
	{ .name = "STACK",
		.key = "stack",
		.type = MS_COLUMN_RANGE,
		.help = "address range of its stack, guard included",
		.get = get_thread_stack },
	{ .name = "STACKRSS",
		.key = "resident_bytes",
		.type = MS_COLUMN_BYTES,
		.is_default = true,
		.help = "resident bytes of its stack",
		.get = get_thread_resident },
	{ .name = "ARENA",
		.key = "arena",
		.type = MS_COLUMN_NUMBER,
		.is_default = true,
		.help = "arena of malloc it is attached to; 0 is the main one",
		.get = get_thread_arena },
	{ .name = "CACHED",
		.key = "cached_blocks",
		.type = MS_COLUMN_COUNT,
		.is_default = true,
		.help = "free blocks in malloc's cache for it",
		.get = get_thread_cached },
	{ .name = "CACHEDBYTES",
		.key = "cached_bytes",
		.type = MS_COLUMN_BYTES,
		.is_default = true,
		.help = "their bytes",
		.get = get_thread_cached_bytes },
	{ .name = "MINFLT",
		.key = "minor_faults",
		.type = MS_COLUMN_COUNT,
		.is_default = true,
		.help = "page faults without a read from disk, since it began",
		.get = get_thread_minflt },
	{ .name = "UTIME",
		.key = "user_ticks",
		.type = MS_COLUMN_COUNT,
		.help = "clock ticks in user mode",
		.get = get_thread_user },
	{ .name = "STIME",
		.key = "system_ticks",
		.type = MS_COLUMN_COUNT,
		.help = "clock ticks in the kernel",
		.get = get_thread_system },
	{ .name = "NAME",
		.key = "name",
		.type = MS_COLUMN_TARGET,
		.is_default = true,
		.help = "name of the thread",
		.get = get_thread_name },
};

const struct ms_column_set thread_columns =
	MS_COLUMN_SET("threads", "one row per thread", threads, NULL);

// --------------------------------------------------------------------------------------

static void print_stamp(struct ms_out *out, const struct ms_allocator_line *line)
{
	char off[MS_SIZE_TEXT];
	ms_out_style(out, MS_STYLE_HEADING);
	ms_out_str(out, "MALLOC");
	ms_out_style(out, MS_STYLE_NONE);
	ms_out_printf(out, "  %s%s%s in ", line->allocator, line->layout[0] ? " " : "",
		line->layout);
	ms_out_target(out, ms_bytes_basename(line->path));
	if (!line->is_walked)
		ms_out_printf(out, ": blocks not known");
	else if (line->grade == MS_GRADE_EXACT)
		ms_out_str(out, ": exact, blocks add up with its own counters");
	else
		ms_out_printf(out, ": %s, %s do not add up", ms_grade_name(line->grade),
			ms_size_text(line->off, off));
	if (line->reason[0])
		ms_out_printf(out, " (%s)", line->reason);
	ms_out_str(out, "\n");
}

void print_malloc(struct ms_out *out, const struct ms_ledger *ledger)
{
	const struct ms_heaps *heaps = &ledger->heaps;
	uint64_t reclaimable = 0, pinned = 0, cached = 0;
	char texts[3][MS_SIZE_TEXT];
	for (size_t i = 0; i < heaps->allocator_n; i++)
		if (heaps->allocators[i].is_walked || heaps->allocators[i].reason[0])
			print_stamp(out, &heaps->allocators[i]);
	for (size_t i = 0; i < heaps->arena_n; i++) {
		reclaimable += heaps->arenas[i].reclaimable;
		pinned += heaps->arenas[i].pinned;
		cached += bytes_of(&heaps->arenas[i].states, "cached");
	}
	if (!reclaimable && !pinned && !cached)
		return;
	ms_out_style(out, MS_STYLE_HEADING);
	ms_out_str(out, "FREED");
	ms_out_style(out, MS_STYLE_NONE);
	ms_out_printf(out,
		"  MiB, resident: %s returned by a trim or purge now, %s held back by "
		"neighbours; %s in threads' caches, touched or not\n",
		ms_mib_text(reclaimable, texts[0]), ms_mib_text(pinned, texts[1]),
		ms_mib_text(cached, texts[2]));
}
