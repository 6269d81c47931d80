// Whose a mapping is by its line in maps, and a JVM's areas by their shape: one line, one
// owner. The target is a captured tree that holds these lines and nothing else.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "survey/survey.h"

static char dir[] = "/tmp/memsleuth-evidence.XXXXXX";

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static void write_file(const char *name, const void *p, size_t n)
{
	char path[256];
	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	_cleanup_close_ int fd =
		open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_true(ms_write_all(fd, p, n));
}

static int remove_dir(void **state)
{
	static const char *const names[] = { "maps", "status", "stat", "comm", "cmdline",
		"smaps" };
	char path[256];
	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		(void)unlink(path);
	}
	return rmdir(dir);
}

static struct ms_survey *survey_of(
	const char *maps, const void *command, size_t command_n)
{
	static const char status[] = "Name:\tx\nState:\tT (stopped)\nTgid:\t7\nPid:\t7\n";
	static const char stat_text[] =
		"7 (x) T 1 7 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 99 0 0\n";
	struct ms_target_options target_options = { 0 };
	struct ms_survey_options options = { .threads = 1 };
	struct ms_target *target;
	struct ms_survey *survey = NULL;
	write_file("maps", maps, strlen(maps));
	write_file("status", status, strlen(status));
	write_file("stat", stat_text, strlen(stat_text));
	write_file("comm", "x\n", 2);
	write_file("cmdline", command, command_n);
	write_file("smaps", "", 0);
	assert_null(ms_target_open_path(dir, &target_options, &target));
	assert_null(ms_survey_run(target, &options, &survey));
	ms_target_free(target);
	return survey;
}

static const char *owner_at(const struct ms_survey *s, uint64_t address)
{
	return ms_claims_find(s->claims, address).kind->owner;
}

static void one_line_one_owner(void **state)
{
	(void)state;
	static const struct {
		const char *line, *owner;
	} cases[] = {
		{ "rw-p 00000000 00:00 0", "unexplained" },
		{ "r-xp 00001000 08:01 11 /usr/bin/tool", "file.lib" },
		{ "r--p 00000000 08:01 12 /usr/lib/libc.so.6", "file.lib" },
		{ "r--p 00000000 08:01 13 /usr/lib/libx.so", "file.lib" },
		{ "r--p 00000000 08:01 14 /usr/share/libx.sound", "file.data" },
		{ "r--s 00000000 08:01 15 /opt/app.jar", "file.jar" },
		{ "r--s 00000000 08:01 16 /usr/lib/jvm/lib/modules", "file.jar" },
		{ "r--s 00000000 08:01 17 /var/lib/data.db", "file.data" },
		{ "rw-s 00000000 08:01 18 /var/lib/gone.db (deleted)", "file.deleted" },
		{ "r-xp 00000000 08:01 19 /usr/lib/old.so.1 (deleted)", "file.lib" },
		{ "rw-s 00000000 00:05 20 /dev/dri/card0", "file.device" },
		{ "rw-s 00000000 00:01 21 /memfd:My Pool (deleted)", "shm.my_pool" },
		{ "rw-s 00000000 00:01 22 /memfd:java_heap (deleted)", "java.heap" },
		{ "rw-s 00000000 00:01 23 /SYSV0000002a (deleted)", "shm.sysv0000002a" },
		{ "rw-s 00000000 00:01 24 /dev/zero (deleted)", "shm.zero" },
		{ "rw-s 00000000 00:01 25 /dev/shm/segment", "shm.segment" },
		{ "rw-p 00000000 00:00 0 [heap]", "malloc.heap" },
		{ "rw-p 00000000 00:00 0 [anon:tcmalloc_region_NORMAL]", "malloc.heap" },
		{ "rw-p 00000000 00:00 0 [anon: glibc: malloc arena]", "malloc.heap" },
		{ "rw-p 00000000 00:00 0 [anon: glibc: malloc]", "malloc.heap" },
		{ "rw-p 00000000 00:00 0 [anon: glibc: pthread stack: 123]",
			"stack.thread" },
		{ "rw-p 00000000 00:00 0 [anon: glibc: unused stack]", "stack.thread" },
		{ "rw-s 00000000 00:01 26 [anon_shmem:ring]", "shm.ring" },
		{ "rw-p 00000000 00:00 0 [stack]", "stack.main" },
		{ "r-xp 00000000 00:00 0 [vdso]", "kernel.vdso" },
	};
	struct ms_buffer maps = { 0 };
	size_t n = sizeof(cases) / sizeof(cases[0]);
	for (size_t i = 0; i < n; i++)
		assert_null(ms_buffer_printf(&maps, "%zx-%zx %s\n",
			0x7f0000000000 + i * 0x10000, 0x7f0000008000 + i * 0x10000,
			cases[i].line));
	_cleanup_survey_ struct ms_survey *s = survey_of((const char *)maps.p, "x", 2);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(
			owner_at(s, 0x7f0000000000 + i * 0x10000), cases[i].owner);
	ms_buffer_deinit(&maps);
}

