// glibc's lists: a right ring is walked, and one that is wrong in any way ends where it is.
// The memory is made up: a head and four control blocks, each at the top of its stack.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <elf.h>
#include <string.h>

#include "threads/ring.h"

enum {
	BLOCKS = 4,
	LIST = 704,
	PITCH = 0x10000, // of the stacks
	STACKS = 0x100000,
	HEAD = 0x80000,
	STEPS = 100,
};

struct memory {
	uint64_t head[2];
	uint8_t blocks[BLOCKS][MS_TCB_BYTES];
	bool is_gone[BLOCKS];
};

static struct ms_mapping mapping = { .range = { STACKS, STACKS + BLOCKS *PITCH } };
static const struct ms_maps maps = { &mapping, 1, 0 };

static uint64_t block_at(size_t i)
{
	return STACKS + (i + 1) * PITCH - 0x1000;
}

static uint64_t node_at(size_t i)
{
	return i == BLOCKS ? HEAD : block_at(i) + LIST;
}

static bool get(void *context, uint64_t address, void *to, size_t n)
{
	const struct memory *memory = context;
	if (address == HEAD && n == sizeof(memory->head)) {
		memcpy(to, memory->head, n);
		return true;
	}
	for (size_t i = 0; i < BLOCKS; i++) {
		if (address != block_at(i) || n > MS_TCB_BYTES || memory->is_gone[i])
			continue;
		memcpy(to, memory->blocks[i], n);
		return true;
	}
	return false;
}

static void put(struct memory *memory, size_t i, size_t at, uint64_t value)
{
	memcpy(memory->blocks[i] + at, &value, sizeof(value));
}

// The ring of all blocks in order.
static void fill(struct memory *memory)
{
	memset(memory, 0, sizeof(*memory));
	memory->head[0] = node_at(0);
	memory->head[1] = node_at(BLOCKS - 1);
	for (size_t i = 0; i < BLOCKS; i++) {
		int32_t tid = (int32_t)i + 1;
		put(memory, i, 0, block_at(i));
		put(memory, i, 16, block_at(i));
		put(memory, i, LIST, node_at(i + 1));
		put(memory, i, LIST + 8, i ? node_at(i - 1) : HEAD);
		memcpy(memory->blocks[i] + 720, &tid, sizeof(tid));
		put(memory, i, 1680, STACKS + i * PITCH);
		put(memory, i, 1688, PITCH);
		put(memory, i, 1696, 0x1000);
	}
}

static void walk(struct memory *memory, unsigned steps, struct ms_ring *ring)
{
	struct ms_ring_source source = { get, memory, &maps, ms_tcb_layout(EM_X86_64) };
	assert_null(ms_ring_walk(&source, HEAD, &steps, ring));
}

static void walks_a_right_one(void **state)
{
	struct memory memory;
	struct ms_ring ring = { 0 };
	(void)state;
	fill(&memory);
	walk(&memory, STEPS, &ring);
	assert_true(ring.is_whole);
	assert_int_equal(ring.blocks.n, BLOCKS);
	assert_int_equal(ring.bytes, BLOCKS * PITCH);
	for (size_t i = 0; i < BLOCKS; i++)
		assert_int_equal(ring.blocks.v[i].tid, i + 1);
	ms_ring_deinit(&ring);
}

static void an_empty_one_is_whole(void **state)
{
	struct memory memory;
	struct ms_ring ring = { 0 };
	(void)state;
	fill(&memory);
	memory.head[0] = memory.head[1] = HEAD;
	walk(&memory, STEPS, &ring);
	assert_true(ring.is_whole);
	assert_int_equal(ring.blocks.n, 0);
	ms_ring_deinit(&ring);
}

static void ends_at_what_is_wrong(void **state)
{
	static const struct {
		const char *what;
		size_t block, at;
		uint64_t value;
		size_t reached;
	} wrong[] = {
		{ "a loop past the head", 3, LIST, STACKS + 2 * PITCH - 0x1000 + LIST,
			4 },
		{ "a loop to itself", 1, LIST, STACKS + 2 * PITCH - 0x1000 + LIST, 2 },
		{ "prev is another's", 2, LIST + 8, HEAD, 2 },
		{ "the first one's prev is not the head", 0, LIST + 8, 0, 0 },
		{ "next is no node", 1, LIST, 0x123456, 2 },
		{ "next is nothing", 1, LIST, 0, 2 },
		{ "next wraps", 1, LIST, 8, 2 },
		{ "cut short", 1, LIST, HEAD, 2 },
		{ "no control block", 2, 16, 1, 2 },
		{ "a stack that is not mapped", 2, 1680, 0x1000, 2 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct memory memory;
		struct ms_ring ring = { 0 };
		fill(&memory);
		put(&memory, wrong[i].block, wrong[i].at, wrong[i].value);
		walk(&memory, STEPS, &ring);
		if (ring.is_whole || ring.blocks.n != wrong[i].reached)
			fail_msg("%s: %zu blocks", wrong[i].what, ring.blocks.n);
		ms_ring_deinit(&ring);
	}
}

static void ends_where_memory_does(void **state)
{
	struct memory memory;
	struct ms_ring ring = { 0 };
	(void)state;
	fill(&memory);
	memory.is_gone[2] = true;
	walk(&memory, STEPS, &ring);
	assert_false(ring.is_whole);
	assert_int_equal(ring.blocks.n, 2);
	ms_ring_deinit(&ring);
}

// The head leads past a block that another head's ring would hold as well.
static void a_wrong_head_is_not_whole(void **state)
{
	struct memory memory;
	struct ms_ring ring = { 0 };
	(void)state;
	fill(&memory);
	memory.head[1] = node_at(0);
	walk(&memory, STEPS, &ring);
	assert_false(ring.is_whole);
	assert_int_equal(ring.blocks.n, BLOCKS);
	ms_ring_deinit(&ring);
}

static void spends_no_more_than_its_steps(void **state)
{
	struct memory memory;
	struct ms_ring ring = { 0 };
	(void)state;
	fill(&memory);
	walk(&memory, 3, &ring);
	assert_false(ring.is_whole);
	assert_int_equal(ring.blocks.n, 2);
	walk(&memory, 0, &ring);
	assert_false(ring.is_whole);
	assert_int_equal(ring.blocks.n, 0);
	ms_ring_deinit(&ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(walks_a_right_one),
		cmocka_unit_test(an_empty_one_is_whole),
		cmocka_unit_test(ends_at_what_is_wrong),
		cmocka_unit_test(ends_where_memory_does),
		cmocka_unit_test(a_wrong_head_is_not_whole),
		cmocka_unit_test(spends_no_more_than_its_steps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
