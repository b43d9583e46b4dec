/* SPDX-License-Identifier: MIT
 *
 * Python objects to values, with what is shared or holds itself as it is. As the other way,
 * nothing recurses: data may be as deep as it likes, up to the limit that jelly has. */
#include "session/session.h"

#include <datetime.h>

#include "common/address_map.h"

/* A container that was met, and its value. */
struct met {
    PyObject *object; /* one count, so that its address stays its own */
    pb_value *v;      /* one count as soon as it is whole; NULL: not known yet */
    bool whole;
    size_t reaches; /* 1 + the first container around it that it holds in turn; or 0 */
};

/* A container that is being filled. */
struct frame {
    PyObject *object; /* one count */
    PyObject *iter;   /* of a set */
    pb_value *v;      /* one count; NULL: an instance whose state is not known yet */
    pb_value *key;    /* of a dict, until its value is there: one count */
    PyObject *value;  /* what belongs to that key: one count */
    char *tag;        /* of an instance */
    Py_ssize_t at, size;
    size_t met;
};

/* Two containers, by their numbers, that hold each other: they become one island at the
 * end, for a tuple of one could not be filled any more. */
struct tie {
    size_t holder, held;
};

struct out {
    struct pbpy_session *session;
    PyObject *perspective;
    struct pbpy_map map;
    struct met *met;
    size_t met_len, met_cap;
    struct frame *frames;
    size_t len, cap;
    struct tie *ties;
    size_t ties_len, ties_cap;
};

static pb_value *made(pb_value *v)
{
    if (!v && !PyErr_Occurred()) {
        PyErr_NoMemory();
    }
    return v;
}

/* ---- What holds nothing ---- */

static pb_value *int_out(const struct pbpy_state *st, PyObject *number)
{
    int overflow;
    long long small = PyLong_AsLongLongAndOverflow(number, &overflow);
    if (!overflow) {
        return small == -1 && PyErr_Occurred() ? NULL : made(pb_int(small));
    }
    PyObject *bytes = pbpy_magnitude(st, number);
    if (!bytes) {
        return NULL;
    }
    pb_span digits = {(const uint8_t *)PyBytes_AS_STRING(bytes),
                      (size_t)PyBytes_GET_SIZE(bytes)};
    pb_value *v = made(pb_int_bytes(overflow < 0, digits));
    Py_DECREF(bytes);
    return v;
}

static pb_value *str_out(PyObject *text)
{
    Py_ssize_t len;
    const char *utf8 = PyUnicode_AsUTF8AndSize(text, &len);
    return utf8 ? made(pb_strn((pb_span){(const uint8_t *)utf8, (size_t)len}, NULL))
                : NULL;
}

static pb_value *checked(struct pbpy_session *self, pb_value *v, const pb_error *err)
{
    return v ? v : (pb_value *)pbpy_raise(self->st->jelly_error, err);
}

static pb_value *aware(struct pbpy_session *self, PyObject *moment)
{
    PyErr_Format(self->st->jelly_error, "%R has a time zone, which cannot be sent",
                 moment);
    return NULL;
}

static pb_value *moment_out(struct pbpy_session *self, PyObject *o)
{
    PyDateTime_CAPI *api = self->st->live.datetime;
    pb_error err = {0};
    if (PyObject_TypeCheck(o, api->DateTimeType)) {
        pb_datetime_fields f = {
            .year = PyDateTime_GET_YEAR(o),
            .month = PyDateTime_GET_MONTH(o),
            .day = PyDateTime_GET_DAY(o),
            .hour = PyDateTime_DATE_GET_HOUR(o),
            .minute = PyDateTime_DATE_GET_MINUTE(o),
            .second = PyDateTime_DATE_GET_SECOND(o),
            .microsecond = PyDateTime_DATE_GET_MICROSECOND(o),
        };
        return ((PyDateTime_DateTime *)o)->hastzinfo
                   ? aware(self, o)
                   : checked(self, pb_datetime(&f, &err), &err);
    }
    if (PyObject_TypeCheck(o, api->DateType)) {
        return checked(self,
                       pb_date(PyDateTime_GET_YEAR(o), PyDateTime_GET_MONTH(o),
                               PyDateTime_GET_DAY(o), &err),
                       &err);
    }
    if (PyObject_TypeCheck(o, api->TimeType)) {
        return ((PyDateTime_Time *)o)->hastzinfo
                   ? aware(self, o)
                   : checked(self,
                             pb_time(PyDateTime_TIME_GET_HOUR(o),
                                     PyDateTime_TIME_GET_MINUTE(o),
                                     PyDateTime_TIME_GET_SECOND(o),
                                     PyDateTime_TIME_GET_MICROSECOND(o), &err),
                             &err);
    }
    return checked(self,
                   pb_timedelta(PyDateTime_DELTA_GET_DAYS(o),
                                PyDateTime_DELTA_GET_SECONDS(o),
                                PyDateTime_DELTA_GET_MICROSECONDS(o), &err),
                   &err);
}

