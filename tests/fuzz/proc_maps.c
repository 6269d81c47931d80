// The parser of maps: what it takes ascends, each line is taken or counted, and what was
// taken, written again, is read as the same.

#include <stdint.h>
#include <stdlib.h>

#include "proc/proc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static size_t count_lines(struct ms_bytes text)
{
	struct ms_bytes line;
	size_t n = 0;
	while (ms_bytes_line(&text, &line))
		n++;
	return n;
}

static void check(const struct ms_maps *maps)
{
	uint64_t end = 0;
	for (size_t i = 0; i < maps->n; i++) {
		const struct ms_mapping *m = &maps->v[i];
		require(m->range.start >= end && m->range.start < m->range.end);
		end = m->range.end;
		require(ms_maps_find(maps, m->range.start) == m);
		require(ms_maps_find(maps, m->range.end - 1) == m);
		require(ms_maps_index(maps, m->range.end) == i + 1);
		require(m->label.n <= m->name.n);
		(void)ms_mapping_is_anonymous(m);
	}
}

static void write_line(struct ms_buffer *text, const struct ms_mapping *m)
{
	char prot[5];
	struct ms_error *err = ms_buffer_printf(text, "%lx-%lx %s %lx %x:%x %lu ",
		(unsigned long)m->range.start, (unsigned long)m->range.end,
		ms_mapping_prot_text(m, prot), (unsigned long)m->offset, m->dev_major,
		m->dev_minor, (unsigned long)m->inode);
	require(!err);
	err = ms_buffer_add(text, m->name.p, m->name.n);
	require(!err);
	err = ms_buffer_printf(
		text, "%s\n", m->flags & MS_MAPPING_DELETED ? " (deleted)" : "");
	require(!err);
}

static void check_same(const struct ms_mapping *a, const struct ms_mapping *b)
{
	require(a->range.start == b->range.start && a->range.end == b->range.end);
	require(a->kind == b->kind && a->flags == b->flags && a->offset == b->offset);
	require(a->dev_major == b->dev_major && a->dev_minor == b->dev_minor);
	require(a->inode == b->inode && ms_bytes_equal(a->name, b->name));
	require(ms_bytes_equal(a->label, b->label));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ms_bytes text = { data, size };
	struct ms_arena arena;
	struct ms_maps maps, again;
	struct ms_buffer written = {};
	ms_arena_init(&arena);
	require(!ms_maps_parse(text, &arena, &maps));
	require(maps.n + maps.odd_lines == count_lines(text));
	check(&maps);
	for (size_t i = 0; i < maps.n; i++)
		write_line(&written, &maps.v[i]);
	require(!ms_maps_parse(ms_buffer_bytes(&written), &arena, &again));
	require(again.n == maps.n && !again.odd_lines);
	for (size_t i = 0; i < maps.n; i++)
		check_same(&maps.v[i], &again.v[i]);
	ms_buffer_deinit(&written);
	ms_arena_deinit(&arena);
	return 0;
}
