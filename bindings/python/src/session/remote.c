/* SPDX-License-Identifier: MIT
 *
 * The type Remote: references to objects of the peer's. Its method `begin` is in
 * call.c. */
#include "session/session.h"

static void remote_unref(void *remote)
{
    pb_remote_unref(remote);
}

PyObject *pbpy_remote_new(struct pbpy_session *session, pb_remote *remote)
{
    if (!remote) {
        return PyErr_NoMemory();
    }
    int64_t luid = pb_remote_luid(remote);
    PyObject *r = pbpy_handle_new((PyTypeObject *)session->references, session, remote,
                                  remote_unref);
    if (r) {
        ((struct pbpy_handle *)r)->luid = luid;
    }
    return r;
}

static PyObject *remote_release(PyObject *self, PyObject *unused)
{
    (void)unused;
    pbpy_handle_release((struct pbpy_handle *)self);
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
    return PyBool_FromLong(!((struct pbpy_handle *)self)->held);
}

static PyMethodDef remote_methods[] = {
    {"begin", pbpy_remote_begin, METH_VARARGS,
     "begin(method, args, kwargs, timeout, callback): begins a call."},
    {"release", remote_release, METH_NOARGS,
     "Releases the reference now: it cannot be called any more."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef remote_members[] = {
    {"handler", remote_handler, NULL, "The handler of the session that it came over.",
     NULL},
    {"luid", remote_luid, NULL,
     "Its number at the peer; 0 for one that is published under a name.", NULL},
    {"released", remote_released, NULL, "Whether release() was called.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyTypeObject *pbpy_remote_type_add(PyObject *module)
{
    return pbpy_handle_type_add(module, "libpb._core.Remote",
                                "A reference to an object of the peer's.", remote_methods,
                                remote_members, Py_TPFLAGS_BASETYPE);
}
