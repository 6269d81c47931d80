/**
 * mapheap: what its screens share.
 */
#pragma once

#include "cli/cli.h"
#include "hotspot/code.h"
#include "hotspot/heap.h"
#include "hotspot/loaders.h"
#include "hotspot/moves.h"
#include "program.h"
#include "target/target.h"

enum {
	WALK_MAX = 1 << 30, ///< bytes of used heap that are walked without being asked
};

/** Ages as they were before a collection, from a look at the JVM after the one before. */
struct ages_before {
	uint64_t number; ///< of that collection
	struct ms_age_table table;
	uint64_t bytes[MS_AGES]; ///< in survivor spaces, by mark words
	uint64_t old[MS_AGES];   ///< in the old space, by the age at promotion
	bool has_bytes, has_old;
};

/** A JVM that was opened, and what getters need beside their row. */
struct view {
	struct ms_target *target; ///< owned
	struct ms_vm *vm;         ///< owned
	struct ms_flags flags;
	struct ms_heap heap;
	struct ms_events events;
	struct ms_counters counters;
	struct ms_collections collections;
	struct ms_age_table age_table;
	const struct ages_before *previous; ///< of one collection; NULL: none was seen
	struct ms_classes *classes;         ///< owned; NULL until objects were walked
	struct ms_objects *objects;         ///< owned
	struct ms_histogram histogram;
	struct ms_moves moves;
	unsigned workers;  ///< that walk the heap; 0: one per processor
	uint64_t large;    ///< bytes from which on an object is large
	const char *label; ///< what a person called the target; NULL: its name
	const struct program *program; ///< that we started and hold; or NULL
	bool is_incomplete;            ///< bytes that were wanted are missing
	uint64_t cell; ///< bytes of heap that one cell of a picture stands for
};

/**
 * Open a target and read its JVM.
 * Errors: as ms_target_open; UNSUPPORTED if there is no JVM in it that can be read.
 */
struct ms_error *view_open(struct view *view, const char *name,
	const struct ms_target_options *options) MS_MUST_CHECK;

/** Read the JVM's own history of collections. Errors: NOMEM, GONE. */
struct ms_error *view_read_history(struct view *view) MS_MUST_CHECK;

/** Walk all objects: histogram, ages, large ones. Errors: NOMEM, GONE, CANCELLED. */
struct ms_error *view_walk(
	struct view *view, const struct ms_cancel *cancel) MS_MUST_CHECK;

/** How the old space was filled; after the two above. Errors: NOMEM, GONE, CANCELLED. */
struct ms_error *view_read_moves(
	struct view *view, const struct ms_cancel *cancel) MS_MUST_CHECK;

/** Release; zeroed is fine. */
void view_close(struct view *view);

#define _cleanup_view_ __attribute__((cleanup(view_close)))

/** One row per space; rows are struct ms_heap_space. */
extern const struct ms_column_set space_columns;

/** One row per class and space; rows are struct ms_histogram_row. */
extern const struct ms_column_set histogram_columns;

/** One row per class loader, code heap, flag: struct ms_loader, ms_code_heap, ms_flag. */
extern const struct ms_column_set loader_columns;
extern const struct ms_column_set code_columns;
extern const struct ms_column_set flag_columns;

/** Read and print these tables. Errors: NOMEM, GONE. */
struct ms_error *print_loaders(
	struct ms_cli *cli, struct view *view, struct ms_table *table) MS_MUST_CHECK;
struct ms_error *print_code(
	struct ms_cli *cli, struct view *view, struct ms_table *table) MS_MUST_CHECK;
struct ms_error *print_flag_table(
	struct ms_cli *cli, struct view *view, struct ms_table *table) MS_MUST_CHECK;

/** The columns that suit the collector, as ms_table_select takes them. */
const char *space_columns_of(const struct ms_heap *heap);

/** Print the map of a heap of regions: a cell for each. */
void print_map(struct ms_out *out, const struct view *view, unsigned width);

/** Say what the picture's cells mean. */
void print_legend(struct ms_out *out, const struct view *view);

/** Print "WORD  " as a heading of a line. */
void print_word(struct ms_out *out, const char *word);

/** Print bytes as the JVM does: "8,192K". */
void print_kib(struct ms_out *out, uint64_t bytes);

/** Print a class, and what an array has: "byte[2,097,152]", "java.lang.String". */
void print_class(struct ms_out *out, const struct ms_class *class, uint32_t length);

/** Why a collection promoted objects. */
#define PROMOTIONS(X)                                                                    \
	X(NONE, "")                                                                      \
	X(TOO_LARGE, "larger than a survivor space")                                     \
	X(OVERFLOW, "survivor overflow")                                                 \
	X(AGE, "age")                                                                    \
	X(SHARE, "share of survivors")                                                   \
	X(AGE_OR_SHARE, "age or share of survivors")                                     \
	X(GUARANTEE, "promotion guarantee")

enum promotion {
#define X(id, name) PROMOTION_##id,
	PROMOTIONS(X)
#undef X
};

/** What is known now says this of one collection. */
enum promotion why_promoted(const struct view *view, const struct ms_collection *c,
	const struct ms_move *move);

/**
 * Was a full collection begun because a young one had no promotion guarantee: the old space
 * had less room than the young one held, and the young one had not been emptied before?
 * Source: DefNewGeneration::collection_attempt_is_safe(),
 *         PSScavenge::should_attempt_scavenge() (JDK 8 to 26).
 */
bool lacked_guarantee(
	const struct ms_collection *c, uint64_t *ret_free, uint64_t *ret_held);

/** The reason as JSON has it. */
const char *promotion_name(enum promotion why);

/** Print one collection, by its index in view->collections. */
void print_collection(struct ms_out *out, const struct view *view, size_t index);

/** Print the last collections, and why objects were promoted. */
void print_collections(struct ms_out *out, const struct view *view);

/** Print the last collections in the words of -Xlog:gc*. */
void print_log(struct ms_out *out, const struct view *view);

/** Print the ages of objects in survivor spaces, and what the next collection will do. */
void print_ages(struct ms_out *out, const struct view *view);

/** Bytes of each age in the survivor spaces; false if there are none, or no walk. */
bool survivor_ages(const struct view *view, uint64_t ret[MS_AGES]);

/** The same of the old space: ages at which objects were promoted. */
bool promoted_ages(const struct view *view, uint64_t ret[MS_AGES]);

/** Print "1: 512K, 2: 96K". */
void print_by_ages(struct ms_out *out, const uint64_t bytes[MS_AGES]);

/** The ages before this collection, or NULL if nobody looked then. */
const struct ages_before *ages_before(
	const struct view *view, const struct ms_collection *c);

/** Print large objects, and where they came from. */
void print_large(struct ms_out *out, const struct view *view);

/** Print which of the flags that were set about the heap are in force, and which not. */
void print_flags(struct ms_out *out, const struct view *view);

/** The report for people. */
struct ms_error *print_report(
	struct ms_cli *cli, struct view *view, struct ms_table *table) MS_MUST_CHECK;

/** The document "memsleuth/heap/1". */
struct ms_error *print_json(struct ms_cli *cli, const struct view *view) MS_MUST_CHECK;
