/**
 * vm - one JVM in a target, as the tables in its own library describe it.
 *
 * libjvm.so exports gHotSpotVMStructs and its kin: which field lies at which offset of
 * which class, where static fields are, sizes of types, values of constants. They are
 * meant for the Serviceability Agent and are in every build. They are read from memory:
 * in the file most of them are not filled in yet. Fields are only ever looked up by name,
 * since tables differ between updates of one version.
 *
 * What the tables lack comes from .symtab where the library has one; `has_symbols` says
 * so. A look-up names alternatives, "A::_x|B::_x": classes were renamed between versions
 * and the first that is there counts.
 *
 * Nothing in the target is synchronised with us: every read may fail or be stale, and
 * whoever follows pointers bounds the walk.
 *
 * Source: HotSpot, runtime/vmStructs.cpp, JDK 8 to 26.
 */
#pragma once

#include "alloc/peek.h"
#include "target/target.h"

enum {
	MS_VM_TEXT_MAX = 64 << 10,  ///< of one string, bytes
	MS_VM_ARENA_MAX = 64 << 20, ///< of all texts that are copied, bytes
};

/** No such field. */
#define MS_VM_NONE UINT64_MAX

/** Variables that the tables do not have; by their mangled names. */
#define MS_VM_SYMBOLS(X)                                                                 \
	X(CLASS_SPACE_CONTEXT, "_ZN9metaspace16MetaspaceContext20_class_space_contextE") \
	X(NONCLASS_CONTEXT, "_ZN9metaspace16MetaspaceContext23_nonclass_space_contextE") \
	X(SPACE_LIST, "_ZN9Metaspace11_space_listE")                                     \
	X(CLASS_SPACE_LIST, "_ZN9Metaspace17_class_space_listE")                         \
	X(NON_JAVA_THREADS, "_ZN13NonJavaThread9_the_listE")                             \
	X(VM_THREAD, "_ZN8VMThread10_vm_threadE")                                        \
	X(WATCHER_THREAD, "_ZN13WatcherThread15_watcher_threadE")                        \
	X(DYNAMIC_ARCHIVE, "_ZN11FileMapInfo21_dynamic_archive_infoE")                   \
	X(SYSTEM_PROPERTIES, "_ZN9Arguments18_system_propertiesE")                       \
	X(AGENT_LIST, "_ZN9Arguments10_agentListE")                                      \
	X(AGENT_LIST_21, "_ZN14JvmtiAgentList5_listE")                                   \
	X(AGENT_LIST_26, "_ZN14JvmtiAgentList5_headE")                                   \
	X(EVENT_LOGS, "_ZN6Events5_logsE")                                               \
	X(MARK_BITMAP, "_ZN17PSParallelCompact12_mark_bitmapE")                          \
	X(SUMMARY_DATA, "_ZN17PSParallelCompact13_summary_dataE")                        \
	X(TINY_POOL, "_ZN9ChunkPool10_tiny_poolE")                                       \
	X(SMALL_POOL, "_ZN9ChunkPool11_small_poolE")                                     \
	X(MEDIUM_POOL, "_ZN9ChunkPool12_medium_poolE")                                   \
	X(LARGE_POOL, "_ZN9ChunkPool11_large_poolE")                                     \
	X(POOLS, "_ZN9ChunkPool6_poolsE")                                                \
	X(MALLOC_SUMMARY, "_ZN19MallocMemorySummary9_snapshotE")                         \
	X(VIRTUAL_SUMMARY, "_ZN20VirtualMemorySummary9_snapshotE")                       \
	X(C1_QUEUE, "_ZN13CompileBroker17_c1_compile_queueE")                            \
	X(C2_QUEUE, "_ZN13CompileBroker17_c2_compile_queueE")                            \
	X(SITE_TABLE, "_ZN15MallocSiteTable6_tableE")                                    \
	X(NMT_LEVEL, "_ZN10MemTracker15_tracking_levelE")

enum ms_vm_symbol {
#define X(id, name) MS_VM_SYMBOL_##id,
	MS_VM_SYMBOLS(X)
#undef X
	MS_VM_SYMBOL_COUNT,
};

struct ms_vm_private;

