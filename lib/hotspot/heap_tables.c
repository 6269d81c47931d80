// What collectors keep beside the heap: one entry for each card, or bit for each word.
//
// The card table and Serial's offsets are in the JVM's tables. The others hang off objects
// whose layout they do not tell: there every word is tried, and what it leads to counts
// only if it is a reservation of just the size that the heap's size demands.
//
// Source: gc/shared/cardTable.hpp, blockOffsetTable.hpp; gc/g1/g1RegionToSpaceMapper.hpp;
//         gc/parallel/parMarkBitMap.hpp, psParallelCompact.hpp, objectStartArray.hpp;
//         gc/shenandoah/shenandoahHeap.hpp (JDK 8 to 26).

#include "hotspot/heap_internal.h"

enum {
	MANAGER_BYTES = 256, // of G1's region manager
	MAPPER_STORAGE = 16, // in G1RegionToSpaceMapper
	OLD_GEN_BYTES = 512, // of PSOldGen
	COMPACT_BYTES = 256, // of ParMarkBitMap and ParallelCompactData
	SHENANDOAH_BYTES = 2560,
	CARD_BYTES = 512,  // of heap that one card covers, unless a flag says otherwise
	BITMAP_SHARE = 64, // bytes of heap for one of a bitmap with a bit a word
};

// Sizes are rounded up, and to huge pages if the heap uses them.
static bool is_size(uint64_t size, uint64_t expected)
{
	return expected && size >= expected && size - expected < (4u << 20) &&
	       size < expected + ms_max(expected, 64 << 10);
}

static uint64_t card_bytes(const struct ms_heap_reading *r)
{
	uint64_t bytes = ms_flag_number(r->flags, "GCCardSizeInBytes", CARD_BYTES);
	return bytes ? bytes : CARD_BYTES; // a flag may hold anything
}

// --- card table -----------------------------------------------------------------------

static bool find_cards(const struct ms_heap_reading *r, struct ms_range *ret)
{
	const struct ms_vm *vm = r->vm;
	uint64_t set, table, size;
	const char *map = "CardTable::_byte_map|CardTableModRefBS::_byte_map";
	if (ms_vm_static(vm, "BarrierSet::_barrier_set", 8, &set)) {
		if (!ms_vm_field(vm, set, "CardTableBarrierSet::_card_table", 8, &table))
			return false;
	} else if (!ms_vm_field(vm, r->heap->object, "CollectedHeap::_barrier_set", 8,
			   &table)) {
		return false;
	}
	return ms_vm_field(vm, table, map, 8, &ret->start) &&
	       ms_vm_field(vm, table,
		       "CardTable::_byte_map_size|CardTableModRefBS::_byte_map_size", 8,
		       &size) &&
	       ms_add(ret->start, size, &ret->end) &&
	       is_size(size, ms_range_size(r->heap->reserved) / card_bytes(r));
}

static bool has_cards(enum ms_collector collector)
{
	return collector == MS_COLLECTOR_SERIAL || collector == MS_COLLECTOR_PARALLEL ||
	       collector == MS_COLLECTOR_CMS || collector == MS_COLLECTOR_G1;
}

static struct ms_error *add_cards(struct ms_heap_reading *r)
{
	struct ms_range range;
	if (!has_cards(r->heap->collector))
		return NULL;
	if (!find_cards(r, &range))
		return ms_heap_note(r, "card table: cannot be read");
	return ms_heap_add_table(r, "card table", range, MS_GRADE_EXACT);
}

// --- Serial ---------------------------------------------------------------------------

static struct ms_error *add_serial_offsets(struct ms_heap_reading *r)
{
	const struct ms_vm *vm = r->vm;
	const char *field = "SerialBlockOffsetTable::_vs|BlockOffsetSharedArray::_vs";
	uint64_t generations[2], table, space = ms_vm_offset(vm, field);
	struct ms_range range;
	if (space == MS_VM_NONE || !ms_heap_generations(r, generations) ||
		!ms_vm_field(vm, generations[1],
			"TenuredGeneration::_bts|CardGeneration::_bts", 8, &table) ||
		!ms_heap_virtual_space(vm, table + space, &range))
		return ms_heap_note(r, "block offset table: cannot be read");
	return ms_heap_add_table(r, "block offset table", range, MS_GRADE_EXACT);
}

// --- G1 -------------------------------------------------------------------------------

// Does this word point to a mapper? Its reservation, then.
static bool is_mapper(const struct ms_vm *vm, uint64_t address, struct ms_range *ret)
{
	return address && address % 8 == 0 &&
	       ms_vm_read(vm, address + MAPPER_STORAGE, 8, &ret->start) &&
	       ms_vm_read(vm, address + MAPPER_STORAGE + 8, 8, &ret->end) && ret->start &&
	       ret->start < ret->end && ret->start % MS_PAGE_SIZE == 0;
}

// In every version the offsets come first, then the cards, then what one more table there
// is: counts of cards up to 17, what is to be refined from 26 on.
static const char *g1_card_table_name(unsigned nth, unsigned feature)
{
	if (!nth)
		return "block offset table";
	if (nth == 1)
		return "card table";
	return feature > 17 ? "refinement table" : "card counts";
}

