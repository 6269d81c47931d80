// The owner table: see owner.h. Sorted by id within each group; longer ids refine shorter
// ones.

#include "ledger/owner.h"

#include <string.h>

// Cures name only options that exist in JDK 8 to 26 and glibc 2.17 to 2.44, with the
// version where they do not exist in all.
static const struct ms_owner owners[] = {
	{ "java.heap", "Java heap", "Objects of the Java program.",
		"Compare with -Xmx: it may grow to that and seldom shrinks; what fills it, "
		"mapheap shows.",
		0 },
	{ "java.heap.free", "Java heap, free",
		"Committed heap that holds no objects but was touched before.",
		"G1 gives it back after a concurrent cycle; lower -Xms or -Xmx, or set "
		"G1PeriodicGCInterval (JDK 12 and later).",
		0 },
	{ "java.gc", "collector's tables",
		"Card tables, mark bitmaps, remembered sets and mark stacks of the collector.",
		"Grows with the heap's size; a smaller -Xmx or another collector changes it.",
		0 },
	{ "java.metaspace.class", "class metaspace",
		"Class structures in the compressed class space.",
		"Count loaded classes and loaders (jcmd PID VM.classloader_stats); many equal "
		"loaders are a leak.",
		0 },
	{ "java.metaspace.nonclass", "metaspace",
		"Methods, constant pools and other metadata of loaded classes.",
		"Count loaded classes and loaders; -XX:MaxMetaspaceSize bounds it.", 0 },
	{ "java.metaspace", "metaspace", "Metadata of loaded classes.",
		"Count loaded classes and loaders; -XX:MaxMetaspaceSize bounds it.", 0 },
	{ "java.cds", "class data archive",
		"Classes the JVM maps ready-made from its shared archive.",
		"A constant few megabytes; -Xshare:off removes it and slows the start.",
		0 },
	{ "java.code", "compiled code", "The code cache: machine code the JVM made.",
		"Compare with -XX:ReservedCodeCacheSize, which bounds it.", 0 },
	{ "java.stack", "Java thread stacks", "Stacks of Java and VM threads.",
		"Count threads by name and find the pool without a bound; -Xss sets the size of "
		"each.",
		0 },
	{ "java.compiler.c1", "C1 compiler", "Working memory of C1's compiler threads.",
		"See which method is being compiled.", 0 },
	{ "java.compiler.c2", "C2 compiler", "Working memory of C2's compiler threads.",
		"See which method is being compiled; confirm by excluding it from compilation.",
		0 },
	{ "java.compiler.jvmci", "JVMCI compiler",
		"Working memory of a compiler attached through JVMCI.",
		"See which method is being compiled.", 0 },
	{ "java.compiler", "JIT compilers", "Working memory of the JIT compilers.",
		"See which method is being compiled.", 0 },
	{ "java.direct.buffer", "direct buffers",
		"Memory behind reachable direct ByteBuffers.",
		"Compare with -XX:MaxDirectMemorySize, which bounds it.", 0 },
	{ "java.direct.cached", "NIO's cached buffers",
		"Temporary direct buffers that NIO keeps for each thread.",
		"-Djdk.nio.maxCachedBufferSize bounds the size of each.", 0 },
	{ "java.direct.unsafe", "Unsafe memory",
		"Memory taken by Unsafe.allocateMemory without a buffer object.",
		"Find the library: Netty, caches and serialisers do this, with limits of their "
		"own.",
		0 },
	{ "java.jni.refs", "JNI references", "Tables of JNI global and weak references.",
		"A growing count is a missing DeleteGlobalRef in native code.", 0 },
	{ "java.jvmti.tags", "JVMTI tags", "Object tags an agent keeps through JVMTI.",
		"Detach or update the agent that tags objects.", 0 },
	{ "java.jfr", "flight recorder", "Buffers of the JVM's flight recorder.",
		"Stop the recording, or lower its memory size.", 0 },
	{ "java.nmt", "native memory tracking",
		"The JVM's own bookkeeping of its memory.",
		"-XX:NativeMemoryTracking=off removes it.", 0 },
	{ "java.symbols", "symbols", "Names of classes, methods and fields, kept once.",
		"Grows with loaded classes; generated classes with fresh names are the usual "
		"cause.",
		0 },
	{ "java.stringtable", "string table", "The table of interned strings.",
		"Count calls of String.intern with unbounded input.", 0 },
	{ "java.arena.pool", "arena chunks, pooled",
		"HotSpot arena chunks that are free and kept for later use.",
		"It gives them back after some seconds.", 0 },
	{ "java.arena", "HotSpot arenas",
		"HotSpot arena chunks that are not a compiler's.",
		"Compare two snapshots; a steady size is normal.", 0 },
	{ "java.vm", "JVM, other",
		"Native memory the JVM accounts to a category of its own.",
		"jcmd PID VM.native_memory shows the category where tracking is on.", 0 },
	{ "java", "JVM", "Memory of the Java virtual machine.", "See the finer rows.",
		0 },
	{ "agent", "agent", "Native memory of a Java or native agent.",
		"Confirm by starting one instance without the agent.", 0 },
	{ "lib.zlib.inflate", "zlib, decompressing",
		"Streams that decompress: their states and windows.",
		"Count them: in Java every Inflater, GZIPInputStream and ZipFile must be "
		"closed; a growing count is one that is not.",
		0 },
	{ "lib.zlib.deflate", "zlib, compressing",
		"Streams that compress: their states, windows and tables.",
		"Count them: in Java every Deflater and GZIPOutputStream must be closed; a "
		"growing count is one that is not.",
		0 },
	{ "lib", "native library", "Blocks allocated by a native library.",
		"Look for the library's own limit or statistics call.", 0 },
	{ "malloc.heap", "malloc heaps",
		"Heaps of malloc whose blocks were not read: live, freed and cached ones "
		"together.",
		"See what text lies in it: memstrings; compare its size with what the program's "
		"own statistics say is allocated.",
		0 },
	{ "malloc.free", "freed, kept by malloc",
		"Freed blocks that malloc keeps resident for reuse.",
		"malloc_trim (jcmd PID System.trim_native_heap) returns whole free pages; fewer "
		"arenas (MALLOC_ARENA_MAX) or another malloc keeps less.",
		0 },
	{ "malloc.cached", "cached by malloc",
		"Freed blocks that malloc keeps ready for one thread.",
		"Bounded for each thread; many threads make it visible.", 0 },
	{ "malloc.overhead", "malloc's own",
		"Headers, arena and heap descriptors and alignment loss of malloc.",
		"Many small blocks cause it; a constant share is normal.", 0 },
	{ "malloc.live.unknown", "live blocks, owner unknown",
		"Allocated blocks nobody could be named for.",
		"See what text lies in them: memstrings; compare two snapshots by block size.",
		MS_OWNER_UNEXPLAINED },
	{ "malloc", "malloc", "Memory of the C allocator.", "See the finer rows.", 0 },
	{ "stack.thread", "thread stacks", "Stacks of native threads.",
		"Count threads by name and find the pool without a bound.", 0 },
	{ "stack.main", "main stack", "Stack of the first thread.",
		"Bounded by ulimit -s; deep recursion fills it.", 0 },
	{ "file.lib", "program and libraries",
		"Pages of programs and libraries, shared with the page cache.",
		"The kernel can drop clean ones; only the private part is the process's own.",
		0 },
	{ "file.lib.dirty", "library data",
		"Private copies of library pages: variables (.data, .bss) and relocations.",
		"Constant for a set of libraries; large static arrays show here.", 0 },
	{ "file.jar", "jar files", "Mapped pages of jar and zip files.",
		"The kernel can drop them.", 0 },
	{ "file.data", "mapped files", "Mapped pages of data files.",
		"The kernel can drop clean ones; see which file in the detail.", 0 },
	{ "file.data.dirty", "mapped files, private",
		"Private copies of pages of data files.",
		"The program wrote to a private mapping; it keeps them until it unmaps.",
		0 },
	{ "file.deleted", "deleted files", "Mapped pages of files that were deleted.",
		"Disk or tmpfs space is freed only when the last mapping ends.", 0 },
	{ "file.device", "device memory", "Mapped pages of device files.",
		"Ask the driver's own tools.", 0 },
	{ "file", "files", "File-backed pages.", "See the finer rows.", 0 },
	{ "shm", "shared memory",
		"Shared anonymous memory: memfd, System V segments, tmpfs files.",
		"It outlives a process while anything else holds it: see ipcs -m and df on "
		"tmpfs.",
		0 },
	{ "anon", "named anonymous memory",
		"Anonymous memory the program gave this name (PR_SET_VMA).",
		"The name says who mapped it.", 0 },
	{ "kernel.vdso", "vdso", "Code the kernel lends to every process.",
		"Constant; nothing to do.", 0 },
	{ "kernel", "kernel", "Memory the kernel lends.", "Constant; nothing to do.", 0 },
	{ "overcount", "counted more than once",
		"Pages the process maps several times; Rss counts each mapping.",
		"Not memory in use: Pss counts them once. ZGC that is not generational maps its "
		"heap three times.",
		0 },
	{ "unexplained", "unexplained", "Memory nobody claimed.",
		"See what text lies in it: memstrings; compare two snapshots: mapdiff.",
		MS_OWNER_UNEXPLAINED },
	{ "outside.pagetables", "page tables",
		"Page tables of the process (VmPTE), charged to its cgroup.",
		"Grows with touched address space: about 2 MiB for each GiB in small pages.",
		MS_OWNER_OUTSIDE },
	{ "outside.swap", "swap", "Pages of the process that were swapped out.",
		"They come back when touched; look for what pushed them out.",
		MS_OWNER_OUTSIDE },
	{ "outside.hugetlb", "hugetlb", "Pages from the hugetlb pool, never part of Rss.",
		"Reserved with vm.nr_hugepages; free when unmapped.", MS_OWNER_OUTSIDE },
	{ "outside.sockets", "socket buffers", "Buffers of the cgroup's sockets.",
		"Look for slow peers: ss -m.", MS_OWNER_OUTSIDE },
	{ "outside.memfd", "memfd files, unmapped",
		"Memory files behind the process's descriptors that it does not map.",
		"Closing the descriptor frees it.", MS_OWNER_OUTSIDE },
	{ "outside.tmpfs", "tmpfs files, unmapped",
		"Files on tmpfs behind the process's descriptors that it does not map.",
		"Deleting and closing the file frees it.", MS_OWNER_OUTSIDE },
	{ "outside.pagecache", "page cache", "File pages charged to the cgroup.",
		"The kernel drops clean ones before it kills anything.",
		MS_OWNER_OUTSIDE },
	{ "outside.slab", "kernel objects", "Kernel objects charged to the cgroup.",
		"Many open files, inodes or dentries; the reclaimable part goes first.",
		MS_OWNER_OUTSIDE },
	{ "outside.other_processes", "other processes",
		"Anonymous memory of other processes in the same cgroup.",
		"Run memwho on them.", MS_OWNER_OUTSIDE },
	{ "outside", "beside Rss", "Memory charged elsewhere.", "See the finer rows.",
		MS_OWNER_OUTSIDE },
};

