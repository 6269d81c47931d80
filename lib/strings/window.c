// Windows: see window.h. Each stretch between gaps is scanned as a stream of its own.

#include "strings/window.h"

#include <string.h>
#include <xxhash.h>

enum {
	HASHED = 4096
};

// One stretch being scanned.
struct scan {
	struct ms_text_window *window;
	const struct ms_text_options *options;
	struct ms_range span;
	bool goes_on; // the stretch ends where scanning ends, not memory
	uint64_t units[MS_ENCODING_COUNT]; // of the run under way
	uint32_t owner;                    // the last answer, and where it holds
	struct ms_range owner_range;
	struct ms_error *error;
};

void ms_text_window_deinit(struct ms_text_window *window)
{
	ms_array_deinit(&window->ascii);
	ms_array_deinit(&window->utf16);
	ms_ranges_deinit(&window->gaps);
}

struct ms_range ms_text_window_around(struct ms_range body, struct ms_range span)
{
	struct ms_range r = span;
	if (body.start - span.start > MS_TEXT_WINDOW_BEHIND)
		r.start = body.start - MS_TEXT_WINDOW_BEHIND;
	if (span.end - body.end > MS_TEXT_WINDOW_AHEAD)
		r.end = body.end + MS_TEXT_WINDOW_AHEAD;
	return r;
}

static size_t narrow(uint8_t *to, const uint8_t *p, size_t n, unsigned width)
{
	if (width == 1)
		memcpy(to, p, n);
	else
		for (size_t i = 0; i < n; i++)
			to[i] = p[i * 2];
	return n;
}

size_t ms_text_window_text(const struct ms_text_window *window,
	const struct ms_text_record *record, size_t n, uint8_t *to)
{
	uint64_t units = (record->end - record->address) / record->width;
	const uint8_t *p = window->bytes + (record->address - window->scanned.start);
	uint64_t here = (window->scanned.end - record->address) / record->width;
	return narrow(to, p, ms_min(n, ms_min(units, here)), record->width);
}

static enum ms_text_track track_of(uint64_t address, unsigned width)
{
	if (width == 1)
		return MS_TRACK_ASCII;
	return address & 1 ? MS_TRACK_UTF16_ODD : MS_TRACK_UTF16_EVEN;
}

static uint32_t owner_of(struct scan *s, uint64_t address)
{
	if (!s->options->owner)
		return 0;
	if (!ms_range_has(s->owner_range, address))
		s->owner = s->options->owner(
			s->options->owner_arg, address, &s->owner_range);
	return s->owner;
}

// Strings are one cluster if owner, kind and form are the same, and whether the form is
// of the whole string.
static void make_keys(struct scan *s, struct ms_text_record *r)
{
	uint8_t text[HASHED];
	char form[MS_FORM_MAX];
	enum ms_form_kind kind;
	size_t n = ms_text_window_text(s->window, r, sizeof(text), text);
	size_t form_n = ms_form_make((struct ms_bytes){ text, n }, form, &kind);
	bool is_cut = n > MS_FORM_INPUT;
	r->hash = XXH3_64bits(text, n);
	r->kind = (uint8_t)kind;
	r->key = XXH3_64bits_withSeed(
		form, form_n, (uint64_t)r->owner << 16 | (uint64_t)kind << 8 | is_cut);
}

static void add_record(struct scan *s, struct ms_text_record r)
{
	r.owner = owner_of(s, r.address);
	if (r.owner == MS_TEXT_OWNER_NONE)
		return;
	struct ms_text_records *list =
		r.width == 1 ? &s->window->ascii : &s->window->utf16;
	make_keys(s, &r);
	struct ms_text_record *to = ms_array_push(list);
	if (to)
		*to = r;
	else
		s->error = &ms_error_nomem;
}

// The last letter of an ASCII string and its NUL look like the first unit of the UTF-16
// that follows. They belong to the string that ends there.
static bool ends_ascii(const struct scan *s, uint64_t address)
{
	enum {
		LETTERS = 3
	};
	if (address < s->span.start + LETTERS)
		return false;
	const uint8_t *p =
		s->window->bytes + (address - s->window->scanned.start) - LETTERS;
	for (unsigned i = 0; i < LETTERS; i++)
		if (p[i] < 0x20 || p[i] > 0x7e)
			return false;
	return true;
}

static void take_piece(void *arg, const struct ms_run_piece *piece)
{
	struct scan *s = arg;
	uint64_t *units = &s->units[piece->encoding];
	*units = (piece->first ? 0 : *units) + piece->units;
	if (!piece->last || *units < s->options->min)
		return;
	struct ms_text_record r = {
		.address = piece->start,
		.width = ms_encoding_info(piece->encoding)->width,
	};
	r.end = r.address + *units * r.width;
	// The last unit of a wide encoding may be cut off by the end of the stretch.
	r.is_open = s->goes_on && s->span.end - r.end < r.width;
	struct ms_range body = s->window->body;
	if (ms_range_has(body, r.address)) {
		if (r.width == 2 && ends_ascii(s, r.address)) {
			if (--*units < s->options->min)
				return;
			r.address += r.width;
		}
		add_record(s, r);
	} else if (r.address < body.start && r.end > body.start)
		s->window->leads[track_of(r.address, r.width)] =
			(struct ms_text_lead){ true, r.is_open, r.end };
}

static struct ms_error *scan_span(struct ms_text_window *w,
	const struct ms_text_options *options, struct ms_range span)
{
	struct scan s = {
		.window = w,
		.options = options,
		.span = span,
		.goes_on = w->goes_on && span.end == w->scanned.end,
	};
	struct ms_runs runs;
	ms_runs_init(&runs, options->masks, /* spaces= */ false, take_piece, &s);
	ms_runs_add(&runs, MS_ENCODING_ASCII, options->min);
	if (!options->no_utf16)
		ms_runs_add(&runs, MS_ENCODING_UTF16LE, options->min);
	struct ms_bytes bytes = { w->bytes + (span.start - w->scanned.start),
		ms_range_size(span) };
	ms_runs_scan(&runs, bytes, span.start, /* last= */ true);
	return s.error;
}

struct ms_error *ms_text_window_scan(
	struct ms_text_window *window, const struct ms_text_options *options)
{
	window->ascii.n = window->utf16.n = 0;
	memset(window->leads, 0, sizeof(window->leads));
	uint64_t at = window->scanned.start;
	for (size_t i = 0; i <= window->gaps.n; i++) {
		struct ms_range gap = { window->scanned.end, window->scanned.end };
		if (i < window->gaps.n)
			gap = ms_range_clip(window->gaps.v[i], window->scanned);
		struct ms_error *err = NULL;
		if (gap.start > at)
			err = scan_span(
				window, options, (struct ms_range){ at, gap.start });
		if (err)
			return err;
		at = ms_max(at, gap.end);
	}
	return NULL;
}
