/**
 * loaders - class loaders, the classes of each, and what they take of metaspace.
 *
 * A loader here is a ClassLoaderData: the bootstrap loader has one, each ClassLoader
 * object has one, and each hidden class that may be unloaded by itself has one: such
 * holders are counted and summed, not listed.
 */
#pragma once

#include "hotspot/note.h"
#include "ledger/kind.h"

enum {
	MS_LOADERS_MAX = 16384 ///< that are listed; further ones are summed
};

/** Classes made at run time, by what their names have in them. */
#define MS_GENERATED(X)                                                                  \
	X(LAMBDA, "lambda", "$$Lambda")                                                  \
	X(METHOD_HANDLE, "method handle", "java/lang/invoke/LambdaForm$")                \
	X(SPECIES, "method handle", "java/lang/invoke/BoundMethodHandle$Species_")       \
	X(ACCESSOR, "reflection", "/reflect/Generated")                                  \
	X(PROXY, "proxy", "$Proxy")                                                      \
	X(CGLIB, "cglib", "$$EnhancerBy")                                                \
	X(CGLIB_FAST, "cglib", "$$FastClassBy")                                          \
	X(SPRING, "cglib", "$$SpringCGLIB")                                              \
	X(BYTE_BUDDY, "byte buddy", "$ByteBuddy$")                                       \
	X(BYTE_BUDDY_AUX, "byte buddy", "$auxiliary$")                                   \
	X(MOCKITO, "byte buddy", "$MockitoMock$")                                        \
	X(HIBERNATE, "byte buddy", "$HibernateProxy$")                                   \
	X(JAVASSIST, "javassist", "_$$_jvst")

enum ms_generated {
#define X(id, name, part) MS_GENERATED_##id,
	MS_GENERATED(X)
#undef X
	MS_GENERATED_COUNT,
};

/** "lambda", for JSON; several patterns can share one. */
const char *ms_generated_name(enum ms_generated generated);

/** "$$Lambda": the pattern. */
const char *ms_generated_part(enum ms_generated generated);

/** Which pattern a class's name, as the JVM has it, contains; MS_GENERATED_COUNT: none. */
enum ms_generated ms_generated_of(struct ms_bytes name);

/** Classes of the bootstrap loader that other readers start from. */
#define MS_KNOWN_CLASSES(X)                                                              \
	X(BITS, "java/nio/Bits")                                                         \
	X(DIRECT, "java/nio/DirectByteBuffer")                                           \
	X(CACHE, "sun/nio/ch/Util$BufferCache")

enum ms_known_class {
#define X(id, name) MS_KNOWN_##id,
	MS_KNOWN_CLASSES(X)
#undef X
	MS_KNOWN_COUNT,
};

/** Chunks of metaspace, bytes. */
struct ms_loader_space {
	uint64_t chunk_n;
	uint64_t capacity;  ///< size of the chunks
	uint64_t committed; ///< of it; JDK 8 and 11: all
	uint64_t used;      ///< handed out, freed pieces included
};

struct ms_loader {
	uint64_t address; ///< of its ClassLoaderData
	const char *name; ///< class of the loader object; "bootstrap"; NULL: not known
	uint64_t class_n; ///< arrays included
	uint64_t array_n;
	/// Of the class structures themselves: head, tables of virtual and interface methods,
	/// and oop maps; no methods, no constants.
	uint64_t class_bytes;
	struct ms_loader_space class_space, other;
	bool has_space; ///< the two could be read
};

/** A reservation of metaspace. */
struct ms_metaspace_node {
	uint64_t address;      ///< of the JVM's VirtualSpaceNode; 0: it was inferred
	uint64_t next;         ///< the node it points to, or 0
	struct ms_range range; ///< reserved
	uint64_t committed;    ///< bytes
	uint64_t used;         ///< bytes from its start that were handed out as chunks
	uint64_t resident;     ///< bytes
	uint64_t root_bytes;   ///< size of the largest chunk; 0: before JDK 16
	bool is_class;         ///< of the compressed class space
	enum ms_grade grade;
};

struct ms_metaspace_nodes {
	struct ms_metaspace_node *v;
	size_t n, cap;
	size_t steps; ///< chunks that were looked at
};

/** How many classes. */
struct ms_class_count {
	uint64_t n, bytes;
};

struct ms_loaders {
	MS_ARRAY(struct ms_loader) list; ///< as the JVM has them: newest first
	struct ms_loader rest;           ///< sum of those beyond MS_LOADERS_MAX
	uint64_t rest_n;
	struct ms_loader holders; ///< sum of holders
	uint64_t holder_n;
	struct ms_loader total;
	struct ms_class_count
		hidden; ///< hidden classes, in holders or not (JDK 15 and later)
	struct ms_class_count generated[MS_GENERATED_COUNT];
	uint64_t known[MS_KNOWN_COUNT]; ///< addresses of their Klasses; 0: not loaded
	/// Where class structures, and constant pools and methods, were seen: 64 KiB steps.
	struct ms_ranges class_places, other_places;
	struct ms_metaspace_nodes nodes; ///< that hold chunks of loaders
	bool is_complete;                ///< no chain of loaders or classes was broken
	struct ms_vm_notes notes;
};

/**
 * Walk all loaders and their classes.
 *
 * Errors: NOMEM.
 * Source: classfile/classLoaderData.hpp, oops/klass.hpp, oops/instanceKlass.hpp (JDK 8 to
 *         26).
 * Cost: three small reads a class; 30,000 classes take some 100 ms.
 */
struct ms_error *ms_loaders_read(struct ms_vm *vm, struct ms_loaders *ret) MS_MUST_CHECK;

/** Release; zeroed is fine. */
void ms_loaders_deinit(struct ms_loaders *loaders);
