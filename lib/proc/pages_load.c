// Filling page states from /proc/PID/pagemap: see pages.h.
//
// Two sources. PAGEMAP_SCAN (Linux 6.7) gives regions by category and tells the zero page
// apart for everyone. The 8-byte words before it tell it only through the page frame
// number, which the kernel shows to CAP_SYS_ADMIN alone. Both are asked mapping by
// mapping: kernels before 4.0 mixed up words when one read spanned several.

#include "proc/pages.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

/* The kernel's structures, under names of ours: Linux before 6.7 has no header for them.
 */
struct scan_region {
	uint64_t start, end, categories;
};

struct scan_arg {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
	uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};

#define SCAN_IOCTL _IOWR('f', 16, struct scan_arg)

enum {
	SCAN_FILE = 1 << 2,
	SCAN_PRESENT = 1 << 3,
	SCAN_SWAPPED = 1 << 4,
	SCAN_ZERO = 1 << 5,
	SCAN_GUARD = 1 << 8, // Linux 6.15
};

static const uint64_t WORD_PRESENT = UINT64_C(1) << 63;
static const uint64_t WORD_SWAPPED = UINT64_C(1) << 62;
static const uint64_t WORD_FILE = UINT64_C(1) << 61;
static const uint64_t WORD_ONLY = UINT64_C(1) << 56;  // mapped once: Linux 4.2
static const uint64_t WORD_GUARD = UINT64_C(1) << 58; // Linux 6.15
static const uint64_t WORD_FRAME = (UINT64_C(1) << 55) - 1;

enum {
	// With more entries, Linux 6.18 repeats regions in calls that return over 512.
	SCAN_REGIONS = 512,
	// One call holds mmap_lock for its whole range: 64 MiB cost a target 0.35 ms.
	SCAN_STEP = 64 << 20,
	WORDS_STEP = 2 << 20, // what the kernel walks under one hold of mmap_lock
};

struct loader {
	int fd;
	struct ms_pages *pages;
	uint64_t scan_mask;  // categories this kernel knows; 0: no scan
	uint64_t zero_frame; // page frame of the zero page; 0: hidden from us
	bool has_no_file;    // the mapping in work is private and anonymous
	bool seen_guard;
};

static enum ms_page_state state_of_categories(uint64_t c)
{
	if (c & SCAN_GUARD) // also has SWAPPED
		return MS_PAGE_GUARD;
	if (c & SCAN_ZERO) // the huge one also has FILE
		return MS_PAGE_ZERO;
	if (c & SCAN_PRESENT)
		return c & SCAN_FILE ? MS_PAGE_FILE : MS_PAGE_ANON;
	return c & SCAN_SWAPPED ? MS_PAGE_SWAPPED : MS_PAGE_ABSENT;
}

// One call; -1 with errno, else the number of regions in `regions`.
static int scan(const struct loader *l, struct ms_range range, uint64_t mask,
	struct scan_region regions[SCAN_REGIONS], uint64_t *walk_end)
{
	struct scan_arg arg = {
		.size = sizeof(arg),
		.start = range.start,
		.end = range.end,
		.vec = (uintptr_t)regions,
		.vec_len = SCAN_REGIONS,
		.category_anyof_mask = mask & ~(uint64_t)(SCAN_FILE | SCAN_ZERO),
		.return_mask = mask,
	};
	int n;
	do
		n = ioctl(l->fd, SCAN_IOCTL, &arg);
	while (n < 0 && errno == EINTR);
	*walk_end = arg.walk_end;
	return n;
}

// The categories to ask for: an unknown one is EINVAL, a kernel without the call ENOTTY.
static uint64_t probe_scan(const struct loader *l, const struct ms_maps *maps)
{
	static const uint64_t base = SCAN_FILE | SCAN_PRESENT | SCAN_SWAPPED | SCAN_ZERO;
	struct scan_region regions[SCAN_REGIONS];
	uint64_t walk_end;
	if (!maps->n)
		return 0;
	struct ms_range page = { maps->v[0].range.start,
		maps->v[0].range.start + MS_PAGE_SIZE };
	if (scan(l, page, base | SCAN_GUARD, regions, &walk_end) >= 0)
		return base | SCAN_GUARD;
	return scan(l, page, base, regions, &walk_end) >= 0 ? base : 0;
}

static struct ms_error *load_scan_step(
	struct loader *l, struct ms_range step, uint64_t *ret_end)
{
	struct scan_region regions[SCAN_REGIONS];
	uint64_t walk_end;
	int n = scan(l, step, l->scan_mask, regions, &walk_end);
	if (n < 0)
		return ms_error_os(errno, "cannot scan the page map");
	if (n > SCAN_REGIONS || walk_end <= step.start || walk_end > step.end)
		return ms_error_format(step.start, "page map scan makes no sense");
	uint64_t at = step.start;
	for (int i = 0; i < n; i++) {
		// Clipped to what ascends: a repeated region must not count twice.
		struct ms_range region = { ms_max(regions[i].start, at),
			ms_min(regions[i].end, walk_end) };
		if (region.start >= region.end)
			continue;
		struct ms_error *err = ms_pages_set(
			l->pages, region, state_of_categories(regions[i].categories));
		if (err)
			return err;
		at = region.end;
	}
	*ret_end = walk_end;
	return NULL;
}

static struct ms_error *load_scan(struct loader *l, struct ms_range range)
{
	for (uint64_t at = range.start; at < range.end;) {
		struct ms_range step = { at, at + ms_min(SCAN_STEP, range.end - at) };
		struct ms_error *err = load_scan_step(l, step, &at);
		if (err)
			return err;
	}
	return NULL;
}

