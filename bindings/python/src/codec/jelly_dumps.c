/* SPDX-License-Identifier: MIT
 *
 * jelly.dumps: a Python object to bytes.
 *
 * Directly where that is possible: built-in types are written into an encoder as
 * jelly.jelly would have them. That a container is shared is known only when it is met
 * again, so the heads of references are put in when the bytes are copied out. No Python
 * code runs meanwhile but for finalizers, which the collector may call. For any other
 * type it stops, and the object is written again from its beginning by way of values, as
 * those of a session are. */
#include "codec/codec.h"
#include "common/address_map.h"
#include "common/container.h"
#include "common/expression_write.h"
#include "session/session.h"

/* A container that may be met again. */
struct dumped {
    uint64_t mark;   /* where its bytes begin */
    int64_t number;  /* of its reference; 0: it was met once only */
    size_t head_end; /* where the head of its reference ends among those heads */
};

struct dumper {
    struct pbpy_state *st;
    pb_encoder *encoder;
    pb_sink out;
    pb_span words[PBPY_ATOM_END];
    struct pbpy_items *open; /* the containers that are being written */
    size_t depth, cap;
    struct pbpy_map map;   /* from containers to their index in dumped */
    struct dumped *dumped; /* in the order of their marks */
    size_t count, dumped_cap;
    int64_t numbers; /* of references, so far */
};

/* ---- Objects ---- */

static int dumper_put_head(struct dumper *d, enum pbpy_atom atom, Py_ssize_t n)
{
    int failed = d->out.ops->list(d->out.ctx, (size_t)n + 1);
    return failed ? failed : d->out.ops->bytes(d->out.ctx, d->words[atom]);
}

static int dumper_put_str(struct dumper *d, PyObject *object)
{
    Py_ssize_t len;
    const char *text = PyUnicode_AsUTF8AndSize(object, &len);
    if (!text) {
        return -1;
    }
    int failed = dumper_put_head(d, PBPY_UNICODE, 1);
    pb_span s = {(const uint8_t *)text, (size_t)len};
    return failed ? failed : d->out.ops->bytes(d->out.ctx, s);
}

static int dumper_put_int(struct dumper *d, PyObject *object)
{
    int overflow;
    long long i = PyLong_AsLongLongAndOverflow(object, &overflow);
    return overflow ? pbpy_int_write_big(d->st, object, overflow < 0, d->out)
                    : d->out.ops->integer(d->out.ctx, i);
}

static int dumper_put_bool(struct dumper *d, bool yes)
{
    int failed = dumper_put_head(d, PBPY_BOOLEAN, 1);
    pb_span s = {(const uint8_t *)(yes ? "true" : "false"), yes ? 4 : 5};
    return failed ? failed : d->out.ops->bytes(d->out.ctx, s);
}

/* Writes a reference to a container that was met before. */
static int dumper_put_dereference(struct dumper *d, struct dumped *dumped)
{
    if (dumped->number == 0) {
        dumped->number = ++d->numbers;
    }
    int failed = dumper_put_head(d, PBPY_DEREFERENCE, 1);
    return failed ? failed : d->out.ops->integer(d->out.ctx, dumped->number);
}

/* Begins a container of n items or pairs; or, if it was met before, writes a reference to
 * it. */
static int dumper_open(struct dumper *d, PyObject *object, enum pbpy_atom kind,
                       Py_ssize_t n)
{
    if (Py_REFCNT(object) > 1) { /* else this is the only place that holds it */
        struct pbpy_place *place = pbpy_map_put(&d->map, object, d->count);
        if (!place) {
            return -1;
        }
        if (place->index < d->count) {
            return dumper_put_dereference(d, &d->dumped[place->index]);
        }
        if (!pbpy_reserve((void **)&d->dumped, d->count, &d->dumped_cap,
                          sizeof *d->dumped)) {
            return -1;
        }
        d->dumped[d->count++] = (struct dumped){.mark = pb_encoder_mark(d->encoder)};
    }
    int failed = dumper_put_head(d, kind, n);
    if (failed || n == 0) {
        return failed;
    }
    if (!pbpy_reserve((void **)&d->open, d->depth, &d->cap, sizeof *d->open)) {
        return -1;
    }
    return pbpy_items_begin(&d->open[d->depth++], object, kind) ? 0 : -1;
}

/* Writes an object, or the beginning of a container. 0; positive: it is of no built-in
 * type; negative: the encoder's error, or an exception is set. The types stand in the
 * order of how often they occur. */
