/**
 * code - the code cache: its heaps, and what lies in them.
 *
 * A heap is a reservation of its own with blocks laid end to end, each a whole number of
 * segments; which segments are taken says a map that lies elsewhere.
 */
#pragma once

#include "hotspot/note.h"
#include "ledger/reader.h"

enum {
	MS_CODE_TIERS = 5 ///< 0: native wrappers; 1 to 3: C1; 4: C2
};

/** What a blob is. */
#define MS_CODE_KINDS(X)                                                                 \
	X(METHOD, "methods", "compiled method or native wrapper")                        \
	X(ADAPTER, "adapters", "between interpreted and compiled calls")                 \
	X(BUFFER, "buffers", "interpreter, stubs, tables of virtual calls")              \
	X(STUB, "stubs", "of the runtime: calls into the JVM, exceptions, safepoints")

enum ms_code_kind {
#define X(id, name, help) MS_CODE_##id,
	MS_CODE_KINDS(X)
#undef X
	MS_CODE_KIND_COUNT,
};

/** "methods", for JSON. */
const char *ms_code_kind_name(enum ms_code_kind kind);

struct ms_code_count {
	uint64_t blobs, bytes;
};

struct ms_code_heap {
	const char *name;      ///< "CodeHeap 'profiled nmethods'", "CodeCache"
	const char *owner;     ///< "java.code.profiled"
	struct ms_range range; ///< reserved
	uint64_t committed_end;
	struct ms_range map; ///< its segment map, reserved; elsewhere
	uint64_t used;       ///< bytes of blocks in use, heads included
	uint64_t free;       ///< reserved bytes that are not used
	uint64_t gaps;       ///< bytes of free blocks between used ones
	uint64_t resident;   ///< bytes, of the heap and its map
	uint64_t blob_n;
	struct ms_code_count kinds[MS_CODE_KIND_COUNT];
	struct ms_code_count tiers[MS_CODE_TIERS];
	int64_t full_n;   ///< times an allocation found it full; -1: not known
	bool is_complete; ///< every block could be seen
};

struct ms_code {
	MS_ARRAY(struct ms_code_heap) heaps;
	struct ms_range bounds; ///< of all of them; empty: none
	struct ms_vm_notes notes;
};

/**
 * Read the code cache.
 *
 * Errors: NOMEM.
 * Source: code/codeCache.hpp, memory/heap.hpp, code/codeBlob.hpp, code/nmethod.hpp (JDK 8
 *         to 26).
 * Cost: three small reads a block; 20,000 methods take 50 ms.
 */
struct ms_error *ms_code_read(struct ms_vm *vm, struct ms_code *ret) MS_MUST_CHECK;

/** Release; zeroed is fine. */
void ms_code_deinit(struct ms_code *code);

/** The owner of a heap by its name; "java.code" for one that is not known. */
const char *ms_code_owner(const char *name);

/** Claim the heaps and their segment maps. Errors: NOMEM, LIMIT. */
struct ms_error *ms_code_claim(
	struct ms_reading *reading, const struct ms_code *code) MS_MUST_CHECK;
