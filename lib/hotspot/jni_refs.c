// JNI references: see jni_refs.h.

#include "hotspot/jni_refs.h"

#include <inttypes.h>
#include <stdio.h>

#include "alloc/alloc.h"
#include "base/size.h"
#include "hotspot/chain.h"

enum {
	BLOCKS_MAX = 1 << 22, // of one table
	CHAIN_MAX = 1 << 22,
	BATCH = 512, // pointers to blocks that are read at once
	LOCAL_SLOTS = 32,
	// Of an OopStorage.
	STORAGE_ARRAY = 8,
	STORAGE_COUNT_11 = 56,
	STORAGE_COUNT = 64,
	// Of its ActiveArray.
	ARRAY_BLOCKS = 8,
	ARRAY_HEAD = 24,
	// Of a Block.
	BLOCK_OWNER = 520,
	BLOCK_MEMORY = 528,
	BLOCK_INDEX = 536,
};

struct claiming {
	struct ms_reading *reading;
	struct ms_vm *vm;
	struct ms_kind_row row;
	ms_kind part;
};

static struct ms_error *offer(struct claiming *c, uint64_t address)
{
	const struct ms_alloc_region *region;
	struct ms_block block;
	if (!ms_alloc_block_at(c->reading->alloc, address, &region, &block))
		return NULL;
	// The table is the survey's; the region only borrows it.
	return ms_claims_offer(c->reading->claims,
		(struct ms_blocks *)(uintptr_t)region->blocks, &block, c->part);
}

// --- storages -------------------------------------------------------------------------

// A block knows whose it is and which number it has.
static bool is_block(const struct claiming *c, uint64_t block, uint64_t storage,
	uint64_t index, uint64_t *ret_memory)
{
	uint64_t words[3];
	if (!ms_peek_bytes(c->vm->peek, block + BLOCK_OWNER, words, sizeof(words)))
		return false;
	*ret_memory = words[(BLOCK_MEMORY - BLOCK_OWNER) / 8];
	return words[0] == storage && words[(BLOCK_INDEX - BLOCK_OWNER) / 8] == index;
}

static struct ms_error *claim_blocks(
	struct claiming *c, uint64_t storage, uint64_t array, struct ms_jni_table *ret)
{
	uint64_t n, pointers[BATCH];
	struct ms_error *err = NULL;
	if (!ms_vm_read(c->vm, array + ARRAY_BLOCKS, 8, &n))
		return NULL;
	n = ms_min(n, BLOCKS_MAX);
	for (uint64_t i = 0; !err && i < n; i++) {
		uint64_t memory, at = array + ARRAY_HEAD + i * 8;
		size_t batch = (size_t)ms_min(n - i, BATCH);
		if (i % BATCH == 0 && !ms_target_get(c->vm->target, at, pointers,
					      batch * sizeof(pointers[0])))
			break;
		if (!is_block(c, pointers[i % BATCH], storage, i, &memory))
			continue;
		ret->blocks++;
		err = offer(c, memory);
	}
	return err ? err : offer(c, array);
}

// The references are counted with the storage itself.
static struct ms_error *claim_storage(
	struct claiming *c, uint64_t storage, struct ms_jni_table *ret)
{
	uint64_t array, size = ms_vm_size(c->vm, "OopStorage");
	uint64_t count = c->vm->feature < 17 ? STORAGE_COUNT_11 : STORAGE_COUNT;
	if (size <= 8 || !ms_vm_read(c->vm, storage + STORAGE_ARRAY, 8, &array) ||
		!array || !ms_vm_read(c->vm, storage + count, 8, &ret->references))
		return NULL;
	struct ms_error *err = claim_blocks(c, storage, array, ret);
	// No more can be in them.
	ret->references = ms_min(ret->references, ret->blocks * 64);
	// glibc's blocks end in the next one's header: the claim ends before that.
	return err ? err
		   : ms_claims_say(c->reading->claims,
			     (struct ms_range){ storage, storage + size - 8 },
			     MS_RANK_STRUCTURE, &c->row,
			     (uint32_t)ms_min(ret->references, UINT32_MAX),
			     (struct ms_bytes){ 0 });
}

