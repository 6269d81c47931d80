// The threads of a JVM: see java_threads.h.

#include "hotspot/java_threads.h"

#include <string.h>

#include "hotspot/java_threads_internal.h"
#include "hotspot/variables.h"

enum {
	THREADS_MAX = 1 << 20,
	SUPERS_MAX = 64,     // classes above a thread's own
	STACK_MAX = 1 << 30, // bytes
	GUARD_UNIT = 4096,   // of the flags that say how large a guard is
	COMM_MAX = 15,       // what the kernel keeps of a name
	COMM_HEAD = 7,       // JDK 26: these,
	COMM_TAIL = 6,       // two dots and these
};

static const char *const kind_names[] = {
#define X(id, name) name,
	MS_JAVA_THREAD_KINDS(X)
#undef X
};

const char *ms_java_thread_kind_name(enum ms_java_thread_kind kind)
{
	return (unsigned)kind < MS_JAVA_THREAD_KIND_COUNT ? kind_names[kind] : "?";
}

// --- kinds ----------------------------------------------------------------------------

struct kind_rule {
	const char *prefix;
	enum ms_java_thread_kind kind;
};

// By the class of the Thread; the first that fits.
static const struct kind_rule by_class[] = {
	{ "CompilerThread", MS_JAVA_THREAD_COMPILER },
	{ "CodeCacheSweeper", MS_JAVA_THREAD_VM },
	{ "ServiceThread", MS_JAVA_THREAD_VM },
	{ "MonitorDeflationThread", MS_JAVA_THREAD_VM },
	{ "NotificationThread", MS_JAVA_THREAD_VM },
	{ "AttachListenerThread", MS_JAVA_THREAD_JAVA }, // a plain one before JDK 26
	{ "TrainingReplayThread", MS_JAVA_THREAD_VM },
	{ "JvmtiAgentThread", MS_JAVA_THREAD_VM },
	{ "StringDedup", MS_JAVA_THREAD_GC },
	{ "JavaThread", MS_JAVA_THREAD_JAVA },
	{ "VMThread", MS_JAVA_THREAD_VM },
	{ "WatcherThread", MS_JAVA_THREAD_VM },
	{ "AsyncLogWriter", MS_JAVA_THREAD_VM },
	{ "VM_", MS_JAVA_THREAD_VM },
	{ "Jfr", MS_JAVA_THREAD_VM },
	{ "JFR", MS_JAVA_THREAD_VM },
	{ "GC", MS_JAVA_THREAD_GC },
	{ "GangWorker", MS_JAVA_THREAD_GC },
	{ "AbstractGangWorker", MS_JAVA_THREAD_GC },
	{ "WorkerThread", MS_JAVA_THREAD_GC },
	{ "Concurrent", MS_JAVA_THREAD_GC },
	{ "G1", MS_JAVA_THREAD_GC },
	{ "CMS", MS_JAVA_THREAD_GC },
	{ "Shenandoah", MS_JAVA_THREAD_GC },
	{ "Z", MS_JAVA_THREAD_GC },
	{ "X", MS_JAVA_THREAD_GC },
};

// By name, where the class is not known, and for what a class has several of.
static const struct kind_rule by_name[] = {
	{ "C1 CompilerThread", MS_JAVA_THREAD_C1 },
	{ "C2 CompilerThread", MS_JAVA_THREAD_C2 },
	{ "JVMCI", MS_JAVA_THREAD_COMPILER },
	{ "Sweeper thread", MS_JAVA_THREAD_VM },
	{ "Service Thread", MS_JAVA_THREAD_VM },
	{ "Monitor Deflation Thread", MS_JAVA_THREAD_VM },
	{ "Notification Thread", MS_JAVA_THREAD_VM },
	{ "VM Thread", MS_JAVA_THREAD_VM },
	{ "VM Periodic Task", MS_JAVA_THREAD_VM },
	{ "AsyncLog Thread", MS_JAVA_THREAD_VM },
	{ "JFR ", MS_JAVA_THREAD_VM },
	{ "RuntimeWorker", MS_JAVA_THREAD_VM },
};

