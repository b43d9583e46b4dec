/* SPDX-License-Identifier: MIT
 *
 * banana.encode and banana.decode: complete expressions without a connection. */
#include "codec/codec.h"
#include "common/expression_read.h"
#include "common/expression_write.h"

PyObject *pbpy_banana_encode(PyObject *module, PyObject *args)
{
    struct pbpy_state *st = pbpy_state(module);
    PyObject *expression;
    int words;
    if (!PyArg_ParseTuple(args, "Op:encode", &expression, &words)) {
        return NULL;
    }
    struct pbpy_write_rules rules = {
        .dialect = words ? PB_DIALECT_PB : PB_DIALECT_NONE,
    };
    pb_limits_default(&rules.limits);
    PyObject *refused;
    pb_error err = {0};
    PyObject *bytes = pbpy_expression_write(st, expression, &rules, &refused, &err);
    if (!bytes && !PyErr_Occurred()) {
        if (refused && (PyList_CheckExact(refused) || PyTuple_CheckExact(refused))) {
            PyErr_SetString(st->banana_error, "lists are nested too deeply to send");
        } else if (refused) {
            PyErr_Format(st->banana_error, "Banana cannot send %s objects: %R",
                         Py_TYPE(refused)->tp_name, refused);
        } else {
            pbpy_raise(st->banana_error, &err);
        }
    }
    return bytes;
}

/* Reads exactly one expression. */
struct banana_decoder {
    struct pbpy_reader reader;
    PyObject *item;
};

static int banana_decoder_done(struct pbpy_reader *r, PyObject *item)
{
    ((struct banana_decoder *)r)->item = item;
    pbpy_reader_pause(r);
    return 0;
}

PyObject *pbpy_banana_decode(PyObject *module, PyObject *args)
{
    struct pbpy_state *st = pbpy_state(module);
    Py_buffer in;
    int words;
    if (!PyArg_ParseTuple(args, "y*p:decode", &in, &words)) {
        return NULL;
    }
    struct banana_decoder w = {
        .reader = {
            .st = st, .in = in.buf, .len = (size_t)in.len, .done = banana_decoder_done}};
    pb_error err = {0};
    int failed = pbpy_reader_run(&w.reader, 0, words ? PB_DIALECT_PB : PB_DIALECT_NONE,
                                 NULL, &err);
    bool over = w.reader.next == (size_t)in.len;
    if (failed) {
        Py_CLEAR(w.item);
        if (!PyErr_Occurred()) {
            pbpy_raise(st->banana_error, &err);
        }
    } else if (!w.item || !over) {
        Py_CLEAR(w.item);
        PyErr_SetString(st->banana_error, over || w.reader.depth
                                              ? "the expression is not complete"
                                              : "bytes follow the expression");
    }
    pbpy_reader_fini(&w.reader);
    PyBuffer_Release(&in);
    return w.item;
}
