// Runs from masks. A unit mask has one bit per byte at which a unit starts; a run of an
// encoding with units of k bytes is a chain of bits k apart.
//
// Starts of runs of at least m units are those bits that survive ANDing the mask with
// itself shifted down m - 1 times (in a doubling chain), and that no unit precedes.

#include "strings/runs.h"

#include <assert.h>
#include <string.h>

static const struct ms_encoding_info infos[] = {
#define X(id, letter, width, at, name) { letter, width, at, name },
	MS_ENCODINGS(X)
#undef X
};

const struct ms_encoding_info *ms_encoding_info(enum ms_encoding encoding)
{
	assert(encoding < MS_ENCODING_COUNT);
	return &infos[encoding];
}

bool ms_encoding_parse(char letter, enum ms_encoding *ret)
{
	for (unsigned i = 0; i < MS_ENCODING_COUNT; i++) {
		if (infos[i].letter == letter) {
			*ret = (enum ms_encoding)i;
			return true;
		}
	}
	return false;
}

void ms_runs_init(
	struct ms_runs *runs, ms_scan_fn masks, bool spaces, ms_run_fn fn, void *arg)
{
	*runs = (struct ms_runs){
		.masks = masks ? masks : ms_scan_best(),
		.spaces = spaces,
		.fn = fn,
		.arg = arg,
	};
}

void ms_runs_add(struct ms_runs *runs, enum ms_encoding encoding, uint64_t min)
{
	assert(min >= 1 && runs->n_tracks < MS_ENCODING_COUNT);
	unsigned width = infos[encoding].width;
	unsigned reach = MS_SCAN_BLOCK / width;
	unsigned want = min < reach ? (unsigned)min : reach;
	struct ms_run_track *track = &runs->tracks[runs->n_tracks++];
	*track = (struct ms_run_track){ .encoding = encoding, .min = min };
	unsigned n = 0;
	for (unsigned have = 1; have < want;) {
		unsigned step = want - have < have ? want - have : have;
		track->shifts[n++] = (uint8_t)(step * width);
		have += step;
	}
	assert(n < sizeof(track->shifts));
}

// Bit i becomes bit i + by of the pair (low, high).
static inline uint64_t down(uint64_t low, uint64_t high, unsigned by)
{
	return low >> by | high << (64 - by);
}

// Unit masks of words 0..n-1; word n of the other masks is looked at too.
static const uint64_t *unit_masks(
	enum ms_encoding encoding, const struct ms_scan_masks *m, size_t n, uint64_t *u)
{
	const uint64_t *p = m->printable, *z = m->zero;
	switch (encoding) {
	case MS_ENCODING_ASCII:
		return p;
	case MS_ENCODING_8BIT:
		for (size_t i = 0; i < n; i++)
			u[i] = p[i] | m->high[i];
		return u;
	case MS_ENCODING_UTF16LE:
		for (size_t i = 0; i < n; i++)
			u[i] = p[i] & down(z[i], z[i + 1], 1);
		return u;
	case MS_ENCODING_UTF16BE:
		for (size_t i = 0; i < n; i++)
			u[i] = z[i] & down(p[i], p[i + 1], 1);
		return u;
	case MS_ENCODING_UTF32LE:
		for (size_t i = 0; i < n; i++)
			u[i] = p[i] & down(z[i], z[i + 1], 1) & down(z[i], z[i + 1], 2) &
			       down(z[i], z[i + 1], 3);
		return u;
	case MS_ENCODING_UTF32BE:
		for (size_t i = 0; i < n; i++)
			u[i] = z[i] & down(z[i], z[i + 1], 1) & down(z[i], z[i + 1], 2) &
			       down(p[i], p[i + 1], 3);
		return u;
	case MS_ENCODING_COUNT:
		break;
	}
	return p;
}

// One batch, as the loops below see it.
struct batch {
	const uint64_t *u; // words 0..n, the last one only for looking ahead
	size_t n;
	const uint8_t *p;
	uint64_t offset;
};

static inline uint64_t phase_mask(unsigned width, size_t pos)
{
	uint64_t every = width == 1   ? ~0ull
			 : width == 2 ? 0x5555555555555555
				      : 0x1111111111111111;
	return every << (pos & (width - 1));
}

// Where the run that holds `pos` ends; n * 64 or a little more if it leaves the batch.
static inline size_t run_end(const struct batch *b, size_t pos, const unsigned width)
{
	uint64_t phase = phase_mask(width, pos);
	size_t w = pos / 64;
	uint64_t stop = ~b->u[w] & phase & ~0ull << (pos & 63);
	while (!stop) {
		if (++w >= b->n)
			return b->n * 64 + (pos & (width - 1));
		stop = ~b->u[w] & phase;
	}
	return w * 64 + (size_t)__builtin_ctzll(stop);
}

