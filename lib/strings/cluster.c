// Shares of clusters: two hash tables with open addressing, both of bounded size.

#include "strings/cluster_internal.h"

#include <string.h>

enum {
	SLOTS_MIN = 1024,
	TEXTS_MIN = 1024
};

void share_init(struct share *share, size_t memory)
{
	*share = (struct share){ .budget = memory - memory / 2, .text_max = TEXTS_MIN };
	while (share->text_max * 2 * sizeof(uint64_t) <= memory / 2)
		share->text_max *= 2;
}

static void free_samples(struct ms_cluster *c)
{
	while (c->samples) {
		struct ms_text_sample *next = c->samples->next;
		free(c->samples);
		c->samples = next;
	}
}

void share_deinit(struct share *share)
{
	ms_array_foreach (c, &share->clusters)
		free_samples(c);
	ms_array_deinit(&share->clusters);
	free(share->slots);
	free(share->texts);
	*share = (struct share){ 0 };
}

// --- clusters -------------------------------------------------------------------------

// Shares take the top bits of the key, slots the low ones.
static uint32_t *slot_of(const struct share *share, uint64_t key)
{
	size_t at = (size_t)key & (share->slot_n - 1);
	while (share->slots[at] && share->clusters.v[share->slots[at] - 1].key != key)
		at = (at + 1) & (share->slot_n - 1);
	return &share->slots[at];
}

static bool rebuild_slots(struct share *share, size_t n)
{
	uint32_t *slots = calloc(n, sizeof(*slots));
	if (!slots)
		return false;
	free(share->slots);
	share->slots = slots;
	share->slot_n = n;
	for (size_t i = 0; i < share->clusters.n; i++)
		*slot_of(share, share->clusters.v[i].key) = (uint32_t)i + 1;
	return true;
}

enum {
	CLUSTER_COST = sizeof(struct ms_cluster) + 4 * sizeof(uint32_t)
};

static size_t sample_cost(const struct ms_text_sample *sample)
{
	enum {
		MALLOC_OVERHEAD = 16
	};
	return sizeof(*sample) + sample->text_n + MALLOC_OVERHEAD;
}

static size_t cluster_cost(const struct ms_cluster *c)
{
	size_t cost = CLUSTER_COST;
	for (const struct ms_text_sample *s = c->samples; s; s = s->next)
		cost += sample_cost(s);
	return cost;
}

// Clusters with more bytes first; keys make the order total.
static int compare_weight(const void *a, const void *b)
{
	const struct ms_cluster *x = a, *y = b;
	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? 1 : -1;
	return x->key < y->key ? -1 : x->key > y->key;
}

// Drop the lightest clusters until a quarter of the budget is free.
static struct ms_error *prune(struct share *share)
{
	if (share->clusters.n)
		qsort(share->clusters.v, share->clusters.n, sizeof(*share->clusters.v),
			compare_weight);
	while (share->clusters.n > 1 && share->used > share->budget - share->budget / 4) {
		struct ms_cluster *c = &share->clusters.v[--share->clusters.n];
		share->dropped_clusters++;
		share->dropped_count += c->count;
		share->dropped_bytes += c->bytes;
		share->used -= cluster_cost(c);
		free_samples(c);
	}
	return rebuild_slots(share, share->slot_n) ? NULL : &ms_error_nomem;
}

static struct ms_error *find_cluster(
	struct share *share, const struct ms_text_record *r, struct ms_cluster **ret)
{
	if (share->used + CLUSTER_COST > share->budget) {
		// Only a new cluster can need room, but pruning is rare enough to do
		// first.
		struct ms_error *err = prune(share);
		if (err)
			return err;
	}
	size_t want = share->slot_n ? share->slot_n : SLOTS_MIN;
	if (share->clusters.n >= want / 2)
		want *= 2;
	if (want != share->slot_n && !rebuild_slots(share, want))
		return &ms_error_nomem;
	uint32_t *slot = slot_of(share, r->key);
	if (!*slot) {
		struct ms_cluster *c = ms_array_push(&share->clusters);
		if (!c)
			return &ms_error_nomem;
		c->key = r->key;
		c->owner = r->owner;
		c->kind = r->kind;
		*slot = (uint32_t)share->clusters.n;
		share->used += CLUSTER_COST;
	}
	*ret = &share->clusters.v[*slot - 1];
	return NULL;
}

