/* SPDX-License-Identifier: MIT
 *
 * Errors: every code the library returns, and the struct that says what was wrong and
 * where. Nothing here allocates. */
#ifndef PB_ERROR_H
#define PB_ERROR_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
/* What the library exports. */
#define PB_API __attribute__((__visibility__("default")))
/* A function whose parameter `string` is a format as printf's, for those from `first` on. */
#define PB_PRINTF(string, first) __attribute__((__format__(__printf__, string, first)))
#else
#define PB_API
#define PB_PRINTF(string, first)
#endif

/* The rule for NULL, for every function of the library. NULL means "nothing": no value, no
 * reference, no client, an endpoint from getenv that is not set. No function crashes on it,
 * so that a row of calls needs one check at its end:
 *  - A function that is given NULL where it needs something returns PB_ERR_ARG. A function
 *    that returns no code returns 0, false, NULL, "" or an empty span.
 *  - Then err, unless it is filled, gets a sentence that names what was NULL. An err that is
 *    filled already stays as it is.
 *  - A function whose name ends in _steal takes what it is given, whatever else is NULL.
 *  - A function that fails sets what it was to fill to 0, false, NULL or an empty span.
 *  - NULL is allowed where a comment says so, and always as user_data and as err.
 * A span without data that has a length counts as NULL. A number that is negative or too
 * large, and an enum's value that has no name, are errors, or count as the nearest that is
 * allowed. To close, drain, stop or cancel twice does no harm while the object exists. A
 * pointer to what was freed cannot be recognised. */

/* How structs grow: a struct that may gain fields ends in `reserved`, which must be zero
 * (as it is after `= {0}` or designated initialisers). A new field takes its place from
 * there, so that programs that were built before go on as they are, and zero means for
 * each new field what it meant before. The other structs are frozen: they never change. */

/* Bytes that belong to somebody else. Frozen. */
typedef struct {
    const uint8_t *data;
    size_t len;
} pb_span;

/* The bytes of NUL-terminated text, without the NUL; no bytes for NULL. */
static inline pb_span pb_span_of(const char *text)
{
    pb_span s = {(const uint8_t *)text, text ? strlen(text) : 0};
    return s;
}

/* Name, number and text of every error. Numbers are part of the ABI: never reused, only
 * appended. A function returns the negated number, PB_ERR_name. */
#define PB_ERR_MAP(X)                   \
    X(NOMEM, 1, "out of memory")        \
    X(ARG, 2, "bad argument")           \
    X(TYPE, 3, "wrong kind of value")   \
    X(RANGE, 4, "number out of range")  \
    X(SYNTAX, 5, "malformed input")     \
    X(LIMIT, 6, "limit exceeded")       \
    X(INSECURE, 7, "refused by taster") \
    X(PROTOCOL, 8, "protocol error")    \
    X(DEAD, 9, "dead reference")        \
    X(LOST, 10, "connection lost")      \
    X(TIMEOUT, 11, "timed out")         \
    X(CANCELLED, 12, "cancelled")       \
    X(TLS, 13, "TLS failure")           \
    X(AUTH, 14, "login refused")        \
    X(STATE, 15, "not possible now")    \
    X(SYSTEM, 16, "system call failed") \
    X(REMOTE, 17, "the peer answered with a failure")

/* The codes: PB_OK, and PB_ERR_NOMEM, PB_ERR_ARG, ..., which are negative. */
enum {
    PB_OK = 0,
#define PB_ERR_ENUM(name, number, text) PB_ERR_##name = -(number),
    PB_ERR_MAP(PB_ERR_ENUM)
#undef PB_ERR_ENUM
};

/* What went wrong, filled by functions that judge input. The first error stays: a filled
 * struct (code != 0) is never written again, so zero it before reuse. A caller that does
 * not care passes NULL. */
typedef struct {
    int code;        /* PB_OK or a PB_ERR_ code */
    uint64_t offset; /* byte of the input, message or literal that was being read */
    char where[96];  /* path into the message, as in "message 12: args[0]['key'][3]" */
    char text[192]; /* one sentence: the offending thing, and the limit that was passed */
    uint64_t reserved[2];
} pb_error;

/* Empties an error, so that it can be filled again. NULL is allowed. */
PB_API void pb_error_clear(pb_error *err);
/* Fills an error unless it is filled already, and returns code: for a callback that gets a
 * pb_error and fails. The text follows as in printf; it is cut where the struct ends, between
 * two characters. A NULL format gives the text of the code. A code that is not negative
 * counts as PB_ERR_ARG. err may be NULL. */
PB_API int pb_error_set(pb_error *err, int code, const char *format, ...) PB_PRINTF(3, 4);

/* The text of a PB_ERR_ code, from the list above: a constant, never NULL. */
PB_API const char *pb_strerror(int code);

/* Frees a plain string or block that the library handed out as *new*. NULL is allowed. */
PB_API void pb_free(void *p);

#ifdef __cplusplus
}
#endif
#endif
