/* SPDX-License-Identifier: MIT
 *
 * jelly.unjelly and _Unjellier.unjelly: expressions to objects. Built-in types are done
 * here, with a stack of open expressions. Any other expression is left to Twisted's own
 * function, with an _Unjellier that shares its table of references with this code. An
 * object that is not known yet is represented by a NotKnown of Twisted's. */
#include "accelerate/twisted.h"

/* An expression that is being unjellied. Python code may change the list meanwhile, so
 * what is read is a copy of it, as in Twisted; of a pair in a dict, both parts are taken
 * at once. */
struct unjellier_level {
    PyObject *sexp; /* a list of its own: the elements after the head */
    PyObject
        *object;     /* the list or dict that is made of it; of a reference: its number */
    PyObject *value; /* of a dict: the expression of a value, until it is its turn */
    PyObject *key;   /* of a dict: the key, until its value is there */
    PyObject *both;  /* of a dict: Twisted's object for a pair that is not known yet */
    Py_ssize_t next; /* in sexp */
    enum pbpy_atom
        kind;     /* PBPY_LIST, _TUPLE, _SET, _FROZENSET, _DICTIONARY, _REFERENCE */
    bool filled;  /* object has its final length, with ints for elements to come */
    bool unknown; /* some element is not known yet */
};

struct unjellier {
    struct pbpy_state *st;
    PyObject *self; /* the _Unjellier; NULL until Twisted's code needs one */
    PyObject *taster, *load, *invoker;
    PyObject *references; /* the table, which self shares; NULL while there is none */
    enum pbpy_taster judge;
    PyObject *types;               /* the taster's allowedTypes */
    PyObject *classes, *factories; /* the registries */
    /* Bits of atoms: which were looked up, and which of these C may read. Both are 0
     * after Python code ran. */
    unsigned known, own;
    struct unjellier_level *levels;
    size_t depth, cap;
    size_t frames;
};

/* The Python frames that Twisted has for a level. */
static unsigned unjellier_frames(enum pbpy_atom kind)
{
    return kind == PBPY_REFERENCE                       ? 2
           : kind == PBPY_SET || kind == PBPY_FROZENSET ? 4
                                                        : 3;
}

/* The outcome of visiting an expression: an exception is set; it is open now; its object
 * is made. */
enum unjellied { UNJELLY_FAILED = -1, UNJELLY_OPENED, UNJELLY_MADE };

/* ---- What a service may have changed ---- */

/* Python code may have run: what is registered and allowed has to be looked up again. */
static void unjellier_python_ran(struct unjellier *u)
{
    u->known = u->own = 0;
    Py_CLEAR(u->types);
    Py_CLEAR(u->classes);
    Py_CLEAR(u->factories);
}

/* Looks up the registries and what the taster allows. Whether C can use them. */
static bool unjellier_look_up(struct unjellier *u)
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

/* Whether C may read expressions that begin with an atom: the type is allowed, as far as
 * that is known without a call of Python, and no class or factory is registered for
 * it. */
