// Chunked bump allocator: see arena.h. Chunks are at least 16 KiB; an object larger than
// that gets a chunk of its own, so nothing is ever copied.

#include "base/arena.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/checked.h"

enum {
	CHUNK_BYTES = 16 * 1024,
	ALIGNMENT = 16
};

struct ms_arena_chunk {
	struct ms_arena_chunk *next;
	size_t size;
	size_t used;
	_Alignas(ALIGNMENT) char data[];
};

void ms_arena_init(struct ms_arena *arena)
{
	*arena = (struct ms_arena){ 0 };
}

static void free_chunks(struct ms_arena_chunk *chunk)
{
	while (chunk) {
		struct ms_arena_chunk *next = chunk->next;
		free(chunk);
		chunk = next;
	}
}

void ms_arena_deinit(struct ms_arena *arena)
{
	if (!arena)
		return;
	free_chunks(arena->chunks);
	ms_arena_init(arena);
}

void ms_arena_clear(struct ms_arena *arena)
{
	if (!arena->chunks)
		return;
	free_chunks(arena->chunks->next);
	arena->chunks->next = NULL;
	arena->chunks->used = 0;
	arena->used = 0;
}

static struct ms_arena_chunk *add_chunk(struct ms_arena *arena, size_t size)
{
	size_t capacity = size > CHUNK_BYTES ? size : CHUNK_BYTES;
	struct ms_arena_chunk *chunk = malloc(sizeof(*chunk) + capacity);
	if (!chunk)
		return NULL;
	chunk->size = capacity;
	chunk->used = 0;
	chunk->next = arena->chunks;
	arena->chunks = chunk;
	return chunk;
}

void *ms_arena_alloc(struct ms_arena *arena, size_t size)
{
	if (size > SIZE_MAX / 2)
		return NULL;
	size_t rounded = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
	struct ms_arena_chunk *chunk = arena->chunks;
	if (!chunk || chunk->size - chunk->used < rounded) {
		chunk = add_chunk(arena, rounded);
		if (!chunk)
			return NULL;
	}
	void *p = chunk->data + chunk->used;
	chunk->used += rounded;
	arena->used += rounded;
	return memset(p, 0, size);
}

void *ms_arena_array(struct ms_arena *arena, size_t n, size_t size)
{
	uint64_t total;
	if (!ms_mul(n, size, &total))
		return NULL;
	return ms_arena_alloc(arena, total);
}

char *ms_arena_copy(struct ms_arena *arena, struct ms_bytes bytes)
{
	char *p = ms_arena_alloc(arena, bytes.n + 1);
	if (p && bytes.n)
		memcpy(p, bytes.p, bytes.n);
	return p;
}

bool ms_array_grow(void **v, size_t *cap, size_t want, size_t size)
{
	size_t grown = *cap + *cap / 2 + 8;
	if (grown < want)
		grown = want;
	void *p = reallocarray(*v, grown, size);
	if (!p)
		return false;
	*v = p;
	*cap = grown;
	return true;
}

void *ms_array_zeroed(void *p, size_t size)
{
	return memset(p, 0, size);
}
