/* SPDX-License-Identifier: MIT
 *
 * Expressions to bytes: lists, tuples, ints, floats and bytes. The way out for writing of
 * accelerate/ and of banana.encode. */
#ifndef PBPY_EXPRESSION_WRITE_H
#define PBPY_EXPRESSION_WRITE_H

#include "common/state.h"

/* An encoder with these limits (of a prefix, of lists and of bytes): the one that the
 * state keeps, or a new one where that is in use, for an object's finaliser may send
 * something while another expression is written. NULL with an exception set. */
pb_encoder *pbpy_encoder_take(struct pbpy_state *st, pb_dialect dialect,
                              const pb_limits *limits);
/* Drops what was written, and keeps the encoder or frees it. */
void pbpy_encoder_give(struct pbpy_state *st, pb_encoder *e, const pb_limits *limits);

/* The limits of values that may be written. */
struct pbpy_write_rules {
    pb_dialect dialect;
    pb_limits limits; /* of a prefix, of lists, of bytes, and of depth */
    /* The least and greatest int beyond an int64_t, borrowed; NULL: the limit of a prefix
     * is the only one. */
    PyObject *smallest, *largest;
};

/* The bytes of an expression, *new*. NULL without an exception: it is no expression, or
 * not within the rules; no Python code has run. *refused (may be NULL) is then the
 * offending object, borrowed, or NULL where err says what is wrong. */
PyObject *pbpy_expression_write(struct pbpy_state *st, PyObject *expression,
                                const struct pbpy_write_rules *rules, PyObject **refused,
                                pb_error *err);

#endif
