// Parser of /proc/PID/maps: see maps.h. One pass over a private copy of the text, into
// which the names point; a name may hold any byte but '\n'.

#include "proc/maps.h"

#include "base/array.h"
#include "base/cleanup.h"

typedef MS_ARRAY(struct ms_mapping) mapping_array;

static void cleanup_mapping_array(mapping_array *a)
{
	ms_array_deinit(a);
}

enum match {
	MATCH_WHOLE,
	MATCH_PREFIX,
};

/*
 * Names the kernel makes up, and paths that are memory whatever the file system. The
 * first match counts. A path always begins with '/', so no file can pose as "[heap]".
 */
static const struct {
	const char *text;
	enum match match;
	enum ms_mapping_kind kind;
} names[] = {
	{ "[heap]", MATCH_WHOLE, MS_MAPPING_HEAP },
	{ "[stack]", MATCH_WHOLE, MS_MAPPING_STACK },
	{ "[anon:", MATCH_PREFIX, MS_MAPPING_NAMED },
	{ "[anon_shmem:", MATCH_PREFIX, MS_MAPPING_NAMED },
	{ "[vdso]", MATCH_WHOLE, MS_MAPPING_VDSO },
	{ "[vvar", MATCH_PREFIX, MS_MAPPING_VVAR }, // [vvar_vclock] since Linux 6.13
	{ "[vsyscall]", MATCH_WHOLE, MS_MAPPING_VSYSCALL },
	{ "[", MATCH_PREFIX, MS_MAPPING_UNKNOWN },
	{ "/memfd:", MATCH_PREFIX, MS_MAPPING_MEMFD },
	{ "/dev/zero", MATCH_WHOLE, MS_MAPPING_SHM },
	{ "/dev/shm/", MATCH_PREFIX, MS_MAPPING_SHM },
	{ "/dev/hugepages/", MATCH_PREFIX, MS_MAPPING_SHM },
	{ "/SYSV", MATCH_PREFIX, MS_MAPPING_SHM },
	{ "/anon_hugepage", MATCH_WHOLE, MS_MAPPING_SHM }, // MAP_ANONYMOUS | MAP_HUGETLB
	{ "/secretmem", MATCH_WHOLE, MS_MAPPING_SHM },     // memfd_secret(2)
	{ "/[aio]", MATCH_WHOLE, MS_MAPPING_SHM },
	{ "/dev/", MATCH_PREFIX, MS_MAPPING_DEVICE },
	{ "/dmabuf:", MATCH_PREFIX, MS_MAPPING_DEVICE },
	{ "anon_inode:", MATCH_PREFIX, MS_MAPPING_DEVICE },
	{ "socket:", MATCH_PREFIX, MS_MAPPING_DEVICE },
	{ "/", MATCH_PREFIX, MS_MAPPING_FILE },
};

static enum ms_mapping_kind kind_of(struct ms_bytes name, uint64_t inode)
{
	if (!name.n)
		return inode ? MS_MAPPING_FILE : MS_MAPPING_ANON;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		bool hit = names[i].match == MATCH_WHOLE
				   ? ms_bytes_is(name, names[i].text)
				   : ms_bytes_starts(name, names[i].text);
		if (hit)
			return names[i].kind;
	}
	return MS_MAPPING_UNKNOWN;
}

// What follows the first ':' of a name, without the ']' that closes "[anon:NAME]".
static struct ms_bytes label_of(struct ms_bytes name)
{
	const uint8_t *colon = memchr(name.p, ':', name.n);
	if (!colon)
		return (struct ms_bytes){};
	struct ms_bytes label =
		ms_bytes_sub(name, (size_t)(colon - name.p) + 1, SIZE_MAX);
	if (name.p[0] == '[' && ms_bytes_ends(label, "]"))
		label.n--;
	return label;
}

static void set_name(struct ms_mapping *m, struct ms_bytes name)
{
	static const char deleted[] = " (deleted)";
	if (ms_bytes_ends(name, deleted)) {
		m->flags |= MS_MAPPING_DELETED;
		name.n -= sizeof(deleted) - 1;
	}
	m->name = name;
	m->kind = kind_of(name, m->inode);
	if (m->kind == MS_MAPPING_NAMED && !ms_bytes_ends(name, "]"))
		m->kind = MS_MAPPING_UNKNOWN;
	if (m->kind == MS_MAPPING_NAMED || m->kind == MS_MAPPING_MEMFD)
		m->label = label_of(name);
}

static const struct {
	char set, unset;
	unsigned flag;
} prot_letters[] = {
	{ 'r', '-', MS_MAPPING_READ },
	{ 'w', '-', MS_MAPPING_WRITE },
	{ 'x', '-', MS_MAPPING_EXEC },
	{ 's', 'p', MS_MAPPING_SHARED },
};

