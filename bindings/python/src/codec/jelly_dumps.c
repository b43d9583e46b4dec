/* SPDX-License-Identifier: MIT
 *
 * Objects to bytes in one step: what jelly.jelly makes of built-in types, written as it is
 * met. A container that turns out to be shared gets its number afterwards, when the bytes
 * are copied out. Anything else stops it, and is left to the slower way. No Python
 * code runs meanwhile, so nothing changes under its feet and all is borrowed. */
#include "codec/codec.h"
#include "common/expression_write.h"
#include "session/session.h"

/* Where a container began. */
struct place {
    PyObject *object;
    uint64_t mark;
    int64_t number; /* of its reference; 0 for none */
};

struct level {
    PyObject *object;
    PyObject *iter;  /* of a set; owned */
    PyObject *value; /* of a dict: while it is due */
    Py_ssize_t next;
    PyTypeObject *type;
};

struct dumper {
    struct pbpy_state *st;
    pb_encoder *encoder;
    pb_sink out;
    pb_span words[PBPY_ATOM_END];
    struct level *levels;
    size_t depth, cap;
    struct place *places; /* by the hash of objects that may be met again; NULL: none */
    size_t count, slots;
    int64_t numbers; /* of references, so far */
};

/* ---- What was met ---- */

static struct place *find(const struct dumper *d, PyObject *object)
{
    size_t at = (size_t)((uintptr_t)object * UINT64_C(0x9e3779b97f4a7c15) >> 20);
    for (;; at++) {
        struct place *p = &d->places[at & (d->slots - 1)];
        if (!p->object || p->object == object) {
            return p;
        }
    }
}

static int grow(struct dumper *d)
{
    struct dumper larger = {.slots = d->slots ? d->slots * 2 : 64};
    larger.places = PyMem_Calloc(larger.slots, sizeof *larger.places);
    if (!larger.places) {
        PyErr_NoMemory();
        return -1;
    }
    for (size_t i = 0; i < d->slots; i++) {
        if (d->places[i].object) {
            *find(&larger, d->places[i].object) = d->places[i];
        }
    }
    PyMem_Free(d->places);
    d->places = larger.places;
    d->slots = larger.slots;
    return 0;
}

/* ---- Objects ---- */

static int put_head(struct dumper *d, enum pbpy_atom atom, Py_ssize_t n)
{
    int failed = d->out.ops->list(d->out.ctx, (size_t)n + 1);
    return failed ? failed : d->out.ops->bytes(d->out.ctx, d->words[atom]);
}

static int put_text(struct dumper *d, PyObject *object)
{
    Py_ssize_t len;
    const char *text = PyUnicode_AsUTF8AndSize(object, &len);
    if (!text) {
        return -1;
    }
    int failed = put_head(d, PBPY_UNICODE, 1);
    pb_span s = {(const uint8_t *)text, (size_t)len};
    return failed ? failed : d->out.ops->bytes(d->out.ctx, s);
}

static int put_int(struct dumper *d, PyObject *object)
{
    int overflow;
    long long i = PyLong_AsLongLongAndOverflow(object, &overflow);
    return overflow ? pbpy_big_write(d->st, object, overflow < 0, d->out)
                    : d->out.ops->integer(d->out.ctx, i);
}

static int put_bool(struct dumper *d, bool yes)
{
    int failed = put_head(d, PBPY_BOOLEAN, 1);
    pb_span s = {(const uint8_t *)(yes ? "true" : "false"), yes ? 4 : 5};
    return failed ? failed : d->out.ops->bytes(d->out.ctx, s);
}

/* A container that was met before. */
static int put_again(struct dumper *d, struct place *place)
{
    if (place->number == 0) {
        place->number = ++d->numbers;
    }
    int failed = put_head(d, PBPY_DEREFERENCE, 1);
    return failed ? failed : d->out.ops->integer(d->out.ctx, place->number);
}

static int open_level(struct dumper *d, PyObject *object, PyTypeObject *type,
                      enum pbpy_atom atom, Py_ssize_t n)
{
    if (Py_REFCNT(object) > 1) { /* else its one place is this */
        if (d->count * 2 >= d->slots && grow(d) != 0) {
            return -1;
        }
        struct place *place = find(d, object);
        if (place->object) {
            return put_again(d, place);
        }
        *place = (struct place){object, pb_encoder_mark(d->encoder), 0};
        d->count++;
    }
    int failed = put_head(d, atom, n);
    if (failed || n == 0) {
        return failed;
    }
    if (d->depth == d->cap &&
        !pbpy_grow((void **)&d->levels, &d->cap, sizeof *d->levels)) {
        return -1;
    }
    struct level *top = &d->levels[d->depth];
    *top = (struct level){.object = object, .type = type};
    if (type == &PySet_Type || type == &PyFrozenSet_Type) {
        top->iter = PyObject_GetIter(object);
        if (!top->iter) {
            return -1;
        }
    }
    d->depth++;
    return 0;
}

