// The walk over a heap's objects: see objects.h.

#include "hotspot/objects.h"

#include <string.h>

#include "hotspot/tlabs.h"

enum {
	WINDOW = 256 << 10,
	WORD = 8,
	CACHE = 1024, // classes that a worker keeps at hand; a power of two
	CHAIN = 4,    // objects that must follow each other for a place to be believed
	CHAIN_START = 64, // where a part of a piece begins
	PART = 32 << 20,  // what a piece is cut into, bytes
	PARTS_MAX = 256,  // of all pieces, beyond one each
	UNKNOWN_SHIFT =
		32,        // log2 of the bytes that may be searched in vain for an object
			   // where the page states do not say that anything is there
	MEDIUM_SHIFT = 13, // ZGC: objects of a medium page by its size
	MEDIUM_MAX = 32 << 20,
	MARK_UNLOCKED = 1,
	MARK_LOCKED = 0,
	MARK_MONITOR = 2,
	MARK_MASK = 3,
	MARK_POINTER = ~7,
	AGE_SHIFT = 3,
	AGE_MASK = 15,
	AGE_LIMIT = 16,
	MARK_HASH_END = 42, // bits from here on are zero, or the class
	FEATURE_LIGHT = 22, // locking leaves the mark word in place from here on
	LOCKING_LIGHT = 2,  // LockingMode, JDK 21
};

// A run of memory in which objects lie end to end.
struct piece {
	struct ms_range range;
	uint64_t limit; // objects end here at the latest
	uint64_t alignment;
	uint64_t large; // an object of more bytes has the piece for itself
	uint32_t space;
	bool is_single; // one humongous object; a filler may lie behind it
	bool is_cut;    // its first object is to be searched
	bool has_first; // there was one
	uint64_t first; // where it was
	uint64_t after; // behind the last one
};

struct pieces {
	struct piece *v;
	size_t n;
	size_t cap;
};

struct ms_objects {
	struct ms_vm *vm;
	const struct ms_flags *flags;
	const struct ms_heap *heap;
	struct ms_classes *classes;
	struct ms_object_header header;
	uint64_t monitor_mark_at; // in an ObjectMonitor; MS_VM_NONE: it is never there
	bool is_light;            // locking leaves the mark word where it is
};

// What the walk needs of a class, by the number that objects have of it.
struct slot {
	uint64_t number;
	const struct ms_class *class; // NULL: free
	uint32_t bytes;               // of each object; 0: it differs
	bool is_array;
	uint8_t head, shift;
};

struct run;

struct worker {
	struct run *run;
	unsigned number;
	struct piece *piece;
	uint64_t at;      // the next object
	size_t next_tlab; // the first that ends behind it
	struct ms_range window;
	uint8_t *bytes;
	struct ms_gaps gaps;
	uint64_t unknown; // bytes searched of which nobody says that they are there
	size_t n;         // objects that wait
	struct ms_object batch[MS_OBJECT_BATCH];
	struct slot cache[CACHE];
	struct ms_object_walk sum;
};

// One walk.
struct run {
	struct ms_objects *objects;
	const struct ms_object_visit *visit;
	struct ms_tlabs tlabs;
	struct pieces pieces;
	struct worker **workers;
	unsigned worker_n;
	struct ms_pool *pool;
};

// --- memory ---------------------------------------------------------------------------

static struct ms_error *flush(struct worker *w)
{
	struct ms_object_batch batch = { w->batch, w->n, w->piece->space, w->number };
	w->n = 0;
	return batch.n ? w->run->visit->fn(w->run->visit->arg, &batch) : NULL;
}

static void count_missing(struct worker *w)
{
	ms_array_foreach (gap, &w->gaps)
		if (gap->reason != MS_GAP_ABSENT)
			w->sum.missing_bytes += ms_range_size(gap->range);
	w->gaps.n = 0;
}

