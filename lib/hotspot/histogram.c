// Objects counted: see histogram.h.

#include "hotspot/histogram.h"

#include <stdio.h>
#include <string.h>

enum {
	WORD = 8,
	SLOTS = MS_AGES + 1, // the last: not known
	LOCKS_MAX = 100000,  // marks that are looked up elsewhere, per worker
	MARK_MASK = 3,
	MARK_UNLOCKED = 1,
	AGE_SHIFT = 3,
	AGE_MASK = 15,
};

struct count {
	uint64_t objects;
	uint64_t bytes;
};

struct counts {
	struct count *v; // by class
	size_t n;
	size_t cap;
};

// What one worker saw.
struct tally {
	struct counts *spaces;
	struct count (*ages)[SLOTS];   // by space
	struct ms_large_object *large; // a heap, the least one first
	size_t large_n;
	uint64_t large_all;
	unsigned locks;
};

struct counting {
	const struct ms_objects *objects;
	const struct ms_heap *heap;
	uint64_t large;
	struct tally tallies[MS_OBJECT_WORKERS_MAX];
};

// --- large objects --------------------------------------------------------------------

// Whether a is less worth keeping than b; no two are equal.
static bool is_less(const struct ms_large_object *a, const struct ms_large_object *b)
{
	return a->bytes != b->bytes ? a->bytes < b->bytes : a->address > b->address;
}

static void swap(struct ms_large_object *a, struct ms_large_object *b)
{
	struct ms_large_object kept = *a;
	*a = *b;
	*b = kept;
}

static void sift_up(struct ms_large_object *v, size_t i)
{
	for (; i > 0 && is_less(&v[i], &v[(i - 1) / 2]); i = (i - 1) / 2)
		swap(&v[i], &v[(i - 1) / 2]);
}

static void sift_down(struct ms_large_object *v, size_t n)
{
	for (size_t i = 0, child; (child = 2 * i + 1) < n; i = child) {
		if (child + 1 < n && is_less(&v[child + 1], &v[child]))
			child++;
		if (!is_less(&v[child], &v[i]))
			break;
		swap(&v[i], &v[child]);
	}
}

static struct ms_error *keep_large(
	struct tally *tally, const struct ms_large_object *object)
{
	tally->large_all++;
	if (!tally->large)
		tally->large = calloc(MS_LARGE_OBJECTS, sizeof(*tally->large));
	if (!tally->large)
		return &ms_error_nomem;
	if (tally->large_n < MS_LARGE_OBJECTS) {
		tally->large[tally->large_n] = *object;
		sift_up(tally->large, tally->large_n++);
	} else if (is_less(&tally->large[0], object)) {
		tally->large[0] = *object;
		sift_down(tally->large, tally->large_n);
	}
	return NULL;
}

// --- counting -------------------------------------------------------------------------

// Where the mark word is somewhere else, looking it up costs a read: not without end.
static int age_of(const struct counting *counting, struct tally *tally, uint64_t mark)
{
	if ((mark & MARK_MASK) == MARK_UNLOCKED)
		return (int)(mark >> AGE_SHIFT & AGE_MASK);
	if (tally->locks >= LOCKS_MAX)
		return -1;
	tally->locks++;
	return ms_object_age(counting->objects, mark);
}

static struct ms_error *count_large(struct counting *counting, struct tally *tally,
	const struct ms_object *object, uint32_t space)
{
	struct ms_large_object large = {
		.class = object->class,
		.address = object->address,
		.bytes = object->bytes,
		.length = object->length,
		.space = space,
		.age = age_of(counting, tally, object->mark),
	};
	return keep_large(tally, &large);
}

static void count_ages(struct counting *counting, struct tally *tally,
	const struct ms_object_batch *batch)
{
	struct count *ages = tally->ages[batch->space];
	for (size_t i = 0; i < batch->n; i++) {
		int age = age_of(counting, tally, batch->v[i].mark);
		struct count *count = &ages[age < 0 ? MS_AGES : age];
		count->objects++;
		count->bytes += batch->v[i].bytes;
	}
}

