// Classes as the walk over objects needs them: see classes.h.

#include "hotspot/classes.h"

#include <pthread.h>
#include <string.h>

#include "hotspot/fields.h"
#include "hotspot/klass.h"

enum {
	WORD = 8,
	CLASSES_MAX = 1 << 20,
	REFUSED = 1024, // addresses that were found to be no class, remembered
	LENGTH_NARROW = 12,
	LENGTH_WIDE = 16,
	LENGTH_COMPACT = 8,
	MARK_CLASS_SHIFT = 42, // where the tables do not say it
	ALIGNMENT_MAX = 256,
	HEAD_MIN = 12,
	HEAD_MAX = 24,
	ELEMENT_SHIFT_MAX = 3,
	INSTANCE_MAX = 1 << 20, // bytes; 65,535 fields are less
	TAG_OBJECTS = -2,
	TAG_PRIMITIVES = -1,
	NAME_MAX_BYTES = 4096,
};

struct table {
	const struct ms_class **v; // by address, open; NULL: free
	size_t size;               // a power of two
};

struct ms_classes {
	struct ms_vm *vm;
	const struct ms_heap *heap;
	struct ms_object_header header;
	uint64_t mirror_size_at;
	pthread_mutex_t lock;
	struct table table;
	MS_ARRAY(const struct ms_class *) known; // by index
	uint64_t root;                           // java.lang.Object; 0: not yet seen
	uint64_t refused[REFUSED];
};

// --- sizes ----------------------------------------------------------------------------

bool ms_class_layout_decode(int32_t helper, struct ms_class_layout *ret)
{
	struct ms_class_layout layout = { .bytes = (uint32_t)helper & ~1u };
	if (helper > 0) {
		// The lowest bit says that the interpreter makes such an object the slow
		// way.
		*ret = layout;
		return layout.bytes >= WORD && layout.bytes % WORD == 0 &&
		       layout.bytes <= INSTANCE_MAX;
	}
	uint32_t bits = (uint32_t)helper;
	int tag = helper >> 30;
	layout = (struct ms_class_layout){ .is_array = true,
		.has_references = tag == TAG_OBJECTS,
		.head = (uint8_t)(bits >> 16),
		.shift = (uint8_t)bits };
	*ret = layout;
	return helper < 0 && (tag == TAG_OBJECTS || tag == TAG_PRIMITIVES) &&
	       layout.head >= HEAD_MIN && layout.head <= HEAD_MAX &&
	       layout.head % 4 == 0 && layout.shift <= ELEMENT_SHIFT_MAX;
}

uint64_t ms_class_stack_words(uint64_t fields, uint64_t words, bool has_narrow_references)
{
	uint64_t bits = words << has_narrow_references;
	return fields + words + (bits + 63) / 64;
}

// --- how objects begin ----------------------------------------------------------------

static bool read_encoding(struct ms_vm *vm, struct ms_object_header *header)
{
	uint64_t shift;
	if (!ms_vm_static(vm,
		    "CompressedKlassPointers::_base|"
		    "CompressedKlassPointers::_narrow_klass._base|"
		    "Universe::_narrow_klass._base",
		    8, &header->base) ||
		!ms_vm_static(vm,
			"CompressedKlassPointers::_shift|"
			"CompressedKlassPointers::_narrow_klass._shift|"
			"Universe::_narrow_klass._shift",
			4, &shift) ||
		shift >= 32)
		return false;
	header->shift = (unsigned)shift;
	return true;
}

static void settle_compact(const struct ms_vm *vm, struct ms_object_header *header)
{
	int64_t shift = MARK_CLASS_SHIFT;
	(void)ms_vm_constant(vm, "markWord::klass_shift", &shift);
	header->is_compact = header->is_narrow = true;
	header->class_at = 0;
	header->class_shift = (uint8_t)(shift & 63);
	header->class_mask = UINT64_MAX >> header->class_shift;
	header->length_at = LENGTH_COMPACT;
	header->bytes = WORD;
}