static struct ms_error *fill(struct worker *w, uint64_t from)
{
	struct ms_target *target = w->run->objects->vm->target;
	struct ms_error *err = flush(w); // it shows what the window holds
	if (err)
		return err;
	if (ms_cancel_raised(w->run->visit->cancel))
		return ms_error_new(MS_ERROR_CANCELLED, "interrupted");
	uint64_t n = ms_min(w->piece->limit - from, WINDOW);
	w->window = (struct ms_range){ from, from + n };
	struct ms_read read = { w->window, w->bytes };
	err = ms_target_read(target, &read, 1, &w->gaps);
	count_missing(w);
	return err;
}

// Is the head of an object at this address in the window?
static inline bool has_head(const struct worker *w, uint64_t at)
{
	return at >= w->window.start &&
	       (at + MS_OBJECT_HEAD <= w->window.end ||
		       (w->window.end == w->piece->limit && at < w->window.end));
}

static inline const uint8_t *bytes_at(const struct worker *w, uint64_t at)
{
	return w->bytes + (at - w->window.start);
}

// The least that a header needs may be cut off at the end of a piece.
static inline bool has_bytes(const struct worker *w, uint64_t at, uint64_t n)
{
	return w->window.end - at >= n;
}

// --- one object -----------------------------------------------------------------------

static uint64_t align_object(const struct worker *w, uint64_t bytes)
{
	uint64_t alignment = w->run->objects->header.alignment;
	return (bytes + alignment - 1) & ~(alignment - 1);
}

// During a collection a compact header may lead to the copy, which has the class.
static uint64_t number_of_copy(const struct worker *w, uint64_t mark)
{
	const struct ms_objects *objects = w->run->objects;
	uint64_t copy;
	if (!objects->header.is_compact || (mark & MARK_MASK) != MARK_MASK ||
		!ms_heap_region_at(objects->heap, mark & (uint64_t)MARK_POINTER) ||
		!ms_target_get(objects->vm->target, mark & (uint64_t)MARK_POINTER, &copy,
			sizeof(copy)))
		return 0;
	return copy >> objects->header.class_shift;
}

static const struct slot *learn(
	const struct worker *w, struct slot *slot, uint64_t number)
{
	struct ms_objects *objects = w->run->objects;
	const struct ms_class *class = ms_classes_get(
		objects->classes, ms_object_header_class(&objects->header, number));
	if (!class)
		return NULL;
	bool is_fixed = class->kind == MS_CLASS_INSTANCE;
	*slot = (struct slot){ .number = number,
		.class = class,
		.bytes = is_fixed ? (uint32_t)align_object(w, class->layout.bytes) : 0,
		.is_array = class->layout.is_array,
		.head = class->layout.head,
		.shift = class->layout.shift };
	return slot;
}

static inline const struct slot *slot_of(struct worker *w, uint64_t number)
{
	uint64_t hash = number * 0x9e3779b97f4a7c15ull;
	struct slot *slot = &w->cache[(hash >> 40) & (CACHE - 1)];
	return slot->class && slot->number == number ? slot : learn(w, slot, number);
}

// Mirrors and stacks say their size themselves, in words; 0: they cannot.
static uint64_t own_bytes(
	const struct worker *w, const struct ms_class *class, uint64_t at)
{
	if (!has_bytes(w, at, (uint64_t) class->size_at + 4))
		return 0;
	uint64_t words = ms_get_u32(bytes_at(w, at) + class->size_at);
	if (class->kind == MS_CLASS_STACK)
		words = ms_class_stack_words(class->layout.bytes / WORD, words,
			w->run->objects->header.has_narrow_references);
	return words * WORD < class->layout.bytes ? 0 : align_object(w, words * WORD);
}

