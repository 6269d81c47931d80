// Lists: the exact bytes, whatever the size of the blocks they were read in.

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/base.h"
#include "strings/list.h"

static struct ms_error *collect(void *arg, struct ms_bytes bytes)
{
	return ms_buffer_add(arg, bytes.p, bytes.n);
}

static void ok(struct ms_error *err)
{
	if (err)
		fail_msg("%s", err->message);
}

static struct ms_list *new_list(struct ms_list_options options, struct ms_buffer *out)
{
	struct ms_list *list = NULL;
	ok(ms_list_new(&options, collect, out, &list));
	return list;
}

#define IN(literal)                                                                      \
	{                                                                                \
		(const uint8_t *)(literal), sizeof(literal) - 1                          \
	}

static const struct {
	const char *what;
	struct ms_list_options options;
	const char *name;
	uint64_t offset;
	struct ms_bytes in;
	const char *out;
} cases[] = {
	{ "four are enough, three are not", { 0 }, NULL, 0, IN("abc\0abcd\0\1efgh"),
		"abcd\nefgh\n" },
	{ "a tab is text, a line feed is not", { 0 }, NULL, 0, IN("a\tbc\nde\nfghi\x7f"),
		"a\tbc\nfghi\n" },
	{ "with spaces it is", { .spaces = true }, NULL, 0, IN("a\nbc\r\v\f\x1b"),
		"a\nbc\r\v\f\n" },
	{ "high bytes", { .encoding = MS_ENCODING_8BIT }, NULL, 0,
		IN("\x80\xff"
		   "ab\0"),
		"\x80\xff"
		"ab\n" },
	{ "octal", { .radix = 8 }, NULL, 0, IN("\0\0\0\0\0\0\0\0abcd"),
		"     10 abcd\n" },
	{ "decimal, of an address", { .radix = 10 }, NULL, 18446744073709551612u,
		IN("abcd"), "18446744073709551612 abcd\n" },
	{ "hexadecimal beyond 4 GiB", { .radix = 16 }, NULL, 0x7f0123456780, IN("\0abcd"),
		"7f0123456781 abcd\n" },
	{ "zero", { .radix = 16 }, NULL, 0, IN("abcd"), "      0 abcd\n" },
	{ "name", { .radix = 10 }, "a b", 0, IN("abcd"), "a b:       0 abcd\n" },
	{ "empty name", { 0 }, "", 0, IN("abcd"), ": abcd\n" },
	{ "separator", { .separator = IN("--") }, NULL, 0, IN("abcd\0efgh"),
		"abcd--efgh--" },
	{ "no separator", { .separator = IN("") }, NULL, 0, IN("abcd\0efgh"),
		"abcdefgh" },
	{ "utf-16le, odd phase, cut at a wide character",
		{ .encoding = MS_ENCODING_UTF16LE, .radix = 10 }, NULL, 0,
		IN("\1a\0b\0c\0d\0\xac\x20"
		   "e\0f\0g\0h\0"),
		"      1 abcd\n     11 efgh\n" },
	{ "utf-16be", { .encoding = MS_ENCODING_UTF16BE, .radix = 10 }, NULL, 0,
		IN("\1\0a\0b\0c\0d"), "      1 abcd\n" },
	{ "utf-32le", { .encoding = MS_ENCODING_UTF32LE, .min = 2, .radix = 16 }, NULL, 0,
		IN("..a\0\0\0b\0\0\0c\0\0"), "      2 ab\n" },
	{ "utf-32be", { .encoding = MS_ENCODING_UTF32BE, .min = 2 }, NULL, 0,
		IN("\0\0\0a\0\0\0b\0\0"), "ab\n" },
	{ "nothing", { 0 }, NULL, 0, IN(""), "" },
};

static void test_cases_at_every_block_size(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t size = 1; size < 70; size++) {
			_cleanup_buffer_ struct ms_buffer out = { 0 };
			struct ms_list_options options = cases[i].options;
			options.block_size = size;
			_cleanup_(cleanup_ms_list_free) struct ms_list *list =
				new_list(options, &out);
			struct ms_bytes name = { 0 };
			if (cases[i].name)
				name = ms_bytes_of(cases[i].name);
			ok(ms_list_begin(list, name, cases[i].offset));
			ok(ms_list_add(list, cases[i].in));
			ok(ms_list_end(list));
			ok(ms_list_flush(list));
			if (!ms_bytes_is(ms_buffer_bytes(&out), cases[i].out))
				fail_msg("%s, block size %zu: '%.*s'", cases[i].what,
					size, (int)out.n, (const char *)out.p);
		}
	}
}

