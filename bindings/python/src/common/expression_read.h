/* SPDX-License-Identifier: MIT
 *
 * Tokens to expressions, as Twisted's banana makes them: lists, bytes, ints and floats.
 * The way in for reading of accelerate/ and of banana.decode. */
#ifndef PBPY_EXPRESSION_READ_H
#define PBPY_EXPRESSION_READ_H

#include "common/state.h"

/* A list that has begun and is not complete. */
struct pbpy_open_list {
    PyObject *list;
    Py_ssize_t n; /* its elements, when it is complete */
};

/* Reads one input at a time. A token that is cut at the end of the input is not read: the
 * caller gives its bytes again with the next input. All offsets are offsets in the
 * input. */
struct pbpy_reader {
    struct pbpy_state *st;
    pb_decoder *decoder;
    const uint8_t *in;
    size_t len;
    size_t base;                 /* where the current expression begins */
    size_t last;                 /* where the last token begins, */
    size_t next;                 /* and where it ends */
    struct pbpy_open_list *open; /* lists that began in this input, outermost first */
    size_t depth, cap;
    bool paused;
    /* Takes an item (and its reference) that is in no list of this input. 0; or -1 with
     * an exception set. */
    int (*done)(struct pbpy_reader *r, PyObject *item);
};

/* Reads the input from an offset on, to its end or until `done` pauses it. 0; or
 * non-zero: an exception is set, or the decoder refused the token at r->next, and *err
 * says why. */
int pbpy_reader_run(struct pbpy_reader *r, size_t from, pb_dialect dialect,
                    const pb_limits *limits, pb_error *err);
/* To be called by `done`: reading ends at r->next. */
void pbpy_reader_pause(struct pbpy_reader *r);
/* Releases the open lists. */
void pbpy_reader_fini(struct pbpy_reader *r);

#endif
