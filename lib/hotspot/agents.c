// Agents of a JVM: see agents.h.

#include "hotspot/agents.h"

#include <string.h>

#include "hotspot/variables.h"

enum {
	AGENTS_MAX = 256,
	LINK_NAME_AT = 8, // of a struct link_map: l_name
	FEATURE_OWN_LIST = 21,
};

// One member of the JVM's list: offsets, bytes.
struct member_layout {
	unsigned next, name, options, handle;
};

// AgentLibrary, and JvmtiAgent, which begins with two times of 16 bytes.
static const struct member_layout old_layout = { 32, 0, 8, 16 };
static const struct member_layout new_layout = { 32, 40, 48, 56 };

struct member {
	uint64_t next;
	const char *name, *options, *library;
	struct ms_range range; // of the library
};

struct agents_reading {
	struct ms_vm *vm;
	struct ms_agents *agents;
	const struct member_layout *layout;
	uint64_t head;
};

// --- arguments ------------------------------------------------------------------------

bool ms_agent_parse(const char *argument, struct ms_arena *arena, struct ms_agent *ret)
{
	static const struct {
		const char *prefix;
		bool is_java;
	} kinds[] = { { "-javaagent:", true }, { "-agentlib:", false },
		{ "-agentpath:", false } };
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t n = strlen(kinds[i].prefix);
		if (strncmp(argument, kinds[i].prefix, n) != 0)
			continue;
		const char *name = argument + n, *equals = strchr(name, '=');
		*ret = (struct ms_agent){ .is_java = kinds[i].is_java };
		ret->name = ms_arena_copy(
			arena, ms_bytes_sub(ms_bytes_of(name), 0,
				       equals ? (size_t)(equals - name) : strlen(name)));
		if (equals)
			ret->options = ms_arena_copy(arena, ms_bytes_of(equals + 1));
		return ret->name && (!equals || ret->options);
	}
	return false;
}

static struct ms_error *add(struct ms_agents *agents, const struct ms_agent *agent)
{
	struct ms_agent *added = ms_array_push(&agents->v);
	if (!added)
		return &ms_error_nomem;
	*added = *agent;
	return NULL;
}

static struct ms_error *read_arguments(
	struct ms_vm *vm, const struct ms_flags *flags, struct ms_agents *agents)
{
	struct ms_error *err = NULL;
	for (size_t i = 0; !err && i < flags->argument_n; i++) {
		struct ms_agent agent;
		if (ms_agent_parse(flags->arguments[i], &vm->arena, &agent))
			err = add(agents, &agent);
	}
	return err;
}

// --- the JVM's list -------------------------------------------------------------------

// The handle that dlopen() gave is a struct link_map.
static const char *library_of(struct ms_vm *vm, uint64_t handle)
{
	uint64_t name;
	return handle % 8 == 0 && ms_vm_read(vm, handle + LINK_NAME_AT, 8, &name)
		       ? ms_vm_text(vm, name)
		       : NULL;
}

// The kernel may know the library by another path: a link's, or one within another root.
static bool is_mapping_of(const struct ms_mapping *m, const char *library)
{
	static const char deleted[] = " (deleted)";
	struct ms_bytes name = m->name;
	if (ms_bytes_ends(name, deleted))
		name = ms_bytes_sub(name, 0, name.n - strlen(deleted));
	return ms_bytes_equal(
		ms_bytes_basename(name), ms_bytes_basename(ms_bytes_of(library)));
}

// From where the library was loaded on, as far as its mappings go.
static struct ms_range mapped_at(
	const struct ms_vm *vm, uint64_t address, const char *library)
{
	const struct ms_maps *maps = ms_target_maps(vm->target);
	const struct ms_mapping *first = ms_maps_find(maps, address);
	struct ms_range range = { 0 };
	if (!first || *library != '/')
		return range;
	for (const struct ms_mapping *m = first;
		m < maps->v + maps->n && is_mapping_of(m, library); m++)
		range = (struct ms_range){ first->range.start, m->range.end };
	return range;
}

// "jdwp" is libjdwp.so; a path is itself; a jar's library is libinstrument.so.
static bool is_library_of(const char *library, const char *name)
{
	struct ms_bytes path = ms_bytes_of(library), base = ms_bytes_basename(path);
	if (ms_bytes_is(path, name) || ms_bytes_is(base, "libinstrument.so"))
		return true;
	return ms_bytes_starts(base, "lib") && ms_bytes_ends(base, ".so") &&
	       ms_bytes_is(ms_bytes_sub(base, 3, base.n - 6), name);
}

