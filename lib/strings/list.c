// Listing as GNU strings does. Input is collected in one buffer, in which the scanner
// leaves at most MS_LIST_LEFT bytes behind from block to block; output in another.

#include "strings/list.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "strings/ahead_internal.h"

enum {
	LEFT = (MS_SCAN_AHEAD + 1) * MS_SCAN_BLOCK, // see ms_runs_scan()
	DEFAULT_MIN = 4,
	DEFAULT_BLOCK =
		256 * 1024, // stays in the second-level cache between read and scan
	OUT_SIZE = 256 * 1024,
	NUMBER_SIZE = 32, // an offset in any radix, and a space
	ZEROS = 8 * 1024, // zeros fed at least, before the rest of a hole is jumped
	HOLE_MIN = 64 * 1024,
	SHORT = 32,
	AHEAD_BLOCKS = 4,
};

struct ms_list {
	struct ms_list_options options;
	ms_list_sink_fn sink;
	void *sink_arg;
	struct ms_error *error; // the first one met inside a scanner's callback
	struct ms_runs runs;
	uint8_t width, at;

	struct ms_buffer prefix; // "name: "
	struct ms_buffer held;   // text of a run that is still shorter than the minimum
	bool is_held;
	bool is_bare; // see put_short()

	uint8_t *in;
	size_t in_n, in_cap;
	uint64_t offset; // of in[0]

	uint8_t *out;
	size_t out_n;
};

static void take_piece(void *arg, const struct ms_run_piece *piece);

static void fail(struct ms_list *list, struct ms_error *err)
{
	if (list->error)
		ms_error_free(err);
	else
		list->error = err;
}

static struct ms_error *take_error(struct ms_list *list)
{
	return ms_steal(list->error);
}

struct ms_error *ms_list_new(const struct ms_list_options *options, ms_list_sink_fn sink,
	void *arg, struct ms_list **ret)
{
	struct ms_list *list = calloc(1, sizeof(*list));
	if (!list)
		return &ms_error_nomem;
	list->options = *options;
	struct ms_list_options *o = &list->options;
	if (!o->min)
		o->min = DEFAULT_MIN;
	if (!o->block_size)
		o->block_size = DEFAULT_BLOCK;
	if (!o->separator.p)
		o->separator = ms_bytes_of("\n");
	list->sink = sink;
	list->sink_arg = arg;
	list->width = ms_encoding_info(o->encoding)->width;
	list->at = ms_encoding_info(o->encoding)->at;
	list->in_cap = LEFT + o->block_size;
	list->in = aligned_alloc(MS_SCAN_BLOCK,
		(list->in_cap + SHORT + MS_SCAN_BLOCK) & ~(size_t)(MS_SCAN_BLOCK - 1));
	list->out = malloc(OUT_SIZE);
	if (!list->in || !list->out) {
		ms_list_free(list);
		return &ms_error_nomem;
	}
	*ret = list;
	return NULL;
}

void ms_list_free(struct ms_list *list)
{
	if (!list)
		return;
	ms_error_free(list->error);
	ms_buffer_deinit(&list->prefix);
	ms_buffer_deinit(&list->held);
	free(list->in);
	free(list->out);
	free(list);
}

struct ms_error *ms_list_begin(
	struct ms_list *list, struct ms_bytes name, uint64_t offset)
{
	list->prefix.n = list->held.n = 0;
	list->is_held = false;
	list->in_n = 0;
	list->offset = offset;
	ms_runs_init(
		&list->runs, list->options.masks, list->options.spaces, take_piece, list);
	ms_runs_add(&list->runs, list->options.encoding, list->options.min);
	list->is_bare = !name.p && !list->options.radix && list->width == 1 &&
			list->options.separator.n == 1 &&
			list->options.min <= MS_SCAN_BLOCK;
	if (!name.p)
		return NULL;
	struct ms_error *err = ms_buffer_add(&list->prefix, name.p, name.n);
	return err ? err : ms_buffer_add(&list->prefix, ": ", 2);
}

