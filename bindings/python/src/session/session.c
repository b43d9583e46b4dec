/* SPDX-License-Identifier: MIT
 *
 * The type Session: bytes in, bytes out, the time as an argument, as in pb/broker.h. It
 * reports what happens to its handler. */
#include "session/cache.h"

#include <datetime.h>
#include <stdarg.h>

/* ---- Calls of the handler ---- */

PyObject *pbpy_handler_call(struct pbpy_session *self, const char *method,
                            const char *format, ...)
{
    va_list values;
    va_start(values, format);
    PyObject *args = Py_VaBuildValue(format, values);
    va_end(values);
    PyObject *callable = NULL, *result = NULL;
    if (args && !self->handler) {
        PyErr_SetString(PyExc_ReferenceError, "the session is gone");
    } else if (args) {
        callable = PyObject_GetAttrString(self->handler, method);
    }
    if (callable) {
        result = PyObject_CallObject(callable, args);
    }
    Py_XDECREF(callable);
    Py_XDECREF(args);
    return result;
}

void pbpy_session_unraisable(struct pbpy_session *self)
{
    bool fatal = PyErr_ExceptionMatches(PyExc_KeyboardInterrupt) ||
                 PyErr_ExceptionMatches(PyExc_SystemExit);
    if (!self->raised[0] && fatal) {
        PyErr_Fetch(&self->raised[0], &self->raised[1], &self->raised[2]);
    } else {
        PyErr_WriteUnraisable(self->handler);
    }
}

/* Ends a callback of the library with what the handler returned, which it takes. */
static void callback_end(struct pbpy_session *self, PyObject *none)
{
    if (!none) {
        pbpy_session_unraisable(self);
    }
    Py_XDECREF(none);
}

static void session_on_ready(pb_session *s, void *user_data)
{
    (void)s;
    struct pbpy_session *self = user_data;
    if (self->handler) {
        callback_end(self, pbpy_handler_call(self, "ready", "()"));
    }
}

static void session_on_close(pb_session *s, const pb_error *why, void *user_data)
{
    (void)s;
    struct pbpy_session *self = user_data;
    if (self->handler) {
        const char *text = why->text[0] ? why->text : pb_strerror(why->code);
        PyObject *told = why->where[0] ? PyUnicode_FromFormat("%s: %s", why->where, text)
                                       : pbpy_str_from_text(why->code ? text : "");
        callback_end(self, pbpy_handler_call(self, "closed", "iN", why->code, told));
    }
}

static void session_on_log(pb_session *s, pb_log_level level, const char *text,
                           void *user_data)
{
    (void)s;
    struct pbpy_session *self = user_data;
    if (self->handler) {
        callback_end(self, pbpy_handler_call(self, "log", "iN", (int)level,
                                             pbpy_str_from_text(text)));
    }
}

static void session_on_wake(pb_session *s, void *driver)
{
    (void)s;
    struct pbpy_session *self = driver;
    if (self->handler) {
        callback_end(self, pbpy_handler_call(self, "wake", "(O)", Py_False));
    }
}

/* ---- Entering and leaving ---- */

bool pbpy_session_enter(struct pbpy_session *self)
{
    if (PyThread_get_thread_ident() != self->thread) {
        PyErr_SetString(PyExc_RuntimeError,
                        "a connection belongs to the thread of its loop");
        return false;
    }
    pbpy_session_release(self);
    return true;
}

/* Ends a method that called the library: raises what a callback left to be raised, else
 * returns the result, which it takes. */
static PyObject *session_leave(struct pbpy_session *self, PyObject *result)
{
    pbpy_session_release(self);
    if (self->raised[0]) {
        Py_XDECREF(result);
        PyErr_Restore(self->raised[0], self->raised[1], self->raised[2]);
        memset(self->raised, 0, sizeof self->raised);
        return NULL;
    }
    return result;
}

/* Registers one class of copies or, if it has an attribute __pb_cache__, of caches. */
static bool session_learn_copy(struct pbpy_session *self, PyObject *tag, PyObject *cls)
{
    const char *name = PyUnicode_AsUTF8(tag);
    if (!name) {
        return false;
    }
    int failed = PyObject_HasAttr(cls, self->st->names.__pb_cache__)
                     ? pbpy_cache_class_set(self, name)
                     : pb_registry_set_class(self->registry, name, NULL);
    if (failed || pb_taster_allow_instances_of(self->taster, name) != 0) {
        PyErr_NoMemory();
        return false;
    }
    return true;
}

/* For the library, a copy is an instance with a tag: it becomes an object of the class in
 * pbpy_object_from_value. */
