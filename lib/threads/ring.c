// Walking glibc's lists: see ring.h.

#include "threads/ring.h"

#include <stdlib.h>

struct list_node {
	uint64_t next, prev;
};

void ms_ring_deinit(struct ms_ring *ring)
{
	ms_array_deinit(&ring->blocks);
	ring->bytes = 0;
	ring->is_whole = false;
}

bool ms_ring_block(const struct ms_ring_source *source, uint64_t address,
	struct ms_control_block *ret)
{
	uint8_t bytes[MS_TCB_BYTES];
	const struct ms_tcb_layout *layout = source->layout;
	return address % layout->align == 0 &&
	       source->get(source->context, address, bytes, layout->bytes) &&
	       ms_control_block_parse(layout, address, bytes, source->maps, ret);
}

struct ms_error *ms_ring_walk(const struct ms_ring_source *source, uint64_t head,
	unsigned *steps, struct ms_ring *ring)
{
	struct list_node node;
	ring->blocks.n = 0;
	ring->bytes = 0;
	ring->is_whole = false;
	if (!*steps)
		return NULL;
	(*steps)--; // a head that leads nowhere costs one too
	if (!source->get(source->context, head, &node, sizeof(node)))
		return NULL;
	uint64_t from = head, at = node.next;
	while (at != head) {
		struct ms_control_block block;
		if (!*steps || at < source->layout->list ||
			!ms_ring_block(source, at - source->layout->list, &block) ||
			block.list_prev != from)
			return NULL;
		(*steps)--;
		struct ms_control_block *slot = ms_array_push(&ring->blocks);
		if (!slot)
			return &ms_error_nomem;
		*slot = block;
		ring->bytes += ms_range_size(block.stack);
		from = at;
		at = block.list_next;
	}
	ring->is_whole = node.prev == from;
	return NULL;
}
