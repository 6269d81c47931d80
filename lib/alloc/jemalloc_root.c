// Where jemalloc's tree of pages begins: see jemalloc.h.
//
// Any word of a module's data that could be a pointer to a leaf is followed. A leaf's
// words lead to descriptors that hold the addresses the words stand for, and these say
// which entry of the root the pointer must be; then all other entries are checked.

#include "alloc/jemalloc.h"

enum {
	SAMPLE = 64, // words of a leaf that are looked at
	LEAF_ALIGN = 64,
	PROBE_MAX = 64 << 20, // bytes read for words that turn out to be no pointers
};

// What a sample of a leaf's words says.
struct verdict {
	unsigned seen;
	unsigned good[MS_JEMALLOC_LAYOUTS];
	uint64_t gib[MS_JEMALLOC_LAYOUTS]; // of the last good one
};

struct search {
	struct ms_alloc_find *find;
	struct ms_words *leaf;
	uint64_t probed; // bytes
	uint64_t root;
	enum ms_jemalloc_layout layout;
};

static bool is_memory_at(const struct ms_maps *maps, uint64_t address)
{
	const struct ms_mapping *m = ms_maps_find(maps, address);
	return m && !(m->flags & MS_MAPPING_SHARED) &&
	       (m->kind == MS_MAPPING_ANON || m->kind == MS_MAPPING_NAMED ||
		       m->kind == MS_MAPPING_HEAP);
}

bool ms_jemalloc_is_memory(const struct ms_maps *maps, uint64_t start, uint64_t size)
{
	uint64_t end;
	return ms_add(start, size, &end) && is_memory_at(maps, start) &&
	       is_memory_at(maps, end - 1);
}

static bool may_be_leaf(const struct ms_maps *maps, uint64_t word)
{
	return word && word % LEAF_ALIGN == 0 && word >> 47 == 0 &&
	       ms_jemalloc_is_memory(maps, word, MS_JEMALLOC_TABLE);
}

// The page of an extent that entry `index` of some leaf stands for.
static uint64_t page_of(const struct ms_jemalloc_extent *extent, uint64_t index)
{
	uint64_t gib = 1ull << MS_JEMALLOC_GIB;
	uint64_t page =
		ms_align_down(extent->range.start, gib) + (index << MS_JEMALLOC_PAGE);
	return page < extent->range.start ? page + gib : page;
}

// Does the word lead to a descriptor that covers a page of this index? Then the page's
// address says which GiB the leaf is for.
static bool agrees(struct ms_alloc_find *find, uint64_t word, uint64_t index,
	enum ms_jemalloc_layout layout, uint64_t *ret_gib)
{
	struct ms_jemalloc_page page = ms_jemalloc_page(word, layout);
	struct ms_jemalloc_extent extent;
	uint8_t bytes[MS_JEMALLOC_EXTENT_BYTES];
	if (!page.extent || !is_memory_at(find->maps, page.extent) ||
		!ms_peek_bytes(find->peek, page.extent, bytes, sizeof(bytes)) ||
		!ms_jemalloc_extent_parse(bytes, layout, &extent))
		return false;
	uint64_t address = page_of(&extent, index);
	if (!ms_jemalloc_agree(&page, address, &extent, layout))
		return false;
	*ret_gib = address >> MS_JEMALLOC_GIB;
	return true;
}

static void judge(struct ms_alloc_find *find, uint64_t word, uint64_t index,
	struct verdict *verdict)
{
	verdict->seen++;
	for (unsigned l = 0; l < MS_JEMALLOC_LAYOUTS; l++)
		if (agrees(find, word, index, (enum ms_jemalloc_layout)l,
			    &verdict->gib[l]))
			verdict->good[l]++;
}

// A running target may change a few entries under our eyes; anything else would hardly
// ever get one right.
static bool is_good(const struct verdict *verdict, enum ms_jemalloc_layout layout)
{
	return verdict->good[layout] && verdict->good[layout] * 4 >= verdict->seen * 3;
}

