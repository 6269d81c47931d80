// The writer of a snapshot: see writer.h.
//
// One producer (the caller) and one thread share a ring of stripes. Data goes to the disk
// by O_DIRECT, because page cache made by a dump is charged to the cgroup whose limit is
// the reason for the dump; where a file system refuses, windows are synced and dropped.

#include "snapshot/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

enum {
	STRIPES = 4,
	PAGE = 4096,
	SYNC_WINDOW = 4 << 20,
	ABSORB_PAGES = 4,   // a hole this short is cheaper written than sought over
	ABSORB_SHARE = 128, // but at most this share of what is written
	WORDS = MS_STRIPE_PAGES / 64,
};

struct stripe {
	uint8_t *data;
	uint64_t offset;        // in the file, a multiple of MS_STRIPE
	uint64_t filled[WORDS]; // pages the producer gave out
};

struct ms_writer {
	int fd;
	const char *name;
	bool is_stream;
	bool is_direct;
	uint8_t *memory;
	struct stripe stripes[STRIPES];
	struct stripe *current; // the producer's; NULL before the first byte

	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t thread;
	bool has_thread;
	unsigned head; // stripes submitted, ever
	unsigned tail; // stripes written, ever
	bool ends;
	int errnum; // first failure of the thread

	// The thread's own, until it has ended.
	uint64_t stream_at; // next byte of a stream
	uint64_t synced_to, dropped_to;
	struct ms_writer_stats stats;
	uint64_t absorbed;
};

static bool is_filled(const struct stripe *s, size_t page)
{
	return s->filled[page / 64] >> (page % 64) & 1;
}

static bool write_at(struct ms_writer *w, const uint8_t *p, size_t n, uint64_t offset)
{
	w->stats.written_bytes += n;
	if (w->is_stream)
		return ms_write_all(w->fd, p, n);
	if (ms_pwrite_all(w->fd, p, n, offset))
		return true;
	if (errno != EINVAL || !w->is_direct)
		return false;
	// A file system that takes the flag and then refuses the write.
	w->is_direct = false;
	int flags = fcntl(w->fd, F_GETFL);
	return fcntl(w->fd, F_SETFL, flags & ~O_DIRECT) == 0 &&
	       ms_pwrite_all(w->fd, p, n, offset);
}

// Keep what we write from piling up in the page cache.
static void drop_behind(struct ms_writer *w, uint64_t end)
{
	if (w->is_direct || w->is_stream || end < w->synced_to + SYNC_WINDOW)
		return;
	(void)sync_file_range(w->fd, (off_t)w->synced_to, (off_t)(end - w->synced_to),
		SYNC_FILE_RANGE_WRITE);
	if (w->synced_to > w->dropped_to) {
		off_t n = (off_t)(w->synced_to - w->dropped_to);
		(void)sync_file_range(w->fd, (off_t)w->dropped_to, n,
			SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
				SYNC_FILE_RANGE_WAIT_AFTER);
		(void)posix_fadvise(w->fd, (off_t)w->dropped_to, n, POSIX_FADV_DONTNEED);
	}
	w->dropped_to = w->synced_to;
	w->synced_to = end;
}

// Which pages hold something; pages nobody filled are made zero for whoever writes them.
static void find_data(
	struct ms_writer *w, struct stripe *s, bool has_data[MS_STRIPE_PAGES])
{
	for (size_t i = 0; i < MS_STRIPE_PAGES; i++) {
		uint8_t *page = s->data + i * PAGE;
		if (!is_filled(s, i)) {
			memset(page, 0, PAGE);
			has_data[i] = false;
			continue;
		}
		has_data[i] = !ms_is_zero(page, PAGE);
		if (!has_data[i])
			w->stats.zero_bytes += PAGE;
	}
}

// The end of the run of data at `from`, short holes included while the budget lasts.
static size_t run_end(struct ms_writer *w, const bool *has_data, size_t from)
{
	size_t end = from + 1;
	for (size_t i = end; i < MS_STRIPE_PAGES && i - end <= ABSORB_PAGES; i++) {
		if (!has_data[i])
			continue;
		uint64_t hole = (i - end) * PAGE;
		if ((w->absorbed + hole) * ABSORB_SHARE > w->stats.written_bytes)
			break;
		w->absorbed += hole;
		end = i + 1;
	}
	return end;
}

static bool write_runs(struct ms_writer *w, struct stripe *s)
{
	bool has_data[MS_STRIPE_PAGES];
	find_data(w, s, has_data);
	for (size_t i = 0; i < MS_STRIPE_PAGES; i++) {
		if (!has_data[i])
			continue;
		size_t end = run_end(w, has_data, i);
		if (!write_at(w, s->data + i * PAGE, (end - i) * PAGE,
			    s->offset + i * PAGE))
			return false;
		i = end - 1;
	}
	drop_behind(w, s->offset + MS_STRIPE);
	return true;
}

// Zeros up to an offset of a stream.
static bool stream_zeros(struct ms_writer *w, uint64_t to)
{
	static const uint8_t zeros[PAGE];
	while (w->stream_at < to) {
		size_t n = ms_min(sizeof(zeros), to - w->stream_at);
		if (!write_at(w, zeros, n, 0))
			return false;
		w->stream_at += n;
	}
	return true;
}

// A pipe gets every byte up to the last page that was filled; the rest comes as zeros
// with the next stripe or at the end.
static bool write_stream(struct ms_writer *w, struct stripe *s)
{
	bool has_data[MS_STRIPE_PAGES];
	size_t end = MS_STRIPE_PAGES;
	find_data(w, s, has_data);
	while (end && !is_filled(s, end - 1))
		end--;
	if (!stream_zeros(w, s->offset) || !write_at(w, s->data, end * PAGE, 0))
		return false;
	w->stream_at += end * PAGE;
	return true;
}

