/**
 * metaspace - the memory of classes: its reservations, and what of them is in use.
 *
 * Class structures have a space of their own where class pointers are compressed; all
 * else (methods, constants) lies in nodes that are added one by one.
 */
#pragma once

#include "hotspot/flags.h"
#include "hotspot/loaders.h"
#include "ledger/reader.h"

/** Where the nodes were found. */
#define MS_METASPACE_SOURCES(X)                                                          \
	X(NONE, "none", "nothing was found")                                             \
	X(LISTS, "lists", "the JVM's own lists of nodes, by .symtab")                    \
	X(CHUNKS, "chunks", "the nodes that chunks of class loaders name")               \
	X(CLASSES, "classes", "mappings that loaded classes lie in")

enum ms_metaspace_source {
#define X(id, name, help) MS_METASPACE_FROM_##id,
	MS_METASPACE_SOURCES(X)
#undef X
	MS_METASPACE_SOURCE_COUNT,
};

/** "lists", for JSON. */
const char *ms_metaspace_source_name(enum ms_metaspace_source source);

/** One sentence, for people. */
const char *ms_metaspace_source_text(enum ms_metaspace_source source);

struct ms_metaspace_sum {
	uint64_t reserved, committed, used, resident; ///< bytes
	uint64_t node_n;
};

struct ms_metaspace {
	struct ms_metaspace_nodes nodes; ///< ascending by address
	/// `used` is what loaders' chunks handed out where that is known, else the nodes'.
	struct ms_metaspace_sum class_space, other;
	enum ms_metaspace_source source;
	bool has_class_space; ///< class pointers are compressed
	struct ms_vm_notes notes;
};

/**
 * Read the reservations of metaspace.
 *
 * @param loaders  as ms_loaders_read() left them
 * Errors: NOMEM.
 * Source: memory/metaspace/metaspaceContext.hpp, virtualSpaceList.hpp (JDK 11 to 26),
 *         memory/metaspace.cpp (JDK 8).
 * Cost: some small reads a node.
 */
struct ms_error *ms_metaspace_read(struct ms_vm *vm, const struct ms_flags *flags,
	const struct ms_loaders *loaders, struct ms_metaspace *ret) MS_MUST_CHECK;

/** Release; zeroed is fine. */
void ms_metaspace_deinit(struct ms_metaspace *metaspace);

/** Claim the reservations. Errors: NOMEM, LIMIT. */
struct ms_error *ms_metaspace_claim(
	struct ms_reading *reading, const struct ms_metaspace *metaspace) MS_MUST_CHECK;
