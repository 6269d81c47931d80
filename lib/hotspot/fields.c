// Reading Java objects: see fields.h.

#include "hotspot/fields.h"

#include <string.h>

enum {
	NAME_BYTES = 256,     // of a name that is compared
	FIELDS_MAX = 1 << 14, // of one class
	STREAM_MAX = 1 << 18, // bytes of one class's fields
	FIELD_SLOTS = 6,      // numbers of 16 bits for each field, JDK 8 to 20
	OFFSET_MAX = 1 << 24, // of a field
	LAST_BYTE = 191,      // UNSIGNED5: bytes above go on
	BYTES_MAX = 5,        // UNSIGNED5: of one number
	DIGIT_BITS = 6,       // UNSIGNED5: of each byte
	HAS_INITIAL = 1 << 0, // flags of a field in the stream: what follows it
	IS_INJECTED = 1 << 1,
	HAS_GENERIC = 1 << 2,
	HAS_GROUP = 1 << 4,
	COLOUR_BITS = 12, // of the generational ZGC below its four remap bits
};

// --- layout ---------------------------------------------------------------------------

static bool is_generational_z(const struct ms_vm *vm, const struct ms_flags *flags)
{
	const struct ms_flag *generational = ms_flag_find(flags, "ZGenerational");
	return ms_flag_is_on(flags, "UseZGC") &&
	       (generational ? generational->bits != 0 : vm->feature >= 21);
}

// Bytes of arrays begin on a multiple of 8, until JDK 22 let them begin at any of 4.
static void learn_arrays(struct ms_java *java)
{
	java->array_length_at = java->has_compact_headers  ? 8
				: java->has_narrow_klasses ? 12
							   : 16;
	java->array_bytes_at = java->array_length_at + 4;
	if (java->vm->feature < 22)
		java->array_bytes_at = (java->array_bytes_at + 7) & ~7ull;
}

void ms_java_init(struct ms_java *java, struct ms_vm *vm, const struct ms_flags *flags)
{
	int64_t mark_shift = 0;
	*java = (struct ms_java){ .vm = vm,
		.has_narrow_oops = ms_flag_is_on(flags, "UseCompressedOops"),
		.has_narrow_klasses =
			ms_flag_number(flags, "UseCompressedClassPointers", 1) != 0,
		.has_compact_headers = ms_flag_is_on(flags, "UseCompactObjectHeaders"),
		.is_coloured = is_generational_z(vm, flags),
		.value_at = MS_VM_NONE,
		.coder_at = MS_VM_NONE };
	(void)ms_vm_static(vm,
		"CompressedOops::_base|CompressedOops::_narrow_oop._base|"
		"Universe::_narrow_oop._base",
		8, &java->oop_base);
	(void)ms_vm_static(vm,
		"CompressedOops::_shift|CompressedOops::_narrow_oop._shift|"
		"Universe::_narrow_oop._shift",
		4, &java->oop_shift);
	(void)ms_vm_static(vm,
		"CompressedKlassPointers::_base|"
		"CompressedKlassPointers::_narrow_klass._base|"
		"Universe::_narrow_klass._base",
		8, &java->klass_base);
	(void)ms_vm_static(vm,
		"CompressedKlassPointers::_shift|"
		"CompressedKlassPointers::_narrow_klass._shift|"
		"Universe::_narrow_klass._shift",
		4, &java->klass_shift);
	(void)ms_vm_constant(vm, "markWord::klass_shift", &mark_shift);
	java->mark_shift = (uint64_t)mark_shift & 63;
	java->oop_shift &= 31;
	java->klass_shift &= 31;
	learn_arrays(java);
}

// --- fields ---------------------------------------------------------------------------

bool ms_unsigned5_next(struct ms_unsigned5 *stream, uint32_t *ret)
{
	uint32_t sum = 0;
	for (unsigned i = 0; i < BYTES_MAX && i < stream->rest.n; i++) {
		uint32_t byte = stream->rest.p[i];
		if (!byte)
			return false; // never in a number: the end
		sum += (byte - 1) << (DIGIT_BITS * i);
		if (byte > LAST_BYTE && i + 1 < BYTES_MAX)
			continue;
		stream->rest = ms_bytes_sub(stream->rest, i + 1, stream->rest.n);
		*ret = sum;
		return true;
	}
	return false;
}

// Compared in place: nothing of a name that is not wanted is kept.
static bool symbol_is(const struct ms_vm *vm, uint64_t symbol, const char *name)
{
	uint64_t n, body = ms_vm_offset(vm, "Symbol::_body|Symbol::_body[0]");
	char text[NAME_BYTES];
	return body != MS_VM_NONE && ms_vm_field(vm, symbol, "Symbol::_length", 2, &n) &&
	       n == strlen(name) && n < sizeof(text) &&
	       ms_peek_bytes(vm->peek, symbol + body, text, n) &&
	       memcmp(text, name, n) == 0;
}

