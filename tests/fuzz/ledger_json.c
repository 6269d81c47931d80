// A saved ledger from anyone: what loads is written back and loads again to the same
// text.

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static char *dump(const struct ms_ledger *ledger)
{
	json_t *document = NULL;
	struct ms_error *err = ms_ledger_to_json(ledger, &document);
	require(!err);
	char *text = json_dumps(document, JSON_COMPACT | JSON_ENSURE_ASCII);
	json_decref(document);
	require(text != NULL);
	return text;
}

static void check_row(const struct ms_ledger_row *row)
{
	require(strlen(row->owner) < MS_OWNER_TEXT);
	for (const char *c = row->owner; *c; c++)
		require(*c > ' ' && *c < 0x7f);
	for (size_t i = 0; i < row->item_n; i++)
		require(row->items[i].range.start <= row->items[i].range.end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_ledger_ struct ms_ledger *ledger = NULL;
	_cleanup_ledger_ struct ms_ledger *again = NULL;
	struct ms_error *err =
		ms_ledger_load((struct ms_bytes){ data, size }, "input", &ledger);
	if (err) {
		require(err->message && *err->message);
		ms_error_free(err);
		return 0;
	}
	for (size_t i = 0; i < ledger->row_n; i++)
		check_row(&ledger->rows[i]);
	_cleanup_free_ char *text = dump(ledger);
	err = ms_ledger_load(ms_bytes_of(text), "written", &again);
	require(!err);
	_cleanup_free_ char *text_again = dump(again);
	require(!strcmp(text, text_again));
	return 0;
}
