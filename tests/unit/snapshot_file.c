// Snapshots of a child of known memory: what is read back is what was there, page for
// page, and what is not there says why.

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "snapshot/snapshot.h"
#include "target_child.h"

static void no_error(struct ms_error *err)
{
	if (err)
		fail_msg("%s", err->message);
}

static char directory[] = "/tmp/memsleuth-test-XXXXXX";
static char path[64];

static int make_directory(void **state)
{
	(void)state;
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/x.core", directory);
	return 0;
}

static int remove_directory(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(directory); // fails if anything was left behind
}

static struct ms_target *open_live(const struct child *child)
{
	struct ms_target *target;
	no_error(ms_target_open_pid((uint64_t)child->pid, NULL, &target));
	return target;
}

static struct ms_snapshot_plan *make_plan(
	struct ms_target *target, const struct ms_snapshot_options *options)
{
	static const struct ms_snapshot_options none;
	struct ms_snapshot_plan *plan;
	no_error(ms_snapshot_plan_new(target, options ?: &none, &plan));
	return plan;
}

static struct ms_snapshot_result take(
	struct ms_target *target, const struct ms_snapshot_options *options)
{
	struct ms_snapshot_plan *plan = make_plan(target, options);
	struct ms_snapshot_output output = { .path = path, .overwrite = true };
	struct ms_snapshot_result result;
	no_error(ms_snapshot_write(plan, &output, NULL, NULL, &result));
	ms_snapshot_plan_free(plan);
	return result;
}

static struct ms_target *open_file(void)
{
	struct ms_target *target;
	no_error(ms_target_open_path(path, NULL, &target));
	return target;
}

static void assert_same_pages(struct ms_target *a, struct ms_target *b)
{
	const struct ms_maps *maps = ms_target_maps(a);
	assert_int_equal(maps->n, ms_target_maps(b)->n);
	for (size_t i = 0; i < maps->n; i++) {
		struct ms_range run, other, whole = maps->v[i].range;
		for (uint64_t at = whole.start; at < whole.end; at = run.end) {
			enum ms_page_state x, y;
			run = ms_pages_run(ms_target_pages(a), at, whole.end, &x);
			other = ms_pages_run(ms_target_pages(b), at, whole.end, &y);
			assert_int_equal(run.end, other.end);
			assert_int_equal(x, y);
		}
	}
}

static bool has_gap(const struct ms_gaps *gaps, uint64_t at, enum ms_gap_reason reason)
{
	for (size_t i = 0; i < gaps->n; i++) {
		if (ms_range_has(gaps->v[i].range, at))
			return gaps->v[i].reason == reason;
	}
	return false;
}

static void assert_page(struct ms_target *target, uint64_t at, bool is_planted)
{
	uint8_t bytes[4096];
	struct ms_read read = { { at, at + sizeof(bytes) }, bytes };
	no_error(ms_target_read(target, &read, 1, NULL));
	for (size_t i = 0; i < sizeof(bytes); i++) {
		uint8_t want = is_planted ? plant_byte(at + i) : 0;
		if (bytes[i] != want)
			fail_msg("byte %zu of %#llx is %u, not %u", i,
				(unsigned long long)at, bytes[i], want);
	}
}

static struct ms_gaps gaps_of(struct ms_target *target, uint64_t at, size_t pages)
{
	struct ms_gaps gaps = { 0 };
	uint8_t *bytes = malloc(pages * 4096);
	struct ms_read read = { { at, at + pages * 4096 }, bytes };
	no_error(ms_target_read(target, &read, 1, &gaps));
	free(bytes);
	return gaps;
}

