/* SPDX-License-Identifier: MIT
 *
 * The type Attempt: the server's side of a login. The handler checks an attempt (check),
 * then gives the avatar (realm). The peer never sends a password, only a digest of it,
 * which pb_attempt_check_password compares. */
#include "session/session.h"

static void attempt_unref(void *attempt)
{
    pb_attempt_unref(attempt);
}

PyObject *pbpy_attempt_new(struct pbpy_session *session, pb_attempt *attempt)
{
    return pbpy_handle_new(session->st->types.attempt, session, attempt, attempt_unref);
}

/* The attempt, to be answered now; NULL with an exception set. */
static pb_attempt *attempt_get(PyObject *self)
{
    struct pbpy_handle *h = (struct pbpy_handle *)self;
    return pbpy_session_enter(h->session) ? pbpy_handle_get(self) : NULL;
}

/* Ends a method that answered, with its outcome. */
static PyObject *attempt_answered(PyObject *self, int code)
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
    pb_attempt *a = attempt_get(self);
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
    pb_attempt *a = attempt_get(self);
    PyObject *none =
        a ? attempt_answered(self,
                             pb_attempt_accept(a, (pb_span){id.buf, (size_t)id.len}))
          : NULL;
    PyBuffer_Release(&id);
    return none;
}

static PyObject *attempt_refuse(PyObject *self, PyObject *unused)
{
    (void)unused;
    pb_attempt *a = attempt_get(self);
    return a ? attempt_answered(self, pb_attempt_refuse(a)) : NULL;
}

static PyObject *attempt_fail(PyObject *self, PyObject *args)
{
    const char *types, *text;
    if (!PyArg_ParseTuple(args, "ss", &types, &text)) {
        return NULL;
    }
    pb_attempt *a = attempt_get(self);
    return a ? attempt_answered(self, pb_attempt_fail(a, types, "%s", text)) : NULL;
}

/* The function to call when a client has logged out. */
struct logout {
    struct pbpy_session *session;
    PyObject *callback;
};

static void logout_run(void *user_data)
{
    struct logout l = *(struct logout *)user_data;
    PyMem_Free(user_data);
    PyObject *none = PyObject_CallNoArgs(l.callback);
    if (!none) {
        pbpy_session_unraisable(l.session);
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
    pb_attempt *a = attempt_get(self);
    if (!a) {
        return NULL;
    }
    struct pbpy_session *session = ((struct pbpy_handle *)self)->session;
    pb_object *avatar = pbpy_local_avatar(session, object);
    struct logout *l = avatar ? PyMem_Malloc(sizeof *l) : NULL;
    if (!l) {
        pb_object_unref(avatar);
        return avatar ? PyErr_NoMemory() : NULL;
    }
    *l = (struct logout){session, Py_NewRef(callback)};
    int code = pb_attempt_grant(a, avatar, logout_run, l);
    pb_object_unref(avatar);
    if (code == PB_ERR_STATE) { /* logout_run will not run */
        Py_DECREF(callback);
        PyMem_Free(l);
    }
    return attempt_answered(self, code);
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
    return a ? pbpy_object_from_value(((struct pbpy_handle *)self)->session,
                                      pb_attempt_mind(a))
             : NULL;
}

static PyMethodDef attempt_methods[] = {
    {"check_password", attempt_check_password, METH_VARARGS,
     "check_password(password): whether this is the password that the client has."},
    {"accept", attempt_accept, METH_VARARGS, "accept(avatar_id): goes on to the realm."},
    {"refuse", attempt_refuse, METH_NOARGS, "refuse(): UnauthorizedLogin."},
    {"fail", attempt_fail, METH_VARARGS, "fail(types, text)"},
    {"grant", attempt_grant, METH_VARARGS, "grant(avatar, logout)"},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef attempt_members[] = {
    {"username", attempt_username, NULL, "Bytes; None for a login without a name.", NULL},
    {"anonymous", attempt_anonymous, NULL, "Whether the login is anonymous.", NULL},
    {"mind", attempt_mind, NULL, "The mind that the client sent.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyTypeObject *pbpy_attempt_type_add(PyObject *module)
{
    return pbpy_handle_type_add(module, "libpb._core.Attempt", "A login in progress.",
                                attempt_methods, attempt_members, 0);
}

/* ---- The portal ---- */

/* Calls a method of the handler with an attempt. An exception fails the login. */
static int portal_ask(struct pbpy_session *session, pb_attempt *a, const char *method,
                      bool with_id)
{
    PyObject *attempt = pbpy_attempt_new(session, pb_attempt_ref(a));
    pb_span id = pb_attempt_avatar_id(a);
    PyObject *none = !attempt  ? NULL
                     : with_id ? pbpy_handler_call(session, method, "Oy#", attempt,
                                                   id.data ? (const char *)id.data : "",
                                                   (Py_ssize_t)id.len)
                               : pbpy_handler_call(session, method, "(O)", attempt);
    if (!none) {
        pbpy_session_unraisable(session);
        pb_attempt_fail(a, "builtins.Exception", "the login could not be handed on");
    }
    Py_XDECREF(none);
    Py_XDECREF(attempt);
    return 0;
}

static int portal_check(pb_attempt *a, void *user_data)
{
    return portal_ask(user_data, a, "check", false);
}

static int portal_realm(pb_attempt *a, void *user_data)
{
    return portal_ask(user_data, a, "realm", true);
}

pb_object *pbpy_portal_root(struct pbpy_session *self)
{
    pb_portal *p = pb_portal_new(portal_realm, self);
    if (p) {
        pb_portal_set_checker(p, portal_check, self);
        pb_portal_set_anonymous_checker(p, portal_check, self);
        pb_portal_accept_text_names(p, true);
    }
    pb_object *root = p ? pb_portal_root(p) : NULL;
    pb_portal_unref(p);
    return root;
}
