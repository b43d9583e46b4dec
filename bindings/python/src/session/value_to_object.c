/* SPDX-License-Identifier: MIT
 *
 * Values to Python objects, with what is shared or holds itself as it was. Containers are
 * filled one after the other from a stack of them: nothing recurses on what a peer sent. */
#include "session/session.h"

#include <datetime.h>

#include "common/address_map.h"

/* A container that was met, and its object. */
struct met {
    PyObject *object; /* one count; NULL: it cannot be known before it is whole */
    bool whole;
    size_t waits; /* 1 + the tuple around it that it holds, which was not whole; or 0 */
};

/* A container that is being filled. */
struct frame {
    pb_value *v;
    PyObject *object;   /* what is filled: one count. A frozenset: the list of members */
    PyObject *key;      /* of a dict, until its value is there */
    PyObject *instance; /* borrowed: its state is what is filled */
    size_t at, met;
};

struct in {
    struct pbpy_session *session;
    struct pbpy_map map;
    struct met *met;
    size_t met_len, met_cap;
    struct frame *frames;
    size_t len, cap;
};

/* ---- What holds nothing ---- */

static PyObject *int_in(const struct pbpy_state *st, pb_value *v)
{
    int64_t i;
    if (pb_as_int(v, &i) == 0) {
        return PyLong_FromLongLong(i);
    }
    bool negative;
    uint8_t *data;
    size_t len;
    if (pb_as_int_bytes(v, &negative, &data, &len) != 0) {
        return PyErr_NoMemory();
    }
    PyObject *number =
        PyObject_CallMethod((PyObject *)&PyLong_Type, "from_bytes", "y#O", (char *)data,
                            (Py_ssize_t)len, st->names.little);
    pb_free(data);
    if (number && negative) {
        Py_SETREF(number, PyNumber_Negative(number));
    }
    return number;
}

static PyObject *moment_in(const struct pbpy_state *st, pb_value *v)
{
    PyDateTime_CAPI *api = st->live.datetime;
    pb_datetime_fields f;
    if (pb_as_datetime(v, &f) == 0) {
        switch (pb_value_kind(v)) {
        case PB_DATE:
            return api->Date_FromDate(f.year, f.month, f.day, api->DateType);
        case PB_TIME:
            return api->Time_FromTime(f.hour, f.minute, f.second, f.microsecond, Py_None,
                                      api->TimeType);
        default:
            return api->DateTime_FromDateAndTime(f.year, f.month, f.day, f.hour, f.minute,
                                                 f.second, f.microsecond, Py_None,
                                                 api->DateTimeType);
        }
    }
    int64_t days;
    int seconds, microseconds;
    pb_as_timedelta(v, &days, &seconds, &microseconds);
    return api->Delta_FromDelta((int)days, seconds, microseconds, 1, api->DeltaType);
}

/* The text of a Decimal stands in its repr: Decimal('1.5'). */
static PyObject *decimal_in(const struct pbpy_state *st, pb_value *v)
{
    char *repr = pb_value_repr(v);
    if (!repr) {
        return PyErr_NoMemory();
    }
    const char *text = strchr(repr, '\'') + 1;
    PyObject *number = PyObject_CallFunction(st->live.decimal, "s#", text,
                                             (Py_ssize_t)strcspn(text, "'"));
    pb_free(repr);
    return number;
}

PyObject *pbpy_text_in(const char *text)
{
    return PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "backslashreplace");
}

/* An object that was sent home, or a failure. */
static PyObject *local_in(struct pbpy_session *self, pb_value *v)
{
    PyObject *object = pbpy_object_self(pb_as_object(v));
    if (object != Py_None) {
        return Py_NewRef(object);
    }
    pb_failure *f = pb_failure_from_value(v);
    object = f ? pbpy_failure_in(self, f) : PyErr_NoMemory();
    pb_failure_unref(f);
    return object;
}

static PyObject *refuse(struct pbpy_session *self, pb_value *v)
{
    const char *name = pb_name_of(v);
    return PyErr_Format(self->st->insecure, "the peer sent %s %s, which is not allowed",
                        pb_kind_name(pb_value_kind(v)), name ? name : "without a name");
}

static PyObject *leaf_in(struct pbpy_session *self, pb_value *v)
{
    const struct pbpy_state *st = self->st;
    pb_span text;
    bool truth;
    double d;
    switch (pb_value_kind(v)) {
    case PB_NONE:
        Py_RETURN_NONE;
    case PB_BOOL:
        pb_as_bool(v, &truth);
        return PyBool_FromLong(truth);
    case PB_INT:
        return int_in(st, v);
    case PB_FLOAT:
        pb_as_float(v, &d);
        return PyFloat_FromDouble(d);
    case PB_BYTES:
        pb_as_bytes(v, &text);
        return PyBytes_FromStringAndSize((const char *)text.data, (Py_ssize_t)text.len);
    case PB_STR:
        pb_as_text(v, &text);
        return PyUnicode_DecodeUTF8((const char *)text.data, (Py_ssize_t)text.len, NULL);
    case PB_DATETIME:
    case PB_DATE:
    case PB_TIME:
    case PB_TIMEDELTA:
        return moment_in(st, v);
    case PB_DECIMAL:
        return decimal_in(st, v);
    case PB_UNPERSISTABLE:
        return pbpy_handle(self, "unpersistable", "(N)",
                           pbpy_text_in(pb_unpersistable_reason(v)));
    case PB_OBJECT:
        return local_in(self, v);
    case PB_REMOTE:
        return pbpy_remote_new(self, pb_remote_ref(pb_as_remote(v)));
    default:
        return refuse(self, v);
    }
}

