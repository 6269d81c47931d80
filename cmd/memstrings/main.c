// memstrings: parse, list or count, exit code.

#include "memstrings.h"

#include <signal.h>

int main(int argc, char **argv)
{
	// A parent may have left SIGPIPE ignored; a closed pipe must end us in silence.
	signal(SIGPIPE, SIG_DFL);
	struct options options;
	int code = options_parse(argc, argv, &options);
	return code >= 0 ? code : list_run(&options);
}
