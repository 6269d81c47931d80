// Tables read in bulk: see words.h.

#include "alloc/words.h"

struct ms_error *ms_words_new(
	struct ms_target *target, const struct ms_cancel *cancel, struct ms_words **ret)
{
	struct ms_words *words = calloc(1, sizeof(*words));
	if (!words)
		return &ms_error_nomem;
	words->target = target;
	words->cancel = cancel;
	*ret = words;
	return NULL;
}

void ms_words_free(struct ms_words *words)
{
	if (!words)
		return;
	ms_gaps_deinit(&words->gaps);
	free(words);
}

void ms_words_over(struct ms_words *words, struct ms_range range)
{
	words->n = 0;
	words->unknown = 0;
	words->rest = (struct ms_range){ ms_align_down(range.start, 8),
		ms_align_down(range.end, 8) };
	if (range.start % 8)
		words->rest.start += 8;
}

// A core's headers may claim any amount of memory of which the file has nothing.
static bool may_be_there(struct ms_words *words, enum ms_page_state state)
{
	if (state != MS_PAGE_UNKNOWN)
		return ms_page_is_resident(state);
	words->is_missing |= words->unknown >= MS_WORDS_UNKNOWN_MAX;
	return words->unknown < MS_WORDS_UNKNOWN_MAX;
}

// Cut the next stretch that may hold something off `rest`; false if there is none.
static bool next_present(struct ms_words *words, struct ms_range *ret)
{
	const struct ms_pages *pages = ms_target_pages(words->target);
	struct ms_range *rest = &words->rest;
	while (rest->start < rest->end) {
		enum ms_page_state state;
		*ret = ms_pages_run(pages, rest->start, rest->end, &state);
		if (state == MS_PAGE_SWAPPED)
			words->is_missing = true;
		bool is_tried = may_be_there(words, state);
		if (is_tried)
			ret->end = ms_min(ret->end, ret->start + MS_WORDS_WINDOW);
		if (is_tried && state == MS_PAGE_UNKNOWN)
			words->unknown += ms_range_size(*ret);
		rest->start = ret->end;
		if (is_tried)
			return true;
	}
	return false;
}

struct ms_error *ms_words_next(struct ms_words *words, bool *ret_any)
{
	struct ms_range window;
	if (ms_cancel_raised(words->cancel))
		return ms_error_new(MS_ERROR_CANCELLED, "interrupted");
	*ret_any = next_present(words, &window);
	if (!*ret_any)
		return NULL;
	words->at = window.start;
	words->n = ms_range_size(window) / 8;
	words->gaps.n = 0;
	struct ms_read read = { window, words->v };
	struct ms_error *err = ms_target_read(words->target, &read, 1, &words->gaps);
	ms_array_foreach (gap, &words->gaps)
		words->is_missing |= ms_gap_is_missing(gap->reason);
	return err;
}
