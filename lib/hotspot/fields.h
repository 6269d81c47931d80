/**
 * fields - where the fields of a Java class lie in its objects.
 */
#pragma once

#include "hotspot/vm.h"

/** What is said of one field. */
struct ms_java_field {
	uint32_t offset; ///< bytes from the object's address, or from its mirror's
	bool is_static;  ///< then it lies in the class's mirror
};

/**
 * Find a field that a class declares itself, by its name.
 *
 * @param klass  address of an InstanceKlass
 * @return false if there is none of that name, or the description cannot be read
 * Source: InstanceKlass::_fields (JDK 8 to 17), _fieldinfo_stream (21 and later);
 *         oops/fieldInfo.hpp.
 * Cost: some reads a field, through the peek: main thread only.
 */
bool ms_java_field_find(
	struct ms_vm *vm, uint64_t klass, const char *name, struct ms_java_field *ret);

/**
 * Take a number in the JVM's compressed form from the front of bytes; false, consuming
 * nothing, if it goes on behind their end.
 * Source: utilities/unsigned5.hpp (JDK 20 and later).
 */
bool ms_unsigned5(struct ms_bytes *rest, uint32_t *ret);
