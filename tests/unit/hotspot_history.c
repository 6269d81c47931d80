// Texts, counters, names and numbers of a JVM, as bytes.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/io.h"
#include "hotspot/agents.h"
#include "hotspot/collections.h"
#include "hotspot/java_threads.h"

// --- texts of collections -------------------------------------------------------------

static struct ms_bytes take_word(struct ms_bytes *line)
{
	struct ms_bytes word = { 0 };
	(void)ms_bytes_word(line, &word);
	return word;
}

static uint64_t number_of(struct ms_bytes word)
{
	uint64_t n = 0;
	assert_true(ms_bytes_dec(&word, &n));
	return n;
}

// "class_space" in a fixture's heading is the space "class space".
static const char *space_name(struct ms_bytes word, char name[32])
{
	size_t n = word.n < 31 ? word.n : 31;
	for (size_t i = 0; i < n; i++)
		name[i] = word.p[i] == '_' ? ' ' : (char)word.p[i];
	name[n] = 0;
	return name;
}

static void check_spaces(struct ms_bytes heading, const struct ms_heap_text *text)
{
	size_t n = 0;
	for (struct ms_bytes word = take_word(&heading); word.n;
		word = take_word(&heading)) {
		char name[32];
		const struct ms_heap_text_space *space =
			ms_heap_text_find(text, space_name(word, name));
		assert_non_null(space);
		assert_true(space->has_capacity);
		assert_int_equal(space->capacity, number_of(take_word(&heading)));
		struct ms_bytes used = take_word(&heading);
		assert_int_equal(space->has_used, !ms_bytes_is(used, "-"));
		if (space->has_used)
			assert_int_equal(space->used, number_of(used));
		n++;
	}
	assert_int_equal(n, text->n);
}

// Wherever the ring cut it: a number of the heap's that is there is the whole text's, but
// for what only a percentage is left of.
static void check_cut(struct ms_bytes bytes, const struct ms_heap_text *whole)
{
	for (size_t n = 1; n < bytes.n; n++) {
		struct ms_heap_text text;
		uint8_t *copy = malloc(n);
		assert_non_null(copy);
		memcpy(copy, bytes.p, n);
		bool is_one = ms_heap_text_parse((struct ms_bytes){ copy, n }, &text);
		free(copy);
		for (size_t i = 0; is_one && i < text.n; i++) {
			const struct ms_heap_text_space *got = &text.spaces[i];
			const struct ms_heap_text_space *want =
				ms_heap_text_find(whole, got->name);
			assert_non_null(want);
			if (got->is_exact)
				assert_int_equal(got->used, want->used);
		}
	}
}

static size_t check_file(struct ms_bytes file)
{
	size_t n = 0;
	struct ms_bytes heading, line;
	while (ms_bytes_line(&file, &heading)) {
		struct ms_bytes text = { file.p, 0 }, rest = file;
		while (rest.n && !ms_bytes_starts(rest, "== ") &&
			ms_bytes_line(&rest, &line))
			text.n = (size_t)(rest.p - text.p);
		file = rest;
		assert_true(ms_bytes_is(take_word(&heading), "=="));
		(void)take_word(&heading); // the collector
		struct ms_heap_text got;
		assert_true(ms_heap_text_parse(text, &got));
		bool is_before = ms_bytes_is(take_word(&heading), "before");
		assert_int_equal(got.is_before, is_before);
		assert_int_equal(got.invocations, number_of(take_word(&heading)));
		assert_int_equal(got.full, number_of(take_word(&heading)));
		check_spaces(heading, &got);
		check_cut(text, &got);
		n++;
	}
	return n;
}

static void every_jdks_texts(void **state)
{
	(void)state;
	static const struct {
		const char *jdk;
		size_t n;
	} files[] = { { "8", 8 }, { "11", 10 }, { "17", 8 }, { "21", 8 }, { "25", 12 },
		{ "26", 15 } };
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char path[512], bytes[32 << 10];
		(void)snprintf(path, sizeof(path), "%s/fixtures/hotspot/heap-%s.txt",
			getenv("MS_SRC"), files[i].jdk);
		FILE *file = fopen(path, "r");
		assert_non_null(file);
		size_t n = fread(bytes, 1, sizeof(bytes), file);
		fclose(file);
		assert_int_equal(
			check_file((struct ms_bytes){ (uint8_t *)bytes, n }), files[i].n);
	}
}

