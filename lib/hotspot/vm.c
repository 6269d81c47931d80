// The JVM's own tables: see vm.h.

#include "hotspot/vm.h"

#include <elf.h>
#include <string.h>

#include "alloc/module.h"

enum {
	ENTRIES_MAX = 8192, // of one table; real ones have fewer than 1,000
	NAME_MAX_BYTES = 256,
	NAME_STEP = 64,
	STRIDE_MAX = 256,
	FEATURE_8 = 8,
	VTABLE_HEAD = 16, // an object points behind offset-to-top and type information
};

// A field, a type (no field name), or a constant.
struct entry {
	const char *type, *name;
	bool is_static;
	uint64_t value; // offset, address, size, or the constant's own
};

struct entries {
	struct entry *v; // ascending
	size_t n;
	size_t cap;
};

struct vtable {
	uint64_t address;
	const char *name;
};

struct vtables {
	struct vtable *v; // ascending
	size_t n;
	size_t cap;
};

struct ms_vm_private {
	struct ms_modules modules;
	const struct ms_module *module;
	struct entries fields, types, constants;
	struct vtables vtables;
	uint64_t symbols[MS_VM_SYMBOL_COUNT];
};

// --- what libjvm.so exports -----------------------------------------------------------

#define EXPORTS(X)                                                                       \
	X(STRUCTS, "gHotSpotVMStructs", 0)                                               \
	X(STRUCT_TYPE, "gHotSpotVMStructEntryTypeNameOffset", 0)                         \
	X(STRUCT_FIELD, "gHotSpotVMStructEntryFieldNameOffset", 8)                       \
	X(STRUCT_STATIC, "gHotSpotVMStructEntryIsStaticOffset", 24)                      \
	X(STRUCT_OFFSET, "gHotSpotVMStructEntryOffsetOffset", 32)                        \
	X(STRUCT_ADDRESS, "gHotSpotVMStructEntryAddressOffset", 40)                      \
	X(STRUCT_STRIDE, "gHotSpotVMStructEntryArrayStride", 48)                         \
	X(TYPES, "gHotSpotVMTypes", 0)                                                   \
	X(TYPE_NAME, "gHotSpotVMTypeEntryTypeNameOffset", 0)                             \
	X(TYPE_SIZE, "gHotSpotVMTypeEntrySizeOffset", 32)                                \
	X(TYPE_STRIDE, "gHotSpotVMTypeEntryArrayStride", 40)                             \
	X(INTS, "gHotSpotVMIntConstants", 0)                                             \
	X(INT_NAME, "gHotSpotVMIntConstantEntryNameOffset", 0)                           \
	X(INT_VALUE, "gHotSpotVMIntConstantEntryValueOffset", 8)                         \
	X(INT_STRIDE, "gHotSpotVMIntConstantEntryArrayStride", 16)                       \
	X(LONGS, "gHotSpotVMLongConstants", 0)                                           \
	X(LONG_NAME, "gHotSpotVMLongConstantEntryNameOffset", 0)                         \
	X(LONG_VALUE, "gHotSpotVMLongConstantEntryValueOffset", 8)                       \
	X(LONG_STRIDE, "gHotSpotVMLongConstantEntryArrayStride", 16)

enum export {
#define X(id, name, usual) EXPORT_##id,
	EXPORTS(X)
#undef X
	EXPORT_COUNT,
};

static const char *const export_names[] = {
#define X(id, name, usual) name,
	EXPORTS(X)
#undef X
};

static const uint64_t usual_values[] = {
#define X(id, name, usual) usual,
	EXPORTS(X)
#undef X
};

struct exports {
	uint64_t v[EXPORT_COUNT]; // the values
};

// How entries are laid out is said by variables that are 0 before the library's
// constructors ran, and where a core lacks .bss: then the layout of all known builds.
static void settle_layout(struct exports *exports, enum export first, enum export stride)
{
	if (exports->v[stride] && exports->v[stride] <= STRIDE_MAX)
		return;
	for (enum export e = first; e <= stride; e++)
		exports->v[e] = usual_values[e];
}

// Symbols and names lie in pages that a core leaves out: nobody wrote to them.
static const char lacks_file[] =
	"the core lacks parts of libjvm.so, whose file is not at hand: see --sysroot";

