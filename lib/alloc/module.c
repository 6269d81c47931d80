// Modules: see module.h.

#include "alloc/module.h"

#include <elf.h>
#include <string.h>

#include "target/images.h"

enum {
	BSS_MAX = 64 << 20, // of a module whose program headers cannot be read
	SYMBOLS_MAX = 32,
};

#define DATA_MAX (4ull << 30) // bytes of one module

// A target's memory as an ELF source; lives in the list's arena.
struct memory {
	struct ms_target *target;
};

static int64_t read_memory(void *context, uint64_t offset, void *p, size_t n)
{
	struct memory *memory = context;
	if (ms_target_get(memory->target, offset, p, n))
		return (int64_t)n;
	return 0;
}

static bool is_private_data(const struct ms_mapping *m)
{
	unsigned rw = MS_MAPPING_READ | MS_MAPPING_WRITE;
	return (m->flags & rw) == rw && !(m->flags & MS_MAPPING_SHARED);
}

static bool is_bss(const struct ms_mapping *m)
{
	return is_private_data(m) &&
	       (m->kind == MS_MAPPING_ANON || m->kind == MS_MAPPING_NAMED ||
		       m->kind == MS_MAPPING_HEAP);
}

// Cores of others keep neither device nor inode.
static bool is_same_file(const struct ms_mapping *a, const struct ms_mapping *b)
{
	return a->kind == MS_MAPPING_FILE && b->kind == MS_MAPPING_FILE &&
	       a->inode == b->inode && a->dev_major == b->dev_major &&
	       a->dev_minor == b->dev_minor && a->name.n == b->name.n &&
	       (!a->name.n || !memcmp(a->name.p, b->name.p, a->name.n));
}

// One more mapping of this load of a file: another load begins with file offset 0 again.
static bool is_of_load(const struct ms_mapping *first, const struct ms_mapping *m)
{
	return is_same_file(first, m) && m->offset > first->offset;
}

// Behind the last mapping of one load of a file. What its program headers leave free
// between two segments (ld.so up to 2.34 does that to itself) may be anybody's by now.
static size_t end_of_module(const struct ms_maps *maps, size_t first, uint64_t limit)
{
	size_t end = first + 1;
	for (size_t i = end; i < maps->n && (i == end || maps->v[i].range.start < limit);
		i++)
		if (is_of_load(&maps->v[first], &maps->v[i]))
			end = i + 1;
	return end;
}

static bool is_elf_at(struct ms_target *target, const struct ms_mapping *m)
{
	const struct ms_image *file = ms_target_image(target, m);
	uint8_t magic[4];
	if (file ? !ms_elf_source_read(&file->source, 0, magic, sizeof(magic))
		 : !ms_target_get(target, m->range.start, magic, sizeof(magic)))
		return !file; // a core without the file: what is left out may be ELF
	return ms_elf_is_elf((struct ms_bytes){ magic, sizeof(magic) });
}

static struct ms_error *open_mapped(struct ms_modules *modules, struct ms_target *target,
	uint64_t address, struct ms_elf_image **ret)
{
	struct memory *memory = ms_new(&modules->arena, struct memory, 1);
	if (!memory)
		return &ms_error_nomem;
	memory->target = target;
	struct ms_elf_source source = { read_memory, memory, UINT64_MAX };
	return ms_elf_image_open_mapped(&source, address, ret);
}

static struct ms_error *open_image(struct ms_modules *modules, struct ms_target *target,
	const struct ms_mapping *m, struct ms_module *module)
{
	const struct ms_image *file = ms_target_image(target, m);
	struct ms_error *err =
		file ? ms_elf_image_open(&file->source, &module->image) : NULL;
	module->has_file = file && !err;
	if (!err && file &&
		!ms_elf_image_bias(
			module->image, m->range.start, m->offset, &module->bias)) {
		ms_elf_image_free(ms_steal(module->image));
		module->has_file = false;
	}
	if (err && !ms_error_is(err, MS_ERROR_NOMEM)) {
		ms_error_free(ms_steal(err));
		module->image = NULL;
	}
	if (err || module->image)
		return err;
	err = open_mapped(modules, target, m->range.start, &module->image);
	if (!err) {
		module->bias = module->image->bias;
	} else if (!ms_error_is(err, MS_ERROR_NOMEM)) {
		ms_error_free(ms_steal(err));
		module->image = NULL;
	}
	return err;
}

// The end of the module's memory by its program headers; `guess` without them.
static uint64_t end_in_memory(const struct ms_module *module, uint64_t guess)
{
	uint64_t end = 0, high;
	if (!module->image)
		return guess;
	for (size_t i = 0; i < module->image->segments_n; i++) {
		const struct ms_elf_segment *s = &module->image->segments[i];
		if (s->type == PT_LOAD && ms_add(s->range.end, module->bias, &high))
			end = ms_max(end, high);
	}
	return ms_align_up(end, MS_PAGE_SIZE, &end) ? end : guess;
}

