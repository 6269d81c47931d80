// The code cache: see code.h.
//
// Blocks are walked by their own heads up to _next_segment. That field is not in the
// JVM's tables but follows _log2_segment_size in every version; the sizes in front of it,
// which must agree with the reservation, prove the layout.

#include "hotspot/code.h"

#include <string.h>

#include "hotspot/place.h"

enum {
	HEAPS_MAX = 8,
	SEGMENT_LOG2_MIN = 4,
	SEGMENT_LOG2_MAX = 12,
	BLOCKS_MAX = 4 << 20,
	NAMES_MAX = 256, // of blobs, as the JVM gives them: some 60
	NAME_BYTES = 64,
	HEAP_NAME_MAX = 64,
	FULL_COUNT = 24, // from CodeHeap::_name
};

#define RESERVED_MAX (4ull << 30) // bytes

static const char *const kind_names[] = {
#define X(id, name, help) name,
	MS_CODE_KINDS(X)
#undef X
};

const char *ms_code_kind_name(enum ms_code_kind kind)
{
	return kind_names[(unsigned)kind < MS_CODE_KIND_COUNT ? kind : 0];
}

// --- what is read ---------------------------------------------------------------------

struct known_name {
	uint64_t address;
	enum ms_code_kind kind;
};

struct code_reading {
	struct ms_vm *vm;
	struct ms_code *code;
	unsigned length_bytes; // of HeapBlock's length
	uint64_t length, used, block_head;
	uint64_t blob_name, blob_kind, blob_size, level;
	int64_t kind_method, kind_adapter, kind_stub;
	struct known_name names[NAMES_MAX];
	size_t name_n;
};

// The head of one block.
struct block {
	uint64_t segments;
	bool is_used;
};

static void settle(struct code_reading *r)
{
	const struct ms_vm *vm = r->vm;
	r->length = ms_vm_offset(vm, "HeapBlock::Header::_length");
	r->used = ms_vm_offset(vm, "HeapBlock::Header::_used");
	r->length_bytes = r->used == 4 ? 4 : 8; // the flag follows the length
	r->block_head = ms_vm_size(vm, "HeapBlock");
	r->blob_name = ms_vm_offset(vm, "CodeBlob::_name");
	r->blob_kind = ms_vm_offset(vm, "CodeBlob::_kind");
	r->blob_size = ms_vm_offset(vm, "CodeBlob::_size");
	r->level = ms_vm_offset(vm, "nmethod::_comp_level");
	if (!ms_vm_constant(vm, "CodeBlobKind::Nmethod", &r->kind_method) ||
		!ms_vm_constant(vm, "CodeBlobKind::Adapter", &r->kind_adapter) ||
		!ms_vm_constant(vm, "CodeBlobKind::RuntimeStub", &r->kind_stub))
		r->blob_kind = MS_VM_NONE;
}

// --- blobs ----------------------------------------------------------------------------

// By their names, where blobs have no kind (JDK 8 to 21).
static enum ms_code_kind kind_of_name(const char *name)
{
	static const struct {
		const char *start;
		enum ms_code_kind kind;
	} starts[] = {
		{ "nmethod", MS_CODE_METHOD },
		{ "native nmethod", MS_CODE_METHOD },
		{ "I2C/C2I adapters", MS_CODE_ADAPTER },
		{ "RuntimeStub - ", MS_CODE_STUB },
		{ "DeoptimizationBlob", MS_CODE_STUB },
		{ "ExceptionBlob", MS_CODE_STUB },
		{ "UncommonTrapBlob", MS_CODE_STUB },
		{ "SafepointBlob", MS_CODE_STUB },
	};
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
		if (strncmp(name, starts[i].start, strlen(starts[i].start)) == 0)
			return starts[i].kind;
	return MS_CODE_BUFFER;
}