static struct ms_error *read_exports(
	struct ms_vm *vm, struct exports *ret, const char **ret_why)
{
	uint64_t addresses[EXPORT_COUNT];
	struct ms_error *err = ms_module_symbols(
		vm->private->module, export_names, EXPORT_COUNT, addresses);
	for (int e = 0; !err && e < EXPORT_COUNT; e++)
		if (!addresses[e] || !ms_vm_read(vm, addresses[e], 8, &ret->v[e]))
			ret->v[e] = 0;
	if (err)
		return err;
	settle_layout(ret, EXPORT_STRUCT_TYPE, EXPORT_STRUCT_STRIDE);
	settle_layout(ret, EXPORT_TYPE_NAME, EXPORT_TYPE_STRIDE);
	settle_layout(ret, EXPORT_INT_NAME, EXPORT_INT_STRIDE);
	settle_layout(ret, EXPORT_LONG_NAME, EXPORT_LONG_STRIDE);
	if (!addresses[EXPORT_STRUCTS])
		*ret_why = vm->private->module->has_file
				   ? "libjvm.so does not export gHotSpotVMStructs"
				   : lacks_file;
	else if (!ret->v[EXPORT_STRUCTS] || !ret->v[EXPORT_TYPES])
		*ret_why = "libjvm.so's own tables cannot be read";
	return NULL;
}

// --- entries --------------------------------------------------------------------------

// A name; NULL without one, or where it is none. Cost: a step is in the cache nearly
// always.
static const char *name_at(struct ms_vm *vm, uint64_t address)
{
	char text[NAME_MAX_BYTES];
	for (size_t n = 0; address && n < sizeof(text); n++) {
		uint64_t c;
		if (!ms_vm_read(vm, address + n, 1, &c))
			return NULL;
		text[n] = (char)c;
		if (!c)
			return ms_arena_copy(
				&vm->arena, (struct ms_bytes){ (uint8_t *)text, n });
	}
	return NULL;
}

// One word of an entry, as the exports lay it out.
static uint64_t word_of(struct ms_vm *vm, uint64_t entry, uint64_t offset, unsigned size)
{
	uint64_t value;
	return offset < STRIDE_MAX && ms_vm_read(vm, entry + offset, size, &value) ? value
										   : 0;
}

static struct ms_error *add_entry(struct entries *entries, const struct entry *entry)
{
	struct entry *added = ms_array_push(entries);
	if (!added)
		return &ms_error_nomem;
	*added = *entry;
	return NULL;
}

static struct ms_error *read_fields(struct ms_vm *vm, const struct exports *x)
{
	struct ms_error *err = NULL;
	uint64_t at = x->v[EXPORT_STRUCTS];
	for (size_t i = 0; !err && i < ENTRIES_MAX;
		i++, at += x->v[EXPORT_STRUCT_STRIDE]) {
		struct entry entry = {
			.type = name_at(vm, word_of(vm, at, x->v[EXPORT_STRUCT_TYPE], 8)),
			.name = name_at(
				vm, word_of(vm, at, x->v[EXPORT_STRUCT_FIELD], 8)),
		};
		if (!entry.type || !entry.name)
			break;
		entry.is_static = word_of(vm, at, x->v[EXPORT_STRUCT_STATIC], 4) != 0;
		entry.value = word_of(vm, at,
			x->v[entry.is_static ? EXPORT_STRUCT_ADDRESS
					     : EXPORT_STRUCT_OFFSET],
			8);
		err = add_entry(&vm->private->fields, &entry);
	}
	return err;
}

static struct ms_error *read_types(struct ms_vm *vm, const struct exports *x)
{
	struct ms_error *err = NULL;
	uint64_t at = x->v[EXPORT_TYPES];
	for (size_t i = 0; !err && i < ENTRIES_MAX; i++, at += x->v[EXPORT_TYPE_STRIDE]) {
		struct entry entry = {
			.type = "",
			.name = name_at(vm, word_of(vm, at, x->v[EXPORT_TYPE_NAME], 8)),
			.value = word_of(vm, at, x->v[EXPORT_TYPE_SIZE], 8),
		};
		if (!entry.name)
			break;
		err = add_entry(&vm->private->types, &entry);
	}
	return err;
}

static struct ms_error *read_constants(struct ms_vm *vm, uint64_t at, uint64_t stride,
	uint64_t name, uint64_t value, unsigned size)
{
	struct ms_error *err = NULL;
	for (size_t i = 0; !err && at && i < ENTRIES_MAX; i++, at += stride) {
		struct entry entry = { .type = "",
			.name = name_at(vm, word_of(vm, at, name, 8)),
			.value = word_of(vm, at, value, size) };
		if (!entry.name)
			break;
		if (size == 4) // they are signed
			entry.value = (uint64_t)(int64_t)(int32_t)entry.value;
		err = add_entry(&vm->private->constants, &entry);
	}
	return err;
}

