// Why the kernel refused: the checks of __ptrace_may_access() (kernel/ptrace.c,
// Linux 6.18) asked again from outside, in its order, so that the message names the one
// that refused.

#include "target/target_internal.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#define CAP_SYS_PTRACE_BIT (UINT64_C(1) << 19)

struct facts {
	struct ms_status own, target;
	bool has_target;
	bool is_dumpable;
	uint64_t yama; // kernel.yama.ptrace_scope, 0 without Yama
};

static bool read_status(int dirfd, const char *path, struct ms_status *ret)
{
	_cleanup_buffer_ struct ms_buffer text = { 0 };
	_cleanup_error_ struct ms_error *err =
		ms_read_file_at(dirfd, path, 1 << 16, &text);
	if (err)
		return false;
	ms_status_parse(ms_buffer_bytes(&text), ret);
	return true;
}

static uint64_t read_yama(void)
{
	_cleanup_buffer_ struct ms_buffer text = { 0 };
	_cleanup_error_ struct ms_error *err = ms_read_file_at(
		AT_FDCWD, "/proc/sys/kernel/yama/ptrace_scope", 64, &text);
	struct ms_bytes rest = ms_buffer_bytes(&text);
	uint64_t scope = 0;
	if (err || !ms_bytes_dec(&rest, &scope))
		return 0;
	return scope;
}

static void gather(int proc_fd, struct facts *f)
{
	struct stat st;
	(void)read_status(AT_FDCWD, "/proc/self/status", &f->own);
	f->has_target = read_status(proc_fd, "status", &f->target);
	// The kernel gives the files of a process that is not dumpable to root, but not
	// the directory itself (task_dump_owner() in fs/proc/base.c, Linux 6.18).
	f->is_dumpable = fstatat(proc_fd, "maps", &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			 st.st_uid == f->target.euid;
	f->yama = read_yama();
}

static struct ms_error *refused(uint64_t pid, bool is_attach, const char *why)
{
	return ms_error_new(MS_ERROR_DENIED,
		"cannot read the %s of process %" PRIu64 ": %s",
		is_attach ? "memory" : "mappings", pid, why);
}

static struct ms_error *refused_uid(uint64_t pid, bool is_attach, const struct facts *f)
{
	return ms_error_hint(
		ms_error_new(MS_ERROR_DENIED,
			"cannot read the %s of process %" PRIu64
			": it belongs to uid %" PRIu64 ", this is uid %" PRIu64,
			is_attach ? "memory" : "mappings", pid, f->target.euid,
			f->own.euid),
		"run as that user, as root, or with CAP_SYS_PTRACE");
}

static struct ms_error *refused_yama(uint64_t pid, uint64_t scope)
{
	static const char *const hints[] = { "",
		"as root: sysctl kernel.yama.ptrace_scope=0, or run with CAP_SYS_PTRACE",
		"run with CAP_SYS_PTRACE", "it cannot be lifted before the next boot" };
	struct ms_error *err = ms_error_new(MS_ERROR_DENIED,
		"cannot read the memory of process %" PRIu64
		": Yama refuses (kernel.yama.ptrace_scope is %" PRIu64 ")",
		pid, scope);
	return ms_error_hint(err, "%s", hints[scope < 4 ? scope : 3]);
}

struct ms_error *ms_target_explain_denied(int proc_fd, uint64_t pid, bool is_attach)
{
	struct facts f = { 0 };
	gather(proc_fd, &f);
	bool has_cap = f.own.cap_eff & CAP_SYS_PTRACE_BIT;
	if (!f.has_target)
		return ms_error_hint(refused(pid, is_attach, "its status is hidden"),
			"/proc is mounted with hidepid: run as root");
	if (!has_cap && f.own.euid != f.target.euid && f.own.euid != 0)
		return refused_uid(pid, is_attach, &f);
	if (!has_cap && !f.is_dumpable)
		return ms_error_hint(refused(pid, is_attach, "it is not dumpable"),
			"it changed its user or asked so by prctl(PR_SET_DUMPABLE); "
			"run with CAP_SYS_PTRACE");
	if (!has_cap && (f.target.cap_eff & ~f.own.cap_eff))
		return ms_error_hint(
			refused(pid, is_attach, "it has capabilities that this lacks"),
			"run with CAP_SYS_PTRACE (docker run --cap-add SYS_PTRACE, "
			"kubectl debug --profile=sysadmin)");
	if (is_attach && f.yama && (!has_cap || f.yama >= 3))
		return refused_yama(pid, f.yama);
	if (!has_cap && f.own.euid != f.target.euid)
		return ms_error_hint(refused(pid, is_attach, "CAP_SYS_PTRACE is missing"),
			"docker run --cap-add SYS_PTRACE, kubectl debug --profile=sysadmin");
	if (f.own.seccomp == 2)
		return ms_error_hint(
			refused(pid, is_attach, "a seccomp filter may have refused it"),
			"run with a seccomp profile that allows ptrace-like access");
	return ms_error_hint(refused(pid, is_attach,
				     "a security module or another user "
				     "namespace refused it"),
		"run in the target's user namespace, or on the host as root");
}
