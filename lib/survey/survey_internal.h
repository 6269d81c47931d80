/**
 * What survey.c, plan.c and pass.c share: one run.
 */
#pragma once

#include <pthread.h>

#include "survey/survey.h"

enum {
	WINDOW_BYTES = 1 << 20,
	BEFORE_BYTES = 64,
	AFTER_BYTES = 4096,
	JOIN_BYTES = 64 << 10, ///< absent stretches up to this size do not split a window
	VISITORS_MAX = 32,
};

/** A reader in this run. */
struct active {
	const struct ms_reader *reader;
	void *arg;
	void *state;
	bool has_failed;      ///< atomic builtins: set by any worker
	struct ms_error *err; ///< why, of the lowest item; under run.lock
	size_t err_item;
};

/** A piece of work of the pass. */
struct piece {
	struct ms_range range;
	struct ms_range around; ///< mapped without a hole: context may come from here
	uint32_t visitors;      ///< bit per run.active that wants it
	const struct ms_walk_range *walker; ///< or NULL: one raw window
	struct ms_error *walk_err; ///< why the walker gave up; only its worker sets it
};

struct run {
	struct ms_target *target;
	const struct ms_survey_options *options;
	struct ms_survey *survey;
	struct ms_reading reading;
	struct ms_pool *pool;
	MS_ARRAY(struct active) active;
	MS_ARRAY(struct piece) pieces; ///< ascending, disjoint
	struct worker *workers;
	pthread_mutex_t lock; ///< errors of readers, progress
	bool is_gone;
};

/** Decide what is read: run->pieces. Claims must be resolved. Errors: NOMEM. */
struct ms_error *ms_survey_plan(struct run *run) MS_MUST_CHECK;

/** Read all pieces and hand out batches. Errors: NOMEM, CANCELLED. */
struct ms_error *ms_survey_pass(struct run *run) MS_MUST_CHECK;

/** Put malloc's figures into the ledger. Errors: NOMEM. */
struct ms_error *ms_survey_heaps(struct run *run) MS_MUST_CHECK;

/** The built-in readers, in the order they anchor; ret_n of them. */
const struct ms_reader *const *ms_survey_readers(size_t *ret_n);

/** True for errors that end a survey rather than one reader. */
bool ms_survey_ends(const struct ms_error *err);

/** Keep why a reader failed; takes the error. Safety: any thread. */
void ms_survey_reader_failed(
	struct run *run, struct active *active, size_t item, struct ms_error *err);
