// Runs a fuzz target without libFuzzer: first every file of its corpus, then seeded
// mutations of them, for as many runs or as many seconds as asked for.
//
// Usage: fuzz_TARGET CORPUS-DIR [RUNS [SECONDS]]
//
// The seed is MS_SEED, or the time, and is printed: the same seed gives the same inputs
// in the same order. An input that kills the target is written to crash-SEED-NUMBER in
// the directory MS_CRASH_DIR, or in $TMPDIR.

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Present in a sanitizer build only: called before the process is ended.
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

enum {
	INPUT_MAX = 1 << 20,
	MUTATIONS_MAX = 8
};

struct input {
	uint8_t *p;
	size_t n;
};

static struct input *corpus;
static size_t corpus_count;
static struct input current;
static char crash_path[4096];
static uint64_t rng;

__attribute__((noreturn)) static void die(const char *what)
{
	fprintf(stderr, "replay: %s: %s\n", what, strerror(errno));
	exit(2);
}

// splitmix64: small, and the same everywhere.
static uint64_t any(uint64_t below)
{
	uint64_t z = (rng += UINT64_C(0x9e3779b97f4a7c15));
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return below ? (z ^ z >> 31) % below : 0;
}

// Only what a signal handler may call.
static void keep_input(void)
{
	int fd = open(crash_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	ssize_t n = write(fd, current.p, current.n);
	(void)n;
	close(fd);
	static const char said[] = "replay: the input is kept in ";
	n = write(STDERR_FILENO, said, sizeof(said) - 1);
	n = write(STDERR_FILENO, crash_path, strlen(crash_path));
	n = write(STDERR_FILENO, "\n", 1);
}

static void on_signal(int number)
{
	keep_input();
	signal(number, SIG_DFL);
	raise(number);
}

// The bytes lie in a block of exactly their size, so that a sanitizer sees every overrun.
static void run(const uint8_t *p, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);
	if (!copy)
		die("no memory");
	if (n)
		memcpy(copy, p, n);
	current = (struct input){ copy, n };
	LLVMFuzzerTestOneInput(copy, n);
	current = (struct input){ NULL, 0 };
	free(copy);
}

static struct input load(int dir, const char *name)
{
	struct stat st;
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size > INPUT_MAX)
		die(name);
	struct input in = { malloc((size_t)st.st_size + 1), (size_t)st.st_size };
	if (!in.p || read(fd, in.p, in.n) != (ssize_t)in.n)
		die(name);
	close(fd);
	return in;
}

static void load_corpus(const char *path)
{
	struct dirent **names;
	int n = scandir(path, &names, NULL, alphasort);
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (n < 0 || dir < 0)
		die(path);
	corpus = calloc((size_t)n, sizeof(*corpus));
	for (int i = 0; corpus && i < n; i++) {
		if (names[i]->d_name[0] != '.')
			corpus[corpus_count++] = load(dir, names[i]->d_name);
		free(names[i]);
	}
	free(names);
	close(dir);
	if (!corpus_count) {
		errno = ENOENT;
		die("an empty corpus tests nothing");
	}
}

static uint64_t odd_number(void)
{
	static const uint64_t odd[] = { 0, 1, 7, 8, 0x7f, 0x80, 0xff, 0xfff, 0x1000,
		0x7fff, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff,
		0x7fffffffffff, 0x7fffffffffffffff, 0x8000000000000000,
		0xfffffffffffff000, 0xffffffffffffffff };
	uint64_t n = odd[any(sizeof(odd) / sizeof(odd[0]))];
	return any(4) ? n : n + any(9) - 4;
}

static void flip_bit(struct input *in)
{
	if (in->n)
		in->p[any(in->n)] ^= (uint8_t)(1u << any(8));
}

static void set_byte(struct input *in)
{
	if (in->n)
		in->p[any(in->n)] = (uint8_t)any(256);
}

static void set_number(struct input *in)
{
	size_t width = (size_t)1 << any(4);
	uint64_t n = odd_number();
	if (in->n >= width)
		memcpy(in->p + any(in->n - width + 1), &n, width);
}

