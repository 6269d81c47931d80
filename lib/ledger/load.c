// Reading a saved ledger: see json.h. What is missing but not required is empty; what has
// the wrong type is an error, since a half-understood ledger would mislead.

#include <string.h>
#include <time.h>

#include "ledger/json.h"

enum {
	ROWS_MAX = 4 << 20,
	NAME_MAX_BYTES = 64 << 10
};

struct loader {
	struct ms_ledger *ledger;
	const char *name;
	struct ms_error *err; // the first; later calls then do nothing
};

static void fail(struct loader *l, const char *key)
{
	if (!l->err)
		l->err = ms_error_format(0,
			"'%s' is no ledger: '%s' is missing or makes no sense", l->name,
			key);
}

static void fail_memory(struct loader *l)
{
	if (!l->err)
		l->err = &ms_error_nomem;
}

static uint64_t get_size(struct loader *l, const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);
	if (!value || json_is_null(value))
		return 0;
	if (!json_is_integer(value) || json_integer_value(value) < 0) {
		fail(l, key);
		return 0;
	}
	return (uint64_t)json_integer_value(value);
}

static struct ms_bytes keep(struct loader *l, const char *p, size_t n)
{
	const char *copy = ms_arena_copy(
		&l->ledger->arena, (struct ms_bytes){ (const uint8_t *)p, n });
	if (!copy)
		fail_memory(l);
	return (struct ms_bytes){ (const uint8_t *)copy, copy ? n : 0 };
}

static struct ms_bytes from_hex(struct loader *l, const json_t *hex)
{
	size_t n = json_string_length(hex) / 2;
	const char *digits = json_string_value(hex);
	uint8_t *bytes = ms_arena_alloc(&l->ledger->arena, n + 1);
	if (!bytes) {
		fail_memory(l);
		return (struct ms_bytes){ 0 };
	}
	for (size_t i = 0; i < n; i++) {
		struct ms_bytes pair = { (const uint8_t *)digits + 2 * i, 2 };
		uint64_t value;
		if (!ms_bytes_hex(&pair, &value) || pair.n) {
			fail(l, "hex");
			return (struct ms_bytes){ 0 };
		}
		bytes[i] = (uint8_t)value;
	}
	return (struct ms_bytes){ bytes, n };
}

static struct ms_bytes as_bytes(struct loader *l, const json_t *value, const char *key)
{
	const json_t *hex = json_object_get(value, "hex");
	if (!value || json_is_null(value))
		return (struct ms_bytes){ 0 };
	if (json_is_string(hex))
		return from_hex(l, hex);
	if (json_is_string(value) && json_string_length(value) <= NAME_MAX_BYTES)
		return keep(l, json_string_value(value), json_string_length(value));
	fail(l, key);
	return (struct ms_bytes){ 0 };
}

static struct ms_bytes get_bytes(struct loader *l, const json_t *object, const char *key)
{
	return as_bytes(l, json_object_get(object, key), key);
}

// A string without NUL; required. Owner ids end up in tables as ours: their alphabet is
// checked too.
static const char *get_id(struct loader *l, const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);
	const char *text = json_is_string(value) ? json_string_value(value) : "";
	size_t n = strlen(text);
	if (!n || n != json_string_length(value) || n >= MS_OWNER_TEXT ||
		strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789._-") != n) {
		fail(l, key);
		return "unexplained";
	}
	const char *copy = (const char *)keep(l, text, n).p;
	return copy ? copy : "unexplained";
}

static uint64_t get_address(struct loader *l, const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);
	uint64_t address = 0;
	if (!value || json_is_null(value))
		return 0;
	struct ms_bytes text =
		ms_bytes_of(json_is_string(value) ? json_string_value(value) : "");
	if (!ms_bytes_eat(&text, '0') || !ms_bytes_eat(&text, 'x') ||
		!ms_bytes_hex(&text, &address) || text.n)
		fail(l, key);
	return address;
}

static struct ms_range get_range(
	struct loader *l, const json_t *object, const char *start, const char *end)
{
	struct ms_range range = { get_address(l, object, start),
		get_address(l, object, end) };
	if (range.start > range.end)
		fail(l, end);
	return range;
}