// The object at an address, whose head is in the window; false if there is none.
static inline bool object_at(struct worker *w, uint64_t at, struct ms_object *ret)
{
	const struct ms_object_header *header = &w->run->objects->header;
	const uint8_t *p = bytes_at(w, at);
	if (!has_bytes(w, at, header->bytes))
		return false;
	uint64_t mark = ms_get_u64(p);
	uint64_t number = (ms_get_u64(p + header->class_at) >> header->class_shift) &
			  header->class_mask;
	const struct slot *slot = slot_of(w, number);
	if (!slot && header->is_compact)
		slot = slot_of(w, number_of_copy(w, mark));
	if (!slot)
		return false;
	uint64_t bytes = slot->bytes;
	uint32_t length = 0;
	if (slot->is_array) {
		if (!has_bytes(w, at, header->length_at + 4u))
			return false;
		length = ms_get_u32(p + header->length_at);
		bytes = align_object(
			w, ms_class_array_bytes(&slot->class->layout, length));
		if (length > INT32_MAX)
			return false;
	} else if (!bytes) {
		bytes = own_bytes(w, slot->class, at);
	}
	*ret = (struct ms_object){ at, bytes, mark, slot->class, length, p };
	return bytes && bytes <= w->piece->limit - at;
}

// --- a broken row ---------------------------------------------------------------------

static uint64_t next_of(const struct worker *w, const struct ms_object *object)
{
	uint64_t end = object->address + object->bytes, next;
	if (object->bytes > w->piece->large)
		return w->piece->limit;
	return ms_align_up(end, w->piece->alignment, &next)
		       ? ms_min(next, w->piece->limit)
		       : w->piece->limit;
}

static uint64_t next_tlab_start(const struct worker *w)
{
	const struct ms_tlabs *tlabs = &w->run->tlabs;
	return w->next_tlab < tlabs->n ? tlabs->v[w->next_tlab].start : UINT64_MAX;
}

// A place where an object may begin that nobody has locked.
static bool is_mark_plain(const struct worker *w, uint64_t at)
{
	const struct ms_object_header *header = &w->run->objects->header;
	uint64_t mark = ms_get_u64(bytes_at(w, at));
	return (mark & MARK_MASK) == MARK_UNLOCKED &&
	       (header->is_compact || !(mark >> MARK_HASH_END));
}

// Do several objects follow each other from here on, as far as the window shows?
static bool is_chain(struct worker *w, uint64_t at, int n)
{
	uint64_t bound = ms_min(w->piece->limit, next_tlab_start(w));
	struct ms_object object;
	if (!is_mark_plain(w, at))
		return false;
	for (int i = 0; i < n && at < bound && has_head(w, at); i++) {
		if (!object_at(w, at, &object))
			return false;
		at = next_of(w, &object);
	}
	return at <= bound;
}

// Where nothing is, no object begins. A core's headers may claim any amount of memory of
// which the file has nothing: only so much of that is searched.
static void pass_absent(struct worker *w, uint64_t bound)
{
	const struct ms_pages *pages = ms_target_pages(w->run->objects->vm->target);
	while (w->at < bound) {
		enum ms_page_state state;
		struct ms_range run = ms_pages_run(pages, w->at, bound, &state);
		bool is_spent = state == MS_PAGE_UNKNOWN && w->unknown >> UNKNOWN_SHIFT;
		if (state != MS_PAGE_ABSENT && !is_spent) {
			w->unknown += state == MS_PAGE_UNKNOWN ? WINDOW : 0;
			return;
		}
		if (is_spent)
			w->sum.missing_bytes += ms_range_size(run);
		w->sum.empty_bytes += ms_range_size(run);
		w->at = run.end;
	}
}

// Go on to the next place that can be believed, or to the end of what is torn.
static struct ms_error *search(struct worker *w, int n)
{
	uint64_t bound = ms_min(w->piece->range.end, next_tlab_start(w));
	struct ms_error *err = NULL;
	while (!err && w->at < bound) {
		if (!has_head(w, w->at)) {
			pass_absent(w, bound);
			if (w->at >= bound)
				return NULL;
			err = fill(w, w->at);
		}
		if (err || !has_bytes(w, w->at, WORD) || is_chain(w, w->at, n))
			break;
		if (!ms_get_u64(bytes_at(w, w->at)))
			w->sum.empty_bytes += w->piece->alignment;
		w->at += w->piece->alignment;
	}
	w->at = err || has_bytes(w, w->at, WORD) ? w->at : bound;
	return err;
}