static void what_is_no_text(void **state)
{
	(void)state;
	static const char *const texts[] = { "", "{Heap", "{Heap before GC", "Heap now",
		"{Heap before GC invocations= (full 1):", "{Heap after GC invocations=1",
		"{Heap during GC invocations=1 (full 1):",
		"{Heap before GC invocations=99999999999999999999 (full 1):" };
	struct ms_heap_text text;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_false(ms_heap_text_parse(ms_bytes_of(texts[i]), &text));
}

static void cut_numbers_are_none(void **state)
{
	(void)state;
	struct ms_heap_text text;
	const struct ms_heap_text_space *space;
	assert_true(ms_heap_text_parse(
		ms_bytes_of("{Heap before GC invocations=1 (full 0):\n"
			    " def new generation   total 19648K, used 178"),
		&text));
	space = ms_heap_text_find(&text, "young");
	assert_true(space->has_capacity && !space->has_used);
	assert_true(ms_heap_text_parse(
		ms_bytes_of("{Heap before GC invocations=1 (full 0):\n"
			    "  eden space 100K,  73% used [0x0000000000001000, 0x00000"),
		&text));
	space = ms_heap_text_find(&text, "eden");
	assert_int_equal(space->used, 1024 * 73);
	assert_false(space->is_exact);
}

// --- pairs ----------------------------------------------------------------------------

struct want {
	uint64_t number;
	bool is_full, has_kind, is_uncounted;
};

static void check_pairs(
	const char *const *texts, size_t n, const struct want *want, size_t want_n)
{
	struct ms_event_log log = { .name = "GC Heap History" };
	struct ms_event v[16] = { 0 };
	struct ms_events events = { .logs = { &log, 1, 0 }, .v = { v, n, 0 } };
	struct ms_collections got;
	struct ms_arena arena;
	ms_arena_init(&arena);
	assert_true(n <= 16);
	for (size_t i = 0; i < n; i++)
		v[i] = (struct ms_event){ .at_ns = 1000 * i,
			.text = ms_bytes_of(texts[i]) };
	assert_null(ms_collections_make(&events, NULL, &arena, &got));
	assert_int_equal(got.v.n, want_n);
	for (size_t i = 0; i < want_n; i++) {
		assert_int_equal(got.v.v[i].number, want[i].number);
		assert_int_equal(got.v.v[i].is_full, want[i].is_full);
		assert_int_equal(got.v.v[i].has_kind, want[i].has_kind);
		assert_int_equal(got.v.v[i].is_uncounted, want[i].is_uncounted);
	}
	ms_collections_deinit(&got);
	ms_arena_deinit(&arena);
}

#define BEFORE(n, full) "{Heap before GC invocations=" #n " (full " #full "):\n"
#define AFTER(n, full)  "Heap after GC invocations=" #n " (full " #full "):\n"
#define CHECK_PAIRS(texts, want)                                                         \
	check_pairs(texts, sizeof(texts) / sizeof((texts)[0]), want,                     \
		sizeof(want) / sizeof((want)[0]))

static void counted_between(void **state)
{
	(void)state;
	static const char *const texts[] = { AFTER(4, 1), BEFORE(4, 1), AFTER(5, 1),
		BEFORE(5, 1), AFTER(6, 2), BEFORE(6, 2) };
	static const struct want want[] = { { 3, false, false, false },
		{ 4, false, true, false }, { 5, true, true, false },
		{ 6, false, false, false } };
	CHECK_PAIRS(texts, want);
}

static void counted_before(void **state)
{
	(void)state;
	static const char *const texts[] = { BEFORE(20, 2), AFTER(20, 2), BEFORE(21, 3),
		AFTER(21, 3), BEFORE(22, 3), AFTER(22, 3) };
	static const struct want want[] = { { 19, false, false, false },
		{ 20, true, true, false }, { 21, false, true, false } };
	CHECK_PAIRS(texts, want);
}

