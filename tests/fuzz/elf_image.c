// Images: sections, symbols and pieces of what opens lie in the file, and what is read
// from memory does no harm either.

#include <elf.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "elf/elf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static bool look_at(void *context, const struct ms_elf_symbol *symbol)
{
	++*(size_t *)context;
	require(symbol->section != SHN_UNDEF);
	require(!symbol->name.n || !memchr(symbol->name.p, 0, symbol->name.n));
	return true;
}

static void check_symbols(const struct ms_elf_image *image)
{
	size_t n = 0;
	struct ms_elf_wanted wanted[] = { { .name = "answer" }, { .name = "table" } };
	require(!ms_elf_symbols_walk(image, look_at, &n));
	require(!ms_elf_symbols_find(image, wanted, 2));
	require(n || (!wanted[0].found && !wanted[1].found));
}

static void check_sections(const struct ms_elf_image *image, size_t size)
{
	for (size_t i = 0; i < image->sections_n; i++) {
		const struct ms_elf_section *s = &image->sections[i];
		if (s->type != SHT_NOBITS && s->type != SHT_NULL)
			require(ms_fits(s->offset, s->size, size));
	}
	(void)ms_elf_image_section(image, ".rodata");
}

static void check_pieces(struct ms_elf_image *image, size_t size)
{
	struct ms_elf_pieces pieces;
	uint64_t sum = 0;
	require(!ms_elf_image_pieces(image, &pieces));
	for (size_t i = 0; i < pieces.n; i++) {
		require(pieces.v[i].size &&
			ms_fits(pieces.v[i].offset, pieces.v[i].size, size));
		sum += pieces.v[i].size;
	}
	require(sum <= size); // they are disjoint
}

static bool is_expected(struct ms_error *err)
{
	bool expected = err->code == MS_ERROR_FORMAT ||
			err->code == MS_ERROR_UNSUPPORTED || err->code == MS_ERROR_LIMIT;
	ms_error_free(err);
	return expected;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ms_bytes bytes = { data, size };
	struct ms_elf_source source = ms_elf_source_bytes(&bytes);
	struct ms_elf_image *image = NULL;
	struct ms_error *err = ms_elf_image_open(&source, &image);
	if (err) {
		require(is_expected(err));
	} else {
		uint64_t bias;
		check_sections(image, size);
		check_symbols(image);
		check_pieces(image, size);
		(void)ms_elf_image_bias(image, 0x7f0000000000, 0x1000, &bias);
		ms_elf_image_free(image);
	}
	err = ms_elf_image_open_mapped(&source, 0, &image);
	if (err) {
		require(is_expected(err));
		return 0;
	}
	check_symbols(image);
	ms_elf_image_free(image);
	return 0;
}
