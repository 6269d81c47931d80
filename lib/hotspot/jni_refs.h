/**
 * jni_refs - references that native code holds on Java objects.
 *
 * Global and weak global references are slots in blocks of 64, which an OopStorage lists (JDK
 * 9 and later) or in blocks of 32 that form a chain (JDK 8). Local ones are in such chains of
 * each thread.
 *
 * Source: runtime/jniHandles.hpp, gc/shared/oopStorage.inline.hpp (JDK 8 to 26).
 */
#pragma once

#include "hotspot/java_threads.h"
#include "ledger/reader.h"

/** What one table holds. */
struct ms_jni_table {
	uint64_t references; ///< by its own counter; JDK 8: slots in use
	uint64_t blocks;     ///< that were followed
};

struct ms_jni_refs {
	struct ms_jni_table global, weak;
};

/**
 * Claim, after the pass, the tables' blocks, and say how many references there are.
 *
 * Errors: NOMEM, LIMIT.
 * Cost: a look-up and a small read a block; 800,000 blocks take some 0.5 s.
 */
struct ms_error *ms_jni_refs_claim(struct ms_reading *reading, struct ms_vm *vm,
	const struct ms_java_threads *threads, struct ms_jni_refs *ret) MS_MUST_CHECK;
