// The table of owners.

#include <inttypes.h>
#include <string.h>

#include "memwho.h"

static void get_owner(const void *row, void *ctx, struct ms_cell *cell)
{
	const struct ms_ledger_row *r = row;
	(void)ctx;
	cell->text = r->owner;
	if (ms_owner_is_unexplained(r->owner))
		cell->style = MS_STYLE_WARN;
}

static void get_resident(const void *row, void *ctx, struct ms_cell *cell)
{
	(void)ctx;
	cell->n = ((const struct ms_ledger_row *)row)->resident;
}

static void get_percent(const void *row, void *ctx, struct ms_cell *cell)
{
	const struct view *view = ctx;
	const struct ms_ledger_row *r = row;
	cell->is_null = !view->ledger->rss;
	if (view->ledger->rss)
		cell->percent = 100.0 * (double)r->resident / (double)view->ledger->rss;
}

static void get_bar(const void *row, void *ctx, struct ms_cell *cell)
{
	const struct ms_ledger_row *r = row;
	get_percent(row, ctx, cell);
	cell->is_null |= !strcmp(r->owner, "sum");
}

static void get_swap(const void *row, void *ctx, struct ms_cell *cell)
{
	(void)ctx;
	cell->n = ((const struct ms_ledger_row *)row)->swap;
}

static void get_count(const void *row, void *ctx, struct ms_cell *cell)
{
	(void)ctx;
	cell->n = ((const struct ms_ledger_row *)row)->count;
	cell->is_null = !cell->n;
}

static void get_grade(const void *row, void *ctx, struct ms_cell *cell)
{
	const struct ms_ledger_row *r = row;
	(void)ctx;
	if (r->has_grade)
		cell->text = ms_grade_name(r->grade);
}

static void describe_item(const struct ms_ledger_row *r, char text[96])
{
	const struct ms_item *item = &r->items[0];
	struct ms_bytes name = item->name;
	char size[MS_SIZE_TEXT];
	if (name.n && name.p[0] == '/')
		name = ms_bytes_basename(name);
	int n = name.n > 40 ? 40 : (int)name.n;
	const char *lead = r->item_total > 1 ? "; largest " : "; ";
	if (item->parts > 1 && strstr(r->owner, "stack"))
		(void)snprintf(text, 96, "%s%.*s (%zu) %s", lead, n, (const char *)name.p,
			item->parts, ms_size_text(item->resident, size));
	else
		(void)snprintf(text, 96, "%s%.*s %s", lead, n, (const char *)name.p,
			ms_size_text(item->resident, size));
}

// Who used freed memory last, and how much of it says so.
static void describe_use(const struct ms_ledger_row *r, char text[MS_OWNER_TEXT + 48])
{
	if (!r->last_use_n || !r->resident)
		return;
	uint64_t percent = ms_min(100 * r->last_uses[0].bytes / r->resident, 100);
	(void)snprintf(text, MS_OWNER_TEXT + 48, "; last used by %s, %" PRIu64 " %%",
		r->last_uses[0].owner, percent);
}

// What is behind the sum: how far from the kernel's figure, and why.
static void describe_sum(const struct view *view, struct ms_cell *cell)
{
	const struct ms_ledger *ledger = view->ledger;
	char size[MS_SIZE_TEXT];
	bool is_above = ledger->rss >= ledger->rss_smaps;
	uint64_t difference = is_above ? ledger->rss - ledger->rss_smaps
				       : ledger->rss_smaps - ledger->rss;
	const char *why =
		difference && !ledger->target.is_stopped ? " (process was running)" : "";
	if (!ledger->has_rss_smaps)
		ms_cell_printf(cell, "kernel's Rss not known, %zu conflicts",
			ledger->conflict_total);
	else
		ms_cell_printf(cell, "= kernel's Rss, difference %s%s%s, %zu conflicts",
			difference && !is_above ? "-" : "",
			ms_size_text(difference, size), why, ledger->conflict_total);
}

