// A JVM's reserved areas by their shape: see hotspot.h. Places and sizes were compared
// with the JVM's own figures for JDK 8 to 26 on x86-64.

#include "hotspot/hotspot.h"
#include "hotspot/place.h"

#include <string.h>

enum {
	CLASS_SPACE_ALIGN = 16 << 20,
	REGION_MAX = 32 << 20, // of G1, through JDK 17
	CODE_SLACK = 64 << 10,
	NODE_BYTES = 64 << 20, // of metaspace, from JDK 17 on
	NODE_ALIGN = 4 << 20,  // its root chunks
	GRANULE = 64 << 10,    // in which it is committed
	SAMPLE_BYTES = 64 << 10,
	SHARE_MIN =
		10, // percent of words that point into the JVM, in metaspace 20 and more
	WORDS_MIN = 64,
};

#define GIB (1ull << 30)

static const struct ms_kind_row heap_by_size = {
	.owner = "java.heap",
	.reader = "hotspot",
	.detail =
		"reservation of the size -Xmx gives, ending where compressed references "
		"put it",
	.grade = MS_GRADE_STRUCTURAL,
	.precedence = MS_PRECEDENCE_LIBRARY,
};

static const struct ms_kind_row heap_by_place = {
	.owner = "java.heap",
	.reader = "hotspot",
	.detail = "reservation ending where compressed references put the heap",
	.grade = MS_GRADE_CONTENT,
	.precedence = MS_PRECEDENCE_LIBRARY,
};

static const struct ms_kind_row code_kind = {
	.owner = "java.code",
	.reader = "hotspot",
	.detail = "writable and executable reservation of the code cache's size",
	.grade = MS_GRADE_CONTENT,
	.precedence = MS_PRECEDENCE_LIBRARY,
};

static const struct ms_kind_row cds_kind = {
	.owner = "java.cds",
	.reader = "hotspot",
	.detail = "mapping of the class data archive",
	.grade = MS_GRADE_STRUCTURAL,
	.precedence = MS_PRECEDENCE_LIBRARY,
};

static const struct ms_kind_row class_kind = {
	.owner = "java.metaspace.class",
	.reader = "hotspot",
	.detail =
		"reservation of the class space's size right behind the class data archive",
	.grade = MS_GRADE_CONTENT,
	.precedence = MS_PRECEDENCE_LIBRARY,
};

static const struct ms_kind_row heap_high = {
	.owner = "java.heap",
	.reader = "hotspot",
	.detail =
		"reservation of the size -Xmx gives, too large for compressed references",
	.grade = MS_GRADE_CONTENT,
	.precedence = MS_PRECEDENCE_LIBRARY,
};

static const struct ms_kind_row node_kind = {
	.owner = "java.metaspace.nonclass",
	.reader = "hotspot",
	.detail =
		"reservation of a metaspace node's size and steps, full of pointers into the JVM",
	.grade = MS_GRADE_CONTENT,
	.precedence = MS_PRECEDENCE_LIBRARY,
};

// "512m" as the JVM reads it; 0 if it is no size.
static uint64_t parse_size(struct ms_bytes text)
{
	uint64_t n, bytes;
	if (!ms_bytes_dec(&text, &n))
		return 0;
	uint8_t unit = text.n ? text.p[0] | 0x20 : 0;
	unsigned shift = unit == 'k'   ? 10
			 : unit == 'm' ? 20
			 : unit == 'g' ? 30
			 : unit == 't' ? 40
				       : 0;
	return ms_mul(n, 1ull << shift, &bytes) ? bytes : 0;
}

static bool take_size(struct ms_bytes arg, const char *flag, uint64_t *size)
{
	if (!ms_bytes_starts(arg, flag))
		return false;
	*size = parse_size(ms_bytes_sub(arg, strlen(flag), arg.n));
	return true;
}

