// The document memsleuth/strings/1.

#include "memstrings.h"

#include <stdlib.h>

static void add_target(struct ms_json *json, const struct source *s)
{
	static const char *const kinds[] = { [MS_TARGET_LIVE] = "live",
		[MS_TARGET_CORE] = "core",
		[MS_TARGET_SNAPSHOT] = "snapshot",
		[MS_TARGET_TREE] = "tree" };
	ms_json_begin_row(json, "target", '{');
	if (s->target) {
		const struct ms_target_info *info = ms_target_info(s->target);
		ms_json_add(json, "kind", json_string(kinds[info->kind]));
		ms_json_add(
			json, "pid", info->pid ? ms_json_size(info->pid) : json_null());
		ms_json_add(json, "comm", ms_json_text(info->comm));
	} else {
		ms_json_add(json, "kind", json_string("file"));
		ms_json_add(json, "pid", json_null());
		ms_json_add(json, "file", ms_json_text(s->name));
	}
	ms_json_end(json);
}

static void add_left_out(struct ms_json *json, const struct ms_text_plan *plan)
{
	ms_json_begin(json, "left_out", '[');
	for (size_t i = 0; i < plan->left_out_n; i++) {
		ms_json_begin_row(json, NULL, '{');
		ms_json_add(json, "owner", json_string(plan->left_out[i].owner));
		ms_json_add(json, "bytes", ms_json_size(plan->left_out[i].bytes));
		ms_json_end(json);
	}
	ms_json_end(json);
}

static void add_gaps(struct ms_json *json, const struct report *r)
{
	ms_json_begin_row(json, "gaps", '{');
	for (enum ms_gap_reason i = 0; i < MS_GAP_REASON_COUNT; i++)
		if (r->read->gap_bytes[i])
			ms_json_add(json, ms_gap_reason_name(i),
				ms_json_size(r->read->gap_bytes[i]));
	ms_json_end(json);
}

static void add_owners(struct ms_json *json, const struct report *r)
{
	ms_json_begin(json, "owners", '[');
	for (size_t i = 0; i < r->result->total_n; i++) {
		const struct ms_text_total *t = &r->result->totals[i];
		ms_json_begin_row(json, NULL, '{');
		ms_json_add(json, "owner", json_string(r->owners[t->owner]));
		ms_json_add(json, "read_bytes",
			r->source->plan.chosen
				? ms_json_size(r->source->plan.chosen[t->owner])
				: ms_json_size(r->result->scanned_bytes));
		ms_json_add(json, "count", ms_json_size(t->count));
		ms_json_add(json, "bytes", ms_json_size(t->bytes));
		ms_json_add(json, "pages", ms_json_size(t->pages));
		ms_json_end(json);
	}
	ms_json_end(json);
}

static void add_samples(struct ms_json *json, const struct ms_cluster *c)
{
	ms_json_begin(json, "samples", '[');
	for (const struct ms_text_sample *s = c->samples; s; s = s->next) {
		ms_json_begin(json, NULL, '{');
		ms_json_add(json, "address", ms_json_address(s->address));
		ms_json_add(json, "bytes", ms_json_size(s->bytes));
		ms_json_add(json, "encoding",
			json_string(s->width == 1 ? "ascii" : "utf-16le"));
		ms_json_add(json, "text",
			ms_json_bytes((struct ms_bytes){ s->text, s->text_n }));
		ms_json_end(json);
	}
	ms_json_end(json);
}

static void add_encodings(struct ms_json *json, const struct ms_cluster *c)
{
	ms_json_begin(json, "encodings", '[');
	if (c->has_ascii)
		ms_json_add(json, NULL, json_string("ascii"));
	if (c->has_utf16)
		ms_json_add(json, NULL, json_string("utf-16le"));
	ms_json_end(json);
}

static void add_cluster(
	struct ms_json *json, const struct report *r, const struct ms_cluster *c)
{
	char form[MS_FORM_MAX];
	size_t n = ms_cluster_form(c, form);
	ms_json_begin_row(json, NULL, '{');
	ms_json_add(json, "form", ms_json_bytes((struct ms_bytes){ (uint8_t *)form, n }));
	ms_json_add(json, "is_cut", json_boolean(c->is_cut));
	ms_json_add(json, "kind", json_string(ms_form_kind_name(c->kind)));
	ms_json_add(json, "count", ms_json_size(c->count));
	ms_json_add(json, "distinct", ms_json_size(c->distinct));
	ms_json_add(json, "distinct_is_bound", json_boolean(c->is_distinct_bound));
	ms_json_add(json, "bytes", ms_json_size(c->bytes));
	ms_json_add(json, "pages", ms_json_size(c->pages));
	ms_json_add(json, "owner", json_string(r->owners[c->owner]));
	ms_json_add(json, "state", json_null());
	ms_json_add(json, "lift", json_null());
	ms_json_add(json, "grade", json_null());
	ms_json_add(json, "rule", json_null());
	add_encodings(json, c);
	add_samples(json, c);
	ms_json_end(json);
}

static void add_other(struct ms_json *json, const struct ms_count_result *result)
{
	ms_json_begin_row(json, "other", '{');
	ms_json_add(json, "clusters", ms_json_size(result->dropped_clusters));
	ms_json_add(json, "count", ms_json_size(result->dropped_count));
	ms_json_add(json, "bytes", ms_json_size(result->dropped_bytes));
	ms_json_end(json);
}

static struct ms_error *add_clusters(struct ms_json *json, const struct report *r)
{
	size_t owner_n = r->source->target ? r->source->plan.owner_n : 1;
	_cleanup_free_ uint64_t *seen = calloc(owner_n + 1, sizeof(*seen));
	if (!seen)
		return &ms_error_nomem;
	ms_json_begin(json, "clusters", '[');
	for (size_t i = 0; i < r->result->cluster_n; i++)
		if (report_shows(r, r->result->clusters[i], seen))
			add_cluster(json, r, r->result->clusters[i]);
	ms_json_end(json);
	return NULL;
}

struct ms_error *report_json(struct ms_cli *cli, const struct report *r)
{
	struct ms_json json;
	ms_json_init(&json, &cli->out, (enum ms_json_form)r->options->output.json);
	ms_json_begin(&json, NULL, '{');
	ms_json_add(&json, "schema", json_string("memsleuth/strings/1"));
	add_target(&json, r->source);
	ms_json_add(&json, "verdict", json_null());
	ms_json_add(&json, "redacted", json_false());
	ms_json_add(&json, "min", ms_json_size(r->min));
	ms_json_add(&json, "scanned_bytes", ms_json_size(r->result->scanned_bytes));
	ms_json_add(&json, "resident_bytes",
		r->source->target ? ms_json_size(r->source->plan.resident) : json_null());
	ms_json_add(&json, "missing_bytes", ms_json_size(r->read->missing));
	ms_json_add(&json, "ended_midway", json_boolean(r->read->has_ended));
	add_gaps(&json, r);
	add_left_out(&json, &r->source->plan);
	add_owners(&json, r);
	struct ms_error *err = add_clusters(&json, r);
	add_other(&json, r->result);
	ms_json_end(&json);
	struct ms_error *end = ms_json_finish(&json);
	if (!err)
		return end;
	ms_error_free(end);
	return err;
}
