// The memory controller's figures of a control group: see cgroup.h.
//
// All files are opened below the root descriptor with RESOLVE_IN_ROOT (Linux 5.6), so a
// symlink in a container cannot lead out of it. A path with ".." is refused outright.

#include "proc/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>

void ms_cgroup_memory_deinit(struct ms_cgroup_memory *m)
{
	free(m->path);
	*m = (struct ms_cgroup_memory){};
}

// "N:LIST:PATH": take LIST and PATH.
static bool split_line(struct ms_bytes line, struct ms_bytes *list, struct ms_bytes *path)
{
	uint64_t hierarchy;
	if (!ms_bytes_dec(&line, &hierarchy) || !ms_bytes_eat(&line, ':'))
		return false;
	const uint8_t *colon = line.n ? memchr(line.p, ':', line.n) : NULL;
	if (!colon)
		return false;
	size_t n = (size_t)(colon - line.p);
	*list = ms_bytes_sub(line, 0, n);
	*path = ms_bytes_sub(line, n + 1, SIZE_MAX);
	return hierarchy || !list->n;
}

// True if the comma-separated list has the word.
static bool list_has(struct ms_bytes list, const char *word)
{
	for (;;) {
		const uint8_t *comma = list.n ? memchr(list.p, ',', list.n) : NULL;
		size_t n = comma ? (size_t)(comma - list.p) : list.n;
		if (ms_bytes_is(ms_bytes_sub(list, 0, n), word))
			return true;
		if (!comma)
			return false;
		list = ms_bytes_sub(list, n + 1, SIZE_MAX);
	}
}

// On a hybrid system both are there, and version 1 has the controller.
unsigned ms_cgroup_path(struct ms_bytes text, struct ms_bytes *ret_path)
{
	unsigned version = 0;
	struct ms_bytes line, list, path;
	while (version != 1 && ms_bytes_line(&text, &line)) {
		if (!split_line(line, &list, &path))
			continue;
		if (list.n && !list_has(list, "memory"))
			continue;
		version = list.n ? 1 : 2;
		*ret_path = path;
	}
	return version;
}

/* Per version: where the hierarchy is usually mounted, and the names of the figures. */
struct layout {
	const char *mounts[3];
	const char *usage, *peak, *limit;
};

static const struct layout layouts[] = {
	[1] = { { "sys/fs/cgroup/memory", "cgroup/memory", "dev/cgroup/memory" },
		"memory.usage_in_bytes", "memory.max_usage_in_bytes",
		"memory.limit_in_bytes" },
	[2] = { { "sys/fs/cgroup", "sys/fs/cgroup/unified", "cgroup2" }, "memory.current",
		"memory.peak", "memory.max" },
};

#define STAT(key, member)                                                                \
	{                                                                                \
		key, offsetof(struct ms_cgroup_memory, member)                           \
	}

/* Keys of memory.stat; version 1 counts in "total_" those of the groups below, too. */
struct stat_key {
	const char *key;
	size_t offset;
};

static const struct stat_key stat_keys_v1[] = {
	STAT("hierarchical_memory_limit", limit), // ancestors we cannot see, too
	STAT("total_inactive_file", inactive_file),
	STAT("total_rss", anon),
	STAT("total_cache", file),
	STAT("total_shmem", shmem),
	{},
};

static const struct stat_key stat_keys_v2[] = {
	STAT("inactive_file", inactive_file),
	STAT("anon", anon),
	STAT("file", file),
	STAT("shmem", shmem),
	STAT("slab", slab),
	STAT("sock", sock),
	STAT("pagetables", page_tables),
	{},
};

enum {
	FILE_LIMIT = 256 << 10,
	PATH_LIMIT = 4096,
};

