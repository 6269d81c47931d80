// Native memory tracking: see nmt.h.

#include "hotspot/nmt.h"

#include <string.h>

enum {
	SIZE_AT = 0,
	CATEGORY_AT = 12, // with marks
	CATEGORY_OLD_AT = 8,
	MARK_AT = 14,
	MARK = 0xE99E,
	FOOTER = 2, // bytes, with marks
	// A block may be larger than what was asked for: by the allocator's rounding.
	SLACK = 40,
	SLACK_SHARE = 4, // or by a size class that is a quarter larger
	PAGE_SLACK = 2 * MS_PAGE_SIZE,
	PAGE_BLOCK = 64 << 10, // from here on blocks may have pages of their own
	COUNTER_OLD = 16,      // {count, size}
	COUNTER = 32,          // {count, size, peak count, peak size}
};

static const uint64_t SIZE_MAX_BELIEVED = UINT64_C(1) << 38; // the JVM's own bound

// Categories as versions number them, and who the blocks belong to. Those of the Java heap
// and of thread stacks are never malloc's.
#define NEVER NULL
#define HEAD(X)                                                                          \
	X("Java Heap", NEVER)                                                            \
	X("Class", "java.vm.class")                                                      \
	X("Thread", "java.vm.thread")                                                    \
	X("Thread Stack", NEVER)                                                         \
	X("Code", "java.vm.code")                                                        \
	X("GC", "java.vm.gc")
#define OLD_TAIL(X)                                                                      \
	X("Compiler", "java.vm.compiler")                                                \
	X("Internal", "java.vm.internal")                                                \
	X("Other", "java.vm.other")                                                      \
	X("Symbol", "java.symbols")                                                      \
	X("Native Memory Tracking", "java.nmt")                                          \
	X("Shared class space", "java.vm.cds")                                           \
	X("Arena Chunk", "java.arena.other")                                             \
	X("Test", "java.vm.test")                                                        \
	X("Tracing", "java.jfr")
#define JDK8(X) HEAD(X) OLD_TAIL(X) X("Unknown", "java.vm.unknown")
#define JDK11(X)                                                                         \
	HEAD(X)                                                                          \
	OLD_TAIL(X)                                                                      \
	X("Logging", "java.vm.logging")                                                  \
	X("Arguments", "java.vm.arguments")                                              \
	X("Module", "java.vm.module")                                                    \
	X("Synchronizer", "java.vm.synchronization")                                     \
	X("Safepoint", "java.vm.safepoint")                                              \
	X("Unknown", "java.vm.unknown")
#define NEW_MIDDLE(X)                                                                    \
	X("Compiler", "java.vm.compiler")                                                \
	X("JVMCI", "java.vm.jvmci")                                                      \
	X("Internal", "java.vm.internal")                                                \
	X("Other", "java.vm.other")                                                      \
	X("Symbol", "java.symbols")                                                      \
	X("Native Memory Tracking", "java.nmt")                                          \
	X("Shared class space", "java.vm.cds")                                           \
	X("Arena Chunk", "java.arena.other")                                             \
	X("Test", "java.vm.test")                                                        \
	X("Tracing", "java.jfr")                                                         \
	X("Logging", "java.vm.logging")                                                  \
	X("Statistics", "java.vm.statistics")                                            \
	X("Arguments", "java.vm.arguments")                                              \
	X("Module", "java.vm.module")                                                    \
	X("Safepoint", "java.vm.safepoint")                                              \
	X("Synchronization", "java.vm.synchronization")                                  \
	X("Serviceability", "java.vm.serviceability")                                    \
	X("Metaspace", "java.vm.metaspace")                                              \
	X("String Deduplication", "java.vm.string-deduplication")                        \
	X("Object Monitors", "java.vm.object-monitors")
#define JDK17(X) HEAD(X) NEW_MIDDLE(X) X("Unknown", "java.vm.unknown")
#define JDK21(X)                                                                         \
	HEAD(X)                                                                          \
	X("GCCardSet", "java.vm.gccardset") NEW_MIDDLE(X) X("Unknown", "java.vm.unknown")
