// A directory shaped like /proc/PID: a captured tree of a bug report, or a test's. It has
// no memory; page states come from a pagemap file if there is one, else from smaps.

#include "target/target_internal.h"

#include <errno.h>
#include <fcntl.h>

static struct ms_error *tree_read(struct ms_target *target,
	const struct ms_mapping *mapping, struct ms_range window, uint8_t *to,
	struct ms_gaps *gaps)
{
	(void)target;
	(void)mapping;
	return ms_target_fill_gap(window, window, to, MS_GAP_NOT_CAPTURED, gaps);
}

static void tree_free(void *backend)
{
	(void)backend;
}

static const struct ms_target_ops tree_ops = { .read = tree_read, .free = tree_free };

// Pages of a mapping from its smaps sums: resident ones first, the rest absent. The sums
// are right, the positions are not known.
static struct ms_error *set_from_smaps(struct ms_pages *pages, const struct ms_mapping *m,
	const struct ms_smaps_entry *entry)
{
	const uint64_t *bytes = entry->bytes;
	uint64_t anon = ms_min(bytes[MS_SMAPS_ANONYMOUS], bytes[MS_SMAPS_RSS]);
	const struct {
		uint64_t bytes;
		enum ms_page_state state;
	} parts[] = {
		{ anon, MS_PAGE_ANON },
		{ bytes[MS_SMAPS_RSS] - anon, MS_PAGE_FILE },
		{ bytes[MS_SMAPS_SWAP], MS_PAGE_SWAPPED },
	};
	uint64_t at = m->range.start;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && at < m->range.end;
		i++) {
		uint64_t size = ms_align_down(parts[i].bytes, MS_PAGE_SIZE);
		struct ms_range part = { at, at + ms_min(size, m->range.end - at) };
		if (part.start >= part.end)
			continue;
		struct ms_error *err = ms_pages_set(pages, part, parts[i].state);
		if (err)
			return err;
		at = part.end;
	}
	return NULL;
}

static struct ms_error *pages_from_smaps(struct ms_target *target)
{
	struct ms_error *err = ms_pages_new(&target->pages);
	for (size_t i = 0; !err && i < target->maps.n; i++) {
		const struct ms_mapping *m = &target->maps.v[i];
		const struct ms_smaps_entry *entry =
			target->has_smaps ? ms_smaps_find(&target->smaps, m->range)
					  : NULL;
		if (!ms_mapping_counts(m))
			continue;
		if (entry)
			err = set_from_smaps(target->pages, m, entry);
		else
			err = ms_pages_set(target->pages, m->range, MS_PAGE_UNKNOWN);
	}
	if (err)
		return err;
	return ms_target_note(target,
		target->has_smaps
			? "page states are made from smaps: their sums are right, their "
			  "places are not known"
			: "page states are not known: there is neither pagemap nor smaps");
}

static struct ms_error *load_pages(
	struct ms_target *target, int dir_fd, const struct ms_target_options *options)
{
	_cleanup_close_ int fd = openat(dir_fd, "pagemap", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return pages_from_smaps(target);
	target->info.has_pages = true;
	return ms_pages_load(fd, &target->maps, options->force_words,
		&target->info.pages_source, &target->pages);
}

struct ms_error *ms_target_open_tree(int dir_fd, const char *path,
	const struct ms_target_options *options, struct ms_target **ret)
{
	static const struct ms_target_options no_options;
	_cleanup_target_ struct ms_target *target = NULL;
	options = options ?: &no_options;
	struct ms_error *err = ms_target_new(MS_TARGET_TREE, &tree_ops, &target);
	for (enum ms_target_file i = 0; !err && i < MS_TARGET_FILE_COUNT; i++) {
		err = ms_read_file_at(dir_fd, ms_target_file_name(i),
			MS_TARGET_FILE_LIMIT, &target->files[i]);
		if (err && err->errnum == ENOENT && i != MS_TARGET_FILE_MAPS)
			ms_error_catch(&err, MS_ERROR_OS);
	}
	if (err)
		return ms_error_hint(ms_error_prefix(err, "'%s'", path),
			"a directory is read as a captured tree: it needs at least a file maps");
	target->info.is_stopped = true;
	target->cancel = options->cancel;
	err = ms_target_parse_files(target);
	if (!err)
		err = load_pages(target, dir_fd, options);
	if (!err)
		err = ms_threads_read(dir_fd, &target->arena, &target->threads);
	if (!err && options->sysroot)
		err = ms_images_open(target, -1, options->sysroot);
	if (err)
		return err;
	*ret = ms_steal(target);
	return NULL;
}
