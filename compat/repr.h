/* SPDX-License-Identifier: MIT
 *
 * Python's repr, into a buffer. */
#ifndef PB__REPR_H
#define PB__REPR_H

#include "compat/value.h"
#include "libpb/base/buf.h"

/* Appends the repr of str or bytes. */
int pb__repr_text(struct pb__buf *out, bool bytes, const uint8_t *data, size_t len);
/* Appends the repr of any value. PB_ERR_NOMEM, or PB_ERR_LIMIT where out would pass
 * PB__REPR_MOST bytes. */
int pb__repr(struct pb__buf *out, const pb_value *v);

/* The same, but of what is past so many bytes only "...". */
int pb__repr_cut(struct pb__buf *out, const pb_value *v, size_t most);
/* Appends text from anywhere so that it does nothing to a terminal: what Python would not
 * print, and bytes that are no UTF-8, as escapes. A backslash stays as it is. */
PB__SHARED int pb__repr_printable(struct pb__buf *out, const uint8_t *data, size_t len);

/* A few shared containers can stand for a text without end. */
#define PB__REPR_MOST ((size_t)256 << 20)

#endif