static struct ms_error *add_g1_tables(struct ms_heap_reading *r)
{
	const struct ms_vm *vm = r->vm;
	uint64_t manager = ms_vm_offset(vm, "G1CollectedHeap::_hrm"), word;
	uint64_t heap = ms_range_size(r->heap->reserved);
	struct ms_error *err = NULL;
	unsigned by_card = 0, bitmaps = 0;
	for (uint64_t at = 0; !err && manager != MS_VM_NONE && at < MANAGER_BYTES;
		at += 8) {
		struct ms_range range;
		if (!ms_vm_read(vm, r->heap->object + manager + at, 8, &word) ||
			!is_mapper(vm, word, &range))
			continue;
		if (is_size(ms_range_size(range), heap / BITMAP_SHARE)) {
			bitmaps++;
			err = ms_heap_add_table(
				r, "mark bitmap", range, MS_GRADE_STRUCTURAL);
		} else if (is_size(ms_range_size(range), heap / card_bytes(r))) {
			const char *name = g1_card_table_name(by_card++, vm->feature);
			err = ms_heap_add_table(r, name, range, MS_GRADE_STRUCTURAL);
		}
	}
	if (err || (bitmaps && by_card > 1))
		return err;
	return ms_heap_note(r, "bitmaps and offset table of G1: not found");
}

// --- Parallel -------------------------------------------------------------------------

// Is there a PSVirtualSpace at this address? Its reservation, then.
static bool is_ps_space(const struct ms_vm *vm, uint64_t address, struct ms_range *ret)
{
	uint64_t low, high;
	return address && address % 8 == 0 &&
	       ms_vm_field(vm, address, "PSVirtualSpace::_reserved_low_addr", 8,
		       &ret->start) &&
	       ms_vm_field(vm, address, "PSVirtualSpace::_reserved_high_addr", 8,
		       &ret->end) &&
	       ms_vm_field(vm, address, "PSVirtualSpace::_committed_low_addr", 8, &low) &&
	       ms_vm_field(
		       vm, address, "PSVirtualSpace::_committed_high_addr", 8, &high) &&
	       ret->start && ret->start < ret->end && ret->start % MS_PAGE_SIZE == 0 &&
	       ret->start <= low && low <= high && high <= ret->end;
}

// Every table that the words of an object lead to, or that lies within it.
static struct ms_error *add_ps_tables(struct ms_heap_reading *r, const char *what,
	uint64_t object, uint64_t bytes, bool is_within)
{
	struct ms_error *err = NULL;
	for (uint64_t at = 0; object && !err && at < bytes; at += 8) {
		uint64_t word = object + at;
		struct ms_range range;
		if ((!is_within && !ms_vm_read(r->vm, object + at, 8, &word)) ||
			!is_ps_space(r->vm, word, &range) ||
			ms_range_overlaps(range, r->heap->reserved) ||
			ms_range_size(range) > ms_range_size(r->heap->reserved) / 16)
			continue;
		err = ms_heap_add_table(r, what, range, MS_GRADE_STRUCTURAL);
	}
	return err;
}

static struct ms_error *add_parallel_tables(struct ms_heap_reading *r)
{
	struct ms_vm *vm = r->vm;
	uint64_t old = 0;
	(void)ms_vm_static(vm, "ParallelScavengeHeap::_old_gen", 8, &old);
	struct ms_error *err =
		add_ps_tables(r, "object start array", old, OLD_GEN_BYTES, true);
	if (!err)
		err = add_ps_tables(r, "mark bitmap",
			ms_vm_symbol(vm, MS_VM_SYMBOL_MARK_BITMAP), COMPACT_BYTES, false);
	if (!err)
		err = add_ps_tables(r, "summary of regions",
			ms_vm_symbol(vm, MS_VM_SYMBOL_SUMMARY_DATA), COMPACT_BYTES,
			false);
	if (err || ms_vm_symbol(vm, MS_VM_SYMBOL_MARK_BITMAP))
		return err;
	return ms_heap_note(r, "mark bitmap and summary of regions: libjvm.so has no "
			       ".symtab to find them by");
}

// --- Shenandoah -----------------------------------------------------------------------

// Its bitmaps are MemRegions in the heap's own object.
static struct ms_error *add_shenandoah_tables(struct ms_heap_reading *r)
{
	const struct ms_vm *vm = r->vm;
	uint64_t size = ms_vm_size(vm, "ShenandoahHeap"), start, words, bytes, end;
	uint64_t expected = ms_range_size(r->heap->reserved) / BITMAP_SHARE;
	struct ms_error *err = NULL;
	size = size ? size : SHENANDOAH_BYTES;
	for (uint64_t at = 0; !err && at + 16 <= ms_min(size, SHENANDOAH_BYTES);
		at += 8) {
		if (!ms_vm_read(vm, r->heap->object + at, 8, &start) ||
			!ms_vm_read(vm, r->heap->object + at + 8, 8, &words) || !start ||
			start % MS_PAGE_SIZE || !ms_mul(words, 8, &bytes) ||
			!is_size(bytes, expected) || !ms_add(start, bytes, &end))
			continue;
		err = ms_heap_add_table(r, "mark bitmap", (struct ms_range){ start, end },
			MS_GRADE_STRUCTURAL);
	}
	return err;
}

struct ms_error *ms_heap_read_tables(struct ms_heap_reading *r)
{
	if (r->heap->reserved.start == r->heap->reserved.end)
		return NULL;
	if (r->heap->collector == MS_COLLECTOR_G1)
		return add_g1_tables(r);
	struct ms_error *err = add_cards(r);
	if (err)
		return err;
	if (r->heap->collector == MS_COLLECTOR_SERIAL)
		return add_serial_offsets(r);
	if (r->heap->collector == MS_COLLECTOR_PARALLEL)
		return add_parallel_tables(r);
	return r->heap->collector == MS_COLLECTOR_SHENANDOAH ? add_shenandoah_tables(r)
							     : NULL;
}
