// Reading ahead with one thread and a ring of blocks.

#include "strings/ahead_internal.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

enum {
	SLOTS = 3
};

struct ahead {
	int fd;
	uint64_t offset, left; // the thread's own
	size_t block, before;

	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct ahead_block slots[SLOTS];
	size_t filled, taken; // counts of blocks; slot number modulo SLOTS
	bool stop, is_held;

	uint8_t *memory;
};

static struct ahead_block read_block(struct ahead *a, uint8_t *p)
{
	size_t want = (size_t)ms_min(a->block, a->left);
	ssize_t n = 0;
	if (want)
		do
			n = pread(a->fd, p, want, (off_t)a->offset);
		while (n < 0 && errno == EINTR);
	if (n < 0)
		return (struct ahead_block){ .p = p, .errnum = errno };
	a->offset += (uint64_t)n;
	a->left -= (uint64_t)n;
	return (struct ahead_block){ .p = p, .n = (size_t)n };
}

// False when nobody wants more.
static bool wait_for_room(struct ahead *a)
{
	pthread_mutex_lock(&a->lock);
	while (!a->stop && a->filled - a->taken == SLOTS)
		pthread_cond_wait(&a->changed, &a->lock);
	bool stop = a->stop;
	pthread_mutex_unlock(&a->lock);
	return !stop;
}

static void *run(void *arg)
{
	struct ahead *a = arg;
	bool is_end = false;
	while (!is_end && wait_for_room(a)) {
		size_t slot = a->filled % SLOTS; // only this thread changes it
		struct ahead_block block = read_block(a, a->slots[slot].p);
		is_end = !block.n;
		pthread_mutex_lock(&a->lock);
		a->slots[slot] = block;
		a->filled++;
		pthread_cond_broadcast(&a->changed);
		pthread_mutex_unlock(&a->lock);
	}
	return NULL;
}

// Signals are for the thread that polls the cancel flag.
static int start(struct ahead *a)
{
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int failed = pthread_create(&a->thread, NULL, run, a);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return failed;
}

struct ms_error *ahead_new(int fd, uint64_t offset, uint64_t size, size_t block,
	size_t before, size_t after, struct ahead **ret)
{
	struct ahead *a = calloc(1, sizeof(*a));
	size_t stride = (before + block + after + 63) / 64 * 64;
	if (!a)
		return &ms_error_nomem;
	a->memory = aligned_alloc(64, SLOTS * stride);
	if (!a->memory) {
		free(a);
		return &ms_error_nomem;
	}
	a->fd = fd;
	a->offset = offset;
	a->left = size;
	a->block = block;
	for (size_t i = 0; i < SLOTS; i++)
		a->slots[i].p = a->memory + i * stride + before;
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->changed, NULL);
	if (start(a)) {
		pthread_cond_destroy(&a->changed);
		pthread_mutex_destroy(&a->lock);
		free(a->memory);
		free(a);
		a = NULL;
	}
	*ret = a;
	return NULL;
}

struct ahead_block ahead_next(struct ahead *a)
{
	pthread_mutex_lock(&a->lock);
	if (a->is_held) {
		a->taken++;
		pthread_cond_broadcast(&a->changed);
	}
	while (a->filled == a->taken)
		pthread_cond_wait(&a->changed, &a->lock);
	struct ahead_block block = a->slots[a->taken % SLOTS];
	// The last block stays: asked again, the answer is the same.
	a->is_held = block.n != 0;
	pthread_mutex_unlock(&a->lock);
	return block;
}

void ahead_free(struct ahead *a)
{
	if (!a)
		return;
	pthread_mutex_lock(&a->lock);
	a->stop = true;
	pthread_cond_broadcast(&a->changed);
	pthread_mutex_unlock(&a->lock);
	pthread_join(a->thread, NULL);
	pthread_cond_destroy(&a->changed);
	pthread_mutex_destroy(&a->lock);
	free(a->memory);
	free(a);
}
