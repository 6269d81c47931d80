/**
 * JSON, written as it is made: a document of any size needs no memory.
 *
 *     struct ms_json json;
 *     ms_json_init(&json, out, MS_JSON_DOCUMENT);
 *     ms_json_begin(&json, NULL, '{');
 *     ms_json_add(&json, "schema", json_string("memsleuth/ledger/1"));
 *     ms_json_begin(&json, "owners", '[');
 *     for each owner:
 *             ms_json_begin_row(&json, NULL, '{');      // on one line
 *             ms_json_add(&json, "owner", json_string(id));
 *             ms_json_add(&json, "resident_bytes", ms_json_size(bytes));
 *             ms_json_end(&json);
 *     ms_json_end(&json);
 *     ms_json_end(&json);
 *     err = ms_json_finish(&json);
 *
 * Values are jansson's and are taken over. Nothing depends on the locale; all that is
 * not printable ASCII is written as \uXXXX, so a document is safe on any terminal and in
 * any character set. "" is not null. A number that is not finite is null.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "out/sink.h"

enum ms_json_form {
	MS_JSON_NONE,     ///< no JSON was asked for
	MS_JSON_DOCUMENT, ///< one document, indented
	MS_JSON_LINES,    ///< one document per line
};

enum {
	MS_JSON_DEPTH_MAX = 32
};

struct ms_json {
	struct ms_out *out;
	enum ms_json_form form;
	unsigned depth;
	unsigned row_depth; ///< depth at which a row began, 0: none is open
	bool is_nomem;
	struct {
		char close;
		bool has_items;
	} open[MS_JSON_DEPTH_MAX];
};

/** Start a document on a sink, which is borrowed. */
void ms_json_init(struct ms_json *json, struct ms_out *out, enum ms_json_form form);

/**
 * Open an object or array.
 *
 * @param key   member name if an object is open, else NULL
 * @param open  '{' or '['
 */
void ms_json_begin(struct ms_json *json, const char *key, char open);

/** As ms_json_begin, and everything until its end stays on one line. */
void ms_json_begin_row(struct ms_json *json, const char *key, char open);

/** Close what was opened last; at depth 0 the document ends with a newline. */
void ms_json_end(struct ms_json *json);

/**
 * Write one value.
 *
 * @param key    member name if an object is open, else NULL
 * @param value  taken over; NULL means its making failed: NOMEM at ms_json_finish
 */
void ms_json_add(struct ms_json *json, const char *key, json_t *value);

/**
 * Write a whole tree, which stays the caller's: members one below the other, but what is
 * in an array, and an array of plain values, on one line.
 */
void ms_json_add_tree(struct ms_json *json, const char *key, const json_t *tree);

/** Report. Errors: NOMEM. Those of writing stick in the sink. */
struct ms_error *ms_json_finish(struct ms_json *json) MS_MUST_CHECK;

/** "0x7f…": exact for readers that hold numbers as doubles. */
json_t *ms_json_address(uint64_t address);

/** An integer; from 2^63 on, which jansson cannot hold, its digits as a string. */
json_t *ms_json_size(uint64_t bytes);

/** A string, or {"hex": "…"} if the bytes are not UTF-8. */
json_t *ms_json_bytes(struct ms_bytes bytes);

/** A C string of the target's: as ms_json_bytes, and null for NULL. */
json_t *ms_json_text(const char *text);

/** A number; null if it is not finite. */
json_t *ms_json_real(double value);
