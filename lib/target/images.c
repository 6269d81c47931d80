// Finding the file behind a mapping without leaving the target's root: see images.h.

#include "elf/image.h"
#include "target/target_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum {
	IMAGES_MAX = 4096
};

struct finder {
	int proc_fd; // /proc/PID, or -1
	int root_fd; // the target's root, or -1
	int own_fd;  // our root, if the target is in our mount namespace: maps then shows
		     // names from it, also for a process in a chroot; else -1
	int sysroot_fd;
	int here_fd; // our root, for the archives of classes that a snapshot lacks; or -1
};

static int compare_keys(const struct ms_image_entry *e, const struct ms_mapping *m)
{
	if (e->dev_major != m->dev_major)
		return e->dev_major < m->dev_major ? -1 : 1;
	if (e->dev_minor != m->dev_minor)
		return e->dev_minor < m->dev_minor ? -1 : 1;
	return (e->inode > m->inode) - (e->inode < m->inode);
}

static size_t find_slot(const struct ms_images *images, const struct ms_mapping *m)
{
	size_t lo = 0, hi = images->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (compare_keys(&images->v[mid], m) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const struct ms_image *ms_target_image(
	const struct ms_target *target, const struct ms_mapping *mapping)
{
	const struct ms_images *images = &target->images;
	size_t i = find_slot(images, mapping);
	if (!mapping->inode || i == images->n ||
		compare_keys(&images->v[i], mapping) != 0)
		return NULL;
	return images->v[i].image.found_by ? &images->v[i].image : NULL;
}

void ms_images_deinit(struct ms_images *images)
{
	ms_array_foreach (entry, images)
		ms_close(entry->image.fd);
	ms_array_deinit(images);
}

// Opened for its name only (O_PATH), so that a device or a FIFO is never really opened
// before it is known to be a regular file.
static int reopen_regular(int path_fd, struct stat *st)
{
	char path[64];
	if (fstat(path_fd, st) < 0 || !S_ISREG(st->st_mode))
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", path_fd);
	return open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
}

// The last resort of kernels before 5.6: one component after the other, no link followed.
static int open_by_component(int root_fd, struct ms_bytes path)
{
	int fd = fcntl(root_fd, F_DUPFD_CLOEXEC, 0);
	while (fd >= 0 && path.n) {
		char name[256];
		const uint8_t *slash = memchr(path.p, '/', path.n);
		size_t n = slash ? (size_t)(slash - path.p) : path.n;
		struct ms_bytes part = ms_bytes_sub(path, 0, n);
		path = ms_bytes_sub(path, slash ? n + 1 : n, SIZE_MAX);
		if (!n || ms_bytes_is(part, "."))
			continue;
		if (n >= sizeof(name) || ms_bytes_is(part, ".."))
			break;
		memcpy(name, part.p, n);
		name[n] = '\0';
		int next = openat(fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		ms_close(fd);
		fd = next;
		if (fd < 0 || !path.n)
			return fd;
	}
	ms_close(fd);
	return -1;
}

// Names in maps are what d_path() wrote, so they hold no links; one that does was put
// there later. openat2 keeps ".." inside the root as well.
static int open_below(int root_fd, struct ms_bytes path)
{
	char name[4096];
	if (!path.n || path.n >= sizeof(name))
		return -1;
	memcpy(name, path.p, path.n);
	name[path.n] = '\0';
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS,
	};
	int fd = (int)syscall(SYS_openat2, root_fd, name, &how, sizeof(how));
	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		return open_by_component(root_fd, path);
	return fd;
}

// The kernel's own link to the very file, also when it was deleted or replaced.
static int open_map_file(
	const struct finder *f, const struct ms_mapping *m, struct stat *st)
{
	char name[64];
	snprintf(name, sizeof(name), "map_files/%" PRIx64 "-%" PRIx64, m->range.start,
		m->range.end);
	_cleanup_close_ int path_fd = openat(f->proc_fd, name, O_PATH | O_CLOEXEC);
	return path_fd < 0 ? -1 : reopen_regular(path_fd, st);
}

// The name, below a root: it must still be the file that is mapped. The device is not
// compared, since overlayfs and btrfs show another one in maps than in stat.
static int open_by_name(
	int root_fd, const struct ms_mapping *m, bool any_inode, struct stat *st)
{
	if (root_fd < 0 || (m->flags & MS_MAPPING_DELETED) ||
		!ms_bytes_starts(m->name, "/"))
		return -1;
	_cleanup_close_ int path_fd = open_below(root_fd, m->name);
	if (path_fd < 0 || fstat(path_fd, st) < 0)
		return -1;
	if (!any_inode && st->st_ino != m->inode)
		return -1;
	return reopen_regular(path_fd, st);
}

// The memory of the target as a source of bytes.
static int64_t read_memory(void *context, uint64_t address, void *p, size_t n)
{
	return ms_target_get(context, address, p, n) ? (int64_t)n : -1;
}

static struct ms_build_id file_build_id(const struct ms_elf_source *source)
{
	_cleanup_(cleanup_ms_elf_image_free) struct ms_elf_image *image = NULL;
	_cleanup_error_ struct ms_error *err = ms_elf_image_open(source, &image);
	return err ? (struct ms_build_id){ 0 } : image->build_id;
}

// A file that only has the right name is believed if it is no ELF file, or one whose
// build-id is that of the image in memory, as far as both can be known.
static bool is_what_is_mapped(struct ms_target *target, const struct ms_mapping *m,
	const struct ms_elf_source *source)
{
	struct ms_elf_source memory = { read_memory, target, UINT64_MAX };
	struct ms_build_id of_file = file_build_id(source);
	if (!of_file.n || m->offset)
		return true;
	struct ms_build_id of_memory = ms_elf_mapped_build_id(&memory, m->range.start);
	return !of_memory.n || ms_build_id_equal(&of_file, &of_memory);
}

// A JVM's archive of classes is the one file that a snapshot needs and does not have: names of
// classes are in it. On the machine where it was taken the file is still there; it must have
// the inode, be no younger than the snapshot, and begin as such archives do. No other file is
// opened because a snapshot names it.
static int open_archive(const struct ms_target *target, const struct finder *f,
	const struct ms_mapping *m, struct stat *st)
{
	static const uint32_t magics[] = { 0xf00baba2, 0xf00baba8 }; // static, dynamic
	uint32_t magic = 0;
	if (f->here_fd < 0 || !ms_bytes_ends(m->name, ".jsa"))
		return -1;
	_cleanup_close_ int fd = open_by_name(f->here_fd, m, /* any_inode= */ false, st);
	if (fd < 0 || (uint64_t)st->st_mtime > target->info.taken_ns / 1000000000 ||
		pread(fd, &magic, sizeof(magic), 0) != sizeof(magic) ||
		(magic != magics[0] && magic != magics[1]))
		return -1;
	int found = fd;
	fd = -1;
	return found;
}

static struct ms_image find_image(
	struct ms_target *target, const struct finder *f, const struct ms_mapping *m)
{
	struct stat st;
	struct ms_image image = { .fd = -1 };
	const char *found_by = "map_files";
	if (f->proc_fd >= 0)
		image.fd = open_map_file(f, m, &st);
	if (image.fd < 0 && m->kind == MS_MAPPING_FILE) {
		image.fd = open_by_name(f->root_fd, m, /* any_inode= */ false, &st);
		found_by = "root";
	}
	if (image.fd < 0 && m->kind == MS_MAPPING_FILE)
		image.fd = open_by_name(f->own_fd, m, /* any_inode= */ false, &st);
	if (image.fd < 0 && m->kind == MS_MAPPING_FILE) {
		image.fd = open_by_name(f->sysroot_fd, m, /* any_inode= */ true, &st);
		found_by = "sysroot";
	}
	if (image.fd < 0 && m->kind == MS_MAPPING_FILE) {
		image.fd = open_archive(target, f, m, &st);
		found_by = "here";
	}
	if (image.fd < 0)
		return image;
	_cleanup_error_ struct ms_error *err = ms_elf_source_fd(image.fd, &image.source);
	bool is_sure = strcmp(found_by, "map_files") == 0;
	if (err || (!is_sure && !is_what_is_mapped(target, m, &image.source))) {
		ms_close(image.fd);
		return (struct ms_image){ .fd = -1 };
	}
	image.size = (uint64_t)st.st_size;
	image.found_by = found_by;
	return image;
}

static bool may_have_image(const struct ms_mapping *m)
{
	switch (m->kind) {
	case MS_MAPPING_FILE:
	case MS_MAPPING_MEMFD:
	case MS_MAPPING_SHM:
		return m->inode != 0;
	case MS_MAPPING_ANON:
	case MS_MAPPING_HEAP:
	case MS_MAPPING_STACK:
	case MS_MAPPING_NAMED:
	case MS_MAPPING_DEVICE:
	case MS_MAPPING_VDSO:
	case MS_MAPPING_VVAR:
	case MS_MAPPING_VSYSCALL:
	case MS_MAPPING_UNKNOWN:
		break;
	}
	return false;
}

struct ms_error *ms_images_add(
	struct ms_images *images, const struct ms_mapping *m, struct ms_image **ret)
{
	size_t i = find_slot(images, m);
	*ret = NULL;
	if (i < images->n && compare_keys(&images->v[i], m) == 0)
		return NULL;
	if (!ms_array_push(images))
		return &ms_error_nomem;
	memmove(&images->v[i + 1], &images->v[i],
		(images->n - 1 - i) * sizeof(*images->v));
	images->v[i] = (struct ms_image_entry){
		.dev_major = m->dev_major,
		.dev_minor = m->dev_minor,
		.inode = m->inode,
		.image = { .fd = -1 },
	};
	*ret = &images->v[i].image;
	return NULL;
}

// One descriptor a file is kept open; ask for as many as we may have.
static size_t descriptors_to_use(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 256;
	if (limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = ms_min(limit.rlim_max, 2 * IMAGES_MAX);
		(void)setrlimit(RLIMIT_NOFILE, &limit);
		(void)getrlimit(RLIMIT_NOFILE, &limit);
	}
	return ms_min(limit.rlim_cur / 2, IMAGES_MAX);
}

static struct ms_error *add_images(struct ms_target *target, const struct finder *f)
{
	size_t max = descriptors_to_use();
	for (size_t i = 0; i < target->maps.n; i++) {
		if (!may_have_image(&target->maps.v[i]))
			continue;
		if (target->images.n >= max)
			return ms_target_note(target,
				"only the first %zu mapped files were opened", max);
		struct ms_image *image;
		struct ms_error *err =
			ms_images_add(&target->images, &target->maps.v[i], &image);
		if (err)
			return err;
		if (image)
			*image = find_image(target, f, &target->maps.v[i]);
	}
	return NULL;
}

static bool is_in_our_mount_namespace(int proc_fd)
{
	struct stat ours, theirs;
	return proc_fd >= 0 && stat("/proc/self/ns/mnt", &ours) == 0 &&
	       fstatat(proc_fd, "ns/mnt", &theirs, 0) == 0 &&
	       ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev;
}

struct ms_error *ms_images_open(
	struct ms_target *target, int proc_fd, const char *sysroot)
{
	_cleanup_close_ int root_fd =
		proc_fd < 0 ? -1
			    : openat(proc_fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int own_fd = is_in_our_mount_namespace(proc_fd)
					     ? open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)
					     : -1;
	_cleanup_close_ int sysroot_fd = -1;
	if (sysroot) {
		sysroot_fd = open(sysroot, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (sysroot_fd < 0)
			return ms_error_os(errno, "cannot open '%s'", sysroot);
	}
	_cleanup_close_ int here_fd =
		target->info.kind == MS_TARGET_SNAPSHOT
			? open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)
			: -1;
	struct finder finder = { proc_fd, root_fd, own_fd, sysroot_fd, here_fd };
	return add_images(target, &finder);
}
