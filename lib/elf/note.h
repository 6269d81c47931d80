/**
 * ELF notes, byte for byte: a header, a name and a descriptor, each padded to 4 bytes.
 *
 * Source: gABI, "Note Section"; cores pad to 4 bytes also in 64-bit files.
 */
#pragma once

#include "base/base.h"

enum {
	MS_NOTE_NAME_MAX = 31,   ///< longest name we write or keep, without NUL
	MS_NOTE_HEADER_MAX = 44, ///< longest result of ms_note_header
};

/** A size rounded up to 4; wraps never for sizes below 2^32. */
static inline uint64_t ms_note_padded(uint64_t size)
{
	return (size + 3) & ~UINT64_C(3);
}

/**
 * Bytes a note takes in the file: header, name and its NUL, padding, descriptor, padding.
 *
 * @param name       at most MS_NOTE_NAME_MAX bytes
 * @param desc_size  bytes, below 2^32
 */
uint64_t ms_note_size(const char *name, uint64_t desc_size);

/**
 * Write what stands before the descriptor: header, name, padding.
 *
 * The descriptor follows at once, then zero bytes up to ms_note_size().
 *
 * @param out  receives the bytes, at most MS_NOTE_HEADER_MAX
 * @return their number; 0 if the name or the descriptor is too long for a note
 */
size_t ms_note_header(const char *name, uint32_t type, uint64_t desc_size,
	uint8_t out[MS_NOTE_HEADER_MAX]);

/**
 * Append a whole note to a buffer.
 *
 * Errors: NOMEM; LIMIT if the name or the descriptor is too long.
 */
struct ms_error *ms_note_add(struct ms_buffer *buffer, const char *name, uint32_t type,
	struct ms_bytes desc) MS_MUST_CHECK;

/** One note of a file. */
struct ms_note {
	uint32_t type;
	char name[MS_NOTE_NAME_MAX + 1]; ///< "CORE", "LINUX", "GNU"; NUL-terminated
	uint64_t offset;                 ///< of the descriptor in the file
	uint64_t size;                   ///< bytes of the descriptor
};

/** Called for each note; true goes on, false ends the walk. */
typedef bool (*ms_note_fn)(void *context, const struct ms_note *note);

struct ms_elf_source;

/**
 * Walk the notes in a part of a file, reading headers and names only.
 *
 * @param align  4, or 8 for parts such as .note.gnu.property that are aligned to it
 * @return false if the part ended inside a note, a name was over-long, or the source
 *         could not be read; what stood before was given to the callback
 * Cost: one read per 4 KiB of headers that lie close together, else one per note.
 */
bool ms_note_walk(const struct ms_elf_source *source, struct ms_range part,
	uint64_t align, ms_note_fn fn, void *context);
