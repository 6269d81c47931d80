// Images: our own program and C library, read from file, from memory and from pieces,
// must say what the dynamic linker says; a damaged file must never do harm.

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <gelf.h>
#include <gnu/libc-version.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elf/elf.h"

struct library {
	char path[4096];
	uint64_t bias;
	int fd;
	struct ms_elf_source source;
};

static void no_error(struct ms_error *err)
{
	if (err)
		fail_msg("%s", err->message);
}

// The C library we run with, as ld.so loaded it. Sanitizers replace malloc and its like,
// so the symbols looked for are ones they leave alone.
static int open_library(void **state)
{
	static struct library lib;
	struct link_map *map;
	Dl_info info;
	if (!dladdr1((void *)(uintptr_t)&gnu_get_libc_version, &info, (void **)&map,
		    RTLD_DL_LINKMAP) ||
		!strstr(info.dli_fname, "libc.so"))
		return -1;
	snprintf(lib.path, sizeof(lib.path), "%s", info.dli_fname);
	lib.bias = map->l_addr;
	lib.fd = open(lib.path, O_RDONLY | O_CLOEXEC);
	no_error(ms_elf_source_fd(lib.fd, &lib.source));
	*state = &lib;
	return 0;
}

static int close_library(void **state)
{
	struct library *lib = *state;
	ms_close(lib->fd);
	return 0;
}

static int64_t read_own_memory(void *context, uint64_t offset, void *p, size_t n)
{
	(void)context;
	int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	int64_t got = ms_pread_all(fd, p, n, offset);
	ms_close(fd);
	return got;
}

static const struct ms_elf_source own_memory = {
	.read = read_own_memory,
	.size = UINT64_MAX,
};

static void finds_what_dlsym_finds(struct ms_elf_image *image, uint64_t bias)
{
	struct ms_elf_wanted wanted[] = {
		{ .name = "gnu_get_libc_version" },
		{ .name = "no_such_symbol_anywhere" },
		{ .name = "clearenv" },
		{ .name = "_IO_2_1_stdout_" },
		{ .name = "" },
		{ .name = "clearen" },
	};
	no_error(ms_elf_symbols_find(image, wanted, sizeof(wanted) / sizeof(*wanted)));
	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
		void *p = dlsym(RTLD_NEXT, wanted[i].name);
		if (i == 1 || i >= 4) {
			assert_false(wanted[i].found);
			continue;
		}
		assert_true(wanted[i].found);
		assert_ptr_equal((void *)(uintptr_t)(wanted[i].symbol.value + bias), p);
	}
	assert_int_equal(wanted[0].symbol.type, STT_FUNC);
	assert_int_equal(wanted[3].symbol.type, STT_OBJECT);
}

static void file_symbols(void **state)
{
	struct library *lib = *state;
	struct ms_elf_image *image;
	no_error(ms_elf_image_open(&lib->source, &image));
	finds_what_dlsym_finds(image, lib->bias);
	ms_elf_image_free(image);
}

/* A source that hides where the section headers are. */
static int64_t read_sectionless(void *context, uint64_t offset, void *p, size_t n)
{
	const struct ms_elf_source *file = context;
	int64_t got = file->read(file->context, offset, p, n);
	if (offset == 0 && got >= (int64_t)sizeof(Elf64_Ehdr)) {
		Elf64_Ehdr header;
		memcpy(&header, p, sizeof(header));
		header.e_shoff = 0;
		header.e_shnum = 0;
		memcpy(p, &header, sizeof(header));
	}
	return got;
}

static void symbols_without_sections(void **state)
{
	struct library *lib = *state;
	struct ms_elf_source source = { read_sectionless, &lib->source,
		lib->source.size };
	struct ms_elf_image *image;
	struct ms_elf_pieces pieces;
	no_error(ms_elf_image_open(&source, &image));
	assert_int_equal(image->sections_n, 0);
	assert_true(image->build_id.n > 0);
	finds_what_dlsym_finds(image, lib->bias);
	no_error(ms_elf_image_pieces(image, &pieces));
	assert_true(pieces.n > 2);
	ms_elf_image_free(image);
}

static void mapped_symbols(void **state)
{
	struct library *lib = *state;
	struct ms_elf_image *image;
	no_error(ms_elf_image_open_mapped(&own_memory, lib->bias, &image));
	assert_true(image->is_mapped);
	assert_int_equal(image->bias, lib->bias);
	assert_int_equal(image->sections_n, 0);
	finds_what_dlsym_finds(image, lib->bias);
	ms_elf_image_free(image);
}