static enum ms_page_state state_of_word(const struct loader *l, uint64_t word)
{
	if (word & WORD_GUARD)
		return MS_PAGE_GUARD;
	if (word & WORD_PRESENT) {
		if (l->zero_frame && (word & WORD_FRAME) == l->zero_frame)
			return MS_PAGE_ZERO;
		if (!(word & WORD_FILE))
			return MS_PAGE_ANON;
		// The huge zero page is taken for one of a file, also where none can be.
		return l->has_no_file ? MS_PAGE_ZERO : MS_PAGE_FILE;
	}
	return word & WORD_SWAPPED ? MS_PAGE_SWAPPED : MS_PAGE_ABSENT;
}

static struct ms_error *set_words(
	struct loader *l, uint64_t start, const uint64_t *words, size_t n)
{
	for (size_t i = 0; i < n;) {
		enum ms_page_state state = state_of_word(l, words[i]);
		size_t from = i;
		while (++i < n && state_of_word(l, words[i]) == state)
			continue;
		struct ms_range run = { start + from * MS_PAGE_SIZE,
			start + i * MS_PAGE_SIZE };
		struct ms_error *err = ms_pages_set(l->pages, run, state);
		if (err)
			return err;
		l->seen_guard |= state == MS_PAGE_GUARD;
	}
	return NULL;
}

static struct ms_error *load_words(struct loader *l, struct ms_range range)
{
	uint64_t words[WORDS_STEP / MS_PAGE_SIZE];
	for (uint64_t at = range.start; at < range.end;) {
		uint64_t stop =
			ms_min(range.end, ms_align_down(at, WORDS_STEP) + WORDS_STEP);
		size_t size = (stop - at) / MS_PAGE_SIZE * sizeof(*words);
		int64_t got = ms_pread_all(l->fd, words, size, at / MS_PAGE_SIZE * 8);
		if (got < 0)
			return ms_error_os(errno, "cannot read the page map");
		size_t n = (size_t)got / sizeof(*words);
		struct ms_error *err = set_words(l, at, words, n);
		if (err)
			return err;
		at += n * MS_PAGE_SIZE;
		if (at < stop) // past the end of the page map, or no process any more
			return ms_pages_set(l->pages, (struct ms_range){ at, range.end },
				MS_PAGE_UNKNOWN);
	}
	return NULL;
}

/*
 * The page frame of the zero page, found on a page of ours that was only ever read; 0 if
 * frame numbers are hidden, or if the kernel gave us a page of our own.
 */
static uint64_t find_zero_frame(void)
{
	_cleanup_close_ int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	void *p = mmap(NULL, MS_PAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return 0;
	(void)*(volatile const uint8_t *)p;
	uint64_t word = 0;
	int64_t got =
		ms_pread_all(fd, &word, sizeof(word), (uintptr_t)p / MS_PAGE_SIZE * 8);
	(void)munmap(p, MS_PAGE_SIZE);
	bool is_shared = word & WORD_PRESENT && !(word & WORD_ONLY);
	return got == sizeof(word) && is_shared ? word & WORD_FRAME : 0;
}

// A page map of a process that ended reads as empty, and a scan of it finds nothing.
static struct ms_error *check_alive(const struct loader *l)
{
	uint64_t word;
	int64_t got = ms_pread_all(l->fd, &word, sizeof(word), 0);
	if (got < 0)
		return ms_error_os(errno, "cannot read the page map");
	return got ? NULL : ms_error_new(MS_ERROR_GONE, "the process ended");
}

// Only user space has a page map; [vsyscall] lies above it.
static bool has_page_map(const struct ms_mapping *m)
{
	return m->kind != MS_MAPPING_VSYSCALL && m->range.end <= UINT64_C(1) << 63 &&
	       m->range.start % MS_PAGE_SIZE == 0 && m->range.end % MS_PAGE_SIZE == 0;
}

// True if no page of the mapping can be of a file; those of [vdso] look as if they were.
static bool has_no_file(const struct ms_mapping *m)
{
	return !m->inode && !(m->flags & MS_MAPPING_SHARED) &&
	       m->kind != MS_MAPPING_UNKNOWN && ms_mapping_is_anonymous(m);
}

struct ms_error *ms_pages_load(int fd, const struct ms_maps *maps, bool force_words,
	struct ms_pages_source *ret_source, struct ms_pages **ret)
{
	_cleanup_(cleanup_ms_pages_free) struct ms_pages *pages = NULL;
	struct ms_error *err = ms_pages_new(&pages);
	if (err)
		return err;

	struct loader l = { .fd = fd, .pages = pages };
	if (!force_words)
		l.scan_mask = probe_scan(&l, maps);
	if (!l.scan_mask)
		l.zero_frame = find_zero_frame();
	for (size_t i = 0; i < maps->n; i++) {
		const struct ms_mapping *m = &maps->v[i];
		if (!has_page_map(m))
			continue;
		l.has_no_file = has_no_file(m);
		err = l.scan_mask ? load_scan(&l, m->range) : load_words(&l, m->range);
		if (err)
			return err;
	}
	err = check_alive(&l);
	if (err)
		return err;
	*ret_source = (struct ms_pages_source){
		.has_scan = l.scan_mask != 0,
		.has_guard = l.scan_mask & SCAN_GUARD || l.seen_guard,
	};
	*ret = ms_steal(pages);
	return NULL;
}