static bool grow(struct counts *counts, uint32_t index)
{
	size_t n = counts->n;
	if (!ms_array_reserve(counts, index + 1 - n))
		return false;
	memset(counts->v + n, 0, (counts->cap - n) * sizeof(*counts->v));
	counts->n = counts->cap;
	return true;
}

static struct ms_error *count_batch(void *arg, const struct ms_object_batch *batch)
{
	struct counting *counting = arg;
	struct tally *tally = &counting->tallies[batch->worker];
	struct counts *counts = &tally->spaces[batch->space];
	uint64_t large = counting->large;
	for (size_t i = 0; i < batch->n; i++) {
		const struct ms_object *object = &batch->v[i];
		uint32_t index = object->class->index;
		if (index >= counts->n && !grow(counts, index))
			return &ms_error_nomem;
		counts->v[index].objects++;
		counts->v[index].bytes += object->bytes;
		if (object->bytes < large)
			continue;
		struct ms_error *err = count_large(counting, tally, object, batch->space);
		if (err)
			return err;
	}
	count_ages(counting, tally, batch);
	return NULL;
}

static void forget(void *arg)
{
	struct counting *counting = arg;
	size_t spaces = counting->heap->spaces.n;
	for (size_t w = 0; w < MS_OBJECT_WORKERS_MAX; w++) {
		struct tally *tally = &counting->tallies[w];
		for (size_t s = 0; s < spaces; s++)
			if (tally->spaces[s].n)
				memset(tally->spaces[s].v, 0,
					tally->spaces[s].n * sizeof(*tally->spaces[s].v));
		memset(tally->ages, 0, spaces * sizeof(*tally->ages));
		tally->large_n = 0;
		tally->large_all = 0;
		tally->locks = 0;
	}
}

// --- the result -----------------------------------------------------------------------

static uint64_t bytes_of(const struct counting *counting, uint32_t index)
{
	uint64_t bytes = 0;
	for (size_t w = 0; w < MS_OBJECT_WORKERS_MAX; w++)
		for (size_t s = 0; s < counting->heap->spaces.n; s++) {
			const struct counts *counts = &counting->tallies[w].spaces[s];
			bytes += index < counts->n ? counts->v[index].bytes : 0;
		}
	return bytes;
}

static struct ms_error *add_row(struct counting *counting, struct ms_histogram *ret,
	const struct ms_class *class, uint32_t space)
{
	struct ms_histogram_row row = { .class = class, .space = space };
	for (size_t w = 0; w < MS_OBJECT_WORKERS_MAX; w++) {
		const struct counts *counts = &counting->tallies[w].spaces[space];
		if (class->index >= counts->n)
			continue;
		row.instances += counts->v[class->index].objects;
		row.bytes += counts->v[class->index].bytes;
	}
	struct ms_histogram_row *added = row.instances ? ms_array_push(&ret->rows) : NULL;
	if (!added)
		return row.instances ? &ms_error_nomem : NULL;
	*added = row;
	return NULL;
}

// A class and the bytes of all its objects: by what rows are ordered.
struct ranked {
	const struct ms_class *class;
	uint64_t bytes;
};

static int compare_ranked(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;
	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? 1 : -1;
	int order = strcmp(x->class->name, y->class->name);
	return order ? order
		     : (x->class->address > y->class->address) -
			       (x->class->address < y->class->address);
}

static struct ms_error *add_rows(struct counting *counting,
	const struct ms_classes *classes, struct ms_histogram *ret)
{
	size_t n = ms_classes_count(classes);
	_cleanup_free_ struct ranked *ranked = calloc(n + 1, sizeof(*ranked));
	struct ms_error *err = NULL;
	if (!ranked)
		return &ms_error_nomem;
	for (size_t i = 0; i < n; i++)
		ranked[i] = (struct ranked){ ms_classes_at(classes, i),
			bytes_of(counting, (uint32_t)i) };
	qsort(ranked, n, sizeof(*ranked), compare_ranked);
	for (size_t i = 0; !err && i < n; i++)
		for (uint32_t s = 0; !err && s < counting->heap->spaces.n; s++)
			err = add_row(counting, ret, ranked[i].class, s);
	return err;
}