static void flush(struct ms_list *list)
{
	if (list->out_n && !list->error)
		list->error = list->sink(
			list->sink_arg, (struct ms_bytes){ list->out, list->out_n });
	list->out_n = 0;
}

// Room for n bytes of output; n is at most OUT_SIZE.
static inline uint8_t *out_room(struct ms_list *list, size_t n)
{
	if (OUT_SIZE - list->out_n < n)
		flush(list);
	return list->out + list->out_n;
}

static void put(struct ms_list *list, struct ms_bytes bytes)
{
	while (bytes.n) {
		size_t n = bytes.n < OUT_SIZE ? bytes.n : OUT_SIZE;
		memcpy(out_room(list, n), bytes.p, n);
		list->out_n += n;
		bytes = ms_bytes_sub(bytes, n, bytes.n);
	}
}

// The text bytes of n units. memcpy's call costs more than most strings are long.
static inline void narrow(uint8_t *to, const uint8_t *p, size_t n, unsigned width)
{
	if (width == 1)
		memcpy(to, p, n);
	else if (width == 2)
		for (size_t i = 0; i < n; i++)
			to[i] = p[i * 2];
	else
		for (size_t i = 0; i < n; i++)
			to[i] = p[i * 4];
}

static void put_units(struct ms_list *list, const uint8_t *p, size_t units)
{
	p += list->at;
	while (units) {
		size_t n = units < OUT_SIZE ? units : OUT_SIZE;
		narrow(out_room(list, n), p, n, list->width);
		list->out_n += n;
		p += n * list->width;
		units -= n;
	}
}

// The offset as printf's %7o, %7u, %7x and a space would write it.
static void put_offset(struct ms_list *list, uint64_t offset)
{
	uint8_t text[NUMBER_SIZE];
	size_t at = sizeof(text);
	text[--at] = ' ';
	switch (list->options.radix) {
	case 8:
		do
			text[--at] = (uint8_t)('0' + (offset & 7));
		while (offset >>= 3);
		break;
	case 10:
		do
			text[--at] = (uint8_t)('0' + offset % 10);
		while (offset /= 10);
		break;
	default:
		do
			text[--at] = (uint8_t) "0123456789abcdef"[offset & 15];
		while (offset >>= 4);
	}
	while (at > sizeof(text) - 8)
		text[--at] = ' ';
	put(list, (struct ms_bytes){ text + at, sizeof(text) - at });
}

static void put_head(struct ms_list *list, uint64_t start)
{
	if (list->prefix.n)
		put(list, ms_buffer_bytes(&list->prefix));
	if (list->options.radix)
		put_offset(list, start);
}

// A run that may end below the minimum waits in `held`. The scanner promises the minimum
// only up to the reach of its look-ahead.
static void hold(struct ms_list *list, const struct ms_run_piece *piece)
{
	size_t had = list->held.n;
	uint64_t missing = list->options.min - had;
	if (piece->units < missing) {
		struct ms_error *err = ms_buffer_add(&list->held, piece->p, piece->units);
		if (err)
			fail(list, err);
		else
			narrow(list->held.p + had, piece->p + list->at, piece->units,
				list->width);
		return;
	}
	list->is_held = false;
	put_head(list, piece->start);
	put(list, ms_buffer_bytes(&list->held));
	put_units(list, piece->p, piece->units);
}

// Most strings are short, whole and printed bare: a copy of fixed size, which becomes two
// moves, costs less than a call of memcpy. Both buffers have SHORT bytes to spare.
static inline bool put_short(struct ms_list *list, const struct ms_run_piece *piece)
{
	if (!list->is_bare || piece->units > SHORT || !piece->first || !piece->last)
		return false;
	uint8_t *to = out_room(list, SHORT + 1);
	memcpy(to, piece->p, SHORT);
	to[piece->units] = list->options.separator.p[0];
	list->out_n += piece->units + 1;
	return true;
}

