/* SPDX-License-Identifier: MIT
 *
 * jelly.jelly and _Jellier.jelly: objects to expressions. Built-in types are done here,
 * with a stack of the containers that are open; any other object is asked for its
 * expression, or left to Twisted's own function, with a _Jellier whose tables are those
 * that are used here. */
#include "accelerate/twisted.h"

enum kind { LIST, TUPLE, DICT, ITERABLE };

/* A container that is being jellied. */
struct level {
    PyObject *object;
    PyObject *id;   /* its key in the tables */
    PyObject *sexp; /* what has been made of it */
    PyObject *iter; /* of an ITERABLE */
    PyObject *key;  /* of a DICT: made of the key, while its value is due */
    PyObject *value;
    Py_ssize_t next, size;
    enum kind kind;
};

/* Frames of Python that Twisted has for a level: one of jelly, and where it goes through a
 * generator that one's, which counts twice where C calls it. */
#if PY_VERSION_HEX < 0x030c0000
#define GENERATOR 2
#else
#define GENERATOR 1
#endif

static unsigned frames_of(enum kind kind)
{
    return kind == DICT ? 1 : 1 + GENERATOR;
}

struct jellier {
    struct pbpy_state *st;
    PyObject *self; /* the _Jellier; NULL until Python needs one */
    PyObject *taster, *store, *invoker;
    PyObject *preserved, *cooked, *cooker; /* self's */
    enum pbpy_taster judge;
    struct level *levels;
    size_t depth, cap;
    size_t frames;
};

/* What visiting an object has come to. */
enum outcome { FAILED = -1, OPENED, MADE };

/* ---- The tables ---- */

/* Makes the _Jellier that Python is to work with. */
static int need_self(struct jellier *j)
{
    if (j->self) {
        return 0;
    }
    const struct pbpy_names *names = &j->st->names;
    j->self = PyObject_CallFunctionObjArgs(j->st->twisted->_Jellier, j->taster, j->store,
                                           j->invoker, NULL);
    return j->self && PyObject_SetAttr(j->self, names->preserved, j->preserved) == 0 &&
                   PyObject_SetAttr(j->self, names->cooked, j->cooked) == 0 &&
                   PyObject_SetAttr(j->self, names->cooker, j->cooker) == 0
               ? 0
               : -1;
}

/* _checkMutable: the reference to an object that was met before, *new*. NULL if it was
 * not; or with an exception. */
static PyObject *check_mutable(struct jellier *j, PyObject *object, PyObject *id)
{
    PyObject *found = NULL;
    if (PyDict_GET_SIZE(j->cooked) > 0) {
        found = PyDict_GetItemWithError(j->cooked, id);
        if (found) {
            Py_INCREF(found);
            return found;
        }
    }
    if (PyErr_Occurred() || !PyDict_GetItemWithError(j->preserved, id)) {
        return NULL;
    }
    return need_self(j) == 0
               ? PyObject_CallMethodOneArg(j->self, j->st->names._checkMutable, object)
               : NULL;
}

/* prepare */
static int prepare(struct jellier *j, PyObject *object, PyObject *id)
{
    PyObject *placeholder = PyList_New(0);
    int failed = placeholder ? PyDict_SetItem(j->preserved, id, placeholder) : -1;
    Py_XDECREF(placeholder);
    return failed ? failed : PyDict_SetItem(j->cooker, id, object);
}

/* preserve: takes the expression, returns the one to use. */
static PyObject *preserve(struct jellier *j, PyObject *id, PyObject *sexp)
{
    int cooked = PyDict_GET_SIZE(j->cooked) > 0 ? PyDict_Contains(j->cooked, id) : 0;
    if (cooked == 0) {
        if (PyDict_SetItem(j->preserved, id, sexp) == 0) {
            return sexp;
        }
    } else if (cooked > 0) {
        PyObject *list = PyDict_GetItemWithError(j->preserved, id);
        Py_XINCREF(list);
        if (list && PySequence_SetItem(list, 2, sexp) == 0) {
            Py_DECREF(sexp);
            return list;
        }
        Py_XDECREF(list);
        if (!PyErr_Occurred()) {
            PyErr_SetObject(PyExc_KeyError, id);
        }
    }
    Py_DECREF(sexp);
    return NULL;
}

