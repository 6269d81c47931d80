// Errors: what each errno becomes, hints and prefixes, and the out-of-memory error that
// is never allocated and never changed.

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/base.h"

static void test_errno_chooses_the_code(void **state)
{
	(void)state;
	static const struct {
		int errnum;
		enum ms_error_code code;
	} rows[] = {
		{ EPERM, MS_ERROR_DENIED },
		{ EACCES, MS_ERROR_DENIED },
		{ ESRCH, MS_ERROR_GONE },
		{ ENOENT, MS_ERROR_OS },
		{ EIO, MS_ERROR_OS },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_error_ struct ms_error *err =
			ms_error_os(rows[i].errnum, "cannot open '%s'", "/x");
		char expected[200];
		snprintf(expected, sizeof(expected), "cannot open '/x': %s",
			strerror(rows[i].errnum));
		assert_int_equal(err->code, rows[i].code);
		assert_int_equal(err->errnum, rows[i].errnum);
		assert_string_equal(err->message, expected);
		assert_null(err->hint);
	}
}

static void test_hints_and_prefixes(void **state)
{
	(void)state;
	_cleanup_error_ struct ms_error *err = ms_error_format(77, "not a core");
	assert_int_equal(err->address, 77);
	err = ms_error_prefix(err, "'%s'", "a.core");
	err = ms_error_hint(err, "first");
	err = ms_error_hint(err, "try %d", 2);
	assert_string_equal(err->message, "'a.core': not a core");
	assert_string_equal(err->hint, "try 2");
	assert_true(ms_error_is(err, MS_ERROR_FORMAT));
	assert_false(ms_error_is(NULL, MS_ERROR_FORMAT));
	assert_null(ms_error_prefix(NULL, "x"));
	assert_null(ms_error_hint(NULL, "x"));
}

static void test_no_memory_is_static(void **state)
{
	(void)state;
	struct ms_error *err = ms_error_os(ENOMEM, "cannot read '%s'", "/x");
	assert_ptr_equal(err, &ms_error_nomem);
	err = ms_error_prefix(ms_error_hint(err, "x"), "y");
	assert_ptr_equal(err, &ms_error_nomem);
	assert_string_equal(err->message, "out of memory");
	assert_null(err->hint);
	ms_error_free(err);
	ms_error_free(err);
	ms_error_free(NULL);
}

static void test_catch_takes_only_its_code(void **state)
{
	(void)state;
	struct ms_error *err = ms_error_new(MS_ERROR_GONE, "process %d ended", 5);
	assert_false(ms_error_catch(&err, MS_ERROR_OS));
	assert_non_null(err);
	assert_true(ms_error_catch(&err, MS_ERROR_GONE));
	assert_null(err);
	assert_false(ms_error_catch(&err, MS_ERROR_GONE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_errno_chooses_the_code),
		cmocka_unit_test(test_hints_and_prefixes),
		cmocka_unit_test(test_no_memory_is_static),
		cmocka_unit_test(test_catch_takes_only_its_code),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
