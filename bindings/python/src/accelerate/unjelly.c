/* SPDX-License-Identifier: MIT
 *
 * jelly.unjelly and _Unjellier.unjelly: expressions to objects. Built-in types are done
 * here, with a stack of the expressions that are open; any other is left to Twisted's own
 * function, with an _Unjellier whose table of references is the one that is used here.
 * What stands for an object that is not known yet is a NotKnown of Twisted's. */
#include "accelerate/twisted.h"

enum kind { LIST, TUPLE, SET, FROZENSET, DICT, REFERENCE };

/* An expression that is being unjellied. */
struct level {
    PyObject *sexp; /* the list */
    PyObject
        *object;    /* the list or dict that is made of it; of a REFERENCE: its number */
    PyObject *key;  /* of a DICT: the key, while its value is due */
    PyObject *both; /* of a DICT: Twisted's object for a pair that is not known yet */
    Py_ssize_t next, n; /* elements of sexp */
    enum kind kind;
    bool filled;  /* object has all its elements, those to come as ints */
    bool unknown; /* some element is not known yet */
};

struct unjellier {
    struct pbpy_state *st;
    PyObject *self; /* the _Unjellier; NULL until Python needs one */
    PyObject *taster, *load, *invoker;
    PyObject *references; /* self's; NULL while there is no self, and none */
    enum pbpy_taster judge;
    PyObject *types;               /* of the taster: allowedTypes */
    PyObject *classes, *factories; /* the registries */
    unsigned known,
        own; /* of atoms, as bits: looked up; C's to read. 0 after Python ran */
    struct level *levels;
    size_t depth, cap;
    size_t frames;
};

/* Frames of Python that Twisted has for a level. */
static unsigned frames_of(enum kind kind)
{
    return kind == REFERENCE ? 2 : kind == SET || kind == FROZENSET ? 4 : 3;
}

enum outcome { FAILED = -1, OPENED, MADE };

/* ---- What the service may have changed ---- */

/* Python may have run: what is registered and allowed has to be looked up again. */
static void python_ran(struct unjellier *u)
{
    u->known = u->own = 0;
    Py_CLEAR(u->types);
    Py_CLEAR(u->classes);
    Py_CLEAR(u->factories);
}

static bool look(struct unjellier *u)
{
    const struct pbpy_names *names = &u->st->names;
    PyObject *globals = u->st->twisted->jelly_globals;
    u->classes = PyDict_GetItemWithError(globals, names->unjellyableRegistry);
    u->factories = PyDict_GetItemWithError(globals, names->unjellyableFactoryRegistry);
    Py_XINCREF(u->classes);
    Py_XINCREF(u->factories);
    u->judge = pbpy_taster_kind(u->st, u->taster);
    if (u->judge == PBPY_TASTER_TABLE) {
        u->types = PyObject_GetAttr(u->taster, names->allowedTypes);
        PyErr_Clear();
    }
    return u->classes && PyDict_CheckExact(u->classes) && u->factories &&
           PyDict_CheckExact(u->factories) &&
           (u->judge != PBPY_TASTER_TABLE || (u->types && PyDict_CheckExact(u->types)));
}

/* Whether expressions that begin so are for C: allowed, as far as that is known without
 * asking, and not registered. */
static bool is_own(struct unjellier *u, enum pbpy_atom atom)
{
    unsigned bit = 1u << atom;
    if (!(u->known & bit)) {
        PyObject *word = u->st->atoms[atom];
        if (!u->classes && !look(u)) {
            python_ran(u);
            return false;
        }
        u->known |= bit;
        if (!PyDict_GetItemWithError(u->classes, word) &&
            !PyDict_GetItemWithError(u->factories, word) &&
            (u->judge != PBPY_TASTER_TABLE || PyDict_GetItemWithError(u->types, word))) {
            u->own |= bit;
        }
        PyErr_Clear();
    }
    return u->own & bit;
}

/* Asks a service's own taster. */
static bool allowed(struct unjellier *u, PyObject *word)
{
    if (u->judge != PBPY_TASTER_OWN) {
        return true;
    }
    PyObject *answer =
        PyObject_CallMethodOneArg(u->taster, u->st->names.isTypeAllowed, word);
    int yes = answer ? PyObject_IsTrue(answer) : -1;
    Py_XDECREF(answer);
    python_ran(u);
    if (yes == 0) {
        PyErr_SetObject(u->st->twisted->InsecureJelly, word);
    }
    return yes > 0;
}

