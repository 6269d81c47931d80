/**
 * Leftovers: who used freed memory last.
 */
#pragma once

#include "ledger/reader.h"

/**
 * Adds "last used by" to rows of freed memory: the library into which most words of a
 * free page point, over a sample of at most about 8,192 resident pages of malloc's heaps.
 * Never an owner: the rows stay malloc's.
 *
 * Runs after the allocators' reader. Cost: some 10 ms, whatever the size of the heaps.
 */
extern const struct ms_reader ms_leftovers_reader;
