/**
 * ledger - the claims resolved so that each resident byte has one owner.
 *
 * Readers put claims and block tables into a collection (claims.h) in terms of kinds
 * (kind.h) and owners (owner.h). ms_ledger_sum() walks mappings, resolved claims, block
 * tables and page states once and makes the document below, which is printed, saved as
 * JSON ("memsleuth/ledger/1", json.h) and read back.
 *
 * Laws
 *  1. It balances: the rows sum to rss_bytes, page for page; what nobody claimed is the
 *     row `unexplained`, which is always there. Parts of pages count by their bytes.
 *  2. One owner per byte (claims.h).
 *  3. Freed memory belongs to malloc.free.*; who used it last is kept beside it.
 *  4. Each row says how well it is known (the weakest grade that contributed) and why.
 *  5. What is not in Rss is in `outside`, never added in. A page of a file that the
 *     process maps several times goes to the owner of its lowest view; the others are
 *     `overcount`.
 *
 * Readers and the survey that runs them meet in reader.h.
 */
#pragma once

#include "base/base.h"
#include "ledger/claims.h"
#include "ledger/heaps.h"
#include "ledger/owner.h"
#include "proc/maps.h"
#include "proc/pages.h"
#include "proc/smaps.h"

struct ms_evidence {
	struct ms_bytes reader;
	struct ms_bytes what;
	uint64_t count; ///< claims, blocks or whatever the line counts
	uint64_t bytes; ///< resident bytes it stands for; 0 for counter-evidence
};

/** One thing within a row: a thread's stack, an arena, a file. */
struct ms_item {
	struct ms_bytes name;  ///< bytes of the target
	struct ms_range range; ///< from its first part to the end of its last
	uint64_t resident;
	size_t parts; ///< claims of this name: threads of one pool, mappings of one file
};

/** Who used freed bytes last. */
struct ms_last_use {
	const char *owner;
	uint64_t bytes, count;
};

struct ms_ledger_row {
	const char *owner;
	uint64_t resident, swap;
	uint64_t count;      ///< countable objects, 0 where it has none
	enum ms_grade grade; ///< the weakest that contributed
	bool has_grade;      ///< false for `unexplained`: nothing was said
	struct ms_evidence *evidence, *counter; ///< descending by bytes, then text
	size_t evidence_n, counter_n;
	struct ms_last_use *last_uses;
	size_t last_use_n;
	struct ms_item *items; ///< the largest, at most MS_ITEMS_MAX
	size_t item_n, item_total;
};

enum {
	MS_ITEMS_MAX = 64
};

struct ms_outside_row {
	const char *owner;
	uint64_t bytes;
	struct ms_evidence *evidence;
	size_t evidence_n;
};

struct ms_mapping_row {
	struct ms_mapping mapping;
	uint64_t resident, swap;
	const char *owner; ///< of most resident bytes, else of its start
	uint32_t owner_n;  ///< owners that have resident bytes in it
};

/** Bytes that two owners claimed and only the owner id decided. */
struct ms_conflict {
	struct ms_range range;
	const char *owner, *rival;
};

enum {
	MS_CONFLICTS_MAX = 64
};

/** What the document says about the target. */
struct ms_ledger_target {
	const char *kind; ///< "live", "core", "snapshot", "tree"
	uint64_t pid;     ///< 0: unknown
	struct ms_bytes comm;
	struct ms_bytes command; ///< arguments, each NUL-terminated
	uint64_t taken_ns;       ///< CLOCK_REALTIME; 0: unknown
	bool is_stopped;
};

/** One thread of the target. */
struct ms_thread_line {
	uint64_t tid;
	struct ms_bytes name;
	struct ms_range stack;        ///< start == end: not found
	struct ms_bytes stack_source; ///< what it was found by; may be empty
	uint64_t guard;         ///< bytes at the stack's low end that cannot be written
	uint64_t control_block; ///< of the C library, address; 0: not found
	uint64_t resident;      ///< of the stack; ms_ledger_sum counts it
	uint64_t minflt, utime_ticks, stime_ticks;
	bool has_arena;
	uint64_t arena; ///< number of malloc's arena it is attached to, if has_arena
	uint64_t cached_blocks, cached_bytes; ///< in malloc's cache for it
};

/** Stacks of threads that have ended, together. */
struct ms_ended_stacks {
	uint64_t count, bytes; ///< of address space, guards included
	uint64_t resident;
	uint64_t unjoined; ///< of count: nobody has joined the thread
};

struct ms_ledger {
	struct ms_arena arena; ///< owns everything below
	struct ms_ledger_target target;
	uint64_t rss;
	uint64_t rss_smaps; ///< the kernel's own figure, if has_rss_smaps
	bool has_rss_smaps;
	struct ms_ledger_row
		*rows; ///< descending by resident bytes, `unexplained` included
	size_t row_n;
	struct ms_outside_row *outside; ///< ascending by owner
	size_t outside_n;
	struct ms_mapping_row *mappings; ///< ascending
	size_t mapping_n;
	struct ms_conflict *conflicts; ///< the first MS_CONFLICTS_MAX by address
	size_t conflict_n, conflict_total;
	struct ms_thread_line *threads; ///< ascending tid
	size_t thread_n;
	struct ms_heaps heaps; ///< the survey's to fill; empty where malloc is unknown
	struct ms_ended_stacks ended;
	size_t clipped;
	uint64_t unexplained; ///< bytes of all rows that count as unexplained
	uint64_t unknown;     ///< bytes of pages whose state the target could not give
	const char **notes;
	size_t note_n;
};

/** What the sum needs beside the claims; everything is borrowed for the call. */
struct ms_sum_input {
	struct ms_ledger_target target;
	const struct ms_maps *maps;
	const struct ms_pages *pages;
	bool has_pages; ///< page states are the kernel's own
	struct ms_pages_source source;
	const struct ms_smaps *smaps;        ///< or NULL
	const struct ms_smaps_entry *rollup; ///< or NULL
	const struct ms_thread_line *threads;
	size_t thread_n;
	struct ms_ended_stacks ended;
};

/**
 * Make the ledger. Claims must be resolved and all offers be made.
 *
 * Where zero pages cannot be told (source.has_scan false) a mapping that counts more than
 * its smaps Rss is scaled down to it, each owner in proportion, and a note says so.
 *
 * Errors: NOMEM.
 * Cost: one pass over runs of page states and, in walked heaps, over blocks.
 */
struct ms_error *ms_ledger_sum(const struct ms_claims *claims,
	const struct ms_sum_input *in, struct ms_ledger **ret) MS_MUST_CHECK;

/** Free; NULL is fine. */
void ms_ledger_free(struct ms_ledger *ledger);

/** The row of an owner, or NULL. */
const struct ms_ledger_row *ms_ledger_find(
	const struct ms_ledger *ledger, const char *owner);

MS_DEFINE_CLEANUP(struct ms_ledger *, ms_ledger_free);
MS_DEFINE_CLEANUP(struct ms_claims *, ms_claims_free);
#define _cleanup_ledger_ _cleanup_(cleanup_ms_ledger_free)
#define _cleanup_claims_ _cleanup_(cleanup_ms_claims_free)
