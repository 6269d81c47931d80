// The tables: owners, then the leading clusters of each.

#include "memstrings.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

enum {
	FORM_WIDTH = 56,
	LEFT_OUT_SHOWN = 6
};

// --- owners ---------------------------------------------------------------------------

struct owner_row {
	const char *owner;
	uint64_t read; ///< resident bytes that were looked at; 0 for a file
	const struct ms_text_total *text;
};

static void get_row_owner(const void *row, void *ctx, struct ms_cell *cell)
{
	(void)ctx;
	cell->text = ((const struct owner_row *)row)->owner;
}

static void get_row_read(const void *row, void *ctx, struct ms_cell *cell)
{
	(void)ctx;
	cell->n = ((const struct owner_row *)row)->read;
}

static void get_row_text(const void *row, void *ctx, struct ms_cell *cell)
{
	const struct owner_row *r = row;
	(void)ctx;
	cell->n = r->text->bytes;
}

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : NAN;
}

static void get_row_percent(const void *row, void *ctx, struct ms_cell *cell)
{
	const struct owner_row *r = row;
	(void)ctx;
	cell->percent = percent(r->text->bytes, r->read);
}

static void get_row_count(const void *row, void *ctx, struct ms_cell *cell)
{
	const struct owner_row *r = row;
	(void)ctx;
	cell->n = r->text->count;
}

static void get_row_pages(const void *row, void *ctx, struct ms_cell *cell)
{
	const struct owner_row *r = row;
	(void)ctx;
	// A file may begin and end within a page.
	uint64_t pages = (r->read + 4095) / 4096;
	cell->percent = percent(ms_min(r->text->pages, pages), pages);
}

static const struct ms_column owner_columns[] = {
	{ .name = "OWNER",
		.key = "owner",
		.help = "who owns the memory",
		.type = MS_COLUMN_TEXT,
		.is_default = true,
		.get = get_row_owner },
	{ .name = "READ",
		.heading = "MiB",
		.help = "resident memory that was read",
		.type = MS_COLUMN_MIB,
		.is_default = true,
		.get = get_row_read },
	{ .name = "TEXT",
		.heading = "TEXT MiB",
		.help = "of that, in strings",
		.type = MS_COLUMN_MIB,
		.is_default = true,
		.get = get_row_text },
	{ .name = "TEXT%",
		.help = "of that, in strings",
		.type = MS_COLUMN_PERCENT,
		.decimals = 2,
		.is_default = true,
		.get = get_row_percent },
	{ .name = "PAGES%",
		.help = "pages that hold a part of a string",
		.type = MS_COLUMN_PERCENT,
		.is_default = true,
		.get = get_row_pages },
	{ .name = "TIMES",
		.help = "strings",
		.type = MS_COLUMN_COUNT,
		.is_default = true,
		.get = get_row_count },
};

static const struct ms_column_set owner_set =
	MS_COLUMN_SET("owners", "text by owner", owner_columns, NULL);

// --- clusters -------------------------------------------------------------------------

// The row of what was dropped has no samples.
static bool is_other(const struct ms_cluster *c)
{
	return !c->samples;
}

static void get_count(const void *row, void *ctx, struct ms_cell *cell)
{
	(void)ctx;
	cell->n = ((const struct ms_cluster *)row)->count;
}

static void get_bytes(const void *row, void *ctx, struct ms_cell *cell)
{
	(void)ctx;
	cell->n = ((const struct ms_cluster *)row)->bytes;
}

static void get_pages(const void *row, void *ctx, struct ms_cell *cell)
{
	const struct ms_cluster *c = row;
	(void)ctx;
	cell->n = c->pages;
	cell->is_null = is_other(c);
}

static void get_distinct(const void *row, void *ctx, struct ms_cell *cell)
{
	const struct ms_cluster *c = row;
	char text[MS_SIZE_TEXT];
	(void)ctx;
	cell->is_null = is_other(c);
	if (!cell->is_null)
		ms_cell_printf(cell, "%s%s", ms_count_text(c->distinct, text),
			c->is_distinct_bound ? "+" : "");
}

static void get_owner(const void *row, void *ctx, struct ms_cell *cell)
{
	const struct ms_cluster *c = row;
	const struct report *r = ctx;
	cell->text = is_other(c) ? "other" : r->owners[c->owner];
}