static pb_value *decimal_out(struct pbpy_session *self, PyObject *number)
{
    PyObject *text = PyObject_Str(number);
    const char *utf8 = text ? PyUnicode_AsUTF8(text) : NULL;
    pb_error err = {0};
    pb_value *v = utf8 ? checked(self, pb_decimal(utf8, &err), &err) : NULL;
    Py_XDECREF(text);
    return v;
}

/* Whether there is a value for an object that holds no others: *v, NULL with an exception
 * set. */
static bool leaf_out(struct pbpy_session *self, PyObject *o, pb_value **v)
{
    const struct pbpy_live *live = &self->st->live;
    const PyDateTime_CAPI *api = live->datetime;
    if (o == Py_None) {
        *v = pb_none();
    } else if (PyUnicode_Check(o)) {
        *v = str_out(o);
    } else if (PyBool_Check(o)) {
        *v = pb_bool(o == Py_True);
    } else if (PyLong_Check(o)) {
        *v = int_out(self->st, o);
    } else if (PyBytes_Check(o)) {
        *v = made(pb_bytes((pb_span){(const uint8_t *)PyBytes_AS_STRING(o),
                                     (size_t)PyBytes_GET_SIZE(o)}));
    } else if (PyFloat_Check(o)) {
        *v = made(pb_float(PyFloat_AS_DOUBLE(o)));
    } else if (PyObject_TypeCheck(o, live->remote)) {
        pb_remote *r = pbpy_handle_get(o);
        *v = r ? made(pb_remote_value(r)) : NULL;
    } else if (PyObject_TypeCheck(o, api->DateType) ||
               PyObject_TypeCheck(o, api->TimeType) ||
               PyObject_TypeCheck(o, api->DeltaType)) {
        *v = moment_out(self, o);
    } else if (PyObject_TypeCheck(o, (PyTypeObject *)live->decimal)) {
        *v = decimal_out(self, o);
    } else {
        return false;
    }
    return true;
}

static pb_value *failure_out(PyObject *of)
{
    const char *type, *text, *traceback;
    if (!PyArg_ParseTuple(of, "ssz", &type, &text, &traceback)) {
        return NULL;
    }
    pb_failure *f = pb_failure_new(type, text, traceback);
    pb_value *v = made(f ? pb_failure_to_value(f) : NULL);
    pb_failure_unref(f);
    return v;
}

/* ---- Containers ---- */

static pb_kind container_kind(PyObject *o)
{
    return PyList_Check(o)        ? PB_LIST
           : PyTuple_Check(o)     ? PB_TUPLE
           : PyDict_Check(o)      ? PB_DICT
           : PySet_Check(o)       ? PB_SET
           : PyFrozenSet_Check(o) ? PB_FROZENSET
                                  : PB_NONE;
}

/* Begins to fill a container, whose value it takes: NULL where it is not known yet. tag is
 * that of an instance. */
static bool push(struct out *c, PyObject *object, pb_value *v, char *tag)
{
    PyObject *iter = PyAnySet_Check(object) && !tag ? PyObject_GetIter(object) : NULL;
    if ((c->len == c->cap &&
         !pbpy_grow((void **)&c->frames, &c->cap, sizeof *c->frames)) ||
        (c->met_len == c->met_cap &&
         !pbpy_grow((void **)&c->met, &c->met_cap, sizeof *c->met)) ||
        (PyAnySet_Check(object) && !tag && !iter) ||
        !pbpy_map_add(&c->map, object, c->met_len)) {
        Py_XDECREF(iter);
        pb_value_unref(v);
        PyMem_Free(tag);
        return false;
    }
    c->frames[c->len++] =
        (struct frame){.object = Py_NewRef(object),
                       .iter = iter,
                       .v = v,
                       .tag = tag,
                       .size = PyDict_Check(object) ? PyDict_GET_SIZE(object) : 0,
                       .met = c->met_len};
    c->met[c->met_len++] = (struct met){.object = Py_NewRef(object), .v = v};
    return true;
}

/* 1 + the first container that is being filled and that a container holds in turn; 0. */
static size_t reaches(const struct out *c, size_t met)
{
    while (c->met[met].whole) {
        if (c->met[met].reaches == 0) {
            return 0;
        }
        met = c->met[met].reaches - 1;
    }
    return met + 1;
}

