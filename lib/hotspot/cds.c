// The class data archive: see cds.h.

#include "hotspot/cds.h"

#include "hotspot/place.h"

enum {
	REGIONS_MAX = 8, // of one archive
};

#define ARCHIVE_MAX (4ull << 30) // bytes

// Regions of an archive in their order, by version: what lies behind the last one is no
// region.
static const struct {
	unsigned since;
	const char *names[REGIONS_MAX];
} region_names[] = {
	{ 25, { "rw", "ro", "bitmap", "heap", "code" } },
	{ 18, { "rw", "ro", "bitmap", "heap" } },
	{ 12, { "rw", "ro", "bitmap", "heap", "heap", "heap", "heap" } },
	{ 9, { "code", "rw", "ro", "md", "od", "heap", "heap", "heap" } },
};

// --- regions --------------------------------------------------------------------------

static bool is_known(const struct ms_cds *cds, struct ms_range range)
{
	ms_array_foreach (region, &cds->regions)
		if (ms_range_overlaps(region->range, range))
			return true;
	return false;
}

static struct ms_error *add_region(struct ms_vm *vm, struct ms_cds *cds,
	struct ms_range heap, struct ms_cds_region region)
{
	const struct ms_mapping *m =
		ms_maps_find(ms_target_maps(vm->target), region.range.start);
	if (is_known(cds, region.range) ||
		!ms_place_is_private(vm, region.range, ARCHIVE_MAX, MS_PLACE_ARCHIVE))
		return NULL;
	region.is_heap = ms_range_overlaps(heap, region.range);
	if (region.is_heap)
		region.name = "heap";
	region.resident = ms_pages_resident(ms_target_pages(vm->target), region.range);
	struct ms_cds_region *added = ms_array_push(&cds->regions);
	if (!added)
		return &ms_error_nomem;
	*added = region;
	struct ms_bytes *path = region.is_dynamic ? &cds->dynamic_path : &cds->path;
	if (m->kind == MS_MAPPING_FILE && !path->n)
		*path = m->name;
	return NULL;
}

// An address and a length in the target, whole pages. False: not mapped.
static bool read_region(const struct ms_vm *vm, uint64_t at, struct ms_cds_region *ret)
{
	uint64_t end;
	return ms_vm_field(vm, at,
		       "CDSFileMapRegion::_mapped_base|CDSFileMapRegion::_addr._base", 8,
		       &ret->range.start) &&
	       ms_vm_field(vm, at, "CDSFileMapRegion::_used", 8, &ret->used) &&
	       ret->range.start && ret->used &&
	       ms_add(ret->range.start, ret->used, &end) &&
	       ms_align_up(end, MS_PAGE_SIZE, &ret->range.end);
}

static struct ms_error *add_archive(struct ms_vm *vm, struct ms_cds *cds,
	struct ms_range heap, uint64_t info, bool is_dynamic)
{
	uint64_t header, first = ms_vm_offset(vm, "FileMapHeader::_regions[0]|"
						  "FileMapHeader::_space[0]");
	uint64_t stride = ms_vm_size(vm, "CDSFileMapRegion");
	struct ms_error *err = NULL;
	size_t version = 0, n = sizeof(region_names) / sizeof(region_names[0]);
	while (version < n && region_names[version].since > vm->feature)
		version++;
	if (version == n || first == MS_VM_NONE || !stride ||
		!ms_vm_field(vm, info, "FileMapInfo::_header", 8, &header) || !header)
		return ms_vm_note(vm, &cds->notes, "class data archive: cannot be read");
	for (size_t i = 0; !err && i < REGIONS_MAX; i++) {
		struct ms_cds_region region = { .name = region_names[version].names[i],
			.is_dynamic = is_dynamic };
		if (region.name && read_region(vm, header + first + i * stride, &region))
			err = add_region(vm, cds, heap, region);
	}
	return err;
}

// JDK 8 has none of it in its tables: what is mapped of the file.
static struct ms_error *add_mappings(
	struct ms_vm *vm, struct ms_cds *cds, struct ms_range heap)
{
	const struct ms_maps *maps = ms_target_maps(vm->target);
	struct ms_error *err = NULL;
	for (size_t i = 0; !err && i < maps->n; i++) {
		const struct ms_mapping *m = &maps->v[i];
		if (ms_place_is_archive(m))
			err = add_region(vm, cds, heap,
				(struct ms_cds_region){
					.name = m->flags & MS_MAPPING_WRITE ? "rw" : "ro",
					.is_dynamic = cds->path.n &&
						      !ms_bytes_equal(cds->path, m->name),
					.is_by_name = true,
					.range = m->range,
					.used = ms_range_size(m->range) });
	}
	return err;
}

// --- all ------------------------------------------------------------------------------

static void read_range(struct ms_vm *vm, struct ms_cds *cds)
{
	struct ms_range range;
	if (ms_vm_static(vm,
		    "MetaspaceObj::_shared_metaspace_base|"
		    "MetaspaceObj::_aot_metaspace_base",
		    8, &range.start) &&
		ms_vm_static(vm,
			"MetaspaceObj::_shared_metaspace_top|"
			"MetaspaceObj::_aot_metaspace_top",
			8, &range.end) &&
		ms_place_is_private(vm, range, ARCHIVE_MAX, MS_PLACE_ARCHIVE))
		cds->range = range;
	cds->resident = ms_pages_resident(ms_target_pages(vm->target), cds->range);
}

struct ms_error *ms_cds_read(struct ms_vm *vm, struct ms_range heap, struct ms_cds *ret)
{
	struct ms_cds cds = { 0 };
	struct ms_error *err = NULL;
	uint64_t info = 0, dynamic = 0;
	read_range(vm, &cds);
	if (ms_vm_static(vm, "FileMapInfo::_current_info", 8, &info) && info)
		err = add_archive(vm, &cds, heap, info, false);
	if (!err &&
		ms_vm_read(vm, ms_vm_symbol(vm, MS_VM_SYMBOL_DYNAMIC_ARCHIVE), 8,
			&dynamic) &&
		dynamic)
		err = add_archive(vm, &cds, heap, dynamic, true);
	if (!err)
		err = add_mappings(vm, &cds, heap);
	cds.is_used = cds.range.end || cds.regions.n;
	if (err)
		ms_cds_deinit(&cds);
	*ret = cds;
	return err;
}

void ms_cds_deinit(struct ms_cds *cds)
{
	ms_array_deinit(&cds->regions);
	ms_array_deinit(&cds->notes);
}

// --- claims ---------------------------------------------------------------------------

struct ms_error *ms_cds_claim(struct ms_reading *reading, const struct ms_cds *cds)
{
	struct ms_kind_row row = { .owner = "java.cds",
		.reader = "hotspot",
		.detail = "class data archive, as MetaspaceObj has its bounds",
		.grade = MS_GRADE_EXACT,
		.precedence = MS_PRECEDENCE_LIBRARY };
	struct ms_error *err = ms_claims_say(reading->claims, cds->range, MS_RANK_REGION,
		&row, cds->range.end != 0, cds->path);
	ms_array_foreach (region, &cds->regions) {
		row.grade = region->is_by_name ? MS_GRADE_STRUCTURAL : MS_GRADE_EXACT;
		row.detail =
			region->is_by_name
				? "mapping of a class data archive"
				: "region of a class data archive, as its header has it";
		if (!err && !region->is_heap &&
			!ms_range_covers(cds->range, region->range))
			err = ms_claims_say(reading->claims, region->range,
				MS_RANK_REGION, &row, !cds->range.end,
				region->is_dynamic ? cds->dynamic_path : cds->path);
	}
	return err;
}