static enum ms_code_kind kind_at_name(struct code_reading *r, uint64_t address)
{
	char text[NAME_BYTES] = { 0 };
	for (size_t i = 0; i < r->name_n; i++)
		if (r->names[i].address == address)
			return r->names[i].kind;
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		uint64_t c;
		if (!ms_vm_read(r->vm, address + i, 1, &c) || !c)
			break;
		text[i] = (char)c;
	}
	enum ms_code_kind kind = kind_of_name(text);
	if (r->name_n < NAMES_MAX)
		r->names[r->name_n++] = (struct known_name){ address, kind };
	return kind;
}

static enum ms_code_kind kind_of(struct code_reading *r, uint64_t blob)
{
	uint64_t value;
	if (r->blob_kind == MS_VM_NONE)
		return ms_vm_read(r->vm, blob + r->blob_name, 8, &value)
			       ? kind_at_name(r, value)
			       : MS_CODE_BUFFER;
	if (!ms_vm_read(r->vm, blob + r->blob_kind, 1, &value))
		return MS_CODE_BUFFER;
	int64_t kind = (int64_t)value;
	if (kind == r->kind_method)
		return MS_CODE_METHOD;
	if (kind == r->kind_adapter)
		return MS_CODE_ADAPTER;
	return kind >= r->kind_stub ? MS_CODE_STUB : MS_CODE_BUFFER;
}

static void count(struct ms_code_count *to, uint64_t bytes)
{
	to->blobs++;
	to->bytes += bytes;
}

static void count_blob(
	struct code_reading *r, struct ms_code_heap *heap, uint64_t blob, uint64_t bytes)
{
	enum ms_code_kind kind = kind_of(r, blob);
	uint64_t level;
	count(&heap->kinds[kind], bytes);
	heap->blob_n++;
	if (kind == MS_CODE_METHOD && r->level != MS_VM_NONE &&
		ms_vm_read(r->vm, blob + r->level, 1, &level) && level < MS_CODE_TIERS)
		count(&heap->tiers[level], bytes);
}

// --- blocks ---------------------------------------------------------------------------

static bool read_block(struct code_reading *r, uint64_t at, struct block *ret)
{
	uint64_t used;
	if (!ms_vm_read(r->vm, at + r->length, r->length_bytes, &ret->segments) ||
		!ms_vm_read(r->vm, at + r->used, 1, &used) || used > 1)
		return false;
	ret->is_used = used;
	return ret->segments != 0;
}

static bool walk_blocks(struct code_reading *r, struct ms_code_heap *heap, uint64_t top,
	unsigned segment_log2)
{
	uint64_t at = heap->range.start;
	for (size_t n = 0; at < top && n < BLOCKS_MAX; n++) {
		struct block block;
		if (!read_block(r, at, &block) ||
			block.segments > (top - at) >> segment_log2)
			return false;
		uint64_t bytes = block.segments << segment_log2;
		if (block.is_used) {
			heap->used += bytes;
			count_blob(r, heap, at + r->block_head, bytes);
		} else {
			heap->gaps += bytes;
		}
		at += bytes;
	}
	return at == top;
}

// --- heaps ----------------------------------------------------------------------------

static bool read_space(const struct ms_vm *vm, uint64_t space, struct ms_range *ret,
	uint64_t *ret_committed_end)
{
	return ms_vm_field(vm, space, "VirtualSpace::_low_boundary", 8, &ret->start) &&
	       ms_vm_field(vm, space, "VirtualSpace::_high_boundary", 8, &ret->end) &&
	       ms_vm_field(vm, space, "VirtualSpace::_high", 8, ret_committed_end) &&
	       *ret_committed_end >= ret->start && *ret_committed_end <= ret->end &&
	       ms_place_is_private(vm, *ret, RESERVED_MAX, MS_PLACE_CODE);
}

