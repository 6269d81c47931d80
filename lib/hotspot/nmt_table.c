// The table of native memory tracking: see nmt_table.h.

#include "hotspot/nmt_table.h"

#include "alloc/alloc.h"

enum {
	FOREIGN = MS_NMT_CATEGORIES_MAX, // blocks without a header
	KEPT,                            // freed, and kept by malloc
	ROWS,
	VIRTUAL_OLD = 16, // {reserved, committed}
	VIRTUAL = 24,     // {reserved, committed, peak}: JDK 21
};

struct sum {
	uint64_t blocks, bytes, resident;
};

struct worker {
	struct ms_peek *peek;
	struct sum sums[ROWS];
};

struct counting {
	struct ms_target *target;
	const struct ms_nmt *nmt;
	struct worker *workers;
};

static void add(struct counting *c, struct sum *sum, const struct ms_alloc_block *block,
	uint64_t bytes)
{
	sum->blocks++;
	sum->bytes += bytes;
	sum->resident += ms_pages_resident(ms_target_pages(c->target), block->range);
}

static bool is_kept(enum ms_alloc_state state)
{
	return state == MS_ALLOC_FREE || state == MS_ALLOC_FAST ||
	       state == MS_ALLOC_CACHED || state == MS_ALLOC_TOP ||
	       state == MS_ALLOC_DIRTY;
}

static struct ms_error *count(
	void *arg, unsigned number, const struct ms_alloc_block *v, size_t n)
{
	struct counting *c = arg;
	struct worker *w = &c->workers[number];
	struct ms_error *err = w->peek ? NULL : ms_peek_new(c->target, &w->peek);
	for (size_t i = 0; !err && i < n; i++) {
		uint8_t head[MS_NMT_HEADER];
		uint64_t bytes = v[i].usable;
		if (is_kept(v[i].state))
			add(c, &w->sums[KEPT], &v[i], ms_range_size(v[i].range));
		if (v[i].state != MS_ALLOC_LIVE)
			continue;
		unsigned category = c->nmt->n;
		if (v[i].usable >= sizeof(head) &&
			ms_peek_bytes(w->peek, v[i].memory, head, sizeof(head)))
			category = ms_nmt_category(c->nmt, head, v[i].usable, &bytes);
		add(c, &w->sums[category < c->nmt->n ? category : FOREIGN], &v[i], bytes);
	}
	return err;
}

static struct ms_error *walk(struct counting *c, const struct ms_thread_table *threads,
	unsigned workers, const struct ms_cancel *cancel)
{
	_cleanup_alloc_ struct ms_alloc *alloc = NULL;
	struct ms_error *err = ms_alloc_find(c->target, threads, cancel, &alloc);
	return err ? err : ms_alloc_walk(alloc, workers, count, c);
}

static struct ms_error *add_row(struct ms_nmt_table *table, const struct counting *c,
	unsigned workers, unsigned which, const char *name)
{
	struct ms_nmt_row *row = ms_array_push(&table->v);
	if (!row)
		return &ms_error_nomem;
	row->name = name;
	row->is_category = which < FOREIGN;
	for (unsigned i = 0; i < workers; i++) {
		const struct sum *sum = &c->workers[i].sums[which];
		row->blocks += sum->blocks;
		row->bytes += sum->bytes;
		row->resident += sum->resident;
	}
	return NULL;
}

static void add_told(
	struct ms_vm *vm, const struct ms_nmt *nmt, struct ms_nmt_table *table)
{
	uint64_t at = ms_vm_symbol(vm, MS_VM_SYMBOL_VIRTUAL_SUMMARY), words[2];
	uint64_t size = vm->feature < 21 ? VIRTUAL_OLD : VIRTUAL;
	for (unsigned i = 0; i < nmt->n; i++) {
		struct ms_nmt_row *row = &table->v.v[i];
		row->has_told = nmt->has_told;
		row->told_blocks = nmt->told[i].blocks;
		row->told_bytes = nmt->told[i].bytes;
		row->has_virtual = at && ms_peek_bytes(vm->peek, at + i * size, words,
						 sizeof(words));
		row->reserved = row->has_virtual ? words[0] : 0;
		row->committed = row->has_virtual ? words[1] : 0;
		table->has_virtual |= row->has_virtual;
	}
}

struct ms_error *ms_nmt_table_make(struct ms_vm *vm, const struct ms_nmt *nmt,
	const struct ms_thread_table *threads, unsigned workers,
	const struct ms_cancel *cancel, struct ms_nmt_table *ret)
{
	struct counting c = { .target = vm->target, .nmt = nmt };
	workers = workers ? workers : ms_pool_default_threads();
	c.workers = calloc(workers, sizeof(*c.workers));
	*ret = (struct ms_nmt_table){ 0 };
	struct ms_error *err =
		c.workers ? walk(&c, threads, workers, cancel) : &ms_error_nomem;
	for (unsigned i = 0; !err && i < nmt->n; i++)
		err = add_row(ret, &c, workers, i, nmt->names[i]);
	if (!err) {
		add_told(vm, nmt, ret);
		err = add_row(
			ret, &c, workers, FOREIGN, "(no header: not taken by the JVM)");
	}
	if (!err)
		err = add_row(ret, &c, workers, KEPT, "(freed, kept by malloc)");
	for (unsigned i = 0; c.workers && i < workers; i++)
		ms_peek_free(c.workers[i].peek);
	free(c.workers);
	if (err)
		ms_nmt_table_deinit(ret);
	return err;
}

void ms_nmt_table_deinit(struct ms_nmt_table *table)
{
	ms_array_deinit(&table->v);
}