static struct ms_error *add_age(
	struct counting *counting, struct ms_histogram *ret, uint32_t space, int slot)
{
	struct ms_age_row row = { .space = space, .age = slot < MS_AGES ? slot : -1 };
	for (size_t w = 0; w < MS_OBJECT_WORKERS_MAX; w++) {
		row.objects += counting->tallies[w].ages[space][slot].objects;
		row.bytes += counting->tallies[w].ages[space][slot].bytes;
	}
	struct ms_age_row *added = row.objects ? ms_array_push(&ret->ages) : NULL;
	if (!added)
		return row.objects ? &ms_error_nomem : NULL;
	*added = row;
	return NULL;
}

static struct ms_error *add_ages(struct counting *counting, struct ms_histogram *ret)
{
	struct ms_error *err = NULL;
	for (uint32_t s = 0; s < counting->heap->spaces.n; s++)
		for (int slot = 0; !err && slot < SLOTS; slot++)
			err = add_age(counting, ret, s, slot);
	return err;
}

static int compare_large(const void *a, const void *b)
{
	return is_less(a, b) ? 1 : -1;
}

static struct ms_error *add_large(struct counting *counting, struct ms_histogram *ret)
{
	for (size_t w = 0; w < MS_OBJECT_WORKERS_MAX; w++) {
		const struct tally *tally = &counting->tallies[w];
		ret->large_n += tally->large_all;
		if (!ms_array_reserve(&ret->large, tally->large_n))
			return &ms_error_nomem;
		for (size_t i = 0; i < tally->large_n; i++)
			ret->large.v[ret->large.n++] = tally->large[i];
	}
	if (ret->large.n)
		qsort(ret->large.v, ret->large.n, sizeof(*ret->large.v), compare_large);
	ret->large.n = ms_min(ret->large.n, MS_LARGE_OBJECTS);
	return NULL;
}

static struct ms_error *note_spaces(
	struct ms_vm *vm, const struct ms_heap *heap, struct ms_histogram *ret)
{
	struct ms_error *err = NULL;
	ms_array_foreach (space, &heap->spaces)
		if (!err && space->walk == MS_SPACE_OPAQUE && space->used)
			err = ms_vm_note(vm, &ret->notes,
				"%s: its objects do not lie end to end, and are not "
				"counted",
				space->name);
	return err;
}

static struct ms_error *add_notes(
	struct ms_vm *vm, const struct ms_heap *heap, struct ms_histogram *ret)
{
	const struct ms_object_walk *walk = &ret->walk;
	struct ms_error *err = note_spaces(vm, heap, ret);
	if (!err && walk->torn)
		err = ms_vm_note(vm, &ret->notes,
			"%llu places hold no object that can be told, %llu bytes of the "
			"heap: the JVM ran, was collecting, or has unloaded classes",
			(unsigned long long)walk->torn,
			(unsigned long long)walk->torn_bytes);
	if (!err && walk->missing_bytes)
		err = ms_vm_note(vm, &ret->notes,
			"%llu bytes of the heap could not be read (swapped out, or "
			"refused)",
			(unsigned long long)walk->missing_bytes);
	return err;
}

// --- running it -----------------------------------------------------------------------

static void end_counting(struct counting *counting)
{
	for (size_t w = 0; w < MS_OBJECT_WORKERS_MAX; w++) {
		struct tally *tally = &counting->tallies[w];
		for (size_t s = 0; tally->spaces && s < counting->heap->spaces.n; s++)
			ms_array_deinit(&tally->spaces[s]);
		free(tally->spaces);
		free(tally->ages);
		free(tally->large);
	}
	free(counting);
}