static struct ms_error *pass_torn(struct worker *w)
{
	uint64_t from = w->at, empty = w->sum.empty_bytes;
	struct ms_error *err = search(w, CHAIN);
	uint64_t bytes = w->at - from;
	w->sum.empty_bytes = ms_min(w->sum.empty_bytes, empty + bytes);
	bytes -= w->sum.empty_bytes - empty;
	w->sum.torn += bytes > 0;
	w->sum.torn_bytes += bytes;
	return err;
}

// --- a piece --------------------------------------------------------------------------

// Pass over the unused end of a thread's buffer; an object may not reach into one.
static void pass_tlabs(struct worker *w)
{
	const struct ms_tlabs *tlabs = &w->run->tlabs;
	while (w->at >= next_tlab_start(w)) {
		struct ms_range tlab = tlabs->v[w->next_tlab++];
		if (tlab.end <= w->at)
			continue;
		w->sum.tlab_bytes += tlab.end - w->at;
		w->at = tlab.end;
	}
}

static inline void push(struct worker *w, const struct ms_object *object)
{
	w->sum.objects++;
	w->sum.bytes += object->bytes;
	if (object->bytes > w->piece->large)
		w->sum.tail_bytes += w->piece->limit - object->address - object->bytes;
	w->batch[w->n++] = *object;
}

// Objects up to the next buffer or the end of the piece.
static struct ms_error *walk_row(struct worker *w, uint64_t bound)
{
	struct ms_error *err = NULL;
	while (!err && w->at < bound) {
		struct ms_object object;
		if (w->n == MS_OBJECT_BATCH)
			err = flush(w);
		if (!err && !has_head(w, w->at))
			err = fill(w, w->at);
		if (err)
			break;
		if (object_at(w, w->at, &object)) {
			push(w, &object);
			w->at = next_of(w, &object);
		} else {
			err = pass_torn(w);
		}
	}
	return err;
}

static struct ms_error *begin_piece(struct worker *w, struct piece *piece)
{
	struct ms_error *err = NULL;
	struct ms_object_walk before = w->sum;
	w->piece = piece;
	w->window = (struct ms_range){ 0 };
	w->at = piece->range.start;
	w->next_tlab = ms_range_search(
		w->run->tlabs.v, w->run->tlabs.n, sizeof(struct ms_range), w->at);
	pass_tlabs(w);
	if (piece->is_cut && w->at == piece->range.start) {
		err = search(w, CHAIN_START);
		w->sum.empty_bytes = before.empty_bytes;
		pass_tlabs(w);
	}
	piece->has_first = w->at < piece->range.end;
	piece->first = w->at;
	return err;
}

static struct ms_error *walk_piece(struct worker *w, struct piece *piece)
{
	struct ms_error *err = begin_piece(w, piece);
	while (!err && w->at < piece->range.end) {
		err = walk_row(w, ms_min(piece->range.end, next_tlab_start(w)));
		if (!err)
			pass_tlabs(w);
	}
	piece->after = w->at;
	if (!err && piece->is_single)
		w->sum.tail_bytes += piece->limit - w->at;
	return err ? err : flush(w);
}

static struct ms_error *run_piece(void *arg, unsigned worker, size_t item)
{
	struct run *run = arg;
	return walk_piece(run->workers[worker], &run->pieces.v[item]);
}

// --- what to walk ---------------------------------------------------------------------

// A humongous object goes on in the regions behind it.
static uint64_t limit_of(const struct ms_heap *heap, size_t region)
{
	uint64_t limit = heap->regions.v[region].top;
	for (size_t i = region + 1; i < heap->regions.n; i++) {
		const struct ms_heap_region *r = &heap->regions.v[i];
		if (!r->is_continued ||
			r->range.start != heap->regions.v[i - 1].range.end)
			break;
		limit = r->top;
	}
	return limit;
}

