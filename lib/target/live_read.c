// Reading a live process without hurting it.
//
// Each window's pagemap words are read just before its bytes, because the page states of
// the target are older. They decide page by page:
//  - not there: a gap, or for a file mapping the file's own bytes;
//  - exclusive, or of a file: process_vm_readv, 1.4 to 2.4 times as fast as the other
//  way;
//  - anonymous and shared after fork: /proc/PID/mem. process_vm_readv pins pages with
//    FOLL_PIN, which copies such a page first ("mm/gup: trigger FAULT_FLAG_UNSHARE when
//    R/O-pinning a possibly shared anonymous page", Linux 5.19) and charges it to the
//    target;
//  - of the vdso: the kernel lends every process the same code, so ours will do;
//  - no read permission: /proc/PID/mem, which may override it (FOLL_FORCE).
// process_vm_readv goes by pid, so after each window one byte is asked of the mm's own
// descriptor: if that mm is gone, what was read may be another process's and is refused.

#include "target/live_internal.h"

#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <sys/auxv.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	WINDOW_PAGES = MS_TARGET_WINDOW / MS_PAGE_SIZE
};

// Bits of a pagemap word: Documentation/admin-guide/mm/pagemap.rst.
#define PM_PRESENT   (UINT64_C(1) << 63)
#define PM_SWAP      (UINT64_C(1) << 62)
#define PM_FILE      (UINT64_C(1) << 61)
#define PM_GUARD     (UINT64_C(1) << 58) // Linux 6.15
#define PM_EXCLUSIVE (UINT64_C(1) << 56) // Linux 4.2

enum how {
	HOW_VM_READV,
	HOW_MEM,
	HOW_FILE,
	HOW_OWN_VDSO,
	HOW_SWAPPED,
	HOW_GUARD,
	HOW_ABSENT,
};

struct window {
	struct ms_target *target;
	struct ms_live *live;
	const struct ms_mapping *mapping;
	const struct ms_image *image; // of absent file pages; NULL if there is none
	struct ms_range range;
	uint8_t *to;
	struct ms_gaps *gaps;
	uint64_t probe; // an address that was read, 0 if none was
};

struct ms_error *ms_live_gone(const struct ms_live *live)
{
	return ms_error_new(MS_ERROR_GONE, "process %" PRIu64 " has ended", live->pid);
}

static uint8_t *target_of(const struct window *w, uint64_t address)
{
	return w->to + (address - w->range.start);
}

static struct ms_error *add_gap(
	struct window *w, struct ms_range part, enum ms_gap_reason reason)
{
	return ms_target_fill_gap(part, w->range, w->to, reason, w->gaps);
}

// The part of [at, end) that lies in at's page.
static struct ms_range first_page(uint64_t at, uint64_t end)
{
	return (struct ms_range){ at,
		ms_min(end, ms_align_down(at, MS_PAGE_SIZE) + MS_PAGE_SIZE) };
}

// Why a page that was there a moment ago cannot be read.
static enum ms_gap_reason reason_of_failure(const struct window *w, uint64_t address)
{
	uint64_t word;
	if (ms_bytes_has(w->mapping->name, "secretmem"))
		return MS_GAP_SECRET;
	if (pread(w->live->pagemap_fd, &word, sizeof(word),
		    (off_t)(address / MS_PAGE_SIZE * sizeof(word))) == sizeof(word) &&
		(word & PM_PRESENT))
		return MS_GAP_REFUSED;
	return MS_GAP_VANISHED;
}

static struct ms_error *read_mem(struct window *w, struct ms_range part)
{
	while (part.start < part.end) {
		ssize_t n = pread(w->live->mem_fd, target_of(w, part.start),
			ms_range_size(part), (off_t)part.start);
		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			return ms_live_gone(w->live);
		if (n > 0) {
			w->probe = part.start;
			part.start += (uint64_t)n;
			continue;
		}
		struct ms_range page = first_page(part.start, part.end);
		struct ms_error *err = add_gap(w, page, reason_of_failure(w, page.start));
		if (err)
			return err;
		part.start = page.end;
	}
	return NULL;
}

// A refusal that holds for every call: an old seccomp profile (EPERM), or a kernel
// without CONFIG_CROSS_MEMORY_ATTACH (ENOSYS). /proc/PID/mem, opened before, still works
// then.
static bool is_refused_for_good(int errnum)
{
	return errnum == EPERM || errnum == ENOSYS;
}

static struct ms_error *read_vm(struct window *w, struct ms_range part)
{
	while (part.start < part.end) {
		if (atomic_load(&w->live->avoids_vm_readv))
			return read_mem(w, part);
		struct iovec local = { target_of(w, part.start), ms_range_size(part) };
		struct iovec remote = { (void *)(uintptr_t)part.start, local.iov_len };
		ssize_t n =
			process_vm_readv((pid_t)w->live->pid, &local, 1, &remote, 1, 0);
		if (n > 0) {
			w->probe = part.start;
			part.start += (uint64_t)n;
			continue;
		}
		if (n < 0 && is_refused_for_good(errno)) {
			atomic_store(&w->live->avoids_vm_readv, true);
			continue;
		}
		// The other way overrides missing permissions, and says what is wrong.
		struct ms_range page = first_page(part.start, part.end);
		struct ms_error *err = read_mem(w, page);
		if (err)
			return err;
		part.start = page.end;
	}
	return NULL;
}

