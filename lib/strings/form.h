/**
 * Forms: a string with its changing parts replaced by marks, and what kind of text it is.
 *
 * Strings of one form are a cluster: "worker-17 took 3.5 ms" and "worker-4 took 12 ms"
 * are both "worker-<num> took <num> ms". One pass, no dictionary, no state: the form of a
 * string does not depend on any other string, so clusters do not depend on order.
 *
 *   <num>   digits, with points between them     <addr>  0x and hexadecimal digits
 *   <hex>   8 or more hexadecimal digits, both   <ip>    IPv4, IPv6
 *           letters and digits among them        <uuid>  8-4-4-4-12
 *   <time>  ISO dates and times, clock times
 */
#pragma once

#include <stddef.h>

#include "base/bytes.h"

/** X(id, name, what it is) */
#define MS_FORM_KINDS(X)                                                                 \
	X(WORD, "word", "one word, or no words at all")                                  \
	X(TEXT, "text", "words with spaces")                                             \
	X(LOG, "log", "a line with a time or a level")                                   \
	X(PATH, "path", "a file's path")                                                 \
	X(JAVA, "java", "a name of a Java class, package, method or type")               \
	X(URL, "url", "something://")                                                    \
	X(JSON, "json", "an object or an array with quoted keys or texts")               \
	X(SETTING, "key=value", "a name, '=' and a value")

enum ms_form_kind {
#define X(id, name, help) MS_FORM_##id,
	MS_FORM_KINDS(X)
#undef X
	MS_FORM_KIND_COUNT,
};

enum {
	MS_FORM_INPUT = 256, ///< bytes of a string that its form is made of
	MS_FORM_MAX = 800,   ///< bytes a form can have
};

/** The kind's name. Never NULL. */
const char *ms_form_kind_name(enum ms_form_kind kind);

/**
 * Make the form of a string.
 *
 * @param text  the first MS_FORM_INPUT bytes count; any bytes
 * @param to    receives the form, not NUL-terminated
 * @param kind  out
 * @return length of the form
 * Cost: 0.3 to 1 GB/s.
 */
size_t ms_form_make(struct ms_bytes text, char to[MS_FORM_MAX], enum ms_form_kind *kind);