/* ---- Python's part ---- */

static int need_references(struct unjellier *u)
{
    const struct pbpy_names *names = &u->st->names;
    if (!u->self) {
        u->self = PyObject_CallFunctionObjArgs(u->st->twisted->_Unjellier, u->taster,
                                               u->load, u->invoker, NULL);
    }
    if (u->self && !u->references) {
        u->references = PyObject_GetAttr(u->self, names->references);
        if (u->references && !PyDict_CheckExact(u->references)) {
            PyErr_SetString(PyExc_TypeError, "references is no dict");
            Py_CLEAR(u->references);
        }
    }
    return u->references ? 0 : -1;
}

/* Leaves an expression to Twisted. */
static PyObject *leave_to_python(struct unjellier *u, PyObject *sexp)
{
    if (need_references(u) != 0) {
        return NULL;
    }
    PyObject *object = PyObject_CallFunctionObjArgs(u->st->twisted->unjellier_unjelly,
                                                    u->self, sexp, NULL);
    python_ran(u);
    return object;
}

/* Whether an object is one that is not known yet; negative with an exception. */
static int not_known(struct unjellier *u, PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    if (type == &PyUnicode_Type || type == &PyBytes_Type || type == &PyLong_Type ||
        type == &PyDict_Type || type == &PyList_Type || type == &PyTuple_Type ||
        type == &PyFloat_Type || type == &PyBool_Type || object == Py_None) {
        return 0;
    }
    return PyObject_IsInstance(object, u->st->twisted->NotKnown);
}

static int depend(struct unjellier *u, PyObject *unknown, PyObject *on, Py_ssize_t at)
{
    PyObject *index = PyLong_FromSsize_t(at);
    PyObject *result = index ? PyObject_CallMethodObjArgs(
                                   unknown, u->st->names.addDependant, on, index, NULL)
                             : NULL;
    Py_XDECREF(result);
    Py_XDECREF(index);
    return result ? 0 : -1;
}

/* ---- Expressions ---- */

static enum outcome open_level(struct unjellier *u, PyObject *sexp, enum kind kind,
                               PyObject **out)
{
    Py_ssize_t n = PyList_GET_SIZE(sexp);
    if (u->depth == u->cap &&
        !pbpy_grow((void **)&u->levels, &u->cap, sizeof *u->levels)) {
        return FAILED;
    }
    *out = NULL;
    if (pbpy_enter(frames_of(kind), 1, u->frames) != 0) {
        return FAILED;
    }
    Py_INCREF(sexp);
    u->frames += frames_of(kind);
    struct level *top = &u->levels[u->depth++];
    *top = (struct level){.sexp = sexp, .next = 1, .n = n, .kind = kind};
    if (kind == DICT) {
        top->object = PyDict_New();
    } else if (kind == REFERENCE) {
        top->object = PyList_GET_ITEM(sexp, 1);
        Py_INCREF(top->object);
        top->next = 2;
        top->n = 3;
    } else {
        top->object = PyList_New(n - 1);
        if (top->object) {
            Py_SET_SIZE(top->object, 0); /* room, but nothing that is not there yet */
        }
    }
    return top->object ? OPENED : FAILED;
}

static void close_level(struct unjellier *u)
{
    struct level *top = &u->levels[--u->depth];
    pbpy_leave(frames_of(top->kind));
    u->frames -= frames_of(top->kind);
    Py_DECREF(top->sexp);
    Py_XDECREF(top->object);
    Py_XDECREF(top->key);
    Py_XDECREF(top->both);
}

/* Whether every element after the head is a pair in a list. */
static bool are_pairs(PyObject *sexp)
{
    for (Py_ssize_t i = 1; i < PyList_GET_SIZE(sexp); i++) {
        PyObject *pair = PyList_GET_ITEM(sexp, i);
        if (!PyList_CheckExact(pair) || PyList_GET_SIZE(pair) != 2) {
            return false;
        }
    }
    return true;
}