bool pbpy_session_learn_copies(struct pbpy_session *self)
{
    Py_ssize_t at = 0, size = PyDict_GET_SIZE(self->copies);
    PyObject *tag, *cls;
    if (size == self->copies_known) {
        return true;
    }
    while (PyDict_Next(self->copies, &at, &tag, &cls)) {
        Py_INCREF(tag);
        Py_INCREF(cls); /* a metaclass may have Python code that runs now */
        bool learned = session_learn_copy(self, tag, cls);
        Py_DECREF(cls);
        Py_DECREF(tag);
        if (!learned) {
            return false;
        }
    }
    self->copies_known = size;
    return true;
}

/* ---- Methods ---- */

static PyObject *session_recv(PyObject *o, PyObject *args)
{
    struct pbpy_session *self = (struct pbpy_session *)o;
    Py_buffer data;
    long long now;
    if (!PyArg_ParseTuple(args, "y*L", &data, &now)) {
        return NULL;
    }
    PyObject *alive = NULL;
    if (self->receiving) {
        PyErr_SetString(PyExc_RuntimeError, "recv() was called by what it called");
    } else if (pbpy_session_enter(self) && pbpy_session_learn_copies(self)) {
        self->receiving = true;
        int failed = pb_session_recv(self->s, (pb_span){data.buf, (size_t)data.len}, now);
        self->receiving = false;
        alive = session_leave(self, PyBool_FromLong(!failed));
    }
    PyBuffer_Release(&data);
    return alive;
}

static PyObject *session_send(PyObject *o, PyObject *args)
{
    struct pbpy_session *self = (struct pbpy_session *)o;
    long long now;
    if (!PyArg_ParseTuple(args, "L", &now) || !pbpy_session_enter(self)) {
        return NULL;
    }
    pb_span data = pb_session_send(self->s);
    PyObject *bytes =
        PyBytes_FromStringAndSize((const char *)data.data, (Py_ssize_t)data.len);
    if (bytes) {
        pb_session_sent(self->s, data.len, now);
    }
    return session_leave(self, bytes);
}

static PyObject *session_tick(PyObject *o, PyObject *args)
{
    struct pbpy_session *self = (struct pbpy_session *)o;
    long long now;
    if (!PyArg_ParseTuple(args, "L", &now) || !pbpy_session_enter(self)) {
        return NULL;
    }
    pb_session_tick(self->s, now);
    return session_leave(self, Py_NewRef(Py_None));
}

static PyObject *session_deadline(PyObject *o, PyObject *unused)
{
    (void)unused;
    struct pbpy_session *self = (struct pbpy_session *)o;
    int64_t deadline = pb_session_deadline(self->s);
    return deadline == INT64_MAX ? Py_NewRef(Py_None) : PyLong_FromLongLong(deadline);
}

static PyObject *session_want_recv(PyObject *o, PyObject *unused)
{
    (void)unused;
    return PyBool_FromLong(pb_session_want_recv(((struct pbpy_session *)o)->s));
}

static PyObject *session_lost(PyObject *o, PyObject *args)
{
    struct pbpy_session *self = (struct pbpy_session *)o;
    const char *text;
    pb_error why = {.code = PB_ERR_LOST};
    if (!PyArg_ParseTuple(args, "z", &text) || !pbpy_session_enter(self)) {
        return NULL;
    }
    PyOS_snprintf(why.text, sizeof why.text, "%s", text ? text : "");
    pb_session_lost(self->s, text ? &why : NULL);
    return session_leave(self, Py_NewRef(Py_None));
}

static PyObject *session_close(PyObject *o, PyObject *unused)
{
    (void)unused;
    struct pbpy_session *self = (struct pbpy_session *)o;
    if (!pbpy_session_enter(self)) {
        return NULL;
    }
    pb_session_close(self->s);
    return session_leave(self, Py_NewRef(Py_None));
}

static PyObject *session_root(PyObject *o, PyObject *unused)
{
    (void)unused;
    struct pbpy_session *self = (struct pbpy_session *)o;
    return pbpy_session_enter(self) ? pbpy_remote_new(self, pb_session_root(self->s))
                                    : NULL;
}

static PyObject *session_for_name(PyObject *o, PyObject *args)
{
    struct pbpy_session *self = (struct pbpy_session *)o;
    const char *name;
    return PyArg_ParseTuple(args, "s", &name) && pbpy_session_enter(self)
               ? pbpy_remote_new(self, pb_session_remote_for_name(self->s, name))
               : NULL;
}

