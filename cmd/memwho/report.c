// The report for people around the table of owners.

#include <inttypes.h>
#include <string.h>

#include "memwho.h"

static void print_identity(struct ms_out *out, const struct ms_ledger *ledger)
{
	const struct ms_ledger_target *t = &ledger->target;
	ms_out_style(out, MS_STYLE_STRONG);
	if (t->comm.n)
		ms_out_target(out, t->comm);
	else
		ms_out_str(out, "?");
	ms_out_style(out, MS_STYLE_NONE);
	if (t->pid)
		ms_out_printf(out, "  pid %" PRIu64, t->pid);
	ms_out_printf(out, "  %s", t->kind);
	if (!strcmp(t->kind, "live"))
		ms_out_str(out, t->is_stopped ? "  stopped" : "  not stopped");
	ms_out_printf(out, "  %zu threads  %zu mappings\n", ledger->thread_n,
		ledger->mapping_n);
}

// How much the control group still takes, where it has a limit.
static void print_limit(struct ms_out *out, const struct ms_cgroup_memory *m)
{
	char usage[MS_SIZE_TEXT], limit[MS_SIZE_TEXT], left[MS_SIZE_TEXT];
	if (!m || !m->version || m->limit == UINT64_MAX || m->usage == UINT64_MAX)
		return;
	ms_out_printf(out, "CGROUP  %s of %s MiB  %s left\n",
		ms_mib_text(m->usage, usage), ms_mib_text(m->limit, limit),
		ms_mib_text(ms_cgroup_headroom(m), left));
}

// The first question about a JVM: how much of it is the heap?
static void print_rss(struct ms_out *out, const struct ms_ledger *ledger)
{
	char rss[MS_SIZE_TEXT], heap_text[MS_SIZE_TEXT], rest[MS_SIZE_TEXT];
	uint64_t heap = 0;
	for (size_t i = 0; i < ledger->row_n; i++)
		if (ms_bytes_starts(ms_bytes_of(ledger->rows[i].owner), "java.heap"))
			heap += ledger->rows[i].resident;
	ms_out_printf(out, "RSS  %s MiB", ms_mib_text(ledger->rss, rss));
	if (heap)
		ms_out_printf(out, " = Java heap %s + beyond the heap %s",
			ms_mib_text(heap, heap_text),
			ms_mib_text(ledger->rss - heap, rest));
	ms_out_str(out, "\n\n");
}

static void print_header(struct ms_out *out, const struct view *view)
{
	print_identity(out, view->ledger);
	print_limit(out, view->cgroup);
	print_rss(out, view->ledger);
}

static void print_outside(struct ms_out *out, const struct ms_ledger *ledger)
{
	char mib[MS_SIZE_TEXT];
	ms_out_str(out, "\n");
	if (!ledger->outside_n)
		return;
	ms_out_style(out, MS_STYLE_HEADING);
	ms_out_str(out, "OUTSIDE");
	ms_out_style(out, MS_STYLE_NONE);
	ms_out_str(out, "  MiB, never added in: ");
	for (size_t i = 0; i < ledger->outside_n; i++) {
		const struct ms_owner *owner = ms_owner_find(ledger->outside[i].owner);
		ms_out_printf(out, "%s%s %s", i ? "  " : "",
			owner ? owner->title : ledger->outside[i].owner,
			ms_mib_text(ledger->outside[i].bytes, mib));
	}
	ms_out_str(out, "\n");
}

static void print_line(struct ms_out *out, const char *word, struct ms_bytes text)
{
	ms_out_style(out, MS_STYLE_HEADING);
	ms_out_str(out, word);
	ms_out_style(out, MS_STYLE_NONE);
	ms_out_str(out, "  ");
	ms_out_target(out, text);
	ms_out_str(out, "\n");
}

static void print_conflicts(struct ms_out *out, const struct ms_ledger *ledger)
{
	for (size_t i = 0; i < ledger->conflict_n && i < 8; i++) {
		const struct ms_conflict *c = &ledger->conflicts[i];
		ms_out_printf(out,
			"CONFLICT  %" PRIx64 "-%" PRIx64
			"  %s kept, %s lost by name only\n",
			c->range.start, c->range.end, c->owner, c->rival);
	}
}

static void print_notes(
	struct ms_out *out, const struct ms_ledger *ledger, const struct ms_error *denied)
{
	for (size_t i = 0; i < ledger->note_n; i++)
		print_line(out, "NOTE", ms_bytes_of(ledger->notes[i]));
	if (!denied)
		return;
	print_line(out, "DENIED", ms_bytes_of(denied->message));
	ms_out_str(out,
		"  Permission to read memory would add stacks by thread and malloc's "
		"arenas.\n");
	if (denied->hint)
		print_line(out, "HINT", ms_bytes_of(denied->hint));
}

static void print_sums(struct ms_out *out, const struct ms_ledger *ledger)
{
	char mib[MS_SIZE_TEXT];
	if (ledger->unknown)
		ms_out_printf(out,
			"UNKNOWN  %s MiB of pages whose state this target cannot give\n",
			ms_mib_text(ledger->unknown, mib));
	if (ledger->clipped)
		ms_out_printf(out,
			"CLIPPED  %zu claims that reached past what they lie in\n",
			ledger->clipped);
}

struct ms_error *print_report(struct ms_cli *cli, struct view *view,
	struct ms_table *table, const struct ms_error *denied)
{
	const struct ms_ledger *ledger = view->ledger;
	struct ms_ledger_row sum = { .owner = "sum", .resident = ledger->rss };
	struct ms_error *err = NULL;
	for (size_t i = 0; i < ledger->row_n; i++)
		sum.swap += ledger->rows[i].swap;
	for (size_t i = 0; !err && i < ledger->row_n; i++)
		err = ms_table_add(table, &ledger->rows[i]);
	if (!err)
		err = ms_table_add_footer(table, &sum);
	if (err)
		return err;
	if (cli->format.is_raw)
		return ms_cli_table_print(cli, table);
	ms_cli_page(cli);
	print_header(&cli->out, view);
	err = ms_cli_table_print(cli, table);
	if (err)
		return err;
	print_outside(&cli->out, ledger);
	print_malloc(&cli->out, ledger);
	print_remarks(&cli->out, ledger);
	print_conflicts(&cli->out, ledger);
	print_sums(&cli->out, ledger);
	print_notes(&cli->out, ledger, denied);
	return NULL;
}
