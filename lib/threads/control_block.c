// struct pthread, field by field: see control_block.h.

#include "threads/control_block.h"

#include <string.h>

enum {
	TCB = 0,   // tcbhead_t.tcb: the block's own address
	SELF = 16, // tcbhead_t.self: the same again
	LIST = MS_TCB_LIST,
	TID = 720,
	STACKBLOCK = 1680,
	STACKBLOCK_SIZE = 1688,
	GUARDSIZE = 1696,
};

// One thread's stack; more is taken for chance. The kernel's own limit is far above.
#define STACK_MAX (64ull << 30)

static uint64_t get_u64(const uint8_t *bytes)
{
	uint64_t v;
	memcpy(&v, bytes, sizeof(v));
	return v;
}

static bool is_page_aligned(uint64_t v)
{
	return v % MS_PAGE_SIZE == 0;
}

// The block lies in mapped memory from end to end; its guard may be a mapping of its own.
static bool is_mapped(const struct ms_maps *maps, struct ms_range range)
{
	uint64_t at = range.start;
	for (size_t i = ms_maps_index(maps, at); i < maps->n && at < range.end; i++) {
		if (maps->v[i].range.start > at)
			return false;
		at = maps->v[i].range.end;
	}
	return at >= range.end;
}

static bool parse_stack(
	const uint8_t *bytes, const struct ms_maps *maps, struct ms_control_block *block)
{
	uint64_t start = get_u64(bytes + STACKBLOCK),
		 size = get_u64(bytes + STACKBLOCK_SIZE);
	uint64_t guard = get_u64(bytes + GUARDSIZE);
	if (!start && !size)
		return true; // the first thread: its stack is the kernel's
	if (size > STACK_MAX || guard >= size || !is_page_aligned(guard) ||
		!ms_add(start, size, &block->stack.end))
		return false;
	block->stack.start = start;
	block->guard = guard;
	return ms_range_has(block->stack, block->address) &&
	       is_mapped(maps, block->stack);
}

bool ms_control_block_parse(uint64_t address, const uint8_t *bytes,
	const struct ms_maps *maps, struct ms_control_block *ret)
{
	struct ms_control_block block = { .address = address };
	if (address % MS_TCB_ALIGN || get_u64(bytes + TCB) != address ||
		get_u64(bytes + SELF) != address)
		return false;
	memcpy(&block.tid, bytes + TID, sizeof(block.tid));
	block.list_next = get_u64(bytes + LIST);
	if (!parse_stack(bytes, maps, &block))
		return false;
	*ret = block;
	return true;
}

bool ms_control_block_read(
	struct ms_target *target, uint64_t address, struct ms_control_block *ret)
{
	uint8_t bytes[MS_TCB_BYTES];
	return address % MS_TCB_ALIGN == 0 &&
	       ms_target_get(target, address, bytes, sizeof(bytes)) &&
	       ms_control_block_parse(address, bytes, ms_target_maps(target), ret);
}
