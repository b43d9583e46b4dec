/* SPDX-License-Identifier: MIT
 *
 * The codec without Twisted: what libpb.banana and libpb.jelly call. */
#ifndef PBPY_CODEC_H
#define PBPY_CODEC_H

#include "core.h"

/* decode(data, words): the expression of bytes; words: in dialect pb. */
PyObject *pbpy_banana_decode(PyObject *module, PyObject *args);
/* encode(expression, words) */
PyObject *pbpy_banana_encode(PyObject *module, PyObject *args);

#define PBPY_CODEC_METHODS                                      \
    {"banana_decode", pbpy_banana_decode, METH_VARARGS, NULL},  \
    {                                                           \
        "banana_encode", pbpy_banana_encode, METH_VARARGS, NULL \
    }

#endif
