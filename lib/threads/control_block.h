/**
 * glibc's struct pthread, read and checked.
 *
 * Offsets are those of x86-64, the same in all releases from 2.23 to 2.44. On another
 * machine the checks fail and nothing is claimed.
 */
#pragma once

#include "target/target.h"

enum {
	MS_TCB_ALIGN = 64,
	MS_TCB_BYTES = 1704, ///< of the struct, as far as it is read
};

struct ms_control_block {
	uint64_t address;
	int32_t tid;        ///< 0 or below: the thread has ended
	uint64_t list_next; ///< node of the next one, or the list's head
	struct ms_range
		stack; ///< the whole block, guard included; empty for the first thread
	uint64_t guard;
};

/** Check the bytes at `address` (MS_TCB_BYTES of them); false if they are no control
 * block. */
bool ms_control_block_parse(uint64_t address, const uint8_t *bytes,
	const struct ms_maps *maps, struct ms_control_block *ret);

/** Read and check; false if it cannot be read or is none. */
bool ms_control_block_read(
	struct ms_target *target, uint64_t address, struct ms_control_block *ret);

/** Offset of the list's node in the struct. */
enum {
	MS_TCB_LIST = 704
};