static void holds_what_was_there(void **state)
{
	struct child child = start_child();
	const uint64_t *at = child.planted.at;
	(void)state;
	stop_child(&child);
	struct ms_target *live = open_live(&child);
	struct ms_snapshot_result result = take(live, NULL);
	struct ms_target *file = open_file();
	assert_int_equal(ms_target_info(file)->kind, MS_TARGET_SNAPSHOT);
	assert_int_equal(ms_target_info(file)->pid, child.pid);
	assert_string_equal(ms_target_info(file)->comm, "planted (child)");
	assert_int_equal(ms_target_threads(file)->n, 1);
	assert_int_equal(ms_target_threads(file)->v[0].tid, child.pid);
	assert_int_equal(
		ms_target_threads(file)->v[0].sp, ms_target_threads(live)->v[0].sp);
	assert_int_equal(ms_target_memory_fds(file)->n, ms_target_memory_fds(live)->n);
	assert_same_pages(live, file);
	for (size_t i = 0; i < 64; i++) {
		assert_page(file, at[PLANT_ANON] + i * 4096, true);
		assert_page(file, at[PLANT_SHARED_FORK] + i * 4096, true);
		assert_page(file, at[PLANT_SPARSE] + i * 4096, i % 7 == 0);
	}
	for (size_t i = 0; i < 16; i++) {
		assert_page(file, at[PLANT_ZERO] + i * 4096, false);
		assert_page(file, at[PLANT_CLEARED] + i * 4096, false);
	}
	assert_true(result.zero_bytes >= 16 * 4096);
	assert_int_equal(result.vm_rss_before, result.vm_rss_after);
	assert_int_equal(result.vm_pte_before, result.vm_pte_after);
	ms_target_free(file);
	ms_target_free(live);
	end_child(&child);
}

static void names_what_is_not_there(void **state)
{
	struct child child = start_child();
	const uint64_t *at = child.planted.at;
	(void)state;
	struct ms_target *live = open_live(&child);
	(void)take(live, NULL);
	struct ms_target *file = open_file();
	struct ms_gaps gaps = gaps_of(file, at[PLANT_SPARSE], 4096);
	assert_true(has_gap(&gaps, at[PLANT_SPARSE] + 4096, MS_GAP_ABSENT));
	assert_false(has_gap(&gaps, at[PLANT_SPARSE], MS_GAP_ABSENT));
	assert_int_equal(gaps.n, 4096 / 7 + (4096 % 7 > 1));
	ms_gaps_deinit(&gaps);
	gaps = gaps_of(file, at[PLANT_ZERO], 16); // zero is known, not missing
	assert_int_equal(gaps.n, 0);
	ms_gaps_deinit(&gaps);
	gaps = gaps_of(file, at[PLANT_FILE], 8);
	assert_true(has_gap(&gaps, at[PLANT_FILE], MS_GAP_NOT_CAPTURED));
	assert_false(has_gap(&gaps, at[PLANT_FILE] + 2 * 4096, MS_GAP_NOT_CAPTURED));
	assert_page(file, at[PLANT_FILE] + 2 * 4096, true);
	ms_gaps_deinit(&gaps);
	if (child.planted.has_guard) {
		gaps = gaps_of(file, at[PLANT_GUARD], 3);
		assert_int_equal(gaps.n, 1);
		assert_int_equal(gaps.v[0].range.start, at[PLANT_GUARD] + 4096);
		ms_gaps_deinit(&gaps);
	}
	ms_target_free(file);
	ms_target_free(live);
	end_child(&child);
}

// Each view touched half of the pages; in the file both views show all, stored once.
static void stores_shared_memory_once(void **state)
{
	struct child child = start_child();
	const uint64_t *at = child.planted.at;
	(void)state;
	struct ms_target *live = open_live(&child);
	(void)take(live, NULL);
	struct ms_target *file = open_file();
	for (size_t i = 0; i < 16; i++) {
		uint64_t touched = at[i % 2 ? PLANT_MEMFD_AGAIN : PLANT_MEMFD] + i * 4096;
		uint64_t other = at[i % 2 ? PLANT_MEMFD : PLANT_MEMFD_AGAIN] + i * 4096;
		uint8_t a[4096], b[4096];
		assert_page(file, touched, true);
		struct ms_read read[2] = { { { touched, touched + 4096 }, a },
			{ { other, other + 4096 }, b } };
		no_error(ms_target_read(file, &read[0], 1, NULL));
		no_error(ms_target_read(file, &read[1], 1, NULL));
		assert_memory_equal(a, b, sizeof(a));
	}
	ms_target_free(file);

	// The views alone: sixteen pages are planned, not thirty-two.
	struct ms_selector view = { .name = "plant" };
	struct ms_snapshot_options only = { .only = &view, .n_only = 1 };
	struct ms_snapshot_plan *plan = make_plan(live, &only);
	assert_int_equal(ms_snapshot_plan_summary(plan).data_bytes, 16 * 4096);
	ms_snapshot_plan_free(plan);
	ms_target_free(live);
	end_child(&child);
}

