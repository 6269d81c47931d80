// Whose arenas malloc's blocks are: offers for the blocks that chunks lie in.

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "alloc/alloc.h"
#include "base/size.h"
#include "hotspot/arenas.h"
#include "hotspot/compilations.h"

enum {
	TEXT_MAX = MS_METHOD_TEXT_MAX + 120,
	NMT_HEADER = 16,     // in front of a block of the JVM's
	SLACK_MAX = 64,      // that a block may be larger than what was asked for
	PEEKED = 2048,       // blocks up to this size lie near each other
	READS_MAX = 1 << 20, // of blocks that may be a chunk
};

struct claiming {
	struct ms_reading *reading;
	struct ms_vm *vm;
	const struct ms_java_threads *threads;
	const struct ms_compilations *compilations;
	const struct ms_arenas *arenas;
	ms_kind *kinds; // by arena
	ms_kind pooled, unreached;
	uint64_t reads; // that are left
	bool has_no_room;
};

// --- kinds ----------------------------------------------------------------------------

static const char *owner_of(enum ms_java_thread_kind kind)
{
	const char *compiler = ms_compiler_owner(kind);
	return compiler ? compiler : "java.arena.other";
}

static struct ms_error *make_kind(
	struct claiming *c, const char *owner, const char *detail, ms_kind *ret)
{
	struct ms_kind_row row = { .owner = owner,
		.reader = "hotspot",
		.detail = detail,
		.state = MS_STATE_LIVE,
		.grade = MS_GRADE_STRUCTURAL,
		.precedence = MS_PRECEDENCE_STRUCTURE };
	return ms_claims_kind(c->reading->claims, &row, ret);
}

static void describe(const struct ms_compilation *compilation, char text[TEXT_MAX])
{
	const char *method =
		compilation->method ? compilation->method : "a method of no known name";
	(void)snprintf(text, TEXT_MAX, "compiling %s at tier %u%s", method,
		compilation->tier, compilation->is_osr ? ", on-stack replacement" : "");
}

static struct ms_error *kind_of_arena(
	struct claiming *c, const struct ms_java_arena *arena)
{
	const struct ms_java_thread *thread = &c->threads->v.v[arena->thread];
	const struct ms_compilation *compilation =
		ms_compilation_of(c->compilations, arena->thread);
	char detail[TEXT_MAX] = "chunk of a thread's arena";
	if (compilation)
		describe(compilation, detail);
	else if (ms_compiler_owner(thread->kind))
		(void)snprintf(detail, sizeof(detail),
			"chunk of an arena of an idle compiler thread");
	return make_kind(
		c, owner_of(thread->kind), detail, &c->kinds[arena - c->arenas->v.v]);
}

static struct ms_error *make_kinds(struct claiming *c)
{
	struct ms_error *err = make_kind(
		c, "java.arena.pool", "chunk in the JVM's pool of free ones", &c->pooled);
	if (!err)
		err = make_kind(c, "java.arena.other",
			"header of a chunk; its arena was not reached", &c->unreached);
	ms_array_foreach (arena, &c->arenas->v)
		if (!err)
			err = kind_of_arena(c, arena);
	return err;
}

// --- chunks that were reached ---------------------------------------------------------

static struct ms_error *offer(struct claiming *c, const struct ms_alloc_region *region,
	uint64_t at, ms_kind kind)
{
	// The table is the survey's; the region only borrows it.
	struct ms_blocks *blocks = (struct ms_blocks *)(uintptr_t)region->blocks;
	struct ms_block block;
	if (!blocks || !ms_blocks_find(blocks, at, &block))
		return NULL;
	return ms_claims_offer(c->reading->claims, blocks, &block, kind);
}

static struct ms_error *offer_chunks(struct claiming *c)
{
	const struct ms_alloc *alloc = c->reading->alloc;
	const struct ms_alloc_region *region = NULL;
	struct ms_error *err = NULL;
	ms_array_foreach (chunk, &c->arenas->chunks) {
		if (err)
			break;
		if (!region || !ms_range_has(region->range, chunk->address))
			region = ms_range_at(
				alloc->regions.v, alloc->regions.n, chunk->address);
		if (region)
			err = offer(c, region, chunk->address,
				chunk->arena == MS_ARENA_POOLED ? c->pooled
								: c->kinds[chunk->arena]);
	}
	return err;
}

// --- chunks known by their header alone -----------------------------------------------

// Bytes of payload that a chunk in a block of this size would have; 0: none of the usual.
static uint64_t usual_payload(const struct claiming *c, uint64_t usable)
{
	for (unsigned i = 0; i < MS_ARENA_SIZES; i++) {
		uint64_t want = ms_arena_sizes[i] + c->arenas->header;
		if (usable >= want && usable - want <= SLACK_MAX)
			return ms_arena_sizes[i];
	}
	return 0;
}

// A chunk has a next one or none, and its own length.
static bool is_header(const struct claiming *c, const uint8_t *bytes, uint64_t payload)
{
	const struct ms_maps *maps = ms_target_maps(c->reading->target);
	uint64_t next = ms_get_u64(bytes);
	return ms_get_u64(bytes + 8) == payload &&
	       (!next || (next % 8 == 0 && ms_peek_is_memory(maps, next, 16)));
}

