// Executables and libraries: see image.h. Symbols are in symbols.c, pieces in pieces.c.

#include "elf/elf_internal.h"

#include "elf/image.h"

enum {
	NAMES_LIMIT = 16 << 20
}; // of sections

bool ms_build_id_equal(const struct ms_build_id *a, const struct ms_build_id *b)
{
	return a->n && a->n == b->n && memcmp(a->bytes, b->bytes, a->n) == 0;
}

char *ms_build_id_text(const struct ms_build_id *id, char text[2 * MS_BUILD_ID_MAX + 1])
{
	static const char digits[] = "0123456789abcdef";
	size_t n = ms_min(id->n, MS_BUILD_ID_MAX);
	for (size_t i = 0; i < n; i++) {
		text[2 * i] = digits[id->bytes[i] >> 4];
		text[2 * i + 1] = digits[id->bytes[i] & 0xf];
	}
	text[2 * n] = '\0';
	return text;
}

bool ms_elf_is_elf(struct ms_bytes bytes)
{
	return ms_bytes_starts(bytes, ELFMAG);
}

void ms_elf_image_free(struct ms_elf_image *image)
{
	if (!image)
		return;
	ms_arena_deinit(&image->arena);
	free(image);
}

struct id_search {
	const struct ms_elf_source *source;
	struct ms_build_id *id;
};

static bool take_build_id(void *context, const struct ms_note *note)
{
	const struct id_search *search = context;
	struct ms_build_id id = {};
	if (note->type != NT_GNU_BUILD_ID || strcmp(note->name, "GNU") != 0 ||
		!note->size || note->size > sizeof(id.bytes) ||
		!ms_elf_source_read(search->source, note->offset, id.bytes, note->size))
		return true;
	id.n = (uint8_t)note->size;
	*search->id = id;
	return false;
}

static void search_notes(struct ms_elf_image *image, struct ms_range part, uint64_t align)
{
	struct id_search search = { &image->source, &image->build_id };
	if (!image->build_id.n)
		(void)ms_note_walk(
			&image->source, part, align == 8 ? 8 : 4, take_build_id, &search);
}

// Sections first: in a file of debug information the segments' offsets mean nothing.
static void find_build_id(struct ms_elf_image *image)
{
	for (size_t i = 0; i < image->sections_n; i++) {
		const struct ms_elf_section *s = &image->sections[i];
		struct ms_range part = { s->offset, s->offset + s->size };
		if (s->type == SHT_NOTE)
			search_notes(image, part, s->align);
	}
	for (size_t i = 0; i < image->segments_n; i++) {
		const struct ms_elf_segment *s = &image->segments[i];
		struct ms_range part = { s->offset, s->offset + s->file_size };
		if (s->type == PT_NOTE)
			search_notes(image, part, s->align);
	}
}

// False if the section lies outside the file; one that is cut off is clipped.
static bool make_section(const struct ms_elf_source *source, const Elf64_Shdr *h,
	struct ms_elf_section *ret)
{
	*ret = (struct ms_elf_section){
		.type = h->sh_type,
		.link = h->sh_link,
		.flags = h->sh_flags,
		.address = h->sh_addr,
		.offset = h->sh_offset,
		.size = h->sh_size,
		.align = h->sh_addralign,
		.entry_size = h->sh_entsize,
	};
	if (h->sh_type == SHT_NOBITS || h->sh_type == SHT_NULL)
		return true;
	if (h->sh_offset > source->size)
		return false;
	ret->size = ms_min(ret->size, source->size - h->sh_offset);
	return true;
}

// Names of sections, cut out of the section that holds them; names[i] is an offset.
static struct ms_error *set_names(
	struct ms_elf_image *image, const uint32_t *names, uint32_t names_index)
{
	if (names_index >= image->sections_n)
		return NULL;
	const struct ms_elf_section *s = &image->sections[names_index];
	if (s->type != SHT_STRTAB || s->size > NAMES_LIMIT || !s->size)
		return NULL;
	// A byte more than the table, which stays zero and ends an unended name.
	char *text = ms_arena_alloc(&image->arena, s->size + 1);
	if (!text)
		return &ms_error_nomem;
	if (!ms_elf_source_read(&image->source, s->offset, text, s->size))
		return NULL;
	for (size_t i = 0; i < image->sections_n; i++)
		if (names[i] < s->size)
			image->sections[i].name = ms_bytes_of(text + names[i]);
	return NULL;
}

