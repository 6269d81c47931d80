// A live process read from outside: every byte right, every hole named, nothing changed.

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "target_child.h"

static void no_error(struct ms_error *err)
{
	if (err)
		fail_msg("%s", err->message);
}

static struct ms_target *open_child(const struct child *child, bool force_mem)
{
	struct ms_target_options options = { .force_mem = force_mem };
	struct ms_target *target;
	no_error(ms_target_open_pid((uint64_t)child->pid, &options, &target));
	return target;
}

static struct ms_error *read_range(struct ms_target *target, uint64_t at, uint8_t *to,
	size_t n, struct ms_gaps *gaps)
{
	struct ms_read read = { { at, at + n }, to };
	return ms_target_read(target, &read, 1, gaps);
}

static void assert_planted(uint64_t at, const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (bytes[i] != plant_byte(at + i))
			fail_msg("byte %zu of %#llx is %u", i, (unsigned long long)at,
				bytes[i]);
	}
}

static void assert_zero(const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_int_equal(bytes[i], 0);
}

static uint64_t child_kib(const struct child *child, const char *file, const char *key)
{
	char path[64], line[256];
	unsigned long long kib = 0;
	snprintf(path, sizeof(path), "/proc/%d/%s", (int)child->pid, file);
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, key, strlen(key)) == 0)
			kib = strtoull(line + strlen(key) + 1, NULL, 10);
	}
	fclose(f);
	return kib;
}

// Pss of the mapping that holds an address: half of Rss while a page is shared by two.
static uint64_t pss_at(const struct child *child, uint64_t address)
{
	char path[64];
	_cleanup_buffer_ struct ms_buffer text = { 0 };
	struct ms_arena arena;
	struct ms_smaps smaps;
	uint64_t pss = 0;
	ms_arena_init(&arena);
	snprintf(path, sizeof(path), "/proc/%d/smaps", (int)child->pid);
	no_error(ms_read_file_at(-1, path, SIZE_MAX, &text));
	no_error(ms_smaps_parse(ms_buffer_bytes(&text), &arena, &smaps));
	for (size_t i = 0; i < smaps.n; i++) {
		if (ms_range_has(smaps.v[i].range, address))
			pss = smaps.v[i].bytes[MS_SMAPS_PSS];
	}
	ms_arena_deinit(&arena);
	assert_int_not_equal(pss, 0);
	return pss;
}

static void check_contents(bool force_mem)
{
	static uint8_t bytes[4096 * 4096];
	struct child child = start_child();
	const uint64_t *at = child.planted.at;
	struct ms_gaps gaps = { 0 };
	stop_child(&child);
	struct ms_target *target = open_child(&child, force_mem);
	uint64_t rss = child_kib(&child, "status", "VmRSS:");
	uint64_t pte = child_kib(&child, "status", "VmPTE:");
	uint64_t pss = pss_at(&child, at[PLANT_SHARED_FORK]);

	no_error(read_range(target, at[PLANT_ANON] + 3, bytes, 64 * 4096 - 3, &gaps));
	assert_planted(at[PLANT_ANON] + 3, bytes, 64 * 4096 - 3);
	no_error(read_range(target, at[PLANT_SHARED_FORK], bytes, 64 * 4096, &gaps));
	assert_planted(at[PLANT_SHARED_FORK], bytes, 64 * 4096);
	assert_int_equal(gaps.n, 0);

	no_error(read_range(target, at[PLANT_SPARSE], bytes, 4096 * 4096, &gaps));
	for (size_t i = 0; i < 4096; i++) {
		if (i % 7 == 0)
			assert_planted(
				at[PLANT_SPARSE] + i * 4096, bytes + i * 4096, 4096);
		else
			assert_zero(bytes + i * 4096, 4096);
	}
	assert_int_equal(gaps.n, 4096 / 7 + (4096 % 7 > 1));
	assert_int_equal(gaps.v[0].reason, MS_GAP_ABSENT);
	assert_int_equal(gaps.v[0].range.start, at[PLANT_SPARSE] + 4096);
	assert_int_equal(ms_range_size(gaps.v[0].range), 6 * 4096);

	assert_int_equal(child_kib(&child, "status", "VmRSS:"), rss);
	assert_int_equal(child_kib(&child, "status", "VmPTE:"), pte);
	// A page that was copied would no longer be shared with the grandchild.
	assert_int_equal(pss_at(&child, at[PLANT_SHARED_FORK]), pss);
	ms_gaps_deinit(&gaps);
	ms_target_free(target);
	end_child(&child);
}

static void reads_with_vm_readv(void **state)
{
	(void)state;
	check_contents(/* force_mem= */ false);
}

static void reads_with_mem(void **state)
{
	(void)state;
	check_contents(/* force_mem= */ true);
}

