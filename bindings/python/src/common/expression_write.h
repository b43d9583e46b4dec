/* SPDX-License-Identifier: MIT
 *
 * Expressions to bytes: lists, tuples, ints, floats and bytes, into the encoder. */
#ifndef PBPY_WRITE_H
#define PBPY_WRITE_H

#include "common/state.h"

/* The encoder that waits for use, or a new one (an object's finaliser may send something
 * while another expression is being written), with these limits of a prefix, of lists and
 * of bytes; and its return, with what was written taken back. NULL with an exception
 * set. */
pb_encoder *pbpy_encoder_take(struct pbpy_state *st, pb_dialect dialect,
                              const pb_limits *limits);
void pbpy_encoder_give(struct pbpy_state *st, pb_encoder *e, const pb_limits *limits);

/* What may be written. */
struct pbpy_rules {
    pb_dialect dialect;
    pb_limits limits; /* of a prefix, of lists, of bytes, of lists within lists */
    /* Of ints that no int64_t holds, where the limit of a prefix is not all; may be
     * NULL. Borrowed. */
    PyObject *smallest, *largest;
};

/* The bytes of an expression, *new*. NULL without an exception: it is none, or not within
 * the rules; no Python code has run. *what (may be NULL) is then the offending object,
 * borrowed, or NULL where err says what it is. */
PyObject *pbpy_write(struct pbpy_state *st, PyObject *expression,
                     const struct pbpy_rules *rules, PyObject **what, pb_error *err);

#endif
