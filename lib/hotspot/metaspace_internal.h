/**
 * What loaders.c and metaspace.c share: nodes and the chunks that loaders hold of them.
 */
#pragma once

#include "hotspot/loaders.h"
#include "hotspot/place.h"

/** Bytes of one reservation, at the most. */
#define MS_METASPACE_NODE_MAX (64ull << 30)

/**
 * The node at an address, validated field by field, added to the list if it is new.
 *
 * @return its index, or SIZE_MAX if there is no node or the list is full
 * Source: memory/metaspace/virtualSpaceNode.hpp (JDK 11 to 26), memory/metaspace.cpp
 *         (JDK 8).
 */
size_t ms_metaspace_node_at(
	const struct ms_vm *vm, struct ms_metaspace_nodes *nodes, uint64_t address);

/**
 * What one loader has of metaspace: class_space and other are set, and `has_space` if
 * every chunk made sense. Nodes its chunks lie in are added.
 *
 * @param loader  address is that of its ClassLoaderData
 * Source: memory/classLoaderMetaspace.hpp, memory/metaspace/metaspaceArena.hpp,
 *         metachunk.hpp (JDK 11 to 26), memory/metaspace.cpp (JDK 8).
 */
void ms_loader_measure(const struct ms_vm *vm, struct ms_metaspace_nodes *nodes,
	struct ms_loader *loader);