/* Whether Twisted would read it without an exception of its own. */
static bool is_regular(PyObject *sexp, enum pbpy_atom atom)
{
    PyObject *first = PyList_GET_SIZE(sexp) > 1 ? PyList_GET_ITEM(sexp, 1) : NULL;
    switch (atom) {
    case PBPY_UNICODE:
        return first && PyBytes_CheckExact(first);
    case PBPY_BOOLEAN:
        return first && (pbpy_is_bytes(first, "true") || pbpy_is_bytes(first, "false"));
    case PBPY_DICTIONARY:
        return are_pairs(sexp);
    case PBPY_REFERENCE:
        return PyList_GET_SIZE(sexp) > 2 && PyLong_CheckExact(first);
    case PBPY_DEREFERENCE:
        return first && PyLong_CheckExact(first);
    default:
        return true;
    }
}

/* What a dereference stands for. */
static PyObject *dereference(struct unjellier *u, PyObject *sexp)
{
    if (need_references(u) != 0) {
        return NULL;
    }
    PyObject *object = PyDict_GetItemWithError(u->references, PyList_GET_ITEM(sexp, 1));
    if (object && object != Py_None) {
        Py_INCREF(object);
        return object;
    }
    if (PyErr_Occurred()) {
        return NULL;
    }
    object = PyObject_CallOneArg(u->st->twisted->_Dereference, PyList_GET_ITEM(sexp, 1));
    if (object && PyDict_SetItem(u->references, PyList_GET_ITEM(sexp, 1), object) != 0) {
        Py_CLEAR(object);
    }
    return object;
}

static PyObject *made_of(struct unjellier *u, PyObject *sexp, enum pbpy_atom atom)
{
    PyObject *first = PyList_GET_SIZE(sexp) > 1 ? PyList_GET_ITEM(sexp, 1) : NULL;
    switch (atom) {
    case PBPY_UNICODE:
        return PyUnicode_DecodeUTF8(PyBytes_AS_STRING(first), PyBytes_GET_SIZE(first),
                                    "strict");
    case PBPY_BOOLEAN:
        return PyBool_FromLong(PyBytes_AS_STRING(first)[0] == 't');
    case PBPY_DEREFERENCE:
        return dereference(u, sexp);
    default:
        Py_RETURN_NONE;
    }
}

static enum outcome visit(struct unjellier *u, PyObject *sexp, PyObject **out)
{
    if (!PyList_CheckExact(sexp)) {
        Py_INCREF(sexp);
        *out = sexp;
        return MADE;
    }
    PyObject *head = PyList_GET_SIZE(sexp) > 0 ? PyList_GET_ITEM(sexp, 0) : NULL;
    enum pbpy_atom atom =
        head && PyBytes_CheckExact(head)
            ? pbpy_atom_find(PyBytes_AS_STRING(head), (size_t)PyBytes_GET_SIZE(head))
            : PBPY_ATOM_END;
    if (atom == PBPY_ATOM_END || !is_own(u, atom) || !is_regular(sexp, atom)) {
        *out = leave_to_python(u, sexp);
        return *out ? MADE : FAILED;
    }
    if (!allowed(u, head)) {
        return FAILED;
    }
    switch (atom) {
    case PBPY_LIST:
        return open_level(u, sexp, LIST, out);
    case PBPY_TUPLE:
        return open_level(u, sexp, TUPLE, out);
    case PBPY_SET:
        return open_level(u, sexp, SET, out);
    case PBPY_FROZENSET:
        return open_level(u, sexp, FROZENSET, out);
    case PBPY_DICTIONARY:
        return open_level(u, sexp, DICT, out);
    case PBPY_REFERENCE:
        return open_level(u, sexp, REFERENCE, out);
    default:
        *out = made_of(u, sexp, atom);
        return *out ? MADE : FAILED;
    }
}

/* ---- What is made of the elements ---- */

/* Gives a list its full length, as Twisted's has from the start. */
static int fill(struct level *top)
{
    for (Py_ssize_t i = PyList_GET_SIZE(top->object); !top->filled && i < top->n - 1;
         i++) {
        PyObject *index = PyLong_FromSsize_t(i);
        int failed = index ? PyList_Append(top->object, index) : -1;
        Py_XDECREF(index);
        if (failed) {
            return -1;
        }
    }
    top->filled = true;
    return 0;
}

