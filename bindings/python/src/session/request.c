/* SPDX-License-Identifier: MIT
 *
 * The type Request: incoming calls. */
#include "session/session.h"

static void request_unref(void *request)
{
    pb_request_unref(request);
}

PyObject *pbpy_request_new(struct pbpy_session *session, pb_request *request)
{
    return pbpy_handle_new(session->st->types.request, session, request, request_unref);
}

/* The request, to be answered now; NULL with an exception set. */
static pb_request *request_get(PyObject *self)
{
    struct pbpy_handle *h = (struct pbpy_handle *)self;
    return pbpy_session_enter(h->session) ? pbpy_handle_get(self) : NULL;
}

/* Ends a method that answered, with its outcome: the handle holds nothing any more. If
 * the answer could not be sent, unref answers with a failure. */
static PyObject *request_answered(PyObject *self, int code)
{
    struct pbpy_handle *h = (struct pbpy_handle *)self;
    struct pbpy_session *session = h->session;
    struct pbpy_held *held = h->held;
    h->held = NULL;
    if (held) {
        pbpy_held_unref(held);
    }
    if (code == 0 || code == PB_ERR_LOST) {
        Py_RETURN_NONE;
    }
    pb_error err = {.code = code};
    return pbpy_raise(session->st->error, &err);
}

/* Ends the request by an object: as its result, or as its exception. */
static PyObject *request_end(PyObject *self, PyObject *object, PyObject *perspective,
                             int (*end_steal)(pb_request *, pb_value *))
{
    struct pbpy_session *session = ((struct pbpy_handle *)self)->session;
    pb_value *v = pbpy_value_from_object(session, object, perspective);
    pb_request *r = v ? request_get(self) : NULL;
    if (!r) {
        pb_value_unref(v);
        return NULL;
    }
    return request_answered(self, end_steal(r, v));
}

static PyObject *request_answer(PyObject *self, PyObject *args)
{
    PyObject *result, *perspective;
    if (!PyArg_ParseTuple(args, "OO", &result, &perspective)) {
        return NULL;
    }
    return request_end(self, result, perspective, pb_request_answer_steal);
}

static PyObject *request_fail(PyObject *self, PyObject *args)
{
    const char *types, *text, *traceback;
    Py_ssize_t len;
    if (!PyArg_ParseTuple(args, "ss#z", &types, &text, &len, &traceback)) {
        return NULL;
    }
    pb_request *r = request_get(self);
    pb_span span = {(const uint8_t *)text, (size_t)len};
    pb_failure *f = r ? pb_failure_newn(types, span, traceback) : NULL;
    if (!f) {
        return r ? PyErr_NoMemory() : NULL;
    }
    int code = pb_request_fail_with(r, f);
    pb_failure_unref(f);
    return request_answered(self, code);
}

static PyObject *request_fail_as(PyObject *self, PyObject *exception)
{
    return request_end(self, exception, Py_None, pb_request_fail_value_steal);
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
    return PyBool_FromLong(((struct pbpy_handle *)self)->held != NULL);
}

static PyMethodDef request_methods[] = {
    {"answer", request_answer, METH_VARARGS, "answer(result, perspective)"},
    {"fail", request_fail, METH_VARARGS, "fail(types, text, traceback)"},
    {"fail_as", request_fail_as, METH_O, "fail_as(copyable_exception)"},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef request_members[] = {
    {"waiting", request_waiting, NULL, "Whether it is not answered yet.", NULL},
    {"wants_answer", request_wants_answer, NULL, "Whether the caller wants an answer.",
     NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyTypeObject *pbpy_request_type_add(PyObject *module)
{
    return pbpy_handle_type_add(module, "libpb._core.Request",
                                "An incoming call that waits for its answer.",
                                request_methods, request_members, 0);
}
