/* SPDX-License-Identifier: MIT
 *
 * Sessions for Python: a pb_session that a program's own loop drives (libpb.connection),
 * what belongs to one, and values both ways. A session's C code never calls its methods
 * by itself but through its handler, a Python object:
 *
 *     ready() closed(code, text) log(level, text) wake(from_elsewhere)
 *     dispatch(request, object, role, method, args, kwargs, perspective)
 *     refused(request, exception)                      the arguments of a call
 *     failure(code, type, text, traceback, parents)    gives an exception
 *     flatten(object, perspective)     False: a Referenceable; True: a Viewable; (tag,
 *         state): a copy; (types, text, traceback): a failure
 *     fill(copy, state) unpersistable(reason)
 *     check(attempt) realm(attempt, avatar_id)         logins
 */
#ifndef PBPY_LIVE_H
#define PBPY_LIVE_H

#include "common/state.h"

#include <pb/flavors.h>
#include <pb/login.h>

/* What a Python object gave up, and the session has not given back yet: that waits until a
 * method of the session runs, which is in its own thread. */
struct pbpy_drop {
    struct pbpy_drop *next;
    void *what;
    void (*unref)(void *what);
};

struct pbpy_session {
    PyObject ob_base;
    struct pbpy_state *st;
    pb_session *s;
    pb_registry *registry;
    pb_taster *taster;    /* changed only while no message is read or written */
    PyObject *handler;    /* NULL when it is gone */
    PyObject *references; /* the class of references, a subclass of Remote */
    PyObject *copies;     /* classes by their tags: a dict, which may grow */
    Py_ssize_t known;     /* how many of them the registry knows */
    PyObject *objects;    /* boxes of objects that were sent, by address of the object */
    struct pbpy_drop *dropped;
    bool woken;          /* told of what was dropped */
    PyObject *raised[3]; /* what ends the loop, until the library has returned */
    unsigned long thread;
    bool receiving;
};

/* A Remote, a Request or an Attempt: one count of the library's. */
struct pbpy_handle {
    PyObject ob_base;
    struct pbpy_session *session;
    struct pbpy_drop *drop; /* NULL: given up */
    int64_t luid;           /* of a Remote */
};

/* ---- Setting up ---- */

int pbpy_live_add(PyObject *module, struct pbpy_state *st);
void pbpy_live_clear(struct pbpy_live *live);
extern PyType_Spec pbpy_remote_spec, pbpy_request_spec, pbpy_attempt_spec, pbpy_call_spec;

/* ---- Sessions ---- */

/* Whether the session may be used now, from this thread; else with an exception set. */
bool pbpy_session_enter(struct pbpy_session *self);
/* Calls a method of the handler: *new*; NULL with an exception set. */
PyObject *pbpy_handle(struct pbpy_session *self, const char *method, const char *format,
                      ...);
/* An exception in a callback of the library, where nobody is who could take it: what ends
 * the loop is kept for the end of the method that called the library, the rest is told. */
void pbpy_unraisable(struct pbpy_session *self);

/* ---- Handles ---- */

/* A handle of a type, *new*, which takes the count over, also where it fails. */
PyObject *pbpy_handle_new(PyTypeObject *type, struct pbpy_session *session, void *what,
                          void (*unref)(void *what));
/* The same of a reference, which may be NULL for lack of memory. */
PyObject *pbpy_remote_new(struct pbpy_session *session, pb_remote *remote);
/* Slots of the types. None is called by Python. */
void pbpy_handle_dealloc(PyObject *handle);
int pbpy_handle_traverse(PyObject *handle, visitproc visit, void *arg);
PyObject *pbpy_no_new(PyTypeObject *type, PyObject *args, PyObject *kwargs);
/* What a handle holds; NULL with an exception set. */
void *pbpy_handle_get(PyObject *handle);
/* Puts what a handle holds into the session's list of what is to be given back, and has
 * the session look there soon. Nothing, if it holds nothing. */
void pbpy_handle_release(struct pbpy_handle *handle);
/* Gives back what one of that list holds. */
void pbpy_drop_give_back(struct pbpy_drop *drop);
/* Gives back what handles have dropped. */
void pbpy_drain(struct pbpy_session *self);
void pbpy_unref_request(void *request);
void pbpy_unref_attempt(void *attempt);

/* ---- Objects ---- */

/* Lets the library know of classes that were registered since; false with an exception
 * set. */
bool pbpy_learn_tags(struct pbpy_session *self);
/* The object that stands for a Python object in this session: *new*. */
pb_object *pbpy_object(struct pbpy_session *self, PyObject *object, bool viewable);
/* The avatar: *new*. */
pb_object *pbpy_avatar(struct pbpy_session *self, PyObject *object);
/* A copy whose state is an empty dict: an instance without members, which other copies go
 * as, would be sent otherwise. *new*; NULL for lack of memory. */
pb_object *pbpy_empty_copy(const char *tag);
/* Of PyMem_Malloc. */
char *pbpy_strdup(const char *text);
/* The Python object behind one, borrowed; None for one that is not ours, or for NULL. */
PyObject *pbpy_object_self(const pb_object *o);

/* ---- Values ---- */

/* The Python object of a value, *new*; NULL with an exception set. */
PyObject *pbpy_value_in(struct pbpy_session *self, pb_value *v);
/* The value of a Python object, *new*, as it is sent to a perspective; NULL with an
 * exception set. */
pb_value *pbpy_value_out(struct pbpy_session *self, PyObject *object,
                         PyObject *perspective);
/* Text of the peer's, which may be anything. */
PyObject *pbpy_text_in(const char *text);
/* An exception for a failure, *new*. */
PyObject *pbpy_failure_in(struct pbpy_session *self, pb_failure *f);

/* ---- Calls ---- */

/* A method of a Remote, and one of a Session. */
PyObject *pbpy_remote_call(PyObject *remote, PyObject *args);
PyObject *pbpy_session_login(PyObject *self, PyObject *args);
/* The root object of a portal that asks the handler, *new*; NULL for lack of memory. */
pb_object *pbpy_portal_root(struct pbpy_session *self);

#endif