static bool unjellier_may_read(struct unjellier *u, enum pbpy_atom atom)
{
    unsigned bit = 1u << atom;
    if (!(u->known & bit)) {
        PyObject *word = u->st->atoms[atom];
        if (!u->classes && !unjellier_look_up(u)) {
            unjellier_python_ran(u);
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

/* Calls isTypeAllowed if a service has replaced it. False with an exception set. */
static bool unjellier_allows(struct unjellier *u, PyObject *word)
{
    if (u->judge != PBPY_TASTER_OWN) {
        return true;
    }
    PyObject *answer =
        PyObject_CallMethodOneArg(u->taster, u->st->names.isTypeAllowed, word);
    int yes = answer ? PyObject_IsTrue(answer) : -1;
    Py_XDECREF(answer);
    unjellier_python_ran(u);
    if (yes == 0) {
        PyErr_SetObject(u->st->twisted->InsecureJelly, word);
    }
    return yes > 0;
}

/* ---- What Python does ---- */

/* Makes the _Unjellier and its table of references, if there is none. */
static int unjellier_make_references(struct unjellier *u)
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

/* Calls Twisted's own function for an expression. */
static PyObject *unjellier_call_twisted(struct unjellier *u, PyObject *sexp)
{
    if (unjellier_make_references(u) != 0) {
        return NULL;
    }
    PyObject *object = PyObject_CallFunctionObjArgs(u->st->twisted->unjellier_unjelly,
                                                    u->self, sexp, NULL);
    unjellier_python_ran(u);
    return object;
}

/* Whether an object is a NotKnown; negative with an exception set. */
static int unjellier_is_unknown(struct unjellier *u, PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    if (type == &PyUnicode_Type || type == &PyBytes_Type || type == &PyLong_Type ||
        type == &PyDict_Type || type == &PyList_Type || type == &PyTuple_Type ||
        type == &PyFloat_Type || type == &PyBool_Type || object == Py_None) {
        return 0;
    }
    return PyObject_IsInstance(object, u->st->twisted->NotKnown);
}

/* unknown.addDependant(on, at): it will be replaced there as soon as it is known. */
static int unknown_add_dependant(struct unjellier *u, PyObject *unknown, PyObject *on,
                                 Py_ssize_t at)
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

static enum unjellied unjellier_open(struct unjellier *u, PyObject *sexp,
                                     enum pbpy_atom kind, PyObject **out)
{
    *out = NULL;
    if (!pbpy_reserve((void **)&u->levels, u->depth, &u->cap, sizeof *u->levels) ||
        pbpy_frames_enter(unjellier_frames(kind), 1, u->frames) != 0) {
        return UNJELLY_FAILED;
    }
    u->frames += unjellier_frames(kind);
    struct unjellier_level *top = &u->levels[u->depth++];
    *top = (struct unjellier_level){.kind = kind,
                                    .sexp = PyList_GetSlice(sexp, 1, PY_SSIZE_T_MAX)};
    if (!top->sexp) {
        return UNJELLY_FAILED;
    }
    if (kind == PBPY_DICTIONARY) {
        top->object = PyDict_New();
    } else if (kind == PBPY_REFERENCE) {
        top->object = Py_NewRef(PyList_GET_ITEM(top->sexp, 0));
        top->next = 1;
    } else {
        top->object = PyList_New(PyList_GET_SIZE(top->sexp));
        if (top->object) {
            Py_SET_SIZE(top->object, 0); /* room, but nothing that is not there yet */
        }
    }
    return top->object ? UNJELLY_OPENED : UNJELLY_FAILED;
}

static void unjellier_close(struct unjellier *u)
{
    struct unjellier_level *top = &u->levels[--u->depth];
    pbpy_frames_leave(unjellier_frames(top->kind));
    u->frames -= unjellier_frames(top->kind);
    Py_XDECREF(top->sexp);
    Py_XDECREF(top->object);
    Py_XDECREF(top->value);
    Py_XDECREF(top->key);
    Py_XDECREF(top->both);
}

/* Whether every element after the head is a pair in a list. */
static bool sexp_has_pairs(PyObject *sexp)
{
    for (Py_ssize_t i = 1; i < PyList_GET_SIZE(sexp); i++) {
        PyObject *pair = PyList_GET_ITEM(sexp, i);
        if (!PyList_CheckExact(pair) || PyList_GET_SIZE(pair) != 2) {
            return false;
        }
    }
    return true;
}

/* Whether Twisted would read an expression without raising an exception. */
static bool sexp_is_regular(PyObject *sexp, enum pbpy_atom atom)
{
    PyObject *first = PyList_GET_SIZE(sexp) > 1 ? PyList_GET_ITEM(sexp, 1) : NULL;
    switch (atom) {
    case PBPY_UNICODE:
        return first && PyBytes_CheckExact(first);
    case PBPY_BOOLEAN:
        return first && (pbpy_is_bytes(first, "true") || pbpy_is_bytes(first, "false"));
    case PBPY_DICTIONARY:
        return sexp_has_pairs(sexp);
    case PBPY_REFERENCE:
        return PyList_GET_SIZE(sexp) > 2 && PyLong_CheckExact(first);
    case PBPY_DEREFERENCE:
        return first && PyLong_CheckExact(first);
    default:
        return true;
    }
}

/* The object of a dereference, *new*. */
static PyObject *unjellier_dereference(struct unjellier *u, PyObject *number)
{
    if (unjellier_make_references(u) != 0) {
        return NULL;
    }
    PyObject *object = PyDict_GetItemWithError(u->references, number);
    if (object && object != Py_None) {
        Py_INCREF(object);
        return object;
    }
    if (PyErr_Occurred()) {
        return NULL;
    }
    object = PyObject_CallOneArg(u->st->twisted->_Dereference, number);
    if (object && PyDict_SetItem(u->references, number, object) != 0) {
        Py_CLEAR(object);
    }
    return object;
}

/* The object of an expression that is not to be opened, *new*. */
static PyObject *unjellier_leaf(struct unjellier *u, PyObject *sexp, enum pbpy_atom atom)
{
    PyObject *first = PyList_GET_SIZE(sexp) > 1 ? PyList_GET_ITEM(sexp, 1) : NULL;
    switch (atom) {
    case PBPY_UNICODE:
        return PyUnicode_DecodeUTF8(PyBytes_AS_STRING(first), PyBytes_GET_SIZE(first),
                                    "strict");
    case PBPY_BOOLEAN:
        return PyBool_FromLong(PyBytes_AS_STRING(first)[0] == 't');
    case PBPY_DEREFERENCE: {
        Py_INCREF(first);
        PyObject *object = unjellier_dereference(u, first);
        Py_DECREF(first);
        return object;
    }
    default:
        Py_RETURN_NONE;
    }
}

/* Calls the method of Twisted's for an expression whose type is allowed, and that became
 * one which C does not read while the taster ran. */
static PyObject *unjellier_call_method(struct unjellier *u, PyObject *sexp,
                                       enum pbpy_atom atom)
{
    PyObject *rest = PyList_GetSlice(sexp, 1, PY_SSIZE_T_MAX);
    PyObject *object = NULL;
    if (rest && unjellier_make_references(u) == 0) {
        char name[32];
        PyOS_snprintf(name, sizeof name, "_unjelly_%s",
                      PyBytes_AS_STRING(u->st->atoms[atom]));
        object = PyObject_CallMethod(u->self, name, "O", rest);
    }
    Py_XDECREF(rest);
    unjellier_python_ran(u);
    return object;
}

/* Reads an expression whose type is allowed. */
static enum unjellied unjellier_read(struct unjellier *u, PyObject *sexp,
                                     enum pbpy_atom atom, PyObject **out)
{
    switch (atom) {
    case PBPY_LIST:
    case PBPY_TUPLE:
    case PBPY_SET:
    case PBPY_FROZENSET:
    case PBPY_DICTIONARY:
    case PBPY_REFERENCE:
        return unjellier_open(u, sexp, atom, out);
    default:
        *out = unjellier_leaf(u, sexp, atom);
        return *out ? UNJELLY_MADE : UNJELLY_FAILED;
    }
}

static enum unjellied unjellier_visit(struct unjellier *u, PyObject *sexp, PyObject **out)
{
    if (!PyList_CheckExact(sexp)) {
        Py_INCREF(sexp);
        *out = sexp;
        return UNJELLY_MADE;
    }
    PyObject *head = PyList_GET_SIZE(sexp) > 0 ? PyList_GET_ITEM(sexp, 0) : NULL;
    enum pbpy_atom atom =
        head && PyBytes_CheckExact(head)
            ? pbpy_atom_find(PyBytes_AS_STRING(head), (size_t)PyBytes_GET_SIZE(head))
            : PBPY_ATOM_END;
    /* To look at a taster may run Python code, and to ask it does: the list may be
     * another one afterwards. */
    if (atom == PBPY_ATOM_END || !unjellier_may_read(u, atom) ||
        !sexp_is_regular(sexp, atom)) {
        *out = unjellier_call_twisted(u, sexp);
    } else if (u->judge != PBPY_TASTER_OWN) {
        return unjellier_read(u, sexp, atom, out);
    } else if (!unjellier_allows(u, u->st->atoms[atom])) {
        *out = NULL;
    } else if (!unjellier_may_read(u, atom)) {
        *out = unjellier_call_twisted(u, sexp); /* a class was registered for it */
    } else if (sexp_is_regular(sexp, atom)) {
        return unjellier_read(u, sexp, atom, out);
    } else {
        *out = unjellier_call_method(u, sexp, atom);
    }
    return *out ? UNJELLY_MADE : UNJELLY_FAILED;
}

/* ---- Elements ---- */

/* Gives a list its final length, which Twisted's has from the beginning. */
static int unjellier_level_fill(struct unjellier_level *top)
{
    Py_ssize_t n = PyList_GET_SIZE(top->sexp);
    for (Py_ssize_t i = PyList_GET_SIZE(top->object); !top->filled && i < n; i++) {
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

/* As unjellyInto, for an element of a list, tuple or set; takes the object. */
static int unjellier_put_element(struct unjellier *u, struct unjellier_level *top,
                                 PyObject *object)
{
    Py_ssize_t at = top->next - 1;
    int unknown = unjellier_is_unknown(u, object);
    if (unknown < 0) {
        Py_DECREF(object);
        return -1;
    }
    if (unknown) {
        top->unknown = true;
        if (unjellier_level_fill(top) != 0 ||
            unknown_add_dependant(u, object, top->object, at) != 0) {
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

/* Puts a key or value into a _DictKeyAndValue, which waits for what is not known yet. */
static int unjellier_put_unknown(struct unjellier *u, struct unjellier_level *top,
                                 PyObject *object, bool is_value, bool unknown)
{
    if (!top->both) {
        top->both = PyObject_CallOneArg(u->st->twisted->_DictKeyAndValue, top->object);
        if (!top->both || (top->key && PySequence_SetItem(top->both, 0, top->key) != 0)) {
            return -1;
        }
    }
    if (unknown && unknown_add_dependant(u, object, top->both, is_value) != 0) {
        return -1;
    }
    return PySequence_SetItem(top->both, is_value, object);
}

/* As unjellyInto, for a key or value; takes the object. */
static int unjellier_put_in_dict(struct unjellier *u, struct unjellier_level *top,
                                 PyObject *object)
{
    int unknown = unjellier_is_unknown(u, object);
    int failed = unknown < 0;
    bool is_value = top->key || top->both;
    if (!failed && (unknown || top->both)) {
        failed = unjellier_put_unknown(u, top, object, is_value, unknown);
    } else if (!failed && is_value) {
        failed = PyDict_SetItem(top->object, top->key, object);
    }
    if (is_value) {
        Py_CLEAR(top->key);
        Py_CLEAR(top->both);
    } else if (!failed && !top->both) {
        top->key = object;
        return 0;
    }
    Py_DECREF(object);
    return failed;
}

/* As _unjelly_reference: the object of a number is known now. Takes the object and
 * returns it; NULL with an exception set. */
static PyObject *unjellier_resolve(struct unjellier *u, PyObject *number,
                                   PyObject *object)
{
    PyObject *before = NULL;
    int known = unjellier_make_references(u);
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
        unjellier_python_ran(u);
    }
    Py_XDECREF(before);
    if (failed || PyDict_SetItem(u->references, number, object) != 0) {
        Py_CLEAR(object);
    }
    return object;
}

/* The object of a level that is complete, *new*. */
static PyObject *unjellier_complete(struct unjellier *u, struct unjellier_level *top)
{
    const struct pbpy_twisted *t = u->st->twisted;
    PyObject *list = top->object;
    switch (top->kind) {
    case PBPY_TUPLE:
        return top->unknown ? PyObject_CallOneArg(t->_Tuple, list) : PyList_AsTuple(list);
    case PBPY_SET:
    case PBPY_FROZENSET: {
        PyObject *type =
            (PyObject *)(top->kind == PBPY_SET ? &PySet_Type : &PyFrozenSet_Type);
        return top->unknown
                   ? PyObject_CallFunctionObjArgs(t->_Container, list, type, NULL)
                   : PyObject_CallOneArg(type, list);
    }
    default:
        Py_INCREF(list);
        return list;
    }
}

/* Takes both parts of a pair in a dict, *new*; neither, with the exception that Python
 * raises, of what is no pair. */
static void pair_unpack(PyObject *pair, PyObject **key, PyObject **value)
{
    if (PyList_CheckExact(pair) && PyList_GET_SIZE(pair) == 2) {
        *key = Py_NewRef(PyList_GET_ITEM(pair, 0));
        *value = Py_NewRef(PyList_GET_ITEM(pair, 1));
        return;
    }
    PyObject *parts = PySequence_Tuple(pair);
    Py_ssize_t n = parts ? PyTuple_GET_SIZE(parts) : 0;
    if (n == 2) {
        *key = Py_NewRef(PyTuple_GET_ITEM(parts, 0));
        *value = Py_NewRef(PyTuple_GET_ITEM(parts, 1));
    } else if (parts && n < 2) {
        PyErr_Format(PyExc_ValueError,
                     "not enough values to unpack (expected 2, got %zd)", n);
    } else if (parts) {
        PyErr_SetString(PyExc_ValueError, "too many values to unpack (expected 2)");
    } else if (PyErr_ExceptionMatches(PyExc_TypeError)) {
        PyErr_Format(PyExc_TypeError, "cannot unpack non-iterable %s object",
                     Py_TYPE(pair)->tp_name);
    }
    Py_XDECREF(parts);
}

/* The next element of an expression, *new*; NULL at the end, or with an exception set. */
static PyObject *unjellier_level_next(struct unjellier_level *top)
{
    PyObject *element = top->value;
    if (element) {
        top->value = NULL;
        return element;
    }
    if (top->next >= PyList_GET_SIZE(top->sexp)) {
        return NULL;
    }
    element = PyList_GET_ITEM(top->sexp, top->next++);
    if (top->kind != PBPY_DICTIONARY) {
        return Py_NewRef(element);
    }
    PyObject *key = NULL;
    pair_unpack(element, &key, &top->value);
    return key;
}

static PyObject *unjellier_run(struct unjellier *u, PyObject *sexp)
{
    PyObject *made;
    enum unjellied outcome = unjellier_visit(u, sexp, &made);
    while (outcome != UNJELLY_FAILED) {
        struct unjellier_level *top = u->depth > 0 ? &u->levels[u->depth - 1] : NULL;
        if (outcome == UNJELLY_MADE) {
            if (!top) {
                return made;
            }
            if (top->kind == PBPY_REFERENCE) {
                made = unjellier_resolve(u, top->object, made);
                unjellier_close(u);
                outcome = made ? UNJELLY_MADE : UNJELLY_FAILED;
                continue;
            }
            int failed = top->kind == PBPY_DICTIONARY
                             ? unjellier_put_in_dict(u, top, made)
                             : unjellier_put_element(u, top, made);
            if (failed) {
                break;
            }
        }
        PyObject *element = unjellier_level_next(top);
        if (element) {
            outcome = unjellier_visit(u, element, &made);
            Py_DECREF(element);
        } else if (PyErr_Occurred()) {
            break;
        } else {
            made = unjellier_complete(u, top);
            unjellier_close(u);
            outcome = made ? UNJELLY_MADE : UNJELLY_FAILED;
        }
    }
    while (u->depth > 0) {
        unjellier_close(u);
    }
    return NULL;
}

static void unjellier_fini(struct unjellier *u)
{
    unjellier_python_ran(u);
    PyMem_Free(u->levels);
    Py_XDECREF(u->references);
    Py_XDECREF(u->self);
}

/* Calls the postCallbacks, as unjellyFull does at its end. */
static int unjellier_call_back(struct unjellier *u)
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
    if (!pbpy_check_arguments(n, 4, "unjelly(sexp, taster, load, invoker)")) {
        return NULL;
    }
    if (PyDict_GetItemWithError(t->jelly_globals, st->names._Unjellier) !=
            t->_Unjellier ||
        !pbpy_class_is_own(t->_Unjellier, t->unjellier_methods, &t->unjellier_version)) {
        pbpy_count_in_python(st, PBPY_UNJELLY_CALL, PBPY_LEFT_CHANGED);
        return PyObject_Vectorcall(t->unjelly, args, 4, NULL);
    }
    pbpy_count_in_c(st, PBPY_UNJELLY_CALL);
    struct unjellier u = {
        .st = st, .taster = args[1], .load = args[2], .invoker = args[3]};
    PyObject *object = unjellier_run(&u, args[0]);
    if (object && u.self && unjellier_call_back(&u) != 0) {
        Py_CLEAR(object);
    }
    unjellier_fini(&u);
    return object;
}

PyObject *pbpy_unjellier_unjelly(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    struct pbpy_state *st = pbpy_state(module);
    struct pbpy_twisted *t = st->twisted;
    if (!pbpy_check_arguments(n, 2, "unjellier_unjelly(self, obj)")) {
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
        pbpy_count_in_c(st, PBPY_UNJELLIER_UNJELLY_CALL);
        struct unjellier u = {
            .st = st, .self = args[0], .taster = taster, .references = references};
        Py_INCREF(args[0]);
        references = NULL;
        object = unjellier_run(&u, args[1]);
        unjellier_fini(&u);
    } else {
        pbpy_count_in_python(st, PBPY_UNJELLIER_UNJELLY_CALL, PBPY_LEFT_CHANGED);
        object = PyObject_Vectorcall(t->unjellier_unjelly, args, 2, NULL);
    }
    Py_XDECREF(references);
    Py_XDECREF(taster);
    return object;
}
