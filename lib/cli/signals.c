// Signals and the three standard descriptors.
//
// The first SIGINT, SIGTERM or SIGHUP raises the cancel flag; the work stops, cleans up
// and the process then dies by that very signal. The second one kills at once. A signal
// that was ignored at the start (nohup, a background job of a script) stays ignored.

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli_internal.h"

struct ms_cancel ms_cli_cancel;

static const int stopping[] = { SIGINT, SIGTERM, SIGHUP };
enum {
	STOPPING = sizeof(stopping) / sizeof(stopping[0])
};

static volatile sig_atomic_t caught;

static volatile sig_atomic_t dies_at_once;

// Blocked while this runs, so the raise takes effect on return.
static void on_signal(int signo)
{
	caught = signo;
	ms_cancel_raise(&ms_cli_cancel);
	for (size_t i = 0; i < STOPPING; i++)
		signal(stopping[i], SIG_DFL);
	if (dies_at_once)
		(void)raise(signo);
}

void ms_cli_waits(bool waits)
{
	dies_at_once = waits;
	if (waits && caught)
		ms_signals_die(caught); // it came just before
}

// A closed descriptor would be given to the first file opened, and a message would then
// be written into it. The wrong access mode makes use of it fail as it would have.
static void open_standard(void)
{
	for (int fd = 0; fd < 3; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		int mode = fd == STDIN_FILENO ? O_WRONLY : O_RDONLY;
		if (open("/dev/null", mode) != fd) // NOLINT: must not be O_CLOEXEC
			abort(); // descriptors are given out from the lowest on
	}
}

void ms_signals_init(void)
{
	open_standard();
	// A parent that ignores SIGPIPE (Python does) must not make `| head` print
	// errors.
	signal(SIGPIPE, SIG_DFL);
	struct sigaction action = { .sa_handler = on_signal };
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < STOPPING; i++)
		sigaddset(&action.sa_mask, stopping[i]);
	for (size_t i = 0; i < STOPPING; i++) {
		struct sigaction old;
		if (sigaction(stopping[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			(void)sigaction(stopping[i], &action, NULL);
	}
}

int ms_signals_caught(void)
{
	return caught;
}

void ms_signals_die(int signo)
{
	signal(signo, SIG_DFL);
	(void)raise(signo);
}