static bool is_chunk(struct claiming *c, uint64_t memory, uint64_t usable)
{
	uint64_t payload = usual_payload(c, usable);
	uint8_t bytes[NMT_HEADER + 16];
	if (!payload || !c->reads)
		return false;
	c->reads--;
	bool is_read =
		usable <= PEEKED
			? ms_peek_bytes(c->vm->peek, memory, bytes, sizeof(bytes))
			: ms_target_get(c->reading->target, memory, bytes, sizeof(bytes));
	if (!is_read)
		return false;
	// With memory tracking the block's own size stands in front.
	bool is_tracked = ms_get_u64(bytes) == payload + c->arenas->header;
	return is_header(c, bytes, payload) ||
	       (is_tracked && is_header(c, bytes + NMT_HEADER, payload));
}

static bool is_unowned(const struct claiming *c, ms_kind kind)
{
	const struct ms_kind_row *row =
		ms_kinds_row(ms_claims_kinds(c->reading->claims), kind);
	return row->state == MS_STATE_LIVE &&
	       strcmp(row->owner, "malloc.live.unknown") == 0;
}

static struct ms_error *look_in_region(
	struct claiming *c, const struct ms_alloc_region *region)
{
	struct ms_error *err = NULL;
	struct ms_block block = { 0 };
	while (!err && ms_blocks_next(region->blocks, &block)) {
		struct ms_range memory =
			ms_alloc_memory_of(c->reading->alloc, region, block.range);
		uint64_t usable = ms_range_size(memory);
		if (usual_payload(c, usable) && is_unowned(c, block.kind) &&
			is_chunk(c, memory.start, usable))
			err = offer(c, region, block.range.start, c->unreached);
	}
	return err;
}

static struct ms_error *look_for_headers(struct claiming *c)
{
	struct ms_error *err = NULL;
	c->reads = READS_MAX;
	ms_array_foreach (region, &c->reading->alloc->regions)
		if (!err && region->blocks && !region->is_mmapped)
			err = look_in_region(c, region);
	if (!err && !c->reads)
		err = ms_claims_note(c->reading->claims,
			"JVM arenas: not every block was looked at: there are too many of "
			"the size of chunks");
	return err;
}

// --- what is being compiled -----------------------------------------------------------

// What the thread has cost so far, as the kernel counts it; empty in files.
static void describe_cost(const struct ms_thread *thread, char *text, size_t size)
{
	char faults[MS_SIZE_TEXT];
	uint64_t hz = (uint64_t)sysconf(_SC_CLK_TCK);
	text[0] = 0;
	if (!thread || !(thread->utime_ticks + thread->stime_ticks))
		return;
	(void)snprintf(text, size, "; its thread: %" PRIu64 " s of CPU, %s page faults",
		(thread->utime_ticks + thread->stime_ticks) / hz,
		ms_count_text(thread->minflt, faults));
}

static struct ms_error *remark_on(
	struct claiming *c, const struct ms_compilation *compilation)
{
	const struct ms_java_thread *thread = &c->threads->v.v[compilation->thread];
	uint64_t chunks = 0, bytes = 0, age = ms_target_age_ns(c->reading->target);
	char cost[96];
	char text[2 * TEXT_MAX + sizeof(cost)], what[TEXT_MAX], size[MS_SIZE_TEXT],
		count[MS_SIZE_TEXT], since[48] = "";
	ms_array_foreach (arena, &c->arenas->v)
		if (arena->thread == compilation->thread) {
			chunks += arena->chunk_n;
			bytes += arena->bytes;
		}
	describe(compilation, what);
	if (compilation->began_ns && age > compilation->began_ns)
		(void)snprintf(since, sizeof(since), " for %" PRIu64 " s",
			(age - compilation->began_ns) / 1000000000);
	describe_cost(thread->thread, cost, sizeof(cost));
	(void)snprintf(text, sizeof(text), "%s%s: %s in %s arena chunks%s", what, since,
		ms_size_text(bytes, size), ms_count_text(chunks, count), cost);
	return ms_claims_remark(c->reading->claims, owner_of(thread->kind),
		/* is_counter= */ false, "hotspot", text, 1);
}

static struct ms_error *remark_queue(struct claiming *c, bool is_c2)
{
	struct ms_compile_queue queue = ms_compile_queue_read(c->vm, is_c2);
	char text[TEXT_MAX], count[MS_SIZE_TEXT];
	if (!queue.n)
		return NULL;
	(void)snprintf(text, sizeof(text),
		"methods that wait to be compiled: %s, first %s",
		ms_count_text(queue.n, count), queue.first ? queue.first : "not known");
	return ms_claims_remark(c->reading->claims,
		is_c2 ? "java.compiler.c2" : "java.compiler.c1", /* is_counter= */ false,
		"hotspot", text, 1);
}

// --------------------------------------------------------------------------------------

struct ms_error *ms_arenas_claim(struct ms_reading *reading, struct ms_vm *vm,
	const struct ms_java_threads *threads, const struct ms_compilations *compilations,
	const struct ms_arenas *arenas)
{
	struct claiming c = { .reading = reading,
		.vm = vm,
		.threads = threads,
		.compilations = compilations,
		.arenas = arenas };
	if (!reading->alloc || !arenas->header)
		return NULL;
	_cleanup_free_ ms_kind *kinds = calloc(arenas->v.n + 1, sizeof(*kinds));
	if (!kinds)
		return &ms_error_nomem;
	c.kinds = kinds;
	struct ms_error *err = make_kinds(&c);
	if (!err)
		err = offer_chunks(&c);
	if (!err)
		err = look_for_headers(&c);
	ms_array_foreach (compilation, &compilations->v)
		if (!err)
			err = remark_on(&c, compilation);
	for (int is_c2 = 0; !err && is_c2 < 2; is_c2++)
		err = remark_queue(&c, is_c2);
	if (!err && !arenas->is_complete)
		err = ms_claims_note(
			reading->claims, "JVM arenas: more chunks than are followed");
	return err;
}
