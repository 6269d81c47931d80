/**
 * strings - text in memory: found, listed, counted, clustered.
 *
 * Layers, each usable alone:
 *  - scan.h: bytes -> bit masks, 64 bytes a step. The only part with SIMD in it.
 *  - runs.h: masks -> runs of text units in six encodings, streamed in pieces.
 *  - list.h: runs -> what GNU strings prints, byte for byte.
 *  - form.h: one string -> its form, with what changes from case to case masked.
 *  - window.h, count.h: memory -> clusters of strings of one form, by owner.
 *
 * Everything after the masks is one portable implementation, so that a machine without
 * AVX2 gives the same answer, only later.
 */
#pragma once

#include "strings/count.h"
#include "strings/form.h"
#include "strings/list.h"
#include "strings/runs.h"
#include "strings/scan.h"
#include "strings/window.h"
