// Flags about the heap: which ones were set, and whether this collector heeds them.

#include <string.h>

#include "base/size.h"
#include "mapheap.h"

#define BIT(id) (1u << MS_COLLECTOR_##id)

enum {
	ALL = (1 << MS_COLLECTOR_COUNT) - 1,
	WITH_YOUNG = BIT(SERIAL) | BIT(PARALLEL) | BIT(CMS) | BIT(G1),
	CONCURRENT = BIT(CMS) | BIT(G1) | BIT(Z) | BIT(SHENANDOAH),
	THREADED = CONCURRENT | BIT(PARALLEL),
};

// Names that end in * stand for all that begin so. Source: gc/*/ *_globals.hpp and the
// places that read each flag, JDK 8 to 26.
static const struct {
	const char *name;
	unsigned heeded_by;
} known[] = {
	{ "MaxHeapSize", ALL },
	{ "InitialHeapSize", ALL },
	{ "MinHeapSize", ALL },
	{ "MaxRAMPercentage", ALL },
	{ "InitialRAMPercentage", ALL },
	{ "MinRAMPercentage", ALL },
	{ "AlwaysPreTouch", ALL },
	{ "SoftMaxHeapSize", BIT(Z) | BIT(SHENANDOAH) | BIT(G1) },
	{ "NewSize", WITH_YOUNG },
	{ "MaxNewSize", WITH_YOUNG },
	{ "NewRatio", WITH_YOUNG },
	{ "SurvivorRatio", WITH_YOUNG },
	{ "InitialSurvivorRatio", BIT(PARALLEL) },
	{ "MinSurvivorRatio", BIT(PARALLEL) },
	{ "TargetSurvivorRatio", BIT(SERIAL) | BIT(CMS) | BIT(G1) },
	{ "MaxTenuringThreshold", WITH_YOUNG },
	{ "InitialTenuringThreshold", BIT(PARALLEL) },
	{ "PretenureSizeThreshold", BIT(SERIAL) | BIT(CMS) },
	{ "ZTenuringThreshold", BIT(Z) },
	{ "MinHeapFreeRatio", WITH_YOUNG },
	{ "MaxHeapFreeRatio", WITH_YOUNG },
	{ "MaxGCPauseMillis", BIT(G1) | BIT(PARALLEL) },
	{ "GCTimeRatio", BIT(G1) | BIT(PARALLEL) },
	{ "UseAdaptiveSizePolicy", BIT(PARALLEL) },
	{ "AdaptiveSizePolicy*", BIT(PARALLEL) },
	{ "ScavengeBeforeFullGC", BIT(SERIAL) | BIT(PARALLEL) | BIT(CMS) },
	{ "InitiatingHeapOccupancyPercent", BIT(G1) },
	{ "ParallelGCThreads", THREADED },
	{ "ConcGCThreads", CONCURRENT },
	{ "UseTLAB", ALL },
	{ "TLABSize", ALL },
	{ "MinTLABSize", ALL },
	{ "ResizeTLAB", ALL },
	{ "G1*", BIT(G1) },
	{ "CMS*", BIT(CMS) },
	{ "UseCMS*", BIT(CMS) },
	{ "Shenandoah*", BIT(SHENANDOAH) },
	{ "ZGenerational", BIT(Z) },
	{ "ZAllocationSpikeTolerance", BIT(Z) },
	{ "ZCollectionInterval*", BIT(Z) },
	{ "ZUncommit*", BIT(Z) },
	{ "Parallel*", BIT(PARALLEL) },
};

static bool is_named(const char *pattern, const char *name)
{
	size_t n = strlen(pattern);
	return pattern[n - 1] == '*' ? strncmp(pattern, name, n - 1) == 0
				     : strcmp(pattern, name) == 0;
}

// Who heeds a flag; 0: not about the heap, as far as we know.
static unsigned heeded_by(const char *name)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (is_named(known[i].name, name))
			return known[i].heeded_by;
	return 0;
}

// A size as people give it: "10M", not 10485760.
static void format_value(const struct ms_flag *flag, char *text, size_t size)
{
	static const char units[] = "KMGT";
	bool is_size = flag->type == MS_FLAG_SIZE || flag->type == MS_FLAG_UINTX ||
		       flag->type == MS_FLAG_UINT64;
	uint64_t n = flag->bits;
	int unit = -1;
	for (; is_size && n >= 1024 && n % 1024 == 0 && unit < 3; unit++)
		n /= 1024;
	if (unit < 0)
		ms_flag_format(flag, text, size);
	else
		(void)snprintf(text, size, "%llu%c", (unsigned long long)n, units[unit]);
}

static bool was_set(const struct ms_flag *flag)
{
	return flag->origin != MS_FLAG_FROM_DEFAULT &&
	       flag->origin != MS_FLAG_FROM_ERGONOMIC;
}

static void print_heading(struct ms_out *out, bool *is_begun)
{
	if (*is_begun) {
		ms_out_str(out, ", ");
		return;
	}
	*is_begun = true;
	print_word(out, "FLAGS");
}

// Those that are heeded, or those that are not.
static bool print_list(struct ms_out *out, const struct view *view, bool heeded)
{
	unsigned bit = 1u << view->heap.collector;
	bool is_begun = false;
	char value[64];
	for (size_t i = 0; i < view->flags.n; i++) {
		const struct ms_flag *flag = &view->flags.v[i];
		unsigned by = was_set(flag) ? heeded_by(flag->name) : 0;
		if (!by || !(by & bit) == heeded)
			continue;
		print_heading(out, &is_begun);
		format_value(flag, value, sizeof(value));
		ms_out_target(out, ms_bytes_of(flag->name));
		ms_out_str(out, " ");
		ms_out_target(out, ms_bytes_of(value));
	}
	return is_begun;
}

void print_flags(struct ms_out *out, const struct view *view)
{
	if (print_list(out, view, /* heeded= */ true))
		ms_out_str(out, ": in force\n");
	if (print_list(out, view, /* heeded= */ false))
		ms_out_printf(out, ": without effect under %s\n",
			ms_collector_title(view->heap.collector));
}
