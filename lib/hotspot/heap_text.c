// Texts of the JVM's ring of collections: see collections.h.

#include "hotspot/collections.h"

#include <string.h>

// What follows a line's label:
//  TOTAL    numbers with a word before each: "total 19648K, used 461K"
//  SPACE    size, percentage, addresses: "17472K,  73% used [0x…, 0x…, 0x…)"
//  REGIONS  numbers of regions of one size: "1024K, 23 young (23552K), 1 survivors (1024K)"
//  SUFFIX   numbers with a word behind each: "8192K committed, 5120K used"
enum form {
	TOTAL,
	SPACE,
	REGIONS,
	SUFFIX,
};

static const struct line_rule {
	const char *label; // words, however many blanks are between them
	const char *name;
	enum form form;
} line_rules[] = {
	{ "def new generation", "young", TOTAL },
	{ "par new generation", "young", TOTAL },
	{ "DefNew", "young", TOTAL },
	{ "PSYoungGen", "young", TOTAL },
	{ "eden space", "eden", SPACE },
	{ "from space", "from", SPACE },
	{ "to space", "to", SPACE },
	{ "tenured generation", "tenured", TOTAL },
	{ "concurrent mark-sweep generation", "tenured", TOTAL },
	{ "Tenured", "tenured", TOTAL },
	{ "ParOldGen", "tenured", TOTAL },
	{ "the space", "tenured", SPACE },
	{ "object space", "tenured", SPACE },
	{ "garbage-first heap", "heap", TOTAL },
	{ "region size", "", REGIONS },
	{ "ZHeap", "heap", TOTAL },
	{ "Metaspace", "metaspace", TOTAL },
	{ "class space", "class space", TOTAL },
};

static const struct {
	const char *word, *name;
} region_words[] = {
	{ "eden", "eden" },
	{ "young", "young" },
	{ "survivor", "survivor" },
	{ "survivors", "survivor" },
	{ "old", "old" },
	{ "humongous", "humongous" },
	{ "free", "free" },
};

// --- words and numbers ----------------------------------------------------------------

// "19648K" -> bytes. The unit must be there: without it the ring cut the number.
static bool eat_size(struct ms_bytes *rest, uint64_t *ret)
{
	static const struct {
		char unit;
		uint64_t bytes;
	} units[] = { { 'B', 1 }, { 'K', 1 << 10 }, { 'M', 1 << 20 }, { 'G', 1 << 30 } };
	struct ms_bytes at = *rest;
	uint64_t number;
	if (!ms_bytes_dec(&at, &number))
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (!ms_bytes_eat(&at, units[i].unit))
			continue;
		*rest = at;
		return ms_mul(number, units[i].bytes, ret);
	}
	return false;
}

static bool is_letter(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
}

static struct ms_bytes eat_letters(struct ms_bytes *rest)
{
	size_t n = 0;
	while (n < rest->n && is_letter(rest->p[n]))
		n++;
	struct ms_bytes word = ms_bytes_sub(*rest, 0, n);
	*rest = ms_bytes_sub(*rest, n, rest->n);
	return word;
}

// Consume the label's words; false, consuming nothing, if others are there.
static bool eat_label(struct ms_bytes *rest, const char *label)
{
	struct ms_bytes at = *rest, words = ms_bytes_of(label), word, found;
	while (ms_bytes_word(&words, &word))
		if (!ms_bytes_word(&at, &found) || !ms_bytes_equal(word, found))
			return false;
	ms_bytes_skip_blank(&at);
	*rest = at;
	return true;
}

// --- spaces ---------------------------------------------------------------------------

static struct ms_heap_text_space *space_of(struct ms_heap_text *text, const char *name)
{
	for (size_t i = 0; i < text->n; i++)
		if (strcmp(text->spaces[i].name, name) == 0)
			return &text->spaces[i];
	if (text->n == MS_HEAP_TEXT_SPACES_MAX)
		return NULL;
	struct ms_heap_text_space *space = &text->spaces[text->n++];
	*space = (struct ms_heap_text_space){ .name = name };
	return space;
}