// Where the blocks end, from the words around _log2_segment_size: numbers of segments
// committed and reserved, and their size, go before it; the next free one follows it.
static bool read_top(const struct ms_vm *vm, uint64_t object,
	const struct ms_code_heap *heap, uint64_t *ret_top, unsigned *ret_log2)
{
	uint64_t at = ms_vm_offset(vm, "CodeHeap::_log2_segment_size"), log2, v[4];
	if (at == MS_VM_NONE || at < 24 || !ms_vm_read(vm, object + at, 4, &log2) ||
		log2 < SEGMENT_LOG2_MIN || log2 > SEGMENT_LOG2_MAX)
		return false;
	static const int places[] = { -24, -16, -8, 8 };
	for (size_t i = 0; i < 4; i++)
		if (!ms_vm_read(vm, object + at + (uint64_t)(int64_t)places[i], 8, &v[i]))
			return false;
	*ret_top = heap->range.start + (v[3] << log2);
	*ret_log2 = (unsigned)log2;
	return v[0] == (heap->committed_end - heap->range.start) >> log2 &&
	       v[1] == ms_range_size(heap->range) >> log2 && v[2] == 1ull << log2 &&
	       v[3] <= v[0];
}

// CodeHeap::_name is the last field but a few counters; its value tells it.
static void read_name(struct ms_vm *vm, uint64_t object, struct ms_code_heap *heap)
{
	uint64_t end = ms_vm_size(vm, "CodeHeap");
	uint64_t from = ms_vm_offset(vm, "CodeHeap::_log2_segment_size"), address, full;
	heap->name = "CodeCache";
	heap->full_n = -1;
	if (from == MS_VM_NONE)
		return;
	for (uint64_t at = from + 8; end <= 1024 && at + FULL_COUNT + 4 <= end; at += 8) {
		uint64_t letters;
		if (!ms_vm_read(vm, object + at, 8, &address) ||
			!ms_vm_read(vm, address, 8, &letters) ||
			(memcmp(&letters, "CodeHeap", 8) != 0 &&
				memcmp(&letters, "CodeCach", 8) != 0))
			continue;
		const char *name = ms_vm_text(vm, address);
		if (!name || strlen(name) > HEAP_NAME_MAX)
			continue;
		heap->name = name;
		if (ms_vm_read(vm, object + at + FULL_COUNT, 4, &full))
			heap->full_n = (int64_t)full;
		return;
	}
}

const char *ms_code_owner(const char *name)
{
	static const struct {
		const char *name, *owner;
	} owners[] = {
		{ "CodeHeap 'non-nmethods'", "java.code.non-nmethods" },
		{ "CodeHeap 'profiled nmethods'", "java.code.profiled" },
		{ "CodeHeap 'non-profiled nmethods'", "java.code.non-profiled" },
	};
	for (size_t i = 0; i < sizeof(owners) / sizeof(owners[0]); i++)
		if (strcmp(owners[i].name, name) == 0)
			return owners[i].owner;
	return "java.code";
}

static void measure(const struct ms_vm *vm, struct ms_code_heap *heap)
{
	const struct ms_pages *pages = ms_target_pages(vm->target);
	heap->free = ms_range_size(heap->range) - heap->used;
	heap->resident = ms_pages_resident(pages, heap->range) +
			 ms_pages_resident(pages, heap->map);
}

static bool overlaps_any(const struct ms_code *code, struct ms_range range)
{
	ms_array_foreach (heap, &code->heaps)
		if (ms_range_overlaps(heap->range, range))
			return true;
	return false;
}

