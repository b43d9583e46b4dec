/* SPDX-License-Identifier: MIT
 *
 * Bytes to objects in one step: a sink that makes of tokens what jelly.unjelly makes of
 * expressions, for built-in types, whose cycles go through lists and dicts. Whatever else
 * comes stops it, and is left to the slower way, from the start. */
#include "codec/codec.h"
#include "session/session.h"

/* What an open list is. */
enum kind {
    HEAD, /* not known yet: its first element will say */
    LIST,
    TUPLE,
    SET,
    FROZENSET,
    DICT,
    PAIR, /* a list of two in a DICT */
    UNICODE,
    BOOLEAN,
    NONE,
    REFERENCE,
    DEREFERENCE,
};

struct level {
    PyObject
        *object;    /* what is made of it; of a PAIR the key, of a REFERENCE its value */
    Py_ssize_t n;   /* elements that were announced, without the first but in a PAIR */
    Py_ssize_t i;   /* those that have come */
    int64_t number; /* of a REFERENCE or DEREFERENCE */
    enum kind kind;
};

struct loader {
    struct pbpy_state *st;
    pb_decoder *decoder;
    struct level *levels;
    size_t depth, cap;
    PyObject *references; /* dict; NULL while there is none */
    PyObject *object;     /* the whole */
    bool strange;         /* it is for the slower way */
};

static int refuse(struct loader *l)
{
    l->strange = true;
    return 1;
}

/* ---- Keys of dicts, which repeat themselves ---- */

