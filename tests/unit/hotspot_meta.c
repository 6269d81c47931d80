// Class loaders, metaspace, archives and code cache: what needs no JVM.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "hotspot/cds.h"
#include "hotspot/chain.h"
#include "hotspot/code.h"
#include "hotspot/metaspace.h"

// Steps of a walk over n places of which the last leads back to `back`, or nowhere.
static size_t walk(size_t n, size_t back, size_t max, bool *ret_is_broken)
{
	struct ms_chain chain = { .max = max };
	uint64_t at = n ? 1 : 0;
	while (ms_chain_goes_on(&chain, at))
		at = at < n ? at + 1 : back;
	*ret_is_broken = chain.is_broken;
	return chain.steps;
}

static void walks_end(void **state)
{
	(void)state;
	bool is_broken;
	for (size_t n = 0; n < 100; n++) {
		assert_int_equal(walk(n, 0, 1000, &is_broken), n);
		assert_false(is_broken);
		for (size_t back = 1; back <= n; back++) {
			assert_true(walk(n, back, 1000, &is_broken) <= 3 * n + 3);
			assert_true(is_broken);
		}
	}
	assert_int_equal(walk(100, 0, 10, &is_broken), 10);
	assert_true(is_broken);
}

static void generated_classes_have_patterns(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		enum ms_generated want;
	} cases[] = {
		{ "Meta$$Lambda+0x0000000800c03000", MS_GENERATED_LAMBDA },
		{ "java/lang/invoke/LambdaForm$MH+0x1", MS_GENERATED_METHOD_HANDLE },
		{ "java/lang/invoke/BoundMethodHandle$Species_LL", MS_GENERATED_SPECIES },
		{ "jdk/internal/reflect/GeneratedMethodAccessor1",
			MS_GENERATED_ACCESSOR },
		{ "sun/reflect/GeneratedConstructorAccessor7", MS_GENERATED_ACCESSOR },
		{ "com/sun/proxy/$Proxy12", MS_GENERATED_PROXY },
		{ "a/B$$EnhancerBySpringCGLIB$$1f", MS_GENERATED_CGLIB },
		{ "a/B$ByteBuddy$x7", MS_GENERATED_BYTE_BUDDY },
		{ "java/lang/invoke/LambdaForm", MS_GENERATED_COUNT },
		{ "java/lang/String", MS_GENERATED_COUNT },
		{ "Meta$Payload", MS_GENERATED_COUNT },
		{ "", MS_GENERATED_COUNT },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(
			ms_generated_of(ms_bytes_of(cases[i].name)), cases[i].want);
	assert_string_equal(ms_generated_name(MS_GENERATED_LAMBDA), "lambda");
	assert_string_equal(ms_generated_part(MS_GENERATED_PROXY), "$Proxy");
}

static void code_heaps_have_owners(void **state)
{
	(void)state;
	assert_string_equal(
		ms_code_owner("CodeHeap 'non-nmethods'"), "java.code.non-nmethods");
	assert_string_equal(
		ms_code_owner("CodeHeap 'profiled nmethods'"), "java.code.profiled");
	assert_string_equal(ms_code_owner("CodeHeap 'non-profiled nmethods'"),
		"java.code.non-profiled");
	assert_string_equal(ms_code_owner("CodeCache"), "java.code");
	assert_string_equal(ms_code_owner("CodeHeap '\033[31m'"), "java.code");
}

// --- claims ---------------------------------------------------------------------------

static void expect_owner(struct ms_claims *claims, uint64_t address, const char *owner,
	enum ms_grade grade)
{
	struct ms_answer answer = ms_claims_find(claims, address);
	assert_string_equal(answer.kind->owner, owner);
	assert_int_equal(answer.kind->grade, grade);
}

static void claim_all(struct ms_reading *reading)
{
	struct ms_code_heap heap = { .owner = "java.code.profiled",
		.range = { 0x10000, 0x20000 },
		.map = { 0x30000, 0x31000 } };
	struct ms_code code = { .heaps = { &heap, 1, 1 } };
	struct ms_metaspace_node node = { .range = { 0x40000, 0x50000 },
		.is_class = true,
		.grade = MS_GRADE_STRUCTURAL };
	struct ms_metaspace metaspace = { .source = MS_METASPACE_FROM_CLASSES,
		.nodes = { .v = &node, .n = 1 } };
	struct ms_cds_region regions[] = {
		{ .name = "heap", .is_heap = true, .range = { 0x80000, 0x90000 } },
		{ .name = "bitmap", .range = { 0x90000, 0xa0000 } },
	};
	struct ms_cds cds = { .range = { 0x60000, 0x70000 },
		.regions = { regions, 2, 2 } };
	assert_null(ms_code_claim(reading, &code));
	assert_null(ms_metaspace_claim(reading, &metaspace));
	assert_null(ms_cds_claim(reading, &cds));
}

static void claims_name_owners(void **state)
{
	(void)state;
	struct ms_claims *claims;
	assert_null(ms_claims_new(&claims));
	struct ms_reading reading = { .claims = claims };
	claim_all(&reading);
	assert_null(ms_claims_resolve(claims));
	expect_owner(claims, 0x10000, "java.code.profiled", MS_GRADE_EXACT);
	expect_owner(claims, 0x30800, "java.code.profiled", MS_GRADE_EXACT);
	expect_owner(claims, 0x48000, "java.metaspace.class", MS_GRADE_STRUCTURAL);
	expect_owner(claims, 0x6ffff, "java.cds", MS_GRADE_EXACT);
	expect_owner(claims, 0x98000, "java.cds", MS_GRADE_EXACT);
	assert_null(ms_claims_find(claims, 0x88000).claim); // the heap's
	ms_claims_free(claims);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(walks_end),
		cmocka_unit_test(generated_classes_have_patterns),
		cmocka_unit_test(code_heaps_have_owners),
		cmocka_unit_test(claims_name_owners),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
