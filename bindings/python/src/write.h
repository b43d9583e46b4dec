/* SPDX-License-Identifier: MIT
 *
 * Expressions to bytes: lists, tuples, ints, floats and bytes, into the encoder. */
#ifndef PBPY_WRITE_H
#define PBPY_WRITE_H

#include "core.h"

/* What may be written. */
struct pbpy_rules {
    pb_dialect dialect;
    size_t size;  /* of lists and bytes */
    size_t depth; /* of lists within lists */
    /* Of ints that no int64_t holds: NULL for none. Borrowed. */
    PyObject *smallest, *largest;
};

/* The bytes of an expression, *new*. NULL without an exception: it is none, or not within
 * the rules; no Python code has run. *what (may be NULL) is then the offending object,
 * borrowed, or NULL where err says what it is. */
PyObject *pbpy_write(struct pbpy_state *st, PyObject *expression,
                     const struct pbpy_rules *rules, PyObject **what, pb_error *err);

#endif