// What is searched for tables is bounded, whatever a core's headers claim.
static struct ms_error *add_data(
	struct ms_range range, struct ms_ranges *data, struct ms_range within)
{
	uint64_t have = 0;
	ms_array_foreach (r, data)
		have += ms_range_size(*r);
	range = ms_range_clip(range, within);
	if (range.start >= range.end || have >= DATA_MAX)
		return NULL;
	range.end = range.start + ms_min(ms_range_size(range), DATA_MAX - have);
	return ms_ranges_add(data, range);
}

// Its writable mappings, and anonymous memory right behind them as far as .bss goes.
static struct ms_error *list_data(const struct ms_maps *maps, size_t first, size_t end,
	struct ms_modules *modules, struct ms_module *module)
{
	struct ms_ranges data = { 0 };
	struct ms_error *err = NULL;
	uint64_t guess;
	if (!ms_add(maps->v[end - 1].range.end, BSS_MAX, &guess))
		return NULL;
	struct ms_range all = { module->range.start, end_in_memory(module, guess) };
	for (size_t i = first; !err && i < end; i++)
		if (is_private_data(&maps->v[i]) &&
			is_same_file(&maps->v[first], &maps->v[i]))
			err = add_data(maps->v[i].range, &data, maps->v[i].range);
	for (size_t i = end; !err && i < maps->n && is_bss(&maps->v[i]) &&
			     maps->v[i].range.start == maps->v[i - 1].range.end;
		i++)
		err = add_data(maps->v[i].range, &data, all);
	if (!err && data.n) {
		module->data = ms_new(&modules->arena, struct ms_range, data.n);
		if (module->data) {
			memcpy(module->data, data.v, data.n * sizeof(*data.v));
			module->data_n = data.n;
			module->range.end =
				ms_max(module->range.end, data.v[data.n - 1].end);
		} else {
			err = &ms_error_nomem;
		}
	}
	ms_ranges_deinit(&data);
	return err;
}

static struct ms_error *add_module(
	struct ms_modules *modules, struct ms_target *target, size_t first)
{
	const struct ms_maps *maps = ms_target_maps(target);
	struct ms_module *module = ms_array_push(modules);
	if (!module)
		return &ms_error_nomem;
	module->path = maps->v[first].name;
	struct ms_error *err = open_image(modules, target, &maps->v[first], module);
	if (err)
		return err;
	size_t end = end_of_module(
		maps, first, end_in_memory(module, maps->v[first].range.end));
	module->range = (struct ms_range){ maps->v[first].range.start,
		maps->v[end - 1].range.end };
	return list_data(maps, first, end, modules, module);
}

struct ms_error *ms_modules_load(struct ms_target *target, struct ms_modules *ret)
{
	const struct ms_maps *maps = ms_target_maps(target);
	struct ms_error *err = NULL;
	struct ms_modules modules = { 0 };
	ms_arena_init(&modules.arena);
	for (size_t i = 0; !err && i < maps->n; i++)
		if (maps->v[i].kind == MS_MAPPING_FILE && !maps->v[i].offset &&
			maps->v[i].flags & MS_MAPPING_READ &&
			is_elf_at(target, &maps->v[i]))
			err = add_module(&modules, target, i);
	if (err)
		ms_modules_deinit(&modules);
	else
		*ret = modules;
	return err;
}

void ms_modules_deinit(struct ms_modules *modules)
{
	ms_array_foreach (module, modules)
		ms_elf_image_free(module->image);
	free(modules->v);
	ms_arena_deinit(&modules->arena);
	*modules = (struct ms_modules){ 0 };
}

const struct ms_module *ms_modules_at(const struct ms_modules *modules, uint64_t address)
{
	ms_array_foreach (module, modules)
		if (ms_range_has(module->range, address))
			return module;
	return NULL;
}

struct ms_error *ms_module_symbols(
	const struct ms_module *module, const char *const *names, size_t n, uint64_t *ret)
{
	struct ms_elf_wanted wanted[SYMBOLS_MAX] = { 0 };
	memset(ret, 0, n * sizeof(*ret));
	if (!module->image || n > SYMBOLS_MAX)
		return NULL;
	for (size_t i = 0; i < n; i++)
		wanted[i].name = names[i];
	struct ms_error *err = ms_elf_symbols_find(module->image, wanted, n);
	for (size_t i = 0; !err && i < n; i++)
		if (wanted[i].found)
			ret[i] = wanted[i].symbol.value + module->bias;
	return err;
}
