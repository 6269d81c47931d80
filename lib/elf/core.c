// Opening core files: see core.h. What the notes say is in core_notes.c.

#include "elf/elf_internal.h"

enum {
	NOTES_MAX = 1 << 20
}; // a thread has about six

void ms_core_free(struct ms_core *core)
{
	if (!core)
		return;
	ms_arena_deinit(&core->arena);
	free(core);
}

static int compare_start(const void *a, const void *b)
{
	const struct ms_elf_segment *x = a, *y = b;
	if (x->range.start != y->range.start)
		return x->range.start < y->range.start ? -1 : 1;
	return 0;
}

// Cut off the first `n` bytes of a load.
static void cut_front(struct ms_elf_segment *s, uint64_t n)
{
	s->range.start += n;
	uint64_t in_file = ms_min(n, s->file_size);
	s->offset += in_file;
	s->file_size -= in_file;
}

// Sort the loads and make them disjoint: of two that overlap, the lower one keeps all.
static struct ms_error *make_loads(struct ms_core *core)
{
	core->loads = ms_new(&core->arena, struct ms_elf_segment, core->segments_n);
	if (!core->loads && core->segments_n)
		return &ms_error_nomem;
	size_t n = 0;
	for (size_t i = 0; i < core->segments_n; i++) {
		const struct ms_elf_segment *s = &core->segments[i];
		if (s->missing)
			core->truncated = true;
		if (s->type != PT_LOAD || s->range.start == s->range.end)
			continue;
		core->missing += s->missing;
		core->loads[n++] = *s;
	}
	if (n)
		qsort(core->loads, n, sizeof(*core->loads), compare_start);

	uint64_t end = 0;
	for (size_t i = 0; i < n; i++) {
		struct ms_elf_segment s = core->loads[i];
		if (s.range.start < end) {
			core->odd++;
			if (s.range.end <= end)
				continue;
			cut_front(&s, end - s.range.start);
		}
		core->loads[core->loads_n++] = s;
		end = s.range.end;
	}
	return NULL;
}

struct note_list {
	MS_ARRAY(struct ms_note) notes;
	bool failed; // out of memory
	bool full;
};

static void cleanup_note_list(struct note_list *list)
{
	ms_array_deinit(&list->notes);
}

static bool add_note(void *context, const struct ms_note *note)
{
	struct note_list *list = context;
	if (list->notes.n >= NOTES_MAX) {
		list->full = true;
		return false;
	}
	struct ms_note *slot = ms_array_push(&list->notes);
	if (!slot) {
		list->failed = true;
		return false;
	}
	*slot = *note;
	return true;
}

static struct ms_error *find_notes(struct ms_core *core)
{
	_cleanup_(cleanup_note_list) struct note_list list = {};
	for (size_t i = 0; i < core->segments_n; i++) {
		const struct ms_elf_segment *s = &core->segments[i];
		if (s->type != PT_NOTE)
			continue;
		struct ms_range part = { s->offset, s->offset + s->file_size };
		if (!ms_note_walk(&core->source, part, 4, add_note, &list))
			core->odd++;
		if (list.failed)
			return &ms_error_nomem;
		if (list.full)
			return ms_error_new(
				MS_ERROR_LIMIT, "core with over %u notes", NOTES_MAX);
	}
	core->notes_n = list.notes.n;
	core->notes = ms_new(&core->arena, struct ms_note, list.notes.n);
	if (!core->notes && list.notes.n)
		return &ms_error_nomem;
	if (list.notes.n)
		memcpy(core->notes, list.notes.v, list.notes.n * sizeof(*core->notes));
	return NULL;
}

static struct ms_error *read_all(struct ms_core *core, const struct ms_elf_header *header)
{
	struct ms_elf_segments segments;
	struct ms_error *err =
		ms_elf_segments_read(&core->source, 0, header, &core->arena, &segments);
	if (err)
		return err;
	core->segments = segments.v;
	core->segments_n = segments.n;
	core->odd = segments.odd;
	core->truncated = segments.truncated;
	err = make_loads(core);
	return err ? err : find_notes(core);
}

struct ms_error *ms_core_open(const struct ms_elf_source *source, struct ms_core **ret)
{
	struct ms_elf_header header;
	struct ms_error *err = ms_elf_header_read(source, 0, &header);
	if (err)
		return err;
	if (header.type != ET_CORE)
		return ms_error_new(MS_ERROR_UNSUPPORTED, "an ELF file, but not a core");

	_cleanup_(cleanup_ms_core_free) struct ms_core *core = calloc(1, sizeof(*core));
	if (!core)
		return &ms_error_nomem;
	core->source = *source;
	core->machine = header.machine;
	ms_arena_init(&core->arena);
	err = read_all(core, &header);
	if (err)
		return err;
	*ret = ms_steal(core);
	return NULL;
}

size_t ms_core_load_index(const struct ms_core *core, uint64_t address)
{
	size_t low = 0, high = core->loads_n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (core->loads[middle].range.end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}
