// Differential fuzz of memstrings --list against GNU strings: random inputs, random
// options, sizes around the edges of blocks. Both programs run on the same files; their
// output and exit code must be the same. See strings_diff.sh.
//
// Usage: strings_diff MEMSTRINGS STRINGS DIRECTORY RUNS SEED

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	FILES = 3,
	MAX_SIZE = 300000,
	MAX_ARGS = 32,
};

extern char **environ;

static uint64_t state;

// splitmix64: small, and the same everywhere.
static uint64_t next(void)
{
	uint64_t z = (state += 0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static unsigned below(unsigned n)
{
	return (unsigned)(next() % n);
}

static bool one_in(unsigned n)
{
	return below(n) == 0;
}

static void die(const char *what)
{
	fprintf(stderr, "strings_diff: %s: %s\n", what, strerror(errno));
	exit(2);
}

// --- inputs ---------------------------------------------------------------------------

static uint8_t text_byte(void)
{
	static const char edge[] = "\x1f\x20\x7e\x7f\t\n\v\f\r\x80\xff\x08\x0e";
	return one_in(40) ? (uint8_t)edge[below(sizeof(edge) - 1)]
			  : (uint8_t)(0x20 + below(0x5f));
}

// Runs of text with single other bytes between them, in units of `width` bytes whose text
// byte is the first or the last; now and then a byte is put in, which changes the phase.
static void fill_text(uint8_t *p, size_t n, unsigned width, bool big, unsigned run)
{
	size_t at = 0;
	while (at < n) {
		unsigned units = 1 + below(one_in(8) ? run * 20 : run);
		for (unsigned i = 0; i < units && at < n; i++) {
			uint8_t unit[4] = { 0 };
			unit[big ? width - 1 : 0] = text_byte();
			for (unsigned k = 0; k < width && at < n; k++)
				p[at++] = unit[k];
		}
		unsigned gap = below(4);
		for (unsigned i = 0; i < gap && at < n; i++)
			p[at++] = one_in(2) ? 0 : (uint8_t)next();
	}
}

static void fill_random(uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)next();
}

// Few byte values, so that every pattern of text, zero and high bytes comes up.
static void fill_few(uint8_t *p, size_t n)
{
	static const uint8_t values[] = { 0, 0, 0, 'a', 'b', 'c', '\t', 0x80, '\n' };
	for (size_t i = 0; i < n; i++)
		p[i] = values[below(sizeof(values))];
}

static void fill(uint8_t *p, size_t n)
{
	static const unsigned runs[] = { 2, 5, 12, 70, 500 };
	unsigned run = runs[below(5)];
	switch (below(10)) {
	case 0:
		fill_random(p, n);
		break;
	case 1:
	case 2:
		fill_few(p, n);
		break;
	case 3:
		memset(p, one_in(2) ? 0 : 'x', n);
		break;
	case 4:
	case 5:
		fill_text(p, n, 1, false, run);
		break;
	case 6:
	case 7:
		fill_text(p, n, 2, one_in(2), run);
		break;
	default:
		fill_text(p, n, 4, one_in(2), run);
	}
}

static size_t pick_size(void)
{
	static const unsigned edges[] = { 64, 128, 192, 8192, 8320, 4096, 65536, 256 };
	if (one_in(3))
		return below(400);
	if (one_in(20))
		return below(MAX_SIZE);
	size_t edge = edges[below(8)];
	return edge * (1 + below(3)) + below(9) - 4;
}

// Mixes follow each other at any offset, so that phases and edges differ.
static size_t make_input(uint8_t *p)
{
	size_t n = pick_size(), at = 0;
	while (at < n) {
		size_t part = one_in(2) ? n - at : 1 + below((unsigned)(n - at));
		fill(p + at, part);
		at += part;
	}
	return n;
}

// Long stretches of zeros become holes, where the file system has them.
static void write_file(const char *path, const uint8_t *p, size_t n, bool sparse)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	off_t gap = sparse ? (off_t)(4096u * below(60)) : 0;
	size_t half = sparse ? n / 2 : n;
	if (fd < 0 || pwrite(fd, p, half, 0) != (ssize_t)half ||
		pwrite(fd, p + half, n - half, (off_t)half + gap) !=
			(ssize_t)(n - half) ||
		(sparse && one_in(2) &&
			ftruncate(fd, (off_t)n + gap + below(200000)) < 0))
		die(path);
	close(fd);
}

// --- options --------------------------------------------------------------------------

struct args {
	const char *v[MAX_ARGS];
	char text[MAX_ARGS][32];
	size_t n;
};

__attribute__((format(printf, 2, 3))) static void add(
	struct args *a, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	vsnprintf(a->text[a->n], sizeof(a->text[0]), format, ap);
	va_end(ap);
	a->v[a->n] = a->text[a->n];
	a->n++;
}

static void add_min(struct args *a)
{
	static const unsigned mins[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 15, 16, 17, 18,
		31, 32, 33, 34, 63, 64, 65, 66, 100, 300, 5000 };
	unsigned min = mins[below(one_in(3) ? 25 : 12)];
	switch (below(6)) {
	case 0:
		add(a, "-n");
		add(a, "%u", min);
		break;
	case 1:
		add(a, "-n0x%x", min);
		break;
	case 2:
		add(a, "-n0%o", min);
		break;
	case 3:
		add(a, "--bytes=%u", min);
		break;
	default:
		add(a, "-%u", min);
	}
}

