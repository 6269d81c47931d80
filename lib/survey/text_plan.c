// Choosing memory to look for text in: see text.h.

#include "survey/text.h"

#include <stdlib.h>
#include <string.h>

#include "survey/text_internal.h"

// Known to be text of the program itself, or no text at all. Reading it would bury the
// rest; --all and an owner's id ask for it.
static const char *const unusual[] = { "java.heap", "java.gc", "java.metaspace",
	"java.cds", "java.code", "java.stack", "stack", "file", "kernel" };

static bool is_below(const char *id, const char *prefix)
{
	size_t n = strlen(prefix);
	return strncmp(id, prefix, n) == 0 && (id[n] == '\0' || id[n] == '.');
}

static bool is_unusual(const char *id)
{
	for (size_t i = 0; i < sizeof(unusual) / sizeof(unusual[0]); i++)
		if (is_below(id, unusual[i]))
			return true;
	return false;
}

// --- owners by number -----------------------------------------------------------------

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static struct ms_error *number_owners(struct ms_text_plan *plan)
{
	struct ms_kinds *kinds = ms_claims_kinds(plan->claims);
	size_t n = ms_kinds_count(kinds);
	plan->owners = calloc(n, sizeof(*plan->owners));
	plan->chosen = calloc(n, sizeof(*plan->chosen));
	if (!plan->owners || !plan->chosen)
		return &ms_error_nomem;
	for (size_t i = 0; i < n; i++)
		plan->owners[i] = ms_kinds_row(kinds, (ms_kind)i)->owner;
	qsort(plan->owners, n, sizeof(*plan->owners), compare_names);
	for (size_t i = 0; i < n; i++)
		if (!plan->owner_n ||
			strcmp(plan->owners[plan->owner_n - 1], plan->owners[i]) != 0)
			plan->owners[plan->owner_n++] = plan->owners[i];
	return NULL;
}

static uint32_t owner_number(const struct ms_text_plan *plan, const char *id)
{
	const char **at = bsearch(
		&id, plan->owners, plan->owner_n, sizeof(*plan->owners), compare_names);
	return at ? (uint32_t)(at - plan->owners) : MS_TEXT_OWNER_NONE;
}

// A file's private copies may have another owner than its clean pages.
static const char *owner_at(
	const struct ms_text_plan *plan, uint64_t address, struct ms_range *ret_range)
{
	struct ms_answer answer = ms_claims_find(plan->claims, address);
	const char *owner = answer.kind->owner;
	*ret_range = answer.range;
	if (!ms_range_has(*ret_range, address))
		*ret_range = (struct ms_range){ address, address + 1 };
	const struct ms_claim *claim = answer.claim;
	if (answer.is_block || !claim || claim->kind_anon == MS_KIND_NONE)
		return owner;
	enum ms_page_state state;
	*ret_range = ms_pages_run(
		ms_target_pages(plan->target), address, ret_range->end, &state);
	if (state == MS_PAGE_ANON)
		owner = ms_kinds_row(ms_claims_kinds(plan->claims), claim->kind_anon)
				->owner;
	return owner;
}

uint32_t ms_text_plan_owner(void *arg, uint64_t address, struct ms_range *ret_range)
{
	const struct ms_text_plan *plan = arg;
	const char *owner = owner_at(plan, address, ret_range);
	if (plan->wanted && !is_below(owner, plan->wanted))
		return MS_TEXT_OWNER_NONE;
	return owner_number(plan, owner);
}

// --- choice ---------------------------------------------------------------------------

struct choice {
	struct ms_text_plan *plan;
	const struct ms_text_plan_options *options;
	uint64_t *left_out;         // by owner
	struct ms_blocks_sum *sums; // by kind, of one stretch of a walked heap
	size_t kind_n;
};

// In a walked heap the claim's owner does not say whose the blocks are: all of it is
// read, and each string is asked for its own.
static bool is_chosen(const struct choice *c, const struct ms_mapping *mapping,
	const char *owner, const struct ms_segment *segment)
{
	bool has_blocks = segment && segment->claim && segment->claim->blocks;
	if (c->options->owner)
		return has_blocks || is_below(owner, c->options->owner);
	if (c->options->all)
		return true;
	return ms_mapping_is_anonymous(mapping) && !is_unusual(owner);
}

static bool may_have_text(enum ms_page_state state)
{
	return state != MS_PAGE_ABSENT && state != MS_PAGE_ZERO && state != MS_PAGE_GUARD;
}

static void add_bytes(struct choice *c, bool chosen, const char *owner, uint64_t bytes)
{
	uint32_t number = owner_number(c->plan, owner);
	const char *wanted = c->options->owner;
	if (wanted && !is_below(owner, wanted))
		chosen = false; // it is read for its neighbours' sake
	if (number != MS_TEXT_OWNER_NONE)
		(chosen ? c->plan->chosen : c->left_out)[number] += bytes;
}

