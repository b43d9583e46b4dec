/* SPDX-License-Identifier: MIT
 *
 * Expressions to bytes. A stack of the lists that are being written replaces recursion.
 * No Python code runs meanwhile but for finalizers, which the collector may call: so the
 * lists are held, and an int while methods of it are called. */
#include "common/expression_write.h"

/* An encoder with a larger buffer is not kept. */
#define ENCODER_KEPT_MAX ((size_t)65536)

/* A list or tuple that is being written. */
struct writer_level {
    PyObject *list; /* one count */
    Py_ssize_t next;
};

struct writer {
    struct pbpy_state *st;
    const struct pbpy_write_rules *rules;
    pb_sink out;
    struct writer_level *levels;
    size_t depth, cap;
    PyObject *refused;
};

/* The functions of the writer return 0; positive: the object is no expression, or not
 * within the rules; negative: the encoder's error, or an exception is set. */
static int writer_put_int(struct writer *w, PyObject *number)
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
    Py_INCREF(number);
    int failed = pbpy_int_write_big(w->st, number, overflow < 0, w->out);
    Py_DECREF(number);
    return failed;
}

static int writer_open_list(struct writer *w, PyObject *list, Py_ssize_t n)
{
    if (w->depth == w->rules->limits.depth) {
        return 1;
    }
    int failed = w->out.ops->list(w->out.ctx, (size_t)n);
    if (failed) {
        return failed;
    }
    if (!pbpy_reserve((void **)&w->levels, w->depth, &w->cap, sizeof *w->levels)) {
        return -1;
    }
    w->levels[w->depth++] = (struct writer_level){Py_NewRef(list), 0};
    return 0;
}

static int writer_put(struct writer *w, PyObject *item)
{
    PyTypeObject *type = Py_TYPE(item);
    if (type == &PyBytes_Type) {
        return w->out.ops->bytes(w->out.ctx, pbpy_bytes_span(item));
    }
    if (type == &PyList_Type) {
        return writer_open_list(w, item, PyList_GET_SIZE(item));
    }
    if (type == &PyLong_Type || type == &PyBool_Type) {
        return writer_put_int(w, item);
    }
    if (type == &PyTuple_Type) {
        return writer_open_list(w, item, PyTuple_GET_SIZE(item));
    }
    if (type == &PyFloat_Type) {
        return w->out.ops->real(w->out.ctx, PyFloat_AS_DOUBLE(item));
    }
    return 1;
}

static int writer_walk(struct writer *w, PyObject *item)
{
    int failed = writer_put(w, item);
    while (!failed && w->depth > 0) {
        struct writer_level *top = &w->levels[w->depth - 1];
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
            failed = writer_put(w, item);
        } else {
            Py_DECREF(top->list);
            w->depth--;
        }
    }
    w->refused = item;
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
    if (st->encoder || out.len > ENCODER_KEPT_MAX) {
        pb_encoder_free(e);
        return;
    }
    pb_encoder_rewind(e, pb_encoder_mark(e) - out.len);
    st->encoder = e;
    st->encoder_prefix = limits->prefix;
    st->encoder_size = limits->list;
}

PyObject *pbpy_expression_write(struct pbpy_state *st, PyObject *expression,
                                const struct pbpy_write_rules *rules, PyObject **refused,
                                pb_error *err)
{
    pb_encoder *e = pbpy_encoder_take(st, rules->dialect, &rules->limits);
    if (!e) {
        return NULL;
    }
    struct writer w = {.st = st, .rules = rules, .out = pb_encoder_sink(e)};
    int failed = writer_walk(&w, expression);
    PyObject *bytes = NULL;
    if (!failed) {
        bytes = pbpy_bytes_new(pb_encoder_send(e));
    } else if (failed < 0 && !PyErr_Occurred()) {
        pb_encoder_error(e, err);
        if (failed == PB_ERR_NOMEM) {
            PyErr_NoMemory();
        }
    }
    if (refused) {
        *refused = failed > 0 ? w.refused : NULL;
    }
    pbpy_encoder_give(st, e, &rules->limits);
    while (w.depth > 0) {
        Py_DECREF(w.levels[--w.depth].list);
    }
    PyMem_Free(w.levels);
    return bytes;
}
