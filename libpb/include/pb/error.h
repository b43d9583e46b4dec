/* SPDX-License-Identifier: MIT
 *
 * Errors: the codes that the library returns, and a struct that describes an error and
 * its position. Nothing here allocates memory. */
#ifndef PB_ERROR_H
#define PB_ERROR_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
/* Marks a function that the library exports. */
#define PB_API __attribute__((__visibility__("default")))
/* Marks a function whose parameter number `string` is a printf format for the parameters
 * from number `first` on. */
#define PB_PRINTF(string, first) __attribute__((__format__(__printf__, string, first)))
/* Marks a function whose result must not be ignored: the caller owns it, or has to return
 * it. */
#define PB_MUST_USE __attribute__((__warn_unused_result__))
#else
#define PB_API
#define PB_PRINTF(string, first)
#define PB_MUST_USE
#endif

/* The rule for NULL, which every function of the library obeys. NULL means "nothing": no
 * value, no reference, no client, an environment variable that is not set. No function
 * crashes on NULL, so a sequence of calls needs only one check at its end:
 * - A function that needs an object and is given NULL returns PB_ERR_ARG. A function that
 *   does not return a code returns 0, false, NULL, "" or an empty span.
 * - It also fills err with a sentence that names the argument that was NULL, unless err
 *   is filled already. An err that is filled is never changed.
 * - A function whose name ends in _steal takes over its argument even if another argument
 *   is NULL.
 * - A function that fails sets its output arguments to 0, false, NULL or an empty span.
 * - NULL is allowed where a comment says so, and always as user_data and as err.
 *
 * A span with a length but without data counts as NULL. A number that is negative or too
 * large, or an enum value without a name, is an error, or counts as the nearest allowed
 * value. It is harmless to close, drain, stop or cancel an object twice while it exists.
 * A pointer to freed memory cannot be detected. */

/* Words in the comments: the caller owns a result that is called *new*, and frees it with
 * the function in parentheses, or with the unref or free function of its type. A borrowed
 * pointer must not be freed. It is valid as long as its owner holds it, or as the comment
 * says. A counted type has a reference count: its ref function adds an owner, and its
 * unref function removes one. */

/* How structs grow: a struct that may gain fields ends in `reserved`, which must be zero.
 * `= {0}` and designated initialisers set it to zero. A new field takes its space from
 * `reserved`, and zero in a new field means the behaviour from before the field existed.
 * So programs that were built earlier continue to work. Structs without `reserved` are
 * frozen: they never change. */

/* Bytes that are owned elsewhere. Frozen. */
typedef struct {
    const uint8_t *data;
    size_t len;
} pb_span;

/* The bytes of NUL-terminated text, without the NUL; an empty span for NULL. */
static inline pb_span pb_span_of(const char *text)
{
    pb_span s = {(const uint8_t *)text, text ? strlen(text) : 0};
    return s;
}

/* Name, number and text of every error. The numbers are part of the ABI: new ones are
 * appended, and none is reused. A function returns the negated number, PB_ERR_name. */
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

/* The codes: PB_OK is 0; PB_ERR_NOMEM, PB_ERR_ARG and the others are negative. */
enum {
    PB_OK = 0,
#define PB_ERR_ENUM(name, number, text) PB_ERR_##name = -(number),
    PB_ERR_MAP(PB_ERR_ENUM)
#undef PB_ERR_ENUM
};

/* Describes an error. Functions that check input fill it. The first error stays: a struct
 * that is filled (code != 0) is never overwritten, so clear it before you use it again.
 * Pass NULL if you do not need the description. */
typedef struct {
    int code; /* PB_OK or a PB_ERR_ code */
    /* byte offset in the input, message or literal that was being read */
    uint64_t offset;
    char where[96]; /* path into the message: "message 12: args[0]['key'][3]" */
    char text[192]; /* one sentence: what was refused, and the limit that was exceeded */
    uint64_t reserved[2];
} pb_error;

/* Clears an error, so that it can be filled again. NULL is allowed. */
PB_API void pb_error_clear(pb_error *err);
/* Fills an error unless it is filled already, and returns code: for a callback that gets
 * a pb_error and fails. The text is formatted as by printf; a text that is too long is
 * cut between two characters. A NULL format gives the text of the code. A code that is
 * not negative counts as PB_ERR_ARG. err may be NULL. */
PB_API int pb_error_set(pb_error *err, int code, const char *format, ...) PB_PRINTF(3, 4);

/* The text of a PB_ERR_ code, from the list above: a constant, never NULL. */
PB_API const char *pb_strerror(int code);

/* Frees a string or block that the library returned as *new*. NULL is allowed. */
PB_API void pb_free(void *p);

#ifdef __cplusplus
}
#endif
#endif
