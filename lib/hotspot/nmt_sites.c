// Call sites of native memory tracking: see nmt_sites.h.

#include "hotspot/nmt_sites.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "hotspot/chain.h"
#include "hotspot/function.h"

enum {
	SITES_MAX = 1 << 16,
	BUCKETS_OLD = 511, // JDK 8 to 17: the table is the variable itself
	BUCKETS = 4099,    // JDK 21: it points to the table
	ENTRY_BYTES = 88,
};

// Of an entry. Those of JDK 8 and 11 keep the hash behind the frames.
struct layout {
	unsigned category, count, size, next;
};

static const struct layout layouts[] = { { 56, 40, 48, 64 }, { 32, 40, 48, 80 } };

static int compare_sites(const void *pa, const void *pb)
{
	const struct ms_nmt_site *a = pa, *b = pb;
	if (a->bytes != b->bytes)
		return a->bytes < b->bytes ? 1 : -1;
	return memcmp(a->frames, b->frames, sizeof(a->frames));
}

struct reading {
	struct ms_vm *vm;
	const struct ms_nmt *nmt;
	const struct layout *layout;
	struct ms_nmt_sites *ret;
};

static struct ms_error *add(struct reading *r, const uint8_t entry[ENTRY_BYTES])
{
	unsigned category = entry[r->layout->category];
	uint64_t blocks = ms_get_u64(entry + r->layout->count);
	if (!blocks || category >= r->nmt->n)
		return NULL;
	struct ms_nmt_site *site = ms_array_push(&r->ret->v);
	if (!site)
		return &ms_error_nomem;
	memcpy(site->frames, entry, sizeof(site->frames));
	site->category = r->nmt->names[category];
	site->blocks = blocks;
	site->bytes = ms_get_u64(entry + r->layout->size);
	return NULL;
}

static struct ms_error *read_bucket(
	struct reading *r, struct ms_chain *chain, uint64_t entry)
{
	uint8_t bytes[ENTRY_BYTES];
	struct ms_error *err = NULL;
	while (!err && ms_chain_goes_on(chain, entry)) {
		if (!ms_peek_bytes(r->vm->peek, entry, bytes, r->layout->next + 8)) {
			r->ret->is_complete = false;
			return NULL;
		}
		err = add(r, bytes);
		entry = ms_get_u64(bytes + r->layout->next);
	}
	r->ret->is_complete &= !chain->is_broken;
	return err;
}

static struct ms_error *name_frames(struct ms_vm *vm, struct ms_nmt_sites *sites)
{
	struct ms_functions functions = { 0 };
	struct ms_error *err = NULL;
	ms_array_foreach (site, &sites->v)
		for (size_t i = 0; !err && i < MS_NMT_FRAMES; i++)
			if (site->frames[i])
				err = ms_functions_want(&functions, site->frames[i]);
	if (!err)
		err = ms_functions_find(vm, &functions);
	ms_array_foreach (site, &sites->v)
		for (size_t i = 0; !err && i < MS_NMT_FRAMES; i++)
			site->names[i] = ms_functions_name(&functions, site->frames[i]);
	ms_functions_deinit(&functions);
	return err;
}

struct ms_error *ms_nmt_sites_read(
	struct ms_vm *vm, const struct ms_nmt *nmt, struct ms_nmt_sites *ret)
{
	bool is_old = vm->feature < 21;
	struct reading r = { vm, nmt, &layouts[vm->feature >= 17], ret };
	struct ms_chain chain = { .max = SITES_MAX };
	uint64_t at = ms_vm_symbol(vm, MS_VM_SYMBOL_SITE_TABLE), entry;
	struct ms_error *err = NULL;
	*ret = (struct ms_nmt_sites){ .is_complete = true };
	if (!at || (!is_old && (!ms_vm_read(vm, at, 8, &at) || !at)))
		return NULL;
	for (unsigned i = 0; !err && i < (is_old ? BUCKETS_OLD : BUCKETS); i++) {
		if (ms_vm_read(vm, at + i * 8, 8, &entry))
			err = read_bucket(&r, &chain, entry);
		else
			ret->is_complete = false;
	}
	ret->is_found = ret->v.n > 0;
	if (ret->v.n)
		qsort(ret->v.v, ret->v.n, sizeof(*ret->v.v), compare_sites);
	return err ? err : name_frames(vm, ret);
}

void ms_nmt_sites_deinit(struct ms_nmt_sites *sites)
{
	ms_array_deinit(&sites->v);
}