static bool read_member(const struct agents_reading *r, uint64_t at, struct member *ret)
{
	uint64_t name, options, handle, base;
	struct member m = { 0 };
	if (!at || at % 8 || !ms_vm_read(r->vm, at + r->layout->next, 8, &m.next) ||
		!ms_vm_read(r->vm, at + r->layout->name, 8, &name) ||
		!ms_vm_read(r->vm, at + r->layout->options, 8, &options) ||
		!ms_vm_read(r->vm, at + r->layout->handle, 8, &handle) || m.next % 8 ||
		!name || !handle)
		return false;
	m.library = library_of(r->vm, handle);
	m.name = m.library && *m.library ? ms_vm_text(r->vm, name) : NULL;
	m.options = options ? ms_vm_text(r->vm, options) : NULL;
	if (!m.name || (options && !m.options) || !is_library_of(m.library, m.name))
		return false;
	if (!ms_vm_read(r->vm, handle, 8, &base))
		return false; // l_addr, a link_map's first field
	m.range = mapped_at(r->vm, base, m.library);
	if (!ms_range_size(m.range))
		return false;
	*ret = m;
	return true;
}

// Up to JDK 20 a jar is an option of the library "instrument", and its own follow.
static bool parse_member(struct ms_vm *vm, const struct member *m, struct ms_agent *ret)
{
	struct ms_bytes base = ms_bytes_basename(ms_bytes_of(m->library));
	bool is_java = ms_bytes_is(base, "libinstrument.so");
	*ret = (struct ms_agent){
		.name = m->name, .options = m->options, .is_java = is_java
	};
	if (is_java && strcmp(m->name, "instrument") == 0 && m->options) {
		const char *equals = strchr(m->options, '=');
		size_t n = equals ? (size_t)(equals - m->options) : strlen(m->options);
		ret->name = ms_arena_copy(
			&vm->arena, ms_bytes_sub(ms_bytes_of(m->options), 0, n));
		ret->options = equals ? equals + 1 : NULL;
	}
	ret->library = m->library;
	ret->range = m->range;
	ret->is_loaded = true;
	return ret->name;
}

static bool is_same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static struct ms_error *take_member(struct agents_reading *r, const struct member *m)
{
	struct ms_agent agent;
	if (!parse_member(r->vm, m, &agent))
		return &ms_error_nomem;
	ms_array_foreach (known, &r->agents->v) {
		if (known->is_loaded || known->is_java != agent.is_java ||
			!is_same(known->name, agent.name) ||
			!is_same(known->options, agent.options))
			continue;
		*known = agent;
		return NULL;
	}
	agent.is_attached = true;
	return add(r->agents, &agent);
}

static struct ms_error *walk_list(struct agents_reading *r)
{
	struct ms_error *err = NULL;
	struct member m;
	for (size_t n = 0; !err && n < AGENTS_MAX && read_member(r, r->head, &m); n++) {
		err = take_member(r, &m);
		r->head = m.next;
	}
	return err;
}

static bool on_variable(void *arg, uint64_t address, uint64_t word)
{
	struct agents_reading *r = arg;
	struct member m;
	(void)address;
	if (!ms_vm_is_writable(r->vm, word, r->layout->handle + 8) ||
		!read_member(r, word, &m))
		return false;
	r->head = word;
	return true;
}

static struct ms_error *find_list(struct agents_reading *r)
{
	static const enum ms_vm_symbol symbols[] = { MS_VM_SYMBOL_AGENT_LIST,
		MS_VM_SYMBOL_AGENT_LIST_21, MS_VM_SYMBOL_AGENT_LIST_26 };
	bool is_new = r->vm->feature >= FEATURE_OWN_LIST;
	uint64_t variable = 0;
	for (size_t i = 0; !variable && i < sizeof(symbols) / sizeof(symbols[0]); i++)
		variable = ms_vm_symbol(r->vm, symbols[i]);
	r->layout = is_new ? &new_layout : &old_layout;
	if (variable)
		(void)ms_vm_read(r->vm, variable, 8, &r->head);
	return variable ? NULL : ms_vm_variables_walk(r->vm, on_variable, r);
}

// Unsaid that there are none: a list that was not found may have had some.
static void note_missing(struct agents_reading *r)
{
	bool is_missing = r->head != 0;
	ms_array_foreach (agent, &r->agents->v)
		is_missing |= !agent->is_loaded;
	if (is_missing)
		r->agents->note = "the JVM's list of agents could not be read to its "
				  "end: attached ones may be missing";
}

struct ms_error *ms_agents_read(
	struct ms_vm *vm, const struct ms_flags *flags, struct ms_agents *ret)
{
	*ret = (struct ms_agents){ 0 };
	struct agents_reading r = { .vm = vm, .agents = ret };
	struct ms_error *err = read_arguments(vm, flags, ret);
	if (!err)
		err = find_list(&r);
	if (!err)
		err = walk_list(&r);
	if (!err)
		note_missing(&r);
	return err;
}

void ms_agents_deinit(struct ms_agents *agents)
{
	ms_array_deinit(&agents->v);
}