// Hand out [pos, end) of a run and remember it if it goes on after the batch.
static inline void emit(struct ms_runs *runs, struct ms_run_track *t,
	const struct batch *b, size_t pos, size_t end, const unsigned width, bool first)
{
	bool leaves = end >= b->n * 64;
	size_t units = (end - pos) / width;
	if (first)
		t->start = b->offset + pos;
	t->open = leaves;
	t->phase = (uint8_t)(end & (width - 1));
	if (first && !leaves && units < t->min)
		return;
	runs->fn(runs->arg, &(struct ms_run_piece){
				    .encoding = t->encoding,
				    .first = first,
				    .last = !leaves,
				    .start = t->start,
				    .p = b->p + pos,
				    .units = units,
			    });
}

static inline void scan_batch(struct ms_runs *runs, struct ms_run_track *t,
	const struct batch *b, const unsigned width)
{
	if (t->open)
		emit(runs, t, b, t->phase, run_end(b, t->phase, width), width, false);
	uint64_t prev = t->prev;
	for (size_t w = 0; w < b->n; w++) {
		uint64_t low = b->u[w], high = b->u[w + 1];
		uint64_t after_unit = low << width | prev >> (64 - width);
		prev = low;
		if (!(low & ~after_unit))
			continue;
		for (const uint8_t *s = t->shifts; *s; s++) {
			low &= down(low, high, *s & 63);
			high &= high >> (*s & 63);
		}
		uint64_t starts = low & ~after_unit;
		for (; starts; starts &= starts - 1) {
			size_t pos = w * 64 + (size_t)__builtin_ctzll(starts);
			emit(runs, t, b, pos, run_end(b, pos, width), width, true);
		}
	}
	t->prev = prev;
}

static void scan_track(struct ms_runs *runs, struct ms_run_track *t,
	const struct ms_scan_masks *masks, struct batch b)
{
	uint64_t units[MS_SCAN_BATCH + 1];
	b.u = unit_masks(t->encoding, masks, b.n + 1, units);
	// One call per width, so that shifts and phases are constants in each.
	switch (infos[t->encoding].width) {
	case 1:
		scan_batch(runs, t, &b, 1);
		break;
	case 2:
		scan_batch(runs, t, &b, 2);
		break;
	default:
		scan_batch(runs, t, &b, 4);
	}
}

static void close_runs(struct ms_runs *runs)
{
	for (unsigned i = 0; i < runs->n_tracks; i++) {
		struct ms_run_track *t = &runs->tracks[i];
		if (t->open)
			runs->fn(runs->arg, &(struct ms_run_piece){
						    .encoding = t->encoding,
						    .last = true,
						    .start = t->start,
					    });
		t->open = false;
		t->prev = 0;
	}
}

static bool any_open(const struct ms_runs *runs)
{
	for (unsigned i = 0; i < runs->n_tracks; i++)
		if (runs->tracks[i].open)
			return true;
	return false;
}

static void scan_words(struct ms_runs *runs, const struct ms_scan_masks *masks,
	const struct batch *b, uint64_t any)
{
	if (any || any_open(runs)) {
		for (unsigned i = 0; i < runs->n_tracks; i++)
			scan_track(runs, &runs->tracks[i], masks, *b);
		return;
	}
	for (unsigned i = 0; i < runs->n_tracks; i++)
		runs->tracks[i].prev = 0;
}

size_t ms_runs_scan(
	struct ms_runs *runs, struct ms_bytes bytes, uint64_t offset, bool last)
{
	struct ms_scan_masks masks;
	size_t words = bytes.n / MS_SCAN_BLOCK;
	if (last)
		words += bytes.n % MS_SCAN_BLOCK != 0;
	else
		words = words > MS_SCAN_AHEAD ? words - MS_SCAN_AHEAD : 0;

	for (size_t w = 0; w < words;) {
		size_t n = words - w < MS_SCAN_BATCH ? words - w : MS_SCAN_BATCH;
		size_t at = w * MS_SCAN_BLOCK;
		struct ms_bytes view =
			ms_bytes_sub(bytes, at, (n + MS_SCAN_AHEAD) * MS_SCAN_BLOCK);
		uint64_t any = ms_scan_bytes(
			runs->masks, view, runs->spaces, n + MS_SCAN_AHEAD, &masks);
		struct batch b = { .n = n, .p = bytes.p + at, .offset = offset + at };
		scan_words(runs, &masks, &b, any);
		w += n;
	}
	if (last)
		close_runs(runs);
	return last ? bytes.n : words * MS_SCAN_BLOCK;
}
