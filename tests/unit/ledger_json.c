// The saved ledger: what goes out comes back, and what is no ledger is refused by name.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "ledger/json.h"

enum {
	PAGE = MS_PAGE_SIZE,
	BASE = 0x7f0000000000
};

// A ledger with something in every list, and bytes no terminal should see.
static struct ms_ledger *make_ledger(void)
{
	struct ms_claims *claims;
	struct ms_pages *pages;
	struct ms_ledger *ledger;
	struct ms_mapping mappings[2] = {
		{ .range = { BASE, BASE + 8 * PAGE },
			.name = ms_bytes_of("/a\xff\x1b[31m"),
			.flags = MS_MAPPING_READ | MS_MAPPING_SHARED | MS_MAPPING_DELETED,
			.inode = 5,
			.offset = 4096 },
		{ .range = { BASE + 16 * PAGE, BASE + 17 * PAGE } },
	};
	struct ms_maps maps = { mappings, 2, 0 };
	struct ms_thread_line thread = { .tid = 7,
		.name = ms_bytes_of("t\xc3\xa9"),
		.stack = { BASE, BASE + PAGE },
		.minflt = 3 };
	static const struct ms_kind_row a = { .owner = "java.heap",
		.reader = "test",
		.detail = "one",
		.grade = MS_GRADE_STRUCTURAL,
		.precedence = MS_PRECEDENCE_LIBRARY };
	static const struct ms_kind_row b = { .owner = "malloc.free.glibc",
		.reader = "test",
		.detail = "two",
		.grade = MS_GRADE_STRUCTURAL,
		.state = MS_STATE_FREE,
		.precedence = MS_PRECEDENCE_LIBRARY };
	struct ms_smaps_entry rollup = { .known = 1u << MS_SMAPS_RSS };
	rollup.bytes[MS_SMAPS_RSS] = 10 * PAGE;
	assert_null(ms_claims_new(&claims));
	assert_null(ms_pages_new(&pages));
	assert_null(ms_pages_set(pages, mappings[0].range, MS_PAGE_ANON));
	assert_null(ms_pages_set(pages, mappings[1].range, MS_PAGE_SWAPPED));
	assert_null(ms_claims_say(claims, (struct ms_range){ BASE, BASE + 4 * PAGE },
		MS_RANK_REGION, &a, 2, ms_bytes_of("item \xff")));
	assert_null(ms_claims_say(claims,
		(struct ms_range){ BASE + 2 * PAGE, BASE + 6 * PAGE }, MS_RANK_REGION, &b,
		1, (struct ms_bytes){ 0 }));
	assert_null(ms_claims_say(claims,
		(struct ms_range){ BASE + 5 * PAGE, BASE + 6 * PAGE }, MS_RANK_PART, &a,
		1, (struct ms_bytes){ 0 }));
	assert_null(ms_claims_outside(claims, "outside.swap", 1234, "kernel", "VmSwap",
		(struct ms_bytes){ 0 }));
	assert_null(ms_claims_note(claims, "a note"));
	assert_null(ms_claims_resolve(claims));
	struct ms_sum_input in = {
		.target = { .kind = "live",
			.pid = 42,
			.comm = { (const uint8_t *)"c\x01\0d", 4 },
			.command = { (const uint8_t *)"a\0b\0", 4 },
			.taken_ns = 1767323045ull * 1000000000u,
			.is_stopped = true },
		.maps = &maps,
		.pages = pages,
		.has_pages = true,
		.source = { true, true },
		.rollup = &rollup,
		.threads = &thread,
		.thread_n = 1,
	};
	assert_null(ms_ledger_sum(claims, &in, &ledger));
	ms_claims_free(claims);
	ms_pages_free(pages);
	return ledger;
}

static char *dump(const struct ms_ledger *ledger)
{
	json_t *document;
	assert_null(ms_ledger_to_json(ledger, &document));
	char *text = json_dumps(document, JSON_COMPACT | JSON_ENSURE_ASCII);
	json_decref(document);
	assert_non_null(text);
	return text;
}

static void comes_back_as_it_was(void **state)
{
	(void)state;
	_cleanup_ledger_ struct ms_ledger *ledger = make_ledger();
	_cleanup_ledger_ struct ms_ledger *loaded = NULL;
	_cleanup_free_ char *text = dump(ledger);
	assert_null(ms_ledger_load(ms_bytes_of(text), "saved", &loaded));
	_cleanup_free_ char *again = dump(loaded);
	assert_string_equal(text, again);
	assert_non_null(strstr(text, "\"taken\":\"2026-01-02T03:04:05Z\""));
	assert_non_null(strstr(text, "\"hex\":\"2f61ff1b5b33316d\""));
	assert_non_null(strstr(text, "\"balance_bytes\":-8192"));
	assert_int_equal(ms_ledger_find(loaded, "java.heap")->resident, 4 * PAGE);
	assert_int_equal(ms_ledger_find(loaded, "malloc.free.glibc")->last_use_n, 1);
}