static void old_halves_of_zgc(void **state)
{
	(void)state;
	static const char *const texts[] = { BEFORE(18, 6), AFTER(19, 7), BEFORE(19, 7),
		BEFORE(19, 7), AFTER(20, 7), BEFORE(20, 7), AFTER(21, 7), AFTER(21, 7) };
	static const struct want want[] = { { 18, true, true, false },
		{ 19, true, true, true }, { 19, false, true, false },
		{ 20, false, true, false } };
	CHECK_PAIRS(texts, want);
}

// --- numbers and names ----------------------------------------------------------------

static void unsigned5(void **state)
{
	(void)state;
	static const uint8_t bytes[] = { 1, 191, 192, 1, 255, 255, 255, 255, 255, 0, 5 };
	struct ms_unsigned5 stream = { { bytes, sizeof(bytes) } };
	uint32_t n;
	assert_true(ms_unsigned5_next(&stream, &n));
	assert_int_equal(n, 0);
	assert_true(ms_unsigned5_next(&stream, &n));
	assert_int_equal(n, 190);
	assert_true(ms_unsigned5_next(&stream, &n));
	assert_int_equal(n, 191);
	assert_true(ms_unsigned5_next(&stream, &n));
	assert_false(ms_unsigned5_next(&stream, &n)); // a zero is no number
	static const uint8_t cut[] = { 255, 255 };
	stream.rest = (struct ms_bytes){ cut, sizeof(cut) };
	assert_false(ms_unsigned5_next(&stream, &n));
}