static bool find_rule(const struct kind_rule *rules, size_t n, struct ms_bytes text,
	enum ms_java_thread_kind *ret)
{
	for (size_t i = 0; i < n; i++)
		if (ms_bytes_starts(text, rules[i].prefix)) {
			*ret = rules[i].kind;
			return true;
		}
	return false;
}

#define FIND_RULE(rules, text, ret)                                                      \
	find_rule(rules, sizeof(rules) / sizeof((rules)[0]), text, ret)

// The kernel's name starts as the whole one does, but for JDK 26, which shortens C2
// CompilerThread0 to "C2 Comp..hread0".
static bool has_comm_rule(
	const struct ms_java_thread *thread, enum ms_java_thread_kind *ret)
{
	struct ms_bytes comm = ms_bytes_of(thread->thread ? thread->thread->name : "");
	for (size_t i = 0; comm.n && i < sizeof(by_name) / sizeof(by_name[0]); i++) {
		struct ms_bytes head = ms_bytes_sub(comm, 0, COMM_HEAD);
		struct ms_bytes rule = ms_bytes_of(by_name[i].prefix);
		rule = ms_bytes_sub(rule, 0, head.n);
		if (!ms_bytes_equal(rule, head))
			continue;
		*ret = by_name[i].kind;
		return true;
	}
	return false;
}

static enum ms_java_thread_kind kind_of(const struct ms_java_thread *thread)
{
	enum ms_java_thread_kind kind =
		thread->is_java ? MS_JAVA_THREAD_JAVA : MS_JAVA_THREAD_GC;
	enum ms_java_thread_kind named = kind;
	struct ms_bytes class = ms_bytes_of(thread->class_name ? thread->class_name : "");
	bool is_told = class.n && FIND_RULE(by_class, class, &kind);
	if (is_told && kind != MS_JAVA_THREAD_COMPILER)
		return kind;
	bool is_named = thread->has_name ? FIND_RULE(by_name, thread->name, &named)
					 : has_comm_rule(thread, &named);
	if (is_told) // it is a compiler's: of which, the name says
		return named == MS_JAVA_THREAD_C1 || named == MS_JAVA_THREAD_C2 ? named
										: kind;
	if (class.n && !thread->is_java)
		return MS_JAVA_THREAD_OTHER;
	return is_named ? named : kind;
}

// --- one thread -----------------------------------------------------------------------

bool ms_java_name_fits(struct ms_bytes name, const char *comm)
{
	struct ms_bytes have = ms_bytes_of(comm);
	if (ms_bytes_equal(ms_bytes_sub(name, 0, COMM_MAX), have))
		return true;
	return have.n == COMM_MAX && name.n > COMM_MAX &&
	       memcmp(have.p, name.p, COMM_HEAD) == 0 &&
	       memcmp(have.p + COMM_HEAD, "..", 2) == 0 &&
	       memcmp(have.p + COMM_MAX - COMM_TAIL, name.p + name.n - COMM_TAIL,
		       COMM_TAIL) == 0;
}

// The id is that of the innermost namespace: what gettid() said.
static const struct ms_thread *kernel_thread(const struct ms_vm *vm, uint64_t id)
{
	const struct ms_threads *threads = ms_target_threads(vm->target);
	for (size_t i = 0; i < threads->n; i++) {
		const struct ms_thread *t = &threads->v[i];
		if ((t->ns_tid ? t->ns_tid : t->tid) == id)
			return t;
	}
	return NULL;
}

static bool read_id(const struct ms_vm *vm, uint64_t address, uint64_t *ret)
{
	uint64_t os_thread;
	return ms_vm_field(vm, address, "Thread::_osthread|JavaThread::_osthread", 8,
		       &os_thread) &&
	       ms_vm_field(vm, os_thread, "OSThread::_thread_id", 4, ret) && *ret;
}

