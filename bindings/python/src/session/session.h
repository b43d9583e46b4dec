/* SPDX-License-Identifier: MIT
 *
 * Sessions for Python: a pb_session that a program's own event loop drives
 * (libpb/connection.py), what belongs to one, and values in both directions. The C code
 * calls Python only through the session's handler, an object with these methods:
 *
 *     ready() closed(code, text) log(level, text) wake(from_another_thread)
 *     dispatch(request, object, role, method, args, kwargs, perspective)
 *     refused(request, exception)    the arguments of a call could not be read
 *     failure(code, type, text, traceback, parents)    returns an exception
 *     flatten(object, perspective)    how an object is sent that is no built-in one:
 *         False: as a Referenceable; True: as a Viewable; (tag, state): as a copy;
 *         (types, text, traceback): as a failure
 *         a str: as a Cacheable with that tag; a Receipt: as the peer's own cache
 *     fill(copy, state)    unpersistable(reason)    returns an object
 *     receive(cache, receipt)    returns the object for one receipt of a cache
 *     observe(cacheable, perspective, observer)    returns a state
 *     stop_observing(cacheable, perspective, observer)
 *     check(attempt)    realm(attempt, avatar_id)    of logins
 */
#ifndef PBPY_SESSION_H
#define PBPY_SESSION_H

#include "common/state.h"

#include <pb/flavors.h>
#include <pb/login.h>

/* One count of an object of the library, held by a Python object. Once released, it waits
 * in the session's list until a method of the session runs: Python may release it at any
 * time and in any thread, the library must not be called then. The list needs no
 * memory. */
struct pbpy_held {
    struct pbpy_held *next;
    void *object;
    void (*unref)(void *object);
};

struct pbpy_session {
    PyObject ob_base;
    struct pbpy_state *st;
    pb_session *s;
    pb_registry *registry;
    pb_taster *taster;          /* changed only while no message is read or written */
    PyObject *handler;          /* NULL after tp_clear */
    PyObject *references;       /* the class of references, a subclass of Remote */
    PyObject *copies;           /* a dict from tags to classes, which may grow */
    Py_ssize_t copies_known;    /* how many of them are in the registry */
    PyObject *local_objects;    /* a dict from addresses of objects to their pb_objects */
    struct pbpy_held *released; /* to be released by the next method */
    bool wake_called;           /* since something was released */
    PyObject *raised[3];        /* raised by a callback, until the library has returned */
    struct pbpy_cache_class *cache_classes; /* session/cache.c */
    unsigned long thread;
    bool receiving;
};

/* A Remote, a Request, an Attempt or a Receipt. */
struct pbpy_handle {
    PyObject ob_base;
    struct pbpy_session *session;
    struct pbpy_held *held; /* NULL: released */
    int64_t luid;           /* of a Remote */
};

/* ---- Types ---- */

/* Makes the types of sessions and what values need. 0; -1 with an exception set. */
int pbpy_types_add(PyObject *module, struct pbpy_state *st);
void pbpy_types_clear(struct pbpy_types *types);
/* A type of the module, *new*; NULL with an exception set. */
PyTypeObject *pbpy_type_add(PyObject *module, PyType_Spec *spec);
/* The same for a type of handles. The arrays must be static. */
PyTypeObject *pbpy_handle_type_add(PyObject *module, const char *name, const char *doc,
                                   PyMethodDef *methods, PyGetSetDef *members,
                                   unsigned flags);
PyTypeObject *pbpy_remote_type_add(PyObject *module);
PyTypeObject *pbpy_request_type_add(PyObject *module);
PyTypeObject *pbpy_attempt_type_add(PyObject *module);
PyTypeObject *pbpy_receipt_type_add(PyObject *module);
PyTypeObject *pbpy_call_type_add(PyObject *module);
/* The tp_new of types that programs cannot make instances of. */
PyObject *pbpy_no_new(PyTypeObject *type, PyObject *args, PyObject *kwargs);

/* ---- Sessions ---- */