#define JDK26(X)                                                                         \
	HEAD(X)                                                                          \
	X("GCCardSet", "java.vm.gccardset")                                              \
	NEW_MIDDLE(X) X("JNI", "java.vm.jni") X("Unknown", "java.vm.unknown")

#define NAME(name, owner)  name,
#define OWNER(name, owner) owner,
#define LISTS(version)                                                                   \
	static const char *const names_##version[] = { version(NAME) };                  \
	static const char *const owners_##version[] = { version(OWNER) };
LISTS(JDK8)
LISTS(JDK11)
LISTS(JDK17)
LISTS(JDK21)
LISTS(JDK26)

#define ROW(first, last, version, has_marks)                                             \
	{                                                                                \
		first, last, sizeof(names_##version) / sizeof(names_##version[0]),       \
			names_##version, owners_##version, has_marks                     \
	}

static const struct {
	unsigned first, last; // features
	unsigned n;
	const char *const *names, *const *owners;
	bool has_marks;
} versions[] = {
	ROW(8, 8, JDK8, false),
	ROW(11, 11, JDK11, false),
	ROW(17, 17, JDK17, true),
	ROW(21, 25, JDK21, true),
	ROW(26, 26, JDK26, true),
};

// --- the JVM's own counters -----------------------------------------------------------

// Of each category a counter of malloc's and one of arenas'.
static void read_told(const struct ms_vm *vm, struct ms_nmt *nmt)
{
	uint64_t at = ms_vm_symbol(vm, MS_VM_SYMBOL_MALLOC_SUMMARY);
	uint64_t counter = nmt->has_marks ? COUNTER : COUNTER_OLD;
	if (!at)
		return;
	for (unsigned i = 0; i < nmt->n; i++) {
		uint64_t words[2];
		if (!ms_peek_bytes(vm->peek, at + i * 2 * counter, words, sizeof(words)))
			return;
		nmt->told[i] = (struct ms_nmt_sum){ words[0], words[1] };
	}
	nmt->has_told = true;
}

// --- headers --------------------------------------------------------------------------

static bool wants_tracking(const struct ms_flags *flags)
{
	const struct ms_flag *flag = ms_flag_find(flags, "NativeMemoryTracking");
	return flag && flag->text &&
	       (strcmp(flag->text, "summary") == 0 || strcmp(flag->text, "detail") == 0);
}

struct ms_nmt ms_nmt_read(const struct ms_vm *vm, const struct ms_flags *flags)
{
	struct ms_nmt nmt = { 0 };
	if (!wants_tracking(flags))
		return nmt;
	nmt.note =
		"native memory tracking is on, but its categories are not known of this "
		"version";
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++)
		if (vm->feature >= versions[i].first && vm->feature <= versions[i].last) {
			nmt.is_on = true;
			nmt.has_marks = versions[i].has_marks;
			nmt.n = versions[i].n;
			nmt.names = versions[i].names;
			nmt.owners = versions[i].owners;
			nmt.note = NULL;
		}
	if (nmt.is_on)
		read_told(vm, &nmt);
	return nmt;
}

static bool is_slack(uint64_t slack, uint64_t size)
{
	return slack <= SLACK || slack <= size / SLACK_SHARE ||
	       (size >= PAGE_BLOCK && slack <= PAGE_SLACK);
}

unsigned ms_nmt_category(const struct ms_nmt *nmt, const uint8_t memory[MS_NMT_HEADER],
	uint64_t usable, uint64_t *ret_bytes)
{
	uint64_t size = ms_get_u64(memory + SIZE_AT);
	uint64_t taken = MS_NMT_HEADER + (nmt->has_marks ? FOOTER : 0);
	unsigned category = memory[nmt->has_marks ? CATEGORY_AT : CATEGORY_OLD_AT];
	if (size > SIZE_MAX_BELIEVED || size + taken > usable ||
		!is_slack(usable - size - taken, size) || category >= nmt->n ||
		!nmt->owners[category])
		return nmt->n;
	// Without a mark a zeroed block must not pass; the JVM asks for one byte at least.
	if (nmt->has_marks ? ms_get_u16(memory + MARK_AT) != MARK : !size)
		return nmt->n;
	*ret_bytes = size;
	return category;
}
