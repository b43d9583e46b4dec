/* SPDX-License-Identifier: MIT
 *
 * decimal.Decimal as text. */
#ifndef PB__DECIMAL_H
#define PB__DECIMAL_H

#include "compat/value.h"
#include "libpb/base/buf.h"

/* Reads a Decimal from len bytes; *new*. NULL with PB_ERR_SYNTAX, PB_ERR_RANGE or
 * PB_ERR_NOMEM. */
pb_value *pb__decimal_parse(const char *s, size_t len, pb_error *err);
/* Appends Python's str of a Decimal. */
int pb__decimal_print(struct pb__buf *out, const pb_value *v);

#endif
