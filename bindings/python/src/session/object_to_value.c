/* SPDX-License-Identifier: MIT
 *
 * Python objects to values, with shared and cyclic references as they are. Containers are
 * gone through from a stack of frames, so nothing recurses: objects may be nested as
 * deeply as jelly's limit allows. */
#include "common/container.h"
#include "session/visited.h"

#include <datetime.h>

/* A container or a copy that is being converted. */
struct pack_frame {
    struct pbpy_items items; /* of a container */
    pb_value *v;     /* one count; NULL: a copy whose state is not converted yet */
    pb_value *key;   /* of a dict, until its value is there: one count */
    char *tag;       /* of a copy */
    PyObject *state; /* of a copy, until it is converted: one count */
    size_t visit;    /* its index in the list of visited containers */
};

/* Two visited containers that hold each other. */
struct pack_tie {
    size_t holder, held;
};

struct pack {
    struct pbpy_session *session;
    PyObject *perspective;
    struct pbpy_visited visited;
    struct pack_frame *frames;
    size_t len, cap;
    /* They become one island (pb_value_tie) at the end: an item can't be added to a tuple
     * that is in one. */
    struct pack_tie *ties;
    size_t ties_len, ties_cap;
};

/* Sets MemoryError if a value is NULL without an exception. */
static pb_value *value_or_nomem(pb_value *v)
{
    if (!v && !PyErr_Occurred()) {
        PyErr_NoMemory();
    }
    return v;
}

/* Raises the error if a value is NULL. */
static pb_value *value_or_error(struct pbpy_session *self, pb_value *v,
                                const pb_error *err)
{
    return v ? v : (pb_value *)pbpy_raise(self->st->jelly_error, err);
}

/* ---- Objects that hold no others ---- */

static pb_value *int_to_value(const struct pbpy_state *st, PyObject *number)
{
    int overflow;
    long long small = PyLong_AsLongLongAndOverflow(number, &overflow);
    if (!overflow) {
        return small == -1 && PyErr_Occurred() ? NULL : value_or_nomem(pb_int(small));
    }
    PyObject *bytes = pbpy_int_magnitude(st, number);
    if (!bytes) {
        return NULL;
    }
    pb_value *v = value_or_nomem(pb_int_bytes(overflow < 0, pbpy_bytes_span(bytes)));
    Py_DECREF(bytes);
    return v;
}

static pb_value *str_to_value(PyObject *text)
{
    Py_ssize_t len;
    const char *utf8 = PyUnicode_AsUTF8AndSize(text, &len);
    return utf8 ? value_or_nomem(
                      pb_strn((pb_span){(const uint8_t *)utf8, (size_t)len}, NULL))
                : NULL;
}

static pb_value *datetime_refuse_aware(struct pbpy_session *self, PyObject *aware)
{
    PyErr_Format(self->st->jelly_error, "%R has a time zone, which cannot be sent",
                 aware);
    return NULL;
}

static pb_value *datetime_to_value(struct pbpy_session *self, PyObject *o)
{
    PyDateTime_CAPI *api = self->st->types.datetime;
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
                   ? datetime_refuse_aware(self, o)
                   : value_or_error(self, pb_datetime(&f, &err), &err);
    }
    if (PyObject_TypeCheck(o, api->DateType)) {
        pb_value *v = pb_date(PyDateTime_GET_YEAR(o), PyDateTime_GET_MONTH(o),
                              PyDateTime_GET_DAY(o), &err);
        return value_or_error(self, v, &err);
    }
    if (PyObject_TypeCheck(o, api->TimeType)) {
        if (((PyDateTime_Time *)o)->hastzinfo) {
            return datetime_refuse_aware(self, o);
        }
        pb_value *v = pb_time(PyDateTime_TIME_GET_HOUR(o), PyDateTime_TIME_GET_MINUTE(o),
                              PyDateTime_TIME_GET_SECOND(o),
                              PyDateTime_TIME_GET_MICROSECOND(o), &err);
        return value_or_error(self, v, &err);
    }
    pb_value *v =
        pb_timedelta(PyDateTime_DELTA_GET_DAYS(o), PyDateTime_DELTA_GET_SECONDS(o),
                     PyDateTime_DELTA_GET_MICROSECONDS(o), &err);
    return value_or_error(self, v, &err);
}

static pb_value *decimal_to_value(struct pbpy_session *self, PyObject *number)
{
    PyObject *text = PyObject_Str(number);
    const char *utf8 = text ? PyUnicode_AsUTF8(text) : NULL;
    pb_error err = {0};
    pb_value *v = utf8 ? value_or_error(self, pb_decimal(utf8, &err), &err) : NULL;
    Py_XDECREF(text);
    return v;
}

