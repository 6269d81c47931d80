// The JVM's own logs of events: see events.h.
//
// An EventLog begins with its vtable and the next one in the list; then comes a mutex,
// whose size differs; then
//
//     name, [handle,] length (4), index (4), count (4), records (8)
//
// and each record is time (double), thread, and a text: a pointer to its bytes, which come
// right behind it. Records that were not used yet have that pointer, too.

#include "hotspot/events.h"

#include <math.h>
#include <string.h>

#include "hotspot/variables.h"

enum {
	LOGS_MAX = 64,
	RECORDS_MAX = 4096, // of one log; LogEventsBufferEntries is at most 2 K
	HEAD_BYTES = 640,   // of a log: where its numbers are looked for
	NEXT_AT = 8,
	HEAD_AT = 16,       // the first thing behind that
	NUMBERS_BYTES = 24, // length, index, count, a gap, records
	RECORD_HEAD = 24,   // time, thread, pointer to the text
	POINTER_AT = 16,
	STRIDE_MAX = 8 << 10, // bytes of a record
};

#define SECONDS_MAX 1e9

struct log {
	uint64_t address;
	const char *name, *handle;
	uint32_t length, index, count;
	uint64_t records, stride;
};

// --- finding a log --------------------------------------------------------------------

static bool is_record(const struct ms_vm *vm, uint64_t record)
{
	uint64_t text;
	return ms_vm_read(vm, record + POINTER_AT, 8, &text) &&
	       text == record + RECORD_HEAD;
}

static bool find_stride(const struct ms_vm *vm, struct log *log)
{
	for (uint64_t stride = RECORD_HEAD + 8; stride <= STRIDE_MAX; stride += 8) {
		if (!is_record(vm, log->records + stride))
			continue;
		log->stride = stride;
		break;
	}
	for (uint32_t i = 0; log->stride && i < log->length; i++)
		if (!is_record(vm, log->records + i * log->stride))
			return false;
	return log->stride != 0;
}

// Texts of the library's own: names are constants.
static const char *constant_text(struct ms_vm *vm, uint64_t address)
{
	return ms_range_has(vm->library, address) ? ms_vm_name(vm, address) : NULL;
}

static bool numbers_fit(const struct log *log)
{
	bool is_full = log->count == log->length;
	return log->length > 1 && log->length <= RECORDS_MAX &&
	       log->count <= log->length &&
	       (is_full ? log->index < log->length : log->index == log->count);
}

static bool parse_numbers(
	struct ms_vm *vm, const uint8_t *head, size_t at, struct log *log)
{
	log->length = ms_get_u32(head + at);
	log->index = ms_get_u32(head + at + 4);
	log->count = ms_get_u32(head + at + 8);
	log->records = ms_get_u64(head + at + 16);
	uint64_t last = ms_get_u64(head + at - 8), first = ms_get_u64(head + at - 16);
	log->stride = 0;
	if (!numbers_fit(log) || log->records % 8 || !is_record(vm, log->records))
		return false;
	log->name = constant_text(vm, last);
	log->handle = NULL;
	const char *name = at >= HEAD_AT + 16 ? constant_text(vm, first) : NULL;
	if (name && log->name) { // a handle follows the name, since JDK 13
		log->handle = log->name;
		log->name = name;
	}
	return log->name && find_stride(vm, log);
}

static bool read_log(struct ms_vm *vm, uint64_t address, struct log *ret)
{
	uint8_t head[HEAD_BYTES];
	struct log log = { .address = address };
	if (!ms_vm_is_writable(vm, address, sizeof(head)) ||
		!ms_peek_bytes(vm->peek, address, head, sizeof(head)) ||
		!ms_range_has(vm->library, ms_get_u64(head)))
		return false;
	for (size_t at = HEAD_AT + 8; at + NUMBERS_BYTES <= sizeof(head); at += 8) {
		if (!parse_numbers(vm, head, at, &log))
			continue;
		*ret = log;
		return true;
	}
	return false;
}

// --- finding the list -----------------------------------------------------------------