static void is_sealed_when_the_target_ends(void **state)
{
	struct child child = start_child();
	(void)state;
	struct ms_target *live = open_live(&child);
	struct ms_snapshot_plan *plan = make_plan(live, NULL);
	end_child(&child);
	struct ms_snapshot_output output = { .path = path, .overwrite = true };
	struct ms_snapshot_result result;
	no_error(ms_snapshot_write(plan, &output, NULL, NULL, &result));
	assert_true(result.is_incomplete);
	assert_true(result.gap_bytes[MS_GAP_VANISHED] >= 64 * 4096);
	struct ms_target *file = open_file();
	assert_true(ms_target_info(file)->is_incomplete);
	uint64_t at = child.planted.at[PLANT_ANON];
	struct ms_gaps gaps = gaps_of(file, at, 64);
	assert_int_equal(gaps.n, 1);
	assert_int_equal(gaps.v[0].reason, MS_GAP_VANISHED);
	ms_gaps_deinit(&gaps);
	ms_target_free(file);
	ms_snapshot_plan_free(plan);
	ms_target_free(live);
}

static void never_replaces_a_file_unasked(void **state)
{
	struct child child = start_child();
	struct ms_snapshot_output output = { .path = path };
	struct ms_snapshot_result result;
	struct stat st;
	(void)state;
	struct ms_target *live = open_live(&child);
	(void)take(live, NULL);
	struct ms_snapshot_plan *plan = make_plan(live, NULL);
	struct ms_error *err = ms_snapshot_write(plan, &output, NULL, NULL, &result);
	assert_non_null(err);
	assert_non_null(strstr(err->message, path));
	ms_error_free(err);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	ms_snapshot_plan_free(plan);
	ms_target_free(live);
	end_child(&child);
}

static void leaves_nothing_when_cancelled(void **state)
{
	struct child child = start_child();
	struct ms_cancel cancel = { 0 };
	struct ms_target_options options = { .cancel = &cancel };
	struct ms_snapshot_output output = { .path = path, .overwrite = true };
	struct ms_snapshot_result result;
	struct ms_target *live;
	(void)state;
	unlink(path);
	no_error(ms_target_open_pid((uint64_t)child.pid, &options, &live));
	struct ms_snapshot_plan *plan = make_plan(live, NULL);
	ms_cancel_raise(&cancel);
	struct ms_error *err = ms_snapshot_write(plan, &output, NULL, NULL, &result);
	assert_true(ms_error_is(err, MS_ERROR_CANCELLED));
	ms_error_free(err);
	assert_int_equal(access(path, F_OK), -1);
	ms_snapshot_plan_free(plan);
	ms_target_free(live);
	end_child(&child);
}

static void leaves_nothing_when_the_disk_is_full(void **state)
{
	struct child child = start_child();
	struct ms_snapshot_result result;
	(void)state;
	struct ms_target *live = open_live(&child);
	struct ms_snapshot_plan *plan = make_plan(live, NULL);
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct ms_snapshot_output output = { .fd = fd };
	struct ms_error *err = ms_snapshot_write(plan, &output, NULL, NULL, &result);
	assert_true(ms_error_is(err, MS_ERROR_OS));
	ms_error_free(err);
	close(fd);
	ms_snapshot_plan_free(plan);
	ms_target_free(live);
	end_child(&child);
}

// A pipe gets the same file, with zeros for holes.
static void writes_the_same_to_a_pipe(void **state)
{
	struct child child = start_child();
	struct ms_snapshot_result result;
	int fds[2];
	(void)state;
	stop_child(&child);
	struct ms_target *live = open_live(&child);
	struct ms_snapshot_plan *plan = make_plan(live, NULL);
	uint64_t length = ms_snapshot_plan_summary(plan).file_bytes;
	assert_int_equal(pipe(fds), 0);
	pid_t reader = fork();
	if (reader == 0) {
		static char buffer[65536];
		int out = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
		ssize_t n;
		close(fds[1]);
		while ((n = read(fds[0], buffer, sizeof(buffer))) > 0) {
			if (write(out, buffer, (size_t)n) != n)
				_exit(1);
		}
		_exit(0);
	}
	close(fds[0]);
	struct ms_snapshot_output output = { .fd = fds[1] };
	no_error(ms_snapshot_write(plan, &output, NULL, NULL, &result));
	close(fds[1]);
	int status;
	waitpid(reader, &status, 0);
	assert_int_equal(status, 0);
	assert_int_equal(result.written_bytes, length);
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, length);
	struct ms_target *file = open_file();
	assert_same_pages(live, file);
	for (size_t i = 0; i < 64; i++)
		assert_page(file, child.planted.at[PLANT_SPARSE] + i * 4096, i % 7 == 0);
	ms_target_free(file);
	ms_snapshot_plan_free(plan);
	ms_target_free(live);
	end_child(&child);
}

