/* SPDX-License-Identifier: MIT
 *
 * What Python holds of the library's: references, requests, logins under way. Python may
 * let go of them at any time and in any thread, the library wants them back in the
 * session's own and not while it is at work; so they wait in a list, which needs no memory
 * then. */
#include "session/session.h"

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

void pbpy_handle_release(struct pbpy_handle *h)
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

void pbpy_drop_give_back(struct pbpy_drop *drop)
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
        pbpy_drop_give_back(drop);
    }
}

void pbpy_handle_dealloc(PyObject *self)
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