static void names_holes(void **state)
{
	uint8_t bytes[3 * 4096];
	struct child child = start_child();
	const uint64_t *at = child.planted.at;
	struct ms_target *target = open_child(&child, false);
	struct ms_gaps gaps = { 0 };
	(void)state;
	// No permission does not mean no bytes: they are resident, and may matter.
	no_error(read_range(target, at[PLANT_HOLE], bytes, sizeof(bytes), &gaps));
	assert_planted(at[PLANT_HOLE], bytes, sizeof(bytes));
	assert_int_equal(gaps.n, 0);
	if (child.planted.has_guard) {
		no_error(
			read_range(target, at[PLANT_GUARD], bytes, sizeof(bytes), &gaps));
		assert_planted(at[PLANT_GUARD], bytes, 4096);
		assert_zero(bytes + 4096, 4096);
		assert_planted(at[PLANT_GUARD] + 8192, bytes + 8192, 4096);
		assert_int_equal(gaps.n, 1);
		assert_true(gaps.v[0].reason == MS_GAP_GUARD ||
			    gaps.v[0].reason == MS_GAP_SWAPPED); // Linux 6.13 and 6.14
	}
	gaps.n = 0;
	no_error(read_range(target, 4096, bytes, sizeof(bytes), &gaps));
	assert_int_equal(gaps.n, 1);
	assert_int_equal(gaps.v[0].reason, MS_GAP_ABSENT);
	ms_gaps_deinit(&gaps);
	ms_target_free(target);
	end_child(&child);
}

static void reads_clean_file_pages_from_the_file(void **state)
{
	uint8_t bytes[8 * 4096];
	struct child child = start_child();
	uint64_t at = child.planted.at[PLANT_FILE];
	struct ms_target *target = open_child(&child, false);
	struct ms_gaps gaps = { 0 };
	uint64_t rss = child_kib(&child, "status", "RssFile:");
	(void)state;
	no_error(read_range(target, at, bytes, sizeof(bytes), &gaps));
	assert_planted(at + 2 * 4096, bytes + 2 * 4096, 4096);
	bool has_image =
		ms_target_image(target, ms_maps_find(ms_target_maps(target), at));
	for (size_t i = 0; has_image && i < sizeof(bytes); i++) {
		if (i / 4096 != 2)
			assert_int_equal(bytes[i], i % 251);
	}
	assert_int_equal(gaps.n, has_image ? 0 : 2);
	assert_int_equal(child_kib(&child, "status", "RssFile:"), rss);
	ms_gaps_deinit(&gaps);
	ms_target_free(target);
	end_child(&child);
}

static void says_when_the_target_is_gone(void **state)
{
	uint8_t bytes[4096];
	struct child child = start_child();
	struct ms_target *target = open_child(&child, false);
	(void)state;
	no_error(ms_target_check_alive(target));
	end_child(&child);
	struct ms_error *err =
		read_range(target, child.planted.at[PLANT_ANON], bytes, 4096, NULL);
	assert_true(ms_error_is(err, MS_ERROR_GONE));
	ms_error_free(err);
	err = ms_target_check_alive(target);
	assert_true(ms_error_is(err, MS_ERROR_GONE));
	ms_error_free(err);
	ms_target_free(target);
}