bool ms_java_thread_is_of(const struct ms_vm *vm, uint64_t address, uint64_t id)
{
	uint64_t found;
	return address % 8 == 0 && read_id(vm, address, &found) && found == id;
}

static void read_stack(const struct ms_vm *vm, struct ms_java_thread *thread)
{
	uint64_t base, size;
	if (ms_vm_field(vm, thread->address, "JavaThread::_stack_base", 8, &base) &&
		ms_vm_field(vm, thread->address, "JavaThread::_stack_size", 8, &size) &&
		size && size <= STACK_MAX && size <= base &&
		!((base | size) % MS_PAGE_SIZE))
		thread->stack = (struct ms_range){ base - size, base };
}

static const char *const states[] = {
	"_thread_new",
	"_thread_new_trans",
	"_thread_in_native",
	"_thread_in_native_trans",
	"_thread_in_vm",
	"_thread_in_vm_trans",
	"_thread_in_Java",
	"_thread_in_Java_trans",
	"_thread_blocked",
	"_thread_blocked_trans",
};

static const char *state_of(const struct ms_vm *vm, uint64_t address)
{
	uint64_t state;
	int64_t value;
	if (!ms_vm_field(vm, address, "JavaThread::_thread_state", 4, &state))
		return NULL;
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (ms_vm_constant(vm, states[i], &value) && value == (int64_t)state)
			return states[i];
	return NULL;
}

// --- names ----------------------------------------------------------------------------

// The class of an object or one above it that is java.lang.Thread; 0: none.
static uint64_t thread_class(struct ms_thread_reading *r, uint64_t object)
{
	uint64_t klass = ms_java_class(r->java, object);
	for (int i = 0; klass && i < SUPERS_MAX; i++) {
		if (klass == r->thread_class ||
			ms_java_class_is(r->java->vm, klass, "java/lang/Thread"))
			return klass;
		if (!ms_vm_field(r->java->vm, klass, "Klass::_super", 8, &klass))
			return 0;
	}
	return 0;
}

static bool find_name_field(struct ms_thread_reading *r, uint64_t object)
{
	uint64_t klass = thread_class(r, object);
	if (!klass)
		return false;
	if (klass != r->thread_class) {
		r->thread_class = klass;
		r->name_at = ms_java_field_offset(
			r->java->vm, klass, "name", "Ljava/lang/String;");
	}
	return r->name_at != MS_VM_NONE;
}

// A Thread's java.lang.Thread: a reference up to JDK 16, later a pointer to one.
static uint64_t thread_object(const struct ms_thread_reading *r, uint64_t address)
{
	const struct ms_vm *vm = r->java->vm;
	uint64_t at = ms_vm_offset(vm, "JavaThread::_threadObj"), slot, object;
	if (at == MS_VM_NONE)
		return 0;
	slot = address + at;
	if (ms_vm_offset(vm, "OopHandle::_obj") != MS_VM_NONE &&
		!ms_vm_read(vm, slot, 8, &slot))
		return 0;
	return slot && ms_java_root(r->java, slot, &object) ? object : 0;
}

static void read_java_name(struct ms_thread_reading *r, struct ms_java_thread *thread)
{
	uint64_t string;
	thread->object = thread_object(r, thread->address);
	if (thread->object && find_name_field(r, thread->object) &&
		ms_java_reference(r->java, thread->object + r->name_at, &string))
		thread->has_name = ms_java_string(r->java, string, &thread->name);
}