// In a page of ZGC that is larger than a small one objects lie further apart, and an object
// too large for a medium page has its page for itself. Source: ZObjectAlignmentMedium,
// ZObjectSizeLimitMedium, ZHeuristics::set_medium_page_size().
static void settle_page(
	const struct ms_objects *objects, uint64_t page, struct piece *piece)
{
	const struct ms_heap *heap = objects->heap;
	uint64_t medium = heap->region_bytes;
	int64_t shift;
	while (medium * 2 <= MEDIUM_MAX && medium * 2 <= heap->max / 32)
		medium *= 2;
	// In JDK 11 it is a constant; later the tables have a copy from before it was set.
	if (ms_vm_constant(objects->vm, "ZObjectAlignmentMediumShift", &shift) &&
		shift > 0 && shift < MEDIUM_SHIFT)
		medium = 1ull << (shift + MEDIUM_SHIFT);
	if (page > heap->region_bytes)
		piece->alignment = ms_max(piece->alignment, medium >> MEDIUM_SHIFT);
	piece->large = medium / 8;
}

static struct ms_error *add_piece(
	struct pieces *pieces, const struct piece *piece, uint64_t part)
{
	for (uint64_t at = piece->range.start; at < piece->range.end;) {
		struct piece *added = ms_array_push(pieces);
		if (!added)
			return &ms_error_nomem;
		*added = *piece;
		uint64_t end =
			part < piece->range.end - at ? at + part : piece->range.end;
		added->range = (struct ms_range){ at, end };
		added->is_cut = at != piece->range.start;
		at = end;
	}
	return NULL;
}

// One object begins in a humongous region; G1 puts a filler behind it, which nobody counts.
static struct piece piece_of(const struct ms_objects *objects, size_t i)
{
	const struct ms_heap *heap = objects->heap;
	const struct ms_heap_region *region = &heap->regions.v[i];
	uint64_t start = region->range.start;
	struct piece piece = { .range = { start, limit_of(heap, i) },
		.alignment = objects->header.alignment,
		.large = UINT64_MAX,
		.space = region->space,
		.is_single =
			strcmp(heap->spaces.v[region->space].name, "humongous") == 0 };
	piece.limit = piece.range.end;
	if (heap->collector == MS_COLLECTOR_Z)
		settle_page(objects, ms_range_size(region->range), &piece);
	if (piece.is_single && start < piece.limit)
		piece.range.end = start + WORD;
	return piece;
}

static bool is_walked(const struct ms_heap *heap, const struct ms_heap_region *region)
{
	return heap->spaces.v[region->space].walk == MS_SPACE_WALKABLE &&
	       !region->is_continued;
}

// A lying heap of many huge regions gets no more parts than a true one.
static uint64_t part_size(const struct ms_heap *heap)
{
	uint64_t sum = 0;
	ms_array_foreach (region, &heap->regions)
		if (is_walked(heap, region))
			sum = ms_sum(sum, ms_range_size(region->range));
	return ms_align_down(ms_max(PART, sum / PARTS_MAX), MS_PAGE_SIZE);
}

static struct ms_error *list_pieces(struct run *run, bool is_cut)
{
	const struct ms_heap *heap = run->objects->heap;
	uint64_t part = is_cut ? part_size(heap) : UINT64_MAX;
	struct ms_error *err = NULL;
	run->pieces.n = 0;
	for (size_t i = 0; !err && i < heap->regions.n; i++) {
		struct piece piece = piece_of(run->objects, i);
		if (is_walked(heap, &heap->regions.v[i]))
			err = add_piece(&run->pieces, &piece, part);
	}
	return err;
}