static void take_piece(void *arg, const struct ms_run_piece *piece)
{
	struct ms_list *list = arg;
	if (put_short(list, piece))
		return;
	if (piece->first) {
		list->held.n = 0;
		list->is_held = list->options.min > MS_SCAN_BLOCK / list->width;
	}
	if (list->is_held) {
		hold(list, piece);
	} else {
		if (piece->first)
			put_head(list, piece->start);
		put_units(list, piece->p, piece->units);
	}
	if (piece->last && !list->is_held)
		put(list, list->options.separator);
}

static struct ms_error *scan(struct ms_list *list, bool last)
{
	if (ms_cancel_raised(list->options.cancel))
		return ms_error_new(MS_ERROR_CANCELLED, "cancelled");
	struct ms_bytes bytes = { list->in, list->in_n };
	size_t used = ms_runs_scan(&list->runs, bytes, list->offset, last);
	list->in_n -= used;
	list->offset += used;
	if (used)
		memmove(list->in, list->in + used, list->in_n);
	return take_error(list);
}

uint8_t *ms_list_room(struct ms_list *list, size_t *ret_n)
{
	*ret_n = list->in_cap - list->in_n;
	if (*ret_n > list->options.block_size)
		*ret_n = list->options.block_size;
	return list->in + list->in_n;
}

struct ms_error *ms_list_put(struct ms_list *list, size_t n)
{
	assert(n <= list->in_cap - list->in_n);
	list->in_n += n;
	return scan(list, /* last= */ false);
}

struct ms_error *ms_list_add(struct ms_list *list, struct ms_bytes bytes)
{
	while (bytes.n) {
		size_t n;
		uint8_t *room = ms_list_room(list, &n);
		if (n > bytes.n)
			n = bytes.n;
		memcpy(room, bytes.p, n);
		struct ms_error *err = ms_list_put(list, n);
		if (err)
			return err;
		bytes = ms_bytes_sub(bytes, n, bytes.n);
	}
	return NULL;
}

// Once everything that is left in the input buffer is zeros, no run is open and no unit
// can begin there but one whose text comes after the hole: more zeros change nothing but
// the offset.
struct ms_error *ms_list_zeros(struct ms_list *list, uint64_t n)
{
	uint64_t fed = 0;
	while (fed < n && fed < ZEROS) {
		size_t room;
		uint8_t *p = ms_list_room(list, &room);
		if (room > n - fed)
			room = (size_t)(n - fed);
		memset(p, 0, room);
		struct ms_error *err = ms_list_put(list, room);
		if (err)
			return err;
		fed += room;
	}
	list->offset += n - fed;
	return NULL;
}

struct ms_error *ms_list_end(struct ms_list *list)
{
	return scan(list, /* last= */ true);
}

struct ms_error *ms_list_flush(struct ms_list *list)
{
	flush(list);
	return take_error(list);
}

// One read into the room; *ret_n 0 at the end.
static struct ms_error *read_some(
	struct ms_list *list, int fd, const char *what, size_t limit, size_t *ret_n)
{
	size_t room;
	uint8_t *p = ms_list_room(list, &room);
	if (room > limit)
		room = limit;
	for (;;) {
		ssize_t n = read(fd, p, room);
		if (n >= 0) {
			*ret_n = (size_t)n;
			return n ? ms_list_put(list, (size_t)n) : NULL;
		}
		if (errno != EINTR)
			return ms_error_os(errno, "cannot read '%s'", what);
		if (ms_cancel_raised(list->options.cancel))
			return ms_error_new(MS_ERROR_CANCELLED, "cancelled");
	}
}

// Up to `size` bytes from the current position; *ret_ended if the file had fewer.
static struct ms_error *read_extent(
	struct ms_list *list, int fd, const char *what, uint64_t size, bool *ret_ended)
{
	*ret_ended = false;
	while (size) {
		size_t limit = size < SIZE_MAX ? (size_t)size : SIZE_MAX, n = 0;
		struct ms_error *err = read_some(list, fd, what, limit, &n);
		if (err)
			return err;
		if (!n) {
			*ret_ended = true;
			return NULL;
		}
		size -= n;
	}
	return NULL;
}

