/* SPDX-License-Identifier: MIT
 *
 * Expressions to bytes, without recursion: a stack of the lists that are being written. No
 * Python code runs meanwhile, so nothing changes under its feet and all is borrowed. */
#include "common/expression_write.h"

#include "accelerate/twisted.h"
#include "codec/codec.h"

/* A buffer of more than this is not kept. */
#define KEPT ((size_t)65536)

struct open {
    PyObject *list; /* or tuple */
    Py_ssize_t next;
};

struct writer {
    struct pbpy_state *st;
    const struct pbpy_rules *rules;
    pb_sink out;
    struct open *open;
    size_t depth, cap;
    PyObject *what;
};

/* 0; positive: it is not for us to write; negative: the encoder's error, or an
 * exception. */
static int put_int(struct writer *w, PyObject *number)
{
    int overflow;
    long long i = PyLong_AsLongLongAndOverflow(number, &overflow);
    if (PBPY_LIKELY(overflow == 0)) {
        return w->out.ops->integer(w->out.ctx, i);
    }
    PyObject *limit = overflow > 0 ? w->rules->largest : w->rules->smallest;
    if (limit &&
        PyObject_RichCompareBool(number, limit, overflow > 0 ? Py_LE : Py_GE) != 1) {
        return 1;
    }
    return pbpy_big_write(w->st, number, overflow < 0, w->out);
}

static int put_list(struct writer *w, PyObject *list, Py_ssize_t n)
{
    if (w->depth == w->rules->limits.depth) {
        return 1;
    }
    int failed = w->out.ops->list(w->out.ctx, (size_t)n);
    if (failed) {
        return failed;
    }
    if (w->depth == w->cap && !pbpy_grow((void **)&w->open, &w->cap, sizeof *w->open)) {
        return -1;
    }
    w->open[w->depth++] = (struct open){list, 0};
    return 0;
}

static int put(struct writer *w, PyObject *item)
{
    PyTypeObject *type = Py_TYPE(item);
    if (type == &PyBytes_Type) {
        pb_span s = {(const uint8_t *)PyBytes_AS_STRING(item),
                     (size_t)PyBytes_GET_SIZE(item)};
        return w->out.ops->bytes(w->out.ctx, s);
    }
    if (type == &PyList_Type) {
        return put_list(w, item, PyList_GET_SIZE(item));
    }
    if (type == &PyLong_Type || type == &PyBool_Type) {
        return put_int(w, item);
    }
    if (type == &PyTuple_Type) {
        return put_list(w, item, PyTuple_GET_SIZE(item));
    }
    if (type == &PyFloat_Type) {
        return w->out.ops->real(w->out.ctx, PyFloat_AS_DOUBLE(item));
    }
    return 1;
}

static int walk(struct writer *w, PyObject *item)
{
    int failed = put(w, item);
    while (!failed && w->depth > 0) {
        struct open *top = &w->open[w->depth - 1];
        if (PyList_CheckExact(top->list)) {
            item = top->next < PyList_GET_SIZE(top->list)
                       ? PyList_GET_ITEM(top->list, top->next)
                       : NULL;
        } else {
            item = top->next < PyTuple_GET_SIZE(top->list)
                       ? PyTuple_GET_ITEM(top->list, top->next)
                       : NULL;
        }
        if (item) {
            top->next++;
            failed = put(w, item);
        } else {
            w->depth--;
        }
    }
    w->what = item;
    return failed;
}

pb_encoder *pbpy_encoder_take(struct pbpy_state *st, pb_dialect dialect,
                              const pb_limits *limits)
{
    pb_encoder *e = st->encoder;
    if (!e || st->encoder_prefix != limits->prefix || st->encoder_size != limits->list) {
        pb_encoder_free(e);
        e = pb_encoder_new(dialect, limits);
    }
    st->encoder = NULL;
    if (e) {
        pb_encoder_set_dialect(e, dialect);
    } else {
        PyErr_NoMemory();
    }
    return e;
}

void pbpy_encoder_give(struct pbpy_state *st, pb_encoder *e, const pb_limits *limits)
{
    pb_span out = pb_encoder_send(e);
    if (st->encoder || out.len > KEPT) {
        pb_encoder_free(e);
        return;
    }
    pb_encoder_rewind(e, pb_encoder_mark(e) - out.len);
    st->encoder = e;
    st->encoder_prefix = limits->prefix;
    st->encoder_size = limits->list;
}

PyObject *pbpy_write(struct pbpy_state *st, PyObject *expression,
                     const struct pbpy_rules *rules, PyObject **what, pb_error *err)
{
    pb_encoder *e = pbpy_encoder_take(st, rules->dialect, &rules->limits);
    if (!e) {
        return NULL;
    }
    struct writer w = {.st = st, .rules = rules, .out = pb_encoder_sink(e)};
    int failed = walk(&w, expression);
    PyObject *bytes = NULL;
    if (!failed) {
        pb_span out = pb_encoder_send(e);
        bytes = PyBytes_FromStringAndSize((const char *)out.data, (Py_ssize_t)out.len);
    } else if (failed < 0 && !PyErr_Occurred()) {
        pb_encoder_error(e, err);
        if (failed == PB_ERR_NOMEM) {
            PyErr_NoMemory();
        }
    }
    if (what) {
        *what = failed > 0 ? w.what : NULL;
    }
    pbpy_encoder_give(st, e, &rules->limits);
    PyMem_Free(w.open);
    return bytes;
}

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

