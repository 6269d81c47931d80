// Class loaders and their classes: see loaders.h.
//
// JDK 8 has the head of each loader's classes not in its tables: it is the word of the
// ClassLoaderData that leads to a class which leads back.

#include "hotspot/loaders.h"

#include <string.h>

#include "hotspot/chain.h"
#include "hotspot/klass.h"
#include "hotspot/metaspace_internal.h"

enum {
	WORD = 8,
	CHAIN_MAX = 4 << 20,
	STEP = 64 << 10, // of places
	PLACES_MAX = 4096,
	TABLE_MAX = 1 << 20, // words of one class's tables
	KLASS_MAX = 512,     // bytes of a class's head that are looked at
	INTERFACE = 0x0200,  // of access flags
	IS_HOLDER_8 = 34,    // in a ClassLoaderData of JDK 8: tried, not trusted
	NAMES_MAX = 64,
	NAME_BYTES = 1024, // of a class that are looked at: as long as none really is
	SUPERS_MAX = 64,
};

static const struct {
	const char *name, *part;
} generated[] = {
#define X(id, name, part) { name, part },
	MS_GENERATED(X)
#undef X
};

const char *ms_generated_name(enum ms_generated g)
{
	return generated[(unsigned)g < MS_GENERATED_COUNT ? g : 0].name;
}

const char *ms_generated_part(enum ms_generated g)
{
	return generated[(unsigned)g < MS_GENERATED_COUNT ? g : 0].part;
}

enum ms_generated ms_generated_of(struct ms_bytes name)
{
	// "$" is in most of them and in few other names.
	bool may_be =
		name.n && (memchr(name.p, '$', name.n) || memchr(name.p, '/', name.n));
	for (unsigned g = 0; may_be && g < MS_GENERATED_COUNT; g++)
		if (memmem(name.p, name.n, generated[g].part, strlen(generated[g].part)))
			return (enum ms_generated)g;
	return MS_GENERATED_COUNT;
}

// --- fields ---------------------------------------------------------------------------

struct known_name {
	uint64_t klass;
	const char *name;
};

struct walk {
	struct ms_vm *vm;
	struct ms_loaders *loaders;
	struct ms_loader *current; // whose classes are walked
	// Offsets in a class; what all classes have and what only those of instances have.
	uint64_t name, next, layout, loader, super, access, table_n, array_table_n;
	uint64_t itable_n, oop_maps, constants, methods;
	size_t head, instance_head; // bytes that hold these
	uint64_t instance_bytes;    // of a class's structure without its tables
	// Offsets in a ClassLoaderData.
	uint64_t klasses, next_loader, oop, is_holder, loader_klass;
	uint64_t symbol_length, symbol_body;
	struct known_name names[NAMES_MAX];
	size_t name_n;
	size_t class_n; // steps along all chains of classes
	uint64_t last_place[2];
};

static uint64_t or_behind(uint64_t offset, const struct ms_vm *vm, const char *names)
{
	uint64_t before = ms_vm_offset(vm, names);
	return offset != MS_VM_NONE || before == MS_VM_NONE ? offset : before + WORD;
}

// A head that is read in one piece must hold all of its fields.
static size_t head_of(const uint64_t *offsets, size_t n)
{
	uint64_t end = 0;
	for (size_t i = 0; i < n; i++)
		end = ms_max(end,
			offsets[i] == MS_VM_NONE ? KLASS_MAX + 1 : offsets[i] + WORD);
	return end <= KLASS_MAX ? (size_t)end : 0;
}

static bool settle_class(struct walk *w)
{
	const struct ms_vm *vm = w->vm;
	w->name = ms_vm_offset(vm, "Klass::_name");
	w->next = or_behind(
		ms_vm_offset(vm, "Klass::_next_link"), vm, "Klass::_next_sibling");
	w->layout = ms_vm_offset(vm, "Klass::_layout_helper");
	w->loader = ms_vm_offset(
		vm, "Klass::_class_loader_data|InstanceKlass::_class_loader_data");
	w->super = ms_vm_offset(vm, "Klass::_super");
	w->access = ms_vm_offset(vm, "Klass::_access_flags");
	w->array_table_n = ms_vm_offset(vm, "Klass::_vtable_len|ArrayKlass::_vtable_len");
	w->table_n = ms_vm_offset(vm, "Klass::_vtable_len|InstanceKlass::_vtable_len");
	w->itable_n = ms_vm_offset(vm, "InstanceKlass::_itable_len");
	w->oop_maps = ms_vm_offset(vm, "InstanceKlass::_nonstatic_oop_map_size");
	w->constants = ms_vm_offset(vm, "InstanceKlass::_constants");
	w->methods = ms_vm_offset(vm, "InstanceKlass::_methods");
	w->instance_bytes = ms_vm_size(vm, "InstanceKlass");
	uint64_t all[] = { w->name, w->next, w->layout, w->loader, w->super, w->access,
		w->array_table_n };
	uint64_t instance[] = { w->table_n, w->itable_n, w->oop_maps, w->constants,
		w->methods };
	w->head = head_of(all, sizeof(all) / sizeof(all[0]));
	w->instance_head = head_of(instance, sizeof(instance) / sizeof(instance[0]));
	return w->head && w->instance_head && w->instance_bytes &&
	       w->symbol_length != MS_VM_NONE && w->symbol_body != MS_VM_NONE;
}

