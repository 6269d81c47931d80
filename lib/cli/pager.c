// The pager: a child that reads our output. Only an unset PAGER tries `less` itself; what
// a person put there is a command line for the shell, as everywhere else.

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli_internal.h"

extern char **environ;

static int spawn_reading(char *const argv[], int fd)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	pid_t pid = 0;
	sigset_t defaults;
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	sigaddset(&defaults, SIGINT);
	if (posix_spawn_file_actions_init(&actions))
		return 0;
	if (posix_spawnattr_init(&attributes)) {
		posix_spawn_file_actions_destroy(&actions);
		return 0;
	}
	int failed = posix_spawn_file_actions_adddup2(&actions, fd, STDIN_FILENO);
	failed = failed ?: posix_spawnattr_setsigdefault(&attributes, &defaults);
	failed = failed ?: posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
	failed = failed
			 ?: posix_spawnp(
				    &pid, argv[0], &actions, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return failed ? 0 : pid;
}

static int start(const char *command, int fd)
{
	static char less[] = "less", shell[] = "sh", option[] = "-c";
	if (!command)
		return spawn_reading((char *[]){ less, NULL }, fd);
	char *line = (char *)(uintptr_t)command; // which exec does not write to
	return spawn_reading((char *[]){ shell, option, line, NULL }, fd);
}

int ms_pager_start(ms_env_fn env, int *ret_fd)
{
	const char *command = env("PAGER");
	if (command && (!*command || strcmp(command, "cat") == 0))
		return 0;
	int fds[2];
	if (pipe2(fds, O_CLOEXEC) < 0)
		return 0;
	// F: not for less than a screen, R: colours pass, X: leave the text on the
	// screen.
	(void)setenv("LESS", "FRX", /* overwrite= */ 0);
	int pid = start(command, fds[0]);
	close(fds[0]);
	if (!pid) {
		close(fds[1]);
		return 0;
	}
	// A reader who quits early is no error, and Ctrl-C belongs to the pager now.
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	*ret_fd = fds[1];
	return pid;
}

void ms_pager_wait(int pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}
