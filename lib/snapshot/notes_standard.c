// The standard notes of a core, which every reader of cores knows: one NT_PRSTATUS a
// thread, NT_PRPSINFO, NT_AUXV and NT_FILE.

#include "snapshot/snapshot_internal.h"

#include <elf.h>
#include <string.h>
#include <sys/procfs.h>

#include "elf/note.h"

static struct ms_error *add_status(struct ms_buffer *out,
	const struct ms_snapshot_plan *plan, const struct ms_thread *t)
{
	struct elf_prstatus status = { 0 };
	status.pr_pid = (pid_t)t->tid;
	status.pr_pgrp = (pid_t)ms_target_info(plan->target)->pid;
#ifdef __x86_64__
	struct user_regs_struct regs = { 0 };
	regs.rsp = t->sp;
	regs.rip = t->pc;
	_Static_assert(sizeof(regs) == sizeof(status.pr_reg), "x86-64 registers");
	memcpy(&status.pr_reg, &regs, sizeof(regs));
#elif defined(__aarch64__)
	struct user_regs_struct regs = { 0 };
	regs.sp = t->sp;
	regs.pc = t->pc;
	memcpy(&status.pr_reg, &regs, sizeof(regs));
#endif
	struct ms_bytes desc = { (const uint8_t *)&status, sizeof(status) };
	return ms_note_add(out, "CORE", NT_PRSTATUS, desc);
}

// The main thread first: debuggers start there.
static struct ms_error *add_statuses(
	struct ms_buffer *out, const struct ms_snapshot_plan *plan, bool is_main)
{
	const struct ms_threads *threads = ms_target_threads(plan->target);
	uint64_t pid = ms_target_info(plan->target)->pid;
	for (size_t i = 0; i < threads->n; i++) {
		if ((threads->v[i].tid == pid) != is_main)
			continue;
		struct ms_error *err = add_status(out, plan, &threads->v[i]);
		if (err)
			return err;
	}
	return NULL;
}

static struct ms_error *add_psinfo(
	struct ms_buffer *out, const struct ms_snapshot_plan *plan)
{
	const struct ms_target_info *info = ms_target_info(plan->target);
	struct ms_bytes text = ms_target_file(plan->target, MS_TARGET_FILE_STATUS);
	struct ms_status status = { 0 };
	struct elf_prpsinfo ps = { 0 };
	if (text.n) {
		ms_status_parse(text, &status);
		ps.pr_sname = status.state;
		ps.pr_ppid = (int)status.ppid;
		ps.pr_uid = (unsigned)status.uid;
	}
	ps.pr_pid = (int)info->pid;
	memcpy(ps.pr_fname, info->comm,
		ms_min(strlen(info->comm), sizeof(ps.pr_fname) - 1));
	size_t n = ms_min(info->command.n, sizeof(ps.pr_psargs) - 1);
	for (size_t i = 0; i < n; i++) {
		char c = (char)info->command.p[i];
		ps.pr_psargs[i] = c ? c : ' ';
	}
	struct ms_bytes desc = { (const uint8_t *)&ps, sizeof(ps) };
	return ms_note_add(out, "CORE", NT_PRPSINFO, desc);
}

// Only files that a debugger may open by this name: a deleted or replaced one would give
// it other bytes.
static bool is_named_file(const struct ms_mapping *m)
{
	return m->kind == MS_MAPPING_FILE && !(m->flags & MS_MAPPING_DELETED);
}

static struct ms_error *add_word(struct ms_buffer *out, uint64_t word)
{
	return ms_buffer_add(out, &word, sizeof(word));
}

// NT_FILE: count, page size, (start, end, offset in pages)..., names (fill_files_note in
// fs/binfmt_elf.c, Linux 6.18).
static struct ms_error *add_files(struct ms_buffer *out, const struct ms_maps *maps)
{
	_cleanup_buffer_ struct ms_buffer rows = { 0 };
	_cleanup_buffer_ struct ms_buffer names = { 0 };
	uint64_t head[2] = { 0, MS_PAGE_SIZE };
	struct ms_error *err = ms_buffer_add(&rows, head, sizeof(head));
	for (size_t i = 0; !err && i < maps->n; i++) {
		const struct ms_mapping *m = &maps->v[i];
		if (!is_named_file(m))
			continue;
		head[0]++;
		err = add_word(&rows, m->range.start);
		if (!err)
			err = add_word(&rows, m->range.end);
		if (!err)
			err = add_word(&rows, m->offset / MS_PAGE_SIZE);
		if (!err)
			err = ms_buffer_add(&names, m->name.p, m->name.n);
		if (!err)
			err = ms_buffer_add(&names, "", 1);
	}
	if (err)
		return err;
	memcpy(rows.p, head, sizeof(head));
	err = ms_buffer_add(&rows, names.p, names.n);
	return err ?: ms_note_add(out, "CORE", NT_FILE, ms_buffer_bytes(&rows));
}

struct ms_error *ms_notes_standard(struct ms_snapshot_plan *plan)
{
	struct ms_buffer *out = &plan->standard_notes;
	struct ms_bytes auxv = ms_target_file(plan->target, MS_TARGET_FILE_AUXV);
	struct ms_error *err = add_statuses(out, plan, /* is_main= */ true);
	if (!err)
		err = add_psinfo(out, plan);
	if (!err && auxv.n)
		err = ms_note_add(out, "CORE", NT_AUXV, auxv);
	if (!err)
		err = add_files(out, ms_target_maps(plan->target));
	if (!err)
		err = add_statuses(out, plan, /* is_main= */ false);
	return err;
}