// Does each part begin where the one before it ended?
static bool do_parts_meet(const struct pieces *pieces)
{
	uint64_t at = 0;
	ms_array_foreach (piece, pieces) {
		if (piece->is_cut &&
			(piece->has_first ? piece->first != at : at < piece->range.end))
			return false;
		// One without objects lies in one that began before it.
		at = piece->has_first || !piece->is_cut ? piece->after : at;
	}
	return true;
}

// --- a walk ---------------------------------------------------------------------------

static struct ms_error *make_worker(struct run *run)
{
	struct worker *w = calloc(1, sizeof(*w));
	if (!w)
		return &ms_error_nomem;
	run->workers[run->worker_n] = w;
	w->run = run;
	w->number = run->worker_n++;
	w->bytes = malloc(WINDOW);
	return w->bytes ? NULL : &ms_error_nomem;
}

static struct ms_error *make_workers(struct run *run)
{
	unsigned n =
		run->visit->workers ? run->visit->workers : ms_pool_default_threads();
	n = (unsigned)ms_min(n, MS_OBJECT_WORKERS_MAX);
	struct ms_error *err = ms_pool_new(n, &run->pool);
	run->workers = err ? NULL : calloc(n, sizeof(*run->workers));
	if (!err && !run->workers)
		err = &ms_error_nomem;
	while (!err && run->worker_n < n)
		err = make_worker(run);
	return err;
}

static void end_run(struct run *run)
{
	for (unsigned i = 0; i < run->worker_n && run->workers[i]; i++) {
		free(run->workers[i]->bytes);
		ms_gaps_deinit(&run->workers[i]->gaps);
		free(run->workers[i]);
	}
	free(run->workers);
	ms_pool_free(run->pool);
	ms_array_deinit(&run->pieces);
	ms_tlabs_deinit(&run->tlabs);
}

static void sum_workers(struct run *run, struct ms_object_walk *ret)
{
	*ret = (struct ms_object_walk){ 0 };
	for (unsigned i = 0; i < run->worker_n; i++) {
		struct ms_object_walk *sum = &run->workers[i]->sum;
		ret->objects += sum->objects;
		ret->bytes += sum->bytes;
		ret->tlab_bytes += sum->tlab_bytes;
		ret->tail_bytes += sum->tail_bytes;
		ret->torn += sum->torn;
		ret->torn_bytes += sum->torn_bytes;
		ret->empty_bytes += sum->empty_bytes;
		ret->missing_bytes += sum->missing_bytes;
		*sum = (struct ms_object_walk){ 0 };
	}
}

static struct ms_error *walk_once(
	struct run *run, bool is_cut, struct ms_object_walk *ret)
{
	struct ms_error *err = list_pieces(run, is_cut);
	if (!err)
		err = ms_pool_run(
			run->pool, run->pieces.n, run_piece, run, run->visit->cancel);
	sum_workers(run, ret);
	return err;
}

struct ms_error *ms_objects_walk(struct ms_objects *objects,
	const struct ms_object_visit *visit, struct ms_object_walk *ret)
{
	struct run run = { .objects = objects, .visit = visit };
	struct ms_error *err =
		ms_tlabs_read(objects->vm, objects->heap, &objects->header, &run.tlabs);
	if (!err)
		err = make_workers(&run);
	bool is_cut = run.worker_n > 1 && visit->again;
	if (!err)
		err = walk_once(&run, is_cut, ret);
	if (!err && is_cut && !do_parts_meet(&run.pieces)) {
		visit->again(visit->arg);
		err = walk_once(&run, false, ret);
	}
	end_run(&run);
	return err;
}