/* ---- Objects ---- */

/* Asks the taster for the type, where that is not known; whether it is allowed. */
static bool allowed(struct jellier *j, PyObject *object)
{
    if (j->judge != PBPY_TASTER_OWN) {
        return true; /* a type's qualified name has a dot */
    }
    const struct pbpy_twisted *t = j->st->twisted;
    PyObject *type = (PyObject *)Py_TYPE(object);
    PyObject *name = PyObject_CallOneArg(t->qual, type);
    PyObject *bytes = name ? PyUnicode_AsUTF8String(name) : NULL;
    PyObject *answer =
        bytes ? PyObject_CallMethodOneArg(j->taster, j->st->names.isTypeAllowed, bytes)
              : NULL;
    int yes = answer ? PyObject_IsTrue(answer) : -1;
    if (yes == 0) {
        PyObject *text = PyObject_Format(object, NULL);
        if (text) {
            PyErr_Format(t->InsecureJelly, "Type not allowed for object: %S %U", type,
                         text);
            Py_DECREF(text);
        }
    }
    Py_XDECREF(answer);
    Py_XDECREF(bytes);
    Py_XDECREF(name);
    return yes > 0;
}

static PyObject *pair(PyObject *head, PyObject *rest)
{
    PyObject *list = rest ? PyList_New(2) : NULL;
    if (list) {
        Py_INCREF(head);
        PyList_SET_ITEM(list, 0, head);
        PyList_SET_ITEM(list, 1, rest);
    } else {
        Py_XDECREF(rest);
    }
    return list;
}

/* An object of a type that is not built in. */
static PyObject *ask(struct jellier *j, PyObject *object)
{
    const struct pbpy_twisted *t = j->st->twisted;
    int jellyable = PyObject_IsInstance(object, t->Jellyable);
    if (jellyable < 0 || need_self(j) != 0) {
        return NULL;
    }
    if (!jellyable) {
        return PyObject_CallFunctionObjArgs(t->jellier_jelly, j->self, object, NULL);
    }
    PyObject *id = PyLong_FromVoidPtr(object);
    PyObject *sexp = id ? check_mutable(j, object, id) : NULL;
    Py_XDECREF(id);
    if (!sexp && !PyErr_Occurred()) {
        sexp = PyObject_CallMethodOneArg(object, j->st->names.jellyFor, j->self);
    }
    return sexp;
}

static bool grow(struct jellier *j)
{
    return j->depth < j->cap ||
           pbpy_grow((void **)&j->levels, &j->cap, sizeof *j->levels);
}

static void close_level(struct jellier *j)
{
    struct level *top = &j->levels[--j->depth];
    pbpy_leave(frames_of(top->kind));
    j->frames -= frames_of(top->kind);
    Py_DECREF(top->object);
    Py_DECREF(top->id);
    Py_XDECREF(top->sexp);
    Py_XDECREF(top->iter);
    Py_XDECREF(top->key);
    Py_XDECREF(top->value);
}

/* Begins a container: its reference, if it was met before. */
static enum outcome open_level(struct jellier *j, PyObject *object, enum kind kind,
                               enum pbpy_atom atom, Py_ssize_t size, PyObject **out)
{
    PyObject *id = PyLong_FromVoidPtr(object);
    *out = id ? check_mutable(j, object, id) : NULL;
    if (*out || PyErr_Occurred()) {
        Py_XDECREF(id);
        return *out ? MADE : FAILED;
    }
    if (!grow(j) || pbpy_enter(frames_of(kind), size > 0 ? 2 : 0, j->frames) != 0) {
        Py_DECREF(id);
        return FAILED;
    }
    Py_INCREF(object);
    j->frames += frames_of(kind);
    struct level *top = &j->levels[j->depth++];
    *top = (struct level){.object = object, .id = id, .size = size, .kind = kind};
    if (prepare(j, object, id) != 0) {
        return FAILED;
    }
    top->sexp = PyList_New(1);
    if (!top->sexp) {
        return FAILED;
    }
    Py_INCREF(j->st->atoms[atom]);
    PyList_SET_ITEM(top->sexp, 0, j->st->atoms[atom]);
    if (kind == ITERABLE) {
        top->iter = PyObject_GetIter(object);
    }
    return kind == ITERABLE && !top->iter ? FAILED : OPENED;
}

