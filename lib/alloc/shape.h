/**
 * Heaps of glibc by their shape alone: where its own books cannot be found.
 */
#pragma once

#include "alloc/alloc.h"

enum {
	MS_GLIBC_HEAP_MAX = 64 << 20, ///< size and alignment of glibc's non-main heaps
	MS_GLIBC_HEAP_BYTES = 0x900,  ///< what a check reads of a heap's start
};

/** glibc's heap_info, checked. */
struct ms_glibc_heap {
	uint64_t address;
	uint64_t arena;    ///< ar_ptr
	uint64_t previous; ///< the arena's heap before this one, or 0
	uint64_t size;     ///< in use by the arena, bytes
	uint64_t writable; ///< mprotect_size, bytes
};

/**
 * Check that a heap of glibc begins at an address: heap_info's fields agree with each
 * other and with the address, and the first two chunks behind it are chunks.
 *
 * @param bytes  MS_GLIBC_HEAP_BYTES from `address` on
 * @param limit  bytes from `address` on that are writable or reserved, by maps
 * Source: malloc/arena.c, glibc 2.23 to 2.44 (64-bit).
 */
bool ms_glibc_heap_parse(uint64_t address, const uint8_t *bytes, uint64_t limit,
	struct ms_glibc_heap *ret);

/**
 * Claims, as malloc.heap, what is found without symbols: non-main heaps of glibc by their
 * descriptor, the brk area by its chunks, and large blocks that have a mapping of their
 * own.
 */
extern const struct ms_reader ms_alloc_shape_reader;
