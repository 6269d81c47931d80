/**
 * /proc/PID/smaps and smaps_rollup: the kernel's own sums per mapping.
 *
 * Source: fs/proc/task_mmu.c, __show_smap() (Linux 6.18). The fields are a list here, so
 * that columns, parser and sums are made from one table.
 */
#pragma once

#include "base/base.h"

/** X(identifier, name in the file, column heading, meaning) - all in bytes. */
#define MS_SMAPS_FIELDS(X)                                                               \
	X(SIZE, "Size", "SIZE", "size of the mapping")                                   \
	X(KERNEL_PAGE, "KernelPageSize", "KERNELPAGESIZE", "page size the kernel uses")  \
	X(MMU_PAGE, "MMUPageSize", "MMUPAGESIZE", "page size the MMU uses")              \
	X(RSS, "Rss", "RSS", "resident bytes")                                           \
	X(PSS, "Pss", "PSS", "resident bytes, shared pages divided by their users")      \
	X(PSS_DIRTY, "Pss_Dirty", "PSS_DIRTY", "the dirty part of PSS")                  \
	X(SHARED_CLEAN, "Shared_Clean", "SHARED_CLEAN", "clean pages others map too")    \
	X(SHARED_DIRTY, "Shared_Dirty", "SHARED_DIRTY", "dirty pages others map too")    \
	X(PRIVATE_CLEAN, "Private_Clean", "PRIVATE_CLEAN", "clean pages only this maps") \
	X(PRIVATE_DIRTY, "Private_Dirty", "PRIVATE_DIRTY", "dirty pages only this maps") \
	X(REFERENCED, "Referenced", "REFERENCED", "pages marked as accessed")            \
	X(ANONYMOUS, "Anonymous", "ANONYMOUS", "pages that belong to no file")           \
	X(KSM, "KSM", "KSM", "pages merged by KSM")                                      \
	X(LAZY_FREE, "LazyFree", "LAZYFREE", "freed by MADV_FREE, not yet taken")        \
	X(ANON_HUGE, "AnonHugePages", "ANONHUGEPAGES", "in transparent huge pages")      \
	X(SHMEM_PMD, "ShmemPmdMapped", "SHMEMPMDMAPPED", "shared memory in huge pages")  \
	X(FILE_PMD, "FilePmdMapped", "FILEPMDMAPPED", "file pages in huge pages")        \
	X(SHARED_HUGETLB, "Shared_Hugetlb", "SHARED_HUGETLB", "hugetlb, shared")         \
	X(PRIVATE_HUGETLB, "Private_Hugetlb", "PRIVATE_HUGETLB", "hugetlb, private")     \
	X(SWAP, "Swap", "SWAP", "swapped-out anonymous bytes")                           \
	X(SWAP_PSS, "SwapPss", "SWAPPSS", "SWAP divided by its users")                   \
	X(LOCKED, "Locked", "LOCKED", "locked by mlock")

enum ms_smaps_field {
#define X(id, name, column, help) MS_SMAPS_##id,
	MS_SMAPS_FIELDS(X)
#undef X
	MS_SMAPS_FIELD_COUNT,
};

struct ms_smaps_entry {
	struct ms_range range;
	uint64_t bytes[MS_SMAPS_FIELD_COUNT];
	uint32_t known;        ///< bit per field that the kernel printed
	int8_t thp_eligible;   ///< THPeligible: 0, 1, or -1 if not printed
	struct ms_bytes flags; ///< VmFlags words, "rd wr mr ..."; empty if not printed
};

struct ms_smaps {
	struct ms_smaps_entry *v; ///< ascending
	size_t n;
	size_t odd_lines;
};

/**
 * Parse smaps or smaps_rollup (one entry).
 *
 * @param arena  receives everything; flags are copied into it
 * Errors: NOMEM.
 */
struct ms_error *ms_smaps_parse(
	struct ms_bytes text, struct ms_arena *arena, struct ms_smaps *ret) MS_MUST_CHECK;

/** The entry of exactly this range, or NULL. */
const struct ms_smaps_entry *ms_smaps_find(
	const struct ms_smaps *smaps, struct ms_range range);

/** True if the entry's VmFlags hold the two-letter flag, such as "dd" or "ht". */
bool ms_smaps_has_flag(const struct ms_smaps_entry *entry, const char *flag);
