/**
 * direct - memory behind java.nio's direct buffers.
 *
 * java.nio.Bits counts what direct buffers hold in all. The buffers themselves are objects
 * on the Java heap that keep an address and a capacity; one with a cleaner frees its memory,
 * others are views of it. NIO keeps some for each thread, to copy through.
 *
 * Source: java/nio/Bits.java, Buffer.java, Direct-X-Buffer.java.template,
 *         sun/nio/ch/Util.java (JDK 8 to 26).
 */
#pragma once

#include "hotspot/fields.h"
#include "hotspot/loaders.h"
#include "hotspot/objects.h"

enum {
	MS_DIRECT_MAX = 1 << 20, ///< buffers that are kept
};

/** What java.nio.Bits counts. */
struct ms_direct_counts {
	bool is_there;     ///< the class is loaded and could be read
	uint64_t count;    ///< buffers with memory of their own
	uint64_t capacity; ///< bytes they were asked for
	uint64_t reserved; ///< bytes, alignment included
	uint64_t max;      ///< bytes that are allowed
};

struct ms_direct_buffer {
	uint64_t object;
	uint64_t address, capacity; ///< of its memory, bytes
	bool is_cached;             ///< NIO keeps it for a thread
	bool is_counted; ///< by java.nio.Bits: it has a cleaner; NIO's have none from JDK
			 ///< 25 on
};

struct ms_direct {
	MS_ARRAY(struct ms_direct_buffer)
	v;                ///< ascending by object; those that own memory
	bool is_complete; ///< none was left out for want of room or of a field
};

/** Read the counters. Cost: some reads. */
struct ms_direct_counts ms_direct_counts_read(
	const struct ms_java *java, const struct ms_loaders *loaders);

/**
 * Find the buffers that own memory; of a running JVM, those that stayed where they were.
 *
 * Errors: NOMEM, GONE, CANCELLED.
 * Cost: one walk of the used heap.
 */
struct ms_error *ms_direct_read(struct ms_java *java, const struct ms_flags *flags,
	const struct ms_heap *heap, const struct ms_loaders *loaders,
	const struct ms_cancel *cancel, struct ms_direct *ret) MS_MUST_CHECK;

/** Release; zeroed is fine. */
void ms_direct_deinit(struct ms_direct *direct);

struct ms_reading;

/**
 * Say, after the pass, which blocks are buffers' memory. Memory of no block is claimed as it
 * is, where it is anonymous. Errors: NOMEM, LIMIT.
 */
struct ms_error *ms_direct_claim(
	struct ms_reading *reading, const struct ms_direct *direct) MS_MUST_CHECK;