// A hole at the current position, large enough to be worth two calls, is taken as zeros.
// The file may change meanwhile: whatever the calls say, the position only moves forward.
static struct ms_error *skip_hole(struct ms_list *list, int fd, off_t at, off_t size)
{
	off_t data = lseek(fd, at, SEEK_DATA);
	if (data < 0)
		data = errno == ENXIO ? size : at;
	if (data - at < HOLE_MIN)
		data = at;
	lseek(fd, data, SEEK_SET);
	return data > at ? ms_list_zeros(list, (uint64_t)(data - at)) : NULL;
}

// Scan a block that was read elsewhere, with what is left of the one before in front of it.
static struct ms_error *scan_block(struct ms_list *list, struct ahead_block block)
{
	if (ms_cancel_raised(list->options.cancel))
		return ms_error_new(MS_ERROR_CANCELLED, "cancelled");
	uint8_t *p = block.p - list->in_n;
	memcpy(p, list->in, list->in_n);
	struct ms_bytes bytes = { p, list->in_n + block.n };
	size_t used = ms_runs_scan(&list->runs, bytes, list->offset, /* last= */ false);
	list->in_n = bytes.n - used;
	list->offset += used;
	memcpy(list->in, p + used, list->in_n);
	return take_error(list);
}

// As much of [at, at + size) as comes; the rest, or the error, is for read_extent().
static struct ms_error *read_ahead(
	struct ms_list *list, int fd, off_t at, uint64_t size, uint64_t *ret_got)
{
	_cleanup_(cleanup_ahead_free) struct ahead *ahead = NULL;
	struct ms_error *err = ahead_new(
		fd, (uint64_t)at, size, list->options.block_size, LEFT, SHORT, &ahead);
	*ret_got = 0;
	while (!err && ahead) {
		struct ahead_block block = ahead_next(ahead);
		if (!block.n)
			break;
		err = scan_block(list, block);
		*ret_got += block.n;
	}
	return err;
}

// A thread that reads ahead pays where there is much to read.
static bool is_large(const struct ms_list *list, uint64_t size)
{
	return list->options.block_size >= LEFT &&
	       size / AHEAD_BLOCKS >= list->options.block_size;
}

static struct ms_error *read_file(
	struct ms_list *list, int fd, const char *what, off_t at)
{
	bool ended = false;
	while (!ended) {
		struct stat st;
		if (fstat(fd, &st) < 0)
			return ms_error_os(errno, "cannot read '%s'", what);
		struct ms_error *err = skip_hole(list, fd, at, st.st_size);
		if (err)
			return err;
		at = lseek(fd, 0, SEEK_CUR);
		off_t hole = lseek(fd, at, SEEK_HOLE);
		lseek(fd, at, SEEK_SET);
		// At the end, or without SEEK_HOLE, read until read() says so.
		uint64_t size = hole > at ? (uint64_t)(hole - at) : UINT64_MAX;
		uint64_t got = 0, rest = 0;
		if (st.st_size > at)
			rest = ms_min(size, (uint64_t)(st.st_size - at));
		if (is_large(list, rest))
			err = read_ahead(list, fd, at, rest, &got);
		if (got)
			lseek(fd, at + (off_t)got, SEEK_SET);
		else if (!err)
			err = read_extent(list, fd, what, size, &ended);
		if (err)
			return err;
		at = lseek(fd, 0, SEEK_CUR);
	}
	return NULL;
}

struct ms_error *ms_list_fd(
	struct ms_list *list, int fd, const char *what, struct ms_bytes name)
{
	struct ms_error *err = ms_list_begin(list, name, /* offset= */ 0);
	if (err)
		return err;
	struct stat st;
	off_t at = lseek(fd, 0, SEEK_CUR);
	bool ended;
	if (at >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		err = read_file(list, fd, what, at);
	else
		err = read_extent(list, fd, what, UINT64_MAX, &ended);
	_cleanup_error_ struct ms_error *end = ms_list_end(list);
	return err ? err : ms_steal(end);
}
