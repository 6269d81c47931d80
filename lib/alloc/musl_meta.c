// mallocng's own books, decoded: see musl.h.

#include "alloc/musl.h"

#include "alloc/peek.h"

enum {
	FRAME_MOVED = 7 << 5, // in the slot's frame: the allocation begins further on
	RESERVED_FAR = 5,     // the unused bytes are counted in the slot's last word
};

// Offsets in struct malloc_context; its pagesize is not there in libc's own build.
enum {
	CONTEXT_INIT = 8,
	CONTEXT_METAS_LEFT = 32,
	CONTEXT_HEAD = 56,
	CONTEXT_TAIL = 64,
	CONTEXT_USAGE = 464,
};

uint32_t ms_musl_class_units(unsigned size_class)
{
	static const uint16_t units[MS_MUSL_CLASSES] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
		12, 15, 18, 20, 25, 31, 36, 42, 50, 63, 72, 84, 102, 127, 146, 170, 204,
		255, 292, 340, 409, 511, 584, 682, 818, 1023, 1169, 1364, 1637, 2047,
		2340, 2730, 3276, 4095, 4680, 5460, 6552, 8191 };
	return units[size_class];
}

static bool is_area(uint64_t address)
{
	return address && address % MS_MUSL_AREA == 0;
}

bool ms_musl_context_parse(const uint8_t *bytes, struct ms_musl_context *ret)
{
	ret->secret = ms_get_u64(bytes);
	ret->head = ms_get_u64(bytes + CONTEXT_HEAD);
	ret->tail = ms_get_u64(bytes + CONTEXT_TAIL);
	if (ms_get_u32(bytes + CONTEXT_INIT) != 1 || !ret->secret ||
		!is_area(ret->head) || !is_area(ret->tail) ||
		ms_get_u64(bytes + CONTEXT_METAS_LEFT) > MS_MUSL_METAS)
		return false;
	for (unsigned i = 0; i < MS_MUSL_CLASSES; i++)
		ret->usage[i] = ms_get_u64(bytes + CONTEXT_USAGE + i * 8);
	return true;
}

// The bits of `slots` slots, 1 to 32.
static uint32_t mask_of(uint32_t slots)
{
	return UINT32_MAX >> (MS_MUSL_SLOTS - slots);
}

// Its sizes, by class and pages of mapping; false if there is no such group.
static bool set_size(struct ms_musl_group *group, uint64_t pages)
{
	bool has_class = group->size_class < MS_MUSL_CLASSES;
	uint64_t size, slots;
	if (!has_class &&
		(group->size_class != MS_MUSL_ALONE || !pages || group->slots != 1))
		return false;
	if (pages && !ms_mul(pages, MS_MUSL_AREA, &size))
		return false;
	if (pages && group->slots == 1) {
		group->size = size;
		group->stride = size - MS_MUSL_UNIT;
		return true;
	}
	group->stride = ms_musl_class_units(group->size_class) * MS_MUSL_UNIT;
	slots = group->stride * group->slots;
	if (!pages)
		size = slots + MS_MUSL_UNIT;
	group->size = size;
	return slots < MS_MUSL_GROUP_MAX && size >= slots + MS_MUSL_UNIT &&
	       size <= MS_MUSL_GROUP_MAX + MS_MUSL_AREA;
}

bool ms_musl_meta_parse(const uint8_t *bytes, uint64_t address, struct ms_musl_group *ret)
{
	uint64_t bits = ms_get_u64(bytes + 32), pages = bits >> 12, end;
	uint32_t avail = ms_get_u32(bytes + 24), freed = ms_get_u32(bytes + 28);
	struct ms_musl_group group = {
		.meta = address,
		.start = ms_get_u64(bytes + 16),
		.slots = (uint32_t)(bits & 31) + 1,
		.free = avail | freed,
		.size_class = (uint8_t)(bits >> 6 & 63),
		.is_mapped = pages != 0,
		.is_donated = !pages && !(bits >> 5 & 1),
	};
	*ret = group;
	if (!group.start || group.start % MS_MUSL_UNIT || avail & freed ||
		group.free & ~mask_of(group.slots))
		return false;
	if (pages && group.start % MS_MUSL_AREA)
		return false;
	if (!set_size(&group, pages) || !ms_add(group.start, group.size, &end))
		return false;
	*ret = group;
	return true;
}

uint32_t ms_musl_frame_offset(const uint8_t head[4])
{
	return head[1] == FRAME_MOVED ? ms_get_u16(head + 2) * MS_MUSL_UNIT : 0;
}

bool ms_musl_frame_usable(const uint8_t frame[MS_MUSL_FRAME], uint32_t tail,
	uint64_t offset, uint64_t stride, uint64_t *ret_usable)
{
	// A byte that is not 0 says that 16 bits did not hold the distance.
	uint64_t units = frame[4] ? ms_get_u32(frame) : ms_get_u16(frame + 6);
	uint64_t index = frame[5] & 31, reserved = frame[5] >> 5, room;
	if (offset > stride - 4 || units * MS_MUSL_UNIT != index * stride + offset)
		return false;
	room = stride - 4 - offset;
	if (reserved == RESERVED_FAR)
		reserved = ms_max(tail, RESERVED_FAR);
	else if (reserved > RESERVED_FAR)
		return false;
	if (reserved > room)
		return false;
	*ret_usable = room - reserved;
	return true;
}