static bool parse_prot(struct ms_bytes *rest, unsigned *ret)
{
	unsigned flags = 0;
	for (size_t i = 0; i < 4; i++) {
		if (ms_bytes_eat(rest, prot_letters[i].set))
			flags |= prot_letters[i].flag;
		else if (!ms_bytes_eat(rest, prot_letters[i].unset))
			return false;
	}
	*ret = flags;
	return true;
}

static bool parse_device(struct ms_bytes *rest, struct ms_mapping *m)
{
	uint64_t major, minor;
	if (!ms_bytes_hex(rest, &major) || !ms_bytes_eat(rest, ':') ||
		!ms_bytes_hex(rest, &minor) || major > UINT32_MAX || minor > UINT32_MAX)
		return false;
	m->dev_major = (uint32_t)major;
	m->dev_minor = (uint32_t)minor;
	return true;
}

static bool parse_line(struct ms_bytes line, struct ms_mapping *ret)
{
	struct ms_mapping m = {};
	if (!ms_bytes_hex(&line, &m.range.start) || !ms_bytes_eat(&line, '-') ||
		!ms_bytes_hex(&line, &m.range.end) || !ms_bytes_eat(&line, ' ') ||
		!parse_prot(&line, &m.flags) || !ms_bytes_eat(&line, ' ') ||
		!ms_bytes_hex(&line, &m.offset) || !ms_bytes_eat(&line, ' ') ||
		!parse_device(&line, &m) || !ms_bytes_eat(&line, ' ') ||
		!ms_bytes_dec(&line, &m.inode))
		return false;
	if (line.n && !ms_bytes_eat(&line, ' '))
		return false;
	if (m.range.start >= m.range.end)
		return false;
	ms_bytes_skip_blank(&line);
	set_name(&m, line);
	*ret = m;
	return true;
}

struct ms_error *ms_maps_parse(
	struct ms_bytes text, struct ms_arena *arena, struct ms_maps *ret)
{
	_cleanup_(cleanup_mapping_array) mapping_array list = {};
	struct ms_maps maps = {};

	const char *copy = ms_arena_copy(arena, text);
	if (!copy)
		return &ms_error_nomem;
	struct ms_bytes rest = { (const uint8_t *)copy, text.n };
	struct ms_bytes line;
	uint64_t end = 0;
	while (ms_bytes_line(&rest, &line)) {
		struct ms_mapping m;
		if (!parse_line(line, &m) || m.range.start < end) {
			maps.odd_lines++;
			continue;
		}
		struct ms_mapping *slot = ms_array_push(&list);
		if (!slot)
			return &ms_error_nomem;
		*slot = m;
		end = m.range.end;
	}
	maps.n = list.n;
	maps.v = ms_new(arena, struct ms_mapping, list.n);
	if (!maps.v && list.n)
		return &ms_error_nomem;
	if (list.n)
		memcpy(maps.v, list.v, list.n * sizeof(*list.v));
	*ret = maps;
	return NULL;
}

size_t ms_maps_index(const struct ms_maps *maps, uint64_t address)
{
	size_t low = 0, high = maps->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (maps->v[middle].range.end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct ms_mapping *ms_maps_find(const struct ms_maps *maps, uint64_t address)
{
	size_t i = ms_maps_index(maps, address);
	return i < maps->n && ms_range_has(maps->v[i].range, address) ? &maps->v[i]
								      : NULL;
}

bool ms_mapping_counts(const struct ms_mapping *mapping)
{
	return mapping->kind != MS_MAPPING_VVAR && mapping->kind != MS_MAPPING_VSYSCALL;
}

bool ms_mapping_is_anonymous(const struct ms_mapping *mapping)
{
	switch (mapping->kind) {
	case MS_MAPPING_ANON:
	case MS_MAPPING_HEAP:
	case MS_MAPPING_STACK:
	case MS_MAPPING_NAMED:
	case MS_MAPPING_MEMFD:
	case MS_MAPPING_SHM:
		return true;
	case MS_MAPPING_UNKNOWN: // [stack:TID] of Linux 3.4 to 4.4, and names to come
		return mapping->inode == 0;
	case MS_MAPPING_FILE:
	case MS_MAPPING_DEVICE:
	case MS_MAPPING_VDSO:
	case MS_MAPPING_VVAR:
	case MS_MAPPING_VSYSCALL:
		return false;
	}
	return false;
}

char *ms_mapping_prot_text(const struct ms_mapping *mapping, char text[5])
{
	for (size_t i = 0; i < 4; i++)
		text[i] = mapping->flags & prot_letters[i].flag ? prot_letters[i].set
								: prot_letters[i].unset;
	text[4] = '\0';
	return text;
}