static void strings_as_utf8(void **state)
{
	(void)state;
	static const struct {
		const char *units;
		size_t n;
		unsigned unit_bytes;
		const char *want;
	} cases[] = {
		{ "main", 4, 1, "main" },
		{ "gr\xfc\xdf", 4, 1, "gr\xc3\xbc\xc3\x9f" },
		{ "\xe5\x65", 2, 2, "\xe6\x97\xa5" },
		{ "\x3d\xd8\x00\xde", 4, 2, "\xf0\x9f\x98\x80" },
		{ "\x3d\xd8", 2, 2, "\xed\xa0\xbd" }, // half a pair: stays, is no UTF-8
		{ "a\0b", 3, 2, "a" },                // half a unit is none
		{ "", 0, 2, "" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t text[MS_JAVA_TEXT_MAX];
		size_t n = ms_java_utf8(
			(struct ms_bytes){ (const uint8_t *)cases[i].units, cases[i].n },
			cases[i].unit_bytes, text);
		assert_int_equal(n, strlen(cases[i].want));
		assert_memory_equal(text, cases[i].want, n);
	}
}

static void long_strings_are_cut(void **state)
{
	(void)state;
	uint8_t units[2 * MS_JAVA_TEXT_MAX], text[MS_JAVA_TEXT_MAX];
	memset(units, 0xff, sizeof(units));
	size_t n = ms_java_utf8((struct ms_bytes){ units, sizeof(units) }, 2, text);
	assert_true(n <= sizeof(text) && n > sizeof(text) - 4);
}

static void names_the_kernel_cuts(void **state)
{
	(void)state;
	static const struct {
		const char *name, *comm;
		bool want;
	} cases[] = {
		{ "main", "main", true },
		{ "C2 CompilerThread0", "C2 CompilerThre", true },
		{ "C2 CompilerThread0", "C2 Comp..hread0", true },
		{ "C2 CompilerThread0", "C2 Comp..hread1", false },
		{ "C2 CompilerThread0", "C2", false },
		{ "", "", true },
		{ "x", "", false },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(
			ms_java_name_fits(ms_bytes_of(cases[i].name), cases[i].comm),
			cases[i].want);
}

static void agents_of_arguments(void **state)
{
	(void)state;
	static const struct {
		const char *argument, *name, *options;
		bool is_java;
	} cases[] = {
		{ "-javaagent:/a/b.jar", "/a/b.jar", NULL, true },
		{ "-javaagent:/a/b.jar=key=1,x", "/a/b.jar", "key=1,x", true },
		{ "-agentlib:jdwp=server=y", "jdwp", "server=y", false },
		{ "-agentpath:/l.so=", "/l.so", "", false },
		{ "-agent:x", NULL, NULL, false },
		{ "-Xmx1g", NULL, NULL, false },
	};
	struct ms_arena arena;
	ms_arena_init(&arena);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ms_agent agent;
		bool is_one = ms_agent_parse(cases[i].argument, &arena, &agent);
		assert_int_equal(is_one, cases[i].name != NULL);
		if (!is_one)
			continue;
		assert_string_equal(agent.name, cases[i].name);
		assert_int_equal(agent.is_java, cases[i].is_java);
		if (cases[i].options)
			assert_string_equal(agent.options, cases[i].options);
		else
			assert_null(agent.options);
	}
	ms_arena_deinit(&arena);
}

// --- counters -------------------------------------------------------------------------

static void put_u32(uint8_t *to, uint32_t n)
{
	memcpy(to, &n, sizeof(n));
}

// One number and one text.
static size_t make_counters(uint8_t *to)
{
	static const uint8_t head[] = { 0xca, 0xfe, 0xc0, 0xc0, 1, 2, 0, 1 };
	int64_t n = -5;
	memset(to, 0, 256);
	memcpy(to, head, sizeof(head));
	put_u32(to + 24, 32);
	put_u32(to + 28, 2);
	uint8_t *entry = to + 32;
	put_u32(entry, 40);
	put_u32(entry + 4, 20);
	entry[12] = 'J';
	put_u32(entry + 16, 32);
	memcpy(entry + 20, "b.number", 9);
	memcpy(entry + 32, &n, sizeof(n));
	entry += 40;
	put_u32(entry, 48);
	put_u32(entry + 4, 20);
	put_u32(entry + 8, 16);
	entry[12] = 'B';
	put_u32(entry + 16, 28);
	memcpy(entry + 20, "a.text", 7);
	memcpy(entry + 28, "Allocation", 11);
	return 32 + 40 + 48;
}

static void counters_by_name(void **state)
{
	(void)state;
	uint8_t bytes[256];
	size_t n = make_counters(bytes);
	struct ms_counters counters;
	struct ms_arena arena;
	ms_arena_init(&arena);
	assert_null(ms_counters_parse((struct ms_bytes){ bytes, n }, &arena, &counters));
	assert_null(counters.note);
	assert_int_equal(counters.v.n, 2);
	assert_int_equal(ms_counter_number(&counters, "b.number", 0), -5);
	assert_int_equal(ms_counter_number(&counters, "a.text", 7), 7);
	assert_string_equal(ms_counter_text(&counters, "a.text"), "Allocation");
	assert_null(ms_counter_text(&counters, "b.number"));
	assert_null(ms_counter_find(&counters, "c"));
	ms_counters_deinit(&counters);
	ms_arena_deinit(&arena);
}

// Whatever the bytes say, nothing outside them is read (under the sanitizer).
static void damaged_counters(void **state)
{
	(void)state;
	uint8_t whole[256];
	size_t n = make_counters(whole);
	for (size_t at = 0; at < n; at++)
		for (unsigned value = 0; value < 256; value += 85) {
			struct ms_counters counters;
			struct ms_arena arena;
			uint8_t *bytes = malloc(n);
			assert_non_null(bytes);
			memcpy(bytes, whole, n);
			bytes[at] = (uint8_t)value;
			ms_arena_init(&arena);
			assert_null(ms_counters_parse(
				(struct ms_bytes){ bytes, n }, &arena, &counters));
			assert_true(counters.v.n <= 2);
			ms_counters_deinit(&counters);
			ms_arena_deinit(&arena);
			free(bytes);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_jdks_texts),
		cmocka_unit_test(what_is_no_text),
		cmocka_unit_test(cut_numbers_are_none),
		cmocka_unit_test(counted_between),
		cmocka_unit_test(counted_before),
		cmocka_unit_test(old_halves_of_zgc),
		cmocka_unit_test(unsigned5),
		cmocka_unit_test(strings_as_utf8),
		cmocka_unit_test(long_strings_are_cut),
		cmocka_unit_test(names_the_kernel_cuts),
		cmocka_unit_test(agents_of_arguments),
		cmocka_unit_test(counters_by_name),
		cmocka_unit_test(damaged_counters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