struct ms_error *ms_objects_new(struct ms_vm *vm, const struct ms_flags *flags,
	const struct ms_heap *heap, struct ms_classes *classes, struct ms_objects **ret)
{
	struct ms_objects *objects = calloc(1, sizeof(*objects));
	if (!objects)
		return &ms_error_nomem;
	objects->vm = vm;
	objects->flags = flags;
	objects->heap = heap;
	objects->classes = classes;
	objects->header = *ms_classes_header(classes);
	objects->is_light = vm->feature >= FEATURE_LIGHT ||
			    ms_flag_number(flags, "LockingMode", 0) == LOCKING_LIGHT;
	bool has_table = ms_flag_is_on(flags, "UseObjectMonitorTable") ||
			 objects->header.is_compact;
	objects->monitor_mark_at =
		has_table ? MS_VM_NONE
			  : ms_vm_offset(vm,
				    "ObjectMonitor::_header|ObjectMonitor::_metadata");
	*ret = objects;
	return NULL;
}

void ms_objects_free(struct ms_objects *objects)
{
	free(objects);
}

const struct ms_classes *ms_objects_classes(const struct ms_objects *objects)
{
	return objects->classes;
}

// --- one object asked for -------------------------------------------------------------

struct locating {
	uint64_t address;
	struct ms_object found;
};

static struct ms_error *locate_in(void *arg, const struct ms_object_batch *batch)
{
	struct locating *locating = arg;
	for (size_t i = 0; i < batch->n; i++)
		if (locating->address - batch->v[i].address < batch->v[i].bytes)
			locating->found = batch->v[i];
	return NULL;
}

// The region in which the object that reaches into this one begins.
static size_t first_region(const struct ms_heap *heap, size_t i)
{
	while (i > 0 && heap->regions.v[i].is_continued)
		i--;
	return i;
}

struct ms_error *ms_objects_locate(
	struct ms_objects *objects, uint64_t address, struct ms_object *ret)
{
	const struct ms_heap *heap = objects->heap;
	const struct ms_heap_region *region = ms_heap_region_at(heap, address);
	struct locating locating = { .address = address };
	struct ms_object_visit visit = {
		.fn = locate_in, .arg = &locating, .workers = 1
	};
	struct run run = { .objects = objects, .visit = &visit };
	*ret = (struct ms_object){ 0 };
	if (!region)
		return NULL;
	size_t i = first_region(heap, (size_t)(region - heap->regions.v));
	struct piece piece = piece_of(objects, i);
	if (!piece.is_single)
		piece.range.end = address + 1;
	if (heap->spaces.v[piece.space].walk != MS_SPACE_WALKABLE ||
		address >= piece.limit)
		return NULL;
	struct ms_error *err =
		ms_tlabs_read(objects->vm, heap, &objects->header, &run.tlabs);
	if (!err)
		err = make_workers(&run);
	struct worker *worker = err ? NULL : run.workers[0];
	if (worker)
		err = walk_piece(worker, &piece);
	end_run(&run);
	locating.found.head = NULL;
	if (!err)
		*ret = locating.found;
	return err;
}

// --- ages -----------------------------------------------------------------------------

static int age_in(uint64_t mark)
{
	return (mark & MARK_MASK) == MARK_UNLOCKED ? (int)(mark >> AGE_SHIFT & AGE_MASK)
						   : -1;
}

static int displaced_age(const struct ms_objects *objects, uint64_t address)
{
	uint64_t mark;
	return ms_target_get(objects->vm->target, address, &mark, sizeof(mark))
		       ? age_in(mark)
		       : -1;
}

int ms_object_age(const struct ms_objects *objects, uint64_t mark)
{
	uint64_t lock = mark & ~(uint64_t)MARK_MASK;
	int in_place = (int)(mark >> AGE_SHIFT & AGE_MASK);
	switch (mark & MARK_MASK) {
	case MARK_UNLOCKED:
		return in_place;
	case MARK_LOCKED:
		if (!mark && !objects->header.is_compact)
			return objects->is_light ? 0 : -1; // being inflated
		return objects->is_light ? in_place : displaced_age(objects, lock);
	case MARK_MONITOR:
		return objects->monitor_mark_at == MS_VM_NONE
			       ? in_place
			       : displaced_age(objects, lock + objects->monitor_mark_at);
	default: // a collection is under way
		return -1;
	}
}
