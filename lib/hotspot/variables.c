// The static variables of libjvm.so: see variables.h.

#include "hotspot/variables.h"

#include "alloc/words.h"

enum {
	DATA_MAX = 32 << 20, // bytes; real ones have 1 MiB
	NAME_BYTES = 64,
};

// A mapping of the library's data, or the one right behind it, where its .bss goes on.
static bool is_data(const struct ms_vm *vm, const struct ms_mapping *m)
{
	unsigned want = MS_MAPPING_READ | MS_MAPPING_WRITE;
	return (m->flags & want) == want && !(m->flags & MS_MAPPING_SHARED) &&
	       m->range.start >= vm->library.start && m->range.start <= vm->library.end &&
	       ms_range_size(m->range) <= DATA_MAX;
}

static struct ms_error *walk_mapping(struct ms_words *words, struct ms_range range,
	ms_vm_variable_fn fn, void *arg, bool *is_done)
{
	bool any = true;
	struct ms_error *err = NULL;
	ms_words_over(words, range);
	while (!*is_done && !(err = ms_words_next(words, &any)) && any)
		for (size_t i = 0; i < words->n && !*is_done; i++)
			if (words->v[i])
				*is_done = fn(arg, words->at + i * 8, words->v[i]);
	return err;
}

struct ms_error *ms_vm_variables_walk(struct ms_vm *vm, ms_vm_variable_fn fn, void *arg)
{
	const struct ms_maps *maps = ms_target_maps(vm->target);
	_cleanup_words_ struct ms_words *words = NULL;
	struct ms_error *err = ms_words_new(vm->target, NULL, &words);
	bool is_done = false;
	for (size_t i = 0; !err && !is_done && i < maps->n; i++)
		if (is_data(vm, &maps->v[i]))
			err = walk_mapping(words, maps->v[i].range, fn, arg, &is_done);
	return err;
}

bool ms_vm_is_writable(const struct ms_vm *vm, uint64_t address, uint64_t n)
{
	return address && address % 8 == 0 &&
	       ms_peek_is_writable(ms_target_maps(vm->target), address, n);
}

const char *ms_vm_name(struct ms_vm *vm, uint64_t address)
{
	char text[NAME_BYTES];
	size_t n = 0;
	for (uint64_t c = 0; n < sizeof(text); n++) {
		if (!ms_vm_read(vm, address + n, 1, &c) || (c && (c < ' ' || c > '~')))
			return NULL;
		if (!c)
			break;
		text[n] = (char)c;
	}
	if (!n || n == sizeof(text))
		return NULL;
	return ms_arena_copy(&vm->arena, (struct ms_bytes){ (const uint8_t *)text, n });
}
