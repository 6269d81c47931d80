/**
 * The plan of a snapshot as its parts see it: plan.c decides on pages, shared.c on memory
 * that is mapped several times, notes.c on everything that is not memory, and write.c
 * carries it out.
 */
#pragma once

#include "snapshot/snapshot.h"

/** One PT_LOAD. Several may point at the same bytes of the file (views of shared memory).
 */
struct ms_segment {
	struct ms_range range;
	uint64_t offset;     ///< in the data part of the file
	uint64_t file_bytes; ///< <= size of the range; what follows reads as zero or is a
			     ///< gap
	uint32_t flags;      ///< PF_R, PF_W, PF_X
};

/** Bytes to copy: where they are in the target and where in the data part. */
struct ms_area {
	struct ms_range source;
	uint64_t offset;
};

/** What becomes of a page, decided by its mapping and its state. */
enum ms_fate {
	MS_FATE_COPY,
	MS_FATE_ZERO,    ///< reads as zero; nothing is stored
	MS_FATE_MISSING, ///< not in the file, for a reason
};

struct ms_page_plan {
	enum ms_fate fate;
	enum ms_gap_reason reason; ///< of MS_FATE_MISSING
};

/** A piece of an own note: bytes in memory, or bytes of a file. */
struct ms_note_part {
	struct ms_bytes bytes; ///< n == 0: from the file
	int fd;
	uint64_t offset, size; ///< of the file's bytes
};

struct ms_note_plan {
	uint32_t type;
	size_t first_part, part_count;
	uint64_t desc_bytes;
};

/** Memory that several mappings show: one device and inode. */
struct ms_object {
	const struct ms_mapping *first; ///< the view at the lowest address
	bool is_planned;
	size_t first_piece, piece_count;
};

/** A run of an object's bytes, and where it is copied from and to. */
struct ms_piece {
	struct ms_range bytes; ///< offsets in the object
	uint64_t source;       ///< address of its first byte in some view
	uint64_t offset;       ///< in the data part
};

struct ms_snapshot_plan {
	struct ms_target *target;
	struct ms_snapshot_options options;
	struct ms_arena arena;

	MS_ARRAY(struct ms_segment) segments; ///< ascending addresses
	MS_ARRAY(struct ms_area) areas;       ///< ascending offsets
	struct ms_gaps gaps;                  ///< planned ones, ascending
	MS_ARRAY(struct ms_object) objects;   ///< shared memory with several views
	MS_ARRAY(struct ms_piece) pieces;     ///< of the objects, each one's together
	uint64_t data_size;                   ///< of the data part, holes included
	uint64_t copy_bytes;
	uint64_t threshold; ///< a zero run this long ends a segment

	struct ms_buffer standard_notes;
	MS_ARRAY(struct ms_note_plan) notes;
	MS_ARRAY(struct ms_note_part) parts;
	struct ms_buffer pages;
	uint64_t own_notes_size; ///< reserved in the file, a multiple of a page
	size_t gap_room;         ///< records the gap note has room for

	uint64_t headers_size, standard_offset, data_offset, own_offset, file_size;
};

/** What is to become of pages of this mapping in this state. */
struct ms_page_plan ms_plan_page(const struct ms_snapshot_plan *plan,
	const struct ms_mapping *mapping, enum ms_page_state state);

/** Program header flags of a mapping. */
uint32_t ms_plan_flags(const struct ms_mapping *mapping);

/** Add a segment without file bytes that is not captured. Errors: NOMEM. */
struct ms_error *ms_plan_missing(struct ms_snapshot_plan *plan,
	const struct ms_mapping *mapping, struct ms_range range,
	enum ms_gap_reason reason) MS_MUST_CHECK;

/** Find the objects that several selected mappings show. Errors: NOMEM. */
struct ms_error *ms_shared_find(struct ms_snapshot_plan *plan) MS_MUST_CHECK;

/** The object behind a mapping, or NULL if it is shown once only. */
struct ms_object *ms_shared_object(
	struct ms_snapshot_plan *plan, const struct ms_mapping *mapping);

/** Plan one view: the first call for an object also lays out its bytes. Errors: NOMEM. */
struct ms_error *ms_shared_plan_view(struct ms_snapshot_plan *plan,
	struct ms_object *object, const struct ms_mapping *mapping) MS_MUST_CHECK;

/** True if the mapping is wanted at all by the selectors. */
bool ms_plan_is_selected(
	const struct ms_snapshot_plan *plan, const struct ms_mapping *mapping);

enum {
	MS_FOOTPRINT_ROOM = 4096
}; ///< bytes the footprint's text may have

/** Make the standard notes. Errors: NOMEM, LIMIT. */
struct ms_error *ms_notes_standard(struct ms_snapshot_plan *plan) MS_MUST_CHECK;

/** Make the standard notes and plan the own ones. Errors: NOMEM, LIMIT. */
struct ms_error *ms_notes_plan(struct ms_snapshot_plan *plan) MS_MUST_CHECK;

/** The bytes of the notes that are known only at the end. */
struct ms_late_notes {
	const struct ms_gaps *gaps;
	struct ms_bytes footprint;
	bool is_incomplete;
};

struct ms_writer;

/** Write the own notes into their reserved room, padded to its end. Errors: OS, NOMEM. */
struct ms_error *ms_notes_write(const struct ms_snapshot_plan *plan,
	struct ms_writer *writer, const struct ms_late_notes *late) MS_MUST_CHECK;
