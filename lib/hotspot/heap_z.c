// ZGC's heap: pages, by the table that has one entry for each 2 MiB of address space.
//
// Addresses in the table and in pages are offsets. Without generations (JDK 11 to 21) the
// heap is mapped three times, and the good mask says which view counts now; with them the
// one view begins right above the mask of offsets. In JDK 21 both exist, the older one's
// classes beginning with X.
//
// JDK 11's tables do not say where the objects of a page end, nor which pages are only kept for
// later: that is read from where its one known build has it, and believed if it makes sense in
// every page.
//
// A page of the generational ZGC has its generation and age beside its type; the tables do
// not say so, and it is believed only if it is consistent in every page.
//
// Source: gc/z/zPage.hpp, zPageTable.hpp, zGranuleMap.hpp, zPageAge.hpp (JDK 17 to 26);
//         zAddressRangeMap.hpp, zPageTableEntry.hpp (11).

#include "hotspot/heap_internal.h"

#include "alloc/words.h"

enum {
	GRANULE_SHIFT = 21,
	ENTRIES_MAX = 1 << 24, // 32 TiB of addresses
	ENTRY_RELOCATING = 1,  // JDK 11 marks entries
	GENERATION_AT = 1,     // bytes into a page, behind its type
	AGE_AT = 2,
	AGE_OLD = 15,
	VIEWS_MAX = 3,
	PAGES_MAX = 1 << 20,
	PAGE_BYTES_11 = 152,
	TOP_AT_11 = 24,
	USERS_AT_11 = 96,
	USERS_MAX = 1024, // threads that look at a page at a time, and its owner
};

enum {
	EDEN,
	SURVIVOR,
	OLD,
	GENERATIONS
};
enum {
	SMALL,
	MEDIUM,
	LARGE,
	TYPES
};

static const struct ms_space_kind by_age[GENERATIONS] = {
	[EDEN] = { "eden", "java.heap.eden", true, MS_SPACE_WALKABLE },
	[SURVIVOR] = { "survivor", "java.heap.survivor", true, MS_SPACE_WALKABLE },
	[OLD] = { "old", "java.heap.old", false, MS_SPACE_WALKABLE },
};

static const struct ms_space_kind by_type[TYPES] = {
	[SMALL] = { "small", "java.heap.small", false, MS_SPACE_WALKABLE },
	[MEDIUM] = { "medium", "java.heap.medium", false, MS_SPACE_WALKABLE },
	[LARGE] = { "large", "java.heap.large", false, MS_SPACE_WALKABLE },
};

struct page {
	uint64_t start, end, top; // offsets
	uint64_t users;           // 0: kept for later, empty
	unsigned type, generation, age;
};

struct z {
	struct ms_heap_reading *r;
	uint64_t base; // of the view that counts
	uint64_t offset_mask;
	uint64_t map, entries;
	bool lacks_top;
	MS_ARRAY(struct page) pages;
};

#define GLOBALS "ZGlobalsForVMStructs::_instance_p|XGlobalsForVMStructs::_instance_p"

// One of the JVM's masks, by a structure of pointers to them.
static bool read_mask(const struct ms_vm *vm, const char *names, uint64_t *ret)
{
	uint64_t globals, address;
	return ms_vm_static(vm, GLOBALS, 8, &globals) &&
	       ms_vm_field(vm, globals, names, 8, &address) &&
	       ms_vm_read(vm, address, 8, ret);
}

// JDK 21 has both families of classes; which one is in use, a flag says.
static bool is_x(const struct ms_heap_reading *r)
{
	return ms_vm_offset(r->vm, "XCollectedHeap::_heap") != MS_VM_NONE &&
	       !ms_flag_is_on(r->flags, "ZGenerational");
}

static bool find_base(struct z *z)
{
	const struct ms_vm *vm = z->r->vm;
	uint64_t globals;
	if (is_x(z->r))
		return ms_vm_static(
			       vm, "XGlobalsForVMStructs::_instance_p", 8, &globals) &&
		       ms_vm_field(vm, globals, "XGlobalsForVMStructs::_XAddressGoodMask",
			       8, &z->base) &&
		       ms_vm_read(vm, z->base, 8, &z->base) &&
		       ms_vm_field(vm, globals,
			       "XGlobalsForVMStructs::_XAddressOffsetMask", 8,
			       &z->offset_mask) &&
		       ms_vm_read(vm, z->offset_mask, 8, &z->offset_mask);
	if (read_mask(vm, "ZGlobalsForVMStructs::_ZAddressGoodMask", &z->base)) {
		// In JDK 11 it is a constant, later a variable, whose place is said.
		int64_t constant = 0;
		(void)ms_vm_constant(vm, "ZAddressOffsetMask", &constant);
		z->offset_mask = (uint64_t)constant;
		(void)read_mask(
			vm, "ZGlobalsForVMStructs::_ZAddressOffsetMask", &z->offset_mask);
		return z->base && z->offset_mask;
	}
	if (!read_mask(vm, "ZGlobalsForVMStructs::_ZAddressOffsetMask", &z->offset_mask))
		return false;
	z->base = z->offset_mask + 1;
	return z->base;
}

