/**
 * Modules: the ELF files mapped in a target, with the writable memory each one has.
 */
#pragma once

#include "elf/image.h"
#include "target/target.h"

struct ms_module {
	struct ms_bytes path;       ///< as maps has it; borrowed from the target
	struct ms_range range;      ///< from its first mapping to its last, .bss included
	struct ms_elf_image *image; ///< of its file, else of memory; NULL: neither
	uint64_t bias;              ///< what to add to a linked address
	bool has_file;         ///< image is the file's (or a snapshot's copy of parts)
	struct ms_range *data; ///< writable memory, .bss included; ascending
	size_t data_n;
};

struct ms_modules {
	struct ms_module *v; ///< ascending by address
	size_t n;
	size_t cap;
	struct ms_arena arena;
};

/**
 * List the modules of a target.
 *
 * Errors: NOMEM. What cannot be opened has no image.
 * Cost: opens each file's headers.
 * Thread: main thread only.
 */
struct ms_error *ms_modules_load(
	struct ms_target *target, struct ms_modules *ret) MS_MUST_CHECK;

/** Release; zeroed is fine. */
void ms_modules_deinit(struct ms_modules *modules);

/** The module whose range holds the address, or NULL. Cost: linear in modules. */
const struct ms_module *ms_modules_at(const struct ms_modules *modules, uint64_t address);

/**
 * Addresses of defined symbols in the target; those not found stay 0.
 *
 * @param names  n of them
 * Errors: NOMEM.
 */
struct ms_error *ms_module_symbols(const struct ms_module *module,
	const char *const *names, size_t n, uint64_t *ret) MS_MUST_CHECK;