/* An object of a built-in type that is no container; NULL without an exception if it is of
 * another type. */
static PyObject *plain(struct jellier *j, PyObject *object, PyTypeObject *type)
{
    PyObject *const *atoms = j->st->atoms;
    if (type == &PyUnicode_Type) {
        return pair(atoms[PBPY_UNICODE], PyUnicode_AsUTF8String(object));
    }
    if (type == &PyBytes_Type || type == &PyLong_Type || type == &PyFloat_Type) {
        Py_INCREF(object);
        return object;
    }
    if (type == &PyBool_Type) {
        PyObject *word = object == Py_True ? j->st->yes : j->st->no;
        Py_INCREF(word);
        return pair(atoms[PBPY_BOOLEAN], word);
    }
    assert(object == Py_None);
    PyObject *list = PyList_New(1);
    if (list) {
        Py_INCREF(atoms[PBPY_NONE]);
        PyList_SET_ITEM(list, 0, atoms[PBPY_NONE]);
    }
    return list;
}

/* Makes the expression of an object, or begins a level for it. */
static enum outcome visit(struct jellier *j, PyObject *object, PyObject **out)
{
    PyTypeObject *type = Py_TYPE(object);
    *out = NULL;
    if (type == &PyUnicode_Type || type == &PyBytes_Type || type == &PyLong_Type ||
        type == &PyFloat_Type || type == &PyBool_Type || object == Py_None) {
        *out = allowed(j, object) ? plain(j, object, type) : NULL;
        return *out ? MADE : FAILED;
    }
    bool built_in = type == &PyDict_Type || type == &PyList_Type ||
                    type == &PyTuple_Type || type == &PySet_Type ||
                    type == &PyFrozenSet_Type;
    if (!built_in) {
        *out = ask(j, object);
        return *out ? MADE : FAILED;
    }
    if (!allowed(j, object)) {
        return FAILED;
    }
    if (type == &PyDict_Type) {
        return open_level(j, object, DICT, PBPY_DICTIONARY, PyDict_GET_SIZE(object), out);
    }
    if (type == &PyList_Type) {
        return open_level(j, object, LIST, PBPY_LIST, PyList_GET_SIZE(object), out);
    }
    if (type == &PyTuple_Type) {
        return open_level(j, object, TUPLE, PBPY_TUPLE, PyTuple_GET_SIZE(object), out);
    }
    return open_level(j, object, ITERABLE,
                      type == &PySet_Type ? PBPY_SET : PBPY_FROZENSET,
                      PySet_GET_SIZE(object), out);
}

/* ---- Containers ---- */

/* The next item of a dict: its value, with what is made of its key kept, or its key. */
static PyObject *next_of_dict(struct level *top)
{
    if (top->key) {
        PyObject *value = top->value;
        top->value = NULL;
        return value;
    }
    PyObject *key;
    if (PyDict_GET_SIZE(top->object) != top->size) {
        PyErr_SetString(PyExc_RuntimeError, "dictionary changed size during iteration");
        return NULL;
    }
    if (!PyDict_Next(top->object, &top->next, &key, &top->value)) {
        top->value = NULL;
        return NULL;
    }
    Py_INCREF(top->value);
    Py_INCREF(key);
    return key;
}

/* The next item, *new*; NULL at the end, or with an exception. */
static PyObject *next_of(struct level *top)
{
    PyObject *item = NULL;
    switch (top->kind) {
    case LIST:
        if (top->next < PyList_GET_SIZE(top->object)) {
            item = PyList_GET_ITEM(top->object, top->next++);
        }
        break;
    case TUPLE:
        if (top->next < PyTuple_GET_SIZE(top->object)) {
            item = PyTuple_GET_ITEM(top->object, top->next++);
        }
        break;
    case DICT:
        return next_of_dict(top);
    case ITERABLE:
        return PyIter_Next(top->iter);
    }
    Py_XINCREF(item);
    return item;
}