// The table: an address and its number of entries.
static bool find_map(struct z *z)
{
	const struct ms_vm *vm = z->r->vm;
	bool x = is_x(z->r);
	uint64_t heap =
		ms_vm_offset(vm, x ? "XCollectedHeap::_heap" : "ZCollectedHeap::_heap");
	uint64_t table = ms_vm_offset(
		vm, x ? "XHeap::_page_table" : "ZHeap::_page_table|ZHeap::_pagetable");
	uint64_t inner = ms_vm_offset(vm, x ? "XPageTable::_map" : "ZPageTable::_map");
	if (heap == MS_VM_NONE || table == MS_VM_NONE || inner == MS_VM_NONE)
		return false;
	uint64_t at = z->r->heap->object + heap + table + inner;
	uint64_t map = ms_vm_offset(vm,
		x ? "XGranuleMapForPageTable::_map" : "ZGranuleMapForPageTable::_map");
	if (map == MS_VM_NONE) { // JDK 11: one for all of the address space
		z->entries = (z->offset_mask + 1) >> GRANULE_SHIFT;
		return ms_vm_field(
			vm, at, "ZAddressRangeMapForPageTable::_map", 8, &z->map);
	}
	return map >= 8 && ms_vm_read(vm, at + map, 8, &z->map) &&
	       ms_vm_read(vm, at + map - 8, 8, &z->entries);
}

// MS_VM_NONE where it is not known.
static void read_rest_11(const struct ms_vm *vm, uint64_t object, struct page *ret)
{
	bool is_known = vm->feature == 11 && ms_vm_size(vm, "ZPage") == PAGE_BYTES_11;
	if (!is_known || !ms_vm_read(vm, object + TOP_AT_11, 8, &ret->top) ||
		!ms_vm_read(vm, object + USERS_AT_11, 4, &ret->users))
		ret->top = ret->users = MS_VM_NONE;
}

static bool read_page(const struct z *z, uint64_t object, struct page *ret)
{
	const struct ms_vm *vm = z->r->vm;
	uint64_t type,
		generation = 0, age = 0, size,
		at = ms_vm_offset(vm, is_x(z->r) ? "XPage::_virtual" : "ZPage::_virtual");
	if (at == MS_VM_NONE ||
		!ms_vm_field(vm, object, is_x(z->r) ? "XPage::_type" : "ZPage::_type", 1,
			&type) ||
		!ms_vm_field(vm, object + at,
			"ZVirtualMemory::_start|XVirtualMemory::_start", 8, &ret->start))
		return false;
	if (ms_vm_field(vm, object + at, "ZVirtualMemory::_size", 8, &size)) {
		if (!ms_add(ret->start, size, &ret->end))
			return false;
	} else if (!ms_vm_field(vm, object + at,
			   "ZVirtualMemory::_end|XVirtualMemory::_end", 8, &ret->end)) {
		return false;
	}
	ret->users = 1;
	if (!ms_vm_field(
		    vm, object, is_x(z->r) ? "XPage::_top" : "ZPage::_top", 8, &ret->top))
		read_rest_11(vm, object, ret);
	(void)ms_vm_read(vm, object + GENERATION_AT, 1, &generation);
	(void)ms_vm_read(vm, object + AGE_AT, 1, &age);
	ret->type = (unsigned)type;
	ret->generation = (unsigned)generation;
	ret->age = (unsigned)age;
	return type < TYPES && ret->start < ret->end && ret->end <= z->offset_mask + 1;
}

static struct ms_error *list_page(struct z *z, uint64_t object)
{
	struct page page;
	if (!read_page(z, object, &page))
		return ms_heap_note(z->r, "some pages cannot be read");
	if (z->pages.n >= PAGES_MAX)
		return ms_heap_note(z->r, "more than %d pages", PAGES_MAX);
	struct page *added = ms_array_push(&z->pages);
	if (!added)
		return &ms_error_nomem;
	*added = page;
	return NULL;
}