static int dumper_put(struct dumper *d, PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    if (type == &PyUnicode_Type) {
        return dumper_put_str(d, object);
    }
    if (type == &PyLong_Type) {
        return dumper_put_int(d, object);
    }
    if (type == &PyFloat_Type) {
        return d->out.ops->real(d->out.ctx, PyFloat_AS_DOUBLE(object));
    }
    if (type == &PyDict_Type) {
        return dumper_open(d, object, PBPY_DICTIONARY, PyDict_GET_SIZE(object));
    }
    if (type == &PyList_Type) {
        return dumper_open(d, object, PBPY_LIST, PyList_GET_SIZE(object));
    }
    if (type == &PyTuple_Type) {
        return dumper_open(d, object, PBPY_TUPLE, PyTuple_GET_SIZE(object));
    }
    if (object == Py_None) {
        return dumper_put_head(d, PBPY_NONE, 0);
    }
    if (type == &PyBool_Type) {
        return dumper_put_bool(d, object == Py_True);
    }
    if (type == &PyBytes_Type) {
        return d->out.ops->bytes(d->out.ctx, pbpy_bytes_span(object));
    }
    if (type == &PySet_Type) {
        return dumper_open(d, object, PBPY_SET, PySet_GET_SIZE(object));
    }
    if (type == &PyFrozenSet_Type) {
        return dumper_open(d, object, PBPY_FROZENSET, PySet_GET_SIZE(object));
    }
    return 1;
}

static int dumper_walk(struct dumper *d, PyObject *object)
{
    int failed = dumper_put(d, object);
    while (!failed && d->depth > 0) {
        struct pbpy_items *top = &d->open[d->depth - 1];
        object = pbpy_items_next(top);
        if (!object) {
            failed = PyErr_Occurred() ? -1 : 0;
            pbpy_items_end(top);
            d->depth--;
        } else {
            if (top->value_is_next) { /* a key */
                failed = d->out.ops->list(d->out.ctx, 2);
            }
            failed = failed ? failed : dumper_put(d, object);
        }
    }
    return failed;
}

/* ---- The bytes ---- */

/* Writes [reference, number, what follows], up to what follows. */
static int dumper_put_reference_head(struct dumper *d, pb_sink out, int64_t number)
{
    int failed = out.ops->list(out.ctx, 3);
    failed = failed ? failed : out.ops->bytes(out.ctx, d->words[PBPY_REFERENCE]);
    return failed ? failed : out.ops->integer(out.ctx, number);
}

/* Writes the heads of all references into an encoder, and leaves in `dumped` the
 * containers that have one. 0, or PB_ERR_NOMEM. */
static int dumper_put_heads(struct dumper *d, pb_encoder *heads)
{
    size_t n = 0;
    int failed = heads ? 0 : PB_ERR_NOMEM;
    for (size_t i = 0; i < d->count && !failed; i++) {
        if (d->dumped[i].number != 0) {
            failed =
                dumper_put_reference_head(d, pb_encoder_sink(heads), d->dumped[i].number);
            d->dumped[n] = d->dumped[i];
            d->dumped[n++].head_end = (size_t)pb_encoder_mark(heads);
        }
    }
    d->count = n;
    return failed;
}

/* Copies bytes that begin at the mark `from`, with the heads put in. */
static void dumper_copy(const struct dumper *d, uint64_t from, pb_span bytes,
                        pb_span heads, char *to)
{
    size_t at = 0, head_at = 0;
    for (size_t i = 0; i < d->count; i++) {
        size_t end = (size_t)(d->dumped[i].mark - from);
        size_t head_end = d->dumped[i].head_end;
        memcpy(to, bytes.data + at, end - at);
        to += end - at;
        memcpy(to, heads.data + head_at, head_end - head_at);
        to += head_end - head_at;
        at = end;
        head_at = head_end;
    }
    memcpy(to, bytes.data + at, bytes.len - at);
}

/* The bytes that were written from a mark on, with the heads of references put in,
 * *new*. */
static PyObject *dumper_bytes(struct dumper *d, uint64_t from, pb_dialect dialect)
{
    size_t len = (size_t)(pb_encoder_mark(d->encoder) - from);
    pb_span all = pb_encoder_send(d->encoder);
    pb_span bytes = {all.data + all.len - len, len};
    if (d->numbers == 0) {
        return pbpy_bytes_new(bytes);
    }
    pb_encoder *heads = pb_encoder_new(dialect, NULL);
    PyObject *out = NULL;
    if (dumper_put_heads(d, heads) == 0) {
        pb_span more = pb_encoder_send(heads);
        out = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(len + more.len));
        if (out) {
            dumper_copy(d, from, bytes, more, PyBytes_AS_STRING(out));
        }
    } else {
        PyErr_NoMemory();
    }
    pb_encoder_free(heads);
    return out;
}

