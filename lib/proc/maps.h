/**
 * /proc/PID/maps: the mappings of a process.
 *
 * Source: fs/proc/task_mmu.c, show_map_vma() (Linux 6.18), proc_pid_maps(5).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/range.h"

enum ms_mapping_flags {
	MS_MAPPING_READ = 1 << 0,
	MS_MAPPING_WRITE = 1 << 1,
	MS_MAPPING_EXEC = 1 << 2,
	MS_MAPPING_SHARED = 1 << 3,  ///< 's': MAP_SHARED
	MS_MAPPING_DELETED = 1 << 4, ///< the name ends in " (deleted)", which is cut off
};

/** What the line alone says the mapping is. Refined by readers, never by this parser. */
enum ms_mapping_kind {
	MS_MAPPING_ANON,  ///< no name, inode 0
	MS_MAPPING_FILE,  ///< a path of a file system
	MS_MAPPING_HEAP,  ///< [heap]: the brk area
	MS_MAPPING_STACK, ///< [stack]: the main thread's
	MS_MAPPING_NAMED, ///< [anon:NAME] or [anon_shmem:NAME], set by PR_SET_VMA
	MS_MAPPING_MEMFD, ///< /memfd:NAME
	MS_MAPPING_SHM,   ///< /dev/zero (deleted), /SYSVxxxxxxxx, /dev/shm: shared memory
	MS_MAPPING_DEVICE,   ///< /dev/..., anon_inode:..., and other device files
	MS_MAPPING_VDSO,     ///< [vdso]: code the kernel lends
	MS_MAPPING_VVAR,     ///< [vvar...]: not counted in Rss
	MS_MAPPING_VSYSCALL, ///< [vsyscall]: not counted in Rss, above user space
	MS_MAPPING_UNKNOWN,  ///< another [name]; kept as it is
};

struct ms_mapping {
	struct ms_range range;
	unsigned flags; ///< enum ms_mapping_flags
	enum ms_mapping_kind kind;
	uint64_t offset; ///< in the file, bytes
	uint32_t dev_major, dev_minor;
	uint64_t inode;
	struct ms_bytes
		name; ///< as the kernel wrote it ('\n' is "\012"), " (deleted)" cut off
	struct ms_bytes
		label; ///< NAME of MS_MAPPING_NAMED and MS_MAPPING_MEMFD, else empty
};

struct ms_maps {
	struct ms_mapping *v; ///< ascending, disjoint
	size_t n;
	size_t odd_lines; ///< lines that could not be understood
};

/**
 * Parse the text of a maps file.
 *
 * Lines that make no sense, or that go backwards (maps can change between two reads),
 * are counted in odd_lines and left out.
 *
 * @param text   borrowed; names point into copies in the arena
 * @param arena  receives everything
 * Errors: NOMEM.
 * Cost: one pass.
 */
struct ms_error *ms_maps_parse(
	struct ms_bytes text, struct ms_arena *arena, struct ms_maps *ret) MS_MUST_CHECK;

/** The mapping that holds the address, or NULL. Cost: logarithmic. */
const struct ms_mapping *ms_maps_find(const struct ms_maps *maps, uint64_t address);

/** Index of the first mapping that ends after the address; maps->n if there is none. */
size_t ms_maps_index(const struct ms_maps *maps, uint64_t address);

/** False for [vvar*] and [vsyscall], whose pages the kernel does not count in Rss. */
bool ms_mapping_counts(const struct ms_mapping *mapping);

/** True for memory without a lasting file behind it: anon, heap, stack, memfd, shm. */
bool ms_mapping_is_anonymous(const struct ms_mapping *mapping);

/** The protection as maps prints it, "rw-p". Returns text. */
char *ms_mapping_prot_text(const struct ms_mapping *mapping, char text[5]);
