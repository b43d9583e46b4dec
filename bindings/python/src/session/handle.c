/* SPDX-License-Identifier: MIT
 *
 * Handles: Python objects that hold one count of an object of the library (Remote,
 * Request, Attempt). Python may release one at any time and in any thread; the library
 * takes the count back only in the session's own thread and while it is not at work. So
 * released counts wait in a list until a method of the session runs. */
#include "session/session.h"

PyObject *pbpy_handle_new(PyTypeObject *type, struct pbpy_session *session, void *object,
                          void (*unref)(void *object))
{
    struct pbpy_held *held = PyMem_Malloc(sizeof *held);
    struct pbpy_handle *h = held ? (struct pbpy_handle *)type->tp_alloc(type, 0) : NULL;
    if (!h) {
        PyMem_Free(held);
        unref(object);
        return held ? NULL : PyErr_NoMemory();
    }
    *held = (struct pbpy_held){.object = object, .unref = unref};
    h->held = held;
    h->session = (struct pbpy_session *)Py_NewRef((PyObject *)session);
    return (PyObject *)h;
}

void *pbpy_handle_get(PyObject *handle)
{
    struct pbpy_handle *h = (struct pbpy_handle *)handle;
    if (!h->held) {
        PyErr_SetString(PyExc_ReferenceError, "it was released already");
        return NULL;
    }
    return h->held->object;
}

/* Calls wake() of the handler, and keeps the exception that is set. */
static void handler_wake(struct pbpy_session *session)
{
    bool elsewhere = PyThread_get_thread_ident() != session->thread;
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyObject *none =
        pbpy_handler_call(session, "wake", "(O)", elsewhere ? Py_True : Py_False);
    if (!none && PyErr_ExceptionMatches(PyExc_RuntimeError)) {
        PyErr_Clear(); /* the loop is closed, so no method runs any more */
    } else if (!none) {
        PyErr_WriteUnraisable(session->handler);
    }
    Py_XDECREF(none);
    PyErr_Restore(type, value, traceback);
}

void pbpy_handle_release(struct pbpy_handle *h)
{
    struct pbpy_session *session = h->session;
    struct pbpy_held *held = h->held;
    if (!held) {
        return;
    }
    h->held = NULL;
    held->next = session->released;
    session->released = held;
    if (!session->wake_called && session->handler && !pb_session_is_closed(session->s) &&
        Py_REFCNT((PyObject *)session) > 1) {
        session->wake_called = true;
        handler_wake(session);
    }
}

void pbpy_held_unref(struct pbpy_held *held)
{
    held->unref(held->object);
    PyMem_Free(held);
}

void pbpy_session_release(struct pbpy_session *self)
{
    self->wake_called = false;
    while (self->released) {
        struct pbpy_held *held = self->released;
        self->released = held->next;
        pbpy_held_unref(held);
    }
}

/* ---- Types of handles ---- */

static void handle_dealloc(PyObject *self)
{
    struct pbpy_handle *h = (struct pbpy_handle *)self;
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    if (h->session) {
        pbpy_handle_release(h);
        Py_DECREF(h->session);
    }
    type->tp_free(self);
    Py_DECREF(type);
}

static int handle_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((struct pbpy_handle *)self)->session);
    return 0;
}

PyTypeObject *pbpy_handle_type_add(PyObject *module, const char *name, const char *doc,
                                   PyMethodDef *methods, PyGetSetDef *members,
                                   unsigned flags)
{
    PyType_Slot slots[] = {
        {Py_tp_doc, (void *)doc},
        {Py_tp_new, (void *)pbpy_no_new},
        {Py_tp_dealloc, (void *)handle_dealloc},
        {Py_tp_traverse, (void *)handle_traverse},
        {Py_tp_methods, methods},
        {Py_tp_getset, members},
        {0, NULL},
    };
    PyType_Spec spec = {
        .name = name,
        .basicsize = sizeof(struct pbpy_handle),
        .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | flags,
        .slots = slots,
    };
    return pbpy_type_add(module, &spec);
}
