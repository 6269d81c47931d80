// Places of memory: see place.h.

#include "hotspot/place.h"

bool ms_place_is_archive(const struct ms_mapping *mapping)
{
	return mapping->kind == MS_MAPPING_FILE &&
	       (ms_bytes_ends(mapping->name, ".jsa") ||
		       ms_bytes_ends(mapping->name, ".aot"));
}

// Memory of huge pages has a name that looks like a file's.
static bool is_fitting(const struct ms_mapping *m, unsigned flags)
{
	bool is_memory = m->kind == MS_MAPPING_ANON || m->kind == MS_MAPPING_NAMED ||
			 ms_bytes_is(m->name, "/anon_hugepage");
	return !(m->flags & MS_MAPPING_SHARED) &&
	       (flags & MS_PLACE_CODE || !(m->flags & MS_MAPPING_EXEC)) &&
	       (is_memory || (flags & MS_PLACE_ARCHIVE && ms_place_is_archive(m)));
}

bool ms_place_is_private(
	const struct ms_vm *vm, struct ms_range range, uint64_t max, unsigned flags)
{
	const struct ms_maps *maps = ms_target_maps(vm->target);
	bool may_lack = ms_target_info(vm->target)->kind != MS_TARGET_LIVE;
	uint64_t at = range.start;
	if (!at || at >= range.end || (at | range.end) % MS_PAGE_SIZE ||
		ms_range_size(range) > max || !ms_maps_find(maps, at))
		return false;
	for (size_t i = ms_maps_index(maps, at); i < maps->n && at < range.end; i++) {
		const struct ms_mapping *m = &maps->v[i];
		if (m->range.start >= range.end)
			break;
		if ((m->range.start > at && !may_lack) || !is_fitting(m, flags))
			return false;
		at = m->range.end;
	}
	return at >= range.end || may_lack;
}