// An array member and n zeroed records for it; NULL for none.
static const json_t *get_array(struct loader *l, const json_t *object, const char *key,
	size_t size, void **ret, size_t *ret_n)
{
	const json_t *array = json_object_get(object, key);
	*ret_n = 0;
	if (!array || json_is_null(array) || l->err)
		return NULL;
	size_t n = json_array_size(array);
	if (!json_is_array(array)) {
		fail(l, key);
		return NULL;
	}
	if (n > ROWS_MAX && !l->err)
		l->err = ms_error_new(MS_ERROR_LIMIT,
			"'%s' has more than %d rows in '%s'", l->name, ROWS_MAX, key);
	if (l->err || !n)
		return NULL;
	*ret = ms_arena_array(&l->ledger->arena, n, size);
	if (!*ret) {
		fail_memory(l);
		return NULL;
	}
	*ret_n = n;
	return array;
}

#define GET_ARRAY(l, object, key, v, n)                                                  \
	get_array((l), (object), (key), sizeof(**(v)), (void **)(v), (n))

static void load_evidence(struct loader *l, const json_t *object, const char *key,
	struct ms_evidence **ret, size_t *ret_n)
{
	const json_t *array = GET_ARRAY(l, object, key, ret, ret_n);
	for (size_t i = 0; array && i < *ret_n; i++) {
		const json_t *line = json_array_get(array, i);
		(*ret)[i] = (struct ms_evidence){ .reader = get_bytes(l, line, "reader"),
			.what = get_bytes(l, line, "what"),
			.count = get_size(l, line, "count"),
			.bytes = get_size(l, line, "bytes") };
	}
}

// True if there is one.
static bool get_grade(struct loader *l, const json_t *object, enum ms_grade *ret)
{
	const json_t *value = json_object_get(object, "grade");
	if (!value || json_is_null(value))
		return false;
	for (unsigned grade = MS_GRADE_CONTENT; grade <= MS_GRADE_EXACT; grade++) {
		if (!json_is_string(value) ||
			strcmp(json_string_value(value),
				ms_grade_name((enum ms_grade)grade)))
			continue;
		*ret = (enum ms_grade)grade;
		return true;
	}
	fail(l, "grade");
	return false;
}

static void load_uses(struct loader *l, const json_t *object, struct ms_ledger_row *row)
{
	const json_t *array =
		GET_ARRAY(l, object, "last_used_by", &row->last_uses, &row->last_use_n);
	for (size_t i = 0; array && i < row->last_use_n; i++) {
		const json_t *line = json_array_get(array, i);
		row->last_uses[i] =
			(struct ms_last_use){ .owner = get_id(l, line, "owner"),
				.bytes = get_size(l, line, "bytes"),
				.count = get_size(l, line, "count") };
	}
}

static void load_items(struct loader *l, const json_t *object, struct ms_ledger_row *row)
{
	const json_t *detail = json_object_get(object, "detail");
	const json_t *array = GET_ARRAY(l, detail, "items", &row->items, &row->item_n);
	row->item_total = get_size(l, detail, "items_total");
	for (size_t i = 0; array && i < row->item_n; i++) {
		const json_t *line = json_array_get(array, i);
		row->items[i] = (struct ms_item){ .name = get_bytes(l, line, "name"),
			.range = get_range(l, line, "start", "end"),
			.parts = get_size(l, line, "parts"),
			.resident = get_size(l, line, "resident_bytes") };
	}
}

static void load_rows(struct loader *l, const json_t *document)
{
	struct ms_ledger *ledger = l->ledger;
	const json_t *array =
		GET_ARRAY(l, document, "owners", &ledger->rows, &ledger->row_n);
	if (!array)
		fail(l, "owners"); // `unexplained` is always there
	for (size_t i = 0; array && i < ledger->row_n; i++) {
		const json_t *line = json_array_get(array, i);
		struct ms_ledger_row *row = &ledger->rows[i];
		row->owner = get_id(l, line, "owner");
		row->resident = get_size(l, line, "resident_bytes");
		row->swap = get_size(l, line, "swap_bytes");
		row->count = get_size(l, line, "count");
		row->has_grade = get_grade(l, line, &row->grade);
		load_evidence(l, line, "evidence", &row->evidence, &row->evidence_n);
		load_evidence(
			l, line, "counter_evidence", &row->counter, &row->counter_n);
		load_uses(l, line, row);
		load_items(l, line, row);
	}
}

