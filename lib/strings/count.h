/**
 * Counts: how often each form of string occurs, for whom, in how many bytes and pages.
 *
 * Windows are scanned by any number of threads; what they found is folded in address
 * order. Each fold sees the same sequence of strings for any number of threads and any
 * size of windows, so the result is the same too.
 *
 * Memory is bounded by the options. When clusters take more than that, those with the
 * fewest bytes are dropped and what they had counted goes to `dropped`; counts of
 * clusters are then lower bounds, and the caller says so. Distinct strings are counted
 * exactly until their own share is used up; then `distinct` is a lower bound and marked
 * as one.
 */
#pragma once

#include "base/base.h"
#include "strings/window.h"

enum {
	MS_COUNT_SAMPLES = 3,
	MS_COUNT_SAMPLE_TEXT = 256, ///< bytes of text kept of a sample
};

/** A string kept as an example. */
struct ms_text_sample {
	struct ms_text_sample *next; ///< at a higher address, with another text; or NULL
	uint64_t address;
	uint64_t bytes; ///< in memory
	uint64_t hash;  ///< of its text
	uint8_t width;  ///< bytes per unit: 1 ASCII, 2 UTF-16LE
	uint16_t text_n;
	uint8_t text[]; ///< its first bytes, at most MS_COUNT_SAMPLE_TEXT
};

struct ms_cluster {
	uint64_t key;
	uint32_t owner;
	uint8_t kind; ///< enum ms_form_kind
	bool is_cut;  ///< the strings are longer than what the form is made of
	bool has_ascii, has_utf16;
	bool is_distinct_bound; ///< there are at least `distinct` texts
	uint8_t sample_n;
	uint64_t count;
	uint64_t distinct;
	uint64_t bytes;                 ///< of memory, all strings together
	uint64_t pages;                 ///< pages of 4 KiB that hold a part of one
	uint64_t next_page;             ///< pages below this number are counted already
	struct ms_text_sample *samples; ///< ascending, at least one
};

/** The form of a cluster: as ms_form_make() of its first sample. Returns its length. */
size_t ms_cluster_form(const struct ms_cluster *cluster, char to[MS_FORM_MAX]);

/** All strings of an owner, whether their clusters were kept or not. */
struct ms_text_total {
	uint32_t owner;
	uint64_t count, bytes, pages;
};

struct ms_count_result {
	const struct ms_cluster *
		*clusters; ///< descending by bytes; then lower address first
	size_t cluster_n;
	struct ms_text_total *totals; ///< descending by bytes, then owner
	size_t total_n;
	uint64_t dropped_clusters; ///< times a cluster was dropped; 0: counts are exact
	uint64_t dropped_count, dropped_bytes;
	uint64_t scanned_bytes; ///< of memory, gaps left out
	uint64_t gap_bytes;
};

struct ms_count_options {
	struct ms_text_options window;
	size_t window_size; ///< bytes of a body; 0: 256 KiB
	size_t memory;      ///< bytes for clusters and distinct strings; 0: 64 MiB
	const struct ms_cancel *cancel; ///< may be NULL
};

/**
 * Reads memory for the counter.
 *
 * @param range  at most a window and its surroundings
 * @param to     receives all of it; what could not be had is left as it comes
 * @param gaps   receives what could not be had; empty at the call
 * Safety: called from several threads.
 */
typedef struct ms_error *(*ms_count_read_fn)(
	void *arg, struct ms_range range, uint8_t *to, struct ms_ranges *gaps);

struct ms_count;

/** Make an empty counter. Errors: NOMEM. */
struct ms_error *ms_count_new(
	const struct ms_count_options *options, struct ms_count **ret) MS_MUST_CHECK;

/** Free, results included; NULL is fine. */
void ms_count_free(struct ms_count *count);

MS_DEFINE_CLEANUP(struct ms_count *, ms_count_free);

/**
 * Count the strings of all ranges; called once.
 *
 * @param ranges  ascending; ranges that touch are one piece of memory
 * @param pool    workers; borrowed
 * Errors: those of `read`, NOMEM, CANCELLED.
 * Cost: about 1 GB/s and worker where text is rare.
 */
struct ms_error *ms_count_run(struct ms_count *count, const struct ms_ranges *ranges,
	ms_count_read_fn read, void *arg, struct ms_pool *pool) MS_MUST_CHECK;

/** Bytes of memory that were read so far, gaps left out. */
uint64_t ms_count_scanned(const struct ms_count *count);

/** The result; borrowed until the counter is freed. Errors: NOMEM. */
struct ms_error *ms_count_finish(
	struct ms_count *count, const struct ms_count_result **ret) MS_MUST_CHECK;
