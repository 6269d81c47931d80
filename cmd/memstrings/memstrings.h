/**
 * memstrings - strings of a target or a file.
 *
 * The parts of the utility: options.c reads the command line, list.c is --list.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "strings/strings.h"

enum {
	EXIT_DONE = 0,
	EXIT_NO = 1, ///< with --list: a file could not be listed, as GNU strings has it
	EXIT_FAILED = 2, ///< failed, or wrong usage
	EXIT_PARTIAL = 3,
};

struct options {
	bool list;
	bool print_name; // -f
	struct ms_list_options listing;
	char **operands; // borrowed from argv
	size_t n_operands;
};

/**
 * Read the command line; does nothing else.
 *
 * @return -1 to go on, else the exit code (help, version, wrong usage)
 */
int options_parse(int argc, char **argv, struct options *ret);

/** --list: list every operand. Returns the exit code. */
int list_run(const struct options *options);
