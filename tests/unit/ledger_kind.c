// Owners and kinds: ids match whole segments, and merging does not depend on the order.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "ledger/kind.h"
#include "ledger/owner.h"

static void finds_longest_entry(void **state)
{
	(void)state;
	static const struct {
		const char *id, *entry;
	} cases[] = {
		{ "malloc.free.glibc.top", "malloc.free" },
		{ "malloc.live.unknown", "malloc.live.unknown" },
		{ "java.heap.eden", "java.heap" },
		{ "java.heapster", "java" },
		{ "file.lib.dirty", "file.lib.dirty" },
		{ "file.libs", "file" },
		{ "outside.swap", "outside.swap" },
		{ "lib.rocksdb", "lib" },
		{ "unexplained", "unexplained" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct ms_owner *owner = ms_owner_find(cases[i].id);
		assert_non_null(owner);
		assert_string_equal(owner->id, cases[i].entry);
	}
	assert_null(ms_owner_find("nothing.of.ours"));
	assert_true(ms_owner_is_outside("outside.swap"));
	assert_false(ms_owner_is_outside("overcount"));
	assert_true(ms_owner_is_unexplained("malloc.live.unknown"));
	assert_false(ms_owner_is_unexplained("malloc.heap"));
}

static void table_is_whole(void **state)
{
	(void)state;
	size_t n;
	const struct ms_owner *table = ms_owner_table(&n);
	for (size_t i = 0; i < n; i++) {
		assert_ptr_equal(ms_owner_find(table[i].id), &table[i]);
		assert_true(strlen(table[i].title) > 0 && strlen(table[i].title) < 40);
		assert_int_equal(table[i].meaning[strlen(table[i].meaning) - 1], '.');
		assert_int_equal(table[i].next[strlen(table[i].next) - 1], '.');
	}
}

static void makes_safe_ids(void **state)
{
	(void)state;
	static const struct {
		const char *name, *id;
	} cases[] = {
		{ "java_heap", "shm.java_heap" },
		{ "My Pool\x1b]0;x", "shm.my_pool_0_x" },
		{ "", "shm" },
		{ "\xff\xfe", "shm" },
		{ " glibc: malloc arena", "shm.glibc_malloc_arena" },
		{ "a.b", "shm.a_b" },
		{ "trailing!", "shm.trailing" },
	};
	char text[MS_OWNER_TEXT], longest[500];
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(ms_owner_id("shm", ms_bytes_of(cases[i].name), text),
			cases[i].id);
	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	assert_true(
		strlen(ms_owner_id("shm", ms_bytes_of(longest), text)) < MS_OWNER_TEXT);
}

static ms_kind intern(struct ms_kinds *kinds, const char *owner, enum ms_grade grade,
	enum ms_precedence precedence)
{
	struct ms_kind_row row = {
		.owner = owner, .reader = "test", .grade = grade, .precedence = precedence
	};
	ms_kind kind = 0;
	assert_null(ms_kinds_intern(kinds, &row, &kind));
	return kind;
}

static void interns_once(void **state)
{
	(void)state;
	struct ms_kinds *kinds;
	assert_null(ms_kinds_new(&kinds));
	ms_kind a = intern(kinds, "a", MS_GRADE_EXACT, MS_PRECEDENCE_SHAPE);
	ms_kind b = intern(kinds, "b", MS_GRADE_EXACT, MS_PRECEDENCE_SHAPE);
	assert_int_not_equal(a, b);
	assert_int_equal(a, intern(kinds, "a", MS_GRADE_EXACT, MS_PRECEDENCE_SHAPE));
	assert_string_equal(ms_kinds_row(kinds, b)->owner, "b");
	assert_string_equal(ms_kinds_row(kinds, MS_KIND_NONE)->owner, "unexplained");
	ms_kinds_free(kinds);
}

static void full_table_folds(void **state)
{
	(void)state;
	struct ms_kinds *kinds;
	char owner[32];
	assert_null(ms_kinds_new(&kinds));
	for (unsigned i = 0; i < 70000; i++) {
		(void)snprintf(owner, sizeof(owner), "shm.x%u", i);
		(void)intern(kinds, owner, MS_GRADE_EXACT, MS_PRECEDENCE_SHAPE);
	}
	ms_kind last = intern(kinds, "shm.one-more", MS_GRADE_EXACT, MS_PRECEDENCE_SHAPE);
	assert_string_equal(ms_kinds_row(kinds, last)->owner, "shm");
	assert_int_equal(ms_kinds_folded(kinds), 70000 - 64999 + 1);
	ms_kinds_free(kinds);
}

static const char *merged(
	struct ms_kinds *kinds, const ms_kind *v, size_t n, const char **rival)
{
	ms_kind kind = MS_KIND_NONE;
	for (size_t i = 0; i < n; i++)
		assert_null(ms_kinds_merge(kinds, kind, v[i], &kind));
	*rival = ms_kinds_row(kinds, kind)->rival;
	return ms_kinds_row(kinds, kind)->owner;
}

static void grade_then_precedence_then_id(void **state)
{
	(void)state;
	struct ms_kinds *kinds;
	const char *rival;
	assert_null(ms_kinds_new(&kinds));
	ms_kind exact = intern(kinds, "z", MS_GRADE_EXACT, MS_PRECEDENCE_SHAPE);
	ms_kind content = intern(kinds, "a", MS_GRADE_CONTENT, MS_PRECEDENCE_FREER);
	ms_kind freer = intern(kinds, "y", MS_GRADE_EXACT, MS_PRECEDENCE_FREER);
	ms_kind nobody = intern(kinds, "b", MS_GRADE_EXACT, MS_PRECEDENCE_NONE);
	assert_string_equal(merged(kinds, (ms_kind[]){ content, exact }, 2, &rival), "z");
	assert_null(rival);
	assert_string_equal(merged(kinds, (ms_kind[]){ freer, exact }, 2, &rival), "y");
	assert_null(rival);
	assert_string_equal(
		merged(kinds, (ms_kind[]){ nobody, content }, 2, &rival), "a");
	assert_null(rival);
	ms_kind other = intern(kinds, "x", MS_GRADE_EXACT, MS_PRECEDENCE_FREER);
	assert_string_equal(merged(kinds, (ms_kind[]){ freer, other }, 2, &rival), "x");
	assert_string_equal(rival, "y");
	ms_kinds_free(kinds);
}

// Any order of any offers gives the same owner and the same rival.
static void merging_is_commutative(void **state)
{
	(void)state;
	static const char *const ids[] = { "a", "b", "c", "d" };
	struct ms_kinds *kinds;
	assert_null(ms_kinds_new(&kinds));
	srand(7);
	for (unsigned round = 0; round < 2000; round++) {
		ms_kind v[6];
		size_t n = 2 + (size_t)rand() % 5;
		const char *rival, *shuffled_rival;
		for (size_t i = 0; i < n; i++)
			v[i] = intern(kinds, ids[rand() % 4], (enum ms_grade)(rand() % 2),
				(enum ms_precedence)(rand() % 3));
		const char *owner = merged(kinds, v, n, &rival);
		for (size_t i = n - 1; i; i--) {
			size_t j = (size_t)rand() % (i + 1);
			ms_kind swap = v[i];
			v[i] = v[j];
			v[j] = swap;
		}
		assert_string_equal(owner, merged(kinds, v, n, &shuffled_rival));
		assert_true(!rival == !shuffled_rival);
		if (rival)
			assert_string_equal(rival, shuffled_rival);
	}
	ms_kinds_free(kinds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_longest_entry),
		cmocka_unit_test(table_is_whole),
		cmocka_unit_test(makes_safe_ids),
		cmocka_unit_test(interns_once),
		cmocka_unit_test(full_table_folds),
		cmocka_unit_test(grade_then_precedence_then_id),
		cmocka_unit_test(merging_is_commutative),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
