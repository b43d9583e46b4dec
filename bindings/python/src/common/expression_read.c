/* SPDX-License-Identifier: MIT
 *
 * Tokens to expressions: the sink of read.h, and banana.decode. */
#include "common/expression_read.h"

/* Room that is made for a list before its elements have come. */
#define ROOM_MAX 64

static PyObject *new_list(size_t n)
{
    PyObject *list = PyList_New((Py_ssize_t)(n < ROOM_MAX ? n : ROOM_MAX));
    if (list) {
        Py_SET_SIZE(list, 0);
    }
    return list;
}

/* Takes the item, also when it fails. */
static int append(PyObject *list, PyObject *item)
{
    Py_ssize_t n = PyList_GET_SIZE(list);
    if (PBPY_LIKELY(((PyListObject *)list)->allocated > n)) {
        Py_SET_SIZE(list, n + 1);
        PyList_SET_ITEM(list, n, item);
        return 0;
    }
    int failed = PyList_Append(list, item);
    Py_DECREF(item);
    return failed;
}

/* Notes where the token ends that the decoder is at: so many bytes after its header. */
static void step(struct pbpy_reader *r, size_t body)
{
    r->last = r->next;
    r->next = r->base + (size_t)pb_decoder_offset(r->decoder) + body;
}

/* Puts an item, which is taken, where it belongs. */
static int put(struct pbpy_reader *r, PyObject *item)
{
    if (PBPY_UNLIKELY(!item)) {
        return -1;
    }
    while (r->depth > 0) {
        struct pbpy_open *top = &r->open[r->depth - 1];
        if (append(top->list, item) != 0) {
            return -1;
        }
        if (PyList_GET_SIZE(top->list) < top->n) {
            return 0;
        }
        item = top->list;
        r->depth--;
    }
    int failed = r->done(r, item);
    r->base = r->next;
    return failed;
}

static int sink_list(void *ctx, size_t n)
{
    struct pbpy_reader *r = ctx;
    step(r, 0);
    PyObject *list = new_list(n);
    if (!list || n == 0) {
        return put(r, list);
    }
    if (r->depth == r->cap && !pbpy_grow((void **)&r->open, &r->cap, sizeof *r->open)) {
        Py_DECREF(list);
        return -1;
    }
    r->open[r->depth++] = (struct pbpy_open){list, (Py_ssize_t)n};
    return 0;
}

static int sink_end(void *ctx)
{
    (void)ctx; /* `put` has counted */
    return 0;
}

static int sink_integer(void *ctx, int64_t i)
{
    step(ctx, 0);
    return put(ctx, PyLong_FromLongLong(i));
}

static int sink_big(void *ctx, bool negative, pb_span digits)
{
    struct pbpy_reader *r = ctx;
    step(r, 0);
    return put(r, pbpy_big_read(r->st, negative, digits));
}

static int sink_real(void *ctx, double d)
{
    step(ctx, 8);
    return put(ctx, PyFloat_FromDouble(d));
}

static int sink_bytes(void *ctx, pb_span s)
{
    struct pbpy_reader *r = ctx;
    if (s.data >= r->in && s.data <= r->in + r->len) {
        step(r, s.len);
        return put(r, PyBytes_FromStringAndSize((const char *)s.data, (Py_ssize_t)s.len));
    }
    step(r, 0);
    PyObject *word = pbpy_word(r->st, s.data);
    Py_XINCREF(word);
    return put(r, word);
}

int pbpy_reader_run(struct pbpy_reader *r, size_t from, pb_dialect dialect,
                    const pb_limits *limits, pb_error *err)
{
    static const pb_sink_ops ops = {
        .list = sink_list,
        .end = sink_end,
        .integer = sink_integer,
        .big = sink_big,
        .real = sink_real,
        .bytes = sink_bytes,
    };
    r->base = r->last = r->next = from;
    r->paused = false;
    r->decoder = pb_decoder_new(dialect, limits, (pb_sink){&ops, r});
    if (!r->decoder) {
        PyErr_NoMemory();
        return -1;
    }
    int failed = pb_decoder_recv(r->decoder, (pb_span){r->in + from, r->len - from}, err);
    pb_decoder_free(r->decoder);
    r->decoder = NULL;
    if (failed == PB_ERR_NOMEM && !PyErr_Occurred()) {
        PyErr_NoMemory();
    }
    return failed;
}

void pbpy_reader_pause(struct pbpy_reader *r)
{
    r->paused = true;
    pb_decoder_pause(r->decoder);
}

void pbpy_reader_fini(struct pbpy_reader *r)
{
    while (r->depth > 0) {
        Py_DECREF(r->open[--r->depth].list);
    }
    PyMem_Free(r->open);
    r->open = NULL;
}