static void get_evidence(const void *row, void *ctx, struct ms_cell *cell)
{
	const struct ms_ledger_row *r = row;
	char item[96] = "", more[32] = "", use[MS_OWNER_TEXT + 48] = "";
	if (!strcmp(r->owner, "sum")) {
		describe_sum(ctx, cell);
		return;
	}
	if (r->item_n)
		describe_item(r, item);
	if (r->evidence_n > 1)
		(void)snprintf(more, sizeof(more), ", and %zu more", r->evidence_n - 1);
	describe_use(r, use);
	if (r->evidence_n)
		ms_cell_printf(cell, "%.*s%s%s%s", (int)r->evidence[0].what.n,
			(const char *)r->evidence[0].what.p, more, use, item);
	cell->is_null = !r->evidence_n;
}

static void get_title(const void *row, void *ctx, struct ms_cell *cell)
{
	const struct ms_owner *owner =
		ms_owner_find(((const struct ms_ledger_row *)row)->owner);
	(void)ctx;
	cell->text = owner ? owner->title : NULL;
}

static void get_meaning(const void *row, void *ctx, struct ms_cell *cell)
{
	const struct ms_owner *owner =
		ms_owner_find(((const struct ms_ledger_row *)row)->owner);
	(void)ctx;
	cell->text = owner ? owner->meaning : NULL;
}

static void get_next(const void *row, void *ctx, struct ms_cell *cell)
{
	const struct ms_owner *owner =
		ms_owner_find(((const struct ms_ledger_row *)row)->owner);
	(void)ctx;
	cell->text = owner ? owner->next : NULL;
}

static const struct ms_column columns[] = {
	{ .name = "OWNER",
		.key = "owner",
		.type = MS_COLUMN_TEXT,
		.is_default = true,
		.help = "who the bytes belong to",
		.get = get_owner },
	{ .name = "RESIDENT",
		.heading = "MiB",
		.key = "resident_bytes",
		.type = MS_COLUMN_MIB,
		.is_default = true,
		.help = "resident bytes",
		.get = get_resident },
	{ .name = "PERCENT",
		.heading = "%",
		.key = "percent",
		.type = MS_COLUMN_PERCENT,
		.is_default = true,
		.help = "share of Rss",
		.get = get_percent },
	{ .name = "BAR",
		.heading = "",
		.type = MS_COLUMN_BAR,
		.is_default = true,
		.help = "share of Rss as a bar",
		.get = get_bar },
	{ .name = "COUNT",
		.key = "count",
		.type = MS_COLUMN_COUNT,
		.is_default = true,
		.help = "countable objects: threads, arenas, files",
		.get = get_count },
	{ .name = "GRADE",
		.key = "grade",
		.type = MS_COLUMN_TEXT,
		.is_default = true,
		.help = "how well it is known: exact, structural or content; the weakest part",
		.get = get_grade },
	{ .name = "SWAP",
		.key = "swap_bytes",
		.type = MS_COLUMN_BYTES,
		.help = "bytes swapped out",
		.get = get_swap },
	{ .name = "TITLE",
		.key = "title",
		.type = MS_COLUMN_TEXT,
		.help = "the owner in a few words",
		.get = get_title },
	{ .name = "MEANING",
		.key = "meaning",
		.type = MS_COLUMN_TEXT,
		.help = "what these bytes are",
		.get = get_meaning },
	{ .name = "NEXT",
		.key = "next",
		.type = MS_COLUMN_TEXT,
		.help = "what to do next: the cheapest check, then the usual cures",
		.get = get_next },
	{ .name = "EVIDENCE",
		.key = "evidence",
		.type = MS_COLUMN_TARGET,
		.is_default = true,
		.help = "the main reason, and the largest thing in the row",
		.get = get_evidence },
};

const struct ms_column_set owner_columns =
	MS_COLUMN_SET("owners", "one row per owner", columns, NULL);
