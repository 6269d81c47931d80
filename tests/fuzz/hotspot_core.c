// Cores and snapshots of any bytes: the JVM in them, its flags and its heap. Regions are in
// ascending order, do not overlap, and belong to a space.

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "hotspot/flags.h"
#include "hotspot/heap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_heap(const struct ms_heap *heap)
{
	uint64_t end = 0;
	ms_array_foreach (region, &heap->regions) {
		require(region->range.start >= end);
		require(region->range.start < region->range.end);
		require(region->range.start <= region->top);
		require(region->top <= region->range.end);
		require(region->space < heap->spaces.n);
		end = region->range.end;
	}
	ms_array_foreach (space, &heap->spaces)
		require(space->used <= space->capacity);
	ms_array_foreach (table, &heap->tables)
		require(table->range.start < table->range.end);
}

static void read_heap(struct ms_vm *vm)
{
	struct ms_flags flags = { 0 };
	struct ms_heap heap = { 0 };
	char text[64];
	require(!ms_flags_read(vm, &flags));
	for (size_t i = 0; i < flags.n; i++)
		ms_flag_format(&flags.v[i], text, sizeof(text));
	require(!ms_heap_read(vm, &flags, &heap));
	check_heap(&heap);
	ms_heap_deinit(&heap);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[64];
	const char *why;
	struct ms_target *target = NULL;
	struct ms_vm *vm = NULL;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (fd < 0)
		return 0;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (ms_write_all(fd, data, size)) {
		struct ms_error *err = ms_target_open_path(path, NULL, &target);
		if (!err)
			err = ms_vm_find(target, &vm, &why);
		if (!err && vm)
			read_heap(vm);
		ms_error_free(err);
	}
	ms_vm_free(vm);
	ms_target_free(target);
	ms_close(fd);
	return 0;
}