static void load_outside(struct loader *l, const json_t *document)
{
	struct ms_ledger *ledger = l->ledger;
	const json_t *array =
		GET_ARRAY(l, document, "outside", &ledger->outside, &ledger->outside_n);
	for (size_t i = 0; array && i < ledger->outside_n; i++) {
		const json_t *line = json_array_get(array, i);
		struct ms_outside_row *row = &ledger->outside[i];
		row->owner = get_id(l, line, "owner");
		row->bytes = get_size(l, line, "bytes");
		load_evidence(l, line, "evidence", &row->evidence, &row->evidence_n);
	}
}

static unsigned load_flags(const json_t *line)
{
	static const char letters[] = "rwxs";
	static const unsigned bits[] = { MS_MAPPING_READ, MS_MAPPING_WRITE,
		MS_MAPPING_EXEC, MS_MAPPING_SHARED };
	const char *text = json_string_value(json_object_get(line, "protection"));
	unsigned flags =
		json_is_true(json_object_get(line, "deleted")) ? MS_MAPPING_DELETED : 0;
	for (size_t i = 0; text && i < 4 && text[i]; i++)
		flags |= text[i] == letters[i] ? bits[i] : 0;
	return flags;
}

static void load_mappings(struct loader *l, const json_t *document)
{
	struct ms_ledger *ledger = l->ledger;
	const json_t *array =
		GET_ARRAY(l, document, "mappings", &ledger->mappings, &ledger->mapping_n);
	for (size_t i = 0; array && i < ledger->mapping_n; i++) {
		const json_t *line = json_array_get(array, i);
		struct ms_mapping_row *row = &ledger->mappings[i];
		row->mapping.range = get_range(l, line, "start", "end");
		row->mapping.flags = load_flags(line);
		row->mapping.offset = get_size(l, line, "offset");
		row->mapping.inode = get_size(l, line, "inode");
		row->mapping.name = get_bytes(l, line, "name");
		row->mapping.kind = MS_MAPPING_UNKNOWN;
		row->resident = get_size(l, line, "resident_bytes");
		row->swap = get_size(l, line, "swap_bytes");
		row->owner = get_id(l, line, "owner");
		row->owner_n = (uint32_t)get_size(l, line, "owners");
	}
}

static void load_threads(struct loader *l, const json_t *document)
{
	struct ms_ledger *ledger = l->ledger;
	const json_t *array =
		GET_ARRAY(l, document, "threads", &ledger->threads, &ledger->thread_n);
	for (size_t i = 0; array && i < ledger->thread_n; i++) {
		const json_t *line = json_array_get(array, i);
		ledger->threads[i] = (struct ms_thread_line){ .tid = get_size(
								      l, line, "tid"),
			.name = get_bytes(l, line, "name"),
			.stack = get_range(l, line, "stack_start", "stack_end"),
			.stack_source = get_bytes(l, line, "stack_source"),
			.guard = get_size(l, line, "guard_bytes"),
			.control_block = get_address(l, line, "control_block"),
			.resident = get_size(l, line, "resident_bytes"),
			.minflt = get_size(l, line, "minor_faults"),
			.utime_ticks = get_size(l, line, "user_ticks"),
			.stime_ticks = get_size(l, line, "system_ticks"),
			.has_arena = json_is_integer(json_object_get(line, "arena")),
			.arena = get_size(l, line, "arena"),
			.cached_blocks = get_size(l, line, "cached_blocks"),
			.cached_bytes = get_size(l, line, "cached_bytes") };
	}
}

// Text of ours that a table prints as it is: plain ASCII, or it is none.
static const char *get_text(struct loader *l, const json_t *object, const char *key)
{
	struct ms_bytes text = get_bytes(l, object, key);
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] < ' ' || text.p[i] > '~') {
			fail(l, key);
			return "";
		}
	return text.n ? (const char *)text.p : "";
}

static bool is_id(const char *text)
{
	return *text && strspn(text, "abcdefghijklmnopqrstuvwxyz") == strlen(text);
}

