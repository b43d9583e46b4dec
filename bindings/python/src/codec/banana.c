/* SPDX-License-Identifier: MIT
 *
 * banana.encode and banana.decode: whole expressions, without a connection. */
#include "codec/codec.h"
#include "common/expression_read.h"
#include "common/expression_write.h"

/* ---- banana.encode ---- */

PyObject *pbpy_banana_encode(PyObject *module, PyObject *args)
{
    struct pbpy_state *st = pbpy_state(module);
    PyObject *expression;
    int words;
    if (!PyArg_ParseTuple(args, "Op:encode", &expression, &words)) {
        return NULL;
    }
    struct pbpy_rules rules = {
        .dialect = words ? PB_DIALECT_PB : PB_DIALECT_NONE,
    };
    pb_limits_default(&rules.limits);
    PyObject *what;
    pb_error err = {0};
    PyObject *bytes = pbpy_write(st, expression, &rules, &what, &err);
    if (!bytes && !PyErr_Occurred()) {
        if (what && (PyList_CheckExact(what) || PyTuple_CheckExact(what))) {
            PyErr_SetString(st->banana_error, "lists are nested too deeply to send");
        } else if (what) {
            PyErr_Format(st->banana_error, "Banana cannot send %s objects: %R",
                         Py_TYPE(what)->tp_name, what);
        } else {
            pbpy_raise(st->banana_error, &err);
        }
    }
    return bytes;
}

/* ---- banana.decode ---- */

struct whole {
    struct pbpy_reader reader;
    PyObject *item;
};

static int keep(struct pbpy_reader *r, PyObject *item)
{
    ((struct whole *)r)->item = item;
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
    struct whole w = {
        .reader = {.st = st, .in = in.buf, .len = (size_t)in.len, .done = keep}};
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
