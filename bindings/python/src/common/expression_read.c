/* SPDX-License-Identifier: MIT
 *
 * Tokens to expressions: the sink of expression_read.h. */
#include "common/expression_read.h"

/* The most elements that a list gets room for before they have come. */
#define LIST_ROOM_MAX 64

static PyObject *list_new(size_t n)
{
    PyObject *list = PyList_New((Py_ssize_t)(n < LIST_ROOM_MAX ? n : LIST_ROOM_MAX));
    if (list) {
        Py_SET_SIZE(list, 0);
    }
    return list;
}

/* Takes the item, also when it fails. */
static int list_append(PyObject *list, PyObject *item)
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

/* Notes where the token of the decoder ends: `body` bytes after its type byte. */
static void reader_step(struct pbpy_reader *r, size_t body)
{
    r->last = r->next;
    r->next = r->base + (size_t)pb_decoder_offset(r->decoder) + body;
}

/* Puts an item, which is taken, into the innermost open list, or hands it to `done`; the
 * same for each list that is complete then. */
static int reader_put(struct pbpy_reader *r, PyObject *item)
{
    if (PBPY_UNLIKELY(!item)) {
        return -1;
    }
    while (r->depth > 0) {
        struct pbpy_open_list *top = &r->open[r->depth - 1];
        if (list_append(top->list, item) != 0) {
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

static int reader_sink_list(void *ctx, size_t n)
{
    struct pbpy_reader *r = ctx;
    reader_step(r, 0);
    PyObject *list = list_new(n);
    if (!list || n == 0) {
        return reader_put(r, list);
    }
    if (!pbpy_reserve((void **)&r->open, r->depth, &r->cap, sizeof *r->open)) {
        Py_DECREF(list);
        return -1;
    }
    r->open[r->depth++] = (struct pbpy_open_list){list, (Py_ssize_t)n};
    return 0;
}

static int reader_sink_end(void *ctx)
{
    (void)ctx; /* reader_put counts the elements */
    return 0;
}

static int reader_sink_integer(void *ctx, int64_t i)
{
    reader_step(ctx, 0);
    return reader_put(ctx, PyLong_FromLongLong(i));
}

static int reader_sink_big(void *ctx, bool negative, pb_span digits)
{
    struct pbpy_reader *r = ctx;
    reader_step(r, 0);
    return reader_put(r, pbpy_int_from_digits(r->st, negative, digits));
}

static int reader_sink_real(void *ctx, double d)
{
    reader_step(ctx, 8);
    return reader_put(ctx, PyFloat_FromDouble(d));
}

static int reader_sink_bytes(void *ctx, pb_span s)
{
    struct pbpy_reader *r = ctx;
    if (s.data >= r->in && s.data <= r->in + r->len) {
        reader_step(r, s.len);
        return reader_put(r, pbpy_bytes_new(s));
    }
    reader_step(r, 0); /* a word of the vocabulary */
    PyObject *word = pbpy_word(r->st, s.data);
    Py_XINCREF(word);
    return reader_put(r, word);
}

int pbpy_reader_run(struct pbpy_reader *r, size_t from, pb_dialect dialect,
                    const pb_limits *limits, pb_error *err)
{
    static const pb_sink_ops ops = {
        .list = reader_sink_list,
        .end = reader_sink_end,
        .integer = reader_sink_integer,
        .big = reader_sink_big,
        .real = reader_sink_real,
        .bytes = reader_sink_bytes,
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
