// Bytes of a target on their way out: escaped, nothing that a terminal acts on is left
// and nothing is lost; as JSON, the document parses to the same bytes; in a table, each
// row is one line; and the command line parser takes any words at all.

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "cli/option.h"
#include "out/out.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static size_t hex_bytes(const char *text, size_t n, uint8_t *to)
{
	for (size_t i = 0; i < n; i += 2) {
		char pair[] = { text[i], text[i + 1], '\0' };
		to[i / 2] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return n / 2;
}

// The byte that an escape stands for; *p moves past it.
static uint8_t escaped_byte(const uint8_t **p)
{
	uint8_t byte = 0;
	switch (*(*p)++) {
	case 'n':
		return '\n';
	case 't':
		return '\t';
	case 'r':
		return '\r';
	case '\\':
		return '\\';
	default:
		hex_bytes((const char *)*p, 2, &byte);
		*p += 2;
		return byte;
	}
}

static void check_escapes(struct ms_bytes all, bool is_ascii)
{
	_cleanup_out_ struct ms_out out;
	ms_out_init(&out, -1);
	out.is_ascii = is_ascii;
	ms_out_target(&out, all);
	struct ms_bytes text = ms_out_bytes(&out);
	for (struct ms_bytes rest = text; rest.n;) {
		uint32_t point;
		size_t n = ms_text_decode(rest, &point);
		require(n && ms_text_is_safe(point) && (!is_ascii || point < 0x7f));
		rest = ms_bytes_sub(rest, n, SIZE_MAX);
	}
	require(ms_text_width(ms_text_fit(text, 40)) <= 40);
	size_t at = 0;
	for (const uint8_t *p = text.p; text.n && p < text.p + text.n; at++) {
		uint8_t byte = *p++;
		if (byte == '\\')
			byte = escaped_byte(&p);
		require(at < all.n && all.p[at] == byte);
	}
	require(at == all.n);
}

static void check_json(struct ms_bytes all)
{
	_cleanup_out_ struct ms_out out;
	struct ms_json json;
	ms_out_init(&out, -1);
	ms_json_init(&json, &out, MS_JSON_LINES);
	ms_json_add(&json, NULL, ms_json_bytes(all));
	require(!ms_json_finish(&json));
	struct ms_bytes text = ms_out_bytes(&out);
	json_t *value = json_loadb(
		(const char *)text.p, text.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	require(value);
	const json_t *hex = json_object_get(value, "hex");
	const json_t *from = hex ? hex : value;
	size_t n = json_string_length(from);
	uint8_t *back = malloc(n + 1);
	require(back);
	if (hex)
		n = hex_bytes(json_string_value(from), n, back);
	else
		memcpy(back, json_string_value(from), n);
	require(ms_bytes_equal((struct ms_bytes){ back, n }, all));
	free(back);
	json_decref(value);
}

static void get_bytes(const void *row, void *ctx, struct ms_cell *cell)
{
	(void)ctx;
	cell->bytes = *(const struct ms_bytes *)row;
}

static void check_table(const struct ms_bytes *all)
{
	static const struct ms_column columns[] = {
		{ .name = "A",
			.type = MS_COLUMN_TARGET,
			.is_default = true,
			.get = get_bytes },
		{ .name = "B",
			.type = MS_COLUMN_TARGET,
			.is_default = true,
			.get = get_bytes },
	};
	static const struct ms_column_set set = MS_COLUMN_SET("x", "x", columns, "-A");
	_cleanup_table_ struct ms_table table;
	_cleanup_out_ struct ms_out out;
	ms_out_init(&out, -1);
	require(!ms_table_init(&table, &set, NULL));
	require(!ms_table_add(&table, all));
	const struct ms_table_format format = {
		.is_raw = all->n % 2, .no_headings = true, .width = 60
	};
	require(!ms_table_print(&table, &format, &out));
	struct ms_bytes text = ms_out_bytes(&out);
	require(memchr(text.p, '\n', text.n) == text.p + text.n - 1);
}

struct options {
	uint64_t n, size, wait;
	int choice;
	bool flag;
	struct ms_strings words;
};

static void check_words(const char *text, size_t size)
{
	static const char *const choices[] = { "one", "two", "twelve", NULL };
	static const struct ms_option table[] = {
		{ 'n', "number", "N", "", .kind = MS_OPTION_COUNT,
			MS_TO(struct options, n), .is_digits = true },
		{ 's', "size", "S", "", .kind = MS_OPTION_SIZE,
			MS_TO(struct options, size) },
		{ 'w', "wait", "T", "", .kind = MS_OPTION_DURATION,
			MS_TO(struct options, wait) },
		{ 'c', "choice", "C", "", .kind = MS_OPTION_CHOICE,
			MS_TO(struct options, choice), .choices = choices,
			.if_absent = "one" },
		{ 'f', "flag", NULL, "", .kind = MS_OPTION_FLAG,
			MS_TO(struct options, flag) },
		{ 'x', "words", "X", "", .kind = MS_OPTION_REPEATED,
			MS_TO(struct options, words) },
	};
	const struct ms_option_list list = { .tables = { table },
		.n = { sizeof(table) / sizeof(table[0]) } };
	char *argv[16] = { NULL };
	int argc = 1;
	for (size_t i = 0; i < size && argc < 16; i += strlen(text + i) + 1) {
		argv[argc] = strdup(text + i);
		require(argv[argc++]);
	}
	struct options options = { 0 };
	struct ms_parsed parsed = { 0 };
	struct ms_error *err =
		ms_options_parse(&list, argc, argv, size % 2, &options, &parsed);
	require(!err || err->code == MS_ERROR_USAGE);
	require(parsed.n_before_dashes <= parsed.operands.n);
	require(options.choice >= 0 && options.choice < 3);
	ms_error_free(err);
	ms_array_deinit(&parsed.operands);
	ms_options_release(&list, &options);
	for (int i = 1; i < argc; i++)
		free(argv[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	require(text);
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	const struct ms_bytes all = { (const uint8_t *)text, size };
	check_escapes(all, false);
	check_escapes(all, true);
	check_json(all);
	check_table(&all);
	check_words(text, size);
	free(text);
	return 0;
}
