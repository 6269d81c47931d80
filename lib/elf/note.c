// Notes: see note.h.

#include "elf/note.h"

#include <elf.h>

#include "elf/source.h"

uint64_t ms_note_size(const char *name, uint64_t desc_size)
{
	return sizeof(Elf64_Nhdr) + ms_note_padded(strlen(name) + 1) +
	       ms_note_padded(desc_size);
}

size_t ms_note_header(const char *name, uint32_t type, uint64_t desc_size,
	uint8_t out[MS_NOTE_HEADER_MAX])
{
	size_t n = strlen(name) + 1;
	if (n > MS_NOTE_NAME_MAX + 1 || desc_size > UINT32_MAX)
		return 0;
	Elf64_Nhdr header = {
		.n_namesz = (Elf64_Word)n,
		.n_descsz = (Elf64_Word)desc_size,
		.n_type = type,
	};
	size_t size = sizeof(header) + ms_note_padded(n);
	memset(out, 0, size);
	memcpy(out, &header, sizeof(header));
	memcpy(out + sizeof(header), name, n);
	return size;
}

struct ms_error *ms_note_add(
	struct ms_buffer *buffer, const char *name, uint32_t type, struct ms_bytes desc)
{
	static const uint8_t zeros[4];
	uint8_t header[MS_NOTE_HEADER_MAX];
	size_t n = ms_note_header(name, type, desc.n, header);
	if (!n)
		return ms_error_new(MS_ERROR_LIMIT, "note '%s': too long", name);
	struct ms_error *err = ms_buffer_add(buffer, header, n);
	if (!err)
		err = ms_buffer_add(buffer, desc.p, desc.n);
	if (!err)
		err = ms_buffer_add(buffer, zeros, ms_note_padded(desc.n) - desc.n);
	return err;
}

/*
 * Headers are read through a window, because most notes are small; descriptors are
 * stepped over, because some are tens of megabytes.
 */
struct window {
	const struct ms_elf_source *source;
	uint64_t end;   // nothing is read at or after it
	uint64_t start; // of what `bytes` holds
	size_t n;
	uint8_t bytes[4096];
};

// n bytes at an offset, n <= 64; NULL if they are not to be had.
static const uint8_t *look(struct window *w, uint64_t offset, size_t n)
{
	if (offset < w->start || !ms_fits(offset - w->start, n, w->n)) {
		size_t want = ms_min(sizeof(w->bytes), w->end - offset);
		int64_t got = w->source->read(w->source->context, offset, w->bytes, want);
		w->start = offset;
		w->n = got > 0 ? (size_t)got : 0;
	}
	return ms_fits(offset - w->start, n, w->n) ? w->bytes + (offset - w->start)
						   : NULL;
}

/*
 * Read the note at *at, and move *at to the next. False if the part ends inside it.
 * *ret_known is false for a name longer than ours.
 */
static bool next_note(struct window *w, uint64_t part_start, uint64_t align, uint64_t *at,
	struct ms_note *ret, bool *ret_known)
{
	Elf64_Nhdr header;
	const uint8_t *p = look(w, *at, sizeof(header));
	if (!p)
		return false;
	memcpy(&header, p, sizeof(header));

	// Offsets are below 2^63 and sizes below 2^32, so these sums cannot wrap.
	uint64_t name = *at + sizeof(header);
	uint64_t in_part = name + header.n_namesz - part_start;
	uint64_t desc = part_start + ms_align_down(in_part + align - 1, align);
	if (desc > w->end || header.n_descsz > w->end - desc)
		return false;

	*ret = (struct ms_note){
		.type = header.n_type, .offset = desc, .size = header.n_descsz
	};
	*ret_known = header.n_namesz <= sizeof(ret->name);
	if (*ret_known && header.n_namesz) {
		p = look(w, name, header.n_namesz);
		if (!p)
			return false;
		memcpy(ret->name, p, header.n_namesz);
		ret->name[MS_NOTE_NAME_MAX] = '\0';
	}
	*at = part_start +
	      ms_align_down(desc + header.n_descsz - part_start + align - 1, align);
	return true;
}

bool ms_note_walk(const struct ms_elf_source *source, struct ms_range part,
	uint64_t align, ms_note_fn fn, void *context)
{
	if (part.end > INT64_MAX || part.start > part.end || (align != 4 && align != 8))
		return false;
	struct window w = { .source = source, .end = part.end };
	bool all_known = true;
	for (uint64_t at = part.start;
		at < part.end && part.end - at >= sizeof(Elf64_Nhdr);) {
		struct ms_note note;
		bool known;
		if (!next_note(&w, part.start, align, &at, &note, &known))
			return false;
		all_known &= known;
		// Zeros are padding: a writer may reserve more room than it fills.
		bool is_padding = !note.type && !note.name[0] && !note.size;
		if (known && !is_padding && !fn(context, &note))
			break;
	}
	return all_known;
}
