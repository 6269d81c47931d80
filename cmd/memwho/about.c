// One owner, with all that is known of it.

#include <inttypes.h>
#include <string.h>

#include "base/size.h"
#include "memwho.h"

enum {
	ITEMS = 16, // of the largest things in a row
};

// "java.compiler" has "java.compiler.c2", but not "java.compilers".
static bool is_within(const char *owner, const char *of)
{
	size_t n = strlen(of);
	return strncmp(owner, of, n) == 0 && (owner[n] == 0 || owner[n] == '.');
}

static void print_label(struct ms_out *out, const char *label)
{
	ms_out_printf(out, "  %-10s", label);
}

static void print_evidence(
	struct ms_out *out, const char *label, const struct ms_evidence *v, size_t n)
{
	char count[MS_SIZE_TEXT], mib[MS_SIZE_TEXT];
	for (size_t i = 0; i < n; i++) {
		print_label(out, label);
		ms_out_target(out, v[i].what);
		if (v[i].count)
			ms_out_printf(out, "  x %s", ms_count_text(v[i].count, count));
		if (v[i].bytes)
			ms_out_printf(out, "  %s MiB", ms_mib_text(v[i].bytes, mib));
		ms_out_str(out, "  (");
		ms_out_target(out, v[i].reader);
		ms_out_str(out, ")\n");
	}
}

static void print_uses(struct ms_out *out, const struct ms_ledger_row *row)
{
	char mib[MS_SIZE_TEXT];
	for (size_t i = 0; i < row->last_use_n; i++) {
		print_label(out, "last used");
		ms_out_printf(out, "%s  about %s MiB\n", row->last_uses[i].owner,
			ms_mib_text(row->last_uses[i].bytes, mib));
	}
}

static void print_items(struct ms_out *out, const struct ms_ledger_row *row)
{
	char mib[MS_SIZE_TEXT];
	for (size_t i = 0; i < ms_min(row->item_n, ITEMS); i++) {
		print_label(out, "holds");
		ms_out_target(out, row->items[i].name);
		ms_out_printf(out, "  %s MiB", ms_mib_text(row->items[i].resident, mib));
		if (row->items[i].parts > 1)
			ms_out_printf(out, " in %zu parts", row->items[i].parts);
		ms_out_str(out, "\n");
	}
	if (row->item_total > ITEMS)
		ms_out_printf(out, "            … %zu more\n", row->item_total - ITEMS);
}

static void print_owner_row(struct ms_out *out, const struct ms_ledger_row *row)
{
	const struct ms_owner *owner = ms_owner_find(row->owner);
	char mib[MS_SIZE_TEXT], count[MS_SIZE_TEXT];
	ms_out_style(out, MS_STYLE_HEADING);
	ms_out_str(out, row->owner);
	ms_out_style(out, MS_STYLE_NONE);
	ms_out_printf(out, "  %s MiB", ms_mib_text(row->resident, mib));
	if (row->swap)
		ms_out_printf(out, ", %s MiB swapped out", ms_mib_text(row->swap, mib));
	if (row->count)
		ms_out_printf(out, "  x %s", ms_count_text(row->count, count));
	if (row->has_grade)
		ms_out_printf(out, "  %s", ms_grade_name(row->grade));
	ms_out_str(out, "\n");
	if (owner) {
		print_label(out, "is");
		ms_out_printf(out, "%s\n", owner->meaning);
	}
	print_evidence(out, "because", row->evidence, row->evidence_n);
	print_evidence(out, "but", row->counter, row->counter_n);
	print_uses(out, row);
	print_items(out, row);
	if (owner && owner->next) {
		print_label(out, "next");
		ms_out_printf(out, "%s\n", owner->next);
	}
}

struct ms_error *print_about(
	struct ms_out *out, const struct ms_ledger *ledger, const char *of)
{
	bool any = false;
	for (size_t i = 0; i < ledger->row_n; i++) {
		if (!is_within(ledger->rows[i].owner, of))
			continue;
		if (any)
			ms_out_str(out, "\n");
		print_owner_row(out, &ledger->rows[i]);
		any = true;
	}
	if (any)
		return NULL;
	if (!ms_owner_find(of))
		return ms_error_hint(
			ms_error_new(MS_ERROR_USAGE, "--owner: '%s' is no owner", of),
			"the first column of the ledger has their names");
	ms_out_printf(out, "%s has nothing here\n", of);
	return NULL;
}

// What was said of an owner as a whole, rather than of some of its bytes.
void print_remarks(struct ms_out *out, const struct ms_ledger *ledger)
{
	char count[MS_SIZE_TEXT];
	for (size_t i = 0; i < ledger->row_n; i++) {
		const struct ms_ledger_row *row = &ledger->rows[i];
		for (size_t e = 0; e < row->evidence_n; e++) {
			if (row->evidence[e].bytes || !row->evidence[e].count)
				continue;
			ms_out_style(out, MS_STYLE_HEADING);
			ms_out_str(out, "ABOUT");
			ms_out_style(out, MS_STYLE_NONE);
			ms_out_printf(out, "  %s: ", row->owner);
			if (row->evidence[e].count > 1)
				ms_out_printf(out, "%s ",
					ms_count_text(row->evidence[e].count, count));
			ms_out_target(out, row->evidence[e].what);
			ms_out_str(out, "\n");
		}
	}
}