struct ms_vm {
	struct ms_target *target;
	struct ms_peek *peek;    ///< for small reads; main thread only
	struct ms_arena arena;   ///< of what readers of this room learn
	struct ms_range library; ///< where libjvm.so is mapped
	unsigned feature;        ///< 8, 11, 17, …
	const char *release;     ///< "17.0.15+6-Debian-1deb12u1"
	const char *internal;    ///< vendor, platform, build, as the JVM says it
	bool has_symbols;        ///< .symtab was there
	struct ms_vm_private *private;
};

/**
 * Find the JVM of a target and read its tables.
 *
 * @param ret  out: NULL if there is none; ms_vm_free()
 * @param ret_why  out: why a libjvm.so that is mapped could not be read, one line, or NULL;
 *                 static
 * Errors: NOMEM, GONE.
 * Cost: some 2,000 table entries and, if there, the symbol table: 20 ms.
 * Thread: main thread only (images).
 */
struct ms_error *ms_vm_find(
	struct ms_target *target, struct ms_vm **ret, const char **ret_why) MS_MUST_CHECK;

/** Free; NULL is fine. */
void ms_vm_free(struct ms_vm *vm);
MS_DEFINE_CLEANUP(struct ms_vm *, ms_vm_free);
#define _cleanup_vm_ _cleanup_(cleanup_ms_vm_free)

/** Offset of a field in its class, bytes; MS_VM_NONE if no alternative has it. */
uint64_t ms_vm_offset(const struct ms_vm *vm, const char *names);

/** Address of a static field; 0 if there is none. */
uint64_t ms_vm_address(const struct ms_vm *vm, const char *names);

/** Size of a class, bytes; 0 if it is not known. `names` may have alternatives. */
uint64_t ms_vm_size(const struct ms_vm *vm, const char *names);

/** Value of a constant, int or long; false if there is none. */
bool ms_vm_constant(const struct ms_vm *vm, const char *names, int64_t *ret);

/** Address of a variable from .symtab; 0 if it is not known. */
uint64_t ms_vm_symbol(const struct ms_vm *vm, enum ms_vm_symbol symbol);

/**
 * The class of a C++ object with virtual functions, by its vtable: "G1CollectedHeap".
 * NULL if it cannot be told, as without .symtab.
 */
const char *ms_vm_class_of(const struct ms_vm *vm, uint64_t object);

/** Called with each vtable: where objects of the class point to, and the class's name. */
typedef struct ms_error *ms_vm_vtable_fn(void *arg, uint64_t address, const char *name);

/** All vtables of libjvm.so, ascending; none without .symtab. Errors: fn's; ends there. */
struct ms_error *ms_vm_vtables(
	const struct ms_vm *vm, ms_vm_vtable_fn *fn, void *arg) MS_MUST_CHECK;

struct ms_elf_symbol;

/** Called with each function and where it lies; false ends the walk. */
typedef bool ms_vm_function_fn(
	void *arg, const struct ms_elf_symbol *symbol, uint64_t address);

/** All functions of libjvm.so in the order of its symbols. Errors: NOMEM. */
struct ms_error *ms_vm_functions(
	const struct ms_vm *vm, ms_vm_function_fn *fn, void *arg) MS_MUST_CHECK;

/** Put question marks in the place of what is not printable ASCII. */
void ms_printable(char *text);

/** Read an unsigned number of 1, 2, 4 or 8 bytes, at any alignment. */
bool ms_vm_read(const struct ms_vm *vm, uint64_t address, unsigned size, uint64_t *ret);

/** Read a field of an object; false also if there is no such field. */
bool ms_vm_field(const struct ms_vm *vm, uint64_t object, const char *names,
	unsigned size, uint64_t *ret);

/** Read a static field. */
bool ms_vm_static(
	const struct ms_vm *vm, const char *names, unsigned size, uint64_t *ret);

/**
 * Copy a C string of the target into the arena.
 *
 * @return NULL if it cannot be read to its end, is longer than MS_VM_TEXT_MAX, or there
 *         are MS_VM_ARENA_MAX of them, and without memory. Any bytes: of the target.
 */
const char *ms_vm_text(struct ms_vm *vm, uint64_t address);

/** As ms_vm_text, of a static char pointer. */
const char *ms_vm_static_text(struct ms_vm *vm, const char *names);