static struct ms_bytes next_arg(struct ms_bytes *rest)
{
	const uint8_t *end = memchr(rest->p, '\0', rest->n);
	size_t n = end ? (size_t)(end - rest->p) : rest->n;
	struct ms_bytes arg = ms_bytes_sub(*rest, 0, n);
	*rest = ms_bytes_sub(*rest, end ? n + 1 : n, rest->n);
	return arg;
}

struct ms_java_sizes ms_java_sizes_parse(struct ms_bytes command)
{
	struct ms_java_sizes sizes = { 0 };
	while (command.n) {
		struct ms_bytes arg = next_arg(&command);
		if (ms_bytes_is(arg, "-XX:+UseZGC"))
			sizes.is_zgc = true;
		else if (!take_size(arg, "-Xmx", &sizes.heap_max) &&
			 !take_size(arg, "-XX:MaxHeapSize=", &sizes.heap_max) &&
			 !take_size(arg, "-XX:ReservedCodeCacheSize=", &sizes.code_cache))
			(void)take_size(
				arg, "-XX:CompressedClassSpaceSize=", &sizes.class_space);
	}
	return sizes;
}

static bool is_private_anon(const struct ms_mapping *m)
{
	return m->kind == MS_MAPPING_ANON && !(m->flags & MS_MAPPING_SHARED);
}

// What the heap's reservation is made of: memory, and archived objects mapped into it.
static bool is_heap_part(const struct ms_mapping *m)
{
	return (is_private_anon(m) && !(m->flags & MS_MAPPING_EXEC)) ||
	       ms_place_is_archive(m);
}

// The end of the parts that follow each other from mapping i on.
static uint64_t run_end(
	const struct ms_maps *maps, size_t i, bool (*is_part)(const struct ms_mapping *))
{
	uint64_t end = maps->v[i].range.start;
	for (; i < maps->n && maps->v[i].range.start == end && is_part(&maps->v[i]); i++)
		end = maps->v[i].range.end;
	return end;
}

// Compressed references put the heap's end at 4 GiB or, where it does not fit below that,
// at 32 GiB; nothing else of a process lies there. A class space may follow (JDK 8, 11).
static bool find_heap(const struct ms_maps *maps, size_t i, uint64_t heap_max,
	struct ms_range *ret, bool *ret_exact)
{
	static const uint64_t ends[] = { 4 * GIB, 32 * GIB };
	uint64_t start = maps->v[i].range.start, run = run_end(maps, i, is_heap_part);
	for (size_t j = 0; j < 2; j++) {
		if (start >= ends[j] || run < ends[j])
			continue;
		uint64_t size = ends[j] - start;
		*ret = (struct ms_range){ start, ends[j] };
		// The JVM rounds -Xmx up to its largest region.
		*ret_exact = heap_max && size >= heap_max && size - heap_max < REGION_MAX;
		return !heap_max || *ret_exact;
	}
	return false;
}

static struct ms_error *claim_heap(struct ms_reading *reading, const struct ms_maps *maps,
	const struct ms_java_sizes *sizes, struct ms_range *ret_heap)
{
	for (size_t i = 0; i < maps->n && maps->v[i].range.start < 32 * GIB; i++) {
		bool is_exact, begins_run = is_heap_part(&maps->v[i]) &&
					    (!i || maps->v[i - 1].range.end !=
							    maps->v[i].range.start);
		if (begins_run &&
			find_heap(maps, i, sizes->heap_max, ret_heap, &is_exact))
			return ms_claims_say(reading->claims, *ret_heap, MS_RANK_REGION,
				is_exact ? &heap_by_size : &heap_by_place, 0,
				(struct ms_bytes){ 0 });
		*ret_heap = (struct ms_range){ 0 };
	}
	return NULL;
}