// --- distinct texts -------------------------------------------------------------------

static uint64_t mix(uint64_t a, uint64_t b)
{
	uint64_t h = (a ^ b) * 0x9e3779b97f4a7c15;
	return h ^ h >> 29;
}

static uint64_t *text_slot(uint64_t *texts, size_t cap, uint64_t hash)
{
	size_t at = (size_t)(hash >> 7) & (cap - 1);
	while (texts[at] && texts[at] != hash)
		at = (at + 1) & (cap - 1);
	return &texts[at];
}

static bool grow_texts(struct share *share)
{
	size_t cap = share->text_cap ? share->text_cap * 2 : TEXTS_MIN;
	uint64_t *texts = calloc(cap, sizeof(*texts));
	if (!texts)
		return false;
	for (size_t i = 0; i < share->text_cap; i++)
		if (share->texts[i])
			*text_slot(texts, cap, share->texts[i]) = share->texts[i];
	free(share->texts);
	share->texts = texts;
	share->text_cap = cap;
	return true;
}

// Is this text new to its cluster? When the table is full nobody knows: the cluster's
// number of distinct texts is a lower bound from then on.
static struct ms_error *count_text(
	struct share *share, struct ms_cluster *c, uint64_t hash)
{
	bool is_full = share->text_n >= share->text_cap / 4 * 3;
	if (is_full && share->text_cap < share->text_max) {
		if (!grow_texts(share))
			return &ms_error_nomem;
		is_full = false;
	}
	uint64_t of_cluster = mix(hash, c->key);
	of_cluster += !of_cluster;
	uint64_t *slot = text_slot(share->texts, share->text_cap, of_cluster);
	if (*slot)
		return NULL;
	if (is_full) {
		c->is_distinct_bound = true;
		return NULL;
	}
	*slot = of_cluster;
	share->text_n++;
	c->distinct++;
	return NULL;
}

// --- samples --------------------------------------------------------------------------

static struct ms_error *add_sample(struct share *share, struct ms_cluster *c,
	const struct ms_text_window *w, const struct ms_text_record *r, uint64_t hash)
{
	struct ms_text_sample **end = &c->samples;
	for (; *end; end = &(*end)->next)
		if ((*end)->hash == hash)
			return NULL;
	uint8_t text[MS_COUNT_SAMPLE_TEXT];
	size_t n = ms_text_window_text(w, r, sizeof(text), text);
	struct ms_text_sample *sample = malloc(sizeof(*sample) + n);
	if (!sample)
		return &ms_error_nomem;
	*sample = (struct ms_text_sample){
		.address = r->address,
		.bytes = r->end - r->address,
		.hash = hash,
		.width = r->width,
		.text_n = (uint16_t)n,
	};
	memcpy(sample->text, text, n);
	c->is_cut = (r->end - r->address) / r->width > MS_FORM_INPUT;
	c->sample_n++;
	*end = sample;
	share->used += sample_cost(sample);
	return NULL;
}

static void count_pages(struct ms_cluster *c, const struct ms_text_record *r)
{
	uint64_t first = ms_max(r->address / 4096, c->next_page);
	uint64_t after = (r->end - 1) / 4096 + 1;
	if (after <= first)
		return;
	c->pages += after - first;
	c->next_page = after;
}

struct ms_error *share_fold(struct share *share, const struct ms_text_window *window,
	const struct ms_text_record *r)
{
	struct ms_cluster *c;
	struct ms_error *err = find_cluster(share, r, &c);
	if (err)
		return err;
	c->count++;
	c->bytes += r->end - r->address;
	c->has_ascii |= r->width == 1;
	c->has_utf16 |= r->width == 2;
	count_pages(c, r);
	uint64_t hash = mix(r->hash, (r->end - r->address) / r->width);
	err = count_text(share, c, hash);
	if (!err && c->sample_n < MS_COUNT_SAMPLES)
		err = add_sample(share, c, window, r, hash);
	// Samples differ, so as many are known even when the table had no room for them.
	c->distinct = ms_max(c->distinct, c->sample_n);
	return err;
}

size_t ms_cluster_form(const struct ms_cluster *cluster, char to[MS_FORM_MAX])
{
	enum ms_form_kind kind;
	const struct ms_text_sample *s = cluster->samples;
	return ms_form_make((struct ms_bytes){ s->text, s->text_n }, to, &kind);
}