/* 0; positive: it is for the slower way; negative: the encoder's error, or an exception. */
static int put(struct dumper *d, PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    if (type == &PyUnicode_Type) {
        return put_text(d, object);
    }
    if (type == &PyLong_Type) {
        return put_int(d, object);
    }
    if (type == &PyFloat_Type) {
        return d->out.ops->real(d->out.ctx, PyFloat_AS_DOUBLE(object));
    }
    if (type == &PyDict_Type) {
        return open_level(d, object, type, PBPY_DICTIONARY, PyDict_GET_SIZE(object));
    }
    if (type == &PyList_Type) {
        return open_level(d, object, type, PBPY_LIST, PyList_GET_SIZE(object));
    }
    if (type == &PyTuple_Type) {
        return open_level(d, object, type, PBPY_TUPLE, PyTuple_GET_SIZE(object));
    }
    if (object == Py_None) {
        return put_head(d, PBPY_NONE, 0);
    }
    if (type == &PyBool_Type) {
        return put_bool(d, object == Py_True);
    }
    if (type == &PyBytes_Type) {
        pb_span s = {(const uint8_t *)PyBytes_AS_STRING(object),
                     (size_t)PyBytes_GET_SIZE(object)};
        return d->out.ops->bytes(d->out.ctx, s);
    }
    if (type == &PySet_Type) {
        return open_level(d, object, type, PBPY_SET, PySet_GET_SIZE(object));
    }
    if (type == &PyFrozenSet_Type) {
        return open_level(d, object, type, PBPY_FROZENSET, PySet_GET_SIZE(object));
    }
    return 1;
}

/* ---- Containers ---- */

static PyObject *next_of_dict(struct dumper *d, struct level *top, int *failed)
{
    PyObject *key = top->value;
    if (key) {
        top->value = NULL;
        return key;
    }
    if (!PyDict_Next(top->object, &top->next, &key, &top->value)) {
        return NULL;
    }
    *failed = d->out.ops->list(d->out.ctx, 2);
    return key;
}

/* The next object to put, borrowed; NULL at the end, or on failure. */
static PyObject *next_of(struct dumper *d, struct level *top, int *failed)
{
    if (top->type == &PyDict_Type) {
        return next_of_dict(d, top, failed);
    }
    Py_ssize_t i = top->next++;
    if (top->type == &PyList_Type) {
        return i < PyList_GET_SIZE(top->object) ? PyList_GET_ITEM(top->object, i) : NULL;
    }
    if (top->type == &PyTuple_Type) {
        return i < PyTuple_GET_SIZE(top->object) ? PyTuple_GET_ITEM(top->object, i)
                                                 : NULL;
    }
    PyObject *item = PyIter_Next(top->iter);
    Py_XDECREF(item); /* the set holds it */
    return item;
}

static int walk(struct dumper *d, PyObject *object)
{
    int failed = put(d, object);
    while (!failed && d->depth > 0) {
        struct level *top = &d->levels[d->depth - 1];
        object = next_of(d, top, &failed);
        if (object && !failed) {
            failed = put(d, object);
        } else if (!failed) {
            Py_XDECREF(top->iter);
            d->depth--;
        }
    }
    return failed;
}

/* ---- The bytes ---- */

static int by_mark(const void *a, const void *b)
{
    const struct place *p = a, *q = b;
    return (p->mark > q->mark) - (p->mark < q->mark);
}

/* Leaves the places that have a number, in their order. */
static void sort_shared(struct dumper *d)
{
    size_t n = 0;
    for (size_t i = 0; i < d->slots; i++) {
        if (d->places[i].number != 0) {
            d->places[n++] = d->places[i];
        }
    }
    d->count = n;
    if (n > 0) {
        qsort(d->places, n, sizeof *d->places, by_mark);
    }
}

/* Writes [reference, number, what follows], up to what follows. */
static int put_reference(struct dumper *d, pb_sink out, int64_t number)
{
    int failed = out.ops->list(out.ctx, 3);
    failed = failed ? failed : out.ops->bytes(out.ctx, d->words[PBPY_REFERENCE]);
    return failed ? failed : out.ops->integer(out.ctx, number);
}