static bool count_symbol(void *context, const struct ms_elf_symbol *symbol)
{
	(void)symbol;
	++*(size_t *)context;
	return true;
}

static bool count_dynamic(Elf *elf, size_t *ret)
{
	Elf_Scn *scn = NULL;
	while ((scn = elf_nextscn(elf, scn))) {
		GElf_Shdr shdr;
		if (!gelf_getshdr(scn, &shdr) || shdr.sh_type != SHT_DYNSYM)
			continue;
		Elf_Data *data = elf_getdata(scn, NULL);
		for (size_t i = 1; i < shdr.sh_size / shdr.sh_entsize; i++) {
			GElf_Sym sym;
			gelf_getsym(data, (int)i, &sym);
			*ret += sym.st_shndx != SHN_UNDEF && sym.st_name;
		}
		return true;
	}
	return false;
}

// Without sections the table's length comes from the hash table: none may be lost.
static void mapped_symbols_are_all_there(void **state)
{
	struct library *lib = *state;
	size_t expected = 0, n = 0;
	assert_int_not_equal(elf_version(EV_CURRENT), EV_NONE);
	Elf *elf = elf_begin(lib->fd, ELF_C_READ, NULL);
	assert_non_null(elf);
	assert_true(count_dynamic(elf, &expected));
	elf_end(elf);

	struct ms_elf_image *image;
	no_error(ms_elf_image_open_mapped(&own_memory, lib->bias, &image));
	no_error(ms_elf_symbols_walk(image, count_symbol, &n));
	assert_int_equal(n, expected);
	assert_true(n > 1000);
	ms_elf_image_free(image);
}

static void sections_are_libelfs(void **state)
{
	struct library *lib = *state;
	struct ms_elf_image *image;
	size_t names, n;
	no_error(ms_elf_image_open(&lib->source, &image));
	assert_int_not_equal(elf_version(EV_CURRENT), EV_NONE);
	Elf *elf = elf_begin(lib->fd, ELF_C_READ, NULL);
	assert_int_equal(elf_getshdrnum(elf, &n), 0);
	assert_int_equal(n, image->sections_n);
	assert_int_equal(elf_getshdrstrndx(elf, &names), 0);
	for (size_t i = 0; i < n; i++) {
		GElf_Shdr shdr;
		assert_non_null(gelf_getshdr(elf_getscn(elf, i), &shdr));
		const struct ms_elf_section *s = &image->sections[i];
		const char *name = elf_strptr(elf, names, shdr.sh_name);
		assert_true(ms_bytes_is(s->name, name));
		assert_int_equal(s->offset, shdr.sh_offset);
		assert_int_equal(s->size, shdr.sh_size);
		assert_int_equal(s->address, shdr.sh_addr);
	}
	size_t segments;
	assert_int_equal(elf_getphdrnum(elf, &segments), 0);
	assert_int_equal(segments, image->segments_n);
	for (size_t i = 0; i < segments; i++) {
		GElf_Phdr phdr;
		assert_non_null(gelf_getphdr(elf, (int)i, &phdr));
		assert_int_equal(image->segments[i].range.start, phdr.p_vaddr);
		assert_int_equal(image->segments[i].offset, phdr.p_offset);
		assert_int_equal(image->segments[i].type, phdr.p_type);
	}
	elf_end(elf);
	ms_elf_image_free(image);
}

static void build_id_of_file_and_memory_are_one(void **state)
{
	struct library *lib = *state;
	struct ms_elf_image *image;
	char text[2 * MS_BUILD_ID_MAX + 1];
	no_error(ms_elf_image_open(&lib->source, &image));
	if (!image->build_id.n) {
		ms_elf_image_free(image);
		skip();
	}
	struct ms_build_id mapped = ms_elf_mapped_build_id(&own_memory, lib->bias);
	assert_true(ms_build_id_equal(&mapped, &image->build_id));
	assert_int_equal(strlen(ms_build_id_text(&mapped, text)), (size_t)mapped.n * 2);
	mapped.bytes[0] ^= 1;
	assert_false(ms_build_id_equal(&mapped, &image->build_id));
	struct ms_build_id none = {};
	assert_false(ms_build_id_equal(&none, &none));
	ms_elf_image_free(image);
}

