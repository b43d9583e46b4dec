/* SPDX-License-Identifier: MIT
 *
 * Banana.dataReceived. Between two calls, an incomplete expression is kept in
 * self.listStack and self.buffer, as Twisted keeps it, so each call can be done by C or
 * by Python. A token that C refuses, or that depends on something that a service has
 * changed, is left to Python's dataReceived together with all input that follows. */
#include "accelerate/twisted.h"
#include "common/expression_read.h"

struct receiver {
    struct pbpy_reader reader;
    PyObject *self;
    PyObject *data;       /* the input */
    PyObject *list_stack; /* self.listStack: [(n, list), ...] */
    /* The settings of reading, as they were when it began. */
    PyObject *dialect, *prefix, *size, *vocabulary;
    pb_limits limits;
    size_t item;     /* where the item begins that is being delivered */
    bool for_python; /* Python has to go on, from that item on */
};

/* ---- What a service may have changed ---- */

static void receiver_forget(struct receiver *r)
{
    Py_CLEAR(r->dialect);
    Py_CLEAR(r->prefix);
    Py_CLEAR(r->size);
    Py_CLEAR(r->vocabulary);
}

/* Looks up what reading depends on, *new*; NULL for what is missing. */
static void receiver_look_up(const struct pbpy_state *st, PyObject *self,
                             PyObject *found[4])
{
    PyObject *const names[] = {st->names.currentDialect, st->names.prefixLimit,
                               st->names.incomingVocabulary};
    for (size_t i = 0; i < 3; i++) {
        found[i] = PyObject_GetAttr(self, names[i]);
        if (!found[i]) {
            PyErr_Clear();
        }
    }
    found[3] = PyDict_GetItemWithError(st->twisted->banana_globals, st->names.SIZE_LIMIT);
    Py_XINCREF(found[3]);
}

/* Whether all of that is as it was. */
static bool receiver_is_unchanged(const struct receiver *r)
{
    PyObject *now[4];
    receiver_look_up(r->reader.st, r->self, now);
    bool same = now[0] == r->dialect && now[1] == r->prefix && now[2] == r->vocabulary &&
                now[3] == r->size;
    for (size_t i = 0; i < 4; i++) {
        Py_XDECREF(now[i]);
    }
    return same && PyDict_GET_SIZE(r->vocabulary) == PBPY_WORDS - 1;
}

/* Looks all of that up again. Whether C can read with it. */
static bool receiver_observe(struct receiver *r)
{
    const struct pbpy_state *st = r->reader.st;
    PyObject *now[4];
    receiver_forget(r);
    receiver_look_up(st, r->self, now);
    r->dialect = now[0];
    r->prefix = now[1];
    r->vocabulary = now[2];
    r->size = now[3];
    size_t size = pbpy_limit(r->size);
    r->limits = (pb_limits){
        .prefix = pbpy_limit(r->prefix),
        .list = size,
        .bytes = size,
        .depth = UINT32_MAX,
        .message = SIZE_MAX,
        .values = SIZE_MAX,
    };
    bool plain = !r->dialect || r->dialect == Py_None || PyBytes_CheckExact(r->dialect);
    return plain && r->limits.prefix != 0 && size != 0 && r->vocabulary &&
           pbpy_is_vocabulary(st, r->vocabulary, false);
}

/* ---- Delivery ---- */

static int receiver_set_buffer(struct receiver *r, size_t from)
{
    const struct pbpy_state *st = r->reader.st;
    PyObject *rest = st->empty;
    if (from == 0) {
        rest = r->data;
        Py_INCREF(rest);
    } else if (from == r->reader.len) {
        Py_INCREF(rest);
    } else {
        rest = PyBytes_FromStringAndSize((const char *)r->reader.in + from,
                                         (Py_ssize_t)(r->reader.len - from));
    }
    int failed = rest ? PyObject_SetAttr(r->self, st->names.buffer, rest) : -1;
    Py_XDECREF(rest);
    return failed;
}

