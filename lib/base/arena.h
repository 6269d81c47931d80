/**
 * Arenas: many small objects with one lifetime, freed at once.
 *
 * Two lifetimes use them: the *run* (models, interned names) and *scratch* (one region,
 * one record; ms_arena_clear between). Not thread-safe: each worker owns its own.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

struct ms_arena_chunk;

struct ms_arena {
	struct ms_arena_chunk *chunks; ///< newest first
	size_t used;                   ///< bytes handed out, for budgets
};

/** Set up an empty arena in the caller's storage; allocates nothing yet. */
void ms_arena_init(struct ms_arena *arena);

/** Free everything the arena handed out; takes NULL and a zeroed arena. */
void ms_arena_deinit(struct ms_arena *arena);

/** Forget everything but keep the newest chunk for reuse. */
void ms_arena_clear(struct ms_arena *arena);

/** `size` zeroed bytes aligned to 16, or NULL; valid until clear or deinit. */
void *ms_arena_alloc(struct ms_arena *arena, size_t size);

/** `n` zeroed objects of `size` bytes; NULL without memory or if n * size wraps. */
void *ms_arena_array(struct ms_arena *arena, size_t n, size_t size);

/** Copy bytes and add a NUL, which is not part of the bytes; NULL without memory. */
char *ms_arena_copy(struct ms_arena *arena, struct ms_bytes bytes);

/** n zeroed objects of type T in the arena. */
#define ms_new(arena, T, n) ((T *)ms_arena_array((arena), (n), sizeof(T)))
