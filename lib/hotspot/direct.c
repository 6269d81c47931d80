// Direct buffers: see direct.h.

#include "hotspot/direct.h"

#include <string.h>

#include "alloc/alloc.h"

enum {
	SUPERS_MAX = 8,
	CACHES_MAX = 1 << 16,
	CACHED_MAX = 1 << 10, // buffers that NIO keeps for one thread
};

static const uint64_t CAPACITY_MAX = UINT64_C(1) << 40;

// --- counters -------------------------------------------------------------------------

// The class's own object, which holds its static fields.
static uint64_t mirror_of(const struct ms_java *java, uint64_t klass)
{
	uint64_t at = ms_vm_offset(java->vm, "Klass::_java_mirror"), slot, mirror;
	if (at == MS_VM_NONE)
		return 0;
	slot = klass + at;
	// From JDK 10 on it is in a slot elsewhere.
	if (java->vm->feature > 8 && !ms_vm_read(java->vm, slot, 8, &slot))
		return 0;
	return slot && ms_java_root(java, slot, &mirror) ? mirror : 0;
}

static bool read_long(const struct ms_java *java, uint64_t klass, uint64_t object,
	const char *name, uint64_t *ret)
{
	uint64_t at = ms_java_field_offset(java->vm, klass, name, "J");
	return at != MS_VM_NONE && ms_vm_read(java->vm, object + at, 8, ret);
}

// A static AtomicLong, or a plain long: what a counter is differs.
static bool read_counter(const struct ms_java *java, uint64_t klass, uint64_t mirror,
	const char *name, uint64_t *ret)
{
	uint64_t object, at = ms_java_field_offset(java->vm, klass, name,
				 "Ljava/util/concurrent/atomic/AtomicLong;");
	if (at == MS_VM_NONE)
		return read_long(java, klass, mirror, name, ret);
	return ms_java_reference(java, mirror + at, &object) && object &&
	       read_long(java, ms_java_class(java, object), object, "value", ret);
}

struct ms_direct_counts ms_direct_counts_read(
	const struct ms_java *java, const struct ms_loaders *loaders)
{
	// Names up to JDK 8, and later.
	static const char *const names[][4] = {
		{ "count", "totalCapacity", "reservedMemory", "maxMemory" },
		{ "COUNT", "TOTAL_CAPACITY", "RESERVED_MEMORY", "MAX_MEMORY" },
	};
	struct ms_direct_counts counts = { 0 };
	uint64_t klass = loaders->known[MS_KNOWN_BITS];
	uint64_t mirror = klass ? mirror_of(java, klass) : 0;
	for (size_t i = 0; mirror && i < 2 && !counts.is_there; i++)
		counts.is_there =
			read_counter(java, klass, mirror, names[i][0], &counts.count) &&
			read_counter(
				java, klass, mirror, names[i][1], &counts.capacity) &&
			read_counter(
				java, klass, mirror, names[i][2], &counts.reserved) &&
			read_long(java, klass, mirror, names[i][3], &counts.max);
	return counts;
}

// --- buffers --------------------------------------------------------------------------

// Where a buffer has what.
struct places {
	uint64_t address, capacity, cleaner, attachment;
	uint64_t buffers; // of a cache
};

struct looking {
	const struct ms_java *java;
	struct places at;
	uint64_t direct_class, cache_class;
	struct ms_direct *direct;
	MS_ARRAY(uint64_t) caches; // arrays of buffers
	uint64_t looks;            // that are left, into caches
	size_t counted_n;          // of the buffers: they ascend, and more follow
};

static uint64_t class_above(const struct ms_vm *vm, uint64_t klass, const char *name)
{
	for (int i = 0; klass && i < SUPERS_MAX; i++) {
		if (ms_java_class_is(vm, klass, name))
			return klass;
		if (!ms_vm_field(vm, klass, "Klass::_super", 8, &klass))
			return 0;
	}
	return 0;
}

static bool find_places(struct looking *l)
{
	const struct ms_vm *vm = l->java->vm;
	uint64_t buffer = class_above(vm, l->direct_class, "java/nio/Buffer");
	if (!buffer)
		return false;
	l->at = (struct places){
		.address = ms_java_field_offset(vm, buffer, "address", "J"),
		.capacity = ms_java_field_offset(vm, buffer, "capacity", "I"),
		.cleaner = ms_java_field_offset(vm, l->direct_class, "cleaner", NULL),
		.attachment = ms_java_field_offset(vm, l->direct_class, "att", NULL),
		.buffers = l->cache_class ? ms_java_field_offset(
						    vm, l->cache_class, "buffers", NULL)
					  : MS_VM_NONE,
	};
	return l->at.address < MS_OBJECT_HEAD - 8 &&
	       l->at.capacity < MS_OBJECT_HEAD - 8 &&
	       l->at.cleaner < MS_OBJECT_HEAD - 8 &&
	       l->at.attachment < MS_OBJECT_HEAD - 8;
}

