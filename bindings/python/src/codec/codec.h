/* SPDX-License-Identifier: MIT
 *
 * The formats without a connection: what libpb/banana.py and libpb/jelly.py call. `words`
 * means dialect pb, which has a vocabulary; else the dialect is none. */
#ifndef PBPY_CODEC_H
#define PBPY_CODEC_H

#include "common/state.h"

/* banana_decode(data, words): the expression of bytes. */
PyObject *pbpy_banana_decode(PyObject *module, PyObject *args);
/* banana_encode(expression, words): the bytes of an expression. */
PyObject *pbpy_banana_encode(PyObject *module, PyObject *args);

/* jelly_dumps(session, object, words): the bytes of an object; jelly_loads(session, data,
 * words): the object of bytes. The session, which has no connection, knows the classes of
 * copies. */
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
