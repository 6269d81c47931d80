// JSON: every byte string gives a document that parses to the same bytes, in any locale.

#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "out/out.h"

static json_t *parse(const struct ms_out *out)
{
	struct ms_bytes text = ms_out_bytes(out);
	json_error_t error;
	json_t *value = json_loadb((const char *)text.p, text.n,
		JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &error);
	if (!value)
		print_error("%s at %d in: %.*s\n", error.text, error.position,
			(int)text.n, (const char *)text.p);
	assert_non_null(value);
	return value;
}

static size_t unhex(const char *text, size_t n, uint8_t *to)
{
	for (size_t i = 0; i < n / 2; i++) {
		unsigned byte;
		assert_int_equal(sscanf(text + 2 * i, "%2x", &byte), 1);
		to[i] = (uint8_t)byte;
	}
	return n / 2;
}

// The bytes of a parsed value, whichever form it has.
static size_t bytes_of(const json_t *value, uint8_t *to)
{
	if (json_is_string(value)) {
		memcpy(to, json_string_value(value), json_string_length(value));
		return json_string_length(value);
	}
	const json_t *hex = json_object_get(value, "hex");
	assert_non_null(hex);
	return unhex(json_string_value(hex), json_string_length(hex), to);
}

static void check_bytes(struct ms_bytes bytes)
{
	_cleanup_out_ struct ms_out out;
	struct ms_json json;
	uint8_t back[64];
	ms_out_init(&out, -1);
	ms_json_init(&json, &out, MS_JSON_LINES);
	ms_json_add(&json, NULL, ms_json_bytes(bytes));
	assert_null(ms_json_finish(&json));
	struct ms_bytes text = ms_out_bytes(&out);
	for (size_t i = 0; i + 1 < text.n; i++)
		assert_in_range(text.p[i], 0x20, 0x7e);
	assert_int_equal(text.p[text.n - 1], '\n');
	json_t *value = parse(&out);
	assert_int_equal(bytes_of(value, back), bytes.n);
	assert_memory_equal(back, bytes.p, bytes.n);
	assert_int_equal(json_is_string(value), ms_text_is_utf8(bytes));
	json_decref(value);
}

static void test_every_short_string(void **state)
{
	(void)state;
	uint8_t bytes[2];
	check_bytes((struct ms_bytes){ bytes, 0 });
	for (unsigned a = 0; a < 256; a++) {
		bytes[0] = (uint8_t)a;
		check_bytes((struct ms_bytes){ bytes, 1 });
		for (unsigned b = 0; b < 256; b++) {
			bytes[1] = (uint8_t)b;
			check_bytes((struct ms_bytes){ bytes, 2 });
		}
	}
}

static void test_any_string(void **state)
{
	(void)state;
	const char *given = getenv("MS_SEED");
	unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
	print_message("seed %u\n", seed);
	for (int run = 0; run < 5000; run++) {
		uint8_t bytes[24];
		size_t n = (size_t)rand_r(&seed) % sizeof(bytes);
		for (size_t i = 0; i < n; i++)
			bytes[i] = (uint8_t)(rand_r(&seed) >> 3);
		check_bytes((struct ms_bytes){ bytes, n });
	}
}

static void write_sample(struct ms_out *out, enum ms_json_form form)
{
	struct ms_json json;
	ms_json_init(&json, out, form);
	ms_json_begin(&json, NULL, '{');
	ms_json_add(&json, "schema", json_string("memsleuth/test/1"));
	ms_json_add(&json, "empty", ms_json_text(""));
	ms_json_add(&json, "none", ms_json_text(NULL));
	ms_json_add(&json, "address", ms_json_address(UINT64_MAX));
	ms_json_add(&json, "size", ms_json_size(INT64_MAX));
	ms_json_add(&json, "huge", ms_json_size(UINT64_MAX));
	ms_json_add(&json, "share", ms_json_real(98.7));
	ms_json_add(&json, "nan", ms_json_real(NAN));
	ms_json_begin(&json, "rows", '[');
	for (int i = 0; i < 2; i++) {
		ms_json_begin_row(&json, NULL, '{');
		ms_json_add(&json, "i", json_integer(i));
		ms_json_begin(&json, "inner", '[');
		ms_json_add(&json, NULL, json_true());
		ms_json_add(&json, NULL, json_null());
		ms_json_end(&json);
		ms_json_end(&json);
	}
	ms_json_end(&json);
	ms_json_begin(&json, "nothing", '{');
	ms_json_end(&json);
	ms_json_end(&json);
	assert_null(ms_json_finish(&json));
}

