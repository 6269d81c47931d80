// Lines of /proc/PID/maps: every form the kernel writes, and what it never would.

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proc/proc.h"

static void no_error(struct ms_error *err)
{
	if (err)
		fail_msg("%s", err->message);
}

static struct ms_maps parse(struct ms_arena *arena, const char *text)
{
	struct ms_maps maps;
	ms_arena_init(arena);
	no_error(ms_maps_parse(ms_bytes_of(text), arena, &maps));
	return maps;
}

#define PRIVATE_RW "00001000-00003000 rw-p 00000000 00:00 0 "
#define SHARED_RW  "00001000-00003000 rw-s 00000000 00:01 7 "
#define FILE_RX    "00001000-00003000 r-xp 00002000 fe:1a 4711 "

static const struct {
	const char *line;
	enum ms_mapping_kind kind;
	const char *name, *label;
	bool is_anonymous, is_deleted;
} kinds[] = {
	{ PRIVATE_RW, MS_MAPPING_ANON, "", "", true, false },
	{ "1000-3000 rw-p 0 0:0 0", MS_MAPPING_ANON, "", "", true, false },
	{ PRIVATE_RW "     [heap]", MS_MAPPING_HEAP, "[heap]", "", true, false },
	{ PRIVATE_RW "[stack]", MS_MAPPING_STACK, "[stack]", "", true, false },
	{ PRIVATE_RW "[stack:123]", MS_MAPPING_UNKNOWN, "[stack:123]", "", true, false },
	{ PRIVATE_RW "[anon: glibc: malloc arena]", MS_MAPPING_NAMED,
		"[anon: glibc: malloc arena]", " glibc: malloc arena", true, false },
	{ PRIVATE_RW "[anon:]", MS_MAPPING_NAMED, "[anon:]", "", true, false },
	{ PRIVATE_RW "[anon:cut", MS_MAPPING_UNKNOWN, "[anon:cut", "", true, false },
	{ SHARED_RW "[anon_shmem:pool]", MS_MAPPING_NAMED, "[anon_shmem:pool]", "pool",
		true, false },
	{ PRIVATE_RW "[vdso]", MS_MAPPING_VDSO, "[vdso]", "", false, false },
	{ PRIVATE_RW "[vvar]", MS_MAPPING_VVAR, "[vvar]", "", false, false },
	{ PRIVATE_RW "[vvar_vclock]", MS_MAPPING_VVAR, "[vvar_vclock]", "", false,
		false },
	{ PRIVATE_RW "[vsyscall]", MS_MAPPING_VSYSCALL, "[vsyscall]", "", false, false },
	{ PRIVATE_RW "[something new]", MS_MAPPING_UNKNOWN, "[something new]", "", true,
		false },
	{ SHARED_RW "/memfd:java heap (deleted)", MS_MAPPING_MEMFD, "/memfd:java heap",
		"java heap", true, true },
	{ SHARED_RW "/dev/zero (deleted)", MS_MAPPING_SHM, "/dev/zero", "", true, true },
	{ SHARED_RW "/SYSV0000002a (deleted)", MS_MAPPING_SHM, "/SYSV0000002a", "", true,
		true },
	{ SHARED_RW "/dev/shm/sem.x", MS_MAPPING_SHM, "/dev/shm/sem.x", "", true, false },
	{ SHARED_RW "/anon_hugepage (deleted)", MS_MAPPING_SHM, "/anon_hugepage", "",
		true, true },
	{ SHARED_RW "/dev/dri/card0", MS_MAPPING_DEVICE, "/dev/dri/card0", "", false,
		false },
	{ SHARED_RW "anon_inode:[perf_event]", MS_MAPPING_DEVICE,
		"anon_inode:[perf_event]", "", false, false },
	{ FILE_RX "/usr/lib/libc.so.6", MS_MAPPING_FILE, "/usr/lib/libc.so.6", "", false,
		false },
	{ FILE_RX "/a b\tc  d ", MS_MAPPING_FILE, "/a b\tc  d ", "", false, false },
	{ FILE_RX "/new\\012line", MS_MAPPING_FILE, "/new\\012line", "", false, false },
	{ FILE_RX "/gone (deleted)", MS_MAPPING_FILE, "/gone", "", false, true },
	{ FILE_RX "/twice (deleted) (deleted)", MS_MAPPING_FILE, "/twice (deleted)", "",
		false, true },
	{ FILE_RX "/[heap]", MS_MAPPING_FILE, "/[heap]", "", false, false },
	{ FILE_RX "/x/[stack]", MS_MAPPING_FILE, "/x/[stack]", "", false, false },
	{ FILE_RX "/\x1b]0;evil\x07\xff", MS_MAPPING_FILE, "/\x1b]0;evil\x07\xff", "",
		false, false },
	{ FILE_RX, MS_MAPPING_FILE, "", "", false, false }, // an inode, but no name
};

