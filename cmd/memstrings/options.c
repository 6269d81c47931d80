// The command line. Short letters are those of GNU strings, and so is what they accept.

#include "memstrings.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

enum {
	OPT_LIST = 256,
	OPT_BLOCK_SIZE,
	OPT_PORTABLE,
};

static const struct option longs[] = {
	{ "list", no_argument, NULL, OPT_LIST },
	{ "all", no_argument, NULL, 'a' },
	{ "data", no_argument, NULL, 'd' },
	{ "print-file-name", no_argument, NULL, 'f' },
	{ "bytes", required_argument, NULL, 'n' },
	{ "radix", required_argument, NULL, 't' },
	{ "include-all-whitespace", no_argument, NULL, 'w' },
	{ "encoding", required_argument, NULL, 'e' },
	{ "output-separator", required_argument, NULL, 's' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ "block-size", required_argument, NULL, OPT_BLOCK_SIZE },
	{ "portable", no_argument, NULL, OPT_PORTABLE },
	{ NULL, 0, NULL, 0 },
};

static const char help[] =
	"Usage: memstrings --list [OPTION]... [FILE]...\n"
	"Print the strings of files, exactly as GNU strings does.\n"
	"\n"
	"  -n, --bytes=NUM           strings of at least NUM characters (default 4)\n"
	"  -NUM                      the same\n"
	"  -e, --encoding={s,S,b,l,B,L}\n"
	"                            s = 7-bit, S = 8-bit, b,l = 16-bit, B,L = 32-bit,\n"
	"                            big- and little-endian\n"
	"  -w, --include-all-whitespace\n"
	"                            line feeds and the like belong to strings\n"
	"  -t, --radix={o,d,x}       print offsets in octal, decimal, hexadecimal\n"
	"  -o                        the same as --radix=o\n"
	"  -f, --print-file-name     print the file's name before each string\n"
	"  -s, --output-separator=TEXT\n"
	"                            end each string with TEXT, not with a line feed\n"
	"  -a, --all, -d, --data     accepted; the whole file is always read\n"
	"  -h, --help                print this help\n"
	"  -V, --version             print the version\n";

static int usage_error(const char *what, const char *text)
{
	fprintf(stderr, "memstrings: invalid %s '%s'\n", what, text);
	fputs("Try 'memstrings --help'\n", stderr);
	return EXIT_FAILED;
}

// As strtoul(base 0) reads it, but nothing is wrapped or cut off.
static bool parse_number(const char *text, uint64_t *ret)
{
	char *end;
	errno = 0;
	if (!*text || strchr(text, '-'))
		return false;
	*ret = strtoull(text, &end, 0);
	return !errno && !*end;
}

static int take_min(const char *text, struct options *o)
{
	if (!parse_number(text, &o->listing.min))
		return usage_error("integer argument", text);
	if (!o->listing.min)
		return usage_error("minimum string length", text);
	return -1;
}

static int take_radix(const char *text, struct options *o)
{
	static const struct {
		char letter;
		unsigned radix;
	} radices[] = { { 'o', 8 }, { 'd', 10 }, { 'x', 16 } };
	for (size_t i = 0; i < 3; i++) {
		if (text[0] == radices[i].letter && !text[1]) {
			o->listing.radix = radices[i].radix;
			return -1;
		}
	}
	return usage_error("radix", text);
}

static int take_encoding(const char *text, struct options *o)
{
	if (!text[0] || text[1] || !ms_encoding_parse(text[0], &o->listing.encoding))
		return usage_error("encoding", text);
	return -1;
}

static int take_block_size(const char *text, struct options *o)
{
	uint64_t size;
	if (!parse_number(text, &size) || !size || size > 1 << 30)
		return usage_error("block size", text);
	o->listing.block_size = (size_t)size;
	return -1;
}

static int take_option(int c, struct options *o)
{
	switch (c) {
	case 'a':
	case 'd':
		return -1;
	case 'e':
		return take_encoding(optarg, o);
	case 'f':
		o->print_name = true;
		return -1;
	case 'n':
		return take_min(optarg, o);
	case 'o':
		o->listing.radix = 8;
		return -1;
	case 's':
		o->listing.separator = ms_bytes_of(optarg);
		return -1;
	case 't':
		return take_radix(optarg, o);
	case 'w':
		o->listing.spaces = true;
		return -1;
	case OPT_LIST:
		o->list = true;
		return -1;
	case OPT_BLOCK_SIZE:
		return take_block_size(optarg, o);
	case OPT_PORTABLE:
		o->listing.masks = ms_scan_portable;
		return -1;
	case 'h':
		fputs(help, stdout);
		return EXIT_DONE;
	case 'V':
		puts("memstrings (memsleuth) 0.1.0");
		return EXIT_DONE;
	default:
		fputs("Try 'memstrings --help'\n", stderr);
		return EXIT_FAILED;
	}
}

int options_parse(int argc, char **argv, struct options *ret)
{
	struct options o = { 0 };
	char digits[32] = "";
	size_t n_digits = 0;
	int digits_at = 0;
	for (;;) {
		int at = optind ? optind : 1;
		int c = getopt_long(argc, argv, "adfn:t:ows:e:hV0123456789", longs, NULL);
		if (c < 0)
			break;
		if (c < '0' || c > '9') {
			int code = take_option(c, &o);
			if (code >= 0)
				return code;
			continue;
		}
		// -NUM comes digit by digit; of several, the last one counts.
		if (at != digits_at)
			n_digits = 0;
		digits_at = at;
		if (n_digits + 1 >= sizeof(digits))
			return usage_error("integer argument", digits);
		digits[n_digits++] = (char)c;
		digits[n_digits] = '\0';
	}
	int code = *digits ? take_min(digits, &o) : -1;
	if (code >= 0)
		return code;
	if (!o.list)
		return usage_error("mode", "without --list");
	o.operands = argv + optind;
	o.n_operands = (size_t)(argc - optind);
	*ret = o;
	return -1;
}
