/**
 * Images: the program headers, sections, symbols and build-id of an executable or
 * library.
 *
 * Read from its file, from the pieces of it a snapshot kept, or from the memory it is
 * mapped in. All input is hostile; what does not fit is left out. Any thread may read.
 */
#pragma once

#include "base/base.h"
#include "elf/core.h"
#include "elf/source.h"

enum {
	MS_BUILD_ID_MAX = 64
};

/** A build-id; n is 0 if there is none. Usually 20 bytes (SHA-1), Go and lld differ. */
struct ms_build_id {
	uint8_t n;
	uint8_t bytes[MS_BUILD_ID_MAX];
};

/** True if both are there and equal. */
bool ms_build_id_equal(const struct ms_build_id *a, const struct ms_build_id *b);

/** The build-id in lower-case hexadecimal, "" if there is none. Returns text. */
char *ms_build_id_text(const struct ms_build_id *id, char text[2 * MS_BUILD_ID_MAX + 1]);

struct ms_elf_section {
	struct ms_bytes name; ///< in the image's arena
	uint32_t type;        ///< SHT_PROGBITS, SHT_NOBITS, ...
	uint32_t link;        ///< index of another section, by type
	uint64_t flags;       ///< SHF_ALLOC, ...
	uint64_t address;     ///< as linked
	uint64_t offset;      ///< in the file
	uint64_t size;        ///< bytes, clipped to the file unless SHT_NOBITS
	uint64_t align, entry_size;
};

struct ms_elf_image {
	struct ms_elf_source source;
	struct ms_arena arena;
	uint16_t type;    ///< ET_DYN or ET_EXEC
	uint16_t machine; ///< EM_X86_64, ...
	bool is_mapped;   ///< read from memory: offsets in the source are addresses
	uint64_t bias;    ///< is_mapped: address less linked address
	struct ms_build_id build_id;

	struct ms_elf_segment *segments; ///< in the order of the file
	size_t segments_n;
	struct ms_elf_section
		*sections; ///< by index; empty if stripped of them, or mapped
	size_t sections_n;

	uint64_t header_offset, header_size;     ///< program headers, in the file
	uint64_t sections_offset, sections_size; ///< section headers, in the file
	uint32_t names_index; ///< section that holds the sections' names
};

/** True if the bytes begin as an ELF file does; 4 suffice. */
bool ms_elf_is_elf(struct ms_bytes bytes);

/**
 * Read the headers of an executable or library file.
 *
 * @param source  its context must outlive the image
 * @param ret     owned: ms_elf_image_free
 * Errors: FORMAT (offset), UNSUPPORTED (not a 64-bit little-endian ET_DYN or ET_EXEC of
 *         x86-64 or aarch64), LIMIT, NOMEM.
 */
struct ms_error *ms_elf_image_open(
	const struct ms_elf_source *source, struct ms_elf_image **ret) MS_MUST_CHECK;

/**
 * As ms_elf_image_open, of an image in memory: segments lie where they are mapped, and
 * there are no sections.
 *
 * @param source   reads memory: its offsets are addresses
 * @param address  of the ELF header: where the mapping of file offset 0 begins
 */
struct ms_error *ms_elf_image_open_mapped(const struct ms_elf_source *source,
	uint64_t address, struct ms_elf_image **ret) MS_MUST_CHECK;

/** Free; NULL is fine. */
void ms_elf_image_free(struct ms_elf_image *image);
MS_DEFINE_CLEANUP(struct ms_elf_image *, ms_elf_image_free);

/** The first section of this name, or NULL. */
const struct ms_elf_section *ms_elf_image_section(
	const struct ms_elf_image *image, const char *name);

/** Lowest linked address of all PT_LOAD, rounded down to a page. */
uint64_t ms_elf_image_base(const struct ms_elf_image *image);

/**
 * What to add to a linked address to get the one in the process, given one mapping.
 *
 * @param address      where the mapping begins
 * @param file_offset  of the mapping, bytes
 * @return false if no PT_LOAD holds that offset
 */
bool ms_elf_image_bias(const struct ms_elf_image *image, uint64_t address,
	uint64_t file_offset, uint64_t *ret);

/**
 * The build-id of an image in memory, to be compared with its file's; n is 0 if none.
 *
 * @param source, address  as for ms_elf_image_open_mapped
 */
struct ms_build_id ms_elf_mapped_build_id(
	const struct ms_elf_source *source, uint64_t address);

struct ms_elf_symbol {
	struct ms_bytes name; ///< valid during the callback, or in the image's arena
	uint64_t value;       ///< linked address; STT_TLS: offset in the TLS block
	uint64_t size;
	uint8_t type;     ///< STT_FUNC, STT_OBJECT, ...
	uint8_t binding;  ///< STB_GLOBAL, ...
	uint16_t section; ///< SHN_UNDEF: defined elsewhere
};

/** Called for each symbol; true goes on, false ends the walk. */
typedef bool (*ms_elf_symbol_fn)(void *context, const struct ms_elf_symbol *symbol);

/**
 * Walk the defined symbols: those of .symtab if it is there, and always .dynsym (found by
 * PT_DYNAMIC where there are no sections). Symbols of both tables come twice.
 *
 * Errors: NOMEM. A table that makes no sense is left out.
 * Cost: linear; strings are read in whole, at most 256 MiB.
 */
struct ms_error *ms_elf_symbols_walk(const struct ms_elf_image *image,
	ms_elf_symbol_fn fn, void *context) MS_MUST_CHECK;

/** A symbol that is looked for, and what was found. */
struct ms_elf_wanted {
	const char *name;
	bool found;
	struct ms_elf_symbol symbol; ///< its name is left empty
};

/**
 * Look up several defined symbols in one walk; the first definition of each counts.
 *
 * Errors: NOMEM.
 * Cost: linear in the symbols times the logarithm of n.
 */
struct ms_error *ms_elf_symbols_find(const struct ms_elf_image *image,
	struct ms_elf_wanted *wanted, size_t n) MS_MUST_CHECK;

/** What a part of a file is worth keeping for. */
enum ms_elf_piece_kind {
	MS_ELF_PIECE_HEADERS,  ///< ELF header and program headers
	MS_ELF_PIECE_NOTES,    ///< build-id
	MS_ELF_PIECE_SECTIONS, ///< section headers and their names
	MS_ELF_PIECE_DYNAMIC,  ///< dynamic symbols, their strings, hash tables, versions
	MS_ELF_PIECE_SYMBOLS,  ///< .symtab and .strtab
	MS_ELF_PIECE_WRITABLE, ///< file image of writable segments
	MS_ELF_PIECE_RODATA,   ///< .rodata
};

struct ms_elf_piece {
	enum ms_elf_piece_kind kind;
	uint64_t offset, size; ///< in the file, bytes; size > 0
};

struct ms_elf_pieces {
	struct ms_elf_piece *v; ///< by kind, the most useful first; disjoint
	size_t n;
};

/**
 * The parts of the file that are worth keeping, so that the image can be opened again
 * from them alone. Callers cap the sum: cut from the end.
 *
 * Errors: NOMEM. Storage: the image's arena.
 */
struct ms_error *ms_elf_image_pieces(
	struct ms_elf_image *image, struct ms_elf_pieces *ret) MS_MUST_CHECK;
