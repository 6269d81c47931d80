// What an operand names, and who owns its memory.

#include "memstrings.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proc/proc.h"

bool source_is_pid(const char *name)
{
	struct ms_bytes rest = ms_bytes_of(name);
	uint64_t pid;
	return ms_bytes_dec(&rest, &pid) && !rest.n && access(name, F_OK) != 0;
}

// A core, or something zstd compressed whose name says that it is one. A damaged core is
// still called one: its error must be seen, not its bytes.
static bool is_core(int fd, const char *name)
{
	unsigned char head[EI_NIDENT + 2];
	if (ms_pread_all(fd, head, sizeof(head), 0) != sizeof(head))
		return false;
	if (memcmp(head, "\x28\xb5\x2f\xfd", 4) == 0 ||
		memcmp(head, "\x5e\x2a\x4d\x18", 4) == 0)
		return ms_bytes_ends(ms_bytes_of(name), ".core.zst");
	if (memcmp(head, ELFMAG, SELFMAG) != 0)
		return false;
	bool is_big = head[EI_DATA] == ELFDATA2MSB;
	return head[EI_NIDENT + !is_big] == 0 && head[EI_NIDENT + is_big] == ET_CORE;
}

// Only regular files can be read by several workers at once: the rest is copied first.
static struct ms_error *copy_stream(
	int fd, const char *name, const struct ms_cancel *cancel, int *ret)
{
	_cleanup_close_ int copy = open("/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (copy < 0)
		copy = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (copy < 0)
		return ms_error_os(errno, "cannot make a temporary file in '/var/tmp'");
	static uint8_t buffer[1 << 18];
	for (;;) {
		ssize_t n = read(fd, buffer, sizeof(buffer));
		if (ms_cancel_raised(cancel))
			return ms_error_new(MS_ERROR_CANCELLED, "cancelled");
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ms_error_os(errno, "cannot read '%s'", name);
		if (!n)
			break;
		if (!ms_write_all(copy, buffer, (size_t)n))
			return ms_error_os(
				errno, "cannot copy '%s' to a temporary file", name);
	}
	*ret = ms_steal_fd(&copy);
	return NULL;
}

struct ms_error *source_open_file(const char *path, int *ret)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return ms_error_os(errno, "cannot open '%s'", path);
	if (S_ISDIR(st.st_mode))
		return ms_error_new(MS_ERROR_UNSUPPORTED, "'%s' is a directory", path);
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	*ret = ms_steal_fd(&fd);
	return NULL;
}

// Where the file has data; a file system that cannot say has it everywhere.
static struct ms_error *find_data(struct source *s, uint64_t size)
{
	for (uint64_t at = 0; at < size;) {
		off_t data = lseek(s->fd, (off_t)at, SEEK_DATA);
		if (data < 0 && errno == ENXIO)
			break;
		off_t hole = data < 0 ? -1 : lseek(s->fd, data, SEEK_HOLE);
		struct ms_range range = { data < 0 ? at : (uint64_t)data,
			hole <= data ? size : (uint64_t)hole };
		if (range.start >= range.end)
			break;
		struct ms_error *err = ms_ranges_add(&s->ranges, range);
		if (err)
			return err;
		at = range.end;
	}
	return NULL;
}

static struct ms_error *take_file(
	struct ms_cli *cli, const char *name, int fd, struct source *s)
{
	struct stat st;
	s->fd = fd;
	if (fstat(fd, &st) < 0)
		return ms_error_os(errno, "cannot read '%s'", name);
	if (!S_ISREG(st.st_mode)) {
		int copy = -1;
		struct ms_error *err = copy_stream(fd, name, cli->cancel, &copy);
		if (err)
			return err;
		ms_close(fd);
		s->fd = copy;
		if (fstat(copy, &st) < 0)
			return ms_error_os(errno, "cannot read '%s'", name);
	}
	return find_data(s, (uint64_t)st.st_size);
}

struct ms_error *source_read_file(
	void *arg, struct ms_range range, uint8_t *to, struct ms_ranges *gaps)
{
	struct source *s = arg;
	int64_t n = ms_pread_all(s->fd, to, ms_range_size(range), range.start);
	if (n < 0)
		return ms_error_os(errno, "cannot read '%s'", s->name);
	if (s->progress)
		ms_progress_add(s->progress, (uint64_t)n);
	// The file became shorter: what is missing is a gap.
	struct ms_range rest = { range.start + (uint64_t)n, range.end };
	return rest.start < rest.end ? ms_ranges_add(gaps, rest) : NULL;
}

static struct ms_error *denied(const struct ms_error *why)
{
	struct ms_error *err = ms_error_new(why->code, "%s", why->message);
	return why->hint ? ms_error_hint(err, "%s", why->hint) : err;
}

struct ms_error *source_open_target(
	struct ms_cli *cli, const struct options *o, const char *name, struct source *s)
{
	struct ms_target_options target_options = { .cancel = cli->cancel };
	struct ms_survey_options survey_options = { .cancel = cli->cancel };
	struct ms_text_plan_options plan_options = { .all = o->all, .owner = o->owner };
	survey_options.threads = (unsigned)o->threads;
	struct ms_error *err = ms_target_open(name, &target_options, &s->target);
	if (!err && ms_target_denied(s->target))
		err = denied(ms_target_denied(s->target));
	if (!err)
		err = ms_survey_run(s->target, &survey_options, &s->survey);
	if (!err)
		err = ms_text_plan_make(
			s->target, s->survey->claims, &plan_options, &s->plan);
	return err;
}

struct ms_error *source_open(
	struct ms_cli *cli, const struct options *o, const char *name, struct source *s)
{
	*s = (struct source){ .fd = -1, .name = name };
	if (strcmp(name, "-") == 0) {
		int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
		if (fd < 0)
			return ms_error_os(errno, "cannot read standard input");
		s->name = "{standard input}";
		return take_file(cli, s->name, fd, s);
	}
	struct stat st;
	if (source_is_pid(name) || (stat(name, &st) == 0 && S_ISDIR(st.st_mode)))
		return source_open_target(cli, o, name, s);
	int fd = -1;
	struct ms_error *err = source_open_file(name, &fd);
	if (err)
		return err;
	if (!is_core(fd, name) && !o->is_core)
		return take_file(cli, name, fd, s);
	ms_close(fd);
	return source_open_target(cli, o, name, s);
}

void source_deinit(struct source *s)
{
	ms_text_plan_deinit(&s->plan);
	ms_ranges_deinit(&s->ranges);
	ms_survey_free(s->survey);
	ms_target_free(s->target);
	ms_close(s->fd);
}
