// zlib's streams: see zlib.h.

#include "evidence/zlib.h"

#include "alloc/alloc.h"
#include "alloc/peek.h"

enum {
	// Of z_stream.
	STREAM_BYTES = 112,
	STREAM_STATE = 56,
	STREAM_SLACK = 64, // of a block that holds one alone
	// Of both states.
	STATE_HEAD = 128, // bytes that are looked at
	STATE_STREAM = 0,
	STATE_MODE = 8,
	// Of inflate_state.
	INFLATE_MIN = 7100,
	INFLATE_MAX = 7300,
	INFLATE_WRAP = 16,
	INFLATE_BITS = 56,
	INFLATE_SIZE = 60,
	INFLATE_HAVE = 64,
	INFLATE_WINDOW = 72,
	MODE_FIRST = 16180,
	MODE_LAST = 16211,
	// Of deflate_state.
	DEFLATE_MIN = 5900,
	DEFLATE_MAX = 6100,
	DEFLATE_PENDING = 16,
	DEFLATE_METHOD = 72,
	DEFLATE_SIZE = 80,
	DEFLATE_BITS = 84,
	DEFLATE_MASK = 88,
	DEFLATE_WINDOW = 96,
	DEFLATE_PREVIOUS = 112,
	DEFLATE_HEADS = 120,
	METHOD_DEFLATED = 8,
	WINDOW_BITS_MAX = 15,
	READS_MAX = 1 << 22, // of blocks that may be a state
};

struct zlib {
	struct ms_reading *reading;
	uint64_t reads;      // that are left
	ms_kind whole, part; // of the kind of stream being looked at
};

// One kind of stream: what its state looks like, and which fields point to its blocks.
struct stream {
	const char *owner, *state_detail, *part_detail;
	uint64_t min, max; // usable bytes of a state's block
	bool (*is_state)(const uint8_t *state);
	unsigned parts[4]; // offsets; 0 ends them
};

static bool is_inflate(const uint8_t *state)
{
	uint32_t mode = ms_get_u32(state + STATE_MODE);
	uint32_t bits = ms_get_u32(state + INFLATE_BITS);
	uint32_t size = ms_get_u32(state + INFLATE_SIZE);
	return mode >= MODE_FIRST && mode <= MODE_LAST &&
	       ms_get_u32(state + INFLATE_WRAP) <= 7 && bits <= WINDOW_BITS_MAX &&
	       (!size || size == UINT32_C(1) << bits) &&
	       ms_get_u32(state + INFLATE_HAVE) <= size;
}

static bool is_deflate(const uint8_t *state)
{
	// INIT_STATE, GZIP_STATE, EXTRA_STATE, NAME_STATE, COMMENT_STATE, HCRC_STATE,
	// BUSY_STATE, FINISH_STATE
	static const uint32_t statuses[] = { 42, 57, 69, 73, 91, 103, 113, 666 };
	uint32_t status = ms_get_u32(state + STATE_MODE);
	uint32_t bits = ms_get_u32(state + DEFLATE_BITS);
	uint32_t size = ms_get_u32(state + DEFLATE_SIZE);
	bool is_known = false;
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		is_known |= status == statuses[i];
	return is_known && bits <= WINDOW_BITS_MAX && size == UINT32_C(1) << bits &&
	       ms_get_u32(state + DEFLATE_MASK) == size - 1 &&
	       state[DEFLATE_METHOD] == METHOD_DEFLATED;
}

static const struct stream streams[] = {
	{ "lib.zlib.inflate", "state of a stream that decompresses",
		"window, or head, of a stream that decompresses", INFLATE_MIN,
		INFLATE_MAX, is_inflate, { INFLATE_WINDOW } },
	{ "lib.zlib.deflate", "state of a stream that compresses",
		"window, tables, or head, of a stream that compresses", DEFLATE_MIN,
		DEFLATE_MAX, is_deflate,
		{ DEFLATE_PENDING, DEFLATE_WINDOW, DEFLATE_PREVIOUS, DEFLATE_HEADS } },
};

// --- one stream -----------------------------------------------------------------------

static struct ms_error *offer(struct zlib *z, const struct ms_alloc_region *region,
	const struct ms_block *block, ms_kind kind)
{
	// The table is the survey's; the region only borrows it.
	return ms_claims_offer(z->reading->claims,
		(struct ms_blocks *)(uintptr_t)region->blocks, block, kind);
}

