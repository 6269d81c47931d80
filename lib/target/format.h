/**
 * The notes of a snapshot: what lib/snapshot writes and lib/target reads back.
 *
 * A snapshot is an ELF core. Its standard notes (NT_PRPSINFO, NT_PRSTATUS, NT_AUXV,
 * NT_FILE) come first, in a PT_NOTE of their own, the following ones last in the file, in
 * a second PT_NOTE whose size is fixed before the data is written, so that a pipe works;
 * what is left of it is one MS_SNAP_PAD. All have the name "memsleuth". Numbers are
 * little-endian, in the order and width below, without compression. A reader skips types
 * it does not know; a type changes only by getting a new number.
 */
#pragma once

#include <stdint.h>

#include "elf/image.h"

#define MS_SNAP_NAME "memsleuth"

// BFD looks at the type alone for the small numbers of the standard notes, so ours begin
// far above them: "MS" in the upper half.
enum ms_snap_note {
	MS_SNAP_HEADER = 0x4d530001, ///< one struct ms_snap_header
	MS_SNAP_FILE = 0x4d530002,   ///< char name[16], then a file of /proc/PID verbatim
	MS_SNAP_PAGES = 0x4d530003,  ///< page states, see ms_pages_encode()
	MS_SNAP_GAPS = 0x4d530004, ///< struct ms_snap_gap [], ascending: not in the file,
				   ///< and why
	MS_SNAP_THREADS = 0x4d530005, ///< struct ms_snap_thread [], ascending tid
	MS_SNAP_FDS =
		0x4d530006, ///< struct ms_snap_fd, its path, zero bytes up to 8; repeated
	MS_SNAP_FOOTPRINT =
		0x4d530007, ///< text, "key value\n": what taking the snapshot cost
	MS_SNAP_BUILD_IDS = 0x4d530008, ///< struct ms_snap_build_id []
	MS_SNAP_IMAGE =
		0x4d530009, ///< struct ms_snap_image, its pieces' table, path, and bytes
	MS_SNAP_CGROUP =
		0x4d53000a, ///< text, "key value\n": the figures of the target's cgroup
	MS_SNAP_PAD = 0x4d5300ff, ///< zero bytes
};

enum {
	MS_FORMAT_VERSION = 1
};

enum ms_snap_header_flags {
	MS_SNAP_INCOMPLETE =
		1 << 0, ///< sealed early: the target ended or a limit was hit
	MS_SNAP_WAS_STOPPED = 1 << 1, ///< the target was stopped when it was opened
	MS_SNAP_HAS_PAGES = 1 << 2,   ///< the page states are the kernel's
	MS_SNAP_HAS_SCAN = 1 << 3,    ///< and tell zero pages apart
	MS_SNAP_HAS_GUARD = 1 << 4,   ///< and guard pages
	MS_SNAP_NO_CONTENTS = 1 << 5, ///< --no-contents
};

struct ms_snap_header {
	uint32_t version;
	uint32_t flags;
	uint64_t pid;
	uint64_t start_ticks;
	uint64_t taken_ns; ///< CLOCK_REALTIME
	uint64_t page_size;
};

struct ms_snap_gap {
	uint64_t start, end;
	uint32_t reason; ///< enum ms_gap_reason: its numbers never change
	uint32_t zero;
};

enum ms_snap_thread_flags {
	MS_SNAP_THREAD_HAS_SP = 1 << 0, ///< sp and pc are known; no other register is
	/// Above this bit: the tid in the target's own pid namespace, 0 if not known. The
	/// kernel's tids stay below 2^22.
	MS_SNAP_THREAD_NS_TID_SHIFT = 8,
};

struct ms_snap_thread {
	uint64_t tid;
	char name[16];
	uint64_t sp, pc;
	uint64_t start_ticks, utime_ticks, stime_ticks;
	uint64_t minflt, majflt;
	uint32_t flags;
	uint32_t state; ///< 'R', 'S', ...
};

struct ms_snap_fd {
	int32_t fd;
	uint32_t path_bytes;
	uint32_t dev_major, dev_minor;
	uint64_t inode, size, allocated;
};

struct ms_snap_build_id {
	uint64_t start; ///< of the first mapping of the file
	uint32_t id_bytes;
	uint32_t zero;
	uint8_t id[MS_BUILD_ID_MAX];
};

enum {
	MS_SNAP_PIECES_MAX = 1024 ///< of one image; a usual library has about fifteen
};

enum ms_snap_image_flags {
	MS_SNAP_IMAGE_CUT = 1 << 0, ///< pieces were left out for their size
};

/** Followed by piece_count struct ms_snap_piece, the path, and the pieces' bytes. */
struct ms_snap_image {
	uint32_t dev_major, dev_minor;
	uint64_t inode;
	uint64_t file_bytes;
	uint32_t flags;
	uint32_t piece_count;
	uint32_t path_bytes;
	uint32_t id_bytes;
	uint8_t id[MS_BUILD_ID_MAX];
};

struct ms_snap_piece {
	uint64_t offset; ///< in the file
	uint64_t bytes;
};
