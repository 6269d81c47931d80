/**
 * proc - the bytes of /proc files as data.
 *
 * Parsers take bytes and are pure, so they work the same on a live process, a snapshot
 * and a captured tree, and are fuzzed. What a line does not say stays "unknown"; a line
 * that cannot be understood is kept and counted, never dropped in silence.
 * Loading the bytes is the target's task (lib/target), but for page states, which come
 * from an ioctl (pages.h).
 */
#pragma once

#include "proc/cgroup.h"
#include "proc/maps.h"
#include "proc/pages.h"
#include "proc/smaps.h"
#include "proc/status.h"
