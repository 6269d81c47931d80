// The built-in readers, in the order they anchor: those that others build on come first.

#include "alloc/alloc.h"
#include "evidence/evidence.h"
#include "hotspot/hotspot.h"
#include "survey/survey_internal.h"
#include "threads/threads.h"

static const struct ms_reader *const readers[] = {
	&ms_kernel_reader,
	&ms_threads_reader,
	&ms_alloc_reader,
	&ms_leftovers_reader,
	&ms_zlib_reader,
	&ms_hotspot_reader,
	&ms_stacks_reader,
};

const struct ms_reader *const *ms_survey_readers(size_t *ret_n)
{
	*ret_n = sizeof(readers) / sizeof(readers[0]);
	return readers;
}
