// From tallies to the document: see ledger.h. Rows, evidence and items are sorted by what
// they say, so that equal inputs give equal documents.

#include "ledger/ledger.h"

#include <string.h>

#include "ledger/overcount.h"
#include "ledger/sum_internal.h"

static int compare_u64(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int compare_bytes(struct ms_bytes a, struct ms_bytes b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n ? memcmp(a.p, b.p, n) : 0;
	return order ? order : compare_u64(a.n, b.n);
}

static int compare_texts(const void *pa, const void *pb)
{
	return strcmp(*(const char *const *)pa, *(const char *const *)pb);
}

static int compare_rows(const void *pa, const void *pb)
{
	const struct ms_ledger_row *a = pa, *b = pb;
	int order = compare_u64(b->resident, a->resident);
	if (!order)
		order = compare_u64(b->swap, a->swap);
	return order ? order : strcmp(a->owner, b->owner);
}

static int compare_evidence(const void *pa, const void *pb)
{
	const struct ms_evidence *a = pa, *b = pb;
	int order = compare_u64(b->bytes, a->bytes);
	if (!order)
		order = compare_bytes(a->reader, b->reader);
	if (!order)
		order = compare_bytes(a->what, b->what);
	return order ? order : compare_u64(b->count, a->count);
}

static int compare_item_names(const void *pa, const void *pb)
{
	const struct ms_item *a = pa, *b = pb;
	int order = compare_bytes(a->name, b->name);
	return order ? order : compare_u64(a->range.start, b->range.start);
}

static int compare_item_sizes(const void *pa, const void *pb)
{
	const struct ms_item *a = pa, *b = pb;
	int order = compare_u64(b->resident, a->resident);
	return order ? order : compare_u64(a->range.start, b->range.start);
}

static int compare_last_uses(const void *pa, const void *pb)
{
	const struct ms_last_use *a = pa, *b = pb;
	int order = compare_u64(b->bytes, a->bytes);
	return order ? order : strcmp(a->owner, b->owner);
}

static int compare_outside(const void *pa, const void *pb)
{
	const struct outside *a = pa, *b = pb;
	int order = strcmp(a->owner, b->owner);
	if (!order)
		order = compare_u64(b->bytes, a->bytes);
	if (!order)
		order = strcmp(a->what, b->what);
	return order ? order : compare_bytes(a->item, b->item);
}

static struct ms_bytes keep_bytes(struct ms_arena *arena, struct ms_bytes bytes)
{
	const char *copy = ms_arena_copy(arena, bytes);
	return (struct ms_bytes){ (const uint8_t *)copy, copy ? bytes.n : 0 };
}

static struct ms_bytes keep_text(struct ms_arena *arena, const char *text)
{
	return keep_bytes(arena, ms_bytes_of(text ? text : ""));
}

// The owners of all kinds, each once, and the index of each kind's.
static struct ms_error *index_owners(struct sum *s)
{
	struct ms_kinds *kinds = s->claims->kinds;
	s->kind_n = ms_kinds_count(kinds);
	s->owners = calloc(s->kind_n, sizeof(*s->owners));
	s->owner_of = calloc(s->kind_n, sizeof(*s->owner_of));
	s->here = calloc(s->kind_n, sizeof(*s->here));
	s->kinds = calloc(s->kind_n, sizeof(*s->kinds));
	s->sums = calloc(s->kind_n, sizeof(*s->sums));
	s->of_claims = calloc(s->claims->sorted.n + 1, sizeof(*s->of_claims));
	if (!s->owners || !s->owner_of || !s->here || !s->kinds || !s->sums ||
		!s->of_claims)
		return &ms_error_nomem;
	for (size_t i = 0; i < s->kind_n; i++)
		s->owners[i] = ms_kinds_row(kinds, (ms_kind)i)->owner;
	qsort(s->owners, s->kind_n, sizeof(*s->owners), compare_texts);
	for (size_t i = 0; i < s->kind_n; i++)
		if (!s->owner_n || strcmp(s->owners[s->owner_n - 1], s->owners[i]))
			s->owners[s->owner_n++] = s->owners[i];
	for (size_t i = 0; i < s->kind_n; i++) {
		const char *owner = ms_kinds_row(kinds, (ms_kind)i)->owner;
		const char **at = bsearch(
			&owner, s->owners, s->owner_n, sizeof(*s->owners), compare_texts);
		s->owner_of[i] = (uint32_t)(at - s->owners);
	}
	return NULL;
}

// All that is collected for one owner before it becomes a row.
struct gather {
	MS_ARRAY(struct ms_evidence) evidence;
	MS_ARRAY(struct ms_evidence) counter;
	MS_ARRAY(struct ms_item) items;
	MS_ARRAY(struct ms_last_use) uses;
};

static void release(struct gather *g, size_t n)
{
	for (size_t i = 0; g && i < n; i++) {
		ms_array_deinit(&g[i].evidence);
		ms_array_deinit(&g[i].counter);
		ms_array_deinit(&g[i].items);
		ms_array_deinit(&g[i].uses);
	}
	free(g);
}

static struct ms_error *add_evidence(struct sum *s, struct gather *g, bool is_counter,
	const char *reader, const char *what, struct tally tally)
{
	struct ms_evidence *evidence =
		is_counter ? (struct ms_evidence *)ms_array_push(&g->counter)
			   : (struct ms_evidence *)ms_array_push(&g->evidence);
	if (!evidence)
		return &ms_error_nomem;
	*evidence = (struct ms_evidence){ .reader = keep_text(&s->ledger->arena, reader),
		.what = keep_text(&s->ledger->arena, what),
		.count = tally.count,
		.bytes = tally.resident };
	return evidence->reader.p && evidence->what.p ? NULL : &ms_error_nomem;
}

static struct ms_error *add_rival(
	struct sum *s, struct gather *g, const char *rival, uint64_t count)
{
	char text[MS_OWNER_TEXT + 32];
	(void)snprintf(text, sizeof(text), "also claimed by %s", rival);
	s->ledger->conflict_total += count;
	return add_evidence(s, g, true, "ledger", text, (struct tally){ .count = count });
}

// Kinds of one owner add up to its row; each is a line of evidence.
static struct ms_error *gather_kinds(
	struct sum *s, struct gather *g, struct ms_ledger_row *rows)
{
	struct ms_error *err = NULL;
	for (size_t i = 0; !err && i < s->kind_n; i++) {
		const struct ms_kind_row *kind =
			ms_kinds_row(s->claims->kinds, (ms_kind)i);
		struct tally tally = s->kinds[i];
		struct ms_ledger_row *row = &rows[s->owner_of[i]];
		row->resident += tally.resident;
		row->swap += tally.swap;
		if (i != MS_KIND_NONE && !kind->is_part)
			row->count += tally.count;
		if (!tally.resident && !tally.swap)
			continue;
		if (i != MS_KIND_NONE && (!row->has_grade || kind->grade < row->grade)) {
			row->grade = kind->grade;
			row->has_grade = true;
		}
		if (kind->detail)
			err = add_evidence(s, &g[s->owner_of[i]], false, kind->reader,
				kind->detail, tally);
		if (!err && kind->rival)
			err = add_rival(s, &g[s->owner_of[i]], kind->rival, tally.count);
	}
	return err;
}

static struct ms_error *gather_items(struct sum *s, struct gather *g)
{
	for (size_t i = 0; i < s->claims->sorted.n; i++) {
		const struct ms_claim *claim = &s->claims->sorted.v[i];
		if (!claim->item.n || !s->of_claims[i].resident)
			continue;
		struct ms_item *item = ms_array_push(&g[s->owner_of[claim->kind]].items);
		if (!item)
			return &ms_error_nomem;
		*item = (struct ms_item){ .name = claim->item,
			.range = claim->range,
			.parts = 1,
			.resident = s->of_claims[i].resident };
	}
	return NULL;
}

static bool find_owner(const struct sum *s, const char *owner, size_t *ret)
{
	const char **at =
		bsearch(&owner, s->owners, s->owner_n, sizeof(*s->owners), compare_texts);
	if (at)
		*ret = (size_t)(at - s->owners);
	return at != NULL;
}

static struct ms_error *gather_remarks(struct sum *s, struct gather *g)
{
	struct ms_error *err = NULL;
	size_t owner;
	ms_array_foreach (remark, &s->claims->remarks)
		if (!err && find_owner(s, remark->owner, &owner))
			err = add_evidence(s, &g[owner], remark->is_counter,
				remark->reader, remark->what,
				(struct tally){ .count = remark->count });
	return err;
}

static struct ms_error *add_use(
	struct gather *g, const char *user, uint64_t bytes, uint64_t count)
{
	struct ms_last_use *use = ms_array_push(&g->uses);
	if (!use)
		return &ms_error_nomem;
	*use = (struct ms_last_use){ .owner = user, .bytes = bytes, .count = count };
	return NULL;
}

static struct ms_error *gather_block_uses(struct sum *s, struct gather *g, ms_kind freed)
{
	struct ms_error *err = NULL;
	const struct use_slots *slots = s->claims->block_uses[freed];
	for (size_t i = 0; slots && !err && i < s->kind_n; i++)
		if (slots->count[i])
			err = add_use(&g[s->owner_of[freed]],
				ms_kinds_row(s->claims->kinds, (ms_kind)i)->owner,
				slots->bytes[i], slots->count[i]);
	return err;
}

static struct ms_error *gather_uses(struct sum *s, struct gather *g)
{
	struct ms_error *err = NULL;
	size_t owner;
	ms_array_foreach (use, &s->claims->uses)
		if (!err && find_owner(s, use->owner, &owner))
			err = add_use(&g[owner], use->user, use->bytes, use->count);
	for (size_t i = 0; !err && i < s->kind_n; i++)
		err = gather_block_uses(s, g, (ms_kind)i);
	return err;
}

static struct ms_error *gather_conflicts(struct sum *s, struct gather *g)
{
	struct ms_error *err = NULL;
	struct ms_ledger *ledger = s->ledger;
	ledger->conflicts = ms_new(&ledger->arena, struct ms_conflict, MS_CONFLICTS_MAX);
	if (!ledger->conflicts)
		return &ms_error_nomem;
	ms_array_foreach (segment, &s->claims->segments) {
		if (!segment->rival)
			continue;
		size_t owner = s->owner_of[segment->claim->kind];
		err = add_rival(s, &g[owner], segment->rival, 1);
		if (err)
			return err;
		if (ledger->conflict_n == MS_CONFLICTS_MAX)
			continue;
		ledger->conflicts[ledger->conflict_n++] = (struct ms_conflict){
			.range = segment->range,
			.owner = (const char *)keep_text(&ledger->arena, s->owners[owner])
					 .p,
			.rival =
				(const char *)keep_text(&ledger->arena, segment->rival).p,
		};
	}
	return NULL;
}

// Add up neighbours that say the same.
static size_t join_evidence(struct ms_evidence *v, size_t n)
{
	size_t kept = 0;
	for (size_t i = 0; i < n; i++) {
		struct ms_evidence *last = kept ? &v[kept - 1] : NULL;
		if (last && ms_bytes_equal(last->what, v[i].what) &&
			ms_bytes_equal(last->reader, v[i].reader)) {
			last->count += v[i].count;
			last->bytes += v[i].bytes;
		} else {
			v[kept++] = v[i];
		}
	}
	return kept;
}

static int compare_statements(const void *pa, const void *pb)
{
	const struct ms_evidence *a = pa, *b = pb;
	int order = compare_bytes(a->reader, b->reader);
	return order ? order : compare_bytes(a->what, b->what);
}

static bool finish_evidence(struct ms_arena *arena, struct ms_evidence *v, size_t n,
	struct ms_evidence **ret, size_t *ret_n)
{
	if (!n)
		return true;
	qsort(v, n, sizeof(*v), compare_statements);
	n = join_evidence(v, n);
	qsort(v, n, sizeof(*v), compare_evidence);
	*ret = ms_new(arena, struct ms_evidence, n);
	if (!*ret)
		return false;
	memcpy(*ret, v, n * sizeof(*v));
	*ret_n = n;
	return true;
}

static size_t join_items(struct ms_item *v, size_t n)
{
	size_t kept = 0;
	for (size_t i = 0; i < n; i++) {
		if (kept && ms_bytes_equal(v[kept - 1].name, v[i].name)) {
			v[kept - 1].resident += v[i].resident;
			v[kept - 1].range.end = v[i].range.end;
			v[kept - 1].parts += v[i].parts;
		} else {
			v[kept++] = v[i];
		}
	}
	return kept;
}

// Things of one name are one item: a library is several mappings.
static bool finish_items(
	struct ms_arena *arena, struct gather *g, struct ms_ledger_row *row)
{
	if (!g->items.n)
		return true;
	qsort(g->items.v, g->items.n, sizeof(*g->items.v), compare_item_names);
	row->item_total = join_items(g->items.v, g->items.n);
	qsort(g->items.v, row->item_total, sizeof(*g->items.v), compare_item_sizes);
	row->item_n = row->item_total < MS_ITEMS_MAX ? row->item_total : MS_ITEMS_MAX;
	row->items = ms_new(arena, struct ms_item, row->item_n);
	for (size_t i = 0; row->items && i < row->item_n; i++) {
		row->items[i] = g->items.v[i];
		row->items[i].name = keep_bytes(arena, g->items.v[i].name);
		if (!row->items[i].name.p)
			return false;
	}
	return row->items != NULL;
}

static int compare_users(const void *pa, const void *pb)
{
	const struct ms_last_use *a = pa, *b = pb;
	return strcmp(a->owner, b->owner);
}

static bool finish_uses(
	struct ms_arena *arena, struct gather *g, struct ms_ledger_row *row)
{
	size_t n = 0;
	if (!g->uses.n)
		return true;
	struct ms_last_use *v = g->uses.v;
	qsort(v, g->uses.n, sizeof(*v), compare_users);
	for (size_t i = 0; i < g->uses.n; i++) {
		if (n && !strcmp(v[n - 1].owner, v[i].owner)) {
			v[n - 1].bytes += v[i].bytes;
			v[n - 1].count += v[i].count;
		} else {
			v[n++] = v[i];
		}
	}
	qsort(v, n, sizeof(*v), compare_last_uses);
	row->last_uses = ms_new(arena, struct ms_last_use, n);
	for (size_t i = 0; row->last_uses && i < n; i++) {
		row->last_uses[i] = v[i];
		row->last_uses[i].owner = (const char *)keep_text(arena, v[i].owner).p;
		if (!row->last_uses[i].owner)
			return false;
	}
	row->last_use_n = n;
	return row->last_uses != NULL;
}

static struct ms_error *finish_row(
	struct sum *s, struct gather *g, struct ms_ledger_row *row)
{
	struct ms_arena *arena = &s->ledger->arena;
	row->owner = (const char *)keep_text(arena, row->owner).p;
	bool is_made = row->owner &&
		       finish_evidence(arena, g->evidence.v, g->evidence.n,
			       &row->evidence, &row->evidence_n) &&
		       finish_evidence(arena, g->counter.v, g->counter.n, &row->counter,
			       &row->counter_n) &&
		       finish_items(arena, g, row) && finish_uses(arena, g, row);
	return is_made ? NULL : &ms_error_nomem;
}

static struct ms_error *gather_all(
	struct sum *s, struct gather *g, struct ms_ledger_row *rows)
{
	struct ms_error *err = gather_kinds(s, g, rows);
	if (!err)
		err = gather_items(s, g);
	if (!err)
		err = gather_remarks(s, g);
	if (!err)
		err = gather_uses(s, g);
	if (!err)
		err = gather_conflicts(s, g);
	return err;
}

// Rows with bytes, and `unexplained` always.
static struct ms_error *make_rows(struct sum *s, struct gather *g)
{
	struct ms_ledger *ledger = s->ledger;
	struct ms_ledger_row *rows =
		ms_new(&ledger->arena, struct ms_ledger_row, s->owner_n);
	if (!rows)
		return &ms_error_nomem;
	struct ms_error *err = gather_all(s, g, rows);
	size_t n = 0;
	for (size_t i = 0; !err && i < s->owner_n; i++) {
		bool is_unexplained = ms_owner_is_unexplained(s->owners[i]);
		rows[i].owner = s->owners[i];
		if (is_unexplained)
			ledger->unexplained += rows[i].resident;
		if (!rows[i].resident && !rows[i].swap &&
			strcmp(rows[i].owner, "unexplained"))
			continue;
		err = finish_row(s, &g[i], &rows[i]);
		rows[n++] = rows[i];
	}
	ledger->rows = rows;
	ledger->row_n = n;
	if (!err)
		qsort(rows, n, sizeof(*rows), compare_rows);
	return err;
}

static struct ms_bytes outside_what(struct ms_arena *arena, const struct outside *o)
{
	size_t n = strlen(o->what);
	uint8_t *text = ms_arena_alloc(arena, n + o->item.n + 2);
	if (!text)
		return (struct ms_bytes){ 0 };
	memcpy(text, o->what, n);
	if (o->item.n) {
		text[n++] = ' ';
		memcpy(text + n, o->item.p, o->item.n);
	}
	return (struct ms_bytes){ text, n + o->item.n };
}

static struct ms_error *make_outside(struct sum *s)
{
	struct ms_ledger *ledger = s->ledger;
	size_t n = s->claims->outside.n;
	ledger->outside = ms_new(&ledger->arena, struct ms_outside_row, n + 1);
	struct ms_evidence *evidence = ms_new(&ledger->arena, struct ms_evidence, n + 1);
	struct outside *sorted = calloc(n + 1, sizeof(*sorted));
	if (!ledger->outside || !evidence || !sorted) {
		free(sorted);
		return &ms_error_nomem;
	}
	if (n)
		memcpy(sorted, s->claims->outside.v, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), compare_outside);
	for (size_t i = 0; i < n; i++) {
		struct outside *o = &sorted[i];
		if (!i || strcmp(sorted[i - 1].owner, o->owner))
			ledger->outside[ledger->outside_n++] = (struct ms_outside_row){
				.owner = (const char *)keep_text(&ledger->arena, o->owner)
						 .p,
				.evidence = &evidence[i]
			};
		struct ms_outside_row *row = &ledger->outside[ledger->outside_n - 1];
		row->bytes += o->bytes;
		row->evidence_n++;
		evidence[i] = (struct ms_evidence){ .reader = keep_text(
							    &ledger->arena, o->reader),
			.what = outside_what(&ledger->arena, o),
			.count = 1,
			.bytes = o->bytes };
	}
	free(sorted);
	return NULL;
}