static void bss_follows_data(void **state)
{
	(void)state;
	_cleanup_survey_ struct ms_survey *s =
		survey_of("7f0000000000-7f0000001000 r-xp 00000000 08:01 9 /lib/liba.so\n"
			  "7f0000001000-7f0000002000 rw-p 00001000 08:01 9 /lib/liba.so\n"
			  "7f0000002000-7f0000004000 rw-p 00000000 00:00 0\n"
			  "7f0000100000-7f0000101000 rw-p 00001000 08:01 8 /lib/libb.so\n"
			  "7f0000101000-7f0004101000 rw-p 00000000 00:00 0\n"
			  "7f0008000000-7f0008001000 r--p 00001000 08:01 8 /lib/libb.so\n"
			  "7f0008001000-7f0008002000 rw-p 00000000 00:00 0\n",
			"x", 2);
	assert_string_equal(owner_at(s, 0x7f0000003000), "file.lib.dirty");
	// Too large to be taken for .bss unchecked, and behind what is not writable.
	assert_string_equal(owner_at(s, 0x7f0000102000), "unexplained");
	assert_string_equal(owner_at(s, 0x7f0008001000), "unexplained");
}

#define JVM "7fff00000000-7fff00001000 r-xp 00000000 08:01 9 /jdk/lib/server/libjvm.so\n"

static void jvm_areas_by_shape(void **state)
{
	(void)state;
	static const char command[] = "java\0-Xmx256m\0Main";
	_cleanup_survey_ struct ms_survey *s = survey_of(
		"f0000000-f8000000 rw-p 00000000 00:00 0\n"
		"f8000000-ffe00000 ---p 00000000 00:00 0\n"
		"ffe00000-fff00000 rw-p 00c77000 fe:00 5 /jdk/lib/server/classes.jsa\n"
		"fff00000-100000000 rw-p 00000000 00:00 0\n"
		"7f0020000000-7f0020bc7000 rw-p 00001000 fe:00 5 /jdk/lib/server/classes.jsa\n"
		"7f0020bc7000-7f0021000000 ---p 00000000 00:00 0\n"
		"7f0021000000-7f0021010000 rw-p 00000000 00:00 0\n"
		"7f0021010000-7f0061000000 ---p 00000000 00:00 0\n"
		"7f0061400000-7f0061670000 rwxp 00000000 00:00 0\n"
		"7f0061670000-7f0070400000 ---p 00000000 00:00 0\n"
		"7f0071000000-7f0071010000 rwxp 00000000 00:00 0\n" JVM,
		command, sizeof(command));
	assert_string_equal(owner_at(s, 0xf0000000), "java.heap");
	assert_string_equal(owner_at(s, 0xffe00000), "java.heap");
	assert_string_equal(owner_at(s, 0xffffffff), "java.heap");
	assert_string_equal(owner_at(s, 0x7f0020000000), "java.cds");
	assert_string_equal(owner_at(s, 0x7f0021000000), "java.metaspace.class");
	assert_string_equal(owner_at(s, 0x7f0061400000), "java.code");
	assert_string_equal(owner_at(s, 0x7f0071000000), "unexplained");
	assert_int_equal(
		ms_claims_find(s->claims, 0xf0000000).kind->grade, MS_GRADE_STRUCTURAL);
}

// The same lines without a JVM, or with another -Xmx, say nothing.
static void wrong_shapes_say_nothing(void **state)
{
	(void)state;
	static const char lines[] = "f0000000-100000000 rw-p 00000000 00:00 0\n"
				    "7f0061400000-7f0061670000 rwxp 00000000 00:00 0\n"
				    "7f0061670000-7f0070000000 ---p 00000000 00:00 0\n";
	static const char command[] = "java\0-Xmx1g\0Main";
	{
		_cleanup_survey_ struct ms_survey *s = survey_of(lines, "java", 5);
		assert_string_equal(owner_at(s, 0xf0000000), "unexplained");
	}
	char text[512];
	(void)snprintf(text, sizeof(text), "%s%s", lines, JVM);
	_cleanup_survey_ struct ms_survey *s = survey_of(text, command, sizeof(command));
	assert_string_equal(owner_at(s, 0xf0000000), "unexplained");
	assert_string_equal(owner_at(s, 0x7f0061400000), "unexplained");
}

static void heap_above_32_gib(void **state)
{
	(void)state;
	static const char command[] = "java\0-Xmx40g\0Main";
	_cleanup_survey_ struct ms_survey *s =
		survey_of("7f0000000000-7f0100000000 rw-p 00000000 00:00 0\n"
			  "7f0100000000-7f0a00000000 ---p 00000000 00:00 0\n" JVM,
			command, sizeof(command));
	assert_string_equal(owner_at(s, 0x7f0000000000), "java.heap");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_line_one_owner),
		cmocka_unit_test(bss_follows_data),
		cmocka_unit_test(jvm_areas_by_shape),
		cmocka_unit_test(wrong_shapes_say_nothing),
		cmocka_unit_test(heap_above_32_gib),
	};
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
