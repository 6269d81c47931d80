// Cores: made by hand with every oddity, damaged byte by byte, and real ones of gcore.

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <elf.h>
#include <fcntl.h>
#include <gelf.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/procfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "elf/elf.h"

static void no_error(struct ms_error *err)
{
	if (err)
		fail_msg("%s", err->message);
}

static Elf64_Ehdr core_header(uint16_t segments)
{
	return (Elf64_Ehdr){
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			EV_CURRENT },
		.e_type = ET_CORE,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(Elf64_Ehdr),
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = segments,
		.e_shentsize = sizeof(Elf64_Shdr),
	};
}

// NT_FILE as the kernel writes it, offsets in pages.
static void add_file_note(struct ms_buffer *notes)
{
	static const uint64_t rows[] = { 2, 4096, 0x1000, 0x2000, 0, 0x2000, 0x5000, 3 };
	static const char names[] = "/bin/a\0/lib/with a blank";
	struct ms_buffer desc = {};
	no_error(ms_buffer_add(&desc, rows, sizeof(rows)));
	no_error(ms_buffer_add(&desc, names, sizeof(names)));
	no_error(ms_note_add(notes, "CORE", NT_FILE, ms_buffer_bytes(&desc)));
	ms_buffer_deinit(&desc);
}

static void add_struct(struct ms_buffer *notes, uint32_t type, const void *p, size_t n)
{
	no_error(ms_note_add(notes, "CORE", type, (struct ms_bytes){ p, n }));
}

// The notes of a process of two threads, with structures of <sys/procfs.h>.
static void make_notes(struct ms_buffer *notes)
{
	struct elf_prstatus status[2] = {};
	struct elf_prpsinfo info = { .pr_sname = 'S', .pr_pid = 42, .pr_ppid = 7 };
	static const Elf64_auxv_t auxv[] = {
		{ AT_PAGESZ, { 4096 } },
		{ AT_ENTRY, { 0x401000 } },
		{ AT_NULL, { 0 } },
		{ AT_UID, { 9 } },
	};
	struct user_regs_struct regs = { .rip = 0x1234, .rsp = 0x7000, .fs_base = 0x99 };
	for (unsigned i = 0; i < 2; i++) {
		status[i].pr_pid = 42 + (int)i;
		status[i].pr_cursig = i ? 0 : SIGABRT;
		regs.rip += i;
		memcpy(status[i].pr_reg, &regs, sizeof(regs));
	}
	memcpy(info.pr_fname, "sixteen-bytes-xx", 16);
	memcpy(info.pr_psargs, "prog --flag", 11);
	add_struct(notes, NT_PRSTATUS, &status[0], sizeof(status[0]));
	add_struct(notes, NT_PRPSINFO, &info, sizeof(info));
	add_struct(notes, NT_AUXV, auxv, sizeof(auxv));
	add_file_note(notes);
	add_struct(notes, NT_PRSTATUS, &status[1], sizeof(status[1]));
	no_error(ms_note_add(notes, "memsleuth", 1, ms_bytes_of("odd")));
}

enum {
	LOADS = 4
};

/*
 * A small core: notes, then loads at descending addresses, the last of which overlaps
 * the one before it and wants more file than there is.
 */
static void make_core(struct ms_buffer *core)
{
	struct ms_buffer notes = {};
	make_notes(&notes);
	uint64_t notes_at = sizeof(Elf64_Ehdr) + (LOADS + 1) * sizeof(Elf64_Phdr);
	uint64_t data = notes_at + notes.n;
	Elf64_Ehdr header = core_header(LOADS + 1);
	const Elf64_Phdr segments[LOADS + 1] = {
		{ PT_NOTE, 0, notes_at, 0, 0, notes.n, 0, 4 },
		{ PT_LOAD, PF_R | PF_W, data, 0x40000, 0, 4096, 8192, 4096 },
		{ PT_LOAD, PF_R | PF_X, data, 0x20000, 0, 0, 4096, 4096 },
		{ PT_LOAD, PF_R, data + 4096, 0x10000, 0, 4096, 4096, 4096 },
		{ PT_LOAD, PF_R, data + 4096, 0x41000, 0, 8192, 8192, 4096 },
	};
	no_error(ms_buffer_add(core, &header, sizeof(header)));
	no_error(ms_buffer_add(core, segments, sizeof(segments)));
	no_error(ms_buffer_add(core, notes.p, notes.n));
	ms_buffer_deinit(&notes);
	for (unsigned page = 0; page < 2; page++) {
		uint8_t bytes[4096];
		memset(bytes, page ? 'B' : 'A', sizeof(bytes));
		no_error(ms_buffer_add(core, bytes, sizeof(bytes)));
	}
}