static struct ms_error *add_note(struct ms_ledger *ledger, const char *text)
{
	ledger->notes[ledger->note_n] = (const char *)keep_text(&ledger->arena, text).p;
	return ledger->notes[ledger->note_n++] ? NULL : &ms_error_nomem;
}

static struct ms_error *make_notes(struct sum *s)
{
	struct ms_ledger *ledger = s->ledger;
	struct ms_error *err = NULL;
	ledger->notes = ms_new(&ledger->arena, const char *, s->claims->notes.n + 3);
	if (!ledger->notes)
		return &ms_error_nomem;
	ms_array_foreach (note, &s->claims->notes)
		if (!err)
			err = add_note(ledger, *note);
	if (!err && s->was_scaled)
		err = add_note(ledger,
			"zero pages could not be told apart: mappings that "
			"count more than their smaps Rss were scaled down to it");
	bool is_blind = s->in->has_pages && !s->in->source.has_scan && !s->in->smaps;
	if (!err && is_blind)
		err = add_note(ledger,
			"zero pages could not be told apart and smaps was not "
			"read: the sum may be above Rss");
	if (!err && ms_kinds_folded(s->claims->kinds))
		err = add_note(
			ledger, "too many different owners: some rows were joined");
	return err;
}

static struct ms_error *make_threads(struct sum *s)
{
	struct ms_ledger *ledger = s->ledger;
	ledger->threads =
		ms_new(&ledger->arena, struct ms_thread_line, s->in->thread_n + 1);
	if (!ledger->threads)
		return &ms_error_nomem;
	ledger->ended = s->in->ended;
	for (size_t i = 0; i < s->in->thread_n; i++) {
		struct ms_thread_line *line = &ledger->threads[ledger->thread_n++];
		*line = s->in->threads[i];
		line->name = keep_bytes(&ledger->arena, line->name);
		line->stack_source = keep_bytes(&ledger->arena, line->stack_source);
		if (!line->name.p || !line->stack_source.p)
			return &ms_error_nomem;
		if (ms_range_size(line->stack))
			line->resident = ms_pages_resident(s->in->pages, line->stack);
	}
	return NULL;
}

