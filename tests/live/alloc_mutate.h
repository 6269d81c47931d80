/**
 * Damage aimed at the books of allocators: where it goes, and what it makes of them.
 */
#pragma once

#include "alloc/alloc.h"
#include "threads/threads.h"

/** What a place is to its allocator. */
enum aim {
	AIM_HEADER,  ///< what lies in front of a block
	AIM_LINK,    ///< the first words of a block that is not live
	AIM_BOOK,    ///< descriptors: of arenas, heaps, caches, slabs
	AIM_POINTED, ///< what the books point to
	AIM_THREAD,  ///< words near a thread's control block
	AIM_DATA,    ///< words in a module's data
	AIM_ANY,     ///< any word of writable memory
	AIM_COUNT
};

struct places {
	MS_ARRAY(uint64_t) v[AIM_COUNT];
	MS_ARRAY(uint64_t) blocks; ///< what pointers are made of
	struct ms_target *target;
};

enum {
	CHANGES_MAX = 8
};

/** One word overwritten. */
struct change {
	uint64_t address, before, after;
	enum aim aim;
};

/** What one run overwrites, and what its readers read. */
struct damage {
	struct change v[CHANGES_MAX];
	size_t n;
	_Atomic uint64_t reads, bytes;
};

/** Where an undamaged target can be hit, by what was found in it. */
struct ms_error *places_find(struct ms_target *target,
	const struct ms_thread_table *threads, struct ms_alloc *alloc,
	struct places *ret) MS_MUST_CHECK;

/** Release; zeroed is fine. */
void places_deinit(struct places *places);

/** Draw the changes of a run; nothing overlays the target meanwhile. */
void damage_draw(const struct places *places, uint64_t seed, struct damage *ret);

/** The overlay: applies what overlaps, and counts. */
void damage_overlay(void *arg, struct ms_range range, uint8_t *bytes);

const char *aim_name(enum aim aim);
