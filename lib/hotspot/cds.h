/**
 * cds - the class data archive: classes the JVM maps ready-made from a file.
 *
 * There is a static archive, and there can be a dynamic one on top of it. Archived
 * objects are mapped into the Java heap and belong to it.
 */
#pragma once

#include "hotspot/note.h"
#include "ledger/reader.h"

struct ms_cds_region {
	const char *name; ///< "rw", "ro", "bitmap", "heap"; "code" (JDK 25 and later)
	bool is_dynamic;  ///< of the dynamic archive
	bool is_by_name;  ///< known by its file's name only
	bool is_heap;     ///< lies in the Java heap
	struct ms_range range;
	uint64_t used;     ///< bytes
	uint64_t resident; ///< bytes
};

struct ms_cds {
	/// Of classes in all archives; empty: not known, or no archive is in use.
	struct ms_range range;
	uint64_t resident; ///< of range, bytes
	MS_ARRAY(struct ms_cds_region) regions;
	/// Files of the archives, as maps has them: borrowed from the target.
	struct ms_bytes path, dynamic_path;
	bool is_used; ///< an archive is mapped
	struct ms_vm_notes notes;
};

/**
 * Read what of archives is mapped.
 *
 * @param heap  where the Java heap is reserved; empty: not known
 * Errors: NOMEM.
 * Source: cds/filemap.hpp, memory/metaspaceShared.hpp (JDK 11 to 26); JDK 8 says nothing
 *         of it: there mappings of the file are taken.
 * Cost: some small reads.
 */
struct ms_error *ms_cds_read(
	struct ms_vm *vm, struct ms_range heap, struct ms_cds *ret) MS_MUST_CHECK;

/** Release; zeroed is fine. */
void ms_cds_deinit(struct ms_cds *cds);

/**
 * Claim what of the archives lies outside the Java heap. Errors: NOMEM, LIMIT.
 */
struct ms_error *ms_cds_claim(
	struct ms_reading *reading, const struct ms_cds *cds) MS_MUST_CHECK;
