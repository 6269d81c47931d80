// Parser of /proc/PID/smaps and smaps_rollup: see smaps.h.

#include "proc/smaps.h"

static const struct {
	const char *name;
} fields[MS_SMAPS_FIELD_COUNT] = {
#define X(id, name, column, help) [MS_SMAPS_##id] = { name },
	MS_SMAPS_FIELDS(X)
#undef X
};

_Static_assert(MS_SMAPS_FIELD_COUNT <= 32, "ms_smaps_entry.known has 32 bits");

struct parser {
	struct ms_arena *arena;
	MS_ARRAY(struct ms_smaps_entry) entries;
	struct ms_smaps_entry *entry; // the one being filled, or NULL
	unsigned next_field;          // fields come in one order: try this one first
	size_t odd_lines;
};

static void cleanup_parser(struct parser *p)
{
	ms_array_deinit(&p->entries);
}

/*
 * A line that begins with "START-END ", as those of maps do. Fields cannot look so: their
 * names hold no '-' after hexadecimal digits.
 */
static bool parse_header(struct ms_bytes line, struct ms_range *ret)
{
	struct ms_range r;
	if (!ms_bytes_hex(&line, &r.start) || !ms_bytes_eat(&line, '-') ||
		!ms_bytes_hex(&line, &r.end) || !ms_bytes_eat(&line, ' ') ||
		r.start >= r.end)
		return false;
	*ret = r;
	return true;
}

static struct ms_error *begin_entry(struct parser *p, struct ms_range range)
{
	p->entry = NULL;
	if (p->entries.n && range.start < p->entries.v[p->entries.n - 1].range.end) {
		p->odd_lines++;
		return NULL;
	}
	p->entry = ms_array_push(&p->entries);
	if (!p->entry)
		return &ms_error_nomem;
	p->entry->range = range;
	p->entry->thp_eligible = -1;
	p->next_field = 0;
	return NULL;
}

// Most mappings have the flags of the one before: then its copy is shared.
static struct ms_error *set_flags(struct parser *p, struct ms_bytes value)
{
	if (p->entries.n > 1) {
		struct ms_bytes before = p->entries.v[p->entries.n - 2].flags;
		if (ms_bytes_equal(before, value)) {
			p->entry->flags = before;
			return NULL;
		}
	}
	const char *copy = ms_arena_copy(p->arena, value);
	if (!copy)
		return &ms_error_nomem;
	p->entry->flags = (struct ms_bytes){ (const uint8_t *)copy, value.n };
	return NULL;
}

// The field of this name; MS_SMAPS_FIELD_COUNT if there is none.
static unsigned find_field(const struct parser *p, struct ms_bytes key)
{
	for (unsigned i = 0; i < MS_SMAPS_FIELD_COUNT; i++) {
		unsigned field = (p->next_field + i) % MS_SMAPS_FIELD_COUNT;
		if (ms_bytes_is(key, fields[field].name))
			return field;
	}
	return MS_SMAPS_FIELD_COUNT;
}

static void set_number(struct parser *p, struct ms_bytes key, struct ms_bytes value)
{
	uint64_t number;
	bool ok = ms_bytes_dec(&value, &number);
	if (ms_bytes_is(key, "THPeligible")) {
		if (ok && number <= 1)
			p->entry->thp_eligible = (int8_t)number;
		else
			p->odd_lines++;
		return;
	}
	unsigned field = find_field(p, key);
	if (field == MS_SMAPS_FIELD_COUNT)
		return; // every kernel adds some
	if (!ok || !ms_bytes_is(value, " kB") || !ms_mul(number, 1024, &number)) {
		p->odd_lines++;
		return;
	}
	p->entry->bytes[field] = number;
	p->entry->known |= UINT32_C(1) << field;
	p->next_field = field + 1;
}

static struct ms_error *parse_line(struct parser *p, struct ms_bytes line)
{
	struct ms_range range;
	if (parse_header(line, &range))
		return begin_entry(p, range);

	const uint8_t *colon = line.n ? memchr(line.p, ':', line.n) : NULL;
	if (!colon || !p->entry) {
		p->odd_lines++;
		return NULL;
	}
	size_t n = (size_t)(colon - line.p);
	struct ms_bytes key = ms_bytes_sub(line, 0, n);
	struct ms_bytes value = ms_bytes_sub(line, n + 1, SIZE_MAX);
	ms_bytes_skip_blank(&value);
	if (ms_bytes_is(key, "VmFlags"))
		return set_flags(p, value);
	set_number(p, key, value);
	return NULL;
}

static struct ms_error *parse_text(struct parser *p, struct ms_bytes text)
{
	struct ms_bytes line;
	while (ms_bytes_line(&text, &line)) {
		struct ms_error *err = parse_line(p, line);
		if (err)
			return err;
	}
	return NULL;
}

struct ms_error *ms_smaps_parse(
	struct ms_bytes text, struct ms_arena *arena, struct ms_smaps *ret)
{
	_cleanup_(cleanup_parser) struct parser p = { .arena = arena };
	struct ms_error *err = parse_text(&p, text);
	if (err)
		return err;

	struct ms_smaps smaps = { .n = p.entries.n, .odd_lines = p.odd_lines };
	smaps.v = ms_new(arena, struct ms_smaps_entry, smaps.n);
	if (!smaps.v && smaps.n)
		return &ms_error_nomem;
	if (smaps.n)
		memcpy(smaps.v, p.entries.v, smaps.n * sizeof(*smaps.v));
	*ret = smaps;
	return NULL;
}

const struct ms_smaps_entry *ms_smaps_find(
	const struct ms_smaps *smaps, struct ms_range range)
{
	size_t low = 0, high = smaps->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct ms_smaps_entry *entry = &smaps->v[middle];
		if (entry->range.start == range.start)
			return entry->range.end == range.end ? entry : NULL;
		if (entry->range.start < range.start)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

bool ms_smaps_has_flag(const struct ms_smaps_entry *entry, const char *flag)
{
	struct ms_bytes rest = entry->flags, word;
	while (ms_bytes_word(&rest, &word))
		if (ms_bytes_is(word, flag))
			return true;
	return false;
}