/* ---- Containers ---- */

static PyObject *new_tuple(size_t len)
{
    PyObject *tuple = PyTuple_New((Py_ssize_t)len);
    for (size_t i = 0; tuple && i < len; i++) {
        PyTuple_SET_ITEM(tuple, (Py_ssize_t)i,
                         Py_NewRef(Py_None)); /* others may see it meanwhile */
    }
    return tuple;
}

/* An instance of the class that is registered for a tag. */
static PyObject *new_copy(struct pbpy_session *self, pb_value *v)
{
    PyObject *name = pbpy_text_in(pb_name_of(v));
    PyObject *cls = name ? PyDict_GetItemWithError(self->copies, name) : NULL;
    Py_XDECREF(name);
    if (!cls) {
        return PyErr_Occurred() ? NULL : refuse(self, v);
    }
    Py_INCREF(cls);
    PyObject *copy = PyObject_CallMethod(cls, "__new__", "(O)", cls);
    Py_DECREF(cls);
    return copy;
}

static bool is_container(pb_kind kind)
{
    return kind == PB_LIST || kind == PB_TUPLE || kind == PB_DICT || kind == PB_SET ||
           kind == PB_FROZENSET || kind == PB_INSTANCE;
}

/* Begins to fill a container: false with an exception set. */
static bool push(struct in *c, pb_value *v)
{
    if ((c->len == c->cap &&
         !pbpy_grow((void **)&c->frames, &c->cap, sizeof *c->frames)) ||
        (c->met_len == c->met_cap &&
         !pbpy_grow((void **)&c->met, &c->met_cap, sizeof *c->met))) {
        return false;
    }
    pb_kind kind = pb_value_kind(v);
    PyObject *object = kind == PB_LIST || kind == PB_FROZENSET ? PyList_New(0)
                       : kind == PB_TUPLE                      ? new_tuple(pb_len(v))
                       : kind == PB_DICT                       ? PyDict_New()
                       : kind == PB_SET                        ? PySet_New(NULL)
                                                               : new_copy(c->session, v);
    if (!object || !pbpy_map_add(&c->map, v, c->met_len)) {
        Py_XDECREF(object);
        return false;
    }
    c->frames[c->len++] = (struct frame){.v = v, .object = object, .met = c->met_len};
    c->met[c->met_len++] =
        (struct met){.object = kind == PB_FROZENSET ? NULL : Py_NewRef(object)};
    return true;
}

/* 1 + the first of the tuples around it, not whole yet, that a container holds; or 0. */
static size_t waits_for(const struct in *c, size_t met)
{
    while (c->met[met].whole) {
        if (c->met[met].waits == 0) {
            return 0;
        }
        met = c->met[met].waits - 1;
    }
    return met + 1;
}

/* The next value that a container holds; NULL at its end. */
static pb_value *next(struct frame *f)
{
    pb_value *key, *value;
    switch (pb_value_kind(f->v)) {
    case PB_DICT: {
        size_t at = f->at;
        if (!pb_dict_next(f->v, &at, &key, &value)) {
            return NULL;
        }
        if (!f->key) {
            return key;
        }
        f->at = at;
        return value;
    }
    case PB_INSTANCE:
        return f->at++ == 0 ? pb_instance_state(f->v) : NULL;
    default:
        return pb_item(f->v, f->at++);
    }
}

static bool put(struct pbpy_session *self, struct frame *f, PyObject *object)
{
    switch (pb_value_kind(f->v)) {
    case PB_TUPLE: {
        PyObject *before = PyTuple_GET_ITEM(f->object, (Py_ssize_t)f->at - 1);
        PyTuple_SET_ITEM(f->object, (Py_ssize_t)f->at - 1, Py_NewRef(object));
        Py_DECREF(before);
        return true;
    }
    case PB_DICT: {
        if (!f->key) {
            f->key = Py_NewRef(object);
            return true;
        }
        PyObject *key = f->key;
        f->key = NULL;
        int failed = PyDict_SetItem(f->object, key, object);
        Py_DECREF(key);
        return !failed;
    }
    case PB_SET:
        return PySet_Add(f->object, object) == 0;
    case PB_INSTANCE: {
        PyObject *none = pbpy_handle(self, "fill", "OO", f->object, object);
        Py_XDECREF(none);
        return none;
    }
    default:
        return PyList_Append(f->object, object) == 0;
    }
}

