/**
 * classes - what is needed of a Java class to walk its objects: name, kind and size.
 *
 * An object says which class it is of by a pointer, or by a shorter number that base and
 * shift make one, in its second word or (compact headers, JDK 24 and later) at the top of
 * its first. How large it then is, the class's layout helper says, but for two kinds
 * whose objects say it themselves.
 *
 * A class is believed only if everything about it fits: where it lies, its layout, its
 * name, and that java.lang.Object is the root of its ancestors.
 *
 * Source: oops/klass.hpp, arrayOop.hpp, instanceMirrorKlass.inline.hpp (JDK 8 to 26),
 *         instanceStackChunkKlass.inline.hpp (21 and later).
 */
#pragma once

#include "hotspot/flags.h"
#include "hotspot/heap.h"
#include "hotspot/vm.h"

enum ms_class_kind {
	MS_CLASS_INSTANCE, ///< all objects of one size
	MS_CLASS_MIRROR,   ///< java.lang.Class: an object says its size, static fields
			   ///< being in it
	MS_CLASS_STACK,    ///< jdk.internal.vm.StackChunk: holds a part of a stack
	MS_CLASS_OBJECT_ARRAY, ///< elements are references
	MS_CLASS_PRIMITIVE_ARRAY,
};

/** What a layout helper says. */
struct ms_class_layout {
	bool is_array;
	bool has_references; ///< its elements
	uint32_t bytes;      ///< of an instance, unless its kind says otherwise
	uint8_t head;        ///< of an array: bytes before the first element
	uint8_t shift;       ///< of an array: log2 of an element's size
};

struct ms_class {
	uint64_t address; ///< of the Klass
	const char *name; ///< "java.lang.String", "byte[]"; any bytes of the target
	enum ms_class_kind kind;
	uint32_t index; ///< in the order met, from 0
	struct ms_class_layout layout;
	uint32_t
		size_at; ///< of MS_CLASS_MIRROR and STACK: where in an object its size is
};

/** How objects begin in one JVM. */
struct ms_object_header {
	uint8_t class_at;    ///< of the word that says the class
	uint8_t class_shift; ///< how far the class is up in that word
	uint64_t class_mask; ///< after that
	bool is_compact;     ///< the class is in the mark word
	bool is_narrow;      ///< address = base + (number << shift)
	uint64_t base;
	unsigned shift;
	uint8_t length_at;  ///< of an array's length
	uint8_t bytes;      ///< of the header of an object without fields
	uint32_t alignment; ///< of objects
	bool has_narrow_references;
};

/**
 * Decode a layout helper; false if no class has such a one.
 */
bool ms_class_layout_decode(int32_t helper, struct ms_class_layout *ret);

/**
 * Bytes of an array, before it is aligned; never wraps.
 *
 * @param length  elements
 */
static inline uint64_t ms_class_array_bytes(
	const struct ms_class_layout *layout, uint32_t length)
{
	return layout->head + ((uint64_t)length << layout->shift);
}

/**
 * Words of a StackChunk: its fields, the stack it holds, and a bit for each reference
 * that could be in that.
 *
 * @param words  of the stack
 */
uint64_t ms_class_stack_words(
	uint64_t fields, uint64_t words, bool has_narrow_references);

struct ms_classes;

/**
 * Make a table, empty; it learns classes as they are asked for.
 *
 * @param vm, heap  borrowed
 * Errors: NOMEM.
 */
struct ms_error *ms_classes_new(struct ms_vm *vm, const struct ms_flags *flags,
	const struct ms_heap *heap, struct ms_classes **ret) MS_MUST_CHECK;

/** Free; NULL is fine. */
void ms_classes_free(struct ms_classes *classes);
MS_DEFINE_CLEANUP(struct ms_classes *, ms_classes_free);
#define _cleanup_classes_ _cleanup_(cleanup_ms_classes_free)

/** How objects begin; never NULL. */
const struct ms_object_header *ms_classes_header(const struct ms_classes *classes);

/** The address of the class that an object names by this number, or pointer. */
uint64_t ms_object_header_class(const struct ms_object_header *header, uint64_t number);

/**
 * The class at an address, or NULL if there is none that can be believed, and without
 * memory. Valid until the table is freed.
 *
 * Cost: a lock; at a new class some ten small reads.
 * Safety: any thread, while nobody else uses the JVM's peek or arena.
 */
const struct ms_class *ms_classes_get(struct ms_classes *classes, uint64_t address);

/** Number of classes so far, and one by its index. */
size_t ms_classes_count(const struct ms_classes *classes);
const struct ms_class *ms_classes_at(const struct ms_classes *classes, size_t index);