static struct ms_error *read_sections(
	struct ms_elf_image *image, const struct ms_elf_header *header)
{
	uint64_t room =
		image->source.size - ms_min(image->source.size, header->sections_offset);
	size_t n = ms_min(header->sections_n, room / sizeof(Elf64_Shdr));
	if (!n)
		return NULL;
	if (n > MS_ELF_SECTIONS_MAX)
		return ms_error_new(MS_ERROR_LIMIT, "%zu section headers", n);
	_cleanup_free_ Elf64_Shdr *table = calloc(n, sizeof(*table));
	_cleanup_free_ uint32_t *names = calloc(n, sizeof(*names));
	image->sections = ms_new(&image->arena, struct ms_elf_section, n);
	if (!table || !names || !image->sections)
		return &ms_error_nomem;
	if (!ms_elf_source_read(
		    &image->source, header->sections_offset, table, n * sizeof(*table)))
		return NULL;
	for (size_t i = 0; i < n; i++) {
		names[i] = table[i].sh_name;
		if (!make_section(&image->source, &table[i], &image->sections[i]))
			image->sections[i].type = SHT_NULL; // keeps its index
	}
	image->sections_n = n;
	image->sections_offset = header->sections_offset;
	image->sections_size = n * sizeof(*table);
	image->names_index = header->names_index;
	return set_names(image, names, header->names_index);
}

uint64_t ms_elf_image_base(const struct ms_elf_image *image)
{
	uint64_t base = UINT64_MAX;
	for (size_t i = 0; i < image->segments_n; i++)
		if (image->segments[i].type == PT_LOAD)
			base = ms_min(base, image->segments[i].range.start);
	return base == UINT64_MAX ? 0 : ms_align_down(base, 4096);
}

bool ms_elf_image_bias(const struct ms_elf_image *image, uint64_t address,
	uint64_t file_offset, uint64_t *ret)
{
	for (size_t i = 0; i < image->segments_n; i++) {
		const struct ms_elf_segment *s = &image->segments[i];
		if (s->type != PT_LOAD || !s->file_size)
			continue;
		// The loader maps whole pages around the segment.
		uint64_t start = ms_align_down(s->offset, 4096);
		if (file_offset < start || file_offset >= s->offset + s->file_size)
			continue;
		*ret = address - (s->range.start - s->offset + file_offset);
		return true;
	}
	return false;
}

// Segments of an image in memory lie at their addresses, not at their offsets.
static void move_segments(struct ms_elf_image *image, uint64_t address)
{
	image->bias = address - ms_elf_image_base(image);
	for (size_t i = 0; i < image->segments_n; i++) {
		struct ms_elf_segment *s = &image->segments[i];
		uint64_t start = s->range.start + image->bias;
		s->file_size = ms_min(s->file_size, ms_range_size(s->range));
		if (!ms_fits(start, s->file_size, image->source.size))
			s->file_size = 0;
		s->offset = start;
		s->missing = 0;
	}
}

static struct ms_error *read_all(
	struct ms_elf_image *image, uint64_t address, const struct ms_elf_header *header)
{
	struct ms_elf_segments segments;
	struct ms_error *err = ms_elf_segments_read(
		&image->source, address, header, &image->arena, &segments);
	if (err)
		return err;
	image->segments = segments.v;
	image->segments_n = segments.n;
	image->header_offset = header->segments_offset;
	image->header_size = header->segments_n * sizeof(Elf64_Phdr);
	if (image->is_mapped)
		move_segments(image, address);
	else
		err = read_sections(image, header);
	if (!err)
		find_build_id(image);
	return err;
}

static struct ms_error *open_image(const struct ms_elf_source *source, uint64_t address,
	bool is_mapped, struct ms_elf_image **ret)
{
	struct ms_elf_header header;
	struct ms_error *err = ms_elf_header_read(source, address, &header);
	if (err)
		return err;
	if (header.type != ET_DYN && header.type != ET_EXEC)
		return ms_error_new(
			MS_ERROR_UNSUPPORTED, "neither an executable nor a library");

	_cleanup_(cleanup_ms_elf_image_free) struct ms_elf_image *image =
		calloc(1, sizeof(*image));
	if (!image)
		return &ms_error_nomem;
	image->source = *source;
	image->type = header.type;
	image->machine = header.machine;
	image->is_mapped = is_mapped;
	ms_arena_init(&image->arena);
	err = read_all(image, address, &header);
	if (err)
		return err;
	*ret = ms_steal(image);
	return NULL;
}

struct ms_error *ms_elf_image_open(
	const struct ms_elf_source *source, struct ms_elf_image **ret)
{
	return open_image(source, 0, false, ret);
}

struct ms_error *ms_elf_image_open_mapped(
	const struct ms_elf_source *source, uint64_t address, struct ms_elf_image **ret)
{
	return open_image(source, address, true, ret);
}

const struct ms_elf_section *ms_elf_image_section(
	const struct ms_elf_image *image, const char *name)
{
	for (size_t i = 0; i < image->sections_n; i++)
		if (ms_bytes_is(image->sections[i].name, name))
			return &image->sections[i];
	return NULL;
}

struct ms_build_id ms_elf_mapped_build_id(
	const struct ms_elf_source *source, uint64_t address)
{
	_cleanup_(cleanup_ms_elf_image_free) struct ms_elf_image *image = NULL;
	_cleanup_error_ struct ms_error *err =
		ms_elf_image_open_mapped(source, address, &image);
	return err ? (struct ms_build_id){} : image->build_id;
}