static struct ms_error *list_pages(struct z *z)
{
	_cleanup_words_ struct ms_words *words = NULL;
	struct ms_error *err = ms_words_new(z->r->vm->target, NULL, &words);
	uint64_t last = 0, end;
	bool any;
	if (!err && ms_add(z->map, ms_min(z->entries, ENTRIES_MAX) * 8, &end))
		ms_words_over(words, (struct ms_range){ z->map, end });
	while (!err && !(err = ms_words_next(words, &any)) && any)
		for (size_t i = 0; !err && i < words->n; i++) {
			uint64_t object = words->v[i] & ~(uint64_t)ENTRY_RELOCATING;
			if (!object || object == last)
				continue;
			err = list_page(z, object);
			last = object;
		}
	return err;
}

// What tells where objects end must do so in every page.
static bool lacks_tops(const struct z *z)
{
	ms_array_foreach (page, &z->pages)
		if (page->top < page->start || page->top > page->end ||
			page->users > USERS_MAX)
			return true;
	return false;
}

static struct ms_error *check_tops(struct z *z)
{
	size_t n = 0;
	z->lacks_top = lacks_tops(z);
	ms_array_foreach (page, &z->pages) {
		if (z->lacks_top)
			page->top = page->end;
		if (z->lacks_top || page->users)
			z->pages.v[n++] = *page;
	}
	z->pages.n = n;
	if (!z->lacks_top)
		return NULL;
	return ms_heap_note(z->r, "this JDK's tables do not say where the objects of a "
				  "page end: all of it counts as used");
}

// Generation and age are where we think if they agree in every page.
static bool has_ages(const struct z *z)
{
	ms_array_foreach (page, &z->pages)
		if (page->generation > 1 || page->age > AGE_OLD ||
			(page->generation == 1) != (page->age == AGE_OLD))
			return false;
	return z->pages.n && z->offset_mask + 1 == z->base;
}

static uint32_t age_of(const struct page *page)
{
	return page->age == AGE_OLD ? OLD : page->age ? SURVIVOR : EDEN;
}

// Is the page here resident through any view? *end: how far that holds.
static bool is_resident(const struct z *z, uint64_t offset, uint64_t *end)
{
	const struct ms_pages *pages = ms_target_pages(z->r->vm->target);
	uint64_t view = z->offset_mask + 1, there = offset, absent = *end;
	for (int i = 0; i < VIEWS_MAX && view; i++, view <<= 1) {
		enum ms_page_state state;
		struct ms_range run =
			ms_pages_run(pages, view + offset, view + *end, &state);
		if (ms_page_is_resident(state))
			there = ms_max(there, run.end - view);
		else
			absent = ms_min(absent, run.end - view);
	}
	*end = there > offset ? there : absent;
	return there > offset;
}

// What is resident of a page, however many views it was touched through.
static uint64_t resident_of(const struct z *z, const struct page *page)
{
	uint64_t sum = 0;
	for (uint64_t at = page->start; at < page->end;) {
		uint64_t end = page->end;
		bool is_there = is_resident(z, at, &end);
		sum += is_there ? end - at : 0;
		at = end;
	}
	return sum;
}

static struct ms_error *add_pages(struct z *z)
{
	bool ages = has_ages(z);
	const struct ms_space_kind *kinds = ages ? by_age : by_type;
	struct ms_error *err = NULL;
	uint32_t ignored;
	for (int i = 0; !err && i < 3; i++)
		err = ms_heap_add_space(z->r, &kinds[i], &ignored);
	ms_array_foreach (space, &z->r->heap->spaces)
		if (z->lacks_top)
			space->walk = MS_SPACE_OPAQUE;
	ms_array_foreach (page, &z->pages) {
		struct ms_heap_region region = {
			.range = { z->base + page->start, z->base + page->end },
			.top = z->base + page->top,
			.space = ages ? age_of(page) : page->type,
			.number = (uint32_t)(page->start >> GRANULE_SHIFT),
		};
		struct ms_heap_space *space = &z->r->heap->spaces.v[region.space];
		uint64_t before = space->resident;
		if (!err)
			err = ms_heap_add_region(z->r, &region);
		if (!err && space->resident != before)
			space->resident = before + resident_of(z, page);
	}
	return err;
}

struct ms_error *ms_heap_read_z(struct ms_heap_reading *r)
{
	struct z z = { .r = r };
	if (!find_base(&z) || !find_map(&z))
		return ms_heap_note(r, "its table of pages cannot be read");
	r->heap->region_bytes = 1ull << GRANULE_SHIFT;
	struct ms_error *err = list_pages(&z);
	if (!err)
		err = check_tops(&z);
	if (!err)
		err = add_pages(&z);
	ms_array_deinit(&z.pages);
	return err;
}
