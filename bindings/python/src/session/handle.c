/* SPDX-License-Identifier: MIT
 *
 * What Python holds of the library's: references, requests, logins under way. Python may
 * let go of them at any time and in any thread, the library wants them back in the
 * session's own and not while it is at work; so they wait in a list, which needs no memory
 * then. Here are also the objects that Python offers to peers. */
#include "session/session.h"

/* ---- Handles ---- */

static void unref_remote(void *remote)
{
    pb_remote_unref(remote);
}

void pbpy_unref_request(void *request)
{
    pb_request_unref(request);
}

void pbpy_unref_attempt(void *attempt)
{
    pb_attempt_unref(attempt);
}

PyObject *pbpy_handle_new(PyTypeObject *type, struct pbpy_session *session, void *what,
                          void (*unref)(void *what))
{
    struct pbpy_drop *drop = PyMem_Malloc(sizeof *drop);
    struct pbpy_handle *h = drop ? (struct pbpy_handle *)type->tp_alloc(type, 0) : NULL;
    if (!h) {
        PyMem_Free(drop);
        unref(what);
        return drop ? NULL : PyErr_NoMemory();
    }
    *drop = (struct pbpy_drop){.what = what, .unref = unref};
    h->drop = drop;
    h->session = (struct pbpy_session *)Py_NewRef((PyObject *)session);
    return (PyObject *)h;
}

void *pbpy_handle_get(PyObject *handle)
{
    struct pbpy_handle *h = (struct pbpy_handle *)handle;
    if (!h->drop) {
        PyErr_SetString(PyExc_ReferenceError, "it was given back already");
        return NULL;
    }
    return h->drop->what;
}

PyObject *pbpy_remote_new(struct pbpy_session *session, pb_remote *remote)
{
    if (!remote) {
        return PyErr_NoMemory();
    }
    int64_t luid = pb_remote_luid(remote);
    PyObject *r = pbpy_handle_new((PyTypeObject *)session->references, session, remote,
                                  unref_remote);
    if (r) {
        ((struct pbpy_handle *)r)->luid = luid;
    }
    return r;
}

/* Puts what it holds into the list, and has the session look there soon. */
static void let_go(struct pbpy_handle *h)
{
    struct pbpy_session *session = h->session;
    struct pbpy_drop *drop = h->drop;
    if (!drop) {
        return;
    }
    h->drop = NULL;
    drop->next = session->dropped;
    session->dropped = drop;
    if (!session->woken && session->handler && !pb_session_is_closed(session->s) &&
        Py_REFCNT((PyObject *)session) > 1) {
        session->woken = true;
        bool elsewhere = PyThread_get_thread_ident() != session->thread;
        PyObject *type, *value, *traceback;
        PyErr_Fetch(&type, &value, &traceback);
        PyObject *none =
            pbpy_handle(session, "wake", "(O)", elsewhere ? Py_True : Py_False);
        if (!none && PyErr_ExceptionMatches(PyExc_RuntimeError)) {
            PyErr_Clear(); /* the loop is closed: nobody will look any more */
        } else if (!none) {
            PyErr_WriteUnraisable(session->handler);
        }
        Py_XDECREF(none);
        PyErr_Restore(type, value, traceback);
    }
}

static void give_back(struct pbpy_drop *drop)
{
    drop->unref(drop->what);
    PyMem_Free(drop);
}

void pbpy_drain(struct pbpy_session *self)
{
    self->woken = false;
    while (self->dropped) {
        struct pbpy_drop *drop = self->dropped;
        self->dropped = drop->next;
        give_back(drop);
    }
}

void pbpy_handle_dealloc(PyObject *self)
{
    struct pbpy_handle *h = (struct pbpy_handle *)self;
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    if (h->session) {
        let_go(h);
        Py_DECREF(h->session);
    }
    type->tp_free(self);
    Py_DECREF(type);
}

PyObject *pbpy_no_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    (void)args;
    (void)kwargs;
    return PyErr_Format(PyExc_TypeError, "a %s comes from a session only", type->tp_name);
}

int pbpy_handle_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((struct pbpy_handle *)self)->session);
    return 0;
}

/* ---- References ---- */

static PyObject *remote_release(PyObject *self, PyObject *unused)
{
    (void)unused;
    let_go((struct pbpy_handle *)self);
    Py_RETURN_NONE;
}

static PyObject *remote_handler(PyObject *self, void *unused)
{
    (void)unused;
    PyObject *handler = ((struct pbpy_handle *)self)->session->handler;
    return Py_NewRef(handler ? handler : Py_None);
}

static PyObject *remote_luid(PyObject *self, void *unused)
{
    (void)unused;
    return PyLong_FromLongLong(((struct pbpy_handle *)self)->luid);
}

static PyObject *remote_released(PyObject *self, void *unused)
{
    (void)unused;
    return PyBool_FromLong(!((struct pbpy_handle *)self)->drop);
}

