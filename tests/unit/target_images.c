// The file behind a mapping: found by name inside the target's root, and never outside.
//
// The observer gives up the capabilities that open map_files, so that names must do.

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "target_child.h"

enum {
	CAP_ADMIN = 21,
	CAP_RESTORE = 40
};

static char root[] = "/tmp/memsleuth-root-XXXXXX";
static char outside[] = "/tmp/memsleuth-outside-XXXXXX";

static void write_file(const char *dir, const char *name, char c)
{
	char path[256], page[4096];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	memset(page, c, sizeof(page));
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	assert_int_equal(write(fd, page, sizeof(page)), sizeof(page));
	close(fd);
}

static int make_directories(void)
{
	char path[256];
	if (!mkdtemp(root) || !mkdtemp(outside))
		return -1;
	snprintf(path, sizeof(path), "%s/data", root);
	return mkdir(path, 0755);
}

static int remove_directories(void)
{
	char command[256];
	snprintf(command, sizeof(command), "rm -rf '%s' '%s'", root, outside);
	return system(command);
}

// As a container's runtime does it: a mount namespace whose root is the directory.
static void pivot(void)
{
	if (unshare(CLONE_NEWNS) < 0 ||
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount(root, root, NULL, MS_BIND, NULL) < 0 || chdir(root) < 0 ||
		syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0)
		_exit(1);
}

static bool can_pivot(void)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		pivot();
		_exit(0);
	}
	return waitpid(pid, &status, 0) == pid && status == 0;
}

static bool in_namespace; // or in a chroot
static bool is_detached;  // from a mount that is gone: maps then says "/file"

static int open_file(void)
{
	if (is_detached && mount("/data", "/data", NULL, MS_BIND, NULL) < 0)
		_exit(1);
	int fd = open("/data/file", O_RDONLY);
	if (is_detached && umount2("/data", MNT_DETACH) < 0)
		_exit(1);
	return fd;
}

// A process in the root that maps /data/file and waits.
static pid_t start_in_root(uint64_t *ret_at)
{
	int fds[2];
	assert_int_equal(pipe(fds), 0);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (in_namespace)
			pivot();
		else if (chroot(root) < 0)
			_exit(1);
		if (chdir("/") < 0)
			_exit(1);
		int fd = open_file();
		uint8_t *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
		uint64_t at = (uintptr_t)p;
		if (p == MAP_FAILED || write(fds[1], &at, sizeof(at)) < 0)
			_exit(1);
		for (;;)
			pause();
	}
	close(fds[1]);
	assert_int_equal(read(fds[0], ret_at, sizeof(*ret_at)), sizeof(*ret_at));
	close(fds[0]);
	return pid;
}

static void drop_map_files(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];
	if (syscall(SYS_capget, &header, data) < 0)
		_exit(1);
	data[CAP_ADMIN / 32].effective &= ~(1u << CAP_ADMIN % 32);
	data[CAP_RESTORE / 32].effective &= ~(1u << CAP_RESTORE % 32);
	if (syscall(SYS_capset, &header, data) < 0)
		_exit(1);
}

// The first byte of the mapped file as an observer by name sees it, '-' if not at all.
static char look(pid_t pid, uint64_t at)
{
	int fds[2];
	char seen = '?';
	assert_int_equal(pipe(fds), 0);
	pid_t observer = fork();
	if (observer == 0) {
		struct ms_target *target = NULL;
		drop_map_files();
		struct ms_error *err = ms_target_open_pid((uint64_t)pid, NULL, &target);
		if (err)
			_exit(1);
		const struct ms_image *image =
			ms_target_image(target, ms_maps_find(ms_target_maps(target), at));
		seen = '-';
		if (image && (strcmp(image->found_by, "map_files") == 0 ||
				     pread(image->fd, &seen, 1, 0) != 1))
			seen = '!';
		ms_target_free(target);
		_exit(write(fds[1], &seen, 1) != 1);
	}
	close(fds[1]);
	assert_int_equal(read(fds[0], &seen, 1), 1);
	close(fds[0]);
	waitpid(observer, NULL, 0);
	return seen;
}

static void finds_files_of_another_root(void **state)
{
	uint64_t at;
	(void)state;
	write_file(root, "data/file", 'i');
	pid_t pid = start_in_root(&at);
	assert_int_equal(look(pid, at), 'i');
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

// The name in maps is an absolute link by now. Followed by the host's root it would reach
// a file of the host; it has the very inode, so that only the walk itself can refuse it.
static void never_follows_a_link_out(void **state)
{
	char link_path[256], inner[256], outer[256];
	uint64_t at;
	(void)state;
	if (!in_namespace)
		skip();
	write_file(root, "data/file", 'i');
	is_detached = true;
	pid_t pid = start_in_root(&at);
	is_detached = false;
	snprintf(link_path, sizeof(link_path), "%s/file", root);
	snprintf(inner, sizeof(inner), "%s/data/file", root);
	snprintf(outer, sizeof(outer), "%s/file", outside);
	assert_int_equal(link(inner, outer), 0);
	assert_int_equal(link(inner, link_path), 0);
	assert_int_equal(look(pid, at), 'i'); // no link: found
	assert_int_equal(unlink(link_path), 0);
	assert_int_equal(symlink(outer, link_path), 0);
	assert_int_equal(look(pid, at), '-');
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void never_takes_another_file_of_the_name(void **state)
{
	char path[256];
	uint64_t at;
	(void)state;
	write_file(root, "data/file", 'i');
	pid_t pid = start_in_root(&at);
	write_file(root, "data/new", 'n');
	snprintf(path, sizeof(path), "%s/data/file", root);
	char other[256];
	snprintf(other, sizeof(other), "%s/data/new", root);
	assert_int_equal(rename(other, path), 0);
	assert_int_equal(look(pid, at), '-');
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_files_of_another_root),
		cmocka_unit_test(never_follows_a_link_out),
		cmocka_unit_test(never_takes_another_file_of_the_name),
	};
	if (geteuid() != 0) {
		puts("skip: chroot needs root");
		return 77;
	}
	if (make_directories() < 0)
		return 1;
	int failed = cmocka_run_group_tests_name("in a chroot", tests, NULL, NULL);
	in_namespace = true;
	if (can_pivot())
		failed +=
			cmocka_run_group_tests_name("in a namespace", tests, NULL, NULL);
	else
		puts("skipped: no mount namespace can be made here (in a chroot, or without "
		     "CAP_SYS_ADMIN); the chroot half ran");
	return failed || remove_directories() != 0;
}