// openat2 below a directory; -1 with errno.
static int open_below(int dir, const char *path, uint64_t flags)
{
	struct open_how how = {
		// O_PATH takes none of the others.
		.flags = flags & O_PATH ? flags | O_CLOEXEC
					: flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	return (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
}

// A file that cannot be read leaves the buffer empty: its figures stay unknown.
static struct ms_error *read_below(int dir, const char *name, struct ms_buffer *ret)
{
	_cleanup_close_ int fd = open_below(dir, name, 0);
	if (fd < 0)
		return NULL;
	struct ms_error *err = ms_read_fd(fd, name, FILE_LIMIT, ret);
	if (ms_error_is(err, MS_ERROR_NOMEM))
		return err;
	ms_error_free(err);
	return NULL;
}

// The number at the front; UINT64_MAX if there is none, or it is version 1's "no limit",
// which is LONG_MAX rounded down to a page.
static uint64_t parse_number(struct ms_bytes text)
{
	static const uint64_t no_limit = INT64_MAX & ~UINT64_C(0xffff);
	uint64_t number;
	return ms_bytes_dec(&text, &number) && number < no_limit ? number : UINT64_MAX;
}

// A figure alone in a file; UINT64_MAX if it is missing or "max".
static struct ms_error *read_number(int dir, const char *name, uint64_t *ret)
{
	_cleanup_buffer_ struct ms_buffer text = {};
	struct ms_error *err = read_below(dir, name, &text);
	if (err)
		return err;
	*ret = parse_number(ms_buffer_bytes(&text));
	return NULL;
}

static void parse_stat(
	struct ms_bytes text, const struct stat_key *keys, struct ms_cgroup_memory *m)
{
	struct ms_bytes line, word;
	while (ms_bytes_line(&text, &line)) {
		if (!ms_bytes_word(&line, &word) || !ms_bytes_eat(&line, ' '))
			continue;
		uint64_t number = parse_number(line);
		for (const struct stat_key *k = keys; k->key; k++)
			if (ms_bytes_is(word, k->key))
				memcpy((char *)m + k->offset, &number, sizeof(number));
	}
}

// Version 1 has sockets in a file of their own, and page tables nowhere.
static struct ms_error *read_stat(int dir, struct ms_cgroup_memory *m)
{
	_cleanup_buffer_ struct ms_buffer text = {};
	struct ms_error *err = read_below(dir, "memory.stat", &text);
	if (err)
		return err;
	parse_stat(
		ms_buffer_bytes(&text), m->version == 1 ? stat_keys_v1 : stat_keys_v2, m);
	if (m->version == 1)
		return read_number(dir, "memory.kmem.tcp.usage_in_bytes", &m->sock);
	return NULL;
}

/*
 * Lower the limit to those of the ancestors, up to the mount point. `group` is the path
 * below it; it is cut at each '/' from the end.
 */
static struct ms_error *read_ancestors(
	int mount, char *group, const struct layout *layout, uint64_t *limit)
{
	do {
		char *slash = strrchr(group, '/');
		*(slash ? slash : group) = '\0';
		_cleanup_close_ int dir =
			open_below(mount, *group ? group : "/", O_DIRECTORY);
		uint64_t here = UINT64_MAX;
		struct ms_error *err =
			dir < 0 ? NULL : read_number(dir, layout->limit, &here);
		if (err)
			return err;
		*limit = ms_min(*limit, here);
	} while (*group);
	return NULL;
}

static struct ms_error *read_group(
	int mount, int dir, char *group, struct ms_cgroup_memory *m)
{
	const struct layout *layout = &layouts[m->version];
	struct ms_error *err = read_number(dir, layout->usage, &m->usage);
	if (!err)
		err = read_number(dir, layout->peak, &m->peak);
	if (!err)
		err = read_stat(dir, m);
	uint64_t limit = UINT64_MAX;
	if (!err)
		err = read_number(dir, layout->limit, &limit);
	m->limit = ms_min(m->limit, limit);
	if (!err)
		err = read_ancestors(mount, group, layout, &m->limit);
	return err;
}

static bool leads_upwards(const char *path)
{
	for (const char *p = strstr(path, ".."); p; p = strstr(p + 1, ".."))
		if ((p == path || p[-1] == '/') && (p[2] == '/' || p[2] == '\0'))
			return true;
	return false;
}

// The group's directory below one mount point, if both are there and account memory.
static int open_group(int mount, const char *group, const struct layout *layout)
{
	_cleanup_close_ int dir = open_below(mount, *group ? group : "/", O_DIRECTORY);
	if (dir < 0)
		return -1;
	_cleanup_close_ int usage = open_below(dir, layout->usage, 0);
	_cleanup_close_ int stat = open_below(dir, "memory.stat", 0);
	return usage < 0 && stat < 0 ? -1 : ms_steal_fd(&dir);
}

static struct ms_cgroup_memory unknown_memory(unsigned version)
{
	return (struct ms_cgroup_memory){
		.version = version,
		.usage = UINT64_MAX,
		.peak = UINT64_MAX,
		.limit = UINT64_MAX,
		.inactive_file = UINT64_MAX,
		.anon = UINT64_MAX,
		.file = UINT64_MAX,
		.shmem = UINT64_MAX,
		.slab = UINT64_MAX,
		.sock = UINT64_MAX,
		.page_tables = UINT64_MAX,
	};
}

/*
 * Read the group below the first mount point that has it; version 0 if none does.
 * `group` is consumed.
 */
static struct ms_error *read_below_mounts(
	int root_fd, unsigned version, char *group, struct ms_cgroup_memory *ret)
{
	const struct layout *layout = &layouts[version];
	struct ms_cgroup_memory m = unknown_memory(0);
	for (size_t i = 0; i < sizeof(layout->mounts) / sizeof(layout->mounts[0]); i++) {
		_cleanup_close_ int mount =
			open_below(root_fd, layout->mounts[i], O_DIRECTORY);
		_cleanup_close_ int dir =
			mount < 0 ? -1 : open_group(mount, group, layout);
		if (dir < 0)
			continue;
		m.version = version;
		if (asprintf(&m.path, "/%s%s", layout->mounts[i],
			    strcmp(group, "/") ? group : "") < 0)
			return &ms_error_nomem;
		struct ms_error *err = read_group(mount, dir, group, &m);
		if (err) {
			ms_cgroup_memory_deinit(&m);
			return err;
		}
		break;
	}
	*ret = m;
	return NULL;
}

struct ms_error *ms_cgroup_memory_read(
	int root_fd, struct ms_bytes cgroup_text, struct ms_cgroup_memory *ret)
{
	char group[PATH_LIMIT];
	struct ms_bytes path = {};
	unsigned version = ms_cgroup_path(cgroup_text, &path);
	bool is_plain = version && path.n < sizeof(group) &&
			!(path.n && memchr(path.p, 0, path.n));
	if (is_plain) {
		memcpy(group, path.p, path.n);
		group[path.n] = '\0';
		is_plain = !leads_upwards(group);
	}
	if (!is_plain) {
		*ret = unknown_memory(0);
		return NULL;
	}
	return read_below_mounts(root_fd, version, group, ret);
}

// A hierarchy's root is no container's group: version 1 has this file only there, and
// version 2 has no figures there.
static bool is_hierarchy_root(int root_fd, const char *path)
{
	char name[256];
	int n = snprintf(name, sizeof(name), "%s/release_agent", path);
	_cleanup_close_ int fd =
		n < (int)sizeof(name) ? open_below(root_fd, name, O_PATH) : -1;
	return fd >= 0;
}

struct ms_error *ms_cgroup_memory_read_mounted(int root_fd, struct ms_cgroup_memory *ret)
{
	for (unsigned version = 1; version <= 2; version++) {
		char group[] = "/";
		struct ms_cgroup_memory m;
		struct ms_error *err = read_below_mounts(root_fd, version, group, &m);
		if (err)
			return err;
		if (m.version && m.usage != UINT64_MAX &&
			!is_hierarchy_root(root_fd, m.path)) {
			*ret = m;
			return NULL;
		}
		ms_cgroup_memory_deinit(&m);
	}
	*ret = unknown_memory(0);
	return NULL;
}

uint64_t ms_cgroup_headroom(const struct ms_cgroup_memory *m)
{
	if (m->limit == UINT64_MAX || m->usage == UINT64_MAX)
		return UINT64_MAX;
	uint64_t used = m->usage;
	if (m->inactive_file != UINT64_MAX)
		used -= ms_min(used, m->inactive_file);
	return m->limit - ms_min(m->limit, used);
}
