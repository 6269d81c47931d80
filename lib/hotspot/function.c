// Names of functions: see function.h.

#include "hotspot/function.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "elf/image.h"

static int compare(const void *pa, const void *pb)
{
	const struct ms_function *a = pa, *b = pb;
	return (a->address > b->address) - (a->address < b->address);
}

struct ms_error *ms_functions_want(struct ms_functions *functions, uint64_t address)
{
	struct ms_function *added = ms_array_push(&functions->v);
	if (!added)
		return &ms_error_nomem;
	added->address = address;
	return NULL;
}

// --- names ----------------------------------------------------------------------------

// One part of a name, "6malloc"; false: it is something else.
static bool take_part(struct ms_bytes *rest, struct ms_bytes *part)
{
	struct ms_bytes from = *rest;
	uint64_t n;
	if (!from.n || from.p[0] < '0' || from.p[0] > '9' || !ms_bytes_dec(&from, &n) ||
		!n || n > from.n)
		return false;
	*part = ms_bytes_sub(from, 0, (size_t)n);
	*rest = ms_bytes_sub(from, (size_t)n, from.n - (size_t)n);
	return true;
}

static void append(char text[MS_FUNCTION_TEXT], struct ms_bytes part, bool is_first)
{
	size_t used = strlen(text);
	(void)snprintf(text + used, MS_FUNCTION_TEXT - used, "%s%.*s",
		is_first ? "" : "::", (int)ms_min(part.n, MS_FUNCTION_TEXT),
		(const char *)part.p);
}

// "N2os6mallocE" and "12AllocateHeap"; a constructor is named as its class is.
static bool take_name(struct ms_bytes rest, char text[MS_FUNCTION_TEXT])
{
	struct ms_bytes part = { 0 };
	bool is_nested = ms_bytes_eat(&rest, 'N');
	text[0] = 0;
	if (is_nested)
		(void)ms_bytes_eat(&rest, 'K');
	else
		(void)ms_bytes_eat(&rest, 'L');
	for (size_t n = 0; take_part(&rest, &part); n++) {
		append(text, part, n == 0);
		if (!is_nested)
			return true;
	}
	if (!is_nested || !text[0])
		return false;
	if (rest.n > 1 && rest.p[0] == 'C') {
		append(text, part, /* is_first= */ false);
		rest = ms_bytes_sub(rest, 2, rest.n - 2);
	}
	return ms_bytes_eat(&rest, 'E');
}

void ms_function_text(struct ms_bytes mangled, char text[MS_FUNCTION_TEXT])
{
	if (!ms_bytes_starts(mangled, "_Z") ||
		!take_name(ms_bytes_sub(mangled, 2, mangled.n - 2), text)) {
		text[0] = 0;
		append(text, mangled, /* is_first= */ true);
	}
	ms_printable(text);
}

// --- the walk -------------------------------------------------------------------------

struct walk {
	struct ms_vm *vm;
	struct ms_functions *functions;
	bool is_out_of_memory;
};

static bool on_function(void *arg, const struct ms_elf_symbol *symbol, uint64_t address)
{
	struct walk *w = arg;
	struct ms_functions *f = w->functions;
	char text[MS_FUNCTION_TEXT], line[MS_FUNCTION_TEXT + 24];
	size_t low = 0, high = f->v.n;
	text[0] = 0;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (f->v.v[middle].address < address)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < f->v.n && f->v.v[low].address - address < symbol->size; low++) {
		if (f->v.v[low].name)
			continue;
		if (!text[0])
			ms_function_text(symbol->name, text);
		(void)snprintf(line, sizeof(line), "%s+0x%" PRIx64, text,
			f->v.v[low].address - address);
		f->v.v[low].name = ms_arena_copy(&w->vm->arena, ms_bytes_of(line));
		w->is_out_of_memory |= !f->v.v[low].name;
	}
	return !w->is_out_of_memory;
}

struct ms_error *ms_functions_find(struct ms_vm *vm, struct ms_functions *functions)
{
	struct walk walk = { vm, functions, false };
	size_t n = 0;
	if (!functions->v.n)
		return NULL;
	qsort(functions->v.v, functions->v.n, sizeof(*functions->v.v), compare);
	for (size_t i = 0; i < functions->v.n; i++)
		if (!n || functions->v.v[i].address != functions->v.v[n - 1].address)
			functions->v.v[n++] = functions->v.v[i];
	functions->v.n = n;
	struct ms_error *err = ms_vm_functions(vm, on_function, &walk);
	return err || !walk.is_out_of_memory ? err : &ms_error_nomem;
}

const char *ms_functions_name(const struct ms_functions *functions, uint64_t address)
{
	struct ms_function key = { .address = address };
	const struct ms_function *found =
		functions->v.n ? bsearch(&key, functions->v.v, functions->v.n,
					 sizeof(key), compare)
			       : NULL;
	return found ? found->name : NULL;
}

void ms_functions_deinit(struct ms_functions *functions)
{
	ms_array_deinit(&functions->v);
}
