/** What cores and images share: the ELF header and the program headers. */
#pragma once

#include <elf.h>

#include "elf/core.h"

enum {
	/** More than any kernel lets a process map by far (vm.max_map_count is 65,530).
	 */
	MS_ELF_SEGMENTS_MAX = 2 << 20,
	MS_ELF_SECTIONS_MAX = 1 << 20,
};

/** The ELF header, with the counts that do not fit it taken from section header 0. */
struct ms_elf_header {
	uint16_t type, machine;
	uint64_t segments_offset, segments_n;
	uint64_t sections_offset, sections_n;
	uint32_t names_index;
};

/**
 * Read the ELF header.
 *
 * @param address  where in the source it lies
 * Errors: FORMAT, UNSUPPORTED (class, byte order, machine).
 */
struct ms_error *ms_elf_header_read(const struct ms_elf_source *source, uint64_t address,
	struct ms_elf_header *ret) MS_MUST_CHECK;

struct ms_elf_segments {
	struct ms_elf_segment *v;
	size_t n;
	size_t odd;
	bool truncated; ///< the table itself is cut off
};

/**
 * Read the program headers, checked and clipped to the source.
 *
 * Errors: FORMAT (size of an entry), LIMIT, NOMEM.
 */
struct ms_error *ms_elf_segments_read(const struct ms_elf_source *source,
	uint64_t address, const struct ms_elf_header *header, struct ms_arena *arena,
	struct ms_elf_segments *ret) MS_MUST_CHECK;