// Threads of the JVM's without a name within; the kernel has one all the same.
static bool is_nameless(const struct ms_java_thread *thread, const char **ret_usual)
{
	static const char *const usual[][2] = {
		{ "WatcherThread", "VM Periodic Task Thread" },
		{ "AsyncLogWriter", "AsyncLog Thread" },
	};
	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
		struct ms_bytes name = ms_bytes_of(usual[i][1]);
		bool is_it = thread->class_name
				     ? strcmp(thread->class_name, usual[i][0]) == 0
				     : thread->thread && ms_java_name_fits(name,
								 thread->thread->name);
		if (!is_it)
			continue;
		*ret_usual = usual[i][1];
		return true;
	}
	return false;
}

// NamedThread has a name; classes beside it have something else at that place, so what is
// there counts only if it is what the kernel has the beginning of.
static void read_vm_name(struct ms_thread_reading *r, struct ms_java_thread *thread)
{
	uint64_t at;
	const char *text = NULL;
	if (is_nameless(thread, &text)) {
		thread->name = ms_bytes_of(text);
		thread->has_name = true;
		return;
	}
	if (!ms_vm_field(r->java->vm, thread->address, "NamedThread::_name", 8, &at) ||
		!at)
		return;
	// A core knows no names but the first thread's: then it must at least look like one.
	const char *comm = thread->thread ? thread->thread->name : "";
	text = *comm ? ms_vm_text(r->java->vm, at) : ms_vm_name(r->java->vm, at);
	if (!text || !*text)
		return;
	struct ms_bytes name = ms_bytes_sub(ms_bytes_of(text), 0, MS_JAVA_TEXT_MAX);
	if (*comm && !ms_java_name_fits(name, comm) &&
		strcmp(comm, "Unknown Thread") != 0)
		return; // JDK 8 calls its refinement threads so before they have names
	thread->name = name;
	thread->has_name = true;
}

// --- the list -------------------------------------------------------------------------

// Each thread of the JVM's is one of the kernel's, but for those that come and go.
static uint64_t most_threads(const struct ms_vm *vm)
{
	size_t n = ms_target_threads(vm->target)->n;
	return n ? ms_min(2 * (uint64_t)n + 64, THREADS_MAX) : THREADS_MAX;
}

struct ms_error *ms_thread_reading_add(
	struct ms_thread_reading *r, uint64_t address, bool is_java)
{
	struct ms_vm *vm = r->java->vm;
	struct ms_java_thread thread = { .address = address, .is_java = is_java };
	uint64_t id;
	if (!read_id(vm, address, &id))
		return NULL; // not started yet, or gone
	thread.thread = kernel_thread(vm, id);
	if (!thread.thread && ms_target_threads(vm->target)->n)
		return NULL;
	thread.tid = thread.thread ? thread.thread->tid : id;
	thread.class_name = ms_vm_class_of(vm, address);
	read_stack(vm, &thread);
	if (is_java) {
		read_java_name(r, &thread);
		thread.state = state_of(vm, address);
		thread.guard = ms_min(r->guard, ms_range_size(thread.stack));
	} else {
		read_vm_name(r, &thread);
	}
	thread.kind = kind_of(&thread);
	struct ms_java_thread *added = ms_array_push(&r->threads->v);
	if (!added)
		return &ms_error_nomem;
	*added = thread;
	return NULL;
}

struct ms_error *ms_thread_reading_note(struct ms_thread_reading *r, const char *text)
{
	return ms_vm_note(r->java->vm, &r->threads->notes, "%s", text);
}

// JDK 8 and 11: a list through the threads themselves.
static struct ms_error *walk_links(struct ms_thread_reading *r, uint64_t thread)
{
	struct ms_error *err = NULL;
	uint64_t n = 0, said = THREADS_MAX;
	(void)ms_vm_static(r->java->vm, "Threads::_number_of_threads", 4, &said);
	// A list that grows while it is read is longer than what was said.
	for (uint64_t max = ms_min(2 * said + 16, THREADS_MAX); !err && thread; n++) {
		if (n >= max)
			return ms_thread_reading_note(
				r, "the list of Java threads does not end");
		err = ms_thread_reading_add(r, thread, true);
		if (!ms_vm_field(r->java->vm, thread, "JavaThread::_next", 8, &thread))
			break;
	}
	return err;
}

