// What was compiled: see compiled.h. The texts of the ring:
//
//        2   %   4       Big::big @ 13 (2598 bytes)        begins; no tier if there is one
//     nmethod 2% 0x00007f5374ec7010 code [0x…, 0x…]        is done
//        2   COMPILE SKIPPED: out of nodes (not retryable) was given up
//
// The last one JDK 17 writes over with a newline, which is all that is left of it.

#include "hotspot/compiled.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "hotspot/compilations.h"
#include "ledger/reader.h"
#include "target/target.h"

enum {
	TOLD = 3, // of the longest, a compiler
	TIER_MAX = 4,
	TIER_C2 = 4,
};

static const uint64_t SHORT = 10000000; // ns: not worth telling

// --- one text -------------------------------------------------------------------------

// The word that is the method's name, and the tier if it is there: a digit of its own between
// the compilation's number and that.
static bool parse_beginning(struct ms_bytes text, struct ms_bytes *name, unsigned *tier)
{
	struct ms_bytes word;
	*tier = 0;
	(void)ms_bytes_word(&text, &word);
	while (ms_bytes_word(&text, &word)) {
		if (word.n == 1 && word.p[0] >= '1' && word.p[0] <= '0' + TIER_MAX)
			*tier = word.p[0] - '0';
		if (ms_bytes_has(word, "::")) {
			*name = word;
			return true;
		}
	}
	return false;
}

// The last one before the end, of that number; 0: of any.
static const struct ms_event *beginning_of(
	const struct ms_event *oldest, const struct ms_event *end, uint64_t id)
{
	const struct ms_event *found = NULL;
	for (const struct ms_event *event = oldest; event < end; event++) {
		struct ms_bytes rest = event->text;
		uint64_t number;
		ms_bytes_skip_blank(&rest);
		if (event->thread == end->thread && ms_bytes_dec(&rest, &number) &&
			(!id || number == id) && !ms_bytes_has(rest, "COMPILE SKIPPED"))
			found = event;
	}
	return found;
}

// Code is 0 if the compilation was given up, and the number if that is not said.
static bool parse_end(struct ms_bytes text, uint64_t *id, uint64_t *code)
{
	struct ms_bytes word;
	*code = *id = 0;
	ms_bytes_skip_blank(&text);
	if (!text.n || text.p[0] == '\n')
		return true;
	if (!ms_bytes_starts(text, "nmethod "))
		return ms_bytes_dec(&text, id) && ms_bytes_has(text, "COMPILE SKIPPED");
	(void)ms_bytes_word(&text, &word);
	if (!ms_bytes_word(&text, &word) || !ms_bytes_dec(&word, id) ||
		!ms_bytes_word(&text, &word) || !ms_bytes_eat(&word, '0') ||
		!ms_bytes_eat(&word, 'x'))
		return false;
	return ms_bytes_hex(&word, code) && *code;
}

// --- one compilation ------------------------------------------------------------------

// Code is freed and its place used again: it is the one only if it has the number still.
static void look_at_code(struct ms_vm *vm, uint64_t code, struct ms_compiled *ret)
{
	uint64_t id, tier, method;
	bool has_method = ms_vm_field(vm, code, "nmethod::_method", 8, &method) ||
			  ms_vm_field(vm, code, "CompiledMethod::_method", 8, &method);
	if (!ms_vm_field(vm, code, "nmethod::_compile_id", 4, &id) || id != ret->id)
		return;
	// An int, and since JDK 21 a byte.
	if (ms_vm_field(vm, code, "nmethod::_comp_level", 1, &tier) && tier <= TIER_MAX)
		ret->tier = (unsigned)tier;
	if (has_method)
		ret->method = ms_method_name(vm, method);
}