static struct ms_error *judge_leaf(
	struct search *search, uint64_t leaf, struct verdict *verdict)
{
	struct ms_words *words = search->leaf;
	uint64_t last = 0;
	bool any = true;
	ms_words_over(words, (struct ms_range){ leaf, leaf + MS_JEMALLOC_TABLE });
	while (verdict->seen < SAMPLE && search->probed < PROBE_MAX) {
		struct ms_error *err = ms_words_next(words, &any);
		if (err || !any)
			return err;
		search->probed += words->n * 8;
		for (size_t i = 0; i < words->n && verdict->seen < SAMPLE; i++) {
			if (!words->v[i] || words->v[i] == last)
				continue;
			last = words->v[i];
			judge(search->find, last, (words->at - leaf) / 8 + i, verdict);
			if (verdict->seen == 4 && !verdict->good[MS_JEMALLOC_5_2] &&
				!verdict->good[MS_JEMALLOC_5_3])
				return NULL; // nearly every wrong pointer ends here
		}
	}
	return NULL;
}

// Every entry of a root is 0 or may point to a leaf.
static struct ms_error *check_root(struct search *search, uint64_t root, bool *ret_good)
{
	struct ms_words *words = search->leaf;
	struct ms_error *err;
	bool any;
	*ret_good = true;
	ms_words_over(words, (struct ms_range){ root, root + MS_JEMALLOC_TABLE });
	while (!(err = ms_words_next(words, &any)) && any && *ret_good)
		for (size_t i = 0; i < words->n; i++)
			*ret_good &= !words->v[i] ||
				     may_be_leaf(search->find->maps, words->v[i]);
	return err;
}

// A word at `at` points to `leaf`: is it an entry of a root within `data`?
static struct ms_error *try_word(
	struct search *search, struct ms_range data, uint64_t at, uint64_t leaf)
{
	struct verdict verdict = { 0 };
	struct ms_error *err = judge_leaf(search, leaf, &verdict);
	enum ms_jemalloc_layout layout =
		verdict.good[MS_JEMALLOC_5_2] > verdict.good[MS_JEMALLOC_5_3]
			? MS_JEMALLOC_5_2
			: MS_JEMALLOC_5_3;
	uint64_t before = verdict.gib[layout] * 8;
	if (err || !is_good(&verdict, layout) || before > at - data.start ||
		data.end - (at - before) < MS_JEMALLOC_TABLE)
		return err;
	search->probed = 0;
	bool good;
	err = check_root(search, at - before, &good);
	if (!err && good) {
		search->root = at - before;
		search->layout = layout;
	}
	return err;
}

static struct ms_error *search_data(
	struct search *search, struct ms_words *words, struct ms_range data)
{
	struct ms_error *err;
	bool any;
	ms_words_over(words, data);
	while (!(err = ms_words_next(words, &any)) && any && !search->root)
		for (size_t i = 0; !err && !search->root && i < words->n; i++)
			if (may_be_leaf(search->find->maps, words->v[i]))
				err = try_word(
					search, data, words->at + i * 8, words->v[i]);
	return err;
}

struct ms_error *ms_jemalloc_find_root(struct ms_alloc_find *find,
	const struct ms_module *module, uint64_t *ret_root,
	enum ms_jemalloc_layout *ret_layout)
{
	_cleanup_words_ struct ms_words *words = NULL, *leaf = NULL;
	struct ms_error *err = ms_words_new(find->target, find->cancel, &words);
	if (!err)
		err = ms_words_new(find->target, find->cancel, &leaf);
	struct search search = { .find = find, .leaf = leaf };
	for (size_t i = 0; !err && !search.root && i < module->data_n; i++)
		if (ms_range_size(module->data[i]) >= MS_JEMALLOC_TABLE)
			err = search_data(&search, words, module->data[i]);
	if (err)
		return err;
	*ret_root = search.root;
	*ret_layout = search.layout;
	return NULL;
}
