// smaps: whole entries, what is missing, what makes no sense, and the captured trees.

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "proc/proc.h"

static void no_error(struct ms_error *err)
{
	if (err)
		fail_msg("%s", err->message);
}

static struct ms_smaps parse(struct ms_arena *arena, const char *text)
{
	struct ms_smaps smaps;
	ms_arena_init(arena);
	no_error(ms_smaps_parse(ms_bytes_of(text), arena, &smaps));
	return smaps;
}

#define HEADER "1000-3000 rw-p 00000000 00:00 0          [heap]\n"

static void every_field_is_read(void **state)
{
	(void)state;
	struct ms_buffer text = {};
	struct ms_arena arena;
	uint64_t next = 1;
	no_error(ms_buffer_printf(&text, HEADER));
#define X(id, name, column, help)                                                        \
	no_error(ms_buffer_printf(&text, "%s: %15lu kB\n", name, (unsigned long)next++));
	MS_SMAPS_FIELDS(X)
#undef X
	struct ms_smaps smaps;
	ms_arena_init(&arena);
	no_error(ms_smaps_parse(ms_buffer_bytes(&text), &arena, &smaps));
	assert_int_equal(smaps.n, 1);
	assert_int_equal(smaps.odd_lines, 0);
	for (unsigned i = 0; i < MS_SMAPS_FIELD_COUNT; i++)
		assert_int_equal(smaps.v[0].bytes[i], (i + 1) * 1024);
	assert_int_equal(smaps.v[0].known, (UINT32_C(1) << MS_SMAPS_FIELD_COUNT) - 1);
	assert_int_equal(smaps.v[0].thp_eligible, -1);
	assert_int_equal(smaps.v[0].flags.n, 0);
	ms_arena_deinit(&arena);
	ms_buffer_deinit(&text);
}

static void old_and_new_kernels_are_read(void **state)
{
	(void)state;
	struct ms_arena arena;
	struct ms_smaps smaps = parse(&arena, HEADER
		"Rss: 4 kB\nFuture: 7 kB\nSize: 8 kB\nProtectionKey: 0\nTHPeligible: 1\n"
		"VmFlags: rd wr mr dd \n"
		"4000-5000 r--p 00000000 00:00 0 /Size: 9 kB\nRss: 0 kB\n"
		"VmFlags: rd wr mr dd \n");
	assert_int_equal(smaps.n, 2);
	assert_int_equal(smaps.odd_lines, 0);
	const struct ms_smaps_entry *e = &smaps.v[0];
	assert_int_equal(e->known, 1u << MS_SMAPS_RSS | 1u << MS_SMAPS_SIZE);
	assert_int_equal(e->bytes[MS_SMAPS_SIZE], 8192);
	assert_int_equal(e->thp_eligible, 1);
	assert_true(ms_smaps_has_flag(e, "rd"));
	assert_true(ms_smaps_has_flag(e, "dd"));
	assert_false(ms_smaps_has_flag(e, "d"));
	assert_false(ms_smaps_has_flag(e, "ht"));
	assert_int_equal(smaps.v[1].bytes[MS_SMAPS_SIZE], 0);
	assert_true(ms_smaps_has_flag(&smaps.v[1], "dd"));
	ms_arena_deinit(&arena);
}

static const struct {
	const char *line;
	size_t odd;
} lines[] = {
	{ "Rss: 4 kB", 0 },
	{ "Rss:\t4 kB", 0 },
	{ "Rss: 4", 1 },
	{ "Rss: kB", 1 },
	{ "Rss: -4 kB", 1 },
	{ "Rss: 4 MB", 1 },
	{ "Rss: 4 kB ", 1 },
	{ "Rss: 18446744073709551615 kB", 1 },
	{ "THPeligible: 2", 1 },
	{ "THPeligible:", 1 },
	{ "nonsense", 1 },
	{ "", 1 },
	{ "2000-2800 rw-p 00000000 00:00 0", 1 }, // overlaps, with its own line below
	{ "Unknown: \xff\x1b", 0 },
};

static void odd_lines_are_counted(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		char text[256];
		struct ms_arena arena;
		snprintf(text, sizeof(text),
			HEADER "%s\n9000-a000 rw-p 0 0:0 0\nSwap: 1 kB\n", lines[i].line);
		struct ms_smaps smaps = parse(&arena, text);
		if (smaps.odd_lines != lines[i].odd || smaps.n != 2 ||
			smaps.v[1].bytes[MS_SMAPS_SWAP] != 1024)
			fail_msg("%zu odd: '%s'", smaps.odd_lines, lines[i].line);
		ms_arena_deinit(&arena);
	}
	// What follows a mapping that was left out belongs to no other one.
	struct ms_arena arena;
	struct ms_smaps smaps = parse(&arena,
		"Rss: 1 kB\n" HEADER
		"Rss: 2 kB\n1000-2000 rw-p 0 0:0 0\nRss: 3 kB\nVmFlags: ht\n");
	assert_int_equal(smaps.n, 1);
	assert_int_equal(smaps.odd_lines, 4);
	assert_int_equal(smaps.v[0].bytes[MS_SMAPS_RSS], 2048);
	assert_false(ms_smaps_has_flag(&smaps.v[0], "ht"));
	ms_arena_deinit(&arena);
}