static struct ms_error *add(struct ms_vm *vm, const struct ms_event *oldest,
	const struct ms_event *end, struct ms_compileds *ret)
{
	struct ms_compiled compiled = { .ended_ns = end->at_ns };
	struct ms_bytes name;
	uint64_t code;
	unsigned tier;
	if (!parse_end(end->text, &compiled.id, &code))
		return NULL;
	compiled.is_given_up = !code;
	if (code)
		look_at_code(vm, code, &compiled);
	const struct ms_event *begin = beginning_of(oldest, end, compiled.id);
	compiled.is_longer = !begin;
	compiled.began_ns = ms_min(begin ? begin->at_ns : oldest->at_ns, end->at_ns);
	if (begin && parse_beginning(begin->text, &name, &tier)) {
		if (!compiled.method)
			compiled.method = ms_arena_copy(
				&vm->arena, ms_bytes_sub(name, 0, MS_METHOD_TEXT_MAX));
		if (!compiled.tier)
			compiled.tier = tier;
	}
	if (!compiled.method || !compiled.tier)
		return NULL;
	struct ms_compiled *added = ms_array_push(&ret->v);
	if (!added)
		return &ms_error_nomem;
	*added = compiled;
	return NULL;
}

struct ms_error *ms_compiled_read(
	struct ms_vm *vm, const struct ms_events *events, struct ms_compileds *ret)
{
	const struct ms_event *oldest = NULL;
	struct ms_error *err = NULL;
	*ret = (struct ms_compileds){ 0 };
	ms_array_foreach (event, &events->v) {
		if (err || strcmp(events->logs.v[event->log].name,
				   "Compilation events") != 0)
			continue;
		if (!oldest)
			oldest = event;
		err = add(vm, oldest, event, ret);
	}
	return err;
}

void ms_compiled_deinit(struct ms_compileds *compiled)
{
	ms_array_deinit(&compiled->v);
}

// --- what is told ---------------------------------------------------------------------

static uint64_t took(const struct ms_compiled *compiled)
{
	return compiled->ended_ns - compiled->began_ns;
}

static const char *compiler_of(const struct ms_compiled *compiled)
{
	return compiled->tier == TIER_C2 ? "java.compiler.c2" : "java.compiler.c1";
}

// The longest of a compiler among those that take less than the ones told before.
static const struct ms_compiled *next_longest(const struct ms_compileds *compiled,
	const char *compiler, const struct ms_compiled *before)
{
	const struct ms_compiled *best = NULL;
	ms_array_foreach (one, &compiled->v) {
		bool is_later = !before || took(one) < took(before) ||
				(took(one) == took(before) && one > before);
		if (strcmp(compiler_of(one), compiler) == 0 && is_later &&
			took(one) >= SHORT && (!best || took(one) > took(best)))
			best = one;
	}
	return best;
}

enum {
	SECONDS_TEXT = 32,
};

static const char *seconds_text(uint64_t ns, char text[SECONDS_TEXT])
{
	(void)snprintf(text, SECONDS_TEXT, "%" PRIu64 ".%02" PRIu64 " s", ns / 1000000000,
		ns % 1000000000 / 10000000);
	return text;
}

static struct ms_error *tell(struct ms_vm *vm, const struct ms_compiled *one,
	uint64_t age_ns, struct ms_reading *reading)
{
	char text[MS_METHOD_TEXT_MAX + 160], length[SECONDS_TEXT], end[SECONDS_TEXT];
	bool is_aged = age_ns > one->ended_ns;
	(void)seconds_text(took(one), length);
	(void)seconds_text(is_aged ? age_ns - one->ended_ns : one->ended_ns, end);
	(void)snprintf(text, sizeof(text), "%s compiled %s at tier %u in %s%s%s, %s %s",
		compiler_of(one), one->method, one->tier, one->is_longer ? "over " : "",
		length, one->is_given_up ? " and gave up" : "", end,
		is_aged ? "ago" : "after the JVM began");
	ms_printable(text);
	const char *copy = ms_arena_copy(&vm->arena, ms_bytes_of(text));
	return copy ? ms_reading_past(reading, compiler_of(one), copy) : &ms_error_nomem;
}

struct ms_error *ms_compiled_tell(
	struct ms_vm *vm, const struct ms_compileds *compiled, struct ms_reading *reading)
{
	static const char *const compilers[] = { "java.compiler.c2", "java.compiler.c1" };
	uint64_t age_ns = ms_target_age_ns(reading->target);
	struct ms_error *err = NULL;
	for (size_t i = 0; i < sizeof(compilers) / sizeof(compilers[0]); i++) {
		const struct ms_compiled *one = NULL;
		for (size_t n = 0; !err && n < TOLD; n++) {
			one = next_longest(compiled, compilers[i], one);
			if (!one)
				break;
			err = tell(vm, one, age_ns, reading);
		}
	}
	return err;
}
