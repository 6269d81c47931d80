// What the terminal and the environment say: colour, character set, width.

#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "cli/cli_internal.h"

static bool is_set(ms_env_fn env, const char *name)
{
	const char *value = env(name);
	return value && *value;
}

bool ms_terminal_has_color(enum ms_when when, bool is_tty, ms_env_fn env)
{
	if (when != MS_WHEN_AUTO)
		return when == MS_WHEN_ALWAYS;
	if (is_set(env, "NO_COLOR"))
		return false;
	static const char *const force[] = { "FORCE_COLOR", "CLICOLOR_FORCE" };
	for (size_t i = 0; i < sizeof(force) / sizeof(force[0]); i++)
		if (is_set(env, force[i]))
			return strcmp(env(force[i]), "0") != 0;
	const char *term = env("TERM");
	return is_tty && term && strcmp(term, "dumb") != 0;
}

bool ms_terminal_is_utf8(ms_env_fn env)
{
	static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!is_set(env, names[i]))
			continue;
		const char *value = env(names[i]);
		return strcasestr(value, "UTF-8") || strcasestr(value, "UTF8");
	}
	return false;
}

unsigned ms_terminal_width(int fd)
{
	struct winsize size;
	return ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}