static bool failed_on(struct out *c, int code)
{
    if (code == 0) {
        return true;
    }
    if (code == PB_ERR_NOMEM) {
        PyErr_NoMemory();
    } else {
        PyErr_SetString(c->session->st->jelly_error,
                        "what is hashable in Python, but cannot be hashed as data, is a "
                        "key of a dict or a member of a set");
    }
    return false;
}

static bool tie(struct out *c, size_t holder, size_t held)
{
    if (c->ties_len == c->ties_cap &&
        !pbpy_grow((void **)&c->ties, &c->ties_cap, sizeof *c->ties)) {
        return false;
    }
    c->ties[c->ties_len++] = (struct tie){holder, held};
    return true;
}

/* Puts a value, which it takes, into the container on top. */
static bool put(struct out *c, struct frame *f, pb_value *v)
{
    if (f->tag) {
        if (f->v) { /* the state was in it from the beginning */
            pb_value_unref(v);
            return true;
        }
        f->v = c->met[f->met].v = made(pb_instance_steal(f->tag, v));
        return f->v != NULL;
    }
    if (pb_value_kind(f->v) != PB_DICT) {
        return failed_on(c, pb_append_steal(f->v, v));
    }
    if (!f->key) {
        f->key = v;
        return true;
    }
    pb_value *key = f->key;
    f->key = NULL;
    return failed_on(c, pb_dict_set_value_steal(f->v, key, v));
}

/* The same for the value of a container that was met. It takes v. */
static bool deliver(struct out *c, pb_value *v, size_t met)
{
    struct frame *f = &c->frames[c->len - 1];
    size_t reached = reaches(c, met);
    struct met *own = &c->met[f->met];
    if (reached && (!own->reaches || reached < own->reaches)) {
        own->reaches = reached;
    }
    return put(c, f, v) && (!reached || tie(c, f->met, met));
}

/* Ends the container on top, and gives it to the one below, or to *out. */
static bool pop(struct out *c, pb_value **out)
{
    struct frame f = c->frames[--c->len];
    Py_DECREF(f.object);
    Py_XDECREF(f.iter);
    Py_XDECREF(f.value);
    PyMem_Free(f.tag);
    c->met[f.met].whole = true;
    if (c->met[f.met].reaches == f.met + 1) {
        c->met[f.met].reaches = 0; /* only itself */
    }
    if (c->len == 0) {
        c->met[f.met].v = NULL;
        *out = f.v;
        return true;
    }
    pb_value_ref(f.v); /* from now on one count is c->met's */
    return deliver(c, f.v, f.met);
}

/* The value of a copy whose state is a dict that was not met: so what is in it can hold the
 * copy. *dict is its state, or NULL where that is empty. NULL for lack of memory. */
static pb_value *copy_around(const char *tag, PyObject *state, pb_value **dict)
{
    if (PyDict_GET_SIZE(state) == 0) {
        return pb_object_value_steal(pbpy_empty_copy(tag));
    }
    *dict = pb_dict();
    pb_value *v = *dict ? pb_instance(tag, *dict) : NULL;
    if (!v) {
        pb_value_unref(*dict);
        *dict = NULL;
    }
    return v;
}

/* What goes as a copy: its tag and its state. */
static bool push_copy(struct out *c, PyObject *o, PyObject *copy)
{
    const char *name;
    PyObject *state;
    size_t met;
    if (!pbpy_learn_tags(c->session) || !PyArg_ParseTuple(copy, "sO", &name, &state)) {
        return false;
    }
    char *tag = pbpy_strdup(name);
    bool around = PyDict_Check(state) && !pbpy_map_get(&c->map, state, &met);
    pb_value *dict = NULL;
    pb_value *v = tag && around ? copy_around(tag, state, &dict) : NULL;
    if (!tag || (around && !v)) {
        PyMem_Free(tag);
        PyErr_NoMemory();
        return false;
    }
    if (!push(c, o, v, tag)) {
        pb_value_unref(dict);
        return false;
    }
    struct frame *f = &c->frames[c->len - 1];
    f->value = Py_NewRef(state);
    f->at = around;
    return !dict || push(c, state, dict, NULL);
}

/* What Python says of an object that is no built-in one. */
static bool flatten(struct out *c, PyObject *o)
{
    struct pbpy_session *self = c->session;
    PyObject *flat = pbpy_handle(self, "flatten", "OO", o, c->perspective);
    if (!flat) {
        return false;
    }
    bool done = false;
    if (PyTuple_Check(flat) && PyTuple_GET_SIZE(flat) == 2) {
        done = push_copy(c, o, flat);
    } else {
        pb_value *v = NULL;
        if (PyTuple_Check(flat)) {
            v = failure_out(flat);
        } else {
            v = made(pb_object_value_steal(pbpy_object(self, o, flat == Py_True)));
        }
        done = v && put(c, &c->frames[c->len - 1], v);
    }
    Py_DECREF(flat);
    return done;
}

