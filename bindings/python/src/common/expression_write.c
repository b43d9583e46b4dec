/* SPDX-License-Identifier: MIT
 *
 * Expressions to bytes, without recursion: a stack of the lists that are being written. No
 * Python code runs meanwhile, so nothing changes under its feet and all is borrowed. */
#include "common/expression_write.h"

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
