// The JVM in a survey: claims from its own tables, or by shape where these cannot be read.

#include <string.h>

#include "hotspot/agents.h"
#include "hotspot/arenas.h"
#include "hotspot/cds.h"
#include "hotspot/code.h"
#include "hotspot/compilations.h"
#include "hotspot/compiled.h"
#include "hotspot/direct.h"
#include "hotspot/heap.h"
#include "hotspot/hotspot.h"
#include "hotspot/java_threads.h"
#include "hotspot/jni_refs.h"
#include "hotspot/metaspace.h"
#include "hotspot/nmt_claims.h"

// What the reader keeps until the survey is over.
struct java {
	struct ms_vm *vm;
	struct ms_flags flags;
	struct ms_heap heap;
	struct ms_loaders loaders;
	struct ms_metaspace metaspace;
	struct ms_cds cds;
	struct ms_code code;
	struct ms_java_threads threads;
	struct ms_events events;
	struct ms_compilations compilations;
	struct ms_arenas arenas;
	struct ms_nmt_claims *tracking; // NULL: it is off
	struct ms_direct_counts direct;
	bool wants_buffers; // they are looked for on the heap
};

enum {
	BUFFERS_HEAP_SHIFT =
		32, // log2 of the used heap that is walked for direct buffers
};

static struct ms_kind_row kind_of(const char *owner, const char *detail)
{
	return (struct ms_kind_row){ .owner = owner,
		.reader = "hotspot",
		.detail = detail,
		.grade = MS_GRADE_EXACT,
		.precedence = MS_PRECEDENCE_LIBRARY };
}

// --- heap -----------------------------------------------------------------------------

static struct ms_error *claim_part(struct ms_reading *reading, struct ms_range range,
	const char *owner, const char *detail, uint32_t count)
{
	struct ms_kind_row row = kind_of(owner, detail);
	return ms_claims_say(reading->claims, range, MS_RANK_PART, &row, count,
		(struct ms_bytes){ 0 });
}

// Free memory lies among the objects, and only the collector knows where.
static struct ms_error *claim_opaque(struct ms_reading *reading, struct ms_range range,
	const char *owner, uint32_t count)
{
	struct ms_kind_row row = kind_of(owner, "objects, and free memory among them");
	row.grade = MS_GRADE_STRUCTURAL;
	return ms_claims_say(reading->claims, range, MS_RANK_PART, &row, count,
		(struct ms_bytes){ 0 });
}

// Do two regions make one claim: is the first one full, and the other the next of its kind?
static bool is_continued(
	const struct ms_heap_region *last, const struct ms_heap_region *next)
{
	return last->space == next->space && last->range.end == next->range.start &&
	       last->top == last->range.end;
}

// Regions [first, end) of one space, full but for the last.
static struct ms_error *claim_run(struct ms_reading *reading, const struct ms_heap *heap,
	const struct ms_heap_region *first, const struct ms_heap_region *end)
{
	const struct ms_heap_space *space = &heap->spaces.v[first->space];
	struct ms_range used = { first->range.start, end[-1].top };
	struct ms_range rest = { end[-1].top, end[-1].range.end };
	uint32_t count = heap->region_bytes ? (uint32_t)(end - first) : 0;
	bool has_objects = space->walk != MS_SPACE_NO_OBJECTS;
	struct ms_error *err = NULL;
	if (space->walk == MS_SPACE_OPAQUE)
		err = claim_opaque(reading, used, space->owner, count);
	else if (has_objects)
		err = claim_part(reading, used, space->owner,
			"objects, by the collector's own pointers", count);
	if (!err)
		err = claim_part(reading, rest, "java.heap.free",
			has_objects ? "behind the last object of a space or region"
				    : "free regions",
			has_objects ? 0 : count);
	return err;
}

static struct ms_error *claim_regions(
	struct ms_reading *reading, const struct ms_heap *heap)
{
	struct ms_error *err = NULL;
	const struct ms_heap_region *v = heap->regions.v;
	for (size_t i = 0, end; !err && i < heap->regions.n; i = end) {
		for (end = i + 1;
			end < heap->regions.n && is_continued(&v[end - 1], &v[end]);)
			end++;
		err = claim_run(reading, heap, &v[i], &v[end]);
	}
	return err;
}

static struct ms_error *claim_heap(struct ms_reading *reading, const struct ms_heap *heap)
{
	struct ms_kind_row row = kind_of("java.heap", "the heap's reservation");
	struct ms_error *err = ms_claims_say(reading->claims, heap->reserved,
		MS_RANK_REGION, &row, 0, (struct ms_bytes){ 0 });
	if (!err)
		err = claim_regions(reading, heap);
	ms_array_foreach (table, &heap->tables) {
		struct ms_kind_row gc = kind_of("java.gc", table->what);
		gc.grade = table->grade;
		if (!err)
			err = ms_claims_say(reading->claims, table->range, MS_RANK_REGION,
				&gc, 1, ms_bytes_of(table->what));
	}
	ms_array_foreach (note, &heap->notes)
		if (!err)
			err = ms_claims_note(reading->claims, "Java heap: %s", *note);
	return err;
}

