/* SPDX-License-Identifier: MIT
 *
 * The type Call: outgoing calls and logins that wait for their answer. Each ends with one
 * call of its callback: callback(True, result) or callback(False, exception). */
#include "session/session.h"

struct call {
    PyObject ob_base;
    struct pbpy_session *session;
    PyObject *callback; /* NULL when it has run */
    pb_call *call;      /* this or login, until the answer is there */
    pb_login_call *login;
};

static void call_dealloc(PyObject *self)
{
    struct call *c = (struct call *)self;
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    Py_XDECREF(c->session);
    Py_XDECREF(c->callback);
    type->tp_free(self);
    Py_DECREF(type);
}

static int call_traverse(PyObject *self, visitproc visit, void *arg)
{
    struct call *c = (struct call *)self;
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(c->session);
    Py_VISIT(c->callback);
    return 0;
}

static PyObject *call_cancel(PyObject *self, PyObject *unused)
{
    (void)unused;
    struct call *c = (struct call *)self;
    if (!pbpy_session_enter(c->session)) {
        return NULL;
    }
    if (c->call) {
        pb_call_cancel(c->call);
    } else if (c->login) {
        pb_login_cancel(c->login);
    }
    Py_RETURN_NONE;
}

static PyMethodDef call_methods[] = {
    {"cancel", call_cancel, METH_NOARGS, "Cancels the call: its callback runs now."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot call_slots[] = {
    {Py_tp_doc, "An outgoing call that waits for its answer."},
    {Py_tp_new, (void *)pbpy_no_new},
    {Py_tp_dealloc, (void *)call_dealloc},
    {Py_tp_traverse, (void *)call_traverse},
    {Py_tp_methods, call_methods},
    {0, NULL},
};

static PyType_Spec call_spec = {
    .name = "libpb._core.Call",
    .basicsize = sizeof(struct call),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = call_slots,
};

PyTypeObject *pbpy_call_type_add(PyObject *module)
{
    return pbpy_type_add(module, &call_spec);
}

static struct call *call_new(struct pbpy_session *session, PyObject *callback)
{
    PyTypeObject *type = session->st->types.call;
    struct call *c = (struct call *)type->tp_alloc(type, 0);
    if (c) {
        c->session = (struct pbpy_session *)Py_NewRef((PyObject *)session);
        c->callback = Py_NewRef(callback);
    }
    return c;
}

/* The exception that is set, normalised: *new*. It is not set any more. */
static PyObject *exception_take(void)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback && value) {
        PyException_SetTraceback(value, traceback);
    }
    Py_XDECREF(type);
    Py_XDECREF(traceback);
    return value;
}

/* The pb_answer_cb of calls and logins. Releases the count that the library held. */
static void call_answered(pb_value *result, pb_failure *failure, void *user_data)
{
    struct call *c = user_data;
    struct pbpy_session *session = c->session;
    PyObject *callback = c->callback;
    c->callback = NULL;
    c->call = NULL;
    c->login = NULL;
    bool done = result != NULL;
    PyObject *outcome = done ? pbpy_object_from_value(session, result)
                             : pbpy_exception_from_failure(session, failure);
    if (!outcome) {
        outcome = exception_take();
        done = false;
    }
    PyObject *none = outcome ? PyObject_CallFunctionObjArgs(
                                   callback, done ? Py_True : Py_False, outcome, NULL)
                             : NULL;
    if (!none) {
        pbpy_session_unraisable(session);
    }
    Py_XDECREF(none);
    Py_XDECREF(outcome);
    Py_DECREF(callback);
    Py_DECREF(c);
}

/* Ends a method that began a call: takes one count of the call (the library holds another
 * one), and returns it. If it failed with a code, takes both counts and raises the
 * exception for that code and err. */
static PyObject *call_begun(struct call *c, int failed, pb_error *err)
{
    if (!failed) {
        return (PyObject *)c;
    }
    err->code = failed;
    if (failed == PB_ERR_DEAD) {
        PyErr_SetString(PyExc_ReferenceError, "the connection has ended");
    } else {
        pbpy_raise(c->session->st->jelly_error, err);
    }
    Py_DECREF(c);
    Py_DECREF(c);
    return NULL;
}

PyObject *pbpy_remote_begin(PyObject *remote, PyObject *args)
{
    struct pbpy_session *session = ((struct pbpy_handle *)remote)->session;
    PyObject *arguments, *keywords, *callback;
    const char *method;
    long long timeout;
    if (!PyArg_ParseTuple(args, "sO!OLO", &method, &PyTuple_Type, &arguments, &keywords,
                          &timeout, &callback)) {
        return NULL;
    }
    pb_remote *to = pbpy_handle_get(remote);
    if (!to) {
        return NULL;
    }
    PyObject *perspective =
        Py_NewRef(pbpy_local_object_python(pb_remote_perspective(to)));
    pb_value *a = pbpy_value_from_object(session, arguments, perspective);
    pb_value *k = a && keywords != Py_None
                      ? pbpy_value_from_object(session, keywords, perspective)
                      : NULL;
    Py_DECREF(perspective);
    bool wants = callback != Py_None;
    struct call *c = NULL;
    /* Python code has run, which may have released the reference. */
    if (a && (k || keywords == Py_None) && pbpy_session_enter(session) &&
        (to = pbpy_handle_get(remote)) != NULL) {
        c = call_new(session, callback);
    }
    PyObject *out = NULL;
    if (c) {
        pb_call_options options = {.timeout = timeout, .no_answer = !wants};
        pb_error err = {0};
        Py_INCREF(c);
        int failed = pb_remote_call_values(to, method, a, k, &options,
                                           wants ? call_answered : NULL, c,
                                           wants ? &c->call : NULL, &err);
        out = call_begun(c, failed, &err);
        if (out && !wants) {
            Py_DECREF(c); /* call_answered will not run */
        }
    }
    pb_value_unref(a);
    pb_value_unref(k);
    return out;
}

PyObject *pbpy_session_login(PyObject *self, PyObject *args)
{
    struct pbpy_session *session = (struct pbpy_session *)self;
    PyObject *mind, *callback;
    Py_buffer name = {0}, password = {0};
    int as_text;
    long long timeout;
    if (!PyArg_ParseTuple(args, "z*z*pOLO", &name, &password, &as_text, &mind, &timeout,
                          &callback)) {
        return NULL;
    }
    pb_credentials credentials = {
        .username = name.len ? name.buf : NULL,
        .username_len = (size_t)name.len,
        .password = password.len ? password.buf : NULL,
        .password_len = (size_t)password.len,
        .username_as_text = as_text,
        .anonymous = !name.obj,
    };
    pb_call_options options = {.timeout = timeout};
    pb_value *m = pbpy_value_from_object(session, mind, Py_None);
    struct call *c =
        m && pbpy_session_enter(session) ? call_new(session, callback) : NULL;
    PyObject *out = NULL;
    if (c) {
        pb_error err = {0};
        Py_INCREF(c);
        int failed = pb_login(session->s, &credentials, m, &options, call_answered, c,
                              &c->login, &err);
        out = call_begun(c, failed, &err);
    }
    pb_value_unref(m);
    PyBuffer_Release(&name);
    PyBuffer_Release(&password);
    return out;
}