/* Puts an object into the container that is being filled; met: 1 + its number, or 0. */
static bool deliver(struct in *c, PyObject *object, size_t met)
{
    struct frame *f = &c->frames[c->len - 1];
    pb_kind kind = pb_value_kind(f->v);
    bool hashed = kind == PB_SET || kind == PB_FROZENSET || (kind == PB_DICT && !f->key);
    size_t waits = met && PyTuple_CheckExact(object) ? waits_for(c, met - 1) : 0;
    if (hashed && waits) {
        PyErr_SetString(c->session->st->jelly_error,
                        "a key of a dict or a member of a set holds itself");
        return false;
    }
    struct met *own = &c->met[f->met];
    if (waits && kind == PB_TUPLE && (!own->waits || waits < own->waits)) {
        own->waits = waits;
    }
    return put(c->session, f, object);
}

/* Ends the container on top, and gives it to the one below, or to *out. */
static bool pop(struct in *c, PyObject **out)
{
    struct frame f = c->frames[--c->len];
    if (pb_value_kind(f.v) == PB_FROZENSET) {
        Py_SETREF(f.object, PyFrozenSet_New(f.object));
        if (!f.object) {
            return false;
        }
        c->met[f.met].object = Py_NewRef(f.object);
    }
    c->met[f.met].whole = true;
    if (c->met[f.met].waits == f.met + 1) {
        c->met[f.met].waits = 0; /* only for itself */
    }
    if (c->len == 0) {
        *out = f.object;
        return true;
    }
    bool done = deliver(c, f.object, f.met + 1);
    Py_DECREF(f.object);
    return done;
}

/* Takes the next value of the container on top. */
static bool step(struct in *c, pb_value *v)
{
    size_t met;
    if (pbpy_map_get(&c->map, v, &met)) {
        if (!c->met[met].object) {
            PyErr_SetString(c->session->st->jelly_error, "a frozenset holds itself");
            return false;
        }
        return deliver(c, c->met[met].object, met + 1);
    }
    const char *name = pb_value_kind(v) == PB_INSTANCE ? pb_name_of(v) : NULL;
    if (is_container(pb_value_kind(v)) &&
        !(name && strcmp(name, "twisted.spread.pb.CopyableFailure") == 0)) {
        return push(c, v);
    }
    PyObject *object = name ? local_in(c->session, v) : leaf_in(c->session, v);
    bool done = object && deliver(c, object, 0);
    Py_XDECREF(object);
    return done;
}

PyObject *pbpy_value_in(struct pbpy_session *self, pb_value *v)
{
    if (!is_container(pb_value_kind(v))) {
        return leaf_in(self, v);
    }
    struct in c = {.session = self};
    PyObject *out = NULL;
    pb_value *box = pb_seq(PB_TUPLE, 1); /* so that the outermost is as any other */
    bool going = box && pb_append(box, v) == 0 ? push(&c, box) : PyErr_NoMemory() != NULL;
    while (going && c.len > 0) {
        pb_value *held = next(&c.frames[c.len - 1]);
        going = held ? step(&c, held) : pop(&c, &out);
    }
    while (c.len > 0) {
        struct frame *f = &c.frames[--c.len];
        Py_DECREF(f->object);
        Py_XDECREF(f->key);
    }
    for (size_t i = 0; i < c.met_len; i++) {
        Py_XDECREF(c.met[i].object);
    }
    PyMem_Free(c.frames);
    PyMem_Free(c.met);
    PyMem_Free(c.map.places);
    pb_value_unref(box);
    PyObject *object = out ? Py_NewRef(PyTuple_GET_ITEM(out, 0)) : NULL;
    Py_XDECREF(out);
    return object;
}

PyObject *pbpy_failure_in(struct pbpy_session *self, pb_failure *f)
{
    pb_value *value = pb_failure_value(f);
    if (value && pb_value_kind(value) == PB_INSTANCE) {
        PyObject *name = pbpy_text_in(pb_name_of(value));
        int known = name ? PyDict_Contains(self->copies, name) : -1;
        Py_XDECREF(name);
        if (known) {
            return known > 0 ? pbpy_value_in(self, value) : NULL;
        }
    }
    pb_value *names = pb_failure_parents(f);
    PyObject *parents = PyList_New(0);
    for (size_t i = 0; parents && names && i < pb_len(names); i++) {
        pb_span text;
        PyObject *name = pb_as_text(pb_item(names, i), &text) == 0
                             ? pbpy_text_in((const char *)text.data)
                             : Py_NewRef(Py_None);
        if (!name || (name != Py_None && PyList_Append(parents, name) != 0)) {
            Py_CLEAR(parents);
        }
        Py_XDECREF(name);
    }
    if (!parents) {
        return NULL;
    }
    return pbpy_handle(self, "failure", "iNNNN", pb_failure_code(f),
                       pbpy_text_in(pb_failure_type(f)), pbpy_text_in(pb_failure_text(f)),
                       pbpy_text_in(pb_failure_traceback(f)), parents);
}
