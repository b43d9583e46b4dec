/* SPDX-License-Identifier: MIT
 *
 * Values to Python objects, with shared and cyclic references as they were. Containers
 * are filled one after the other from a stack of frames, so nothing recurses on what a
 * peer sent. */
#include "session/cache.h"
#include "session/visited.h"

#include <datetime.h>

/* A container that is being filled. */
struct fill_frame {
    pb_value *v;
    PyObject
        *object; /* what is filled: one count. For a frozenset, the list of its members */
    PyObject *key; /* of a dict, until its value is there: one count */
    size_t at;     /* the position in v */
    size_t visit;  /* its index in the list of visited containers */
};

struct fill {
    struct pbpy_session *session;
    struct pbpy_visited visited;
    struct fill_frame *frames;
    size_t len, cap;
};

/* ---- Values that hold no others ---- */

static PyObject *int_from_value(const struct pbpy_state *st, pb_value *v)
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
    PyObject *magnitude = PyBytes_FromStringAndSize((const char *)data, (Py_ssize_t)len);
    pb_free(data);
    return pbpy_int_from_magnitude_steal(st, negative, magnitude);
}

static PyObject *datetime_from_value(const struct pbpy_state *st, pb_value *v)
{
    PyDateTime_CAPI *api = st->types.datetime;
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

/* The text of a Decimal is taken from its repr: Decimal('1.5'). */
static PyObject *decimal_from_value(const struct pbpy_state *st, pb_value *v)
{
    char *repr = pb_value_repr(v);
    if (!repr) {
        return PyErr_NoMemory();
    }
    const char *text = strchr(repr, '\'') + 1;
    PyObject *number = PyObject_CallFunction(st->types.decimal, "s#", text,
                                             (Py_ssize_t)strcspn(text, "'"));
    pb_free(repr);
    return number;
}

PyObject *pbpy_str_from_span(pb_span text)
{
    return PyUnicode_DecodeUTF8((const char *)text.data, (Py_ssize_t)text.len,
                                "backslashreplace");
}

PyObject *pbpy_str_from_text(const char *text)
{
    return pbpy_str_from_span(pb_span_of(text));
}

/* An object of ours that the peer sent back, or a failure. */
static PyObject *local_from_value(struct pbpy_session *self, pb_value *v)
{
    PyObject *object = pbpy_local_object_python(pb_as_object(v));
    if (object != Py_None) {
        return Py_NewRef(object);
    }
    pb_failure *f = pb_failure_from_value(v);
    object = f ? pbpy_exception_from_failure(self, f) : PyErr_NoMemory();
    pb_failure_unref(f);
    return object;
}

static PyObject *value_refuse(struct pbpy_session *self, pb_value *v)
{
    const char *name = pb_name_of(v);
    return PyErr_Format(self->st->insecure, "the peer sent %s %s, which is not allowed",
                        pb_kind_name(pb_value_kind(v)), name ? name : "without a name");
}

static PyObject *leaf_from_value(struct pbpy_session *self, pb_value *v)
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
        return int_from_value(st, v);
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
        return datetime_from_value(st, v);
    case PB_DECIMAL:
        return decimal_from_value(st, v);
    case PB_UNPERSISTABLE:
        return pbpy_handler_call(self, "unpersistable", "(N)",
                                 pbpy_str_from_text(pb_unpersistable_reason(v)));
    case PB_OBJECT:
        return local_from_value(self, v);
    case PB_REMOTE:
        return pbpy_remote_new(self, pb_remote_ref(pb_as_remote(v)));
    default:
        return value_refuse(self, v);
    }
}

/* ---- Containers ---- */

/* A tuple of None: other containers may refer to it before it is filled. */
static PyObject *tuple_new(size_t len)
{
    PyObject *tuple = PyTuple_New((Py_ssize_t)len);
    for (size_t i = 0; tuple && i < len; i++) {
        PyTuple_SET_ITEM(tuple, (Py_ssize_t)i, Py_NewRef(Py_None));
    }
    return tuple;
}