// A symbol of the constant pool; its lowest bit may be a mark.
static bool pool_is(
	const struct ms_vm *vm, uint64_t pool, uint32_t index, const char *name)
{
	uint64_t symbol, size = ms_vm_size(vm, "ConstantPool");
	return size && index && ms_vm_read(vm, pool + size + 8ull * index, 8, &symbol) &&
	       symbol_is(vm, symbol & ~1ull, name);
}

struct wanted {
	const struct ms_vm *vm;
	uint64_t pool;
	const char *name, *signature;
};

static bool is_wanted(const struct wanted *w, uint32_t name, uint32_t signature)
{
	return pool_is(w->vm, w->pool, name, w->name) &&
	       (!w->signature || pool_is(w->vm, w->pool, signature, w->signature));
}

static uint64_t find_in_array(const struct wanted *w, uint64_t klass)
{
	uint64_t array, n, count;
	int64_t tag_bits = 0;
	uint64_t data = ms_vm_offset(w->vm, "Array<u2>::_data");
	if (data == MS_VM_NONE ||
		!ms_vm_field(w->vm, klass, "InstanceKlass::_fields", 8, &array) ||
		!ms_vm_field(
			w->vm, klass, "InstanceKlass::_java_fields_count", 2, &count) ||
		!ms_vm_constant(w->vm, "FIELDINFO_TAG_SIZE", &tag_bits) ||
		!ms_vm_read(w->vm, array, 4, &n))
		return MS_VM_NONE;
	for (uint64_t i = 0; i < count && (i + 1) * FIELD_SLOTS <= n; i++) {
		uint16_t field[FIELD_SLOTS];
		if (!ms_peek_bytes(w->vm->peek, array + data + i * sizeof(field), field,
			    sizeof(field)))
			return MS_VM_NONE;
		if (is_wanted(w, field[1], field[2]))
			return (field[4] | (uint64_t)field[5] << 16) >> (tag_bits & 7);
	}
	return MS_VM_NONE;
}

struct stream_field {
	uint32_t name, signature, offset, access, flags;
};

static bool next_field(struct ms_unsigned5 *stream, struct stream_field *f)
{
	uint32_t other;
	return ms_unsigned5_next(stream, &f->name) &&
	       ms_unsigned5_next(stream, &f->signature) &&
	       ms_unsigned5_next(stream, &f->offset) &&
	       ms_unsigned5_next(stream, &f->access) &&
	       ms_unsigned5_next(stream, &f->flags) &&
	       (!(f->flags & HAS_INITIAL) || ms_unsigned5_next(stream, &other)) &&
	       (!(f->flags & HAS_GENERIC) || ms_unsigned5_next(stream, &other)) &&
	       (!(f->flags & HAS_GROUP) || ms_unsigned5_next(stream, &other));
}

static uint64_t find_in_bytes(const struct wanted *w, struct ms_bytes bytes)
{
	struct ms_unsigned5 stream = { bytes };
	struct stream_field field;
	uint32_t count, injected;
	if (!ms_unsigned5_next(&stream, &count) || !ms_unsigned5_next(&stream, &injected))
		return MS_VM_NONE;
	for (uint32_t i = 0; i < count && i < FIELDS_MAX; i++) {
		if (!next_field(&stream, &field))
			return MS_VM_NONE;
		if (!(field.flags & IS_INJECTED) &&
			is_wanted(w, field.name, field.signature))
			return field.offset;
	}
	return MS_VM_NONE;
}

static uint64_t find_in_stream(const struct wanted *w, uint64_t klass)
{
	uint64_t array, n, data = ms_vm_offset(w->vm, "Array<u1>::_data");
	if (data == MS_VM_NONE ||
		!ms_vm_field(
			w->vm, klass, "InstanceKlass::_fieldinfo_stream", 8, &array) ||
		!ms_vm_read(w->vm, array, 4, &n) || n > STREAM_MAX)
		return MS_VM_NONE;
	_cleanup_free_ uint8_t *bytes = malloc(n + 1);
	if (!bytes || !ms_peek_bytes(w->vm->peek, array + data, bytes, n))
		return MS_VM_NONE;
	return find_in_bytes(w, (struct ms_bytes){ bytes, n });
}

uint64_t ms_java_field_offset(
	const struct ms_vm *vm, uint64_t klass, const char *name, const char *signature)
{
	struct wanted w = { .vm = vm, .name = name, .signature = signature };
	if (!ms_vm_field(vm, klass, "InstanceKlass::_constants", 8, &w.pool))
		return MS_VM_NONE;
	bool has_stream =
		ms_vm_offset(vm, "InstanceKlass::_fieldinfo_stream") != MS_VM_NONE;
	uint64_t offset =
		has_stream ? find_in_stream(&w, klass) : find_in_array(&w, klass);
	return offset < OFFSET_MAX ? offset : MS_VM_NONE;
}

bool ms_java_class_is(const struct ms_vm *vm, uint64_t klass, const char *name)
{
	uint64_t symbol;
	return ms_vm_field(vm, klass, "Klass::_name", 8, &symbol) &&
	       symbol_is(vm, symbol, name);
}

// --- objects --------------------------------------------------------------------------