struct list {
	struct ms_vm *vm;
	struct log v[LOGS_MAX];
	size_t n;
};

static bool has_log(const struct list *list, uint64_t address)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->v[i].address == address)
			return true;
	return false;
}

static void walk_list(struct ms_vm *vm, uint64_t head, struct list *ret)
{
	*ret = (struct list){ .vm = vm };
	for (uint64_t at = head; at && ret->n < LOGS_MAX && !has_log(ret, at);) {
		if (!read_log(vm, at, &ret->v[ret->n]))
			return;
		ret->n++;
		if (!ms_vm_read(vm, at + NEXT_AT, 8, &at))
			return;
	}
}

// Many variables lead to a log; the list's head is the one that leads to most.
static bool on_variable(void *arg, uint64_t address, uint64_t word)
{
	struct list *best = arg, list;
	(void)address;
	if (has_log(best, word) || !ms_vm_is_writable(best->vm, word, HEAD_BYTES))
		return false;
	walk_list(best->vm, word, &list);
	if (list.n > best->n)
		*best = list;
	return false;
}

static struct ms_error *find_list(struct ms_vm *vm, struct list *ret)
{
	uint64_t head;
	*ret = (struct list){ .vm = vm };
	if (ms_vm_read(vm, ms_vm_symbol(vm, MS_VM_SYMBOL_EVENT_LOGS), 8, &head))
		walk_list(vm, head, ret);
	return ret->n ? NULL : ms_vm_variables_walk(vm, on_variable, ret);
}

// --- records --------------------------------------------------------------------------

static size_t text_length(const uint8_t *text, size_t n)
{
	const uint8_t *end = memchr(text, 0, n);
	return end ? (size_t)(end - text) : 0; // without its end it is none of theirs
}

static struct ms_error *read_record(
	struct ms_vm *vm, const struct log *log, uint32_t number, struct ms_events *ret)
{
	uint8_t record[STRIDE_MAX];
	double seconds;
	if (!ms_peek_bytes(
		    vm->peek, log->records + number * log->stride, record, log->stride))
		return NULL;
	memcpy(&seconds, record, sizeof(seconds));
	if (!isfinite(seconds) || seconds < 0 || seconds > SECONDS_MAX)
		return NULL;
	const uint8_t *text = record + RECORD_HEAD;
	struct ms_bytes bytes = { text, text_length(text, log->stride - RECORD_HEAD) };
	const char *copy = ms_arena_copy(&vm->arena, bytes);
	struct ms_event *added = copy ? ms_array_push(&ret->v) : NULL;
	if (!added)
		return &ms_error_nomem;
	*added = (struct ms_event){ .log = (uint32_t)ret->logs.n - 1,
		.at_ns = (uint64_t)(seconds * 1e9),
		.thread = ms_get_u64(record + 8),
		.text = { (const uint8_t *)copy, bytes.n } };
	return NULL;
}

static struct ms_error *read_records(
	struct ms_vm *vm, const struct log *log, struct ms_events *ret)
{
	struct ms_event_log *added = ms_array_push(&ret->logs);
	struct ms_error *err = NULL;
	if (!added)
		return &ms_error_nomem;
	*added = (struct ms_event_log){ log->name, log->handle, log->length, log->count };
	uint32_t first = log->count == log->length ? log->index : 0;
	for (uint32_t i = 0; !err && i < log->count; i++)
		err = read_record(vm, log, (first + i) % log->length, ret);
	return err;
}

struct ms_error *ms_events_read(struct ms_vm *vm, struct ms_events *ret)
{
	struct list list;
	*ret = (struct ms_events){ 0 };
	struct ms_error *err = find_list(vm, &list);
	for (size_t i = 0; !err && i < list.n; i++)
		err = read_records(vm, &list.v[i], ret);
	if (err || list.n)
		return err;
	return ms_vm_note(vm, &ret->notes, "the JVM's own logs of events were not found");
}

void ms_events_deinit(struct ms_events *events)
{
	ms_array_deinit(&events->logs);
	ms_array_deinit(&events->v);
	ms_array_deinit(&events->notes);
}