/* An instance of the class that is registered for a tag, without its state. */
static PyObject *copy_new(struct pbpy_session *self, pb_value *v)
{
    bool is_cache = pbpy_cache_get(v) != NULL;
    PyObject *name = pbpy_str_from_text(is_cache ? pbpy_cache_tag(v) : pb_name_of(v));
    PyObject *cls = name ? PyDict_GetItemWithError(self->copies, name) : NULL;
    Py_XDECREF(name);
    if (!cls) {
        return PyErr_Occurred() ? NULL : value_refuse(self, v);
    }
    Py_INCREF(cls);
    PyObject *copy = PyObject_CallMethod(cls, "__new__", "(O)", cls);
    Py_DECREF(cls);
    return copy;
}

static bool value_is_container(pb_value *v)
{
    pb_kind kind = pb_value_kind(v);
    if (kind == PB_OBJECT) {
        return pbpy_cache_get(v) != NULL;
    }
    return kind == PB_LIST || kind == PB_TUPLE || kind == PB_DICT || kind == PB_SET ||
           kind == PB_FROZENSET || kind == PB_INSTANCE;
}

/* The object of a receipt of a cache, *new*, for a frame that fills the cache itself:
 * what the connection holds of it. */
static PyObject *cache_begin(struct pbpy_session *self, pb_value *v, PyObject *object)
{
    struct pbpy_cache *cache = pbpy_cache_get(v);
    cache->session = self;
    cache->object = Py_NewRef(object);
    return pbpy_cache_receive(self, v, object);
}

/* Begins to fill a container: false with an exception set. */
static bool fill_push(struct fill *c, pb_value *v)
{
    if (!pbpy_reserve((void **)&c->frames, c->len, &c->cap, sizeof *c->frames)) {
        return false;
    }
    pb_kind kind = pb_value_kind(v);
    PyObject *object = kind == PB_LIST || kind == PB_FROZENSET ? PyList_New(0)
                       : kind == PB_TUPLE                      ? tuple_new(pb_len(v))
                       : kind == PB_DICT                       ? PyDict_New()
                       : kind == PB_SET                        ? PySet_New(NULL)
                                                               : copy_new(c->session, v);
    size_t visit = c->visited.len;
    PyObject *known = kind == PB_FROZENSET || !object ? NULL
                      : kind == PB_OBJECT             ? cache_begin(c->session, v, object)
                                                      : Py_NewRef(object);
    if (!object || (kind == PB_OBJECT && !known) ||
        !pbpy_visited_add(&c->visited, v, (struct pbpy_visit){.object = known})) {
        Py_XDECREF(object);
        return false;
    }
    c->frames[c->len++] = (struct fill_frame){.v = v, .object = object, .visit = visit};
    return true;
}

/* The next value that a container holds; NULL at its end. */
static pb_value *fill_next(struct fill_frame *f)
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
    case PB_OBJECT:
        return f->at++ == 0 ? pb_object_state(pb_as_object(f->v)) : NULL;
    default:
        return pb_item(f->v, f->at++);
    }
}

/* Puts an object, which is borrowed, where the frame is. */
static bool fill_put(struct pbpy_session *self, struct fill_frame *f, PyObject *object)
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
    case PB_INSTANCE:
    case PB_OBJECT: {
        PyObject *none = pbpy_handler_call(self, "fill", "OO", f->object, object);
        Py_XDECREF(none);
        return none;
    }
    default:
        return PyList_Append(f->object, object) == 0;
    }
}

/* Puts an object into the container that is being filled. visit is the object's own, or
 * NULL. Only tuples cannot be hashed before they are complete, so only they count. */
static bool fill_deliver(struct fill *c, PyObject *object, const struct pbpy_visit *visit)
{
    struct fill_frame *f = &c->frames[c->len - 1];
    pb_kind kind = pb_value_kind(f->v);
    bool hashed = kind == PB_SET || kind == PB_FROZENSET || (kind == PB_DICT && !f->key);
    size_t back =
        visit && PyTuple_CheckExact(object) ? pbpy_visited_back(&c->visited, visit) : 0;
    if (hashed && back) {
        PyErr_SetString(c->session->st->jelly_error,
                        "a key of a dict or a member of a set contains itself");
        return false;
    }
    if (kind == PB_TUPLE) {
        pbpy_visit_add_back(&c->visited.list[f->visit], back);
    }
    return fill_put(c->session, f, object);
}

