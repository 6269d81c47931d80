// Where jemalloc's tree of pages begins: see jemalloc.h.
//
// Any word of a module's data that could be a pointer to a table is followed to a leaf. A
// leaf's entries lead to descriptors that hold the addresses the entries stand for, and
// these say which entry of the root the pointer must be; then all others are checked.

#include "alloc/jemalloc.h"
#include "alloc/root.h"

enum {
	SAMPLE = 64, // entries of a leaf that are looked at
	TABLE_ALIGN = 64,
	PROBE_MAX = 512 << 20, // bytes read for words that turn out to be no pointers
};

// What a sample of a leaf's entries says.
struct verdict {
	unsigned seen;
	unsigned good[MS_JEMALLOC_LAYOUTS];
	uint64_t address[MS_JEMALLOC_LAYOUTS]; // of a page, by the last good one
};

struct search {
	struct ms_alloc_find *find;
	struct ms_words *words; // of tables
	uint64_t probed;        // bytes
	const struct ms_jemalloc_tree *tree;
	struct ms_jemalloc_root root;
};

static bool may_be_table(const struct search *search, uint64_t word, unsigned level)
{
	return word && word % TABLE_ALIGN == 0 && word >> 47 == 0 &&
	       ms_peek_is_memory(
		       search->find->maps, word, ms_jemalloc_table(search->tree, level));
}

// The page of an extent that entry `index` of some leaf stands for.
static uint64_t page_of(const struct search *search,
	const struct ms_jemalloc_extent *extent, uint64_t index)
{
	uint64_t span = 1ull << (MS_JEMALLOC_PAGE + search->tree->bits);
	uint64_t page =
		ms_align_down(extent->range.start, span) + (index << MS_JEMALLOC_PAGE);
	return page < extent->range.start ? page + span : page;
}

// Does the entry lead to a descriptor that covers a page of this index?
static bool agrees(const struct search *search, const uint64_t *entry, uint64_t index,
	enum ms_jemalloc_layout layout, uint64_t *ret_address)
{
	struct ms_jemalloc_page page = ms_jemalloc_page(entry, search->tree, layout);
	struct ms_jemalloc_extent extent;
	uint8_t bytes[MS_JEMALLOC_EXTENT_BYTES];
	if (!ms_peek_is_memory(search->find->maps, page.extent, sizeof(bytes)) ||
		!ms_peek_bytes(search->find->peek, page.extent, bytes, sizeof(bytes)) ||
		!ms_jemalloc_extent_parse(bytes, layout, &extent))
		return false;
	uint64_t address = page_of(search, &extent, index);
	if (!ms_jemalloc_agree(&page, address, &extent, layout))
		return false;
	*ret_address = address;
	return true;
}

static void judge(const struct search *search, const uint64_t *entry, uint64_t index,
	struct verdict *verdict)
{
	verdict->seen++;
	for (unsigned l = 0; l < MS_JEMALLOC_LAYOUTS; l++)
		if (agrees(search, entry, index, (enum ms_jemalloc_layout)l,
			    &verdict->address[l]))
			verdict->good[l]++;
}

// A running target may change a few entries under our eyes; anything but a leaf would
// hardly ever get one right.
static bool is_good(const struct verdict *verdict, enum ms_jemalloc_layout layout)
{
	return verdict->good[layout] && verdict->good[layout] * 4 >= verdict->seen * 3;
}

static bool is_hopeless(const struct verdict *verdict)
{
	return verdict->seen >= 4 && !verdict->good[MS_JEMALLOC_5_2] &&
	       !verdict->good[MS_JEMALLOC_5_3];
}