// Above 32 GiB references are not compressed and the heap lies anywhere: a reservation of
// just that size is looked for, between the edges of mappings.
static struct ms_error *claim_high_heap(struct ms_reading *reading,
	const struct ms_maps *maps, uint64_t heap_max, struct ms_range *ret_heap)
{
	uint64_t end;
	for (size_t i = 0; i < maps->n; i++) {
		const struct ms_mapping *m = &maps->v[i], *last;
		if (!is_heap_part(m) || !ms_add(m->range.start, heap_max, &end))
			continue;
		last = ms_maps_find(maps, end - 1);
		if (!last || last->range.end - end >= REGION_MAX ||
			run_end(maps, i, is_heap_part) < last->range.end)
			continue;
		*ret_heap = (struct ms_range){ m->range.start, last->range.end };
		return ms_claims_say(reading->claims, *ret_heap, MS_RANK_REGION,
			&heap_high, 0, (struct ms_bytes){ 0 });
	}
	return NULL;
}

static bool is_code_part(const struct ms_mapping *m)
{
	unsigned rwx = MS_MAPPING_READ | MS_MAPPING_WRITE | MS_MAPPING_EXEC;
	return is_private_anon(m) && ((m->flags & rwx) == rwx || !(m->flags & rwx));
}

// 240 MiB with tiered compilation, 48 MiB without it, else what the flag says.
static bool is_code_size(uint64_t size, const struct ms_java_sizes *sizes)
{
	if (sizes->code_cache)
		return size >= sizes->code_cache && size - sizes->code_cache < (4u << 20);
	return (size >= 240ull << 20 && size - (240ull << 20) < CODE_SLACK) ||
	       (size >= 48ull << 20 && size - (48ull << 20) < CODE_SLACK);
}

// The reservation begins with executable memory and runs to its full size; what nobody
// may touch behind it can belong to something else, so the size is looked for, not
// measured.
static struct ms_error *claim_code(struct ms_reading *reading, const struct ms_maps *maps,
	const struct ms_java_sizes *sizes)
{
	for (size_t i = 0; i < maps->n; i++) {
		const struct ms_mapping *m = &maps->v[i];
		if (!is_code_part(m) || !(m->flags & MS_MAPPING_EXEC))
			continue;
		uint64_t at = m->range.start;
		for (size_t j = i; j < maps->n && maps->v[j].range.start == at &&
				   is_code_part(&maps->v[j]);
			j++) {
			at = maps->v[j].range.end;
			if (is_code_size(at - m->range.start, sizes))
				return ms_claims_say(reading->claims,
					(struct ms_range){ m->range.start, at },
					MS_RANK_REGION, &code_kind, 0,
					(struct ms_bytes){ 0 });
		}
	}
	return NULL;
}

// From JDK 17 on the class space begins at the next 16 MiB boundary behind the archive.
static struct ms_error *claim_class_space(struct ms_reading *reading,
	const struct ms_maps *maps, const struct ms_mapping *archive,
	const struct ms_java_sizes *sizes)
{
	uint64_t size = sizes->class_space ? sizes->class_space : GIB, start, end;
	if (!ms_align_up(archive->range.end, CLASS_SPACE_ALIGN, &start) ||
		!ms_add(start, size, &end))
		return NULL;
	uint64_t at = archive->range.end;
	for (size_t i = ms_maps_index(maps, at); i < maps->n && at < end; i++) {
		const struct ms_mapping *m = &maps->v[i];
		bool is_part = m->range.start == at && is_private_anon(m) &&
			       !(m->flags & MS_MAPPING_EXEC);
		if (!is_part)
			return NULL;
		at = m->range.end;
	}
	if (at < end)
		return NULL;
	return ms_claims_say(reading->claims, (struct ms_range){ start, end },
		MS_RANK_REGION, &class_kind, 0, (struct ms_bytes){ 0 });
}

static struct ms_error *claim_archives(struct ms_reading *reading,
	const struct ms_maps *maps, const struct ms_java_sizes *sizes,
	struct ms_range heap)
{
	struct ms_error *err = NULL;
	for (size_t i = 0; !err && i < maps->n; i++) {
		const struct ms_mapping *m = &maps->v[i];
		if (!ms_place_is_archive(m) || ms_range_covers(heap, m->range))
			continue; // archived objects in the heap are the heap's
		err = ms_claims_say(reading->claims, m->range, MS_RANK_REGION, &cds_kind,
			i == 0 || !ms_place_is_archive(&maps->v[i - 1]), m->name);
		bool is_last = i + 1 == maps->n ||
			       !ms_place_is_archive(&maps->v[i + 1]) ||
			       maps->v[i + 1].range.start != m->range.end;
		if (!err && is_last)
			err = claim_class_space(reading, maps, m, sizes);
	}
	return err;
}

