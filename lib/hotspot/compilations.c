// What compiler threads do: see compilations.h.

#include "hotspot/compilations.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "hotspot/chain.h"
#include "hotspot/klass.h"
#include "ledger/reader.h"

enum {
	TIER_MAX = 4,
	NO_OSR = -1,
	SLOT = 8,
	QUEUE_FIRST = 8, // of a CompileQueue, behind its name
	QUEUE_MAX = 100000,
};

static const uint64_t TIME_MAX = UINT64_C(1) << 58; // ns: nine years

// --- names ----------------------------------------------------------------------------

// Slots of a pool hold pointers whose lowest bit may mean something.
static const char *pool_text(struct ms_vm *vm, uint64_t pool, uint64_t index)
{
	uint64_t symbol, head = ms_vm_size(vm, "ConstantPool");
	if (!head || !ms_vm_read(vm, pool + head + index * SLOT, 8, &symbol))
		return NULL;
	return ms_symbol_text(vm, symbol & ~UINT64_C(1));
}

const char *ms_method_name(struct ms_vm *vm, uint64_t method)
{
	uint64_t constant, pool, holder, name_index, signature_index;
	if (!ms_vm_field(vm, method, "Method::_constMethod", 8, &constant) ||
		!ms_vm_field(vm, constant, "ConstMethod::_constants", 8, &pool) ||
		!ms_vm_field(vm, constant, "ConstMethod::_name_index", 2, &name_index) ||
		!ms_vm_field(vm, constant, "ConstMethod::_signature_index", 2,
			&signature_index) ||
		!ms_vm_field(vm, pool, "ConstantPool::_pool_holder", 8, &holder))
		return NULL;
	const char *class = ms_klass_name(vm, holder);
	const char *name = pool_text(vm, pool, name_index);
	const char *signature = pool_text(vm, pool, signature_index);
	if (!class && !name)
		return NULL;
	// A snapshot lacks names that lie in the class data archive.
	char text[MS_METHOD_TEXT_MAX + 1];
	(void)snprintf(text, sizeof(text), "%s::%s%s", class ? class : "?",
		name ? name : "?", signature ? signature : "(?)");
	ms_printable(text);
	return ms_arena_copy(&vm->arena, ms_bytes_of(text));
}

// --- one compilation ------------------------------------------------------------------

const char *ms_compiler_owner(enum ms_java_thread_kind kind)
{
	switch (kind) {
	case MS_JAVA_THREAD_C1:
		return "java.compiler.c1";
	case MS_JAVA_THREAD_C2:
		return "java.compiler.c2";
	case MS_JAVA_THREAD_COMPILER:
		return "java.compiler.jvmci";
	case MS_JAVA_THREAD_JAVA:
	case MS_JAVA_THREAD_GC:
	case MS_JAVA_THREAD_VM:
	case MS_JAVA_THREAD_OTHER:
	case MS_JAVA_THREAD_KIND_COUNT:
		break;
	}
	return NULL;
}

static bool has_number(struct ms_bytes text, uint64_t number)
{
	struct ms_bytes word;
	char want[24];
	(void)snprintf(want, sizeof(want), "%" PRIu64, number);
	return ms_bytes_word(&text, &word) && ms_bytes_equal(word, ms_bytes_of(want));
}

// "  123   !   4       Big::big (1234 bytes)" of the thread, when it took the task up.
static uint64_t began(
	const struct ms_events *events, const struct ms_java_thread *thread, uint64_t id)
{
	uint64_t at = 0;
	if (!events)
		return 0;
	ms_array_foreach (event, &events->v)
		if (strcmp(events->logs.v[event->log].name, "Compilation events") == 0 &&
			event->thread == thread->address && event->at_ns > at &&
			has_number(event->text, id))
			at = event->at_ns;
	return at;
}

// When the task was begun lies behind its links, after a flag that JDK 26 lacks, and is
// what os::elapsed_counter() said, ns. Zero in versions that do not fill it in.
static uint64_t time_started(const struct ms_vm *vm, uint64_t task)
{
	uint64_t at = ms_vm_offset(vm, "CompileTask::_prev"), started;
	uint64_t behind = vm->feature >= 26 ? 16 : 24;
	return at != MS_VM_NONE && ms_vm_read(vm, task + at + behind, 8, &started) &&
			       started < TIME_MAX
		       ? started
		       : 0;
}

// The environment lies on the thread's own stack: what is elsewhere is none.
static bool find_task(
	const struct ms_vm *vm, const struct ms_java_thread *thread, uint64_t *ret)
{
	uint64_t env;
	return ms_vm_field(vm, thread->address, "CompilerThread::_env", 8, &env) &&
	       ms_range_has(thread->stack, env) &&
	       ms_vm_field(vm, env, "ciEnv::_task", 8, ret) && *ret;
}