/* unjellyInto, for an element of a list, tuple or set; takes the object. */
static int put_element(struct unjellier *u, struct level *top, PyObject *object)
{
    Py_ssize_t at = top->next - 2; /* next is past it, and past the head */
    int unknown = not_known(u, object);
    if (unknown < 0) {
        Py_DECREF(object);
        return -1;
    }
    if (unknown) {
        top->unknown = true;
        if (fill(top) != 0 || depend(u, object, top->object, at) != 0) {
            Py_DECREF(object);
            return -1;
        }
    }
    if (top->filled) {
        return PyList_SetItem(top->object, at, object);
    }
    int failed = PyList_Append(top->object, object);
    Py_DECREF(object);
    return failed;
}

/* _DictKeyAndValue: what waits for a key or value that is not known yet. */
static int put_unknown(struct unjellier *u, struct level *top, PyObject *object,
                       bool is_value, bool unknown)
{
    if (!top->both) {
        top->both = PyObject_CallOneArg(u->st->twisted->_DictKeyAndValue, top->object);
        if (!top->both || (top->key && PySequence_SetItem(top->both, 0, top->key) != 0)) {
            return -1;
        }
    }
    if (unknown && depend(u, object, top->both, is_value) != 0) {
        return -1;
    }
    return PySequence_SetItem(top->both, is_value, object);
}

/* unjellyInto, for a key or value; takes the object. */
static int put_in_dict(struct unjellier *u, struct level *top, PyObject *object)
{
    int unknown = not_known(u, object);
    int failed = unknown < 0;
    bool is_value = top->key || top->both;
    if (!failed && (unknown || top->both)) {
        failed = put_unknown(u, top, object, is_value, unknown);
    } else if (!failed && is_value) {
        failed = PyDict_SetItem(top->object, top->key, object);
    }
    if (is_value) {
        top->next++;
        Py_CLEAR(top->key);
        Py_CLEAR(top->both);
    } else if (!failed && !top->both) {
        top->key = object;
        return 0;
    }
    Py_DECREF(object);
    return failed;
}

/* _unjelly_reference: what the number stands for is known now. Takes the object, and gives
 * it back. */
static PyObject *resolve(struct unjellier *u, PyObject *number, PyObject *object)
{
    PyObject *before = NULL;
    int known = need_references(u);
    if (known == 0) {
        before = PyDict_GetItemWithError(u->references, number);
        Py_XINCREF(before);
    }
    bool failed = PyErr_Occurred() != NULL;
    if (!failed && before && before != Py_None) {
        int unknown = PyObject_IsInstance(before, u->st->twisted->NotKnown);
        if (unknown == 0) {
            PyErr_SetString(PyExc_AssertionError, "Multiple references with same ID!");
        }
        PyObject *result = unknown > 0
                               ? PyObject_CallMethodOneArg(
                                     before, u->st->names.resolveDependants, object)
                               : NULL;
        failed = !result;
        Py_XDECREF(result);
        python_ran(u);
    }
    Py_XDECREF(before);
    if (failed || PyDict_SetItem(u->references, number, object) != 0) {
        Py_CLEAR(object);
    }
    return object;
}

/* What a level has come to, *new*. */
static PyObject *whole(struct unjellier *u, struct level *top)
{
    const struct pbpy_twisted *t = u->st->twisted;
    PyObject *list = top->object;
    switch (top->kind) {
    case TUPLE:
        return top->unknown ? PyObject_CallOneArg(t->_Tuple, list) : PyList_AsTuple(list);
    case SET:
    case FROZENSET: {
        PyObject *type = (PyObject *)(top->kind == SET ? &PySet_Type : &PyFrozenSet_Type);
        return top->unknown
                   ? PyObject_CallFunctionObjArgs(t->_Container, list, type, NULL)
                   : PyObject_CallOneArg(type, list);
    }
    default:
        Py_INCREF(list);
        return list;
    }
}

/* The next element of the expression, borrowed; NULL at the end. */
static PyObject *next_of(struct level *top)
{
    if (top->next >= top->n || top->next >= PyList_GET_SIZE(top->sexp)) {
        return NULL;
    }
    PyObject *element = PyList_GET_ITEM(top->sexp, top->next);
    if (top->kind != DICT) {
        top->next++;
        return element;
    }
    Py_ssize_t half = top->key || top->both;
    return PyList_CheckExact(element) && PyList_GET_SIZE(element) == 2
               ? PyList_GET_ITEM(element, half)
               : NULL;
}

