// Page states of a real process: ourselves, with pages in every state we can make.

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proc/proc.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

enum {
	PAGES = 3000
};

struct fixture {
	struct ms_arena arena;
	struct ms_maps maps;
	struct ms_maps small; // without the terabytes a sanitizer reserves
	int fd;
};

static void no_error(struct ms_error *err)
{
	if (err)
		fail_msg("%s", err->message);
}

static void load_maps(struct fixture *f, int pid)
{
	char path[64];
	struct ms_buffer text = {};
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	no_error(ms_read_file_at(AT_FDCWD, path, 64 << 20, &text));
	ms_arena_init(&f->arena);
	no_error(ms_maps_parse(ms_buffer_bytes(&text), &f->arena, &f->maps));
	ms_buffer_deinit(&text);
	snprintf(path, sizeof(path), "/proc/%d/pagemap", pid);
	f->fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(f->fd >= 0);
	assert_int_equal(f->maps.odd_lines, 0);

	f->small.v = ms_new(&f->arena, struct ms_mapping, f->maps.n);
	assert_non_null(f->small.v);
	f->small.n = 0;
	for (size_t i = 0; i < f->maps.n; i++)
		if (ms_range_size(f->maps.v[i].range) < UINT64_C(1) << 32)
			f->small.v[f->small.n++] = f->maps.v[i];
}

static void unload(struct fixture *f)
{
	ms_close(f->fd);
	ms_arena_deinit(&f->arena);
}

