// The kind of each mapping, from its line in maps: see kernel.h.

#include "evidence/kernel.h"

#include <string.h>

#include "ledger/owner.h"

// One kind of mapping: how its owner's id is made.
struct mapping_class {
	const char *owner;
	const char *dirty; // owner of private copies, or NULL: the same
	const char *detail;
	bool is_named;     // the name goes into the id
	bool is_countable; // several mappings of one file are one object
	enum ms_grade grade;
};

static const struct mapping_class lib_class = { "file.lib", "file.lib.dirty",
	"mapped program or library", false, true, MS_GRADE_EXACT };
static const struct mapping_class jar_class = { "file.jar", "file.data.dirty",
	"mapped jar or module image", false, true, MS_GRADE_EXACT };
static const struct mapping_class data_class = { "file.data", "file.data.dirty",
	"mapped file", false, true, MS_GRADE_EXACT };
static const struct mapping_class deleted_class = { "file.deleted", NULL,
	"mapped file that was deleted", false, true, MS_GRADE_EXACT };
static const struct mapping_class device_class = { "file.device", NULL, "device mapping",
	false, true, MS_GRADE_EXACT };
static const struct mapping_class shm_class = { "shm", NULL, "shared memory", true, true,
	MS_GRADE_EXACT };
static const struct mapping_class zgc_class = { "java.heap", NULL,
	"memory file of the JVM's name for its heap", false, false, MS_GRADE_STRUCTURAL };
static const struct mapping_class heap_class = { "malloc.heap", NULL, "brk area ([heap])",
	false, true, MS_GRADE_CONTENT };
static const struct mapping_class malloc_class = { "malloc.heap", NULL,
	"name set by glibc (decorate_maps)", false, true, MS_GRADE_EXACT };
static const struct mapping_class named_class = { "anon", NULL, "name set by PR_SET_VMA",
	true, true, MS_GRADE_EXACT };
static const struct mapping_class vdso_class = { "kernel.vdso", NULL, "[vdso]", false,
	false, MS_GRADE_EXACT };

// NAME.so, or NAME.so.1.2: what the dynamic linker loads.
static bool is_library_name(struct ms_bytes name)
{
	struct ms_bytes base = ms_bytes_basename(name);
	for (size_t i = 0; i + 3 <= base.n; i++)
		if (!memcmp(base.p + i, ".so", 3) &&
			(i + 3 == base.n || base.p[i + 3] == '.'))
			return true;
	return false;
}

static bool is_jar_name(struct ms_bytes name)
{
	static const char *const ends[] = { ".jar", ".zip", ".war", ".jmod",
		"/lib/modules" };
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (ms_bytes_ends(name, ends[i]))
			return true;
	return false;
}

// Part of a file of which some other part is mapped executable: a program, whatever its
// name.
static bool has_code(const struct ms_maps *maps, size_t i)
{
	const struct ms_mapping *m = &maps->v[i];
	for (size_t j = i; j < maps->n && j < i + 8; j++)
		if (ms_bytes_equal(maps->v[j].name, m->name) &&
			maps->v[j].flags & MS_MAPPING_EXEC)
			return true;
	for (size_t j = i; j > 0 && j + 8 > i; j--)
		if (ms_bytes_equal(maps->v[j - 1].name, m->name) &&
			maps->v[j - 1].flags & MS_MAPPING_EXEC)
			return true;
	return false;
}

static const struct mapping_class *classify_file(const struct ms_maps *maps, size_t i)
{
	const struct ms_mapping *m = &maps->v[i];
	if (m->flags & MS_MAPPING_DELETED)
		return is_library_name(m->name) || has_code(maps, i) ? &lib_class
								     : &deleted_class;
	if (is_library_name(m->name) || has_code(maps, i))
		return &lib_class;
	return is_jar_name(m->name) ? &jar_class : &data_class;
}