static PyObject *run(struct unjellier *u, PyObject *sexp)
{
    PyObject *made;
    enum outcome outcome = visit(u, sexp, &made);
    while (outcome != FAILED) {
        struct level *top = u->depth > 0 ? &u->levels[u->depth - 1] : NULL;
        if (outcome == MADE) {
            if (!top) {
                return made;
            }
            if (top->kind == REFERENCE) {
                made = resolve(u, top->object, made);
                close_level(u);
                outcome = made ? MADE : FAILED;
                continue;
            }
            int failed =
                top->kind == DICT ? put_in_dict(u, top, made) : put_element(u, top, made);
            if (failed) {
                break;
            }
        }
        PyObject *element = next_of(top);
        if (element) {
            Py_INCREF(element);
            outcome = visit(u, element, &made);
            Py_DECREF(element);
        } else {
            made = whole(u, top);
            close_level(u);
            outcome = made ? MADE : FAILED;
        }
    }
    while (u->depth > 0) {
        close_level(u);
    }
    return NULL;
}

static void finish(struct unjellier *u)
{
    python_ran(u);
    PyMem_Free(u->levels);
    Py_XDECREF(u->references);
    Py_XDECREF(u->self);
}

/* Calls what waits for the end: unjellyFull's second half. */
static int call_back(struct unjellier *u)
{
    PyObject *callbacks = PyObject_GetAttr(u->self, u->st->names.postCallbacks);
    PyObject *iter = callbacks ? PyObject_GetIter(callbacks) : NULL;
    PyObject *callback;
    while (iter && (callback = PyIter_Next(iter))) {
        PyObject *result = PyObject_CallNoArgs(callback);
        Py_DECREF(callback);
        Py_XDECREF(result);
        if (!result) {
            break;
        }
    }
    Py_XDECREF(iter);
    Py_XDECREF(callbacks);
    return PyErr_Occurred() ? -1 : 0;
}

PyObject *pbpy_unjelly(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    struct pbpy_state *st = pbpy_state(module);
    struct pbpy_twisted *t = st->twisted;
    if (n != 4) {
        PyErr_SetString(PyExc_TypeError, "unjelly(sexp, taster, load, invoker)");
        return NULL;
    }
    if (PyDict_GetItemWithError(t->jelly_globals, st->names._Unjellier) !=
            t->_Unjellier ||
        !pbpy_class_is_own(t->_Unjellier, t->unjellier_methods, &t->unjellier_version)) {
        return PyObject_Vectorcall(t->unjelly, args, 4, NULL);
    }
    struct unjellier u = {
        .st = st, .taster = args[1], .load = args[2], .invoker = args[3]};
    PyObject *object = run(&u, args[0]);
    if (object && u.self && call_back(&u) != 0) {
        Py_CLEAR(object);
    }
    finish(&u);
    return object;
}

PyObject *pbpy_unjellier_unjelly(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    struct pbpy_state *st = pbpy_state(module);
    struct pbpy_twisted *t = st->twisted;
    if (n != 2) {
        PyErr_SetString(PyExc_TypeError, "unjellier_unjelly(self, obj)");
        return NULL;
    }
    PyObject *references = NULL;
    PyObject *taster = NULL;
    if (!PyList_CheckExact(args[1])) {
        Py_INCREF(args[1]);
        return args[1];
    }
    if ((PyObject *)Py_TYPE(args[0]) == t->_Unjellier &&
        pbpy_class_is_own(t->_Unjellier, t->unjellier_methods, &t->unjellier_version)) {
        references = PyObject_GetAttr(args[0], st->names.references);
        taster = PyObject_GetAttr(args[0], st->names.taster);
        PyErr_Clear();
    }
    PyObject *object = NULL;
    if (taster && references && PyDict_CheckExact(references)) {
        struct unjellier u = {
            .st = st, .self = args[0], .taster = taster, .references = references};
        Py_INCREF(args[0]);
        references = NULL;
        object = run(&u, args[1]);
        finish(&u);
    } else {
        object = PyObject_Vectorcall(t->unjellier_unjelly, args, 2, NULL);
    }
    Py_XDECREF(references);
    Py_XDECREF(taster);
    return object;
}
