/**
 * nmt_claims - a survey's blocks by the category in their tracking header.
 */
#pragma once

#include "hotspot/nmt.h"
#include "ledger/reader.h"

struct ms_nmt_claims;

/** Begin, in anchor, where tracking is on. Errors: NOMEM, LIMIT. */
struct ms_error *ms_nmt_claims_new(struct ms_reading *reading, const struct ms_nmt *nmt,
	struct ms_nmt_claims **ret) MS_MUST_CHECK;

/** Free; NULL is fine. */
void ms_nmt_claims_free(struct ms_nmt_claims *claims);

/** Are there blocks in this stretch? */
bool ms_nmt_claims_want(const struct ms_answer *answer);

/** See one batch. Errors: NOMEM, LIMIT. Safety: one call at a time for each worker. */
struct ms_error *ms_nmt_claims_visit(struct ms_nmt_claims *claims, unsigned worker,
	const struct ms_batch *batch) MS_MUST_CHECK;

/** Read what no window had, and say how many blocks have no header. Errors: NOMEM, LIMIT. */
struct ms_error *ms_nmt_claims_settle(struct ms_nmt_claims *claims) MS_MUST_CHECK;
