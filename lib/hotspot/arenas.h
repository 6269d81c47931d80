/**
 * arenas - HotSpot's own small allocator: arenas, and the chunks of malloc they are made of.
 *
 * An Arena hands out memory from a chain of chunks and gives all of them back at once. The
 * compilers' graphs, every thread's temporary and handle memory, and the JVM's symbols lie
 * in arenas; chunks of four usual sizes are pooled.
 *
 * No table and no symbol says where arenas are, and none is needed: an Arena's four
 * pointers (first chunk, last chunk, fill level, end) must agree with the last chunk's
 * length, its chain must lead from the first chunk to the last, and the chunks' lengths must
 * add up to the Arena's own size. Nothing else looks like that. An arena of a running
 * target that grows beyond the pages known at opening is followed as far as they go. They are looked for where
 * they can be: behind the pointers in each Thread, and on the stacks of compiler threads,
 * where a compilation keeps all of its own.
 *
 * Source: memory/arena.hpp, memory/resourceArea.hpp (JDK 8 to 26).
 */
#pragma once

#include "hotspot/java_threads.h"

enum {
	MS_ARENA_CHUNKS_MAX = 1 << 22, ///< that are kept
};

/** Where an arena was found. */
enum ms_arena_place {
	MS_ARENA_OF_THREAD, ///< a Thread points to it: temporary memory, handles
	MS_ARENA_ON_STACK,  ///< of a compiler thread: a compilation's
};

struct ms_java_arena {
	uint64_t address; ///< of the Arena
	size_t thread;    ///< index in the list of Java threads
	enum ms_arena_place place;
	uint64_t chunk_n; ///< that were followed
	uint64_t bytes;   ///< of its chunks, without their headers, by its own counter
	bool is_partial; ///< it grew meanwhile: of a running target not all chunks are known
};

struct ms_arena_chunk {
	uint64_t address; ///< of its header
	uint32_t arena;   ///< index; MS_ARENA_POOLED: in the JVM's pools
};

#define MS_ARENA_POOLED UINT32_MAX

struct ms_arenas {
	MS_ARRAY(struct ms_java_arena) v;       ///< by thread
	MS_ARRAY(struct ms_arena_chunk) chunks; ///< by arena, in the chain's order
	uint64_t header;  ///< bytes of a chunk's header; 0: no arena was found
	bool has_pools;   ///< the JVM's pools of free chunks were read, from .symtab
	bool is_complete; ///< no chain was longer than what is kept
};

/**
 * Find arenas and their chunks.
 *
 * Errors: NOMEM, GONE.
 * Cost: the words of each Thread and of compiler threads' stacks; a small read per chunk,
 *       67,000 chunks take some 0.1 s.
 */
struct ms_error *ms_arenas_read(struct ms_vm *vm, const struct ms_java_threads *threads,
	struct ms_arenas *ret) MS_MUST_CHECK;

/** Release; zeroed is fine. */
void ms_arenas_deinit(struct ms_arenas *arenas);

struct ms_compilations;
struct ms_reading;

/**
 * Say, after the pass, whose the blocks are that chunks lie in, and what is being compiled.
 * A live block of a chunk's size with a chunk's header belongs to an arena that was not
 * reached. What is free stays free.
 *
 * Errors: NOMEM, LIMIT.
 * Cost: a look-up per chunk, and a small read of each unowned block of a chunk's size.
 */
struct ms_error *ms_arenas_claim(struct ms_reading *reading, struct ms_vm *vm,
	const struct ms_java_threads *threads, const struct ms_compilations *compilations,
	const struct ms_arenas *arenas) MS_MUST_CHECK;

/** Payload bytes of the usual chunks, ascending. */
enum {
	MS_ARENA_SIZES = 4,
};
extern const uint64_t ms_arena_sizes[MS_ARENA_SIZES];
