// Fields of Java classes: see fields.h.

#include "hotspot/fields.h"

#include <string.h>

#include "hotspot/klass.h"

enum {
	FIELDS_MAX = 65535,
	STREAM_MAX = 1 << 20,
	ARRAY_DATA = 4,      // behind Array<T>::_length
	ACCESS_STATIC = 0x8, // JVM_ACC_STATIC
	LOW_CODES = 191,     // unsigned5: bytes from here on say that another follows
	DIGIT_BITS = 6,
	DIGITS_MAX = 5,
};

// JDK 8 to 17: six numbers of 16 bits a field.
enum {
	WORD_ACCESS,
	WORD_NAME,
	WORD_LOW = 4,
	WORD_HIGH,
	WORDS
};

// JDK 21 and later: what a field's flags say of the numbers that follow.
enum {
	FLAG_INITIALIZED = 1 << 0,
	FLAG_INJECTED = 1 << 1,
	FLAG_GENERIC = 1 << 2,
	FLAG_CONTENDED = 1 << 4,
};

bool ms_unsigned5(struct ms_bytes *rest, uint32_t *ret)
{
	uint32_t sum = 0;
	for (size_t i = 0; i < DIGITS_MAX && i < rest->n; i++) {
		if (!rest->p[i]) // never part of a number
			return false;
		uint32_t digit = rest->p[i] - 1u;
		sum += digit << (DIGIT_BITS * i);
		if (digit < LOW_CODES || i == DIGITS_MAX - 1) {
			*rest = ms_bytes_sub(*rest, i + 1, rest->n);
			*ret = sum;
			return true;
		}
	}
	return false;
}

// Is entry `index` of the class's constant pool this name?
static bool is_name(struct ms_vm *vm, uint64_t klass, uint64_t index, const char *name)
{
	uint64_t pool, symbol, head = ms_vm_size(vm, "ConstantPool");
	if (!head || index > UINT16_MAX ||
		!ms_vm_field(vm, klass, "InstanceKlass::_constants", 8, &pool) || !pool ||
		!ms_vm_read(vm, pool + head + index * 8, 8, &symbol))
		return false;
	const char *text = ms_symbol_text(vm, symbol & ~(uint64_t)1);
	return text && strcmp(text, name) == 0;
}

static bool find_in_words(
	struct ms_vm *vm, uint64_t klass, const char *name, struct ms_java_field *ret)
{
	uint64_t array, n, tag_bits;
	uint16_t words[WORDS];
	int64_t tag = 0;
	if (!ms_vm_field(vm, klass, "InstanceKlass::_fields", 8, &array) ||
		!ms_vm_field(vm, klass, "InstanceKlass::_java_fields_count", 2, &n) ||
		!ms_vm_constant(vm, "FIELDINFO_TAG_SIZE", &tag) || tag < 0 || tag > 16)
		return false;
	tag_bits = (uint64_t)tag;
	for (uint64_t i = 0; i < ms_min(n, FIELDS_MAX); i++) {
		uint64_t at = array + ARRAY_DATA + i * sizeof(words);
		if (!ms_peek_bytes(vm->peek, at, words, sizeof(words)))
			return false;
		if (!is_name(vm, klass, words[WORD_NAME], name))
			continue;
		uint32_t packed = words[WORD_LOW] | (uint32_t)words[WORD_HIGH] << 16;
		*ret = (struct ms_java_field){ packed >> tag_bits,
			words[WORD_ACCESS] & ACCESS_STATIC };
		return true;
	}
	return false;
}

struct field_row {
	uint32_t name, signature, offset, access, flags;
};

static bool take_row(struct ms_bytes *rest, struct field_row *ret)
{
	uint32_t ignored;
	if (!ms_unsigned5(rest, &ret->name) || !ms_unsigned5(rest, &ret->signature) ||
		!ms_unsigned5(rest, &ret->offset) || !ms_unsigned5(rest, &ret->access) ||
		!ms_unsigned5(rest, &ret->flags))
		return false;
	static const uint32_t more[] = { FLAG_INITIALIZED, FLAG_GENERIC, FLAG_CONTENDED };
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++)
		if (ret->flags & more[i] && !ms_unsigned5(rest, &ignored))
			return false;
	return true;
}

static bool find_in_stream(struct ms_vm *vm, uint64_t klass, const char *name,
	struct ms_bytes rest, struct ms_java_field *ret)
{
	uint32_t declared, injected;
	struct field_row row;
	if (!ms_unsigned5(&rest, &declared) || !ms_unsigned5(&rest, &injected))
		return false;
	for (uint32_t i = 0; i < declared && i < FIELDS_MAX && take_row(&rest, &row);
		i++) {
		if (row.flags & FLAG_INJECTED || !is_name(vm, klass, row.name, name))
			continue;
		*ret = (struct ms_java_field){ row.offset, row.access & ACCESS_STATIC };
		return true;
	}
	return false;
}

static bool find_streamed(
	struct ms_vm *vm, uint64_t klass, const char *name, struct ms_java_field *ret)
{
	uint64_t array, n;
	if (!ms_vm_field(vm, klass, "InstanceKlass::_fieldinfo_stream", 8, &array) ||
		!ms_vm_read(vm, array, 4, &n) || n > STREAM_MAX)
		return false;
	_cleanup_free_ uint8_t *bytes = malloc(n + 1);
	return bytes && ms_peek_bytes(vm->peek, array + ARRAY_DATA, bytes, n) &&
	       find_in_stream(vm, klass, name, (struct ms_bytes){ bytes, n }, ret);
}

bool ms_java_field_find(
	struct ms_vm *vm, uint64_t klass, const char *name, struct ms_java_field *ret)
{
	return find_streamed(vm, klass, name, ret) || find_in_words(vm, klass, name, ret);
}