/* Whether the object is one that holds no others. *v is then its value, *new*, or NULL
 * with an exception set. */
static bool leaf_to_value(struct pbpy_session *self, PyObject *o, pb_value **v)
{
    const struct pbpy_types *types = &self->st->types;
    const PyDateTime_CAPI *api = types->datetime;
    if (o == Py_None) {
        *v = pb_none();
    } else if (PyUnicode_Check(o)) {
        *v = str_to_value(o);
    } else if (PyBool_Check(o)) {
        *v = pb_bool(o == Py_True);
    } else if (PyLong_Check(o)) {
        *v = int_to_value(self->st, o);
    } else if (PyBytes_Check(o)) {
        *v = value_or_nomem(pb_bytes(pbpy_bytes_span(o)));
    } else if (PyFloat_Check(o)) {
        *v = value_or_nomem(pb_float(PyFloat_AS_DOUBLE(o)));
    } else if (PyObject_TypeCheck(o, types->remote)) {
        pb_remote *r = pbpy_handle_get(o);
        *v = r ? value_or_nomem(pb_remote_value(r)) : NULL;
    } else if (PyObject_TypeCheck(o, api->DateType) ||
               PyObject_TypeCheck(o, api->TimeType) ||
               PyObject_TypeCheck(o, api->DeltaType)) {
        *v = datetime_to_value(self, o);
    } else if (PyObject_TypeCheck(o, (PyTypeObject *)types->decimal)) {
        *v = decimal_to_value(self, o);
    } else {
        return false;
    }
    return true;
}

static pb_value *failure_to_value(PyObject *of)
{
    const char *type, *text, *traceback;
    if (!PyArg_ParseTuple(of, "ssz", &type, &text, &traceback)) {
        return NULL;
    }
    pb_failure *f = pb_failure_new(type, text, traceback);
    pb_value *v = value_or_nomem(f ? pb_failure_to_value(f) : NULL);
    pb_failure_unref(f);
    return v;
}

/* ---- Containers ---- */

/* The kind of a container, also of a subclass; PBPY_ATOM_END for any other object. */
static enum pbpy_atom object_container_kind(PyObject *o)
{
    return PyList_Check(o)        ? PBPY_LIST
           : PyTuple_Check(o)     ? PBPY_TUPLE
           : PyDict_Check(o)      ? PBPY_DICTIONARY
           : PySet_Check(o)       ? PBPY_SET
           : PyFrozenSet_Check(o) ? PBPY_FROZENSET
                                  : PBPY_ATOM_END;
}

static pb_value *container_value_new(PyObject *o, enum pbpy_atom kind)
{
    static const pb_kind kinds[PBPY_ATOM_END] = {
        [PBPY_LIST] = PB_LIST,
        [PBPY_TUPLE] = PB_TUPLE,
        [PBPY_SET] = PB_SET,
        [PBPY_FROZENSET] = PB_FROZENSET,
    };
    return value_or_nomem(kind == PBPY_DICTIONARY
                              ? pb_dict()
                              : pb_seq(kinds[kind], (size_t)PyObject_Size(o)));
}

static void pack_frame_fini(struct pack_frame *f)
{
    pbpy_items_end(&f->items);
    Py_XDECREF(f->state);
    pb_value_unref(f->key);
    PyMem_Free(f->tag);
}

/* Begins a frame for an object; its value and the frame's tag and state are taken over,
 * also on failure. */
static bool pack_push(struct pack *c, PyObject *object, struct pack_frame frame)
{
    frame.visit = c->visited.len;
    if (!pbpy_reserve((void **)&c->frames, c->len, &c->cap, sizeof *c->frames) ||
        !pbpy_visited_add(&c->visited, object,
                          (struct pbpy_visit){Py_NewRef(object), frame.v})) {
        pb_value_unref(frame.v);
        pack_frame_fini(&frame);
        return false;
    }
    c->frames[c->len++] = frame;
    return true;
}

/* Begins to fill the value of a container, which it takes over. */
static bool pack_push_container(struct pack *c, PyObject *object, enum pbpy_atom kind,
                                pb_value *v)
{
    struct pack_frame frame = {.v = v};
    if (!pbpy_items_begin(&frame.items, object, kind)) {
        pb_value_unref(v);
        pack_frame_fini(&frame);
        return false;
    }
    return pack_push(c, object, frame);
}

/* Raises what adding to a container failed with; whether it did not fail. */
static bool pack_added(struct pack *c, int code)
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