static void load_states(struct loader *l, json_t *object, struct ms_states *ret)
{
	json_t *states = json_object_get(object, "states"), *line;
	const char *key;
	size_t n = json_object_size(states);
	if (n > 64) {
		fail(l, "states");
		return;
	}
	ret->v = n ? ms_new(&l->ledger->arena, struct ms_state_line, n) : NULL;
	if (n && !ret->v) {
		fail_memory(l);
		return;
	}
	json_object_foreach(states, key, line)
	{
		const char *copy = (const char *)keep(l, key, strlen(key)).p;
		if (!is_id(key) || !copy || ret->n >= n) {
			fail(l, "states");
			return;
		}
		ret->v[ret->n++] = (struct ms_state_line){ copy,
			get_size(l, line, "blocks"), get_size(l, line, "bytes") };
	}
}

static void load_allocators(struct loader *l, const json_t *document)
{
	struct ms_heaps *heaps = &l->ledger->heaps;
	const json_t *array = GET_ARRAY(
		l, document, "allocators", &heaps->allocators, &heaps->allocator_n);
	for (size_t i = 0; array && i < heaps->allocator_n; i++) {
		const json_t *line = json_array_get(array, i);
		struct ms_allocator_line *row = &heaps->allocators[i];
		row->allocator = get_id(l, line, "allocator");
		row->layout = get_text(l, line, "layout");
		row->path = get_bytes(l, line, "path");
		row->is_walked = json_is_true(json_object_get(line, "walked"));
		(void)get_grade(l, line, &row->grade);
		row->off = get_size(l, line, "off_bytes");
		row->reason = get_text(l, line, "reason");
	}
}

static void load_arenas(struct loader *l, const json_t *document)
{
	struct ms_heaps *heaps = &l->ledger->heaps;
	const json_t *array =
		GET_ARRAY(l, document, "arenas", &heaps->arenas, &heaps->arena_n);
	for (size_t i = 0; array && i < heaps->arena_n; i++) {
		json_t *line = json_array_get(array, i);
		struct ms_arena_line *row = &heaps->arenas[i];
		row->allocator = get_id(l, line, "allocator");
		row->number = get_size(l, line, "number");
		row->address = get_address(l, line, "address");
		row->is_main = json_is_true(json_object_get(line, "main"));
		row->is_mmapped = json_is_true(json_object_get(line, "mmapped"));
		row->is_locked = json_is_true(json_object_get(line, "locked"));
		row->threads = get_size(l, line, "threads");
		row->system = get_size(l, line, "system_bytes");
		row->peak = get_size(l, line, "peak_bytes");
		row->resident = get_size(l, line, "resident_bytes");
		row->reclaimable = get_size(l, line, "reclaimable_bytes");
		row->pinned = get_size(l, line, "pinned_bytes");
		row->off = get_size(l, line, "off_bytes");
		row->picture = get_text(l, line, "picture");
		load_states(l, line, &row->states);
	}
}

static void load_sizes(struct loader *l, const json_t *document)
{
	struct ms_heaps *heaps = &l->ledger->heaps;
	const json_t *array =
		GET_ARRAY(l, document, "size_classes", &heaps->sizes, &heaps->size_n);
	for (size_t i = 0; array && i < heaps->size_n; i++) {
		json_t *line = json_array_get(array, i);
		heaps->sizes[i].allocator = get_id(l, line, "allocator");
		heaps->sizes[i].size = get_size(l, line, "size_bytes");
		load_states(l, line, &heaps->sizes[i].states);
	}
}

static void load_ended(struct loader *l, const json_t *document)
{
	const json_t *ended = json_object_get(document, "ended_stacks");
	l->ledger->ended = (struct ms_ended_stacks){
		.count = get_size(l, ended, "count"),
		.bytes = get_size(l, ended, "bytes"),
		.resident = get_size(l, ended, "resident_bytes"),
		.unjoined = get_size(l, ended, "unjoined"),
	};
}

static void load_conflicts(struct loader *l, const json_t *document)
{
	struct ms_ledger *ledger = l->ledger;
	const json_t *array = GET_ARRAY(
		l, document, "conflicts", &ledger->conflicts, &ledger->conflict_n);
	for (size_t i = 0; array && i < ledger->conflict_n; i++) {
		const json_t *line = json_array_get(array, i);
		ledger->conflicts[i] =
			(struct ms_conflict){ .range = get_range(l, line, "start", "end"),
				.owner = get_id(l, line, "owner"),
				.rival = get_id(l, line, "rival") };
	}
}

