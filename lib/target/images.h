/**
 * Images: the file behind a mapping, found without ever leaving the target's root.
 *
 * In this order: /proc/PID/map_files (needs CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE);
 * the name below the target's root, or below ours if both share a mount namespace, by
 * openat2 with RESOLVE_IN_ROOT and RESOLVE_NO_SYMLINKS (component by component before
 * Linux 5.6): an absolute symlink in a container must not reach the host's file; the
 * snapshot's own note; --sysroot; of a snapshot a JVM's archive of classes, if it is still
 * there. Regular files only; the inode and, where both are
 * known, the build-id must be those of the mapping. Read by pread, never mmap.
 */
#pragma once

#include "elf/source.h"
#include "target/target.h"

struct ms_image {
	int fd;               ///< open for reading; owned by the target; -1 in a snapshot
	uint64_t size;        ///< bytes of the file
	const char *found_by; ///< "map_files", "root", "sysroot", "snapshot", "here"
	struct ms_elf_source source; ///< its bytes; a snapshot has only some of them
};

/**
 * The file behind a mapping.
 *
 * Opened when the target was opened; this only looks it up.
 *
 * @return borrowed until the target is freed; NULL if the mapping has no file that
 *         could be had
 * Cost: logarithmic.
 */
const struct ms_image *ms_target_image(
	const struct ms_target *target, const struct ms_mapping *mapping);