static void get_form(const void *row, void *ctx, struct ms_cell *cell)
{
	const struct ms_cluster *c = row;
	char form[MS_FORM_MAX];
	const struct report *r = ctx;
	if (is_other(c)) {
		ms_cell_printf(cell, "clusters that memory had no room for (--memory)");
		return;
	}
	size_t n = ms_cluster_form(c, form);
	size_t max = r->options->output.is_raw ? MS_FORM_MAX : FORM_WIDTH;
	bool is_cut = c->is_cut || n > max;
	ms_cell_printf(cell, "%.*s%s", (int)ms_min(n, max), form, is_cut ? "..." : "");
}

static void get_example(const void *row, void *ctx, struct ms_cell *cell)
{
	const struct ms_cluster *c = row;
	(void)ctx;
	cell->is_null = is_other(c);
	if (!cell->is_null)
		cell->bytes = (struct ms_bytes){ c->samples->text, c->samples->text_n };
}

static const struct ms_column cluster_columns[] = {
	{ .name = "TIMES",
		.help = "strings",
		.type = MS_COLUMN_COUNT,
		.is_default = true,
		.get = get_count },
	{ .name = "DISTINCT",
		.help = "different ones; + where there may be more",
		.type = MS_COLUMN_TEXT,
		.is_default = true,
		.is_right = true,
		.get = get_distinct },
	{ .name = "MIB",
		.heading = "MiB",
		.help = "memory they take",
		.type = MS_COLUMN_MIB,
		.is_default = true,
		.get = get_bytes },
	{ .name = "PAGES",
		.help = "pages that hold a part of one",
		.type = MS_COLUMN_COUNT,
		.is_default = true,
		.get = get_pages },
	{ .name = "OWNER",
		.help = "who owns the memory",
		.type = MS_COLUMN_TEXT,
		.is_default = true,
		.get = get_owner },
	{ .name = "CLUSTER",
		.help = "what they have in common",
		.type = MS_COLUMN_TARGET,
		.is_default = true,
		.get = get_form },
	{ .name = "EXAMPLE",
		.help = "the one at the lowest address",
		.type = MS_COLUMN_TARGET,
		.is_default = true,
		.get = get_example },
};

const struct ms_column_set cluster_set =
	MS_COLUMN_SET("clusters", "strings of one form", cluster_columns, NULL);

// --- the report -----------------------------------------------------------------------

static void print_subject(struct ms_out *out, const struct source *s)
{
	if (!s->target) {
		ms_out_str(out, "file ");
		ms_out_target(out, ms_bytes_of(s->name));
		return;
	}
	const struct ms_target_info *info = ms_target_info(s->target);
	ms_out_target(out, ms_bytes_of(*info->comm ? info->comm : s->name));
	if (info->pid)
		ms_out_printf(out, "  pid %" PRIu64, info->pid);
}

static void print_left_out(struct ms_out *out, const struct ms_text_plan *plan)
{
	char size[MS_SIZE_TEXT];
	uint64_t rest = 0;
	if (!plan->left_out_n)
		return;
	ms_out_str(out, "left out, MiB:");
	for (size_t i = 0; i < plan->left_out_n; i++) {
		if (i >= LEFT_OUT_SHOWN) {
			rest += plan->left_out[i].bytes;
			continue;
		}
		ms_out_printf(out, "%s %s %s", i ? "," : "", plan->left_out[i].owner,
			ms_mib_text(plan->left_out[i].bytes, size));
	}
	if (rest)
		ms_out_printf(out, ", others %s", ms_mib_text(rest, size));
	ms_out_str(out, "  (--all, --owner=ID)\n");
}

static void print_gaps(struct ms_out *out, const struct report *r)
{
	char size[MS_SIZE_TEXT];
	if (r->read->has_ended)
		ms_out_str(
			out, "the process ended meanwhile: what follows is incomplete\n");
	for (enum ms_gap_reason i = 0; i < MS_GAP_REASON_COUNT; i++)
		if (r->read->gap_bytes[i] && i != MS_GAP_ABSENT)
			ms_out_printf(out, "not read: %s, %s\n",
				ms_size_text(r->read->gap_bytes[i], size),
				ms_gap_reason_name(i));
	if (!r->source->target && r->read->missing)
		ms_out_printf(out, "not read: %s, the file became shorter\n",
			ms_size_text(r->read->missing, size));
}

