/**
 * fields - reading Java objects: where a class has a field, references, strings.
 *
 * HotSpot keeps field offsets beside the class: an array of six numbers for each field up
 * to JDK 20, a stream of packed numbers later. References are narrow or whole, and those
 * of the generational ZGC coloured.
 *
 * A running JVM moves objects: what is read is checked by the class it claims to be of,
 * and may still be missing.
 */
#pragma once

#include "hotspot/flags.h"

enum {
	MS_JAVA_TEXT_MAX = 1 << 10, ///< of one string, bytes of UTF-8
};

/** How objects of this JVM are laid out. */
struct ms_java {
	struct ms_vm *vm;
	bool has_narrow_oops, has_narrow_klasses, has_compact_headers;
	bool is_coloured; ///< references are those of the generational ZGC
	uint64_t oop_base, klass_base;
	uint64_t oop_shift, klass_shift;
	uint64_t mark_shift;      ///< compact headers: where a mark holds the class
	uint64_t array_length_at; ///< bytes into an array
	uint64_t array_bytes_at; ///< bytes into an array of bytes or chars: the first one
	uint64_t string_class;   ///< of the strings met last, to ask only once
	uint64_t value_at, coder_at;
};

/** Learn the layout. Cost: some look-ups. */
void ms_java_init(struct ms_java *java, struct ms_vm *vm, const struct ms_flags *flags);

/**
 * Offset of a field that this class itself declares, bytes into an object, or of a static
 * one into its mirror.
 *
 * @param signature  as in class files, "Ljava/lang/String;"; NULL: any
 * @return MS_VM_NONE if there is none
 * Source: oops/fieldInfo.hpp (JDK 8 to 20), oops/fieldInfo.cpp, utilities/unsigned5.hpp
 *         (21 to 26).
 * Cost: reads of each field before it.
 */
uint64_t ms_java_field_offset(
	const struct ms_vm *vm, uint64_t klass, const char *name, const char *signature);

/** True if this is the class's name within the JVM: "java/lang/Thread". */
bool ms_java_class_is(const struct ms_vm *vm, uint64_t klass, const char *name);

/** The class of an object; 0 if it cannot be read. */
uint64_t ms_java_class(const struct ms_java *java, uint64_t object);

/** Read a reference within an object; *ret is 0 for null. */
bool ms_java_reference(const struct ms_java *java, uint64_t address, uint64_t *ret);

/** Read a reference that the JVM itself keeps: never narrow. */
bool ms_java_root(const struct ms_java *java, uint64_t address, uint64_t *ret);

/**
 * The characters of a java.lang.String, as UTF-8 in the JVM's arena, cut to
 * MS_JAVA_TEXT_MAX. Any bytes of the target; a half of a surrogate pair stays what it is,
 * which is not UTF-8.
 *
 * @return false if it is no String, or cannot be read
 */
bool ms_java_string(struct ms_java *java, uint64_t string, struct ms_bytes *ret);

/** Where an UNSIGNED5 stream is read. */
struct ms_unsigned5 {
	struct ms_bytes rest;
};

/** Take the next number; false at the end, or where there is none. Pure. */
bool ms_unsigned5_next(struct ms_unsigned5 *stream, uint32_t *ret);

/**
 * Write UTF-16 (unit_bytes 2, little-endian) or Latin-1 (unit_bytes 1) as UTF-8.
 *
 * @param to  MS_JAVA_TEXT_MAX bytes; @return how many were written. Pure.
 */
size_t ms_java_utf8(struct ms_bytes units, unsigned unit_bytes, uint8_t *to);
