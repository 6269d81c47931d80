// The JVM's own threads: see java_threads.h.
//
// NonJavaThread::_next is the last field of its class, whose size the tables have: 8 bytes
// before the end, in JDK 11 to 26. The list is believed only if it ends, and every member
// is a Thread of a thread there is.

#include "hotspot/java_threads_internal.h"

#include <string.h>

enum {
	LIST_MAX = 1 << 16,
	LINK_BYTES = 8,
	KEYS_FIRST = 0x200, // bytes into struct pthread: where its keys' values may lie,
	KEYS_END = 0x600,   // on x86-64 from 0x310 on, 16 bytes each
};

// The list's head lies first in it.
static uint64_t next_thread(const struct ms_vm *vm, uint64_t thread)
{
	uint64_t size = ms_vm_size(vm, "NonJavaThread"), next;
	return size > LINK_BYTES && ms_vm_read(vm, thread + size - LINK_BYTES, 8, &next)
		       ? next
		       : 0;
}

static struct ms_error *walk_list(struct ms_thread_reading *r)
{
	struct ms_vm *vm = r->java->vm;
	struct ms_error *err = NULL;
	uint64_t thread;
	size_t before = r->threads->v.n, n = 0;
	if (!ms_vm_read(vm, ms_vm_symbol(vm, MS_VM_SYMBOL_NON_JAVA_THREADS), 8, &thread))
		return NULL;
	for (; !err && thread && n < LIST_MAX; n++) {
		err = ms_thread_reading_add(r, thread, false);
		thread = next_thread(vm, thread);
	}
	size_t added = r->threads->v.n - before;
	// A thread may end while the list is walked; most of them never do.
	r->threads->has_vm_threads = added && n < LIST_MAX && added + n / 2 + 1 >= n;
	if (!r->threads->has_vm_threads)
		r->threads->v.n = before;
	return err;
}

// --- through their keys ---------------------------------------------------------------

static bool is_listed(const struct ms_thread_reading *r, uint64_t tid)
{
	ms_array_foreach (thread, &r->threads->v)
		if (thread->tid == tid)
			return true;
	return false;
}

static uint64_t own_id(const struct ms_thread *thread)
{
	return thread->ns_tid ? thread->ns_tid : thread->tid;
}

// Cores say where it is by the register that leads to it.
static uint64_t control_block(const struct ms_thread_row *row)
{
	return row->control_block ? row->control_block : row->thread->fs_base;
}

// Where struct pthread of one thread has the address of its Thread; all have it there,
// since they use the same key.
static bool find_key(
	const struct ms_thread_reading *r, const struct ms_thread_row *row, uint64_t *ret)
{
	uint64_t words[(KEYS_END - KEYS_FIRST) / 8];
	if (!ms_peek_bytes(r->java->vm->peek, control_block(row) + KEYS_FIRST, words,
		    sizeof(words)))
		return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!words[i] ||
			!ms_java_thread_is_of(r->java->vm, words[i], own_id(row->thread)))
			continue;
		*ret = KEYS_FIRST + i * 8;
		return true;
	}
	return false;
}

static struct ms_error *add_by_key(
	struct ms_thread_reading *r, const struct ms_thread_row *row, uint64_t key)
{
	uint64_t address;
	if (!ms_vm_read(r->java->vm, control_block(row) + key, 8, &address) ||
		!ms_java_thread_is_of(r->java->vm, address, own_id(row->thread)))
		return NULL;
	return ms_thread_reading_add(r, address, false);
}

static bool learn_key(const struct ms_thread_reading *r, uint64_t *ret)
{
	for (size_t i = 0; i < r->table->n; i++) {
		const struct ms_thread_row *row = &r->table->v[i];
		if (control_block(row) && is_listed(r, row->thread->tid) &&
			find_key(r, row, ret))
			return true;
	}
	return false;
}

static struct ms_error *walk_keys(struct ms_thread_reading *r)
{
	struct ms_error *err = NULL;
	uint64_t key;
	if (!r->table || !learn_key(r, &key))
		return ms_thread_reading_note(r, "the JVM's own threads are not listed: "
						 "libjvm.so has no symbols for it");
	size_t unknown = 0;
	for (size_t i = 0; !err && i < r->table->n; i++) {
		const struct ms_thread_row *row = &r->table->v[i];
		if (is_listed(r, row->thread->tid))
			continue;
		uint64_t word;
		bool is_seen =
			control_block(row) &&
			ms_vm_read(r->java->vm, control_block(row) + key, 8, &word);
		unknown += !is_seen;
		if (is_seen)
			err = add_by_key(r, row, key);
	}
	if (err || !unknown)
		return err;
	return ms_thread_reading_note(r,
		"threads whose control block cannot be read may be "
		"the JVM's own");
}

struct ms_error *ms_vm_threads_read(struct ms_thread_reading *r)
{
	struct ms_error *err = walk_list(r);
	return err || r->threads->has_vm_threads ? err : walk_keys(r);
}
