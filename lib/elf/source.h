/**
 * Where the bytes of an ELF file come from.
 *
 * The same parsers read a file by pread, a compressed snapshot frame by frame, the parts
 * of a file that a snapshot kept, and an image in a target's memory. None of these is a
 * plain file descriptor, and a file that shrinks must not kill us with SIGBUS, so
 * nothing here maps files, nor needs libelf (which would).
 */
#pragma once

#include "base/base.h"

struct ms_elf_source {
	/**
	 * Read up to n bytes at an offset.
	 *
	 * @return bytes read; fewer than n only where the source ends or has a hole; -1
	 * with errno on failure
	 */
	int64_t (*read)(void *context, uint64_t offset, void *p, size_t n);
	void *context;
	uint64_t size; ///< bytes; UINT64_MAX if unknown
};

/**
 * A file as a source.
 *
 * @param fd  a regular file open for reading; borrowed: must outlive the source
 * Errors: OS; UNSUPPORTED if it is not a regular file.
 */
struct ms_error *ms_elf_source_fd(int fd, struct ms_elf_source *ret) MS_MUST_CHECK;

/** Bytes in memory as a source. `bytes` itself, not only what it spans, must outlive it.
 */
struct ms_elf_source ms_elf_source_bytes(const struct ms_bytes *bytes);

/**
 * Read exactly n bytes.
 *
 * @return false if the source ends before that, or cannot be read
 */
bool ms_elf_source_read(
	const struct ms_elf_source *source, uint64_t offset, void *p, size_t n);