static void bias_comes_from_any_mapping(void **state)
{
	struct library *lib = *state;
	struct ms_elf_image *image;
	no_error(ms_elf_image_open(&lib->source, &image));
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[8192];
	size_t seen = 0;
	while (fgets(line, sizeof(line), maps)) {
		unsigned long start, offset;
		uint64_t bias;
		if (!strstr(line, lib->path) ||
			sscanf(line, "%lx-%*x %*s %lx", &start, &offset) != 2)
			continue;
		if (!ms_elf_image_bias(image, start, offset, &bias))
			fail_msg("no segment for: %s", line);
		assert_int_equal(bias, lib->bias);
		seen++;
	}
	fclose(maps);
	assert_true(seen >= 3);
	uint64_t bias;
	assert_false(ms_elf_image_bias(image, 0x10000, UINT64_MAX & ~0xfffULL, &bias));
	ms_elf_image_free(image);
}

/* A file of which only the pieces are left: everything else is a hole. */
struct pieces_file {
	const struct ms_elf_source *source;
	const struct ms_elf_pieces *pieces;
};

static bool piece_holds(const struct ms_elf_pieces *pieces, uint64_t at)
{
	for (size_t i = 0; i < pieces->n; i++)
		if (at >= pieces->v[i].offset &&
			at - pieces->v[i].offset < pieces->v[i].size)
			return true;
	return false;
}

static int64_t read_pieces(void *context, uint64_t offset, void *p, size_t n)
{
	struct pieces_file *f = context;
	size_t have = 0;
	while (have < n && piece_holds(f->pieces, offset + have))
		have++;
	return f->source->read(f->source->context, offset, p, have);
}

static void check_all_there(
	const struct ms_elf_source *source, uint64_t offset, uint64_t size)
{
	uint8_t byte;
	assert_true(size > 0);
	for (uint64_t at = 0; at < size; at += 64)
		assert_true(ms_elf_source_read(source, offset + at, &byte, 1));
	assert_true(ms_elf_source_read(source, offset + size - 1, &byte, 1));
}

static void pieces_are_enough(void **state)
{
	struct library *lib = *state;
	struct ms_elf_image *image, *again;
	struct ms_elf_pieces pieces;
	no_error(ms_elf_image_open(&lib->source, &image));
	no_error(ms_elf_image_pieces(image, &pieces));

	uint64_t sum = 0;
	for (size_t i = 0; i < pieces.n; i++) {
		assert_true(pieces.v[i].size > 0);
		assert_true(
			ms_fits(pieces.v[i].offset, pieces.v[i].size, lib->source.size));
		if (i)
			assert_true(pieces.v[i - 1].kind <= pieces.v[i].kind);
		for (size_t j = 0; j < i; j++)
			assert_true(pieces.v[i].offset >=
					    pieces.v[j].offset + pieces.v[j].size ||
				    pieces.v[j].offset >=
					    pieces.v[i].offset + pieces.v[i].size);
		sum += pieces.v[i].size;
	}
	assert_true(sum < lib->source.size * 2 / 3); // code is left out

	struct pieces_file file = { &lib->source, &pieces };
	struct ms_elf_source source = { read_pieces, &file, lib->source.size };
	no_error(ms_elf_image_open(&source, &again));
	assert_true(ms_build_id_equal(&again->build_id, &image->build_id) ||
		    !image->build_id.n);
	assert_non_null(ms_elf_image_section(again, ".dynsym"));
	finds_what_dlsym_finds(again, lib->bias);
	const struct ms_elf_section *rodata = ms_elf_image_section(again, ".rodata");
	assert_non_null(rodata);
	// Memory is read by pages.
	uint64_t first = rodata->offset & ~0xfffULL;
	uint64_t last = (rodata->offset + rodata->size + 0xfff) & ~0xfffULL;
	check_all_there(&source, first, last - first);
	for (size_t i = 0; i < again->segments_n; i++)
		if (again->segments[i].type == PT_LOAD && again->segments[i].flags & PF_W)
			check_all_there(&source, again->segments[i].offset,
				again->segments[i].file_size);
	ms_elf_image_free(again);
	ms_elf_image_free(image);
}

