// Streaming JSON: see json.h. Structure is written here, every value by jansson.

#include "out/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "out/text.h"

// Everything beyond ASCII is escaped, so that no character set and no terminal matters;
// 15 digits are what a double keeps of a decimal, so 98.7 does not
// become 98.700000000000003.
enum {
	DUMP_FLAGS = JSON_ENCODE_ANY | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(15)
};

void ms_json_init(struct ms_json *json, struct ms_out *out, enum ms_json_form form)
{
	*json = (struct ms_json){ .out = out, .form = form };
}

// jansson leaves DEL as it is. It can only stand inside a string, so it is replaced here.
static int dump_chunk(const char *text, size_t n, void *arg)
{
	struct ms_out *out = arg;
	while (n) {
		const char *del = memchr(text, 0x7f, n);
		size_t plain = del ? (size_t)(del - text) : n;
		ms_out_write(out, text, plain);
		if (!del)
			break;
		ms_out_str(out, "\\u007f");
		text += plain + 1;
		n -= plain + 1;
	}
	return 0;
}

static void dump(struct ms_json *json, json_t *value)
{
	if (!value || json_dump_callback(value, dump_chunk, json->out, DUMP_FLAGS) < 0)
		json->is_nomem = true;
	json_decref(value);
}

// Separator, line break and key: what stands before any value.
static void begin_item(struct ms_json *json, const char *key)
{
	if (!json->depth)
		return;
	bool *has_items = &json->open[json->depth - 1].has_items;
	if (*has_items)
		ms_out_char(json->out, ',');
	if (json->form == MS_JSON_DOCUMENT && !json->row_depth) {
		ms_out_char(json->out, '\n');
		ms_out_repeat(json->out, ' ', 2 * (size_t)json->depth);
	} else if (*has_items) {
		ms_out_char(json->out, ' ');
	}
	*has_items = true;
	if (!key)
		return;
	dump(json, json_string(key));
	ms_out_str(json->out, ": ");
}

void ms_json_begin(struct ms_json *json, const char *key, char open)
{
	begin_item(json, key);
	if (json->depth == MS_JSON_DEPTH_MAX)
		abort(); // our own mistake: documents are a few levels deep
	ms_out_char(json->out, open);
	json->open[json->depth].close = open == '{' ? '}' : ']';
	json->open[json->depth].has_items = false;
	json->depth++;
}

void ms_json_begin_row(struct ms_json *json, const char *key, char open)
{
	ms_json_begin(json, key, open);
	if (!json->row_depth)
		json->row_depth = json->depth;
}

void ms_json_end(struct ms_json *json)
{
	bool has_items = json->open[--json->depth].has_items;
	if (has_items && json->form == MS_JSON_DOCUMENT && !json->row_depth) {
		ms_out_char(json->out, '\n');
		ms_out_repeat(json->out, ' ', 2 * (size_t)json->depth);
	}
	ms_out_char(json->out, json->open[json->depth].close);
	if (json->depth < json->row_depth)
		json->row_depth = 0;
	if (!json->depth)
		ms_out_char(json->out, '\n');
}

void ms_json_add(struct ms_json *json, const char *key, json_t *value)
{
	begin_item(json, key);
	dump(json, value);
	if (!json->depth)
		ms_out_char(json->out, '\n');
}

static void add_members(struct ms_json *json, const json_t *tree)
{
	// jansson iterates over what it also could change, so its iterators want no
	// const.
	json_t *object = (json_t *)(uintptr_t)tree, *value;
	const char *key;
	json_object_foreach(object, key, value) ms_json_add_tree(json, key, value);
}

static bool is_flat(const json_t *array)
{
	for (size_t i = 0; i < json_array_size(array); i++) {
		const json_t *value = json_array_get(array, i);
		if (json_is_object(value) || json_is_array(value))
			return false;
	}
	return true;
}

void ms_json_add_tree(struct ms_json *json, const char *key, const json_t *tree)
{
	bool is_array = json_is_array(tree);
	if (!is_array && !json_is_object(tree)) {
		ms_json_add(json, key, json_incref((json_t *)(uintptr_t)tree));
		return;
	}
	bool is_element = json->depth && json->open[json->depth - 1].close == ']';
	if (is_element || (is_array && is_flat(tree)))
		ms_json_begin_row(json, key, is_array ? '[' : '{');
	else
		ms_json_begin(json, key, is_array ? '[' : '{');
	for (size_t i = 0; i < json_array_size(tree); i++)
		ms_json_add_tree(json, NULL, json_array_get(tree, i));
	if (!is_array)
		add_members(json, tree);
	ms_json_end(json);
}

struct ms_error *ms_json_finish(struct ms_json *json)
{
	return json->is_nomem ? &ms_error_nomem : NULL;
}

json_t *ms_json_address(uint64_t address)
{
	char text[32];
	snprintf(text, sizeof(text), "0x%" PRIx64, address);
	return json_string(text);
}

json_t *ms_json_size(uint64_t bytes)
{
	if (bytes <= INT64_MAX)
		return json_integer((json_int_t)bytes);
	char text[32];
	snprintf(text, sizeof(text), "%" PRIu64, bytes);
	return json_string(text);
}

static json_t *hex_object(struct ms_bytes bytes)
{
	static const char digits[] = "0123456789abcdef";
	char *text = malloc(2 * bytes.n + 1);
	if (!text)
		return NULL;
	for (size_t i = 0; i < bytes.n; i++) {
		text[2 * i] = digits[bytes.p[i] >> 4];
		text[2 * i + 1] = digits[bytes.p[i] & 15];
	}
	json_t *object = json_object();
	if (object &&
		json_object_set_new(object, "hex", json_stringn(text, 2 * bytes.n))) {
		json_decref(object);
		object = NULL;
	}
	free(text);
	return object;
}

json_t *ms_json_bytes(struct ms_bytes bytes)
{
	if (!ms_text_is_utf8(bytes))
		return hex_object(bytes);
	return json_stringn_nocheck(bytes.n ? (const char *)bytes.p : "", bytes.n);
}

json_t *ms_json_text(const char *text)
{
	return text ? ms_json_bytes(ms_bytes_of(text)) : json_null();
}

json_t *ms_json_real(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}