struct tally {
	uint64_t bytes, wrong;
};

static struct ms_error *count_x(void *arg, struct ms_bytes bytes)
{
	struct tally *t = arg;
	for (size_t i = 0; i < bytes.n; i++)
		t->wrong += bytes.p[i] != 'x';
	t->bytes += bytes.n;
	return NULL;
}

// A string of 64 MiB goes through whole, for each way of holding it.
static void test_long_string(void **state)
{
	enum {
		SIZE = 1 << 20,
		TIMES = 64
	};
	static const uint64_t mins[] = { 1, 64, 1000 };
	(void)state;
	_cleanup_free_ uint8_t *p = malloc(SIZE);
	assert_non_null(p);
	memset(p, 'x', SIZE);
	for (size_t m = 0; m < 3; m++) {
		struct tally t = { 0 };
		struct ms_list_options options = { .min = mins[m] };
		_cleanup_(cleanup_ms_list_free) struct ms_list *list = NULL;
		ok(ms_list_new(&options, count_x, &t, &list));
		ok(ms_list_begin(list, (struct ms_bytes){ NULL, 0 }, 0));
		for (int i = 0; i < TIMES; i++)
			ok(ms_list_add(list, (struct ms_bytes){ p, SIZE }));
		ok(ms_list_end(list));
		ok(ms_list_flush(list));
		assert_int_equal(t.bytes, (uint64_t)SIZE * TIMES + 1);
		assert_int_equal(t.wrong, 1);
	}
}

// A hole gives what its zeros give, units across its two edges included.
static void test_zeros(void **state)
{
	static const uint64_t sizes[] = { 0, 1, 2, 3, 64, 200, 8191, 8192, 8193, 100001 };
	(void)state;
	for (unsigned c = 0; c < MS_ENCODING_COUNT; c++) {
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			struct ms_buffer out[2] = { { 0 }, { 0 } };
			_cleanup_free_ uint8_t *zeros = calloc(1, sizes[i] + 1);
			static const char part[] = "a\0\0\0b\0\0\0c\0d\0e";
			struct ms_bytes text = { (const uint8_t *)part,
				sizeof(part) - 1 };
			for (int way = 0; way < 2; way++) {
				_cleanup_(cleanup_ms_list_free) struct ms_list *list =
					new_list(
						(struct ms_list_options){
							.encoding = (enum ms_encoding)c,
							.min = 1,
							.radix = 10 },
						&out[way]);
				ok(ms_list_begin(list, (struct ms_bytes){ NULL, 0 }, 7));
				ok(ms_list_add(list, text));
				ok(way ? ms_list_zeros(list, sizes[i])
				       : ms_list_add(list,
						 (struct ms_bytes){ zeros, sizes[i] }));
				ok(ms_list_add(list, text));
				ok(ms_list_end(list));
				ok(ms_list_flush(list));
			}
			assert_true(out[0].n > 0);
			assert_true(ms_bytes_equal(
				ms_buffer_bytes(&out[0]), ms_buffer_bytes(&out[1])));
			ms_buffer_deinit(&out[0]);
			ms_buffer_deinit(&out[1]);
		}
	}
}

// A sparse file: text on both sides of holes, beyond 4 GiB and with a hole at the end.
static void test_sparse_file(void **state)
{
	(void)state;
	_cleanup_close_ int fd = memfd_create("sparse", MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, "first", 5, 0), 5);
	assert_int_equal(pwrite(fd, "second", 6, 1 << 20), 6);
	assert_int_equal(pwrite(fd, "third", 5, 0x500000000 - 2), 5);
	assert_int_equal(ftruncate(fd, 0x600000000), 0);
	_cleanup_buffer_ struct ms_buffer out = { 0 };
	_cleanup_(cleanup_ms_list_free) struct ms_list *list =
		new_list((struct ms_list_options){ .radix = 16 }, &out);
	ok(ms_list_fd(list, fd, "sparse", (struct ms_bytes){ NULL, 0 }));
	ok(ms_list_flush(list));
	assert_string_equal(
		(const char *)out.p, "      0 first\n 100000 second\n4fffffffe third\n");
}

