// The ELF header and the program headers, for cores and images: see elf_internal.h.

#include "elf/elf_internal.h"

static bool is_machine_known(uint16_t machine)
{
	return machine == EM_X86_64 || machine == EM_AARCH64;
}

static struct ms_error *check_ident(const Elf64_Ehdr *e)
{
	if (memcmp(e->e_ident, ELFMAG, SELFMAG) != 0)
		return ms_error_format(0, "not an ELF file");
	if (e->e_ident[EI_CLASS] != ELFCLASS64)
		return ms_error_new(MS_ERROR_UNSUPPORTED, "not a 64-bit ELF file");
	if (e->e_ident[EI_DATA] != ELFDATA2LSB)
		return ms_error_new(MS_ERROR_UNSUPPORTED, "not a little-endian ELF file");
	if (!is_machine_known(e->e_machine))
		return ms_error_new(MS_ERROR_UNSUPPORTED,
			"an ELF file for machine %u, not x86-64 or aarch64",
			e->e_machine);
	if (e->e_phnum && e->e_phentsize != sizeof(Elf64_Phdr))
		return ms_error_format(offsetof(Elf64_Ehdr, e_phentsize),
			"program headers of %u bytes", e->e_phentsize);
	return NULL;
}

/*
 * The number of program headers when section header 0, which holds it, was cut off: cores
 * have their first segment's data, the notes, right behind the table.
 */
static uint64_t guess_segments(const struct ms_elf_source *source, uint64_t table)
{
	Elf64_Phdr first;
	if (!ms_elf_source_read(source, table, &first, sizeof(first)) ||
		first.p_offset < table || (first.p_offset - table) % sizeof(first))
		return 0;
	return (first.p_offset - table) / sizeof(first);
}

struct ms_error *ms_elf_header_read(
	const struct ms_elf_source *source, uint64_t address, struct ms_elf_header *ret)
{
	Elf64_Ehdr e;
	if (!ms_elf_source_read(source, address, &e, sizeof(e)))
		return ms_error_format(0, "not an ELF file");
	struct ms_error *err = check_ident(&e);
	if (err)
		return err;

	struct ms_elf_header header = {
		.type = e.e_type,
		.machine = e.e_machine,
		.segments_offset = e.e_phoff,
		.segments_n = e.e_phnum,
		.sections_offset = e.e_shoff,
		.sections_n = e.e_shoff ? e.e_shnum : 0,
		.names_index = e.e_shstrndx,
	};
	if (e.e_shentsize != sizeof(Elf64_Shdr))
		header.sections_n = 0;

	Elf64_Shdr zero = {};
	bool has_zero = e.e_shoff && e.e_shentsize == sizeof(zero) &&
			ms_elf_source_read(source, e.e_shoff, &zero, sizeof(zero));
	if (e.e_phnum == PN_XNUM)
		header.segments_n =
			has_zero ? zero.sh_info : guess_segments(source, e.e_phoff);
	if (!e.e_shnum && has_zero)
		header.sections_n = zero.sh_size;
	if (e.e_shstrndx == SHN_XINDEX)
		header.names_index = zero.sh_link;
	*ret = header;
	return NULL;
}

// False if the header makes no sense; a segment that is cut off does.
static bool make_segment(const struct ms_elf_source *source, const Elf64_Phdr *p,
	struct ms_elf_segment *ret)
{
	struct ms_elf_segment s = {
		.range = { p->p_vaddr, 0 },
		.offset = p->p_offset,
		.file_size = p->p_filesz,
		.align = p->p_align,
		.type = p->p_type,
		.flags = p->p_flags,
	};
	uint64_t end;
	if (!ms_add(p->p_vaddr, p->p_memsz, &s.range.end) ||
		!ms_add(p->p_offset, p->p_filesz, &end))
		return false;
	if (s.type == PT_LOAD)
		s.file_size = ms_min(s.file_size, p->p_memsz);
	uint64_t room = source->size - ms_min(source->size, s.offset);
	if (s.file_size > room) {
		s.missing = s.file_size - room;
		s.file_size = room;
	}
	*ret = s;
	return true;
}

struct ms_error *ms_elf_segments_read(const struct ms_elf_source *source,
	uint64_t address, const struct ms_elf_header *header, struct ms_arena *arena,
	struct ms_elf_segments *ret)
{
	Elf64_Phdr chunk[128];
	struct ms_elf_segments list = {};
	uint64_t n = header->segments_n;
	uint64_t table = 0;
	uint64_t room = 0;
	if (ms_add(address, header->segments_offset, &table))
		room = (source->size - ms_min(source->size, table)) / sizeof(*chunk);
	if (n > room) {
		list.truncated = true;
		n = room;
	}
	if (n > MS_ELF_SEGMENTS_MAX)
		return ms_error_new(
			MS_ERROR_LIMIT, "%llu program headers", (unsigned long long)n);
	list.v = ms_new(arena, struct ms_elf_segment, n);
	if (!list.v && n)
		return &ms_error_nomem;
	for (uint64_t at = 0; at < n;) {
		size_t m = ms_min(n - at, sizeof(chunk) / sizeof(*chunk));
		if (!ms_elf_source_read(source, table + at * sizeof(*chunk), chunk,
			    m * sizeof(*chunk))) {
			list.truncated = true;
			break;
		}
		for (size_t i = 0; i < m; i++) {
			if (make_segment(source, &chunk[i], &list.v[list.n]))
				list.n++;
			else
				list.odd++;
		}
		at += m;
	}
	*ret = list;
	return NULL;
}