// A reference within the bytes of an object that was read; 0 is null.
static uint64_t reference_in(
	const struct ms_java *java, const struct ms_object *object, uint64_t at)
{
	if (!java->has_narrow_oops)
		return ms_get_u64(object->head + at);
	uint64_t narrow = ms_get_u32(object->head + at);
	return narrow ? java->oop_base + (narrow << java->oop_shift) : 0;
}

static struct ms_error *add_buffer(struct looking *l, const struct ms_object *object)
{
	if (!reference_in(l->java, object, l->at.cleaner) ||
		reference_in(l->java, object, l->at.attachment))
		return NULL; // a view of another's memory
	if (l->direct->v.n >= MS_DIRECT_MAX) {
		l->direct->is_complete = false;
		return NULL;
	}
	struct ms_direct_buffer *added = ms_array_push(&l->direct->v);
	if (!added)
		return &ms_error_nomem;
	*added = (struct ms_direct_buffer){ .object = object->address,
		.address = ms_get_u64(object->head + l->at.address),
		.capacity = ms_get_u32(object->head + l->at.capacity),
		.is_counted = true };
	return NULL;
}

static struct ms_error *add_cache(struct looking *l, const struct ms_object *object)
{
	if (l->at.buffers >= MS_OBJECT_HEAD - 8 || l->caches.n >= CACHES_MAX)
		return NULL;
	uint64_t *added = ms_array_push(&l->caches);
	if (!added)
		return &ms_error_nomem;
	*added = reference_in(l->java, object, l->at.buffers);
	return NULL;
}

static struct ms_error *on_objects(void *arg, const struct ms_object_batch *batch)
{
	struct looking *l = arg;
	struct ms_error *err = NULL;
	for (size_t i = 0; !err && i < batch->n; i++) {
		const struct ms_object *object = &batch->v[i];
		if (object->class->address == l->direct_class)
			err = add_buffer(l, object);
		else if (object->class->address == l->cache_class)
			err = add_cache(l, object);
	}
	return err;
}

static int compare_buffers(const void *pa, const void *pb)
{
	const struct ms_direct_buffer *a = pa, *b = pb;
	return (a->object > b->object) - (a->object < b->object);
}

static struct ms_direct_buffer *counted(const struct looking *l, uint64_t object)
{
	struct ms_direct_buffer key = { .object = object };
	return l->counted_n ? bsearch(&key, l->direct->v.v, l->counted_n, sizeof(key),
				      compare_buffers)
			    : NULL;
}

// One that NIO keeps; it may free it by itself, without a cleaner.
static struct ms_error *add_cached(struct looking *l, uint64_t object)
{
	const struct ms_java *java = l->java;
	struct ms_direct_buffer *known = counted(l, object);
	uint64_t address, capacity, attachment;
	if (known) {
		known->is_cached = true;
		return NULL;
	}
	if (ms_java_class(java, object) != l->direct_class ||
		!ms_vm_read(java->vm, object + l->at.address, 8, &address) ||
		!ms_vm_read(java->vm, object + l->at.capacity, 4, &capacity) ||
		!ms_java_reference(java, object + l->at.attachment, &attachment) ||
		attachment || l->direct->v.n >= MS_DIRECT_MAX)
		return NULL;
	struct ms_direct_buffer *added = ms_array_push(&l->direct->v);
	if (!added)
		return &ms_error_nomem;
	*added = (struct ms_direct_buffer){ .object = object,
		.address = address,
		.capacity = capacity,
		.is_cached = true };
	return NULL;
}

// Elements of an array of references begin where those of all such arrays do.
static struct ms_error *look_into_cache(struct looking *l, uint64_t array)
{
	const struct ms_java *java = l->java;
	uint64_t n, object, size = java->has_narrow_oops ? 4 : 8;
	uint64_t first = (java->array_length_at + 4 + size - 1) & ~(size - 1);
	struct ms_error *err = NULL;
	if (!array || !ms_vm_read(java->vm, array + java->array_length_at, 4, &n))
		return NULL;
	for (uint64_t i = 0; !err && i < ms_min(n, CACHED_MAX) && l->looks;
		i++, l->looks--)
		if (ms_java_reference(java, array + first + i * size, &object) && object)
			err = add_cached(l, object);
	return err;
}