uint64_t ms_java_class(const struct ms_java *java, uint64_t object)
{
	uint64_t word;
	if (java->has_compact_headers)
		return ms_vm_field(java->vm, object, "oopDesc::_mark", 8, &word)
			       ? java->klass_base +
					 ((word >> java->mark_shift) << java->klass_shift)
			       : 0;
	if (!java->has_narrow_klasses)
		return ms_vm_field(
			       java->vm, object, "oopDesc::_metadata._klass", 8, &word)
			       ? word
			       : 0;
	return ms_vm_field(java->vm, object,
		       "oopDesc::_metadata._compressed_klass|oopDesc::_compressed_klass",
		       4, &word)
		       ? java->klass_base + (word << java->klass_shift)
		       : 0;
}

// The address begins right above the one remap bit that is set, and that is what says how
// far to shift: ZPointerLoadShiftTable (gc/z/zAddress.cpp).
static uint64_t without_colour(uint64_t pointer)
{
	unsigned remap = (pointer >> COLOUR_BITS) & 15;
	return remap ? pointer >> (COLOUR_BITS + __builtin_ctz(remap) + 1) : 0;
}

bool ms_java_root(const struct ms_java *java, uint64_t address, uint64_t *ret)
{
	if (!ms_vm_read(java->vm, address, 8, ret))
		return false;
	if (java->is_coloured)
		*ret = without_colour(*ret);
	return true;
}

bool ms_java_reference(const struct ms_java *java, uint64_t address, uint64_t *ret)
{
	if (!java->has_narrow_oops)
		return ms_java_root(java, address, ret);
	if (!ms_vm_read(java->vm, address, 4, ret))
		return false;
	if (*ret)
		*ret = java->oop_base + (*ret << java->oop_shift);
	return true;
}

// --- strings --------------------------------------------------------------------------

static size_t put_point(uint8_t *to, uint32_t point)
{
	static const uint8_t first[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	if (point < 0x80) {
		to[0] = (uint8_t)point;
		return 1;
	}
	size_t n = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
	for (size_t i = n; i-- > 1; point >>= 6)
		to[i] = (uint8_t)(0x80 | (point & 0x3f));
	to[0] = (uint8_t)(first[n] | point);
	return n;
}

static uint32_t unit_at(struct ms_bytes units, unsigned unit_bytes, size_t at)
{
	return unit_bytes == 1     ? units.p[at]
	       : at + 2 <= units.n ? ms_get_u16(units.p + at)
				   : 0;
}

size_t ms_java_utf8(struct ms_bytes units, unsigned unit_bytes, uint8_t *to)
{
	enum {
		HIGH = 0xd800,
		LOW = 0xdc00,
		END = 0xe000,
		POINT_BYTES = 4
	};
	size_t n = 0;
	for (size_t i = 0; i + unit_bytes <= units.n; i += unit_bytes) {
		uint32_t point = unit_at(units, unit_bytes, i);
		uint32_t next = unit_at(
			units, unit_bytes, i + unit_bytes < units.n ? i + unit_bytes : i);
		if (point >= HIGH && point < LOW && next >= LOW && next < END) {
			point = 0x10000 + ((point - HIGH) << 10) + (next - LOW);
			i += unit_bytes;
		}
		if (n + POINT_BYTES > MS_JAVA_TEXT_MAX)
			break;
		n += put_point(to + n, point);
	}
	return n;
}

static bool is_string(struct ms_java *java, uint64_t klass)
{
	if (klass && klass == java->string_class)
		return true;
	if (!klass || !ms_java_class_is(java->vm, klass, "java/lang/String"))
		return false;
	java->value_at = ms_java_field_offset(java->vm, klass, "value", NULL);
	java->coder_at = ms_java_field_offset(java->vm, klass, "coder", "B");
	java->string_class = klass;
	return true;
}

bool ms_java_string(struct ms_java *java, uint64_t string, struct ms_bytes *ret)
{
	uint8_t units[MS_JAVA_TEXT_MAX], text[MS_JAVA_TEXT_MAX];
	uint64_t array, length, coder = 1;
	if (!is_string(java, ms_java_class(java, string)) ||
		java->value_at == MS_VM_NONE ||
		!ms_java_reference(java, string + java->value_at, &array) || !array ||
		!ms_vm_read(java->vm, array + java->array_length_at, 4, &length))
		return false;
	bool has_coder = java->coder_at != MS_VM_NONE;
	if (has_coder && !ms_vm_read(java->vm, string + java->coder_at, 1, &coder))
		return false;
	if (!has_coder) // an array of chars, whose length counts chars (JDK 8)
		length *= 2;
	length = ms_min(length, sizeof(units));
	if (!ms_peek_bytes(java->vm->peek, array + java->array_bytes_at, units, length))
		return false;
	size_t n =
		ms_java_utf8((struct ms_bytes){ units, length }, coder & 1 ? 2 : 1, text);
	const char *copy = ms_arena_copy(&java->vm->arena, (struct ms_bytes){ text, n });
	*ret = (struct ms_bytes){ (const uint8_t *)copy, copy ? n : 0 };
	return copy;
}