static PyObject *session_publish(PyObject *o, PyObject *args)
{
    struct pbpy_session *self = (struct pbpy_session *)o;
    const char *name;
    PyObject *object;
    if (!PyArg_ParseTuple(args, "sO", &name, &object) || !pbpy_session_enter(self)) {
        return NULL;
    }
    pb_object *published = pbpy_local_object(self, object, false);
    int failed = published ? pb_session_set_name_for_local(self->s, name, published) : 0;
    pb_object_unref(published);
    return !published ? NULL : failed ? PyErr_NoMemory() : Py_NewRef(Py_None);
}

static PyObject *session_counts(PyObject *o, PyObject *unused)
{
    (void)unused;
    struct pbpy_session *self = (struct pbpy_session *)o;
    if (!pbpy_session_enter(self)) {
        return NULL;
    }
    pb_session_stats n;
    pb_session_get_stats(self->s, &n);
    return Py_BuildValue("{s:n,s:n,s:n,s:n,s:n}", "pending", (Py_ssize_t)n.pending,
                         "serving", (Py_ssize_t)n.serving, "exported",
                         (Py_ssize_t)n.exported, "held", (Py_ssize_t)n.held, "queued",
                         (Py_ssize_t)n.queued);
}

static PyMethodDef session_methods[] = {
    {"recv", session_recv, METH_VARARGS,
     "recv(data, now): False once the session has ended."},
    {"send", session_send, METH_VARARGS, "send(now): the bytes to write, once."},
    {"tick", session_tick, METH_VARARGS, "tick(now)"},
    {"deadline", session_deadline, METH_NOARGS, "When to call tick(); None: never."},
    {"want_recv", session_want_recv, METH_NOARGS, "Whether to go on reading."},
    {"lost", session_lost, METH_VARARGS, "lost(why): the transport is lost."},
    {"close", session_close, METH_NOARGS, "Closes the session."},
    {"root", session_root, METH_NOARGS, "The peer's root."},
    {"for_name", session_for_name, METH_VARARGS,
     "for_name(name): a reference to what is published under a name."},
    {"publish", session_publish, METH_VARARGS, "publish(name, object)"},
    {"counts", session_counts, METH_NOARGS, "The sizes of its tables."},
    {"login", pbpy_session_login, METH_VARARGS,
     "login(username, password, as_text, mind, timeout, callback)"},
    {NULL, NULL, 0, NULL},
};

/* ---- Making and freeing a session ---- */

/* The root of a server, *new*; NULL with an exception set. */
static pb_object *session_make_root(struct pbpy_session *self, PyObject *root)
{
    if (PyUnicode_Check(root)) {
        pb_object *portal = pbpy_portal_root(self);
        return portal ? portal : (pb_object *)PyErr_NoMemory();
    }
    return pbpy_local_object(self, root, false);
}

/* Makes the pb_session. root: an object, None, or a str for a portal. */
static bool session_start(struct pbpy_session *self, bool server, PyObject *root,
                          const pb_limits *limits, const char *profile, bool tracebacks,
                          int64_t now, size_t max_calls)
{
    pb_error err = {0};
    pb_session_config c = {
        .registry = self->registry,
        .jelly = {.limits = *limits, .taster = self->taster},
        .unsafe_tracebacks = tracebacks,
        .max_pending = max_calls,
        .on_ready = session_on_ready,
        .on_close = session_on_close,
        .on_log = session_on_log,
        .user_data = self,
        .on_wake = session_on_wake,
        .driver = self,
    };
    bool done = false;
    if (profile && pb_profile_parse(profile, &c.jelly.profile, &err) != 0) {
        pbpy_raise(PyExc_ValueError, &err);
    } else if (root == Py_None || (c.root = session_make_root(self, root)) != NULL) {
        self->s =
            server ? pb_session_server_new(&c, now) : pb_session_client_new(&c, now);
        done = self->s || PyErr_NoMemory();
    }
    pb_object_unref(c.root);
    return done;
}

static PyObject *session_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"handler", "references", "copies",  "server",
                            "root",    "size",       "profile", "tracebacks",
                            "now",     "max_calls",  NULL};
    PyObject *handler, *references, *copies, *root;
    int server, tracebacks;
    Py_ssize_t size, max_calls = 0;
    const char *profile;
    long long now;
    struct pbpy_state *st = PyType_GetModuleState(type);
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO!O!pOnzpL|n", names, &handler,
                                     &PyType_Type, &references, &PyDict_Type, &copies,
                                     &server, &root, &size, &profile, &tracebacks, &now,
                                     &max_calls)) {
        return NULL;
    }
    if (size < 0 || max_calls < 0 ||
        !PyType_IsSubtype((PyTypeObject *)references, st->types.remote)) {
        return PyErr_Format(PyExc_ValueError, size < 0 || max_calls < 0
                                                  ? "a limit is negative"
                                                  : "references is no Remote");
    }
    struct pbpy_session *self = (struct pbpy_session *)type->tp_alloc(type, 0);
    if (!self) {
        return NULL;
    }
    self->st = st;
    self->handler = Py_NewRef(handler);
    self->references = Py_NewRef(references);
    self->copies = Py_NewRef(copies);
    self->local_objects = PyDict_New();
    self->registry = pb_registry_new();
    self->taster = pb_taster_new();
    self->thread = PyThread_get_thread_ident();
    pb_limits limits = {.bytes = (size_t)size, .list = (size_t)size};
    if (!self->registry || !self->taster ||
        pb_taster_allow_basic_types(self->taster) != 0) {
        PyErr_NoMemory();
    } else if (self->local_objects && pbpy_session_learn_copies(self) &&
               session_start(self, server, root, &limits, profile, tracebacks, now,
                             (size_t)max_calls)) {
        return (PyObject *)self;
    }
    Py_DECREF(self);
    return NULL;
}