static void load_notes(struct loader *l, const json_t *document)
{
	struct ms_ledger *ledger = l->ledger;
	const json_t *array =
		GET_ARRAY(l, document, "notes", &ledger->notes, &ledger->note_n);
	for (size_t i = 0; array && i < ledger->note_n; i++) {
		struct ms_bytes note = as_bytes(l, json_array_get(array, i), "notes");
		ledger->notes[i] = note.p ? (const char *)note.p : "";
	}
}

static struct ms_bytes load_command(struct loader *l, const json_t *target)
{
	const json_t *array = json_object_get(target, "command");
	struct ms_buffer joined = { 0 };
	for (size_t i = 0; !l->err && i < json_array_size(array); i++) {
		struct ms_bytes arg = as_bytes(l, json_array_get(array, i), "command");
		if (!l->err && arg.n)
			l->err = ms_buffer_add(&joined, arg.p, arg.n);
		if (!l->err)
			l->err = ms_buffer_add(&joined, "", 1);
	}
	struct ms_bytes command = keep(l, (const char *)joined.p, joined.n);
	ms_buffer_deinit(&joined);
	return command;
}

static uint64_t load_time(const json_t *target)
{
	struct tm tm = { 0 };
	const char *text = json_string_value(json_object_get(target, "taken"));
	const char *end = text ? strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm) : NULL;
	time_t seconds = end && !*end ? timegm(&tm) : 0;
	return seconds > 0 ? (uint64_t)seconds * 1000000000u : 0;
}

static void load_target(struct loader *l, const json_t *document)
{
	const json_t *target = json_object_get(document, "target");
	if (!json_is_object(target))
		fail(l, "target");
	l->ledger->target = (struct ms_ledger_target){
		.kind = get_id(l, target, "kind"),
		.pid = get_size(l, target, "pid"),
		.comm = get_bytes(l, target, "comm"),
		.command = load_command(l, target),
		.taken_ns = load_time(target),
		.is_stopped = json_is_true(json_object_get(target, "stopped")),
	};
}

static void load_sums(struct loader *l, const json_t *document)
{
	struct ms_ledger *ledger = l->ledger;
	if (!json_is_integer(json_object_get(document, "rss_bytes")))
		fail(l, "rss_bytes");
	ledger->rss = get_size(l, document, "rss_bytes");
	ledger->has_rss_smaps =
		json_is_integer(json_object_get(document, "rss_smaps_bytes"));
	ledger->rss_smaps = get_size(l, document, "rss_smaps_bytes");
	ledger->conflict_total = get_size(l, document, "conflict_count");
	ledger->clipped = get_size(l, document, "clipped_count");
	ledger->unexplained = get_size(l, document, "unexplained_bytes");
	ledger->unknown = get_size(l, document, "unknown_bytes");
}

static void load_document(struct loader *l, const json_t *document)
{
	const char *schema = json_string_value(json_object_get(document, "schema"));
	if (!schema || strcmp(schema, "memsleuth/ledger/1"))
		fail(l, "schema");
	load_target(l, document);
	load_sums(l, document);
	load_rows(l, document);
	load_outside(l, document);
	load_mappings(l, document);
	load_threads(l, document);
	load_ended(l, document);
	load_allocators(l, document);
	load_arenas(l, document);
	load_sizes(l, document);
	load_conflicts(l, document);
	load_notes(l, document);
}

struct ms_error *ms_ledger_load(
	struct ms_bytes text, const char *name, struct ms_ledger **ret)
{
	json_error_t why;
	_cleanup_ledger_ struct ms_ledger *ledger = calloc(1, sizeof(*ledger));
	if (!ledger)
		return &ms_error_nomem;
	ms_arena_init(&ledger->arena);
	json_t *document = json_loadb((const char *)text.p, text.n,
		JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &why);
	if (!document)
		return ms_error_format((uint64_t)(why.position < 0 ? 0 : why.position),
			"'%s' is no JSON, line %d: %s", name, why.line, why.text);
	struct loader l = { .ledger = ledger, .name = name };
	load_document(&l, document);
	json_decref(document);
	if (!l.err)
		*ret = ms_steal(ledger);
	return l.err;
}