static bool settle_loader(struct walk *w)
{
	const struct ms_vm *vm = w->vm;
	w->klasses = ms_vm_offset(vm, "ClassLoaderData::_klasses");
	w->next_loader = ms_vm_offset(vm, "ClassLoaderData::_next");
	w->oop = ms_vm_offset(vm, "ClassLoaderData::_class_loader");
	w->is_holder = ms_vm_offset(vm, "ClassLoaderData::_has_class_mirror_holder|"
					"ClassLoaderData::_is_anonymous");
	// Behind _next; a second link lies between since JDK 21. Tried, not trusted.
	w->loader_klass = w->next_loader + (vm->feature >= 21 ? 2 * WORD : WORD);
	if (vm->feature == 8)
		w->is_holder = IS_HOLDER_8;
	return w->next_loader != MS_VM_NONE && w->oop != MS_VM_NONE;
}

// --- names ----------------------------------------------------------------------------

static bool is_symbol(const struct walk *w, uint64_t symbol, const char *text)
{
	uint8_t bytes[NAME_BYTES];
	uint64_t n, want = strlen(text);
	return ms_vm_read(w->vm, symbol + w->symbol_length, 2, &n) && n == want &&
	       ms_peek_bytes(w->vm->peek, symbol + w->symbol_body, bytes, n) &&
	       memcmp(bytes, text, n) == 0;
}

static bool is_class_loader(const struct walk *w, uint64_t klass)
{
	struct ms_chain chain = { .max = SUPERS_MAX };
	uint64_t symbol;
	while (ms_chain_goes_on(&chain, klass)) {
		if (!ms_vm_read(w->vm, klass + w->name, 8, &symbol))
			return false;
		if (is_symbol(w, symbol, "java/lang/ClassLoader"))
			return true;
		if (!ms_vm_read(w->vm, klass + w->super, 8, &klass))
			return false;
	}
	return false;
}

static const char *new_name(const struct walk *w, uint64_t klass)
{
	uint64_t symbol, n;
	return is_class_loader(w, klass) &&
			       ms_vm_read(w->vm, klass + w->name, 8, &symbol) &&
			       ms_vm_read(w->vm, symbol + w->symbol_length, 2, &n) &&
			       n <= NAME_BYTES
		       ? ms_klass_name(w->vm, klass)
		       : NULL;
}

// The name of a loader's class; NULL if the klass is none. Most loaders are of few
// classes.
static const char *name_of(struct walk *w, uint64_t klass)
{
	for (size_t i = 0; i < NAMES_MAX; i++)
		if (w->names[i].klass == klass)
			return w->names[i].name;
	const char *name = new_name(w, klass);
	w->names[w->name_n++ % NAMES_MAX] = (struct known_name){ klass, name };
	return name;
}

// JDK 8 has the loader's object only. References there need no unmasking.
static const char *name_by_object(struct walk *w, uint64_t object)
{
	const struct ms_vm *vm = w->vm;
	uint64_t base, shift, word;
	if (!ms_vm_static(vm, "Universe::_narrow_klass._base", 8, &base) ||
		!ms_vm_static(vm, "Universe::_narrow_klass._shift", 4, &shift) ||
		!ms_vm_field(vm, object, "oopDesc::_metadata._klass", 8, &word))
		return NULL;
	bool is_narrow = (base || shift) && shift < 8; // both 0: not compressed
	return name_of(w, is_narrow ? base + ((word & UINT32_MAX) << shift) : word);
}

static const char *loader_name(struct walk *w, uint64_t cld)
{
	uint64_t oop, klass;
	if (!ms_vm_read(w->vm, cld + w->oop, 8, &oop))
		return NULL;
	if (!oop)
		return "bootstrap";
	const char *name = NULL;
	if (ms_vm_read(w->vm, cld + w->loader_klass, 8, &klass) && klass % WORD == 0)
		name = name_of(w, klass);
	if (name || w->vm->feature > 8)
		return name;
	return name_by_object(w, oop);
}

// --- classes --------------------------------------------------------------------------

