/**
 * Heaps: what malloc holds in a target, as lines of the ledger's document.
 */
#pragma once

#include "base/base.h"
#include "ledger/kind.h"

/** Blocks of one state: "live", "free", "fast", "cached", "top", "dirty", ... */
struct ms_state_line {
	const char *state;
	uint64_t blocks, bytes;
};

/** Those that have blocks, in the order allocators name them. */
struct ms_states {
	struct ms_state_line *v;
	size_t n;
};

/** One allocator at work. */
struct ms_allocator_line {
	const char *allocator; ///< "glibc", "jemalloc", ...
	const char *layout;    ///< releases whose layout fits, "2.27-2.42"
	struct ms_bytes path;  ///< of the library; bytes of the target
	bool is_walked;        ///< else only its mappings are known
	enum ms_grade grade;   ///< exact: what was walked equals its own counters
	uint64_t off;          ///< bytes that did not add up
	const char *reason;    ///< why it is not exact; empty if it is
};

enum {
	MS_ARENA_PICTURE = 64
};

struct ms_arena_line {
	const char *allocator;
	uint64_t number;
	uint64_t address; ///< of its descriptor; 0: none
	bool is_main, is_mmapped, is_locked;
	uint64_t threads; ///< attached to it
	uint64_t system, peak;
	uint64_t resident;
	uint64_t reclaimable; ///< resident bytes that malloc_trim or a purge returns now
	uint64_t pinned;      ///< resident bytes of free blocks that it cannot return
	uint64_t off;         ///< bytes that did not add up
	struct ms_states states;
	/// One character a stretch, from its lowest address on: '#' mostly live, '~' mostly
	/// free and resident, '.' mostly without pages, '?' not understood.
	const char *picture;
};

/** All blocks of one size. */
struct ms_size_line {
	const char *allocator;
	uint64_t size; ///< of a block, header included
	struct ms_states states;
};

struct ms_heaps {
	struct ms_allocator_line *allocators;
	size_t allocator_n;
	struct ms_arena_line *arenas;
	size_t arena_n;
	struct ms_size_line *sizes; ///< ascending within an allocator
	size_t size_n;
};

/** The line of a state; one of zeros if it has no blocks. */
struct ms_state_line ms_states_get(const struct ms_states *states, const char *state);
