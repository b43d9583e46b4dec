/* SPDX-License-Identifier: MIT
 *
 * jelly.loads: bytes to a Python object.
 *
 * Directly where that is possible: a sink of tokens makes what jelly.unjelly makes of
 * expressions, for built-in types, whose cycles go through lists and dicts. Anything
 * else, and every error, stops it: then the bytes are read again from their beginning,
 * into values, which become objects as those of a session do. */
#include "codec/codec.h"
#include "session/session.h"

/* The kinds of open lists are the atoms that they begin with, and these two. */
enum {
    LOADER_HEAD = PBPY_ATOM_END,     /* its first element has not come yet */
    LOADER_PAIR = PBPY_ATOM_END + 1, /* a list of a key and a value in a dict */
};

struct loader_level {
    PyObject
        *object;    /* what is made of it; of a pair the key, of a reference its object */
    Py_ssize_t n;   /* elements that were announced, without the first but in a pair */
    Py_ssize_t i;   /* those that have come */
    int64_t number; /* of a reference or dereference */
    unsigned kind;
};

struct loader {
    struct pbpy_state *st;
    pb_decoder *decoder;
    struct loader_level *levels;
    size_t depth, cap;
    PyObject *references; /* a dict from numbers to objects; NULL while there is none */
    PyObject *object;     /* the result */
    bool refused;         /* it cannot be read directly */
};

/* Stops the decoder, so that the bytes are read by way of values. */
static int loader_refuse(struct loader *l)
{
    l->refused = true;
    return 1;
}

static PyObject *str_new(pb_span s)
{
    return PyUnicode_DecodeUTF8((const char *)s.data, (Py_ssize_t)s.len, "strict");
}

/* The str of a key of a dict. Keys recur, so short ones are taken from a table of those
 * that were read last. */
static PyObject *key_new(struct pbpy_state *st, pb_span s)
{
    if (s.len == 0 || s.len > PBPY_KEY_MAX) {
        return str_new(s);
    }
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < s.len; i++) {
        hash = (hash ^ s.data[i]) * 16777619u;
    }
    PyObject **place = &st->keys[hash % PBPY_KEYS];
    PyObject *key = *place;
    if (key && (size_t)PyUnicode_GET_LENGTH(key) == s.len &&
        memcmp(PyUnicode_1BYTE_DATA(key), s.data, s.len) == 0) {
        Py_INCREF(key);
        return key;
    }
    key = str_new(s);
    if (key && PyUnicode_IS_COMPACT_ASCII(key)) {
        Py_INCREF(key);
        Py_XSETREF(*place, key);
    }
    return key;
}

/* ---- Elements ---- */

static int loader_remember(struct loader *l, int64_t number, PyObject *object)
{
    PyObject *key = PyLong_FromLongLong(number);
    if (key && !l->references) {
        l->references = PyDict_New();
    }
    int failed = key && l->references ? PyDict_SetItem(l->references, key, object) : -1;
    Py_XDECREF(key);
    return failed;
}

/* Remembers a list or dict in a reference at once, for it may hold itself. */
static int loader_remember_open(struct loader *l)
{
    struct loader_level *above = l->depth > 1 ? &l->levels[l->depth - 2] : NULL;
    return above && above->kind == PBPY_REFERENCE
               ? loader_remember(l, above->number, l->levels[l->depth - 1].object)
               : 0;
}

/* Puts an object, which is taken, into the list on top, or makes it the result. */
static int loader_put(struct loader *l, PyObject *object)
{
    if (PBPY_UNLIKELY(!object)) {
        return -1;
    }
    if (l->depth == 0) {
        l->object = object;
        pb_decoder_pause(l->decoder);
        return 0;
    }
    struct loader_level *top = &l->levels[l->depth - 1];
    Py_ssize_t i = top->i++;
    switch (top->kind) {
    case PBPY_LIST:
    case PBPY_SET:
    case PBPY_FROZENSET:
        Py_SET_SIZE(top->object, i + 1);
        PyList_SET_ITEM(top->object, i, object);
        return 0;
    case PBPY_TUPLE:
        PyTuple_SET_ITEM(top->object, i, object);
        return 0;
    case LOADER_PAIR:
        if (i == 0) {
            top->object = object;
            return 0;
        }
        int failed = PyDict_SetItem(l->levels[l->depth - 2].object, top->object, object);
        Py_DECREF(object);
        return failed;
    case PBPY_REFERENCE:
        if (i == 1) {
            top->object = object;
            return loader_remember(l, top->number, object);
        }
        break;
    default:
        break;
    }
    Py_DECREF(object);
    return loader_refuse(l);
}

