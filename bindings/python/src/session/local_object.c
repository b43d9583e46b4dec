/* SPDX-License-Identifier: MIT
 *
 * Local objects: Python objects that peers may call. Each has one pb_object in a session,
 * as long as the peer or a message holds that. Calls go to the session's handler. */
#include "session/session.h"

/* The self of a pb_object. */
struct local {
    struct pbpy_held held;        /* for when the pb_object is freed */
    struct pbpy_session *session; /* outlives it */
    PyObject *object;             /* one count */
    pb_object *o; /* not counted; NULL for an avatar: one object may be several avatars */
};

/* Takes it out of the session's table; keeps the exception that is set. */
static void local_forget(struct local *b)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyObject *key = PyLong_FromVoidPtr(b->object);
    if (!key || PyDict_DelItem(b->session->local_objects, key) != 0) {
        PyErr_Clear();
    }
    Py_XDECREF(key);
    PyErr_Restore(type, value, traceback);
}

static void local_python_unref(void *object)
{
    Py_DECREF((PyObject *)object);
}

/* The count of the Python object is released later: it may be the last one, and then any
 * Python code runs. */
static void local_destroy(void *self)
{
    struct local *b = self;
    if (b->o) {
        local_forget(b);
    }
    b->held = (struct pbpy_held){b->session->released, b->object, local_python_unref};
    b->session->released = &b->held;
}

/* Calls the handler: dispatch, or refused if the arguments cannot be read. */
static PyObject *local_dispatch(struct local *b, pb_request *r, PyObject *request)
{
    PyObject *args = pbpy_object_from_value(b->session, pb_request_args(r));
    PyObject *kwargs =
        args ? pbpy_object_from_value(b->session, pb_request_kwargs(r)) : NULL;
    if (!kwargs) {
        Py_XDECREF(args);
        PyObject *type, *value, *traceback;
        PyErr_Fetch(&type, &value, &traceback);
        PyErr_NormalizeException(&type, &value, &traceback);
        PyObject *none = pbpy_handler_call(b->session, "refused", "OO", request, value);
        Py_XDECREF(type);
        Py_XDECREF(value);
        Py_XDECREF(traceback);
        return none;
    }
    return pbpy_handler_call(b->session, "dispatch", "OOiNNNO", request, b->object,
                             (int)pb_request_role(r),
                             pbpy_str_from_text(pb_request_method(r)), args, kwargs,
                             pbpy_local_object_python(pb_request_perspective(r)));
}

static int local_called(void *self, pb_request *r)
{
    struct local *b = self;
    struct pbpy_session *session = b->session;
    Py_INCREF(session);
    PyObject *request = pbpy_request_new(session, pb_request_ref(r));
    PyObject *none = request ? local_dispatch(b, r, request) : NULL;
    if (!none) {
        pbpy_session_unraisable(session);
        pb_request_fail(r, "builtins.Exception", "the call could not be handed on");
    }
    Py_XDECREF(none);
    Py_XDECREF(request);
    Py_DECREF(session);
    return 0;
}

static const pb_class referenceable_class = {
    .name = "Referenceable",
    .flavor = PB_FLAVOR_REFERENCEABLE,
    .fallback = local_called,
    .destroy = local_destroy,
};
static const pb_class viewable_class = {
    .name = "Viewable",
    .flavor = PB_FLAVOR_VIEWABLE,
    .fallback = local_called,
    .destroy = local_destroy,
};
static const pb_class avatar_class = {
    .name = "Avatar",
    .flavor = PB_FLAVOR_REFERENCEABLE,
    .fallback = local_called,
    .destroy = local_destroy,
};

/* A copy without members: its class is its own, for the tag is the name of the class. */
struct empty_copy {
    pb_class cls;
    char tag[];
};

static pb_value *empty_copy_state(void *self, pb_object *perspective, pb_error *err)
{
    (void)self;
    (void)perspective;
    (void)err;
    return pb_dict();
}

char *pbpy_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = PyMem_Malloc(size);
    return copy ? memcpy(copy, text, size) : NULL;
}

pb_object *pbpy_empty_copy(const char *tag)
{
    size_t size = strlen(tag) + 1;
    struct empty_copy *own = PyMem_Malloc(sizeof *own + size);
    if (!own) {
        return NULL;
    }
    memcpy(own->tag, tag, size);
    own->cls = (pb_class){
        .name = own->tag,
        .flavor = PB_FLAVOR_COPYABLE,
        .destroy = PyMem_Free,
        .state_to_copy = empty_copy_state,
    };
    pb_object *o = pb_object_new(&own->cls, own);
    if (!o) {
        PyMem_Free(own);
    }
    return o;
}

/* The self of a pb_object, or NULL if it is another kind of object. */
static struct local *local_get(const pb_object *o)
{
    const pb_class *cls = o ? pb_object_class(o) : NULL;
    bool ours =
        cls == &referenceable_class || cls == &viewable_class || cls == &avatar_class;
    return ours ? pb_object_self(o) : NULL;
}

PyObject *pbpy_local_object_python(const pb_object *o)
{
    const pb_object *viewed = o ? pb_viewpoint_object(o) : NULL;
    const struct local *b = local_get(viewed ? viewed : o);
    return b ? b->object : Py_None;
}

static pb_object *local_new(struct pbpy_session *self, PyObject *object,
                            const pb_class *cls)
{
    struct local *b = PyMem_Malloc(sizeof *b);
    pb_object *o = b ? pb_object_new(cls, b) : NULL;
    if (!o) {
        PyMem_Free(b);
        return (pb_object *)PyErr_NoMemory();
    }
    *b = (struct local){.session = self, .object = Py_NewRef(object)};
    return o;
}

pb_object *pbpy_local_avatar(struct pbpy_session *self, PyObject *object)
{
    return local_new(self, object, &avatar_class);
}

pb_object *pbpy_local_object(struct pbpy_session *self, PyObject *object, bool viewable)
{
    PyObject *key = PyLong_FromVoidPtr(object);
    PyObject *known = key ? PyDict_GetItemWithError(self->local_objects, key) : NULL;
    if (known || PyErr_Occurred()) {
        Py_XDECREF(key);
        return known ? pb_object_ref(((struct local *)PyLong_AsVoidPtr(known))->o) : NULL;
    }
    pb_object *o =
        local_new(self, object, viewable ? &viewable_class : &referenceable_class);
    struct local *b = o ? pb_object_self(o) : NULL;
    PyObject *place = b ? PyLong_FromVoidPtr(b) : NULL;
    if (place && PyDict_SetItem(self->local_objects, key, place) == 0) {
        b->o = o;
    } else {
        pb_object_unref(o);
        o = NULL;
    }
    Py_XDECREF(place);
    Py_DECREF(key);
    return o;
}
