/* SPDX-License-Identifier: MIT
 *
 * The server's side of a login: the handler judges who it is, then gives the avatar, both
 * by an Attempt. The passwords that are right never leave Python, and those that are
 * compared never came over the wire. */
#include "session/session.h"

void pbpy_unref_attempt(void *attempt)
{
    pb_attempt_unref(attempt);
}

/* The attempt, while it is not over. */
static pb_attempt *attempt_of(PyObject *self)
{
    struct pbpy_handle *h = (struct pbpy_handle *)self;
    return pbpy_session_enter(h->session) ? pbpy_handle_get(self) : NULL;
}

static PyObject *result(PyObject *self, int code)
{
    if (code == 0 || code == PB_ERR_LOST) {
        Py_RETURN_NONE;
    }
    pb_error err = {.code = code};
    return pbpy_raise(((struct pbpy_handle *)self)->session->st->error, &err);
}

static PyObject *attempt_check_password(PyObject *self, PyObject *args)
{
    Py_buffer password;
    if (!PyArg_ParseTuple(args, "y*", &password)) {
        return NULL;
    }
    pb_attempt *a = attempt_of(self);
    PyObject *right = a ? PyBool_FromLong(pb_attempt_check_password(
                              a, (pb_span){password.buf, (size_t)password.len}))
                        : NULL;
    PyBuffer_Release(&password);
    return right;
}

static PyObject *attempt_accept(PyObject *self, PyObject *args)
{
    Py_buffer id;
    if (!PyArg_ParseTuple(args, "y*", &id)) {
        return NULL;
    }
    pb_attempt *a = attempt_of(self);
    PyObject *none =
        a ? result(self, pb_attempt_accept(a, (pb_span){id.buf, (size_t)id.len})) : NULL;
    PyBuffer_Release(&id);
    return none;
}

static PyObject *attempt_refuse(PyObject *self, PyObject *unused)
{
    (void)unused;
    pb_attempt *a = attempt_of(self);
    return a ? result(self, pb_attempt_refuse(a)) : NULL;
}

static PyObject *attempt_fail(PyObject *self, PyObject *args)
{
    const char *types, *text;
    if (!PyArg_ParseTuple(args, "ss", &types, &text)) {
        return NULL;
    }
    pb_attempt *a = attempt_of(self);
    return a ? result(self, pb_attempt_fail(a, types, "%s", text)) : NULL;
}

struct logout {
    struct pbpy_session *session;
    PyObject *callback;
};

static void log_out(void *user_data)
{
    struct logout l = *(struct logout *)user_data;
    PyMem_Free(user_data);
    PyObject *none = PyObject_CallNoArgs(l.callback);
    if (!none) {
        pbpy_unraisable(l.session);
    }
    Py_XDECREF(none);
    Py_DECREF(l.callback);
}

static PyObject *attempt_grant(PyObject *self, PyObject *args)
{
    PyObject *object, *callback;
    if (!PyArg_ParseTuple(args, "OO", &object, &callback)) {
        return NULL;
    }
    pb_attempt *a = attempt_of(self);
    if (!a) {
        return NULL;
    }
    struct pbpy_session *session = ((struct pbpy_handle *)self)->session;
    pb_object *avatar = pbpy_avatar(session, object);
    struct logout *l = avatar ? PyMem_Malloc(sizeof *l) : NULL;
    if (!l) {
        pb_object_unref(avatar);
        return avatar ? PyErr_NoMemory() : NULL;
    }
    *l = (struct logout){session, Py_NewRef(callback)};
    int code = pb_attempt_grant(a, avatar, log_out, l);
    pb_object_unref(avatar);
    if (code == PB_ERR_STATE) { /* logs nobody out */
        Py_DECREF(callback);
        PyMem_Free(l);
    }
    return result(self, code);
}

static PyObject *attempt_username(PyObject *self, void *unused)
{
    (void)unused;
    pb_attempt *a = pbpy_handle_get(self);
    pb_span name = a ? pb_attempt_username(a) : (pb_span){0};
    if (a && !name.data) {
        Py_RETURN_NONE;
    }
    return a ? PyBytes_FromStringAndSize((const char *)name.data, (Py_ssize_t)name.len)
             : NULL;
}

static PyObject *attempt_anonymous(PyObject *self, void *unused)
{
    (void)unused;
    pb_attempt *a = pbpy_handle_get(self);
    return a ? PyBool_FromLong(pb_attempt_is_anonymous(a)) : NULL;
}

static PyObject *attempt_mind(PyObject *self, void *unused)
{
    (void)unused;
    pb_attempt *a = pbpy_handle_get(self);
    return a ? pbpy_value_in(((struct pbpy_handle *)self)->session, pb_attempt_mind(a))
             : NULL;
}

static PyMethodDef attempt_methods[] = {
    {"check_password", attempt_check_password, METH_VARARGS,
     "check_password(password): whether this is what was used."},
    {"accept", attempt_accept, METH_VARARGS, "accept(avatar_id): on to the realm."},
    {"refuse", attempt_refuse, METH_NOARGS, "refuse(): UnauthorizedLogin."},
    {"fail", attempt_fail, METH_VARARGS, "fail(types, text)"},
    {"grant", attempt_grant, METH_VARARGS, "grant(avatar, logout)"},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef attempt_members[] = {
    {"username", attempt_username, NULL, "Bytes; None where there is none.", NULL},
    {"anonymous", attempt_anonymous, NULL, "Whether no name is asked for.", NULL},
    {"mind", attempt_mind, NULL, "What the client gave as its mind.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot attempt_slots[] = {
    {Py_tp_doc, "A login under way."},
    {Py_tp_new, (void *)pbpy_no_new},
    {Py_tp_dealloc, (void *)pbpy_handle_dealloc},
    {Py_tp_traverse, (void *)pbpy_handle_traverse},
    {Py_tp_methods, attempt_methods},
    {Py_tp_getset, attempt_members},
    {0, NULL},
};

PyType_Spec pbpy_attempt_spec = {
    .name = "libpb._core.Attempt",
    .basicsize = sizeof(struct pbpy_handle),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = attempt_slots,
};

/* ---- The portal ---- */

static int ask(struct pbpy_session *session, pb_attempt *a, const char *method,
               bool with_id)
{
    PyObject *attempt = pbpy_handle_new(session->st->live.attempt, session,
                                        pb_attempt_ref(a), pbpy_unref_attempt);
    pb_span id = pb_attempt_avatar_id(a);
    PyObject *none =
        !attempt  ? NULL
        : with_id ? pbpy_handle(session, method, "Oy#", attempt,
                                id.data ? (const char *)id.data : "", (Py_ssize_t)id.len)
                  : pbpy_handle(session, method, "(O)", attempt);
    if (!none) {
        pbpy_unraisable(session);
        pb_attempt_fail(a, "builtins.Exception", "the login could not be handed on");
    }
    Py_XDECREF(none);
    Py_XDECREF(attempt);
    return 0;
}

static int check(pb_attempt *a, void *user_data)
{
    return ask(user_data, a, "check", false);
}

static int realm(pb_attempt *a, void *user_data)
{
    return ask(user_data, a, "realm", true);
}

pb_object *pbpy_portal_root(struct pbpy_session *self)
{
    pb_portal *p = pb_portal_new(realm, self);
    if (p) {
        pb_portal_set_checker(p, check, self);
        pb_portal_set_anonymous_checker(p, check, self);
        pb_portal_accept_text_names(p, true);
    }
    pb_object *root = p ? pb_portal_root(p) : NULL;
    pb_portal_unref(p);
    return root;
}