/* What was written from a mark on, with the numbers put in, *new*. */
static PyObject *bytes_of(struct dumper *d, uint64_t from, pb_dialect dialect)
{
    sort_shared(d);
    pb_encoder *extra = d->count > 0 ? pb_encoder_new(dialect, NULL) : NULL;
    for (size_t i = 0; i < d->count; i++) {
        if (!extra ||
            put_reference(d, pb_encoder_sink(extra), d->places[i].number) != 0) {
            pb_encoder_free(extra);
            return PyErr_NoMemory();
        }
        /* Where its part ends, among those of the others. */
        d->places[i].number = (int64_t)pb_encoder_mark(extra);
    }
    pb_span all = pb_encoder_send(d->encoder);
    pb_span more = extra ? pb_encoder_send(extra) : (pb_span){NULL, 0};
    size_t begun = all.len - (size_t)(pb_encoder_mark(d->encoder) - from);
    PyObject *bytes =
        PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(all.len - begun + more.len));
    char *to = bytes ? PyBytes_AS_STRING(bytes) : NULL;
    size_t at = 0, at_more = 0;
    for (size_t i = 0; bytes && i <= d->count; i++) {
        size_t end = i < d->count ? (size_t)(d->places[i].mark - from) : all.len - begun;
        size_t end_more = i < d->count ? (size_t)d->places[i].number : more.len;
        if (end > at) {
            memcpy(to, all.data + begun + at, end - at);
        }
        to += end - at;
        if (end_more > at_more) {
            memcpy(to, more.data + at_more, end_more - at_more);
        }
        to += end_more - at_more;
        at = end;
        at_more = end_more;
    }
    pb_encoder_free(extra);
    return bytes;
}

/* The bytes of an object, *new*. NULL without an exception: it is for the slower way. */
static PyObject *dump(struct dumper *d, PyObject *object, pb_dialect dialect)
{
    for (size_t i = 0; i < PBPY_ATOM_END; i++) {
        PyObject *atom = d->st->atoms[i];
        d->words[i] = (pb_span){(const uint8_t *)PyBytes_AS_STRING(atom),
                                (size_t)PyBytes_GET_SIZE(atom)};
    }
    d->out = pb_encoder_sink(d->encoder);
    uint64_t mark = pb_encoder_mark(d->encoder);
    int failed = walk(d, object);
    if (failed < 0 && !PyErr_Occurred()) {
        pb_error err = {0};
        pb_encoder_error(d->encoder, &err);
        pbpy_raise(d->st->banana_error, &err);
    }
    return failed ? NULL : bytes_of(d, mark, dialect);
}

static PyObject *dumps_directly(struct pbpy_state *st, PyObject *object,
                                pb_dialect dialect)
{
    struct dumper d = {.st = st};
    pb_limits limits = {0};
    pb_limits_default(&limits);
    d.encoder = pbpy_encoder_take(st, dialect, &limits);
    if (!d.encoder) {
        return NULL;
    }
    PyObject *bytes = dump(&d, object, dialect);
    pbpy_encoder_give(st, d.encoder, &limits);
    while (d.depth > 0) {
        Py_XDECREF(d.levels[--d.depth].iter);
    }
    PyMem_Free(d.levels);
    PyMem_Free(d.places);
    return bytes || PyErr_Occurred() ? bytes : Py_NewRef(Py_NotImplemented);
}

PyObject *pbpy_codec_raise(const struct pbpy_state *st, const pb_error *err)
{
    PyObject *type = err->code == PB_ERR_INSECURE ? st->insecure
                     : err->code == PB_ERR_LIMIT || err->code == PB_ERR_PROTOCOL
                         ? st->banana_error
                         : st->jelly_error;
    return pbpy_raise(type, err);
}

static PyObject *dumps_by_value(struct pbpy_session *self, PyObject *object,
                                pb_dialect dialect)
{
    pb_jelly_config config = {.taster = self->taster};
    pb_value *v = pbpy_value_out(self, object, Py_None);
    uint8_t *data;
    size_t len;
    pb_error err = {0};
    if (!v) {
        return NULL;
    }
    int failed = pb_jelly_bytes(v, &config, dialect, &data, &len, &err);
    pb_value_unref(v);
    if (failed) {
        return pbpy_codec_raise(self->st, &err);
    }
    PyObject *bytes = PyBytes_FromStringAndSize((const char *)data, (Py_ssize_t)len);
    pb_free(data);
    return bytes;
}

PyObject *pbpy_jelly_dumps(PyObject *module, PyObject *args)
{
    PyTypeObject *type = pbpy_state(module)->live.session;
    struct pbpy_session *self;
    PyObject *object;
    int words;
    if (!PyArg_ParseTuple(args, "O!Op:dumps", type, &self, &object, &words) ||
        !pbpy_session_enter(self) || !pbpy_learn_tags(self)) {
        return NULL;
    }
    pb_dialect dialect = words ? PB_DIALECT_PB : PB_DIALECT_NONE;
    PyObject *bytes = dumps_directly(self->st, object, dialect);
    if (bytes == Py_NotImplemented) {
        Py_SETREF(bytes, dumps_by_value(self, object, dialect));
    }
    return bytes;
}
