/**
 * nmt - HotSpot's native memory tracking, read from the blocks themselves.
 *
 * With -XX:NativeMemoryTracking=summary or detail the JVM puts 16 bytes in front of every
 * block it takes from malloc: its size and a category, from JDK 17 on also a mark, and
 * another behind the block. So each live block says whose it is, without jcmd and without
 * symbols; one without such a header was taken by somebody else.
 *
 * Source: services/mallocTracker.hpp, mallocHeader.hpp, memory/allocation.hpp (JDK 8 to 17),
 *         nmt/memTag.hpp (JDK 21 to 26).
 */
#pragma once

#include "hotspot/flags.h"

enum {
	MS_NMT_HEADER = 16,         ///< bytes in front of a block
	MS_NMT_CATEGORIES_MAX = 32, ///< no version has more
};

/** What tracking says in all. */
struct ms_nmt_sum {
	uint64_t blocks, bytes;
};

struct ms_nmt {
	bool is_on;                ///< the JVM tracks, and its headers can be read
	bool has_marks;            ///< headers carry a mark: JDK 17 and later
	unsigned n;                ///< categories
	const char *const *names;  ///< of categories, as the JVM has them; n of them
	const char *const *owners; ///< of their blocks
	/// Owner of what has the category Other where it is of no buffer: from JDK 11 on Unsafe's.
	/// NULL: buffers are not known, and it stays java.vm.other.
	const char *other;
	const char *note; ///< why it is on but cannot be read, or NULL
	/// By the JVM's own counters, from .symtab: what it thinks it took from malloc.
	struct ms_nmt_sum told[MS_NMT_CATEGORIES_MAX];
	bool has_told;
};

/** Is it on, and which categories are there? Cost: some look-ups. */
struct ms_nmt ms_nmt_read(const struct ms_vm *vm, const struct ms_flags *flags);

/**
 * The category of a live block.
 *
 * @param memory  its first MS_NMT_HEADER bytes
 * @param usable  bytes the block has
 * @param ret_bytes  out: what the JVM asked for, without its header
 * @return n if it has no header: it is not the JVM's
 */
unsigned ms_nmt_category(const struct ms_nmt *nmt, const uint8_t memory[MS_NMT_HEADER],
	uint64_t usable, uint64_t *ret_bytes);