// A stopped child keeps its page states still while both sources look at it.
static pid_t stopped_child(uint8_t **area)
{
	uint8_t *p = mmap(NULL, PAGES * MS_PAGE_SIZE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(p != MAP_FAILED);
	(void)madvise(p, PAGES * MS_PAGE_SIZE, MADV_NOHUGEPAGE);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct timespec now;              // makes a page of [vdso] present
		prctl(PR_SET_PDEATHSIG, SIGKILL); // a failed check leaves none behind
		clock_gettime(CLOCK_MONOTONIC, &now);
		for (size_t i = 0; i < PAGES; i++) {
			uint8_t *page = p + i * MS_PAGE_SIZE;
			if (i % 7 == 1)
				*page = 1;
			if (i % 7 == 3)
				(void)*(volatile uint8_t *)page;
		}
		(void)madvise(p + 14 * MS_PAGE_SIZE, MS_PAGE_SIZE, MADV_GUARD_INSTALL);
		raise(SIGSTOP);
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_true(WIFSTOPPED(status));
	*area = p;
	return pid;
}

static void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static uint64_t page_map_word(const void *p)
{
	uint64_t word = 0, page = (uintptr_t)p / MS_PAGE_SIZE;
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	assert_int_equal(
		ms_pread_all(fd, &word, sizeof(word), page * sizeof(word)), sizeof(word));
	close(fd);
	return word;
}

// With CAP_SYS_ADMIN page map words tell the zero page, too: by its frame number.
static bool sees_frames(void)
{
	uint64_t word = 1;
	return page_map_word(&word) & ((UINT64_C(1) << 55) - 1);
}

// There are kernels that give memory which is only read pages of its own.
static bool has_zero_page(void)
{
	uint8_t *p =
		mmap(NULL, MS_PAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(p != MAP_FAILED);
	(void)*(volatile uint8_t *)p;
	bool is_own = page_map_word(p) >> 56 & 1;
	munmap(p, MS_PAGE_SIZE);
	return !is_own;
}

static void states_are_what_we_made(void **state)
{
	(void)state;
	uint8_t *area;
	pid_t pid = stopped_child(&area);
	struct fixture f;
	load_maps(&f, pid);
	for (int force = 0; force < 2; force++) {
		struct ms_pages *pages;
		struct ms_pages_source source;
		no_error(ms_pages_load(f.fd, &f.small, force, &source, &pages));
		if (force)
			assert_false(source.has_scan);
		for (size_t i = 0; i < PAGES; i++) {
			enum ms_page_state s =
				ms_pages_get(pages, (uintptr_t)area + i * MS_PAGE_SIZE);
			if (i == 14) {
				if (source.has_guard)
					assert_int_equal(s, MS_PAGE_GUARD);
			} else if (i % 7 == 1 || (i % 7 == 3 && !has_zero_page())) {
				assert_int_equal(s, MS_PAGE_ANON);
			} else if (i % 7 == 3) {
				if (source.has_scan || sees_frames())
					assert_int_equal(s, MS_PAGE_ZERO);
				else
					assert_true(
						s == MS_PAGE_ZERO || s == MS_PAGE_ANON);
			} else {
				assert_int_equal(s, MS_PAGE_ABSENT);
			}
		}
		ms_pages_free(pages);
	}
	end_child(pid);
	unload(&f);
}

static void both_sources_agree(void **state)
{
	(void)state;
	uint8_t *area;
	pid_t pid = stopped_child(&area);
	struct fixture f;
	load_maps(&f, pid);
	struct ms_pages *scan, *words;
	struct ms_pages_source source, other;
	no_error(ms_pages_load(f.fd, &f.small, false, &source, &scan));
	no_error(ms_pages_load(f.fd, &f.small, true, &other, &words));
	for (size_t i = 0; i < f.small.n; i++) {
		struct ms_range r = f.small.v[i].range;
		for (uint64_t at = r.start; at < r.end; at += MS_PAGE_SIZE) {
			enum ms_page_state a = ms_pages_get(scan, at);
			enum ms_page_state b = ms_pages_get(words, at);
			if (a == b || a == MS_PAGE_ZERO ||
				(a == MS_PAGE_GUARD && b == MS_PAGE_SWAPPED))
				continue;
			fail_msg("%#lx: scan %d, words %d", (unsigned long)at, a, b);
		}
	}
	ms_pages_free(scan);
	ms_pages_free(words);
	end_child(pid);
	unload(&f);
}

enum {
	HUGE = 2 << 20
};

static bool has_huge_zero_page(void)
{
	struct ms_buffer text = {};
	_cleanup_error_ struct ms_error *err = ms_read_file_at(
		AT_FDCWD, "/sys/kernel/mm/transparent_hugepage/use_zero_page", 64, &text);
	bool use = !err && ms_bytes_starts(ms_buffer_bytes(&text), "1");
	ms_buffer_deinit(&text);
	return use;
}

// A huge page of zeros is one too; page map words take it for a page of a file.
static void the_huge_zero_page_is_zero(void **state)
{
	(void)state;
	uint8_t *p = mmap(NULL, 2 * HUGE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(p != MAP_FAILED);
	uint8_t *huge = (uint8_t *)(((uintptr_t)p + HUGE - 1) & ~(uintptr_t)(HUGE - 1));
	if (!has_zero_page() || !has_huge_zero_page() ||
		madvise(huge, HUGE, MADV_HUGEPAGE) < 0) {
		munmap(p, 2 * HUGE);
		skip();
	}
	(void)*(volatile uint8_t *)huge;
	struct fixture f;
	load_maps(&f, getpid());
	for (int force = 0; force < 2; force++) {
		struct ms_pages *pages;
		struct ms_pages_source source;
		enum ms_page_state s;
		no_error(ms_pages_load(f.fd, &f.small, force, &source, &pages));
		struct ms_range run =
			ms_pages_run(pages, (uintptr_t)huge, (uintptr_t)huge + HUGE, &s);
		// Where the kernel could or would not, only small pages are there.
		if (s == MS_PAGE_ZERO)
			assert_true(ms_range_size(run) == HUGE ||
				    ms_range_size(run) == MS_PAGE_SIZE);
		else
			assert_true(
				s == MS_PAGE_ANON && ms_range_size(run) == MS_PAGE_SIZE);
		ms_pages_free(pages);
	}
	unload(&f);
	munmap(p, 2 * HUGE);
}

static uint64_t rollup_rss(pid_t pid)
{
	char path[64];
	struct ms_buffer text = {};
	struct ms_arena arena;
	struct ms_smaps smaps;
	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	no_error(ms_read_file_at(AT_FDCWD, path, 1 << 20, &text));
	ms_arena_init(&arena);
	no_error(ms_smaps_parse(ms_buffer_bytes(&text), &arena, &smaps));
	assert_int_equal(smaps.n, 1);
	uint64_t rss = smaps.v[0].bytes[MS_SMAPS_RSS];
	ms_arena_deinit(&arena);
	ms_buffer_deinit(&text);
	return rss;
}

static void resident_bytes_equal_the_kernels_sum(void **state)
{
	(void)state;
	uint8_t *area;
	pid_t pid = stopped_child(&area);
	struct fixture f;
	load_maps(&f, pid);
	struct ms_pages *pages;
	struct ms_pages_source source;
	no_error(ms_pages_load(f.fd, &f.maps, false, &source, &pages));
	uint64_t sum = 0;
	for (size_t i = 0; i < f.maps.n; i++)
		if (ms_mapping_counts(&f.maps.v[i]))
			sum += ms_pages_resident(pages, f.maps.v[i].range);
	if (source.has_scan)
		assert_int_equal(sum, rollup_rss(pid));
	else
		assert_true(sum >= rollup_rss(pid));
	ms_pages_free(pages);
	end_child(pid);
	unload(&f);
}

static void a_process_that_ended_is_gone(void **state)
{
	(void)state;
	uint8_t *area;
	pid_t pid = stopped_child(&area);
	struct fixture f;
	load_maps(&f, pid);
	end_child(pid);
	for (int force = 0; force < 2; force++) {
		struct ms_pages *pages;
		struct ms_pages_source source;
		struct ms_error *err =
			ms_pages_load(f.fd, &f.small, force, &source, &pages);
		assert_true(ms_error_is(err, MS_ERROR_GONE));
		ms_error_free(err);
	}
	unload(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(states_are_what_we_made),
		cmocka_unit_test(both_sources_agree),
		cmocka_unit_test(the_huge_zero_page_is_zero),
		cmocka_unit_test(resident_bytes_equal_the_kernels_sum),
		cmocka_unit_test(a_process_that_ended_is_gone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
