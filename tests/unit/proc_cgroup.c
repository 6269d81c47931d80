// Control groups: made-up hierarchies of both versions below a temporary root.

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proc/proc.h"

static void no_error(struct ms_error *err)
{
	if (err)
		fail_msg("%s", err->message);
}

static const struct {
	const char *text;
	unsigned version;
	const char *path;
} lines[] = {
	{ "0::/a/b\n", 2, "/a/b" },
	{ "0::/with:colon\n", 2, "/with:colon" },
	{ "4:memory:/a\n0::/b\n", 1, "/a" },
	{ "0::/b\n4:cpu,memory,pids:/a\n", 1, "/a" },
	{ "3:memoryless:/a\n2:cpu:/c\n0::/b\n", 2, "/b" },
	{ "1:name=systemd:/b\n", 0, "" },
	{ "::/b\n", 0, "" },
	{ "5::/b\n0:\n0\n", 2, "/b" }, // no such line is written; the path is plain
	{ "", 0, "" },
};

static void paths(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		struct ms_bytes path = {};
		unsigned version = ms_cgroup_path(ms_bytes_of(lines[i].text), &path);
		if (version != lines[i].version || !ms_bytes_is(path, lines[i].path))
			fail_msg("version %u, '%.*s': %s", version, (int)path.n,
				(const char *)path.p, lines[i].text);
	}
}

struct root {
	char path[64];
	int fd;
};