static struct ms_error *add_heap(struct code_reading *r, uint64_t object)
{
	struct ms_vm *vm = r->vm;
	struct ms_code_heap heap = { 0 };
	uint64_t memory = ms_vm_offset(vm, "CodeHeap::_memory"), map_end, top;
	uint64_t map = ms_vm_offset(vm, "CodeHeap::_segmap");
	unsigned log2;
	if (!object || memory == MS_VM_NONE || map == MS_VM_NONE ||
		!read_space(vm, object + memory, &heap.range, &heap.committed_end) ||
		overlaps_any(r->code, heap.range))
		return ms_vm_note(vm, &r->code->notes, "a code heap cannot be read");
	if (!read_space(vm, object + map, &heap.map, &map_end) ||
		ms_range_overlaps(heap.map, heap.range))
		heap.map = (struct ms_range){ 0 };
	read_name(vm, object, &heap);
	heap.owner = ms_code_owner(heap.name);
	heap.is_complete = r->length != MS_VM_NONE && r->used != MS_VM_NONE &&
			   r->blob_name != MS_VM_NONE && r->block_head &&
			   read_top(vm, object, &heap, &top, &log2) &&
			   walk_blocks(r, &heap, top, log2);
	measure(vm, &heap);
	struct ms_code_heap *added = ms_array_push(&r->code->heaps);
	if (!added)
		return &ms_error_nomem;
	*added = heap;
	return heap.is_complete
		       ? NULL
		       : ms_vm_note(vm, &r->code->notes,
				 "%s: its blocks could not all be seen", heap.name);
}

// A GrowableArray of heaps, since JDK 9.
static struct ms_error *add_heaps(struct code_reading *r)
{
	const struct ms_vm *vm = r->vm;
	uint64_t array, n, data, object;
	struct ms_error *err = NULL;
	if (ms_vm_static(vm, "CodeCache::_heap", 8, &object))
		return add_heap(r, object);
	if (!ms_vm_static(vm, "CodeCache::_heaps", 8, &array) ||
		!ms_vm_read(vm, array, 4, &n) || n > HEAPS_MAX ||
		!ms_vm_field(vm, array, "GrowableArray<int>::_data", 8, &data))
		return ms_vm_note(r->vm, &r->code->notes, "code cache: cannot be read");
	for (uint64_t i = 0; !err && i < n; i++)
		if (ms_vm_read(vm, data + 8 * i, 8, &object))
			err = add_heap(r, object);
	return err;
}

static void find_bounds(struct ms_code *code)
{
	ms_array_foreach (heap, &code->heaps) {
		struct ms_range *bounds = &code->bounds;
		if (!bounds->end)
			*bounds = heap->range;
		bounds->start = ms_min(bounds->start, heap->range.start);
		bounds->end = ms_max(bounds->end, heap->range.end);
	}
}

struct ms_error *ms_code_read(struct ms_vm *vm, struct ms_code *ret)
{
	struct ms_code code = { 0 };
	struct code_reading r = { .vm = vm, .code = &code };
	settle(&r);
	struct ms_error *err = add_heaps(&r);
	find_bounds(&code);
	if (err)
		ms_code_deinit(&code);
	*ret = code;
	return err;
}

void ms_code_deinit(struct ms_code *code)
{
	ms_array_deinit(&code->heaps);
	ms_array_deinit(&code->notes);
}

// --- claims ---------------------------------------------------------------------------

struct ms_error *ms_code_claim(struct ms_reading *reading, const struct ms_code *code)
{
	struct ms_error *err = NULL;
	struct ms_kind_row row = { .reader = "hotspot",
		.grade = MS_GRADE_EXACT,
		.precedence = MS_PRECEDENCE_LIBRARY };
	ms_array_foreach (heap, &code->heaps) {
		row.owner = heap->owner;
		row.detail = "code heap, as CodeCache has it";
		if (!err)
			err = ms_claims_say(reading->claims, heap->range, MS_RANK_REGION,
				&row, (uint32_t)ms_min(heap->blob_n, UINT32_MAX),
				(struct ms_bytes){ 0 });
		row.detail = "segment map of a code heap";
		if (!err)
			err = ms_claims_say(reading->claims, heap->map, MS_RANK_REGION,
				&row, 0, (struct ms_bytes){ 0 });
	}
	return err;
}
