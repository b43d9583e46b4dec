/* SPDX-License-Identifier: MIT
 *
 * The codec without Twisted: what libpb.banana and libpb.jelly call. */
#ifndef PBPY_CODEC_H
#define PBPY_CODEC_H

#include "common/state.h"

/* decode(data, words): the expression of bytes; words: in dialect pb. */
PyObject *pbpy_banana_decode(PyObject *module, PyObject *args);
/* encode(expression, words) */
PyObject *pbpy_banana_encode(PyObject *module, PyObject *args);

/* The object of bytes, *new*; NotImplemented where it, or what is wrong with them, is not
 * for the short way. */
PyObject *pbpy_jelly_loads(struct pbpy_state *st, pb_span in, pb_dialect dialect);
/* The bytes of an object: likewise. */
PyObject *pbpy_jelly_dumps(struct pbpy_state *st, PyObject *object, pb_dialect dialect);

#define PBPY_CODEC_METHODS                                      \
    {"banana_decode", pbpy_banana_decode, METH_VARARGS, NULL},  \
    {                                                           \
        "banana_encode", pbpy_banana_encode, METH_VARARGS, NULL \
    }

#endif
