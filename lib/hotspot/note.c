// Notes: see note.h.

#include "hotspot/note.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
	NOTE_BYTES = 256,
	NOTES_MAX = 64,
};

struct ms_error *ms_vm_note(
	struct ms_vm *vm, struct ms_vm_notes *notes, const char *format, ...)
{
	char text[NOTE_BYTES];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	ms_array_foreach (note, notes)
		if (strcmp(*note, text) == 0)
			return NULL;
	if (notes->n >= NOTES_MAX)
		return NULL;
	const char *copy = ms_arena_copy(&vm->arena, ms_bytes_of(text));
	const char **added = copy ? ms_array_push(notes) : NULL;
	if (!added)
		return &ms_error_nomem;
	*added = copy;
	return NULL;
}
