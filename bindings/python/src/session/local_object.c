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
    PyObject *observer; /* of a Cacheable, while the peer has a cache: one count */
    pb_class own;       /* of a Cacheable */
    char tag[];         /* likewise */
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
    Py_CLEAR(b->observer); /* only a handle, which runs no other Python code */
    b->held = (struct pbpy_held){b->session->released, b->object, local_python_unref};
    b->session->released = &b->held;
}

/* Calls the handler: dispatch, or refused if the arguments cannot be read. */
static PyObject *local_dispatch(struct pbpy_session *session, PyObject *object,
                                pb_request *r, PyObject *request)
{
    PyObject *args = pbpy_object_from_value(session, pb_request_args(r));
    PyObject *kwargs =
        args ? pbpy_object_from_value(session, pb_request_kwargs(r)) : NULL;
    if (!kwargs) {
        Py_XDECREF(args);
        PyObject *type, *value, *traceback;
        PyErr_Fetch(&type, &value, &traceback);
        PyErr_NormalizeException(&type, &value, &traceback);
        PyObject *none = pbpy_handler_call(session, "refused", "OO", request, value);
        Py_XDECREF(type);
        Py_XDECREF(value);
        Py_XDECREF(traceback);
        return none;
    }
    return pbpy_handler_call(session, "dispatch", "OOiNNNO", request, object,
                             (int)pb_request_role(r),
                             pbpy_str_from_text(pb_request_method(r)), args, kwargs,
                             pbpy_local_object_python(pb_request_perspective(r)));
}

int pbpy_request_dispatch(struct pbpy_session *session, PyObject *object, pb_request *r)
{
    Py_INCREF(session);
    PyObject *request = pbpy_request_new(session, pb_request_ref(r));
    PyObject *none = request ? local_dispatch(session, object, r, request) : NULL;
    if (!none) {
        pbpy_session_unraisable(session);
        pb_request_fail(r, "builtins.Exception", "the call could not be handed on");
    }
    Py_XDECREF(none);
    Py_XDECREF(request);
    Py_DECREF(session);
    return 0;
}

static int local_called(void *self, pb_request *r)
{
    struct local *b = self;
    return pbpy_request_dispatch(b->session, b->object, r);
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
    return cls && cls->destroy == local_destroy ? pb_object_self(o) : NULL;
}

PyObject *pbpy_local_object_python(const pb_object *o)
{
    const pb_object *viewed = o ? pb_viewpoint_object(o) : NULL;
    const struct local *b = local_get(viewed ? viewed : o);
    return b ? b->object : Py_None;
}

/* Sets the error for the exception that is set, which is cleared. */
static void error_from_exception(pb_error *err)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    PyObject *text = value ? PyObject_Str(value) : NULL;
    const char *utf8 = text ? PyUnicode_AsUTF8(text) : NULL;
    err->code =
        PyErr_GivenExceptionMatches(type, PyExc_MemoryError) ? PB_ERR_NOMEM : PB_ERR_TYPE;
    PyOS_snprintf(err->text, sizeof err->text, "%s: %s",
                  type ? ((PyTypeObject *)type)->tp_name : "", utf8 ? utf8 : "");
    PyErr_Clear();
    Py_XDECREF(text);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
}

static pb_value *cacheable_observe(void *self, pb_object *perspective,
                                   pb_remote *observer, pb_error *err)
{
    struct local *b = self;
    PyObject *whom = Py_NewRef(pbpy_local_object_python(perspective));
    Py_XSETREF(b->observer, pbpy_remote_new(b->session, pb_remote_ref(observer)));
    PyObject *state = b->observer ? pbpy_handler_call(b->session, "observe", "OOO",
                                                      b->object, whom, b->observer)
                                  : NULL;
    pb_value *v = state ? pbpy_value_from_object(b->session, state, whom) : NULL;
    Py_XDECREF(state);
    Py_DECREF(whom);
    if (!v) {
        error_from_exception(err);
    }
    return v;
}

static void cacheable_stop_observing(void *self, pb_object *perspective,
                                     pb_remote *observer)
{
    (void)observer; /* it is the one that Python knows */
    struct local *b = self;
    PyObject *told = b->observer;
    b->observer = NULL;
    if (told && b->session->handler) {
        PyObject *none = pbpy_handler_call(b->session, "stop_observing", "OOO", b->object,
                                           pbpy_local_object_python(perspective), told);
        if (!none) {
            pbpy_session_unraisable(b->session);
        }
        Py_XDECREF(none);
    }
    Py_XDECREF(told);
}

/* tag: of a Cacheable, whose class is its own; else NULL. */
static pb_object *local_new(struct pbpy_session *self, PyObject *object,
                            const pb_class *cls, const char *tag)
{
    size_t size = tag ? strlen(tag) + 1 : 0;
    struct local *b = PyMem_Malloc(sizeof *b + size);
    if (!b) {
        return (pb_object *)PyErr_NoMemory();
    }
    *b = (struct local){.session = self, .object = Py_NewRef(object)};
    if (tag) {
        memcpy(b->tag, tag, size);
        b->own = (pb_class){
            .name = b->tag,
            .flavor = PB_FLAVOR_CACHEABLE,
            .destroy = local_destroy,
            .state_to_cache = cacheable_observe,
            .stopped_observing = cacheable_stop_observing,
        };
    }
    pb_object *o = pb_object_new(tag ? &b->own : cls, b);
    if (!o) {
        Py_DECREF(object);
        PyMem_Free(b);
        return (pb_object *)PyErr_NoMemory();
    }
    return o;
}

pb_object *pbpy_local_avatar(struct pbpy_session *self, PyObject *object)
{
    return local_new(self, object, &avatar_class, NULL);
}

/* The pb_object of a Python object that has at most one in a session. */
static pb_object *local_find(struct pbpy_session *self, PyObject *object,
                             const pb_class *cls, const char *tag)
{
    PyObject *key = PyLong_FromVoidPtr(object);
    PyObject *known = key ? PyDict_GetItemWithError(self->local_objects, key) : NULL;
    if (known || PyErr_Occurred()) {
        Py_XDECREF(key);
        return known ? pb_object_ref(((struct local *)PyLong_AsVoidPtr(known))->o) : NULL;
    }
    pb_object *o = local_new(self, object, cls, tag);
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

pb_object *pbpy_local_object(struct pbpy_session *self, PyObject *object, bool viewable)
{
    return local_find(self, object, viewable ? &viewable_class : &referenceable_class,
                      NULL);
}

pb_object *pbpy_local_cacheable(struct pbpy_session *self, PyObject *object,
                                const char *tag)
{
    return local_find(self, object, NULL, tag);
}