static void test_document(void **state)
{
	(void)state;
	static const char want[] = "{\n"
				   "  \"schema\": \"memsleuth/test/1\",\n"
				   "  \"empty\": \"\",\n"
				   "  \"none\": null,\n"
				   "  \"address\": \"0xffffffffffffffff\",\n"
				   "  \"size\": 9223372036854775807,\n"
				   "  \"huge\": \"18446744073709551615\",\n"
				   "  \"share\": 98.7,\n"
				   "  \"nan\": null,\n"
				   "  \"rows\": [\n"
				   "    {\"i\": 0, \"inner\": [true, null]},\n"
				   "    {\"i\": 1, \"inner\": [true, null]}\n"
				   "  ],\n"
				   "  \"nothing\": {}\n"
				   "}\n";
	_cleanup_out_ struct ms_out out;
	ms_out_init(&out, -1);
	write_sample(&out, MS_JSON_DOCUMENT);
	json_decref(parse(&out));
	ms_out_char(&out, '\0');
	assert_string_equal((const char *)out.buffer.p, want);
}

// A tree comes out as it went in, one element of an array a line.
static void test_tree(void **state)
{
	(void)state;
	static const char text[] = "{\n"
				   "  \"a\": [\n"
				   "    {\"b\": [1, {\"c\": \"\"}], \"d\": {}},\n"
				   "    null\n"
				   "  ],\n"
				   "  \"e\": {\n"
				   "    \"f\": [false, \"x\"]\n"
				   "  },\n"
				   "  \"g\": []\n"
				   "}\n";
	json_t *tree = json_loads(text, 0, NULL);
	assert_non_null(tree);
	_cleanup_out_ struct ms_out out;
	struct ms_json json;
	ms_out_init(&out, -1);
	ms_json_init(&json, &out, MS_JSON_DOCUMENT);
	ms_json_add_tree(&json, NULL, tree);
	assert_null(ms_json_finish(&json));
	ms_out_char(&out, '\0');
	assert_string_equal((const char *)out.buffer.p, text);
	ms_out_clear(&out);
	ms_json_init(&json, &out, MS_JSON_LINES);
	ms_json_add_tree(&json, NULL, tree);
	json_t *again = parse(&out);
	assert_true(json_equal(tree, again));
	json_decref(again);
	json_decref(tree);
}

static void test_line(void **state)
{
	(void)state;
	_cleanup_out_ struct ms_out out;
	ms_out_init(&out, -1);
	write_sample(&out, MS_JSON_LINES);
	json_decref(parse(&out));
	struct ms_bytes text = ms_out_bytes(&out);
	assert_ptr_equal(memchr(text.p, '\n', text.n), text.p + text.n - 1);
}

// A value that could not be made must not be left out in silence.
static void test_failed_value(void **state)
{
	(void)state;
	_cleanup_out_ struct ms_out out;
	struct ms_json json;
	ms_out_init(&out, -1);
	ms_json_init(&json, &out, MS_JSON_LINES);
	ms_json_add(&json, NULL, NULL);
	assert_ptr_equal(ms_json_finish(&json), &ms_error_nomem);
}

// A locale whose decimal point is a comma, made for this test where none is installed.
static bool make_locale(char *dir)
{
	char command[256];
	if (!mkdtemp(dir))
		return false;
	snprintf(command, sizeof(command),
		"localedef -f UTF-8 -i de_DE %s/de_DE.UTF-8 >/dev/null 2>&1", dir);
	int status = system(command);
	setenv("LOCPATH", dir, /* overwrite= */ 1);
	bool is_set = status == 0 && setlocale(LC_ALL, "de_DE.UTF-8");
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command) == 0 && is_set;
}

// A host of the library may have called setlocale().
static void test_comma_locale(void **state)
{
	(void)state;
	char dir[] = "/tmp/memsleuth-locale.XXXXXX";
	if (!setlocale(LC_ALL, "de_DE.UTF-8") && !make_locale(dir))
		skip(); // neither the locale nor its source is installed
	assert_string_equal(localeconv()->decimal_point, ",");
	test_document(state);
	test_any_string(state);
	setlocale(LC_ALL, "C");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_short_string),
		cmocka_unit_test(test_any_string),
		cmocka_unit_test(test_document),
		cmocka_unit_test(test_tree),
		cmocka_unit_test(test_line),
		cmocka_unit_test(test_failed_value),
		cmocka_unit_test(test_comma_locale),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