// --- the reader -----------------------------------------------------------------------

// Without its tables what is left are places and sizes.
static struct ms_error *claim_by_shape(struct ms_reading *reading, const char *why)
{
	struct ms_error *err = NULL;
	if (why && !ms_target_denied(reading->target))
		err = ms_claims_note(reading->claims, "JVM: %s", why);
	return err ? err : ms_hotspot_shape_reader.anchor(reading, NULL, NULL);
}

static struct ms_error *add_notes(
	struct ms_reading *reading, const char *what, const char *const *notes, size_t n)
{
	struct ms_error *err = NULL;
	for (size_t i = 0; !err && i < n; i++)
		err = ms_claims_note(reading->claims, "%s: %s", what, notes[i]);
	return err;
}

// Metaspace, class data archive.
static struct ms_error *read_classes(struct ms_reading *reading, struct java *java)
{
	struct ms_error *err = ms_loaders_read(java->vm, &java->loaders);
	if (!err)
		err = ms_metaspace_read(
			java->vm, &java->flags, &java->loaders, &java->metaspace);
	if (!err)
		err = ms_metaspace_claim(reading, &java->metaspace);
	if (!err)
		err = add_notes(reading, "metaspace", java->metaspace.notes.v,
			java->metaspace.notes.n);
	if (!err)
		err = ms_cds_read(java->vm, java->heap.reserved, &java->cds);
	return err ? err : ms_cds_claim(reading, &java->cds);
}

static struct ms_error *read_code(struct ms_reading *reading, struct java *java)
{
	struct ms_error *err = ms_code_read(java->vm, &java->code);
	if (!err)
		err = ms_code_claim(reading, &java->code);
	return err ? err
		   : add_notes(reading, "code cache", java->code.notes.v,
			     java->code.notes.n);
}

// Full names, and which threads are the JVM's, for those who claim their stacks.
static struct ms_error *name_threads(struct ms_reading *reading, struct java *java)
{
	struct ms_java layout;
	if (!reading->threads)
		return NULL;
	ms_java_init(&layout, java->vm, &java->flags);
	struct ms_error *err = ms_java_threads_read(
		&layout, &java->flags, reading->threads, &java->threads);
	return err ? err : ms_java_threads_name(&java->threads, reading->threads);
}

// Who was loaded to watch or change it. Options may be secret, and are not told.
static struct ms_error *note_agents(struct ms_reading *reading, struct java *java)
{
	struct ms_agents agents = { 0 };
	struct ms_error *err = ms_agents_read(java->vm, &java->flags, &agents);
	ms_array_foreach (agent, &agents.v) {
		bool has_library =
			agent->library && strcmp(agent->library, agent->name) != 0;
		if (!err)
			err = ms_claims_note(reading->claims, "JVM agent%s: %s%s%s",
				agent->is_attached ? ", attached later" : "", agent->name,
				has_library ? ", by " : "",
				has_library ? agent->library : "");
	}
	ms_agents_deinit(&agents);
	return err;
}

// What is being compiled, and in which chunks. A compilation may grow by gigabytes a second:
// page states are as of the opening, and what came later would be out of reach.
static struct ms_error *read_compilers(struct ms_reading *reading, struct java *java)
{
	struct ms_compileds compiled = { 0 };
	struct ms_error *err = ms_arenas_read(java->vm, &java->threads, &java->arenas);
	if (!err)
		err = ms_events_read(java->vm, &java->events);
	if (!err)
		err = ms_compiled_read(java->vm, &java->events, &compiled);
	if (!err)
		err = ms_compiled_tell(java->vm, &compiled, reading);
	ms_compiled_deinit(&compiled);
	return err ? err
		   : ms_compilations_read(java->vm, &java->threads, &java->events,
			     &java->compilations);
}

// Where java.nio counts none there is nothing to look for.
static struct ms_error *read_direct(struct ms_reading *reading, struct java *java)
{
	struct ms_java layout;
	ms_java_init(&layout, java->vm, &java->flags);
	java->direct = ms_direct_counts_read(&layout, &java->loaders);
	bool is_large = ms_heap_sum(&java->heap).used >> BUFFERS_HEAP_SHIFT;
	java->wants_buffers = java->direct.is_there && java->direct.count && !is_large;
	return java->direct.count && is_large
		       ? ms_claims_note(reading->claims,
				 "direct buffers were not looked for: the Java heap is large")
		       : NULL;
}

static struct ms_error *claim_direct(struct ms_reading *reading, struct java *java)
{
	struct ms_java layout;
	struct ms_direct direct = { 0 };
	if (!java->wants_buffers)
		return NULL;
	ms_peek_clear(java->vm->peek);
	ms_java_init(&layout, java->vm, &java->flags);
	struct ms_error *err = ms_direct_read(&layout, &java->flags, &java->heap,
		&java->loaders, reading->cancel, &direct);
	if (!err)
		err = ms_direct_claim(reading, &direct);
	ms_direct_deinit(&direct);
	return err;
}