/* Takes the next object of the container on top. */
static bool step(struct out *c, PyObject *o)
{
    struct frame *f = &c->frames[c->len - 1];
    pb_value *v;
    if (leaf_out(c->session, o, &v)) {
        return v && put(c, f, v);
    }
    size_t met;
    if (pbpy_map_get(&c->map, o, &met)) {
        struct met *m = &c->met[met];
        bool open = !m->whole && (!m->v || pb_value_kind(m->v) == PB_TUPLE ||
                                  pb_value_kind(m->v) == PB_FROZENSET);
        if (open) {
            PyErr_Format(c->session->st->jelly_error,
                         "a %s that holds itself cannot be sent", Py_TYPE(o)->tp_name);
        }
        return !open && deliver(c, pb_value_ref(m->v), met);
    }
    pb_kind kind = container_kind(o);
    if (kind == PB_NONE) {
        return flatten(c, o);
    }
    v = made(kind == PB_DICT ? pb_dict() : pb_seq(kind, (size_t)PyObject_Size(o)));
    return v && push(c, o, v, NULL);
}

/* The next object that a container holds, *new*; NULL at its end, or with an exception. */
static PyObject *next(struct frame *f)
{
    PyObject *key, *value;
    if (f->tag) {
        return f->at++ == 0 ? Py_NewRef(f->value) : NULL;
    }
    if (f->iter) {
        return PyIter_Next(f->iter);
    }
    if (PyList_Check(f->object)) {
        return f->at < PyList_GET_SIZE(f->object)
                   ? Py_NewRef(PyList_GET_ITEM(f->object, f->at++))
                   : NULL;
    }
    if (PyTuple_Check(f->object)) {
        return f->at < PyTuple_GET_SIZE(f->object)
                   ? Py_NewRef(PyTuple_GET_ITEM(f->object, f->at++))
                   : NULL;
    }
    if (f->value) {
        value = f->value;
        f->value = NULL;
        return value;
    }
    if (PyDict_GET_SIZE(f->object) != f->size) {
        PyErr_SetString(PyExc_RuntimeError, "a dict changed its size while it was sent");
        return NULL;
    }
    if (!PyDict_Next(f->object, &f->at, &key, &value)) {
        return NULL;
    }
    f->value = Py_NewRef(value);
    return Py_NewRef(key);
}

/* Makes islands of what holds itself; false with an exception set. */
static bool tie_all(struct out *c)
{
    bool done = true;
    for (size_t i = 0; i < c->ties_len; i++) {
        pb_value *holder = c->met[c->ties[i].holder].v, *held = c->met[c->ties[i].held].v;
        done = (!holder || !held || pb_value_tie(holder, held) == 0) && done;
    }
    if (!done) {
        PyErr_NoMemory();
    }
    return done;
}

/* Gives up what is half done, and all that was kept meanwhile. */
static void fini(struct out *c)
{
    while (c->len > 0) {
        struct frame *f = &c->frames[--c->len];
        Py_DECREF(f->object);
        Py_XDECREF(f->iter);
        Py_XDECREF(f->value);
        pb_value_unref(f->key);
        pb_value_unref(f->v);
        PyMem_Free(f->tag);
    }
    for (size_t i = 0; i < c->met_len; i++) {
        Py_DECREF(c->met[i].object);
        if (c->met[i].whole) {
            pb_value_unref(c->met[i].v);
        }
    }
    PyMem_Free(c->frames);
    PyMem_Free(c->met);
    PyMem_Free(c->ties);
    PyMem_Free(c->map.places);
}

pb_value *pbpy_value_out(struct pbpy_session *self, PyObject *object,
                         PyObject *perspective)
{
    struct out c = {.session = self, .perspective = perspective};
    pb_value *box = NULL, *v;
    if (leaf_out(self, object, &v)) {
        return v;
    }
    PyObject *outer = PyTuple_Pack(1, object); /* so that it is as any other within */
    v = outer ? made(pb_seq(PB_TUPLE, 1)) : NULL;
    bool going = v && push(&c, outer, v, NULL);
    while (going && c.len > 0) {
        PyObject *held = next(&c.frames[c.len - 1]);
        going = held ? step(&c, held) : !PyErr_Occurred() && pop(&c, &box);
        Py_XDECREF(held);
    }
    going = tie_all(&c) && going;
    fini(&c);
    Py_XDECREF(outer);
    v = going ? pb_value_ref(pb_item(box, 0)) : NULL;
    pb_value_unref(box);
    return v;
}