// Clean pages that are not mapped in come from the file, never from a fault.
static struct ms_error *read_file(struct window *w, struct ms_range part)
{
	uint64_t offset;
	int64_t n = 0;
	if (ms_add(w->mapping->offset, part.start - w->mapping->range.start, &offset))
		n = w->image->source.read(w->image->source.context, offset,
			target_of(w, part.start), ms_range_size(part));
	if (n < 0)
		n = 0;
	part.start += (uint64_t)n;
	return part.start < part.end ? add_gap(w, part, MS_GAP_ABSENT) : NULL;
}

// Ours, if the target has the same: the kernel has one for each ABI, and only that of
// 64-bit processes lies above 4 GiB. The target's own header is not asked, because a page
// that is not there yet would be made present by the question.
static const uint8_t *own_vdso(const struct window *w, uint64_t *ret_size)
{
	const Elf64_Ehdr *own = (const void *)(uintptr_t)getauxval(AT_SYSINFO_EHDR);
	uint64_t mapped;
	if (!own || w->mapping->range.start < UINT64_C(1) << 32)
		return NULL;
	// Nothing of the image lies behind its section headers.
	*ret_size = own->e_shoff + (uint64_t)own->e_shnum * own->e_shentsize;
	if (!ms_align_up(*ret_size, MS_PAGE_SIZE, &mapped) ||
		mapped != ms_range_size(w->mapping->range))
		return NULL;
	return (const uint8_t *)own;
}

static struct ms_error *read_own_vdso(struct window *w, struct ms_range part)
{
	uint64_t size, into = part.start - w->mapping->range.start;
	const uint8_t *own = own_vdso(w, &size);
	if (!own || into >= size)
		return add_gap(w, part, MS_GAP_ABSENT);
	uint64_t n = ms_min(ms_range_size(part), size - into);
	memset(target_of(w, part.start), 0, ms_range_size(part));
	memcpy(target_of(w, part.start), own + into, n);
	return NULL;
}

static enum how how_to_read(const struct window *w, uint64_t word)
{
	if (word & PM_PRESENT) {
		bool is_safe = (word & (PM_EXCLUSIVE | PM_FILE)) &&
			       (w->mapping->flags & MS_MAPPING_READ);
		return is_safe ? HOW_VM_READV : HOW_MEM;
	}
	if (word & PM_GUARD)
		return HOW_GUARD;
	if (word & PM_SWAP)
		return HOW_SWAPPED;
	if (w->mapping->kind == MS_MAPPING_VDSO)
		return HOW_OWN_VDSO;
	return w->image ? HOW_FILE : HOW_ABSENT;
}

static struct ms_error *read_part(struct window *w, struct ms_range part, enum how how)
{
	switch (how) {
	case HOW_VM_READV:
		return read_vm(w, part);
	case HOW_MEM:
		return read_mem(w, part);
	case HOW_FILE:
		return read_file(w, part);
	case HOW_OWN_VDSO:
		return read_own_vdso(w, part);
	case HOW_SWAPPED:
		return add_gap(w, part, MS_GAP_SWAPPED);
	case HOW_GUARD:
		return add_gap(w, part, MS_GAP_GUARD);
	case HOW_ABSENT:
		return add_gap(w, part, MS_GAP_ABSENT);
	}
	return NULL;
}

// Read the window in runs of pages that are read the same way.
static struct ms_error *read_runs(struct window *w, const uint64_t *words, size_t n)
{
	uint64_t first = ms_align_down(w->range.start, MS_PAGE_SIZE);
	for (size_t i = 0; i < n;) {
		enum how how = how_to_read(w, words[i]);
		size_t end = i + 1;
		while (end < n && how_to_read(w, words[end]) == how)
			end++;
		struct ms_range run = { first + i * MS_PAGE_SIZE,
			first + end * MS_PAGE_SIZE };
		struct ms_error *err = read_part(w, ms_range_clip(run, w->range), how);
		if (err)
			return err;
		i = end;
	}
	return NULL;
}

static struct ms_error *check_same_mm(const struct window *w)
{
	uint8_t byte;
	if (w->probe && pread(w->live->mem_fd, &byte, 1, (off_t)w->probe) == 0)
		return ms_live_gone(w->live);
	return NULL;
}

// Mappings whose bytes are never asked for: reading a device may have side effects.
static bool is_off_limits(const struct ms_mapping *mapping)
{
	return mapping->kind == MS_MAPPING_DEVICE || !ms_mapping_counts(mapping);
}

struct ms_error *ms_live_read(struct ms_target *target, const struct ms_mapping *mapping,
	struct ms_range window, uint8_t *to, struct ms_gaps *gaps)
{
	struct window w = {
		.target = target,
		.live = target->backend,
		.mapping = mapping,
		.image = ms_target_image(target, mapping),
		.range = window,
		.to = to,
		.gaps = gaps,
	};
	if (is_off_limits(mapping))
		return add_gap(&w, window, MS_GAP_DEVICE);
	if (w.live->mem_fd < 0 || w.live->pagemap_fd < 0)
		return add_gap(&w, window, MS_GAP_REFUSED);

	uint64_t words[WINDOW_PAGES];
	uint64_t first = window.start / MS_PAGE_SIZE;
	uint64_t last = (window.end - 1) / MS_PAGE_SIZE;
	size_t n = last - first + 1;
	int64_t got = ms_pread_all(w.live->pagemap_fd, words, n * sizeof(words[0]),
		first * sizeof(words[0]));
	if (got == 0)
		return ms_live_gone(w.live);
	if (got != (int64_t)(n * sizeof(words[0])))
		return add_gap(&w, window, MS_GAP_REFUSED);
	struct ms_error *err = read_runs(&w, words, n);
	return err ?: check_same_mm(&w);
}