// JDK 17 and later: an array, which is never changed but replaced.
static struct ms_error *walk_array(struct ms_thread_reading *r, uint64_t list)
{
	struct ms_vm *vm = r->java->vm;
	struct ms_error *err = NULL;
	uint64_t n, array, thread;
	if (!ms_vm_field(vm, list, "ThreadsList::_length", 4, &n) ||
		!ms_vm_field(vm, list, "ThreadsList::_threads", 8, &array) ||
		n > most_threads(vm))
		return ms_thread_reading_note(
			r, "the list of Java threads cannot be read");
	for (uint64_t i = 0; !err && i < n; i++)
		if (ms_vm_read(vm, array + 8 * i, 8, &thread))
			err = ms_thread_reading_add(r, thread, true);
	return err;
}

static struct ms_error *read_java_threads(struct ms_thread_reading *r)
{
	uint64_t list;
	if (ms_vm_static(r->java->vm, "ThreadsSMRSupport::_java_thread_list", 8, &list))
		return walk_array(r, list);
	if (ms_vm_static(r->java->vm, "Threads::_thread_list", 8, &list))
		return walk_links(r, list);
	return ms_thread_reading_note(r, "libjvm.so does not say where its threads are");
}

static int compare_threads(const void *a, const void *b)
{
	const struct ms_java_thread *x = a, *y = b;
	return (x->tid > y->tid) - (x->tid < y->tid);
}

// A list that changes under the walk may name a thread twice.
static void sort_threads(struct ms_java_threads *threads)
{
	size_t n = 0;
	if (!threads->v.n)
		return;
	qsort(threads->v.v, threads->v.n, sizeof(*threads->v.v), compare_threads);
	for (size_t i = 0; i < threads->v.n; i++)
		if (!n || threads->v.v[n - 1].tid != threads->v.v[i].tid)
			threads->v.v[n++] = threads->v.v[i];
	threads->v.n = n;
}

static uint64_t guard_bytes(const struct ms_flags *flags)
{
	uint64_t pages = ms_flag_number(flags, "StackYellowPages", 0) +
			 ms_flag_number(flags, "StackRedPages", 0) +
			 ms_flag_number(flags, "StackReservedPages", 0);
	return ms_min(pages, STACK_MAX / GUARD_UNIT) * GUARD_UNIT;
}

struct ms_error *ms_java_threads_read(struct ms_java *java, const struct ms_flags *flags,
	const struct ms_thread_table *table, struct ms_java_threads *ret)
{
	*ret = (struct ms_java_threads){ 0 };
	struct ms_thread_reading r = { .java = java,
		.table = table,
		.threads = ret,
		.guard = guard_bytes(flags),
		.name_at = MS_VM_NONE };
	struct ms_error *err = read_java_threads(&r);
	if (!err)
		err = ms_vm_threads_read(&r);
	sort_threads(ret);
	return err;
}

void ms_java_threads_deinit(struct ms_java_threads *threads)
{
	ms_array_deinit(&threads->v);
	ms_array_deinit(&threads->notes);
}

struct ms_error *ms_java_threads_name(
	const struct ms_java_threads *threads, struct ms_thread_table *table)
{
	struct ms_error *err = NULL;
	if (threads->has_vm_threads) // who is not in the lists is none of the JVM's
		for (size_t i = 0; i < table->n; i++)
			table->v[i].is_java = false;
	ms_array_foreach (thread, &threads->v) {
		struct ms_thread_row *row = ms_thread_table_find(table, thread->tid);
		if (!row)
			continue;
		row->is_java = true;
		if (!err && thread->has_name && thread->name.n)
			err = ms_thread_table_name(table, row, thread->name);
	}
	return err;
}
