// A JVM's own counters: see perfdata.h.

#include "hotspot/perfdata.h"

#include <string.h>

enum {
	BYTES_MAX = 4 << 20, // PerfDataMemorySize is 32 KiB
	COUNTERS_MAX = 1 << 14,
	PROLOGUE_BYTES = 32,
	ENTRY_BYTES = 20,
	MAJOR = 2,
	LITTLE = 1,
};

static const uint8_t magic[] = { 0xca, 0xfe, 0xc0, 0xc0 };

// An entry's fields, by offset.
enum {
	LENGTH_AT = 0,
	NAME_AT = 4,
	VECTOR_AT = 8,
	TYPE_AT = 12,
	UNIT_AT = 14,
	DATA_AT = 16,
};

static size_t text_length(struct ms_bytes text)
{
	const uint8_t *end = text.n ? memchr(text.p, 0, text.n) : NULL;
	return end ? (size_t)(end - text.p) : text.n;
}

// A scalar of type J is a number, a vector of type B a text; there are no others.
static bool parse_value(
	struct ms_bytes entry, struct ms_arena *arena, struct ms_counter *counter)
{
	uint64_t vector = ms_get_u32(entry.p + VECTOR_AT);
	uint64_t at = ms_get_u32(entry.p + DATA_AT);
	uint8_t type = entry.p[TYPE_AT];
	if (type == 'J' && !vector && ms_fits(at, 8, entry.n)) {
		counter->number = (int64_t)ms_get_u64(entry.p + at);
		return true;
	}
	if (type != 'B' || !vector || !ms_fits(at, vector, entry.n))
		return false;
	struct ms_bytes text = ms_bytes_sub(entry, at, vector);
	text.n = text_length(text);
	counter->is_text = true;
	counter->text.p = (const uint8_t *)ms_arena_copy(arena, text);
	counter->text.n = text.n;
	return counter->text.p;
}

static bool parse_entry(
	struct ms_bytes entry, struct ms_arena *arena, struct ms_counter *ret)
{
	uint64_t name_at = ms_get_u32(entry.p + NAME_AT);
	if (!ms_fits(name_at, 1, entry.n))
		return false;
	struct ms_bytes name = ms_bytes_sub(entry, name_at, entry.n);
	size_t n = text_length(name);
	if (!n || n == name.n)
		return false;
	*ret = (struct ms_counter){ .unit = entry.p[UNIT_AT] };
	ret->name = ms_arena_copy(arena, ms_bytes_sub(name, 0, n));
	return ret->name && parse_value(entry, arena, ret);
}

static int compare_counters(const void *a, const void *b)
{
	const struct ms_counter *x = a, *y = b;
	return strcmp(x->name, y->name);
}

static bool is_known(struct ms_bytes bytes)
{
	return bytes.n >= PROLOGUE_BYTES && !memcmp(bytes.p, magic, sizeof(magic)) &&
	       bytes.p[4] == LITTLE && bytes.p[5] == MAJOR;
}

struct ms_error *ms_counters_parse(
	struct ms_bytes bytes, struct ms_arena *arena, struct ms_counters *ret)
{
	*ret = (struct ms_counters){ 0 };
	if (!is_known(bytes)) {
		ret->note = "the JVM's counters are not of the known format (2.0)";
		return NULL;
	}
	uint64_t at = ms_get_u32(bytes.p + 24), n = ms_get_u32(bytes.p + 28);
	for (uint64_t i = 0; i < ms_min(n, COUNTERS_MAX); i++) {
		if (!ms_fits(at, ENTRY_BYTES, bytes.n))
			break;
		uint64_t length = ms_get_u32(bytes.p + at + LENGTH_AT);
		if (length < ENTRY_BYTES || !ms_fits(at, length, bytes.n))
			break;
		struct ms_counter counter;
		struct ms_bytes entry = ms_bytes_sub(bytes, at, length);
		at += length;
		if (!parse_entry(entry, arena, &counter))
			continue;
		struct ms_counter *added = ms_array_push(&ret->v);
		if (!added)
			return &ms_error_nomem;
		*added = counter;
	}
	if (ret->v.n != n)
		ret->note = "not all of the JVM's counters can be read";
	if (ret->v.n)
		qsort(ret->v.v, ret->v.n, sizeof(*ret->v.v), compare_counters);
	return NULL;
}

struct ms_error *ms_counters_read(struct ms_vm *vm, struct ms_counters *ret)
{
	uint64_t start = 0, top = 0;
	*ret = (struct ms_counters){ 0 };
	if (!ms_vm_static(vm, "PerfMemory::_start", 8, &start) || !start) {
		ret->note = "the JVM keeps no counters (-XX:-UsePerfData)";
		return NULL;
	}
	if (!ms_vm_static(vm, "PerfMemory::_top", 8, &top) || top <= start ||
		top - start > BYTES_MAX) {
		ret->note = "the JVM's counters cannot be read";
		return NULL;
	}
	_cleanup_free_ uint8_t *bytes = malloc(top - start);
	if (!bytes)
		return &ms_error_nomem;
	if (!ms_peek_bytes(vm->peek, start, bytes, top - start)) {
		ret->note = "the JVM's counters cannot be read";
		return NULL;
	}
	return ms_counters_parse(
		(struct ms_bytes){ bytes, top - start }, &vm->arena, ret);
}

void ms_counters_deinit(struct ms_counters *counters)
{
	ms_array_deinit(&counters->v);
}

const struct ms_counter *ms_counter_find(
	const struct ms_counters *counters, const char *name)
{
	struct ms_counter key = { .name = name };
	return counters->v.n ? bsearch(&key, counters->v.v, counters->v.n, sizeof(key),
				       compare_counters)
			     : NULL;
}

int64_t ms_counter_number(
	const struct ms_counters *counters, const char *name, int64_t otherwise)
{
	const struct ms_counter *counter = ms_counter_find(counters, name);
	return counter && !counter->is_text ? counter->number : otherwise;
}

const char *ms_counter_text(const struct ms_counters *counters, const char *name)
{
	const struct ms_counter *counter = ms_counter_find(counters, name);
	return counter && counter->is_text ? (const char *)counter->text.p : NULL;
}