/* The object of a dereference, *new*; NULL if there is none. */
static PyObject *loader_dereference(struct loader *l, const struct loader_level *top)
{
    PyObject *object = NULL;
    PyObject *key = top->i > 0 ? PyLong_FromLongLong(top->number) : NULL;
    if (key && l->references) {
        object = PyDict_GetItemWithError(l->references, key);
        Py_XINCREF(object);
    }
    Py_XDECREF(key);
    return object;
}

/* The object of a list that has ended, *new*; NULL if it is refused, or with an exception
 * set. */
static PyObject *loader_end_level(struct loader *l, struct loader_level *top)
{
    PyObject *object = top->object;
    top->object = NULL;
    switch (top->kind) {
    case PBPY_NONE:
        Py_RETURN_NONE;
    case PBPY_SET:
    case PBPY_FROZENSET: {
        bool frozen = top->kind == PBPY_FROZENSET;
        PyObject *set = frozen ? PyFrozenSet_New(object) : PySet_New(object);
        Py_DECREF(object);
        return set;
    }
    case PBPY_DEREFERENCE:
        object = loader_dereference(l, top);
        break;
    default: /* NULL: no element came, or it began with nothing known */
        break;
    }
    if (!object) {
        loader_refuse(l);
    }
    return object;
}

/* The first element of a list, which says its kind. */
static int loader_begin_level(struct loader *l, struct loader_level *top, pb_span word)
{
    top->kind = pbpy_atom_find((const char *)word.data, word.len);
    switch (top->kind) {
    case PBPY_LIST:
    case PBPY_SET:
    case PBPY_FROZENSET:
        /* The decoder's limit of tokens bounds n. */
        top->object = PyList_New(top->n);
        if (!top->object) {
            return -1;
        }
        Py_SET_SIZE(top->object, 0);
        return top->kind == PBPY_LIST ? loader_remember_open(l) : 0;
    case PBPY_TUPLE:
        top->object = PyTuple_New(top->n);
        return top->object ? 0 : -1;
    case PBPY_DICTIONARY:
        top->object = PyDict_New();
        return top->object ? loader_remember_open(l) : -1;
    case PBPY_REFERENCE:
        return top->n == 2 ? 0 : loader_refuse(l);
    case PBPY_DEREFERENCE:
    case PBPY_UNICODE:
    case PBPY_BOOLEAN:
        return top->n == 1 ? 0 : loader_refuse(l);
    case PBPY_NONE:
        return top->n == 0 ? 0 : loader_refuse(l);
    default:
        return loader_refuse(l);
    }
}

/* ---- The sink ---- */

static int loader_sink_list(void *ctx, size_t n)
{
    struct loader *l = ctx;
    if (!pbpy_reserve((void **)&l->levels, l->depth, &l->cap, sizeof *l->levels)) {
        return -1;
    }
    struct loader_level *top = &l->levels[l->depth];
    *top = (struct loader_level){.n = (Py_ssize_t)n - 1, .kind = LOADER_HEAD};
    if (l->depth > 0 && top[-1].kind == PBPY_DICTIONARY) {
        top->kind = LOADER_PAIR;
        if (n != 2) {
            return loader_refuse(l);
        }
    }
    l->depth++;
    return 0;
}

static int loader_sink_end(void *ctx)
{
    struct loader *l = ctx;
    struct loader_level *top = &l->levels[l->depth - 1];
    if (top->kind == LOADER_PAIR) {
        Py_CLEAR(top->object);
        l->depth--;
        return 0;
    }
    PyObject *object = loader_end_level(l, top);
    l->depth--;
    return loader_put(l, object);
}

static int loader_sink_integer(void *ctx, int64_t i)
{
    struct loader *l = ctx;
    struct loader_level *top = l->depth > 0 ? &l->levels[l->depth - 1] : NULL;
    if (top && top->i == 0 &&
        (top->kind == PBPY_REFERENCE || top->kind == PBPY_DEREFERENCE)) {
        top->number = i;
        top->i = 1;
        return 0;
    }
    return loader_put(l, PyLong_FromLongLong(i));
}

static int loader_sink_big(void *ctx, bool negative, pb_span digits)
{
    struct loader *l = ctx;
    return loader_put(l, pbpy_int_from_digits(l->st, negative, digits));
}

static int loader_sink_real(void *ctx, double d)
{
    return loader_put(ctx, PyFloat_FromDouble(d));
}

