/**
 * Errors: one object that knows what failed, on which subject, and what to try next.
 *
 * A failing call returns a pointer, NULL is success, so `if (err) return err;` is the
 * whole protocol. The out-of-memory error is static, so reporting it cannot fail.
 * Wrap with context going up at most once per room. Never allocate one per page.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define MS_MUST_CHECK   __attribute__((warn_unused_result))
#define MS_PRINTF(f, a) __attribute__((format(printf, f, a)))

/// Never NULL, whatever happens.
#define MS_RETURNS_NONNULL __attribute__((returns_nonnull))

enum ms_error_code {
	MS_ERROR_NOMEM,       ///< out of memory; static, never freed
	MS_ERROR_OS,          ///< a system call failed: errnum is set
	MS_ERROR_GONE,        ///< the target ended, or its pid now names another process
	MS_ERROR_DENIED,      ///< not permitted: the hint names the check that refused
	MS_ERROR_UNREADABLE,  ///< memory of the target cannot be read: address is set
	MS_ERROR_FORMAT,      ///< malformed input: address is the offset in it, in bytes
	MS_ERROR_LIMIT,       ///< a bound of ours was reached
	MS_ERROR_UNSUPPORTED, ///< the kernel, the file or this build cannot do it
	MS_ERROR_CANCELLED,   ///< the caller's cancel flag was raised
	MS_ERROR_USAGE,       ///< wrong usage by the person at the command line
};

struct ms_error {
	enum ms_error_code code;
	int errnum;       ///< errno of MS_ERROR_OS and MS_ERROR_DENIED, else 0
	uint64_t address; ///< see the codes; 0 where it has no meaning
	char *message;    ///< one line, lower case, names the subject in quotes
	char *hint;       ///< one line of what to do next, or NULL
};

/** The out-of-memory error. Returning it never allocates; ms_error_free ignores it. */
extern struct ms_error ms_error_nomem;

/**
 * Make an error with a formatted one-line message.
 *
 * @return owned by the caller; ms_error_nomem if there is no memory for it
 */
struct ms_error *ms_error_new(enum ms_error_code code, const char *format,
	...) MS_MUST_CHECK MS_PRINTF(2, 3) MS_RETURNS_NONNULL;

/**
 * Make an error from errno: "<formatted message>: <strerror(errnum)>".
 *
 * ENOMEM gives MS_ERROR_NOMEM, EPERM and EACCES MS_ERROR_DENIED, ESRCH MS_ERROR_GONE,
 * all others MS_ERROR_OS.
 */
struct ms_error *ms_error_os(int errnum, const char *format, ...) MS_MUST_CHECK
	MS_PRINTF(2, 3) MS_RETURNS_NONNULL;

/** As ms_error_new for MS_ERROR_FORMAT, with the byte offset of the fault in the input.
 */
struct ms_error *ms_error_format(uint64_t offset, const char *format, ...) MS_MUST_CHECK
	MS_PRINTF(2, 3) MS_RETURNS_NONNULL;

/**
 * Add the line that says what to do next, replacing an earlier one.
 *
 * @param err  may be NULL (then nothing happens) or ms_error_nomem (kept as it is)
 * @return err, so that `return ms_error_hint(err, ...)` reads well
 */
struct ms_error *ms_error_hint(
	struct ms_error *err, const char *format, ...) MS_MUST_CHECK MS_PRINTF(2, 3);

/** Put "<formatted prefix>: " in front of the message; NULL stays NULL. Returns err. */
struct ms_error *ms_error_prefix(
	struct ms_error *err, const char *format, ...) MS_MUST_CHECK MS_PRINTF(2, 3);

/** True if err is an error of this code; NULL is none. */
bool ms_error_is(const struct ms_error *err, enum ms_error_code code);

/** If *err has this code, free it, set *err to NULL and return true: a catch clause. */
bool ms_error_catch(struct ms_error **err, enum ms_error_code code);

/** Free an error; NULL and ms_error_nomem are fine. */
void ms_error_free(struct ms_error *err);

#ifdef __clang_analyzer__
// The analyzer sees one file at a time and would follow paths on which a failure comes
// back as NULL. error.c undefines these.
static inline struct ms_error *ms_error_sure(struct ms_error *err)
{
	if (!err)
		__builtin_unreachable();
	return err;
}
#define ms_error_new(...)    ms_error_sure((ms_error_new)(__VA_ARGS__))
#define ms_error_os(...)     ms_error_sure((ms_error_os)(__VA_ARGS__))
#define ms_error_format(...) ms_error_sure((ms_error_format)(__VA_ARGS__))
#define ms_error_hint(err, ...)                                                          \
	((err) ? ms_error_sure((ms_error_hint)((err), __VA_ARGS__)) : NULL)
#define ms_error_prefix(err, ...)                                                        \
	((err) ? ms_error_sure((ms_error_prefix)((err), __VA_ARGS__)) : NULL)
#endif