static int make_root(void **state)
{
	static struct root root;
	strcpy(root.path, "/tmp/proc_cgroup.XXXXXX");
	if (!mkdtemp(root.path))
		return -1;
	root.fd = open(root.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = &root;
	return root.fd < 0 ? -1 : 0;
}

static int remove_entry(
	const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int remove_root(void **state)
{
	struct root *root = *state;
	close(root->fd);
	return nftw(root->path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

// Write a file below the root, making the directories it needs.
static void put(const struct root *root, const char *path, const char *text)
{
	char whole[512];
	snprintf(whole, sizeof(whole), "%s/%s", root->path, path);
	for (char *p = whole + strlen(root->path) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		assert_true(mkdir(whole, 0755) == 0 || errno == EEXIST);
		*p = '/';
	}
	FILE *f = fopen(whole, "we");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static struct ms_cgroup_memory read_group(const struct root *root, const char *text)
{
	struct ms_cgroup_memory m;
	no_error(ms_cgroup_memory_read(root->fd, ms_bytes_of(text), &m));
	return m;
}

static void version_2(void **state)
{
	const struct root *root = *state;
	put(root, "sys/fs/cgroup/memory.stat", "anon 1\n");
	put(root, "sys/fs/cgroup/pod/memory.max", "1000000\n");
	put(root, "sys/fs/cgroup/pod/app/memory.max", "max\n");
	put(root, "sys/fs/cgroup/pod/app/memory.current", "700000\n");
	put(root, "sys/fs/cgroup/pod/app/memory.peak", "800000\n");
	put(root, "sys/fs/cgroup/pod/app/memory.stat",
		"anon 300\nfile 400\nkernel 9\npagetables 11\nsock 12\nshmem 13\n"
		"inactive_file 100000\nslab 14\nanon_thp 77\nfile bad\n");
	struct ms_cgroup_memory m = read_group(root, "0::/pod/app\n");
	assert_int_equal(m.version, 2);
	assert_string_equal(m.path, "/sys/fs/cgroup/pod/app");
	assert_int_equal(m.usage, 700000);
	assert_int_equal(m.peak, 800000);
	assert_int_equal(m.limit, 1000000); // its parent's
	assert_int_equal(m.anon, 300);
	assert_int_equal(m.shmem, 13);
	assert_int_equal(m.page_tables, 11);
	assert_int_equal(m.sock, 12);
	assert_int_equal(m.slab, 14);
	assert_int_equal(m.inactive_file, 100000);
	assert_int_equal(ms_cgroup_headroom(&m), 400000);
	ms_cgroup_memory_deinit(&m);

	put(root, "sys/fs/cgroup/pod/app/memory.max", "650000\n");
	m = read_group(root, "0::/pod/app\n");
	assert_int_equal(m.limit, 650000);
	assert_int_equal(ms_cgroup_headroom(&m), 50000);
	ms_cgroup_memory_deinit(&m);

	put(root, "sys/fs/cgroup/pod/app/memory.max", "5\n");
	m = read_group(root, "0::/pod/app\n");
	assert_int_equal(ms_cgroup_headroom(&m), 0); // over it, never below zero
	ms_cgroup_memory_deinit(&m);

	put(root, "sys/fs/cgroup/pod/app/memory.max", "max\n");
	put(root, "sys/fs/cgroup/pod/app/inner/leaf/memory.current", "1\n");
	m = read_group(root, "0::/pod/app/inner/leaf\n");
	assert_int_equal(m.limit, 1000000); // three levels up
	ms_cgroup_memory_deinit(&m);

	m = read_group(root, "0::/\n");
	assert_int_equal(m.version, 2);
	assert_int_equal(m.limit, UINT64_MAX);
	assert_int_equal(m.usage, UINT64_MAX); // the root group has none
	assert_int_equal(ms_cgroup_headroom(&m), UINT64_MAX);
	ms_cgroup_memory_deinit(&m);
}

static void version_1(void **state)
{
	const struct root *root = *state;
	put(root, "sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
	put(root, "sys/fs/cgroup/memory/pod/memory.limit_in_bytes",
		"9223372036854771712\n");
	put(root, "sys/fs/cgroup/memory/pod/memory.usage_in_bytes", "5000\n");
	put(root, "sys/fs/cgroup/memory/pod/memory.max_usage_in_bytes", "6000\n");
	put(root, "sys/fs/cgroup/memory/pod/memory.stat",
		"cache 1\nrss 2\nhierarchical_memory_limit 9223372036854771712\n"
		"total_cache 10\ntotal_rss 20\ntotal_inactive_file 1000\n");
	struct ms_cgroup_memory m = read_group(root, "4:memory:/pod\n0::/other\n");
	assert_int_equal(m.version, 1);
	assert_int_equal(m.usage, 5000);
	assert_int_equal(m.peak, 6000);
	assert_int_equal(m.limit, UINT64_MAX);
	assert_int_equal(m.anon, 20);
	assert_int_equal(m.file, 10);
	assert_int_equal(m.sock, UINT64_MAX);
	assert_int_equal(ms_cgroup_headroom(&m), UINT64_MAX);
	ms_cgroup_memory_deinit(&m);

	// The limit of an ancestor that the container does not see.
	put(root, "sys/fs/cgroup/memory/pod/memory.stat",
		"hierarchical_memory_limit 8000\ntotal_inactive_file 1000\n");
	m = read_group(root, "4:memory:/pod\n");
	assert_int_equal(m.limit, 8000);
	assert_int_equal(ms_cgroup_headroom(&m), 4000);
	ms_cgroup_memory_deinit(&m);
}

// Paths that lead out of the root, or to nothing, give no figures and no error.
static void other_groups_are_not_read(void **state)
{
	const struct root *root = *state;
	static const char *const texts[] = {
		"0::/../pod/app\n",
		"0::/pod/../pod/app\n",
		"0::/pod/..\n",
		"0::/pod/..\n",
		"0::/nowhere\n",
		"4:memory:/nowhere\n",
		"0::/escape\n",
		"1:name=systemd:/pod\n",
		"",
	};
	char out[80], link[160];
	snprintf(out, sizeof(out), "%s.out", root->path);
	assert_int_equal(mkdir(out, 0755), 0);
	snprintf(link, sizeof(link), "%s/memory.current", out);
	fclose(fopen(link, "we"));
	put(root, "sys/fs/cgroup/memory.stat", "anon 1\n");
	put(root, "sys/fs/cgroup/pod/app/memory.current", "1\n");
	snprintf(link, sizeof(link), "%s/sys/fs/cgroup/escape", root->path);
	assert_int_equal(symlink(out, link), 0);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct ms_cgroup_memory m = read_group(root, texts[i]);
		if (m.version || m.path || m.usage != UINT64_MAX)
			fail_msg("taken: %s", texts[i]);
		assert_int_equal(ms_cgroup_headroom(&m), UINT64_MAX);
		ms_cgroup_memory_deinit(&m);
	}
	snprintf(link, sizeof(link), "%s/memory.current", out);
	remove(link);
	rmdir(out);
}

// In a container the mount point is the container's group, whatever its path is called.
static void mounted_groups(void **state)
{
	const struct root *root = *state;
	struct ms_cgroup_memory m;
	no_error(ms_cgroup_memory_read_mounted(root->fd, &m));
	assert_int_equal(m.version, 0);
	assert_int_equal(m.limit, UINT64_MAX);

	put(root, "sys/fs/cgroup/memory.stat", "anon 1\n"); // as a root of version 2 has
	no_error(ms_cgroup_memory_read_mounted(root->fd, &m));
	assert_int_equal(m.version, 0);

	put(root, "sys/fs/cgroup/memory.current", "500\n");
	put(root, "sys/fs/cgroup/memory.max", "900\n");
	no_error(ms_cgroup_memory_read_mounted(root->fd, &m));
	assert_int_equal(m.version, 2);
	assert_string_equal(m.path, "/sys/fs/cgroup");
	assert_int_equal(ms_cgroup_headroom(&m), 400);
	ms_cgroup_memory_deinit(&m);

	put(root, "sys/fs/cgroup/memory/memory.usage_in_bytes", "600\n");
	put(root, "sys/fs/cgroup/memory/memory.limit_in_bytes", "650\n");
	no_error(ms_cgroup_memory_read_mounted(root->fd, &m));
	assert_int_equal(m.version, 1);
	assert_int_equal(ms_cgroup_headroom(&m), 50);
	ms_cgroup_memory_deinit(&m);

	put(root, "sys/fs/cgroup/memory/release_agent", "\n");
	no_error(ms_cgroup_memory_read_mounted(root->fd, &m));
	assert_int_equal(m.version, 2);
	ms_cgroup_memory_deinit(&m);
}

// A real one, where this machine has it: our own group must have our memory.
static void our_own_group(void **state)
{
	(void)state;
	struct ms_buffer text = {};
	struct ms_cgroup_memory m;
	int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	no_error(ms_read_file_at(AT_FDCWD, "/proc/self/cgroup", 1 << 20, &text));
	no_error(ms_cgroup_memory_read(root, ms_buffer_bytes(&text), &m));
	close(root);
	ms_buffer_deinit(&text);
	bool has_figures = m.version && m.usage != UINT64_MAX;
	if (has_figures)
		assert_true(m.usage > 0 && ms_cgroup_headroom(&m) > 0);
	ms_cgroup_memory_deinit(&m);
	if (!has_figures)
		skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths),
		cmocka_unit_test_setup_teardown(version_2, make_root, remove_root),
		cmocka_unit_test_setup_teardown(version_1, make_root, remove_root),
		cmocka_unit_test_setup_teardown(
			other_groups_are_not_read, make_root, remove_root),
		cmocka_unit_test_setup_teardown(mounted_groups, make_root, remove_root),
		cmocka_unit_test(our_own_group),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