static struct ms_error *judge_leaf(
	struct search *search, uint64_t leaf, struct verdict *verdict)
{
	struct ms_words *words = search->words;
	unsigned step = search->tree->words;
	uint64_t last = 0;
	bool any = true;
	ms_words_over(words,
		(struct ms_range){ leaf, leaf + ms_jemalloc_table(search->tree,
							search->tree->levels - 1) });
	while (verdict->seen < SAMPLE && search->probed < PROBE_MAX) {
		struct ms_error *err = ms_words_next(words, &any);
		if (err || !any)
			return err;
		search->probed += words->n * 8;
		uint64_t first = (words->at - leaf) / 8;
		for (size_t i = 0; i + step <= words->n && verdict->seen < SAMPLE;
			i += step) {
			if (!words->v[i] || words->v[i] == last)
				continue;
			last = words->v[i];
			judge(search, &words->v[i], (first + i) / step, verdict);
			if (is_hopeless(verdict))
				return NULL; // nearly every wrong pointer ends here
		}
	}
	return NULL;
}

// Every entry of a table above the leaves is 0 or may point to a table.
static struct ms_error *check_table(struct search *search, uint64_t table, unsigned level,
	bool *ret_good, uint64_t *ret_first)
{
	struct ms_words *words = search->words;
	struct ms_error *err;
	bool any;
	*ret_first = 0;
	*ret_good = true;
	ms_words_over(words, (struct ms_range){ table,
				     table + ms_jemalloc_table(search->tree, level) });
	while (*ret_good && !(err = ms_words_next(words, &any)) && any) {
		search->probed += words->n * 8;
		for (size_t i = 0; *ret_good && i < words->n; i++) {
			*ret_good = !words->v[i] ||
				    may_be_table(search, words->v[i], level + 1);
			if (!*ret_first)
				*ret_first = words->v[i];
		}
	}
	return *ret_good ? err : NULL;
}

// From a table of level 1 down to a leaf; 0: it is no such table.
static struct ms_error *descend(struct search *search, uint64_t table, uint64_t *ret_leaf)
{
	bool good = true;
	struct ms_error *err = NULL;
	*ret_leaf = table;
	for (unsigned level = 1; !err && good && level + 1 < search->tree->levels;
		level++)
		err = check_table(search, *ret_leaf, level, &good, ret_leaf);
	if (!good)
		*ret_leaf = 0;
	return err;
}

// A word at `at` points to `table`: is it an entry of a root within `data`?
static struct ms_error *try_entry(
	void *arg, struct ms_range data, uint64_t at, uint64_t table, bool *ret_found)
{
	struct search *search = arg;
	struct verdict verdict = { 0 };
	uint64_t leaf, first;
	if (search->probed >= PROBE_MAX)
		return NULL;
	struct ms_error *err = descend(search, table, &leaf);
	if (!err && leaf)
		err = judge_leaf(search, leaf, &verdict);
	enum ms_jemalloc_layout layout =
		verdict.good[MS_JEMALLOC_5_2] > verdict.good[MS_JEMALLOC_5_3]
			? MS_JEMALLOC_5_2
			: MS_JEMALLOC_5_3;
	uint64_t before =
		(verdict.address[layout] >> ms_jemalloc_shift(search->tree, 0)) * 8;
	if (err || !is_good(&verdict, layout) || before > at - data.start ||
		data.end - (at - before) < ms_jemalloc_table(search->tree, 0))
		return err;
	err = check_table(search, at - before, 0, ret_found, &first);
	if (!err && *ret_found)
		search->root =
			(struct ms_jemalloc_root){ at - before, search->tree, layout };
	return err;
}

static bool may_be_entry(const void *arg, uint64_t word)
{
	return may_be_table(arg, word, 1);
}

static const struct ms_root_kind root_kind = { may_be_entry, try_entry };

struct ms_error *ms_jemalloc_find_root(struct ms_alloc_find *find,
	const struct ms_module *module, struct ms_jemalloc_root *ret)
{
	_cleanup_words_ struct ms_words *words = NULL;
	struct ms_error *err = ms_words_new(find->target, find->cancel, &words);
	struct search search = { .find = find, .words = words };
	for (unsigned t = 0; !err && !search.root.address && t < MS_JEMALLOC_TREES; t++) {
		search.tree = &ms_jemalloc_trees[t];
		search.probed = 0;
		err = ms_root_find(find, module, &root_kind,
			ms_jemalloc_table(search.tree, 0), &search);
	}
	if (!err)
		*ret = search.root;
	return err;
}