// A file that is read ahead gives what its bytes give.
static void test_file_read_ahead(void **state)
{
	enum {
		SIZE = 50000
	};
	static const size_t blocks[] = { 192, 193, 1000, 4096, 12500, 50000 };
	(void)state;
	_cleanup_close_ int fd = memfd_create("ahead", MFD_CLOEXEC);
	_cleanup_free_ uint8_t *p = malloc(SIZE);
	assert_true(fd >= 0 && p);
	for (size_t i = 0; i < SIZE; i++)
		p[i] = (uint8_t)(i % 97 < 90 || i / 1000 == 7 ? 'a' + i % 26 : i);
	assert_int_equal(write(fd, p, SIZE), SIZE);
	_cleanup_buffer_ struct ms_buffer want = { 0 };
	_cleanup_(cleanup_ms_list_free) struct ms_list *whole =
		new_list((struct ms_list_options){ .radix = 16 }, &want);
	ok(ms_list_begin(whole, (struct ms_bytes){ NULL, 0 }, 0));
	ok(ms_list_add(whole, (struct ms_bytes){ p, SIZE }));
	ok(ms_list_end(whole));
	ok(ms_list_flush(whole));
	for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
		_cleanup_buffer_ struct ms_buffer out = { 0 };
		_cleanup_(cleanup_ms_list_free) struct ms_list *list = new_list(
			(struct ms_list_options){ .radix = 16, .block_size = blocks[i] },
			&out);
		assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
		ok(ms_list_fd(list, fd, "ahead", (struct ms_bytes){ NULL, 0 }));
		ok(ms_list_flush(list));
		assert_true(
			ms_bytes_equal(ms_buffer_bytes(&want), ms_buffer_bytes(&out)));
	}
}

static struct ms_error *refuse(void *arg, struct ms_bytes bytes)
{
	(void)arg;
	(void)bytes;
	return ms_error_new(MS_ERROR_OS, "no");
}

static void test_sink_error_is_returned(void **state)
{
	(void)state;
	struct ms_list_options options = { 0 };
	_cleanup_(cleanup_ms_list_free) struct ms_list *list = NULL;
	ok(ms_list_new(&options, refuse, NULL, &list));
	ok(ms_list_begin(list, (struct ms_bytes){ NULL, 0 }, 0));
	ok(ms_list_add(list, ms_bytes_of("some text")));
	ok(ms_list_end(list));
	_cleanup_error_ struct ms_error *err = ms_list_flush(list);
	assert_true(ms_error_is(err, MS_ERROR_OS));
}

static void test_cancel(void **state)
{
	(void)state;
	struct ms_cancel cancel = { false };
	_cleanup_buffer_ struct ms_buffer out = { 0 };
	_cleanup_(cleanup_ms_list_free) struct ms_list *list =
		new_list((struct ms_list_options){ .cancel = &cancel }, &out);
	ok(ms_list_begin(list, (struct ms_bytes){ NULL, 0 }, 0));
	ok(ms_list_add(list, ms_bytes_of("some text")));
	ms_cancel_raise(&cancel);
	_cleanup_error_ struct ms_error *err = ms_list_add(list, ms_bytes_of("more"));
	assert_true(ms_error_is(err, MS_ERROR_CANCELLED));
}

static void test_unreadable_descriptor(void **state)
{
	(void)state;
	_cleanup_close_ int fd = open("/", O_RDONLY | O_CLOEXEC);
	_cleanup_buffer_ struct ms_buffer out = { 0 };
	_cleanup_(cleanup_ms_list_free) struct ms_list *list =
		new_list((struct ms_list_options){ 0 }, &out);
	_cleanup_error_ struct ms_error *err =
		ms_list_fd(list, fd, "/", (struct ms_bytes){ NULL, 0 });
	assert_true(ms_error_is(err, MS_ERROR_OS));
	assert_int_equal(err->errnum, EISDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases_at_every_block_size),
		cmocka_unit_test(test_long_string),
		cmocka_unit_test(test_zeros),
		cmocka_unit_test(test_sparse_file),
		cmocka_unit_test(test_file_read_ahead),
		cmocka_unit_test(test_sink_error_is_returned),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_unreadable_descriptor),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
