// mimalloc 3 and 1, recognised only. Version 3 keeps a list of its arenas in the library's
// data, and each arena points back at it. A segment of version 1 holds its own address
// xor'ed with a number that stands in the library's data as well.

#include "alloc/sweep.h"
#include "alloc/whole.h"

enum {
	ARENAS_MAX = 160,
	ARENA_ALIGN = 64 << 10,
	ARENA_HEAD = 32,      // its memory's start and size, flags, whose it is
	LIST_IN_PROCESS = 64, // the list's place in its structure is below that
	OLD_ALIGN = 4 << 20,
	OLD_HEAD = 160,
	OLD_HUGE = 3, // the last kind of page
	OLD_PAGES = 64,
	KEYS_MAX = 16,
};

// --- version 3 ------------------------------------------------------------------------

// Does the arena belong to the list? Then also the memory it lies in.
static bool arena_at(
	struct ms_alloc_find *find, uint64_t address, uint64_t list, struct ms_range *ret)
{
	uint8_t head[ARENA_HEAD];
	uint64_t end;
	if (!address || address % ARENA_ALIGN ||
		!ms_peek_bytes(find->peek, address, head, sizeof(head)))
		return false;
	uint64_t start = ms_get_u64(head), size = ms_get_u64(head + 8);
	uint64_t owner = ms_get_u64(head + 24);
	if (owner > list || list - owner >= LIST_IN_PROCESS ||
		!ms_add(start, size, &end) || start > address || end <= address)
		return false;
	*ret = (struct ms_range){ start, end };
	return ms_whole_is_mapped(find->maps, *ret);
}

static struct ms_error *look_for_list(struct ms_sweep *sweep,
	const struct ms_module *module, uint64_t address, const uint8_t *bytes, size_t n)
{
	struct ms_alloc_find *find = sweep->find;
	struct ms_error *err = NULL;
	uint32_t instance = UINT32_MAX;
	for (size_t at = 0; !err && at < n; at += 8) {
		uint64_t count = ms_get_u64(bytes + at);
		if (!count || count > ARENAS_MAX)
			continue;
		for (uint64_t i = 1; !err && i <= count; i++) {
			struct ms_range range;
			if (!arena_at(find, ms_get_u64(bytes + at + i * 8), address + at,
				    &range)) {
				if (i == 1)
					break; // no list: most small numbers are none
				continue;
			}
			if (instance == UINT32_MAX)
				err = ms_whole_instance(find, "mimalloc", "3",
					module->path,
					"version 3: only its arenas are known",
					&instance);
			if (!err)
				err = ms_whole_add(find, instance, range);
		}
	}
	return err;
}

struct ms_error *ms_whole_mimalloc3(struct ms_alloc_find *find)
{
	struct ms_sweep sweep = {
		.find = find, .need = (1 + ARENAS_MAX) * 8, .fn = look_for_list
	};
	return ms_sweep_data(&sweep);
}

// --- version 1 ------------------------------------------------------------------------

static const struct old_layout {
	const char *name;
	uint8_t cookie, size, capacity, used, abandoned, kind;
} old_layouts[] = {
	{ "1.8.8-1.9", 112, 32, 96, 88, 72, 152 },
	{ "1.8.2-1.8.7", 104, 32, 88, 80, 64, 128 },
	{ "1.7.9", 104, 88, 80, 72, 56, 128 },
	{ "1.6-1.7.7", 88, 72, 64, 56, 40, 112 },
	{ "1.0.7-1.5", 80, 64, 56, 48, 40, 104 },
};

struct old_key {
	uint64_t key;
	const struct old_layout *layout;
	const struct ms_module *module; // that has it in its data
	uint32_t instance;
};

struct old_segment {
	struct ms_range range;
	size_t key; // index
};

struct old {
	struct ms_alloc_find *find;
	struct old_key keys[KEYS_MAX];
	size_t keys_n;
	MS_ARRAY(struct old_segment) segments;
};

