/**
 * hotspot - the Java virtual machine, read from outside.
 *
 * vm.h finds it and reads the tables of its own structures; flags.h, heap.h and klass.h
 * build on that. The reader makes claims of what they say. Where the tables cannot be
 * read (no permission, a library that does not export them) areas are recognised by shape.
 */
#pragma once

#include "ledger/reader.h"
#include "target/target.h"

/** What the command line says about sizes; 0 where it says nothing. */
struct ms_java_sizes {
	uint64_t heap_max;    ///< -Xmx, -XX:MaxHeapSize
	uint64_t code_cache;  ///< -XX:ReservedCodeCacheSize
	uint64_t class_space; ///< -XX:CompressedClassSpaceSize
	bool is_zgc;          ///< -XX:+UseZGC
};

/**
 * Read the sizes from arguments; the last of several counts, as the JVM has it.
 *
 * @param command  each argument NUL-terminated
 */
struct ms_java_sizes ms_java_sizes_parse(struct ms_bytes command);

/** Claims a JVM's areas by its own tables, else by shape. Active only where there is one. */
extern const struct ms_reader ms_hotspot_reader;

/**
 * Claims a JVM's reserved areas by place and size: heap, code cache, class data archive
 * and compressed class space. Says nothing where the shape is not unmistakable. Active
 * only where libjvm.so is mapped.
 */
extern const struct ms_reader ms_hotspot_shape_reader;
