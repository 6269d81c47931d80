// What the kernel charges beside Rss: page tables, swap, hugetlb, files in memory that
// are not mapped, and the cgroup's own figures. Never added in.

#include <string.h>

#include "evidence/kernel.h"
#include "ledger/overcount.h"

static struct ms_error *add(
	struct ms_reading *reading, const char *owner, uint64_t bytes, const char *what)
{
	if (!bytes || bytes == UINT64_MAX)
		return NULL;
	return ms_claims_outside(
		reading->claims, owner, bytes, "kernel", what, (struct ms_bytes){ 0 });
}

static struct ms_error *add_process(struct ms_reading *reading)
{
	struct ms_bytes text = ms_target_file(reading->target, MS_TARGET_FILE_STATUS);
	struct ms_status status;
	if (!text.n)
		return NULL;
	ms_status_parse(text, &status);
	struct ms_error *err =
		add(reading, "outside.pagetables", status.vm_pte, "VmPTE of status");
	if (!err)
		err = add(reading, "outside.swap", status.vm_swap, "VmSwap of status");
	if (!err)
		err = add(reading, "outside.hugetlb", status.hugetlb,
			"HugetlbPages of status");
	return err;
}

// What of a file is present in mappings, each page once: views of one page are surplus.
static uint64_t mapped_bytes(const struct ms_reading *reading,
	const struct ms_ranges *surplus, const struct ms_memory_fd *fd)
{
	const struct ms_maps *maps = ms_target_maps(reading->target);
	const struct ms_pages *pages = ms_target_pages(reading->target);
	uint64_t bytes = 0, by_state[MS_PAGE_STATES];
	for (size_t i = 0; i < maps->n; i++) {
		const struct ms_mapping *m = &maps->v[i];
		if (m->inode != fd->inode || m->dev_major != fd->dev_major ||
			m->dev_minor != fd->dev_minor)
			continue;
		ms_pages_count(pages, m->range, by_state);
		bytes += by_state[MS_PAGE_FILE];
		for (size_t j = ms_ranges_find(surplus, m->range.start);
			j < surplus->n && surplus->v[j].start < m->range.end; j++) {
			ms_pages_count(
				pages, ms_range_clip(surplus->v[j], m->range), by_state);
			bytes -= by_state[MS_PAGE_FILE];
		}
	}
	return bytes;
}

static bool is_listed_before(const struct ms_memory_fds *fds, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (fds->v[j].inode == fds->v[i].inode &&
			fds->v[j].dev_major == fds->v[i].dev_major &&
			fds->v[j].dev_minor == fds->v[i].dev_minor)
			return true;
	return false;
}

static struct ms_error *add_files(struct ms_reading *reading)
{
	const struct ms_memory_fds *fds = ms_target_memory_fds(reading->target);
	struct ms_ranges surplus = { 0 };
	if (!fds->n)
		return NULL;
	struct ms_error *err = ms_overcount_find(ms_target_maps(reading->target),
		ms_target_pages(reading->target), &surplus);
	for (size_t i = 0; !err && i < fds->n; i++) {
		const struct ms_memory_fd *fd = &fds->v[i];
		uint64_t mapped = mapped_bytes(reading, &surplus, fd);
		if (is_listed_before(fds, i) || fd->allocated <= mapped)
			continue;
		err = ms_claims_outside(reading->claims,
			ms_bytes_starts(fd->path, "/memfd:") ? "outside.memfd"
							     : "outside.tmpfs",
			fd->allocated - mapped, "kernel",
			"behind a descriptor, not mapped:", fd->path);
	}
	ms_ranges_deinit(&surplus);
	return err;
}

// Anonymous memory of the group that is not this process's.
static struct ms_error *add_others(
	struct ms_reading *reading, const struct ms_cgroup_memory *m)
{
	struct ms_status status;
	struct ms_bytes text = ms_target_file(reading->target, MS_TARGET_FILE_STATUS);
	if (!text.n || m->anon == UINT64_MAX)
		return NULL;
	ms_status_parse(text, &status);
	if (status.rss_anon == UINT64_MAX || m->anon <= status.rss_anon)
		return NULL;
	return add(reading, "outside.other_processes", m->anon - status.rss_anon,
		"anonymous memory of the cgroup beyond this process's");
}

static struct ms_error *add_cgroup(struct ms_reading *reading)
{
	const struct ms_cgroup_memory *m = ms_target_cgroup(reading->target);
	if (!m || !m->version)
		return NULL;
	uint64_t cache = m->file;
	if (cache != UINT64_MAX && m->shmem != UINT64_MAX && m->shmem <= cache)
		cache -= m->shmem;
	struct ms_error *err = add(reading, "outside.pagecache", cache,
		"files in the page cache, charged to the cgroup");
	if (!err)
		err = add(reading, "outside.slab", m->slab,
			"kernel objects, charged to the cgroup");
	if (!err)
		err = add(reading, "outside.sockets", m->sock,
			"socket buffers, charged to the cgroup");
	return err ? err : add_others(reading, m);
}

struct ms_error *ms_kernel_outside(struct ms_reading *reading)
{
	struct ms_error *err = add_process(reading);
	if (!err)
		err = add_files(reading);
	return err ? err : add_cgroup(reading);
}
