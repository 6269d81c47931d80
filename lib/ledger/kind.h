/**
 * Kinds: what is said about bytes, said once and then named by a 16-bit number.
 *
 * A kind is a row {owner, state, grade, reader, precedence, detail}. Readers make kinds
 * and offer them for ranges and blocks; where several are offered for the same bytes, the
 * stronger stays. Evidence is kept per kind, never per block.
 *
 * Strength: a kind of precedence `none` loses to every other; then grade, then
 * precedence, then owner id (the smaller stays). What only the owner id settled is a
 * conflict: the kind that stays then remembers its rival.
 *
 * Merging is commutative and associative, so the result does not depend on the order of
 * the offers, nor on how many threads made them.
 */
#pragma once

#include <stdint.h>

#include "base/base.h"

enum ms_state {
	MS_STATE_NONE,     ///< not a block of an allocator
	MS_STATE_LIVE,     ///< allocated
	MS_STATE_FREE,     ///< freed, still resident
	MS_STATE_CACHED,   ///< freed, kept ready for one thread
	MS_STATE_OVERHEAD, ///< the allocator's own headers and slack
};

/** How much a statement is worth, ascending. */
enum ms_grade {
	MS_GRADE_CONTENT,    ///< from strings, pointers, statistics or position
	MS_GRADE_STRUCTURAL, ///< a layout that was validated field by field
	MS_GRADE_EXACT,      ///< read from the owner's own bookkeeping
};

/** Who knows best among equals, ascending. */
enum ms_precedence {
	MS_PRECEDENCE_NONE,      ///< says nothing of the owner: loses to everything
	MS_PRECEDENCE_SHAPE,     ///< size, place or name
	MS_PRECEDENCE_CATEGORY,  ///< a category such as NMT's
	MS_PRECEDENCE_LIBRARY,   ///< the library that allocated it
	MS_PRECEDENCE_STRUCTURE, ///< a structure recognised in it
	MS_PRECEDENCE_FREER,     ///< the object that will free it
};

struct ms_kind_row {
	const char *owner;  ///< dotted id, see owner.h
	const char *reader; ///< who says so
	const char *detail; ///< what it saw, one line of ours, never bytes of the target
	const char
		*rival; ///< owner that lost by its id only, or NULL; set by merging alone
	enum ms_state state;
	enum ms_grade grade;
	enum ms_precedence precedence;
	bool is_part; ///< of an object that is counted with another block of it
};

/** Number of a kind within one table; 0 is "nothing said": owner `unexplained`. */
typedef uint16_t ms_kind;
enum {
	MS_KIND_NONE = 0
};

struct ms_kinds;

/** Make a table that holds only MS_KIND_NONE. Errors: NOMEM. */
struct ms_error *ms_kinds_new(struct ms_kinds **ret) MS_MUST_CHECK;

/** Free; NULL is fine. */
void ms_kinds_free(struct ms_kinds *kinds);

/**
 * The number of a row, which is added if it is new; its strings are copied.
 *
 * A table holds 65,000 kinds. Beyond that the owner is cut to its entry in the owner
 * table and the detail is left out, so that memory stays bounded whatever names a target
 * uses; ms_kinds_folded() counts how often.
 *
 * Errors: NOMEM; LIMIT when even that does not fit.
 * Safety: any thread at any time.
 */
struct ms_error *ms_kinds_intern(struct ms_kinds *kinds, const struct ms_kind_row *row,
	ms_kind *ret) MS_MUST_CHECK;

/** The row of a number this table gave out; valid until the table is freed. Never NULL.
 */
const struct ms_kind_row *ms_kinds_row(const struct ms_kinds *kinds, ms_kind kind);

/** Kinds in the table, MS_KIND_NONE included; numbers are 0..count-1. */
size_t ms_kinds_count(const struct ms_kinds *kinds);

/** How many rows lost their detail because the table was full. */
size_t ms_kinds_folded(const struct ms_kinds *kinds);

/** Total order of rows: below 0 if a is stronger, 0 only for equal rows. */
int ms_kind_row_compare(const struct ms_kind_row *a, const struct ms_kind_row *b);

/** True if only the owner id decides between two rows that name different owners. */
bool ms_kind_row_ties(const struct ms_kind_row *a, const struct ms_kind_row *b);

/**
 * The kind that stays when both were offered for the same bytes.
 * Errors: NOMEM, LIMIT (a conflict needs a row of its own).
 */
struct ms_error *ms_kinds_merge(
	struct ms_kinds *kinds, ms_kind a, ms_kind b, ms_kind *ret) MS_MUST_CHECK;

/**
 * Change how well a kind is known, for a reader that learns it only at its end.
 *
 * Not while others merge or offer: what was decided by the grade stays decided.
 */
void ms_kinds_regrade(struct ms_kinds *kinds, ms_kind kind, enum ms_grade grade);

/** Names as JSON and tables write them. */
const char *ms_grade_name(enum ms_grade grade);
const char *ms_state_name(enum ms_state state);