/* The text of a key, from a table of those that came last where it is short. */
static PyObject *key_text(struct pbpy_state *st, pb_span s)
{
    if (s.len == 0 || s.len > PBPY_KEY_MAX) {
        return PyUnicode_DecodeUTF8((const char *)s.data, (Py_ssize_t)s.len, "strict");
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
    key = PyUnicode_DecodeUTF8((const char *)s.data, (Py_ssize_t)s.len, "strict");
    if (key && PyUnicode_IS_COMPACT_ASCII(key)) {
        Py_INCREF(key);
        Py_XSETREF(*place, key);
    }
    return key;
}

/* ---- Elements ---- */

static int remember(struct loader *l, int64_t number, PyObject *object)
{
    PyObject *key = PyLong_FromLongLong(number);
    if (key && !l->references) {
        l->references = PyDict_New();
    }
    int failed = key && l->references ? PyDict_SetItem(l->references, key, object) : -1;
    Py_XDECREF(key);
    return failed;
}

/* A list or dict may be met again before it is whole. */
static int remember_early(struct loader *l)
{
    struct level *above = l->depth > 1 ? &l->levels[l->depth - 2] : NULL;
    return above && above->kind == REFERENCE
               ? remember(l, above->number, l->levels[l->depth - 1].object)
               : 0;
}

/* Puts an object, which is taken, where it belongs. */
static int give(struct loader *l, PyObject *object)
{
    if (PBPY_UNLIKELY(!object)) {
        return -1;
    }
    if (l->depth == 0) {
        l->object = object;
        pb_decoder_pause(l->decoder);
        return 0;
    }
    struct level *top = &l->levels[l->depth - 1];
    Py_ssize_t i = top->i++;
    switch (top->kind) {
    case LIST:
    case SET:
    case FROZENSET:
        Py_SET_SIZE(top->object, i + 1);
        PyList_SET_ITEM(top->object, i, object);
        return 0;
    case TUPLE:
        PyTuple_SET_ITEM(top->object, i, object);
        return 0;
    case PAIR:
        if (i == 0) {
            top->object = object;
            return 0;
        }
        int failed = PyDict_SetItem(l->levels[l->depth - 2].object, top->object, object);
        Py_DECREF(object);
        return failed;
    case REFERENCE:
        if (i == 1) {
            top->object = object;
            return remember(l, top->number, object);
        }
        break;
    default:
        break;
    }
    Py_DECREF(object);
    return refuse(l);
}

/* What stands in a list that has ended. */
static PyObject *finish(struct loader *l, struct level *top)
{
    PyObject *object = top->object;
    top->object = NULL;
    switch (top->kind) {
    case LIST:
    case TUPLE:
    case DICT:
    case UNICODE:
    case BOOLEAN:
    case REFERENCE:
        if (!object) {
            refuse(l);
        }
        return object;
    case SET:
    case FROZENSET: {
        PyObject *set = top->kind == SET ? PySet_New(object) : PyFrozenSet_New(object);
        Py_DECREF(object);
        return set;
    }
    case NONE:
        Py_RETURN_NONE;
    case DEREFERENCE: {
        PyObject *key = top->i > 0 ? PyLong_FromLongLong(top->number) : NULL;
        if (key && l->references) {
            object = PyDict_GetItemWithError(l->references, key);
            Py_XINCREF(object);
        }
        Py_XDECREF(key);
        if (!object) {
            refuse(l);
        }
        return object;
    }
    default:
        refuse(l);
        return NULL;
    }
}

/* ---- The sink ---- */

static int sink_list(void *ctx, size_t n)
{
    struct loader *l = ctx;
    if (l->depth == l->cap &&
        !pbpy_grow((void **)&l->levels, &l->cap, sizeof *l->levels)) {
        return -1;
    }
    struct level *top = &l->levels[l->depth];
    *top = (struct level){.n = (Py_ssize_t)n - 1, .kind = HEAD};
    if (l->depth > 0 && top[-1].kind == DICT) {
        top->kind = PAIR;
        if (n != 2) {
            return refuse(l);
        }
    }
    l->depth++;
    return 0;
}

static int sink_end(void *ctx)
{
    struct loader *l = ctx;
    struct level *top = &l->levels[l->depth - 1];
    if (top->kind == PAIR) {
        Py_CLEAR(top->object);
        l->depth--;
        return 0;
    }
    PyObject *object = finish(l, top);
    l->depth--;
    return give(l, object);
}

static int sink_integer(void *ctx, int64_t i)
{
    struct loader *l = ctx;
    struct level *top = l->depth > 0 ? &l->levels[l->depth - 1] : NULL;
    if (top && (top->kind == REFERENCE || top->kind == DEREFERENCE) && top->i == 0) {
        top->number = i;
        top->i = 1;
        return 0;
    }
    return give(l, PyLong_FromLongLong(i));
}

static int sink_big(void *ctx, bool negative, pb_span digits)
{
    struct loader *l = ctx;
    return give(l, pbpy_big_read(l->st, negative, digits));
}

static int sink_real(void *ctx, double d)
{
    return give(ctx, PyFloat_FromDouble(d));
}

static enum kind kind_of(pb_span s)
{
    static const uint8_t kinds[PBPY_ATOM_END + 1] = {
        [PBPY_NONE] = NONE,
        [PBPY_UNICODE] = UNICODE,
        [PBPY_BOOLEAN] = BOOLEAN,
        [PBPY_LIST] = LIST,
        [PBPY_TUPLE] = TUPLE,
        [PBPY_DICTIONARY] = DICT,
        [PBPY_SET] = SET,
        [PBPY_FROZENSET] = FROZENSET,
        [PBPY_REFERENCE] = REFERENCE,
        [PBPY_DEREFERENCE] = DEREFERENCE,
        [PBPY_ATOM_END] = HEAD,
    };
    return (enum kind)kinds[pbpy_atom_find((const char *)s.data, s.len)];
}

/* The first element of a list: what it is. */
static int begin(struct loader *l, struct level *top, pb_span word)
{
    top->kind = kind_of(word);
    switch (top->kind) {
    case LIST:
    case SET:
    case FROZENSET:
        /* The decoder's limit of tokens bounds what is made room for. */
        top->object = PyList_New(top->n);
        if (!top->object) {
            return -1;
        }
        Py_SET_SIZE(top->object, 0);
        return top->kind == LIST ? remember_early(l) : 0;
    case TUPLE:
        top->object = PyTuple_New(top->n);
        return top->object ? 0 : -1;
    case DICT:
        top->object = PyDict_New();
        return top->object ? remember_early(l) : -1;
    case REFERENCE:
        return top->n == 2 ? 0 : refuse(l);
    case DEREFERENCE:
    case UNICODE:
    case BOOLEAN:
        return top->n == 1 ? 0 : refuse(l);
    case NONE:
        return top->n == 0 ? 0 : refuse(l);
    default:
        return refuse(l);
    }
}

static bool is_word(pb_span s, const char *word, size_t len)
{
    return s.len == len && memcmp(s.data, word, len) == 0;
}

static int sink_bytes(void *ctx, pb_span s)
{
    struct loader *l = ctx;
    struct level *top = l->depth > 0 ? &l->levels[l->depth - 1] : NULL;
    switch (top ? top->kind : LIST) {
    case HEAD:
        return begin(l, top, s);
    case UNICODE:
        if (l->depth > 1 && top[-1].kind == PAIR && top[-1].i == 0) {
            top->object = key_text(l->st, s);
        } else {
            top->object =
                PyUnicode_DecodeUTF8((const char *)s.data, (Py_ssize_t)s.len, "strict");
        }
        return top->object ? 0 : -1;
    case BOOLEAN:
        if (!is_word(s, "true", 4) && !is_word(s, "false", 5)) {
            return refuse(l);
        }
        top->object = PyBool_FromLong(s.len == 4);
        return 0;
    default:
        return give(l,
                    PyBytes_FromStringAndSize((const char *)s.data, (Py_ssize_t)s.len));
    }
}

/* ---- jelly.loads ---- */

static void release(struct loader *l)
{
    while (l->depth > 0) {
        Py_XDECREF(l->levels[--l->depth].object);
    }
    PyMem_Free(l->levels);
    Py_XDECREF(l->references);
    pb_decoder_free(l->decoder);
}

static int load(struct loader *l, pb_span in, pb_dialect dialect)
{
    static const pb_sink_ops ops = {
        .list = sink_list,
        .end = sink_end,
        .integer = sink_integer,
        .big = sink_big,
        .real = sink_real,
        .bytes = sink_bytes,
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
    PyErr_Clear(); /* bad UTF-8, or a key that cannot be hashed */
    l->strange = l->strange || failed || !l->object || pb_decoder_rest(l->decoder) > 0;
    return 0;
}

static PyObject *loads_directly(struct pbpy_state *st, pb_span in, pb_dialect dialect)
{
    struct loader l = {.st = st};
    int failed = load(&l, in, dialect);
    release(&l);
    if (failed || l.strange) {
        Py_CLEAR(l.object);
    }
    if (failed) {
        return NULL;
    }
    return l.strange ? Py_NewRef(Py_NotImplemented) : l.object;
}

static PyObject *loads_by_value(struct pbpy_session *self, pb_span in, pb_dialect dialect)
{
    pb_jelly_config config = {.taster = self->taster};
    pb_value *v;
    pb_error err = {0};
    if (pb_unjelly_bytes(in, &config, dialect, &v, &err) != 0) {
        return pbpy_codec_raise(self->st, &err);
    }
    PyObject *object = pbpy_value_in(self, v);
    pb_value_unref(v);
    return object;
}

PyObject *pbpy_jelly_loads(PyObject *module, PyObject *args)
{
    PyTypeObject *type = pbpy_state(module)->live.session;
    struct pbpy_session *self;
    Py_buffer in;
    int words;
    if (!PyArg_ParseTuple(args, "O!y*p:loads", type, &self, &in, &words)) {
        return NULL;
    }
    PyObject *object = NULL;
    if (pbpy_session_enter(self) && pbpy_learn_tags(self)) {
        pb_span data = {in.buf, (size_t)in.len};
        pb_dialect dialect = words ? PB_DIALECT_PB : PB_DIALECT_NONE;
        object = loads_directly(self->st, data, dialect);
        if (object == Py_NotImplemented) {
            Py_SETREF(object, loads_by_value(self, data, dialect));
        }
    }
    PyBuffer_Release(&in);
    return object;
}
