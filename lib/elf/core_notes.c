// What the standard notes of a core say: see core.h.
//
// The layouts are the kernel's: struct elf_prstatus, struct elf_prpsinfo
// (include/linux/elfcore.h) and struct user_regs_struct of each machine, by offset,
// so that a core of another machine than ours can be read.

#include "elf/elf_internal.h"

enum {
	FILES_LIMIT = 64 << 20, // the kernel stops at 4 MiB, gcore does not
	AUXV_LIMIT = 64 << 10,
};

const struct ms_note *ms_core_note(const struct ms_core *core, const char *name,
	uint32_t type, const struct ms_note *after)
{
	size_t i = after ? (size_t)(after - core->notes) + 1 : 0;
	for (; i < core->notes_n; i++)
		if (core->notes[i].type == type && strcmp(core->notes[i].name, name) == 0)
			return &core->notes[i];
	return NULL;
}

struct ms_error *ms_core_note_read(const struct ms_core *core, const struct ms_note *note,
	size_t limit, struct ms_buffer *ret)
{
	if (note->size > limit)
		return ms_error_new(MS_ERROR_LIMIT, "note '%s' %#x of %llu bytes",
			note->name, note->type, (unsigned long long)note->size);
	// Before memory is taken for it, the file must be seen to hold it.
	uint8_t last;
	if (note->size && !ms_elf_source_read(
				  &core->source, note->offset + note->size - 1, &last, 1))
		return ms_error_format(note->offset, "note '%s' is cut off", note->name);

	_cleanup_free_ uint8_t *p = malloc(note->size + 1);
	if (!p)
		return &ms_error_nomem;
	if (!ms_elf_source_read(&core->source, note->offset, p, note->size))
		return ms_error_format(note->offset, "note '%s' is cut off", note->name);
	p[note->size] = '\0';
	ms_buffer_deinit(ret);
	ret->cap = note->size + 1;
	ret->n = note->size;
	ret->p = ms_steal(p);
	return NULL;
}

// As ms_core_note_read, into the arena; no bytes if the note is cut off or too long.
static struct ms_error *note_bytes(struct ms_core *core, const struct ms_note *note,
	size_t limit, struct ms_bytes *ret)
{
	_cleanup_buffer_ struct ms_buffer buffer = {};
	struct ms_error *err = ms_core_note_read(core, note, limit, &buffer);
	if (ms_error_catch(&err, MS_ERROR_LIMIT) ||
		ms_error_catch(&err, MS_ERROR_FORMAT)) {
		core->odd++;
		*ret = (struct ms_bytes){};
		return NULL;
	}
	if (err)
		return err;
	const char *copy = ms_arena_copy(&core->arena, ms_buffer_bytes(&buffer));
	if (!copy)
		return &ms_error_nomem;
	*ret = (struct ms_bytes){ (const uint8_t *)copy, buffer.n };
	return NULL;
}

static uint64_t u64_at(struct ms_bytes b, size_t offset)
{
	uint64_t v = 0;
	if (ms_fits(offset, sizeof(v), b.n))
		memcpy(&v, b.p + offset, sizeof(v));
	return v;
}

static uint32_t u32_at(struct ms_bytes b, size_t offset)
{
	uint32_t v = 0;
	if (ms_fits(offset, sizeof(v), b.n))
		memcpy(&v, b.p + offset, sizeof(v));
	return v;
}

/* A row of NT_FILE: start, end, offset in pages; the names follow the last row. */
enum {
	FILE_ROWS = 16, // after the count and the page size
	FILE_ROW = 24,
};

// Take one NUL-terminated name off the front; false at the end of the note.
static bool take_name(struct ms_bytes *names, struct ms_bytes *ret)
{
	const uint8_t *end = names->n ? memchr(names->p, 0, names->n) : NULL;
	if (!end)
		return false;
	size_t n = (size_t)(end - names->p);
	*ret = ms_bytes_sub(*names, 0, n);
	*names = ms_bytes_sub(*names, n + 1, SIZE_MAX);
	return true;
}

struct ms_error *ms_core_files(struct ms_core *core, struct ms_core_files *ret)
{
	*ret = (struct ms_core_files){};
	const struct ms_note *note = ms_core_note(core, "CORE", NT_FILE, NULL);
	if (!note)
		return NULL;
	struct ms_bytes b;
	struct ms_error *err = note_bytes(core, note, FILES_LIMIT, &b);
	if (err)
		return err;

	uint64_t n = u64_at(b, 0), page = u64_at(b, 8);
	if (b.n < FILE_ROWS || n > (b.n - FILE_ROWS) / FILE_ROW) {
		core->odd++;
		return NULL;
	}
	struct ms_core_files files = {};
	files.v = ms_new(&core->arena, struct ms_core_file, n);
	if (!files.v && n)
		return &ms_error_nomem;
	struct ms_bytes names = ms_bytes_sub(b, FILE_ROWS + n * FILE_ROW, SIZE_MAX);
	for (size_t i = 0; i < n; i++) {
		size_t row = FILE_ROWS + i * FILE_ROW;
		struct ms_core_file *f = &files.v[files.n];
		if (!take_name(&names, &f->name)) {
			core->odd++;
			break;
		}
		f->range = (struct ms_range){ u64_at(b, row), u64_at(b, row + 8) };
		if (f->range.start < f->range.end &&
			ms_mul(u64_at(b, row + 16), page, &f->offset))
			files.n++;
		else
			core->odd++;
	}
	*ret = files;
	return NULL;
}

