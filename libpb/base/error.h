/* SPDX-License-Identifier: MIT
 *
 * Filling a pb_error: without allocating, and so that the first error stays. */
#ifndef PB__ERROR_H
#define PB__ERROR_H

#include <stdarg.h>

#include "libpb/base/export.h"
#include "pb/error.h"

/* Empties err, which costs less than zeroing all of it. */
static inline void pb__error_init(pb_error *err)
{
    err->code = 0;
    err->offset = 0;
    err->where[0] = err->text[0] = '\0';
}

/* Fills err unless it is NULL or filled already; returns code, so that a function can end
 * with it. The text is cut at the struct's size, never in the middle of a UTF-8 sequence. */
PB__SHARED int pb__error_set(pb_error *err, int code, uint64_t offset, const char *format,
                             ...) PB_PRINTF(4, 5);
int pb__error_setv(pb_error *err, int code, uint64_t offset, const char *format,
                   va_list args) PB_PRINTF(4, 0);

/* The same for lack of memory. */
PB__SHARED int pb__error_nomem(pb_error *err);

/* The same with PB_ERR_ARG for an argument that is NULL: `what` names it with its article,
 * as in "the endpoint". */
PB__SHARED int pb__error_null(pb_error *err, const char *what);

/* Copies an error that is filled, with all that it says, unless err is NULL or filled. */
void pb__error_copy(pb_error *err, const pb_error *from);

/* Appends to err->where; what does not fit is cut. */
PB__SHARED void pb__error_where(pb_error *err, const char *format, ...) PB_PRINTF(2, 3);

#endif
