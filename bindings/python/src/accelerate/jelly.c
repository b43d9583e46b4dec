/* SPDX-License-Identifier: MIT
 *
 * jelly.jelly and _Jellier.jelly: objects to expressions. Built-in types are done here,
 * with a stack of open containers. A Jellyable is asked for its expression (jellyFor),
 * and any other object is left to Twisted's own function, with a _Jellier that shares its
 * tables with this code. */
#include "accelerate/twisted.h"
#include "common/container.h"

/* A container that is being jellied. */
struct jellier_level {
    struct pbpy_items items;
    PyObject *id;   /* its key in the tables */
    PyObject *sexp; /* its expression, as far as it is made */
    PyObject *key;  /* of a dict: the expression of the key, until its value is next */
};

/* The Python frames that Twisted has for a level: one of _Jellier.jelly, and one of a
 * generator, which counts twice where C calls it. */
#if PY_VERSION_HEX < 0x030c0000
#define GENERATOR_FRAMES 2
#else
#define GENERATOR_FRAMES 1
#endif

static unsigned jellier_frames(const struct jellier_level *level)
{
    return level->items.kind == PBPY_DICTIONARY ? 1 : 1 + GENERATOR_FRAMES;
}

struct jellier {
    struct pbpy_state *st;
    PyObject *self; /* the _Jellier; NULL until Twisted's code needs one */
    PyObject *taster, *store, *invoker;
    PyObject *preserved, *cooked, *cooker; /* the tables, which self shares */
    enum pbpy_taster judge;
    struct jellier_level *levels;
    size_t depth, cap;
    size_t frames;
};

/* The outcome of visiting an object: an exception is set; it is a container, which is
 * open now; its expression is made. */
enum jellied { JELLY_FAILED = -1, JELLY_OPENED, JELLY_MADE };

/* ---- The tables ---- */

/* Makes the _Jellier for Twisted's code. */
static int jellier_make_self(struct jellier *j)
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

/* As _checkMutable: the reference to an object that was met before, *new*. NULL if it was
 * not met, or with an exception set. */
static PyObject *jellier_check_mutable(struct jellier *j, PyObject *object, PyObject *id)
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
    return jellier_make_self(j) == 0
               ? PyObject_CallMethodOneArg(j->self, j->st->names._checkMutable, object)
               : NULL;
}

/* As _Jellier.prepare. */
static int jellier_prepare(struct jellier *j, PyObject *object, PyObject *id)
{
    PyObject *placeholder = PyList_New(0);
    int failed = placeholder ? PyDict_SetItem(j->preserved, id, placeholder) : -1;
    Py_XDECREF(placeholder);
    return failed ? failed : PyDict_SetItem(j->cooker, id, object);
}

/* As _Jellier.preserve: takes the expression, and returns the one to use, *new*. */
static PyObject *jellier_preserve(struct jellier *j, PyObject *id, PyObject *sexp)
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

/* Whether the taster allows the type of an object; asks it only if a service has replaced
 * isTypeAllowed. Else an exception is set. */