static void finds_exact_ranges_only(void **state)
{
	(void)state;
	struct ms_arena arena;
	struct ms_smaps smaps = parse(&arena, HEADER "4000-5000 r--p 0 0:0 0\n"
						     "5000-6000 r--p 0 0:0 0\n");
	for (size_t i = 0; i < smaps.n; i++)
		assert_ptr_equal(ms_smaps_find(&smaps, smaps.v[i].range), &smaps.v[i]);
	assert_null(ms_smaps_find(&smaps, (struct ms_range){ 0x4000, 0x6000 }));
	assert_null(ms_smaps_find(&smaps, (struct ms_range){ 0x4800, 0x5000 }));
	assert_null(ms_smaps_find(&smaps, (struct ms_range){ 0, 0x1000 }));
	ms_arena_deinit(&arena);
}

static struct ms_buffer read_tree(const char *tree, const char *file)
{
	char path[4096];
	struct ms_buffer text = {};
	const char *source = getenv("MS_SRC");
	snprintf(path, sizeof(path), "%s/fixtures/trees/%s/%s", source ? source : "..",
		tree, file);
	no_error(ms_read_file_at(AT_FDCWD, path, 16 << 20, &text));
	return text;
}

static const struct {
	const char *name;
	size_t mappings, odd_lines; // of maps
	bool has_rollup;
} trees[] = {
	{ "c", 28, 0, true },
	{ "jvm", 191, 0, true },
	{ "hostile", 18, 4, false },
};

static uint64_t sum_of(const struct ms_smaps *smaps, enum ms_smaps_field field)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < smaps->n; i++)
		sum += smaps->v[i].bytes[field];
	return sum;
}

// Captured while stopped: the sums of smaps are those of smaps_rollup, and maps and smaps
// list the same mappings.
static void check_tree(size_t i)
{
	struct ms_arena arena;
	struct ms_maps maps;
	struct ms_smaps smaps, rollup;
	struct ms_buffer maps_text = read_tree(trees[i].name, "maps");
	struct ms_buffer smaps_text = read_tree(trees[i].name, "smaps");
	ms_arena_init(&arena);
	no_error(ms_maps_parse(ms_buffer_bytes(&maps_text), &arena, &maps));
	no_error(ms_smaps_parse(ms_buffer_bytes(&smaps_text), &arena, &smaps));
	assert_int_equal(maps.n, trees[i].mappings);
	assert_int_equal(maps.odd_lines, trees[i].odd_lines);
	assert_int_equal(smaps.n, maps.n);
	assert_int_equal(smaps.odd_lines, 0);
	for (size_t k = 0; k < maps.n; k++) {
		const struct ms_smaps_entry *e = ms_smaps_find(&smaps, maps.v[k].range);
		assert_non_null(e);
		assert_int_equal(e->bytes[MS_SMAPS_SIZE], ms_range_size(e->range));
	}
	if (trees[i].has_rollup) {
		struct ms_buffer text = read_tree(trees[i].name, "smaps_rollup");
		no_error(ms_smaps_parse(ms_buffer_bytes(&text), &arena, &rollup));
		assert_int_equal(rollup.n, 1);
		assert_int_equal(rollup.odd_lines, 0);
		assert_int_equal(
			rollup.v[0].bytes[MS_SMAPS_RSS], sum_of(&smaps, MS_SMAPS_RSS));
		assert_int_equal(rollup.v[0].bytes[MS_SMAPS_ANONYMOUS],
			sum_of(&smaps, MS_SMAPS_ANONYMOUS));
		ms_buffer_deinit(&text);
	}
	ms_arena_deinit(&arena);
	ms_buffer_deinit(&maps_text);
	ms_buffer_deinit(&smaps_text);
}

static void captured_trees(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(trees) / sizeof(*trees); i++)
		check_tree(i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_is_read),
		cmocka_unit_test(old_and_new_kernels_are_read),
		cmocka_unit_test(odd_lines_are_counted),
		cmocka_unit_test(finds_exact_ranges_only),
		cmocka_unit_test(captured_trees),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