static int compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int order = strcmp(x->type, y->type);
	return order ? order : strcmp(x->name, y->name);
}

static void sort_entries(struct entries *entries)
{
	if (entries->n)
		qsort(entries->v, entries->n, sizeof(*entries->v), compare_entries);
}

static struct ms_error *read_tables(struct ms_vm *vm, const char **ret_why)
{
	struct ms_vm_private *private = vm->private;
	struct exports x = { 0 };
	struct ms_error *err = read_exports(vm, &x, ret_why);
	if (err || *ret_why)
		return err;
	err = read_fields(vm, &x);
	if (!err)
		err = read_types(vm, &x);
	if (!err)
		err = read_constants(vm, x.v[EXPORT_INTS], x.v[EXPORT_INT_STRIDE],
			x.v[EXPORT_INT_NAME], x.v[EXPORT_INT_VALUE], 4);
	if (!err)
		err = read_constants(vm, x.v[EXPORT_LONGS], x.v[EXPORT_LONG_STRIDE],
			x.v[EXPORT_LONG_NAME], x.v[EXPORT_LONG_VALUE], 8);
	sort_entries(&private->fields);
	sort_entries(&private->types);
	sort_entries(&private->constants);
	if (!err && (!private->fields.n || !private->types.n))
		*ret_why =
			private->module->has_file
				? "libjvm.so's own tables hold no names that can be read"
				: lacks_file;
	return err;
}

// --- look-ups -------------------------------------------------------------------------

static void copy_part(char to[NAME_MAX_BYTES], const char *from, size_t n)
{
	n = ms_min(n, NAME_MAX_BYTES - 1);
	memcpy(to, from, n);
	to[n] = 0;
}

// The next of "A::x|B::y": its two parts; false at the end.
static bool next_name(
	const char **names, char type[NAME_MAX_BYTES], char field[NAME_MAX_BYTES])
{
	const char *at = *names;
	if (!*at)
		return false;
	size_t n = strcspn(at, "|");
	const char *colons = memmem(at, n, "::", 2), *last = NULL;
	for (; colons;
		colons = memmem(colons + 2, n - (size_t)(colons + 2 - at), "::", 2))
		last = colons;
	size_t type_n = last ? (size_t)(last - at) : 0, skip = last ? type_n + 2 : 0;
	*names = at[n] ? at + n + 1 : at + n;
	copy_part(type, at, type_n);
	copy_part(field, at + skip, n - skip);
	return true;
}

static const struct entry *find_entry(
	const struct entries *entries, const char *type, const char *name)
{
	struct entry key = { .type = type, .name = name };
	return entries->n ? bsearch(&key, entries->v, entries->n, sizeof(key),
				    compare_entries)
			  : NULL;
}

static const struct entry *find_field(
	const struct ms_vm *vm, const char *names, bool is_static)
{
	char type[NAME_MAX_BYTES], field[NAME_MAX_BYTES];
	while (next_name(&names, type, field)) {
		const struct entry *entry = find_entry(&vm->private->fields, type, field);
		if (entry && entry->is_static == is_static)
			return entry;
	}
	return NULL;
}

// Types and constants have names with colons in them, but no two parts.
static const struct entry *find_whole(const struct entries *entries, const char *names)
{
	char name[NAME_MAX_BYTES];
	while (*names) {
		size_t n = strcspn(names, "|");
		copy_part(name, names, n);
		const struct entry *entry = find_entry(entries, "", name);
		if (entry)
			return entry;
		names += names[n] ? n + 1 : n;
	}
	return NULL;
}

uint64_t ms_vm_offset(const struct ms_vm *vm, const char *names)
{
	const struct entry *entry = find_field(vm, names, false);
	return entry ? entry->value : MS_VM_NONE;
}

uint64_t ms_vm_address(const struct ms_vm *vm, const char *names)
{
	const struct entry *entry = find_field(vm, names, true);
	return entry ? entry->value : 0;
}

uint64_t ms_vm_size(const struct ms_vm *vm, const char *names)
{
	const struct entry *entry = find_whole(&vm->private->types, names);
	return entry ? entry->value : 0;
}

bool ms_vm_constant(const struct ms_vm *vm, const char *names, int64_t *ret)
{
	const struct entry *entry = find_whole(&vm->private->constants, names);
	if (entry)
		*ret = (int64_t)entry->value;
	return entry;
}