static struct ms_error *walk(struct looking *l, const struct ms_flags *flags,
	const struct ms_heap *heap, const struct ms_cancel *cancel)
{
	_cleanup_classes_ struct ms_classes *classes = NULL;
	_cleanup_objects_ struct ms_objects *objects = NULL;
	struct ms_vm *vm = l->java->vm;
	struct ms_object_walk ignored;
	struct ms_object_visit visit = {
		.fn = on_objects, .arg = l, .workers = 1, .cancel = cancel
	};
	struct ms_error *err = ms_classes_new(vm, flags, heap, &classes);
	if (!err)
		err = ms_objects_new(vm, flags, heap, classes, &objects);
	return err ? err : ms_objects_walk(objects, &visit, &ignored);
}

struct ms_error *ms_direct_read(struct ms_java *java, const struct ms_flags *flags,
	const struct ms_heap *heap, const struct ms_loaders *loaders,
	const struct ms_cancel *cancel, struct ms_direct *ret)
{
	struct looking l = { .java = java,
		.direct_class = loaders->known[MS_KNOWN_DIRECT],
		.cache_class = loaders->known[MS_KNOWN_CACHE],
		.looks = MS_DIRECT_MAX,
		.direct = ret };
	*ret = (struct ms_direct){ .is_complete = true };
	if (!l.direct_class)
		return NULL;
	if (!find_places(&l)) {
		ret->is_complete = false;
		return NULL;
	}
	struct ms_error *err = walk(&l, flags, heap, cancel);
	if (!err && ret->v.n)
		qsort(ret->v.v, ret->v.n, sizeof(ret->v.v[0]), compare_buffers);
	l.counted_n = ret->v.n;
	ms_array_foreach (array, &l.caches)
		if (!err)
			err = look_into_cache(&l, *array);
	ms_array_deinit(&l.caches);
	if (err)
		ms_direct_deinit(ret);
	return err;
}

void ms_direct_deinit(struct ms_direct *direct)
{
	ms_array_deinit(&direct->v);
}

// --- claims ---------------------------------------------------------------------------

static struct ms_error *claim_one(struct ms_reading *reading,
	const struct ms_direct_buffer *buffer, ms_kind kind,
	const struct ms_kind_row *row)
{
	const struct ms_maps *maps = ms_target_maps(reading->target);
	const struct ms_alloc_region *region;
	struct ms_block block;
	if (!buffer->address || !buffer->capacity || buffer->capacity > CAPACITY_MAX)
		return NULL;
	if (reading->alloc &&
		ms_alloc_block_at(reading->alloc, buffer->address, &region, &block))
		// The table is the survey's; the region only borrows it.
		return ms_claims_offer(reading->claims,
			(struct ms_blocks *)(uintptr_t)region->blocks, &block, kind);
	if (!ms_peek_is_writable(maps, buffer->address, buffer->capacity))
		return NULL; // of a file, or of another address space
	return ms_claims_say(reading->claims,
		(struct ms_range){ buffer->address, buffer->address + buffer->capacity },
		MS_RANK_STRUCTURE, row, 1, (struct ms_bytes){ 0 });
}

struct ms_error *ms_direct_claim(
	struct ms_reading *reading, const struct ms_direct *direct)
{
	struct ms_kind_row rows[2] = {
		{ .owner = "java.direct.buffer",
			.reader = "hotspot",
			.detail = "memory of a DirectByteBuffer that will free it",
			.state = MS_STATE_LIVE,
			.grade = MS_GRADE_STRUCTURAL,
			.precedence = MS_PRECEDENCE_FREER },
		{ .owner = "java.direct.cached",
			.reader = "hotspot",
			.detail =
				"memory of a DirectByteBuffer that NIO keeps for a thread",
			.state = MS_STATE_LIVE,
			.grade = MS_GRADE_STRUCTURAL,
			.precedence = MS_PRECEDENCE_FREER },
	};
	ms_kind kinds[2];
	struct ms_error *err = NULL;
	for (int i = 0; !err && i < 2; i++)
		err = ms_claims_kind(reading->claims, &rows[i], &kinds[i]);
	ms_array_foreach (buffer, &direct->v)
		if (!err)
			err = claim_one(reading, buffer, kinds[buffer->is_cached],
				&rows[buffer->is_cached]);
	return err;
}
