/* SPDX-License-Identifier: MIT
 *
 * Calls that came in: the type Request. */
#include "session/session.h"

void pbpy_unref_request(void *request)
{
    pb_request_unref(request);
}

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
        pbpy_drop_give_back(drop); /* what could not be sent is answered by a failure */
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
