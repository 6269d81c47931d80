// jemalloc's words and descriptors taken apart: see jemalloc.h.

#include "alloc/jemalloc.h"

enum {
	TINY_CLASSES = 9, // 8, then 16 to 128 by 16; from there on four to a doubling
	TINY_MAX = 128,
	PER_DOUBLING = 4,
};

// Where the fields of a descriptor's first word begin, in bits. Below: arena 0-11, slab
// 12, committed 13.
struct fields {
	unsigned state, state_width, size_class, free;
};

static const struct fields fields_of[MS_JEMALLOC_LAYOUTS] = {
	[MS_JEMALLOC_5_2] = { .state = 16,
		.state_width = 2,
		.size_class = 18,
		.free = 26 },
	[MS_JEMALLOC_5_3] = { .state = 17,
		.state_width = 3,
		.size_class = 20,
		.free = 28 },
};

const struct ms_jemalloc_tree ms_jemalloc_trees[MS_JEMALLOC_TREES] = {
	{ "", .levels = 2, .bits = 18, .words = 1 },
	{ " (57-bit)", .levels = 3, .bits = 15, .words = 2 },
};

uint64_t ms_jemalloc_class_size(unsigned size_class)
{
	if (size_class >= MS_JEMALLOC_CLASSES)
		return 0;
	if (size_class < TINY_CLASSES)
		return size_class ? size_class * 16u : 8;
	unsigned doubling = (size_class - TINY_CLASSES) / PER_DOUBLING;
	unsigned step = (size_class - TINY_CLASSES) % PER_DOUBLING + 1;
	uint64_t base = (uint64_t)TINY_MAX << doubling;
	return base + step * (base / PER_DOUBLING);
}

// 48 bits: class, descriptor, and in 5.3 the state, in one word.
static struct ms_jemalloc_page packed_page(uint64_t word, enum ms_jemalloc_layout layout)
{
	bool has_state = layout == MS_JEMALLOC_5_3;
	uint64_t low = has_state ? 0x7f : 1;
	return (struct ms_jemalloc_page){
		.extent = (word & ((1ull << 48) - 1)) & ~low,
		.size_class = (unsigned)(word >> 48),
		.state = has_state ? (unsigned)(word >> 2 & 7) : 0,
		.is_slab = word & 1,
	};
}

struct ms_jemalloc_page ms_jemalloc_page(const uint64_t *entry,
	const struct ms_jemalloc_tree *tree, enum ms_jemalloc_layout layout)
{
	if (tree->words == 1)
		return packed_page(entry[0], layout);
	if (layout == MS_JEMALLOC_5_2)
		return (struct ms_jemalloc_page){
			.extent = entry[0],
			.size_class = (unsigned)(entry[1] & UINT32_MAX),
			.is_slab = entry[1] >> 32 & 1,
		};
	return (struct ms_jemalloc_page){
		.extent = entry[0],
		.size_class = (unsigned)(entry[1] & UINT32_MAX) >> 5,
		.state = (unsigned)(entry[1] >> 2 & 7),
		.is_slab = entry[1] & 1,
	};
}

static bool is_sound(const struct ms_jemalloc_extent *e)
{
	uint64_t size = ms_range_size(e->range);
	if (!e->range.start || !size || e->arena >= MS_JEMALLOC_ARENAS ||
		e->state > MS_JEMALLOC_RETAINED)
		return false;
	if (e->size_class > MS_JEMALLOC_CLASSES)
		return false;
	if (e->is_slab)
		return e->size_class < MS_JEMALLOC_SMALL && e->memory == e->range.start &&
		       size / ms_jemalloc_class_size(e->size_class) - 1 <
			       MS_JEMALLOC_SLOTS &&
		       e->free <= ms_jemalloc_slots(e);
	return e->state != MS_JEMALLOC_ACTIVE || e->size_class < MS_JEMALLOC_CLASSES;
}

bool ms_jemalloc_extent_parse(const uint8_t bytes[MS_JEMALLOC_EXTENT_BYTES],
	enum ms_jemalloc_layout layout, struct ms_jemalloc_extent *ret)
{
	const struct fields *f = &fields_of[layout];
	uint64_t bits = ms_get_u64(bytes), end;
	uint64_t page = 1ull << MS_JEMALLOC_PAGE, memory = ms_get_u64(bytes + 8);
	struct ms_jemalloc_extent e;
	if (!ms_add(ms_align_down(memory, page),
		    ms_align_down(ms_get_u64(bytes + 16), page), &end))
		return false;
	e = (struct ms_jemalloc_extent){
		.range = { ms_align_down(memory, page), end },
		.memory = memory,
		.arena = (unsigned)(bits & 0xfff),
		.is_huge = layout == MS_JEMALLOC_5_3 && bits >> 14 & 1,
		.state = (unsigned)(bits >> f->state) & ((1u << f->state_width) - 1),
		.size_class = (unsigned)(bits >> f->size_class) & 0xff,
		.free = (unsigned)(bits >> f->free) & 0x3ff,
	};
	// A slab that was given up keeps the bit.
	e.is_slab = bits >> 12 & 1 && e.state == MS_JEMALLOC_ACTIVE;
	for (size_t i = 0; i < MS_JEMALLOC_SLOTS / 64; i++)
		e.bitmap[i] = ms_get_u64(bytes + 64 + 8 * i);
	if (!is_sound(&e))
		return false;
	*ret = e;
	return true;
}

// Entries of pages that are not handed out keep the class of what lay there before, and so
// does a large block's last page.
bool ms_jemalloc_agree(const struct ms_jemalloc_page *page, uint64_t address,
	const struct ms_jemalloc_extent *extent, enum ms_jemalloc_layout layout)
{
	if (!ms_range_has(extent->range, address) ||
		(layout == MS_JEMALLOC_5_3 && page->state != extent->state))
		return false;
	if (extent->state != MS_JEMALLOC_ACTIVE)
		return extent->size_class == MS_JEMALLOC_CLASSES;
	if (address != extent->range.start && !extent->is_slab)
		return !page->is_slab;
	return page->size_class == extent->size_class && page->is_slab == extent->is_slab;
}

unsigned ms_jemalloc_slots(const struct ms_jemalloc_extent *slab)
{
	uint64_t size = ms_jemalloc_class_size(slab->size_class);
	return size ? (unsigned)(ms_range_size(slab->range) / size) : 0;
}

unsigned ms_jemalloc_count_free(const struct ms_jemalloc_extent *slab)
{
	unsigned n = ms_jemalloc_slots(slab), free = 0;
	for (unsigned i = 0; i < n; i += 64) {
		uint64_t word = slab->bitmap[i / 64];
		if (n - i < 64) // what follows is an older use of the same bytes
			word &= (1ull << (n - i)) - 1;
		free += (unsigned)__builtin_popcountll(word);
	}
	return free;
}
