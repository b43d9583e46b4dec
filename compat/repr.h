/* SPDX-License-Identifier: MIT
 *
 * Python's repr, into a buffer. */
#ifndef PB__REPR_H
#define PB__REPR_H

#include "compat/value.h"
#include "libpb/base/buf.h"

/* Appends the repr of str or bytes. */
int pb__repr_text(struct pb__buf *out, bool bytes, const uint8_t *data, size_t len);
/* Appends the repr of any value, as pb_value_repr has it. PB_ERR_NOMEM. */
int pb__repr(struct pb__buf *out, const pb_value *v);
/* The same, but what is past `most` bytes is not printed: "..." takes its place. */
int pb__repr_cut(struct pb__buf *out, const pb_value *v, size_t most);

/* Bytes of a value, or of any text of the peer's, that a log line or an error shows. */
#define PB__SHOWN ((size_t)4096)
/* The repr of a value for a log line or an error, cut at PB__SHOWN bytes, *new*; NULL for
 * lack of memory. */
char *pb__repr_shown(const pb_value *v);

/* Appends text from anywhere so that it does nothing to a terminal: what Python would not
 * print, and bytes that are no UTF-8, as escapes. A backslash stays as it is. */
PB__SHARED int pb__repr_printable(struct pb__buf *out, const uint8_t *data, size_t len);

#endif
