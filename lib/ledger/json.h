/**
 * The ledger as JSON, out and in: schema "memsleuth/ledger/1".
 *
 * Addresses are "0x…" strings, sizes integers in bytes, bytes that are not UTF-8
 * {"hex": "…"}. Keys are only ever added; a reader skips those it does not know.
 */
#pragma once

#include <jansson.h>

#include "ledger/ledger.h"

/** Make the document; release it with json_decref(). Errors: NOMEM. */
struct ms_error *ms_ledger_to_json(
	const struct ms_ledger *ledger, json_t **ret) MS_MUST_CHECK;

/**
 * Read a saved document.
 *
 * @param name  for messages
 * Errors: FORMAT (not JSON, another schema, a required key missing or of the wrong type),
 *         LIMIT (more than 4 million rows), NOMEM.
 */
struct ms_error *ms_ledger_load(
	struct ms_bytes text, const char *name, struct ms_ledger **ret) MS_MUST_CHECK;
