/* SPDX-License-Identifier: MIT
 *
 * Python's repr, appended to a buffer. */
#ifndef PB__REPR_H
#define PB__REPR_H

#include "compat/value.h"
#include "libpb/base/buf.h"

/* Appends the repr of str or bytes. */
int pb__repr_text(struct pb__buf *out, bool bytes, const uint8_t *data, size_t len);
/* Appends the repr of any value, as pb_value_repr returns it. PB_ERR_NOMEM. */
int pb__repr(struct pb__buf *out, const pb_value *v);
/* The same, but after `most` bytes it appends "..." and ends. */
int pb__repr_cut(struct pb__buf *out, const pb_value *v, size_t most);

/* The number of bytes of a value, or of any text of the peer, that a log line or an error
 * shows. */
#define PB__SHOWN ((size_t)4096)
/* The repr of a value for a log line or an error, cut at PB__SHOWN bytes, *new*. NULL if
 * memory is exhausted. */
char *pb__repr_shown(const pb_value *v);

/* Appends text from an untrusted source so that it cannot control a terminal: characters
 * that Python does not print, and bytes that are not UTF-8, are escaped. A backslash is
 * not. */
PB__SHARED int pb__repr_printable(struct pb__buf *out, const uint8_t *data, size_t len);

#endif
