/* SPDX-License-Identifier: MIT
 *
 * References to objects of the peer's: the type Remote. */
#include "session/session.h"

static void unref_remote(void *remote)
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
                                  unref_remote);
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