static bool points_into_jvm(const struct ms_maps *maps, uint64_t word)
{
	const struct ms_mapping *m = ms_maps_find(maps, word);
	return m && (ms_place_is_archive(m) || ms_bytes_ends(m->name, "/libjvm.so"));
}

// Metadata is full of pointers to the JVM's tables and to archived metadata.
static bool has_metadata(
	struct ms_reading *reading, const struct ms_maps *maps, uint64_t address)
{
	uint64_t words[512], full = 0, jvm = 0;
	for (uint64_t at = 0; at < SAMPLE_BYTES; at += sizeof(words)) {
		if (!ms_target_get(reading->target, address + at, words, sizeof(words)))
			break;
		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
			full += words[i] != 0;
			jvm += words[i] && points_into_jvm(maps, words[i]);
		}
	}
	return full >= WORDS_MIN && jvm * 100 >= full * SHARE_MIN;
}

// A node begins at a mapping's start, is committed in whole granules and ends at a
// mapping's end, its full size later.
static bool has_node_shape(const struct ms_maps *maps, size_t i)
{
	uint64_t start = maps->v[i].range.start, at = start;
	if (start % NODE_ALIGN || !(maps->v[i].flags & MS_MAPPING_WRITE))
		return false;
	for (; i < maps->n && maps->v[i].range.start == at && at - start < NODE_BYTES;
		i++) {
		const struct ms_mapping *m = &maps->v[i];
		if (!is_private_anon(m) || m->flags & MS_MAPPING_EXEC ||
			ms_range_size(m->range) % GRANULE)
			return false;
		at = m->range.end;
	}
	return at - start == NODE_BYTES;
}

static struct ms_error *claim_metaspace(
	struct ms_reading *reading, const struct ms_maps *maps, struct ms_range heap)
{
	struct ms_error *err = NULL;
	if (ms_target_denied(reading->target))
		return NULL;
	for (size_t i = 0; !err && i < maps->n; i++) {
		uint64_t start = maps->v[i].range.start;
		if (!ms_range_has(heap, start) && has_node_shape(maps, i) &&
			has_metadata(reading, maps, start))
			err = ms_claims_say(reading->claims,
				(struct ms_range){ start, start + NODE_BYTES },
				MS_RANK_REGION, &node_kind, 1, (struct ms_bytes){ 0 });
	}
	return err;
}

static bool has_jvm(const struct ms_maps *maps)
{
	for (size_t i = 0; i < maps->n; i++)
		if (ms_bytes_ends(maps->v[i].name, "/libjvm.so"))
			return true;
	return false;
}

static struct ms_error *anchor(struct ms_reading *reading, void *arg, void **ret_state)
{
	const struct ms_maps *maps = ms_target_maps(reading->target);
	(void)arg;
	(void)ret_state;
	if (!has_jvm(maps))
		return NULL;
	struct ms_java_sizes sizes =
		ms_java_sizes_parse(ms_target_info(reading->target)->command);
	struct ms_range heap = { 0 };
	struct ms_error *err =
		sizes.is_zgc ? NULL : claim_heap(reading, maps, &sizes, &heap);
	if (!err && !sizes.is_zgc && !heap.end && sizes.heap_max > 4 * GIB)
		err = claim_high_heap(reading, maps, sizes.heap_max, &heap);
	if (!err)
		err = claim_archives(reading, maps, &sizes, heap);
	if (!err)
		err = claim_metaspace(reading, maps, heap);
	return err ? err : claim_code(reading, maps, &sizes);
}

const struct ms_reader ms_hotspot_shape_reader = { .name = "hotspot", .anchor = anchor };
