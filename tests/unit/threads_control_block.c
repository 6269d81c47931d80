// glibc's struct pthread: a right one is read, one wrong field at a time is refused.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <elf.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "threads/control_block.h"

enum {
	STACK = 0x100000,
	STACK_END = 0x200000,
	BLOCK = 0x1ff6c0
};

static struct ms_mapping mappings[] = {
	{ .range = { STACK, STACK + 0x1000 } },
	{ .range = { STACK + 0x1000, STACK_END } },
};
static const struct ms_tcb_layout *layout; // x86-64's
static const struct ms_maps maps = { mappings, 2, 0 };

static void put(uint8_t *bytes, size_t at, uint64_t value)
{
	memcpy(bytes + at, &value, sizeof(value));
}

static void fill(uint8_t bytes[MS_TCB_BYTES])
{
	memset(bytes, 0x5a, MS_TCB_BYTES);
	put(bytes, 0, BLOCK);
	put(bytes, 16, BLOCK);
	put(bytes, 704, 0x12345678);
	put(bytes, 712, 0x87654321);
	memcpy(bytes + 720, &(int32_t){ 4711 }, 4);
	put(bytes, 1680, STACK);
	put(bytes, 1688, STACK_END - STACK);
	put(bytes, 1696, 0x1000);
}

static void reads_a_right_one(void **state)
{
	(void)state;
	uint8_t bytes[MS_TCB_BYTES];
	struct ms_control_block block;
	fill(bytes);
	assert_true(ms_control_block_parse(layout, BLOCK, bytes, &maps, &block));
	assert_int_equal(block.tid, 4711);
	assert_int_equal(block.stack.start, STACK);
	assert_int_equal(block.stack.end, STACK_END);
	assert_int_equal(block.guard, 0x1000);
	assert_int_equal(block.list_next, 0x12345678);
	assert_int_equal(block.list_prev, 0x87654321);
	assert_false(block.is_first);
}

static void refuses_one_wrong_field(void **state)
{
	(void)state;
	static const struct {
		size_t at;
		uint64_t value;
	} wrong[] = {
		{ 0, BLOCK + 64 }, // not its own address
		{ 16, 0 },
		{ 1680, BLOCK + 0x1000 },             // the stack lies above the block
		{ 1680, 0x90000 },                    // and is not mapped
		{ 1688, 0x1000 },                     // ends below the block
		{ 1688, UINT64_MAX },                 // wraps
		{ 1688, 1ull << 40 },                 // no stack is that large
		{ 1688, STACK_END - STACK + 0x1000 }, // reaches into nothing
		{ 1696, STACK_END - STACK },          // nothing but guard
		{ 1696, 123 },
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		uint8_t bytes[MS_TCB_BYTES];
		struct ms_control_block block;
		fill(bytes);
		put(bytes, wrong[i].at, wrong[i].value);
		assert_false(ms_control_block_parse(layout, BLOCK, bytes, &maps, &block));
	}
	uint8_t bytes[MS_TCB_BYTES];
	struct ms_control_block block;
	fill(bytes);
	assert_false(ms_control_block_parse(layout, BLOCK + 8, bytes, &maps, &block));
}

// The offsets against the libc this test runs on.
static void *check_own(void *arg)
{
	bool *is_right = arg;
#ifdef __x86_64__
	struct ms_mapping all = { .range = { 0, 1ull << 47 } };
	struct ms_maps everything = { &all, 1, 0 };
	struct ms_control_block block;
	const uint8_t *self = (const uint8_t *)pthread_self();
	*is_right = ms_control_block_parse(
			    layout, (uintptr_t)self, self, &everything, &block) &&
		    block.tid == gettid() &&
		    // not the address of a variable: sanitizers move those elsewhere
		    ms_range_has(block.stack, (uintptr_t)__builtin_frame_address(0));
#else
	*is_right = true;
#endif
	return NULL;
}

static void knows_this_libc(void **state)
{
	(void)state;
	bool is_right = false;
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, check_own, &is_right), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(is_right);
}

int main(void)
{
	layout = ms_tcb_layout(EM_X86_64);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_right_one),
		cmocka_unit_test(refuses_one_wrong_field),
		cmocka_unit_test(knows_this_libc),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
