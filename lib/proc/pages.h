/**
 * Page states: what the kernel says of every page of a target, read once.
 *
 * Four bits a page in tiles of 2 MiB; runs of tiles in one state take no memory of their
 * own. Built in ascending order of address, then only read. The same type serves a live
 * process and a snapshot, and every count of resident bytes comes from it.
 *
 * Source: PAGEMAP_SCAN (Linux 6.7, fs/proc/task_mmu.c, do_pagemap_scan), else the words
 * of /proc/PID/pagemap (Documentation/admin-guide/mm/pagemap.rst).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "proc/maps.h"

enum {
	MS_PAGE_SIZE = 4096
};

enum ms_page_state {
	MS_PAGE_ABSENT,  ///< never touched, or dropped
	MS_PAGE_ANON,    ///< present, anonymous: a private page of the process
	MS_PAGE_FILE,    ///< present, of a file or of shared memory
	MS_PAGE_ZERO,    ///< the kernel's zero page: reads as zero, not in Rss
	MS_PAGE_SWAPPED, ///< swapped out or under migration
	MS_PAGE_GUARD,   ///< MADV_GUARD_INSTALL (Linux 6.13)
	MS_PAGE_UNKNOWN, ///< this target cannot say
	MS_PAGE_STATES,  ///< number of states; at most 16
};

struct ms_pages;

/** Make empty page states: every page is absent. Errors: NOMEM. */
struct ms_error *ms_pages_new(struct ms_pages **ret) MS_MUST_CHECK;

/** Free; NULL is fine. */
void ms_pages_free(struct ms_pages *pages);
MS_DEFINE_CLEANUP(struct ms_pages *, ms_pages_free);

/**
 * Set the state of a page-aligned range that begins at or after the end of all ranges set
 * so far. Errors: NOMEM; FORMAT if it is not aligned or goes backwards.
 */
struct ms_error *ms_pages_set(struct ms_pages *pages, struct ms_range range,
	enum ms_page_state state) MS_MUST_CHECK;

/** State of the page that holds the address. Cost: logarithmic in the runs of tiles. */
enum ms_page_state ms_pages_get(const struct ms_pages *pages, uint64_t address);

/**
 * The run of equal states that begins at `from`, cut at `end`.
 *
 *     for (at = r.start; at < r.end; at = run.end)
 *             run = ms_pages_run(pages, at, r.end, &state);
 *
 * @param from, end  any addresses, from < end; the run's end is page aligned or `end`
 */
struct ms_range ms_pages_run(const struct ms_pages *pages, uint64_t from, uint64_t end,
	enum ms_page_state *ret_state);

/** True for the states that count in Rss. */
static inline bool ms_page_is_resident(enum ms_page_state state)
{
	return state == MS_PAGE_ANON || state == MS_PAGE_FILE;
}

/** Bytes of the range by state; partial pages count by the bytes inside the range. */
void ms_pages_count(const struct ms_pages *pages, struct ms_range range,
	uint64_t ret_bytes[MS_PAGE_STATES]);

/** Resident bytes (Rss) of the range. */
uint64_t ms_pages_resident(const struct ms_pages *pages, struct ms_range range);

/** What a load could and could not tell. */
struct ms_pages_source {
	bool has_scan;  ///< PAGEMAP_SCAN answered: zero pages are told apart
	bool has_guard; ///< guard pages are told apart (Linux 6.15, or words with bit 58)
};

/**
 * Read the states of all mappings from a pagemap descriptor.
 *
 * @param fd     /proc/PID/pagemap, open for reading (borrowed)
 * @param maps   which addresses to ask for
 * @param force_words  never try PAGEMAP_SCAN (tests compare the two paths)
 * Errors: OS, DENIED, GONE (the process ended), NOMEM.
 * Cost: about 3 ms per GiB with the scan, 25 ms with words. No call covers more than
 *       64 MiB, because one holds mmap_lock throughout.
 * Safety: makes no page present and marks none accessed.
 */
struct ms_error *ms_pages_load(int fd, const struct ms_maps *maps, bool force_words,
	struct ms_pages_source *ret_source, struct ms_pages **ret) MS_MUST_CHECK;

/**
 * Encode as run lengths: per run u64 start, u64 pages << 4 | state, little-endian; absent
 * runs are left out. Errors: NOMEM.
 */
struct ms_error *ms_pages_encode(
	const struct ms_pages *pages, struct ms_buffer *ret) MS_MUST_CHECK;

/** Decode what ms_pages_encode wrote. Errors: FORMAT (offset), NOMEM. */
struct ms_error *ms_pages_decode(
	struct ms_bytes bytes, struct ms_pages **ret) MS_MUST_CHECK;