static struct ms_error *add_place(
	struct walk *w, unsigned which, struct ms_ranges *places, uint64_t address)
{
	uint64_t start = ms_align_down(address, STEP);
	if (!address || start == w->last_place[which] || places->n >= PLACES_MAX ||
		!ms_maps_find(ms_target_maps(w->vm->target), address))
		return NULL;
	w->last_place[which] = start;
	return ms_ranges_add(places, (struct ms_range){ start, start + STEP });
}

static bool word_count(const uint8_t *head, uint64_t offset, uint64_t *ret)
{
	*ret = ms_get_u32(head + offset);
	return *ret <= TABLE_MAX;
}

// Bytes of the class's structure; 0 if its lengths make no sense.
static uint64_t class_bytes(const struct walk *w, const uint8_t *head, bool is_array)
{
	uint64_t table, itable = 0, maps = 0;
	if (!word_count(head, is_array ? w->array_table_n : w->table_n, &table) ||
		(!is_array && (!word_count(head, w->itable_n, &itable) ||
				      !word_count(head, w->oop_maps, &maps))))
		return 0;
	bool is_interface = !is_array && ms_get_u16(head + w->access) & INTERFACE;
	return w->instance_bytes + (table + itable + maps + is_interface) * WORD;
}

static void count(struct ms_class_count *to, uint64_t bytes)
{
	to->n++;
	to->bytes += bytes;
}

static void keep_known(struct walk *w, uint64_t klass, struct ms_bytes name)
{
	static const char *const names[] = {
#define X(id, name) name,
		MS_KNOWN_CLASSES(X)
#undef X
	};
	uint64_t loader; // the bootstrap loader has no object
	for (size_t i = 0; i < MS_KNOWN_COUNT; i++)
		if (ms_bytes_equal(name, ms_bytes_of(names[i])) &&
			ms_vm_read(w->vm, w->current->address + w->oop, 8, &loader) &&
			!loader)
			w->loaders->known[i] = klass;
}

static void count_name(struct walk *w, uint64_t klass, uint64_t symbol, uint64_t bytes)
{
	uint64_t n;
	uint8_t text[NAME_BYTES];
	if (!ms_vm_read(w->vm, symbol + w->symbol_length, 2, &n))
		return;
	n = ms_min(n, NAME_BYTES);
	if (!ms_peek_bytes(w->vm->peek, symbol + w->symbol_body, text, n))
		return;
	keep_known(w, klass, (struct ms_bytes){ text, n });
	enum ms_generated which = ms_generated_of((struct ms_bytes){ text, n });
	if (which < MS_GENERATED_COUNT)
		count(&w->loaders->generated[which], bytes);
	if (w->vm->feature > 11 && memchr(text, '+', n))
		count(&w->loaders->hidden, bytes);
}

static struct ms_error *add_class(
	struct walk *w, uint64_t klass, const uint8_t *head, bool is_array)
{
	uint64_t bytes = class_bytes(w, head, is_array);
	w->current->class_n++;
	w->current->array_n += is_array;
	w->current->class_bytes += bytes;
	if (!is_array)
		count_name(w, klass, ms_get_u64(head + w->name), bytes);
	struct ms_loaders *loaders = w->loaders;
	struct ms_error *err = add_place(w, 0, &loaders->class_places, klass);
	if (!err && !is_array)
		err = add_place(
			w, 1, &loaders->other_places, ms_get_u64(head + w->constants));
	if (!err && !is_array)
		err = add_place(
			w, 1, &loaders->other_places, ms_get_u64(head + w->methods));
	return err;
}

// One class of a loader; *ret_next is the next one's. False if it is none.
static bool read_class(struct walk *w, uint64_t cld, uint64_t klass,
	uint8_t head[KLASS_MAX], bool *ret_is_array)
{
	struct ms_peek *peek = w->vm->peek;
	if (klass % WORD || !ms_peek_bytes(peek, klass, head, w->head) ||
		ms_get_u64(head + w->loader) != cld)
		return false;
	*ret_is_array = (int32_t)ms_get_u32(head + w->layout) < 0;
	return *ret_is_array || w->instance_head <= w->head ||
	       ms_peek_bytes(
		       peek, klass + w->head, head + w->head, w->instance_head - w->head);
}

static struct ms_error *walk_classes(struct walk *w, uint64_t cld)
{
	struct ms_chain chain = { .max = CHAIN_MAX - w->class_n };
	struct ms_error *err = NULL;
	uint64_t klass = 0;
	if (w->klasses == MS_VM_NONE || !ms_vm_read(w->vm, cld + w->klasses, 8, &klass))
		w->loaders->is_complete = false;
	while (!err && ms_chain_goes_on(&chain, klass)) {
		uint8_t head[KLASS_MAX];
		bool is_array;
		if (!read_class(w, cld, klass, head, &is_array)) {
			w->loaders->is_complete = false;
			break;
		}
		err = add_class(w, klass, head, is_array);
		klass = ms_get_u64(head + w->next);
	}
	w->class_n += chain.steps;
	w->loaders->is_complete &= !chain.is_broken;
	return err;
}

