// The table of mappings: the kernel's own figures, and the owner.

#include "memwho.h"

static const struct ms_smaps_entry *entry_of(
	const struct ms_mapping_row *row, const struct view *view)
{
	return view->smaps ? ms_smaps_find(view->smaps, row->mapping.range) : NULL;
}

static void get_field(
	const void *row, void *ctx, struct ms_cell *cell, enum ms_smaps_field field)
{
	const struct ms_smaps_entry *entry = entry_of(row, ctx);
	cell->is_null = !entry || !(entry->known >> field & 1);
	if (!cell->is_null)
		cell->n = entry->bytes[field];
}

#define X(id, name, column, help)                                                        \
	static void get_smaps_##id(const void *row, void *ctx, struct ms_cell *cell)     \
	{                                                                                \
		get_field(row, ctx, cell, MS_SMAPS_##id);                                \
	}
MS_SMAPS_FIELDS(X)
#undef X

static void get_range(const void *row, void *ctx, struct ms_cell *cell)
{
	(void)ctx;
	cell->range = ((const struct ms_mapping_row *)row)->mapping.range;
}

static void get_perm(const void *row, void *ctx, struct ms_cell *cell)
{
	char text[5];
	(void)ctx;
	ms_cell_printf(cell, "%s",
		ms_mapping_prot_text(
			&((const struct ms_mapping_row *)row)->mapping, text));
}

static void get_offset(const void *row, void *ctx, struct ms_cell *cell)
{
	(void)ctx;
	cell->n = ((const struct ms_mapping_row *)row)->mapping.offset;
}

static void get_device(const void *row, void *ctx, struct ms_cell *cell)
{
	const struct ms_mapping *m = &((const struct ms_mapping_row *)row)->mapping;
	(void)ctx;
	ms_cell_printf(cell, "%02x:%02x", m->dev_major, m->dev_minor);
}

static void get_inode(const void *row, void *ctx, struct ms_cell *cell)
{
	(void)ctx;
	cell->n = ((const struct ms_mapping_row *)row)->mapping.inode;
}

static void get_thp(const void *row, void *ctx, struct ms_cell *cell)
{
	const struct ms_smaps_entry *entry = entry_of(row, ctx);
	cell->is_null = !entry || entry->thp_eligible < 0;
	if (!cell->is_null)
		cell->n = (uint64_t)entry->thp_eligible;
}

static void get_flags(const void *row, void *ctx, struct ms_cell *cell)
{
	const struct ms_smaps_entry *entry = entry_of(row, ctx);
	cell->is_null = !entry || !entry->flags.n;
	if (!cell->is_null)
		cell->bytes = entry->flags;
}

static void get_resident(const void *row, void *ctx, struct ms_cell *cell)
{
	(void)ctx;
	cell->n = ((const struct ms_mapping_row *)row)->resident;
}

static void get_owner(const void *row, void *ctx, struct ms_cell *cell)
{
	(void)ctx;
	cell->text = ((const struct ms_mapping_row *)row)->owner;
}

static void get_owners(const void *row, void *ctx, struct ms_cell *cell)
{
	(void)ctx;
	cell->n = ((const struct ms_mapping_row *)row)->owner_n;
}

static void get_name(const void *row, void *ctx, struct ms_cell *cell)
{
	const struct ms_mapping *m = &((const struct ms_mapping_row *)row)->mapping;
	(void)ctx;
	if (m->flags & MS_MAPPING_DELETED)
		ms_cell_printf(cell, "%.*s (deleted)", (int)ms_min(m->name.n, 8192),
			(const char *)m->name.p);
	else
		cell->bytes = m->name;
	cell->is_null = !m->name.n;
}

// JSON members of the smaps fields, all of them bytes.
#define KEY_SIZE            "size_bytes"
#define KEY_KERNEL_PAGE     "kernel_page_bytes"
#define KEY_MMU_PAGE        "mmu_page_bytes"
#define KEY_RSS             "rss_bytes"
#define KEY_PSS             "pss_bytes"
#define KEY_PSS_DIRTY       "pss_dirty_bytes"
#define KEY_SHARED_CLEAN    "shared_clean_bytes"
#define KEY_SHARED_DIRTY    "shared_dirty_bytes"
#define KEY_PRIVATE_CLEAN   "private_clean_bytes"
#define KEY_PRIVATE_DIRTY   "private_dirty_bytes"
#define KEY_REFERENCED      "referenced_bytes"
#define KEY_ANONYMOUS       "anonymous_bytes"
#define KEY_KSM             "ksm_bytes"
#define KEY_LAZY_FREE       "lazy_free_bytes"
#define KEY_ANON_HUGE       "anon_huge_bytes"
#define KEY_SHMEM_PMD       "shmem_pmd_bytes"
#define KEY_FILE_PMD        "file_pmd_bytes"
#define KEY_SHARED_HUGETLB  "shared_hugetlb_bytes"
#define KEY_PRIVATE_HUGETLB "private_hugetlb_bytes"
#define KEY_SWAP            "swap_bytes"
#define KEY_SWAP_PSS        "swap_pss_bytes"
#define KEY_LOCKED          "locked_bytes"

static const struct ms_column columns[] = {
	{ .name = "RANGE",
		.key = "range",
		.type = MS_COLUMN_RANGE,
		.is_default = true,
		.help = "address range, end exclusive",
		.get = get_range },
	{ .name = "PERM",
		.key = "protection",
		.type = MS_COLUMN_TEXT,
		.is_default = true,
		.help = "protection as maps prints it",
		.get = get_perm },
	{ .name = "OFFSET",
		.key = "offset",
		.type = MS_COLUMN_ADDRESS,
		.is_default = true,
		.help = "offset in the file",
		.get = get_offset },
	{ .name = "DEVICE",
		.key = "device",
		.type = MS_COLUMN_TEXT,
		.is_default = true,
		.help = "device of the file, hexadecimal",
		.get = get_device },
	{ .name = "INODE",
		.key = "inode",
		.type = MS_COLUMN_NUMBER,
		.is_default = true,
		.help = "inode of the file",
		.get = get_inode },
#define X(id, name_, column, help_)                                                      \
	{ .name = column,                                                                \
		.key = KEY_##id,                                                         \
		.type = MS_COLUMN_BYTES,                                                 \
		.is_default = true,                                                      \
		.help = help_ " (smaps " name_ ")",                                      \
		.get = get_smaps_##id },
	MS_SMAPS_FIELDS(X)
#undef X
		{ .name = "THPELIGIBLE",
			.key = "thp_eligible",
			.type = MS_COLUMN_FLAG,
			.is_default = true,
			.help = "may get transparent huge pages",
			.get = get_thp },
	{ .name = "VMFLAGS",
		.key = "vm_flags",
		.type = MS_COLUMN_TARGET,
		.is_default = true,
		.help = "flags of the mapping, see proc_pid_smaps(5)",
		.get = get_flags },
	{ .name = "RESIDENT",
		.key = "resident_bytes",
		.type = MS_COLUMN_BYTES,
		.is_default = true,
		.help = "resident bytes by the page states",
		.get = get_resident },
	{ .name = "OWNERS",
		.key = "owners",
		.type = MS_COLUMN_COUNT,
		.help = "owners with resident bytes in the mapping",
		.get = get_owners },
	{ .name = "OWNER",
		.key = "owner",
		.type = MS_COLUMN_TEXT,
		.is_default = true,
		.help = "owner of most of it",
		.get = get_owner },
	{ .name = "NAME",
		.key = "name",
		.type = MS_COLUMN_TARGET,
		.is_default = true,
		.help = "file or label",
		.get = get_name },
};

const struct ms_column_set mapping_columns =
	MS_COLUMN_SET("mappings", "one row per mapping", columns, NULL);
