// Sources of ELF bytes: see source.h.

#include "elf/source.h"

#include <errno.h>
#include <sys/stat.h>

static int64_t read_fd(void *context, uint64_t offset, void *p, size_t n)
{
	if (offset > INT64_MAX)
		return 0;
	return ms_pread_all((int)(intptr_t)context, p, n, offset);
}

struct ms_error *ms_elf_source_fd(int fd, struct ms_elf_source *ret)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return ms_error_os(errno, "cannot stat the file");
	if (!S_ISREG(st.st_mode))
		return ms_error_new(MS_ERROR_UNSUPPORTED, "not a regular file");
	*ret = (struct ms_elf_source){
		.read = read_fd,
		.context = (void *)(intptr_t)fd,
		.size = (uint64_t)st.st_size,
	};
	return NULL;
}

static int64_t read_bytes(void *context, uint64_t offset, void *p, size_t n)
{
	const struct ms_bytes *bytes = context;
	if (offset >= bytes->n)
		return 0;
	struct ms_bytes part = ms_bytes_sub(*bytes, offset, n);
	memcpy(p, part.p, part.n);
	return (int64_t)part.n;
}

struct ms_elf_source ms_elf_source_bytes(const struct ms_bytes *bytes)
{
	return (struct ms_elf_source){
		.read = read_bytes,
		.context = (void *)(uintptr_t)bytes,
		.size = bytes->n,
	};
}

bool ms_elf_source_read(
	const struct ms_elf_source *source, uint64_t offset, void *p, size_t n)
{
	return ms_fits(offset, n, source->size) &&
	       source->read(source->context, offset, p, n) == (int64_t)n;
}
