// The collection of claims: see claims.h. Resolution is resolve.c, the sum is sum.c.

#include "ledger/claims.h"

#include <stdarg.h>
#include <string.h>

#include "ledger/claims_internal.h"

struct ms_error *ms_claims_new(struct ms_claims **ret)
{
	struct ms_claims *claims = calloc(1, sizeof(*claims));
	if (!claims)
		return &ms_error_nomem;
	ms_arena_init(&claims->arena);
	claims->block_uses = calloc(65536, sizeof(struct use_slots *));
	struct ms_error *err =
		claims->block_uses ? ms_kinds_new(&claims->kinds) : &ms_error_nomem;
	if (err) {
		ms_claims_free(claims);
		return err;
	}
	*ret = claims;
	return NULL;
}

static void free_block_uses(struct ms_claims *claims)
{
	size_t n = claims->kinds ? ms_kinds_count(claims->kinds) : 0;
	for (size_t i = 0; i < n; i++)
		free(claims->block_uses[i]);
	free(claims->block_uses);
}

void ms_claims_free(struct ms_claims *claims)
{
	if (!claims)
		return;
	ms_array_foreach (claim, &claims->added)
		ms_blocks_free(claim->blocks);
	if (claims->block_uses)
		free_block_uses(claims);
	ms_array_deinit(&claims->added);
	ms_array_deinit(&claims->outside);
	ms_array_deinit(&claims->remarks);
	ms_array_deinit(&claims->notes);
	ms_array_deinit(&claims->sorted);
	ms_array_deinit(&claims->segments);
	ms_array_deinit(&claims->uses);
	ms_kinds_free(claims->kinds);
	ms_arena_deinit(&claims->arena);
	free(claims);
}

struct ms_kinds *ms_claims_kinds(struct ms_claims *claims)
{
	return claims->kinds;
}

struct ms_error *ms_claims_kind(
	struct ms_claims *claims, const struct ms_kind_row *row, ms_kind *ret)
{
	return ms_kinds_intern(claims->kinds, row, ret);
}

static bool keep_bytes(struct ms_claims *claims, struct ms_bytes *bytes)
{
	if (!bytes->n)
		return true;
	bytes->p = (const uint8_t *)ms_arena_copy(&claims->arena, *bytes);
	return bytes->p != NULL;
}

static bool keep_text(struct ms_claims *claims, const char **text)
{
	*text = ms_arena_copy(&claims->arena, ms_bytes_of(*text));
	return *text != NULL;
}

struct ms_error *ms_claims_add(struct ms_claims *claims, const struct ms_claim *claim)
{
	if (claim->range.start >= claim->range.end) {
		ms_blocks_free(claim->blocks);
		return NULL;
	}
	struct ms_claim *added = ms_array_push(&claims->added);
	if (!added) {
		ms_blocks_free(claim->blocks);
		return &ms_error_nomem;
	}
	*added = *claim;
	return keep_bytes(claims, &added->item) ? NULL : &ms_error_nomem;
}

struct ms_error *ms_claims_say(struct ms_claims *claims, struct ms_range range,
	enum ms_rank rank, const struct ms_kind_row *row, uint32_t count,
	struct ms_bytes item)
{
	struct ms_claim claim = {
		.range = range, .rank = rank, .count = count, .item = item
	};
	struct ms_error *err = ms_claims_kind(claims, row, &claim.kind);
	return err ? err : ms_claims_add(claims, &claim);
}

struct ms_error *ms_claims_outside(struct ms_claims *claims, const char *owner,
	uint64_t bytes, const char *reader, const char *what, struct ms_bytes item)
{
	struct outside *row = ms_array_push(&claims->outside);
	if (!row)
		return &ms_error_nomem;
	*row = (struct outside){ .owner = owner,
		.reader = reader,
		.what = what,
		.item = item,
		.bytes = bytes };
	bool is_kept = keep_text(claims, &row->owner) &&
		       keep_text(claims, &row->reader) && keep_text(claims, &row->what) &&
		       keep_bytes(claims, &row->item);
	return is_kept ? NULL : &ms_error_nomem;
}

