/**
 * glibc's struct pthread, read and checked.
 *
 * Offsets are those of x86-64, the same in all releases from 2.23 to 2.44, and of
 * aarch64. Where libc says its own offsets (glibc_lists.c), those of the tid and the list
 * are taken from there. On another machine nothing is found and nothing is claimed.
 */
#pragma once

#include "target/target.h"

enum {
	MS_TCB_BYTES = 1704, ///< of the struct, as far as any machine needs it
};

/** Where the fields of struct pthread lie, by machine. Offsets in bytes. */
struct ms_tcb_layout {
	uint16_t machine;       ///< EM_X86_64, EM_AARCH64
	uint16_t align;         ///< of the struct
	bool has_self;          ///< words 0 and 2 are its own address (tcbhead_t)
	uint16_t tid;           ///< pid_t
	uint16_t list;          ///< list_t: next, prev
	uint16_t stack;         ///< stackblock; its size lies right behind it
	uint16_t guard;         ///< guardsize
	uint16_t bytes;         ///< how much of the struct is read, at most MS_TCB_BYTES
	uint64_t struct_size;   ///< sizeof(struct pthread) as libc says, or 0
	bool is_behind_pointer; ///< the thread pointer is the end of the struct
};

/** The layout of a machine; NULL if it is not known. */
const struct ms_tcb_layout *ms_tcb_layout(uint16_t machine);

struct ms_control_block {
	uint64_t address;
	int32_t tid;                   ///< 0 or below: the thread has ended
	uint64_t list_next, list_prev; ///< nodes of others, or the list's head
	bool is_first;                 ///< of the program: its stack is the kernel's
	struct ms_range stack; ///< the whole block, guard included; empty if is_first
	uint64_t guard;
};

/**
 * Check the bytes at `address` (layout->bytes of them); false if they are no control
 * block.
 */
bool ms_control_block_parse(const struct ms_tcb_layout *layout, uint64_t address,
	const uint8_t *bytes, const struct ms_maps *maps, struct ms_control_block *ret);