static struct ms_error *add(struct ms_vm *vm, const struct ms_java_threads *threads,
	size_t index, const struct ms_events *events, struct ms_compilations *ret)
{
	const struct ms_java_thread *thread = &threads->v.v[index];
	uint64_t task, id, method, tier, bci;
	if (!find_task(vm, thread, &task) ||
		!ms_vm_field(vm, task, "CompileTask::_compile_id", 4, &id))
		return NULL;
	struct ms_compilation *added = ms_array_push(&ret->v);
	if (!added)
		return &ms_error_nomem;
	added->thread = index;
	added->id = id;
	if (ms_vm_field(vm, task, "CompileTask::_method", 8, &method))
		added->method = ms_method_name(vm, method);
	if (ms_vm_field(vm, task, "CompileTask::_comp_level", 4, &tier) &&
		tier <= TIER_MAX)
		added->tier = (unsigned)tier;
	if (ms_vm_field(vm, task, "CompileTask::_osr_bci", 4, &bci))
		added->is_osr = (int32_t)bci != NO_OSR;
	added->began_ns = began(events, thread, id);
	if (!added->began_ns)
		added->began_ns = time_started(vm, task);
	return NULL;
}

struct ms_error *ms_compilations_read(struct ms_vm *vm,
	const struct ms_java_threads *threads, const struct ms_events *events,
	struct ms_compilations *ret)
{
	struct ms_error *err = NULL;
	*ret = (struct ms_compilations){ 0 };
	for (size_t i = 0; !err && i < threads->v.n; i++)
		if (ms_compiler_owner(threads->v.v[i].kind))
			err = add(vm, threads, i, events, ret);
	return err;
}

void ms_compilations_deinit(struct ms_compilations *compilations)
{
	ms_array_deinit(&compilations->v);
}

const struct ms_compilation *ms_compilation_of(
	const struct ms_compilations *compilations, size_t thread)
{
	ms_array_foreach (compilation, &compilations->v)
		if (compilation->thread == thread)
			return compilation;
	return NULL;
}

// --- what waits -----------------------------------------------------------------------

struct ms_compile_queue ms_compile_queue_read(struct ms_vm *vm, bool is_c2)
{
	struct ms_compile_queue queue = { 0 };
	struct ms_chain chain = { .max = QUEUE_MAX };
	uint64_t at =
		ms_vm_symbol(vm, is_c2 ? MS_VM_SYMBOL_C2_QUEUE : MS_VM_SYMBOL_C1_QUEUE);
	uint64_t task, method, id;
	if (!at || !ms_vm_read(vm, at, 8, &at) || !at ||
		!ms_vm_read(vm, at + QUEUE_FIRST, 8, &task))
		return queue;
	while (ms_chain_goes_on(&chain, task)) {
		if (!ms_vm_field(vm, task, "CompileTask::_compile_id", 4, &id) ||
			!ms_vm_field(vm, task, "CompileTask::_method", 8, &method))
			break;
		if (!queue.n++)
			queue.first = ms_method_name(vm, method);
		if (!ms_vm_field(vm, task, "CompileTask::_next", 8, &task))
			break;
	}
	return queue;
}

// --- what they leave behind -----------------------------------------------------------

// The classes that C2 makes most of are nodes and operands; those of C1 are instructions.
static const char *compiler_of(const char *class)
{
	static const char *const c1[] = { "Phi", "Local", "BlockBegin", "LoadField",
		"StoreField", "Invoke", "ArithmeticOp", "TypeCast", "Goto", "NewInstance",
		"LoadIndexed", "StoreIndexed", "NullCheck" };
	struct ms_bytes name = ms_bytes_of(class);
	if (ms_bytes_ends(name, "Node") || ms_bytes_ends(name, "Oper"))
		return "java.compiler.c2";
	bool is_c1 = ms_bytes_starts(name, "LIR_");
	for (size_t i = 0; i < sizeof(c1) / sizeof(c1[0]); i++)
		is_c1 |= strcmp(class, c1[i]) == 0;
	return is_c1 ? "java.compiler.c1" : NULL;
}

static struct ms_error *tell(void *arg, uint64_t address, const char *class)
{
	const char *owner = compiler_of(class);
	return owner ? ms_reading_pointed(arg, (struct ms_range){ address, address + 1 },
			       owner, "vtables of its nodes, left in free blocks")
		     : NULL;
}

struct ms_error *ms_compilers_tell(struct ms_vm *vm,
	const struct ms_java_threads *threads, struct ms_reading *reading)
{
	struct ms_error *err = ms_vm_vtables(vm, tell, reading);
	ms_array_foreach (thread, &threads->v) {
		const char *owner = ms_compiler_owner(thread->kind);
		if (!err && owner)
			err = ms_reading_piece_thread(reading, thread->tid, owner,
				"freed arena chunks in a heap of malloc that no other "
				"compiler's threads use");
	}
	return err;
}