struct ms_error *ms_claims_remark(struct ms_claims *claims, const char *owner,
	bool is_counter, const char *reader, const char *what, uint64_t count)
{
	struct remark *remark = ms_array_push(&claims->remarks);
	if (!remark)
		return &ms_error_nomem;
	*remark = (struct remark){ .owner = owner,
		.reader = reader,
		.what = what,
		.count = count,
		.is_counter = is_counter };
	bool is_kept = keep_text(claims, &remark->owner) &&
		       keep_text(claims, &remark->reader) &&
		       keep_text(claims, &remark->what);
	return is_kept ? NULL : &ms_error_nomem;
}

struct ms_error *ms_claims_note(struct ms_claims *claims, const char *format, ...)
{
	char text[512];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	const char **note = ms_array_push(&claims->notes);
	if (!note)
		return &ms_error_nomem;
	*note = text;
	return keep_text(claims, note) ? NULL : &ms_error_nomem;
}

static struct use_slots *slots_of(struct ms_claims *claims, ms_kind freed)
{
	struct use_slots **slot = &claims->block_uses[freed];
	struct use_slots *now = __atomic_load_n(slot, __ATOMIC_ACQUIRE);
	if (now)
		return now;
	struct use_slots *fresh = calloc(1, sizeof(*fresh));
	if (!fresh)
		return NULL;
	if (__atomic_compare_exchange_n(
		    slot, &now, fresh, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return fresh;
	free(fresh);
	return now;
}

static bool is_given_back(enum ms_state state)
{
	return state == MS_STATE_FREE || state == MS_STATE_CACHED ||
	       state == MS_STATE_OVERHEAD;
}

struct ms_error *ms_claims_used(struct ms_claims *claims, ms_kind freed, ms_kind user,
	uint64_t bytes, uint64_t count)
{
	struct use_slots *slots = slots_of(claims, freed);
	if (!slots)
		return &ms_error_nomem;
	__atomic_fetch_add(&slots->bytes[user], bytes, __ATOMIC_RELAXED);
	__atomic_fetch_add(&slots->count[user], count, __ATOMIC_RELAXED);
	return NULL;
}

struct ms_error *ms_claims_offer(struct ms_claims *claims, struct ms_blocks *blocks,
	const struct ms_block *block, ms_kind kind)
{
	ms_kind now = ms_blocks_kind(blocks, block->ordinal);
	if (!is_given_back(ms_kinds_row(claims->kinds, now)->state))
		return ms_blocks_offer(blocks, claims->kinds, block->ordinal, kind);
	return ms_claims_used(claims, now, kind, ms_range_size(block->range), 1);
}

const struct ms_segment *ms_claims_segments(const struct ms_claims *claims, size_t *ret_n)
{
	*ret_n = claims->segments.n;
	return claims->segments.v;
}

size_t ms_claims_clipped(const struct ms_claims *claims)
{
	return claims->clipped;
}

static const struct ms_segment *find_segment(
	const struct ms_claims *claims, uint64_t address)
{
	return ms_range_at(claims->segments.v, claims->segments.n, address);
}

struct ms_answer ms_claims_find(const struct ms_claims *claims, uint64_t address)
{
	const struct ms_segment *segment = find_segment(claims, address);
	struct ms_block block;
	if (!segment)
		return (struct ms_answer){ .range = { address, address + 1 },
			.kind = ms_kinds_row(claims->kinds, MS_KIND_NONE) };
	const struct ms_claim *claim = segment->claim;
	struct ms_answer answer = { .range = segment->range,
		.claim = claim,
		.kind = ms_kinds_row(claims->kinds, claim->kind) };
	if (claim->blocks && ms_blocks_find(claim->blocks, address, &block) &&
		block.kind) {
		answer.kind = ms_kinds_row(claims->kinds, block.kind);
		answer.range = block.range;
		answer.is_block = true;
	}
	return answer;
}
