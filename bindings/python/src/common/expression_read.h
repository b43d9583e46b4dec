/* SPDX-License-Identifier: MIT
 *
 * A sink that makes expressions out of tokens, as Twisted's banana does: lists, bytes,
 * ints and floats. */
#ifndef PBPY_READ_H
#define PBPY_READ_H

#include "common/state.h"

struct pbpy_open {
    PyObject *list;
    Py_ssize_t n; /* its elements, when it is complete */
};

/* Reads one input at a time; what is cut at its end is read again with the next. Offsets
 * are those of the input. */
struct pbpy_reader {
    struct pbpy_state *st;
    pb_decoder *decoder;
    const uint8_t *in;
    size_t len;
    size_t base;            /* where the expression begins that the decoder is in */
    size_t last;            /* where the last token begins, */
    size_t next;            /* and where it ends */
    struct pbpy_open *open; /* lists that began in this input, outermost first */
    size_t depth, cap;
    bool paused;
    /* Takes an item (its reference) that stands in no list of this input. 0, or -1 with an
     * exception set. */
    int (*done)(struct pbpy_reader *r, PyObject *item);
};

/* Reads the input from an offset on, until its end or until `done` pauses it. 0;
 * or non-zero: an exception is set, or the decoder refused the token at r->next, and *err
 * says why. */
int pbpy_reader_run(struct pbpy_reader *r, size_t from, pb_dialect dialect,
                    const pb_limits *limits, pb_error *err);
/* Called by `done`: reading ends at r->next. */
void pbpy_reader_pause(struct pbpy_reader *r);
void pbpy_reader_fini(struct pbpy_reader *r);

#endif
