// Which parts of an image's file a snapshot keeps: see image.h.

#include "elf/elf_internal.h"

#include "elf/image.h"

enum {
	PAGE = 4096
};

struct collector {
	MS_ARRAY(struct ms_elf_piece) pieces;
	struct ms_ranges taken; // file offsets that are in a piece already
	uint64_t size;          // of the file
};

static void cleanup_collector(struct collector *c)
{
	ms_array_deinit(&c->pieces);
	ms_ranges_deinit(&c->taken);
}

// What is read as memory is read by pages: with less than a whole one at its edges, these
// could not be told from memory that is missing.
static struct ms_range widen(
	const struct collector *c, enum ms_elf_piece_kind kind, struct ms_range range)
{
	uint64_t end;
	bool is_memory = kind == MS_ELF_PIECE_WRITABLE || kind == MS_ELF_PIECE_RODATA;
	if (!is_memory || range.start == range.end)
		return range;
	range.start = ms_align_down(range.start, PAGE);
	if (ms_align_up(range.end, PAGE, &end))
		range.end = ms_min(end, c->size);
	return range;
}

// Add the parts of [offset, offset + size) that no piece has yet.
static struct ms_error *add(
	struct collector *c, enum ms_elf_piece_kind kind, uint64_t offset, uint64_t size)
{
	if (offset >= c->size)
		return NULL;
	struct ms_range whole = widen(c, kind,
		(struct ms_range){ offset, offset + ms_min(size, c->size - offset) });
	size_t i = ms_ranges_find(&c->taken, whole.start);
	for (uint64_t at = whole.start; at < whole.end;) {
		bool has_next = i < c->taken.n && c->taken.v[i].start < whole.end;
		uint64_t stop = has_next ? c->taken.v[i].start : whole.end;
		if (at < stop) {
			struct ms_elf_piece *piece = ms_array_push(&c->pieces);
			if (!piece)
				return &ms_error_nomem;
			*piece = (struct ms_elf_piece){ kind, at, stop - at };
		}
		at = has_next ? c->taken.v[i++].end : whole.end;
	}
	return whole.start < whole.end ? ms_ranges_add(&c->taken, whole) : NULL;
}

/* Sections by type or name; a type of 0 matches by name. */
static const struct {
	enum ms_elf_piece_kind kind;
	uint32_t type;
	const char *name;
} wanted_sections[] = {
	{ MS_ELF_PIECE_NOTES, 0, ".note.gnu.build-id" },
	{ MS_ELF_PIECE_DYNAMIC, SHT_DYNSYM, NULL },
	{ MS_ELF_PIECE_DYNAMIC, 0, ".dynstr" },
	{ MS_ELF_PIECE_DYNAMIC, SHT_DYNAMIC, NULL },
	{ MS_ELF_PIECE_DYNAMIC, SHT_GNU_HASH, NULL },
	{ MS_ELF_PIECE_DYNAMIC, SHT_HASH, NULL },
	{ MS_ELF_PIECE_DYNAMIC, SHT_GNU_versym, NULL },
	{ MS_ELF_PIECE_DYNAMIC, SHT_GNU_verdef, NULL },
	{ MS_ELF_PIECE_DYNAMIC, SHT_GNU_verneed, NULL },
	{ MS_ELF_PIECE_SYMBOLS, SHT_SYMTAB, NULL },
	{ MS_ELF_PIECE_SYMBOLS, 0, ".strtab" },
	{ MS_ELF_PIECE_RODATA, 0, ".rodata" },
};

static struct ms_error *add_sections(
	struct collector *c, const struct ms_elf_image *image, size_t wanted)
{
	for (size_t i = 0; i < image->sections_n; i++) {
		const struct ms_elf_section *s = &image->sections[i];
		uint32_t type = wanted_sections[wanted].type;
		bool hit = type ? s->type == type
				: ms_bytes_is(s->name, wanted_sections[wanted].name);
		if (!hit || s->type == SHT_NOBITS)
			continue;
		struct ms_error *err =
			add(c, wanted_sections[wanted].kind, s->offset, s->size);
		if (err)
			return err;
	}
	return NULL;
}

