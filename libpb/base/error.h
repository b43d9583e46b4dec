/* SPDX-License-Identifier: MIT
 *
 * Functions that fill a pb_error. They never allocate, and never replace an error. */
#ifndef PB__ERROR_H
#define PB__ERROR_H

#include <stdarg.h>

#include "libpb/base/export.h"
#include "pb/error.h"

/* Clears err. This is cheaper than zeroing all of it. */
static inline void pb__error_init(pb_error *err)
{
    err->code = 0;
    err->offset = 0;
    err->where[0] = err->text[0] = '\0';
}

/* Fills err unless it is NULL or filled already. Returns code, so that a function can end
 * with it. A text that is too long is cut, but never within a UTF-8 sequence. */
PB__SHARED int pb__error_set(pb_error *err, int code, uint64_t offset, const char *format,
                             ...) PB_PRINTF(4, 5);
int pb__error_setv(pb_error *err, int code, uint64_t offset, const char *format,
                   va_list args) PB_PRINTF(4, 0);

/* The same for PB_ERR_NOMEM. */
PB__SHARED int pb__error_nomem(pb_error *err);

/* The same with PB_ERR_ARG for an argument that is NULL. `what` names it with its
 * article: "the endpoint". */
PB__SHARED int pb__error_null(pb_error *err, const char *what);

/* The error of a callback of the application, whose name is for the text: what the
 * callback wrote to *why (may be NULL), or else the code that it returned. Returns a
 * PB_ERR_ code: PB_ERR_ARG if the callback returned another number, and PB_ERR_NOMEM if
 * it returned NULL (code 0) without an error, as do the functions that create values. */
int pb__error_of_callback(pb_error *err, const char *callback, int code,
                          const pb_error *why);

/* Copies all of an error to err, unless err is NULL or filled. If *from is not filled,
 * err stays unchanged. */
void pb__error_copy(pb_error *err, const pb_error *from);

/* Appends to err->where; a text that does not fit is cut. */
PB__SHARED void pb__error_where(pb_error *err, const char *format, ...) PB_PRINTF(2, 3);

#endif
