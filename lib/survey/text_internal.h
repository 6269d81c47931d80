/**
 * What text.c and text_plan.c share.
 */
#pragma once

#include "survey/text.h"

/** Who owns an address, as a number of plan->owners; arg is the plan. */
uint32_t ms_text_plan_owner(void *arg, uint64_t address, struct ms_range *ret_range);
