/**
 * zlib: streams that decompress or compress, by their state in malloc's blocks.
 */
#pragma once

#include "ledger/reader.h"

/**
 * Claims the blocks of zlib's streams: lib.zlib.inflate and lib.zlib.deflate, counted by
 * streams. A state is believed if its fields agree with each other, and if the z_stream it
 * names points back to it; its window and tables are blocks it points to.
 *
 * Runs after the allocators' reader. zlib before 1.2.9 has no pointer back, and zlib-ng has
 * other states: both stay what they were.
 *
 * Source: zlib 1.2.9 to 1.3.2, inflate.h, deflate.h, zlib.h.
 * Cost: a small read of each block of the size of a state.
 */
extern const struct ms_reader ms_zlib_reader;
