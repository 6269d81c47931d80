/**
 * musl: what mallocng (musl 1.2.1 on) writes about its memory, decoded and checked.
 *
 * A *group* is memory of up to 32 slots of one size; its *meta* lies apart, in *areas* of
 * 4 KiB that begin with a secret of the process. The *context* in libc's .bss has the
 * secret, the list of areas and a count of slots per size class. A group has a mapping of
 * its own or lies in a slot of another group; one of a single slot may fill its mapping.
 *
 * In front of each slot, in the last 4 bytes of the one before it, stands the *frame* of
 * the allocation in it: where in the slot it begins and how much of the end is not used.
 *
 * Source: src/malloc/mallocng/meta.h, musl 1.2.1 to 1.2.5 (no change between them).
 */
#pragma once

#include "base/base.h"

enum {
	MS_MUSL_UNIT = 16,
	MS_MUSL_CLASSES = 48,
	MS_MUSL_ALONE = 63, ///< class of a block with a mapping of its own
	MS_MUSL_SLOTS = 32, ///< per group
	MS_MUSL_AREA = 4096,
	MS_MUSL_AREA_HEAD = 24, ///< secret, next, number of metas
	MS_MUSL_METAS = 101,    ///< per area
	MS_MUSL_META = 40,
	MS_MUSL_CONTEXT = 928,
	MS_MUSL_GROUP_MAX = 65536 * MS_MUSL_UNIT, ///< of several slots
	MS_MUSL_FRAME = 8, ///< bytes before an allocation that may say where it lies
};

struct ms_musl_context {
	uint64_t secret;
	uint64_t head, tail;             ///< the first area and the last
	uint64_t usage[MS_MUSL_CLASSES]; ///< slots per class
};

struct ms_musl_group {
	uint64_t meta;   ///< its address
	uint64_t start;  ///< begins with its meta's address; slots from 16 bytes on
	uint64_t size;   ///< bytes, the whole mapping if it has one
	uint64_t stride; ///< bytes per slot
	uint32_t slots;
	uint32_t free; ///< a bit per slot that is not in use
	uint8_t size_class;
	bool is_mapped;  ///< has a mapping of its own
	bool is_donated; ///< memory a library's segments left over
};

/** Units of 16 bytes in a slot of a class; the class must be below MS_MUSL_CLASSES. */
uint32_t ms_musl_class_units(unsigned size_class);

/**
 * Check that MS_MUSL_CONTEXT bytes may be the context: it was initialised, and its areas
 * are pages. Whether they begin with its secret is for the caller to see.
 */
bool ms_musl_context_parse(const uint8_t *bytes, struct ms_musl_context *ret);

/**
 * Decode MS_MUSL_META bytes and check what they alone can say.
 *
 * @param address  of the meta
 * @return false if it is not in use (ret->start is then 0) or makes no sense
 */
bool ms_musl_meta_parse(
	const uint8_t *bytes, uint64_t address, struct ms_musl_group *ret);

/**
 * Bytes from a slot's start to the allocation in it, by the 4 bytes before the slot; of
 * more than 1 MiB of alignment only the remainder is kept.
 */
uint32_t ms_musl_frame_offset(const uint8_t head[4]);

/**
 * How many bytes of an allocation may be used, as malloc_usable_size() says.
 *
 * @param frame   MS_MUSL_FRAME bytes before the allocation
 * @param tail    the word that ends 4 bytes before the slot's end
 * @param offset  bytes from the slot's start to the allocation, a multiple of 16
 * @param stride  bytes of the slot
 * @return false if the frame contradicts the slot: it changed while it was read
 */
bool ms_musl_frame_usable(const uint8_t frame[MS_MUSL_FRAME], uint32_t tail,
	uint64_t offset, uint64_t stride, uint64_t *ret_usable);
