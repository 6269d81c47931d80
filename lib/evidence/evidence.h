/**
 * evidence - what is known of memory beside allocators and runtimes.
 *
 * Readers of this room say what bytes are by facts that hold for any program. So far these
 * are the kernel's own: the kind of each mapping, and what is charged beside Rss (kernel.h).
 * They are the coarsest statements, so that every other reader carves out of them. Who used
 * freed memory last (leftovers.h) is told beside its row and never makes an owner.
 * Structures of libraries that everybody uses are known by their fields (zlib.h).
 */
#pragma once

#include "evidence/kernel.h"
#include "evidence/leftovers.h"
#include "evidence/zlib.h"
