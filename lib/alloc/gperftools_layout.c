// gperftools' descriptors taken apart: see gperftools.h.

#include "alloc/gperftools.h"

#include <string.h>

enum {
	SIZE_MAX_LEAST = 32 << 10, // the largest class: 256 KiB, 32 KiB in small builds
	SIZE_MAX_MOST = 1 << 20,
	PAGES_MOST = 1024,
};

bool ms_gperf_span_parse(const uint8_t bytes[MS_GPERF_SPAN_BYTES], unsigned page_shift,
	struct ms_gperf_span *ret)
{
	uint64_t page = ms_get_u64(bytes), pages = ms_get_u64(bytes + 8);
	uint64_t limit = 1ull << (MS_GPERF_ADDRESS - page_shift);
	uint32_t bits = ms_get_u32(bytes + 0x28);
	if (!page || !pages || page >= limit || pages >= limit - page ||
		(bits >> 24 & 3) > MS_GPERF_RETURNED ||
		(bits >> 16 & 0xff) >= MS_GPERF_CLASSES)
		return false;
	*ret = (struct ms_gperf_span){
		.range = { page << page_shift, (page + pages) << page_shift },
		.pages = pages,
		.objects = ms_get_u64(bytes + 0x20),
		.used = bits & 0xffff,
		.size_class = bits >> 16 & 0xff,
		.location = (enum ms_gperf_location)(bits >> 24 & 3),
	};
	return true;
}

bool ms_gperf_span_page(const struct ms_gperf_span *span, unsigned page_shift,
	uint64_t index, uint64_t *ret)
{
	uint64_t per_leaf = 1ull << ms_gperf_leaf_bits(page_shift);
	uint64_t first = span->range.start >> page_shift;
	uint64_t page = ms_align_down(first, per_leaf) + index;
	if (page < first) // the span goes on in the next table
		page += per_leaf;
	if (span->pages > per_leaf || page - first >= span->pages)
		return false;
	*ret = page;
	return true;
}

bool ms_gperf_classes_parse(const uint32_t *batch, const uint32_t *size,
	const uint64_t *pages, struct ms_gperf_classes *ret)
{
	unsigned n = 1;
	if (size[0] || size[1] != 8 || size[2] != 16)
		return false;
	for (; n < MS_GPERF_CLASSES && size[n]; n++)
		if (size[n] <= size[n - 1] || size[n] % 8 || size[n] > SIZE_MAX_MOST ||
			!pages[n] || pages[n] > PAGES_MOST || !batch[n] ||
			batch[n] > UINT16_MAX)
			return false;
	if (size[n - 1] < SIZE_MAX_LEAST)
		return false;
	ret->n = n;
	memcpy(ret->size, size, sizeof(ret->size));
	memcpy(ret->batch, batch, sizeof(ret->batch));
	memcpy(ret->pages, pages, sizeof(ret->pages));
	return true;
}