static void add_options(struct args *a)
{
	static const char letters[] = "sSlbLB";
	static const char radices[] = "odx";
	static const char *const separators[] = { "", "\\n", "--\n", "|",
		"<a long one>\n" };
	if (!one_in(4))
		add_min(a);
	if (!one_in(5))
		add(a, one_in(2) ? "-e%c" : "--encoding=%c", letters[below(6)]);
	if (one_in(2))
		add(a, one_in(2) ? "-t%c" : "--radix=%c", radices[below(3)]);
	else if (one_in(4))
		add(a, "-o");
	if (one_in(3))
		add(a, one_in(2) ? "-w" : "--include-all-whitespace");
	if (one_in(4)) {
		add(a, "-s");
		add(a, "%s", separators[below(5)]);
	}
	if (one_in(3))
		add(a, one_in(3) ? "--print-file-name" : one_in(2) ? "-f" : "-af");
	if (one_in(8))
		add(a, "-");
}

// Only memstrings has these; none of them may change the output.
static void add_own(struct args *a)
{
	static const unsigned blocks[] = { 1, 2, 3, 5, 63, 64, 65, 100, 127, 128, 129,
		192, 1000, 4096, 8191, 65536 };
	add(a, "--list");
	if (!one_in(4))
		add(a, "--block-size=%u", blocks[below(16)]);
	if (one_in(2))
		add(a, "--portable");
}

// --- running --------------------------------------------------------------------------

struct result {
	int fd; // what was printed
	int status;
};

static struct result run(const char *program, const struct args *a, const char *input)
{
	const char *argv[MAX_ARGS + 2] = { program };
	memcpy(argv + 1, a->v, a->n * sizeof(a->v[0]));
	struct result r = { .fd = memfd_create("out", MFD_CLOEXEC) };
	posix_spawn_file_actions_t actions;
	pid_t pid;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, input, O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, r.fd, 1);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	char *const *args = (char *const *)(uintptr_t)argv;
	int failed = posix_spawnp(&pid, program, &actions, NULL, args, environ);
	posix_spawn_file_actions_destroy(&actions);
	errno = failed;
	if (r.fd < 0 || failed || waitpid(pid, &r.status, 0) != pid)
		die(program);
	return r;
}

static bool same(struct result a, struct result b)
{
	off_t n = lseek(a.fd, 0, SEEK_END);
	if (a.status != b.status || n != lseek(b.fd, 0, SEEK_END))
		return false;
	if (!n)
		return true;
	void *pa = mmap(NULL, (size_t)n, PROT_READ, MAP_SHARED, a.fd, 0);
	void *pb = mmap(NULL, (size_t)n, PROT_READ, MAP_SHARED, b.fd, 0);
	if (pa == MAP_FAILED || pb == MAP_FAILED)
		die("mmap");
	bool equal = memcmp(pa, pb, (size_t)n) == 0;
	munmap(pa, (size_t)n);
	munmap(pb, (size_t)n);
	return equal;
}

static void show(const char *program, const struct args *a)
{
	fprintf(stderr, "  %s", program);
	for (size_t i = 0; i < a->n; i++)
		fprintf(stderr, " '%s'", a->v[i]);
	fputc('\n', stderr);
}

static bool run_one(char *const *argv, char names[FILES][32], size_t *bytes)
{
	struct args gnu = { .n = 0 }, own = { .n = 0 };
	add_options(&gnu);
	size_t files = one_in(6) ? 0 : 1 + (one_in(5) ? below(FILES) : 0);
	// GNU strings with "-" alone prints its usage; memstrings reads standard input.
	bool has_dash = gnu.n && strcmp(gnu.v[gnu.n - 1], "-") == 0;
	if (has_dash && !files)
		files = 1;
	for (size_t i = 0; i < files; i++)
		add(&gnu, "%s", names[i]);
	if (one_in(30))
		add(&gnu, "%s", one_in(2) ? "no-such-file" : ".");
	add_own(&own);
	for (size_t i = 0; i < gnu.n; i++)
		add(&own, "%s", gnu.v[i]);

	struct result want = run(argv[2], &gnu, names[0]);
	struct result got = run(argv[1], &own, names[0]);
	bool equal = same(want, got);
	*bytes += (size_t)lseek(want.fd, 0, SEEK_END);
	close(want.fd);
	close(got.fd);
	if (equal)
		return true;
	fprintf(stderr, "strings_diff: different output or exit code (%d, %d):\n",
		want.status, got.status);
	show(argv[2], &gnu);
	show(argv[1], &own);
	return false;
}

int main(int argc, char **argv)
{
	if (argc != 6)
		return 2;
	unsigned long runs = strtoul(argv[4], NULL, 0);
	uint64_t seed = strtoull(argv[5], NULL, 0);
	char names[FILES][32];
	static uint8_t input[MAX_SIZE];
	size_t bytes = 0;
	if (chdir(argv[3]) < 0)
		die(argv[3]);
	for (unsigned long i = 0; i < runs; i++) {
		// Each run has its own seed, so that one can be repeated alone.
		state = seed + i;
		for (int k = 0; k < FILES; k++) {
			snprintf(names[k], sizeof(names[k]), "input%d", k);
			size_t n = make_input(input);
			write_file(names[k], input, n, one_in(6));
		}
		if (!run_one(argv, names, &bytes)) {
			fprintf(stderr, "  repeat: RUNS=1 SEED=%llu\n",
				(unsigned long long)(seed + i));
			return 1;
		}
	}
	printf("strings_diff: %lu runs equal, %zu bytes of output, SEED=%llu\n", runs,
		bytes, (unsigned long long)seed);
	return bytes == 0;
}