static void loads_are_sorted_and_disjoint(void **state)
{
	(void)state;
	struct ms_buffer file = {};
	make_core(&file);
	struct ms_bytes bytes = ms_buffer_bytes(&file);
	struct ms_elf_source source = ms_elf_source_bytes(&bytes);
	struct ms_core *core;
	no_error(ms_core_open(&source, &core));
	assert_int_equal(core->segments_n, LOADS + 1);
	assert_int_equal(core->loads_n, LOADS);
	static const struct ms_range expected[LOADS] = {
		{ 0x10000, 0x11000 }, { 0x20000, 0x21000 }, { 0x40000, 0x42000 },
		{ 0x42000, 0x43000 }, // its first page is the one before it
	};
	for (size_t i = 0; i < LOADS; i++) {
		assert_int_equal(core->loads[i].range.start, expected[i].start);
		assert_int_equal(core->loads[i].range.end, expected[i].end);
	}
	assert_int_equal(core->loads[3].file_size, 0);
	assert_int_equal(core->loads[2].file_size, 4096);
	assert_int_equal(core->odd, 1);
	assert_true(core->truncated);
	assert_int_equal(core->missing, 4096);
	assert_int_equal(ms_core_load_index(core, 0), 0);
	assert_int_equal(ms_core_load_index(core, 0x10fff), 0);
	assert_int_equal(ms_core_load_index(core, 0x11000), 1);
	assert_int_equal(ms_core_load_index(core, 0x41fff), 2);
	assert_int_equal(ms_core_load_index(core, 0x43000), LOADS);
	ms_core_free(core);
	ms_buffer_deinit(&file);
}

static void notes_say_what_was_written(void **state)
{
	(void)state;
	struct ms_buffer file = {};
	make_core(&file);
	struct ms_bytes bytes = ms_buffer_bytes(&file);
	struct ms_elf_source source = ms_elf_source_bytes(&bytes);
	struct ms_core *core;
	no_error(ms_core_open(&source, &core));
	assert_int_equal(core->notes_n, 6);

	struct ms_core_threads threads;
	no_error(ms_core_threads(core, &threads));
	assert_int_equal(threads.n, 2);
	assert_int_equal(threads.v[0].tid, 42);
	assert_int_equal(threads.v[0].signal, SIGABRT);
	assert_int_equal(threads.v[0].pc, 0x1234);
	assert_int_equal(threads.v[1].tid, 43);
	assert_int_equal(threads.v[1].pc, 0x1235);
	assert_int_equal(threads.v[1].sp, 0x7000);
	assert_int_equal(threads.v[1].fs_base, 0x99);

	struct ms_core_process process;
	assert_true(ms_core_process(core, &process));
	assert_int_equal(process.pid, 42);
	assert_int_equal(process.ppid, 7);
	assert_int_equal(process.state, 'S');
	assert_string_equal(process.comm, "sixteen-bytes-xx");
	assert_string_equal(process.args, "prog --flag");

	uint64_t value;
	assert_true(ms_core_auxv(core, AT_ENTRY, &value));
	assert_int_equal(value, 0x401000);
	assert_false(ms_core_auxv(core, AT_UID, &value)); // behind AT_NULL

	struct ms_core_files files;
	no_error(ms_core_files(core, &files));
	assert_int_equal(files.n, 2);
	assert_int_equal(files.v[1].range.start, 0x2000);
	assert_int_equal(files.v[1].offset, 3 * 4096);
	assert_true(ms_bytes_is(files.v[1].name, "/lib/with a blank"));

	const struct ms_note *own = ms_core_note(core, "memsleuth", 1, NULL);
	struct ms_buffer desc = {};
	assert_non_null(own);
	assert_null(ms_core_note(core, "memsleuth", 1, own));
	no_error(ms_core_note_read(core, own, 3, &desc));
	assert_true(ms_bytes_is(ms_buffer_bytes(&desc), "odd"));
	struct ms_error *err = ms_core_note_read(core, own, 2, &desc);
	assert_true(ms_error_is(err, MS_ERROR_LIMIT));
	ms_error_free(err);
	ms_buffer_deinit(&desc);
	ms_core_free(core);
	ms_buffer_deinit(&file);
}