/* Puts a value, which it takes, into the container on top. */
static bool pack_put(struct pack *c, struct pack_frame *f, pb_value *v)
{
    if (f->tag) {
        if (f->v) { /* the state was in it from the beginning */
            pb_value_unref(v);
            return true;
        }
        f->v = c->visited.list[f->visit].value =
            value_or_nomem(pb_instance_steal(f->tag, v));
        return f->v != NULL;
    }
    if (pb_value_kind(f->v) != PB_DICT) {
        return pack_added(c, pb_append_steal(f->v, v));
    }
    if (!f->key) {
        f->key = v;
        return true;
    }
    pb_value *key = f->key;
    f->key = NULL;
    return pack_added(c, pb_dict_set_value_steal(f->v, key, v));
}

static bool pack_add_tie(struct pack *c, size_t holder, size_t held)
{
    if (!pbpy_reserve((void **)&c->ties, c->ties_len, &c->ties_cap, sizeof *c->ties)) {
        return false;
    }
    c->ties[c->ties_len++] = (struct pack_tie){holder, held};
    return true;
}

/* Puts the value of a visited container into the one on top. */
static bool pack_deliver(struct pack *c, const struct pbpy_visit *visit)
{
    struct pack_frame *f = &c->frames[c->len - 1];
    size_t held = (size_t)(visit - c->visited.list);
    size_t back = pbpy_visited_back(&c->visited, visit);
    pbpy_visit_add_back(&c->visited.list[f->visit], back);
    return pack_put(c, f, pb_value_ref(visit->value)) &&
           (!back || pack_add_tie(c, f->visit, held));
}

/* Ends the container on top, and puts it into the one below, or into *out. */
static bool pack_pop(struct pack *c, pb_value **out)
{
    struct pack_frame f = c->frames[--c->len];
    pack_frame_fini(&f);
    pbpy_visited_complete(&c->visited,
                          f.visit); /* which has the count of the frame now */
    struct pbpy_visit *visit = &c->visited.list[f.visit];
    if (c->len == 0) {
        *out = pb_value_ref(visit->value);
        return true;
    }
    return pack_deliver(c, visit);
}

/* (libpb.jelly has a profile of its own for a copy without members.)
 *
 * The value of a copy whose state is a container that was not visited, and is filled
 * later: so what is in it can hold the copy. *inner is its state, or NULL for an empty
 * dict. NULL for lack of memory. */
static pb_value *copy_value_new(const struct pbpy_session *self, const char *tag,
                                PyObject *state, enum pbpy_atom kind, pb_value **inner)
{
    bool connected = self->references != (PyObject *)self->st->types.remote;
    if (connected && kind == PBPY_DICTIONARY && PyDict_GET_SIZE(state) == 0) {
        return pb_object_value_steal(pbpy_empty_copy(tag));
    }
    *inner = container_value_new(state, kind);
    pb_value *v = *inner ? pb_instance(tag, *inner) : NULL;
    if (!v) {
        pb_value_unref(*inner);
        *inner = NULL;
    }
    return v;
}

/* Begins a copy: (tag, state). */
static bool pack_push_copy(struct pack *c, PyObject *o, PyObject *copy)
{
    const char *name;
    PyObject *state;
    if (!pbpy_session_learn_copies(c->session) ||
        !PyArg_ParseTuple(copy, "sO", &name, &state)) {
        return false;
    }
    char *tag = pbpy_strdup(name);
    enum pbpy_atom kind = object_container_kind(state);
    bool around = (kind == PBPY_DICTIONARY || kind == PBPY_LIST || kind == PBPY_SET) &&
                  !pbpy_visited_get(&c->visited, state);
    pb_value *inner = NULL;
    pb_value *v =
        tag && around ? copy_value_new(c->session, tag, state, kind, &inner) : NULL;
    if (!tag || (around && !v)) {
        PyMem_Free(tag);
        PyErr_NoMemory();
        return false;
    }
    PyObject *later = around ? NULL : Py_NewRef(state);
    if (!pack_push(c, o, (struct pack_frame){.v = v, .tag = tag, .state = later})) {
        pb_value_unref(inner);
        return false;
    }
    return !inner || pack_push_container(c, state, kind, inner);
}

