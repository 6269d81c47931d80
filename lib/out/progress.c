// The progress line: see progress.h.

#include "out/progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/size.h"

static const uint64_t first_after_ns = 1000000000;
static const uint64_t redraw_after_ns = 100000000;
static const uint64_t forced_after_ns = 1000000000; // lines in a log, not a terminal

void ms_progress_start(
	struct ms_progress *progress, int fd, const char *verb, uint64_t total)
{
	uint64_t (*now_ns)(void) = progress->now_ns ? progress->now_ns : ms_now_ns;
	progress->fd = fd;
	progress->verb = verb;
	progress->total = total;
	progress->now_ns = now_ns;
	progress->started_ns = now_ns();
	atomic_store(&progress->done, 0);
	atomic_store(&progress->next_ns, progress->started_ns + first_after_ns);
	atomic_flag_clear(&progress->is_drawing);
	atomic_store(&progress->is_visible, false);
}

// A background job that writes to its terminal would be stopped, or would disturb whoever
// has the foreground.
static bool may_draw(const struct ms_progress *progress)
{
	if (progress->is_forced)
		return true;
	return tcgetpgrp(progress->fd) == getpgrp();
}

static int amount_text(
	char *text, size_t size, const struct ms_progress *progress, uint64_t done)
{
	char now[MS_SIZE_TEXT], total[MS_SIZE_TEXT];
	if (!progress->total)
		return snprintf(
			text, size, "%s %s MiB", progress->verb, ms_mib_text(done, now));
	// The estimate may be passed: a live target grows.
	uint64_t of = done > progress->total ? done : progress->total;
	return snprintf(text, size, "%s %s of %s MiB, %u%%", progress->verb,
		ms_mib_text(done, now), ms_mib_text(of, total),
		(unsigned)((double)done * 100 / (double)of));
}

// One write, so that nothing comes between its parts. A line that wrapped could not be
// erased, so it is cut before the last column.
static void draw(struct ms_progress *progress, uint64_t now)
{
	char line[256], text[320], rate[MS_SIZE_TEXT];
	uint64_t done = atomic_load(&progress->done);
	double seconds = (double)(now - progress->started_ns) / 1e9;
	int n = amount_text(line, sizeof(line) - 64, progress, done);
	n += snprintf(line + n, 64, ", %s MiB/s",
		ms_mib_text((uint64_t)((double)done / seconds), rate));
	if (progress->width && n >= (int)progress->width)
		n = (int)progress->width - 1;
	bool is_line = progress->is_forced;
	n = snprintf(text, sizeof(text), is_line ? "%s%.*s\n" : "%s%.*s",
		is_line ? "" : "\r\033[K", n, line);
	(void)ms_write_all(progress->fd, text, (size_t)n);
	atomic_store(&progress->is_visible, !is_line);
}

void ms_progress_add(struct ms_progress *progress, uint64_t bytes)
{
	atomic_fetch_add(&progress->done, bytes);
	if (progress->fd < 0)
		return;
	uint64_t now = progress->now_ns();
	if (now < atomic_load(&progress->next_ns))
		return;
	if (atomic_flag_test_and_set(&progress->is_drawing))
		return; // another thread draws
	atomic_store(&progress->next_ns,
		now + (progress->is_forced ? forced_after_ns : redraw_after_ns));
	if (may_draw(progress))
		draw(progress, now);
	atomic_flag_clear(&progress->is_drawing);
}

void ms_progress_clear(struct ms_progress *progress)
{
	if (!atomic_exchange(&progress->is_visible, false))
		return;
	static const char erase[] = "\r\033[K";
	(void)ms_write_all(progress->fd, erase, sizeof(erase) - 1);
}

void ms_progress_end(struct ms_progress *progress)
{
	ms_progress_clear(progress);
	progress->fd = -1;
}