static PyMethodDef remote_methods[] = {
    {"begin", pbpy_remote_call, METH_VARARGS,
     "begin(method, args, kwargs, timeout, callback)"},
    {"release", remote_release, METH_NOARGS,
     "Gives the reference back to the peer now: it cannot be called any more."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef remote_members[] = {
    {"handler", remote_handler, NULL, "That of the session that it came over.", NULL},
    {"luid", remote_luid, NULL, "Its number at the peer; 0 for one that goes by a name.",
     NULL},
    {"released", remote_released, NULL, "Whether it was given back by release().", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot remote_slots[] = {
    {Py_tp_doc, "A reference to an object of the peer's."},
    {Py_tp_new, (void *)pbpy_no_new},
    {Py_tp_dealloc, (void *)pbpy_handle_dealloc},
    {Py_tp_traverse, (void *)pbpy_handle_traverse},
    {Py_tp_methods, remote_methods},
    {Py_tp_getset, remote_members},
    {0, NULL},
};

PyType_Spec pbpy_remote_spec = {
    .name = "libpb._core.Remote",
    .basicsize = sizeof(struct pbpy_handle),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = remote_slots,
};

/* ---- Calls that came in ---- */

/* Answers once: then there is nothing left to hold. */
static pb_request *request_take(PyObject *self)
{
    struct pbpy_handle *h = (struct pbpy_handle *)self;
    return pbpy_session_enter(h->session) ? pbpy_handle_get(self) : NULL;
}

static PyObject *request_done(PyObject *self, int code)
{
    struct pbpy_handle *h = (struct pbpy_handle *)self;
    struct pbpy_session *session = h->session;
    struct pbpy_drop *drop = h->drop;
    h->drop = NULL;
    if (drop) {
        give_back(drop); /* what could not be sent is answered by a failure */
    }
    if (code == 0 || code == PB_ERR_LOST) {
        Py_RETURN_NONE;
    }
    pb_error err = {.code = code};
    return pbpy_raise(session->st->error, &err);
}

static PyObject *request_answer(PyObject *self, PyObject *args)
{
    PyObject *result, *perspective;
    if (!PyArg_ParseTuple(args, "OO", &result, &perspective)) {
        return NULL;
    }
    struct pbpy_session *session = ((struct pbpy_handle *)self)->session;
    pb_value *v = pbpy_value_out(session, result, perspective);
    pb_request *r = v ? request_take(self) : NULL;
    if (!r) {
        pb_value_unref(v);
        return NULL;
    }
    return request_done(self, pb_request_answer_steal(r, v));
}

static PyObject *request_fail(PyObject *self, PyObject *args)
{
    const char *types, *text, *traceback;
    if (!PyArg_ParseTuple(args, "ssz", &types, &text, &traceback)) {
        return NULL;
    }
    pb_request *r = request_take(self);
    pb_failure *f = r ? pb_failure_new(types, text, traceback) : NULL;
    if (!f) {
        return r ? PyErr_NoMemory() : NULL;
    }
    int code = pb_request_fail_with(r, f);
    pb_failure_unref(f);
    return request_done(self, code);
}

static PyObject *request_fail_as(PyObject *self, PyObject *exception)
{
    struct pbpy_session *session = ((struct pbpy_handle *)self)->session;
    pb_value *v = pbpy_value_out(session, exception, Py_None);
    pb_request *r = v ? request_take(self) : NULL;
    if (!r) {
        pb_value_unref(v);
        return NULL;
    }
    return request_done(self, pb_request_fail_value_steal(r, v));
}

static PyObject *request_wants_answer(PyObject *self, void *unused)
{
    (void)unused;
    pb_request *r = pbpy_handle_get(self);
    return r ? PyBool_FromLong(pb_request_wants_answer(r)) : NULL;
}

static PyObject *request_waiting(PyObject *self, void *unused)
{
    (void)unused;
    return PyBool_FromLong(((struct pbpy_handle *)self)->drop != NULL);
}

static PyMethodDef request_methods[] = {
    {"answer", request_answer, METH_VARARGS, "answer(result, perspective)"},
    {"fail", request_fail, METH_VARARGS, "fail(types, text, traceback)"},
    {"fail_as", request_fail_as, METH_O, "fail_as(copyable_exception)"},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef request_members[] = {
    {"waiting", request_waiting, NULL, "Whether it is not answered yet.", NULL},
    {"wants_answer", request_wants_answer, NULL, "Whether the caller wants one.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot request_slots[] = {
    {Py_tp_doc, "A call that waits for its answer."},
    {Py_tp_new, (void *)pbpy_no_new},
    {Py_tp_dealloc, (void *)pbpy_handle_dealloc},
    {Py_tp_traverse, (void *)pbpy_handle_traverse},
    {Py_tp_methods, request_methods},
    {Py_tp_getset, request_members},
    {0, NULL},
};

PyType_Spec pbpy_request_spec = {
    .name = "libpb._core.Request",
    .basicsize = sizeof(struct pbpy_handle),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = request_slots,
};
