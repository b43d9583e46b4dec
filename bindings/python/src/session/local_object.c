/* SPDX-License-Identifier: MIT
 *
 * Python objects that peers may call: each has one pb_object in a session, for as long as
 * the peer or a message holds that. Calls go on to the session's handler. */
#include "session/session.h"

/* The self of a pb_object. */
struct box {
    struct pbpy_drop drop;        /* for when it goes */
    struct pbpy_session *session; /* outlives it */
    PyObject *object;             /* one count */
    pb_object *o;                 /* not counted; NULL for an avatar, which has several */
};

static void forget(struct box *b)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyObject *key = PyLong_FromVoidPtr(b->object);
    if (!key || PyDict_DelItem(b->session->objects, key) != 0) {
        PyErr_Clear();
    }
    Py_XDECREF(key);
    PyErr_Restore(type, value, traceback);
}

static void unref_object(void *object)
{
    Py_DECREF((PyObject *)object);
}

/* Python's count goes later: it may be the last, and then any code of Python's runs. */
static void destroy(void *self)
{
    struct box *b = self;
    if (b->o) {
        forget(b);
    }
    b->drop = (struct pbpy_drop){b->session->dropped, b->object, unref_object};
    b->session->dropped = &b->drop;
}

/* Tells Python of a call, or why there is none. */
static PyObject *dispatch(struct box *b, pb_request *r, PyObject *request)
{
    PyObject *args = pbpy_value_in(b->session, pb_request_args(r));
    PyObject *kwargs = args ? pbpy_value_in(b->session, pb_request_kwargs(r)) : NULL;
    if (!kwargs) {
        Py_XDECREF(args);
        PyObject *type, *value, *traceback;
        PyErr_Fetch(&type, &value, &traceback);
        PyErr_NormalizeException(&type, &value, &traceback);
        PyObject *none = pbpy_handle(b->session, "refused", "OO", request, value);
        Py_XDECREF(type);
        Py_XDECREF(value);
        Py_XDECREF(traceback);
        return none;
    }
    return pbpy_handle(b->session, "dispatch", "OOiNNNO", request, b->object,
                       (int)pb_request_role(r), pbpy_text_in(pb_request_method(r)), args,
                       kwargs, pbpy_object_self(pb_request_perspective(r)));
}

static int called(void *self, pb_request *r)
{
    struct box *b = self;
    struct pbpy_session *session = b->session;
    Py_INCREF(session);
    PyObject *request = pbpy_handle_new(session->st->live.request, session,
                                        pb_request_ref(r), pbpy_unref_request);
    PyObject *none = request ? dispatch(b, r, request) : NULL;
    if (!none) {
        pbpy_unraisable(session);
        pb_request_fail(r, "builtins.Exception", "the call could not be handed on");
    }
    Py_XDECREF(none);
    Py_XDECREF(request);
    Py_DECREF(session);
    return 0;
}

static const pb_class referenceable = {
    .name = "Referenceable",
    .flavor = PB_FLAVOR_REFERENCEABLE,
    .fallback = called,
    .destroy = destroy,
};
static const pb_class viewable = {
    .name = "Viewable",
    .flavor = PB_FLAVOR_VIEWABLE,
    .fallback = called,
    .destroy = destroy,
};
static const pb_class avatar = {
    .name = "Avatar",
    .flavor = PB_FLAVOR_REFERENCEABLE,
    .fallback = called,
    .destroy = destroy,
};

static const char *tag_of(void *self, pb_object *perspective)
{
    (void)perspective;
    return self;
}

static pb_value *no_state(void *self, pb_object *perspective, pb_error *err)
{
    (void)self;
    (void)perspective;
    (void)err;
    return pb_dict();
}

static const pb_class empty_copy = {
    .name = "Copyable",
    .flavor = PB_FLAVOR_COPYABLE,
    .destroy = PyMem_Free,
    .type_to_copy = tag_of,
    .state_to_copy = no_state,
};

char *pbpy_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = PyMem_Malloc(size);
    return copy ? memcpy(copy, text, size) : NULL;
}

pb_object *pbpy_empty_copy(const char *tag)
{
    char *own = pbpy_strdup(tag);
    pb_object *o = own ? pb_object_new(&empty_copy, own) : NULL;
    if (!o) {
        PyMem_Free(own);
    }
    return o;
}

static struct box *box_of(const pb_object *o)
{
    const pb_class *cls = o ? pb_object_class(o) : NULL;
    return cls == &referenceable || cls == &viewable || cls == &avatar ? pb_object_self(o)
                                                                       : NULL;
}

PyObject *pbpy_object_self(const pb_object *o)
{
    const pb_object *viewed = o ? pb_viewpoint_object(o) : NULL;
    const struct box *b = box_of(viewed ? viewed : o);
    return b ? b->object : Py_None;
}

static pb_object *make(struct pbpy_session *self, PyObject *object, const pb_class *cls)
{
    struct box *b = PyMem_Malloc(sizeof *b);
    pb_object *o = b ? pb_object_new(cls, b) : NULL;
    if (!o) {
        PyMem_Free(b);
        return (pb_object *)PyErr_NoMemory();
    }
    *b = (struct box){.session = self, .object = Py_NewRef(object)};
    return o;
}

pb_object *pbpy_avatar(struct pbpy_session *self, PyObject *object)
{
    return make(self, object, &avatar);
}

pb_object *pbpy_object(struct pbpy_session *self, PyObject *object, bool is_viewable)
{
    PyObject *key = PyLong_FromVoidPtr(object);
    PyObject *known = key ? PyDict_GetItemWithError(self->objects, key) : NULL;
    if (known || PyErr_Occurred()) {
        Py_XDECREF(key);
        return known ? pb_object_ref(((struct box *)PyLong_AsVoidPtr(known))->o) : NULL;
    }
    pb_object *o = make(self, object, is_viewable ? &viewable : &referenceable);
    struct box *b = o ? pb_object_self(o) : NULL;
    PyObject *place = b ? PyLong_FromVoidPtr(b) : NULL;
    if (place && PyDict_SetItem(self->objects, key, place) == 0) {
        b->o = o;
    } else {
        pb_object_unref(o);
        o = NULL;
    }
    Py_XDECREF(place);
    Py_DECREF(key);
    return o;
}
