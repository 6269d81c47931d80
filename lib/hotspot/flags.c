// Flags and arguments of a JVM: see flags.h.

#include "hotspot/flags.h"

#include <inttypes.h>
#include <string.h>

enum {
	FLAGS_MAX = 8192, // real builds have some 1,400
	FLAG_BYTES_MAX = 256,
	ARGUMENTS_MAX = 4096,
	ORIGIN_MASK = 15,
};

static const struct {
	const char *name;
	unsigned size;
} types[] = {
#define X(id, name, size) { name, size },
	MS_FLAG_TYPES(X)
#undef X
};

static const char *const origins[] = {
#define X(id, name) name,
	MS_FLAG_ORIGINS(X)
#undef X
};

const char *ms_flag_type_name(enum ms_flag_type type)
{
	return (unsigned)type < MS_FLAG_TYPE_COUNT ? types[type].name : "?";
}

const char *ms_flag_origin_name(enum ms_flag_origin origin)
{
	return (unsigned)origin < MS_FLAG_ORIGIN_COUNT ? origins[origin] : "?";
}

// JDK 8 and 11 say a type by its name, later ones by its number.
static enum ms_flag_type type_of(struct ms_vm *vm, uint64_t flag)
{
	uint64_t value;
	bool is_named = ms_vm_size(vm, "Flag") || vm->feature <= 11;
	if (!ms_vm_field(
		    vm, flag, "JVMFlag::_type|Flag::_type", is_named ? 8 : 4, &value))
		return MS_FLAG_TYPE_COUNT;
	if (!is_named)
		return value < MS_FLAG_TYPE_COUNT ? (enum ms_flag_type)value
						  : MS_FLAG_TYPE_COUNT;
	const char *name = ms_vm_text(vm, value);
	for (unsigned i = 0; name && i < MS_FLAG_TYPE_COUNT; i++)
		if (strcmp(name, types[i].name) == 0)
			return (enum ms_flag_type)i;
	return MS_FLAG_TYPE_COUNT;
}

static bool read_flag(struct ms_vm *vm, uint64_t at, struct ms_flag *ret)
{
	uint64_t name, address, bits;
	if (!ms_vm_field(vm, at, "JVMFlag::_name|Flag::_name", 8, &name) ||
		!ms_vm_field(vm, at, "JVMFlag::_addr|Flag::_addr", 8, &address) ||
		!ms_vm_field(vm, at, "JVMFlag::_flags|Flag::_flags", 4, &bits))
		return false;
	*ret = (struct ms_flag){ .name = name ? ms_vm_text(vm, name) : NULL,
		.type = type_of(vm, at),
		.origin = (enum ms_flag_origin)(bits & ORIGIN_MASK) };
	if (!ret->name || ret->type == MS_FLAG_TYPE_COUNT ||
		!ms_vm_read(vm, address, types[ret->type].size, &ret->bits))
		return false;
	if (ret->type >= MS_FLAG_TEXT && ret->bits)
		ret->text = ms_vm_text(vm, ret->bits);
	return true;
}

static int compare_flags(const void *a, const void *b)
{
	const struct ms_flag *x = a, *y = b;
	return strcmp(x->name, y->name);
}

static struct ms_error *read_flags(struct ms_vm *vm, struct ms_flags *flags)
{
	uint64_t at, n, size = ms_vm_size(vm, "JVMFlag|Flag");
	if (!ms_vm_static(vm, "JVMFlag::flags|Flag::flags", 8, &at) ||
		!ms_vm_static(vm, "JVMFlag::numFlags|Flag::numFlags", 8, &n) || !size ||
		size > FLAG_BYTES_MAX)
		return NULL;
	n = ms_min(n, FLAGS_MAX);
	flags->v = ms_new(&vm->arena, struct ms_flag, n);
	if (n && !flags->v)
		return &ms_error_nomem;
	for (uint64_t i = 0; i < n; i++)
		if (read_flag(vm, at + i * size, &flags->v[flags->n]))
			flags->n++;
	if (flags->n)
		qsort(flags->v, flags->n, sizeof(*flags->v), compare_flags);
	return NULL;
}

static struct ms_error *read_arguments(struct ms_vm *vm, struct ms_flags *flags)
{
	uint64_t n = 0, at = 0, text;
	flags->command = ms_vm_static_text(vm, "Arguments::_java_command");
	if (!ms_vm_static(vm, "Arguments::_num_jvm_args", 4, &n) ||
		!ms_vm_static(vm, "Arguments::_jvm_args_array", 8, &at))
		n = 0;
	n = at ? ms_min(n, ARGUMENTS_MAX) : 0;
	flags->arguments = ms_new(&vm->arena, const char *, n + 1);
	if (!flags->arguments)
		return &ms_error_nomem;
	for (uint64_t i = 0; i < n; i++) {
		const char *argument = ms_vm_read(vm, at + i * 8, 8, &text)
					       ? ms_vm_text(vm, text)
					       : NULL;
		if (argument)
			flags->arguments[flags->argument_n++] = argument;
	}
	return NULL;
}

struct ms_error *ms_flags_read(struct ms_vm *vm, struct ms_flags *ret)
{
	*ret = (struct ms_flags){ 0 };
	struct ms_error *err = read_flags(vm, ret);
	return err ? err : read_arguments(vm, ret);
}

const struct ms_flag *ms_flag_find(const struct ms_flags *flags, const char *name)
{
	struct ms_flag key = { .name = name };
	return flags->n ? bsearch(&key, flags->v, flags->n, sizeof(key), compare_flags)
			: NULL;
}

bool ms_flag_is_on(const struct ms_flags *flags, const char *name)
{
	const struct ms_flag *flag = ms_flag_find(flags, name);
	return flag && flag->type == MS_FLAG_BOOL && flag->bits;
}

uint64_t ms_flag_number(
	const struct ms_flags *flags, const char *name, uint64_t otherwise)
{
	const struct ms_flag *flag = ms_flag_find(flags, name);
	return flag ? flag->bits : otherwise;
}

void ms_flag_format(const struct ms_flag *flag, char *text, size_t size)
{
	double number;
	switch (flag->type) {
	case MS_FLAG_BOOL:
		(void)snprintf(text, size, "%s", flag->bits ? "true" : "false");
		break;
	case MS_FLAG_INT:
		(void)snprintf(text, size, "%" PRId32, (int32_t)flag->bits);
		break;
	case MS_FLAG_INTX:
		(void)snprintf(text, size, "%" PRId64, (int64_t)flag->bits);
		break;
	case MS_FLAG_DOUBLE:
		memcpy(&number, &flag->bits, sizeof(number));
		(void)snprintf(text, size, "%f", number);
		break;
	case MS_FLAG_TEXT:
	case MS_FLAG_TEXTS:
		(void)snprintf(text, size, "%s", flag->text ? flag->text : "");
		break;
	case MS_FLAG_UINT:
	case MS_FLAG_UINTX:
	case MS_FLAG_UINT64:
	case MS_FLAG_SIZE:
	case MS_FLAG_TYPE_COUNT:
		(void)snprintf(text, size, "%" PRIu64, flag->bits);
	}
}