static struct ms_error *read_tracking(struct ms_reading *reading, struct java *java)
{
	struct ms_nmt nmt = ms_nmt_read(java->vm, &java->flags);
	// JDK 8 has direct buffers and Unsafe's memory among what is Internal.
	bool knows_buffers = !java->direct.count || java->wants_buffers;
	if (knows_buffers && java->vm->feature > 8)
		nmt.other = "java.direct.unsafe";
	if (nmt.note)
		return ms_claims_note(reading->claims, "JVM: %s", nmt.note);
	return nmt.is_on ? ms_nmt_claims_new(reading, &nmt, &java->tracking) : NULL;
}

// For those who ask who used freed memory last. With tracking the largest chunks have blocks
// of the size that zlib's windows have.
static void tell_chunks(struct ms_reading *reading, const struct java *java)
{
	enum {
		GLIBC_HEADER = 8,
		GLIBC_UNIT = 16
	};
	uint64_t header = java->arenas.header;
	uint64_t block = ms_arena_sizes[MS_ARENA_SIZES - 1] + header + GLIBC_HEADER +
			 GLIBC_UNIT - 1;
	if (!header)
		return;
	reading->piece_head = (struct ms_piece_head){ .bytes = header,
		.row = java->tracking ? 0 : ms_align_down(block, GLIBC_UNIT),
		.owner = "java.arena.other",
		.detail = "heads of arena chunks, left in free blocks" };
	memcpy(reading->piece_head.sizes, ms_arena_sizes, sizeof(ms_arena_sizes));
}

static struct ms_error *read_java(struct ms_reading *reading, struct java *java)
{
	struct ms_error *err = ms_flags_read(java->vm, &java->flags);
	if (!err)
		err = ms_heap_read(java->vm, &java->flags, &java->heap);
	if (!err)
		err = claim_heap(reading, &java->heap);
	if (!err)
		err = read_classes(reading, java);
	if (!err)
		err = read_code(reading, java);
	if (!err)
		err = note_agents(reading, java);
	if (!err)
		err = name_threads(reading, java);
	if (!err)
		err = ms_compilers_tell(java->vm, &java->threads, reading);
	if (!err)
		err = read_compilers(reading, java);
	if (!err)
		err = read_direct(reading, java);
	if (!err)
		err = read_tracking(reading, java);
	tell_chunks(reading, java);
	return err;
}

static struct ms_error *anchor(struct ms_reading *reading, void *arg, void **ret_state)
{
	struct java *java = calloc(1, sizeof(*java));
	const char *why;
	(void)arg;
	if (!java)
		return &ms_error_nomem;
	*ret_state = java;
	struct ms_error *err = ms_vm_find(reading->target, &java->vm, &why);
	if (err)
		return err;
	return java->vm ? read_java(reading, java) : claim_by_shape(reading, why);
}

static bool wants(void *state, const struct ms_answer *answer)
{
	const struct java *java = state;
	return java && java->tracking && ms_nmt_claims_want(answer);
}

static struct ms_error *visit(void *state, unsigned worker, const struct ms_batch *batch)
{
	struct java *java = state;
	return ms_nmt_claims_visit(java->tracking, worker, batch);
}

// Blocks are known after the pass.
static struct ms_error *settle(void *state, struct ms_reading *reading)
{
	struct java *java = state;
	struct ms_error *err = NULL;
	if (!java || !java->vm)
		return NULL;
	if (java->tracking)
		err = ms_nmt_claims_settle(java->tracking);
	if (!err)
		err = claim_direct(reading, java);
	struct ms_jni_refs refs;
	if (!err)
		err = ms_jni_refs_claim(reading, java->vm, &java->threads, &refs);
	return err ? err
		   : ms_arenas_claim(reading, java->vm, &java->threads,
			     &java->compilations, &java->arenas);
}

static void free_java(void *state)
{
	struct java *java = state;
	if (!java)
		return;
	ms_nmt_claims_free(java->tracking);
	ms_arenas_deinit(&java->arenas);
	ms_compilations_deinit(&java->compilations);
	ms_events_deinit(&java->events);
	ms_java_threads_deinit(&java->threads);
	ms_code_deinit(&java->code);
	ms_cds_deinit(&java->cds);
	ms_metaspace_deinit(&java->metaspace);
	ms_loaders_deinit(&java->loaders);
	ms_heap_deinit(&java->heap);
	ms_vm_free(java->vm);
	free(java);
}

const struct ms_reader ms_hotspot_reader = {
	.name = "hotspot",
	.anchor = anchor,
	.wants = wants,
	.visit = visit,
	.settle = settle,
	.free = free_java,
};
