// struct pthread, field by field: see control_block.h.

#include "threads/control_block.h"

#include <elf.h>
#include <string.h>

enum {
	TCB = 0,   // tcbhead_t.tcb: the block's own address
	SELF = 16, // tcbhead_t.self: the same again
};

// One thread's stack; more is taken for chance. The kernel's own limit is far above.
#define STACK_MAX (64ull << 30)

// Compared in DWARF of ten builds for x86-64 and three for aarch64. No aarch64 process
// was ever looked at: its row stands on DWARF and on the checks below alone.
static const struct ms_tcb_layout layouts[] = {
	{ .machine = EM_X86_64,
		.align = 64,
		.has_self = true,
		.tid = 720,
		.list = 704,
		.stack = 1680,
		.guard = 1696,
		.bytes = 1704 },
	{ .machine = EM_AARCH64,
		.align = 16,
		.tid = 208,
		.list = 192,
		.stack = 1168,
		.guard = 1184,
		.bytes = 1192,
		.is_behind_pointer = true },
};

const struct ms_tcb_layout *ms_tcb_layout(uint16_t machine)
{
	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++)
		if (layouts[i].machine == machine)
			return &layouts[i];
	return NULL;
}

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

// The first thread's stack is the kernel's. glibc says of it that it begins at 0 and ends
// at __libc_stack_end; before its threads are set up both are 0.
static bool parse_first(
	uint64_t size, const struct ms_maps *maps, struct ms_control_block *block)
{
	block->is_first = true;
	return !size || ms_maps_find(maps, size);
}

static bool parse_stack(const struct ms_tcb_layout *layout, const uint8_t *bytes,
	const struct ms_maps *maps, struct ms_control_block *block)
{
	uint64_t start = get_u64(bytes + layout->stack);
	uint64_t size = get_u64(bytes + layout->stack + 8);
	uint64_t guard = get_u64(bytes + layout->guard);
	if (!start)
		return parse_first(size, maps, block);
	if (size > STACK_MAX || guard >= size || !is_page_aligned(guard) ||
		!ms_add(start, size, &block->stack.end))
		return false;
	block->stack.start = start;
	block->guard = guard;
	return ms_range_has(block->stack, block->address) &&
	       is_mapped(maps, block->stack);
}

bool ms_control_block_parse(const struct ms_tcb_layout *layout, uint64_t address,
	const uint8_t *bytes, const struct ms_maps *maps, struct ms_control_block *ret)
{
	struct ms_control_block block = { .address = address };
	if (address % layout->align)
		return false;
	if (layout->has_self &&
		(get_u64(bytes + TCB) != address || get_u64(bytes + SELF) != address))
		return false;
	memcpy(&block.tid, bytes + layout->tid, sizeof(block.tid));
	block.list_next = get_u64(bytes + layout->list);
	block.list_prev = get_u64(bytes + layout->list + 8);
	if (!parse_stack(layout, bytes, maps, &block))
		return false;
	*ret = block;
	return true;
}