static bool span_is_word(pb_span s, const char *word, size_t len)
{
    return s.len == len && memcmp(s.data, word, len) == 0;
}

static int loader_sink_bytes(void *ctx, pb_span s)
{
    struct loader *l = ctx;
    struct loader_level *top = l->depth > 0 ? &l->levels[l->depth - 1] : NULL;
    switch (top ? top->kind : PBPY_LIST) {
    case LOADER_HEAD:
        return loader_begin_level(l, top, s);
    case PBPY_UNICODE: {
        bool key = l->depth > 1 && top[-1].kind == LOADER_PAIR && top[-1].i == 0;
        top->object = key ? key_new(l->st, s) : str_new(s);
        return top->object ? 0 : -1;
    }
    case PBPY_BOOLEAN:
        if (!span_is_word(s, "true", 4) && !span_is_word(s, "false", 5)) {
            return loader_refuse(l);
        }
        top->object = PyBool_FromLong(s.len == 4);
        return 0;
    default:
        return loader_put(l, pbpy_bytes_new(s));
    }
}

/* ---- jelly.loads ---- */

static void loader_fini(struct loader *l)
{
    while (l->depth > 0) {
        Py_XDECREF(l->levels[--l->depth].object);
    }
    PyMem_Free(l->levels);
    Py_XDECREF(l->references);
    pb_decoder_free(l->decoder);
}

/* 0, with l->object or l->refused; -1 with an exception set. */
static int loader_run(struct loader *l, pb_span in, pb_dialect dialect)
{
    static const pb_sink_ops ops = {
        .list = loader_sink_list,
        .end = loader_sink_end,
        .integer = loader_sink_integer,
        .big = loader_sink_big,
        .real = loader_sink_real,
        .bytes = loader_sink_bytes,
    };
    pb_error err = {0};
    l->decoder = pb_decoder_new(dialect, NULL, (pb_sink){&ops, l});
    if (!l->decoder) {
        PyErr_NoMemory();
        return -1;
    }
    int failed = pb_decoder_recv(l->decoder, in, &err);
    if (PyErr_Occurred() && (PyErr_ExceptionMatches(PyExc_MemoryError) ||
                             !PyErr_ExceptionMatches(PyExc_Exception))) {
        return -1;
    }
    PyErr_Clear(); /* invalid UTF-8, or a key that cannot be hashed */
    l->refused = l->refused || failed || !l->object || pb_decoder_rest(l->decoder) > 0;
    return 0;
}

/* The object of bytes, *new*; NotImplemented if they cannot be read directly. */
static PyObject *loads_directly(struct pbpy_state *st, pb_span in, pb_dialect dialect)
{
    struct loader l = {.st = st};
    int failed = loader_run(&l, in, dialect);
    loader_fini(&l);
    if (failed || l.refused) {
        Py_CLEAR(l.object);
    }
    if (failed) {
        return NULL;
    }
    return l.refused ? Py_NewRef(Py_NotImplemented) : l.object;
}

static PyObject *loads_by_value(struct pbpy_session *self, pb_span in, pb_dialect dialect,
                                PyObject *allowed)
{
    pb_jelly_config config = {.taster = pbpy_codec_taster(self, allowed)};
    pb_value *v;
    pb_error err = {0};
    if (!config.taster) {
        return NULL;
    }
    int failed = pb_unjelly_bytes(in, &config, dialect, &v, &err);
    pb_taster_unref(config.taster);
    if (failed) {
        return pbpy_codec_raise(self->st, &err);
    }
    PyObject *object = pbpy_object_from_value(self, v);
    pb_value_unref(v);
    return object;
}

PyObject *pbpy_jelly_loads(PyObject *module, PyObject *args)
{
    PyTypeObject *type = pbpy_state(module)->types.session;
    struct pbpy_session *self;
    PyObject *allowed;
    Py_buffer in;
    int words;
    if (!PyArg_ParseTuple(args, "O!y*pO:loads", type, &self, &in, &words, &allowed)) {
        return NULL;
    }
    PyObject *object = NULL;
    if (pbpy_session_enter(self) && pbpy_session_learn_copies(self)) {
        pb_span data = {in.buf, (size_t)in.len};
        pb_dialect dialect = words ? PB_DIALECT_PB : PB_DIALECT_NONE;
        object = allowed == Py_None ? loads_directly(self->st, data, dialect)
                                    : Py_NewRef(Py_NotImplemented);
        if (object == Py_NotImplemented) {
            Py_SETREF(object, loads_by_value(self, data, dialect, allowed));
        }
    }
    PyBuffer_Release(&in);
    return object;
}