/* ---- Banana._encode and sendEncoded ---- */

/* Lists nested deeper than this are for Python, which recurses. */
#define DEPTH_MAX 100

static bool equals(PyObject *self, PyObject *name, long long value)
{
    PyObject *number = PyObject_GetAttr(self, name);
    int overflow = 1;
    long long found = number && PyLong_CheckExact(number)
                          ? PyLong_AsLongLongAndOverflow(number, &overflow)
                          : 0;
    Py_XDECREF(number);
    PyErr_Clear();
    return !overflow && found == value;
}

/* An int that is past an int64_t in one direction: *new*, or NULL. */
static PyObject *far_limit(PyObject *self, PyObject *name, int direction)
{
    PyObject *number = PyObject_GetAttr(self, name);
    int overflow = 0;
    if (number && PyLong_CheckExact(number)) {
        PyLong_AsLongLongAndOverflow(number, &overflow);
    }
    PyErr_Clear();
    if (overflow != direction) {
        Py_CLEAR(number);
    }
    return number;
}

/* Whether self sends ints as the encoder does, up to limits (*new*) past an int64_t. */
static bool fit_ints(const struct pbpy_names *names, PyObject *self,
                     struct pbpy_rules *rules)
{
    rules->smallest = far_limit(self, names->_smallestLongInt, -1);
    rules->largest = far_limit(self, names->_largestLongInt, 1);
    return rules->smallest && rules->largest &&
           equals(self, names->_smallestInt, INT32_MIN) &&
           equals(self, names->_largestInt, INT32_MAX);
}

/* Whether self's dialect is plain to see, and in dialect pb has Twisted's vocabulary. */
static bool fit_dialect(const struct pbpy_state *st, PyObject *self,
                        struct pbpy_rules *rules)
{
    PyObject *dialect = PyObject_GetAttr(self, st->names.currentDialect);
    PyObject *symbols = NULL;
    bool fit = dialect && (dialect == Py_None || PyBytes_CheckExact(dialect));
    if (fit && pbpy_is_bytes(dialect, "pb")) {
        rules->dialect = PB_DIALECT_PB;
        symbols = PyObject_GetAttr(self, st->names.outgoingSymbols);
        fit = symbols && pbpy_is_vocabulary(st, symbols, true);
    }
    PyErr_Clear();
    Py_XDECREF(symbols);
    Py_XDECREF(dialect);
    return fit;
}

/* The bytes that self._encode would write, *new*; NULL without an exception: Python has to
 * do it. */
static PyObject *encode_for(struct pbpy_state *st, PyObject *self, PyObject *expression)
{
    size_t size = pbpy_limit(
        PyDict_GetItemWithError(st->twisted->banana_globals, st->names.SIZE_LIMIT));
    struct pbpy_rules rules = {
        .dialect = PB_DIALECT_NONE,
        .limits = {.prefix = SIZE_MAX, .list = size, .bytes = size, .depth = DEPTH_MAX},
    };
    PyObject *bytes = NULL;
    pb_error err = {0};
    if (size != 0 &&
        pbpy_is_own(self, st->names._encode, st->twisted->accelerated_encode,
                    st->twisted->_encode) &&
        fit_dialect(st, self, &rules) && fit_ints(&st->names, self, &rules)) {
        bytes = pbpy_write(st, expression, &rules, NULL, &err);
    }
    Py_XDECREF(rules.smallest);
    Py_XDECREF(rules.largest);
    return bytes;
}

PyObject *pbpy_encode_to(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    struct pbpy_state *st = pbpy_state(module);
    if (n != 3) {
        PyErr_SetString(PyExc_TypeError, "encode_to(self, obj, write)");
        return NULL;
    }
    PyObject *bytes = encode_for(st, args[0], args[1]);
    PyObject *result = NULL;
    if (bytes) {
        result = PyObject_CallOneArg(args[2], bytes);
        Py_DECREF(bytes);
        if (result) {
            Py_DECREF(result);
            Py_RETURN_NONE;
        }
    } else if (!PyErr_Occurred()) {
        result = PyObject_CallFunctionObjArgs(st->twisted->_encode, args[0], args[1],
                                              args[2], NULL);
    }
    return result;
}

PyObject *pbpy_send_encoded(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    struct pbpy_state *st = pbpy_state(module);
    if (n != 2) {
        PyErr_SetString(PyExc_TypeError, "send_encoded(self, obj)");
        return NULL;
    }
    PyObject *bytes = encode_for(st, args[0], args[1]);
    if (!bytes) {
        return PyErr_Occurred() ? NULL
                                : PyObject_CallFunctionObjArgs(st->twisted->sendEncoded,
                                                               args[0], args[1], NULL);
    }
    PyObject *result = NULL;
    PyObject *transport = PyObject_GetAttr(args[0], st->names.transport);
    if (transport) {
        result = PyObject_CallMethodOneArg(transport, st->names.write, bytes);
        Py_DECREF(transport);
    }
    Py_DECREF(bytes);
    if (result) {
        Py_DECREF(result);
        Py_RETURN_NONE;
    }
    return NULL;
}
