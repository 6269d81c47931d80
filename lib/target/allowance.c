// How much memory this process may take without endangering its cgroup, which in a
// container is the target's too.

#include "target/target_internal.h"

#include <fcntl.h>

uint64_t ms_target_allowance(void)
{
	_cleanup_buffer_ struct ms_buffer text = { 0 };
	_cleanup_close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct ms_cgroup_memory memory = { 0 };
	struct ms_error *err =
		ms_read_file_at(AT_FDCWD, "/proc/self/cgroup", 1 << 16, &text);
	if (!err && root >= 0)
		err = ms_cgroup_memory_read(root, ms_buffer_bytes(&text), &memory);
	if (!err && !memory.version && root >= 0) {
		ms_cgroup_memory_deinit(&memory);
		err = ms_cgroup_memory_read_mounted(root, &memory);
	}
	uint64_t headroom = UINT64_MAX;
	if (!err && memory.version)
		headroom = ms_cgroup_headroom(&memory);
	ms_error_free(err);
	ms_cgroup_memory_deinit(&memory);
	return headroom == UINT64_MAX ? headroom : headroom / 2;
}

struct ms_error *ms_target_check_allowance(uint64_t need)
{
	char left[MS_SIZE_TEXT], wanted[MS_SIZE_TEXT];
	uint64_t allowance = ms_target_allowance();
	if (need <= allowance)
		return NULL;
	return ms_error_hint(
		ms_error_new(MS_ERROR_LIMIT,
			"this cgroup may take only %s more, of which %s would be needed",
			ms_size_text(2 * allowance, left), ms_size_text(need, wanted)),
		"run it from outside of the limited cgroup, or on a snapshot elsewhere");
}