// --- loaders --------------------------------------------------------------------------

static void add_space(struct ms_loader_space *to, const struct ms_loader_space *from)
{
	to->chunk_n += from->chunk_n;
	to->capacity += from->capacity;
	to->committed += from->committed;
	to->used += from->used;
}

static void add_loader(struct ms_loader *to, const struct ms_loader *from)
{
	to->class_n += from->class_n;
	to->array_n += from->array_n;
	to->class_bytes += from->class_bytes;
	add_space(&to->class_space, &from->class_space);
	add_space(&to->other, &from->other);
	to->has_space &= from->has_space;
}

// Where JDK 8 has the head of the list of classes.
static void probe_classes(struct walk *w, uint64_t cld)
{
	uint64_t klass, back;
	uint64_t end = ms_min(w->next_loader, KLASS_MAX);
	for (uint64_t at = 0; w->klasses == MS_VM_NONE && at < end; at += WORD)
		if (ms_vm_read(w->vm, cld + at, 8, &klass) && klass % WORD == 0 &&
			ms_vm_read(w->vm, klass + w->loader, 8, &back) && back == cld)
			w->klasses = at;
}

// A holder has just the one class, and arrays of it.
static bool is_holder(const struct walk *w, const struct ms_loader *loader)
{
	uint64_t value;
	return w->is_holder != MS_VM_NONE &&
	       ms_vm_read(w->vm, loader->address + w->is_holder, 1, &value) &&
	       value == 1 && loader->class_n - loader->array_n <= 1;
}

static struct ms_error *read_loader(struct walk *w, uint64_t cld)
{
	struct ms_loaders *loaders = w->loaders;
	struct ms_loader loader = { .address = cld };
	w->current = &loader;
	probe_classes(w, cld);
	struct ms_error *err = walk_classes(w, cld);
	w->current = NULL;
	if (err)
		return err;
	ms_loader_measure(w->vm, &loaders->nodes, &loader);
	add_loader(&loaders->total, &loader);
	if (is_holder(w, &loader)) {
		loaders->holder_n++;
		add_loader(&loaders->holders, &loader);
	} else if (loaders->list.n >= MS_LOADERS_MAX) {
		loaders->rest_n++;
		add_loader(&loaders->rest, &loader);
	} else {
		struct ms_loader *added = ms_array_push(&loaders->list);
		if (!added)
			return &ms_error_nomem;
		loader.name = loader_name(w, cld);
		*added = loader;
	}
	return NULL;
}

static struct ms_error *walk_loaders(struct walk *w)
{
	struct ms_chain chain = { .max = CHAIN_MAX };
	struct ms_error *err = NULL;
	uint64_t cld;
	if (!settle_class(w) || !settle_loader(w) ||
		!ms_vm_static(w->vm, "ClassLoaderDataGraph::_head", 8, &cld)) {
		w->loaders->is_complete = false;
		return ms_vm_note(
			w->vm, &w->loaders->notes, "class loaders: cannot be read");
	}
	while (!err && ms_chain_goes_on(&chain, cld)) {
		err = read_loader(w, cld);
		if (!err && !ms_vm_read(w->vm, cld + w->next_loader, 8, &cld)) {
			w->loaders->is_complete = false;
			break;
		}
	}
	w->loaders->is_complete &= !chain.is_broken;
	if (!err && !w->loaders->is_complete)
		err = ms_vm_note(w->vm, &w->loaders->notes,
			"class loaders: not all classes could be seen");
	return err;
}

struct ms_error *ms_loaders_read(struct ms_vm *vm, struct ms_loaders *ret)
{
	struct ms_loaders loaders = { .is_complete = true };
	struct walk w = { .vm = vm,
		.loaders = &loaders,
		.symbol_length = ms_vm_offset(vm, "Symbol::_length"),
		.symbol_body = ms_vm_offset(vm, "Symbol::_body|Symbol::_body[0]") };
	loaders.total.has_space = loaders.rest.has_space = loaders.holders.has_space =
		true;
	struct ms_error *err = walk_loaders(&w);
	if (!err && !loaders.total.has_space)
		err = ms_vm_note(vm, &loaders.notes,
			"chunks of metaspace by loader: their layout is not known");
	if (err)
		ms_loaders_deinit(&loaders);
	*ret = loaders;
	return err;
}

void ms_loaders_deinit(struct ms_loaders *loaders)
{
	ms_array_deinit(&loaders->list);
	ms_ranges_deinit(&loaders->class_places);
	ms_ranges_deinit(&loaders->other_places);
	ms_array_deinit(&loaders->nodes);
	ms_array_deinit(&loaders->notes);
}