/* The value of an object that is sent as itself: by True, False, a tag or a Receipt. */
static pb_value *flat_to_value(struct pbpy_session *self, PyObject *o, PyObject *flat)
{
    if (PyObject_TypeCheck(flat, self->st->types.receipt)) {
        pb_value *shown = pbpy_handle_get(flat);
        return shown ? pb_value_ref(shown) : NULL;
    }
    const char *tag = PyUnicode_Check(flat) ? PyUnicode_AsUTF8(flat) : NULL;
    if (PyErr_Occurred()) {
        return NULL;
    }
    pb_object *local = tag ? pbpy_local_cacheable(self, o, tag)
                           : pbpy_local_object(self, o, flat == Py_True);
    return local ? value_or_nomem(pb_object_value_steal(local)) : NULL;
}

/* Puts an object that is no built-in one, as the handler has it sent. */
static bool pack_flatten(struct pack *c, PyObject *o)
{
    struct pbpy_session *self = c->session;
    PyObject *flat = pbpy_handler_call(self, "flatten", "OO", o, c->perspective);
    if (!flat) {
        return false;
    }
    bool done = false;
    if (PyTuple_Check(flat) && PyTuple_GET_SIZE(flat) == 2) {
        done = pack_push_copy(c, o, flat);
    } else {
        pb_value *v =
            PyTuple_Check(flat) ? failure_to_value(flat) : flat_to_value(self, o, flat);
        done = v && pack_put(c, &c->frames[c->len - 1], v);
    }
    Py_DECREF(flat);
    return done;
}

/* Takes the next object of the container on top. */
static bool pack_step(struct pack *c, PyObject *o)
{
    struct pack_frame *f = &c->frames[c->len - 1];
    pb_value *v;
    if (leaf_to_value(c->session, o, &v)) {
        return v && pack_put(c, f, v);
    }
    const struct pbpy_visit *visit = pbpy_visited_get(&c->visited, o);
    if (visit) {
        bool open = !visit->complete &&
                    (!visit->value || pb_value_kind(visit->value) == PB_TUPLE ||
                     pb_value_kind(visit->value) == PB_FROZENSET);
        if (open) {
            PyErr_Format(c->session->st->jelly_error,
                         "a %s that contains itself cannot be sent", Py_TYPE(o)->tp_name);
        }
        return !open && pack_deliver(c, visit);
    }
    enum pbpy_atom kind = object_container_kind(o);
    if (kind == PBPY_ATOM_END) {
        return pack_flatten(c, o);
    }
    v = container_value_new(o, kind);
    return v && pack_push_container(c, o, kind, v);
}

/* The next object that a frame has, *new*; NULL at its end, or with an exception set. */
static PyObject *pack_next(struct pack_frame *f)
{
    PyObject *item = f->tag ? f->state : pbpy_items_next(&f->items);
    if (f->tag) {
        f->state = NULL;
    } else {
        Py_XINCREF(item);
    }
    return item;
}

/* Makes islands of containers that hold each other; false with an exception set. */
static bool pack_tie_all(struct pack *c)
{
    bool done = true;
    for (size_t i = 0; i < c->ties_len; i++) {
        pb_value *holder = c->visited.list[c->ties[i].holder].value;
        pb_value *held = c->visited.list[c->ties[i].held].value;
        done = (!holder || !held || pb_value_tie(holder, held) == 0) && done;
    }
    if (!done) {
        PyErr_NoMemory();
    }
    return done;
}

/* Frees what is not finished, and what was kept meanwhile. */
static void pack_fini(struct pack *c)
{
    while (c->len > 0) {
        struct pack_frame *f = &c->frames[--c->len];
        pb_value_unref(f->v);
        pack_frame_fini(f);
    }
    PyMem_Free(c->frames);
    PyMem_Free(c->ties);
    pbpy_visited_fini(&c->visited);
}

pb_value *pbpy_value_from_object(struct pbpy_session *self, PyObject *object,
                                 PyObject *perspective)
{
    struct pack c = {.session = self, .perspective = perspective};
    pb_value *box = NULL, *v;
    if (leaf_to_value(self, object, &v)) {
        return v;
    }
    PyObject *outer = PyTuple_Pack(1, object); /* so that it is as any other within */
    v = outer ? value_or_nomem(pb_seq(PB_TUPLE, 1)) : NULL;
    bool going = v && pack_push_container(&c, outer, PBPY_TUPLE, v);
    while (going && c.len > 0) {
        PyObject *held = pack_next(&c.frames[c.len - 1]);
        going = held ? pack_step(&c, held) : !PyErr_Occurred() && pack_pop(&c, &box);
        Py_XDECREF(held);
    }
    going = pack_tie_all(&c) && going;
    pack_fini(&c);
    Py_XDECREF(outer);
    v = going ? pb_value_ref(pb_item(box, 0)) : NULL;
    pb_value_unref(box);
    return v;
}