// Everything a reader may do with a core; what must hold of any that opens.
static void use_all(const struct ms_elf_source *source)
{
	struct ms_core *core;
	struct ms_error *err = ms_core_open(source, &core);
	if (err) {
		ms_error_free(err);
		return;
	}
	uint64_t end = 0, value;
	for (size_t i = 0; i < core->loads_n; i++) {
		const struct ms_elf_segment *s = &core->loads[i];
		assert_true(s->range.start >= end && s->range.start < s->range.end);
		assert_true(s->file_size <= ms_range_size(s->range));
		assert_true(
			!s->file_size || ms_fits(s->offset, s->file_size, source->size));
		end = s->range.end;
	}
	for (size_t i = 0; i < core->notes_n; i++)
		assert_true(ms_fits(
			core->notes[i].offset, core->notes[i].size, source->size));
	struct ms_core_threads threads;
	struct ms_core_files files;
	struct ms_core_process process;
	no_error(ms_core_threads(core, &threads));
	no_error(ms_core_files(core, &files));
	for (size_t i = 0; i < files.n; i++)
		assert_true(files.v[i].range.start < files.v[i].range.end);
	(void)ms_core_process(core, &process);
	(void)ms_core_auxv(core, AT_PHDR, &value);
	ms_core_free(core);
}

static void damage_does_no_harm(void **state)
{
	(void)state;
	static const uint8_t values[] = { 0x00, 0x01, 0x7f, 0x80, 0xff };
	struct ms_buffer file = {};
	make_core(&file);
	struct ms_bytes bytes = ms_buffer_bytes(&file);
	struct ms_elf_source source = ms_elf_source_bytes(&bytes);
	size_t headers = file.n - 2 * 4096;
	for (size_t at = 0; at < headers; at++)
		for (size_t k = 0; k < sizeof(values); k++) {
			uint8_t kept = file.p[at];
			file.p[at] = values[k];
			use_all(&source);
			file.p[at] = kept;
		}
	for (size_t n = 0; n <= headers; n++) {
		struct ms_bytes cut = ms_bytes_sub(bytes, 0, n);
		struct ms_elf_source shorter = ms_elf_source_bytes(&cut);
		use_all(&shorter);
	}
	ms_buffer_deinit(&file);
}

/* struct elf_prstatus of aarch64: 112 bytes, x0 to x30, sp, pc, pstate, 8 bytes more. */
static void registers_of_aarch64(void **state)
{
	(void)state;
	uint8_t status[392] = {};
	const uint32_t tid = 77;
	const uint64_t sp = 0xffff1000, pc = 0xaaaa2000;
	memcpy(status + 32, &tid, sizeof(tid));
	memcpy(status + 112 + 31 * 8, &sp, sizeof(sp));
	memcpy(status + 112 + 32 * 8, &pc, sizeof(pc));
	struct ms_buffer file = {}, notes = {};
	add_struct(&notes, NT_PRSTATUS, status, sizeof(status));
	add_struct(&notes, NT_PRSTATUS, status, 336); // one of x86-64 is too short
	Elf64_Ehdr header = core_header(1);
	header.e_machine = EM_AARCH64;
	Elf64_Phdr segment = { PT_NOTE, 0, sizeof(header) + sizeof(segment), 0, 0,
		notes.n, 0, 4 };
	no_error(ms_buffer_add(&file, &header, sizeof(header)));
	no_error(ms_buffer_add(&file, &segment, sizeof(segment)));
	no_error(ms_buffer_add(&file, notes.p, notes.n));
	struct ms_bytes bytes = ms_buffer_bytes(&file);
	struct ms_elf_source source = ms_elf_source_bytes(&bytes);
	struct ms_core *core;
	struct ms_core_threads threads;
	no_error(ms_core_open(&source, &core));
	no_error(ms_core_threads(core, &threads));
	assert_int_equal(threads.n, 1);
	assert_int_equal(core->odd, 1);
	assert_int_equal(threads.v[0].tid, 77);
	assert_int_equal(threads.v[0].sp, sp);
	assert_int_equal(threads.v[0].pc, pc);
	ms_core_free(core);
	ms_buffer_deinit(&notes);
	ms_buffer_deinit(&file);
}

enum {
	MANY = 100000
};

