/**
 * What the files of the target room share: the object behind `struct ms_target` and the
 * operations a kind of target supplies.
 */
#pragma once

#include "target/images.h"
#include "target/target.h"

struct ms_target;

/** What a kind of target does its own way. */
struct ms_target_ops {
	/**
	 * Read a window that lies inside one mapping.
	 *
	 * `to` is zeroed where nothing can be read and a gap is added.
	 * Errors: GONE, CANCELLED, NOMEM.
	 */
	struct ms_error *(*read)(struct ms_target *target,
		const struct ms_mapping *mapping, struct ms_range window, uint8_t *to,
		struct ms_gaps *gaps);
	/** Errors: GONE. */
	struct ms_error *(*check_alive)(struct ms_target *target);
	/** Read the status file anew; false if there is none any more. */
	bool (*status_now)(struct ms_target *target, struct ms_status *ret);
	/** Free `backend`. */
	void (*free)(void *backend);
};

struct ms_image_entry {
	uint32_t dev_major, dev_minor;
	uint64_t inode;
	struct ms_image image;
};

struct ms_images {
	struct ms_image_entry *v; ///< ascending by (major, minor, inode)
	size_t n;
	size_t cap;
};

struct ms_target_notes {
	char **v;
	size_t n;
	size_t cap;
};

struct ms_target {
	struct ms_target_info info;
	const struct ms_target_ops *ops;
	void *backend;
	struct ms_arena arena;
	struct ms_maps maps;
	struct ms_pages *pages;
	struct ms_smaps smaps;
	bool has_smaps;
	struct ms_threads threads;
	struct ms_memory_fds memory_fds;
	struct ms_buffer files[MS_TARGET_FILE_COUNT];
	struct ms_cgroup_memory cgroup;
	struct ms_error *denied;
	struct ms_images images;
	struct ms_target_notes notes;
	const struct ms_cancel *cancel;
	ms_overlay_fn overlay; // of tests, or NULL
	void *overlay_arg;
};

enum {
	MS_TARGET_WINDOW = 1 << 20, ///< bytes read between two checks of a live target
	MS_TARGET_FILE_LIMIT = 256 << 20, ///< a longer smaps is left out, and said so
};

/** Make an empty target of a kind. Errors: NOMEM. */
struct ms_error *ms_target_new(enum ms_target_kind kind, const struct ms_target_ops *ops,
	struct ms_target **ret) MS_MUST_CHECK;

MS_DEFINE_CLEANUP(struct ms_target *, ms_target_free);
#define _cleanup_target_ _cleanup_(cleanup_ms_target_free)

/** Add a line to the notes. Errors: NOMEM. */
struct ms_error *ms_target_note(
	struct ms_target *target, const char *format, ...) MS_MUST_CHECK MS_PRINTF(2, 3);

/** Parse maps, smaps, comm and command line out of the verbatim files. Errors: NOMEM. */
struct ms_error *ms_target_parse_files(struct ms_target *target) MS_MUST_CHECK;

/** Zero the window's output and record the gap. Errors: NOMEM. */
struct ms_error *ms_target_fill_gap(struct ms_range part, struct ms_range window,
	uint8_t *to, enum ms_gap_reason reason, struct ms_gaps *gaps) MS_MUST_CHECK;

/** As a core lists it: which check refused access to a process, as an error with a hint.
 */
struct ms_error *ms_target_explain_denied(
	int proc_fd, uint64_t pid, bool is_attach) MS_MUST_CHECK;

/**
 * Open the file behind every file mapping of a live target.
 *
 * @param proc_fd  directory fd of /proc/PID
 * @param sysroot  extra directory, or NULL
 * Errors: NOMEM. Files that cannot be had are left out.
 */
struct ms_error *ms_images_open(
	struct ms_target *target, int proc_fd, const char *sysroot) MS_MUST_CHECK;

/**
 * Make room for the file of a mapping.
 *
 * @param ret  out: to be filled, valid until the next call; NULL if it is there already
 * Errors: NOMEM.
 */
struct ms_error *ms_images_add(struct ms_images *images, const struct ms_mapping *mapping,
	struct ms_image **ret) MS_MUST_CHECK;

/** Close all. */
void ms_images_deinit(struct ms_images *images);

/** Read the threads of a process. Errors: NOMEM. Threads that end meanwhile are left out.
 */
struct ms_error *ms_threads_read(
	int proc_fd, struct ms_arena *arena, struct ms_threads *ret) MS_MUST_CHECK;

/** Read the descriptors that hold memory. Errors: NOMEM. */
struct ms_error *ms_memory_fds_read(
	int proc_fd, struct ms_arena *arena, struct ms_memory_fds *ret) MS_MUST_CHECK;

/** Open a directory shaped like /proc/PID. Errors: as ms_target_open_path. */
struct ms_error *ms_target_open_tree(int dir_fd, const char *path,
	const struct ms_target_options *options, struct ms_target **ret) MS_MUST_CHECK;

/** Open a core or a snapshot from its descriptor, which is taken over on success. */
struct ms_error *ms_target_open_core(int fd, const char *path,
	const struct ms_target_options *options, struct ms_target **ret) MS_MUST_CHECK;
