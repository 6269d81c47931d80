/**
 * A child process with memory of known contents, for tests that look at it from outside.
 *
 * Every page of the object at `at[i]` is filled by plant_byte(), so that any byte seen
 * from outside can be checked by its address alone.
 */
#pragma once

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "target/images.h"
#include "target/target.h"

enum plant {
	PLANT_ANON,        ///< 64 pages, all touched
	PLANT_SPARSE,      ///< 4096 pages, every 7th touched
	PLANT_HOLE,        ///< 3 pages, the middle one PROT_NONE but resident
	PLANT_GUARD,       ///< 3 pages, the middle one MADV_GUARD_INSTALL
	PLANT_ZERO,        ///< 16 pages that were only read
	PLANT_CLEARED,     ///< 16 pages written and then cleared
	PLANT_FILE,        ///< 8 pages of a file, private; the third one written
	PLANT_MEMFD,       ///< 16 pages of a memfd, the first view; even ones touched
	PLANT_MEMFD_AGAIN, ///< the same memfd; odd ones touched
	PLANT_SHARED_FORK, ///< 64 pages shared with a grandchild after fork
	PLANT_COUNT,
};

struct planted {
	uint64_t at[PLANT_COUNT];
	bool has_guard;
};

struct child {
	pid_t pid;
	struct planted planted;
};

static inline uint8_t plant_byte(uint64_t address)
{
	uint64_t page = address / 4096;
	return (uint8_t)((page * 131 + address % 4096 * 7) | 1);
}

static inline void plant_page(uint8_t *page)
{
	for (size_t i = 0; i < 4096; i++)
		page[i] = plant_byte((uint64_t)(uintptr_t)(page + i));
}

static inline uint8_t *plant_map(size_t pages, int flags, int fd)
{
	uint8_t *p = mmap(NULL, pages * 4096, PROT_READ | PROT_WRITE, flags, fd, 0);
	if (p == MAP_FAILED)
		_exit(1);
	(void)madvise(p, pages * 4096, MADV_NOHUGEPAGE);
	return p;
}

static inline uint8_t *plant_anon(size_t pages, size_t step)
{
	uint8_t *p = plant_map(pages, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	for (size_t i = 0; step && i < pages; i += step)
		plant_page(p + i * 4096);
	return p;
}

static inline uint8_t *plant_file(void)
{
	FILE *f = tmpfile();
	for (size_t i = 0; f && i < 8 * 4096; i++)
		fputc((int)(i % 251), f);
	if (!f || fflush(f) != 0)
		_exit(1);
	uint8_t *p = plant_map(8, MAP_PRIVATE, fileno(f));
	plant_page(p + 2 * 4096);
	return p;
}

static inline void plant_memfd(struct planted *planted)
{
	int fd = (int)syscall(SYS_memfd_create, "plant", 0);
	if (fd < 0 || ftruncate(fd, 16 * 4096) < 0)
		_exit(1);
	uint8_t *first = plant_map(16, MAP_SHARED, fd);
	uint8_t *again = plant_map(16, MAP_SHARED, fd);
	for (size_t i = 0; i < 16; i++)
		plant_page((i % 2 ? again : first) + i * 4096);
	planted->at[PLANT_MEMFD] = (uintptr_t)first;
	planted->at[PLANT_MEMFD_AGAIN] = (uintptr_t)again;
}

static inline void plant_holes(struct planted *planted)
{
	uint8_t *hole = plant_anon(3, 1), *guard = plant_anon(3, 1);
	if (mprotect(hole + 4096, 4096, PROT_NONE) < 0)
		_exit(1);
	planted->has_guard =
		madvise(guard + 4096, 4096, 102 /* MADV_GUARD_INSTALL */) == 0;
	planted->at[PLANT_HOLE] = (uintptr_t)hole;
	planted->at[PLANT_GUARD] = (uintptr_t)guard;
}

static inline void plant_all(struct planted *planted)
{
	planted->at[PLANT_ANON] = (uintptr_t)plant_anon(64, 1);
	planted->at[PLANT_SPARSE] = (uintptr_t)plant_anon(4096, 7);
	volatile uint8_t *zero = plant_anon(16, 0);
	for (size_t i = 0; i < 16; i++)
		(void)zero[i * 4096];
	planted->at[PLANT_ZERO] = (uintptr_t)zero;
	uint8_t *cleared = plant_anon(16, 1);
	memset(cleared, 0, 16 * 4096);
	planted->at[PLANT_CLEARED] = (uintptr_t)cleared;
	planted->at[PLANT_FILE] = (uintptr_t)plant_file();
	plant_memfd(planted);
	plant_holes(planted);
	planted->at[PLANT_SHARED_FORK] = (uintptr_t)plant_anon(64, 1);
}

// The child: plants, forks the grandchild that shares its pages, tells, and waits.
static inline void child_main(int to_parent)
{
	struct planted planted = { 0 };
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "planted (child)");
	plant_all(&planted);
	pid_t grandchild = fork();
	if (grandchild == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	// What was only shared because of the fork is made the child's own again.
	plant_page((uint8_t *)(uintptr_t)planted.at[PLANT_ANON]);
	if (write(to_parent, &planted, sizeof(planted)) != sizeof(planted))
		_exit(1);
	for (;;)
		pause();
}

static inline struct child start_child(void)
{
	struct child child = { 0 };
	int fds[2];
	if (pipe(fds) < 0)
		abort();
	child.pid = fork();
	if (child.pid == 0) {
		close(fds[0]);
		child_main(fds[1]);
	}
	close(fds[1]);
	if (read(fds[0], &child.planted, sizeof(child.planted)) != sizeof(child.planted))
		abort();
	close(fds[0]);
	return child;
}

static inline void stop_child(struct child *child)
{
	int status;
	kill(child->pid, SIGSTOP);
	waitpid(child->pid, &status, WUNTRACED);
}

static inline void end_child(struct child *child)
{
	kill(child->pid, SIGKILL);
	waitpid(child->pid, NULL, 0);
}
