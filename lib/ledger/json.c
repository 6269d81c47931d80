// The ledger as a jansson document: see json.h.

#include "ledger/json.h"

#include <string.h>
#include <time.h>

// A failed allocation anywhere leaves NULL, which json_object_set_new refuses; `ok` keeps
// it.
static void put(json_t *object, const char *key, json_t *value, bool *ok)
{
	if (json_object_set_new(object, key, value))
		*ok = false;
}

static void append(json_t *array, json_t *value, bool *ok)
{
	if (json_array_append_new(array, value))
		*ok = false;
}

static json_t *from_size(uint64_t n)
{
	return json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n);
}

static json_t *from_address(uint64_t address)
{
	char text[24];
	(void)snprintf(text, sizeof(text), "0x%llx", (unsigned long long)address);
	return json_string(text);
}

static json_t *from_bytes(struct ms_bytes bytes)
{
	json_t *text = json_stringn(bytes.n ? (const char *)bytes.p : "", bytes.n);
	if (text)
		return text; // valid UTF-8
	_cleanup_free_ char *hex = malloc(2 * bytes.n + 1);
	if (!hex)
		return NULL;
	for (size_t i = 0; i < bytes.n; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", bytes.p[i]);
	return json_pack("{s:s#}", "hex", hex, (int)(2 * bytes.n));
}

static json_t *from_command(struct ms_bytes command, bool *ok)
{
	json_t *array = json_array();
	while (command.n) {
		const uint8_t *end = memchr(command.p, '\0', command.n);
		size_t n = end ? (size_t)(end - command.p) : command.n;
		append(array, from_bytes((struct ms_bytes){ command.p, n }), ok);
		command = ms_bytes_sub(command, n + (end != NULL), command.n);
	}
	return array;
}

static json_t *from_time(uint64_t ns)
{
	char text[40];
	struct tm tm;
	time_t seconds = (time_t)(ns / 1000000000u);
	if (!ns || !gmtime_r(&seconds, &tm) ||
		!strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		return json_null();
	return json_string(text);
}

static json_t *from_target(const struct ms_ledger_target *target, bool *ok)
{
	json_t *object = json_object();
	put(object, "kind", json_string(target->kind), ok);
	put(object, "pid", target->pid ? from_size(target->pid) : json_null(), ok);
	put(object, "comm", from_bytes(target->comm), ok);
	put(object, "command", from_command(target->command, ok), ok);
	put(object, "taken", from_time(target->taken_ns), ok);
	put(object, "stopped", json_boolean(target->is_stopped), ok);
	return object;
}

static json_t *from_evidence(const struct ms_evidence *v, size_t n, bool *ok)
{
	json_t *array = json_array();
	for (size_t i = 0; i < n; i++) {
		json_t *object = json_object();
		put(object, "reader", from_bytes(v[i].reader), ok);
		put(object, "what", from_bytes(v[i].what), ok);
		put(object, "count", from_size(v[i].count), ok);
		put(object, "bytes", from_size(v[i].bytes), ok);
		append(array, object, ok);
	}
	return array;
}

static json_t *from_uses(const struct ms_ledger_row *row, bool *ok)
{
	json_t *array = json_array();
	for (size_t i = 0; i < row->last_use_n; i++) {
		json_t *object = json_object();
		put(object, "owner", json_string(row->last_uses[i].owner), ok);
		put(object, "bytes", from_size(row->last_uses[i].bytes), ok);
		put(object, "count", from_size(row->last_uses[i].count), ok);
		append(array, object, ok);
	}
	return array;
}

static json_t *from_detail(const struct ms_ledger_row *row, bool *ok)
{
	json_t *detail = json_object();
	if (!row->item_n)
		return detail;
	json_t *array = json_array();
	for (size_t i = 0; i < row->item_n; i++) {
		json_t *object = json_object();
		put(object, "name", from_bytes(row->items[i].name), ok);
		put(object, "start", from_address(row->items[i].range.start), ok);
		put(object, "end", from_address(row->items[i].range.end), ok);
		put(object, "parts", from_size(row->items[i].parts), ok);
		put(object, "resident_bytes", from_size(row->items[i].resident), ok);
		append(array, object, ok);
	}
	put(detail, "items", array, ok);
	put(detail, "items_total", from_size(row->item_total), ok);
	return detail;
}

static json_t *from_row(const struct ms_ledger_row *row, bool *ok)
{
	const struct ms_owner *owner = ms_owner_find(row->owner);
	json_t *object = json_object();
	put(object, "owner", json_string(row->owner), ok);
	put(object, "resident_bytes", from_size(row->resident), ok);
	put(object, "swap_bytes", from_size(row->swap), ok);
	put(object, "count", from_size(row->count), ok);
	put(object, "grade",
		row->has_grade ? json_string(ms_grade_name(row->grade)) : json_null(),
		ok);
	put(object, "evidence", from_evidence(row->evidence, row->evidence_n, ok), ok);
	put(object, "counter_evidence", from_evidence(row->counter, row->counter_n, ok),
		ok);
	put(object, "last_used_by", from_uses(row, ok), ok);
	put(object, "detail", from_detail(row, ok), ok);
	put(object, "next", owner ? json_string(owner->next) : json_null(), ok);
	return object;
}

static json_t *from_outside(const struct ms_outside_row *row, bool *ok)
{
	json_t *object = json_object();
	put(object, "owner", json_string(row->owner), ok);
	put(object, "bytes", from_size(row->bytes), ok);
	put(object, "evidence", from_evidence(row->evidence, row->evidence_n, ok), ok);
	return object;
}

static json_t *from_mapping(const struct ms_mapping_row *row, bool *ok)
{
	char text[5];
	json_t *object = json_object();
	put(object, "start", from_address(row->mapping.range.start), ok);
	put(object, "end", from_address(row->mapping.range.end), ok);
	put(object, "protection", json_string(ms_mapping_prot_text(&row->mapping, text)),
		ok);
	put(object, "offset", from_size(row->mapping.offset), ok);
	put(object, "inode", from_size(row->mapping.inode), ok);
	put(object, "name", from_bytes(row->mapping.name), ok);
	put(object, "deleted", json_boolean(row->mapping.flags & MS_MAPPING_DELETED), ok);
	put(object, "resident_bytes", from_size(row->resident), ok);
	put(object, "swap_bytes", from_size(row->swap), ok);
	put(object, "owner", json_string(row->owner), ok);
	put(object, "owners", from_size(row->owner_n), ok);
	return object;
}

static json_t *from_conflict(const struct ms_conflict *conflict, bool *ok)
{
	json_t *object = json_object();
	put(object, "start", from_address(conflict->range.start), ok);
	put(object, "end", from_address(conflict->range.end), ok);
	put(object, "owner", json_string(conflict->owner), ok);
	put(object, "rival", json_string(conflict->rival), ok);
	return object;
}

static json_t *from_thread(const struct ms_thread_line *line, bool *ok)
{
	bool has_stack = ms_range_size(line->stack);
	json_t *object = json_object();
	put(object, "tid", from_size(line->tid), ok);
	put(object, "name", from_bytes(line->name), ok);
	put(object, "stack_start",
		has_stack ? from_address(line->stack.start) : json_null(), ok);
	put(object, "stack_end", has_stack ? from_address(line->stack.end) : json_null(),
		ok);
	put(object, "stack_source",
		line->stack_source.n ? from_bytes(line->stack_source) : json_null(), ok);
	put(object, "guard_bytes", has_stack ? from_size(line->guard) : json_null(), ok);
	put(object, "control_block",
		line->control_block ? from_address(line->control_block) : json_null(),
		ok);
	put(object, "resident_bytes", from_size(line->resident), ok);
	put(object, "minor_faults", from_size(line->minflt), ok);
	put(object, "user_ticks", from_size(line->utime_ticks), ok);
	put(object, "system_ticks", from_size(line->stime_ticks), ok);
	put(object, "arena", line->has_arena ? from_size(line->arena) : json_null(), ok);
	put(object, "cached_blocks", from_size(line->cached_blocks), ok);
	put(object, "cached_bytes", from_size(line->cached_bytes), ok);
	return object;
}

static json_t *from_states(const struct ms_states *states, bool *ok)
{
	json_t *object = json_object();
	for (size_t i = 0; i < states->n; i++) {
		json_t *line = json_object();
		put(line, "blocks", from_size(states->v[i].blocks), ok);
		put(line, "bytes", from_size(states->v[i].bytes), ok);
		put(object, states->v[i].state, line, ok);
	}
	return object;
}

static json_t *from_allocator(const struct ms_allocator_line *line, bool *ok)
{
	json_t *object = json_object();
	put(object, "allocator", json_string(line->allocator), ok);
	put(object, "layout", json_string(line->layout), ok);
	put(object, "path", from_bytes(line->path), ok);
	put(object, "walked", json_boolean(line->is_walked), ok);
	put(object, "grade", json_string(ms_grade_name(line->grade)), ok);
	put(object, "off_bytes", from_size(line->off), ok);
	put(object, "reason", json_string(line->reason), ok);
	return object;
}

static json_t *from_arena(const struct ms_arena_line *line, bool *ok)
{
	json_t *object = json_object();
	put(object, "allocator", json_string(line->allocator), ok);
	put(object, "number", from_size(line->number), ok);
	put(object, "address", from_address(line->address), ok);
	put(object, "main", json_boolean(line->is_main), ok);
	put(object, "mmapped", json_boolean(line->is_mmapped), ok);
	put(object, "locked", json_boolean(line->is_locked), ok);
	put(object, "threads", from_size(line->threads), ok);
	put(object, "system_bytes", from_size(line->system), ok);
	put(object, "peak_bytes", from_size(line->peak), ok);
	put(object, "resident_bytes", from_size(line->resident), ok);
	put(object, "reclaimable_bytes", from_size(line->reclaimable), ok);
	put(object, "pinned_bytes", from_size(line->pinned), ok);
	put(object, "off_bytes", from_size(line->off), ok);
	put(object, "states", from_states(&line->states, ok), ok);
	put(object, "picture", json_string(line->picture), ok);
	return object;
}

static json_t *from_class(const struct ms_size_line *line, bool *ok)
{
	json_t *object = json_object();
	put(object, "allocator", json_string(line->allocator), ok);
	put(object, "size_bytes", from_size(line->size), ok);
	put(object, "states", from_states(&line->states, ok), ok);
	return object;
}

static json_t *from_ended(const struct ms_ended_stacks *ended, bool *ok)
{
	json_t *object = json_object();
	put(object, "count", from_size(ended->count), ok);
	put(object, "bytes", from_size(ended->bytes), ok);
	put(object, "resident_bytes", from_size(ended->resident), ok);
	put(object, "unjoined", from_size(ended->unjoined), ok);
	return object;
}

#define FROM_ARRAY(v, n, from)                                                           \
	__extension__({                                                                  \
		json_t *array_ = json_array();                                           \
		for (size_t i_ = 0; i_ < (n); i_++)                                      \
			append(array_, from(&(v)[i_], ok), ok);                          \
		array_;                                                                  \
	})

static void put_sums(json_t *document, const struct ms_ledger *ledger, bool *ok)
{
	put(document, "rss_bytes", from_size(ledger->rss), ok);
	put(document, "rss_smaps_bytes",
		ledger->has_rss_smaps ? from_size(ledger->rss_smaps) : json_null(), ok);
	put(document, "balance_bytes",
		ledger->has_rss_smaps
			? json_integer((json_int_t)(ledger->rss - ledger->rss_smaps))
			: json_null(),
		ok);
}

static void put_rows(json_t *document, const struct ms_ledger *ledger, bool *ok)
{
	json_t *notes = json_array();
	for (size_t i = 0; i < ledger->note_n; i++)
		append(notes, from_bytes(ms_bytes_of(ledger->notes[i])), ok);
	put(document, "owners", FROM_ARRAY(ledger->rows, ledger->row_n, from_row), ok);
	put(document, "outside",
		FROM_ARRAY(ledger->outside, ledger->outside_n, from_outside), ok);
	put(document, "mappings",
		FROM_ARRAY(ledger->mappings, ledger->mapping_n, from_mapping), ok);
	put(document, "allocators",
		FROM_ARRAY(ledger->heaps.allocators, ledger->heaps.allocator_n,
			from_allocator),
		ok);
	put(document, "arenas",
		FROM_ARRAY(ledger->heaps.arenas, ledger->heaps.arena_n, from_arena), ok);
	put(document, "size_classes",
		FROM_ARRAY(ledger->heaps.sizes, ledger->heaps.size_n, from_class), ok);
	put(document, "threads",
		FROM_ARRAY(ledger->threads, ledger->thread_n, from_thread), ok);
	put(document, "ended_stacks", from_ended(&ledger->ended, ok), ok);
	put(document, "libraries", json_array(), ok);
	put(document, "conflicts",
		FROM_ARRAY(ledger->conflicts, ledger->conflict_n, from_conflict), ok);
	put(document, "conflict_count", from_size(ledger->conflict_total), ok);
	put(document, "clipped_count", from_size(ledger->clipped), ok);
	put(document, "unexplained_bytes", from_size(ledger->unexplained), ok);
	put(document, "unknown_bytes", from_size(ledger->unknown), ok);
	put(document, "notes", notes, ok);
}

struct ms_error *ms_ledger_to_json(const struct ms_ledger *ledger, json_t **ret)
{
	bool ok = true;
	json_t *document = json_object();
	if (!document)
		return &ms_error_nomem;
	put(document, "schema", json_string("memsleuth/ledger/1"), &ok);
	put(document, "target", from_target(&ledger->target, &ok), &ok);
	put_sums(document, ledger, &ok);
	put_rows(document, ledger, &ok);
	if (!ok) {
		json_decref(document);
		return &ms_error_nomem;
	}
	*ret = document;
	return NULL;
}
