// Counts: the same clusters for windows of any size, and no string lost. The first two
// bytes choose the size.

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "strings/count.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static struct ms_error *read_bytes(
	void *arg, struct ms_range range, uint8_t *to, struct ms_ranges *gaps)
{
	const struct ms_bytes *bytes = arg;
	(void)gaps;
	memcpy(to, bytes->p + range.start, ms_range_size(range));
	return NULL;
}

static const struct ms_count_result *count(
	struct ms_bytes bytes, size_t window_size, struct ms_count **counter)
{
	struct ms_count_options options = {
		.window = { .min = 4 },
		.window_size = window_size,
		.memory = 1 << 17,
	};
	struct ms_ranges ranges = { 0 };
	struct ms_pool *pool = NULL;
	const struct ms_count_result *result = NULL;
	require(!ms_pool_new(1, &pool));
	if (bytes.n)
		require(!ms_ranges_add(&ranges, (struct ms_range){ 0, bytes.n }));
	require(!ms_count_new(&options, counter));
	require(!ms_count_run(*counter, &ranges, read_bytes, &bytes, pool));
	require(!ms_count_finish(*counter, &result));
	ms_pool_free(pool);
	ms_ranges_deinit(&ranges);
	return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum {
		HEAD = 2
	};
	if (size < HEAD)
		return 0;
	struct ms_bytes bytes = { data + HEAD, size - HEAD };
	size_t window = 1 + data[0] + 256u * (data[1] % 40);
	struct ms_count *a, *b;
	const struct ms_count_result *whole = count(bytes, bytes.n + 1, &a);
	const struct ms_count_result *parts = count(bytes, window, &b);
	require(whole->cluster_n == parts->cluster_n);
	for (size_t i = 0; i < whole->cluster_n; i++) {
		const struct ms_cluster *x = whole->clusters[i], *y = parts->clusters[i];
		require(x->key == y->key && x->count == y->count && x->bytes == y->bytes);
		require(x->distinct == y->distinct && x->pages == y->pages);
		require(x->samples->address == y->samples->address);
	}
	ms_count_free(a);
	ms_count_free(b);
	return 0;
}