// --- chains of blocks -----------------------------------------------------------------

// Slots in use; what was deleted holds a certain object up to JDK 8.
static uint64_t count_slots(const struct claiming *c, uint64_t block)
{
	uint64_t top, deleted = 0, slots[LOCAL_SLOTS], n = 0;
	if (!ms_vm_field(c->vm, block, "JNIHandleBlock::_top", 4, &top))
		return 0;
	top = ms_min(top, LOCAL_SLOTS);
	(void)ms_vm_static(c->vm, "JNIHandles::_deleted_handle", 8, &deleted);
	if (!ms_peek_bytes(c->vm->peek, block, slots, top * sizeof(slots[0])))
		return 0;
	for (uint64_t i = 0; i < top; i++)
		n += slots[i] && slots[i] != deleted;
	return n;
}

static struct ms_error *claim_chain(
	struct claiming *c, uint64_t block, struct ms_jni_table *ret)
{
	struct ms_chain chain = { .max = CHAIN_MAX };
	struct ms_error *err = NULL;
	while (!err && ms_chain_goes_on(&chain, block)) {
		ret->references += count_slots(c, block);
		ret->blocks++;
		err = offer(c, block);
		if (!ms_vm_field(c->vm, block, "JNIHandleBlock::_next", 8, &block))
			break;
	}
	return err;
}

static struct ms_error *claim_locals(
	struct claiming *c, const struct ms_java_threads *threads)
{
	struct ms_error *err = NULL;
	struct ms_jni_table ignored = { 0 };
	ms_array_foreach (thread, &threads->v) {
		uint64_t block;
		if (!err && thread->is_java &&
			ms_vm_field(c->vm, thread->address,
				"JavaThread::_active_handles|Thread::_active_handles", 8,
				&block))
			err = claim_chain(c, block, &ignored);
	}
	return err;
}

// --- all ------------------------------------------------------------------------------

static struct ms_error *claim_table(
	struct claiming *c, const char *variable, struct ms_jni_table *ret)
{
	uint64_t table;
	if (!ms_vm_static(c->vm, variable, 8, &table) || !table)
		return NULL;
	return ms_vm_size(c->vm, "OopStorage") ? claim_storage(c, table, ret)
					       : claim_chain(c, table, ret);
}

static struct ms_error *remark(struct claiming *c, const struct ms_jni_refs *refs)
{
	char text[160], global[MS_SIZE_TEXT], weak[MS_SIZE_TEXT];
	if (!refs->global.blocks && !refs->weak.blocks)
		return NULL;
	(void)snprintf(text, sizeof(text), "JNI global references: %s, weak: %s",
		ms_count_text(refs->global.references, global),
		ms_count_text(refs->weak.references, weak));
	return ms_claims_remark(c->reading->claims, "java.jni.refs",
		/* is_counter= */ false, "hotspot", text, 1);
}

struct ms_error *ms_jni_refs_claim(struct ms_reading *reading, struct ms_vm *vm,
	const struct ms_java_threads *threads, struct ms_jni_refs *ret)
{
	struct claiming c = { .reading = reading,
		.vm = vm,
		.row = { .owner = "java.jni.refs",
			.reader = "hotspot",
			.detail = "table of references",
			.state = MS_STATE_LIVE,
			.grade = MS_GRADE_STRUCTURAL,
			.precedence = MS_PRECEDENCE_STRUCTURE } };
	struct ms_kind_row part = c.row;
	*ret = (struct ms_jni_refs){ 0 };
	if (!reading->alloc)
		return NULL;
	part.detail = "block of references that native code holds";
	part.is_part = true;
	ms_peek_clear(vm->peek);
	struct ms_error *err = ms_claims_kind(reading->claims, &part, &c.part);
	if (!err)
		err = claim_table(&c, "JNIHandles::_global_handles", &ret->global);
	if (!err)
		err = claim_table(&c, "JNIHandles::_weak_global_handles", &ret->weak);
	if (!err)
		err = claim_locals(&c, threads);
	return err ? err : remark(&c, ret);
}