static void set_number(
	struct ms_heap_text_space *space, struct ms_bytes word, uint64_t bytes)
{
	static const struct {
		const char *word;
		int rank; // of words for a capacity the best is taken; 0: used
	} words[] = { { "used", 0 }, { "capacity", 1 }, { "total", 1 },
		{ "committed", 2 } };
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!ms_bytes_is(word, words[i].word))
			continue;
		if (!words[i].rank) {
			space->used = bytes;
			space->has_used = true;
		} else if (!space->has_capacity || words[i].rank == 2) {
			space->capacity = bytes;
			space->has_capacity = true;
		}
	}
}

// Numbers, each with the word before it; "total reserved 64M" is a total of nothing, and
// "max capacity 64M" no capacity.
static void parse_total(struct ms_heap_text_space *space, struct ms_bytes rest)
{
	struct ms_bytes before = { 0 };
	while (rest.n && *rest.p != '[') {
		uint64_t bytes;
		struct ms_bytes word = eat_letters(&rest);
		bool is_max = ms_bytes_is(before, "max");
		if (word.n)
			before = is_max ? before : word;
		else if (eat_size(&rest, &bytes)) {
			if (!is_max)
				set_number(space, before, bytes);
			before = (struct ms_bytes){ 0 };
		} else
			rest = ms_bytes_sub(rest, 1, rest.n);
	}
}

// Numbers, each with the words behind it: "65536K soft max".
static void parse_suffix(struct ms_heap_text_space *space, struct ms_bytes rest)
{
	uint64_t bytes;
	while (ms_bytes_skip_blank(&rest), eat_size(&rest, &bytes)) {
		ms_bytes_skip_blank(&rest);
		set_number(space, eat_letters(&rest), bytes);
		while (rest.n && !ms_bytes_eat(&rest, ','))
			rest = ms_bytes_sub(rest, 1, rest.n);
	}
}

static bool eat_address(struct ms_bytes *rest, uint64_t *ret)
{
	ms_bytes_skip_blank(rest);
	return ms_bytes_eat(rest, '0') && ms_bytes_eat(rest, 'x') &&
	       ms_bytes_hex(rest, ret) && ms_bytes_eat(rest, ',');
}

// Where a space begins, and where its objects end: exact to the byte.
static bool parse_addresses(struct ms_bytes rest, uint64_t *used)
{
	uint64_t bottom, top;
	while (rest.n && !ms_bytes_eat(&rest, '['))
		rest = ms_bytes_sub(rest, 1, rest.n);
	if (!eat_address(&rest, &bottom) || !eat_address(&rest, &top) || top < bottom)
		return false;
	*used = top - bottom;
	return true;
}

static void parse_space(struct ms_heap_text_space *space, struct ms_bytes rest)
{
	uint64_t capacity, percent, used;
	if (!eat_size(&rest, &capacity))
		return;
	if (!space->has_capacity) // a generation's own number counts what it holds
		space->capacity = capacity;
	space->has_capacity = true;
	if (parse_addresses(rest, &used) && used <= capacity) {
		space->used = used;
		space->has_used = space->is_exact = true;
		return;
	}
	(void)ms_bytes_eat(&rest, ',');
	ms_bytes_skip_blank(&rest);
	if (space->has_used || !ms_bytes_dec(&rest, &percent) || percent > 100 ||
		!ms_bytes_eat(&rest, '%'))
		return;
	space->used = capacity / 100 * percent;
	space->has_used = true;
}

static void set_regions(struct ms_heap_text *text, struct ms_bytes word, uint64_t bytes)
{
	for (size_t i = 0; i < sizeof(region_words) / sizeof(region_words[0]); i++) {
		if (!ms_bytes_is(word, region_words[i].word))
			continue;
		struct ms_heap_text_space *space = space_of(text, region_words[i].name);
		if (space) {
			space->capacity = bytes;
			space->has_capacity = true;
		}
		return;
	}
}