uint64_t ms_vm_symbol(const struct ms_vm *vm, enum ms_vm_symbol symbol)
{
	return vm->private->symbols[symbol];
}

// --- symbols --------------------------------------------------------------------------

static const char *const symbol_names[] = {
#define X(id, name) name,
	MS_VM_SYMBOLS(X)
#undef X
};

struct symbol_walk {
	struct ms_vm *vm;
	bool is_out_of_memory;
};

// "15G1CollectedHeap" -> "G1CollectedHeap"; nested and templated ones are left out.
static const char *class_name(struct ms_vm *vm, struct ms_bytes mangled)
{
	uint64_t n;
	if (!ms_bytes_dec(&mangled, &n) || n != mangled.n)
		return NULL;
	return ms_arena_copy(&vm->arena, mangled);
}

static bool on_symbol(void *context, const struct ms_elf_symbol *symbol)
{
	struct symbol_walk *walk = context;
	struct ms_vm_private *private = walk->vm->private;
	uint64_t address = symbol->value + private->module->bias;
	if (ms_bytes_starts(symbol->name, "_ZTV")) {
		const char *name = class_name(
			walk->vm, ms_bytes_sub(symbol->name, 4, symbol->name.n));
		struct vtable *added = name ? ms_array_push(&private->vtables) : NULL;
		if (added)
			*added = (struct vtable){ address, name };
		walk->is_out_of_memory |= name && !added;
		return !walk->is_out_of_memory;
	}
	if (!ms_bytes_starts(symbol->name, "_ZN"))
		return true;
	for (int i = 0; i < MS_VM_SYMBOL_COUNT; i++)
		if (ms_bytes_is(symbol->name, symbol_names[i]))
	private->symbols[i] = address;
	return true;
}

static int compare_vtables(const void *a, const void *b)
{
	const struct vtable *x = a, *y = b;
	return (x->address > y->address) - (x->address < y->address);
}

static struct ms_error *read_symbols(struct ms_vm *vm)
{
	struct symbol_walk walk = { .vm = vm };
	struct vtables *vtables = &vm->private->vtables;
	struct ms_error *err =
		ms_elf_symbols_walk(vm->private->module->image, on_symbol, &walk);
	if (!err && walk.is_out_of_memory)
		err = &ms_error_nomem;
	if (vtables->n)
		qsort(vtables->v, vtables->n, sizeof(*vtables->v), compare_vtables);
	vm->has_symbols = vtables->n > 0;
	return err;
}

struct ms_error *ms_vm_vtables(const struct ms_vm *vm, ms_vm_vtable_fn *fn, void *arg)
{
	struct ms_error *err = NULL;
	ms_array_foreach (vtable, &vm->private->vtables)
		if (!err)
			err = fn(arg, vtable->address + VTABLE_HEAD, vtable->name);
	return err;
}

struct function_walk {
	const struct ms_vm *vm;
	ms_vm_function_fn *fn;
	void *arg;
};

static bool on_function(void *context, const struct ms_elf_symbol *symbol)
{
	struct function_walk *walk = context;
	return symbol->type != STT_FUNC ||
	       walk->fn(walk->arg, symbol,
		       symbol->value + walk->vm->private->module->bias);
}

struct ms_error *ms_vm_functions(const struct ms_vm *vm, ms_vm_function_fn *fn, void *arg)
{
	struct function_walk walk = { vm, fn, arg };
	return ms_elf_symbols_walk(vm->private->module->image, on_function, &walk);
}

const char *ms_vm_class_of(const struct ms_vm *vm, uint64_t object)
{
	const struct vtables *vtables = &vm->private->vtables;
	uint64_t word;
	if (!vtables->n || !ms_vm_read(vm, object, 8, &word) || word < VTABLE_HEAD)
		return NULL;
	struct vtable key = { .address = word - VTABLE_HEAD };
	const struct vtable *found =
		bsearch(&key, vtables->v, vtables->n, sizeof(key), compare_vtables);
	return found ? found->name : NULL;
}