/* Ends the container on top, and puts it into the one below, or into *out. */
static bool fill_pop(struct fill *c, PyObject **out)
{
    struct fill_frame f = c->frames[--c->len];
    struct pbpy_visit *visit = &c->visited.list[f.visit];
    if (pb_value_kind(f.v) == PB_FROZENSET) {
        Py_SETREF(f.object, PyFrozenSet_New(f.object));
        if (!f.object) {
            return false;
        }
        visit->object = Py_NewRef(f.object);
    }
    pbpy_visited_complete(&c->visited, f.visit);
    if (pb_value_kind(f.v) == PB_OBJECT) {
        Py_SETREF(f.object, Py_NewRef(visit->object));
    }
    if (c->len == 0) {
        *out = f.object;
        return true;
    }
    bool done = fill_deliver(c, f.object, visit);
    Py_DECREF(f.object);
    return done;
}

/* Takes the next value of the container on top. */
static bool fill_step(struct fill *c, pb_value *v)
{
    const struct pbpy_visit *visit = pbpy_visited_get(&c->visited, v);
    if (visit) {
        if (!visit->object) {
            PyErr_SetString(c->session->st->jelly_error, "a frozenset contains itself");
            return false;
        }
        return fill_deliver(c, visit->object, visit);
    }
    struct pbpy_cache *cache = pbpy_cache_get(v);
    if (cache && cache->object) {
        PyObject *again = pbpy_cache_receive(c->session, v, cache->object);
        bool done = again && fill_deliver(c, again, NULL);
        Py_XDECREF(again);
        return done;
    }
    const char *name = pb_value_kind(v) == PB_INSTANCE ? pb_name_of(v) : NULL;
    if (value_is_container(v) &&
        !(name && strcmp(name, "twisted.spread.pb.CopyableFailure") == 0)) {
        return fill_push(c, v);
    }
    PyObject *object =
        name ? local_from_value(c->session, v) : leaf_from_value(c->session, v);
    bool done = object && fill_deliver(c, object, NULL);
    Py_XDECREF(object);
    return done;
}

static void fill_fini(struct fill *c)
{
    while (c->len > 0) {
        struct fill_frame *f = &c->frames[--c->len];
        Py_DECREF(f->object);
        Py_XDECREF(f->key);
    }
    PyMem_Free(c->frames);
    pbpy_visited_fini(&c->visited);
}

PyObject *pbpy_object_from_value(struct pbpy_session *self, pb_value *v)
{
    if (!value_is_container(v)) {
        return leaf_from_value(self, v);
    }
    struct fill c = {.session = self};
    PyObject *out = NULL;
    pb_value *box = pb_seq(PB_TUPLE, 1); /* so that the outermost is as any other */
    bool going =
        box && pb_append(box, v) == 0 ? fill_push(&c, box) : PyErr_NoMemory() != NULL;
    while (going && c.len > 0) {
        pb_value *held = fill_next(&c.frames[c.len - 1]);
        going = held ? fill_step(&c, held) : fill_pop(&c, &out);
    }
    fill_fini(&c);
    pb_value_unref(box);
    PyObject *object = out ? Py_NewRef(PyTuple_GET_ITEM(out, 0)) : NULL;
    Py_XDECREF(out);
    return object;
}

/* The names of classes in a list of strings, as a list: *new*. Items that are no strings
 * are left out. */
static PyObject *names_from_value(pb_value *names)
{
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list && names && i < pb_len(names); i++) {
        pb_span text;
        if (pb_as_text(pb_item(names, i), &text) != 0) {
            continue;
        }
        PyObject *name = pbpy_str_from_text((const char *)text.data);
        if (!name || PyList_Append(list, name) != 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(name);
    }
    return list;
}

PyObject *pbpy_exception_from_failure(struct pbpy_session *self, pb_failure *f)
{
    pb_value *value = pb_failure_value(f);
    if (value && pb_value_kind(value) == PB_INSTANCE) {
        PyObject *name = pbpy_str_from_text(pb_name_of(value));
        int known = name ? PyDict_Contains(self->copies, name) : -1;
        Py_XDECREF(name);
        if (known) {
            return known > 0 ? pbpy_object_from_value(self, value) : NULL;
        }
    }
    PyObject *parents = names_from_value(pb_failure_parents(f));
    return parents
               ? pbpy_handler_call(self, "failure", "iNNNN", pb_failure_code(f),
                                   pbpy_str_from_text(pb_failure_type(f)),
                                   pbpy_str_from_span(pb_failure_text_span(f)),
                                   pbpy_str_from_text(pb_failure_traceback(f)), parents)
               : NULL;
}
