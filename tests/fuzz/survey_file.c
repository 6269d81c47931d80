// Cores and snapshots of any bytes, surveyed: whatever they say of threads, heaps and
// mappings, the rows sum to Rss, every byte of memory is seen by a visitor at most once,
// and the ledger can be written and read back.

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "ledger/json.h"
#include "survey/survey.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static uint64_t last_end; // one worker: windows come in ascending order

static struct ms_error *anchor(struct ms_reading *reading, void *arg, void **ret_state)
{
	(void)reading;
	(void)arg;
	(void)ret_state;
	last_end = 0;
	return NULL;
}

static bool wants(void *state, const struct ms_answer *answer)
{
	(void)state;
	return ms_range_size(answer->range) < 1 << 20;
}

static struct ms_error *visit(void *state, unsigned worker, const struct ms_batch *batch)
{
	const struct ms_window *w = &batch->window;
	(void)state;
	(void)worker;
	require(w->range.start >= last_end && w->range.start < w->range.end);
	last_end = w->range.end;
	uint8_t sum = 0; // under a sanitizer: all of it, and its context, is ours to read
	for (const uint8_t *p = w->bytes - w->before;
		p < w->bytes + ms_range_size(w->range) + w->after; p++)
		sum ^= *p;
	return sum == 0xa5 ? ms_error_new(MS_ERROR_FORMAT, "now and then a reader fails")
			   : NULL;
}

static const struct ms_reader reader = {
	.name = "fuzz", .anchor = anchor, .wants = wants, .visit = visit
};

static void check_ledger(const struct ms_ledger *ledger)
{
	uint64_t sum = 0;
	json_t *document = NULL;
	struct ms_ledger *again = NULL;
	for (size_t i = 0; i < ledger->row_n; i++)
		sum += ledger->rows[i].resident;
	require(sum == ledger->rss);
	require(ms_ledger_find(ledger, "unexplained"));
	require(!ms_ledger_to_json(ledger, &document));
	char *text = json_dumps(document, JSON_ENSURE_ASCII);
	require(text && !ms_ledger_load(ms_bytes_of(text), "written", &again));
	free(text);
	json_decref(document);
	ms_ledger_free(again);
}

static void survey(struct ms_target *target)
{
	static const struct ms_survey_reader readers[] = { { &reader, NULL } };
	struct ms_survey_options options = {
		.threads = 1, .readers = readers, .reader_n = 1
	};
	struct ms_survey *result = NULL;
	struct ms_error *err = ms_survey_run(target, &options, &result);
	require(err || result);
	if (!err)
		check_ledger(result->ledger);
	ms_error_free(err);
	ms_survey_free(result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[64];
	struct ms_target *target = NULL;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (fd < 0)
		return 0;
	if (ms_write_all(fd, data, size)) {
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		struct ms_error *err = ms_target_open_path(path, NULL, &target);
		if (!err)
			survey(target);
		ms_error_free(err);
		ms_target_free(target);
	}
	ms_close(fd);
	return 0;
}
