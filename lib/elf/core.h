/**
 * Core files: segments and notes of an ELF core from the kernel, gcore, drgn or us.
 *
 * All input is hostile: sizes are checked, a file that was cut off is read as far as it
 * goes, and what does not fit is counted in `odd` and left out. Any thread may call what
 * takes a const core.
 *
 * Source: core(5), fs/binfmt_elf.c (elf_core_dump, fill_files_note; Linux 6.18), elf(5)
 * for PN_XNUM: files with 65,535 and more segments.
 */
#pragma once

#include "base/base.h"
#include "elf/note.h"
#include "elf/source.h"

/** A program header, checked and clipped to the file. */
struct ms_elf_segment {
	struct ms_range range; ///< [p_vaddr, p_vaddr + p_memsz); may be empty
	uint64_t offset;       ///< in the source
	uint64_t file_size; ///< bytes in the file, at most p_filesz; the rest of a LOAD
			    ///< was not written (or is zero: its writer knows)
	uint64_t missing;   ///< bytes of p_filesz that the file is too short for
	uint64_t align;
	uint32_t type;  ///< PT_LOAD, PT_NOTE, ...
	uint32_t flags; ///< PF_R | PF_W | PF_X
};

struct ms_core {
	struct ms_elf_source source;
	struct ms_arena arena;
	uint16_t machine; ///< EM_X86_64 or EM_AARCH64

	struct ms_elf_segment *segments; ///< all, in the order of the file
	size_t segments_n;
	struct ms_elf_segment *loads; ///< PT_LOAD alone, ascending and disjoint
	size_t loads_n;
	struct ms_note *notes; ///< in the order of the file
	size_t notes_n;

	bool truncated;   ///< the file ends before what its headers promise
	uint64_t missing; ///< bytes of PT_LOAD that the file is too short for
	size_t odd;       ///< segments and notes that make no sense
};

/**
 * Read the headers of a core.
 *
 * @param source  its context must outlive the core
 * @param ret     owned: ms_core_free
 * Errors: FORMAT (not an ELF file, or headers that make no sense; offset), UNSUPPORTED
 * (an ELF file, but not a 64-bit little-endian core of x86-64 or aarch64), LIMIT (more
 * segments or notes than any system writes), NOMEM. Cost: the headers and the notes'
 * headers; no descriptor and no memory is read.
 */
struct ms_error *ms_core_open(
	const struct ms_elf_source *source, struct ms_core **ret) MS_MUST_CHECK;

/** Free; NULL is fine. */
void ms_core_free(struct ms_core *core);
MS_DEFINE_CLEANUP(struct ms_core *, ms_core_free);

/** Index of the first load that ends after the address; loads_n if there is none. */
size_t ms_core_load_index(const struct ms_core *core, uint64_t address);

/** The first note of this name and type, after `after` (NULL: from the start), or NULL.
 */
const struct ms_note *ms_core_note(const struct ms_core *core, const char *name,
	uint32_t type, const struct ms_note *after);

/**
 * Read a note's descriptor.
 *
 * @param limit  bytes; a longer one is an error
 * Errors: LIMIT, FORMAT (the file is cut off), NOMEM.
 */
struct ms_error *ms_core_note_read(const struct ms_core *core, const struct ms_note *note,
	size_t limit, struct ms_buffer *ret) MS_MUST_CHECK;

/** A file mapped into the process: a row of NT_FILE. */
struct ms_core_file {
	struct ms_range range;
	uint64_t offset;      ///< in that file, bytes
	struct ms_bytes name; ///< in the core's arena
};

struct ms_core_files {
	struct ms_core_file *v; ///< in the order of the note: ascending from a kernel
	size_t n;
};

/**
 * Read NT_FILE; empty if there is none or it makes no sense.
 *
 * Storage: the core's arena, so one thread at a time. Errors: NOMEM.
 */
struct ms_error *ms_core_files(
	struct ms_core *core, struct ms_core_files *ret) MS_MUST_CHECK;

/** A thread: NT_PRSTATUS. The first one is the thread that took the signal. */
struct ms_core_thread {
	uint32_t tid;
	uint32_t signal; ///< that ended or stopped it, 0 if none
	uint64_t pc, sp;
	uint64_t fs_base; ///< x86-64: the thread pointer; aarch64: 0
};

struct ms_core_threads {
	struct ms_core_thread *v; ///< in the order of the notes
	size_t n;
};

/**
 * Read every NT_PRSTATUS; notes too short are counted odd.
 *
 * Storage: the core's arena, so one thread at a time. Errors: NOMEM.
 */
struct ms_error *ms_core_threads(
	struct ms_core *core, struct ms_core_threads *ret) MS_MUST_CHECK;

/** The process: NT_PRPSINFO. */
struct ms_core_process {
	uint32_t pid, ppid, uid;
	char state;    ///< as in /proc/PID/stat; 0 if unknown
	char comm[17]; ///< NUL-terminated, any bytes
	char args[81]; ///< the first 80 bytes of the command line, by blanks
};

/** Read NT_PRPSINFO; false if there is none. */
bool ms_core_process(const struct ms_core *core, struct ms_core_process *ret);

/** The value of an auxiliary vector entry (AT_PHDR, ...) of NT_AUXV; false if absent. */
bool ms_core_auxv(const struct ms_core *core, uint64_t type, uint64_t *ret);
