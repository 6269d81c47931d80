// Whole-file reads, exact pieces, and growing buffers.

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/base.h"

static int file_of(const void *p, size_t n)
{
	int fd = memfd_create("base-io", MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_true(ms_write_all(fd, p, n));
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static void test_files_of_every_size(void **state)
{
	(void)state;
	static uint8_t bytes[200000];
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 31 >> 3);
	static const size_t sizes[] = { 0, 1, 4095, 4096, 4097, 65536, 199999 };
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		_cleanup_close_ int fd = file_of(bytes, sizes[i]);
		_cleanup_buffer_ struct ms_buffer buffer = { 0 };
		assert_null(ms_read_fd(fd, "x", sizeof(bytes), &buffer));
		assert_int_equal(buffer.n, sizes[i]);
		assert_memory_equal(buffer.p, bytes, sizes[i]);
		assert_int_equal(buffer.p[buffer.n], 0);
	}
}

static void test_the_limit_is_an_error_and_changes_nothing(void **state)
{
	(void)state;
	_cleanup_close_ int fd = file_of("0123456789", 10);
	_cleanup_buffer_ struct ms_buffer buffer = { 0 };
	_cleanup_error_ struct ms_error *err = ms_read_fd(fd, "x", 9, &buffer);
	assert_true(ms_error_is(err, MS_ERROR_LIMIT));
	assert_null(buffer.p);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_null(ms_read_fd(fd, "x", 10, &buffer));
	assert_int_equal(buffer.n, 10);
}

static void test_a_missing_file_is_named(void **state)
{
	(void)state;
	_cleanup_buffer_ struct ms_buffer buffer = { 0 };
	_cleanup_error_ struct ms_error *err =
		ms_read_file_at(AT_FDCWD, "/nonexistent/file", 10, &buffer);
	assert_true(ms_error_is(err, MS_ERROR_OS));
	assert_int_equal(err->errnum, ENOENT);
	assert_non_null(strstr(err->message, "/nonexistent/file"));
}

// A pipe gives short reads: the reader must go on.
static void test_short_reads(void **state)
{
	(void)state;
	int fds[2];
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		for (int i = 0; i < 50; i++) {
			if (write(fds[1], "abc", 3) != 3)
				_exit(1);
			usleep(500);
		}
		_exit(0);
	}
	close(fds[1]);
	_cleanup_buffer_ struct ms_buffer buffer = { 0 };
	assert_null(ms_read_fd(fds[0], "pipe", 1000, &buffer));
	assert_int_equal(buffer.n, 150);
	close(fds[0]);
	waitpid(child, NULL, 0);
}

static void test_pieces_at_offsets(void **state)
{
	(void)state;
	_cleanup_close_ int fd = file_of("0123456789", 10);
	char piece[20];
	assert_int_equal(ms_pread_all(fd, piece, 4, 3), 4);
	assert_memory_equal(piece, "3456", 4);
	assert_int_equal(ms_pread_all(fd, piece, sizeof(piece), 8), 2);
	assert_int_equal(ms_pread_all(fd, piece, 1, 100), 0);
	assert_int_equal(ms_pread_all(-1, piece, 1, 0), -1);
	assert_true(ms_pwrite_all(fd, "AB", 2, 20));
	assert_int_equal(ms_pread_all(fd, piece, 20, 9), 13);
	assert_memory_equal(piece, "9\0\0\0\0\0\0\0\0\0\0AB", 13);
	assert_false(ms_pwrite_all(-1, "A", 1, 0));
	assert_false(ms_write_all(-1, "A", 1));
}

static void test_buffers_grow(void **state)
{
	(void)state;
	_cleanup_buffer_ struct ms_buffer buffer = { 0 };
	for (int i = 0; i < 1000; i++)
		assert_null(ms_buffer_printf(&buffer, "%d,", i));
	assert_null(ms_buffer_add(&buffer, "\0x", 2));
	assert_int_equal(buffer.n, 10 * 2 + 90 * 3 + 900 * 4 + 2);
	assert_memory_equal(buffer.p + buffer.n - 6, "999,\0x", 6);
	assert_int_equal(buffer.p[buffer.n], 0);
	assert_null(ms_buffer_add(&buffer, NULL, 0));
	uint64_t before = ms_now_ns();
	assert_true(ms_now_ns() >= before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files_of_every_size),
		cmocka_unit_test(test_the_limit_is_an_error_and_changes_nothing),
		cmocka_unit_test(test_a_missing_file_is_named),
		cmocka_unit_test(test_short_reads),
		cmocka_unit_test(test_pieces_at_offsets),
		cmocka_unit_test(test_buffers_grow),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