static bool write_stripe(struct ms_writer *w, struct stripe *s)
{
	return w->is_stream ? write_stream(w, s) : write_runs(w, s);
}

static void *writer_main(void *arg)
{
	struct ms_writer *w = arg;
	pthread_mutex_lock(&w->lock);
	for (;;) {
		while (w->tail == w->head && !w->ends)
			pthread_cond_wait(&w->changed, &w->lock);
		if (w->tail == w->head)
			break;
		struct stripe *s = &w->stripes[w->tail % STRIPES];
		bool has_failed = w->errnum != 0;
		pthread_mutex_unlock(&w->lock);
		int errnum = has_failed || write_stripe(w, s) ? 0 : errno;
		pthread_mutex_lock(&w->lock);
		if (errnum)
			w->errnum = errnum;
		w->tail++;
		pthread_cond_signal(&w->changed);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static struct ms_error *write_error(const struct ms_writer *w, int errnum)
{
	return ms_error_os(errnum, "cannot write '%s'", w->name);
}

struct ms_error *ms_writer_new(
	int fd, const char *name, bool is_stream, struct ms_writer **ret)
{
	struct ms_writer *w = calloc(1, sizeof(*w));
	if (!w)
		return &ms_error_nomem;
	w->fd = fd;
	w->name = name;
	w->is_stream = is_stream;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->changed, NULL);
	w->memory = aligned_alloc(PAGE, (size_t)STRIPES * MS_STRIPE);
	if (!w->memory) {
		ms_writer_free(w);
		return &ms_error_nomem;
	}
	for (size_t i = 0; i < STRIPES; i++)
		w->stripes[i].data = w->memory + i * MS_STRIPE;
	if (!is_stream) {
		int flags = fcntl(fd, F_GETFL);
		w->is_direct = fcntl(fd, F_SETFL, flags | O_DIRECT) == 0;
		w->stats.used_direct_io = w->is_direct;
	}
	int errnum = pthread_create(&w->thread, NULL, writer_main, w);
	if (errnum) {
		ms_writer_free(w);
		return ms_error_os(errnum, "cannot start the writer thread");
	}
	w->has_thread = true;
	*ret = w;
	return NULL;
}

static void end_thread(struct ms_writer *w)
{
	if (!w->has_thread)
		return;
	pthread_mutex_lock(&w->lock);
	w->ends = true;
	pthread_cond_signal(&w->changed);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	w->has_thread = false;
}

void ms_writer_free(struct ms_writer *w)
{
	if (!w)
		return;
	end_thread(w);
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->lock);
	free(w->memory);
	free(w);
}

// Hand the current stripe to the thread, and wait until there is a free one.
static struct ms_error *submit(struct ms_writer *w)
{
	pthread_mutex_lock(&w->lock);
	if (w->current) {
		w->head++;
		w->current = NULL;
		pthread_cond_signal(&w->changed);
	}
	while (w->head - w->tail == STRIPES)
		pthread_cond_wait(&w->changed, &w->lock);
	int errnum = w->errnum;
	pthread_mutex_unlock(&w->lock);
	return errnum ? write_error(w, errnum) : NULL;
}

// Mark pages as filled. A page that is only partly given out is zeroed first.
static void fill(struct stripe *s, uint64_t from, uint64_t end)
{
	for (size_t page = from / PAGE; page * PAGE < end; page++) {
		bool is_whole = page * PAGE >= from && (page + 1) * PAGE <= end;
		if (!is_whole && !is_filled(s, page))
			memset(s->data + page * PAGE, 0, PAGE);
		s->filled[page / 64] |= UINT64_C(1) << (page % 64);
	}
}

struct ms_error *ms_writer_room(struct ms_writer *w, uint64_t offset, uint64_t want,
	uint64_t *ret_n, uint8_t **ret)
{
	uint64_t base = ms_align_down(offset, MS_STRIPE);
	if (!w->current || w->current->offset != base) {
		struct ms_error *err = submit(w);
		if (err)
			return err;
		w->current = &w->stripes[w->head % STRIPES];
		w->current->offset = base;
		memset(w->current->filled, 0, sizeof(w->current->filled));
	}
	uint64_t from = offset - base;
	uint64_t n = ms_min(want, MS_STRIPE - from);
	fill(w->current, from, from + n);
	*ret_n = n;
	*ret = w->current->data + from;
	return NULL;
}

struct ms_error *ms_writer_put(
	struct ms_writer *w, uint64_t offset, const void *p, uint64_t n)
{
	while (n) {
		uint64_t room;
		uint8_t *to;
		struct ms_error *err = ms_writer_room(w, offset, n, &room, &to);
		if (err)
			return err;
		memcpy(to, p, room);
		p = (const uint8_t *)p + room;
		offset += room;
		n -= room;
	}
	return NULL;
}

struct ms_error *ms_writer_finish(struct ms_writer *w, uint64_t size)
{
	struct ms_error *err = submit(w);
	if (err)
		return err;
	end_thread(w);
	if (w->errnum)
		return write_error(w, w->errnum);
	if (w->is_stream)
		return stream_zeros(w, size) ? NULL : write_error(w, errno);
	if (ftruncate(w->fd, (off_t)size) < 0 || fdatasync(w->fd) < 0)
		return write_error(w, errno);
	if (!w->is_direct)
		(void)posix_fadvise(w->fd, 0, 0, POSIX_FADV_DONTNEED);
	return NULL;
}

struct ms_writer_stats ms_writer_stats(const struct ms_writer *w)
{
	return w->stats;
}