// More program headers than the ELF header can count; `cut` loses the section header
// that has the number.
static void many_segments(bool cut)
{
	struct ms_buffer file = {};
	Elf64_Ehdr header = core_header(PN_XNUM);
	uint64_t data = sizeof(header) + (uint64_t)MANY * sizeof(Elf64_Phdr);
	header.e_shoff = data;
	header.e_shnum = 1;
	no_error(ms_buffer_add(&file, &header, sizeof(header)));
	for (uint64_t i = 0; i < MANY; i++) {
		Elf64_Phdr p = { PT_LOAD, PF_R, data, (i + 1) * 8192, 0, 0, 4096, 4096 };
		no_error(ms_buffer_add(&file, &p, sizeof(p)));
	}
	Elf64_Shdr zero = { .sh_info = MANY, .sh_size = 1 };
	if (!cut)
		no_error(ms_buffer_add(&file, &zero, sizeof(zero)));
	struct ms_bytes bytes = ms_buffer_bytes(&file);
	struct ms_elf_source source = ms_elf_source_bytes(&bytes);
	struct ms_core *core;
	no_error(ms_core_open(&source, &core));
	assert_int_equal(core->loads_n, MANY);
	assert_int_equal(ms_core_load_index(core, MANY * UINT64_C(8192)), MANY - 1);
	ms_core_free(core);
	ms_buffer_deinit(&file);
}

static void counts_beyond_16_bits(void **state)
{
	(void)state;
	many_segments(false);
	many_segments(true);
}

struct seen {
	char names[8][MS_NOTE_NAME_MAX + 1];
	uint64_t sizes[8];
	size_t n;
};

static bool remember(void *context, const struct ms_note *note)
{
	struct seen *seen = context;
	assert_true(seen->n < 8);
	memcpy(seen->names[seen->n], note->name, sizeof(note->name));
	seen->sizes[seen->n++] = note->size;
	return true;
}

static void note_sizes_are_exact(void **state)
{
	(void)state;
	static const char *const names[] = { "", "a", "GNU", "CORE", "memsleuth",
		"a-name-of-just-thirty-one-bytes" };
	struct ms_buffer notes = {};
	for (size_t i = 0; i < 6; i++) {
		size_t before = notes.n;
		struct ms_bytes desc = ms_bytes_sub(ms_bytes_of("abcdefg"), 0, i + 1);
		no_error(ms_note_add(&notes, names[i], 7, desc));
		assert_int_equal(notes.n - before, ms_note_size(names[i], desc.n));
		assert_int_equal(notes.n % 4, 0);
	}
	struct ms_bytes bytes = ms_buffer_bytes(&notes);
	struct ms_elf_source source = ms_elf_source_bytes(&bytes);
	struct seen seen = {};
	assert_true(ms_note_walk(
		&source, (struct ms_range){ 0, bytes.n }, 4, remember, &seen));
	assert_int_equal(seen.n, 6);
	for (size_t i = 0; i < 6; i++) {
		assert_string_equal(seen.names[i], names[i]);
		assert_int_equal(seen.sizes[i], i + 1);
	}
	uint8_t header[MS_NOTE_HEADER_MAX];
	assert_int_equal(ms_note_header("x", 1, UINT64_C(1) << 32, header), 0);
	assert_int_equal(
		ms_note_header("a-name-of-just-thirty-two-bytes!", 1, 0, header), 0);
	ms_buffer_deinit(&notes);
}

// Room that a writer reserved and did not use, and notes with longer names than ours.
static void padding_and_strange_names_are_stepped_over(void **state)
{
	(void)state;
	static const uint8_t zeros[1000];
	struct ms_buffer notes = {};
	Elf64_Nhdr header = { .n_namesz = 400, .n_descsz = 4, .n_type = 1 };
	no_error(ms_note_add(&notes, "CORE", 1, ms_bytes_of("one")));
	no_error(ms_buffer_add(&notes, &header, sizeof(header)));
	no_error(ms_buffer_add(&notes, zeros, 404));
	no_error(ms_note_add(&notes, "CORE", 2, ms_bytes_of("two")));
	no_error(ms_buffer_add(&notes, zeros, sizeof(zeros)));
	struct ms_bytes bytes = ms_buffer_bytes(&notes);
	struct ms_elf_source source = ms_elf_source_bytes(&bytes);
	struct seen seen = {};
	assert_false(ms_note_walk(
		&source, (struct ms_range){ 0, bytes.n }, 4, remember, &seen));
	assert_int_equal(seen.n, 2);
	ms_buffer_deinit(&notes);
}

