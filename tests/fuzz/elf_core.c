// Cores: whatever opens has loads that ascend and lie in the file, and notes that do.

#include <elf.h>
#include <stdint.h>
#include <stdlib.h>

#include "elf/elf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_loads(const struct ms_core *core, size_t size)
{
	uint64_t end = 0;
	for (size_t i = 0; i < core->loads_n; i++) {
		const struct ms_elf_segment *s = &core->loads[i];
		require(s->range.start >= end && s->range.start < s->range.end);
		require(s->file_size <= ms_range_size(s->range));
		require(!s->file_size || ms_fits(s->offset, s->file_size, size));
		require(ms_core_load_index(core, s->range.start) == i);
		require(ms_core_load_index(core, s->range.end - 1) == i);
		end = s->range.end;
	}
}

static void check_notes(struct ms_core *core, size_t size)
{
	struct ms_core_threads threads;
	struct ms_core_files files;
	struct ms_core_process process;
	uint64_t value;
	for (size_t i = 0; i < core->notes_n; i++) {
		struct ms_buffer desc = {};
		require(ms_fits(core->notes[i].offset, core->notes[i].size, size));
		require(!ms_core_note_read(core, &core->notes[i], SIZE_MAX, &desc));
		require(desc.n == core->notes[i].size);
		ms_buffer_deinit(&desc);
	}
	require(!ms_core_threads(core, &threads));
	require(threads.n <= core->notes_n);
	require(!ms_core_files(core, &files));
	for (size_t i = 0; i < files.n; i++)
		require(files.v[i].range.start < files.v[i].range.end);
	(void)ms_core_process(core, &process);
	(void)ms_core_auxv(core, AT_PHDR, &value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ms_bytes bytes = { data, size };
	struct ms_elf_source source = ms_elf_source_bytes(&bytes);
	struct ms_core *core = NULL;
	struct ms_error *err = ms_core_open(&source, &core);
	if (err) {
		require(err->code == MS_ERROR_FORMAT ||
			err->code == MS_ERROR_UNSUPPORTED || err->code == MS_ERROR_LIMIT);
		ms_error_free(err);
		return 0;
	}
	check_loads(core, size);
	check_notes(core, size);
	ms_core_free(core);
	return 0;
}
