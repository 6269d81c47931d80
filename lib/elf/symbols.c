// Symbols of images: see image.h.
//
// A table is found by its section, or, without sections, by PT_DYNAMIC; then only a hash
// table says how many symbols there are.

#include "elf/elf_internal.h"

#include "elf/image.h"

enum {
	STRINGS_LIMIT = 256 << 20,
	NAME_LIMIT = 64 << 10,
	CHUNK = 256, // symbols read at once
	DYNAMIC_MAX = 4096,
	GNU_BUCKETS_MAX = 1 << 22,
	SYMBOLS_MAX = 1 << 24, // browsers with all their symbols have a few million
};

/* A symbol table and its strings, as offsets in the source. */
struct table {
	uint64_t symbols, symbols_n;
	uint64_t strings, strings_size;
};

static bool table_of_section(const struct ms_elf_image *image,
	const struct ms_elf_section *s, struct table *ret)
{
	if (s->entry_size != sizeof(Elf64_Sym) || s->link >= image->sections_n)
		return false;
	const struct ms_elf_section *strings = &image->sections[s->link];
	if (strings->type != SHT_STRTAB)
		return false;
	*ret = (struct table){
		.symbols = s->offset,
		.symbols_n = s->size / sizeof(Elf64_Sym),
		.strings = strings->offset,
		.strings_size = strings->size,
	};
	return true;
}

// Where in the source a linked address lies, in the part of a segment that has bytes.
static bool offset_of(const struct ms_elf_image *image, uint64_t address, uint64_t *ret)
{
	for (size_t i = 0; i < image->segments_n; i++) {
		const struct ms_elf_segment *s = &image->segments[i];
		if (s->type != PT_LOAD || address < s->range.start ||
			address - s->range.start >= s->file_size)
			continue;
		*ret = s->offset + (address - s->range.start);
		return true;
	}
	return false;
}

/*
 * As offset_of, for a pointer of the dynamic section: ld.so of glibc adds the bias to
 * those in memory, that of musl and the kernel's vdso do not.
 */
static bool offset_of_dynamic(
	const struct ms_elf_image *image, uint64_t pointer, uint64_t *ret)
{
	return offset_of(image, pointer, ret) ||
	       (image->is_mapped && offset_of(image, pointer - image->bias, ret));
}

static bool read_u32(const struct ms_elf_image *image, uint64_t offset, uint32_t *ret)
{
	return ms_elf_source_read(&image->source, offset, ret, sizeof(*ret));
}

// The highest index in any bucket of a GNU hash table; false if it cannot be read.
static bool highest_bucket(
	const struct ms_elf_image *image, uint64_t buckets, uint32_t n, uint32_t *ret)
{
	uint32_t chunk[512];
	uint32_t highest = 0;
	for (uint32_t at = 0; at < n;) {
		uint32_t m = (uint32_t)ms_min(n - at, sizeof(chunk) / sizeof(*chunk));
		if (!ms_elf_source_read(&image->source, buckets + at * UINT64_C(4), chunk,
			    m * sizeof(*chunk)))
			return false;
		for (uint32_t i = 0; i < m; i++)
			highest = chunk[i] > highest ? chunk[i] : highest;
		at += m;
	}
	*ret = highest;
	return true;
}

// The number of symbols a GNU hash table knows: the end of the chain that begins last.
static uint64_t count_gnu(const struct ms_elf_image *image, uint64_t hash)
{
	uint32_t head[4]; // buckets, index of the first symbol, bloom words, shift
	uint32_t last;
	if (!ms_elf_source_read(&image->source, hash, head, sizeof(head)) ||
		head[0] > GNU_BUCKETS_MAX)
		return 0;
	uint64_t buckets = hash + sizeof(head) + head[2] * UINT64_C(8);
	if (!highest_bucket(image, buckets, head[0], &last))
		return 0;
	if (last < head[1])
		return head[1];
	uint64_t chains = buckets + head[0] * UINT64_C(4);
	for (uint32_t value = 0; !(value & 1); last++)
		if (last == UINT32_MAX ||
			!read_u32(image, chains + (last - head[1]) * UINT64_C(4), &value))
			return 0;
	return last;
}