static const struct mapping_class *classify_named(const struct ms_mapping *m)
{
	bool is_malloc = ms_bytes_is(m->label, " glibc: malloc") ||
			 ms_bytes_is(m->label, " glibc: malloc arena") ||
			 ms_bytes_is(m->label, " glibc: loader malloc");
	if (is_malloc)
		return &malloc_class;
	if (ms_bytes_starts(m->label, " glibc: pthread stack") ||
		ms_bytes_is(m->label, " glibc: unused stack"))
		return NULL; // stacks are claimed by lib/threads alone
	return m->flags & MS_MAPPING_SHARED ? &shm_class : &named_class;
}

// NULL: nothing can be said by the line alone.
static const struct mapping_class *classify(const struct ms_maps *maps, size_t i)
{
	const struct ms_mapping *m = &maps->v[i];
	switch (m->kind) {
	case MS_MAPPING_FILE:
		return classify_file(maps, i);
	case MS_MAPPING_HEAP:
		return &heap_class;
	case MS_MAPPING_NAMED:
		return classify_named(m);
	case MS_MAPPING_MEMFD:
		return ms_bytes_starts(m->label, "java_heap") ? &zgc_class : &shm_class;
	case MS_MAPPING_SHM:
		return &shm_class;
	case MS_MAPPING_DEVICE:
		return &device_class;
	case MS_MAPPING_VDSO:
		return &vdso_class;
	case MS_MAPPING_ANON:
	case MS_MAPPING_STACK:
	case MS_MAPPING_VVAR:
	case MS_MAPPING_VSYSCALL:
	case MS_MAPPING_UNKNOWN:
		return NULL;
	}
	return NULL;
}

static struct ms_bytes name_of(const struct ms_mapping *m)
{
	if (m->label.n)
		return m->label;
	return m->kind == MS_MAPPING_SHM ? ms_bytes_basename(m->name) : m->name;
}

static struct ms_error *intern(struct ms_claims *claims, const struct mapping_class *c,
	const char *owner, ms_kind *ret)
{
	struct ms_kind_row row = { .owner = owner,
		.reader = "kernel",
		.detail = c->detail,
		.grade = c->grade,
		.precedence = MS_PRECEDENCE_SHAPE };
	return ms_claims_kind(claims, &row, ret);
}

static bool is_same_file(const struct ms_mapping *a, const struct ms_mapping *b)
{
	return a->inode == b->inode && a->dev_major == b->dev_major &&
	       a->dev_minor == b->dev_minor && ms_bytes_equal(a->name, b->name);
}

static struct ms_error *claim_mapping(
	struct ms_reading *reading, const struct ms_maps *maps, size_t i)
{
	const struct ms_mapping *m = &maps->v[i];
	const struct mapping_class *c = classify(maps, i);
	struct ms_claim claim = { .range = m->range, .rank = MS_RANK_MAPPING };
	char text[MS_OWNER_TEXT];
	struct ms_error *err;
	if (!c)
		return NULL;
	const char *owner =
		c->is_named ? ms_owner_id(c->owner, name_of(m), text) : c->owner;
	err = intern(reading->claims, c, owner, &claim.kind);
	if (!err && c->dirty && !(m->flags & MS_MAPPING_SHARED))
		err = intern(reading->claims, c, c->dirty, &claim.kind_anon);
	bool is_continued = i && is_same_file(m, &maps->v[i - 1]);
	claim.count = c->is_countable && !is_continued;
	claim.item = name_of(m);
	return err ? err : ms_claims_add(reading->claims, &claim);
}

static struct ms_error *anchor(struct ms_reading *reading, void *arg, void **ret_state)
{
	const struct ms_maps *maps = ms_target_maps(reading->target);
	struct ms_error *err = NULL;
	(void)arg;
	(void)ret_state;
	for (size_t i = 0; !err && i < maps->n; i++)
		err = claim_mapping(reading, maps, i);
	if (!err)
		err = ms_kernel_bss(reading);
	return err ? err : ms_kernel_outside(reading);
}

const struct ms_reader ms_kernel_reader = { .name = "kernel", .anchor = anchor };