static void read_header(
	struct ms_vm *vm, const struct ms_flags *flags, struct ms_object_header *header)
{
	uint64_t at = ms_vm_offset(
		vm, "oopDesc::_metadata._compressed_klass|oopDesc::_metadata._klass");
	uint64_t alignment = ms_flag_number(flags, "ObjectAlignmentInBytes", WORD);
	*header = (struct ms_object_header){
		.class_at = at == MS_VM_NONE || at > WORD ? WORD : (uint8_t)at,
		.class_mask = UINT64_MAX,
		.length_at = LENGTH_WIDE,
		.bytes = 2 * WORD,
		.alignment = WORD,
		.has_narrow_references = ms_flag_is_on(flags, "UseCompressedOops"),
	};
	if (alignment >= WORD && alignment <= ALIGNMENT_MAX &&
		!(alignment & (alignment - 1)))
		header->alignment = (uint32_t)alignment;
	if (ms_flag_is_on(flags, "UseCompressedClassPointers")) {
		header->is_narrow = true;
		header->class_mask = UINT32_MAX;
		header->length_at = LENGTH_NARROW;
	}
	if (ms_flag_is_on(flags, "UseCompactObjectHeaders"))
		settle_compact(vm, header);
	if (header->is_narrow && !read_encoding(vm, header))
		header->base = header->shift = 0;
}

uint64_t ms_object_header_class(const struct ms_object_header *header, uint64_t number)
{
	// A sum that wraps is no address of a class, and is refused as such.
	return header->is_narrow ? header->base + (number << header->shift) : number;
}

// --- is it one? -----------------------------------------------------------------------

// Metadata lies in private memory or in an archive; never in the Java heap.
static bool is_metadata(const struct ms_classes *classes, uint64_t address)
{
	const struct ms_mapping *m =
		address % WORD
			? NULL
			: ms_maps_find(ms_target_maps(classes->vm->target), address);
	return m && m->flags & MS_MAPPING_READ && !(m->flags & MS_MAPPING_SHARED) &&
	       !ms_range_has(classes->heap->reserved, address);
}

static bool is_name_of(struct ms_vm *vm, uint64_t klass, const char *name)
{
	const char *text = ms_klass_name(vm, klass);
	return text && strcmp(text, name) == 0;
}

// The first ancestor of every class, arrays too, is java.lang.Object.
static bool has_root(struct ms_classes *classes, uint64_t klass)
{
	struct ms_vm *vm = classes->vm;
	uint64_t root, of_root;
	if (!ms_vm_field(vm, klass, "Klass::_primary_supers[0]", 8, &root))
		return false;
	if (classes->root)
		return root == classes->root;
	if (!is_metadata(classes, root) ||
		!ms_vm_field(vm, root, "Klass::_primary_supers[0]", 8, &of_root) ||
		of_root != root || !is_name_of(vm, root, "java.lang.Object"))
		return false;
	classes->root = root;
	return true;
}

static bool has_table(const struct ms_classes *classes, uint64_t klass)
{
	uint64_t table;
	return ms_vm_read(classes->vm, klass, 8, &table) && is_metadata(classes, table);
}

static enum ms_class_kind kind_of(const struct ms_class *class)
{
	if (class->layout.is_array)
		return class->layout.has_references ? MS_CLASS_OBJECT_ARRAY
						    : MS_CLASS_PRIMITIVE_ARRAY;
	// Nobody but the boot loader may define classes of these packages.
	if (strcmp(class->name, "java.lang.Class") == 0)
		return MS_CLASS_MIRROR;
	return strcmp(class->name, "jdk.internal.vm.StackChunk") == 0 ? MS_CLASS_STACK
								      : MS_CLASS_INSTANCE;
}

static bool find_size(const struct ms_classes *classes, struct ms_class *class)
{
	uint64_t at;
	if (class->kind == MS_CLASS_MIRROR) {
		class->size_at = (uint32_t)classes->mirror_size_at;
		return classes->mirror_size_at;
	}
	if (class->kind != MS_CLASS_STACK)
		return true;
	at = ms_java_field_offset(classes->vm, class->address, "size", "I");
	if (at == MS_VM_NONE || at + 4 > class->layout.bytes)
		return false;
	class->size_at = (uint32_t)at;
	return true;
}