static void print_head(struct ms_out *out, const struct report *r)
{
	char read[MS_SIZE_TEXT], of[MS_SIZE_TEXT];
	print_subject(out, r->source);
	ms_out_printf(out, "   read %s", ms_mib_text(r->result->scanned_bytes, read));
	if (r->source->target)
		ms_out_printf(out, " of %s", ms_mib_text(r->source->plan.resident, of));
	ms_out_printf(out, " MiB in %.1f s   strings of %" PRIu64 " characters or more\n",
		(double)r->took_ns / 1e9, r->min);
	print_left_out(out, &r->source->plan);
	print_gaps(out, r);
	ms_out_char(out, '\n');
}

// Owners with text in the order of their totals, then those that have none: "little text"
// is an answer too.
static size_t make_owner_rows(const struct report *r, struct owner_row *rows)
{
	static const struct ms_text_total none = { 0 };
	const struct ms_text_plan *plan = &r->source->plan;
	size_t n = 0;
	for (size_t i = 0; i < r->result->total_n; i++) {
		const struct ms_text_total *t = &r->result->totals[i];
		uint64_t read =
			plan->chosen ? plan->chosen[t->owner] : r->result->scanned_bytes;
		rows[n++] = (struct owner_row){ r->owners[t->owner], read, t };
	}
	size_t with_text = n;
	for (size_t i = 0; i < plan->owner_n; i++) {
		bool has_text = false;
		for (size_t k = 0; k < with_text; k++)
			has_text |= rows[k].owner == plan->owners[i];
		if (plan->chosen && plan->chosen[i] && !has_text)
			rows[n++] = (struct owner_row){ plan->owners[i], plan->chosen[i],
				&none };
	}
	return n;
}

static struct ms_error *print_owners(struct ms_cli *cli, const struct report *r)
{
	_cleanup_table_ struct ms_table table = { 0 };
	size_t max = r->result->total_n + r->source->plan.owner_n;
	_cleanup_free_ struct owner_row *rows = calloc(max + 1, sizeof(*rows));
	if (!rows)
		return &ms_error_nomem;
	size_t n = make_owner_rows(r, rows);
	struct ms_error *err = ms_table_init(&table, &owner_set, /* ctx= */ NULL);
	for (size_t i = 0; !err && i < n; i++)
		err = ms_table_add(&table, &rows[i]);
	return err ? err : ms_table_print(&table, &cli->format, &cli->out);
}

// Owners in the order of their totals, the clusters of each in theirs.
static struct ms_error *add_clusters(
	struct ms_table *table, const struct report *r, uint32_t owner, uint64_t *seen)
{
	struct ms_error *err = NULL;
	for (size_t i = 0; !err && i < r->result->cluster_n; i++) {
		const struct ms_cluster *c = r->result->clusters[i];
		if (c->owner == owner && report_shows(r, c, seen))
			err = ms_table_add(table, c);
	}
	return err;
}

static struct ms_error *print_clusters(struct ms_cli *cli, const struct report *r)
{
	_cleanup_table_ struct ms_table table = { 0 };
	struct report ctx = *r;
	size_t owner_n = r->source->target ? r->source->plan.owner_n : 1;
	_cleanup_free_ uint64_t *seen = calloc(owner_n + 1, sizeof(*seen));
	const struct ms_cluster other = {
		.count = r->result->dropped_count,
		.bytes = r->result->dropped_bytes,
	};
	if (!seen)
		return &ms_error_nomem;
	struct ms_error *err = ms_cli_table(cli, &cluster_set, &ctx, &table);
	for (size_t i = 0; !err && i < r->result->total_n; i++)
		err = add_clusters(&table, r, r->result->totals[i].owner, seen);
	if (!err && r->result->dropped_clusters)
		err = ms_table_add(&table, &other);
	return err ? err : ms_cli_table_print(cli, &table);
}

struct ms_error *report_table(struct ms_cli *cli, const struct report *r)
{
	if (r->options->output.is_raw)
		return print_clusters(cli, r);
	ms_cli_page(cli);
	struct ms_out *out = &cli->out;
	print_head(out, r);
	struct ms_error *err = print_owners(cli, r);
	ms_out_char(out, '\n');
	if (!err && r->result->total_n)
		err = print_clusters(cli, r);
	else if (!err)
		ms_out_str(out, "no strings\n");
	if (r->result->dropped_clusters)
		ms_out_str(out, "counts are lower bounds: clusters were dropped\n");
	return err;
}