// A stretch of a walked heap, by the blocks in it; claim is what lies around them.
static void add_blocks(struct choice *c, bool chosen, const struct ms_claim *claim,
	struct ms_range range)
{
	struct ms_kinds *kinds = ms_claims_kinds(c->plan->claims);
	struct ms_block block;
	memset(c->sums, 0, c->kind_n * sizeof(*c->sums));
	if (!ms_blocks_find(claim->blocks, range.start, &block)) {
		add_bytes(c, chosen, ms_kinds_row(kinds, claim->kind)->owner,
			ms_range_size(range));
		return;
	}
	bool is_inside = block.range.start >= range.start;
	if (!is_inside) {
		c->sums[block.kind].bytes +=
			ms_range_size(ms_range_clip(block.range, range));
		is_inside = ms_blocks_next(claim->blocks, &block) &&
			    block.range.start < range.end;
	}
	if (is_inside) {
		ms_blocks_add_up(claim->blocks, &block, range.end, c->sums);
		c->sums[block.kind].bytes +=
			ms_range_size(ms_range_clip(block.range, range));
	}
	for (size_t kind = 0; kind < c->kind_n; kind++)
		if (c->sums[kind].bytes)
			add_bytes(c, chosen,
				ms_kinds_row(kinds, kind ? (ms_kind)kind : claim->kind)
					->owner,
				c->sums[kind].bytes);
}

// One stretch of a mapping with one claim.
static struct ms_error *choose_stretch(struct choice *c, const struct ms_mapping *mapping,
	struct ms_range range, const struct ms_segment *segment)
{
	struct ms_text_plan *plan = c->plan;
	const struct ms_pages *pages = ms_target_pages(plan->target);
	struct ms_range run;
	for (uint64_t at = range.start; at < range.end; at = run.end) {
		enum ms_page_state state;
		struct ms_range same;
		run = ms_pages_run(pages, at, range.end, &state);
		if (!may_have_text(state))
			continue;
		const char *owner = owner_at(plan, at, &same);
		if (ms_page_is_resident(state))
			plan->resident += ms_range_size(run);
		bool chosen = is_chosen(c, mapping, owner, segment);
		bool has_blocks = segment && segment->claim->blocks;
		if (ms_page_is_resident(state) && has_blocks)
			add_blocks(c, chosen, segment->claim, run);
		else if (ms_page_is_resident(state))
			add_bytes(c, chosen, owner, ms_range_size(run));
		if (!chosen)
			continue;
		plan->planned += ms_range_size(run);
		struct ms_error *err = ms_ranges_add(&plan->ranges, run);
		if (err)
			return err;
	}
	return NULL;
}

static struct ms_error *choose_mapping(
	struct choice *c, const struct ms_mapping *mapping, size_t *segment_at)
{
	size_t n;
	const struct ms_segment *segments = ms_claims_segments(c->plan->claims, &n);
	for (uint64_t at = mapping->range.start; at < mapping->range.end;) {
		while (*segment_at < n && segments[*segment_at].range.end <= at)
			++*segment_at;
		const struct ms_segment *s =
			*segment_at < n ? &segments[*segment_at] : NULL;
		bool is_inside = s && s->range.start <= at;
		uint64_t end = mapping->range.end;
		if (s)
			end = ms_min(end, is_inside ? s->range.end : s->range.start);
		struct ms_error *err = choose_stretch(
			c, mapping, (struct ms_range){ at, end }, is_inside ? s : NULL);
		if (err)
			return err;
		at = end;
	}
	return NULL;
}

static int compare_left_out(const void *a, const void *b)
{
	const struct ms_text_left_out *x = a, *y = b;
	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? 1 : -1;
	return strcmp(x->owner, y->owner);
}

static struct ms_error *sum_left_out(struct choice *c)
{
	struct ms_text_plan *plan = c->plan;
	plan->left_out = calloc(plan->owner_n + 1, sizeof(*plan->left_out));
	if (!plan->left_out)
		return &ms_error_nomem;
	for (size_t i = 0; i < plan->owner_n; i++)
		if (c->left_out[i])
			plan->left_out[plan->left_out_n++] =
				(struct ms_text_left_out){ plan->owners[i],
					c->left_out[i] };
	qsort(plan->left_out, plan->left_out_n, sizeof(*plan->left_out),
		compare_left_out);
	return NULL;
}

static struct ms_error *make(struct choice *c)
{
	const struct ms_maps *maps = ms_target_maps(c->plan->target);
	struct ms_error *err = NULL;
	size_t segment = 0;
	for (size_t i = 0; !err && i < maps->n; i++)
		if (ms_mapping_counts(&maps->v[i]))
			err = choose_mapping(c, &maps->v[i], &segment);
	return err ? err : sum_left_out(c);
}

struct ms_error *ms_text_plan_make(struct ms_target *target, struct ms_claims *claims,
	const struct ms_text_plan_options *options, struct ms_text_plan *ret)
{
	struct ms_text_plan plan = { .target = target, .claims = claims };
	plan.wanted = options->owner;
	struct ms_error *err = number_owners(&plan);
	_cleanup_free_ uint64_t *left_out =
		err ? NULL : calloc(plan.owner_n + 1, sizeof(*left_out));
	struct choice c = { .plan = &plan, .options = options, .left_out = left_out };
	c.kind_n = ms_kinds_count(ms_claims_kinds(claims));
	_cleanup_free_ struct ms_blocks_sum *sums = calloc(c.kind_n, sizeof(*sums));
	c.sums = sums;
	if (!err)
		err = left_out && sums ? make(&c) : &ms_error_nomem;
	if (err) {
		ms_text_plan_deinit(&plan);
		return err;
	}
	*ret = plan;
	return NULL;
}

void ms_text_plan_deinit(struct ms_text_plan *plan)
{
	ms_ranges_deinit(&plan->ranges);
	free(plan->owners);
	free(plan->chosen);
	free(plan->left_out);
	*plan = (struct ms_text_plan){ 0 };
}
