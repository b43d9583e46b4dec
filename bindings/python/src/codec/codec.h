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

/* jelly_dumps(session, object, words) and jelly_loads(session, data, words): words: in
 * dialect pb. The session is one without a connection. */
PyObject *pbpy_jelly_dumps(PyObject *module, PyObject *args);
PyObject *pbpy_jelly_loads(PyObject *module, PyObject *args);

/* Raises the exception that libpb.jelly has for an error of the library; returns NULL. */
PyObject *pbpy_codec_raise(const struct pbpy_state *st, const pb_error *err);

#define PBPY_CODEC_METHODS                                         \
    {"banana_decode", pbpy_banana_decode, METH_VARARGS, NULL},     \
        {"banana_encode", pbpy_banana_encode, METH_VARARGS, NULL}, \
        {"jelly_dumps", pbpy_jelly_dumps, METH_VARARGS, NULL},     \
    {                                                              \
        "jelly_loads", pbpy_jelly_loads, METH_VARARGS, NULL        \
    }

#endif