/* Delivers a complete expression, as Banana.gotItem does. */
static int receiver_deliver(struct receiver *r, PyObject *item)
{
    const struct pbpy_state *st = r->reader.st;
    if (receiver_set_buffer(r, r->reader.last) != 0) {
        return -1;
    }
    PyObject *name = st->names.callExpressionReceived;
    if (r->dialect && PyObject_IsTrue(r->dialect) == 1 &&
        pbpy_is_own(r->self, name, st->twisted->callExpressionReceived, NULL)) {
        name = st->names.expressionReceived;
    }
    PyObject *result = PyObject_CallMethodOneArg(r->self, name, item);
    Py_XDECREF(result);
    return result ? 0 : -1;
}

/* The list in the last entry of self.listStack, borrowed, and its final length; NULL if
 * the entry is not as Twisted makes it. */
static PyObject *list_stack_top(PyObject *list_stack, Py_ssize_t *n)
{
    PyObject *last = PyList_GET_ITEM(list_stack, PyList_GET_SIZE(list_stack) - 1);
    if (!PyTuple_CheckExact(last) || PyTuple_GET_SIZE(last) != 2 ||
        !PyLong_CheckExact(PyTuple_GET_ITEM(last, 0)) ||
        !PyList_CheckExact(PyTuple_GET_ITEM(last, 1))) {
        return NULL;
    }
    *n = PyLong_AsSsize_t(PyTuple_GET_ITEM(last, 0));
    if (*n < 0) {
        PyErr_Clear();
        return NULL;
    }
    return PyTuple_GET_ITEM(last, 1);
}

/* Stops at an entry of self.listStack that banana has not made: Python handles it. If
 * items of it are changed already, raises TypeError. */
static int receiver_stop(struct receiver *r, bool began)
{
    if (began) {
        PyErr_SetString(PyExc_TypeError,
                        "listStack has an entry that banana has not made");
        return -1;
    }
    r->for_python = true;
    pbpy_reader_pause(&r->reader);
    return 0;
}

/* Puts an item, which is taken, into the lists that earlier input began, or delivers
 * it. */
static int receiver_done(struct pbpy_reader *reader, PyObject *item)
{
    struct receiver *r = (struct receiver *)reader;
    r->item = reader->base;
    bool began = false;
    while (PyList_GET_SIZE(r->list_stack) > 0) {
        Py_ssize_t size = PyList_GET_SIZE(r->list_stack);
        Py_ssize_t n;
        PyObject *list = list_stack_top(r->list_stack, &n);
        if (!list) {
            Py_DECREF(item);
            return receiver_stop(r, began);
        }
        int failed = PyList_Append(list, item);
        Py_DECREF(item);
        if (failed || PyList_GET_SIZE(list) != n) {
            return failed;
        }
        Py_INCREF(list);
        item = list;
        began = true;
        if (PyList_SetSlice(r->list_stack, size - 1, size, NULL) != 0) {
            Py_DECREF(item);
            return -1;
        }
    }
    int failed = receiver_deliver(r, item);
    Py_DECREF(item);
    if (!failed && (PyList_GET_SIZE(r->list_stack) > 0 || !receiver_is_unchanged(r))) {
        pbpy_reader_pause(reader);
    }
    return failed;
}

/* ---- Between calls ---- */

/* Moves the open lists to self.listStack. */
static int receiver_save_lists(struct receiver *r)
{
    struct pbpy_reader *reader = &r->reader;
    for (size_t i = 0; i < reader->depth; i++) {
        PyObject *pair = Py_BuildValue("nO", reader->open[i].n, reader->open[i].list);
        int failed = pair ? PyList_Append(r->list_stack, pair) : -1;
        Py_XDECREF(pair);
        if (failed) {
            return -1;
        }
    }
    while (reader->depth > 0) {
        Py_DECREF(reader->open[--reader->depth].list);
    }
    return 0;
}

