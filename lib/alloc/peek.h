/**
 * Peek: small reads all over a target, for following an allocator's own pointers.
 *
 * Keeps what was read last in lines of 16 KiB, so that a list whose members lie near each
 * other costs one system call for many steps. What is not resident is never read: it is
 * a miss. Not thread-safe.
 */
#pragma once

#include "target/target.h"

struct ms_peek;

/** Make one; about 4 MiB. Errors: NOMEM. */
struct ms_error *ms_peek_new(
	struct ms_target *target, struct ms_peek **ret) MS_MUST_CHECK;

/** Free; NULL is fine. */
void ms_peek_free(struct ms_peek *peek);

/** Forget everything: what follows is read anew. */
void ms_peek_clear(struct ms_peek *peek);

/**
 * Read n bytes; false if any of them cannot be had (hole, swapped, refused, target gone).
 * Pages of zeros that the kernel never had to make (absent anonymous memory) are a miss.
 */
bool ms_peek_bytes(struct ms_peek *peek, uint64_t address, void *to, size_t n);

/** Read one little-endian word; false as above, or if the address is misaligned. */
bool ms_peek_u64(struct ms_peek *peek, uint64_t address, uint64_t *ret);
bool ms_peek_u32(struct ms_peek *peek, uint64_t address, uint32_t *ret);

/** True if both ends of a range lie in private memory without a file: the least that is
 * asked of an address before it is followed. */
bool ms_peek_is_memory(const struct ms_maps *maps, uint64_t start, uint64_t size);

/** True if all of a range is private memory that can be written: what blocks lie in. Cost:
 * linear in the mappings it spans. */
bool ms_peek_is_writable(const struct ms_maps *maps, uint64_t start, uint64_t size);

/** Little-endian numbers in a buffer. */
static inline uint64_t ms_get_u64(const void *p)
{
	uint64_t v;
	__builtin_memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint32_t ms_get_u32(const void *p)
{
	uint32_t v;
	__builtin_memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint16_t ms_get_u16(const void *p)
{
	uint16_t v;
	__builtin_memcpy(&v, p, sizeof(v));
	return v;
}