void ms_printable(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

// --- reads ----------------------------------------------------------------------------

bool ms_vm_read(const struct ms_vm *vm, uint64_t address, unsigned size, uint64_t *ret)
{
	uint64_t value = 0;
	if (!address || !ms_peek_bytes(vm->peek, address, &value, size))
		return false;
	*ret = value;
	return true;
}

bool ms_vm_field(const struct ms_vm *vm, uint64_t object, const char *names,
	unsigned size, uint64_t *ret)
{
	uint64_t offset = ms_vm_offset(vm, names), address;
	return object && offset != MS_VM_NONE && ms_add(object, offset, &address) &&
	       ms_vm_read(vm, address, size, ret);
}

bool ms_vm_static(const struct ms_vm *vm, const char *names, unsigned size, uint64_t *ret)
{
	return ms_vm_read(vm, ms_vm_address(vm, names), size, ret);
}

// The bytes up to the NUL within one step; n: none.
static size_t text_end(const char *step, size_t n)
{
	const char *end = memchr(step, 0, n);
	return end ? (size_t)(end - step) : n;
}

const char *ms_vm_text(struct ms_vm *vm, uint64_t address)
{
	MS_ARRAY(char) text = { 0 };
	const char *copy = NULL;
	size_t n = 0;
	if (vm->arena.used >= MS_VM_ARENA_MAX)
		return NULL;
	while (address && n < MS_VM_TEXT_MAX && ms_array_reserve(&text, n + NAME_STEP)) {
		// Up to the next multiple: a step never needs a page that the text does not.
		size_t step = NAME_STEP - (size_t)((address + n) % NAME_STEP);
		if (!ms_peek_bytes(vm->peek, address + n, text.v + n, step))
			break;
		size_t end = text_end(text.v + n, step);
		n += end;
		if (end == step)
			continue;
		copy = ms_arena_copy(
			&vm->arena, (struct ms_bytes){ (uint8_t *)text.v, n });
		break;
	}
	ms_array_deinit(&text);
	return copy;
}

const char *ms_vm_static_text(struct ms_vm *vm, const char *names)
{
	uint64_t address;
	return ms_vm_static(vm, names, 8, &address) ? ms_vm_text(vm, address) : NULL;
}

// --- finding it -----------------------------------------------------------------------

static bool is_jvm(const struct ms_module *module)
{
	return ms_bytes_ends(module->path, "/libjvm.so") ||
	       ms_bytes_ends(module->path, "/libjvm.so (deleted)");
}

// The number of JDK 8's HotSpot is 25, and that of JDK 25 as well: but only 8 has a type
// Flag.
static unsigned feature_of(const struct ms_vm *vm)
{
	uint64_t major = 0;
	if (ms_vm_size(vm, "Flag"))
		return FEATURE_8;
	(void)ms_vm_static(vm, "Abstract_VM_Version::_vm_major_version", 4, &major);
	return (unsigned)major;
}

static struct ms_error *open_vm(struct ms_vm *vm, const char **ret_why)
{
	struct ms_error *err = ms_peek_new(vm->target, &vm->peek);
	if (!err)
		err = read_tables(vm, ret_why);
	if (err || *ret_why)
		return err;
	err = read_symbols(vm);
	vm->feature = feature_of(vm);
	vm->release = ms_vm_static_text(vm, "Abstract_VM_Version::_s_vm_release");
	vm->internal =
		ms_vm_static_text(vm, "Abstract_VM_Version::_s_internal_vm_info_string");
	return err;
}

struct ms_error *ms_vm_find(
	struct ms_target *target, struct ms_vm **ret, const char **ret_why)
{
	_cleanup_vm_ struct ms_vm *vm = calloc(1, sizeof(*vm));
	*ret = NULL;
	*ret_why = NULL;
	if (!vm)
		return &ms_error_nomem;
	vm->target = target;
	ms_arena_init(&vm->arena);
	vm->private = calloc(1, sizeof(*vm->private));
	if (!vm->private)
		return &ms_error_nomem;
	struct ms_error *err = ms_modules_load(target, &vm->private->modules);
	if (err)
		return err;
	ms_array_foreach (module, &vm->private->modules)
		if (!vm->private->module && is_jvm(module))
			vm->private->module = module;
	if (!vm->private->module)
		return NULL;
	vm->library = vm->private->module->range;
	if (!vm->private->module->image) {
		*ret_why = "libjvm.so cannot be read: neither its file nor its memory";
		return NULL;
	}
	err = open_vm(vm, ret_why);
	if (!err && !*ret_why)
		*ret = ms_steal(vm);
	return err;
}

void ms_vm_free(struct ms_vm *vm)
{
	if (!vm)
		return;
	if (vm->private) {
		ms_array_deinit(&vm->private->fields);
		ms_array_deinit(&vm->private->types);
		ms_array_deinit(&vm->private->constants);
		ms_array_deinit(&vm->private->vtables);
		ms_modules_deinit(&vm->private->modules);
	}
	free(vm->private);
	ms_peek_free(vm->peek);
	ms_arena_deinit(&vm->arena);
	free(vm);
}
