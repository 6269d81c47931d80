// Blocks with mappings of their own: see glibc.h.

#include "alloc/glibc.h"

struct ms_error *ms_glibc_find_mmapped(
	struct ms_alloc_find *find, struct ms_glibcs *libcs)
{
	(void)find;
	(void)libcs;
	return NULL;
}