/* Whether the session may be used now, from this thread; else an exception is set. */
bool pbpy_session_enter(struct pbpy_session *self);
/* Registers the classes of copies that are new in `copies`; false with an exception
 * set. */
bool pbpy_session_learn_copies(struct pbpy_session *self);
/* Releases what handles no longer hold. */
void pbpy_session_release(struct pbpy_session *self);
/* Handles an exception in a callback of the library, which has no caller that could catch
 * it. One that ends the program (KeyboardInterrupt, SystemExit) is raised by the method
 * of the session that called the library; any other is reported. */
void pbpy_session_unraisable(struct pbpy_session *self);
/* Calls a method of the handler: *new*; NULL with an exception set. */
PyObject *pbpy_handler_call(struct pbpy_session *self, const char *method,
                            const char *format, ...);

/* ---- Handles ---- */

/* A handle, *new*, which takes over one count of an object, also on failure. */
PyObject *pbpy_handle_new(PyTypeObject *type, struct pbpy_session *session, void *object,
                          void (*unref)(void *object));
/* The object; NULL with an exception set if it is released. */
void *pbpy_handle_get(PyObject *handle);
/* Puts what a handle holds into the session's list, and calls the handler's wake() so
 * that a method of the session runs soon. Does nothing if it is released. */
void pbpy_handle_release(struct pbpy_handle *handle);
/* Releases a count now, and frees it. */
void pbpy_held_unref(struct pbpy_held *held);

/* A handle of each type, *new*. Takes the count; a NULL remote is a lack of memory. */
PyObject *pbpy_remote_new(struct pbpy_session *session, pb_remote *remote);
PyObject *pbpy_request_new(struct pbpy_session *session, pb_request *request);
PyObject *pbpy_attempt_new(struct pbpy_session *session, pb_attempt *attempt);

/* ---- Local objects: Python objects that peers may call ---- */

/* The pb_object of a Python object in this session: *new*; NULL with an exception set. */
pb_object *pbpy_local_object(struct pbpy_session *self, PyObject *object, bool viewable);
/* The same for a Cacheable with a tag. */
pb_object *pbpy_local_cacheable(struct pbpy_session *self, PyObject *object,
                                const char *tag);
/* Hands a call of an object to the handler: what the method of a pb_class returns. */
int pbpy_request_dispatch(struct pbpy_session *self, PyObject *object, pb_request *r);
/* The avatar of a login: likewise. */
pb_object *pbpy_local_avatar(struct pbpy_session *self, PyObject *object);
/* The Python object of one, borrowed; None for NULL or for any other pb_object. */
PyObject *pbpy_local_object_python(const pb_object *o);
/* A copy whose state is an empty dict, *new*; NULL for lack of memory. (A pb_instance
 * with an empty dict, as other copies are made, would be sent without a state.) */
pb_object *pbpy_empty_copy(const char *tag);
/* A copy of a text by PyMem_Malloc, or NULL. */
char *pbpy_strdup(const char *text);

/* ---- Values ---- */

/* The Python object of a value, *new*; NULL with an exception set. */
PyObject *pbpy_object_from_value(struct pbpy_session *self, pb_value *v);
/* The value of a Python object as it is sent to a perspective (or None), *new*; NULL with
 * an exception set. */
pb_value *pbpy_value_from_object(struct pbpy_session *self, PyObject *object,
                                 PyObject *perspective);
/* A str of text from the peer, which need not be UTF-8. */
PyObject *pbpy_str_from_text(const char *text);
PyObject *pbpy_str_from_span(pb_span text);
/* The exception for a failure, *new*; NULL with an exception set. */
PyObject *pbpy_exception_from_failure(struct pbpy_session *self, pb_failure *f);

/* ---- Calls and logins ---- */

/* Remote.begin and Session.login. */
PyObject *pbpy_remote_begin(PyObject *remote, PyObject *args);
PyObject *pbpy_session_login(PyObject *self, PyObject *args);
/* The root object of a portal that asks the handler, *new*; NULL for lack of memory. */
pb_object *pbpy_portal_root(struct pbpy_session *self);

#endif