static void cut(struct input *in)
{
	size_t at = any(in->n + 1), n = any(in->n - at + 1);
	if (in->n - at - n)
		memmove(in->p + at, in->p + at + n, in->n - at - n);
	in->n -= n;
}

static void truncate_end(struct input *in)
{
	in->n = any(in->n + 1);
}

static void insert(struct input *in, const uint8_t *p, size_t n)
{
	size_t at = any(in->n + 1);
	if (!n || n > INPUT_MAX - in->n)
		return;
	memmove(in->p + at + n, in->p + at, in->n - at);
	memmove(in->p + at, p, n);
	in->n += n;
}

static void repeat_part(struct input *in)
{
	uint8_t part[256];
	size_t at = any(in->n + 1), n = any(in->n - at + 1);
	if (n > sizeof(part))
		n = sizeof(part);
	if (n)
		memcpy(part, in->p + at, n);
	insert(in, part, n);
}

static void splice_in(struct input *in)
{
	const struct input *other = &corpus[any(corpus_count)];
	size_t at = any(other->n + 1);
	insert(in, other->p + at, any(other->n - at + 1));
}

static void mutate(struct input *in)
{
	static void (*const ways[])(struct input *) = { flip_bit, flip_bit, set_byte,
		set_number, set_number, cut, truncate_end, repeat_part, splice_in };
	for (uint64_t i = 1 + any(MUTATIONS_MAX); i; i--)
		ways[any(sizeof(ways) / sizeof(ways[0]))](in);
}

static void set_up_crashes(unsigned long long seed, unsigned long long number)
{
	const char *dir = getenv("MS_CRASH_DIR");
	if (!dir)
		dir = getenv("TMPDIR");
	snprintf(crash_path, sizeof(crash_path), "%s/crash-%llu-%llu", dir ? dir : "/tmp",
		seed, number);
}

static void run_corpus(void)
{
	for (size_t i = 0; i < corpus_count; i++)
		run(corpus[i].p, corpus[i].n);
}

// Each run starts the generator anew from its number, so one run can be repeated alone.
static unsigned long long run_mutations(
	unsigned long long seed, unsigned long long runs, time_t end)
{
	struct input work = { malloc(INPUT_MAX), 0 };
	unsigned long long done = 0;
	if (!work.p)
		die("no memory");
	for (; done < runs && (done % 64 || time(NULL) < end); done++) {
		rng = seed * UINT64_C(0x2545f4914f6cdd1d) + done;
		const struct input *from = &corpus[any(corpus_count)];
		memcpy(work.p, from->p, from->n);
		work.n = from->n;
		set_up_crashes(seed, done + 1);
		mutate(&work);
		run(work.p, work.n);
	}
	free(work.p);
	return done;
}

static void free_corpus(void)
{
	for (size_t i = 0; i < corpus_count; i++)
		free(corpus[i].p);
	free(corpus);
}

int main(int argc, char **argv)
{
	static const int deaths[] = { SIGSEGV, SIGABRT, SIGBUS, SIGFPE };
	if (argc < 2 || argc > 4) {
		fprintf(stderr, "Usage: %s CORPUS-DIR [RUNS [SECONDS]]\n", argv[0]);
		return 2;
	}
	unsigned long long runs = argc > 2 ? strtoull(argv[2], NULL, 10) : 20000;
	time_t end = time(NULL) + (argc > 3 ? strtol(argv[3], NULL, 10) : 3);
	const char *given = getenv("MS_SEED");
	unsigned long long seed =
		given ? strtoull(given, NULL, 10) : (unsigned long long)time(NULL);
	for (size_t i = 0; i < sizeof(deaths) / sizeof(deaths[0]); i++)
		signal(deaths[i], on_signal);
	if (__sanitizer_set_death_callback)
		__sanitizer_set_death_callback(keep_input);
	load_corpus(argv[1]);
	set_up_crashes(seed, 0);
	run_corpus();
	unsigned long long done = run_mutations(seed, runs, end);
	printf("%zu files, %llu mutations, seed %llu\n", corpus_count, done, seed);
	free_corpus();
	return 0;
}