static void parse_regions(struct ms_heap_text *text, struct ms_bytes rest)
{
	uint64_t region, n, bytes;
	if (!eat_size(&rest, &region))
		return;
	while (ms_bytes_eat(&rest, ',')) {
		ms_bytes_skip_blank(&rest);
		if (!ms_bytes_dec(&rest, &n))
			return;
		ms_bytes_skip_blank(&rest);
		struct ms_bytes word = eat_letters(&rest);
		ms_bytes_skip_blank(&rest);
		// Its size follows in brackets: without that the ring cut the line.
		if (!ms_bytes_eat(&rest, '(') || !eat_size(&rest, &bytes) ||
			!ms_bytes_eat(&rest, ')') || !ms_mul(n, region, &bytes))
			return;
		set_regions(text, word, bytes);
	}
}

// --- a text ---------------------------------------------------------------------------

static void parse_line(struct ms_heap_text *text, struct ms_bytes line)
{
	for (size_t i = 0; i < sizeof(line_rules) / sizeof(line_rules[0]); i++) {
		const struct line_rule *rule = &line_rules[i];
		struct ms_bytes rest = line;
		if (!eat_label(&rest, rule->label))
			continue;
		if (rule->form == REGIONS) {
			parse_regions(text, rest);
			return;
		}
		struct ms_heap_text_space *space = space_of(text, rule->name);
		if (space && rule->form == TOTAL)
			parse_total(space, rest);
		else if (space)
			parse_space(space, rest);
		return;
	}
}

// "{Heap before GC invocations=16 (full 2):", in JDK 25 "{heap Before GC invocations=…"
static bool parse_head(struct ms_heap_text *text, struct ms_bytes line)
{
	struct ms_bytes word;
	if (!ms_bytes_word(&line, &word) ||
		!(ms_bytes_is(word, "{Heap") || ms_bytes_is(word, "Heap") ||
			ms_bytes_is(word, "{heap") || ms_bytes_is(word, "{metaspace")) ||
		!ms_bytes_word(&line, &word))
		return false;
	text->is_before = ms_bytes_is(word, "before") || ms_bytes_is(word, "Before");
	if (!text->is_before && !ms_bytes_is(word, "after") &&
		!ms_bytes_is(word, "After"))
		return false;
	if (!ms_bytes_word(&line, &word) || !ms_bytes_is(word, "GC") ||
		!ms_bytes_word(&line, &word) || !ms_bytes_starts(word, "invocations="))
		return false;
	word = ms_bytes_sub(word, strlen("invocations="), word.n);
	return ms_bytes_dec(&word, &text->invocations) && ms_bytes_word(&line, &word) &&
	       ms_bytes_is(word, "(full") && (ms_bytes_skip_blank(&line), true) &&
	       ms_bytes_dec(&line, &text->full) && ms_bytes_eat(&line, ')');
}

// Shenandoah's figures have a line of their own, right below the one that says its name.
static bool is_shenandoah(struct ms_bytes line)
{
	return ms_bytes_starts(line, "Shenandoah Heap") ||
	       ms_bytes_starts(line, "Generational Shenandoah Heap");
}

bool ms_heap_text_parse(struct ms_bytes bytes, struct ms_heap_text *ret)
{
	struct ms_heap_text text = { 0 };
	struct ms_bytes line;
	bool is_next = false;
	if (!ms_bytes_line(&bytes, &line) || !parse_head(&text, line))
		return false;
	while (ms_bytes_line(&bytes, &line)) {
		struct ms_heap_text_space *heap =
			is_next ? space_of(&text, "heap") : NULL;
		ms_bytes_skip_blank(&line);
		if (heap)
			parse_suffix(heap, line);
		else
			parse_line(&text, line);
		is_next = is_shenandoah(line);
	}
	*ret = text;
	return true;
}

const struct ms_heap_text_space *ms_heap_text_find(
	const struct ms_heap_text *text, const char *name)
{
	for (size_t i = 0; i < text->n; i++)
		if (strcmp(text->spaces[i].name, name) == 0)
			return &text->spaces[i];
	return NULL;
}
