// Cores and snapshots of any bytes: opened, and every mapping's first window read.

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "target/target.h"

enum {
	WINDOW = 64 << 10
};

static void read_all(struct ms_target *target)
{
	static uint8_t bytes[WINDOW];
	const struct ms_maps *maps = ms_target_maps(target);
	struct ms_gaps gaps = { 0 };
	for (size_t i = 0; i < maps->n && i < 256; i++) {
		struct ms_range range = maps->v[i].range;
		if (ms_range_size(range) > WINDOW)
			range.end = range.start + WINDOW;
		struct ms_read read = { range, bytes };
		ms_error_free(ms_target_read(target, &read, 1, &gaps));
	}
	// Whatever is missing was named, inside what was asked for.
	for (size_t i = 0; i < gaps.n; i++) {
		if (gaps.v[i].range.start >= gaps.v[i].range.end)
			abort();
	}
	ms_gaps_deinit(&gaps);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[64];
	struct ms_target *target = NULL;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (fd < 0)
		return 0;
	if (write(fd, data, size) == (ssize_t)size) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		struct ms_error *err = ms_target_open_path(path, NULL, &target);
		if (!err)
			read_all(target);
		ms_error_free(err);
		ms_target_free(target);
	}
	close(fd);
	return 0;
}