enum {
	STATUS_SIGNAL = 12,
	STATUS_TID = 32,
	STATUS_REGISTERS = 112,
};

/* Offsets of registers in struct elf_prstatus; fs_base 0: the machine has none there. */
struct registers {
	uint16_t machine;
	size_t pc, sp, fs_base, size;
};

static const struct registers registers[] = {
	{ EM_X86_64, STATUS_REGISTERS + 16 * 8, STATUS_REGISTERS + 19 * 8,
		STATUS_REGISTERS + 21 * 8, STATUS_REGISTERS + 27 * 8 },
	{ EM_AARCH64, STATUS_REGISTERS + 32 * 8, STATUS_REGISTERS + 31 * 8, 0,
		STATUS_REGISTERS + 34 * 8 },
};

static const struct registers *registers_of(uint16_t machine)
{
	for (size_t i = 0; i < sizeof(registers) / sizeof(registers[0]); i++)
		if (registers[i].machine == machine)
			return &registers[i];
	return NULL;
}

// False if the note is too short.
static bool read_thread(const struct ms_core *core, const struct ms_note *note,
	struct ms_core_thread *ret)
{
	uint8_t status[STATUS_REGISTERS + 34 * 8];
	const struct registers *r = registers_of(core->machine);
	if (!r || note->size < r->size ||
		!ms_elf_source_read(&core->source, note->offset, status, r->size))
		return false;
	struct ms_bytes b = { status, r->size };
	*ret = (struct ms_core_thread){
		.tid = u32_at(b, STATUS_TID),
		.signal = u32_at(b, STATUS_SIGNAL) & 0xffff,
		.pc = u64_at(b, r->pc),
		.sp = u64_at(b, r->sp),
		.fs_base = r->fs_base ? u64_at(b, r->fs_base) : 0,
	};
	return true;
}

struct ms_error *ms_core_threads(struct ms_core *core, struct ms_core_threads *ret)
{
	size_t n = 0;
	for (const struct ms_note *note = NULL;
		(note = ms_core_note(core, "CORE", NT_PRSTATUS, note));)
		n++;
	struct ms_core_threads threads = {};
	threads.v = ms_new(&core->arena, struct ms_core_thread, n);
	if (!threads.v && n)
		return &ms_error_nomem;
	for (const struct ms_note *note = NULL;
		(note = ms_core_note(core, "CORE", NT_PRSTATUS, note));) {
		if (read_thread(core, note, &threads.v[threads.n]))
			threads.n++;
		else
			core->odd++;
	}
	*ret = threads;
	return NULL;
}

/* struct elf_prpsinfo of 64-bit machines. */
enum {
	INFO_STATE_NAME = 1,
	INFO_UID = 16,
	INFO_PID = 24,
	INFO_PPID = 28,
	INFO_COMM = 40,
	INFO_ARGS = 56,
	INFO_SIZE = 136,
};

bool ms_core_process(const struct ms_core *core, struct ms_core_process *ret)
{
	uint8_t info[INFO_SIZE];
	const struct ms_note *note = ms_core_note(core, "CORE", NT_PRPSINFO, NULL);
	if (!note || note->size < sizeof(info) ||
		!ms_elf_source_read(&core->source, note->offset, info, sizeof(info)))
		return false;
	struct ms_bytes b = { info, sizeof(info) };
	struct ms_core_process p = {
		.pid = u32_at(b, INFO_PID),
		.ppid = u32_at(b, INFO_PPID),
		.uid = u32_at(b, INFO_UID),
		.state = (char)info[INFO_STATE_NAME],
	};
	memcpy(p.comm, info + INFO_COMM, sizeof(p.comm) - 1);
	memcpy(p.args, info + INFO_ARGS, sizeof(p.args) - 1);
	*ret = p;
	return true;
}

bool ms_core_auxv(const struct ms_core *core, uint64_t type, uint64_t *ret)
{
	Elf64_auxv_t entry;
	const struct ms_note *note = ms_core_note(core, "CORE", NT_AUXV, NULL);
	if (!note)
		return false;
	uint64_t size = ms_min(note->size, AUXV_LIMIT);
	for (uint64_t at = 0; size - at >= sizeof(entry); at += sizeof(entry)) {
		if (!ms_elf_source_read(
			    &core->source, note->offset + at, &entry, sizeof(entry)))
			return false;
		if (entry.a_type == AT_NULL)
			return false;
		if (entry.a_type == type) {
			*ret = entry.a_un.a_val;
			return true;
		}
	}
	return false;
}