const struct ms_owner *ms_owner_table(size_t *ret_n)
{
	*ret_n = sizeof(owners) / sizeof(owners[0]);
	return owners;
}

// True if `prefix` is id, or ends where one of id's segments ends.
static bool is_leading(const char *prefix, size_t n, const char *id)
{
	return !strncmp(prefix, id, n) && (!id[n] || id[n] == '.');
}

const struct ms_owner *ms_owner_find(const char *id)
{
	const struct ms_owner *best = NULL;
	size_t best_n = 0;
	for (size_t i = 0; i < sizeof(owners) / sizeof(owners[0]); i++) {
		size_t n = strlen(owners[i].id);
		if (n > best_n && is_leading(owners[i].id, n, id)) {
			best = &owners[i];
			best_n = n;
		}
	}
	return best;
}

static bool has_flag(const char *id, unsigned flag)
{
	const struct ms_owner *owner = ms_owner_find(id);
	return owner && owner->flags & flag;
}

bool ms_owner_is_outside(const char *id)
{
	return has_flag(id, MS_OWNER_OUTSIDE);
}

bool ms_owner_is_unexplained(const char *id)
{
	return has_flag(id, MS_OWNER_UNEXPLAINED);
}

static char owner_letter(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c - 'A' + 'a');
	if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')
		return (char)c;
	return '_';
}

char *ms_owner_id(const char *prefix, struct ms_bytes name, char text[MS_OWNER_TEXT])
{
	size_t n = strlen(prefix);
	if (n > MS_OWNER_TEXT / 2)
		n = MS_OWNER_TEXT / 2;
	memcpy(text, prefix, n);
	size_t start = n + 1;
	for (size_t i = 0; i < name.n && n < MS_OWNER_TEXT - 2; i++) {
		char c = owner_letter(name.p[i]);
		if (n < start)
			text[n++] = '.';
		if (c == '_' && (n == start || text[n - 1] == '_'))
			continue; // runs of odd bytes are one '_', none at the front
		text[n++] = c;
	}
	while (n >= start && text[n - 1] == '_')
		n--;
	if (n == start)
		n--; // nothing but odd bytes
	text[n] = '\0';
	return text;
}