static uint64_t rss_of_smaps(const struct ms_sum_input *in, bool *ret_known)
{
	uint64_t sum = 0;
	*ret_known = true;
	if (in->rollup && in->rollup->known >> MS_SMAPS_RSS & 1)
		return in->rollup->bytes[MS_SMAPS_RSS];
	for (size_t i = 0; in->smaps && i < in->smaps->n; i++)
		sum += in->smaps->v[i].bytes[MS_SMAPS_RSS];
	*ret_known = in->smaps && in->smaps->n;
	return sum;
}

static struct ms_error *describe(struct sum *s)
{
	struct ms_ledger *ledger = s->ledger;
	ledger->target = s->in->target;
	ledger->target.comm = keep_bytes(&ledger->arena, s->in->target.comm);
	ledger->target.command = keep_bytes(&ledger->arena, s->in->target.command);
	ledger->target.kind =
		(const char *)keep_text(&ledger->arena, s->in->target.kind).p;
	ledger->clipped = s->claims->clipped;
	ledger->rss_smaps = rss_of_smaps(s->in, &ledger->has_rss_smaps);
	return ledger->target.kind ? NULL : &ms_error_nomem;
}

static struct ms_error *make_document(struct sum *s)
{
	struct ms_error *err = make_outside(s);
	struct gather *g = calloc(s->owner_n, sizeof(*g));
	if (!err)
		err = g ? make_rows(s, g) : &ms_error_nomem;
	release(g, s->owner_n);
	if (!err)
		err = make_notes(s);
	if (!err)
		err = make_threads(s);
	return err ? err : describe(s);
}

