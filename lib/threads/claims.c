// The claims on stacks: see threads.h.

#include <string.h>

#include "threads/threads.h"

static const struct ms_kind_row main_kind = {
	.owner = "stack.main",
	.reader = "threads",
	.detail = "[stack] of the first thread",
	.grade = MS_GRADE_EXACT,
	.precedence = MS_PRECEDENCE_LIBRARY,
};

static const struct ms_kind_row main_sp_kind = {
	.owner = "stack.main",
	.reader = "threads",
	.detail = "holds the first thread's stack pointer",
	.grade = MS_GRADE_CONTENT,
	.precedence = MS_PRECEDENCE_SHAPE,
};

static const struct ms_kind_row shape_kind = {
	.owner = "stack.thread",
	.reader = "threads",
	.detail = "holds a stack pointer, above an inaccessible page",
	.grade = MS_GRADE_CONTENT,
	.precedence = MS_PRECEDENCE_SHAPE,
};

static const struct ms_kind_row listed_kind = {
	.owner = "stack.thread",
	.reader = "threads",
	.detail = "in glibc's list of stacks",
	.grade = MS_GRADE_EXACT,
	.precedence = MS_PRECEDENCE_LIBRARY,
};

static const struct ms_kind_row scanned_kind = {
	.owner = "stack.thread",
	.reader = "threads",
	.detail = "glibc's thread control block, checked field by field",
	.grade = MS_GRADE_STRUCTURAL,
	.precedence = MS_PRECEDENCE_LIBRARY,
};

static const struct ms_kind_row java_listed_kind = {
	.owner = "java.stack",
	.reader = "threads",
	.detail = "in glibc's list of stacks; guard zone or name of the JVM",
	.grade = MS_GRADE_EXACT,
	.precedence = MS_PRECEDENCE_LIBRARY,
};

static const struct ms_kind_row java_scanned_kind = {
	.owner = "java.stack",
	.reader = "threads",
	.detail = "glibc's thread control block; guard zone or name of the JVM",
	.grade = MS_GRADE_STRUCTURAL,
	.precedence = MS_PRECEDENCE_LIBRARY,
};

static const struct ms_kind_row cached_kind = {
	.owner = "stack.thread",
	.reader = "threads",
	.detail = "thread has ended; glibc keeps its stack for the next one",
	.grade = MS_GRADE_EXACT,
	.precedence = MS_PRECEDENCE_LIBRARY,
};

static const struct ms_kind_row unjoined_kind = {
	.owner = "stack.thread",
	.reader = "threads",
	.detail = "thread has ended, but nobody has joined it: its stack stays",
	.grade = MS_GRADE_EXACT,
	.precedence = MS_PRECEDENCE_LIBRARY,
};

static const struct ms_kind_row ended_kind = {
	.owner = "stack.thread",
	.reader = "threads",
	.detail = "control block of a thread that has ended; glibc keeps its stack",
	.grade = MS_GRADE_STRUCTURAL,
	.precedence = MS_PRECEDENCE_LIBRARY,
};

static const struct ms_kind_row named_kind = {
	.owner = "stack.thread",
	.reader = "threads",
	.detail = "name set by glibc (decorate_maps)",
	.grade = MS_GRADE_EXACT,
	.precedence = MS_PRECEDENCE_SHAPE,
};

static bool has_kernels_stack(const struct ms_thread_row *row)
{
	return row->is_main && row->source != MS_STACK_BY_LIST &&
	       row->source != MS_STACK_BY_SCAN;
}

static const struct ms_kind_row *kind_of(const struct ms_thread_row *row)
{
	if (has_kernels_stack(row))
		return row->grade == MS_GRADE_EXACT ? &main_kind : &main_sp_kind;
	switch (row->grade) {
	case MS_GRADE_EXACT:
		return row->is_java ? &java_listed_kind : &listed_kind;
	case MS_GRADE_STRUCTURAL:
		return row->is_java ? &java_scanned_kind : &scanned_kind;
	case MS_GRADE_CONTENT:
		break;
	}
	return &shape_kind;
}