/* Adds what was made of an item, which is taken. */
static int deliver(struct level *top, PyObject *made)
{
    if (top->kind == DICT) {
        if (!top->key) {
            top->key = made;
            return 0;
        }
        PyObject *both = pair(top->key, made);
        Py_CLEAR(top->key);
        made = both;
    }
    int failed = made ? PyList_Append(top->sexp, made) : -1;
    Py_XDECREF(made);
    return failed;
}

static PyObject *run(struct jellier *j, PyObject *object)
{
    PyObject *made;
    enum outcome outcome = visit(j, object, &made);
    while (outcome != FAILED) {
        if (outcome == MADE) {
            if (j->depth == 0) {
                return made;
            }
            if (deliver(&j->levels[j->depth - 1], made) != 0) {
                break;
            }
        }
        struct level *top = &j->levels[j->depth - 1];
        PyObject *item = next_of(top);
        if (item) {
            outcome = visit(j, item, &made);
            Py_DECREF(item);
        } else if (PyErr_Occurred()) {
            break;
        } else {
            made = top->sexp;
            top->sexp = NULL;
            made = preserve(j, top->id, made);
            close_level(j);
            outcome = made ? MADE : FAILED;
        }
    }
    while (j->depth > 0) {
        close_level(j);
    }
    return NULL;
}

static void finish(struct jellier *j)
{
    PyMem_Free(j->levels);
    Py_XDECREF(j->preserved);
    Py_XDECREF(j->cooked);
    Py_XDECREF(j->cooker);
    Py_XDECREF(j->self);
}

PyObject *pbpy_jelly(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    struct pbpy_state *st = pbpy_state(module);
    struct pbpy_twisted *t = st->twisted;
    if (n != 4) {
        PyErr_SetString(PyExc_TypeError, "jelly(object, taster, store, invoker)");
        return NULL;
    }
    if (PyDict_GetItemWithError(t->jelly_globals, st->names._Jellier) != t->_Jellier ||
        !pbpy_class_is_own(t->_Jellier, t->jellier_methods, &t->jellier_version)) {
        return PyObject_Vectorcall(t->jelly, args, 4, NULL);
    }
    struct jellier j = {
        .st = st,
        .taster = args[1],
        .store = args[2],
        .invoker = args[3],
        .preserved = PyDict_New(),
        .cooked = PyDict_New(),
        .cooker = PyDict_New(),
        .judge = pbpy_taster_kind(st, args[1]),
    };
    PyObject *sexp = j.preserved && j.cooked && j.cooker ? run(&j, args[0]) : NULL;
    finish(&j);
    return sexp;
}

/* One of self's tables, *new*; NULL if it is no dict. */
static PyObject *table(PyObject *self, PyObject *name)
{
    PyObject *dict = PyObject_GetAttr(self, name);
    if (!dict || !PyDict_CheckExact(dict)) {
        Py_CLEAR(dict);
        PyErr_Clear();
    }
    return dict;
}

PyObject *pbpy_jellier_jelly(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    struct pbpy_state *st = pbpy_state(module);
    struct pbpy_twisted *t = st->twisted;
    if (n != 2) {
        PyErr_SetString(PyExc_TypeError, "jellier_jelly(self, obj)");
        return NULL;
    }
    struct jellier j = {.st = st};
    PyObject *sexp = NULL;
    bool fit = (PyObject *)Py_TYPE(args[0]) == t->_Jellier &&
               pbpy_class_is_own(t->_Jellier, t->jellier_methods, &t->jellier_version);
    if (fit) {
        j.self = args[0];
        Py_INCREF(j.self);
        j.preserved = table(j.self, st->names.preserved);
        j.cooked = table(j.self, st->names.cooked);
        j.cooker = table(j.self, st->names.cooker);
        j.taster = PyObject_GetAttr(j.self, st->names.taster);
        PyErr_Clear();
        fit = j.preserved && j.cooked && j.cooker && j.taster;
    }
    if (fit) {
        j.judge = pbpy_taster_kind(st, j.taster);
        sexp = run(&j, args[1]);
    } else {
        sexp = PyObject_Vectorcall(t->jellier_jelly, args, 2, NULL);
    }
    Py_XDECREF(j.taster);
    finish(&j);
    return sexp;
}