static struct ms_error *run_sum(struct sum *s)
{
	static const struct ms_kind_row overcount = {
		.owner = "overcount",
		.reader = "kernel",
		.detail = "file pages the process maps more than once",
		.grade = MS_GRADE_EXACT,
		.precedence = MS_PRECEDENCE_SHAPE,
	};
	struct ms_error *err =
		ms_kinds_intern(s->claims->kinds, &overcount, &s->overcount);
	if (!err)
		err = index_owners(s);
	if (!err)
		err = ms_overcount_find(s->in->maps, s->in->pages, &s->surplus);
	if (!err)
		err = ms_sweep_mappings(s);
	return err ? err : make_document(s);
}

struct ms_error *ms_ledger_sum(const struct ms_claims *claims,
	const struct ms_sum_input *in, struct ms_ledger **ret)
{
	_cleanup_ledger_ struct ms_ledger *ledger = calloc(1, sizeof(*ledger));
	if (!ledger)
		return &ms_error_nomem;
	ms_arena_init(&ledger->arena);
	struct sum s = { .claims = claims, .in = in, .ledger = ledger };
	struct ms_error *err = run_sum(&s);
	free(s.kinds);
	free(s.sums);
	free(s.of_claims);
	free(s.owners);
	free(s.owner_of);
	free(s.here);
	ms_array_deinit(&s.touched);
	ms_ranges_deinit(&s.surplus);
	if (!err)
		*ret = ms_steal(ledger);
	return err;
}

void ms_ledger_free(struct ms_ledger *ledger)
{
	if (!ledger)
		return;
	ms_arena_deinit(&ledger->arena);
	free(ledger);
}

const struct ms_ledger_row *ms_ledger_find(
	const struct ms_ledger *ledger, const char *owner)
{
	for (size_t i = 0; i < ledger->row_n; i++)
		if (!strcmp(ledger->rows[i].owner, owner))
			return &ledger->rows[i];
	return NULL;
}