/* The bytes of an object, *new*. NULL without an exception: it can't be written
 * directly. */
static PyObject *dumper_run(struct dumper *d, PyObject *object, pb_dialect dialect)
{
    for (size_t i = 0; i < PBPY_ATOM_END; i++) {
        d->words[i] = pbpy_bytes_span(d->st->atoms[i]);
    }
    d->out = pb_encoder_sink(d->encoder);
    uint64_t mark = pb_encoder_mark(d->encoder);
    int failed = dumper_walk(d, object);
    if (failed < 0 && !PyErr_Occurred()) {
        pb_error err = {0};
        pb_encoder_error(d->encoder, &err);
        pbpy_raise(d->st->banana_error, &err);
    }
    return failed ? NULL : dumper_bytes(d, mark, dialect);
}

/* The same for a state; NotImplemented instead of NULL without an exception. */
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
    PyObject *bytes = dumper_run(&d, object, dialect);
    pbpy_encoder_give(st, d.encoder, &limits);
    while (d.depth > 0) {
        pbpy_items_end(&d.open[--d.depth]);
    }
    PyMem_Free(d.open);
    PyMem_Free(d.dumped);
    PyMem_Free(d.map.places);
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

/* Calls a function of the taster with each name in a tuple; false with an exception
 * set. */
static bool taster_allow_names(pb_taster *t, PyObject *names,
                               int (*allow)(pb_taster *t, const char *name))
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names); i++) {
        const char *name = PyUnicode_AsUTF8(PyTuple_GET_ITEM(names, i));
        if (!name) {
            return false;
        }
        if (allow(t, name) != 0) {
            PyErr_NoMemory();
            return false;
        }
    }
    return true;
}

pb_taster *pbpy_codec_taster(const struct pbpy_session *self, PyObject *allowed)
{
    PyObject *types, *instances;
    if (allowed == Py_None) {
        return pb_taster_ref(self->taster);
    }
    if (!PyArg_ParseTuple(allowed, "O!O!", &PyTuple_Type, &types, &PyTuple_Type,
                          &instances)) {
        return NULL;
    }
    pb_taster *t = pb_taster_new();
    if (!t) {
        return (pb_taster *)PyErr_NoMemory();
    }
    if (!taster_allow_names(t, types, pb_taster_allow_type) ||
        !taster_allow_names(t, instances, pb_taster_allow_instances_of)) {
        pb_taster_unref(t);
        return NULL;
    }
    return t;
}

static PyObject *dumps_by_value(struct pbpy_session *self, PyObject *object,
                                pb_dialect dialect, PyObject *allowed)
{
    /* A Python whose objects have no __getstate__: where that gives None for a copy
     * without members, it is None already, and an empty dict is one of its own. */
    pb_jelly_config config = {.profile = {3, 10, 0},
                              .taster = pbpy_codec_taster(self, allowed)};
    pb_value *v = config.taster ? pbpy_value_from_object(self, object, Py_None) : NULL;
    uint8_t *data;
    size_t len;
    pb_error err = {0};
    if (!v) {
        pb_taster_unref(config.taster);
        return NULL;
    }
    int failed = pb_jelly_bytes(v, &config, dialect, &data, &len, &err);
    pb_value_unref(v);
    pb_taster_unref(config.taster);
    if (failed) {
        return pbpy_codec_raise(self->st, &err);
    }
    PyObject *bytes = pbpy_bytes_new((pb_span){data, len});
    pb_free(data);
    return bytes;
}

PyObject *pbpy_jelly_dumps(PyObject *module, PyObject *args)
{
    PyTypeObject *type = pbpy_state(module)->types.session;
    struct pbpy_session *self;
    PyObject *object, *allowed;
    int words;
    if (!PyArg_ParseTuple(args, "O!OpO:dumps", type, &self, &object, &words, &allowed) ||
        !pbpy_session_enter(self) || !pbpy_session_learn_copies(self)) {
        return NULL;
    }
    pb_dialect dialect = words ? PB_DIALECT_PB : PB_DIALECT_NONE;
    PyObject *bytes = allowed == Py_None ? dumps_directly(self->st, object, dialect)
                                         : Py_NewRef(Py_NotImplemented);
    if (bytes == Py_NotImplemented) {
        Py_SETREF(bytes, dumps_by_value(self, object, dialect, allowed));
    }
    return bytes;
}