static int session_traverse(PyObject *o, visitproc visit, void *arg)
{
    struct pbpy_session *self = (struct pbpy_session *)o;
    Py_VISIT(Py_TYPE(o));
    Py_VISIT(self->handler);
    Py_VISIT(self->references);
    Py_VISIT(self->copies);
    return 0;
}

static int session_clear(PyObject *o)
{
    struct pbpy_session *self = (struct pbpy_session *)o;
    Py_CLEAR(self->handler);
    return 0;
}

static void session_dealloc(PyObject *o)
{
    struct pbpy_session *self = (struct pbpy_session *)o;
    PyTypeObject *type = Py_TYPE(o);
    PyObject_GC_UnTrack(o);
    Py_CLEAR(self->handler);
    pbpy_session_release(self);
    pb_session_free(self->s);
    pbpy_session_release(self);
    pb_registry_unref(self->registry);
    pb_taster_unref(self->taster);
    pbpy_cache_classes_free(self);
    Py_XDECREF(self->references);
    Py_XDECREF(self->copies);
    Py_XDECREF(self->local_objects);
    for (size_t i = 0; i < sizeof self->raised / sizeof *self->raised; i++) {
        Py_XDECREF(self->raised[i]);
    }
    type->tp_free(o);
    Py_DECREF(type);
}

static PyType_Slot session_slots[] = {
    {Py_tp_doc, "One connection's broker without any I/O."},
    {Py_tp_new, (void *)session_new},
    {Py_tp_dealloc, (void *)session_dealloc},
    {Py_tp_traverse, (void *)session_traverse},
    {Py_tp_clear, (void *)session_clear},
    {Py_tp_methods, session_methods},
    {0, NULL},
};

static PyType_Spec session_spec = {
    .name = "libpb._core.Session",
    .basicsize = sizeof(struct pbpy_session),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = session_slots,
};

/* ---- Types ---- */

PyTypeObject *pbpy_type_add(PyObject *module, PyType_Spec *spec)
{
    PyTypeObject *type = (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, NULL);
    if (type && PyModule_AddType(module, type) != 0) {
        Py_CLEAR(type);
    }
    return type;
}

PyObject *pbpy_no_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    (void)args;
    (void)kwargs;
    return PyErr_Format(PyExc_TypeError, "only a session makes a %s", type->tp_name);
}

int pbpy_types_add(PyObject *module, struct pbpy_state *st)
{
    struct pbpy_types *types = &st->types;
    PyObject *decimal = PyImport_ImportModule("decimal");
    types->decimal = decimal ? PyObject_GetAttrString(decimal, "Decimal") : NULL;
    Py_XDECREF(decimal);
    types->datetime =
        types->decimal ? PyCapsule_Import(PyDateTime_CAPSULE_NAME, 0) : NULL;
    if (types->decimal && !types->datetime) {
        PyErr_SetString(PyExc_ImportError,
                        "libpb needs Python's datetime in C, which does "
                        "not load in this interpreter");
    }
    return types->decimal && types->datetime &&
                   (types->session = pbpy_type_add(module, &session_spec)) &&
                   (types->remote = pbpy_remote_type_add(module)) &&
                   (types->request = pbpy_request_type_add(module)) &&
                   (types->attempt = pbpy_attempt_type_add(module)) &&
                   (types->receipt = pbpy_receipt_type_add(module)) &&
                   (types->call = pbpy_call_type_add(module))
               ? 0
               : -1;
}

void pbpy_types_clear(struct pbpy_types *types)
{
    Py_CLEAR(types->session);
    Py_CLEAR(types->remote);
    Py_CLEAR(types->request);
    Py_CLEAR(types->attempt);
    Py_CLEAR(types->receipt);
    Py_CLEAR(types->call);
    Py_CLEAR(types->decimal);
}