/* Calls Twisted's own dataReceived with the input from an offset on. */
static PyObject *receiver_give_up(struct receiver *r, size_t from, enum pbpy_left why)
{
    struct pbpy_state *st = r->reader.st;
    pbpy_count_in_python(st, PBPY_DATA_RECEIVED_CALL, why);
    if (receiver_save_lists(r) != 0 || receiver_set_buffer(r, r->reader.len) != 0) {
        return NULL;
    }
    PyObject *rest = PyBytes_FromStringAndSize((const char *)r->reader.in + from,
                                               (Py_ssize_t)(r->reader.len - from));
    PyObject *result = NULL;
    if (rest) {
        result =
            PyObject_CallFunctionObjArgs(st->twisted->dataReceived, r->self, rest, NULL);
        Py_DECREF(rest);
    }
    return result;
}

static PyObject *receiver_run(struct receiver *r)
{
    struct pbpy_reader *reader = &r->reader;
    size_t at = 0;
    do {
        if (!receiver_observe(r)) {
            return receiver_give_up(r, at, PBPY_LEFT_CHANGED);
        }
        pb_error err = {0};
        bool words = r->dialect && pbpy_is_bytes(r->dialect, "pb");
        int failed = pbpy_reader_run(reader, at, words ? PB_DIALECT_PB : PB_DIALECT_NONE,
                                     &r->limits, &err);
        at = r->for_python ? r->item : reader->next;
        if (PyErr_Occurred()) {
            return NULL;
        }
        if (failed || r->for_python) {
            return receiver_give_up(r, at, PBPY_LEFT_REFUSED);
        }
        /* If it was paused, something has changed: look again. */
    } while (at < reader->len && reader->paused);
    pbpy_count_in_c(r->reader.st, PBPY_DATA_RECEIVED_CALL);
    if (receiver_save_lists(r) != 0 || receiver_set_buffer(r, at) != 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static bool receiver_begin(struct receiver *r, PyObject *chunk)
{
    struct pbpy_state *st = r->reader.st;
    PyObject *buffer = PyObject_GetAttr(r->self, st->names.buffer);
    r->list_stack = buffer ? PyObject_GetAttr(r->self, st->names.listStack) : NULL;
    bool fit = r->list_stack && PyBytes_CheckExact(buffer) &&
               PyList_CheckExact(r->list_stack) &&
               pbpy_is_own(r->self, st->names.gotItem, st->twisted->gotItem, NULL);
    if (fit && PyBytes_GET_SIZE(buffer) == 0) {
        r->data = chunk;
        Py_INCREF(chunk);
    } else if (fit) {
        r->data = buffer;
        Py_INCREF(buffer);
        PyBytes_Concat(&r->data, chunk);
    }
    Py_XDECREF(buffer);
    PyErr_Clear();
    if (!r->data) {
        return false;
    }
    r->reader.in = (const uint8_t *)PyBytes_AS_STRING(r->data);
    r->reader.len = (size_t)PyBytes_GET_SIZE(r->data);
    r->reader.done = receiver_done;
    return true;
}

PyObject *pbpy_data_received(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    struct pbpy_state *st = pbpy_state(module);
    if (!pbpy_check_arguments(n, 2, "data_received(self, chunk)")) {
        return NULL;
    }
    struct receiver r = {.reader.st = st, .self = args[0]};
    PyObject *result;
    bool some = PyBytes_CheckExact(args[1]) && PyBytes_GET_SIZE(args[1]) > 0;
    if (some && receiver_begin(&r, args[1])) {
        result = receiver_run(&r);
    } else {
        pbpy_count_in_python(st, PBPY_DATA_RECEIVED_CALL,
                             some ? PBPY_LEFT_CHANGED : PBPY_LEFT_REFUSED);
        result = PyObject_CallFunctionObjArgs(st->twisted->dataReceived, r.self, args[1],
                                              NULL);
    }
    pbpy_reader_fini(&r.reader);
    receiver_forget(&r);
    Py_XDECREF(r.data);
    Py_XDECREF(r.list_stack);
    return result;
}
