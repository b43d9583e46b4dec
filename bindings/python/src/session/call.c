/* SPDX-License-Identifier: MIT
 *
 * Calls and logins that wait for their answer. Each ends by one call of its callback, with
 * (True, result) or (False, exception). */
#include "session/session.h"

struct call {
    PyObject ob_base;
    struct pbpy_session *session;
    PyObject *callback; /* NULL when it has run */
    pb_call *call;      /* one of the two, while it is under way */
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
    {"cancel", call_cancel, METH_NOARGS, "Gives the call up: its callback runs now."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot call_slots[] = {
    {Py_tp_doc, "A call that is under way."},
    {Py_tp_new, (void *)pbpy_no_new},
    {Py_tp_dealloc, (void *)call_dealloc},
    {Py_tp_traverse, (void *)call_traverse},
    {Py_tp_methods, call_methods},
    {0, NULL},
};

PyType_Spec pbpy_call_spec = {
    .name = "libpb._core.Call",
    .basicsize = sizeof(struct call),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = call_slots,
};

static struct call *call_new(struct pbpy_session *session, PyObject *callback)
{
    PyTypeObject *type = session->st->live.call;
    struct call *c = (struct call *)type->tp_alloc(type, 0);
    if (c) {
        c->session = (struct pbpy_session *)Py_NewRef((PyObject *)session);
        c->callback = Py_NewRef(callback);
    }
    return c;
}

/* The exception that is set, normalised: *new*. */
static PyObject *take_exception(void)
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

/* Takes the count that a call under way is held by. */
static void answered(pb_value *result, pb_failure *failure, void *user_data)
{
    struct call *c = user_data;
    struct pbpy_session *session = c->session;
    PyObject *callback = c->callback;
    c->callback = NULL;
    c->call = NULL;
    c->login = NULL;
    bool done = result != NULL;
    PyObject *outcome =
        done ? pbpy_value_in(session, result) : pbpy_failure_in(session, failure);
    if (!outcome) {
        outcome = take_exception();
        done = false;
    }
    PyObject *none = outcome ? PyObject_CallFunctionObjArgs(
                                   callback, done ? Py_True : Py_False, outcome, NULL)
                             : NULL;
    if (!none) {
        pbpy_unraisable(session);
    }
    Py_XDECREF(none);
    Py_XDECREF(outcome);
    Py_DECREF(callback);
    Py_DECREF(c);
}

static PyObject *refused(struct pbpy_session *session, const pb_error *err)
{
    if (err->code == PB_ERR_DEAD) {
        PyErr_SetString(PyExc_ReferenceError, "the connection has ended");
        return NULL;
    }
    return pbpy_raise(session->st->jelly_error, err);
}

/* What is needed of it is in its arguments: a count of the call, held by the library from
 * now on; or an exception. */
static PyObject *begun(struct call *c, int failed, pb_error *err)
{
    if (failed) {
        err->code = failed;
        refused(c->session, err);
        Py_DECREF(c);
        Py_DECREF(c);
        return NULL;
    }
    return (PyObject *)c;
}

PyObject *pbpy_remote_call(PyObject *remote, PyObject *args)
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
    PyObject *perspective = Py_NewRef(pbpy_object_self(pb_remote_perspective(to)));
    pb_value *a = pbpy_value_out(session, arguments, perspective);
    pb_value *k =
        a && keywords != Py_None ? pbpy_value_out(session, keywords, perspective) : NULL;
    Py_DECREF(perspective);
    bool wants = callback != Py_None;
    struct call *c = NULL;
    if (a && (k || keywords == Py_None) && pbpy_session_enter(session) &&
        (to = pbpy_handle_get(remote)) != NULL) {
        c = call_new(session, callback);
    }
    PyObject *out = NULL;
    if (c) {
        pb_call_options options = {.timeout = timeout, .no_answer = !wants};
        pb_error err = {0};
        Py_INCREF(c);
        out = begun(c,
                    pb_remote_call_values(to, method, a, k, &options,
                                          wants ? answered : NULL, c,
                                          wants ? &c->call : NULL, &err),
                    &err);
        if (out && !wants) {
            Py_DECREF(c);
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
    pb_credentials who = {
        .username = name.len ? name.buf : NULL,
        .username_len = (size_t)name.len,
        .password = password.len ? password.buf : NULL,
        .password_len = (size_t)password.len,
        .username_as_text = as_text,
        .anonymous = !name.obj,
    };
    pb_call_options options = {.timeout = timeout};
    pb_value *m = pbpy_value_out(session, mind, Py_None);
    struct call *c =
        m && pbpy_session_enter(session) ? call_new(session, callback) : NULL;
    PyObject *out = NULL;
    if (c) {
        pb_error err = {0};
        Py_INCREF(c);
        out = begun(c,
                    pb_login(session->s, &who, m, &options, answered, c, &c->login, &err),
                    &err);
    }
    pb_value_unref(m);
    PyBuffer_Release(&name);
    PyBuffer_Release(&password);
    return out;
}
