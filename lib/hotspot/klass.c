// Names of symbols and classes: see klass.h.

#include "hotspot/klass.h"

#include <string.h>

enum {
	DIMENSIONS_MAX = 255,
};

const char *ms_symbol_text(struct ms_vm *vm, uint64_t symbol)
{
	uint64_t n, body = ms_vm_offset(vm, "Symbol::_body|Symbol::_body[0]");
	uint8_t text[UINT16_MAX];
	if (body == MS_VM_NONE || vm->arena.used >= MS_VM_ARENA_MAX ||
		!ms_vm_field(vm, symbol, "Symbol::_length", 2, &n) ||
		!ms_peek_bytes(vm->peek, symbol + body, text, n))
		return NULL;
	return ms_arena_copy(&vm->arena, (struct ms_bytes){ text, n });
}

static const char *primitive_name(char letter)
{
	static const struct {
		char letter;
		const char *name;
	} names[] = { { 'B', "byte" }, { 'C', "char" }, { 'D', "double" },
		{ 'F', "float" }, { 'I', "int" }, { 'J', "long" }, { 'S', "short" },
		{ 'Z', "boolean" } };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].letter == letter)
			return names[i].name;
	return NULL;
}

// A slash parts packages; of a hidden class the JVM writes the address behind a plus sign.
static void copy_dotted(char *to, const char *from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] = from[i] == '/' ? '.' : from[i] == '+' ? '/' : from[i];
}

const char *ms_class_name_external(struct ms_vm *vm, const char *internal)
{
	size_t depth = strspn(internal, "["), n;
	const char *element = internal + depth, *name = NULL;
	if (depth > DIMENSIONS_MAX)
		return NULL;
	n = strlen(element);
	if (depth && n == 1)
		name = primitive_name(*element);
	if (name) {
		element = name;
		n = strlen(name);
	} else if (depth && n > 2 && *element == 'L' && element[n - 1] == ';') {
		element++;
		n -= 2;
	}
	char *text = ms_arena_alloc(&vm->arena, n + 2 * depth + 1);
	if (!text)
		return NULL;
	copy_dotted(text, element, n);
	for (size_t i = 0; i < depth; i++) {
		text[n + 2 * i] = '[';
		text[n + 2 * i + 1] = ']';
	}
	return text;
}

const char *ms_klass_name(struct ms_vm *vm, uint64_t klass)
{
	uint64_t symbol;
	if (!ms_vm_field(vm, klass, "Klass::_name", 8, &symbol))
		return NULL;
	const char *text = ms_symbol_text(vm, symbol);
	return text ? ms_class_name_external(vm, text) : NULL;
}