static void use_all(const struct ms_elf_source *source)
{
	struct ms_elf_image *image;
	struct ms_elf_pieces pieces;
	size_t n = 0;
	struct ms_error *err = ms_elf_image_open(source, &image);
	if (!err) {
		err = ms_elf_symbols_walk(image, count_symbol, &n);
		if (!err)
			err = ms_elf_image_pieces(image, &pieces);
		(void)ms_elf_image_section(image, ".text");
		ms_elf_image_free(image);
	}
	ms_error_free(err);
	(void)ms_elf_mapped_build_id(source, 0);
	err = ms_elf_image_open_mapped(source, 0, &image);
	if (!err) {
		err = ms_elf_symbols_walk(image, count_symbol, &n);
		ms_elf_image_free(image);
	}
	ms_error_free(err);
}

// Sanitizers are the judge here: no change to the headers may lead out of bounds.
static void damage_does_no_harm(void **state)
{
	(void)state;
	static const uint8_t values[] = { 0x00, 0x01, 0x7f, 0x80, 0xff };
	struct ms_buffer file = {};
	no_error(ms_read_file_at(AT_FDCWD, "/proc/self/exe", 256 << 20, &file));
	struct ms_bytes bytes = ms_buffer_bytes(&file);
	struct ms_elf_source source = ms_elf_source_bytes(&bytes);
	Elf64_Ehdr header;
	memcpy(&header, file.p, sizeof(header));
	struct ms_range parts[] = {
		{ 0, sizeof(header) + header.e_phnum * sizeof(Elf64_Phdr) },
		{ header.e_shoff, header.e_shoff + header.e_shnum * sizeof(Elf64_Shdr) },
	};
	unsigned next = 0;
	for (size_t k = 0; k < 2; k++)
		for (uint64_t at = parts[k].start; at < parts[k].end; at += 3) {
			uint8_t kept = file.p[at];
			file.p[at] = values[next++ % sizeof(values)];
			use_all(&source);
			file.p[at] = kept;
		}
	for (size_t n = 0; n < bytes.n; n += bytes.n / 97 + 1) {
		struct ms_bytes cut = ms_bytes_sub(bytes, 0, n);
		struct ms_elf_source shorter = ms_elf_source_bytes(&cut);
		use_all(&shorter);
	}
	ms_buffer_deinit(&file);
}

static void what_is_no_image_is_refused(void **state)
{
	(void)state;
	static const struct {
		size_t at;
		uint8_t value;
		enum ms_error_code code;
	} rows[] = {
		{ 0, 'x', MS_ERROR_FORMAT },
		{ EI_CLASS, ELFCLASS32, MS_ERROR_UNSUPPORTED },
		{ EI_DATA, ELFDATA2MSB, MS_ERROR_UNSUPPORTED },
		{ offsetof(Elf64_Ehdr, e_machine), EM_386, MS_ERROR_UNSUPPORTED },
		{ offsetof(Elf64_Ehdr, e_type), ET_CORE, MS_ERROR_UNSUPPORTED },
		{ offsetof(Elf64_Ehdr, e_phentsize), 55, MS_ERROR_FORMAT },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		Elf64_Ehdr header = {
			.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
				ELFDATA2LSB, EV_CURRENT },
			.e_type = ET_DYN,
			.e_machine = EM_X86_64,
			.e_phnum = 1,
			.e_phentsize = sizeof(Elf64_Phdr),
		};
		((uint8_t *)&header)[rows[i].at] = rows[i].value;
		struct ms_bytes bytes = { (uint8_t *)&header, sizeof(header) };
		struct ms_elf_source source = ms_elf_source_bytes(&bytes);
		struct ms_elf_image *image = NULL;
		struct ms_error *err = ms_elf_image_open(&source, &image);
		assert_true(ms_error_is(err, rows[i].code));
		ms_error_free(err);
		ms_elf_image_free(image);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(file_symbols),
		cmocka_unit_test(symbols_without_sections),
		cmocka_unit_test(mapped_symbols),
		cmocka_unit_test(mapped_symbols_are_all_there),
		cmocka_unit_test(sections_are_libelfs),
		cmocka_unit_test(build_id_of_file_and_memory_are_one),
		cmocka_unit_test(bias_comes_from_any_mapping),
		cmocka_unit_test(pieces_are_enough),
		cmocka_unit_test(damage_does_no_harm),
		cmocka_unit_test(what_is_no_image_is_refused),
	};
	return cmocka_run_group_tests(tests, open_library, close_library);
}
