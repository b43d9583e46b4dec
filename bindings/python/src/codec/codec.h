/* SPDX-License-Identifier: MIT
 *
 * The formats without a connection: what libpb/banana.py and libpb/jelly.py call. `words`
 * means dialect pb, which has a vocabulary; else the dialect is none. */
#ifndef PBPY_CODEC_H
#define PBPY_CODEC_H

#include "session/session.h"

/* banana_decode(data, words): the expression of bytes. */
PyObject *pbpy_banana_decode(PyObject *module, PyObject *args);
/* banana_encode(expression, words): the bytes of an expression. */
PyObject *pbpy_banana_encode(PyObject *module, PyObject *args);

/* jelly_dumps(session, object, words, allowed): the bytes of an object;
 * jelly_loads(session, data, words, allowed): the object of bytes. The session, which has
 * no connection, knows the classes of copies. `allowed` is None, or (types, instances): a
 * taster of its own, by two tuples of names. */
PyObject *pbpy_jelly_dumps(PyObject *module, PyObject *args);
PyObject *pbpy_jelly_loads(PyObject *module, PyObject *args);

/* The taster of the session, or the one that `allowed` describes: *new*; NULL with an
 * exception set. */
pb_taster *pbpy_codec_taster(const struct pbpy_session *self, PyObject *allowed);

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
