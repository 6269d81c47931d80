// Starting, following and holding a program: see program.h.

#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	STEP_NS = 1000 * 1000,
	EVENT_SHIFT = 16,
};

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

// In the child: wait until the parent traces us, then become the program. What fails is
// said through the pipe, which exec closes.
static _Noreturn void become(char *const argv[], int down[2], int up[2])
{
	int from_parent = down[0], to_parent = up[1];
	sigset_t none;
	char c;
	int errnum = 0;
	close(down[1]); // so that the parent's death is seen
	close(up[0]);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (read(from_parent, &c, 1) == 1) {
		execvp(argv[0], argv);
		errnum = errno;
	}
	(void)!write(to_parent, &errnum, sizeof(errnum));
	_exit(127);
}

static struct ms_error *seize(
	struct program *program, const char *name, int to_child, int from_child)
{
	int errnum = 0;
	if (ptrace(PTRACE_SEIZE, program->pid, NULL, (void *)(long)PTRACE_O_TRACEEXIT) <
		0)
		return ms_error_os(errno, "cannot trace '%s'", name);
	program->start_ns = now_ns();
	if (write(to_child, "x", 1) != 1)
		return ms_error_os(errno, "cannot start '%s'", name);
	if (read(from_child, &errnum, sizeof(errnum)) == sizeof(errnum))
		return ms_error_os(errnum, "cannot start '%s'", name);
	return NULL;
}

struct ms_error *program_start(struct program *program, char *const argv[])
{
	int down[2], up[2];
	if (pipe2(down, O_CLOEXEC) < 0)
		return ms_error_os(errno, "cannot make a pipe");
	if (pipe2(up, O_CLOEXEC) < 0) {
		struct ms_error *err = ms_error_os(errno, "cannot make a pipe");
		close(down[0]);
		close(down[1]);
		return err;
	}
	program->pid = fork();
	if (program->pid == 0)
		become(argv, down, up);
	close(down[0]);
	close(up[1]);
	struct ms_error *err = program->pid < 0
				       ? ms_error_os(errno, "cannot start '%s'", argv[0])
				       : seize(program, argv[0], down[1], up[0]);
	close(down[1]);
	close(up[0]);
	return err;
}

// One thing that happened to it.
static struct ms_error *handle(struct program *program, int status)
{
	pid_t pid = program->pid;
	unsigned long code = 0;
	int event = status >> EVENT_SHIFT, signal = WSTOPSIG(status);
	if (!WIFSTOPPED(status)) {
		program->status = status;
		program->has_ended = true;
		program->end_ns = now_ns();
		return NULL;
	}
	if (event == PTRACE_EVENT_EXIT) {
		(void)ptrace(PTRACE_GETEVENTMSG, pid, NULL, &code);
		program->status = (int)code;
		program->is_held = true;
		program->end_ns = now_ns();
		return NULL;
	}
	// A stop of the whole group lasts until SIGCONT; other signals are passed on.
	bool is_group = event == PTRACE_EVENT_STOP &&
			(signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN ||
				signal == SIGTTOU);
	long done = is_group ? ptrace(PTRACE_LISTEN, pid, NULL, NULL)
			     : ptrace(PTRACE_CONT, pid, NULL,
				       (void *)(long)(event ? 0 : signal));
	// It may have been killed meanwhile: then the next wait says so.
	return done < 0 && errno != ESRCH ? ms_error_os(errno, "cannot go on") : NULL;
}

struct ms_error *program_poll(struct program *program, unsigned milliseconds)
{
	struct ms_error *err = NULL;
	struct timespec step = { .tv_nsec = STEP_NS };
	for (unsigned i = 0; !err && !program->is_held && !program->has_ended; i++) {
		int status;
		pid_t pid = waitpid(program->pid, &status, WNOHANG | __WALL);
		if (pid < 0)
			return ms_error_os(errno, "cannot wait for the program");
		if (pid)
			err = handle(program, status);
		else if (i >= milliseconds)
			return NULL;
		else
			nanosleep(&step, NULL);
	}
	return err;
}

void program_release(struct program *program)
{
	int status;
	if (program->pid <= 0 || program->has_ended)
		return;
	if (!program->is_held)
		kill(program->pid, SIGTERM);
	// Its stops on the way to the end are passed on, that at its exit too.
	while (!program->has_ended) {
		if (program->is_held)
			(void)ptrace(PTRACE_DETACH, program->pid, NULL, NULL);
		if (waitpid(program->pid, &status, __WALL) < 0)
			break;
		ms_error_free(handle(program, status));
	}
}