static struct ms_error *begin_counting(const struct ms_objects *objects,
	const struct ms_heap *heap, uint64_t large, struct counting **ret)
{
	struct counting *counting = calloc(1, sizeof(*counting));
	bool is_complete = counting;
	if (!counting)
		return &ms_error_nomem;
	counting->objects = objects;
	counting->heap = heap;
	counting->large = large ? large : UINT64_MAX;
	for (size_t w = 0; w < MS_OBJECT_WORKERS_MAX; w++) {
		struct tally *tally = &counting->tallies[w];
		tally->spaces = calloc(heap->spaces.n + 1, sizeof(*tally->spaces));
		tally->ages = calloc(heap->spaces.n + 1, sizeof(*tally->ages));
		is_complete = is_complete && tally->spaces && tally->ages;
	}
	*ret = counting;
	return is_complete ? NULL : &ms_error_nomem;
}

struct ms_error *ms_histogram_make(struct ms_vm *vm, struct ms_objects *objects,
	const struct ms_heap *heap, const struct ms_histogram_options *options,
	struct ms_histogram *ret)
{
	struct ms_histogram histogram = { 0 };
	struct counting *counting = NULL;
	struct ms_error *err = begin_counting(objects, heap, options->large, &counting);
	struct ms_object_visit visit = { .fn = count_batch,
		.again = forget,
		.arg = counting,
		.workers = options->workers,
		.cancel = options->cancel };
	if (!err)
		err = ms_objects_walk(objects, &visit, &histogram.walk);
	if (!err)
		err = add_rows(counting, ms_objects_classes(objects), &histogram);
	if (!err)
		err = add_ages(counting, &histogram);
	if (!err)
		err = add_large(counting, &histogram);
	if (!err)
		err = add_notes(vm, heap, &histogram);
	if (counting)
		end_counting(counting);
	if (err)
		ms_histogram_deinit(&histogram);
	*ret = histogram;
	return err;
}

void ms_histogram_deinit(struct ms_histogram *histogram)
{
	ms_array_deinit(&histogram->rows);
	ms_array_deinit(&histogram->ages);
	ms_array_deinit(&histogram->large);
	ms_array_deinit(&histogram->notes);
}

// --- the collector's own table --------------------------------------------------------

// Both survivor spaces are of one size. The JVM rounds down to words.
static uint64_t desired_bytes(const struct ms_flags *flags, const struct ms_heap *heap)
{
	uint64_t ratio = ms_flag_number(flags, "TargetSurvivorRatio", 0), scaled;
	ms_array_foreach (space, &heap->spaces)
		if (strcmp(space->name, "to") == 0 &&
			ms_mul(space->capacity / WORD, ratio, &scaled))
			return scaled / 100 * WORD;
	return 0;
}

struct ms_age_table ms_age_table_read(
	const struct ms_vm *vm, const struct ms_flags *flags, const struct ms_heap *heap)
{
	struct ms_age_table table = { .max_threshold = ms_flag_number(flags,
					      "MaxTenuringThreshold", UINT64_MAX) };
	uint64_t at = ms_vm_offset(vm, "DefNewGeneration::_age_table"), threshold,
		 sizes = ms_vm_offset(vm, "AgeTable::sizes|ageTable::sizes");
	if (!heap->young_generation || at == MS_VM_NONE || sizes == MS_VM_NONE ||
		!ms_vm_field(vm, heap->young_generation,
			"DefNewGeneration::_tenuring_threshold", 4, &threshold) ||
		threshold > MS_AGES)
		return table;
	for (size_t i = 0; i < MS_AGES; i++) {
		uint64_t words;
		if (!ms_vm_read(vm, heap->young_generation + at + sizes + i * WORD, 8,
			    &words) ||
			words > heap->max / WORD)
			return table;
		table.bytes[i] = words * WORD;
	}
	table.is_there = true;
	table.threshold = (unsigned)threshold;
	table.desired = desired_bytes(flags, heap);
	return table;
}