static void selects(void **state)
{
	struct child child = start_child();
	uint64_t at = child.planted.at[PLANT_ANON];
	char text[64];
	(void)state;
	struct ms_target *live = open_live(&child);
	snprintf(text, sizeof(text), "%llx+1000", (unsigned long long)at);
	struct ms_selector range = ms_selector_parse(text);
	assert_true(range.is_range);
	struct ms_snapshot_options options = { .only = &range, .n_only = 1 };
	(void)take(live, &options);
	struct ms_target *file = open_file();
	assert_page(file, at, true);
	struct ms_gaps gaps = gaps_of(file, child.planted.at[PLANT_CLEARED], 1);
	ms_gaps_deinit(&gaps);
	ms_target_free(file);

	options = (struct ms_snapshot_options){ .exclude = &range, .n_exclude = 1 };
	(void)take(live, &options);
	file = open_file();
	gaps = gaps_of(file, at, 1);
	assert_true(has_gap(&gaps, at, MS_GAP_NOT_CAPTURED));
	ms_gaps_deinit(&gaps);
	ms_target_free(file);

	struct ms_selector nothing = ms_selector_parse("no such mapping");
	options = (struct ms_snapshot_options){ .only = &nothing, .n_only = 1 };
	struct ms_snapshot_plan *plan;
	struct ms_error *err = ms_snapshot_plan_new(live, &options, &plan);
	assert_true(ms_error_is(err, MS_ERROR_USAGE));
	ms_error_free(err);

	options = (struct ms_snapshot_options){ .no_contents = true };
	struct ms_snapshot_result result = take(live, &options);
	assert_int_equal(result.data_bytes, 0);
	file = open_file();
	assert_same_pages(live, file);
	ms_target_free(file);
	ms_target_free(live);
	end_child(&child);
}

// A file that is cut off or damaged anywhere is refused or read in part; never believed
// blindly and never the end of us.
static void survives_damage(void **state)
{
	struct child child = start_child();
	struct ms_selector range = { .name = "[stack]" };
	struct ms_snapshot_options options = { .only = &range, .n_only = 1 };
	_cleanup_buffer_ struct ms_buffer bytes = { 0 };
	unsigned seed = (unsigned)time(NULL);
	(void)state;
	print_message("seed %u\n", seed);
	struct ms_target *live = open_live(&child);
	(void)take(live, &options);
	no_error(ms_read_file_at(AT_FDCWD, path, SIZE_MAX, &bytes));
	for (int round = 0; round < 300; round++) {
		int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
		size_t n = round % 3 ? bytes.n : (size_t)rand_r(&seed) % bytes.n;
		assert_int_equal(write(fd, bytes.p, n), n);
		// Damage headers and notes rather than the pages between.
		for (int i = 0; i < round % 16; i++) {
			uint64_t v = (uint64_t)rand_r(&seed) << (rand_r(&seed) % 40);
			size_t where = (size_t)rand_r(&seed) % 16384;
			if (rand_r(&seed) % 2)
				where = bytes.n - 1 - where;
			(void)!pwrite(
				fd, &v, 1 + (size_t)rand_r(&seed) % 8, (off_t)where);
		}
		close(fd);
		struct ms_target *file = NULL;
		struct ms_error *err = ms_target_open_path(path, NULL, &file);
		if (!err) {
			uint8_t page[4096];
			for (size_t i = 0; i < ms_target_maps(file)->n; i++)
				(void)ms_target_get(file,
					ms_target_maps(file)->v[i].range.start, page,
					sizeof(page));
		}
		ms_error_free(err);
		ms_target_free(file);
	}
	ms_target_free(live);
	end_child(&child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holds_what_was_there),
		cmocka_unit_test(names_what_is_not_there),
		cmocka_unit_test(stores_shared_memory_once),
		cmocka_unit_test(is_sealed_when_the_target_ends),
		cmocka_unit_test(never_replaces_a_file_unasked),
		cmocka_unit_test(leaves_nothing_when_cancelled),
		cmocka_unit_test(leaves_nothing_when_the_disk_is_full),
		cmocka_unit_test(writes_the_same_to_a_pipe),
		cmocka_unit_test(selects),
		cmocka_unit_test(survives_damage),
	};
	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