static void has_the_keys_others_rely_on(void **state)
{
	(void)state;
	static const char *const keys[] = { "schema", "target", "rss_bytes",
		"rss_smaps_bytes", "balance_bytes", "owners", "outside", "mappings",
		"size_classes", "threads", "libraries", "unexplained_bytes", "notes" };
	static const char *const owner_keys[] = { "owner", "resident_bytes", "swap_bytes",
		"count", "grade", "evidence", "counter_evidence", "last_used_by",
		"detail", "next" };
	_cleanup_ledger_ struct ms_ledger *ledger = make_ledger();
	json_t *document;
	assert_null(ms_ledger_to_json(ledger, &document));
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		assert_non_null(json_object_get(document, keys[i]));
	json_t *owner = json_array_get(json_object_get(document, "owners"), 0);
	for (size_t i = 0; i < sizeof(owner_keys) / sizeof(owner_keys[0]); i++)
		assert_non_null(json_object_get(owner, owner_keys[i]));
	json_decref(document);
}

static void unknown_keys_are_skipped(void **state)
{
	(void)state;
	_cleanup_ledger_ struct ms_ledger *loaded = NULL;
	static const char text[] =
		"{\"schema\":\"memsleuth/ledger/1\",\"target\":{\"kind\":\"live\",\"x\":[1]},"
		"\"rss_bytes\":5,\"rss_smaps_bytes\":null,\"later\":{\"a\":1},"
		"\"owners\":[{\"owner\":\"unexplained\",\"resident_bytes\":5,\"new\":true}]}";
	assert_null(ms_ledger_load(ms_bytes_of(text), "saved", &loaded));
	assert_int_equal(loaded->rss, 5);
	assert_false(loaded->has_rss_smaps);
	assert_int_equal(loaded->target.pid, 0);
}

static void refuses_what_makes_no_sense(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",
		"{",
		"[]",
		"{}",
		"{\"schema\":\"memsleuth/heap/1\",\"target\":{\"kind\":\"live\"},\"rss_bytes\":5,"
		"\"owners\":[{\"owner\":\"a\"}]}",
#define DOCUMENT(rest)                                                                   \
	"{\"schema\":\"memsleuth/ledger/1\",\"target\":{\"kind\":\"live\"}," rest "}"
		DOCUMENT("\"rss_bytes\":5"),
		DOCUMENT("\"rss_bytes\":-5,\"owners\":[{\"owner\":\"a\"}]"),
		DOCUMENT("\"rss_bytes\":\"5\",\"owners\":[{\"owner\":\"a\"}]"),
		DOCUMENT("\"rss_bytes\":5,\"owners\":[]"),
		DOCUMENT("\"rss_bytes\":5,\"owners\":[{}]"),
		DOCUMENT("\"rss_bytes\":5,\"owners\":[{\"owner\":\"a\\u001b[31m\"}]"),
		DOCUMENT("\"rss_bytes\":5,\"owners\":[{\"owner\":\"a\\u0000b\"}]"),
		DOCUMENT(
			"\"rss_bytes\":5,\"owners\":[{\"owner\":\"a\",\"grade\":\"sure\"}]"),
		DOCUMENT("\"rss_bytes\":5,\"owners\":[{\"owner\":\"a\"}],\"mappings\":"
			 "[{\"start\":\"0x2\",\"end\":\"0x1\",\"owner\":\"a\"}]"),
		DOCUMENT("\"rss_bytes\":5,\"owners\":[{\"owner\":\"a\"}],\"mappings\":"
			 "[{\"start\":12,\"end\":\"0x1\",\"owner\":\"a\"}]"),
		DOCUMENT("\"rss_bytes\":5,\"owners\":[{\"owner\":\"a\"}],\"notes\":"
			 "[{\"hex\":\"zz\"}]"),
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct ms_ledger *loaded = NULL;
		_cleanup_error_ struct ms_error *err =
			ms_ledger_load(ms_bytes_of(bad[i]), "saved", &loaded);
		assert_true(ms_error_is(err, MS_ERROR_FORMAT));
		assert_non_null(strstr(err->message, "'saved'"));
		assert_null(loaded);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_back_as_it_was),
		cmocka_unit_test(has_the_keys_others_rely_on),
		cmocka_unit_test(unknown_keys_are_skipped),
		cmocka_unit_test(refuses_what_makes_no_sense),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