static bool read_class(struct ms_classes *classes, struct ms_class *class)
{
	struct ms_vm *vm = classes->vm;
	uint64_t helper;
	if (!is_metadata(classes, class->address) ||
		!has_table(classes, class->address) ||
		!ms_vm_field(vm, class->address, "Klass::_layout_helper", 4, &helper) ||
		!ms_class_layout_decode((int32_t)helper, &class->layout) ||
		!has_root(classes, class->address))
		return false;
	class->name = ms_klass_name(vm, class->address);
	if (!class->name || !*class->name ||
		strnlen(class->name, NAME_MAX_BYTES) == NAME_MAX_BYTES)
		return false;
	class->kind = kind_of(class);
	return find_size(classes, class);
}

// --- the table ------------------------------------------------------------------------

static size_t slot_of(const struct table *table, uint64_t address)
{
	uint64_t hash = (address / WORD) * 0x9e3779b97f4a7c15ull;
	size_t i = (size_t)(hash >> 32) & (table->size - 1);
	while (table->v[i] && table->v[i]->address != address)
		i = (i + 1) & (table->size - 1);
	return i;
}

static bool grow_table(struct ms_classes *classes)
{
	struct table *table = &classes->table, grown = { NULL, table->size * 2 };
	if (table->size && classes->known.n * 2 < table->size)
		return true;
	grown.size = ms_max(grown.size, 1024);
	grown.v = calloc(grown.size, sizeof(*grown.v));
	if (!grown.v)
		return false;
	ms_array_foreach (class, &classes->known)
		grown.v[slot_of(&grown, (*class)->address)] = *class;
	free(table->v);
	*table = grown;
	return true;
}

static const struct ms_class *add_class(
	struct ms_classes *classes, const struct ms_class *class)
{
	if (classes->known.n >= CLASSES_MAX || !grow_table(classes))
		return NULL;
	struct ms_class *copy = ms_new(&classes->vm->arena, struct ms_class, 1);
	const struct ms_class **added = copy ? ms_array_push(&classes->known) : NULL;
	if (!added)
		return NULL;
	*copy = *class;
	copy->index = (uint32_t)(classes->known.n - 1);
	*added = copy;
	classes->table.v[slot_of(&classes->table, class->address)] = copy;
	return copy;
}

static const struct ms_class *get_locked(struct ms_classes *classes, uint64_t address)
{
	struct ms_class class = { .address = address };
	if (classes->table.size) {
		const struct ms_class *known =
			classes->table.v[slot_of(&classes->table, address)];
		if (known)
			return known;
	}
	uint64_t *refused = &classes->refused[address / WORD % REFUSED];
	if (*refused == address)
		return NULL;
	if (read_class(classes, &class))
		return add_class(classes, &class);
	*refused = address;
	return NULL;
}

const struct ms_class *ms_classes_get(struct ms_classes *classes, uint64_t address)
{
	if (!address)
		return NULL;
	pthread_mutex_lock(&classes->lock);
	const struct ms_class *class = get_locked(classes, address);
	pthread_mutex_unlock(&classes->lock);
	return class;
}

struct ms_error *ms_classes_new(struct ms_vm *vm, const struct ms_flags *flags,
	const struct ms_heap *heap, struct ms_classes **ret)
{
	struct ms_classes *classes = calloc(1, sizeof(*classes));
	if (!classes)
		return &ms_error_nomem;
	classes->vm = vm;
	classes->heap = heap;
	pthread_mutex_init(&classes->lock, NULL);
	read_header(vm, flags, &classes->header);
	if (!ms_vm_static(vm, "java_lang_Class::_oop_size_offset", 4,
		    &classes->mirror_size_at) ||
		classes->mirror_size_at > INSTANCE_MAX)
		classes->mirror_size_at = 0;
	*ret = classes;
	return NULL;
}

void ms_classes_free(struct ms_classes *classes)
{
	if (!classes)
		return;
	free(classes->table.v);
	ms_array_deinit(&classes->known);
	pthread_mutex_destroy(&classes->lock);
	free(classes);
}

const struct ms_object_header *ms_classes_header(const struct ms_classes *classes)
{
	return &classes->header;
}

size_t ms_classes_count(const struct ms_classes *classes)
{
	return classes->known.n;
}

const struct ms_class *ms_classes_at(const struct ms_classes *classes, size_t index)
{
	return index < classes->known.n ? classes->known.v[index] : NULL;
}
