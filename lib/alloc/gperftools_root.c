// Where gperftools' tables begin: see gperftools.h.
//
// Any word of a module's data that could be a pointer to a second-level table is
// followed. Spans it leads to say which page they begin at, hence which entry of the
// first level the pointer must be.

#include "alloc/gperftools.h"
#include "alloc/root.h"

enum {
	SAMPLE = 4096, // entries that are looked at: the first may be left-overs
	HOPELESS = 256,
	PROBE_MAX = 32 << 20,  // bytes read for words that turn out to be no pointers
	PEEK_BYTES = 16 << 10, // read to look at one of them
};

// 8 KiB is the default; the others can be asked for when it is built.
static const uint8_t page_shifts[] = { 13, 12, 14, 15, 16, 18 };

struct search {
	struct ms_alloc_find *find;
	struct ms_words *words; // of tables
	uint64_t probed;        // bytes
	unsigned shift;         // of a page
	struct ms_gperf_root root;
};

static bool may_be_leaf(const struct search *search, uint64_t word)
{
	return word && word % 8 == 0 && word >> 47 == 0 &&
	       ms_peek_is_memory(search->find->maps, word,
		       8ull << ms_gperf_leaf_bits(search->shift));
}

// Does entry `index` lead to a span with a page of that index? Which page, then? Left-overs
// must not say: one that came last in a sample would move the root.
static bool agrees(
	const struct search *search, uint64_t word, uint64_t index, uint64_t *ret_page)
{
	struct ms_gperf_span span;
	uint8_t bytes[MS_GPERF_SPAN_BYTES];
	if (word % 8 || !ms_peek_is_memory(search->find->maps, word, sizeof(bytes)) ||
		!ms_peek_bytes(search->find->peek, word, bytes, sizeof(bytes)) ||
		!ms_gperf_span_parse(bytes, search->shift, &span) ||
		!ms_peek_is_memory(
			search->find->maps, span.range.start, ms_range_size(span.range)))
		return false;
	return ms_gperf_span_page(&span, search->shift, index, ret_page);
}

// How many entries of a leaf are good, and for which part of the address space it is.
static struct ms_error *judge_leaf(
	struct search *search, uint64_t leaf, bool *ret_good, uint64_t *ret_page)
{
	struct ms_words *words = search->words;
	unsigned seen = 0, good = 0;
	uint64_t last = 0;
	bool any = true;
	struct ms_error *err = NULL;
	ms_words_over(words, (struct ms_range){ leaf, leaf + (8ull << ms_gperf_leaf_bits(
								      search->shift)) });
	while (!err && any && seen < SAMPLE && search->probed < PROBE_MAX &&
		(good || seen < HOPELESS)) {
		err = ms_words_next(words, &any);
		search->probed += err || !any ? 0 : words->n * 8;
		for (size_t i = 0; !err && any && i < words->n && seen < SAMPLE; i++) {
			if (!words->v[i] || words->v[i] == last)
				continue;
			last = words->v[i];
			seen++;
			bool fits = agrees(
				search, last, (words->at - leaf) / 8 + i, ret_page);
			good += fits;
			search->probed += fits ? 0 : PEEK_BYTES;
			if (!good && seen == HOPELESS)
				break;
		}
	}
	*ret_good = good && good * 4 >= seen;
	return err;
}

static struct ms_error *check_root(struct search *search, uint64_t root, bool *ret_good)
{
	struct ms_words *words = search->words;
	struct ms_error *err;
	bool any;
	*ret_good = true;
	ms_words_over(words, (struct ms_range){ root, root + (8ull << ms_gperf_root_bits(
								      search->shift)) });
	while (!(err = ms_words_next(words, &any)) && any && *ret_good)
		for (size_t i = 0; i < words->n; i++)
			*ret_good &= !words->v[i] || may_be_leaf(search, words->v[i]);
	return err;
}

static struct ms_error *try_entry(
	void *arg, struct ms_range data, uint64_t at, uint64_t leaf, bool *ret_found)
{
	struct search *search = arg;
	uint64_t page = 0;
	bool good;
	struct ms_error *err = judge_leaf(search, leaf, &good, &page);
	uint64_t before = (page >> ms_gperf_leaf_bits(search->shift)) * 8;
	if (err || !good || before > at - data.start ||
		data.end - (at - before) < 8ull << ms_gperf_root_bits(search->shift))
		return err;
	err = check_root(search, at - before, ret_found);
	if (!err && *ret_found)
		search->root = (struct ms_gperf_root){ at - before, search->shift };
	return err;
}

static bool may_be_entry(const void *arg, uint64_t word)
{
	return may_be_leaf(arg, word);
}

static const struct ms_root_kind root_kind = { may_be_entry, try_entry };

struct ms_error *ms_gperf_find_root(struct ms_alloc_find *find,
	const struct ms_module *module, struct ms_gperf_root *ret)
{
	_cleanup_words_ struct ms_words *words = NULL;
	struct ms_error *err = ms_words_new(find->target, find->cancel, &words);
	struct search search = { .find = find, .words = words };
	for (size_t s = 0; !err && !search.root.address && s < sizeof(page_shifts); s++) {
		search.shift = page_shifts[s];
		err = ms_root_find(find, module, &root_kind,
			8ull << ms_gperf_root_bits(search.shift), &search);
	}
	if (!err)
		*ret = search.root;
	return err;
}

// Three arrays behind each other: objects that move together, sizes, pages of a span.
static bool classes_at(struct ms_gperf *tc, uint64_t size_at)
{
	uint32_t batch[MS_GPERF_CLASSES], size[MS_GPERF_CLASSES];
	uint64_t pages[MS_GPERF_CLASSES], pages_at;
	struct ms_peek *peek = tc->find->peek;
	return size_at > sizeof(batch) &&
	       ms_align_up(size_at + sizeof(size), 8, &pages_at) &&
	       ms_peek_bytes(peek, size_at - sizeof(batch), batch, sizeof(batch)) &&
	       ms_peek_bytes(peek, size_at, size, sizeof(size)) &&
	       ms_peek_bytes(peek, pages_at, pages, sizeof(pages)) &&
	       ms_gperf_classes_parse(batch, size, pages, &tc->classes);
}

// Sizes begin with 0, 8, 16.
static bool classes_in(struct ms_gperf *tc, const struct ms_words *words)
{
	uint32_t before = 0;
	for (size_t i = 0; i < words->n; i++) {
		uint32_t low = (uint32_t)words->v[i],
			 high = (uint32_t)(words->v[i] >> 32);
		uint64_t at = words->at + i * 8;
		if (low == 8 && high == 16 && classes_at(tc, at - 4))
			return true;
		if (before == 8 && low == 16 && classes_at(tc, at - 8))
			return true;
		before = high;
	}
	return false;
}

struct ms_error *ms_gperf_find_classes(struct ms_gperf *tc)
{
	struct ms_error *err = NULL;
	for (size_t i = 0; !err && !tc->classes.n && i < tc->module->data_n; i++) {
		bool any;
		ms_words_over(tc->words, tc->module->data[i]);
		while (!(err = ms_words_next(tc->words, &any)) && any)
			if (classes_in(tc, tc->words))
				break;
	}
	return err;
}
