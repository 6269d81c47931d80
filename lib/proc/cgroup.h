/**
 * Control groups: where a process is charged, and how much it may still take.
 *
 * Source: Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst (Linux 6.18).
 */
#pragma once

#include "base/base.h"

/** One group's memory figures, in bytes; UINT64_MAX where a file is missing or "max". */
struct ms_cgroup_memory {
	unsigned version; ///< 1 or 2; 0: no memory controller found
	char *path;       ///< the group's directory; owned (ms_cgroup_memory_deinit)
	uint64_t usage;   ///< memory.current, memory.usage_in_bytes
	uint64_t peak;
	uint64_t limit;         ///< the tightest of the group and its ancestors
	uint64_t inactive_file; ///< reclaimable first: the kubelet subtracts it
	uint64_t anon, file, shmem, slab, sock, page_tables;
};

/** Release the path and zero the figures. */
void ms_cgroup_memory_deinit(struct ms_cgroup_memory *m);

/**
 * The path of a process in the memory controller, from the text of /proc/PID/cgroup.
 *
 * @param ret_path  borrowed from the text
 * @return 1 or 2, the hierarchy's version; 0 if neither is there
 */
unsigned ms_cgroup_path(struct ms_bytes text, struct ms_bytes *ret_path);

/**
 * Read the figures of the group that `cgroup_text` names, below a root directory.
 *
 * A group that cannot be found (a private cgroup namespace shows paths like "/../x")
 * gives version 0 and no error; a path that leads upwards is never followed.
 *
 * @param root_fd  directory fd of the file system root to look in: "/" or /proc/PID/root
 * Errors: NOMEM.
 */
struct ms_error *ms_cgroup_memory_read(int root_fd, struct ms_bytes cgroup_text,
	struct ms_cgroup_memory *ret) MS_MUST_CHECK;

/**
 * Read the figures of the group at which the hierarchy is mounted below a root directory.
 *
 * In a container that is the container's own group, also where its processes' paths lead
 * upwards (seen from another cgroup namespace) or are those of the host (version 1 in
 * Docker). The root of a hierarchy is no container's: it gives version 0.
 *
 * @param root_fd  the container's root: /proc/PID/root, or "/" inside of it
 * Errors: NOMEM.
 */
struct ms_error *ms_cgroup_memory_read_mounted(
	int root_fd, struct ms_cgroup_memory *ret) MS_MUST_CHECK;

/** Bytes until the limit, counting inactive page cache as free; UINT64_MAX without limit.
 */
uint64_t ms_cgroup_headroom(const struct ms_cgroup_memory *m);