static void kinds_and_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		struct ms_arena arena;
		struct ms_maps maps = parse(&arena, kinds[i].line);
		if (maps.n != 1 || maps.odd_lines)
			fail_msg("not understood: %s", kinds[i].line);
		const struct ms_mapping *m = &maps.v[0];
		if (m->kind != kinds[i].kind || !ms_bytes_is(m->name, kinds[i].name) ||
			!ms_bytes_is(m->label, kinds[i].label) ||
			ms_mapping_is_anonymous(m) != kinds[i].is_anonymous ||
			!(m->flags & MS_MAPPING_DELETED) == kinds[i].is_deleted)
			fail_msg("kind %d, '%.*s', label '%.*s': %s", m->kind,
				(int)m->name.n, (const char *)m->name.p, (int)m->label.n,
				(const char *)m->label.p, kinds[i].line);
		assert_int_equal(m->range.start, 0x1000);
		assert_int_equal(m->range.end, 0x3000);
		ms_arena_deinit(&arena);
	}
}

static void fields(void **state)
{
	(void)state;
	struct ms_arena arena;
	struct ms_maps maps = parse(&arena, FILE_RX
		"/x\n"
		"7f0000000000-7ffffffff000 ---s ffffffffffffe000 ffffffff:fffff 18446744073709551615\n"
		"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n");
	char prot[5];
	assert_int_equal(maps.n, 3);
	assert_int_equal(maps.v[0].offset, 0x2000);
	assert_int_equal(maps.v[0].dev_major, 0xfe);
	assert_int_equal(maps.v[0].dev_minor, 0x1a);
	assert_int_equal(maps.v[0].inode, 4711);
	assert_string_equal(ms_mapping_prot_text(&maps.v[0], prot), "r-xp");
	assert_string_equal(ms_mapping_prot_text(&maps.v[1], prot), "---s");
	assert_string_equal(ms_mapping_prot_text(&maps.v[2], prot), "--xp");
	assert_int_equal(maps.v[1].offset, 0xffffffffffffe000);
	assert_int_equal(maps.v[1].inode, UINT64_MAX);
	assert_false(ms_mapping_counts(&maps.v[2]));
	assert_true(ms_mapping_counts(&maps.v[0]));
	ms_arena_deinit(&arena);
}

static const char *const odd[] = {
	"",
	"x",
	"1000",
	"1000-",
	"1000-2000",
	"1000-2000 ",
	"1000-2000 rw-",
	"1000-2000 rwxq 0 0:0 0",
	"1000-2000 wr-p 0 0:0 0",
	"1000-2000 rw-p 0 0:0",
	"1000-2000 rw-p 0 00 0",
	"1000-2000 rw-p 0 0:0 0x",
	"1000-2000 rw-p 0 100000000:0 0",
	"2000-1000 rw-p 0 0:0 0",
	"1000-1000 rw-p 0 0:0 0",
	"-1000-2000 rw-p 0 0:0 0",
	"10000000000000000-20000000000000000 rw-p 0 0:0 0",
	"1000-2000 rw-p 0 0:0 18446744073709551616",
};

static void odd_lines_are_counted(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
		char text[256];
		struct ms_arena arena;
		snprintf(text, sizeof(text),
			"100-200 rw-p 0 0:0 0\n%s\n5000-6000 r--p 0 0:0 0\n", odd[i]);
		struct ms_maps maps = parse(&arena, text);
		if (maps.n != 2 || maps.odd_lines != 1)
			fail_msg("%zu mappings, %zu odd: '%s'", maps.n, maps.odd_lines,
				odd[i]);
		ms_arena_deinit(&arena);
	}
	struct ms_arena arena;
	struct ms_maps maps = parse(&arena, "");
	assert_int_equal(maps.n + maps.odd_lines, 0);
	assert_null(ms_maps_find(&maps, 0));
	ms_arena_deinit(&arena);
}