static uint64_t count_symbols(
	const struct ms_elf_image *image, uint64_t sysv_hash, uint64_t gnu_hash)
{
	uint64_t offset;
	uint32_t n;
	if (sysv_hash && offset_of_dynamic(image, sysv_hash, &offset) &&
		read_u32(image, offset + 4, &n))
		return n;
	if (gnu_hash && offset_of_dynamic(image, gnu_hash, &offset))
		return count_gnu(image, offset);
	return 0;
}

static bool table_of_dynamic(const struct ms_elf_image *image,
	const struct ms_elf_segment *dynamic, struct table *ret)
{
	uint64_t symbols = 0, strings = 0, sysv = 0, gnu = 0;
	struct table table = {};
	uint64_t n = ms_min(dynamic->file_size / sizeof(Elf64_Dyn), DYNAMIC_MAX);
	for (uint64_t i = 0; i < n; i++) {
		Elf64_Dyn entry;
		if (!ms_elf_source_read(&image->source,
			    dynamic->offset + i * sizeof(entry), &entry, sizeof(entry)) ||
			entry.d_tag == DT_NULL)
			break;
		if (entry.d_tag == DT_SYMTAB)
			symbols = entry.d_un.d_ptr;
		if (entry.d_tag == DT_STRTAB)
			strings = entry.d_un.d_ptr;
		if (entry.d_tag == DT_STRSZ)
			table.strings_size = entry.d_un.d_val;
		if (entry.d_tag == DT_HASH)
			sysv = entry.d_un.d_ptr;
		if (entry.d_tag == DT_GNU_HASH)
			gnu = entry.d_un.d_ptr;
	}
	if (!offset_of_dynamic(image, symbols, &table.symbols) ||
		!offset_of_dynamic(image, strings, &table.strings))
		return false;
	table.symbols_n = count_symbols(image, sysv, gnu);
	*ret = table;
	return true;
}

/*
 * A name of the string table; false if it does not end in it. *budget bounds the bytes
 * looked at in all, which many symbols that share one huge string would multiply.
 */
static bool symbol_name(
	struct ms_bytes strings, uint32_t at, uint64_t *budget, struct ms_bytes *ret)
{
	struct ms_bytes rest = ms_bytes_sub(strings, at, NAME_LIMIT);
	const uint8_t *end = rest.n ? memchr(rest.p, 0, rest.n) : NULL;
	uint64_t seen = end ? (uint64_t)(end - rest.p) + 1 : rest.n;
	if (seen > *budget)
		return false;
	*budget -= seen;
	if (!end)
		return false;
	*ret = ms_bytes_sub(rest, 0, (size_t)(end - rest.p));
	return true;
}

struct walk {
	ms_elf_symbol_fn fn;
	void *context;
	bool ended; // the callback has had enough
};

static void walk_chunk(struct walk *walk, const Elf64_Sym *v, size_t n,
	struct ms_bytes strings, uint64_t *budget)
{
	for (size_t i = 0; i < n && !walk->ended; i++) {
		struct ms_elf_symbol symbol = {
			.value = v[i].st_value,
			.size = v[i].st_size,
			.type = ELF64_ST_TYPE(v[i].st_info),
			.binding = ELF64_ST_BIND(v[i].st_info),
			.section = v[i].st_shndx,
		};
		if (v[i].st_shndx == SHN_UNDEF || !v[i].st_name ||
			!symbol_name(strings, v[i].st_name, budget, &symbol.name))
			continue;
		walk->ended = !walk->fn(walk->context, &symbol);
	}
}