static bool is_old_segment(const struct old_layout *layout, const uint8_t *head)
{
	uint64_t capacity = ms_get_u64(head + layout->capacity);
	uint64_t used = ms_get_u64(head + layout->used);
	uint64_t size = ms_get_u64(head + layout->size);
	uint32_t kind = ms_get_u32(head + layout->kind);
	return capacity && capacity <= OLD_PAGES && used && used <= capacity &&
	       kind <= OLD_HUGE && size && size % MS_PAGE_SIZE == 0 &&
	       (kind == OLD_HUGE || size == OLD_ALIGN) &&
	       ms_get_u64(head + layout->abandoned) <= used;
}

static size_t key_of(struct old *old, uint64_t key, const struct old_layout *layout)
{
	for (size_t i = 0; i < old->keys_n; i++)
		if (old->keys[i].key == key && old->keys[i].layout == layout)
			return i;
	if (old->keys_n < KEYS_MAX)
		old->keys[old->keys_n++] = (struct old_key){ key, layout, NULL, 0 };
	else
		return KEYS_MAX;
	return old->keys_n - 1;
}

static struct ms_error *try_old(struct ms_alloc_find *find, uint64_t address, void *arg)
{
	struct old *old = arg;
	uint8_t head[OLD_HEAD];
	if (!ms_peek_bytes(find->peek, address, head, sizeof(head)))
		return NULL;
	for (size_t i = 0; i < sizeof(old_layouts) / sizeof(old_layouts[0]); i++) {
		const struct old_layout *layout = &old_layouts[i];
		struct ms_range range = { address, 0 };
		if (!is_old_segment(layout, head) ||
			!ms_add(address, ms_get_u64(head + layout->size), &range.end) ||
			!ms_whole_is_mapped(find->maps, range))
			continue;
		size_t key =
			key_of(old, ms_get_u64(head + layout->cookie) ^ address, layout);
		struct old_segment *added =
			key < KEYS_MAX ? ms_array_push(&old->segments) : NULL;
		if (key < KEYS_MAX && !added)
			return &ms_error_nomem;
		if (added)
			*added = (struct old_segment){ range, key };
	}
	return NULL;
}

static struct ms_error *look_for_keys(struct ms_sweep *sweep,
	const struct ms_module *module, uint64_t address, const uint8_t *bytes, size_t n)
{
	struct old *old = sweep->arg;
	(void)address;
	for (size_t at = 0; at < n; at += 8)
		for (size_t i = 0; i < old->keys_n; i++)
			if (ms_get_u64(bytes + at) == old->keys[i].key &&
				old->keys[i].key)
				old->keys[i].module = module;
	return NULL;
}

static struct ms_error *add_old(struct old *old)
{
	struct ms_error *err = NULL;
	for (size_t i = 0; !err && i < old->keys_n; i++) {
		struct old_key *key = &old->keys[i];
		if (key->module)
			err = ms_whole_instance(old->find, "mimalloc", key->layout->name,
				key->module->path,
				"version 1: only its segments are known", &key->instance);
	}
	ms_array_foreach (segment, &old->segments) {
		const struct old_key *key = &old->keys[segment->key];
		if (!err && key->module)
			err = ms_whole_add(old->find, key->instance, segment->range);
	}
	return err;
}

struct ms_error *ms_whole_mimalloc1(struct ms_alloc_find *find)
{
	struct old old = { .find = find };
	struct ms_sweep sweep = {
		.find = find, .need = 8, .fn = look_for_keys, .arg = &old
	};
	struct ms_error *err = ms_sweep_boundaries(find, OLD_ALIGN, try_old, &old);
	if (!err && old.keys_n)
		err = ms_sweep_data(&sweep);
	if (!err)
		err = add_old(&old);
	ms_array_deinit(&old.segments);
	return err;
}