// maps is read in pieces while the process runs: a line may overlap one before it.
static void lines_that_go_backwards_are_left_out(void **state)
{
	(void)state;
	struct ms_arena arena;
	struct ms_maps maps = parse(&arena, "1000-3000 rw-p 0 0:0 0\n"
					    "2000-4000 rw-p 0 0:0 0\n"
					    "0-800 rw-p 0 0:0 0\n"
					    "3000-5000 r--p 0 0:0 0\n");
	assert_int_equal(maps.n, 2);
	assert_int_equal(maps.odd_lines, 2);
	assert_int_equal(maps.v[1].range.start, 0x3000);
	ms_arena_deinit(&arena);
}

static void long_names_are_whole(void **state)
{
	(void)state;
	struct ms_buffer text = {};
	struct ms_arena arena;
	struct ms_maps maps;
	no_error(ms_buffer_printf(&text, FILE_RX "/"));
	for (unsigned i = 0; i < 4095; i++)
		no_error(ms_buffer_add(&text, i % 255 == 254 ? "/" : "n", 1));
	ms_arena_init(&arena);
	no_error(ms_maps_parse(ms_buffer_bytes(&text), &arena, &maps));
	ms_buffer_deinit(&text); // names are copies
	assert_int_equal(maps.n, 1);
	assert_int_equal(maps.v[0].name.n, 4096);
	assert_int_equal(maps.v[0].name.p[4095], 'n');
	ms_arena_deinit(&arena);
}

enum {
	MANY = 100000
};

static void finds_in_many(void **state)
{
	(void)state;
	struct ms_buffer text = {};
	struct ms_arena arena;
	struct ms_maps maps;
	for (uint64_t i = 0; i < MANY; i++)
		no_error(ms_buffer_printf(&text,
			"%lx-%lx rw-p 00000000 00:00 0                          /n\n",
			(unsigned long)(i * 0x3000 + 0x1000),
			(unsigned long)(i * 0x3000 + 0x3000)));
	ms_arena_init(&arena);
	uint64_t before = ms_now_ns();
	no_error(ms_maps_parse(ms_buffer_bytes(&text), &arena, &maps));
	uint64_t took = ms_now_ns() - before;
	assert_int_equal(maps.n, MANY);
	if (took > UINT64_C(2000000000)) // some 10 ms; quadratic would be minutes
		fail_msg("parsing took %lu ms", (unsigned long)(took / 1000000));
	for (uint64_t i = 0; i < MANY; i += 997) {
		uint64_t start = i * 0x3000 + 0x1000;
		assert_ptr_equal(ms_maps_find(&maps, start), &maps.v[i]);
		assert_ptr_equal(ms_maps_find(&maps, start + 0x1fff), &maps.v[i]);
		assert_null(ms_maps_find(&maps, start + 0x2000));
		assert_null(ms_maps_find(&maps, start - 1));
		assert_int_equal(ms_maps_index(&maps, start + 0x2000), i + 1);
		assert_int_equal(ms_maps_index(&maps, start - 1), i);
	}
	ms_arena_deinit(&arena);
	ms_buffer_deinit(&text);
}

// Of a child that waits: reading our own allocates, which changes them between two reads.
static void maps_of_a_process_like_us(void **state)
{
	(void)state;
	char path[64];
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		for (;;)
			pause();
	snprintf(path, sizeof(path), "/proc/%d/maps", child);
	struct ms_buffer text = {};
	struct ms_arena arena;
	struct ms_maps maps;
	no_error(ms_read_file_at(AT_FDCWD, path, 64 << 20, &text));
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	ms_arena_init(&arena);
	no_error(ms_maps_parse(ms_buffer_bytes(&text), &arena, &maps));
	assert_int_equal(maps.odd_lines, 0);
	const struct ms_mapping *code =
		ms_maps_find(&maps, (uintptr_t)&maps_of_a_process_like_us);
	// Under a sanitizer a variable may live in a stack that is none.
	const struct ms_mapping *stack =
		ms_maps_find(&maps, (uintptr_t)__builtin_frame_address(0));
	assert_non_null(code);
	assert_non_null(stack);
	assert_int_equal(code->kind, MS_MAPPING_FILE);
	assert_true(code->flags & MS_MAPPING_EXEC);
	assert_true(ms_bytes_is(ms_bytes_basename(code->name), "test_proc_maps"));
	assert_int_equal(stack->kind, MS_MAPPING_STACK);
	ms_arena_deinit(&arena);
	ms_buffer_deinit(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_and_names),
		cmocka_unit_test(fields),
		cmocka_unit_test(odd_lines_are_counted),
		cmocka_unit_test(lines_that_go_backwards_are_left_out),
		cmocka_unit_test(long_names_are_whole),
		cmocka_unit_test(finds_in_many),
		cmocka_unit_test(maps_of_a_process_like_us),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