static bool jellier_allows(struct jellier *j, PyObject *object)
{
    if (j->judge != PBPY_TASTER_OWN) {
        return true; /* SecurityOptions allows every name with a dot, as a type's is */
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

/* [head, rest]; takes rest, which may be NULL with an exception set. */
static PyObject *jellier_pair(PyObject *head, PyObject *rest)
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

/* The expression of an object of no built-in type. */
static PyObject *jellier_ask(struct jellier *j, PyObject *object)
{
    const struct pbpy_twisted *t = j->st->twisted;
    int jellyable = PyObject_IsInstance(object, t->Jellyable);
    if (jellyable < 0 || jellier_make_self(j) != 0) {
        return NULL;
    }
    if (!jellyable) {
        return PyObject_CallFunctionObjArgs(t->jellier_jelly, j->self, object, NULL);
    }
    PyObject *id = PyLong_FromVoidPtr(object);
    PyObject *sexp = id ? jellier_check_mutable(j, object, id) : NULL;
    Py_XDECREF(id);
    if (!sexp && !PyErr_Occurred()) {
        sexp = PyObject_CallMethodOneArg(object, j->st->names.jellyFor, j->self);
    }
    return sexp;
}

static void jellier_close(struct jellier *j)
{
    struct jellier_level *top = &j->levels[--j->depth];
    pbpy_frames_leave(jellier_frames(top));
    j->frames -= jellier_frames(top);
    pbpy_items_end(&top->items);
    Py_DECREF(top->id);
    Py_XDECREF(top->sexp);
    Py_XDECREF(top->key);
}

/* Begins a container, or makes its reference if it was met before. */
static enum jellied jellier_open(struct jellier *j, PyObject *object, enum pbpy_atom kind,
                                 Py_ssize_t size, PyObject **out)
{
    PyObject *id = PyLong_FromVoidPtr(object);
    *out = id ? jellier_check_mutable(j, object, id) : NULL;
    if (*out || PyErr_Occurred()) {
        Py_XDECREF(id);
        return *out ? JELLY_MADE : JELLY_FAILED;
    }
    struct jellier_level level = {.items.kind = kind, .id = id};
    if (!pbpy_reserve((void **)&j->levels, j->depth, &j->cap, sizeof *j->levels) ||
        pbpy_frames_enter(jellier_frames(&level), size > 0 ? 2 : 0, j->frames) != 0) {
        Py_DECREF(id);
        return JELLY_FAILED;
    }
    j->frames += jellier_frames(&level);
    struct jellier_level *top = &j->levels[j->depth++];
    *top = level;
    if (!pbpy_items_begin(&top->items, object, kind) ||
        jellier_prepare(j, object, id) != 0) {
        return JELLY_FAILED;
    }
    top->sexp = PyList_New(1);
    if (!top->sexp) {
        return JELLY_FAILED;
    }
    PyList_SET_ITEM(top->sexp, 0, Py_NewRef(j->st->atoms[kind]));
    return JELLY_OPENED;
}

/* The expression of an object of a built-in type that is no container. */
static PyObject *jellier_leaf(struct jellier *j, PyObject *object, PyTypeObject *type)
{
    PyObject *const *atoms = j->st->atoms;
    if (type == &PyUnicode_Type) {
        return jellier_pair(atoms[PBPY_UNICODE], PyUnicode_AsUTF8String(object));
    }
    if (type == &PyBytes_Type || type == &PyLong_Type || type == &PyFloat_Type) {
        Py_INCREF(object);
        return object;
    }
    if (type == &PyBool_Type) {
        PyObject *word = object == Py_True ? j->st->yes : j->st->no;
        Py_INCREF(word);
        return jellier_pair(atoms[PBPY_BOOLEAN], word);
    }
    assert(object == Py_None);
    PyObject *list = PyList_New(1);
    if (list) {
        Py_INCREF(atoms[PBPY_NONE]);
        PyList_SET_ITEM(list, 0, atoms[PBPY_NONE]);
    }
    return list;
}

/* Makes the expression of an object, or opens a container. */
static enum jellied jellier_visit(struct jellier *j, PyObject *object, PyObject **out)
{
    PyTypeObject *type = Py_TYPE(object);
    *out = NULL;
    if (type == &PyUnicode_Type || type == &PyBytes_Type || type == &PyLong_Type ||
        type == &PyFloat_Type || type == &PyBool_Type || object == Py_None) {
        *out = jellier_allows(j, object) ? jellier_leaf(j, object, type) : NULL;
        return *out ? JELLY_MADE : JELLY_FAILED;
    }
    enum pbpy_atom kind = pbpy_container_kind(type);
    if (kind == PBPY_ATOM_END) {
        *out = jellier_ask(j, object);
        return *out ? JELLY_MADE : JELLY_FAILED;
    }
    if (!jellier_allows(j, object)) {
        return JELLY_FAILED;
    }
    return jellier_open(j, object, kind, pbpy_container_size(object, kind), out);
}

/* ---- Containers ---- */

/* Adds the expression of an item, which is taken. */
static int jellier_deliver(struct jellier_level *top, PyObject *made)
{
    if (top->items.kind == PBPY_DICTIONARY) {
        if (!top->key) {
            top->key = made;
            return 0;
        }
        PyObject *both = jellier_pair(top->key, made);
        Py_CLEAR(top->key);
        made = both;
    }
    int failed = made ? PyList_Append(top->sexp, made) : -1;
    Py_XDECREF(made);
    return failed;
}

static PyObject *jellier_run(struct jellier *j, PyObject *object)
{
    PyObject *made;
    enum jellied outcome = jellier_visit(j, object, &made);
    while (outcome != JELLY_FAILED) {
        if (outcome == JELLY_MADE) {
            if (j->depth == 0) {
                return made;
            }
            if (jellier_deliver(&j->levels[j->depth - 1], made) != 0) {
                break;
            }
        }
        struct jellier_level *top = &j->levels[j->depth - 1];
        PyObject *item = pbpy_items_next(&top->items);
        if (item) {
            Py_INCREF(item);
            outcome = jellier_visit(j, item, &made);
            Py_DECREF(item);
        } else if (PyErr_Occurred()) {
            break;
        } else {
            made = top->sexp;
            top->sexp = NULL;
            made = jellier_preserve(j, top->id, made);
            jellier_close(j);
            outcome = made ? JELLY_MADE : JELLY_FAILED;
        }
    }
    while (j->depth > 0) {
        jellier_close(j);
    }
    return NULL;
}

static void jellier_fini(struct jellier *j)
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
    if (!pbpy_check_arguments(n, 4, "jelly(object, taster, store, invoker)")) {
        return NULL;
    }
    if (PyDict_GetItemWithError(t->jelly_globals, st->names._Jellier) != t->_Jellier ||
        !pbpy_class_is_own(t->_Jellier, t->jellier_methods, &t->jellier_version)) {
        pbpy_count_in_python(st, PBPY_JELLY_CALL, PBPY_LEFT_CHANGED);
        return PyObject_Vectorcall(t->jelly, args, 4, NULL);
    }
    pbpy_count_in_c(st, PBPY_JELLY_CALL);
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
    PyObject *sexp =
        j.preserved && j.cooked && j.cooker ? jellier_run(&j, args[0]) : NULL;
    jellier_fini(&j);
    return sexp;
}

/* One of self's tables, *new*; NULL without an exception if it is no dict. */
static PyObject *jellier_table(PyObject *self, PyObject *name)
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
    if (!pbpy_check_arguments(n, 2, "jellier_jelly(self, obj)")) {
        return NULL;
    }
    struct jellier j = {.st = st};
    PyObject *sexp = NULL;
    bool fit = (PyObject *)Py_TYPE(args[0]) == t->_Jellier &&
               pbpy_class_is_own(t->_Jellier, t->jellier_methods, &t->jellier_version);
    if (fit) {
        j.self = args[0];
        Py_INCREF(j.self);
        j.preserved = jellier_table(j.self, st->names.preserved);
        j.cooked = jellier_table(j.self, st->names.cooked);
        j.cooker = jellier_table(j.self, st->names.cooker);
        j.taster = PyObject_GetAttr(j.self, st->names.taster);
        PyErr_Clear();
        fit = j.preserved && j.cooked && j.cooker && j.taster;
    }
    if (fit) {
        pbpy_count_in_c(st, PBPY_JELLIER_JELLY_CALL);
        j.judge = pbpy_taster_kind(st, j.taster);
        sexp = jellier_run(&j, args[1]);
    } else {
        pbpy_count_in_python(st, PBPY_JELLIER_JELLY_CALL, PBPY_LEFT_CHANGED);
        sexp = PyObject_Vectorcall(t->jellier_jelly, args, 2, NULL);
    }
    Py_XDECREF(j.taster);
    jellier_fini(&j);
    return sexp;
}