static struct ms_error *walk_table(
	const struct ms_elf_image *image, const struct table *table, struct walk *walk)
{
	const struct ms_elf_source *source = &image->source;
	uint8_t last;
	if (!table->strings_size || table->strings_size > STRINGS_LIMIT ||
		!ms_fits(table->strings, table->strings_size, source->size) ||
		!ms_elf_source_read(
			source, table->strings + table->strings_size - 1, &last, 1))
		return NULL;
	_cleanup_free_ uint8_t *text = malloc(table->strings_size);
	if (!text)
		return &ms_error_nomem;
	if (!ms_elf_source_read(source, table->strings, text, table->strings_size))
		return NULL;

	struct ms_bytes strings = { text, table->strings_size };
	uint64_t budget = 16 * table->strings_size + (1 << 20);
	Elf64_Sym chunk[CHUNK];
	uint64_t symbols_n = ms_min(table->symbols_n, SYMBOLS_MAX);
	for (uint64_t at = 0; at < symbols_n && !walk->ended;) {
		size_t n = ms_min(symbols_n - at, CHUNK);
		if (!ms_elf_source_read(source, table->symbols + at * sizeof(*chunk),
			    chunk, n * sizeof(*chunk)))
			break;
		walk_chunk(walk, chunk, n, strings, &budget);
		at += n;
	}
	return NULL;
}

static struct ms_error *walk_sections(
	const struct ms_elf_image *image, uint32_t type, struct walk *walk, bool *found)
{
	for (size_t i = 0; i < image->sections_n && !walk->ended; i++) {
		struct table table;
		if (image->sections[i].type != type ||
			!table_of_section(image, &image->sections[i], &table))
			continue;
		*found = true;
		struct ms_error *err = walk_table(image, &table, walk);
		if (err)
			return err;
	}
	return NULL;
}

static struct ms_error *walk_dynamic(const struct ms_elf_image *image, struct walk *walk)
{
	for (size_t i = 0; i < image->segments_n && !walk->ended; i++) {
		struct table table;
		if (image->segments[i].type != PT_DYNAMIC ||
			!table_of_dynamic(image, &image->segments[i], &table))
			continue;
		struct ms_error *err = walk_table(image, &table, walk);
		if (err)
			return err;
	}
	return NULL;
}

struct ms_error *ms_elf_symbols_walk(
	const struct ms_elf_image *image, ms_elf_symbol_fn fn, void *context)
{
	struct walk walk = { .fn = fn, .context = context };
	bool has_symbols = false, has_dynamic = false;
	struct ms_error *err = walk_sections(image, SHT_SYMTAB, &walk, &has_symbols);
	if (!err)
		err = walk_sections(image, SHT_DYNSYM, &walk, &has_dynamic);
	if (!err && !has_dynamic)
		err = walk_dynamic(image, &walk);
	return err;
}

struct search {
	struct ms_elf_wanted **sorted; // by name
	size_t n;
	size_t missing;
};

static int compare_names(const void *a, const void *b)
{
	const struct ms_elf_wanted *const *x = a, *const *y = b;
	return strcmp((*x)->name, (*y)->name);
}

// memcmp order of a counted name and a C string; names of symbols hold no NUL.
static int compare_to(struct ms_bytes name, const char *s)
{
	int order = strncmp((const char *)name.p, s, name.n);
	return order ? order : -(s[name.n] != '\0');
}

static bool match_symbol(void *context, const struct ms_elf_symbol *symbol)
{
	struct search *search = context;
	size_t low = 0, high = search->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		struct ms_elf_wanted *w = search->sorted[middle];
		int order = compare_to(symbol->name, w->name);
		if (order == 0) {
			if (w->found)
				return true;
			w->found = true;
			w->symbol = *symbol;
			w->symbol.name = (struct ms_bytes){};
			return --search->missing > 0;
		}
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return true;
}

struct ms_error *ms_elf_symbols_find(
	const struct ms_elf_image *image, struct ms_elf_wanted *wanted, size_t n)
{
	if (!n)
		return NULL;
	_cleanup_free_ struct ms_elf_wanted **sorted =
		calloc(n, sizeof(struct ms_elf_wanted *));
	if (!sorted)
		return &ms_error_nomem;
	for (size_t i = 0; i < n; i++) {
		wanted[i].found = false;
		wanted[i].symbol = (struct ms_elf_symbol){};
		sorted[i] = &wanted[i];
	}
	qsort(sorted, n, sizeof(*sorted), compare_names);
	struct search search = { sorted, n, n };
	return ms_elf_symbols_walk(image, match_symbol, &search);
}
