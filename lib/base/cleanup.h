/**
 * Scope-bound resources: `_cleanup_close_ int fd = -1;` releases when the scope ends.
 *
 * Every local resource carries one of these, and ms_steal() hands it over; a function
 * never mixes them with goto. A room adds its own with MS_DEFINE_CLEANUP(type, free).
 */
#pragma once

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"

#define _cleanup_(fn) __attribute__((cleanup(fn)))

/** Hand over a pointer: yields its value and leaves NULL behind. */
#define ms_steal(p)                                                                      \
	__extension__({                                                                  \
		__auto_type steal_ = (p);                                                \
		(p) = NULL;                                                              \
		steal_;                                                                  \
	})

/** Hand over a descriptor: returns *fd and leaves -1 behind. */
static inline int ms_steal_fd(int *fd)
{
	int stolen = *fd;
	*fd = -1;
	return stolen;
}

/** Define cleanup_<fn>() for a pointer type whose destructor takes NULL. */
#define MS_DEFINE_CLEANUP(type, fn)                                                      \
	static inline void cleanup_##fn(type *p)                                         \
	{                                                                                \
		fn(*p);                                                                  \
	}                                                                                \
	struct ms_swallow_semicolon_

/** Close a descriptor unless it is negative; the result of close() is ignored. */
static inline void ms_close(int fd)
{
	if (fd >= 0)
		(void)close(fd);
}

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_close(int *fd)
{
	ms_close(*fd);
}

static inline void cleanup_fclose(FILE **f)
{
	if (*f)
		(void)fclose(*f);
}

static inline void cleanup_closedir(DIR **d)
{
	if (*d)
		(void)closedir(*d);
}

MS_DEFINE_CLEANUP(struct ms_error *, ms_error_free);

#define _cleanup_free_     _cleanup_(cleanup_free)
#define _cleanup_close_    _cleanup_(cleanup_close)
#define _cleanup_fclose_   _cleanup_(cleanup_fclose)
#define _cleanup_closedir_ _cleanup_(cleanup_closedir)
#define _cleanup_error_    _cleanup_(cleanup_ms_error_free)