static struct ms_error *add_all_sections(struct collector *c,
	const struct ms_elf_image *image, enum ms_elf_piece_kind kind)
{
	for (size_t i = 0; i < sizeof(wanted_sections) / sizeof(wanted_sections[0]);
		i++) {
		struct ms_error *err = NULL;
		if (wanted_sections[i].kind == kind)
			err = add_sections(c, image, i);
		if (err)
			return err;
	}
	return NULL;
}

// Segments of the type that have all the flags.
static struct ms_error *add_segments(struct collector *c,
	const struct ms_elf_image *image, enum ms_elf_piece_kind kind, uint32_t type,
	uint32_t flags)
{
	for (size_t i = 0; i < image->segments_n; i++) {
		const struct ms_elf_segment *s = &image->segments[i];
		if (s->type != type || (s->flags & flags) != flags)
			continue;
		struct ms_error *err = add(c, kind, s->offset, s->file_size);
		if (err)
			return err;
	}
	return NULL;
}

/*
 * A file stripped of its sections has its dynamic symbols, and its constants, somewhere
 * in the read-only segments, of which the first holds the symbols.
 */
static struct ms_error *add_unsectioned(
	struct collector *c, const struct ms_elf_image *image)
{
	for (size_t i = 0; i < image->segments_n; i++) {
		const struct ms_elf_segment *s = &image->segments[i];
		if (s->type != PT_LOAD || s->flags & PF_W)
			continue;
		return add(c, MS_ELF_PIECE_DYNAMIC, s->offset, s->file_size);
	}
	return NULL;
}

static struct ms_error *collect(struct collector *c, const struct ms_elf_image *image)
{
	struct ms_error *err = add(c, MS_ELF_PIECE_HEADERS, 0, sizeof(Elf64_Ehdr));
	if (!err)
		err = add(c, MS_ELF_PIECE_HEADERS, image->header_offset,
			image->header_size);
	if (!err)
		err = add_all_sections(c, image, MS_ELF_PIECE_NOTES);
	if (!err)
		err = add_segments(c, image, MS_ELF_PIECE_NOTES, PT_NOTE, 0);
	if (!err)
		err = add(c, MS_ELF_PIECE_SECTIONS, image->sections_offset,
			image->sections_size);
	if (!err && image->names_index < image->sections_n) {
		const struct ms_elf_section *names = &image->sections[image->names_index];
		err = add(c, MS_ELF_PIECE_SECTIONS, names->offset, names->size);
	}
	if (!err)
		err = add_all_sections(c, image, MS_ELF_PIECE_DYNAMIC);
	if (!err && !image->sections_n)
		err = add_unsectioned(c, image);
	if (!err)
		err = add_all_sections(c, image, MS_ELF_PIECE_SYMBOLS);
	if (!err)
		err = add_segments(c, image, MS_ELF_PIECE_WRITABLE, PT_LOAD, PF_W);
	if (!err)
		err = add_all_sections(c, image, MS_ELF_PIECE_RODATA);
	return err;
}

struct ms_error *ms_elf_image_pieces(
	struct ms_elf_image *image, struct ms_elf_pieces *ret)
{
	_cleanup_(cleanup_collector) struct collector c = { .size = image->source.size };
	struct ms_elf_pieces pieces = {};
	if (image->is_mapped) {
		*ret = pieces;
		return NULL;
	}
	struct ms_error *err = collect(&c, image);
	if (err)
		return err;
	pieces.n = c.pieces.n;
	pieces.v = ms_new(&image->arena, struct ms_elf_piece, pieces.n);
	if (!pieces.v && pieces.n)
		return &ms_error_nomem;
	if (pieces.n)
		memcpy(pieces.v, c.pieces.v, pieces.n * sizeof(*pieces.v));
	*ret = pieces;
	return NULL;
}