// After exec the pid is the same, but nothing that was learned holds any more.
static void says_when_the_target_became_another_program(void **state)
{
	uint8_t bytes[4096];
	int fds[2];
	(void)state;
	assert_int_equal(pipe(fds), 0);
	pid_t pid = fork();
	if (pid == 0) {
		char c;
		uint8_t *p = plant_anon(1, 1);
		uint64_t at = (uintptr_t)p;
		if (write(fds[1], &at, sizeof(at)) < 0)
			_exit(1);
		close(fds[1]);
		raise(SIGSTOP);
		(void)!read(fds[0], &c, 0);
		execl("/bin/sleep", "sleep", "100", NULL);
		_exit(1);
	}
	uint64_t at;
	assert_int_equal(read(fds[0], &at, sizeof(at)), sizeof(at));
	waitpid(pid, NULL, WUNTRACED);
	struct ms_target_options options = { 0 };
	struct ms_target *target;
	no_error(ms_target_open_pid((uint64_t)pid, &options, &target));
	no_error(read_range(target, at, bytes, 4096, NULL));
	assert_planted(at, bytes, 4096);
	kill(pid, SIGCONT);
	struct ms_error *err = NULL;
	for (int i = 0; !err && i < 200; i++) {
		usleep(10000);
		err = ms_target_check_alive(target);
	}
	assert_true(ms_error_is(err, MS_ERROR_GONE));
	ms_error_free(err);
	err = read_range(target, at, bytes, 4096, NULL);
	assert_true(ms_error_is(err, MS_ERROR_GONE));
	ms_error_free(err);
	ms_target_free(target);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void refuses_what_is_no_process(void **state)
{
	static const struct {
		uint64_t pid;
		enum ms_error_code code;
	} cases[] = {
		{ 999999999, MS_ERROR_GONE },
		{ 2, MS_ERROR_UNSUPPORTED }, // a kernel thread, unless in a pid namespace
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ms_target *target = NULL;
		if (cases[i].pid == 2 && access("/proc/2/exe", F_OK) == 0)
			continue;
		struct ms_error *err = ms_target_open_pid(cases[i].pid, NULL, &target);
		if (cases[i].pid == 2 && ms_error_is(err, MS_ERROR_GONE)) {
			ms_error_free(err);
			continue;
		}
		assert_true(ms_error_is(err, cases[i].code));
		assert_non_null(err->hint);
		assert_null(target);
		ms_error_free(err);
	}
}

// A /proc in which everything can be read but mem, as Yama leaves it to other processes.
static void opens_without_memory(void **state)
{
	static const char *const files[] = { "maps", "smaps", "stat", "status", "comm" };
	char dir[] = "/tmp/memsleuth-proc-XXXXXX", command[512], byte;
	struct child child = start_child();
	struct ms_target *target;
	struct ms_gaps gaps = { 0 };
	size_t n;
	(void)state;
	stop_child(&child);
	assert_non_null(mkdtemp(dir));
	snprintf(command, sizeof(command), "mkdir %s/%d && ln -s mem %s/%d/mem", dir,
		(int)child.pid, dir, (int)child.pid);
	assert_int_equal(system(command), 0);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(command, sizeof(command), "cat /proc/%d/%s >%s/%d/%s",
			(int)child.pid, files[i], dir, (int)child.pid, files[i]);
		assert_int_equal(system(command), 0);
	}
	struct ms_target_options options = { .proc_dir = dir };
	no_error(ms_target_open_pid((uint64_t)child.pid, &options, &target));
	assert_true(ms_error_is(ms_target_denied(target), MS_ERROR_DENIED));
	assert_non_null(ms_target_denied(target)->hint);
	assert_true(ms_target_maps(target)->n > 10);
	assert_non_null(ms_target_smaps(target));
	(void)ms_target_notes(target, &n);
	assert_true(n > 0); // there is no pagemap either, and that is said
	no_error(read_range(
		target, child.planted.at[PLANT_ANON], (uint8_t *)&byte, 1, &gaps));
	assert_int_equal(gaps.n, 1);
	assert_int_equal(gaps.v[0].reason, MS_GAP_REFUSED);
	ms_gaps_deinit(&gaps);
	ms_target_free(target);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	assert_int_equal(system(command), 0);
	end_child(&child);
}

static void refuses_a_zombie(void **state)
{
	struct ms_target *target = NULL;
	siginfo_t info;
	(void)state;
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
	struct ms_error *err = ms_target_open_pid((uint64_t)pid, NULL, &target);
	assert_true(ms_error_is(err, MS_ERROR_UNSUPPORTED));
	assert_non_null(strstr(err->message, "zombie"));
	ms_error_free(err);
	waitpid(pid, NULL, 0);
}

static void flip(void *arg, struct ms_range range, uint8_t *bytes)
{
	for (uint64_t i = 0; i < ms_range_size(range); i++)
		bytes[i] = (uint8_t)(bytes[i] ^ *(const uint8_t *)arg);
}

static void overlays_what_is_read(void **state)
{
	uint8_t bytes[2 * 4096], mask = 0x5a;
	struct child child = start_child();
	uint64_t at = child.planted.at[PLANT_ANON];
	struct ms_target *target = open_child(&child, false);
	(void)state;
	ms_target_overlay(target, flip, &mask);
	no_error(read_range(target, at, bytes, sizeof(bytes), NULL));
	for (size_t i = 0; i < sizeof(bytes); i++)
		assert_int_equal(bytes[i] ^ mask, plant_byte(at + i));
	ms_target_free(target);
	end_child(&child);
}

static void balances_with_the_kernel(void **state)
{
	struct child child = start_child();
	(void)state;
	stop_child(&child);
	struct ms_target *target = open_child(&child, false);
	const struct ms_maps *maps = ms_target_maps(target);
	uint64_t sum = 0;
	for (size_t i = 0; i < maps->n; i++) {
		if (ms_mapping_counts(&maps->v[i]))
			sum += ms_pages_resident(
				ms_target_pages(target), maps->v[i].range);
	}
	if (ms_target_info(target)->pages_source.has_scan)
		assert_int_equal(sum / 1024, child_kib(&child, "smaps_rollup", "Rss:"));
	assert_string_equal(ms_target_info(target)->comm, "planted (child)");
	assert_int_equal(ms_target_threads(target)->n, 1);
	assert_true(ms_target_info(target)->is_stopped);
	ms_target_free(target);
	end_child(&child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_with_vm_readv),
		cmocka_unit_test(reads_with_mem),
		cmocka_unit_test(names_holes),
		cmocka_unit_test(reads_clean_file_pages_from_the_file),
		cmocka_unit_test(says_when_the_target_is_gone),
		cmocka_unit_test(says_when_the_target_became_another_program),
		cmocka_unit_test(refuses_what_is_no_process),
		cmocka_unit_test(opens_without_memory),
		cmocka_unit_test(refuses_a_zombie),
		cmocka_unit_test(overlays_what_is_read),
		cmocka_unit_test(balances_with_the_kernel),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