static const struct ms_kind_row *kind_of_ended(const struct ms_ended_stack *ended)
{
	if (ended->grade != MS_GRADE_EXACT)
		return &ended_kind;
	return ended->is_cached ? &cached_kind : &unjoined_kind;
}

// Memory that the program brought may be a block of an allocator: the stack is then what
// is in the block.
static enum ms_rank rank_of(const struct ms_thread_row *row)
{
	return row->is_user ? MS_RANK_STRUCTURE : MS_RANK_REGION;
}

static struct ms_error *claim_stacks(
	struct ms_claims *claims, const struct ms_thread_table *table)
{
	struct ms_error *err = NULL;
	for (size_t i = 0; !err && i < table->n; i++)
		err = ms_claims_say(claims, table->v[i].stack, rank_of(&table->v[i]),
			kind_of(&table->v[i]), 1, ms_thread_name(&table->v[i]));
	for (size_t i = 0; !err && i < table->ended_n; i++)
		err = ms_claims_say(claims, table->ended[i].stack, MS_RANK_REGION,
			kind_of_ended(&table->ended[i]), 0,
			ms_bytes_of(table->ended[i].is_cached
					    ? "(ended threads)"
					    : "(ended threads, not joined)"));
	if (!err && table->has_more_ended)
		err = ms_claims_note(claims,
			"stacks of more than %zu ended threads: the rest have no owner",
			table->ended_n);
	return err;
}

static bool has_main(const struct ms_thread_table *table)
{
	for (size_t i = 0; i < table->n; i++)
		if (has_kernels_stack(&table->v[i]))
			return true;
	return false;
}

// A target without a list of threads (a tree, an odd core) still has its [stack], and so
// has a child whose first thread runs on another one.
static struct ms_error *claim_main(struct ms_claims *claims, const struct ms_maps *maps)
{
	struct ms_error *err = NULL;
	for (size_t i = 0; !err && i < maps->n; i++)
		if (maps->v[i].kind == MS_MAPPING_STACK)
			err = ms_claims_say(claims, maps->v[i].range, MS_RANK_REGION,
				&main_kind, 1, (struct ms_bytes){ 0 });
	return err;
}

// Stacks whose mappings glibc named; those found by their control block carve out of
// them.
static struct ms_error *claim_named(struct ms_claims *claims, const struct ms_maps *maps)
{
	struct ms_error *err = NULL;
	for (size_t i = 0; !err && i < maps->n; i++) {
		const struct ms_mapping *m = &maps->v[i];
		if (m->kind == MS_MAPPING_NAMED &&
			(ms_bytes_starts(m->label, " glibc: pthread stack") ||
				ms_bytes_is(m->label, " glibc: unused stack")))
			err = ms_claims_say(claims, m->range, MS_RANK_MAPPING,
				&named_kind, 0, (struct ms_bytes){ 0 });
	}
	return err;
}

static struct ms_error *note_missing(
	struct ms_claims *claims, const struct ms_thread_table *table)
{
	size_t missing = 0;
	for (size_t i = 0; i < table->n; i++)
		missing += !ms_range_size(table->v[i].stack);
	if (!missing)
		return NULL;
	return ms_claims_note(
		claims, "stacks of %zu of %zu threads were not found", missing, table->n);
}

static struct ms_error *make(struct ms_reading *reading, void *arg, void **ret_state)
{
	(void)arg;
	(void)ret_state;
	return ms_thread_table_make(reading->target, &reading->threads);
}

static struct ms_error *claim(struct ms_reading *reading, void *arg, void **ret_state)
{
	(void)arg;
	(void)ret_state;
	const struct ms_thread_table none = { 0 };
	const struct ms_thread_table *table = reading->threads ? reading->threads : &none;
	struct ms_error *err = claim_stacks(reading->claims, table);
	if (!err)
		err = claim_named(reading->claims, ms_target_maps(reading->target));
	if (!err && !has_main(table))
		err = claim_main(reading->claims, ms_target_maps(reading->target));
	return err ? err : note_missing(reading->claims, table);
}

const struct ms_reader ms_threads_reader = { .name = "threads", .anchor = make };
const struct ms_reader ms_stacks_reader = { .name = "stacks", .anchor = claim };