static char marker[64] = "a marker in the data segment";

static void *wait_forever(void *unused)
{
	(void)unused;
	for (;;)
		pause();
	return NULL;
}

// A child with two threads, ready when this returns.
static pid_t two_threads(void)
{
	int ready[2];
	char byte;
	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		pthread_t thread;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		memcpy(marker, "set at run time", 16);
		if (pthread_create(&thread, NULL, wait_forever, NULL) ||
			write(ready[1], "x", 1) != 1)
			_exit(1);
		wait_forever(NULL);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static bool run_gcore(pid_t pid, const char *path)
{
	char command[256];
	snprintf(command, sizeof(command),
		"gdb -nx -batch -p %d -ex 'generate-core-file %s' >/dev/null 2>&1",
		(int)pid, path);
	return system(command) == 0 && access(path, R_OK) == 0;
}

static void check_segments_are_libelfs(int fd, const struct ms_core *core)
{
	size_t n;
	assert_int_not_equal(elf_version(EV_CURRENT), EV_NONE);
	Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
	assert_int_equal(elf_getphdrnum(elf, &n), 0);
	assert_int_equal(n, core->segments_n);
	for (size_t i = 0; i < n; i++) {
		GElf_Phdr phdr;
		assert_non_null(gelf_getphdr(elf, (int)i, &phdr));
		assert_int_equal(core->segments[i].range.start, phdr.p_vaddr);
		assert_int_equal(core->segments[i].offset, phdr.p_offset);
		assert_int_equal(core->segments[i].file_size, phdr.p_filesz);
	}
	elf_end(elf);
}

static void check_gcore(int fd, pid_t pid)
{
	struct ms_elf_source source;
	struct ms_core *core;
	no_error(ms_elf_source_fd(fd, &source));
	no_error(ms_core_open(&source, &core));
	assert_false(core->truncated);
	assert_int_equal(core->odd, 0);
	check_segments_are_libelfs(fd, core);

	struct ms_core_process process;
	struct ms_core_threads threads;
	struct ms_core_files files;
	uint64_t value;
	assert_true(ms_core_process(core, &process));
	assert_int_equal(process.pid, pid);
	no_error(ms_core_threads(core, &threads));
	assert_int_equal(threads.n, 2);
	assert_true(ms_core_auxv(core, AT_PAGESZ, &value));
	assert_int_equal(value, sysconf(_SC_PAGESIZE));
	no_error(ms_core_files(core, &files));
	assert_true(files.n > 3);

	// The child is a fork of ours: its marker lies at our marker's address.
	uint64_t at = (uintptr_t)marker;
	const struct ms_elf_segment *s = &core->loads[ms_core_load_index(core, at)];
	char text[16];
	assert_true(ms_range_has(s->range, at));
	assert_true(ms_elf_source_read(
		&source, s->offset + (at - s->range.start), text, sizeof(text)));
	assert_memory_equal(text, "set at run time", 16);
	for (size_t i = 0; i < threads.n; i++) {
		size_t k = ms_core_load_index(core, threads.v[i].sp);
		assert_true(k < core->loads_n);
		assert_true(ms_range_has(core->loads[k].range, threads.v[i].sp));
	}
	ms_core_free(core);
}

static void gcore_of_a_child(void **state)
{
	(void)state;
#ifdef __SANITIZE_ADDRESS__
	skip(); // its shadow makes a core of terabytes
#endif
	char dir[] = "/tmp/elf_core.XXXXXX", path[64];
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/core", dir);
	pid_t pid = two_threads();
	bool made = run_gcore(pid, path);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	unlink(path);
	rmdir(dir);
	if (!made || fd < 0) {
		print_message("no gdb, or it may not attach here\n");
		skip();
	}
	check_gcore(fd, pid);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loads_are_sorted_and_disjoint),
		cmocka_unit_test(notes_say_what_was_written),
		cmocka_unit_test(damage_does_no_harm),
		cmocka_unit_test(registers_of_aarch64),
		cmocka_unit_test(counts_beyond_16_bits),
		cmocka_unit_test(note_sizes_are_exact),
		cmocka_unit_test(padding_and_strange_names_are_stepped_over),
		cmocka_unit_test(gcore_of_a_child),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