// The block whose memory begins here; false if there is none.
static bool block_from(const struct zlib *z, uint64_t memory,
	const struct ms_alloc_region **ret_region, struct ms_block *ret)
{
	return ms_alloc_block_at(z->reading->alloc, memory, ret_region, ret) &&
	       ms_alloc_memory_of(z->reading->alloc, *ret_region, ret->range).start ==
		       memory;
}

static struct ms_error *offer_part(struct zlib *z, uint64_t memory)
{
	const struct ms_alloc_region *region;
	struct ms_block block;
	return memory && block_from(z, memory, &region, &block)
		       ? offer(z, region, &block, z->part)
		       : NULL;
}

// The z_stream is often within a structure of the program's, which is not zlib's then.
static struct ms_error *offer_head(struct zlib *z, uint64_t memory)
{
	const struct ms_alloc_region *region;
	struct ms_block block;
	if (!block_from(z, memory, &region, &block))
		return NULL;
	struct ms_range range =
		ms_alloc_memory_of(z->reading->alloc, region, block.range);
	return ms_range_size(range) <= STREAM_BYTES + STREAM_SLACK
		       ? offer(z, region, &block, z->part)
		       : NULL;
}

static bool points_back(const struct zlib *z, uint64_t stream, uint64_t state)
{
	uint64_t back;
	return stream % 8 == 0 &&
	       ms_target_get(
		       z->reading->target, stream + STREAM_STATE, &back, sizeof(back)) &&
	       back == state;
}

static struct ms_error *look_at(struct zlib *z, const struct stream *kind,
	const struct ms_alloc_region *region, const struct ms_block *block,
	uint64_t memory)
{
	uint8_t state[STATE_HEAD];
	if (!z->reads)
		return NULL;
	z->reads--;
	if (!ms_target_get(z->reading->target, memory, state, sizeof(state)) ||
		!kind->is_state(state))
		return NULL;
	uint64_t stream = ms_get_u64(state + STATE_STREAM);
	if (!points_back(z, stream, memory))
		return NULL;
	struct ms_error *err = offer(z, region, block, z->whole);
	if (!err)
		err = offer_head(z, stream);
	for (size_t i = 0; !err && i < 4 && kind->parts[i]; i++)
		err = offer_part(z, ms_get_u64(state + kind->parts[i]));
	return err;
}

// --- all of them ----------------------------------------------------------------------

static struct ms_error *look_in(
	struct zlib *z, const struct stream *kind, const struct ms_alloc_region *region)
{
	struct ms_kinds *kinds = ms_claims_kinds(z->reading->claims);
	struct ms_block block = { 0 };
	struct ms_error *err = NULL;
	while (!err && ms_blocks_next(region->blocks, &block)) {
		struct ms_range memory =
			ms_alloc_memory_of(z->reading->alloc, region, block.range);
		uint64_t usable = ms_range_size(memory);
		if (usable >= kind->min && usable <= kind->max &&
			ms_kinds_row(kinds, block.kind)->state == MS_STATE_LIVE)
			err = look_at(z, kind, region, &block, memory.start);
	}
	return err;
}

static struct ms_error *make_kinds(struct zlib *z, const struct stream *kind)
{
	struct ms_kind_row row = { .owner = kind->owner,
		.reader = "zlib",
		.detail = kind->state_detail,
		.state = MS_STATE_LIVE,
		.grade = MS_GRADE_STRUCTURAL,
		.precedence = MS_PRECEDENCE_STRUCTURE };
	struct ms_error *err = ms_claims_kind(z->reading->claims, &row, &z->whole);
	row.detail = kind->part_detail;
	row.is_part = true;
	return err ? err : ms_claims_kind(z->reading->claims, &row, &z->part);
}

static struct ms_error *settle(void *state, struct ms_reading *reading)
{
	struct zlib z = { .reading = reading, .reads = READS_MAX };
	struct ms_error *err = NULL;
	(void)state;
	if (!reading->alloc)
		return NULL;
	for (size_t i = 0; !err && i < sizeof(streams) / sizeof(streams[0]); i++) {
		err = make_kinds(&z, &streams[i]);
		ms_array_foreach (region, &reading->alloc->regions)
			if (!err && region->blocks)
				err = look_in(&z, &streams[i], region);
	}
	if (!err && !z.reads)
		err = ms_claims_note(reading->claims,
			"zlib: not every block was looked at: there are too many of the "
			"size of its states");
	return err;
}

static struct ms_error *anchor(struct ms_reading *reading, void *arg, void **ret_state)
{
	(void)reading;
	(void)arg;
	(void)ret_state;
	return NULL;
}

const struct ms_reader ms_zlib_reader = {
	.name = "zlib", .anchor = anchor, .settle = settle
};
