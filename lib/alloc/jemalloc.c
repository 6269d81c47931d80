// jemalloc: see alloc.h.

#include "alloc/alloc_internal.h"

static struct ms_error *find(struct ms_alloc_find *find)
{
	(void)find;
	return NULL;
}

const struct ms_allocator ms_allocator_jemalloc = { .name = "jemalloc", .find = find };
