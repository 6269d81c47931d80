// The first level of an allocator's page tables: see root.h.

#include "alloc/root.h"
#include "alloc/words.h"

enum {
	AROUND = 128 // words behind an entry that must be possible entries, too
};

struct search {
	struct ms_peek *peek;
	const struct ms_root_kind *kind;
	void *arg;
	bool is_found;
};

// User space ends in the middle of a root: what follows an entry is in the root as well,
// and most of it is 0. Few other pointers pass this.
static bool has_room(const struct search *search, uint64_t at)
{
	uint64_t words[AROUND];
	if (!ms_peek_bytes(search->peek, at, words, sizeof(words)))
		return true; // a page that was never touched: all 0
	for (size_t i = 0; i < AROUND; i++)
		if (words[i] && !search->kind->may_be_entry(search->arg, words[i]))
			return false;
	return true;
}

static struct ms_error *search_data(
	struct search *search, struct ms_words *words, struct ms_range data)
{
	const struct ms_root_kind *kind = search->kind;
	struct ms_error *err;
	bool any;
	ms_words_over(words, data);
	while (!(err = ms_words_next(words, &any)) && any && !search->is_found)
		for (size_t i = 0; !err && !search->is_found && i < words->n; i++)
			if (kind->may_be_entry(search->arg, words->v[i]) &&
				has_room(search, words->at + i * 8))
				err = kind->try_entry(search->arg, data,
					words->at + i * 8, words->v[i],
					&search->is_found);
	return err;
}

struct ms_error *ms_root_find(struct ms_alloc_find *find, const struct ms_module *module,
	const struct ms_root_kind *kind, uint64_t size, void *arg)
{
	_cleanup_words_ struct ms_words *words = NULL;
	struct search search = { find->peek, kind, arg, false };
	struct ms_error *err = ms_words_new(find->target, find->cancel, &words);
	for (size_t i = 0; !err && !search.is_found && i < module->data_n; i++)
		if (ms_range_size(module->data[i]) >= size)
			err = search_data(&search, words, module->data[i]);
	return err;
}
